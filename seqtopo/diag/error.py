"""Define ``SpecError``, the exception that carries the diagnostics of a user's mistake."""

from __future__ import annotations

from seqtopo.diag.model import Diagnostic


class SpecError(ValueError):
    """Raised where a spec, its data, or a model's file is wrong. As text it reads like the command's output.

    Attributes:
        diagnostics: The findings; at least one of them is an error.

    >>> import seqtopo
    >>> try:
    ...     seqtopo.compile("in(T,8) -> lstm(64) -> lstm(32)")
    ... except seqtopo.SpecError as error:
    ...     print(error.diagnostics[0].code, error.diagnostics[0].message)
    ST301 lstm takes (T, F) but is given (64,)
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        from seqtopo.diag.renderers.text import render_text

        return "\n" + render_text(self.diagnostics)
