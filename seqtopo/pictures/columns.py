"""Place the columns of an unrolled picture: which steps of which axis stand where."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqtopo.layers.sizes import Size
from seqtopo.pictures.tiers import Axis, Place, Unrolled, region_of


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
        used = {axis.find(): None for tier in unrolled.tiers for axis in (tier.place.axis, tier.gives.axis)}
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
        """The slot of each column: near the step below it where one is known, else spread over all."""
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
