"""Propose edits of the text, made on the tree: one step more, one step less, another step."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from seqtopo.diag.model import Edit
from seqtopo.graph.graph import Node, Sources
from seqtopo.graph.symbols import size_text
from seqtopo.layers.sizes import Expr, Size
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import call


def step(span: Span, name: str, *args: Size | str | tree.Expr) -> tree.Expr:
    """Return a step to put into a tree: ``step(span, "crop", 0, 1)``; a str is a name or a flag.

    >>> print_expr(step(Span(0, 0), "crop", 0, 1)), print_expr(step(Span(0, 0), "flip"))
    ('crop(0,1)', 'flip')
    >>> from seqtopo.layers.sizes import symbol
    >>> print_expr(step(Span(0, 0), "dense", symbol("N"), "softmax"))
    'dense(N,softmax)'
    """
    if not args:
        return tree.Name(span, name)
    written = (size_text(arg) if isinstance(arg, Expr) else arg for arg in args)
    return replace(call(name, *written), span=span)


class _Places:
    """The calls and steps of a spec by their spans, and the spans that an added arrow would break."""

    def __init__(self, spec: tree.Spec) -> None:
        self.calls: dict[Span, tree.Call] = {}
        self.steps: dict[Span, tuple[tree.Flow, int]] = {}
        self.tight: set[Span] = set()
        for node in tree.every(spec):
            if isinstance(node, tree.Call):
                self.calls[node.span] = node
            elif isinstance(node, tree.Flow):
                self.steps.update({s.span: (node, i) for i, s in enumerate(node.steps)})
            elif isinstance(node, tree.Arithmetic):
                self.tight.update({node.first.span, *(operand.span for _, operand in node.rest)})
            elif isinstance(node, tree.For):
                self.tight.add(node.body.span)


class Edits:
    """Edits at the steps of a spec."""

    def __init__(self, spec: tree.Spec, sources: Sources) -> None:
        self._spec = spec
        self._sources = sources

    @cached_property
    def _places(self) -> _Places:
        # Walking the whole tree takes time, and most specs need no edit.
        return _Places(self._spec)

    def call(self, node: Node) -> tree.Call | None:
        """Return the call that stands at a node's place, an ``in(...)`` too; None where a bare name does."""
        found = self.written(node)
        return found if isinstance(found, tree.Call) else None

    def written(self, node: Node) -> tree.Expr | None:
        """Return the step that a node was written as, or the ``in(...)`` that it is."""
        return self._sources.of(node) or self._places.calls.get(node.span)

    def before_it(self, node: Node) -> tree.Expr | None:
        """Return the step in front of a node's in its flow; None where that is the first, or stands alone."""
        here = self.written(node)
        flow, i = self._places.steps.get(here.span, (None, 0)) if here is not None else (None, 0)
        return flow.steps[i - 1] if flow is not None and i > 0 else None

    def after(self, node: Node, *steps: tree.Expr) -> Edit | None:
        """Put steps behind a node's."""
        here = self.written(node)
        return None if here is None else self._put(here, (here, *steps))

    def insert_before(self, node: Node, *steps: tree.Expr) -> Edit | None:
        """Put steps in front of a node's."""
        here = self.written(node)
        return None if here is None else self._put(here, (*steps, here))

    def replace(self, node: Node, *steps: tree.Expr) -> Edit | None:
        """Put steps in the place of a node's."""
        here = self.written(node)
        return None if here is None else self._put(here, steps)

    def drop(self, node: Node) -> Edit | None:
        """Take a node's step out of its flow; ``id`` stays where it was alone."""
        here = self.written(node)
        if here is None:
            return None
        if here.span not in self._places.steps:
            return Edit(here.span, "id")
        flow, i = self._places.steps[here.span]
        if i > 0:
            return Edit(Span(flow.steps[i - 1].span.end, here.span.end), "")
        return Edit(Span(here.span.start, flow.steps[1].span.start), "")

    def _put(self, here: tree.Expr, steps: tuple[tree.Expr, ...]) -> Edit:
        if len(steps) == 1:
            return Edit(here.span, print_expr(steps[0]))
        flow = tree.Flow(here.span, steps)
        # Behind a '*' or before a 'for' an arrow would end the step.
        grouped = here.span in self._places.tight
        return Edit(here.span, print_expr(tree.Group(here.span, flow) if grouped else flow))
