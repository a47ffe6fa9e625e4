"""Define the parts of a picture, boxes, lines and texts at their places; compute their room and corners."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from seqtopo.diag.renderers.cells import width as columns

Point = tuple[int, int]

Style = Literal["data", "state", "mask", "dropped"]
"""The kind of a line: data (solid), a state (dashed), a mask (dotted), or dropped (faded and cut off)."""

Size = Literal["title", "small"]
"""The size of a text."""


@dataclass(frozen=True)
class Box:
    """A rectangle; ``family`` says which colours it has, ``copies`` that more of them lie behind it.

    ``shows`` is the number of what it shows: a tier of an unrolled spec, or a block of a plan.
    """

    x: int
    y: int
    w: int
    h: int
    family: str
    copies: bool = False
    shows: int = -1
    marked: bool = False
    """True if it is to stand out."""

    @property
    def is_frame(self) -> bool:
        """True if other boxes may lie in it."""
        return self.family == "frame"


@dataclass(frozen=True)
class Line:
    """A line of horizontal and vertical stretches; ``arrow`` puts a head at its end.

    Lines with the same ``net``, which is not 0, carry the same value and may run on each other.
    """

    points: tuple[Point, ...]
    style: Style = "data"
    arrow: bool = True
    net: int = 0
    marked: bool = False
    """True if it is to stand out."""


@dataclass(frozen=True)
class Text:
    """A line of text: ``x`` is its left, its middle or its right, as ``anchor`` says, ``y`` its middle.

    ``sub`` is what stands lower behind it, as the T of x_T; ``w`` is the width that was reckoned for all.
    """

    x: int
    y: int
    text: str
    size: Size = "small"
    anchor: Literal["start", "middle", "end"] = "middle"
    w: int = 0
    sub: str = ""
    faint: bool = False

    @property
    def left(self) -> int:
        """The x at which it begins."""
        return self.x - {"start": 0, "middle": self.w // 2, "end": self.w}[self.anchor]


@dataclass
class Scene:
    """Everything in a picture, its size, and what it shows in words."""

    title: str = ""
    about: str = ""
    w: int = 0
    h: int = 0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def shifted_into(self, other: Scene, dx: int, dy: int) -> None:
        """Add all of it to another scene, moved."""
        for b in self.boxes:
            other.boxes.append(replace(b, x=b.x + dx, y=b.y + dy))
        for line in self.lines:
            moved = tuple((x + dx, y + dy) for x, y in line.points)
            other.lines.append(replace(line, points=moved))
        for t in self.texts:
            other.texts.append(replace(t, x=t.x + dx, y=t.y + dy))

    def turned(self) -> Scene:
        """Return the scene with its two axes exchanged: what went down goes to the right."""
        return Scene(
            self.title,
            self.about,
            self.h,
            self.w,
            [replace(b, x=b.y, y=b.x, w=b.h, h=b.w) for b in self.boxes],
            [replace(line, points=tuple((y, x) for x, y in line.points)) for line in self.lines],
            [replace(t, x=t.y, y=t.x) for t in self.texts],
        )

    @property
    def upwards(self) -> list[Line]:
        """Its lines in the order in which they are drawn: those that stand out lie on the others."""
        return sorted(self.lines, key=lambda line: line.marked)

    def on_paper(self, w: int, h: int) -> Scene:
        """Return the scene in the middle of the smallest paper that is as wide for its height as w for h."""
        wide, high = max(self.w, -(-self.h * w // h)), max(self.h, -(-self.w * h // w))
        found = Scene(self.title, self.about, wide, high)
        self.shifted_into(found, (wide - self.w) // 2, (high - self.h) // 2)
        return found


def straightened(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the corners of a line: points that it only passes through, or twice, are left out.

    >>> straightened([(0, 0), (0, 4), (0, 9), (5, 9), (5, 9)])
    ((0, 0), (0, 9), (5, 9))
    """
    found: list[Point] = []
    for point in points:
        if found and found[-1] == point:
            continue
        if len(found) > 1 and (
            found[-2][0] == found[-1][0] == point[0] or found[-2][1] == found[-1][1] == point[1]
        ):
            found[-1] = point
        else:
            found.append(point)
    return tuple(found)


PAPER = ("#ffffff", "#16191d")
INK = ("#1b1f24", "#eceff3")
FAINT = ("#59636e", "#a3adb8")
LINE = ("#4b545e", "#9aa4af")

COLOURS: dict[str, tuple[str, str, str, str]] = {
    "input": ("#eef1f4", "#8b96a1", "#262c33", "#7d8894"),
    "output": ("#eef1f4", "#8b96a1", "#262c33", "#7d8894"),
    "recurrent": ("#dcebfb", "#3f78b5", "#17324e", "#6ea6dd"),
    "convolution": ("#dff2e4", "#3d8a56", "#163a24", "#6fbd88"),
    "dense": ("#fcefd6", "#b07a1c", "#42300f", "#d9a94f"),
    "attention": ("#eee4fa", "#7d57b0", "#34224d", "#b393df"),
    "merge": ("#fbe3e3", "#b0555a", "#4a2023", "#df8f93"),
    "other": ("#f7f8f9", "#a3acb5", "#20252b", "#6b757f"),
    "frame": ("#fafbfc", "#a3acb5", "#1b1f24", "#6b757f"),
    "empty": ("#ffffff", "#a3acb5", "#16191d", "#6b757f"),
}
"""Fill and outline for light, fill and outline for dark."""

MARK = ("#c2255c", "#f783ac")
"""The outline of what is to stand out, for light and for dark."""

STYLES = {"data": "", "state": "6 4", "mask": "2 3", "dropped": "2 3"}
"""The dash patterns of lines."""


_NARROW = {
    **dict.fromkeys("ijl", 278),
    **dict.fromkeys("f", 352),
    **dict.fromkeys("t()[]r", 411),
    **dict.fromkeys(" .,'/:;|I!", 400),
    **dict.fromkeys("mw", 974),
    **dict.fromkeys("MW@%", 1002),
    **dict.fromkeys("×+=<>~÷−→", 838),
    **dict.fromkeys("…", 1000),
}
_LOWER, _DIGIT, _UPPER, _OTHER, _WIDE = 634, 636, 787, 850, 1050
"""Advances of DejaVu Sans, in thousandths of the size: it is about as wide as a sans-serif letter gets, so
that in whichever font a label is shown, it fits."""


@dataclass(frozen=True)
class Metrics:
    """Sizes of everything that is laid out; one unit is a pixel, or a cell of the terminal."""

    cells: bool
    title: int
    small: int
    title_line: int
    small_line: int
    pad_x: int
    pad_y: int
    between: int
    """Room between two boxes side by side."""
    beside: int
    """Room between two lines that run side by side."""
    gap: int
    """The least room between one row of boxes and the next; an arrow's head is in it."""
    head: int
    margin: int
    label: int
    """Room between a line and the text beside it."""
    frame: int
    """Room between a frame and what is in it."""
    border: int
    """The room that a frame's own border takes."""
    widest: int
    """A line of a box is broken where it gets longer."""
    corner: int = 0
    turned: bool = False
    """True if the two axes are exchanged in the end, so that data goes to the right."""

    def across(self, text: str) -> int:
        """Return the room of a small text beside a line, across its way; 0 where there is none."""
        if not text:
            return 0
        return self.small_line + 3 if self.turned else self.label + self.width(text)

    def along(self, texts: Sequence[str]) -> int:
        """Return the room of small texts beside lines, along the way of the lines."""
        return max(map(self.width, texts), default=0) + 2 * self.label if self.turned else self.small_line

    def width(self, text: str, size: Size = "small") -> int:
        """Return the maximum width of a text in any font."""
        if self.cells:
            return columns(text)
        points = self.title if size == "title" else self.small
        bold = 1.08 if size == "title" else 1.0
        return math.ceil(sum(map(_advance, text)) * points * bold / 1000)

    def line(self, size: Size) -> int:
        """Return the height of a line of text."""
        return self.title_line if size == "title" else self.small_line


def _advance(char: str) -> int:
    found = _NARROW.get(char)
    if found is not None:
        return found
    if char.islower():
        return _LOWER
    if char.isdigit():
        return _DIGIT
    if unicodedata.combining(char):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return _WIDE
    return _UPPER if char.isupper() else _OTHER


PIXELS = Metrics(
    cells=False,
    title=13,
    small=11,
    title_line=18,
    small_line=15,
    pad_x=14,
    pad_y=7,
    between=28,
    beside=14,
    gap=20,
    head=7,
    margin=20,
    label=6,
    frame=16,
    border=0,
    widest=230,
    corner=7,
)

CELLS = Metrics(
    cells=True,
    title=1,
    small=1,
    title_line=1,
    small_line=1,
    pad_x=2,
    pad_y=1,
    between=3,
    beside=2,
    gap=1,
    head=1,
    margin=0,
    label=1,
    frame=2,
    border=1,
    widest=34,
)


# ---- lines as they are drawn: round corners, and ends that lie under the arrow heads ----------------------


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
