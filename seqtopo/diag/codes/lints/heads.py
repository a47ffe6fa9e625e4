"""ST62x: heads and losses."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST621",
        name="softmax-over-one",
        severity="warning",
        summary="A softmax over one number is always 1.0.",
        what=(
            "Softmax divides each number by the sum of all of them, so that they add up to 1. Where there is "
            "only one number, it is 1.0 whatever comes in. The layer gives a constant."
        ),
        why=(
            "Such a model builds and trains, and its output never changes. For one binary answer `sigmoid` "
            "is meant; for weights over the time steps, a softmax along time."
        ),
        example="in(3,1) -> lstm(8) -> dense(1,softmax)",
        instead="in(3,1) -> lstm(8) -> dense(1,sigmoid)",
    ),
)
