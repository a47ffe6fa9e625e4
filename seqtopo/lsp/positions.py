"""Convert between offsets in a text, in code points, and the lines and characters of the protocol."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from lsprotocol import types

from seqtopo.diag.model import Edit
from seqtopo.source import Span

_BREAK = re.compile(r"\r\n|\n|\r")
_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def choose_encoding(offered: Sequence[str] | None) -> str:
    """Return the encoding in which positions are counted: code points where the editor offers them.

    >>> choose_encoding(["utf-16", "utf-32"]), choose_encoding(None)
    ('utf-32', 'utf-16')
    """
    return "utf-32" if "utf-32" in (offered or ()) else "utf-16"


class Text:
    r"""A document's text, and the places in it as the editor counts them.

    >>> text = Text("a\r\n😀b", "utf-16")
    >>> text.position(4), text.offset(types.Position(1, 2))
    (1:2, 4)
    """

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        self.encoding = encoding
        self._starts = [0]
        self._ends: list[int] = []
        for found in _BREAK.finditer(text):
            self._ends.append(found.start())
            self._starts.append(found.end())
        self._ends.append(len(text))

    def position(self, offset: int) -> types.Position:
        """Return the place of an offset; past the end, the place behind the text."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        before = self.text[self._starts[line] : min(offset, self._ends[line])]
        return types.Position(line, self._units(before))

    def range(self, span: Span) -> types.Range:
        """Return the two places of a span."""
        return types.Range(self.position(span.start), self.position(span.end))

    def offset(self, position: types.Position) -> int:
        """Return the offset of a place; behind the end of a line, that of its end."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._ends[position.line]
        line = self.text[start:end]
        if self.encoding == "utf-32" or line.isascii():
            return start + min(position.character, len(line))
        left = position.character
        for at, sign in enumerate(line):
            if left <= 0:
                return start + at
            left -= self._units(sign)
        return end

    def span(self, range: types.Range) -> Span:
        """Return the span between two places."""
        start, end = self.offset(range.start), self.offset(range.end)
        return Span(min(start, end), max(start, end))

    def edits(self, edits: Sequence[Edit]) -> list[types.TextEdit]:
        """Return edits as the editor makes them."""
        return [types.TextEdit(self.range(edit.span), edit.text) for edit in edits]

    def line_end(self, offset: int) -> int:
        """Return the end of the line of an offset, before its line break."""
        return self._ends[bisect_right(self._starts, max(0, min(offset, len(self.text)))) - 1]

    def changed(self, change: types.TextDocumentContentChangeEvent) -> Text:
        """Return the text after a change: of a part of it, or all of it anew."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            span = self.span(change.range)
            return Text(self.text[: span.start] + change.text + self.text[span.end :], self.encoding)
        return Text(change.text, self.encoding)

    def _units(self, part: str) -> int:
        if self.encoding == "utf-32" or part.isascii():
            return len(part)
        # A lone surrogate, which an editor may send, has two bytes as well.
        coded = part.encode(f"{self.encoding}-le" if self.encoding != "utf-8" else "utf-8", "surrogatepass")
        return len(coded) // _BYTES[self.encoding]


def difference(before: str, after: str) -> tuple[Edit, ...]:
    """Return the one edit between two texts, without what is the same at both ends; none if they are equal.

    >>> difference("in(T) -> lstm(4)", "in(T) -> gru(4)")
    (Edit(span=Span(start=9, end=13), text='gru'),)
    """
    if before == after:
        return ()
    start = common_start(before, after)
    end = common_start(before[start:][::-1], after[start:][::-1])
    return (Edit(Span(start, len(before) - end), after[start : len(after) - end]),)


def common_start(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
