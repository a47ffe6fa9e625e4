"""Define ``SpecError``, the exception that carries the diagnostics of a user's mistake."""

from __future__ import annotations

from seqtopo.diag.model import Diagnostic


class SpecError(ValueError):
    """What is wrong with a spec, its data or a model's file. ``diagnostics`` says why; as text it reads
    like the CLI.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        from seqtopo.diag.renderers.text import render_text

        return "\n" + render_text(self.diagnostics)
