"""Columns of text that line up in a terminal, and fit into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from seqtopo.diag.renderers.cells import shortened, visible, width
from seqtopo.diag.renderers.paint import Row, paint

_GAP = "  "
_NARROWEST = 6
_LONGEST = 120


@dataclass(frozen=True)
class Column:
    """A heading and its cells. ``right`` aligns numbers; a column with ``drop`` is left out where the
    terminal is too narrow for all, 1 first; any other loses the middle of its longest words."""

    heading: str
    cells: Sequence[str]
    right: bool = False
    drop: int = 0

    @cached_property
    def texts(self) -> list[str]:
        """The heading and the cells, safe to print."""
        return [visible(shortened(text, _LONGEST)) for text in (self.heading, *self.cells)]

    @cached_property
    def width(self) -> int:
        """The columns of the terminal that it takes up."""
        return max(map(width, self.texts))


def columns(found: Sequence[Column], most: int | None, *, indent: int = 0, color: bool = False) -> str:
    """The columns side by side, in lines of at most ``most`` terminal columns (None: as wide as they are).

    >>> print(columns([Column("name", ["lstm"]), Column("parameters", ["7"], right=True)], None))
    name  parameters
    lstm           7
    """
    kept = [column for column in found if any(column.cells)]
    room = None if most is None else max(most - indent, _NARROWEST * len(kept))
    while room is not None and _total(kept) > room and any(column.drop for column in kept):
        first = min((column for column in kept if column.drop), key=lambda column: column.drop)
        kept = [column for column in kept if column is not first]
    widths = _widths(kept, room)
    rows: list[Row] = []
    for at in range(len(kept[0].texts)):
        cells = [_padded(c.texts[at], w, c.right) for c, w in zip(kept, widths, strict=True)]
        line = " " * indent + _GAP.join(cells)
        rows.append(((line.rstrip(), "strong" if at == 0 else "plain"),))
    return paint(rows, color).removesuffix("\n")


def _total(kept: Sequence[Column]) -> int:
    return sum(column.width for column in kept) + len(_GAP) * (len(kept) - 1)


def _widths(kept: Sequence[Column], room: int | None) -> list[int]:
    widths = [column.width for column in kept]
    over = 0 if room is None else _total(kept) - room
    # A number without its middle says something else, so words give way first.
    for group in (False, True):
        places = [at for at, column in enumerate(kept) if column.right is group]
        while over > 0 and (widest := max(places, key=widths.__getitem__, default=-1)) >= 0:
            if widths[widest] <= _NARROWEST:
                break
            widths[widest] -= 1
            over -= 1
    return widths


def _padded(text: str, room: int, right: bool) -> str:
    text = fitted(text, room)
    gap = " " * (room - width(text))
    return gap + text if right else text + gap


def fitted(text: str, room: int) -> str:
    """A text of at most ``room`` columns, without its middle where it is longer.

    >>> fitted("multi_head_attention_1", 12), fitted("\u4e2d\u6587\u4e2d\u6587", 7)
    ('multi_h..n_1', '\u4e2d..\u6587')
    """
    if width(text) <= room:
        return text
    tail = (room - 2) // 3
    head = room - 2 - tail
    return _within(text, head) + ".." + _within(text[::-1], tail)[::-1]


def _within(text: str, room: int) -> str:
    end = taken = 0
    for end, char in enumerate(text):  # noqa: B007  (the end is what is wanted)
        taken += width(char)
        if taken > room:
            return text[:end]
    return text
