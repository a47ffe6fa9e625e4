"""Route arrows that go back: the states of a recurrent layer, and an output that becomes the next input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from seqtopo.pictures.metrics import Metrics
from seqtopo.pictures.plan import Feedback
from seqtopo.pictures.scene import Box, Line, Point, Scene, Text, straightened


def loop_room(words: Sequence[str], metrics: Metrics) -> int:
    """Return the room on the right of a box for its loop and the words beside it."""
    return _reach(metrics) + metrics.label + max(map(metrics.width, words))


def _reach(metrics: Metrics) -> int:
    """How far a loop reaches to the right of a box, the shadow of copies included."""
    return 2 if metrics.cells else 20


def looped(scene: Scene, box: Box, words: Sequence[str], metrics: Metrics) -> None:
    """Adds an arrow from a box around to itself, with words beside it."""
    m = metrics
    right = box.x + box.w + (4 if box.copies and not m.cells else 0)
    top, bottom = (box.y + 1, box.y + 2) if m.cells else (box.y + 12, box.y + box.h - 12)
    out = right + (1 if m.cells else 16)
    end = right - 1 if m.cells else right
    scene.lines.append(Line(((right, bottom), (out, bottom), (out, top), (end, top)), "state"))
    x = right + _reach(m) + m.label - (1 if m.cells else 0)
    first = top if m.cells else box.y + box.h // 2 - (len(words) - 1) * m.small_line // 2
    for k, text in enumerate(words):
        y = first + k * m.small_line
        scene.texts.append(Text(x, y, text, "small", "start", m.width(text), faint=True))


def feed_back(scene: Scene, back: Feedback, metrics: Metrics) -> None:
    """Add the way from an output around everything to an input, and make room for it on the right."""
    m = metrics
    outputs = [box for box in scene.boxes if box.family == "output"]
    start = outputs[back.output]
    end = next(box for box in scene.boxes if box.family == "input" and box.shows == back.node)
    x = scene.w - m.margin + (2 if m.cells else 14)
    ways = list(_ways(start, end, x, scene.h, m))
    way = next((way for way in ways if _is_free(scene, way, m)), ways[0])
    low, high = min(y for _, y in way), max(y for _, y in way)
    scene.lines.append(Line(way, "state"))
    beside = x + m.label + m.cells
    middle, w = (way[0][1] + way[-1][1]) // 2, m.width(back.words)
    scene.texts.append(Text(beside, middle, back.words, "small", "start", w, faint=True))
    edge = 0 if m.cells else m.margin // 2
    moved = Scene()
    scene.shifted_into(moved, 0, max(0, edge - low))
    scene.boxes, scene.lines, scene.texts = moved.boxes, moved.lines, moved.texts
    scene.w = beside + w + m.margin
    scene.h = max(scene.h, high + edge + m.cells) + max(0, edge - low)


def _ways(start: Box, end: Box, x: int, h: int, m: Metrics) -> Iterator[tuple[Point, ...]]:
    """The possible ways: out on the right or below, and in on the right or from above."""
    right_out = start.x + start.w, start.y + start.h // 2
    right_in = end.x + end.w - (1 if m.cells else 0), end.y + end.h // 2
    below = h - m.margin + (1 if m.cells else 14)
    above = -2 if m.cells else m.margin - 20
    low = start.x + start.w // 2
    into = end.x + end.w // 2
    outs = [[right_out], [(low, start.y + start.h), (low, below), (x, below)]]
    ins = [[right_in], [(x, above), (into, above), (into, end.y)]]
    for leaving in outs:
        for arriving in ins:
            yield straightened([*leaving, (x, leaving[-1][1]), (x, arriving[0][1]), *arriving])


def _is_free(scene: Scene, way: Sequence[Point], m: Metrics) -> bool:
    """Whether a way crosses no box and no text."""
    cell = 1 if m.cells else 0
    half = 0 if m.cells else m.small_line // 2
    rooms = [(b.x, b.y, b.x + b.w - cell, b.y + b.h) for b in scene.boxes]
    rooms += [(t.left, t.y - half, t.left + t.w, t.y + half + cell) for t in scene.texts]
    for (ax, ay), (bx, by) in pairwise(way):
        # A stretch has no width, and is not empty.
        sides = min(ax, bx), max(ax, bx) + (ax == bx)
        ends = min(ay, by), max(ay, by) + (ay == by)
        for left, top, right, bottom in rooms:
            if sides[0] < right and left < sides[1] and ends[0] < bottom and top < ends[1]:
                return False
    return True
