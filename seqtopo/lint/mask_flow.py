"""Follows masks through a graph: where each is made, who heeds it, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from seqtopo.graph.graph import Node, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.masking import ATTENTION, JOINS, MERGES, PASSES, REDUCES
from seqtopo.layers.names import NAMES
from seqtopo.lint.view import View, once


@dataclass(frozen=True)
class Masked:
    """The mask of a value: the node that made it, and the one at which it ended, if it did."""

    origin: Node
    end: Node | None = None


@dataclass(frozen=True)
class Masks:
    """What became of every mask of a graph.

    ``before`` are the masks of what comes into each node, ``after`` that of what it gives, by its index;
    none where nothing makes a mask.
    ``heeded`` are the nodes whose masks something has taken notice of, by index.
    """

    before: dict[int, tuple[Masked | None, ...]]
    heeded: frozenset[int]
    after: dict[int, Masked | None]


@once
def follow(view: View) -> Masks:
    """Follows the masks from node to node, in their order."""
    if not any(makes(node) for node in view.calls_of("mask", "embed")):
        return Masks({}, frozenset(), {})
    after: dict[int, Masked | None] = {}
    before: dict[int, tuple[Masked | None, ...]] = {}
    heeded: set[int] = set()

    def of(value: Value) -> Masked | None:
        return None if value.extra else after.get(value.node)

    for node in view.nodes:
        if node.layer is None:
            after[node.index] = None
            continue
        came = tuple(map(of, node.inputs))
        before[node.index] = came
        if heeds(node):
            heeded.update(m.origin.index for m in came if m is not None and m.end is None)
        after[node.index] = _goes_on(node, node.layer, came)
    return Masks(before, frozenset(heeded), after)


def makes(node: Node) -> bool:
    """Whether a call makes a mask."""
    layer = node.layer
    return layer is not None and (
        layer.row.name == "mask" or (layer.row.name == "embed" and bool(layer.get("mask_zero")))
    )


def heeds(node: Node) -> bool:
    """Whether a call takes notice of the mask that comes with its value, and is given none of its own."""
    if node.layer is None or "mask" in node.tensors:
        return False
    row = node.layer.row
    if row.name in REDUCES:
        return row.name != "at" and (row.name == "gavgpool1d" or _along_time(node.layer))
    return row.recurrent or row.name in ATTENTION


def _along_time(layer: Layer) -> bool:
    axis = layer.get("axis")
    return 1 in axis if isinstance(axis, tuple) else axis == 1


def _goes_on(node: Node, layer: Layer, came: tuple[Masked | None, ...]) -> Masked | None:
    """The mask of what a node gives."""
    row = layer.row
    first = came[0] if came else None
    if makes(node):
        return Masked(node)
    if row.name in ("embed", "reversible_embedding"):
        # The mask of ids is another matter: there are no features yet.
        return None
    if row.recurrent:
        if node.tensors.get("mask") is not None:
            return None
        inner = layer.get("layer")
        seq = (inner if isinstance(inner, Layer) else layer).get("return_sequences")
        return first if seq else None
    if row.name in REDUCES and (row.name not in MERGES or layer.get("axis") is not None):
        return first if row.name in ("mean", "sum", "max", "min") and not _along_time(layer) else None
    if row.name in JOINS:
        return reduce(_either, came, None)
    if row.name in MERGES:
        alive = [m for m in came if m is not None and m.end is None]
        ended = next((m for m in came if m is not None and m.end is not None), None)
        if len(alive) == len(came) or not alive or ended is not None:
            return ended or first
        return Masked(alive[0].origin, node)
    if row.name in PASSES or row.name in ATTENTION or row.name not in NAMES:
        return first
    if first is None or first.end is not None:
        return first
    return Masked(first.origin, node)


def _either(one: Masked | None, other: Masked | None) -> Masked | None:
    """The one that is alive, else the one that is there."""
    if one is None or (one.end is not None and other is not None and other.end is None):
        return other
    return one
