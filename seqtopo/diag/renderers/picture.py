"""Draw the source lines of a diagnostic with marks under the places and words at the marks."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import Row, Style, shortened, visible, width, wrap
from seqtopo.diag.renderers.crop import Window, window
from seqtopo.source import Source, Span, clamped

# The maximum number of places in the list; the rest is counted in a note.
MOST_LABELS = 8
_MOST_WORDS = 400
# Words beside a mark are broken only where at least this much room is left for them.
_ROOM_BESIDE = 30
_ROOM_BENEATH = 30
_LEAST_ROOM_BENEATH = 16
# A stretch of at most this many lines is shown as a whole, a longer one by its first and last line.
_MOST_LINES = 3
# Lines are cut even where words are not wrapped, or one long line would fill the screen.
WIDEST_LINE = 160


@dataclass(frozen=True)
class Mark:
    """A marked stretch of one line, in code points of that line, with the words at it."""

    line: int
    start: int
    end: int
    words: str
    primary: bool


@dataclass(frozen=True)
class _Placed:
    """A mark on the screen, in columns."""

    mark: Mark
    left: int
    right: int


def marks_of(diagnostic: Diagnostic, source: Source) -> list[Mark]:
    """Return all marks of a diagnostic, those of its primary place first."""
    marks = _marks(source, diagnostic.span, diagnostic.label, primary=True)
    for label in diagnostic.labels[:MOST_LABELS]:
        marks += _marks(source, label.span, label.text, primary=False)
    return marks


def _marks(source: Source, span: Span, words: str, *, primary: bool) -> list[Mark]:
    start, end = clamped(source, span)
    words = visible(shortened(words, _MOST_WORDS)).strip()
    first, column = source.place(start)
    last, end_column = source.place(end)
    if first == last:
        size = len(source.line(first))
        return [Mark(first, min(column - 1, size), min(end_column - 1, size), words, primary)]
    whole = last - first < _MOST_LINES
    stretches: list[tuple[int, int, int]] = []
    for number in range(first, last + 1) if whole else (first, last):
        line = source.line(number)
        low = column - 1 if number == first else len(line) - len(line.lstrip())
        high = min(end_column - 1, len(line)) if number == last else len(line.rstrip())
        if low < high:
            stretches.append((number, low, high))
    if not stretches:
        at = min(column - 1, len(source.line(first)))
        stretches = [(first, at, at)]
    return [
        Mark(number, low, high, words if place == len(stretches) - 1 else "", primary)
        for place, (number, low, high) in enumerate(stretches)
    ]


def picture(
    source: Source, marks: list[Mark], style: Style, *, gutter: int, room: int | None, context: int
) -> list[Row]:
    """Return the rows of the picture. ``gutter`` is the width of the line numbers, ``room`` that of the text
    beside them, ``context`` how many lines to show before and after the primary place.
    """
    by_line: dict[int, list[Mark]] = {}
    for mark in marks:
        by_line.setdefault(mark.line, []).append(mark)
    primary = [mark.line for mark in marks if mark.primary]
    low = max(1, min(primary) - context)
    # Behind a last line break there is nothing to show.
    lines = source.lines - source.text.endswith("\n")
    high = min(lines, max(primary) + context)
    numbers = {*by_line, *range(low, primary[0]), *range(primary[-1] + 1, high + 1)}
    rows: list[Row] = []
    last = 0
    for number in sorted(numbers):
        if last and number == last + 2:
            # A gap would take as much room as the one line in it.
            rows += _line_rows(source.line(last + 1), last + 1, [], style, gutter, room)
        elif last and number > last + 2:
            rows.append((("...", "frame"),))
        rows += _line_rows(source.line(number), number, by_line.get(number, []), style, gutter, room)
        last = number
    return rows


def numbered(number: int, sign: str, gutter: int) -> tuple[str, Style]:
    """Return the frame before a line that is shown."""
    return f"{number:>{gutter}} {sign} ", "frame"


def _line_rows(
    line: str, number: int, marks: list[Mark], style: Style, gutter: int, room: int | None
) -> list[Row]:
    rows: list[Row] = []
    while True:
        view = window(line, [(mark.start, mark.end) for mark in marks], room or WIDEST_LINE)
        rows.append((numbered(number, "|", gutter), (view.text, "plain")))
        fitting = [mark for mark, shown in zip(marks, view.shown, strict=True) if shown]
        frame: tuple[str, Style] = (" " * (gutter + 1) + "| ", "frame")
        rows += [(frame, *row) for row in _mark_rows(fitting, view, style, room)]
        # Marks too far apart for one picture of the line get another one.
        marks = [mark for mark, shown in zip(marks, view.shown, strict=True) if not shown]
        if not marks:
            return rows


def _mark_rows(marks: list[Mark], view: Window, style: Style, room: int | None) -> list[Row]:
    """Return the row of marks, and the words beside and beneath it."""
    if not marks:
        return []
    placed = []
    for mark in marks:
        left = view.column(mark.start)
        placed.append(_Placed(mark, left, max(left + 1, view.column(mark.end))))
    row = _painted(placed, style)
    hung = [place for place in placed if place.mark.words]
    beside = max(hung, key=lambda place: (place.right, place.left, place.mark.primary), default=None)
    if beside is None or beside.right < max(place.right for place in placed):
        return [row, *_hung_rows(hung, style, room)]
    left = beside.right + 1
    words = beside.mark.words
    if room is not None and width(words) > room - left < _ROOM_BESIDE:
        return [row, *_hung_rows(hung, style, room)]
    hung = [place for place in hung if place is not beside]
    first, *more = wrap(words, None if room is None else room - left)
    look = _look(beside, style)
    rows: list[Row] = [(*row, (" " + first, look))]
    rows += [_beneath(line, left, hung, look) for line in more]
    return [*rows, *_hung_rows(hung, style, room)]


def _look(place: _Placed, style: Style) -> Style:
    return style if place.mark.primary else "frame"


def _painted(placed: list[_Placed], style: Style) -> Row:
    """Return the marks in one row; short ones lie upon long ones, and the primary one upon its equals."""
    signs: list[tuple[str, Style]] = [(" ", "plain")] * max(place.right for place in placed)
    for place in sorted(placed, key=lambda place: (place.left - place.right, place.mark.primary)):
        sign = "^" if place.mark.primary else "-"
        signs[place.left : place.right] = [(sign, _look(place, style))] * (place.right - place.left)
    runs: list[tuple[str, Style]] = []
    for sign, look in signs:
        if runs and runs[-1][1] == look:
            runs[-1] = (runs[-1][0] + sign, look)
        else:
            runs.append((sign, look))
    return tuple(runs)


def _hung_rows(hung: list[_Placed], style: Style, room: int | None) -> list[Row]:
    """Return the rows of words beneath the marks, the rightmost first.

    Each begins under the start of its mark; lines lead down to those that are still to come.
    """
    rows: list[Row] = []
    waiting = sorted(hung, key=lambda place: place.left)
    while waiting:
        place = waiting.pop()
        words = place.mark.words
        left = place.left
        if room is not None:
            left = min(left, max(0, room - min(width(words), _ROOM_BENEATH)))
            clear = max((other.left + 2 for other in waiting), default=0)
            if left < clear <= min(place.left, room - _LEAST_ROOM_BENEATH):
                left = clear
        if left < place.left:
            rows.append(_beneath("|", place.left, waiting, _look(place, style)))
        for line in wrap(words, None if room is None else room - left):
            rows.append(_beneath(line, left, waiting, _look(place, style)))
    return rows


def _beneath(text: str, left: int, waiting: list[_Placed], look: Style) -> Row:
    """Return one row of words, with the lines on its left that lead down past it."""
    ahead = [" "] * left
    for place in waiting:
        if place.left < left:
            ahead[place.left] = "|"
    return (("".join(ahead), "frame"), (text, look))
