"""ST668 and ST669: comments that ignore a code."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST668",
        name="unknown-ignore",
        severity="warning",
        summary="A comment ignores a code that there is not, or none at all.",
        what=(
            "`# seqtopo: ignore[ST621] reason` switches one rule off at one place, by its code or by its "
            "name. This comment begins so, but what it names is no code."
        ),
        why=(
            "Whoever wrote it believes that something is silenced here, and it is not. Most often it is a "
            "slip of the pen, and the message says which code is near."
        ),
        example="in(3,1) -> lstm(8) -> dense(1)  # seqtopo: ignore[ST699] a baseline",
        instead="in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[ST621] a baseline",
    ),
    Code(
        code="ST669",
        name="unused-ignore",
        severity="warning",
        summary="A comment ignores a code that is not found at its place.",
        what=(
            "The comment names a code that is known and on, but there is nothing with that code on its line "
            "or in its statement. Errors count as well: a comment cannot silence them."
        ),
        why=(
            "What it once excused has been mended, or has moved elsewhere. Left where it is, it would hide "
            "the next mistake of that kind."
        ),
        example="in(3,1) -> lstm(8) -> dense(1,sigmoid)  # seqtopo: ignore[ST621] a baseline",
        instead="in(3,1) -> lstm(8) -> dense(1,sigmoid)",
    ),
)
