"""Find the names of a spec that are symbols or bound, and give layers their Keras names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seqtopo.graph.graph import Graph
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.sizes import Size, is_open
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import NOWHERE, number, word


def names_in(expr: tree.Expr) -> set[str]:
    """Return every name in a ``let``'s value, except those that say which argument is given."""
    nodes = list(tree.every(expr))
    labels = {id(n.name) for n in nodes if isinstance(n, tree.Argument)}
    return {n.name for n in nodes if isinstance(n, tree.Name) and id(n) not in labels}


def free_names(spec: tree.Spec) -> Iterator[tree.Name]:
    r"""Yield every symbol at a place where nothing in the spec binds it, in the order of the text.

    >>> from seqtopo.source import Source
    >>> from seqtopo.syntax.parse import parse
    >>> spec, _ = parse(Source("def f(K) = conv1d(8,K) -> dense(N)\nlet T = 3\nin(T,F) -> f(W)"))
    >>> [name.name for name in free_names(spec)]
    ['N', 'F', 'W']
    """
    lets = frozenset(bound_names(spec))
    todo: list[tuple[object, frozenset[str]]] = [(s, lets) for s in reversed(spec.statements)]
    while todo:
        here, bound = todo.pop()
        match here:
            case tree.Name():
                if here.is_symbol and here.name not in bound:
                    yield here
            case tree.For():
                todo += [(here.values, bound), (here.body, bound | {t.name for t in here.targets})]
            case tree.Branches():
                inner = bound
                for loop in here.loops:
                    todo.append((loop.values, inner))
                    inner |= {t.name for t in loop.targets}
                todo.append((here.body, inner))
            case tree.Def():
                own = bound | {p.name.name for p in here.params}
                todo.append((here.body, own))
                todo += [(p.default, own) for p in reversed(here.params)]
            case tree.Argument() | tree.Binding():
                todo.append((here.value, bound))
            case tree.Domain():
                todo += [(here.step, bound), (here.values, bound)]
            case tree.As():
                todo.append((here.body, bound))
            case tree.Node():
                parts = [getattr(here, name) for name in reversed(here.__match_args__) if name != "span"]
                todo += [(part, bound) for part in parts]
            case tuple():
                todo += [(part, bound) for part in reversed(here)]


def bound_names(spec: tree.Spec) -> Iterator[str]:
    """Yield every name that a ``let`` binds or a ``search`` searches."""
    for statement in spec.statements:
        if isinstance(statement, tree.Let):
            yield from (binding.name.name for binding in statement.bindings)
        elif isinstance(statement, tree.Search):
            yield from (domain.name.name for domain in statement.domains)


def symbols_of(spec: tree.Spec) -> set[str]:
    """Return every name in a spec that a binding from outside may set: its free symbols, and those of ``let``
    and ``search``.
    """
    return set(bound_names(spec)) | {name.name for name in free_names(spec)}


def ungrouped(expr: tree.Expr) -> tree.Expr:
    """Return an expression without the parentheses around it."""
    while isinstance(expr, tree.Group):
        expr = expr.body
    return expr


def callee_name(expr: tree.Call | tree.Name) -> tree.Name:
    """Return the name that a step calls, with its place in the text."""
    return expr.name if isinstance(expr, tree.Call) else expr


def callee(expr: tree.Call | tree.Name) -> str:
    """Return the name that a step calls, with or without arguments."""
    return callee_name(expr).name


def as_activation(expr: tree.Call | tree.Name) -> tree.Call | tree.Name:
    """Return the activation's layer ``act(name)`` for a bare activation; every other step as it is."""
    if isinstance(expr, tree.Name) and entry_of("activation", expr.name):
        return tree.Call(expr.span, tree.Name(expr.span, "act"), (tree.Argument(expr.span, None, expr),))
    return expr


def renamed(expr: tree.Call | tree.Name, name: str) -> tree.Call | tree.Name:
    """Return a step that calls another name."""
    if isinstance(expr, tree.Call):
        return tree.Call(expr.span, tree.Name(expr.name.span, name), expr.args)
    return tree.Name(expr.span, name)


def size_text(size: Size) -> tree.Expr:
    """Return a size as it is written; an unknown one is ``?``."""
    if isinstance(size, int):
        return number(size)
    return tree.Unknown(NOWHERE) if is_open(size) or not size.is_atom else word(str(size))


def name_layers(graph: Graph, prefixes: Mapping[Layer, str]) -> None:
    """Give every layer and input of the graph a unique name.

    ``as`` and ``name=`` come first. A block of one layer names that layer. Other layers are named after their
    row, behind the binding or macro in which they were written (``prefixes``): ``encoder_lstm``. Names that
    are taken get a number: ``encoder_lstm_1``.
    """
    used: dict[str, int] = {}
    nodes = graph.nodes
    for node in nodes:
        if node.layer is None and node.name:
            node.name = _unique(node.name, used)
    layers = graph.layers()
    _name_outputs(graph, layers)
    for layer in layers:
        if layer.name:
            layer.name = _unique(layer.name, used)
    for layer in layers:
        if not layer.name:
            prefix = prefixes.get(layer)
            base = _default_name(layer)
            layer.name = _unique(f"{prefix}_{base}" if prefix else base, used)
    for node in sorted(nodes, key=lambda n: n.index not in graph.inputs):
        if node.layer is None and node.outputs is not None and not node.name:
            node.name = _unique("input", used)


def _name_outputs(graph: Graph, layers: list[Layer]) -> None:
    """Name the layer behind each named output after the output, if it is called only once."""
    calls: dict[Layer, int] = {}
    for node in graph.nodes:
        if node.layer is not None:
            calls[node.layer] = calls.get(node.layer, 0) + 1
    values = graph.outputs
    for name, value in zip(graph.output_names, values, strict=False):
        layer = graph.nodes[value.node].layer
        if name and layer is not None and not layer.name and calls[layer] == 1 and not value.extra:
            layer.name = name


def _default_name(layer: Layer) -> str:
    """Return the default name of a layer: the row's, or the activation's for a bare activation."""
    activation = layer.args.get("activation")
    return activation if layer.row.name == "act" and isinstance(activation, str) else layer.row.name


def _unique(name: str, used: dict[str, int]) -> str:
    number = used.get(name, 0)
    found = name
    while found in used:
        number += 1
        found = f"{name}_{number}"
    used[name] = number
    used[found] = used.get(found, 0)
    return found
