"""Split a graph into units, and plan which become lists of branches and which get names.

A unit is one step of a spec: a call of a layer, an input, or a whole inner model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from seqtopo.decompiler.progress import Part
from seqtopo.graph.graph import Bundle, Graph, Node, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.wrappers import merging_row

SINK = -1
"""The consumer of the outputs."""
LONGEST_BRANCH = 24
"""The most steps of a branch between its fork and its end; a longer one becomes named values."""
LONGEST_SOURCE = 3
"""The most steps of a branch that begins with an input, beside others that do not."""
DEEPEST = 3
"""The most lists of branches inside each other."""


class UnsayableError(Exception):
    """Values are used in a way that no flow can write."""


class OrderError(Exception):
    """A value would be used before the place where it gets its name."""

    def __init__(self, unit: int) -> None:
        super().__init__(unit)
        self.unit = unit


@dataclass(frozen=True)
class State:
    """All second values of a unit: ``encoder.state``."""

    unit: int
    extra: str


Item = int | State


@dataclass
class Unit:
    """One step: its node or the part that it is, its inputs by flow, and its inputs by name."""

    index: int
    node: Node | None
    part: Part | None = None
    items: tuple[Item, ...] = ()
    tensors: dict[str, tuple[Item, ...]] = field(default_factory=dict)

    @property
    def layer(self) -> Layer | None:
        """The layer that the unit calls."""
        return self.node.layer if self.node is not None else None

    @property
    def sources(self) -> tuple[int, ...]:
        """The units that flow into the unit."""
        return tuple(i for i in self.items if isinstance(i, int))


class Units:
    """The steps of a graph between some values and others."""

    def __init__(
        self,
        graph: Graph,
        ends: Bundle,
        parts: Sequence[Part] = (),
        starts: Iterable[Value] = (),
        loose: Bundle = (),
    ) -> None:
        self.graph = graph
        self.starts = tuple(starts)
        self.units: dict[int, Unit] = {}
        self._part_at = {i: part for part in parts for i in part.nodes}
        self._hidden: set[int] = set()
        for unit in self._reach((*ends, *loose)):
            self.units[unit.index] = unit
        self.outputs = self._items(ends)
        self._uses()
        for value in loose:
            self.named.setdefault(self._home(value.node), "value")

    # ---- the units -------------------------------------------------------------------------------

    def _home(self, node: int) -> int:
        part = self._part_at.get(node)
        return max(part.nodes) if part is not None else node

    def _reach(self, ends: Bundle) -> list[Unit]:
        found: dict[int, Unit] = {}
        fixed = {v.node for v in self.starts}
        todo = [v.node for v in ends]
        while todo:
            index = self._home(todo.pop())
            if index in found:
                continue
            part = self._part_at.get(index)
            node = self.graph.nodes[index]
            unit = found[index] = Unit(index, None if part else node, part)
            if index in fixed:
                continue
            needs = part.incoming if part is not None else tuple(node.needs)
            todo += [v.node for v in needs]
        free = [unit for unit in found.values() if unit.index not in fixed]
        for unit in free:
            if unit.node is not None:
                unit.tensors = {k: self._given(k, v) for k, v in unit.node.tensors.items()}
        # Hidden units only merge single states; the layer's states replace them.
        for unit in free:
            if unit.index in self._hidden:
                continue
            if unit.part is not None:
                unit.items = self._items(unit.part.incoming)
            elif unit.node is not None:
                unit.items = self._items(unit.node.inputs)
        return sorted((u for u in found.values() if u.index not in self._hidden), key=lambda u: u.index)

    def _outputs_of(self, index: int) -> list[Value]:
        part = self._part_at.get(index)
        if part is not None:
            return list(part.values)
        return [Value(index, i) for i in range(len(self.graph.nodes[index].outputs or ()))]

    def _items(self, values: Bundle) -> tuple[Item, ...]:
        """Return values as whole units and whole states."""
        found: list[Item] = []
        rest = list(values)
        while rest:
            first = rest[0]
            if first.extra:
                node = self.graph.nodes[first.node]
                whole = [
                    Value(first.node, i, first.extra) for i in range(len(node.extras.get(first.extra, ())))
                ]
                item: Item = State(first.node, first.extra)
            else:
                home = self._home(first.node)
                whole = self._outputs_of(home)
                item = home
            if rest[: len(whole)] != whole:
                raise UnsayableError(f"one of several values of {self._called(first.node)} is taken alone")
            del rest[: len(whole)]
            found.append(item)
        return tuple(found)

    def _called(self, index: int) -> str:
        layer = self.graph.nodes[index].layer
        return layer.name if layer is not None else "an input"

    def _given(self, name: str, values: Bundle) -> tuple[Item, ...]:
        """Return the values of an argument; merged states of a bidirectional layer count as its states."""
        merged = self._merged(values) if name == "initial_state" else None
        if merged is None:
            return self._items(values)
        self._hidden |= {v.node for v in values}
        return (State(merged, "state"),)

    def _merged(self, values: Bundle) -> int | None:
        made = [self.graph.nodes[v.node] for v in values if not v.extra]
        if not made or len(made) != len(values):
            return None
        pairs = [n.inputs for n in made]
        nodes = {v.node for pair in pairs for v in pair}
        if len(nodes) != 1 or any(n.layer is None or n.layer.args for n in made):
            return None
        (node,) = nodes
        layer = self.graph.nodes[node].layer
        if layer is None or layer.row.name != "bi" or not all(v.extra for p in pairs for v in p):
            return None
        half = len(made)
        wanted = [(Value(node, i, "state"), Value(node, i + half, "state")) for i in range(half)]
        merge = merging_row(layer.get("merge_mode"))
        right = all(n.layer is not None and n.layer.row.name == merge for n in made)
        return node if right and [tuple(p) for p in pairs] == wanted else None

    # ---- who takes what --------------------------------------------------------------------------

    def _uses(self) -> None:
        self.flows: dict[int, list[int]] = {i: [] for i in self.units}
        """The consumers of each unit by flow, once for each place."""
        self.named: dict[int, str] = {}
        """The units that need a name, with the reason: ``state`` or ``value``."""
        for unit in self.units.values():
            for item in unit.items:
                self._use(item, unit.index)
            for items in unit.tensors.values():
                for item in items:
                    index = item.unit if isinstance(item, State) else item
                    self.named.setdefault(index, "value")
        for item in self.outputs:
            self._use(item, SINK)

    def _use(self, item: Item, by: int) -> None:
        if isinstance(item, State):
            self.named.setdefault(item.unit, "state")
        else:
            self.flows[item].append(by)


@dataclass
class Plan:
    """The form of each unit in the text: in a list of branches, inline, or with a statement of its own."""

    forks: dict[int, int] = field(default_factory=dict)
    """The unit where a list of branches meets, with the unit where it forks."""
    inline: dict[int, int] = field(default_factory=dict)
    """The named units that are written inline, with the consumer at which they are."""
    named: set[int] = field(default_factory=set)
    """The named units that have a statement of their own."""
    inside: set[int] = field(default_factory=set)
    """The units in a branch that begins at a fork."""
    flows: dict[int, list[int]] = field(default_factory=dict)
    """The consumers that take each unit by flow, and not by its name."""


def plan(units: Units, allow_forks: bool = True, forced: Set[int] = frozenset(), body: bool = False) -> Plan:
    """Return the plan of the lists of branches and the names.

    A value with several consumers forks if all its branches meet again, are short, and no value in them is
    used elsewhere. Otherwise the longest branch becomes a named value, until this holds for all. ``forced``
    units have a statement of their own; no unit in the ``body`` of another has.
    """
    found = _plan(units, allow_forks, forced, body)
    apart = set() if body else _own_sources(units, found)
    return _plan(units, allow_forks, forced | apart, body) if apart else found


def _plan(units: Units, allow_forks: bool, forced: Set[int], body: bool) -> Plan:
    fixed = {v.node for v in units.starts}
    flows = {i: list(consumers) for i, consumers in units.flows.items()}
    references: dict[int, list[int]] = {i: [] for i in units.units}
    # A node that is left out of the spec, such as a layer that it cannot say, is not a unit.
    named = (set(units.named) | set(forced)) & units.units.keys() - fixed
    for index in named:
        if not (body and flows[index]):
            references[index] += flows[index]
            flows[index] = []
    while True:
        meets = _meets(units, flows)
        forks = {i: meets[i] for i in units.units if len(flows[i]) > 1}
        wrong = _crossing(units, flows, forks, references, allow_forks or body)
        if wrong is None:
            break
        index, consumer = _longest(flows, wrong)
        flows[index].remove(consumer)
        references[index].append(consumer)
    found = Plan({meet: start for start, meet in forks.items()}, flows=flows)
    found.inside = set(units.units) if body else _inside(flows, forks)
    for index, takers in references.items():
        if (not takers and index not in named) or index in fixed:
            continue
        if flows[index] and index in found.inside:
            found.inline[index] = flows[index][0]
        else:
            found.named.add(index)
    return found


def _own_sources(units: Units, found: Plan) -> set[int]:
    """Return the branches that begin with an input and are long, which read better as a line of their own."""
    apart: set[int] = set()
    for unit in units.units.values():
        relative = unit.index in found.forks or unit.index in found.inside
        if len(unit.items) < 2 or not relative:
            continue
        for item in unit.sources:
            if item in found.forks.values():
                continue
            length, at = 0, item
            while at not in found.inside and (at not in found.named or not units.units[at].items):
                length += 1
                start = found.forks.get(at)
                here = units.units[at]
                if start is None and len(here.items) != 1:
                    if length > LONGEST_SOURCE:
                        apart.add(item)
                    break
                at = start if start is not None else next(iter(here.sources), -1)
                if at not in units.units:
                    break
    return apart


def branch_end(units: Units, found: Plan, index: int) -> int | None:
    """Return the end of a unit's branch, if the branch begins with a source of its own."""
    at = index
    while True:
        takers = found.flows.get(at, [])
        if not takers:
            return None
        (taker, *_) = takers
        several = len(units.outputs if taker == SINK else units.units[taker].items) > 1
        if several and taker not in found.inside and taker not in found.forks:
            return at
        if taker == SINK:
            return None
        at = taker


def _meets(units: Units, flows: dict[int, list[int]]) -> dict[int, int]:
    """Return each unit's immediate post-dominator: the first one through which all its branches lead."""
    meets: dict[int, int] = {SINK: SINK}
    depth = {SINK: 0}
    for index in sorted(units.units, reverse=True):
        takers = list(dict.fromkeys(flows[index]))
        here = takers[0] if takers else SINK
        for other in takers[1:]:
            while here != other:
                if depth[here] >= depth[other]:
                    here = meets[here]
                else:
                    other = meets[other]
        meets[index] = here
        depth[index] = depth[here] + 1
    return meets


def _crossing(
    units: Units,
    flows: dict[int, list[int]],
    forks: dict[int, int],
    references: dict[int, list[int]],
    allow: bool,
) -> list[int] | None:
    """Return the forks that cannot be lists of branches; None if all can."""
    if not forks:
        return None
    if not allow:
        return list(forks)
    at: Counter[int] = Counter(forks.values())
    before: dict[int, list[int]] = {}
    for unit, takers in flows.items():
        for taker in takers:
            before.setdefault(taker, []).append(unit)
    regions = {start: _region(flows, start, meet) for start, meet in forks.items()}
    inside = set().union(*regions.values())
    wrong = []
    for start, meet in forks.items():
        region = regions[start]
        first = min(s for s, m in forks.items() if m == meet)
        several = meet != SINK and len(units.units[meet].items) < 2
        spread = at[meet] > 1 and start != first
        long = len(region) > LONGEST_BRANCH or _nesting(forks, start, meet) > DEEPEST
        sink = meet == SINK and (len(units.outputs) < 2 or start in units.outputs)
        taken = any(references[i] and not flows[i] for i in region)
        if several or spread or long or sink or taken:
            wrong.append(start)
            continue
        # A branch from elsewhere must have its own source: it cannot begin at the fork of an outer list.
        others = {b for i in (*region, meet) for b in before.get(i, ()) if b != start and b not in region}
        wrong += [b for b in others if b in forks]
        if any(b in inside and b not in forks for b in others):
            wrong.append(start)
    return wrong or None


def _region(flows: dict[int, list[int]], start: int, meet: int) -> set[int]:
    found: set[int] = set()
    todo = list(flows[start])
    while todo:
        here = todo.pop()
        if here not in found and here not in (meet, SINK):
            found.add(here)
            todo += flows[here]
    return found


def _nesting(forks: dict[int, int], start: int, meet: int) -> int:
    """Return the number of regions around this one, itself included."""
    end = meet if meet != SINK else 10**9
    return sum(s <= start and (m if m != SINK else 10**9) >= end for s, m in forks.items())


def _longest(flows: dict[int, list[int]], starts: list[int]) -> tuple[int, int]:
    """Return the longest branch from one of these units to a consumer, as its two ends."""
    ways = [(((c if c != SINK else 10**9) - s), s, c) for s in starts for c in flows[s]]
    _, start, consumer = max(ways)
    return start, consumer


def _inside(flows: dict[int, list[int]], forks: dict[int, int]) -> set[int]:
    return set().union(*(_region(flows, s, m) for s, m in forks.items())) if forks else set()
