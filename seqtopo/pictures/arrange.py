"""Arrange a plan as a scene: every block gets its size and its place, every arrow its way.

Lines run between the rows of boxes, or through a row where nothing else lies; so none crosses a box, and
labels stand in room that belongs to their box.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from seqtopo.diag.renderers.cells import wrap
from seqtopo.pictures.layering import Edge, Layers, Stretch, layered
from seqtopo.pictures.placing import placed, rails
from seqtopo.pictures.plan import Block, Plan
from seqtopo.pictures.routing import Net, assign_tracks, feed_back, loop_room, looped, spread
from seqtopo.pictures.scene import Box, Line, Metrics, Point, Scene, Size, Text, straightened

SHARED = "Boxes with the same letter share their weights."


def arrange(plan: Plan, metrics: Metrics, title: str = "", about: str = "") -> Scene:
    """Return the scene of a plan, in units of ``metrics``."""
    inner = _Arrangement(plan, metrics).scene()
    margin = metrics.margin
    scene = Scene(title, about, inner.scene.w + 2 * margin, inner.scene.h + 2 * margin)
    inner.scene.shifted_into(scene, margin, margin)
    if plan.back is not None:
        feed_back(scene, plan.back, metrics)
    if metrics.turned:
        scene = scene.turned()
    if _shared(plan):
        w = metrics.width(SHARED)
        y = scene.h - margin + metrics.small_line
        scene.texts.append(Text(margin, y, SHARED, "small", "start", w, faint=True))
        scene.w = max(scene.w, w + 2 * margin)
        scene.h = y + metrics.small_line // 2 + (1 if metrics.cells else margin)
    return scene


def _shared(plan: Plan) -> bool:
    return any(block.tag or (block.inner is not None and _shared(block.inner)) for block in plan.blocks)


@dataclass
class _Inner:
    """A scene with the places at which lines come in from above and go out below."""

    scene: Scene
    entries: list[int]
    exits: list[int]


@dataclass
class _Measured:
    """A block and its room: from its place to the left and to the right, and its heights."""

    block: Block
    left: int = 0
    right: int = 0
    box_left: int = 0
    box_right: int = 0
    box_h: int = 0
    roles: int = 0
    """The height of the words above the box."""
    below: int = 0
    """The height of the labels below it."""
    ports: list[int] = field(default_factory=list)
    lines: list[tuple[str, Size, bool]] = field(default_factory=list)
    inner: _Inner | None = None

    @property
    def h(self) -> int:
        return self.roles + self.box_h + self.below


class _Arrangement:
    def __init__(self, plan: Plan, metrics: Metrics) -> None:
        self.plan = plan
        self.m = metrics
        self.measured = [self._measure(block) for block in plan.blocks]
        self.scene_ = Scene()

    def scene(self) -> _Inner:
        blocks = self.plan.blocks
        entries = [i for i, b in enumerate(blocks) if b.family == "entry"]
        exits = [i for i, b in enumerate(blocks) if b.family == "exit"]
        entries.sort(key=lambda i: blocks[i].number)
        exits.sort(key=lambda i: blocks[i].number)
        edges = [Edge(a.source, a.port, a.target, a.slot) for a in self.plan.arrows]
        layers = layered(len(blocks), edges, entries, exits)
        m = self.m
        self.into: dict[int, list[Stretch]] = {}
        for s in layers.stretches:
            self.into.setdefault(s.bottom, []).append(s)
        straight = rails(layers)
        self.straight = set(straight)
        self._widen(layers)
        extents = [(s.left, s.right) for s in self.measured]
        extents += [(0, 0)] * (len(layers.ranks) - len(extents))
        between = [m.beside if layers.is_stand_in(e) else m.between for e in range(len(extents))]
        xs = placed(layers, extents, between, straight, self._shift)
        low = min((x - e[0] for x, e in zip(xs, extents, strict=True)), default=0)
        self.xs = [x - low for x in xs]
        self.scene_.w = max((x + e[1] for x, e in zip(self.xs, extents, strict=True)), default=0)
        self._slots()
        self._rows(layers, framed=bool(entries or exits))
        self._lines(layers)
        for i in range(len(blocks)):
            self._draw(i)
        return _Inner(self.scene_, [self.xs[i] for i in entries], [self.xs[i] for i in exits])

    # ---- sizes -----------------------------------------------------------------------------------

    def _measure(self, block: Block) -> _Measured:
        m = self.m
        found = _Measured(block)
        if block.family in ("entry", "exit"):
            found.ports = [0]
            found.left = m.label
        elif block.inner is not None:
            self._measure_frame(found, block.inner)
        else:
            self._measure_box(found)
        if block.family != "exit" and any(port.label for port in block.ports):
            found.below = m.along([port.label for port in block.ports]) + (0 if m.cells or m.turned else 5)
        if any(block.slots):
            found.roles = m.along(block.slots) + (0 if m.cells else m.head if m.turned else 4)
        self._ports(found)
        words = self._beside(block)
        beside = m.small_line * len(words) if m.turned else max(map(m.width, words), default=0)
        found.left = max(found.left, found.box_left + (beside + m.label if beside else 0))
        role = max(map(m.across, block.slots), default=0)
        loop = loop_room(block.loop, m) if block.loop else 0
        found.right = max(found.right, found.box_right + role + loop)
        return found

    def _beside(self, block: Block) -> list[str]:
        return [*block.beside, *([f"shared {block.tag}"] if block.tag and block.inner else [])]

    def _measure_box(self, found: _Measured) -> None:
        m, block = self.m, found.block
        found.lines = [(line, "title", False) for line in _broken(block.title, m, "title")]
        if block.details:
            found.lines += [(t, "small", False) for t in _broken(", ".join(block.details), m, "small")]
        if block.name:
            found.lines += [(t, "small", True) for t in _broken(block.name, m, "small")]
        if block.params:
            found.lines += [(t, "small", True) for t in _broken(block.params, m, "small")]
        widest = max(m.width(text, size) for text, size, _ in found.lines)
        tag = (m.width(block.tag, "small") + 2 * m.label) if block.tag else 0
        slots = sum(self._slot_room(role) for role in block.slots)
        w = max(widest + 2 * m.pad_x + 2 * tag, 3 * m.pad_x)
        found.box_h = sum(m.line(size) for _, size, _ in found.lines) + 2 * m.pad_y
        if m.turned:
            w, found.box_h = found.box_h, w
        w = max(w, slots + (m.pad_y if m.turned else m.pad_x))
        w += 0 if m.cells else w % 2
        found.box_left = w // 2
        found.box_right = w - w // 2
        if block.loop:
            # The loop leaves below where it comes in.
            words = max(map(m.width, block.loop)) if m.turned else 0
            found.box_h = max(found.box_h, words, 4 if m.cells else 40)

    def _slot_room(self, role: str) -> int:
        return self.m.beside + self.m.across(role)

    def _measure_frame(self, found: _Measured, plan: Plan) -> None:
        m = self.m
        # The values that leave a frame have their labels below it, and the exits leave room for these.
        exits = [b for b in plan.blocks if b.family == "exit"]
        for exit in exits:
            ports = found.block.ports
            exit.title = ports[exit.number].label if exit.number < len(ports) else ""
        inner = _Arrangement(plan, m)
        for measured in inner.measured:
            if measured.block.family == "exit" and measured.block.title:
                measured.right = m.across(measured.block.title)
        found.inner = inner.scene()
        anchor = found.inner.entries[0] if found.inner.entries else found.inner.scene.w // 2
        found.box_left = anchor + m.frame
        found.box_right = found.inner.scene.w - anchor + m.frame
        found.box_h = found.inner.scene.h

    def _ports(self, found: _Measured) -> None:
        """Set where values leave, from the block's place: the first right below, others on the right."""
        m = self.m
        if found.block.family == "exit":
            return
        if found.inner is not None:
            anchor = found.inner.entries[0] if found.inner.entries else found.inner.scene.w // 2
            found.ports = [x - anchor for x in found.inner.exits]
        else:
            found.ports = []
            at = 0
            for port in found.block.ports:
                found.ports.append(at)
                at += (m.across(port.label) or m.label) + m.beside
            if len(found.ports) > 1:
                found.box_right = max(found.box_right, found.ports[-1] + m.pad_x)
        for at, port in zip(found.ports, found.block.ports, strict=False):
            found.right = max(found.right, at + m.across(port.label))

    def _widen(self, layers: Layers) -> None:
        """Make room in boxes, so that a line that is to be straight can arrive in the middle."""
        m = self.m
        place = {element: i for row in layers.rows for i, element in enumerate(row)}
        for s in self.straight:
            found = self.measured[s.bottom] if s.slot >= 0 else None
            if found is None or not found.box_h or found.inner is not None:
                continue
            own = sorted(self.into[s.bottom], key=lambda x: (place[x.top], x.port, x.slot))
            rooms = [self._slot_room(found.block.slots[x.slot]) for x in own]
            at = own.index(s)
            half = max(sum(rooms[:at]), sum(rooms[at:-1])) + m.pad_x if len(own) > 1 else 0
            grown_left, grown_right = max(0, half - found.box_left), max(0, half - found.box_right)
            found.box_left += grown_left
            found.left += grown_left
            found.box_right += grown_right
            found.right += grown_right

    # ---- places ----------------------------------------------------------------------------------

    def _shift(self, s: Stretch) -> int:
        """Return how far the bottom block of a straight stretch is to the right of the top one."""
        shift = self.measured[s.top].ports[s.port] if s.port >= 0 else 0
        inner = self.measured[s.bottom].inner if s.slot >= 0 else None
        return shift - (inner.entries[s.slot] - inner.entries[0] if inner is not None else 0)

    def _slots(self) -> None:
        """Set where each edge arrives at its block."""
        m = self.m
        self.arrive: dict[tuple[int, int], int] = {}
        for target, s in enumerate(self.measured):
            own = sorted(self.into.get(target, ()), key=lambda x: x.slot)
            if not own:
                continue
            if s.inner is not None:
                anchor = s.inner.entries[0] if s.inner.entries else 0
                at = [self.xs[target] + s.inner.entries[x.slot] - anchor for x in own]
            elif s.block.family == "exit":
                at = [self.xs[target]] * len(own)
            else:
                wanted = [self._start_x(x) for x in own]
                rooms = [self._slot_room(s.block.slots[x.slot]) for x in own]
                x = self.xs[target]
                pad = 1 if m.cells else m.pad_y if m.turned else m.pad_x
                low, high = x - s.box_left + pad, x + s.box_right - pad - (1 if m.cells else 0)
                pinned = next((i for i, arriving in enumerate(own) if arriving in self.straight), None)
                at = spread(wanted, rooms, low, high, pinned)
                if len(at) == 1 and 0 < abs(at[0] - wanted[0]) < m.beside:
                    # A step too small for its two corners would look like a slip.
                    at = [x]
            self.arrive.update({(target, x.slot): place for x, place in zip(own, at, strict=True)})

    def _start_x(self, s: Stretch) -> int:
        """Return the x at which a stretch begins."""
        return self.xs[s.top] + (self.measured[s.top].ports[s.port] if s.port >= 0 else 0)

    def _end_x(self, s: Stretch) -> int:
        """Return the x at which a stretch ends."""
        return self.arrive[s.bottom, s.slot] if s.slot >= 0 else self.xs[s.bottom]

    def _rows(self, layers: Layers, framed: bool) -> None:
        m = self.m
        self.ys = [0] * len(layers.ranks)
        self.gaps: list[int] = []
        self.nets: list[dict[tuple[int, int], Net]] = []
        leaving: list[list[Stretch]] = [[] for _ in layers.rows]
        for s in layers.stretches:
            leaving[layers.ranks[s.top]].append(s)
        y = (m.border + (0 if m.cells else m.frame // 2)) if framed else 0
        for rank, row in enumerate(layers.rows):
            for element in row:
                self.ys[element] = y
            y += max((self.measured[e].h for e in row if not layers.is_stand_in(e)), default=0)
            nets: dict[tuple[int, int], Net] = {}
            for s in leaving[rank]:
                net = nets.setdefault((s.top, s.port), Net([self._start_x(s)], []))
                net.bottoms.append(self._end_x(s))
            self.nets.append(nets)
            self.gaps.append(y)
            if rank + 1 < len(layers.rows):
                tracks = assign_tracks(list(nets.values()), 0 if m.cells else m.beside // 2)
                below = layers.rows[rank + 1]
                head = m.gap if any(not layers.is_stand_in(e) for e in below) else 0
                y += head + tracks * (1 if m.cells else m.beside)
        self.scene_.h = y + (m.border + (0 if m.cells else m.frame // 2) if framed else 0)

    # ---- lines and boxes -------------------------------------------------------------------------

    def _lines(self, layers: Layers) -> None:
        into = {(s.bottom, s.slot): s for s in layers.stretches if s.slot >= 0}
        through = {s.bottom: s for s in layers.stretches if s.slot < 0}
        for arrow in self.plan.arrows:
            way = [into[arrow.target, arrow.slot]]
            while layers.is_stand_in(way[0].top):
                way.insert(0, through[way[0].top])
            points = [self._start(arrow.source, arrow.port)]
            for s in way:
                points += self._turns(layers, s)
            target = self.measured[arrow.target]
            if target.block.family == "exit":
                points.append((self.xs[arrow.target], self.scene_.h - self.m.border))
            else:
                points.append((self._end_x(way[-1]), self.ys[arrow.target] + target.roles))
            inside = target.block.family == "exit"
            self.scene_.lines.append(Line(straightened(points), arrow.style, arrow=not inside))
            role = target.block.slots[arrow.slot]
            if role and not inside:
                y = self.ys[arrow.target] + (0 if self.m.cells else target.roles // 2 - 2)
                y = self.ys[arrow.target] + self.m.label if self.m.turned else y
                self._beside_line(self._end_x(way[-1]), y, role)

    def _beside_line(self, x: int, y: int, words: str) -> None:
        """Put words on the right of a line that goes down at x; turned, below one that goes to the right."""
        x += self.m.small_line // 2 + 3 if self.m.turned else self.m.label
        self.scene_.texts.append(Text(x, y, words, "small", "start", self.m.width(words), faint=True))

    def _start(self, source: int, port: int) -> Point:
        s = self.measured[source]
        x = self.xs[source] + s.ports[port]
        if s.block.family == "entry":
            return x, self.m.border
        return x, self.ys[source] + s.roles + s.box_h

    def _turns(self, layers: Layers, s: Stretch) -> list[Point]:
        rank = layers.ranks[s.top]
        net = self.nets[rank][s.top, s.port]
        if net.track < 0:
            return [(self._start_x(s), self.gaps[rank])]
        m = self.m
        y = self.gaps[rank] + (net.track if m.cells else net.track * m.beside + m.beside // 2)
        return [(self._start_x(s), y), (self._end_x(s), y)]

    def _draw(self, i: int) -> None:
        m, s, block = self.m, self.measured[i], self.plan.blocks[i]
        x, y = self.xs[i], self.ys[i] + s.roles
        scene = self.scene_
        middle = 0 if m.cells else m.small_line // 2
        for at, port in zip(s.ports, block.ports, strict=False):
            if port.label and block.family != "exit":
                where = y + s.box_h + (m.label if m.turned else 0 if m.cells else middle + 3)
                self._beside_line(x + at, where, port.label)
        if block.family in ("entry", "exit"):
            return
        left = x - s.box_left
        shows = block.nodes[0] if block.nodes else -1
        w = s.box_left + s.box_right
        box = Box(left, y, w, s.box_h, block.family, block.copies, shows, block.marked)
        scene.boxes.append(box)
        if block.loop:
            looped(scene, box, block.loop, m)
        beside = self._beside(block)
        top = y + s.box_h // 2 - m.small_line * len(beside) // 2
        for k, text in enumerate(beside):
            if m.turned:
                where = left - m.label - m.small_line * (len(beside) - k) + middle
                scene.texts.append(Text(where, y, text, "small", "start", m.width(text)))
            else:
                where = top + k * m.small_line + middle
                scene.texts.append(Text(left - m.label, where, text, "small", "end", m.width(text)))
        if s.inner is not None:
            s.inner.scene.shifted_into(scene, left + m.frame, y)
            return
        # Inside a box nothing is turned: its lines stand below each other.
        width, top = (s.box_h, left) if m.turned else (w, y)
        centre = (y if m.turned else left) + width // 2
        line = top + m.pad_y
        if m.turned:
            line = top + (w - sum(m.line(size) for _, size, _ in s.lines)) // 2
        inside: list[Text] = []
        for text, size, faint in s.lines:
            half = 0 if m.cells else m.line(size) // 2
            inside.append(Text(centre, line + half, text, size, "middle", m.width(text, size), faint=faint))
            line += m.line(size)
        if block.tag:
            right = centre - width // 2 + width - m.label - (0 if m.cells else 2)
            where = top + (1 if m.cells else m.pad_y + m.title_line // 2)
            inside.append(Text(right, where, block.tag, "small", "end", m.width(block.tag)))
        scene.texts += [replace(t, x=t.y, y=t.x) for t in inside] if m.turned else inside


def _broken(text: str, metrics: Metrics, size: Size) -> list[str]:
    """Return a text in lines that are not too wide: broken at spaces, else behind commas."""
    if metrics.width(text, size) <= metrics.widest:
        return [text]
    spaced = text if " " in text else text.replace(",", ", ")
    each = max(1, metrics.width(spaced, size) / len(spaced))
    lines = wrap(spaced, max(8, int(metrics.widest / each)))
    return lines if len(lines) <= 4 else [*lines[:4], "…"]
