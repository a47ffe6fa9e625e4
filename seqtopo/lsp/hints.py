"""Show shapes in the text: behind each arrow of a spec, behind each layer of Keras code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, zip_longest

from lsprotocol import types

from seqtopo.graph.graph import Graph, Node
from seqtopo.lsp.documents import Code, Document
from seqtopo.lsp.facts import nodes_of, several, shape_words, shapes_text
from seqtopo.source import Span
from seqtopo.syntax import tree

_MOST_HINTS = 2_000


def inlay_hints(document: Document, range: types.Range) -> list[types.InlayHint]:
    """Return the shapes to be shown in a range."""
    span = document.text.span(range)
    code = document.code
    found = _in_code(document, code) if code is not None else _in_spec(document)
    shown = (one for one in found if span.start <= one[0] <= span.end)
    return [
        types.InlayHint(document.text.position(at), shape, types.InlayHintKind.Type, padding_left=True)
        for at, shape in islice(shown, _MOST_HINTS)
    ]


def _in_spec(document: Document) -> Iterator[tuple[int, str]]:
    """Yield the shapes behind arrows and at the ends of flows, and where they are shown."""
    spec = document.spec
    graph, nodes = nodes_of(document)
    if spec is None or graph is None:
        return
    incoming: dict[int, list[str]] = {}
    gone: dict[int, list[str]] = {}
    for span, node in nodes:
        if node.layer is not None and graph.tensors(node.inputs) is not None:
            incoming.setdefault(span.start, []).append(_comes(graph, node))
        if node.outputs is not None:
            gone.setdefault(span.end, []).append(shapes_text(node.outputs))
    tokens = [t for t in spec.reading.tokens if t.type not in ("NEWLINE", "COMMENT")]
    ends = _ends(spec.reading.spec)
    before = None
    for token, after in zip_longest(tokens, tokens[1:]):
        if token.type == "ARROW":
            shapes = incoming.get(after.start) if after is not None else None
            if shapes is None and before is not None:
                shapes = gone.get(before.end)
            if shapes:
                yield token.end, several(shapes)
        elif token.end in ends and token.end in gone:
            yield token.end, several(gone[token.end])
        before = token


def _comes(graph: Graph, node: Node) -> str:
    return several([shapes_text(graph.tensors((value,))) for value in node.inputs])


def _ends(spec: tree.Spec | None) -> set[int]:
    """Return the offsets where the last steps of flows end."""
    return {
        _bare(node.steps[-1]).span.end
        for node in (tree.every(spec) if spec is not None else ())
        if isinstance(node, tree.Flow)
    }


def _bare(step: tree.Expr) -> tree.Expr:
    while isinstance(step, tree.As):
        step = step.body
    return step


def _in_code(document: Document, code: Code) -> Iterator[tuple[int, str]]:
    """Yield the shapes behind the layers of Keras code.

    Those that differ for a layer called several times.
    """
    gives: dict[Span, list[str]] = {}
    for model in code.checked.models:
        if model.text is None or model.place.source is not code.file.source:
            continue
        for line in model.report.shapes:
            if line.layer != "Input" and line.outputs:
                gives.setdefault(line.span, []).append(shape_words(line.outputs))
    for span, shapes in gives.items():
        place = document.place(span)
        if place is not None and place.document is document:
            yield place.span.end, several(shapes)
