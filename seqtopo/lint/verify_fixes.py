"""Ways out tried before they are shown: a text that would not check is not offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.graph.axis_contents import misread_axes
from seqtopo.graph.resolver import Resolved, rebuilt, resolve
from seqtopo.graph.vetting import MOST_TRIED, worth_trying
from seqtopo.source import Source
from seqtopo.syntax.parse import parse


def tried(found: Iterable[Diagnostic], resolved: Resolved) -> list[Diagnostic]:
    """The same diagnostics, each with the fixes that leave a text without errors, and its axes what they are.

    In a long spec nothing is tried, since each try is a check of its own, and every fix stays a guess.
    """
    if not worth_trying(len(resolved.graph.nodes), resolved.source.text):
        return [replace(d, fixes=tuple(replace(fix, safe=False) for fix in d.fixes)) for d in found]
    left = MOST_TRIED
    done: list[Diagnostic] = []
    for diagnostic in found:
        fixes, left = diagnostic.fixes[:left], max(0, left - len(diagnostic.fixes))
        done.append(replace(diagnostic, fixes=tuple(fix for fix in fixes if _checks(fix, resolved))))
    return done


def _checks(fix: Fix, resolved: Resolved) -> bool:
    text = fix.apply(resolved.source.text)
    graph = rebuilt(text, resolved.dims)
    if graph is None or misread_axes(graph) > misread_axes(resolved.graph):
        return False
    if resolved.training is None or resolved.training.labels is None:
        return True
    # What the labels say of the outputs is left out of a trial.
    spec, _ = parse(Source(text))
    return spec is not None and resolve(spec, Source(text), resolved.dims)[0] is not None
