"""What is wrong with a picture: boxes, labels and lines that lie on each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from seqtopo.pictures.metrics import Metrics
from seqtopo.pictures.scene import Box, Line, Point, Scene, Text

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
    ]


def area(thing: Box | Text, metrics: Metrics) -> Area:
    """The room of a box or a text."""
    if isinstance(thing, Box):
        return thing.x, thing.y, thing.x + thing.w, thing.y + thing.h
    if metrics.cells:
        return thing.left, thing.y, thing.left + thing.w, thing.y + 1
    half = (metrics.title if thing.size == "title" else metrics.small) * 0.45
    return thing.left, thing.y - half, thing.left + thing.w, thing.y + half


def meet(a: Area, b: Area) -> bool:
    """Whether two areas have more than an edge in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def within(a: Area, b: Area) -> bool:
    """Whether one area lies in another."""
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


def _lines_on_lines(scene: Scene) -> Iterator[str]:
    every = [(line, part) for line in scene.lines for part in stretches(line)]
    for (a, one), (b, other) in combinations(every, 2):
        if a.points[0] == b.points[0] or a.points[-1] == b.points[-1]:
            continue
        flat = one[1] == one[3] == other[1] == other[3] and min(one[2], other[2]) > max(one[0], other[0])
        tall = one[0] == one[2] == other[0] == other[2] and min(one[3], other[3]) > max(one[1], other[1])
        if flat or tall:
            yield f"{a} and {b} run on each other"
