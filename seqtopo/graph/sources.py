"""Where in the text the nodes of a graph stand: their steps, and the flows around them."""

from __future__ import annotations

from seqtopo.graph.graph import Node
from seqtopo.source import Span
from seqtopo.syntax import tree


class Sources:
    """Finds the tree node that a graph node was written as, to build fixes on."""

    def __init__(self) -> None:
        self._calls: dict[Span, tree.Expr] = {}
        self._flows: dict[Span, tuple[tree.Flow, int]] = {}
        self.branches: dict[Span, tuple[tree.Branches, int, int]] = {}
        """The loops in lists by their places: their turns, and the values that they gave last."""

    def note(self, expr: tree.Expr) -> None:
        """Remembers a step."""
        self._calls[expr.span] = expr

    def note_flow(self, flow: tree.Flow) -> None:
        """Remembers the steps of a flow by their places; once, however often it is walked."""
        if flow.steps[0].span not in self._flows:
            self._flows.update((step.span, (flow, i)) for i, step in enumerate(flow.steps))

    def note_branches(self, expr: tree.Branches, turns: int, values: int) -> None:
        """Remembers how many turns an item of a list makes, and how many values they give."""
        self.branches[expr.span] = (expr, turns, values)

    def of(self, node: Node) -> tree.Expr | None:
        """The step a node was written as."""
        return self._calls.get(node.span)

    def around(self, span: Span) -> tuple[tree.Flow, int] | None:
        """The flow of which a stretch of text is a whole step, and which of them."""
        return self._flows.get(span)
