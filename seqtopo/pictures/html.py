"""A report as HTML, for notebooks: the table of shapes, and what was found with its place in the spec."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.ir.kind import KINDS
from seqtopo.layers.sizes import Shape, Size, show_shape

if TYPE_CHECKING:
    from seqtopo.report import LayerShape, Report

_MARKS = {"error": "error", "warning": "warning", "info": "note"}
_EDGES = {"error": "#c0392b", "warning": "#b7791f", "info": "#4a78b5"}
_CELL = "padding:2px 12px 2px 0;text-align:left;vertical-align:top"
_NUMBER = "padding:2px 0;text-align:right;vertical-align:top"


def html(report: Report) -> str:
    """The report as a piece of HTML, without scripts, in the colours of what is around it."""
    parts = [_finding(report, found) for found in report.diagnostics]
    if report.ok and report.shapes:
        parts.append(_table(report))
    return f'<div style="font-size:13px;line-height:1.45">{"".join(parts)}</div>'


def _said(text: str) -> str:
    return escape(visible(text))


def _finding(report: Report, found: Diagnostic) -> str:
    edge = _EDGES[found.severity]
    lines = [
        f'<div style="border-left:3px solid {edge};padding:2px 0 2px 10px;margin:0 0 10px">',
        f"<div><b>{_MARKS[found.severity]} {_said(found.code)}</b> {_said(found.message)}</div>",
    ]
    source = found.source or report.source
    if found.span.end > found.span.start:
        lines.append(_excerpt(source.text, found, edge))
    lines += [f"<div>{_said(note)}</div>" for note in found.notes]
    ways = [fix.title for fix in found.fixes] or ([found.help] if found.help else [])
    lines += [f"<div><i>help:</i> {_said(way)}</div>" for way in ways]
    return "".join([*lines, "</div>"])


def _excerpt(text: str, found: Diagnostic, edge: str) -> str:
    """The lines that a finding lies in, with its place underlined."""
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
    label = f' <span style="color:{edge}">{_said(found.label)}</span>' if found.label else ""
    line = text.count("\n", 0, found.span.start) + 1
    return (
        f'<pre style="margin:4px 0;background:none"><span style="opacity:.6">{line}: </span>{_said(before)}'
        f'<u style="text-decoration-color:{edge};text-decoration-thickness:2px">{_said(at)}</u>'
        f"{_said(after)}{label}</pre>"
    )


def _table(report: Report) -> str:
    words = KINDS.get(report.kind or "", "")
    head = f"<div><b>{_said(report.kind or '')}</b>{': ' + _said(words) if words else ''}</div>"
    heads = "".join(
        f'<th style="{_NUMBER if name == "parameters" else _CELL}">{name}</th>'
        for name in ("name", "layer", "takes", "gives", "parameters")
    )
    rows = "".join(map(_row, report.shapes))
    total = f'<td colspan="4" style="{_CELL}">total</td><td style="{_NUMBER}">{_count(report.params)}</td>'
    return (
        f'{head}<table style="border-collapse:collapse;margin:4px 0"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}<tr>{total}</tr></tbody></table>"
        '<div style="opacity:.7">Shapes leave out the batch axis.</div>'
    )


def _row(line: LayerShape) -> str:
    params = "shared" if line.shared else _count(line.params)
    dtype = "" if line.dtype == "float32" else f" {line.dtype}"
    cells = [line.name, line.layer, _shapes(line.inputs), f"{_shapes(line.outputs)}{dtype}"]
    shown = "".join(f'<td style="{_CELL}">{_said(cell)}</td>' for cell in cells)
    return f'<tr>{shown}<td style="{_NUMBER}">{params}</td></tr>'


def _shapes(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(map(show_shape, shapes))


def _count(size: Size | None) -> str:
    return f"{size:,}" if isinstance(size, int) else _said(str(size))
