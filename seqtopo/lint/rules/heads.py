"""Heads and losses: what the last layers give, and whether a loss can learn from it."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View


@rule("ST621")
def softmax_over_one(view: View) -> Iterator[Finding]:
    """A softmax over an axis of size 1 is 1.0 whatever comes in."""
    for node in view.calls:
        if (
            node.layer is not None
            and node.layer.get("activation") == "softmax"
            and view.out(node).shape[-1:] == (1,)
        ):
            yield Finding(
                node.span,
                f"softmax over one number is always 1.0, and {node.layer.title} gives one number",
                label="always 1.0",
                help="write sigmoid for one binary answer, or softmax(time) for weights of the steps",
            )
