"""Compute the length of a sequence or an image behind each layer, and the least length that works."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.advice.failure_site import Site
from seqtopo.graph.graph import Node, Value
from seqtopo.layers.sizes import Shape, Size
from seqtopo.layers.values import Refusal, Tensor

_LONGEST = 2**20
_MOST_SHOWN = 12


@dataclass(frozen=True)
class Chain:
    """The layers behind a sequence, from its input on, and the length behind each.

    ``axis`` is the axis of the lengths: for an image, the side that is shortest at the end.
    """

    nodes: tuple[Node, ...]
    lengths: tuple[Size, ...]
    axis: int = 0

    @property
    def shrinks(self) -> tuple[Node, ...]:
        """The layers that made it shorter."""
        pairs = zip(self.nodes[1:], self.lengths, self.lengths[1:], strict=False)
        return tuple(node for node, before, after in pairs if before != after)

    @property
    def hardest(self) -> tuple[Node, Size, Size]:
        """The layer that kept the smallest part of its input, with the lengths before and behind it."""

        def left(step: tuple[Node, Size, Size]) -> float:
            _, before, after = step
            return after / before if isinstance(before, int) and isinstance(after, int) else 1.0

        steps = zip(self.nodes[1:], self.lengths, self.lengths[1:], strict=False)
        return min((s for s in steps if s[1] != s[2]), key=left)

    def __str__(self) -> str:
        """Return the lengths, ``50 -> 46 -> 9``, without those equal to the one before."""
        kept = [s for i, s in enumerate(self.lengths) if i == 0 or s != self.lengths[i - 1]]
        if len(kept) > _MOST_SHOWN:
            return " -> ".join([*map(str, kept[: _MOST_SHOWN - 2]), "...", str(kept[-1])])
        return " -> ".join(map(str, kept))


def chain(site: Site, value: Value) -> Chain:
    """Return the lengths behind a value, back to where it was not a sequence or came from several values."""
    nodes: list[Node] = []
    lengths: list[Size] = []
    here = site.tensor(value).shape
    axis = _shortest(here)
    for node in site.predecessors(value):
        given = node.outputs[0].shape if node.outputs is not None else ()
        if node.layer is None and len(given) == 1 and len(here) == 2:
            # Ids: their steps are the only axis.
            nodes.append(node)
            lengths.append(given[0])
            break
        if len(given) != len(here) or len(here) < 2:
            break
        nodes.append(node)
        lengths.append(given[axis])
        if node.layer is not None and node.layer.row.role in ("shape", "repetition"):
            break
    return Chain(tuple(reversed(nodes)), tuple(reversed(lengths)), axis)


def _shortest(shape: Shape) -> int:
    sides = [(size, i) for i, size in enumerate(shape[:-1]) if isinstance(size, int)]
    return min(sides)[1] if sides else 0


def stretched(shape: Shape, axis: int, length: int) -> Shape:
    """Return a shape with another length; the sides of a square stay equal.

    >>> stretched((12, 12, 3), 1, 18), stretched((50, 8), 0, 60)
    ((18, 18, 3), (60, 8))
    """
    last = len(shape) - 1 if len(shape) > 1 else 1
    return tuple(
        length if i == axis or (i < last and size == shape[axis]) else size for i, size in enumerate(shape)
    )


def least(site: Site, found: Chain) -> int | None:
    """Return the least length of the input with which a chain and the layer behind it work; None if unknown.

    The layers' rows are asked, by bisection, so that every kind of window and stride counts.
    """
    if not found.nodes or found.nodes[0].layer is not None or site.node is None or site.node.layer is None:
        return None
    source = found.nodes[0]
    assert source.outputs is not None
    first = source.outputs[0]
    calls = [*found.nodes[1:], site.node]

    def fits(length: int) -> bool:
        tensor = Tensor(stretched(first.shape, found.axis, length), first.dtype)
        try:
            for node in calls:
                outcome = node.callee.row.outcome({**node.callee.args, **node.call}, (tensor,))
                tensor = outcome.outputs[0]
        except Refusal:
            return False
        return True

    if not fits(_LONGEST):
        return None
    low, high = 0, _LONGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
