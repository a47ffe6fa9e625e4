"""Place the cells of an unrolled spec: in columns, with lanes beside them for lines that pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seqtopo.diag.renderers.cells import shortened
from seqtopo.pictures.scene import Metrics, Size
from seqtopo.pictures.tiers import Axis, Column, Columns, Link, Tier, Unrolled, region_of, step_word

_WIDEST, _LONGEST, _NARROW = 34, 46, 12
AFTER = "next batch"


@dataclass(eq=False)
class Cell:
    """A box of a row at ``x``, or, where it is not ``solid``, a place that lines pass or end at."""

    row: int
    slot: int
    x: int
    left: int
    right: int
    solid: bool = True
    gone: bool = False
    word: tuple[str, ...] = ()
    sub: str = ""


class Cells:
    """The cells of an unrolled spec, in units of ``metrics``; ``narrow`` leaves out what it can."""

    def __init__(self, unrolled: Unrolled, metrics: Metrics, *, narrow: bool = False) -> None:
        self.m = metrics
        self.narrow = narrow
        self.tiers = unrolled.tiers
        self.regions = unrolled.regions
        self.columns = Columns(unrolled)
        self.back = unrolled.back
        self.rows = max(tier.row for tier in self.tiers) + 1
        self.cells: list[dict[int, Cell]] = [{} for _ in self.tiers]
        self.bars: dict[int, Cell] = {}
        self.joined: set[int] = set()
        self.touched: dict[tuple[int, int, int], Cell] = {}
        self.dotted: dict[tuple[int, int], Cell] = {}

    def _links(self, tier: Tier) -> Iterator[Link]:
        """Yield the links from below; a state from the side is drawn otherwise."""
        yield from tier.links
        for link in tier.state:
            if self.tiers[link.source].row != tier.row:
                yield link

    def _chain(self, i: int, link: Link) -> str:
        """Return the wire on which a link goes: single steps, all of them as a whole, or a state."""
        if link.style == "state":
            return f"state {link.place.last}"
        return f"{'step' if link.way == 'step' and not self._is_joined(i, link) else 'whole'} {link.style}"

    def _is_joined(self, i: int, link: Link) -> bool:
        """Return whether every step of the source goes to every cell."""
        return i in self.joined and not link.alone

    def _across_from(self, tier: Tier) -> list[Link]:
        """Return the states that come from the layer beside it."""
        return [link for link in tier.state if self.tiers[link.source].row == tier.row]

    def _lanes(self) -> None:
        """Give each line that passes beside cells of other rows a lane of its own."""
        reach: dict[tuple[int, str], int] = {}
        for i, tier in enumerate(self.tiers):
            for link in self._links(tier):
                key = (link.source, self._chain(i, link))
                reach[key] = max(reach.get(key, 0), tier.row)
        self.lane: dict[tuple[int, str], int] = {}
        self.straight: dict[int, str] = {}
        busy: dict[Axis, list[list[tuple[int, int]]]] = {region: [] for region in self.regions}
        for key, high in sorted(reach.items()):
            low = self.tiers[key[0]].row
            if high <= low + 1:
                continue
            region = region_of(self.tiers[key[0]].place.axis)
            between = [t for t in self.tiers if low < t.row < high and region_of(t.place.axis) is region]
            if not between and self.straight.setdefault(*key) == key[1]:
                continue
            lanes = busy[region]
            free = (n for n, spans in enumerate(lanes) if all(high <= a or b <= low for a, b in spans))
            lane = next(free, len(lanes))
            if lane == len(lanes):
                lanes.append([])
            lanes[lane].append((low, high))
            self.lane[key] = lane
        self.busy = busy
        self.lanes = {region: len(lanes) for region, lanes in busy.items()}

    def _crossed(self, tier: Tier) -> bool:
        """Return whether a line passes the row of a bar, which is then drawn as joined cells."""
        region = region_of(tier.place.axis)
        if self.back is not None:
            given, taken = (self.tiers[i] for i in self.back)
            if region is region_of(given.place.axis) and taken.row < tier.row < given.row:
                return True
        spans = self.busy[region]
        return any(low < tier.row < high for lane in spans for low, high in lane)

    def _places(self) -> None:
        """Set where the columns of each region are, and the words on their left."""
        m = self.m
        self.slots: dict[Axis, list[int]] = {}
        self.width: dict[Axis, int] = {}
        self.beside: dict[Axis, int] = {}
        self.gutter = 3 if m.cells else 26
        x = m.margin
        for region in self.regions:
            own = [t for t in self.tiers if region_of(t.place.axis) is region]
            x += max(m.width(text, size) for t in own for text, size in words_beside(t, self.narrow))
            self.beside[region] = x
            early = any(t.stateful for t in own)
            across = any(self._across_from(t) for t in own)
            x += (2 if m.cells else 14) + self.gutter * early + (2 if m.cells else 10) * across
            cell = max(m.width(word + sub, "title") for t in own for word, sub in self._words(t))
            cell += 4 if m.cells else 16
            pitch = cell + self.gutter + self.lanes[region] * m.beside
            count = self.columns.count[region]
            self.width[region] = cell
            self.slots[region] = [x + cell // 2 + i * pitch for i in range(count)]
            wide = max((m.width(t.word, "title") + 2 * m.pad_x for t in own if t.kind == "bar"), default=0)
            x += max(count * pitch, wide + self.gutter)
            if early:
                x += m.width(AFTER) + self.gutter + m.label + 1
        self.w = x - self.gutter + m.margin

    def _words(self, tier: Tier) -> Iterator[tuple[str, str]]:
        """Yield the word in each cell of a tier, and its subscript."""
        if tier.kind == "bar" and not self._crossed(tier):
            return
        for column in self.columns.steps(tier.output if tier.kind in ("range", "bar") else tier.place):
            for word in words_in(tier):
                yield word, self._sub(tier, column)

    def _sub(self, tier: Tier, column: Column) -> str:
        numbered = tier.family in ("input", "output") and tier.place.many
        return step_word(column.size) if numbered and column.size is not None else ""

    # ---- cells -------------------------------------------------------------------------------------

    def _make_cells(self, i: int, tier: Tier) -> None:
        taken = self.columns.steps(tier.place)
        region = region_of(tier.place.axis)
        slots, wide = self.slots[region], self.width[region]
        every = [*taken, *self.columns.steps(tier.output)]
        if i in self.joined:
            for column in self.columns.steps(tier.output):
                self.cells[i][column.slot] = self._cell(tier, column, solid=True)
            return
        if tier.kind == "bar":
            left = min(slots[c.slot] for c in every) - wide // 2
            right = max(slots[c.slot] for c in every) - wide // 2 + wide
            right = max(right, left + self.m.width(tier.word, "title") + 2 * self.m.pad_x)
            self.bars[i] = Cell(tier.row, taken[0].slot, (left + right) // 2, left, right, word=(tier.word,))
            return
        incoming = {c.slot for c in taken} if tier.kind == "range" else set()
        gives = self.columns.steps(tier.output) if tier.kind == "range" else taken
        for column in gives:
            self.cells[i][column.slot] = self._cell(tier, column, solid=column.slot not in incoming)
        for column in taken:
            if column.slot not in self.cells[i]:
                self.cells[i][column.slot] = self._cell(tier, column, solid=False, gone=True)

    def _cell(self, tier: Tier, column: Column, *, solid: bool, gone: bool = False) -> Cell:
        region = region_of(tier.place.axis)
        x, wide = self.slots[region][column.slot], self.width[region]
        left, right = (x - wide // 2, x - wide // 2 + wide) if solid else (x, x)
        word, sub = words_in(tier), self._sub(tier, column)
        return Cell(tier.row, column.slot, x, left, right, solid, gone, word, sub)

    def _touch(self, i: int, x: int, slot: int = -1) -> Cell:
        """Return the place at which a line enters or leaves a bar."""
        bar = self.bars[i]
        x = min(max(x, bar.left + self.m.beside // 2), bar.right - self.m.beside // 2)
        return self.touched.setdefault((i, x, slot), Cell(bar.row, slot, x, x, x))

    def _gives(self, link: Link) -> list[Cell]:
        """Return the cells from which the value of a link comes, one for each step."""
        i, tier = link.source, self.tiers[link.source]
        if i in self.bars:
            slots = self.slots[region_of(link.place.axis)]
            return [self._touch(i, slots[c.slot], c.slot) for c in self.columns.steps(link.place)]
        steps = self.columns.steps(link.place)
        if tier.ends and link.style == "data":
            steps = [s for end in tier.ends for s in self.columns.at(tier.place, end)]
        found = [self.cells[i][step.slot] for step in steps if step.slot in self.cells[i]]
        return list(dict.fromkeys(found)) or list(self.cells[i].values())[-1:]

    def _hidden(self, link: Link, column: Column) -> Cell:
        """Return the dots that stand for the hidden steps of a link, as a place from which lines come."""
        x = self.slots[region_of(link.place.axis)][column.slot]
        if link.source in self.bars:
            return self._touch(link.source, x, column.slot)
        row = self.tiers[link.source].row
        return self.dotted.setdefault(
            (link.source, column.slot), Cell(row, column.slot, x, x, x, solid=False)
        )


def words_in(tier: Tier) -> tuple[str, ...]:
    """Return the words in a cell; of both directions, forward comes first."""
    if tier.direction == "both":
        return f"{tier.word} →", f"← {tier.word}"
    return (tier.short,)


def words_beside(tier: Tier, narrow: bool) -> tuple[tuple[str, Size], tuple[str, Size]]:
    """Return the words on the left of a tier: the layer, and below it its output."""
    if narrow:
        return (shortened(tier.title, _NARROW), "title"), ("", "small")
    return (shortened(tier.title, _WIDEST), "title"), (shortened(tier.note, _LONGEST), "small")
