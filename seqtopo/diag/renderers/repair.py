"""Draw a fix: the corrected line with its new parts marked, or the lines before and after."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from seqtopo.diag.model import Edit, Fix
from seqtopo.diag.renderers.cells import Row, Style
from seqtopo.diag.renderers.crop import window
from seqtopo.diag.renderers.picture import WIDEST_LINE, numbered
from seqtopo.source import Source, Span, clamped

_MOST_LINES = 6
_MOST_HUNKS = 4


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines that change. ``marks`` are the new parts of a single line, each inserted (``+``) or
    put in place of something (``~``); without marks the hunk is shown as lines before and after.
    """

    number: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    marks: tuple[tuple[int, int, str], ...]

    @property
    def last_number(self) -> int:
        """The highest line number that its picture shows."""
        return self.number + max(min(len(self.old), _MOST_LINES), min(len(self.new), _MOST_LINES), 1) - 1


def hunks_of(fix: Fix, source: Source) -> list[Hunk]:
    """Return the changes of a fix, line by line; none if its edits overlap or change nothing."""
    edits = sorted(
        (Edit(clamped(source, edit.span), edit.text) for edit in fix.edits), key=lambda edit: edit.span
    )
    if any(left.span.end > right.span.start for left, right in pairwise(edits)):
        return []
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit in edits:
        edit = _least(source.text, edit)
        if edit.span.start == edit.span.end and not edit.text:
            continue
        first, last = source.place(edit.span.start).line, source.place(edit.span.end).line
        if groups and first <= groups[-1][1]:
            groups[-1] = (groups[-1][0], last, [*groups[-1][2], edit])
        elif len(groups) < _MOST_HUNKS:
            groups.append((first, last, [edit]))
    hunks: list[Hunk] = []
    moved = 0
    for first, last, group in groups:
        hunk = _hunk(source, first, last, group, moved)
        moved += len(hunk.new) - len(hunk.old)
        hunks.append(hunk)
    return hunks


def _hunk(source: Source, first: int, last: int, edits: list[Edit], moved: int) -> Hunk:
    start = source.start_of(first)
    end = source.start_of(last + 1) - 1 if last < source.lines else len(source.text)
    parts: list[str] = []
    marks: list[tuple[int, int, str]] = []
    at, size = start, 0
    for edit in edits:
        kept = source.text[at : edit.span.start]
        parts += [kept, edit.text]
        size += len(kept)
        marks.append((size, size + len(edit.text), "~" if edit.span.end > edit.span.start else "+"))
        size += len(edit.text)
        at = edit.span.end
    parts.append(source.text[at:end])
    old = tuple(source.line(number) for number in range(first, last + 1))
    new = tuple(line.rstrip("\r") for line in "".join(parts).split("\n"))
    # A carriage return at the end of a line belongs to its break and is not shown.
    marks = [(low, min(high, len(new[0])), sign) for low, high, sign in marks]
    if len(old) == len(new) == 1 and old[0].strip() and all(low < high for low, high, _ in marks):
        return Hunk(first + moved, old, new, tuple(marks))
    # Lines that stay as they are belong to no change, except that a blank line is not a picture of one.
    same = _shared(old, new)
    old, new = old[same:], new[same:]
    tail = _shared(old[::-1], new[::-1])
    return Hunk(first + moved + same, old[: len(old) - tail], new[: len(new) - tail], ())


def _least(text: str, edit: Edit) -> Edit:
    """Return the same edit without its unchanged ends, cut between words and not within them."""
    old, new = text[edit.span.start : edit.span.end], edit.text
    head = _shared(old, new)
    while head and _in_word(old, head) | _in_word(new, head):
        head -= 1
    tail = min(_shared(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    while tail and _in_word(old, len(old) - tail) | _in_word(new, len(new) - tail):
        tail -= 1
    span = Span(edit.span.start + head, edit.span.end - tail)
    return Edit(span, new[head : len(new) - tail])


def _in_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _of_word(text[at - 1]) and _of_word(text[at])


def _of_word(char: str) -> bool:
    return char.isalnum() or char in "_."


def _shared(left: str | tuple[str, ...], right: str | tuple[str, ...]) -> int:
    """Return the length of the common beginning, found by bisection, as the texts may be long."""
    most = min(len(left), len(right))
    return bisect_left(range(most), True, key=lambda size: left[: size + 1] != right[: size + 1])


def repair_rows(hunks: list[Hunk], *, gutter: int, room: int | None) -> list[Row]:
    """Return the rows of the picture of a fix."""
    rows: list[Row] = []
    last = 0
    for hunk in hunks:
        if last and hunk.number > last + 1:
            rows.append((("...", "frame"),))
        rows += _marked(hunk, gutter, room) if hunk.marks else _before_and_after(hunk, gutter, room)
        last = hunk.last_number
    return rows


def _marked(hunk: Hunk, gutter: int, room: int | None) -> list[Row]:
    view = window(hunk.new[0], [(start, end) for start, end, _ in hunk.marks], room or WIDEST_LINE)
    columns = [
        (view.column(start), view.column(end), sign)
        for (start, end, sign), shown in zip(hunk.marks, view.shown, strict=True)
        if shown
    ]
    signs = [" "] * max(end for _, end, _ in columns)
    for start, end, sign in columns:
        signs[start:end] = sign * (end - start)
    return [
        (numbered(hunk.number, "|", gutter), (view.text, "plain")),
        ((" " * (gutter + 1) + "| ", "frame"), ("".join(signs), "added")),
    ]


def _before_and_after(hunk: Hunk, gutter: int, room: int | None) -> list[Row]:
    # Long lines are cut around the place where they begin to differ.
    apart = [_shared(old, new) for old, new in zip(hunk.old, hunk.new, strict=False)]
    rows: list[Row] = []
    sides: tuple[tuple[tuple[str, ...], str, Style], ...] = (
        (hunk.old, "-", "removed"),
        (hunk.new, "+", "added"),
    )
    for lines, sign, style in sides:
        for index, line in enumerate(lines[:_MOST_LINES]):
            at = min(apart[index] if index < len(apart) else 0, len(line))
            view = window(line, [(at, at)], room or WIDEST_LINE)
            number = f"{hunk.number + index:>{gutter}} "
            rows.append(((number, "frame"), (f"{sign} {view.text}", style)))
        if len(lines) > _MOST_LINES:
            rows.append((("...", "frame"),))
    return rows
