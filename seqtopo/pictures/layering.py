"""Lay out a graph in layers, after Sugiyama: ranks, stand-ins for long edges, and an order with few
crossings.

K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981).
A spec's graph has no circles and comes in an order of computation, which makes the first step easy. Edges
that carry the same value share their way, so that a residual or an output used ten times is one line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

_SWEEPS = 16


@dataclass(frozen=True)
class Edge:
    """An edge from a port of one node to a slot of another."""

    source: int
    port: int
    target: int
    slot: int


@dataclass(frozen=True)
class Stretch:
    """A part of an edge between one rank and the next. Ends are elements; ``port`` and ``slot`` are -1 at
    stand-ins. ``net`` is the value that it carries: a node and its port.
    """

    top: int
    bottom: int
    port: int
    slot: int
    net: tuple[int, int]


@dataclass
class Layers:
    """Elements rank by rank: nodes keep their numbers, stand-ins come after them."""

    ranks: list[int]
    rows: list[list[int]]
    stretches: list[Stretch] = field(default_factory=list)
    nodes: int = 0

    def is_stand_in(self, element: int) -> bool:
        """Return whether an element stands in for an edge that passes a rank."""
        return element >= self.nodes


def layered(count: int, edges: Sequence[Edge], first: Sequence[int] = (), last: Sequence[int] = ()) -> Layers:
    """Return ranks and order for a number of nodes.

    ``first`` and ``last`` lie in the first and the last rank, and keep their order. Each edge runs from an
    earlier node to a later one.
    """
    ranks = _ranks(count, edges, first, last)
    layers = Layers(list(ranks), [[] for _ in range(max(ranks, default=-1) + 1)], nodes=count)
    _stand_ins(layers, edges)
    _order(layers, edges, first, last)
    return layers


def _ranks(count: int, edges: Sequence[Edge], first: Sequence[int], last: Sequence[int]) -> list[int]:
    into: list[set[int]] = [set() for _ in range(count)]
    out: list[set[int]] = [set() for _ in range(count)]
    ports: list[set[int]] = [set() for _ in range(count)]
    for edge in edges:
        into[edge.target].add(edge.source)
        out[edge.source].add(edge.target)
        ports[edge.source].add(edge.port)
    order = _topological(into, out)
    ranks = [0] * count
    for node in order:
        ranks[node] = max((ranks[n] + 1 for n in into[node]), default=0)
    if first:
        for node in order:
            floor = 0 if node in first else 1
            ranks[node] = max([floor, *(ranks[n] + 1 for n in into[node])])
    # A node with fewer inputs than outputs moves down to its users, as inputs do.
    for _ in range(4):
        for node in reversed(order):
            if node in first or len(into[node]) >= len(ports[node]):
                continue
            ranks[node] = max(ranks[node], min(ranks[n] for n in out[node]) - 1)
    bottom = max(ranks, default=0)
    for node in last:
        ranks[node] = bottom
    return ranks


def _topological(into: Sequence[set[int]], out: Sequence[set[int]]) -> list[int]:
    waiting = [len(found) for found in into]
    ready = [node for node, number in enumerate(waiting) if not number]
    order: list[int] = []
    while ready:
        node = ready.pop(0)
        order.append(node)
        for other in sorted(out[node]):
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return order


def _stand_ins(layers: Layers, edges: Sequence[Edge]) -> None:
    nets: dict[tuple[int, int], list[Edge]] = {}
    for edge in edges:
        nets.setdefault((edge.source, edge.port), []).append(edge)
    for net, own in nets.items():
        source, port = net
        chain = {layers.ranks[source]: source}
        for rank in range(layers.ranks[source] + 1, max(layers.ranks[e.target] for e in own)):
            layers.ranks.append(rank)
            chain[rank] = len(layers.ranks) - 1
            above = chain[rank - 1]
            layers.stretches.append(Stretch(above, chain[rank], port if above == source else -1, -1, net))
        for edge in own:
            above = chain[layers.ranks[edge.target] - 1]
            layers.stretches.append(
                Stretch(above, edge.target, port if above == source else -1, edge.slot, net)
            )


# ---- order -------------------------------------------------------------------------------------------


def _order(layers: Layers, edges: Sequence[Edge], first: Sequence[int], last: Sequence[int]) -> None:
    up: list[list[tuple[int, float]]] = [[] for _ in layers.ranks]
    down: list[list[tuple[int, float]]] = [[] for _ in layers.ranks]
    for s in layers.stretches:
        # Ports and slots of one element are a little apart, in their order.
        up[s.bottom].append((s.top, 0.1 * max(s.port, 0)))
        down[s.top].append((s.bottom, 0.1 * max(s.slot, 0)))
    for element in _walked(layers, down):
        layers.rows[layers.ranks[element]].append(element)
    place = [0.0] * len(layers.ranks)

    def settle(row: list[int]) -> None:
        for i, element in enumerate(row):
            place[element] = float(i)

    def pinned(row: list[int], ends: Sequence[int]) -> None:
        own = [e for e in row if e in ends]
        wanted = iter([e for e in ends if e in own])
        row[:] = [next(wanted) if e in own else e for e in row]

    for row in layers.rows:
        settle(row)
    best = [list(row) for row in layers.rows]
    fewest = _all_crossings(layers, place)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        towards = up if downwards else down
        rows = layers.rows[1:] if downwards else layers.rows[-2::-1]
        for row in rows:
            keys = {}
            for element in row:
                near = [place[n] + more for n, more in towards[element]]
                keys[element] = sum(near) / len(near) if near else place[element]
            row.sort(key=lambda element: keys[element])
            settle(row)
        _exchange(layers, up, down, place)
        crossings = _all_crossings(layers, place)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in layers.rows]
    layers.rows = best
    if layers.rows:
        pinned(layers.rows[0], first)
        pinned(layers.rows[-1], last)


def _walked(layers: Layers, down: Sequence[Sequence[tuple[int, float]]]) -> list[int]:
    """Return all elements, depth first from the top, so that connected ones come to lie together."""
    seen: set[int] = set()
    found: list[int] = []
    starts = sorted(range(len(layers.ranks)), key=lambda e: (layers.ranks[e], e))
    for start in starts:
        todo = [start]
        while todo:
            element = todo.pop()
            if element in seen:
                continue
            seen.add(element)
            found.append(element)
            below = sorted(
                (n for n, _ in down[element]), key=lambda n: (layers.is_stand_in(n), n), reverse=True
            )
            todo.extend(below)
    return found


def _exchange(
    layers: Layers,
    up: Sequence[Sequence[tuple[int, float]]],
    down: Sequence[Sequence[tuple[int, float]]],
    place: list[float],
) -> None:
    """Exchange neighbours where that makes fewer crossings."""
    for row in layers.rows:
        better = True
        turns = 0
        while better and turns < 4:
            better, turns = False, turns + 1
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                now = _pair(up, a, b, place) + _pair(down, a, b, place)
                then = _pair(up, b, a, place) + _pair(down, b, a, place)
                if then < now:
                    row[i], row[i + 1] = b, a
                    place[b], place[a] = float(i), float(i + 1)
                    better = True


def _pair(
    towards: Sequence[Sequence[tuple[int, float]]], left: int, right: int, place: Sequence[float]
) -> int:
    """Return the number of crossings between the edges of two neighbours, if one is left of the other."""
    ours = sorted(place[n] + more for n, more in towards[right])
    return sum(bisect_right(ours, place[n] + more - 1e-9) for n, more in towards[left])


def _all_crossings(layers: Layers, place: Sequence[float]) -> int:
    by_rank: dict[int, list[tuple[float, float]]] = {}
    for s in layers.stretches:
        by_rank.setdefault(layers.ranks[s.top], []).append(
            (place[s.top] + 0.1 * max(s.port, 0), place[s.bottom] + 0.1 * max(s.slot, 0))
        )
    found = 0
    for pairs in by_rank.values():
        pairs.sort()
        seen: list[float] = []
        for _, bottom in pairs:
            at = bisect_right(seen, bottom)
            found += len(seen) - at
            seen.insert(at, bottom)
    return found
