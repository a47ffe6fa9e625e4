"""The columns of an unrolled picture: which steps of which axis stand where."""

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
        for axis, row in self.rows.items():
            region = region_of(axis)
            self.count[region] = max(self.count.get(region, 1), len(row))

    def of(self, axis: Axis) -> list[Column]:
        """All columns of an axis, dots included."""
        row = self.rows[axis.find()]
        count = self.count[region_of(axis)]
        found = []
        for i, (order, size) in enumerate(row):
            slot = i if len(row) == count else 0 if len(row) == 1 else i * (count - 1) // (len(row) - 1)
            found.append(Column(slot, order, size))
        return found

    def steps(self, place: Place) -> list[Column]:
        """The steps of a place that are shown."""
        low, high = self.order(place.first), self.order(place.last)
        if place.axis.alone:
            return self.of(place.axis)[:1]
        found = [c for c in self.of(place.axis) if c.size is not None and low <= c.order <= high]
        return found or self.of(place.axis)[-1:]

    def at(self, place: Place, step: Size) -> list[Column]:
        """The column of one step of a place, the nearest that is shown."""
        return self.steps(Place(place.axis, step, step))[:1]

    def dots(self, place: Place) -> list[Column]:
        """The dots between steps of a place."""
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
    """The number of a step, as one would write it.

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
