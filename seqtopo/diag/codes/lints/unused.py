"""ST66x: what does nothing."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST661",
        name="flatten-of-a-vector",
        severity="info",
        summary="A vector is flattened, which changes nothing.",
        what="Only one axis comes into `flatten`. It hands on the same numbers in the same shape.",
        why=(
            "It does no harm. It says that the reader should expect a sequence here, though, and there is "
            "none: perhaps a pooling or a recurrent layer before it has taken the time steps already."
        ),
        example="in(20,4) -> gmaxpool1d -> flatten -> dense(1)",
        instead="in(20,4) -> gmaxpool1d -> dense(1)",
    ),
)
