"""Measure how much room things take: in pixels, or in the columns and lines of a terminal."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from seqtopo.diag.renderers.cells import width as columns
from seqtopo.pictures.scene import Size

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
    """How much of a frame its own border takes."""
    widest: int
    """A line of a box is broken where it gets longer."""
    corner: int = 0

    def width(self, text: str, size: Size = "small") -> int:
        """Return how wide a text is at most."""
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
