"""Render diagnostics as text, each renderer a pure function of diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from seqtopo.diag.model import Diagnostic

NAMES = ("text", "concise", "json", "github", "sarif")
"""One module each, with a function ``render_...`` of the same name."""


def renderer(name: str) -> Callable[[Sequence[Diagnostic]], str]:
    """Return the function that writes in this way, loaded now: most runs need one of them or none.

    >>> renderer("concise")(())
    ''
    """
    module = import_module(f"{__name__}.{NAMES[NAMES.index(name)]}")
    render: Callable[[Sequence[Diagnostic]], str] = getattr(module, f"render_{name}")
    return render
