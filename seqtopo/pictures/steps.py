"""The scene of an unrolled spec: columns of steps, rows of layers, and the ways between them.

It is laid out from the inputs down, like a graph, and then turned over: inputs lie at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from seqtopo.pictures.columns import Column
from seqtopo.pictures.routing import Net, assign_tracks, spread
from seqtopo.pictures.scene import Box, Line, Point, Scene, Style, Text, straightened
from seqtopo.pictures.step_cells import AFTER, Cell, Cells, chain_of, words_beside
from seqtopo.pictures.tiers import Link, Tier, region_of

DOTS, GONE = "⋯", "✕"


@dataclass(eq=False)
class _Wire:
    """From one or more cells to cells above, as one line that branches; ``at`` is where it passes rows."""

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
        """Boxes, lines and texts at their places."""
        self.out = Scene()
        self._lanes()
        self.joined = {i for i, tier in enumerate(self.tiers) if tier.kind == "bar" and self._crossed(tier)}
        self._places()
        for i, tier in enumerate(self.tiers):
            self._make_cells(i, tier)
        wires = self._wires()
        self._route(wires)
        for i, tier in enumerate(self.tiers):
            self._draw_tier(i, tier)
        for wire in wires:
            self._draw_wire(wire)
        self._draw_states()
        found = self._turned()
        found.title, found.about = title, about
        return found

    # ---- wires -------------------------------------------------------------------------------------

    def _wires(self) -> list[_Wire]:
        found: dict[tuple[int, str, int], _Wire] = {}
        for i, tier in enumerate(self.tiers):
            for link in self._links(tier):
                gives = self._gives(link.source, link)
                if link.way == "step":
                    pairs = [
                        (n, [cell], target)
                        for n, cell in enumerate(gives)
                        if (target := self._takes(i, cell, link)) is not None
                    ]
                elif link.way == "spread":
                    pairs = [(-1, gives, cell) for cell in self.cells[i].values()]
                else:
                    pairs = [(-1, gives, self._end(i, link))]
                for n, sources, target in pairs:
                    wire = found.get((link.source, chain_of(link), n))
                    if wire is None:
                        wire = _Wire(sources, link.style, self._passes(link, sources))
                        found[link.source, chain_of(link), n] = wire
                    if target not in wire.targets:
                        wire.targets.append(target)
        return list(found.values())

    def _takes(self, i: int, cell: Cell, link: Link) -> Cell | None:
        """Where the step of a cell goes in a tier."""
        if i in self.bars:
            return self._touch(i, cell.x)
        source, own = self.tiers[link.source], self.tiers[i]
        if source.gives.axis.find() is own.place.axis.find() or cell.slot in self.cells[i]:
            return self.cells[i].get(cell.slot)
        return None

    def _end(self, i: int, link: Link) -> Cell:
        """Where everything goes that comes to one place of a tier."""
        tier = self.tiers[i]
        if i in self.bars:
            own = region_of(tier.place.axis)
            other = region_of(self.tiers[link.source].place.axis)
            left = self.regions.index(other) <= self.regions.index(own)
            bar = self.bars[i]
            return self._touch(i, bar.left if left else bar.right)
        cells = list(self.cells[i].values())
        return cells[-1] if tier.direction == "backward" or not tier.place.many else cells[0]

    def _passes(self, link: Link, sources: list[Cell]) -> int:
        """Where a wire passes the cells of the rows between."""
        last = max(sources, key=lambda cell: cell.x)
        if self.straight.get(link.source) == chain_of(link):
            return last.x
        region = region_of(self.tiers[link.source].place.axis)
        slots = self.slots[region]
        near = min(slots, key=lambda x: (abs(x - last.x), x))
        right = near - self.width[region] // 2 + self.width[region]
        lane = self.lane.get((link.source, chain_of(link)), 0)
        return right + (1 if self.m.cells else 8) + lane * self.m.beside

    def _route(self, wires: list[_Wire]) -> None:
        """Where each wire arrives and turns, and with that the heights of rows and gaps."""
        m = self.m
        arriving: dict[Cell, list[_Wire]] = {}
        for wire in wires:
            for target in wire.targets:
                arriving.setdefault(target, []).append(wire)
        self.arrive: dict[tuple[Cell, _Wire], int] = {}
        for cell, own in arriving.items():
            wanted = [self._from(wire, cell) for wire in own]
            pad = 1 if m.cells else 7
            places = spread(wanted, [m.beside] * len(own), cell.left + pad, cell.right - 1 - pad)
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
            if any(t.row == row and self._dropping(t) for t in self.tiers):
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
        if len([target for target in wire.targets if target.row == cell.row]) > 1:
            return cell.x
        if cell.row > wire.low + 1:
            return wire.at
        return min((source.x for source in wire.sources), key=lambda x: abs(x - cell.x))

    def _dropping(self, tier: Tier) -> bool:
        """Whether steps of a tier give nothing on: those are marked."""
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
                self._gone(cell.x, middle)
            elif cell.solid:
                self._box(cell, tier)
        if i in self.bars:
            return
        if self._dropping(tier):
            kept = {cell.slot for cell in self._gives(i, Link(i, "one"))}
            for cell in cells:
                if cell.slot not in kept:
                    self._dropped(cell)
        for column in self._dots(i, tier):
            x = self.slots[region][column.slot]
            for y in self._lines_of(tier):
                out.texts.append(Text(x, y, DOTS, "title", "middle", m.width(DOTS, "title")))

    def _dots(self, i: int, tier: Tier) -> list[Column]:
        """The dots between the cells of a tier."""
        dots = self.columns.dots(tier.gives if tier.kind == "range" else tier.place)
        return [column for column in dots if column.slot not in self.cells[i]]

    def _box(self, cell: Cell, tier: Tier) -> None:
        m = self.m
        y = self.ys[cell.row]
        family = "empty" if tier.kind in ("copies", "range") else tier.family
        self.out.boxes.append(Box(cell.left, y, cell.right - cell.left, self.hs[cell.row], family))
        for word, at in zip(cell.word, self._lines_of(tier), strict=True):
            w = m.width(word, "title") + (m.width(cell.sub) if cell.sub else 0)
            self.out.texts.append(Text(cell.x, at, word, "title", "middle", w, cell.sub))

    def _lines_of(self, tier: Tier) -> tuple[int, ...]:
        """The heights of the words in a cell: of both directions, forward is nearer to the input."""
        middle = self._middle(tier.row)
        apart = 1 if self.m.cells else 13
        return (middle - apart, middle + apart) if tier.direction == "both" else (middle,)

    def _dropped(self, cell: Cell) -> None:
        """A short line out of a cell, that ends."""
        start = self.ys[cell.row] + self.hs[cell.row]
        if not self.m.cells:
            self.out.lines.append(Line(((cell.x, start), (cell.x, start + 7)), "dropped", arrow=False))
        self._gone(cell.x, start if self.m.cells else start + 13)

    def _gone(self, x: int, y: int) -> None:
        w = self.m.width(GONE)
        self.out.texts.append(Text(x, y, GONE, "small", "middle", w, faint=True))

    def _draw_wire(self, wire: _Wire) -> None:
        for n, source in enumerate(wire.sources):
            for target in wire.targets if n == 0 else wire.targets[:1]:
                self._draw_way(wire, source, target)

    def _draw_way(self, wire: _Wire, source: Cell, target: Cell) -> None:
        start = self.ys[source.row] + self.hs[source.row] if source.solid else self.gaps[source.row]
        points: list[Point] = [(source.x, start)]
        for row in range(wire.low, target.row):
            last = row + 1 == target.row
            x = self.arrive[target, wire] if last else wire.at
            net = wire.nets[row]
            if net.track >= 0:
                m = self.m
                y = self.gaps[row] + (net.track if m.cells else net.track * m.beside + m.beside // 2)
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
            self.out.lines.append(Line(way, style, arrow=target.solid))

    # ---- states ------------------------------------------------------------------------------------

    def _draw_states(self) -> None:
        for i, tier in enumerate(self.tiers):
            if tier.direction or i in self.joined:
                self._passed_on(i, tier)
            for link in tier.state:
                if self.tiers[link.source].row == tier.row:
                    source = self._gives(link.source, link)[-1]
                    first = min(self.cells[i].values(), key=lambda cell: cell.x)
                    self._across(source.right, first.left, self._middle(tier.row), "state")

    def _passed_on(self, i: int, tier: Tier) -> None:
        """From each step to the next one."""
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
                self._across(*((right, left) if back else (left, right)), y, "data", bool(tier.direction))
        if tier.stateful:
            y, back = self._middle(tier.row), tier.direction == "backward"
            low, high = ends[0][0] - self.gutter, ends[-1][1] + self.gutter
            self._across(*((ends[0][0], low) if back else (low, ends[0][0])), y, "state")
            self._across(*((high, ends[-1][1]) if back else (ends[-1][1], high)), y, "state")
            w = self.m.width(AFTER)
            self.out.texts.append(Text(high + self.m.label, y, AFTER, "small", "start", w, faint=True))

    def _across(self, start: int, end: int, y: int, style: Style, arrow: bool = True) -> None:
        """A horizontal arrow. In cells, one to the left begins and ends on the other side of its cells."""
        shift = -1 if self.m.cells and end < start else 0
        self.out.lines.append(Line(((start + shift, y), (end + shift, y)), style, arrow))

    # ---- turned over -------------------------------------------------------------------------------

    def _turned(self) -> Scene:
        flip = self.h - 1 if self.m.cells else self.h
        found = Scene(w=self.w, h=self.h)
        for b in self.out.boxes:
            found.boxes.append(Box(b.x, self.h - b.y - b.h, b.w, b.h, b.family, b.copies))
        for line in self.out.lines:
            turned = tuple((x, flip - y) for x, y in line.points)
            found.lines.append(Line(turned, line.style, line.arrow))
        for t in self.out.texts:
            found.texts.append(Text(t.x, flip - t.y, t.text, t.size, t.anchor, t.w, t.sub, t.faint))
        return found
