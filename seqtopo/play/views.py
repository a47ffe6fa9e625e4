"""Make the contents of the page's tabs as plain data: drawings, code, the walk in words, pages of codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

from seqtopo.diag.codes import find
from seqtopo.diag.error import SpecError
from seqtopo.diag.pages import page
from seqtopo.diag.renderers.cells import visible
from seqtopo.emit.python.write import python_of
from seqtopo.pictures.draw import THEMES, Theme, drawing_of
from seqtopo.play.asked import NAME, Asked
from seqtopo.report.analyse import report_on
from seqtopo.report.report import table_of
from seqtopo.report.table import HEADINGS
from seqtopo.source import Source
from seqtopo.syntax.print import format_text
from seqtopo.walkthrough import walk


def _drawing(asked: Asked) -> dict[str, Any]:
    return _drawn(asked, unrolled=False)


def _unrolled(asked: Asked) -> dict[str, Any]:
    return _drawn(asked, unrolled=True)


def _drawn(asked: Asked, *, unrolled: bool) -> dict[str, Any]:
    theme: Theme = next((theme for theme in THEMES if theme == asked.theme), "auto")
    drawing = drawing_of(asked.checked, unrolled=unrolled, theme=theme)
    return {
        "svg": drawing.svg(),
        "title": drawing.title,
        "about": drawing.about,
        "width": drawing.scene.w,
        "height": drawing.scene.h,
    }


def _python(asked: Asked) -> dict[str, Any]:
    """Return the Keras code of a spec; for Keras code, its spec."""
    checked = asked.checked
    if asked.is_code:
        spec = asked.file.models[asked.number].spec
        return {"text": spec} if spec else {"refused": "of this model, no spec can be told"}
    return {"text": python_of(checked)}


def _walk(asked: Asked) -> dict[str, Any]:
    checked = asked.checked
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    found = walk(checked.resolved)
    return {
        "kind": found.kind,
        "meaning": found.meaning,
        "reasons": found.reasons,
        "legend": found.legend,
        "steps": [[step.name, step.written, step.shapes, step.words] for step in found.steps],
        "training": found.training,
    }


def _markdown(asked: Asked) -> dict[str, Any]:
    """Return the text, its shapes and its drawing as a Markdown page."""
    checked = asked.checked
    drawing = drawing_of(checked)
    table = table_of(report_on(checked))
    cells = [HEADINGS, tuple("---" for _ in HEADINGS), *table.cells()]
    rows = [f"| {' | '.join(map(_markdown_text, row))} |" for row in cells]
    text = asked.text.strip("\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    parts = [
        f"# {_markdown_text(drawing.title)}",
        f"{_markdown_text(table.meaning)}.",
        f"{fence}{'python' if asked.is_code else 'seqtopo'}\n{text}\n{fence}",
        "\n".join(rows),
        "\n".join(map(_markdown_text, table.below())),
        f"```mermaid\n{drawing.mermaid()}```",
    ]
    return {"text": "\n\n".join(parts) + "\n"}


def _markdown_text(text: str) -> str:
    """Return a text that is not taken for a tag, a link, code or a cell of a table."""
    return re.sub(r"([\\`*|\[\]])", r"\\\1", escape(visible(text), quote=False).replace("&gt;", ">"))


def _formatted(asked: Asked) -> dict[str, Any]:
    text, found = format_text(Source(asked.text, NAME))
    if text is None:
        raise SpecError(tuple(found))
    return {"text": text}


def _page(asked: Asked) -> dict[str, Any]:
    if find(asked.code) is None:
        return {"refused": "there is no such code"}
    return {"text": page(asked.code).markdown}


VIEWS: dict[str, Callable[[Asked], Any]] = {
    "drawing": _drawing,
    "unrolled": _unrolled,
    "python": _python,
    "walk": _walk,
    "markdown": _markdown,
    "formatted": _formatted,
    "page": _page,
}
