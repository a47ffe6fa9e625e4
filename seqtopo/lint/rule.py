"""Define a rule: a function of a view on a checked spec, with the code of what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Fix, Label
from seqtopo.lint.view import View
from seqtopo.source import Span


class Finding(NamedTuple):
    """What a rule has found: a diagnostic without its code, which is the rule's."""

    span: Span
    message: str
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()

    def diagnostic(self, code: str) -> Diagnostic:
        """Return the diagnostic, as grave as its code's row says."""
        return Diagnostic(
            code,
            self.message,
            self.span,
            CODES[code].severity,
            self.label,
            self.labels,
            self.notes,
            self.help,
            self.fixes,
        )


Find = Callable[[View], Iterator[Finding]]

RULES: dict[str, Find] = {}
"""The function of each code, once its module is imported."""


def rule(code: str) -> Callable[[Find], Find]:
    """Makes a function the rule of a code, which must have its row among the codes."""

    def add(find: Find) -> Find:
        if code in RULES:
            raise ValueError(f"{code} has a rule already")
        RULES[code] = find
        return find

    return add
