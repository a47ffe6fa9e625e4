"""What does nothing: layers without an effect, names and inputs that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View


@rule("ST661")
def flatten_of_a_vector(view: View) -> Iterator[Finding]:
    """A vector is flat already."""
    for node in view.calls:
        if view.is_row(node, "flatten") and len(view.into(node)[0].shape) == 1:
            yield Finding(
                node.span,
                f"flatten does nothing here: what comes in is a vector already, {view.into(node)[0]}",
                label="no effect",
                help="leave it out",
            )
