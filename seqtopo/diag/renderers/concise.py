"""Render diagnostics one a line, for editors and ``grep``."""

from __future__ import annotations

from collections.abc import Sequence

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.diag.renderers.places import region


def render_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """One line for each diagnostic: its place, severity, code and headline.

    >>> from seqtopo.source import Source, Span
    >>> source = Source("in(T,F) -> lstn(64)", "spec.txt")
    >>> print(render_concise([Diagnostic("ST201", "no layer lstn", Span(11, 15), source=source)]), end="")
    spec.txt:1:12: error[ST201] no layer lstn
    """
    return "".join(_line(diagnostic) + "\n" for diagnostic in diagnostics)


def _line(diagnostic: Diagnostic) -> str:
    where = ""
    if diagnostic.source:
        place = region(diagnostic.source, diagnostic.span)
        where = f"{visible(diagnostic.source.name)}:{place.line}:{place.column}: "
    return f"{where}{diagnostic.severity}[{diagnostic.code}] {visible(diagnostic.message)}"
