"""Render diagnostics as text, each renderer a pure function of diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from seqtopo.diag.model import Diagnostic

MODULES = {"text": "text", "concise": "lines", "json": "json", "github": "lines", "sarif": "sarif"}
"""The module that has the function ``render_...`` of each name."""


def renderer(name: str) -> Callable[[Sequence[Diagnostic]], str]:
    """Return the function that writes in this way, loaded now: most runs need one of them or none.

    >>> renderer("concise")(())
    ''
    """
    module = import_module(f"{__name__}.{MODULES[name]}")
    render: Callable[[Sequence[Diagnostic]], str] = getattr(module, f"render_{name}")
    return render
