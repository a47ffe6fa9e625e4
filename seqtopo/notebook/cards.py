"""Show reports with drawings, Keras models and their fits as HTML and as text."""

from __future__ import annotations

import argparse
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seqtopo.api import check, decompile
from seqtopo.cli.fit_files import loss_curve
from seqtopo.diag.error import SpecError
from seqtopo.pictures.draw import Drawing, draw
from seqtopo.report.html import escaped
from seqtopo.report.report import Report

MODEL = ("keras.src.models.model", "Model")
HISTORY = ("keras.src.callbacks.history", "History")
"""The module and class of Keras' ``History``, for IPython, which looks it up once Keras is loaded.

A Keras that has it elsewhere shows its own text.
"""
MOST_LAYERS = 200
"""A model of more layers than this shows itself as Keras does."""
_CELL = "padding:2px 12px 2px 0;text-align:right"
_TEXT_WIDTH = 100


class Card(NamedTuple):
    """The output of ``%%seqtopo``: a report, the picture if there is one, and a note below."""

    report: Report
    drawing: Drawing | None = None
    note: str = ""

    def _repr_html_(self) -> str:
        parts = [self.report._repr_html_()]
        if self.drawing is not None:
            parts.append(image(self.drawing.svg(), self.drawing.about))
        if self.note:
            parts.append(f'<div style="font-size:13px">{escaped(self.note)}</div>')
        return "".join(parts)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def __str__(self) -> str:
        """Return the report, the picture in characters, and the note."""
        parts = [str(self.report).strip("\n")]
        if self.drawing is not None:
            parts.append(self.drawing.text(_TEXT_WIDTH))
        return "\n\n".join([*parts, *([self.note] if self.note else [])])


def drawn(spec: str, dims: Mapping[str, Any], args: argparse.Namespace) -> Drawing | None:
    """Return the picture of a spec without errors; None where it is too large to be drawn."""
    try:
        return draw(spec, unrolled=args.unrolled, **dims)
    except SpecError:
        return None


def image(svg: str, about: str = "") -> str:
    """Return an SVG as an ``<img>``, whose styles are its own."""
    data = b64encode(svg.encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{escaped(about)}" '
        'style="display:block;max-width:100%;height:auto;margin:8px 0">'
    )


def register(formatters: Mapping[str, Any]) -> None:
    """Let IPython's formatters show Keras models, and what ``fit`` returns, as HTML and as text."""
    formatters["text/html"].for_type_by_name(*MODEL, model_html)
    formatters["text/html"].for_type_by_name(*HISTORY, history_html)
    formatters["text/plain"].for_type_by_name(
        *HISTORY, lambda found, printer, cycle: printer.text(history_text(found.history))
    )


def model_html(model: Any) -> str | None:
    """Return a Keras model as its spec and the table of its shapes; None where no spec says all of it."""
    if len(model.layers) > MOST_LAYERS:
        return None
    try:
        spec = decompile(model, strict=True)
    except SpecError:
        return None
    report = check(spec)
    lines = "\n".join(map(escaped, spec.split("\n")))
    return (
        f'<pre style="margin:4px 0 8px;background:none;color:inherit">{lines}</pre>{report._repr_html_()}'
        if report.ok
        else None
    )


def history_html(found: Any) -> str | None:
    """Return a fit as a table of its numbers and the curve of its loss; None for one without epochs."""
    if not found.history:
        return None
    heads = "".join(f'<th style="{_CELL}">{head}</th>' for head in ("", *_HEADS))
    rows = "".join(
        f'<tr><th style="{_CELL}">{escaped(name)}</th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in _numbers(name, values))
        + "</tr>"
        for name, values in found.history.items()
    )
    epochs = _epochs(found.history)
    return (
        f'<div style="font-size:13px">{epochs}<table style="border-collapse:collapse;margin:4px 0">'
        f"<tr>{heads}</tr>{rows}</table></div>{image(loss_curve(found.history, 'loss'), epochs)}"
    )


def history_text(history: Mapping[str, Sequence[float]]) -> str:
    """Return a fit in a line for each of its numbers: in the first epoch, in the last, and the best.

    >>> print(history_text({"loss": [0.5, 0.25], "val_loss": [0.4, 0.6]}))
    2 epochs
    loss: 0.5 in the first, 0.25 in the last
    val_loss: 0.4 in the first, 0.6 in the last, 0.4 at its lowest (epoch 1)
    """
    lines = [_epochs(history)]
    for name, values in history.items():
        first, last, low = _numbers(name, values)
        lowest = (
            f", {low.replace(' (', ' at its lowest (')}" if low and not low.startswith(f"{last} ") else ""
        )
        lines.append(f"{name}: {first} in the first, {last} in the last{lowest}")
    return "\n".join(lines)


_HEADS = ("first epoch", "last epoch", "lowest")


def _epochs(history: Mapping[str, Sequence[float]]) -> str:
    count = max(map(len, history.values()), default=0)
    return f"{count} epoch{'' if count == 1 else 's'}"


def _numbers(name: str, values: Sequence[float]) -> tuple[str, str, str]:
    """Return a number of a fit in its first and its last epoch.

    For a loss also the lowest, with its epoch.
    """
    finite = [float(value) for value in values if math.isfinite(value)]
    low = min(finite, default=None) if name.endswith("loss") else None
    best = "" if low is None else f"{low:.4g} (epoch {[*map(float, values)].index(low) + 1})"
    return f"{float(values[0]):.4g}", f"{float(values[-1]):.4g}", best
