"""Route edges: down between one rank and the next, and back for states and fed-back outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seqtopo.pictures.plan import Feedback
from seqtopo.pictures.scene import Box, Line, Metrics, Point, Scene, Text, straightened


@dataclass
class Net:
    """Edges that leave one place above, or several, and arrive at one or more below.

    ``track`` is where they turn, -1 for an edge that goes straight down.
    """

    tops: list[int]
    bottoms: list[int]
    track: int = -1

    @property
    def span(self) -> tuple[int, int]:
        """The ends of the part that runs on its track."""
        return min(self.tops + self.bottoms), max(self.tops + self.bottoms)

    @property
    def straight(self) -> bool:
        """True if it needs no track."""
        return len({*self.tops, *self.bottoms}) == 1


def assign_tracks(nets: Sequence[Net], near: int) -> int:
    """Give each net a track, from the top down; return how many there are.

    Two nets on one track lie apart by more than ``near``. Where one comes down at the place at which another
    goes on down, it turns above it, so that they do not lie on each other.

    >>> nets = [Net([0], [10]), Net([20], [30]), Net([10], [5])]
    >>> assign_tracks(nets, 1), [net.track for net in nets]
    (2, [1, 0, 0])
    """
    turning = [net for net in nets if not net.straight]
    above: dict[int, set[int]] = {i: set() for i in range(len(turning))}
    for i, one in enumerate(turning):
        for j, other in enumerate(turning):
            if i != j and any(abs(top - bottom) <= near for top in one.tops for bottom in other.bottoms):
                above[j].add(i)
    tracks: list[list[Net]] = []
    done: set[int] = set()
    while len(done) < len(turning):
        ready = [i for i in above if i not in done and above[i] <= done]
        # A circle is broken at the widest: lines may then touch for a little.
        ready = ready or [max((i for i in above if i not in done), key=lambda i: turning[i].span)]
        for i in sorted(ready, key=lambda i: (turning[i].span[0] - turning[i].span[1], turning[i].tops)):
            net = turning[i]
            low = max((turning[j].track + 1 for j in above[i] if j in done), default=0)
            track = low
            while track < len(tracks) and any(_meet(net, other, near) for other in tracks[track]):
                track += 1
            while track >= len(tracks):
                tracks.append([])
            tracks[track].append(net)
            net.track = track
            done.add(i)
    return len(tracks)


def _meet(one: Net, other: Net, near: int) -> bool:
    (a, b), (c, d) = one.span, other.span
    return a <= d + near and c <= b + near


def spread(
    wanted: Sequence[int], rooms: Sequence[int], low: int, high: int, pinned: int | None = None
) -> list[int]:
    """Return places for slots, each as near as possible to where its edge comes from, in order of those.

    ``rooms`` is the room that each needs on its right. All lie between ``low`` and ``high`` where they fit.
    The ``pinned`` one lies where it wants to; the others make way.

    >>> spread([50, 200], [10, 10], 20, 80)
    [50, 80]
    >>> spread([50, 50, 50], [10, 10, 10], 20, 80)
    [40, 50, 60]
    >>> spread([10, 10], [30, 30], 20, 80)
    [20, 50]
    >>> spread([0, 45, 50], [10, 10, 10], 20, 80, pinned=2)
    [20, 40, 50]
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    at = [min(max(wanted[i], low), high) for i in order]
    fixed = order.index(pinned) if pinned is not None else len(at)
    # Several that come from the same side share their shift, around the middle of them.
    if pinned is None and len(at) > 1 and len(set(at)) == 1:
        whole = sum(rooms[i] for i in order[:-1])
        at[0] = max(low, at[0] - whole // 2)
    for k in range(1, len(at)):
        if k != fixed:
            at[k] = max(at[k], at[k - 1] + rooms[order[k - 1]])
    limit = high
    for k in range(len(at) - 1, -1, -1):
        if k != fixed:
            at[k] = min(at[k], max(limit, low))
        limit = at[k] - (rooms[order[k - 1]] if k else 0)
    found = [0] * len(wanted)
    for k, i in enumerate(order):
        found[i] = at[k]
    return found


def loop_room(words: Sequence[str], metrics: Metrics) -> int:
    """Return the room on the right of a box for its loop and the words beside it."""
    wide = metrics.small_line * len(words) if metrics.turned else max(map(metrics.width, words))
    return _reach(metrics) + metrics.label + wide


def _reach(metrics: Metrics) -> int:
    """Return the reach of a loop to the right of a box, the shadow of copies included."""
    return 2 if metrics.cells else 20


def looped(scene: Scene, box: Box, words: Sequence[str], metrics: Metrics) -> None:
    """Add an arrow from a box around to itself, with words beside it."""
    m = metrics
    right = box.x + box.w + (4 if box.copies and not m.cells else 0)
    top, bottom = (box.y + 1, box.y + 2) if m.cells else (box.y + 12, box.y + box.h - 12)
    out = right + (1 if m.cells else 16)
    end = right - 1 if m.cells else right
    scene.lines.append(Line(((right, bottom), (out, bottom), (out, top), (end, top)), "state"))
    x = right + _reach(m) + m.label - (1 if m.cells else 0)
    if m.turned:
        for k, text in enumerate(words):
            below = x + k * m.small_line + m.small_line // 2
            y = box.y + box.h // 2
            scene.texts.append(Text(below, y, text, "small", "middle", m.width(text), faint=True))
        return
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
    if m.turned:
        text = Text(beside + m.small_line // 2, middle, back.words, "small", "middle", w, faint=True)
        scene.texts.append(text)
        w = m.small_line
    else:
        scene.texts.append(Text(beside, middle, back.words, "small", "start", w, faint=True))
    edge = 0 if m.cells else m.margin // 2
    moved = Scene()
    scene.shifted_into(moved, 0, max(0, edge - low))
    scene.boxes, scene.lines, scene.texts = moved.boxes, moved.lines, moved.texts
    scene.w = beside + w + m.margin
    scene.h = max(scene.h, high + edge + m.cells) + max(0, edge - low)


def _ways(start: Box, end: Box, x: int, h: int, m: Metrics) -> Iterator[tuple[Point, ...]]:
    """Yield the possible ways: out on the right or below, and in on the right or from above."""
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
    """Return whether a way crosses no box and no text."""
    cell = 1 if m.cells else 0
    half = 0 if m.cells else m.small_line // 2
    rooms = [(b.x, b.y, b.x + b.w - cell, b.y + b.h) for b in scene.boxes]
    if m.turned:  # their place is that on the turned picture
        turned = [replace(t, x=t.y, y=t.x) for t in scene.texts]
        rooms += [(t.y - half, t.left, t.y + half, t.left + t.w) for t in turned]
    else:
        rooms += [(t.left, t.y - half, t.left + t.w, t.y + half + cell) for t in scene.texts]
    for (ax, ay), (bx, by) in pairwise(way):
        # A stretch has no width, and is not empty.
        sides = min(ax, bx), max(ax, bx) + (ax == bx)
        ends = min(ay, by), max(ay, by) + (ay == by)
        for left, top, right, bottom in rooms:
            if sides[0] < right and left < sides[1] and ends[0] < bottom and top < ends[1]:
                return False
    return True
