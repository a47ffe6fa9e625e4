"""Define the axes and tiers of an unrolled picture, and choose which stand side by side and in which rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.layers.sizes import Size
from seqtopo.pictures.plan import Feedback
from seqtopo.pictures.reading import Reads
from seqtopo.pictures.scene import Style
from seqtopo.source import Source, Span

Kind = Literal["steps", "copies", "range", "bar", "vector", "output"]
Way = Literal["step", "gather", "spread", "one"]
"""The ways of feeding a tier: step by step, all steps to one place, one to all steps, one to one."""


@dataclass(eq=False)
class Axis:
    """One sequence of time steps: its last step, and the steps that are shown, by their order."""

    last: Size
    number: int
    alone: bool = False
    """True if it is not a sequence, but the place of a vector that comes from nowhere in time."""
    marks: dict[int, Size] = field(default_factory=dict)
    root: Axis | None = None
    region: Axis | None = None
    """The axis with which it shares its columns, where it is not the same."""
    above: Callable[[int], int | None] | None = None
    """Above which step of that axis one of its own is best, by their orders."""

    def find(self) -> Axis:
        """Return the axis that it was found to be the same as."""
        return self if self.root is None else self.root.find()

    def mark(self, number: int, step: Size) -> None:
        """Show a step, whose place in the order of steps is the number."""
        self.find().marks.setdefault(number, step)


@dataclass(frozen=True)
class Place:
    """The place of a value: the steps from ``first`` to ``last`` of an axis, or ``last`` alone."""

    axis: Axis
    first: Size
    last: Size
    many: bool = True


@dataclass
class Link:
    """A connection from another tier; ``place`` is the place of the value that it carries.

    ``reads`` gives the source steps of each step, where those are a window; both count from 1.
    """

    source: int
    way: Way
    style: Style
    place: Place
    reads: Reads | None = None
    alone: bool = False
    """True if each of its steps counts for the same step alone, as that of a query."""
    to_last: bool = False
    """True if a state goes to the last step, where the reading backwards begins."""


@dataclass
class Tier:
    """One layer along the steps: ``place`` is the place of its cells, ``output`` that of its output."""

    kind: Kind
    family: str
    word: str
    title: str
    note: str
    place: Place
    output: Place
    links: list[Link] = field(default_factory=list)
    state: list[Link] = field(default_factory=list)
    direction: Literal["", "forward", "backward", "both"] = ""
    stateful: bool = False
    turns: bool = False
    """True if its first output step is that of its last cell."""
    ends: list[Size] = field(default_factory=list)
    """The steps whose outputs are used, if the others are dropped."""
    row: int = 0

    @property
    def cells_from(self) -> Place:
        """The place whose first step has the first cell."""
        return self.output if self.kind == "range" else self.place

    @property
    def short(self) -> str:
        """The word without arguments."""
        return self.word.partition("(")[0]


@dataclass
class Unrolled:
    """All tiers, the axes from left to right, and a number for each step to put steps in order."""

    tiers: list[Tier]
    regions: list[Axis]
    order: Callable[[Size], int]
    nodes: list[int] = field(default_factory=list)
    """The node of the graph that each tier shows; outputs come after them."""
    back: tuple[int, int] | None = None
    """The tiers of an output and of the input whose next step it becomes."""

    def feed_back(self, back: Feedback, source: Source | None = None) -> None:
        """Draw an output at every step as the next step of an input.

        Raises:
            SpecError: there is no output at every step of that input.
        """
        tiers = len(self.nodes) + back.output, self.nodes.index(back.node)
        given, taken = (self.tiers[i].output for i in tiers)
        ends = given.axis.find(), self.order(given.first), self.order(given.last)
        if not given.many or ends != (taken.axis.find(), self.order(taken.first), self.order(taken.last)):
            raise SpecError(
                (
                    Diagnostic(
                        "ST454",
                        "side by side, only an output at every step of the input is fed back, each to the "
                        "step after it",
                        Span(0, 0),
                        help="leave out --unrolled: then the arrow goes from the output to the input",
                        source=source,
                    ),
                )
            )
        self.back = tiers


def region_of(axis: Axis) -> Axis:
    """Return the axis whose columns an axis shares."""
    axis = axis.find()
    return region_of(axis.region) if axis.region is not None else axis


class TooMuch(Exception):  # noqa: N818  (it is an answer, not a failure)
    """Raised if a spec has no such picture, or a too large one; its text says which."""


@dataclass(frozen=True)
class Column:
    """One step that is shown; ``size`` is None for the dots that stand for those between."""

    slot: int
    order: int
    size: Size | None


class Columns:
    """The columns of each axis, in slots of its region; several axes may share a region's slots."""

    def __init__(self, unrolled: Unrolled) -> None:
        self.order = unrolled.order
        self.regions = unrolled.regions
        used = {axis.find(): None for tier in unrolled.tiers for axis in (tier.place.axis, tier.output.axis)}
        self.rows: dict[Axis, list[tuple[int, Size | None]]] = {axis: _columns(axis) for axis in used}
        self.count: dict[Axis, int] = {}
        self.slots: dict[Axis, list[int]] = {}
        for axis, row in self.rows.items():
            region = region_of(axis)
            self.count[region] = max(self.count.get(region, 1), len(row))

    def of(self, axis: Axis) -> list[Column]:
        """Return all columns of an axis, dots included."""
        axis = axis.find()
        if axis not in self.slots:
            self.slots[axis] = self._slots(axis)
        return [
            Column(slot, order, size)
            for slot, (order, size) in zip(self.slots[axis], self.rows[axis], strict=True)
        ]

    def _slots(self, axis: Axis) -> list[int]:
        """Return the slot of each column: near the step below it if one is known, else spread over all."""
        row, count = self.rows[axis], self.count[region_of(axis)]
        wanted = [i * (count - 1) // max(1, len(row) - 1) for i in range(len(row))]
        base = axis.region.find() if axis.region is not None else None
        if axis.above is not None and base is not None and base in self.rows:
            below = self.of(base)
            for i, (order, size) in enumerate(row):
                step = axis.above(order) if size is not None else None
                if step is not None:
                    wanted[i] = min(below, key=lambda c: (abs(c.order - step), c.slot)).slot
                elif i:
                    wanted[i] = wanted[i - 1] + 1
        for i in range(1, len(row)):
            wanted[i] = max(wanted[i], wanted[i - 1] + 1)
        for i in reversed(range(len(row))):
            wanted[i] = min(wanted[i], count - len(row) + i)
        return wanted

    def steps(self, place: Place) -> list[Column]:
        """Return the steps of a place that are shown."""
        low, high = self.order(place.first), self.order(place.last)
        if place.axis.alone:
            return self.of(place.axis)[:1]
        found = [c for c in self.of(place.axis) if c.size is not None and low <= c.order <= high]
        return found or self.of(place.axis)[-1:]

    def at(self, place: Place, step: Size) -> list[Column]:
        """Return the column of one step of a place, the nearest that is shown."""
        return self.steps(Place(place.axis, step, step))[:1]

    def dots(self, place: Place) -> list[Column]:
        """Return the dots between steps of a place."""
        shown = self.steps(place)
        low, high = shown[0].slot, shown[-1].slot
        return [c for c in self.of(place.axis) if c.size is None and low < c.slot < high]


def _columns(axis: Axis) -> list[tuple[int, Size | None]]:
    marks = sorted(axis.marks.items())
    found: list[tuple[int, Size | None]] = []
    for i, (order, size) in enumerate(marks):
        if i and size - marks[i - 1][1] != 1:
            found.append((order, None))
        found.append((order, size))
    return found


def step_word(size: Size) -> str:
    """Return the number of a step, as one would write it.

    >>> from seqtopo.layers.sizes import symbol
    >>> step_word(1 - symbol("N") + symbol("T"))
    'T-N+1'
    """
    text = str(size)
    if "(" in text:
        return text
    terms = re.findall(r"[+-]?[^+-]+", text)
    terms.sort(key=lambda term: (term.strip("+-").isdigit(), term.startswith("-"), -ord(term.strip("+-")[0])))
    signed = [term if term.startswith(("+", "-")) else f"+{term}" for term in terms]
    return "".join(signed).removeprefix("+")


MOST_ROWS = 40
MOST_AXES = 8


def side_by_side(tiers: Sequence[Tier], axes: Sequence[Axis]) -> list[Axis]:
    """Return the axes that have columns of their own, from left to right: what is needed first is left.

    Raises:
        TooMuch: more than can be shown.
    """
    found = list(dict.fromkeys(region_of(axis) for axis in axes))
    if len(found) > MOST_AXES:
        raise TooMuch(f"{len(found)} sequences side by side are too many to show; {MOST_AXES} are the most")
    before: dict[Axis, set[Axis]] = {axis: set() for axis in found}
    for tier in tiers:
        own = region_of(tier.place.axis)
        for link in (*tier.links, *tier.state):
            other = region_of(tiers[link.source].place.axis)
            if other is not own:
                before[own].add(other)
    order: list[Axis] = []
    while len(order) < len(found):
        ready = [a for a in found if a not in order and before[a] <= set(order)]
        order.append((ready or [a for a in found if a not in order])[0])
    return order


def stack(tiers: Sequence[Tier], regions: Sequence[Axis]) -> None:
    """Give each tier a row above all that feeds it; one that starts from another's state lies beside it,
    where nothing lies between.

    Raises:
        TooMuch: more rows than can be shown.
    """
    _Stacking(tiers, regions).rows()


class _Stacking:
    def __init__(self, tiers: Sequence[Tier], regions: Sequence[Axis]) -> None:
        self.tiers = tiers
        self.regions = list(regions)

    def rows(self) -> None:
        beside = {i: i for i in range(len(self.tiers))}
        for i, tier in enumerate(self.tiers):
            for link in tier.state:
                if all(map(self._goes_across, tier.state)) and self._may_lie_beside(i, link.source, beside):
                    beside[_top(beside, i)] = _top(beside, link.source)
        groups: dict[int, list[int]] = {}
        for i in range(len(self.tiers)):
            groups.setdefault(_top(beside, i), []).append(i)
        taken: set[tuple[Axis, int]] = set()
        done: set[int] = set()
        waiting = list(groups.values())
        while waiting:
            group = next(g for g in waiting if all(s in done for i in g for s in self._sources(i, g)))
            waiting.remove(group)
            low = max((self.tiers[s].row + 1 for i in group for s in self._sources(i, group)), default=0)
            while any((region_of(self.tiers[i].place.axis), low) in taken for i in group):
                low += 1
            for i in group:
                self.tiers[i].row = low
                taken.add((region_of(self.tiers[i].place.axis), low))
                done.add(i)
        rows = max(tier.row for tier in self.tiers) + 1
        if rows > MOST_ROWS:
            raise TooMuch(f"{rows} rows on top of each other are too many to show; {MOST_ROWS} are the most")

    def _sources(self, i: int, group: list[int]) -> Iterator[int]:
        tier = self.tiers[i]
        for link in (*tier.links, *tier.state):
            if link.source not in group:
                yield link.source

    def _goes_across(self, link: Link) -> bool:
        """Return whether a state goes from the last step of one layer to the first of the next."""
        last = self.tiers[link.source].place.last
        return link.way == "one" and not link.to_last and link.place.last == last

    def _may_lie_beside(self, i: int, source: int, beside: dict[int, int]) -> bool:
        ours, theirs = region_of(self.tiers[i].place.axis), region_of(self.tiers[source].place.axis)
        if self.regions.index(theirs) + 1 != self.regions.index(ours):
            return False
        members = {k for k in beside if _top(beside, k) in (_top(beside, i), _top(beside, source))}
        if len({region_of(self.tiers[k].place.axis) for k in members}) < len(members):
            return False
        # Nothing between the two may have to lie above one and below the other.
        todo = [s for k in members for s in self._sources(k, list(members))]
        seen: set[int] = set()
        while todo:
            k = todo.pop()
            if k in members:
                return False
            if k not in seen:
                seen.add(k)
                same = [n for n in beside if _top(beside, n) == _top(beside, k)]
                todo += [s for n in same for s in self._sources(n, same)]
        return True


def _top(beside: dict[int, int], i: int) -> int:
    while beside[i] != i:
        i = beside[i]
    return i
