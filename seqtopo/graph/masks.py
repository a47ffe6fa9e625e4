"""Follow the masks of padded steps through a graph, row by row; no other module does."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.receptive_fields import arguments, passes
from seqtopo.layers.masking import ENDED, PASSED, Mask


def mask_of(graph: Graph, node: Node) -> Mask:
    """Return how a call treats masks. A custom layer that does not say passes on its first input's mask."""
    if node.layer is None:
        return ENDED
    rule = node.layer.row.mask
    if rule is None:
        return PASSED
    incoming = graph.tensor(node.inputs[0]) if node.inputs else None
    return rule(arguments(node), 0 if incoming is None else len(incoming.shape))


def makes(graph: Graph, node: Node) -> bool:
    """Return whether a call makes a mask."""
    return mask_of(graph, node).output == "new"


def masked_value(node: Node) -> float | None:
    """Return the value that a call which can make a mask treats as padding; None for other calls."""
    if (
        node.layer is None
        or node.layer.row.mask is None
        or node.layer.row.mask(arguments(node), 0).output != "new"
    ):
        return None
    value = node.layer.get("mask_value")
    return value if isinstance(value, (int, float)) else 0


def uses_mask(graph: Graph, node: Node) -> bool:
    """Return whether a call uses its input's mask, and is given no mask as an argument."""
    return "mask" not in node.tensors and mask_of(graph, node).uses


class Masked(NamedTuple):
    """The mask of a value: the node that made it, and the node at which it ended, if it did."""

    origin: Node
    end: Node | None = None


class Masks(NamedTuple):
    """The masks that reach each call of a graph, and those that it passes on.

    ``before`` are the masks of each node's inputs and ``after`` is that of its output, by the node's index;
    both are empty if nothing makes a mask. ``used`` are the indices of the nodes whose masks a call uses.
    """

    before: dict[int, tuple[Masked | None, ...]]
    used: frozenset[int]
    after: dict[int, Masked | None]


def follow(graph: Graph, nodes: Iterable[Node]) -> Masks:
    """Return the masks at some nodes, which must stand in the order of computation."""
    after: dict[int, Masked | None] = {}
    before: dict[int, tuple[Masked | None, ...]] = {}
    used: set[int] = set()
    nodes = tuple(nodes)
    if not any(makes(graph, node) for node in nodes):
        return Masks({}, frozenset(), {})

    def of(value: Value) -> Masked | None:
        return None if value.extra else after.get(value.node)

    for node in nodes:
        if node.layer is None:
            after[node.index] = None
            continue
        incoming = tuple(map(of, node.inputs))
        before[node.index] = incoming
        if uses_mask(graph, node):
            used.update(m.origin.index for m in incoming if m is not None and m.end is None)
        after[node.index] = _output_mask(graph, node, incoming)
    return Masks(before, frozenset(used), after)


def _output_mask(graph: Graph, node: Node, incoming: tuple[Masked | None, ...]) -> Masked | None:
    """Return the mask of a node's output, from those of its inputs."""
    mask = mask_of(graph, node)
    first = incoming[0] if incoming else None
    if mask.output == "new":
        return Masked(node)
    if mask.output == "any":
        return reduce(_first_alive, incoming, None)
    if mask.output == "every":
        alive = [m for m in incoming if m is not None and m.end is None]
        ended = next((m for m in incoming if m is not None and m.end is not None), None)
        if len(alive) == len(incoming) or not alive or ended is not None:
            return ended or first
        return Masked(alive[0].origin, node)
    assert node.layer is not None
    if mask.output == "first":
        own = node.layer.row.recurrent and node.tensors.get("mask") is not None
        return None if own else first
    # The mask of ids is another matter: there are no features yet.
    if mask.uses or node.layer.row.role == "embedding" or _takes_one_step(graph, node):
        return None
    return first if first is None or first.end is not None else Masked(first.origin, node)


def _takes_one_step(graph: Graph, node: Node) -> bool:
    """Return whether a call takes a single step, so that its output has no steps for a mask to mark."""
    passed = passes(graph, node)
    return passed is not None and passed.axis is None and passed.window.low == passed.window.high


def _first_alive(one: Masked | None, other: Masked | None) -> Masked | None:
    """Return the first of two masks that has not ended, else the one that is not None."""
    if one is None or (one.end is not None and other is not None and other.end is None):
        return other
    return one
