"""Check ids against the embeddings that look them up: too large, negative, or of another input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqtopo.data.samples import Side, accepts
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.sizes import show_shape
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

MOST_COMPARED = 20
"""How many other inputs an array that does not fit is tried on."""


def id_problems(resolved: Resolved, sides: Sequence[Side]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the ids that come into embeddings and into ``in(T,int(V))``."""
    tables = {side.node.index: _table(resolved.graph, side.node) for side in sides}
    swapped: set[int] = set()
    for side in sides:
        other = next((o for o in sides[:MOST_COMPARED] if _looks_swapped(side, o, tables)), None)
        if other is not None and side.node.index not in swapped:
            swapped |= {side.node.index, other.node.index}
            yield _swap(side, other, tables)
    for side in sides:
        if side.node.index not in swapped:
            yield from _beyond(resolved, side, tables[side.node.index])


def _table(graph: Graph, source: Node) -> tuple[int, Node] | None:
    """How many ids the smallest table of an input has, and the embedding; None where none is known."""
    found = [(source.below, source)] if isinstance(source.below, int) else []
    for node in graph.nodes:
        if node.layer is not None and node.layer.row.name == "embed" and node.inputs:
            size = node.layer.get("input_dim")
            if node.inputs[0].node == source.index and isinstance(size, int):
                found.append((size, node))
    return min(found, key=lambda one: one[0]) if found else None


Tables = dict[int, tuple[int, Node] | None]


def _looks_swapped(side: Side, other: Side, tables: Tables) -> bool:
    """Whether the ids of one do not fit its own table, and those of both fit the other's."""
    mine, theirs = tables[side.node.index], tables[other.node.index]
    ours, its = side.array.values, other.array.values
    if side is other or mine is None or theirs is None or ours is None or its is None:
        return False
    if side.array.shape[1:] != other.array.shape[1:]:
        return False
    return ours.high >= mine[0] and ours.high < theirs[0] and its.high < mine[0] and its.whole


def swapped_shapes(sides: Sequence[Side]) -> list[Diagnostic]:
    """Two inputs of which neither takes its own array, and each the other's."""
    for i, side in enumerate(sides):
        for other in sides[i + 1 : i + 1 + MOST_COMPARED]:
            mine, its = side.array.shape[1:], other.array.shape[1:]
            wrong = not accepts(side.declared, mine) and not accepts(other.declared, its)
            if wrong and accepts(side.declared, its) and accepts(other.declared, mine):
                names = [one.node.name or one.call for one in (side, other)]
                return [
                    Diagnostic(
                        "ST717",
                        f"the arrays of {names[0]} and {names[1]} look swapped: {side.array.name} is "
                        f"{show_shape(side.array.shape)}, but {side.call} takes {show_shape(side.declared)}",
                        side.node.span,
                        label=f"given {side.array.name}",
                        labels=(Label(other.node.span, f"given {other.array.name}, which would fit there"),),
                        help="give them in the order of the inputs in the text, or by name",
                    )
                ]
    return []


def _swap(side: Side, other: Side, tables: Tables) -> Diagnostic:
    mine, values = tables[side.node.index], side.array.values
    assert mine is not None
    assert values is not None
    names = [one.node.name or one.call for one in (side, other)]
    return Diagnostic(
        "ST717",
        f"the arrays of {names[0]} and {names[1]} look swapped: {side.array.name} has ids up to "
        f"{values.high:.0f}, its table has {mine[0]} rows",
        side.node.span,
        label=f"given {side.array.name}",
        labels=(
            Label(other.node.span, f"given {other.array.name}, whose ids would fit there"),
            *((Label(mine[1].span, f"rows 0..{mine[0] - 1}"),) if mine[1] is not side.node else ()),
        ),
        help="give them in the order of the inputs in the text, or by name",
    )


def _beyond(resolved: Resolved, side: Side, table: tuple[int, Node] | None) -> Iterator[Diagnostic]:
    values, name = side.array.values, side.array.name
    if values is None or table is None or side.array.kind == "b":
        return
    size, node = table
    title = node.layer.title if node.layer is not None else f"int({size})"
    if values.low < 0:
        yield Diagnostic(
            "ST716",
            f"{name} holds the id {values.low:.0f}, but {title} has rows 0..{size - 1}",
            node.span,
            label="begins at 0",
            help="begin ids at 0; keep 0 for padding, with mask",
        )
    if values.high < size:
        return
    needed = int(values.high) + 1
    labels = () if node is side.node else (Label(side.node.span, f"ids up to {values.high:.0f}"),)
    yield Diagnostic(
        "ST716",
        f"{name} has ids up to {values.high:.0f}, but {title} has rows 0..{size - 1}",
        node.span,
        label=f"needs {needed} rows",
        labels=labels,
        help=f"the number of rows is the greatest id plus 1: {needed}",
        fixes=tuple(fix for fix in _larger(resolved.written.of(node), needed) if side.tried(fix)),
    )


def _larger(call: tree.Expr | None, rows: int) -> Iterator[Fix]:
    """An ``embed(...)`` with more rows, where its number stands there."""
    if not isinstance(call, tree.Call) or not call.args:
        return
    named = [i for i, a in enumerate(call.args) if a.name is not None and a.name.name == "input_dim"]
    index = named[0] if named else 0
    first = call.args[index]
    if (not named and first.name is not None) or not isinstance(first.value, tree.Number):
        return
    more = tree.Argument(first.span, first.name, tree.Number(first.value.span, rows, str(rows)))
    text = print_expr(tree.Call(call.span, call.name, (*call.args[:index], more, *call.args[index + 1 :])))
    yield Fix(f"write {text}", (Edit(call.span, text),))
