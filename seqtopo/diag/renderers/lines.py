"""Diagnostics one a line: for editors and ``grep``, and as GitHub workflow commands for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.source import region


def render_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one line for each diagnostic: its place, severity, code and headline.

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


_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_BREAKS = {"\r": "%0D", "\n": "%0A"}
_ESCAPED = str.maketrans({"%": "%25", ":": "%3A", ",": "%2C"})


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one ``::error file=...,line=...::message`` a diagnostic; notes and help go into the message.

    >>> from seqtopo.source import Span
    >>> print(render_github([Diagnostic("ST402", "no backend", Span(0, 0))]), end="")
    ::error title=ST402 no-backend::no backend
    """
    return "".join(_command(diagnostic) + "\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties: list[tuple[str, object]] = []
    if diagnostic.source:
        place = region(diagnostic.source, diagnostic.span)
        properties = [
            ("file", diagnostic.source.path),
            ("line", place.line),
            ("col", place.column),
            ("endLine", place.end_line),
            ("endColumn", place.end_column),
        ]
    row = CODES.get(diagnostic.code)
    properties.append(("title", f"{diagnostic.code} {row.name}" if row else diagnostic.code))
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties)
    parts = [diagnostic.message, diagnostic.label, *(f"note: {note}" for note in diagnostic.notes)]
    parts += [f"help: {text}" for text in (diagnostic.help, *(fix.title for fix in diagnostic.fixes)) if text]
    message = _message("\n".join(dict.fromkeys(part for part in parts if part)))
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{message}"


def _message(text: str) -> str:
    lines = (visible(line.rstrip("\r")) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    # A file has to be found under this name, so its line breaks are kept, as escapes.
    parts = re.split(r"([\r\n])", text)
    return "".join(_BREAKS.get(part) or visible(part).translate(_ESCAPED) for part in parts)
