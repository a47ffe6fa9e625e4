"""Recognise Python code in place of a spec."""

from __future__ import annotations

import re
from collections.abc import Callable

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.syntax.findings import Findings

_PYTHON = r"""(?mx)^[^\S\n]*(?:
      (?:import|from|return|print|assert|raise|yield)\b(?![^\S\n]*(?:=|->|$))
    | (?:class|with|while|if|elif|else|try|except|for)\b[^\n]*:
    | async\s+def\b | @\w
    | def\s+\w+\s*\([^\n]*\)\s*(?:->[^\n:]*)?:
    | [\w.]+\.(?:add|compile|fit|predict|summary|evaluate|save)\(
    | (?:[\w.]+[^\S\n]*=[^\S\n]*)?(?:(?:tf|keras|layers|models|nn|tensorflow|torch)\.)+[A-Za-z]\w*\(
    | [\w.]+[^\S\n]*=[^\S\n]*(?:Sequential|Model)\(
    | (?:[\w.]+[^\S\n]*=[^\S\n]*)?[A-Z]\w*\((?:(?!->)[^\n#])*\)\(\w+\)[^\S\n]*(?:\#[^\n]*)?$
    | [^\n#]*\blambda\s+\w*\s*:
    )"""
"""Matches lines of Python with Keras that cannot be lines of a spec. Compiled when a text has an error."""

_MESSAGE = "this is Python code, not a spec"


def reports_python(diagnostic: Diagnostic) -> bool:
    """Return whether a diagnostic says that a text is Python code."""
    return diagnostic.message == _MESSAGE


def find_python(source: Source) -> tuple[Span, Callable[[Findings], None]] | None:
    """Return the span of a text that is Python and a function that reports it, or None."""
    pattern = re.compile(_PYTHON)
    first = pattern.search(source.text)
    if first is None:
        return None
    text = source.text
    start, end = first.start(), first.end()
    for match in pattern.finditer(text, start):
        end = match.end()
    end = text.find("\n", end)
    # A call that was opened on the last line of Python ends with its bracket.
    end = _bracket_end(text, start, len(text) if end < 0 else end)
    stop = text.find("\n", start)
    line = Span(start + len(first[0]) - len(first[0].lstrip()), len(text) if stop < 0 else stop)

    def add(findings: Findings) -> None:
        findings.add(
            "ST102",
            _MESSAGE,
            line,
            "Python",
            help="a spec has only the layers, as a flow: in(T,F) -> lstm(64,seq) -> dense(1); "
            "Python reads it with seqtopo.compile(spec)",
        )

    return Span(start, end), add


def _bracket_end(text: str, start: int, end: int) -> int:
    depth = text.count("(", start, end) + text.count("[", start, end)
    depth -= text.count(")", start, end) + text.count("]", start, end)
    while depth > 0 and end < len(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
        end += 1
    return end
