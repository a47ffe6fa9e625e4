"""Place the elements of each rank, as straight above each other as they can be; a chain lies on one line.

U. Brandes, B. Koepf, "Fast and Simple Horizontal Coordinate Assignment" (2001): four layouts, each pushed
to one side, and between them the middle. Widths are taken into account as dagre does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from seqtopo.pictures.layering import Layers, Stretch

Extent = tuple[int, int]
"""The reach of an element to the left and to the right of its place."""


def placed(
    layers: Layers,
    extents: Sequence[Extent],
    between: Sequence[int],
    rails: Sequence[Stretch] = (),
    shift: Callable[[Stretch], int] = lambda _: 0,
) -> list[int]:
    """Return the place of each element; ``between`` is the room that each needs on either side.

    ``rails`` are straight in any case: none of them may cross another, or share an end above or below with
    one. ``shift`` is how far the bottom of a stretch lies to the right of its top where it is straight.
    """
    edges = _Edges(layers, rails, shift)
    found: list[list[int]] = []
    for downwards in (True, False):
        for leftwards in (True, False):
            rows = layers.rows if downwards else layers.rows[::-1]
            rows = rows if leftwards else [row[::-1] for row in rows]
            ends = extents if leftwards else [(right, left) for left, right in extents]
            xs = _compacted(rows, *_aligned(rows, edges, downwards, leftwards), ends, between)
            found.append(xs if leftwards else [-x for x in xs])
    return _balanced(found, extents)


class _Edges:
    """The neighbours above and below each element, and which of the edges are to be straight."""

    def __init__(self, layers: Layers, rails: Sequence[Stretch], shift: Callable[[Stretch], int]) -> None:
        self.up: list[list[int]] = [[] for _ in layers.ranks]
        self.down: list[list[int]] = [[] for _ in layers.ranks]
        self.shifts: dict[tuple[int, int], int] = {}
        for s in (*rails, *layers.stretches):
            if (s.top, s.bottom) not in self.shifts:
                self.shifts[s.top, s.bottom] = shift(s)
                self.up[s.bottom].append(s.top)
                self.down[s.top].append(s.bottom)
        self.below = {s.top: s.bottom for s in rails}
        self.above = {s.bottom: s.top for s in rails}
        self.crossing = self._crossing(layers)

    def _crossing(self, layers: Layers) -> set[tuple[int, int]]:
        """Return the edges that cross a rail, and so cannot be straight."""
        found: set[tuple[int, int]] = set()
        place = {e: i for row in layers.rows for i, e in enumerate(row)}
        for row in layers.rows:
            straight = [(place[self.above[v]], place[v]) for v in row if v in self.above]
            for v in row:
                for u in self.up[v]:
                    if any((a - place[u]) * (b - place[v]) < 0 for a, b in straight):
                        found.add((u, v))
        return found

    def candidates(self, v: int, downwards: bool, place: Mapping[int, int]) -> list[int]:
        """Return the elements that one may be aligned with: on its rail, or one or two in the middle."""
        onto, back = (self.above, self.below) if downwards else (self.below, self.above)
        if v in onto:
            return [onto[v]]
        near = sorted(self.up[v] if downwards else self.down[v], key=lambda n: place[n])
        middle = dict.fromkeys((near[(len(near) - 1) // 2], near[len(near) // 2])) if near else ()
        pairs = [(u, (u, v) if downwards else (v, u)) for u in middle]
        return [u for u, pair in pairs if u not in back and pair not in self.crossing]


def _aligned(
    rows: Sequence[Sequence[int]], edges: _Edges, downwards: bool, leftwards: bool
) -> tuple[list[int], list[int]]:
    """Return the blocks of elements that lie above each other.

    For each element: the first of its block, and how far to the right of that it lies.
    """
    root = list(range(len(edges.up)))
    offset = [0] * len(root)
    taken: set[int] = set()
    place = {e: i for row in rows for i, e in enumerate(row)}
    for row in rows:
        last = -1
        for v in row:
            for u in edges.candidates(v, downwards, place):
                if root[v] == v and u not in taken and last < place[u]:
                    taken.add(u)
                    last = place[u]
                    root[v] = root[u]
                    shift = edges.shifts[u, v] if downwards else -edges.shifts[v, u]
                    offset[v] = offset[u] + (shift if leftwards else -shift)
    return root, offset


def _compacted(
    rows: Sequence[Sequence[int]],
    root: Sequence[int],
    offset: Sequence[int],
    extents: Sequence[Extent],
    between: Sequence[int],
) -> list[int]:
    """Return the places of blocks of aligned elements, pushed to the left, then back to the right."""
    left: dict[int, dict[int, int]] = {r: {} for r in root}
    right: dict[int, dict[int, int]] = {r: {} for r in root}
    for row in rows:
        for u, v in pairwise(row):
            room = extents[u][1] + max(between[u], between[v]) + extents[v][0]
            a, b = root[u], root[v]
            room += offset[u] - offset[v]
            left[b][a] = max(left[b].get(a, room), room)
            right[a][b] = left[b][a]
    order: list[int] = []
    waiting = {block: len(found) for block, found in left.items()}
    ready = [block for block, number in waiting.items() if not number]
    while ready:
        block = ready.pop()
        order.append(block)
        for other in right[block]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    xs: dict[int, int] = {}
    for block in order:
        xs[block] = max((xs[a] + room for a, room in left[block].items()), default=0)
    for block in reversed(order):
        if right[block]:
            xs[block] = max(xs[block], min(xs[b] - room for b, room in right[block].items()))
    return [xs[r] + more for r, more in zip(root, offset, strict=True)]


def _balanced(found: Sequence[Sequence[int]], extents: Sequence[Extent]) -> list[int]:
    """Return the middle of four placements, each shifted to the side of the narrowest one.

    What is far enough apart in all four is so here, since the middle of two whole numbers is rounded down.
    """
    if not extents:
        return []

    def ends(xs: Sequence[int]) -> tuple[int, int]:
        return (
            min(x - e[0] for x, e in zip(xs, extents, strict=True)),
            max(x + e[1] for x, e in zip(xs, extents, strict=True)),
        )

    narrow = min(found, key=lambda xs: ends(xs)[1] - ends(xs)[0])
    start, stop = ends(narrow)
    shifted = []
    for i, xs in enumerate(found):
        own = ends(xs)
        shift = start - own[0] if i % 2 == 0 else stop - own[1]
        shifted.append([x + shift for x in xs])
    middle = [sorted(four) for four in zip(*shifted, strict=True)]
    return [(four[1] + four[2]) // 2 for four in middle]


Pair = tuple[int, int]
"""An element and one in the next rank."""


def rails(layers: Layers) -> list[Stretch]:
    """Return the stretches that are to be straight; none crosses another, and no element has two above or
    below.

    First those between two elements that have nothing else there, then those of the main line, then the long
    ways of single values.
    """
    between: dict[Pair, Stretch] = {}
    for s in layers.stretches:
        known = between.get((s.top, s.bottom))
        if known is None or (s.slot, s.port) < (known.slot, known.port):
            between[s.top, s.bottom] = s
    place = {element: i for row in layers.rows for i, element in enumerate(row)}
    accepted: list[list[Pair]] = [[] for _ in layers.rows]
    found: list[Stretch] = []
    for pairs in _by_weight(layers, between):
        for pair in pairs:
            here = accepted[layers.ranks[pair[0]]]
            a, b = place[pair[0]], place[pair[1]]
            if all((a - c) * (b - d) > 0 for c, d in here):
                here.append((a, b))
                found.append(between[pair])
    return found


def _by_weight(layers: Layers, between: dict[Pair, Stretch]) -> tuple[list[Pair], list[Pair], list[Pair]]:
    up: list[list[int]] = [[] for _ in layers.ranks]
    down: list[list[int]] = [[] for _ in layers.ranks]
    for top, bottom in between:
        up[bottom].append(top)
        down[top].append(bottom)
    before = _before(layers, up)

    def onward(element: int) -> int | None:
        """Return the next element of the main line: the box beside a skip; an output only if it is last."""
        boxes = [e for e in down[element] if not layers.is_stand_in(e)] or down[element]
        boxes = [e for e in boxes if down[e]] or boxes
        return boxes[0] if len(boxes) == 1 else None

    def back(element: int) -> int | None:
        """Return where the main line comes from: the only box there, if what comes in beside it are skips
        around it and one other line at most. With more, an element lies in the middle of all.
        """
        boxes = [e for e in up[element] if not layers.is_stand_in(e)] or up[element]
        if len(boxes) != 1:
            return None
        others = {between[e, element].net[0] for e in up[element]} - before[boxes[0]]
        return boxes[0] if len(others) < 2 else None

    chains, lines, ways = [], [], []
    for top, bottom in sorted(between):
        if len(down[top]) == len(up[bottom]) == 1:
            chains.append((top, bottom))
        elif onward(top) == bottom and back(bottom) == top:
            lines.append((top, bottom))
        elif layers.is_stand_in(top) and layers.is_stand_in(bottom):
            ways.append((top, bottom))
    return chains, lines, ways


def _before(layers: Layers, up: list[list[int]]) -> list[set[int]]:
    """Return, for each element, the elements above it that it depends on, itself included."""
    found: list[set[int]] = [{e} for e in range(len(layers.ranks))]
    for row in layers.rows:
        for element in row:
            found[element].update(*(found[e] for e in up[element]))
    return found
