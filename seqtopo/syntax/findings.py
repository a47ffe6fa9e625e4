"""The errors found in one text: a bounded collection."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.source import Source, Span

MOST = 50


class Findings:
    """Collects what is wrong with a text, and says when that is enough."""

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
        """Note one error; beyond the bound, that there are more is all that is kept."""
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
        """Drop those that begin at or behind a place, since it is read again."""
        self._found = [d for d in self._found if d.span.start < start]

    @property
    def full(self) -> bool:
        """Whether the bound is passed, so that looking further shows nothing more."""
        return len(self._found) > MOST

    def outside(self, region: Span) -> Findings:
        """Those that do not begin inside a stretch of the text, nor right behind it."""
        rest = Findings(self.source)
        rest._found = [d for d in self._found if not region.start <= d.span.start <= region.end]
        return rest

    def diagnostics(self) -> list[Diagnostic]:
        """What was found, in the order of the text; the last one says where there is more."""
        found = sorted(self._found, key=lambda d: d.span)
        if len(found) > MOST:
            found = found[:MOST]
            more = f"there are more errors; these are the first {MOST}"
            found[-1] = replace(found[-1], notes=(*found[-1].notes, more))
        return found


def edit(title: str, span: Span, text: str, safe: bool = False) -> tuple[Fix, ...]:
    """One fix that is one edit, ready for ``fixes=``."""
    return (Fix(title, (Edit(span, text),), safe),)
