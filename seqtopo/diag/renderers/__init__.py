"""Ways to write diagnostics down, each a pure function from diagnostics to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.concise import render_concise
from seqtopo.diag.renderers.github import render_github
from seqtopo.diag.renderers.json import render_json
from seqtopo.diag.renderers.sarif import render_sarif
from seqtopo.diag.renderers.text import render_text, summary

__all__ = [
    "RENDERERS",
    "render_concise",
    "render_github",
    "render_json",
    "render_sarif",
    "render_text",
    "summary",
]

RENDERERS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {
    "text": render_text,
    "concise": render_concise,
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}
