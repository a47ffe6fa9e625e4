"""Follow what each axis of a value counts: steps, places, features, or several of these in one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seqtopo.graph.graph import Graph, Node
from seqtopo.layers.sizes import Shape, Size, divides
from seqtopo.layers.values import FLOATS

STEPS, PLACES, FEATURES, SCRAMBLED = "steps", "places", "features", "scrambled"


class Part(NamedTuple):
    """An axis as a layer made it, or an even part of one."""

    kind: str
    size: Size


Content = tuple[Part, ...]
"""The parts that an axis runs over, the slowest first; () for an axis of which nothing is known."""


def misread_axes(graph: Graph) -> int:
    """Return how many layers read along an axis that counts something else than their steps.

    Such an axis holds features, alone or beside the steps, or numbers that a ``reshape`` has cut across them.
    """
    found = axis_contents(graph)
    ends = {value.node for value in graph.outputs if not value.extra}
    users = {value.node for node in graph.nodes for value in node.needs}
    count = 0
    for node in graph.nodes:
        if node.layer is not None and node.inputs and not node.inputs[0].extra and reads_steps(node):
            axes = found.get(node.inputs[0].node, ())
            count += bool(axes and _no_steps(axes[0]))
        if node.index in ends or (not ends and node.index not in users):
            axes = found.get(node.index, ())
            count += bool(len(axes) > 1 and _no_steps(axes[0]))
    return count


def _no_steps(content: Content) -> bool:
    kinds = {part.kind for part in content if part.size != 1}
    return kinds == {FEATURES} or SCRAMBLED in kinds or len(kinds) > 1


def reads_steps(node: Node) -> bool:
    """Return whether a call works along the first axis of its input as time steps."""
    layer = node.layer
    if layer is None:
        return False
    if not layer.row.keras and "axis" in layer.row.by_name:
        return bool(layer.get("axis") == 1)
    if layer.get("data_format") == "channels_first":
        return False
    takes = layer.row.clauses[0].inputs[0]
    return takes[0] == "T" or (takes[0] == "..." and takes[1:2] == ("T",) and _rank(node) == 2)


def _rank(node: Node) -> int:
    return len(node.outputs[0].shape) if node.outputs else 0


def axis_contents(graph: Graph) -> dict[int, tuple[Content, ...]]:
    """Return what each axis of a node's first output counts, for each node that has a shape."""
    found: dict[int, tuple[Content, ...]] = {}
    for node in graph.nodes:
        if node.outputs:
            found[node.index] = tuple(_output_contents(graph, node, found))
    return found


def _output_contents(graph: Graph, node: Node, found: dict[int, tuple[Content, ...]]) -> Iterator[Content]:
    assert node.outputs is not None
    shape = node.outputs[0].shape
    if node.layer is None:
        yield from _declared(shape, node.outputs[0].dtype in FLOATS)
        return
    value = node.inputs[0] if node.inputs else None
    incoming = graph.tensor(value) if value is not None else None
    before = found.get(value.node) if value is not None and not value.extra else None
    if incoming is None or before is None or len(before) != len(incoming.shape):
        yield from _declared(shape, True) if len(shape) == 1 else ((),) * len(shape)
        return
    name = node.layer.row.name
    if name in ("reshape", "flatten") and len(before) == 1 and len(shape) > 1 and len(before[0]) == 1:
        # A vector has no steps: what is made of its numbers is new.
        yield from _declared(shape, True)
    elif name in ("reshape", "flatten"):
        yield from regrouped([part for axis in before for part in axis], incoming.shape, shape)
    elif name in ("permute", "swap"):
        order = _order(node, len(shape))
        yield (Part(STEPS, shape[0]),)
        yield from (before[i] for i in order[1:])
    elif name == "repeat":
        yield (Part(STEPS, shape[0]),)
        yield from before
    elif node.layer.row.emit and node.layer.get("axis") is not None and len(shape) != len(before):
        yield from _one_axis(node, before, shape)
    elif len(shape) == len(before):
        for i, size in enumerate(shape):
            if size == incoming.shape[i]:
                yield before[i]
            elif i == len(shape) - 1:
                yield (Part(FEATURES, size),)
            else:
                kinds = {part.kind for part in before[i]}
                yield (Part(kinds.pop(), size),) if len(kinds) == 1 else ()
    elif len(shape) == len(before) + 1 and shape[:-1] == incoming.shape:
        yield from (*before, (Part(FEATURES, shape[-1]),))
    elif node.layer.row.steps:
        yield before[0]
        yield from _declared(shape[1:], True)
    elif node.layer.row.recurrent and len(shape) == len(before) - 1:
        yield from (*before[1:-1], (Part(FEATURES, shape[-1]),))
    else:
        yield from _declared(shape, True) if len(shape) == 1 else ((),) * len(shape)


def _declared(shape: Shape, floats: bool) -> Iterator[Content]:
    last = len(shape) - 1
    for i, size in enumerate(shape):
        if i == last and floats:
            yield (Part(FEATURES, size),)
        else:
            # The first of three axes may be time steps, or the rows of an image.
            yield (Part(STEPS if i == 0 and len(shape) != 3 else PLACES, size),)


def _order(node: Node, rank: int) -> list[int]:
    assert node.layer is not None
    if node.layer.row.name == "permute":
        return [d - 1 for d in node.layer.get("dims")]
    order = list(range(rank))
    a, b = (
        axis - 1 if axis > 0 else rank + axis for axis in (node.layer.get("first"), node.layer.get("second"))
    )
    order[a], order[b] = order[b], order[a]
    return order


def _one_axis(node: Node, before: tuple[Content, ...], shape: Shape) -> Iterator[Content]:
    assert node.layer is not None
    rank, axis = len(before), node.layer.get("axis")
    if not isinstance(axis, int):
        yield from ((),) * len(shape)
        return
    if len(shape) < rank:
        at = axis - 1 if axis > 0 else rank + axis
        yield from (*before[:at], *before[at + 1 :])
        return
    at = axis - 1 if axis > 0 else rank + 1 + axis
    # The numbers of a vector become the steps of a sequence of one feature.
    axes = [(Part(STEPS, shape[0]),)] if rank == 1 and at == 1 else list(before)
    axes.insert(at, (Part(STEPS if at == 0 else FEATURES, 1),))
    yield from axes


def regrouped(parts: Sequence[Part], before: Shape, after: Shape) -> tuple[Content, ...]:
    """Return the parts of a shape as a ``reshape`` to another one puts them, each in the axis that runs over
    it.

    Where an axis would begin or end within a part that does not divide evenly, the numbers are scrambled.

    >>> regrouped([Part("steps", 24), Part("features", 3)], (24, 3), (4, 6, 3))[1]
    (Part(kind='steps', size=6),)
    >>> regrouped([Part("steps", 12), Part("features", 5)], (12, 5), (5, 12))[0]
    (Part(kind='scrambled', size=5),)
    """
    unknown = ((),) * len(after)
    if not all(isinstance(part.size, int) for part in parts):
        # Symbols: axes that stay in front are told, whatever becomes of the others.
        kept = 0
        while kept < min(len(before), len(after)) and before[kept] == after[kept]:
            kept += 1
        fronts = [(part,) for part in parts[:kept]] if len(parts) == len(before) else []
        return (*fronts, *unknown[len(fronts) :])
    rest = [part for part in parts if part.size != 1]
    found: list[Content] = []
    for size in after:
        group: list[Part] = []
        need: Size | None = size
        while need is not None and need != 1:
            if not rest:
                return unknown
            whole = divides(need, rest[0].size)
            if whole is not None:
                group.append(rest.pop(0))
                need = whole
                continue
            inner = divides(rest[0].size, need)
            if inner is None:
                scrambled: Content = (Part(SCRAMBLED, size),)
                return (*found, scrambled, *((Part(SCRAMBLED, s),) for s in after[len(found) + 1 :]))
            # Features that are cut into several axes are not features any more, but for the last of these.
            group.append(Part(PLACES if rest[0].kind == FEATURES else rest[0].kind, need))
            rest[0] = Part(rest[0].kind, inner)
            need = 1
        found.append(tuple(group))
    return tuple(found)
