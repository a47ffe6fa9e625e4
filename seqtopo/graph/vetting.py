"""Fixes tried before they are shown: one that does not help is not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from seqtopo.diag.model import Diagnostic, Fix

Check = Callable[[str], Sequence[Diagnostic]]

MOST_LAYERS = 1000
"""Fixes are tried in specs of no more layers than this, since each try is a check of its own."""
MOST_TEXT = 50_000
"""Nor in texts of more characters."""
MOST_TRIED = 24
"""Fixes of one text that are tried; later ones are not offered."""
MOST_SHOWN = 4
"""Fixes of one diagnostic that are offered."""


def worth_trying(layers: int, text: str) -> bool:
    """Whether fixes are tried in a spec of this size."""
    return layers <= MOST_LAYERS and len(text) <= MOST_TEXT


def vetted(
    found: Iterable[Diagnostic], text: str, check: Check, misreads: Callable[[str], bool] | None = None
) -> list[Diagnostic]:
    """The same diagnostics, with the fixes that help: each is made and the text is checked again.

    A fix helps if its mistake is gone; where shapes are the point, none may come up before it
    either. One that removes its diagnostic and brings another is no safe one. ``misreads`` says of a
    checked text whether more layers than before would take something else for the time steps.
    """
    every = list(found)
    before = [d for d in every if d.severity == "error" and d.code < "ST4"]
    left = MOST_TRIED
    done = []
    for diagnostic in every:
        if diagnostic not in before:
            done.append(diagnostic)
            continue
        kept: list[Fix] = []
        clean: list[Fix] = []
        seen: set[str] = set()
        for fix in diagnostic.fixes:
            after = fix.apply(text)
            if after in seen:
                continue
            seen.add(after)
            if left == 0:
                # A name's fix can be seen to be right; one of a shape must be tried.
                kept += [replace(fix, safe=False)] * (not _of_shapes(diagnostic))
                continue
            left -= 1
            now = [d for d in check(after) if d.severity == "error"]
            if _helps(diagnostic, fix, before, now) and not (misreads is not None and misreads(after)):
                fix = replace(fix, safe=fix.safe and _alone(diagnostic, before, now))
                kept.append(fix)
                if len(now) < len(before):
                    clean.append(fix)
        if _of_shapes(diagnostic) and clean:
            # One that only moves the mistake on is no way out where another ends it.
            kept = clean
        # What is written out as a fix is not said in general words, too.
        help = "" if kept and _of_shapes(diagnostic) else diagnostic.help
        done.append(replace(diagnostic, fixes=tuple(kept[:MOST_SHOWN]), help=help))
    return done


def _of_shapes(diagnostic: Diagnostic) -> bool:
    return diagnostic.code.startswith("ST3")


def _helps(diagnostic: Diagnostic, fix: Fix, before: Sequence[Diagnostic], now: Sequence[Diagnostic]) -> bool:
    """Whether a fix ends its mistake; of shapes, the first that is new must stand behind it."""
    said = (diagnostic.code, diagnostic.message)
    times_before, times_now = ([(d.code, d.message) for d in ds].count(said) for ds in (before, now))
    if times_now >= times_before:
        return False
    if not _of_shapes(diagnostic):
        return True
    end = diagnostic.span.end
    end += sum(len(e.text) - (e.span.end - e.span.start) for e in fix.edits if e.span.start < end)
    known = {(d.code, d.message) for d in before}
    new = [d for d in now if (d.code, d.message) not in known]
    return len(now) <= len(before) and all(d.span.start >= end for d in new)


def _alone(diagnostic: Diagnostic, before: Sequence[Diagnostic], now: Sequence[Diagnostic]) -> bool:
    """Whether nothing is found that was not found before."""
    known = {(d.code, d.message) for d in before if d is not diagnostic}
    return all((d.code, d.message) in known for d in now)
