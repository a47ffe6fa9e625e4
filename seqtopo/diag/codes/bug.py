"""ST9xx: our own bug."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST901",
        name="internal",
        summary="Something went wrong inside seqtopo; please report it.",
        what=(
            "This is a mistake in seqtopo and not in your spec. The notes say where it happened. Please "
            "report it with the spec that brought it about, as small as you can make it."
        ),
        why=(
            "Every text should end in a model or in a message that helps. Here neither was reached, and we "
            "would like to repair that."
        ),
        reason="If we knew a spec that does this, we would have repaired it.",
    ),
)
