"""Apply fixes to a text: all safe ones, or one guess and what it takes until the text checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from seqtopo.diag.model import Diagnostic, Edit, Fix

MOST_ROUNDS = 20
"""The maximum number of times that a text is fixed and read again: each may bring further safe fixes."""
_MOST_CHECKS = 60
_MOST_STEPS = 6

Check = Callable[[str], Sequence[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text with its safe fixes applied, and how many there were."""

    text: str
    count: int


def fixed(text: str, check: Check) -> Fixed:
    """Apply every safe fix, and the safe fixes that come up then, until there are none.

    Of fixes that change the same place, the first is made in a round.

    >>> from seqtopo.source import Span
    >>> def check(text: str) -> list[Diagnostic]:
    ...     if "LSTM" not in text:
    ...         return []
    ...     at = text.index("LSTM")
    ...     fix = Fix("write lstm", (Edit(Span(at, at + 4), "lstm"),), safe=True)
    ...     return [Diagnostic("ST201", "no layer LSTM", Span(at, at + 4), fixes=(fix,))]
    >>> fixed("in(T,8) -> LSTM(4)", check)
    Fixed(text='in(T,8) -> lstm(4)', count=1)
    """
    count = 0
    seen = {text}
    for _ in range(MOST_ROUNDS):
        found = [next((fix for fix in d.fixes if fix.safe), None) for d in check(text)]
        edits = together(fix for fix in found if fix is not None)
        made = sum(fix is not None and set(fix.edits) <= set(edits) for fix in found)
        after = Fix("", edits).apply(text)
        if after in seen:
            break
        seen.add(after)
        text = after
        count += made
    return Fixed(text, count)


def together(fixes: Iterable[Fix]) -> tuple[Edit, ...]:
    """Return the edits of fixes, without those of a fix that meets an earlier one in another edit.

    >>> from seqtopo.source import Span
    >>> one, other = Edit(Span(0, 4), "gru"), Edit(Span(2, 3), "")
    >>> together([Fix("", (one,)), Fix("", (one,)), Fix("", (other,))]) == (one,)
    True
    """
    edits: dict[Edit, None] = {}
    for fix in fixes:
        new = [edit for edit in fix.edits if edit not in edits]
        if not any(a.span.start <= b.span.end and b.span.start <= a.span.end for a in new for b in edits):
            edits |= dict.fromkeys(fix.edits)
    return tuple(edits)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A whole text without errors, and the titles of the fixes that lead to it."""

    titles: tuple[str, ...]
    text: str


def suggestions(text: str, check: Check) -> Iterator[Suggestion]:
    """Yield the text with each fix of each diagnostic applied, and further mistakes fixed by their first fix.

    Only texts without an error are given, each once.
    """
    left = [_MOST_CHECKS]
    seen = {text}
    found = check(text)
    errors = [d for d in found if d.severity == "error"]
    for diagnostic in errors[:1] or found:
        for fix in diagnostic.fixes:
            done = _carried(fix.apply(text), (fix.title,), check, left)
            if done is not None and done.text not in seen:
                seen.add(done.text)
                yield done


def _carried(text: str, titles: tuple[str, ...], check: Check, left: list[int]) -> Suggestion | None:
    """Return the text with its mistakes fixed one after the other, until none is left.

    None if that fails.
    """
    while left[0] > 0:
        left[0] -= 1
        errors = [d for d in check(text) if d.severity == "error"]
        if not errors:
            return Suggestion(titles, text)
        fix = next((fix for d in errors for fix in d.fixes), None)
        if fix is None or len(titles) == _MOST_STEPS:
            return None
        text, titles = fix.apply(text), (*titles, fix.title)
    return None
