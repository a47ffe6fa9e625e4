"""Read, resolve and lint a spec: every command and every output begins here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.graph import buildable
from seqtopo.graph.domains import bound_text, in_words
from seqtopo.graph.outside import read_value, value_of
from seqtopo.graph.resolver import Resolved, resolve
from seqtopo.graph.symbols import names_in, symbols_of
from seqtopo.labels import label_findings
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import Refusal
from seqtopo.lint.selection import Selection
from seqtopo.report.report import Report, report_of
from seqtopo.report.space import Space
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.syntax.read import read
from seqtopo.system import collector
from seqtopo.system.shell import command

Text: TypeAlias = str | os.PathLike[str]


@dataclass(eq=False)
class Checked:
    """A spec that was read: its tree, its graph if it has one, and its diagnostics."""

    source: Source
    spec: tree.Spec | None
    resolved: Resolved | None
    diagnostics: tuple[Diagnostic, ...]
    bound: Collection[str] = ()
    """The names that are bound from outside."""
    seen: Resolved | None = None
    """The same with the data's sizes in place of every ``?``, where there are some: the rules look at it."""

    @cached_property
    def ok(self) -> bool:
        """True if there is no error."""
        return self.resolved is not None and not any(d.severity == "error" for d in self.diagnostics)


@collector.off()
def analyse(spec: Text | Source, dims: Mapping[str, Any] | None = None) -> Checked:
    """Read and resolve a spec; never raise for a user's mistake."""
    source, problems = read(spec)
    if problems:
        return Checked(source, None, None, problems)
    return analyse_parsed(source, *parse(source), dims)


@collector.off()
def analyse_parsed(
    source: Source,
    parsed: tree.Spec | None,
    found: Sequence[Diagnostic],
    dims: Mapping[str, Any] | None = None,
) -> Checked:
    """Resolve a spec that was parsed; ``found`` are the errors of its text."""
    if parsed is None:
        return Checked(source, None, None, tuple(found))
    bound, wrong = _bindings(dims or {}, parsed)
    resolved, more = run_passes(parsed, source, bound)
    if found and all(d.code in ("ST106", "ST206", "ST201") for d in more):
        # Missing names may be in unreadable parts, so only the reading errors are reported.
        more = []
    # A name whose value could not be read is not unbound as well.
    names = {d.message.partition(" ")[0] for d in wrong}
    more = [d for d in more if d.code != "ST223" or d.message.partition(" ")[0] not in names]
    every = (*found, *wrong, *more)
    if any(d.severity == "error" for d in every):
        resolved = None
    return Checked(source, parsed, resolved, every, tuple(bound))


def run_passes(
    spec: tree.Spec,
    source: Source,
    dims: Mapping[str, Any],
    shapes: Mapping[int, Shape] | None = None,
    *,
    labels: bool = True,
) -> tuple[Resolved | None, list[Diagnostic]]:
    """Resolve a spec, then advise on what was refused, or compare the labels.

    Returns what the spec means, None where it has errors, and what is wrong with it. ``shapes`` are those
    that inputs have in the data, by their number. ``labels`` off leaves labels out.
    """
    resolution = resolve(spec, source, dims, shapes)
    resolved = resolution.resolved
    if resolution.refusals:
        from seqtopo.advice.advise import advise  # a right spec needs none of it, and it takes long to load

        return None, advise(resolution)
    return resolved, label_findings(resolved) if resolved is not None and labels else []


def _bindings(dims: Mapping[str, Any], spec: tree.Spec) -> tuple[dict[str, Any], list[Diagnostic]]:
    bound: dict[str, Any] = {}
    wrong: list[Diagnostic] = []
    known = symbols_of(spec) if dims else set()
    for name, value in dims.items():
        # A value may be written with names of its own: -D N=2*M -D M=3.
        given = read_value(name, value) if isinstance(value, str) else None
        known |= {n for n in names_in(given.value) if n[0].isupper()} if given is not None else set()
    for name, value in dims.items():
        message = ""
        help = ""
        if name not in known:
            near = nearest(name, sorted(known))
            message = f"{name} is bound from outside, but the spec has no {name}"
            help = (
                f"did you mean {near}?"
                if near
                else f"the spec's names are {', '.join(sorted(known)) or 'none'}"
            )
        else:
            try:
                value = value_of(value)
            except Refusal as refusal:
                message = f"{name} cannot be bound so: {refusal}"
                help = f'as in {name}=24, {name}="relu", {name}="lstm" or {name}="(lstm(8,seq) -> relu)"'
        if message:
            wrong.append(Diagnostic("ST406", message, Span(0, 0), help=help))
        else:
            bound[name] = value
    return bound, wrong


@collector.off()
def linted(checked: Checked, chosen: Selection | None = None) -> Checked:
    """Run the rules over a spec that was read, where it has no errors."""
    if checked.resolved is None or checked.spec is None or not checked.ok:
        return checked
    from seqtopo.lint.run import lint  # only a right spec needs the rules, and they take long to load

    found = lint(checked.seen or checked.resolved, checked.spec, chosen or Selection(), checked.diagnostics)
    return replace(checked, diagnostics=tuple(found))


def is_space(checked: Checked) -> bool:
    """Return whether names of a spec are searched."""
    spec = checked.spec
    return spec is not None and any(isinstance(s, tree.Search) for s in spec.statements)


@collector.off()
def report_on(checked: Checked, space: Space | None = None) -> Report:
    """Return the report of a spec that was read; ``space`` is what was found in its space, if it has one."""
    resolved = checked.resolved
    names: tuple[str, ...] = ()
    if resolved is None or resolved.free:
        graph = None if resolved is None else resolved.graph
        text = checked.source.text
        # A Python class's name is not a name to bind: it is another word for a layer.
        wrong = {text[d.span.start : d.span.end] for d in checked.diagnostics if d.code == "ST201"}
        unbound = buildable.unbound_names(graph, checked.spec, checked.bound)
        names = tuple(name for name in unbound if name not in wrong)
    report = report_of(checked.source, checked.diagnostics, resolved, names)
    return report if space is None else replace(report, space=space)


def buildable_spec(checked: Checked, max_params: int = buildable.MAX_PARAMS) -> Resolved:
    """Return the graphs of a spec that was read, where a model can be made of it.

    Raises:
        SpecError: it is wrong, a symbol needs a number, or it has too many parameters.
    """
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    missing = still_searched(checked) or unbuildable(checked, max_params)
    if missing:
        raise SpecError(missing)
    return checked.resolved


def still_searched(checked: Checked) -> tuple[Diagnostic, ...]:
    """Return the diagnostic (ST408) of a spec in which names are searched, of which no one model can be
    made.
    """
    if checked.resolved is None or not checked.resolved.searched:
        return ()
    domains = checked.resolved.searched
    point = {name: domain.first for name, domain in domains.items()}
    words = [word for name, value in point.items() for word in ("-D", f"{name}={bound_text(value)}")]
    python = ", ".join(f"{name}={value!r}" for name, value in point.items())
    many = len(domains) > 1
    return (
        Diagnostic(
            "ST408",
            f"{in_words(list(domains))} {'are' if many else 'is'} searched, and one model has one value "
            f"{'of each' if many else 'of it'}",
            next(iter(domains.values())).span,
            label="searched here",
            help=f"bind {'them' if many else 'it'}: {command(*words)} on the command line, "
            f"compile(spec, {python}) in Python; or search for the best: seqtopo search",
            source=checked.source,
        ),
    )


def unbuildable(checked: Checked, max_params: int = buildable.MAX_PARAMS) -> tuple[Diagnostic, ...]:
    """Return the errors that keep a right spec from being built: symbols without a number, or its size."""
    if checked.resolved is None or checked.spec is None:
        return ()
    graph = checked.resolved.graph
    missing = buildable.unbound(graph, checked.spec) or buildable.too_large(graph, max_params)
    return tuple(replace(d, source=checked.source) for d in missing)
