"""Render a report as HTML for notebooks: the table of shapes, and the findings with their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from seqtopo.diag.model import Diagnostic, Fix, Label
from seqtopo.diag.renderers.cells import Row, visible
from seqtopo.diag.renderers.repair import hunks_of, repair_rows
from seqtopo.report.table import HEADINGS, ShapeTable
from seqtopo.source import Source

_MARKS = {"error": "error", "warning": "warning", "info": "note"}
_EDGES = {"error": "#d64541", "warning": "#b07d1a", "info": "#4f80c0"}
"""Colours that can be read on white and on black."""
_CELL = "padding:2px 12px 2px 0;text-align:left;vertical-align:top;white-space:nowrap"
_NUMBER = "padding:2px 12px 2px 0;text-align:right;vertical-align:top;white-space:nowrap"
_PRE = "margin:4px 0;background:none;color:inherit;white-space:pre-wrap;overflow-wrap:anywhere"
_DRAWN = "margin:2px 0 6px;background:none;color:inherit;white-space:pre;overflow-x:auto"
_PAINTS = {"frame": "opacity:.6", "added": "color:#2e9e4f;font-weight:bold", "removed": "color:#d64541"}
_QUOTED = 60
"""A place that is only quoted has no more characters than this."""


def html(read: Source, diagnostics: Sequence[Diagnostic], table: ShapeTable | None) -> str:
    """Return a report as a piece of HTML, without scripts, in the colours of what is around it."""
    parts = [_finding(found.source or read, found) for found in diagnostics]
    if table is not None:
        parts.append(_table(table))
    return f'<div style="font-size:13px;line-height:1.45">{"".join(parts)}</div>'


def escaped(text: str) -> str:
    """Return a text on one line as HTML, with what cannot be seen, or would reorder, shown by a stand-in."""
    return escape(visible(text))


def _finding(source: Source, found: Diagnostic) -> str:
    edge = _EDGES[found.severity]
    lines = [
        f'<div style="border-left:3px solid {edge};padding:2px 0 2px 10px;margin:0 0 10px">',
        f"<div><b>{_MARKS[found.severity]} {escaped(found.code)}</b> {escaped(found.message)}</div>",
    ]
    if found.span.end > found.span.start:
        lines.append(_excerpt(source.text, found, edge))
    lines += [_elsewhere(source.text, label) for label in found.labels]
    lines += [f"<div>{escaped(note)}</div>" for note in found.notes]
    if found.help and found.help not in [fix.title for fix in found.fixes]:
        lines.append(_help(found.help))
    lines += [_help(fix.title) + _repaired(fix, source) for fix in found.fixes]
    return "".join([*lines, "</div>"])


def _help(words: str) -> str:
    """Return the help of a finding as HTML; lines behind the first are commands to paste."""
    first, *more = words.split("\n")
    return f"<div><i>help:</i> {escaped(first)}</div>{_drawn(map(escaped, more))}"


def _repaired(fix: Fix, source: Source) -> str:
    """Return the corrected lines with their new parts marked, as a terminal shows them."""
    hunks = hunks_of(fix, source)
    gutter = len(str(max((hunk.last_number for hunk in hunks), default=1)))
    return _drawn(map(_painted, repair_rows(hunks, gutter=gutter, room=None)))


def _drawn(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return f'<pre style="{_DRAWN}">{text}</pre>' if text else ""


def _painted(row: Row) -> str:
    return "".join(
        f'<span style="{_PAINTS[style]}">{escape(text)}</span>' if style in _PAINTS else escape(text)
        for text, style in row
    )


def _excerpt(text: str, found: Diagnostic, edge: str) -> str:
    """Return the lines that a finding lies in, with its place underlined."""
    start = text.rfind("\n", 0, found.span.start) + 1
    stop = text.find("\n", found.span.end)
    stop = len(text) if stop < 0 else stop
    start = max(start, found.span.start - 200)
    stop = min(stop, found.span.end + 200)
    before, at, after = (
        text[start : found.span.start],
        text[found.span.start : min(found.span.end, stop)],
        text[min(found.span.end, stop) : stop],
    )
    label = f' <span style="color:{edge}">{escaped(found.label)}</span>' if found.label else ""
    return (
        f'<pre style="{_PRE}">{_line(text, found.span.start)}{escaped(before)}'
        f'<u style="text-decoration-color:{edge};text-decoration-thickness:2px">{escaped(at)}</u>'
        f"{escaped(after)}{label}</pre>"
    )


def _elsewhere(text: str, label: Label) -> str:
    """Return the HTML of another place that has to do with a finding, and why."""
    place = " ".join(text[label.span.start : label.span.end].split())
    quoted = place if len(place) <= _QUOTED else f"{place[:_QUOTED]}…"
    return (
        f'<pre style="{_PRE}">{_line(text, label.span.start)}'
        f'<u>{escaped(quoted)}</u> <span style="opacity:.7">{escaped(label.text)}</span></pre>'
    )


def _line(text: str, place: int) -> str:
    number = text.count("\n", 0, place) + 1
    return f'<span style="opacity:.6">{number}: </span>'


def _table(table: ShapeTable) -> str:
    meaning = f": {escaped(table.meaning)}" if table.meaning else ""
    head = f"<div><b>{escaped(table.kind)}</b>{meaning}</div>"
    styles = [_NUMBER if heading == "parameters" else _CELL for heading in HEADINGS]
    heads = "".join(
        f'<th style="{style}">{heading}</th>' for style, heading in zip(styles, HEADINGS, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}">{escaped(cell)}</td>' for style, cell in zip(styles, line, strict=True)
        )
        + "</tr>"
        for line in table.cells()
    )
    last = "".join(f'<div style="opacity:.7">{escaped(line)}</div>' for line in table.below())
    return (
        f'{head}<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:4px 0">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{last}"
    )
