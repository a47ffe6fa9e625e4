"""Render diagnostics as SARIF 2.1.0 (OASIS), which code scanning services read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.diag.pages import page
from seqtopo.source import Source, Span, region

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """Return a SARIF log with one run: a rule for each code that occurs, a result for each diagnostic; always
    ASCII.

    Columns are counted in code points, which the log says.

    >>> json.loads(render_sarif([]))["version"]
    '2.1.0'
    """
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    places = {code: place for place, code in enumerate(codes)}
    run = {
        "tool": {"driver": {"name": "seqtopo", "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, places[diagnostic.code]) for diagnostic in diagnostics],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    row = CODES.get(code)
    if row is None:
        return {"id": code}
    full = page(code)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in row.name.split("-")),
        "shortDescription": {"text": row.summary},
        "fullDescription": {"text": full.what},
        "help": {"text": full.text(), "markdown": full.markdown},
        "defaultConfiguration": {"level": _LEVELS[row.severity]},
    }


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    parts = [diagnostic.message, diagnostic.label, *diagnostic.notes]
    parts += [f"help: {diagnostic.help}"] if diagnostic.help else []
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(part for part in parts if part)},
    }
    source = diagnostic.source
    if source is None:
        return result
    result["locations"] = [_location(source, diagnostic.span)]
    if diagnostic.labels:
        related = [
            {**_location(source, label.span), "message": {"text": label.text}} for label in diagnostic.labels
        ]
        result["relatedLocations"] = _unique(related)
    fixes = _unique([_fix(source, fix) for fix in diagnostic.fixes if fix.edits])
    if fixes:
        result["fixes"] = fixes
    return result


def _unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The schema forbids equal items in these lists.
    return list({json.dumps(item): item for item in items}.values())


def _location(source: Source, span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(source), "region": _region(source, span)}}


def _artifact(source: Source) -> dict[str, str]:
    # Backslashes are how Windows writes what a URI writes with slashes.
    return {"uri": quote(source.path.replace("\\", "/"), errors="replace")}


def _region(source: Source, span: Span) -> dict[str, int]:
    place = region(source, span)
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _fix(source: Source, fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    return {
        "description": {"text": fix.title},
        "artifactChanges": [{"artifactLocation": _artifact(source), "replacements": replacements}],
    }
