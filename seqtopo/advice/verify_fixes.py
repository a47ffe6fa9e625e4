"""Verify fixes by re-checking the edited text: a fix that does not help is not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.graph.axis_contents import misread_axes
from seqtopo.graph.graph import Graph
from seqtopo.graph.resolver import Resolved, resolve
from seqtopo.layers.sizes import Shape
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse

Check = Callable[[str], Sequence[Diagnostic]]

MOST_LAYERS = 1000
"""The most layers of a spec in which fixes are verified, since each is a check of its own."""
MOST_TEXT = 50_000
"""The most characters of a text in which fixes are verified."""
MOST_TRIED = 24
"""The most fixes of one text that are tried; later ones are not offered."""
MOST_SHOWN = 4
"""The most fixes of one diagnostic that are offered."""


@dataclass(frozen=True, eq=False)
class Recheck:
    """The result of checking another text, without labels; ``resolved`` is None if it has errors."""

    spec: tree.Spec | None
    resolved: Resolved | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def graph(self) -> Graph | None:
        """The graph; None if the text has errors."""
        return self.resolved.graph if self.resolved is not None else None

    @cached_property
    def misread(self) -> int:
        """The number of layers that read another axis as time steps."""
        return misread_axes(self.graph) if self.graph is not None else 0


def recheck(
    text: str, dims: Mapping[str, Any] | None = None, shapes: Mapping[int, Shape] | None = None
) -> Recheck:
    """Check another text, with the same names bound from outside and the data's shapes."""
    source = Source(text)
    spec, found = parse(source)
    if spec is None or found:
        return Recheck(None, None, tuple(found))
    resolution = resolve(spec, source, dims, shapes)
    return Recheck(spec, resolution.resolved, tuple(resolution.diagnostics))


@dataclass(frozen=True, eq=False)
class Trial:
    """The trials of fixes of one text, whose meaning is ``graph``, with the same ``dims`` and ``shapes``.

    The results of checks are kept here and not longer, since layers may be registered before the next check.
    """

    text: str
    graph: Graph
    dims: Mapping[str, Any]
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    _known: dict[str, Recheck] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, resolved: Resolved) -> Trial:
        """Return the trials of fixes of a spec without errors."""
        return cls(resolved.source.text, resolved.graph, resolved.dims)

    @cached_property
    def is_worth_it(self) -> bool:
        """True if fixes are tried in a spec of this size."""
        return worth_trying(len(self.graph.nodes), self.text)

    @property
    def fits(self) -> bool:
        """True if the spec has few enough layers for fixes of its labels to be tried."""
        return len(self.graph.nodes) <= MOST_LAYERS

    @cached_property
    def _misread(self) -> int:
        return misread_axes(self.graph)

    def after(self, fix: Fix) -> Recheck:
        """Return the result of checking the text with a fix made."""
        return self.recheck(fix.apply(self.text))

    def recheck(self, text: str) -> Recheck:
        """Return the result of checking another text; several fixes may lead to the same text."""
        if text not in self._known:
            self._known[text] = recheck(text, self.dims, self.shapes)
        return self._known[text]

    def misreads(self, text: str) -> bool:
        """Return whether, in another text, more layers than before read another axis as time steps."""
        return self.recheck(text).misread > self._misread

    def checks(self, fix: Fix) -> bool:
        """Return whether a fix leaves no error."""
        return self.after(fix).resolved is not None

    def keeps_axes(self, fix: Fix) -> bool:
        """Return whether a fix leaves no error, and no axis is read as another one."""
        return self.checks(fix) and not self.misreads(fix.apply(self.text))


def worth_trying(layers: int, text: str) -> bool:
    """Return whether fixes are tried in a spec of this size."""
    return layers <= MOST_LAYERS and len(text) <= MOST_TEXT


def verified(
    found: Iterable[Diagnostic], text: str, check: Check, misreads: Callable[[str], bool] | None = None
) -> list[Diagnostic]:
    """Return the diagnostics with those fixes that help: each is made, and the text is checked again.

    A fix helps if its mistake is gone; for a mistake in shapes, no new one may be in front of it. A fix that
    removes its diagnostic and brings another is not a safe one. ``misreads`` returns whether more layers than
    before read another axis as time steps in a text.
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
                fix = replace(fix, safe=fix.safe and _finds_nothing_new(diagnostic, before, now))
                kept.append(fix)
                if len(now) < len(before):
                    clean.append(fix)
        if _of_shapes(diagnostic) and clean:
            # One that only moves the mistake on is no way out where another ends it.
            kept = clean
        # The general help is left out if a fix says the same.
        help = "" if kept and _of_shapes(diagnostic) else diagnostic.help
        done.append(replace(diagnostic, fixes=tuple(kept[:MOST_SHOWN]), help=help))
    return done


def _of_shapes(diagnostic: Diagnostic) -> bool:
    return diagnostic.code.startswith("ST3")


def _helps(diagnostic: Diagnostic, fix: Fix, before: Sequence[Diagnostic], now: Sequence[Diagnostic]) -> bool:
    """Return whether a fix removes its mistake; for one in shapes, new mistakes must be behind it."""
    finding = (diagnostic.code, diagnostic.message)
    times_before, times_now = ([(d.code, d.message) for d in ds].count(finding) for ds in (before, now))
    if times_now >= times_before:
        return False
    if not _of_shapes(diagnostic):
        return True
    end = diagnostic.span.end
    end += sum(len(e.text) - (e.span.end - e.span.start) for e in fix.edits if e.span.start < end)
    known = {(d.code, d.message) for d in before}
    new = [d for d in now if (d.code, d.message) not in known]
    return len(now) <= len(before) and all(d.span.start >= end for d in new)


def _finds_nothing_new(
    diagnostic: Diagnostic, before: Sequence[Diagnostic], now: Sequence[Diagnostic]
) -> bool:
    """Return whether a check finds nothing new."""
    known = {(d.code, d.message) for d in before if d is not diagnostic}
    return all((d.code, d.message) in known for d in now)
