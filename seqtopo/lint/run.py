"""Run the rules over a spec without errors: it builds, but is it what was meant?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from seqtopo.advice.verify_fixes import MOST_TRIED, Trial
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.graph.resolver import Resolved
from seqtopo.labels import label_findings
from seqtopo.lint.ignores import apply_ignores
from seqtopo.lint.rules import (
    attending,
    axes,
    bindings,
    channels,
    cost,
    direction,
    heads,
    learning,
    lengths,
    masks,
    metrics,
    states,
    time,
    unused,
)
from seqtopo.lint.selection import Selection
from seqtopo.lint.view import RULES, View
from seqtopo.source import Span
from seqtopo.syntax import tree

MODULES = (
    time,
    axes,
    channels,
    attending,
    lengths,
    direction,
    heads,
    metrics,
    learning,
    masks,
    states,
    cost,
    unused,
    bindings,
)
"""The modules that define rules: importing one puts its rules into the table."""

MOST_PLACES = 50
"""A rule points at so many places of one spec at most: nobody reads further."""
_NO_FURTHER = f"there may be more such places: a rule points at {MOST_PLACES} of them at most"


def lint(
    resolved: Resolved, spec: tree.Spec, selection: Selection, before: Iterable[Diagnostic] = ()
) -> list[Diagnostic]:
    """Return the findings of the rules that are on, one for each place, with the findings ``before``.

    They are in the order of the text, without those that the selection or a comment switches off.
    """
    view = View(resolved, spec)
    found: dict[tuple[str, Span, str], Diagnostic] = {}
    on = selection.codes()
    ran = [code for code in RULES if code in on]
    for code in ran:
        places = 0
        for finding in RULES[code](view):
            # Copies of a step stand at one place of the text.
            key = (code, finding.span, finding.message)
            if key in found:
                continue
            places += 1
            diagnostic = replace(finding.diagnostic(code), source=resolved.source)
            if places == MOST_PLACES:
                diagnostic = replace(diagnostic, notes=(*diagnostic.notes, _NO_FURTHER))
            found[key] = diagnostic
            if places == MOST_PLACES:
                break
    every = sorted((*before, *_verified(found.values(), resolved)), key=lambda d: (d.span, d.code))
    left = apply_ignores(every, resolved.source, spec, set(ran))
    return [diagnostic for diagnostic in left if diagnostic.code in on]


def _verified(found: Iterable[Diagnostic], resolved: Resolved) -> list[Diagnostic]:
    """Return the diagnostics with those of their fixes that add no errors and keep the axes.

    In a long spec nothing is tried, since each try is a check of its own, and every fix stays a guess.
    """
    trial = Trial.of(resolved)
    if not trial.is_worth_it:
        return [replace(d, fixes=tuple(replace(fix, safe=False) for fix in d.fixes)) for d in found]
    left = MOST_TRIED
    done: list[Diagnostic] = []
    for diagnostic in found:
        fixes, left = diagnostic.fixes[:left], max(0, left - len(diagnostic.fixes))
        done.append(replace(diagnostic, fixes=tuple(fix for fix in fixes if _leaves_right(fix, trial))))
    return done


def _leaves_right(fix: Fix, trial: Trial) -> bool:
    """Return whether a fix leaves no error, nor one in the labels."""
    if not trial.keeps_axes(fix):
        return False
    after = trial.after(fix).resolved
    return after is not None and not any(d.severity == "error" for d in label_findings(after, fixes=False))
