"""Find faults of a picture: things that lie on each other, and arrows that are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from seqtopo.graph.graph import Graph
from seqtopo.pictures.plan import Arrow, Block, Plan
from seqtopo.pictures.scene import Box, Line, Metrics, Point, Scene, Text
from seqtopo.pictures.tiers import Unrolled

Area = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def faults(scene: Scene, metrics: Metrics) -> list[str]:
    """Everything that lies on something else where it should not, in words."""
    return [
        *_outside(scene, metrics),
        *_boxes(scene),
        *_texts(scene, metrics),
        *_lines(scene, metrics),
        *_lines_on_lines(scene),
        *_struck_labels(scene, metrics),
    ]


def missing_arrows(graph: Graph, unrolled: Unrolled, scene: Scene) -> list[str]:
    """The edges of a graph that no arrow of its unrolled picture shows, in words.

    A layer that only leaves steps out, or puts some there, has no box for the steps that it keeps: lines
    pass it, and lead from what is before it to what is after it.
    """
    order = list(graph.ancestors(graph.outputs))
    tier_of = {node: i for i, node in enumerate(order)}
    edges = {(tier_of[value.node], tier_of[n]) for n in order for value in graph.nodes[n].needs}
    edges |= {(tier_of[value.node], len(order) + i) for i, value in enumerate(graph.outputs)}
    assert len(unrolled.tiers) == len(order) + len(graph.outputs)
    shown = set(_arrows(scene))
    passed = {i for i, tier in enumerate(unrolled.tiers) if tier.kind == "range"}

    def ends(tier: int, forward: bool) -> set[int]:
        if tier not in passed:
            return {tier}
        onward = {b if forward else a for a, b in edges if (a if forward else b) == tier}
        return {tier}.union(*(ends(other, forward) for other in onward))

    # What leaves out every step that comes in is where the lines from there end.
    cut = {start.shows for start, end in _tied(scene) if end is None}
    shown |= {(a, b) for a, b in edges if a in cut and b in passed}
    return [
        f"no arrow from {unrolled.tiers[a].title} to {unrolled.tiers[b].title}"
        for a, b in sorted(edges)
        if not any((one, other) in shown for one in ends(a, False) for other in ends(b, True))
    ]


def missing_in_plan(graph: Graph, plan: Plan) -> list[str]:
    """The edges of a graph that no arrow of its plan shows, in words; those into frames and out of them go on
    in the frames.
    """
    edges = [(value.node, n) for n in graph.ancestors(graph.outputs) for value in graph.nodes[n].needs]
    missing = [edge for edge in edges if not _is_shown(plan, *edge)]
    outputs = [block for block in plan.blocks if block.family == "output"]
    assert len(outputs) == len(graph.outputs)
    for value, output in zip(graph.outputs, outputs, strict=True):
        if not any(_leads(plan, arrow, value.node, output) for arrow in plan.arrows):
            missing.append((value.node, -1))
    return [f"no arrow from node {a} to node {b}" for a, b in missing]


def _is_shown(plan: Plan, a: int, b: int) -> bool:
    start, end = (next(block for block in plan.blocks if n in block.nodes) for n in (a, b))
    if start is not end:
        return any(
            plan.blocks[arrow.target] is end and _leads(plan, arrow, a, end, b) for arrow in plan.arrows
        )
    if start.inner is None:
        return True
    # From copy to copy it is out of the frame and into it again.
    leaves = any(_within(start.inner, "exit", block.number, a) for block in start.inner.blocks)
    enters = any(_within(start.inner, "entry", block.number, b) for block in start.inner.blocks)
    return (start.beside[:1] != [] and start.beside[0].startswith("×") and leaves and enters) or _is_shown(
        start.inner, a, b
    )


def _leads(plan: Plan, arrow: Arrow, a: int, end: Block, b: int = -1) -> bool:
    """Return whether an arrow leads from the block of one node to that of another, within frames too."""
    start = plan.blocks[arrow.source]
    if a not in start.nodes or plan.blocks[arrow.target] is not end:
        return False
    out = start.inner is None or len(start.nodes) == 1 or _within(start.inner, "exit", arrow.port, a)
    return out and (end.inner is None or len(end.nodes) == 1 or _within(end.inner, "entry", arrow.slot, b))


def _within(plan: Plan, gate: str, number: int, node: int) -> bool:
    """Return whether a node's block is at one of the places where lines come into a frame or leave it."""
    for arrow in plan.arrows:
        ends = plan.blocks[arrow.source], plan.blocks[arrow.target]
        at, block = ends if gate == "entry" else ends[::-1]
        if (at.family, at.number) != (gate, number) or node not in block.nodes:
            continue
        deeper = arrow.slot if gate == "entry" else arrow.port
        if block.inner is None or len(block.nodes) == 1 or _within(block.inner, gate, deeper, node):
            return True
    return False


def cells_without_arrows(unrolled: Unrolled, scene: Scene) -> list[str]:
    """The boxes of layers that nothing comes into, in words: each step of a layer is made of something.

    Not those of steps that are put there, and not those of a transposed convolution, which are zeros where
    no step of its input reaches.
    """
    arrived = {_box_at(scene, line.points[-1]) for line in scene.lines if line.arrow}
    free = [
        i
        for i, tier in enumerate(unrolled.tiers)
        if tier.family == "input" or tier.kind == "range" or re.search("transpose|zero_padding", tier.title)
    ]
    boxes = [box for box in scene.boxes if box.shows not in free and box not in arrived]
    return [f"nothing comes into {unrolled.tiers[box.shows].title} at {box.x}" for box in boxes]


def _arrows(scene: Scene) -> Iterator[tuple[int, int]]:
    """From which tier to which one lines lead, those that others carry on included."""
    for start, end in _tied(scene):
        if end is not None:
            yield start.shows, end.shows


def _tied(scene: Scene) -> Iterator[tuple[Box, Box | None]]:
    """The boxes that lines lead from and to; None for one that is cut off."""
    onward: dict[Point, list[Line]] = {}
    for line in scene.lines:
        onward.setdefault(line.points[0], []).append(line)
    for line in scene.lines:
        start = _box_at(scene, line.points[0])
        todo, seen = [line], {line.points[-1]}
        while start is not None and todo:
            here = todo.pop()
            end = _box_at(scene, here.points[-1])
            if end is not None or here.style == "dropped":
                yield start, end
                continue
            more = [other for other in onward.get(here.points[-1], ()) if other.points[-1] not in seen]
            seen.update(other.points[-1] for other in more)
            todo += more


def reached(graph: Graph, unrolled: Unrolled, scene: Scene) -> dict[tuple[int, int], list[list[int]]]:
    """By an input's node and an output's number: for each step of the output, the steps of the input from
    which arrows lead there, counted from 0.
    """
    nets: dict[int, list[Line]] = {}
    for i, line in enumerate(scene.lines):
        if line.style != "dropped":
            nets.setdefault(line.net if line.net > 0 else -1 - i, []).append(line)
    onward: dict[Box | Point, set[Box | Point]] = {}
    for lines in nets.values():
        starts, ends = (
            {_box_at(scene, line.points[end]) or line.points[end] for line in lines} for end in (0, -1)
        )
        for start in starts:
            onward.setdefault(start, set()).update(ends - {start})

    def all_from(box: Box) -> set[Box | Point]:
        found: set[Box | Point] = {box}
        todo: list[Box | Point] = [box]
        while todo:
            more = onward.get(todo.pop(), set()) - found
            found |= more
            todo += more
        return found

    def cells(tier: int) -> list[Box]:
        return sorted((box for box in scene.boxes if box.shows == tier), key=lambda box: box.x)

    order = unrolled.nodes
    found = {}
    for node in (n for n in graph.inputs if n in order):
        leads = [all_from(box) for box in cells(order.index(node))]
        for number in range(len(graph.outputs)):
            outputs = cells(len(order) + number)
            found[node, number] = [[i for i, lead in enumerate(leads) if box in lead] for box in outputs]
    return found


def _box_at(scene: Scene, point: Point) -> Box | None:
    x, y = point
    return next((b for b in scene.boxes if b.x <= x <= b.x + b.w and b.y <= y <= b.y + b.h), None)


def area(thing: Box | Text, metrics: Metrics) -> Area:
    """The room of a box or a text."""
    if isinstance(thing, Box):
        return thing.x, thing.y, thing.x + thing.w, thing.y + thing.h
    if metrics.cells:
        return thing.left, thing.y, thing.left + thing.w, thing.y + 1
    half = (metrics.title if thing.size == "title" else metrics.small) * 0.45
    return thing.left, thing.y - half, thing.left + thing.w, thing.y + half


def meet(a: Area, b: Area) -> bool:
    """Return whether two areas have more than an edge in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def within(a: Area, b: Area) -> bool:
    """Return whether one area lies in another."""
    return b[0] <= a[0] and a[2] <= b[2] and b[1] <= a[1] and a[3] <= b[3]


def crooked(scene: Scene) -> list[Line]:
    """The links of chains that are not on one line with the middle of their boxes: a link alone leaves one
    thing and alone arrives at another.
    """

    def ends(line: Line) -> tuple[Box | Point, Box | Point]:
        (x0, y0), (x1, y1) = line.points[0], line.points[-1]
        starts = [b for b in scene.boxes if b.x <= x0 <= b.x + b.w and y0 == b.y + b.h]
        stops = [b for b in scene.boxes if b.x <= x1 <= b.x + b.w and y1 == b.y]
        return starts[0] if starts else (x0, y0), stops[0] if stops else (x1, y1)

    tied = [(line, *ends(line)) for line in scene.lines]
    leaving = Counter(start for _, start, _ in tied)
    arriving = Counter(stop for _, _, stop in tied)
    ports = {end: {line.points[0][0] for line, start, _ in tied if start == end} for end in leaving}

    def middle(end: Box | Point, x: int) -> bool:
        # A box from which states leave beside its output reaches further to the right.
        free = not isinstance(end, Box) or end.is_frame or len(ports.get(end, ())) > 1
        return free or x == end.x + end.w // 2

    def on_one_line(line: Line, start: Box | Point, stop: Box | Point) -> bool:
        x = line.points[0][0]
        return len(line.points) == 2 and middle(start, x) and middle(stop, x)

    links = [link for link in tied if leaving[link[1]] == arriving[link[2]] == 1]
    return [link[0] for link in links if not on_one_line(*link)]


def _outside(scene: Scene, metrics: Metrics) -> Iterator[str]:
    whole = (0, 0, scene.w, scene.h)
    for thing in (*scene.boxes, *scene.texts):
        if not within(area(thing, metrics), whole):
            yield f"{thing} is not on the picture"
    for line in scene.lines:
        if not all(0 <= x <= scene.w and 0 <= y <= scene.h for x, y in line.points):
            yield f"{line} is not on the picture"


def _boxes(scene: Scene) -> Iterator[str]:
    for a, b in combinations(scene.boxes, 2):
        one, other = ((t.x, t.y, t.x + t.w, t.y + t.h) for t in (a, b))
        held = (a.is_frame and within(other, one)) or (b.is_frame and within(one, other))
        if meet(one, other) and not held:
            yield f"{a} and {b} lie on each other"


def _texts(scene: Scene, metrics: Metrics) -> Iterator[str]:
    rooms = [(text, area(text, metrics)) for text in scene.texts]
    for (a, one), (b, other) in combinations(rooms, 2):
        if meet(one, other):
            yield f"{a} and {b} lie on each other"
    for text, room in rooms:
        for box in scene.boxes:
            whole = area(box, metrics)
            if meet(room, whole) and not within(room, whole):
                yield f"{text} lies on the edge of {box}"
            if not box.is_frame and within(room, whole) and metrics.width(text.text, text.size) > box.w:
                yield f"{text} is too wide for {box}"


def stretches(line: Line) -> Iterator[Area]:
    """The straight parts of a line."""
    for (ax, ay), (bx, by) in zip(line.points, line.points[1:], strict=False):
        assert ax == bx or ay == by, line
        yield min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def _lines(scene: Scene, metrics: Metrics) -> Iterator[str]:
    for line in scene.lines:
        for x0, y0, x1, y1 in stretches(line):
            for box in scene.boxes:
                left, top, right, bottom = area(box, metrics)
                if metrics.cells:
                    # The cells of its border are where lines begin and end.
                    left, top, right, bottom = left + 1, top + 1, right - 1, bottom - 1
                crosses = x0 < right and left < x1 if y0 == y1 else left < x0 < right
                crosses = crosses and (y0 < bottom and top < y1 if x0 == x1 else top < y0 < bottom)
                inside = left <= x0 and x1 <= right and top <= y0 and y1 <= bottom
                if crosses and not (box.is_frame and inside):
                    yield f"{line} crosses {box}"
            for text in scene.texts:
                left, top, right, bottom = area(text, metrics)
                if metrics.cells:
                    continue
                if left < x1 + 0.5 and x0 - 0.5 < right and top < y1 and y0 < bottom:
                    yield f"{line} runs through {text}"


def _struck_labels(scene: Scene, metrics: Metrics) -> Iterator[str]:
    """Lines between the two lines of one label, or in a terminal through a label."""
    rooms = [area(text, metrics) for text in scene.texts if text.anchor == "end"]
    line_height = 1 if metrics.cells else metrics.title_line
    for one, other in combinations(rooms, 2):
        if one[2] == other[2] and 0 <= other[1] - one[3] <= line_height:
            rooms.append((min(one[0], other[0]), one[1], one[2], other[3]))
    for left, top, right, bottom in rooms:
        for line in scene.lines:
            for x0, y0, x1, y1 in stretches(line):
                if x0 < right and left <= x1 and y0 < bottom and top <= y1:
                    yield f"{line} strikes through the label at {left}, {top}"


def _lines_on_lines(scene: Scene) -> Iterator[str]:
    every = [(line, part) for line in scene.lines for part in stretches(line)]
    for (a, one), (b, other) in combinations(every, 2):
        if a.points[0] == b.points[0] or a.points[-1] == b.points[-1] or 0 < a.net == b.net:
            continue
        flat = one[1] == one[3] == other[1] == other[3] and min(one[2], other[2]) > max(one[0], other[0])
        tall = one[0] == one[2] == other[0] == other[2] and min(one[3], other[3]) > max(one[1], other[1])
        if flat or tall:
            yield f"{a} and {b} run on each other"
