"""How a pass says that a step went wrong and goes on with the next."""

from __future__ import annotations

from typing import Any

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Span


class Problem(Exception):  # noqa: N818  (caught where the step ends; never leaves the pass)
    """Carries the diagnostic of a step that cannot be resolved."""

    def __init__(self, code: str, message: str, span: Span, **more: Any) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, **more)


class Broken(Exception):  # noqa: N818
    """A step that cannot be resolved because of something that was reported before."""
