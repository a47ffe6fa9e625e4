"""Convert spans to lines and columns, as editors and services count them."""

from __future__ import annotations

from typing import NamedTuple

from seqtopo.source import Source, Span


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
