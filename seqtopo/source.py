"""Hold a spec's text and the places in it. Spans are half-open and count code points, not bytes."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open stretch of a text: from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    def cover(self, other: Span) -> Span:
        """Return the smallest span that holds both.

        >>> Span(2, 4).cover(Span(7, 9))
        Span(start=2, end=9)
        """
        return Span(min(self.start, other.start), max(self.end, other.end))


class Place(NamedTuple):
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    r"""A text and the name it is known by (a path, ``<spec>``, ``<stdin>``).

    Of a cell of a notebook ``file`` is the notebook, and ``cell`` which of its cells it is, counted from 0.

    >>> source = Source("in(T,F)\n-> lstm(64)", "spec.txt")
    >>> source.place(11)
    Place(line=2, column=4)
    >>> source.line(2)
    '-> lstm(64)'
    """

    text: str
    name: str = "<spec>"
    file: str = field(default="", compare=False)
    cell: int | None = field(default=None, compare=False)
    _starts: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        object.__setattr__(self, "_starts", starts)

    def place(self, offset: int) -> Place:
        """Return the line and column of an offset; past the end, the place just behind the text."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)

    @property
    def path(self) -> str:
        """The file that the text lies in, or its name."""
        return self.file or self.name

    @property
    def lines(self) -> int:
        """The number of lines of the text."""
        return len(self._starts)

    def line(self, number: int) -> str:
        """Return one line, counted from 1, without its line break."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def start_of(self, number: int) -> int:
        """Return the offset at which a line, counted from 1, begins."""
        return self._starts[number - 1]


class Region(NamedTuple):
    """Lines and columns from 1, in code points; the end column is the one behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def clamped(source: Source, span: Span) -> Span:
    """Return the span cut to the text: renderers show a wrong span as well as they can."""
    start = max(0, min(span.start, len(source.text)))
    return Span(start, max(start, min(span.end, len(source.text))))


def region(source: Source, span: Span) -> Region:
    r"""Return the lines and columns of a span.

    >>> region(Source("in(T)\n-> lstm(4)"), Span(3, 8))
    Region(line=1, column=4, end_line=2, end_column=3)
    """
    start, end = clamped(source, span)
    return Region(*source.place(start), *source.place(end))
