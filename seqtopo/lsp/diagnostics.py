"""Turn what a check finds into the editor's diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from seqtopo.code.model import Opaque
from seqtopo.diag.codes import CODES, INDEX
from seqtopo.diag.model import Diagnostic, Label
from seqtopo.lsp.documents import Code, Document, Place
from seqtopo.lsp.positions import Text
from seqtopo.source import Span
from seqtopo.system.files import grammar_path

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}
SOURCE = "seqtopo"
_OLD = "ST8"
"""The beginning of the codes of old spellings."""


def findings(document: Document, tried: Span | None = None) -> list[tuple[Diagnostic, Place]]:
    """Return the findings of a document with their places; for a cell, those in the cell.

    ``tried`` is where the fixes of Python code are tried, which takes a check for each.
    """
    spec, code = document.spec, document.code
    found: list[tuple[Diagnostic, Place]] = []
    if spec is not None:
        return [(d, Place(document, d.span)) for d in spec.checked.diagnostics]
    if code is None:
        return found
    if tried is None:
        checked = code.checked
    else:
        checked = code.tried(Span(document.in_code(tried.start), document.in_code(tried.end)))
    for model in (None, *checked.models):
        for diagnostic in checked.diagnostics if model is None else model.diagnostics:
            span = diagnostic.span
            if diagnostic.source is not code.file.source:
                # It is in another file, from which the model is made.
                span = Span(0, 0) if model is None else model.place.span
            place = document.place(span)
            if place is not None and place.document is document:
                found.append((diagnostic, place))
    return sorted(found, key=lambda one: (one[1].span, one[0].code))


def diagnostics_of(document: Document) -> list[types.Diagnostic]:
    """Return the diagnostics of a document, for the editor."""
    found = [shown(diagnostic, place) for diagnostic, place in findings(document)]
    code = document.code
    return [*found, *_stops(document, code)] if code is not None else found


def shown(found: Diagnostic, place: Place) -> types.Diagnostic:
    """Return one finding as the editor shows it."""
    lines = [found.message, *found.notes]
    help = found.help or (found.fixes[0].title if found.fixes else "")
    if help:
        lines.append(f"help: {help}")
    return types.Diagnostic(
        range=place.location.range,
        message="\n".join(lines),
        severity=SEVERITIES[found.severity],
        code=found.code,
        code_description=types.CodeDescription(page_uri(found.code)) if found.code in CODES else None,
        source=SOURCE,
        tags=_tags(found),
        related_information=list(_related(found, place)) or None,
    )


def page_uri(code: str) -> str:
    """Return the address of a code's page, a Markdown file."""
    path = Path(grammar_path("diagnostics")) / f"{code}.md"
    return (path if path.is_file() else Path(grammar_path(INDEX))).as_uri()


def _tags(found: Diagnostic) -> list[types.DiagnosticTag] | None:
    if found.code.startswith(_OLD):
        return [types.DiagnosticTag.Deprecated]
    return [types.DiagnosticTag.Unnecessary] if _is_unnecessary(found) else None


def _is_unnecessary(found: Diagnostic) -> bool:
    """Return whether the first fix of a finding only removes the text that it is about."""
    if found.severity == "error" or not found.fixes:
        return False
    edits = found.fixes[0].edits
    gone = [e.span for e in edits if not e.text]
    return any(span.start <= found.span.start and found.span.end <= span.end for span in gone)


def _related(found: Diagnostic, place: Place) -> Iterator[types.DiagnosticRelatedInformation]:
    document = place.document
    code = document.code
    if code is not None and found.source is not None and found.source is not code.file.source:
        path = Path(found.source.name)
        if path.is_absolute():
            where = types.Location(path.as_uri(), _range(found.source.text, found.span, document))
            yield types.DiagnosticRelatedInformation(where, found.label or found.message)
        return
    for label in (Label(found.span, found.label), *found.labels):
        there = document.place(label.span)
        if label.text and there is not None:
            yield types.DiagnosticRelatedInformation(there.location, label.text)


def _range(text: str, span: Span, document: Document) -> types.Range:
    return Text(text, document.text.encoding).range(span)


def stops_of(code: Code) -> Iterator[Opaque]:
    """Yield the values at which the reading of Python code stopped, with their places and reasons."""
    checked = code.checked
    seen: set[Opaque] = set()
    for stop in (
        *code.file.stops,
        *(s for m in checked.models for s in m.model.stops),
        *(s for m in checked.models if m.text is not None for s in m.text.left_out),
    ):
        if stop.where is not None and stop.where.source is code.file.source and stop not in seen:
            seen.add(stop)
            yield stop
    for model in checked.models:
        if model.text is None and not model.model.stops and model.place.source is code.file.source:
            yield Opaque(f"nothing of {model.name} can be told from the code", model.place)


def _stops(document: Document, code: Code) -> Iterator[types.Diagnostic]:
    """Yield hints where the reading stops: findings about the models hold for what was read."""
    damaged = {damage.where for damage in code.file.damage}
    for stop in stops_of(code):
        if stop.where is None or stop.where in damaged:
            continue
        place = document.place(stop.where.span)
        if place is not None and place.document is document:
            yield types.Diagnostic(
                range=place.location.range,
                message=f"not read: {stop.why}",
                severity=types.DiagnosticSeverity.Hint,
                source=SOURCE,
            )
