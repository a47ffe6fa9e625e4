"""Fold repeats: stretches of a graph that are copies of each other, one after the other, become one thing.

Copies come from the text: `* 3`, a `for`, a macro called twice in a row. So nodes that were written at
the same place are compared, and a stretch is folded only where each copy does the same with what the copy
before it gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.pictures.labels import details, title
from seqtopo.source import Span
from seqtopo.syntax import tree


@dataclass
class Leaf:
    """A node, with those of the other copies that are drawn as the same box.

    ``alike`` are the nodes that its words are made of: those of the copies around it, too.
    """

    nodes: list[Node]
    alike: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alike = self.alike or self.nodes


@dataclass
class Group:
    """Copies of the same items; each leaf in it has the nodes of all copies, copy by copy."""

    items: list[Item]
    count: int

    @property
    def nodes(self) -> list[Node]:
        """All nodes of all copies."""
        return [node for leaf in leaves([self]) for node in leaf.nodes]

    @property
    def start(self) -> int:
        """The number of its first node: its nodes follow one another."""
        return min(node.index for node in self.nodes)

    @property
    def size(self) -> int:
        """The number of nodes in one copy."""
        return len(self.nodes) // self.count

    def first(self) -> list[Item]:
        """Return the items of the first copy; their words are those of all."""
        return [_first(item, self.count) for item in self.items]


def _first(item: Item, count: int) -> Item:
    if isinstance(item, Leaf):
        return Leaf(item.nodes[: len(item.nodes) // count], item.alike)
    assert isinstance(item, Group)
    return Group([_first(inner, count) for inner in item.items], item.count)


@dataclass
class Part:
    """A named flow: the items that were made for it."""

    name: str
    items: list[Item]

    @property
    def nodes(self) -> list[Node]:
        """All nodes of it."""
        return [node for item in self.items for node in item.nodes]


Item = Leaf | Group | Part
Key = tuple[object, ...]

LONGEST = 200
"""Copies of more nodes than this are not looked for."""


def leaves(items: Sequence[Item]) -> Iterator[Leaf]:
    """Yield the leaves of items, those of groups included."""
    for item in items:
        if isinstance(item, Leaf):
            yield item
        else:
            yield from leaves(item.items)


def fold(graph: Graph, loops: Sequence[Span] = ()) -> list[Item]:
    """Return the nodes of a graph in their order, with copies folded into groups.

    ``loops`` are the places whose copies may differ in their arguments, as those of a ``for`` do.
    """
    folding = _Folding(graph, loops)
    items: list[_Stretch] = [
        _Stretch(Leaf([node]), folding.number(folding.key(node)), node.index, node.index + 1)
        for node in graph.nodes
    ]
    period = 1
    while period <= min(len(items) // 2, LONGEST):
        found = folding.run(items, period)
        if found is None:
            period += 1
        else:
            items, period = found, 1
    return [stretch.item for stretch in items]


@dataclass
class _Stretch:
    item: Item
    key: int
    start: int
    stop: int


class _Folding:
    def __init__(self, graph: Graph, loops: Sequence[Span]) -> None:
        self.graph = graph
        self.loops = loops
        self.users: dict[Value, list[int]] = {}
        for node in graph.nodes:
            for value in node.needs:
                self.users.setdefault(value, []).append(node.index)
        for value in graph.outputs:
            self.users.setdefault(value, []).append(-1)
        self.keys: dict[Key, int] = {}

    def number(self, key: Key) -> int:
        """Return a number for each key: numbers are compared faster."""
        return self.keys.setdefault(key, len(self.keys))

    def key(self, node: Node) -> Key:
        """Return a key that is equal for two nodes that may be copies of each other."""
        span = node.span
        if node.layer is None:
            return ("in", node.index)
        looped = any(loop.start <= span.start and span.end <= loop.end for loop in self.loops)
        label = "" if looped else (title(node), *details([node]))
        return (span.start, span.end, node.layer.row.name, label)

    def run(self, items: list[_Stretch], period: int) -> list[_Stretch] | None:
        """Return the items with the first run of copies of this period folded; None where there is none."""
        same = [items[i].key == items[i + period].key for i in range(len(items) - period)]
        at = 0
        while at < len(same):
            if not same[at]:
                at += 1
                continue
            end = at
            while end < len(same) and same[end]:
                end += 1
            found = self._within(items, at, end + period, period)
            if found is not None:
                return found
            at = end
        return None

    def _within(self, items: list[_Stretch], first: int, last: int, period: int) -> list[_Stretch] | None:
        """Return the best fold in a stretch in which items are alike ``period`` apart.

        It is one in which the fewest values go from copy to copy, which is where a block begins; then one of
        the most copies, then the last, since what comes before a loop may be alike to its end.
        """
        found: list[tuple[int, int, int]] = []
        for phase in range(min(period, last - first - 2 * period + 1)):
            copies = [items[i : i + period] for i in range(first + phase, last - period + 1, period)]
            at = 0
            while at < len(copies) - 1:
                count, carried = self._chain(copies, at)
                for many in (count, count - 1):
                    if many > 1 and self._leave_alike(copies[at : at + many]):
                        found.append((carried, -many, -(first + phase + at * period)))
                        break
                at += max(1, count - 1)
        if not found:
            return None
        _, many, start = min(found)
        start, stop = -start, -start - many * period
        copies = [items[i : i + period] for i in range(start, stop, period)]
        return [*items[:start], self._joined(copies), *items[stop:]]

    def _chain(self, copies: list[list[_Stretch]], at: int) -> tuple[int, int]:
        """Return the number of copies in a chain from one copy on, and of the values that it carries.

        In a chain each copy uses the outputs of the copy before it as the second uses those of the first.
        """
        starts = [copy[0].start for copy in copies[at:]]
        size = copies[at][-1].stop - starts[0]
        carried: dict[tuple[int, int], tuple[int, int, str]] = {}
        for turn in range(1, len(starts)):
            if copies[at + turn][-1].stop - starts[turn] != size:
                return turn, len(set(carried.values()))
            for offset in range(size):
                pair = self.graph.nodes[starts[0] + offset], self.graph.nodes[starts[turn] + offset]
                if not self._same_needs(pair, starts, turn, size, offset, carried):
                    return turn, len(set(carried.values()))
            if not carried:
                return turn, 0
        return len(starts), len(set(carried.values()))

    def _same_needs(
        self,
        pair: tuple[Node, Node],
        starts: list[int],
        turn: int,
        size: int,
        offset: int,
        carried: dict[tuple[int, int], tuple[int, int, str]],
    ) -> bool:
        one, other = (list(node.needs) for node in pair)
        if len(one) != len(other) or list(pair[0].tensors) != list(pair[1].tensors):
            return False
        for slot, (a, b) in enumerate(zip(one, other, strict=True)):
            inside_a, inside_b = a.node - starts[0], b.node - starts[turn]
            if 0 <= inside_b < size:
                if inside_a != inside_b or a[1:] != b[1:]:
                    return False
            elif 0 <= inside_a < size:
                return False
            elif 0 <= (before := b.node - starts[turn - 1]) < size:
                if carried.setdefault((offset, slot), (before, *b[1:])) != (before, *b[1:]):
                    return False
            elif a != b or (offset, slot) in carried:
                return False
        return turn == 1 or all(
            0 <= list(pair[1].needs)[slot].node - starts[turn - 1] < size
            for at, slot in carried
            if at == offset
        )

    def _leave_alike(self, copies: list[list[_Stretch]]) -> bool:
        """Return whether each user outside the copies uses the last copy alone, or all of them."""
        starts = [copy[0].start for copy in copies]
        size = copies[0][-1].stop - starts[0]
        inside = range(starts[0], starts[-1] + size)
        used: dict[tuple[int, int, int, str], set[int]] = {}
        for turn, start in enumerate(starts):
            for node in self.graph.nodes[start : start + size]:
                for value in self._gives(node):
                    for user in self.users.get(value, ()):
                        if user not in inside:
                            where = (user, node.index - start, *value[1:])
                            used.setdefault(where, set()).add(turn)
        last, every = {len(starts) - 1}, set(range(len(starts)))
        return all(turns in (last, every) for turns in used.values())

    def _joined(self, copies: list[list[_Stretch]]) -> _Stretch:
        first = copies[0]
        items = [_merge([copy[i].item for copy in copies]) for i in range(len(first))]
        key = self.number(("copies", len(copies), *(stretch.key for stretch in first)))
        return _Stretch(Group(items, len(copies)), key, first[0].start, copies[-1][-1].stop)

    def _gives(self, node: Node) -> Iterator[Value]:
        for output in range(len(node.outputs or ())):
            yield Value(node.index, output)
        for name, tensors in node.extras.items():
            for output in range(len(tensors)):
                yield Value(node.index, output, name)


def _merge(items: list[Item]) -> Item:
    first = items[0]
    if isinstance(first, Leaf):
        return Leaf([node for item in items if isinstance(item, Leaf) for node in item.nodes])
    assert isinstance(first, Group)
    inner = [item.items for item in items if isinstance(item, Group)]
    return Group([_merge(list(column)) for column in zip(*inner, strict=True)], first.count)


def loops_of(spec: tree.Spec) -> list[Span]:
    """Return the bodies of every ``for``, and of the macros that are called in them."""
    macros = {s.name.name: s.body for s in spec.statements if isinstance(s, tree.Def)}
    found: list[Span] = []
    todo: list[Any] = [node.body for node in _walk(spec) if isinstance(node, tree.For)]
    seen: set[str] = set()
    while todo:
        body = todo.pop()
        found.append(body.span)
        for node in _walk(body):
            name = node.name.name if isinstance(node, tree.Call) else ""
            if name in macros and name not in seen:
                seen.add(name)
                todo.append(macros[name])
    return found


def _walk(root: Any) -> Iterator[tree.Node]:
    todo = [root]
    while todo:
        here = todo.pop()
        if isinstance(here, tuple):
            todo.extend(here)
        elif isinstance(here, tree.Node):
            yield here
            todo.extend(getattr(here, name) for name in here.__match_args__)
