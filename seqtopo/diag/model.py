"""A diagnostic as data: what is wrong, where, why, and what to do. Renderers turn it into text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from seqtopo.source import Source, Span

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Label:
    """A few words about one place in the text."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit: ``text`` replaces the text of ``span``; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A fix of a diagnostic, as edits.

    A safe one removes its diagnostic and brings no other; the rest are guesses, for a person to choose from.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False

    def apply(self, text: str) -> str:
        """Return the text with the edits made.

        >>> Fix("keep the steps", (Edit(Span(0, 8), "lstm(64, seq)"),)).apply("lstm(64) -> lstm(32)")
        'lstm(64, seq) -> lstm(32)'
        """
        for edit in sorted(self.edits, key=lambda e: e.span, reverse=True):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        return text


def fix_by(title: str, *edits: Edit | None, safe: bool = False) -> tuple[Fix, ...]:
    """Return the fix that these edits make; () where one of them cannot be made."""
    made = tuple(edit for edit in edits if edit is not None)
    return (Fix(title, made, safe),) if len(made) == len(edits) else ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``message`` is the headline, ``label`` the words under the primary place,
    ``labels`` other places, ``notes`` the why, ``help`` what to do in words, ``fixes`` as edits.

    ``source`` is the text that ``span`` lies in; None where there is no place to point at.
    """

    code: str
    message: str
    span: Span
    severity: Severity = "error"
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)
