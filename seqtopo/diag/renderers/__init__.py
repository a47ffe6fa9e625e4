"""Render diagnostics as text, each renderer a pure function of diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

MODULES = {"text": "text", "concise": "lines", "json": "json", "github": "lines", "sarif": "sarif"}
"""The module that has the function ``render_...`` of each name."""


def renderer(name: str) -> Callable[..., str]:
    """Return the function that writes in this way, loaded now: most runs need one of them or none.

    >>> renderer("concise")(())
    ''
    """
    module = import_module(f"{__name__}.{MODULES[name]}")
    render: Callable[..., str] = getattr(module, f"render_{name}")
    return render
