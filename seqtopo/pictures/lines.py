"""Shape lines as they are drawn: round corners, arrow heads, and ends that lie under the heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqtopo.pictures.scene import PIXELS, Point


class Corner(NamedTuple):
    """A round corner: the line goes straight to ``begin``, and around ``corner`` to ``end``."""

    begin: Point
    corner: Point
    end: Point


def corners(points: Sequence[Point]) -> list[Corner]:
    """Return the round corners of a way, from its first point to its last.

    >>> corners([(0, 0), (0, 20), (30, 20)])
    [Corner(begin=(0, 13), corner=(0, 20), end=(7, 20))]
    """
    found: list[Corner] = []
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(PIXELS.corner, _distance(before, here) // 2, _distance(here, after) // 2)
        found.append(Corner(_towards(here, before, reach), here, _towards(here, after, reach)))
    return found


def shortened(points: Sequence[Point]) -> list[Point]:
    """Return a way without its last bit, which lies under the arrow's head."""
    reach = min(4, _distance(points[-1], points[-2]))
    return [*points[:-1], _towards(points[-1], points[-2], reach)]


def head(points: Sequence[Point]) -> tuple[Point, Point, Point]:
    """Return the corners of the arrow's head at the end of a way."""
    (ax, ay), (bx, by) = points[-2], points[-1]
    dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
    size, half = PIXELS.head, 4
    cx, cy = bx - dx * size, by - dy * size
    return (bx, by), (cx - dy * half, cy - dx * half), (cx + dy * half, cy + dx * half)


def _distance(a: Point, b: Point) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: Point, b: Point, by: int) -> Point:
    def step(p: int, q: int) -> int:
        return p + (by if q > p else -by if q < p else 0)

    return step(a[0], b[0]), step(a[1], b[1])
