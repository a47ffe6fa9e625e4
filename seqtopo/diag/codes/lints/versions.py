"""ST683 and ST684: a `for` that makes branches, and one that makes a row where branches are meant."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST683",
        name="for-makes-branches",
        severity="info",
        summary="A `for` in a list makes branches now; it meant a row before.",
        what=(
            "A `for` that stands directly in a list, `[FLOW for K in [3,5,7]]`, makes a branch of the whole "
            "item for each value. Until now it repeated the step before it, in a row. The spec can be read "
            "both ways, so this says for one version which of them holds."
        ),
        why=(
            "Everybody reads `[conv1d(8,K,same) for K in [3,5,7]] -> concat` as three convolutions side by "
            "side. A spec that was written for the row still checks, and is another model. In parentheses a "
            "`for` means a row, in a list as elsewhere."
        ),
        example="in(20,4) -> [id, conv1d(4,3,same) for N in [1,2]] -> concat -> lstm(8)",
        instead="in(20,4) -> [id, (conv1d(4,3,same) for N in [1,2])] -> concat -> lstm(8)",
    ),
    Code(
        code="ST684",
        name="row-before-merge",
        severity="warning",
        summary="A merge takes what a `for` outside a list gives, which is one value.",
        what=(
            "A `for` repeats a step in a row: each copy takes what the one before it gives. What comes out "
            "is the last copy's value, and a merge of one value does nothing."
        ),
        why=(
            "A merge behind a `for` says that branches were meant, one for each value, side by side. They "
            "are written in a list: `[FLOW for K in [3,5]]`."
        ),
        example="in(20,4) -> conv1d(4,K) for K in [3,5] -> concat -> lstm(8)",
        instead="in(20,4) -> [conv1d(4,K) -> gmaxpool1d for K in [3,5]] -> concat",
    ),
)
