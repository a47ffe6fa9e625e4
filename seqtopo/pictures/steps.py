"""Draw the scene of an unrolled spec: columns of steps, rows of layers, and the lines between them.

It is laid out from the inputs down, like a graph, and then turned over: inputs lie at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from seqtopo.pictures.reading import reads_between
from seqtopo.pictures.routing import Net, assign_tracks, spread
from seqtopo.pictures.scene import Box, Line, Point, Scene, Style, Text, straightened
from seqtopo.pictures.step_cells import AFTER, Cell, Cells, words_beside
from seqtopo.pictures.tiers import Column, Link, Tier, region_of

DOTS, GONE = "⋯", "✕"
HIDDEN = "⋯ are steps that are left out; an arrow from there comes from one of them or several."


@dataclass(eq=False)
class _Wire:
    """A line that branches, from one or more cells to cells above; ``at`` is where it passes rows."""

    sources: list[Cell]
    style: Style
    at: int
    targets: list[Cell] = field(default_factory=list)
    nets: dict[int, Net] = field(default_factory=dict)

    @property
    def low(self) -> int:
        """The row that it begins in."""
        return self.sources[0].row

    @property
    def high(self) -> int:
        """The last row that it leads to."""
        return max(cell.row for cell in self.targets)


class Steps(Cells):
    """The layout of an unrolled spec: what ``Cells`` has, and the ways between them."""

    def scene(self, title: str = "", about: str = "") -> Scene:
        """Return the boxes, lines and texts at their places."""
        self.out = Scene()
        self._lanes()
        self.joined = {i for i, tier in enumerate(self.tiers) if tier.kind == "bar" and self._crossed(tier)}
        self._lanes()
        self._places()
        for i, tier in enumerate(self.tiers):
            self._make_cells(i, tier)
        wires = self._wires()
        self._route(wires)
        for i, tier in enumerate(self.tiers):
            self._draw_tier(i, tier)
        for number, wire in enumerate(wires, 1):
            self._draw_wire(wire, number)
        self._draw_states()
        self._draw_feedback()
        found = self._turned()
        found.title, found.about = title, about
        return found

    # ---- wires -------------------------------------------------------------------------------------

    def _wires(self) -> list[_Wire]:
        found: dict[tuple[int, str, int], _Wire] = {}
        for i, tier in enumerate(self.tiers):
            for link in self._links(tier):
                for n, sources, targets in self._ways(i, link):
                    chain = self._chain(i, link)
                    wire = found.get((link.source, chain, n))
                    if wire is None:
                        wire = _Wire(sources, link.style, self._passes(link, chain, sources))
                        found[link.source, chain, n] = wire
                    wire.targets += [target for target in targets if target not in wire.targets]
        return list(found.values())

    def _ways(self, i: int, link: Link) -> list[tuple[int, list[Cell], list[Cell]]]:
        """Return the groups of lines of a link: the slot of the step, or -1 for all, the source cells,
        and the target cells.
        """
        gives = self._gives(link)
        joined = self._is_joined(i, link)
        if link.way == "step" and not joined:
            ways = self._windows(i, link) if link.reads is not None else self._in_step(i, gives, link)
            if ways:
                return ways
        if link.way == "spread" or joined or self.tiers[i].kind == "copies":
            return [(-1, gives, list(self.cells[i].values()))]
        return [(-1, gives, [self._end(i, link)])]

    def _in_step(self, i: int, gives: list[Cell], link: Link) -> list[tuple[int, list[Cell], list[Cell]]]:
        """Return each step with the cell above it: that of the same step or, of a bar, the place."""
        found: list[tuple[int, list[Cell], list[Cell]]] = []
        for cell in gives:
            above = self._touch(i, cell.x) if i in self.bars else self.cells[i].get(cell.slot)
            if above is not None:
                found.append((cell.slot, [cell], [above]))
        return found

    def _windows(self, i: int, link: Link) -> list[tuple[int, list[Cell], list[Cell]]]:
        """Return each step with the cells that are made of it; for steps that are not shown, the dots."""
        assert link.reads is not None
        order, tier = self.columns.order, self.tiers[i]
        first = order(tier.cells_from.first)
        base = order(link.place.first) - 1
        shown = self.columns.steps(link.place)
        numbers = {column.slot: column.order - base for column in shown}
        sources = dict(zip(numbers, self._gives(link), strict=True))
        found: dict[int, tuple[int, list[Cell], list[Cell]]] = {}
        dots = self.columns.dots(link.place)
        # Of a range, those that it leaves out have a cell, too: the mark at which a line ends.
        columns = {c.slot: c for place in (tier.place, tier.output) for c in self.columns.steps(place)}
        for column in columns.values():
            target = self.cells[i][column.slot]
            read = link.reads(column.order - first + 1)
            for slot, source in sources.items():
                if numbers[slot] in read:
                    found.setdefault(slot, (slot, [source], []))[2].append(target)
            for dot in dots:
                low = max(numbers[slot] for slot in numbers if slot < dot.slot)
                high = min(numbers[slot] for slot in numbers if slot > dot.slot)
                if reads_between(read, low, high):
                    found.setdefault(dot.slot, (dot.slot, [self._hidden(link, dot)], []))[2].append(target)
        return list(found.values())

    def _end(self, i: int, link: Link) -> Cell:
        """Return the cell at which the lines to one place of a tier arrive."""
        tier = self.tiers[i]
        if i in self.bars:
            own = region_of(tier.place.axis)
            other = region_of(self.tiers[link.source].place.axis)
            left = self.regions.index(other) <= self.regions.index(own)
            bar = self.bars[i]
            return self._touch(i, bar.left if left else bar.right)
        cells = sorted(self.cells[i].values(), key=lambda cell: cell.slot)
        return cells[-1] if link.to_last or not tier.place.many else cells[0]

    def _passes(self, link: Link, chain: str, sources: list[Cell]) -> int:
        """Return the x at which a wire passes the cells of the rows between."""
        last = max(sources, key=lambda cell: cell.x)
        if self.straight.get(link.source) == chain:
            return last.x
        region = region_of(self.tiers[link.source].place.axis)
        slots = self.slots[region]
        near = min(slots, key=lambda x: (abs(x - last.x), x))
        right = near - self.width[region] // 2 + self.width[region]
        lane = self.lane.get((link.source, chain), 0)
        return right + (1 if self.m.cells else 8) + lane * self.m.beside

    def _route(self, wires: list[_Wire]) -> None:
        """Set where each wire arrives and turns, and with that the heights of rows and gaps."""
        m = self.m
        arriving: dict[Cell, list[_Wire]] = {}
        for wire in wires:
            for target in wire.targets:
                arriving.setdefault(target, []).append(wire)
        self.arrive: dict[tuple[Cell, _Wire], int] = {}
        for cell, own in arriving.items():
            wanted = [self._from(wire, cell) for wire in own]
            if len(own) == 1 and sum(target.row == cell.row for target in own[0].targets) > 1:
                wanted = [cell.x]
            pad = 1 if m.cells else 7
            middle = wanted.index(cell.x) if wanted.count(cell.x) == 1 else None
            places = spread(wanted, [m.beside] * len(own), cell.left + pad, cell.right - 1 - pad, middle)
            for wire, x in zip(own, places, strict=True):
                self.arrive[cell, wire] = x if cell.right > cell.left else cell.x
        self.ys: list[int] = []
        self.hs: list[int] = []
        self.gaps: list[int] = []
        y = m.margin
        for row in range(self.rows):
            tall = any(t.row == row and t.direction == "both" for t in self.tiers)
            self.ys.append(y)
            self.hs.append((5 if tall else 3) if m.cells else (58 if tall else 38))
            y += self.hs[-1]
            beside = [t for t in self.tiers if t.row == row]
            if any(map(self._dropping, beside)) or any(map(self._across_from, beside)):
                y += 1 if m.cells else 20
            self.gaps.append(y)
            nets = []
            for wire in wires:
                if wire.low <= row < wire.high:
                    tops = [cell.x for cell in wire.sources] if row == wire.low else [wire.at]
                    bottoms = [self.arrive[c, wire] for c in wire.targets if c.row == row + 1]
                    bottoms += [wire.at] if wire.high > row + 1 else []
                    wire.nets[row] = Net(tops, bottoms)
                    nets.append(wire.nets[row])
            tracks = assign_tracks(nets, 0 if m.cells else m.beside // 2)
            y += m.gap + tracks * (1 if m.cells else m.beside) if row + 1 < self.rows else m.margin
        self.h = y

    def _from(self, wire: _Wire, cell: Cell) -> int:
        if cell.row > wire.low + 1:
            return wire.at
        return min((source.x for source in wire.sources), key=lambda x: abs(x - cell.x))

    def _dropping(self, tier: Tier) -> bool:
        """Return whether some steps of a tier go nowhere: those are marked."""
        return bool(tier.ends) and len(self.columns.steps(tier.place)) > 1

    # ---- drawing -----------------------------------------------------------------------------------

    def _middle(self, row: int) -> int:
        return self.ys[row] + self.hs[row] // 2

    def _draw_tier(self, i: int, tier: Tier) -> None:
        m, out = self.m, self.out
        middle = self._middle(tier.row)
        apart = 1 if m.cells else 9
        region = region_of(tier.place.axis)
        for (text, size), y in zip(
            words_beside(tier, self.narrow), (middle + apart, middle - apart), strict=True
        ):
            if text:
                faint = size == "small"
                w = m.width(text, size)
                out.texts.append(Text(self.beside[region], y, text, size, "end", w, faint=faint))
        cells = [self.bars[i]] if i in self.bars else list(self.cells[i].values())
        for cell in cells:
            if cell.gone:
                self._draw_gone(cell.x, middle)
            elif cell.solid:
                self._box(cell, i)
        if i in self.bars:
            return
        if self._dropping(tier):
            kept = {s.slot for end in tier.ends for s in self.columns.at(tier.place, end)}
            for cell in cells:
                if cell.slot not in kept:
                    self._draw_dropped(cell)
        for column in self._dots(i, tier):
            x = self.slots[region][column.slot]
            for y in self._lines_of(tier):
                out.texts.append(Text(x, y, DOTS, "title", "middle", m.width(DOTS, "title")))

    def _dots(self, i: int, tier: Tier) -> list[Column]:
        """Return the dots between the cells of a tier."""
        dots = self.columns.dots(tier.output if tier.kind == "range" else tier.place)
        return [column for column in dots if column.slot not in self.cells[i]]

    def _box(self, cell: Cell, i: int) -> None:
        m, tier = self.m, self.tiers[i]
        y = self.ys[cell.row]
        family = "empty" if tier.kind in ("copies", "range") else tier.family
        self.out.boxes.append(Box(cell.left, y, cell.right - cell.left, self.hs[cell.row], family, shows=i))
        for word, at in zip(cell.word, self._lines_of(tier), strict=True):
            w = m.width(word, "title") + (m.width(cell.sub) if cell.sub else 0)
            self.out.texts.append(Text(cell.x, at, word, "title", "middle", w, cell.sub))

    def _lines_of(self, tier: Tier) -> tuple[int, ...]:
        """Return the heights of the words in a cell: of both directions, forward is nearer to the input."""
        middle = self._middle(tier.row)
        apart = 1 if self.m.cells else 13
        return (middle - apart, middle + apart) if tier.direction == "both" else (middle,)

    def _draw_dropped(self, cell: Cell) -> None:
        """Draw a short line out of a cell, that ends."""
        start = self.ys[cell.row] + self.hs[cell.row]
        if not self.m.cells:
            self.out.lines.append(Line(((cell.x, start), (cell.x, start + 7)), "dropped", arrow=False))
        self._draw_gone(cell.x, start if self.m.cells else start + 13)

    def _draw_gone(self, x: int, y: int) -> None:
        w = self.m.width(GONE)
        self.out.texts.append(Text(x, y, GONE, "small", "middle", w, faint=True))

    def _draw_wire(self, wire: _Wire, net: int) -> None:
        for n, source in enumerate(wire.sources):
            near = min(wire.targets, key=lambda cell: (abs(cell.x - source.x), cell.row))
            for target in wire.targets if n == 0 else [near]:
                self._draw_way(wire, source, target, net)

    def _draw_way(self, wire: _Wire, source: Cell, target: Cell, net: int) -> None:
        start = self.ys[source.row] + self.hs[source.row] if source.solid else self.gaps[source.row]
        points: list[Point] = [(source.x, start)]
        for row in range(wire.low, target.row):
            last = row + 1 == target.row
            x = self.arrive[target, wire] if last else wire.at
            track = wire.nets[row].track
            if track >= 0:
                m = self.m
                y = self.gaps[row] + (track if m.cells else track * m.beside + m.beside // 2)
                points += [(points[-1][0], y), (x, y)]
        x = self.arrive[target, wire]
        style = wire.style
        if target.solid:
            points.append((x, self.ys[target.row]))
        elif target.gone:
            points.append((x, self._middle(target.row) - (0 if self.m.cells else 7)))
            style = "dropped"
        else:
            points.append((x, self.gaps[target.row]))
        way = straightened(points)
        if len(way) > 1:
            self.out.lines.append(Line(way, style, arrow=target.solid, net=net))

    # ---- states ------------------------------------------------------------------------------------

    def _draw_states(self) -> None:
        for i, tier in enumerate(self.tiers):
            if tier.direction:
                self._draw_passed_on(i, tier)
            for link in self._across_from(tier):
                first = min(self.cells[i].values(), key=lambda cell: cell.x)
                self._draw_handed_over(link, self._gives(link)[-1], first)

    def _draw_handed_over(self, link: Link, source: Cell, first: Cell) -> None:
        """Draw a state from the last step of one layer to the first of the layer beside it.

        The line goes around the words that stand between them.
        """
        m, middle = self.m, self._middle(source.row)
        lanes = self.lanes[region_of(link.place.axis)] * m.beside
        start = source.right + lanes + self.gutter // 2
        end = first.left - (2 if m.cells else 16)
        y = self.ys[source.row] + self.hs[source.row] + (0 if m.cells else 10)
        way = [
            (source.right, middle),
            (start, middle),
            (start, y),
            (end, y),
            (end, middle),
            (first.left, middle),
        ]
        self.out.lines.append(Line(tuple(way), "state"))

    def _draw_passed_on(self, i: int, tier: Tier) -> None:
        """Draw the states from each step to the next one."""
        ends: list[tuple[int, int]] = [(cell.left, cell.right) for cell in self.cells[i].values()]
        half = self.m.width(DOTS, "title") // 2 + (0 if self.m.cells else 2)
        slots = self.slots[region_of(tier.place.axis)]
        more = 1 if self.m.cells else 0
        for column in self._dots(i, tier):
            ends.append((slots[column.slot] - half, slots[column.slot] + half + more))
        ends.sort()
        for n, y in enumerate(self._lines_of(tier)):
            back = tier.direction == "backward" or n == 1
            for (_, left), (right, _) in pairwise(ends):
                self._draw_across(*((right, left) if back else (left, right)), y, "data")
        if tier.stateful:
            y, back = self._middle(tier.row), tier.direction == "backward"
            low, high = ends[0][0] - self.gutter, ends[-1][1] + self.gutter
            self._draw_across(*((ends[0][0], low) if back else (low, ends[0][0])), y, "state")
            self._draw_across(*((high, ends[-1][1]) if back else (ends[-1][1], high)), y, "state")
            w = self.m.width(AFTER)
            self.out.texts.append(Text(high + self.m.label, y, AFTER, "small", "start", w, faint=True))

    def _draw_across(self, start: int, end: int, y: int, style: Style, arrow: bool = True) -> None:
        """Draw a horizontal arrow.

        In cells, one to the left begins and ends on the other side of its cells.
        """
        shift = -1 if self.m.cells and end < start else 0
        self.out.lines.append(Line(((start + shift, y), (end + shift, y)), style, arrow))

    def _draw_feedback(self) -> None:
        """Draw the lines from each output to the next step of the input, between their columns."""
        if self.back is None:
            return
        given, taken = self.back
        region = region_of(self.tiers[taken].place.axis)
        slots, wide = self.slots[region], self.width[region]
        outs = {cell.slot: cell.right for cell in self.cells[given].values()}
        ins = {cell.slot: cell.left for cell in self.cells[taken].values()}
        half = self.m.width(DOTS, "title") // 2 + (0 if self.m.cells else 4)
        for column in self._dots(taken, self.tiers[taken]):
            outs[column.slot] = slots[column.slot] + half + self.m.cells
            ins[column.slot] = slots[column.slot] - half
        top, bottom = self._middle(self.tiers[given].row), self._middle(self.tiers[taken].row)
        for slot, after in pairwise(sorted(outs)):
            x = slots[after] - wide // 2 - (2 if self.m.cells else self.gutter // 2)
            way = (outs[slot], top), (x, top), (x, bottom), (ins[after], bottom)
            self.out.lines.append(Line(way, "state"))

    # ---- turned over -------------------------------------------------------------------------------

    def _turned(self) -> Scene:
        flip = self.h - 1 if self.m.cells else self.h
        found = Scene(w=self.w, h=self.h)
        if self.dotted and not self.narrow:
            w, y = self.m.width(HIDDEN), self.h + (1 if self.m.cells else 0)
            found.texts.append(Text(self.m.margin, y, HIDDEN, "small", "start", w, faint=True))
            found.w = max(found.w, w + 2 * self.m.margin)
            found.h = y + (1 if self.m.cells else self.m.margin)
        for b in self.out.boxes:
            found.boxes.append(Box(b.x, self.h - b.y - b.h, b.w, b.h, b.family, b.copies, b.shows))
        for line in self.out.lines:
            turned = tuple((x, flip - y) for x, y in line.points)
            found.lines.append(Line(turned, line.style, line.arrow, line.net))
        for t in self.out.texts:
            found.texts.append(Text(t.x, flip - t.y, t.text, t.size, t.anchor, t.w, t.sub, t.faint))
        return found
