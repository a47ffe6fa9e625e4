"""Answer the page: check a text and say, as plain data, what is shown beside it.

The page asks twice for each change: first for the findings and the shapes, then for what its open tab shows.
What was read is kept between the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from seqtopo import __version__
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.json import render_json
from seqtopo.layers.registry import ROWS
from seqtopo.lint.selection import Selection
from seqtopo.play.asked import Asked
from seqtopo.report.analyse import report_on
from seqtopo.report.report import Report, table_of
from seqtopo.report.table import HEADINGS
from seqtopo.syntax.pasted import reports_python


def answer(
    text: str, options: Mapping[str, Any] | None = None, selection: Selection | None = None
) -> dict[str, Any]:
    """Return the page's contents for a text, as data for JSON, without running the text.

    Args:
        text: a spec, or Keras code.
        options: ``language``: ``spec`` (the default) or ``python``; ``wants``: what to answer, of ``report``
            (the default), ``drawing``, ``unrolled``, ``python``, ``walk``, ``markdown``, ``formatted``,
            ``layers`` and ``page``; ``dims``: values of names; ``theme``: ``light`` or ``dark``; ``model``:
            which model of Keras code, from 0; ``code``: the code whose page is wanted.
        selection: the rules that are on.

    Returns:
        ``version``, and an entry for each thing that is wanted. What cannot be given has ``refused`` instead,
        the words that say why.

    >>> found = answer("in(T,8) -> lstm(64) -> lstm(32)")
    >>> found["report"]["ok"], found["report"]["diagnostics"][0]["code"]
    (False, 'ST301')
    >>> answer("in(8) -> dense(1)", {"wants": ["python"]})["python"]["text"].splitlines()[-1]
    'model = build()'
    """
    asked = Asked(text, options or {}, selection)
    found: dict[str, Any] = {"version": __version__}
    for want in asked.wants:
        given = giver(want)
        if given is None:
            continue
        try:
            found[want] = given(asked)
        except SpecError as error:
            found[want] = {"refused": error.diagnostics[0].message, "help": error.diagnostics[0].help}
        except Exception as error:  # a fault of ours must not end the page
            found[want] = {"refused": f"this is a mistake in seqtopo: {type(error).__name__}: {error}"}
    return found


def _report(asked: Asked) -> dict[str, Any]:
    if not asked.is_code:
        checked = asked.checked
        return {
            **_shown(report_on(checked), checked.diagnostics),
            "is_python": any(map(reports_python, checked.diagnostics)),
        }
    file = asked.file
    models = [
        {
            "name": model.name,
            "line": model.place.source.place(model.place.span.start).line,
            "ok": model.report.ok,
        }
        for model in file.models
    ]
    chosen = asked.number if 0 <= asked.number < len(models) else 0
    report = file.models[chosen].report if models else Report(file.code.source, ())
    return {**_shown(report, file.every_shown), "models": models, "model": chosen}


def _shown(report: Report, diagnostics: tuple[Diagnostic, ...]) -> dict[str, Any]:
    table = table_of(report) if report.ok and report.shapes else None
    return {
        "ok": not any(d.severity == "error" for d in diagnostics),
        "diagnostics": json.loads(render_json(diagnostics)),
        "unbound": list(report.unbound),
        "table": table
        and {
            "kind": table.kind,
            "meaning": table.meaning,
            "parameters": f"{table.params:,}" if isinstance(table.params, int) else str(table.params),
            "headings": HEADINGS,
            "rows": table.cells(),
            "below": table.below(),
        },
    }


def _layers(asked: Asked) -> list[list[str]]:
    """Return each layer's name, its sentence and an example, for completion."""
    return [[name, row.about, row.example] for row in ROWS for name in (row.name, *row.aliases)]


GIVES: dict[str, Callable[[Asked], Any]] = {"report": _report, "layers": _layers}
"""The functions that make the first answer. The rest is in ``views``."""


def giver(want: str) -> Callable[[Asked], Any] | None:
    """Return the function that answers one thing; None where there is no such thing."""
    if want in GIVES:
        return GIVES[want]
    from seqtopo.play.views import VIEWS  # the first answer comes sooner without the pictures

    return VIEWS.get(want)
