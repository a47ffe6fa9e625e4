"""List the models that a spec makes, and what they still need: numbers for symbols, a size within bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from seqtopo.diag.model import Diagnostic, Label
from seqtopo.graph import counting
from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.graph.outside import how_to_bind
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.scope import Named
from seqtopo.graph.symbols import free_names, names_in
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr, Size, symbols
from seqtopo.source import Span
from seqtopo.syntax import tree

MAX_PARAMS = 2_000_000_000
"""The most parameters that a model may have by default: 8 GB in float32."""


def unbound(graph: Graph, spec: tree.Spec) -> list[Diagnostic]:
    """Return one diagnostic for each symbol that needs a number before Keras can build the graph."""
    return [_diagnostic(name, node, what, spec) for name, (node, what) in wanted(graph).items()]


def wanted(graph: Graph) -> dict[str, tuple[Node, str]]:
    """Return the symbols that need a number before Keras can build the graph, each with the node that needs
    it and the reason.
    """
    found: dict[str, tuple[Node, str]] = {}
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        for size, what in _needs(graph, node):
            for name in sorted(symbols(size)):
                if name not in found:
                    found[name] = (node, what.format(layer=node.layer.title if node.layer else ""))
    return found


def unbound_names(graph: Graph | None, spec: tree.Spec | None, dims: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names that must be bound before Keras can build a spec, in the order of the text.

    Where there is no graph, since something is wrong, these are all that stand for more than a size of an
    input. ``dims`` are bound from outside.
    """
    if graph is not None:
        return tuple(wanted(graph))
    if spec is None:
        return ()
    shapes = [n for n in tree.every(spec) if isinstance(n, tree.Call) and n.name.name in ("in", "is")]
    sizes = {name for shape in shapes for name in names_in(shape)}
    names = dict.fromkeys(name.name for name in free_names(spec))
    return tuple(name for name in names if name not in sizes and name not in dims)


def _diagnostic(name: str, node: Node, what: str, spec: tree.Spec) -> Diagnostic:
    place = _first(name, spec) or node.span
    labels = () if place == node.span else (Label(node.span, f"needs it: {what}"),)
    return Diagnostic(
        "ST401",
        f"{name} needs a number before this can be built: {what}",
        place,
        label="not bound",
        labels=labels,
        help=how_to_bind(name, "64"),
    )


def _needs(graph: Graph, node: Node) -> Iterator[tuple[Size, str]]:
    """Yield the sizes of a call that must be numbers, with reasons; ``{layer}`` is the layer's title."""
    if node.layer is None:
        if isinstance(node.batch, Expr):
            yield node.batch, "a fixed batch is a number"
        return
    layer = node.layer
    for weight in graph.weights.get(layer, ()):
        for size in weight.shape:
            if isinstance(size, Expr):
                yield size, "{layer} has weights of that size"
    for size in graph.needs.get(layer, ()):
        yield size, "{layer} needs to know it"
    yield from _arguments(graph, layer)


def _arguments(graph: Graph, layer: Layer) -> Iterator[tuple[Size, str]]:
    for name, value in layer.args.items():
        if isinstance(value, Layer):
            yield from _arguments(graph, value)
        elif isinstance(value, SubModel):
            for node in value.graph.nodes:
                if node.layer is not None:
                    yield from _arguments(value.graph, node.layer)
        else:
            sizes = value if isinstance(value, tuple) else (value,)
            open_sizes = [s for s in sizes if isinstance(s, Expr)]
            if layer.row.name == "repeat" and _named_by_input(graph, open_sizes):
                continue
            if layer.row.name == "reshape" and len(open_sizes) == 1:
                continue
            for size in open_sizes:
                yield size, f"{layer.row.name}'s {name} is a number to Keras"


def _named_by_input(graph: Graph, sizes: list[Expr]) -> bool:
    lengths = {s for i in graph.inputs for s in (graph.nodes[i].outputs or ())[0].shape}
    return bool(sizes) and all(s in lengths for s in sizes)


def _first(name: str, spec: tree.Spec) -> Span | None:
    """Return the span at which a symbol is written first; None if it is written nowhere."""
    todo: list[object] = list(reversed(spec.statements))
    while todo:
        here = todo.pop()
        if isinstance(here, tree.Name):
            if here.name == name:
                return here.span
        elif isinstance(here, tree.Node):
            todo.extend(getattr(here, f) for f in reversed(here.__match_args__))
        elif isinstance(here, tuple):
            todo.extend(reversed(here))
    return None


def too_large(graph: Graph, most: int) -> list[Diagnostic]:
    """Return a diagnostic where there are more parameters than may be built."""
    count = counting.params(graph)
    if not isinstance(count, int) or count <= most:
        return []
    layers = graph.layers(graph.outputs)
    sizes = {la: counting.count(graph.weights.get(la, ())) for la in layers}
    largest = max(layers, key=lambda la: size if isinstance(size := sizes[la], int) else 0)
    span = next(n.span for n in graph.nodes if n.layer is largest)
    return [
        Diagnostic(
            "ST403",
            f"the model would have {count:,} parameters, {_memory(count)} in float32; the limit is {most:,}",
            span,
            label=f"{largest.title} alone has {sizes[largest]:,}",
            help=f"make it smaller, or raise the limit: --max-params {count}",
        )
    ]


def _memory(count: int) -> str:
    size = count * 4
    return (
        f"{size / 1e9:,.1f} GB"
        if size >= 1e9
        else f"{size / 1e6:,.1f} MB"
        if size >= 1e5
        else f"{size:,} bytes"
    )


def parts_of(resolved: Resolved) -> list[str]:
    """Return the names of the models in a spec, without that of the last flow."""
    return [name for name in resolved.parts if ends_of(resolved, name)[0] and not _is_input(resolved, name)]


def ends_of(resolved: Resolved, name: str) -> tuple[list[Value], tuple[Value, ...]]:
    """Return the inputs and outputs of a named model; for a block, those of its first use.

    Raises:
        KeyError: the spec has no model of that name; lists those that it has.
    """
    if name not in resolved.parts:
        known = ", ".join(sorted({*parts_of(resolved), resolved.graph.name}))
        raise KeyError(f"the spec has no part {name}; its parts are {known}")
    bound = resolved.parts[name]
    graph = resolved.graph
    if isinstance(bound, Named):
        return [Value(i) for i in graph.sources(bound.values)], bound.values
    use = next((u for u in bound.uses if u.graph is graph), None)
    return (list(use.incoming), use.values) if use is not None else ([], ())


def _is_input(resolved: Resolved, name: str) -> bool:
    bound = resolved.parts[name]
    graph = resolved.graph
    return isinstance(bound, Named) and all(graph.nodes[v.node].layer is None for v in bound.values)
