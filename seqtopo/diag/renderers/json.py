"""Render diagnostics as JSON, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.source import Source, Span, clamped, region


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    r"""Return a JSON array with one object for each diagnostic; always ASCII. The keys are stable:

    - ``code``, ``name`` (the code's short name, empty if there is none), ``severity`` (error, warning, info),
      ``message``, ``file``; of a notebook also ``cell``, counted from 0: places are those in the cell
    - ``start``, ``end``: offsets into the text in code points, half-open; ``line``, ``column``, ``end_line``,
      ``end_column``: the same, counted from 1
    - ``label``: the words at the place; ``labels``: other places, each with ``text`` and the six numbers
    - ``notes``: a list of texts; ``help``: a text
    - ``fixes``: each with ``title``, ``safe`` and ``edits``, each of these with ``text`` and the six numbers

    ``file`` and the numbers are null where there is no text to point into.

    >>> render_json([])
    '[]\n'
    """
    return json.dumps([_diagnostic(diagnostic) for diagnostic in diagnostics], indent=2) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    source = diagnostic.source
    row = CODES.get(diagnostic.code)
    return {
        "code": diagnostic.code,
        "name": row.name if row else "",
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": source.path if source else None,
        **({"cell": source.cell} if source and source.cell is not None else {}),
        **_place(source, diagnostic.span),
        "label": diagnostic.label,
        "labels": [{"text": label.text, **_place(source, label.span)} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fixes": [_fix(fix, source) for fix in diagnostic.fixes],
    }


def _fix(fix: Fix, source: Source | None) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safe": fix.safe,
        "edits": [{"text": edit.text, **_place(source, edit.span)} for edit in fix.edits],
    }


def _place(source: Source | None, span: Span) -> dict[str, int | None]:
    if source is None:
        return dict.fromkeys(("start", "end", "line", "column", "end_line", "end_column"))
    return {**clamped(source, span)._asdict(), **region(source, span)._asdict()}
