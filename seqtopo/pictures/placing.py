"""Where the elements of each rank lie from left to right: as straight above each other as they can.

U. Brandes, B. Koepf, "Fast and Simple Horizontal Coordinate Assignment" (2001): four layouts, each pushed
to one side, and between them the middle. Widths are taken into account as dagre does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from seqtopo.pictures.layering import Layers

Extent = tuple[int, int]
"""How far an element reaches to the left and to the right of its place."""


def placed(layers: Layers, extents: Sequence[Extent], between: Sequence[int]) -> list[int]:
    """The place of each element; ``between`` is the room that each needs on either side."""
    up: list[list[int]] = [[] for _ in layers.ranks]
    down: list[list[int]] = [[] for _ in layers.ranks]
    for s in layers.stretches:
        if s.bottom not in down[s.top]:
            up[s.bottom].append(s.top)
            down[s.top].append(s.bottom)
    conflicts = _conflicts(layers, up)
    found: list[list[float]] = []
    for downwards in (True, False):
        for leftwards in (True, False):
            rows = layers.rows if downwards else layers.rows[::-1]
            rows = rows if leftwards else [row[::-1] for row in rows]
            ends = extents if leftwards else [(right, left) for left, right in extents]
            xs = _one_way(rows, up if downwards else down, ends, between, conflicts)
            found.append(xs if leftwards else [-x for x in xs])
    return _balanced(layers, found, extents, between)


def _conflicts(layers: Layers, up: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Edges that must give way: they cross a stretch between two stand-ins, which is to be straight."""
    found: set[tuple[int, int]] = set()
    place = {e: i for row in layers.rows for i, e in enumerate(row)}
    for row in layers.rows:
        inner = [
            (place[u], place[v])
            for v in row
            for u in up[v]
            if layers.is_stand_in(v) and layers.is_stand_in(u)
        ]
        if not inner:
            continue
        for v in row:
            for u in up[v]:
                if layers.is_stand_in(v) and layers.is_stand_in(u):
                    continue
                at, to = place[u], place[v]
                if any((a - at) * (b - to) < 0 for a, b in inner):
                    found.add((u, v))
    return found


def _one_way(
    rows: Sequence[Sequence[int]],
    towards: Sequence[Sequence[int]],
    extents: Sequence[Extent],
    between: Sequence[int],
    conflicts: set[tuple[int, int]],
) -> list[float]:
    count = len(extents)
    place = {e: i for row in rows for i, e in enumerate(row)}
    root, after = list(range(count)), list(range(count))
    for row in rows:
        last = -1
        for v in row:
            near = sorted(towards[v], key=lambda n: place[n])
            if not near:
                continue
            for u in dict.fromkeys((near[(len(near) - 1) // 2], near[len(near) // 2])):
                if after[v] == v and last < place[u] and not ({(u, v), (v, u)} & conflicts):
                    after[u] = v
                    root[v] = root[u]
                    after[v] = root[v]
                    last = place[u]
    return _compacted(rows, root, extents, between)


def _compacted(
    rows: Sequence[Sequence[int]],
    root: Sequence[int],
    extents: Sequence[Extent],
    between: Sequence[int],
) -> list[float]:
    """Blocks of aligned elements pushed to the left, then back to what stands on their right."""
    left: dict[int, dict[int, int]] = {r: {} for r in root}
    right: dict[int, dict[int, int]] = {r: {} for r in root}
    for row in rows:
        for u, v in pairwise(row):
            room = extents[u][1] + max(between[u], between[v]) + extents[v][0]
            a, b = root[u], root[v]
            left[b][a] = max(left[b].get(a, 0), room)
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
    xs: dict[int, float] = {}
    for block in order:
        xs[block] = max((xs[a] + room for a, room in left[block].items()), default=0.0)
    for block in reversed(order):
        if right[block]:
            xs[block] = max(xs[block], min(xs[b] - room for b, room in right[block].items()))
    return [xs[r] for r in root]


def _balanced(
    layers: Layers,
    found: list[list[float]],
    extents: Sequence[Extent],
    between: Sequence[int],
) -> list[int]:
    """Between the four: each shifted to the narrowest one's side, and of each place the two middle ones."""
    if not extents:
        return []

    def ends(xs: list[float]) -> tuple[float, float]:
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
    placed = [round((four[1] + four[2]) / 2) for four in middle]
    # Rounding may have brought neighbours too close.
    for row in layers.rows:
        for u, v in pairwise(row):
            room = extents[u][1] + max(between[u], between[v]) + extents[v][0]
            placed[v] = max(placed[v], placed[u] + room)
    return placed
