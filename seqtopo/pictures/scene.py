"""Define what a picture is made of: boxes, lines and texts at their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Point = tuple[int, int]

Style = Literal["data", "state", "mask", "dropped"]
"""What goes along a line: solid, dashed, dotted, or faded and cut off."""

Size = Literal["title", "small"]
"""How large a text is."""


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

    @property
    def is_frame(self) -> bool:
        """Whether other boxes may lie in it."""
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
        """Where it begins."""
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
            other.boxes.append(Box(b.x + dx, b.y + dy, b.w, b.h, b.family, b.copies, b.shows))
        for line in self.lines:
            moved = tuple((x + dx, y + dy) for x, y in line.points)
            other.lines.append(Line(moved, line.style, line.arrow, line.net))
        for t in self.texts:
            other.texts.append(Text(t.x + dx, t.y + dy, t.text, t.size, t.anchor, t.w, t.sub, t.faint))


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

STYLES = {"data": "", "state": "6 4", "mask": "2 3", "dropped": "2 3"}
"""How lines are broken."""
