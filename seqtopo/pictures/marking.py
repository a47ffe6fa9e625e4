"""Show more in the boxes of a plan: how many parameters each has, and which ones are to stand out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from seqtopo.diag.nearest import nearest
from seqtopo.graph.counting import owners, together
from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.sizes import Size
from seqtopo.pictures import labels
from seqtopo.pictures.plan import Block, Plan
from seqtopo.pictures.scene import PIXELS, Box, Line, Point, Scene, Text
from seqtopo.pictures.steps import DOTS


def count_params(plan: Plan, graph: Graph) -> None:
    """Write into each box how many parameters its layer has; of copies, how many each has."""
    for block, of in _boxes(plan, graph):
        layers = [layer for n in block.nodes if (layer := of.nodes[n].layer) is not None]
        counts = [together(owners(of, [layer]).values()) for layer in dict.fromkeys(layers)]
        if any(counts):
            block.params = labels.safe(_words(counts))


def _words(counts: Sequence[Size]) -> str:
    """Return the numbers of parameters of the layers that a box stands for.

    >>> _words([33]), _words([33, 33]), _words([99, 33, 65]), _words([1])
    ('33 parameters', '33 parameters each', '33 to 99 parameters', '1 parameter')
    """
    shown = [f"{count:,}" if isinstance(count, int) else str(count) for count in counts]
    if len(set(shown)) > 1:
        numbers = [count for count in counts if isinstance(count, int)]
        low, high = (min(numbers), max(numbers)) if len(numbers) == len(counts) else (counts[0], counts[-1])
        return " to ".join(f"{n:,}" if isinstance(n, int) else str(n) for n in (low, high)) + " parameters"
    return f"{shown[0]} parameter{'' if shown[0] == '1' else 's'}{' each' if len(shown) > 1 else ''}"


def mark(plan: Plan, graph: Graph, name: str, flows: Mapping[str, Sequence[Value]]) -> None:
    """Let the box of a layer, an input or a named flow stand out; of a flow with a frame, the frame.

    ``flows`` are the values of the named flows.

    Raises:
        KeyError: nothing that is drawn has that name; says what has one like it.
    """
    known: dict[str, None] = {}
    found: list[Block] = []
    nodes = {value.node for value in flows.get(name, ())}
    for block in _frames(plan):
        known.update(dict.fromkeys(block.beside))
        found += [block] if name in block.beside else []
    for block, of in () if found else _boxes(plan, graph):
        names = [block.name, *(_name(of, n) for n in block.nodes)]
        known.update(dict.fromkeys(names))
        if name in names or (of is graph and nodes & set(block.nodes)):
            found.append(block)
    if not found:
        words = [word for word in (*known, *flows) if word.isidentifier()]
        near = nearest(name, words)
        help = f"did you mean {near}?" if near else f"the names are {', '.join(dict.fromkeys(words))}"
        raise KeyError(f"nothing in the picture is called {labels.safe(name)}; {help}")
    for block in found:
        block.marked = True


def mark_sources(scene: Scene) -> None:
    """Let everything stand out that the last step of each output is made of, in an unrolled picture."""
    last: dict[int, Box] = {}
    for box in scene.boxes:
        if box.family == "output" and (box.shows not in last or box.x > last[box.shows].x):
            last[box.shows] = box
    found = _Sources(scene, list(last.values()))
    scene.boxes = [replace(box, marked=True) if box in found.boxes else box for box in scene.boxes]
    scene.lines = [replace(line, marked=True) if line in found.lines else line for line in scene.lines]
    scene.lines += found.stubs


class _Sources:
    """The boxes and the lines that lead to some boxes."""

    def __init__(self, scene: Scene, ends: Sequence[Box]) -> None:
        self.scene = scene
        self.boxes: set[Box] = set()
        self.lines: set[Line] = set()
        self.stubs: list[Line] = []
        """The first parts of lines that join others."""
        self.dots = [text for text in scene.texts if text.text == DOTS]
        self.into: dict[Box, list[Line]] = {}
        self.open_ends: list[Line] = []
        """Lines that end at the dots that stand for steps, or where others go on."""
        for line in scene.lines:
            end = _box_at(scene, line.points[-1])
            if end is not None:
                self.into.setdefault(end, []).append(line)
            elif line.style != "dropped":
                self.open_ends.append(line)
        todo = list(ends)
        while todo:
            box = todo.pop()
            if box not in self.boxes:
                self.boxes.add(box)
                todo += self._before(self.into.get(box, ()))

    def _before(self, lines: Sequence[Line]) -> Iterator[Box]:
        """Yield the boxes that lines come from, directly or by way of other lines."""
        ways = list(lines)
        while ways:
            line = ways.pop()
            if line in self.lines:
                continue
            self.lines.add(line)
            start = _box_at(self.scene, line.points[0])
            if start is not None:
                yield start
            yield from self._joining(line)
            dots = next((text for text in self.dots if _is_at(line.points[0], text)), None)
            for other in self.open_ends:
                end = other.points[-1]
                if end == line.points[0] or (dots is not None and _is_at(end, dots)):
                    ways.append(other)

    def _joining(self, line: Line) -> Iterator[Box]:
        """Yield the boxes whose lines join this one: they all carry the same value."""
        same = [other for other in self.scene.lines if other.net == line.net and line.net]
        for other in same:
            start = _box_at(self.scene, other.points[0])
            if start is None or other.points[0] == line.points[0] or start in self.boxes:
                continue
            rest = [one for one in same if one.points[0] != other.points[0]]
            met = [point for one in rest if (point := _meeting(other, one)) is not None]
            if met:
                first = max(met, key=lambda point: point[1])
                self.stubs.append(replace(other, points=(other.points[0], first), arrow=False, marked=True))
            yield start


def _meeting(line: Line, other: Line) -> Point | None:
    """Return the point where the first, upward part of a line crosses another line; None if it does not."""
    (x, low), (_, high) = line.points[:2]
    for (ax, ay), (bx, by) in pairwise(other.points):
        if ay == by and min(ax, bx) <= x <= max(ax, bx) and high <= ay <= low:
            return x, ay
    return None


def _is_at(point: Point, text: Text) -> bool:
    """Return whether a point is beside a text, where lines begin and end."""
    room = PIXELS.small_line
    return text.left - room <= point[0] <= text.left + text.w + room and abs(point[1] - text.y) <= room


def _box_at(scene: Scene, point: Point) -> Box | None:
    x, y = point
    found = (b for b in scene.boxes if b.x <= x <= b.x + b.w and b.y <= y <= b.y + b.h and not b.is_frame)
    return next(found, None)


def _name(graph: Graph, index: int) -> str:
    node = graph.nodes[index]
    return node.layer.name if node.layer is not None else node.name


def _frames(plan: Plan) -> Iterator[Block]:
    for block in plan.blocks:
        if block.inner is not None:
            yield block
            yield from _frames(block.inner)


def _boxes(plan: Plan, graph: Graph) -> Iterator[tuple[Block, Graph]]:
    """Yield the boxes of layers and inputs, in frames too, each with the graph that its nodes are of."""
    for block in plan.blocks:
        if block.inner is None:
            if block.nodes:
                yield block, graph
            continue
        layer = graph.nodes[block.nodes[0]].layer if block.nodes else None
        inner = layer.get("layer") if layer is not None else None
        own = isinstance(inner, SubModel) and len({graph.nodes[n].layer for n in block.nodes}) == 1
        yield from _boxes(block.inner, inner.graph if own and isinstance(inner, SubModel) else graph)
