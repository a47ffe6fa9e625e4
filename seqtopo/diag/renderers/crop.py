"""Crop a long source line to the parts worth showing, and map its characters to screen columns.

The cost follows the room on the screen and not the length of the line: a spec may be one line of megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqtopo.diag.renderers.cells import cell

GAP = "..."
# Two wide characters or one tab, between three gaps.
LEAST_ROOM = 14


@dataclass
class _Piece:
    """A stretch of the line that is shown, with its width in columns."""

    start: int
    end: int
    width: int


@dataclass(frozen=True)
class Window:
    """A line as shown. ``text`` is safe to print; ``shown`` says which of the wanted stretches are in it."""

    text: str
    shown: tuple[bool, ...]
    _columns: tuple[tuple[int, list[int]], ...]

    def column(self, at: int) -> int:
        """Return the screen column, from 0, of a code point of the line; inside a gap, where
        the gap begins.
        """
        last = 0
        for start, columns in self._columns:
            if at < start:
                return last
            if at - start < len(columns):
                return columns[at - start]
            last = columns[-1]
        return last


def window(line: str, wanted: Sequence[tuple[int, int]], room: int) -> Window:
    """Return a line cut down to ``room`` columns around the ``wanted`` stretches, the first of which matters
    most.

    Stretches that find no place are left out, but never the first. Where none is wanted, the line's
    beginning is what is shown.

    >>> window("in(T,F) -> " + "lstm(8) -> " * 9 + "dense(1)", [(110, 118)], 30).text
    '... -> lstm(8) -> dense(1)'
    """
    # The mark of an empty stretch at the end of the line needs a column of its own.
    room = max(room, LEAST_ROOM) - any(start >= len(line) for start, _ in wanted)
    whole = _walk(line, 0, len(line), room)
    if whole.end == len(line) and whole.width <= room:
        return _window(line, [whole], (True,) * len(wanted))
    if not wanted:
        return _window(line, [_walk(line, 0, len(line), room - len(GAP))], ())
    pieces: list[_Piece] = []
    shown: list[bool] = []
    for start, end in wanted:
        # The mark of an empty stretch stands under the character behind it.
        end = max(end, min(start + 1, len(line)))
        trial = _merged(pieces, _ends(line, start, end, room), line)
        if pieces and _cost(trial, line) > room:
            shown.append(False)
            continue
        if _cost(trial, line) > room:
            trial = [_walk(line, start, min(start + 1, len(line)), room)]
        pieces = trial
        shown.append(True)
    cores = [(piece.start, piece.end) for piece in pieces]
    grown = _grown(pieces, line, room)
    _trim(grown, cores, line)
    return _window(line, grown, tuple(shown))


def _walk(line: str, start: int, end: int, most: int) -> _Piece:
    """Return the characters from ``start`` on that fit into ``most`` columns, at least one."""
    at, taken = start, 0
    while at < end:
        size = cell(line, at)[1]
        if taken + size > most and at > start:
            break
        at, taken = at + 1, taken + size
    return _Piece(start, at, taken)


def _walk_back(line: str, start: int, end: int, most: int) -> _Piece:
    at, taken = end, 0
    while at > start:
        size = cell(line, at - 1)[1]
        if taken + size > most and at < end:
            break
        at, taken = at - 1, taken + size
    return _Piece(at, end, taken)


def _ends(line: str, start: int, end: int, room: int) -> list[_Piece]:
    """Return a stretch as one piece or, where it is long, its two ends."""
    piece = _walk(line, start, end, room // 2)
    if piece.end == end:
        return [piece]
    part = max(1, (room - 3 * len(GAP)) // 4)
    head, tail = _walk(line, start, end, part), _walk_back(line, start, end, part)
    return [head, tail] if head.end < tail.start else [piece]


def _merged(pieces: list[_Piece], more: list[_Piece], line: str) -> list[_Piece]:
    merged: list[_Piece] = []
    for piece in sorted([*pieces, *more], key=lambda piece: (piece.start, piece.end)):
        last = merged[-1] if merged else None
        if last is None or piece.start > last.end:
            merged.append(_Piece(piece.start, piece.end, piece.width))
        elif piece.end > last.end:
            last.width += sum(cell(line, at)[1] for at in range(last.end, piece.end))
            last.end = piece.end
    return merged


def _cost(pieces: list[_Piece], line: str) -> int:
    """Return the columns that the pieces take up together with the gaps around and between them."""
    gaps = len(pieces) - 1 + (pieces[0].start > 0) + (pieces[-1].end < len(line))
    return sum(piece.width for piece in pieces) + gaps * len(GAP)


def _grown(pieces: list[_Piece], line: str, room: int) -> list[_Piece]:
    """Return the pieces with as much of their surroundings, on both sides alike, as there is room for."""
    left = room - _cost(pieces, line)
    growing = True
    while growing:
        growing = False
        for index, piece in enumerate(pieces):
            low = pieces[index - 1].end if index else 0
            if piece.start > low:
                size = cell(line, piece.start - 1)[1]
                refund = len(GAP) if piece.start - 1 == low else 0
                if size - refund <= left:
                    piece.start, piece.width, left = piece.start - 1, piece.width + size, left - size + refund
                    growing = True
            high = pieces[index + 1].start if index + 1 < len(pieces) else len(line)
            if piece.end < high:
                size = cell(line, piece.end)[1]
                refund = len(GAP) if piece.end + 1 == high else 0
                if size - refund <= left:
                    piece.end, piece.width, left = piece.end + 1, piece.width + size, left - size + refund
                    growing = True
    return _merged(pieces, [], line)


def _trim(pieces: list[_Piece], cores: list[tuple[int, int]], line: str) -> None:
    """Draw the ends of the pieces that lie in the midst of a word back to the nearest blank."""
    for piece in pieces:
        inside = [core for core in cores if piece.start <= core[0] <= piece.end]
        if piece.start > 0:
            blank = line.find(" ", piece.start, inside[0][0])
            piece.start = piece.start if blank < 0 else blank
        if piece.end < len(line):
            blank = line.rfind(" ", inside[-1][1], piece.end)
            piece.end = piece.end if blank < 0 else blank + 1


def _window(line: str, pieces: list[_Piece], shown: tuple[bool, ...]) -> Window:
    parts: list[str] = []
    columns: list[tuple[int, list[int]]] = []
    column = 0
    last = 0
    for piece in pieces:
        if piece.start > last:
            parts.append(GAP)
            column += len(GAP)
        places = [column]
        for at in range(piece.start, piece.end):
            text, size = cell(line, at)
            # A mark without text above it would be on the gap, or on the frame.
            parts.append(text if size or at > piece.start else "")
            column += size
            places.append(column)
        columns.append((piece.start, places))
        last = piece.end
    if last < len(line):
        parts.append(GAP)
    return Window("".join(parts), shown, tuple(columns))
