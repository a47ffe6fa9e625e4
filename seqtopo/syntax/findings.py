"""Collect the errors of one text, up to a limit."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.source import Source, Span

MOST = 50


class Findings:
    """The errors of one text, collected up to a limit."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Add one error; beyond the limit, only record that there are more."""
        if self.full:
            return
        self._found.append(
            Diagnostic(
                code,
                message,
                span,
                label=label,
                labels=labels,
                notes=notes,
                help=help,
                fixes=fixes,
                source=self.source,
            )
        )

    def forget(self, start: int) -> None:
        """Remove the errors that begin at or after a position, because it is read again."""
        self._found = [d for d in self._found if d.span.start < start]

    @property
    def full(self) -> bool:
        """True if the limit is exceeded, so that further errors would not be shown."""
        return len(self._found) > MOST

    def outside(self, region: Span) -> Findings:
        """Return the errors that do not begin inside a span of the text, nor right after it."""
        rest = Findings(self.source)
        rest._found = [d for d in self._found if not region.start <= d.span.start <= region.end]
        return rest

    def diagnostics(self) -> list[Diagnostic]:
        """Return the errors in the order of the text; the last one tells if there are more."""
        found = sorted(self._found, key=lambda d: d.span)
        if len(found) > MOST:
            found = found[:MOST]
            more = f"there are more errors; these are the first {MOST}"
            found[-1] = replace(found[-1], notes=(*found[-1].notes, more))
        return found


def edit(title: str, span: Span, text: str, safe: bool = False) -> tuple[Fix, ...]:
    """Return one fix with one edit, ready for ``fixes=``."""
    return (Fix(title, (Edit(span, text),), safe),)
