"""Align columns of text in a terminal, and fit them into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from seqtopo.diag.renderers.cells import Row, paint, shortened, visible, width, wrap

_GAP = "  "
_NARROWEST = 6
_SENTENCE = 45
_SHORT_SENTENCE = 20
_LONGEST = 200


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its heading and its cells.

    ``right`` aligns numbers. If the terminal is too narrow for all, columns with ``drop`` are left out, 1
    first; ``wrapped`` sentences at the end of the line go on in the next; any other column loses the middle
    of its longest words.
    """

    heading: str
    cells: Sequence[str]
    right: bool = False
    drop: int = 0
    wrapped: bool = False

    @cached_property
    def texts(self) -> list[str]:
        """The heading and the cells, safe to print."""
        return [visible(shortened(text, _LONGEST)) for text in (self.heading, *self.cells)]

    @cached_property
    def width(self) -> int:
        """The columns of the terminal that it takes up."""
        return max(map(width, self.texts))


def columns(found: Sequence[Column], most: int | None, *, indent: int = 0, color: bool = False) -> str:
    """Return the columns side by side, in lines of at most ``most`` terminal columns (None: as wide as they
    are).

    >>> print(columns([Column("name", ["lstm"]), Column("parameters", ["7"], right=True)], None))
    name  parameters
    lstm           7
    """
    kept = [column for column in found if any(column.cells)]
    room = None if most is None else max(most - indent, _NARROWEST * len(kept))
    while room is not None and _least(kept) > room and any(column.drop for column in kept):
        first = min((column for column in kept if column.drop), key=lambda column: column.drop)
        kept = [column for column in kept if column is not first]
    widths = _widths(kept, room)
    rows: list[Row] = []
    for at in range(len(kept[0].texts)):
        cells = [_lines(c.texts[at], w, c.wrapped) for c, w in zip(kept, widths, strict=True)]
        for line in range(max(map(len, cells))):
            texts = [cell[line] if line < len(cell) else "" for cell in cells]
            padded = [_padded(t, w, c.right) for c, t, w in zip(kept, texts, widths, strict=True)]
            text = " " * indent + _GAP.join(padded)
            rows.append(((text.rstrip(), "strong" if at == 0 else "plain"),))
    return paint(rows, color).removesuffix("\n")


def _lines(text: str, room: int, wrapped: bool) -> list[str]:
    return wrap(text, room) if wrapped else [fitted(text, room)]


def _least(kept: Sequence[Column]) -> int:
    """Return the room below which a column has to go."""
    return _total(kept) - sum(max(c.width - _SENTENCE, 0) for c in kept if c.wrapped)


def _total(kept: Sequence[Column]) -> int:
    return sum(column.width for column in kept) + len(_GAP) * (len(kept) - 1)


def _widths(kept: Sequence[Column], room: int | None) -> list[int]:
    widths = [column.width for column in kept]
    over = 0 if room is None else _total(kept) - room
    # A shortened number would be wrong, so words are shortened first.
    groups = (
        ([at for at, c in enumerate(kept) if c.wrapped], _SHORT_SENTENCE),
        ([at for at, c in enumerate(kept) if not c.wrapped and not c.right], _NARROWEST),
        ([at for at, c in enumerate(kept) if c.wrapped or c.right], _NARROWEST),
    )
    for places, least in groups:
        while over > 0 and (widest := max(places, key=widths.__getitem__, default=-1)) >= 0:
            if widths[widest] <= least:
                break
            widths[widest] -= 1
            over -= 1
    return widths


def _padded(text: str, room: int, right: bool) -> str:
    gap = " " * (room - width(text))
    return gap + text if right else text + gap


def fitted(text: str, room: int) -> str:
    """Return a text of at most ``room`` columns, without its middle where it is longer.

    >>> fitted("multi_head_attention_1", 12), fitted("中文中文中", 9)
    ('multi_h..n_1', '中文..中')
    """
    if width(text) <= room:
        return text
    tail = (room - 2) // 3
    head = room - 2 - tail
    return _cut_to(text, head) + ".." + _cut_to(text[::-1], tail)[::-1]


def _cut_to(text: str, room: int) -> str:
    end = taken = 0
    for end, char in enumerate(text):
        taken += width(char)
        if taken > room:
            return text[:end]
    return text
