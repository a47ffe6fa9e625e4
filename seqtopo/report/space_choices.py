"""Check single choices of a space: resolve the spec with one value for each searched name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from seqtopo.diag.model import Diagnostic
from seqtopo.graph.domains import Domain, Number, bound_text
from seqtopo.graph.resolver import Resolved, Resolver, diagnostic_of
from seqtopo.labels import label_findings
from seqtopo.source import Source
from seqtopo.syntax import tree

Point = Mapping[str, int]
"""A choice: the number of its value for each name."""


@dataclass
class Seen:
    """The check of one choice: the names that it uses, its graph if it has one, and its errors."""

    used: frozenset[str]
    resolved: Resolved | None
    wrong: tuple[Diagnostic, ...]
    size: int

    @property
    def ok(self) -> bool:
        """True if nothing is wrong with it."""
        return self.resolved is not None and not self.wrong


class _Noted(dict[str, Any]):
    """The names of a spec, with a record of those that were looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)


class Looker:
    """A checker of single choices of a space, which checks each once."""

    def __init__(self, spec: tree.Spec, source: Source, dims: Mapping[str, Any]) -> None:
        self.spec = spec
        self.source = source
        self.dims = dict(dims)
        self.rest = tuple(s for s in spec.statements if not isinstance(s, tree.Search))
        self.written = {
            d.name.name: d for s in spec.statements if isinstance(s, tree.Search) for d in s.domains
        }
        resolver = Resolver(spec, source, self.dims, {})
        resolver.resolve()
        self.domains = dict(resolver.searched)
        self.unreadable = any(n not in self.domains and n not in self.dims for n in self.written)
        self.made = 0
        """The number of layers and inputs made so far."""
        self._known: dict[tuple[int, ...], Seen] = {}

    def spec_at(self, point: Point) -> tree.Spec:
        """Return the spec with one value for each name, the first where the point has none."""
        bindings = tuple(
            tree.Binding(d.span, d.name, self._written_value(d, self.domains[name], point.get(name, 0)))
            for name, d in self.written.items()
            if name in self.domains
        )
        outside = tuple(d for name, d in self.written.items() if name not in self.domains)
        # A name bound from outside stays a search, as a let would bind it a second time.
        lets = (
            tree.Let(bindings[0].span, bindings),
            *((tree.Search(outside[0].span, outside),) if outside else ()),
        )
        return tree.Spec(self.spec.span, (*lets, *self.rest))

    def _written_value(self, written: tree.Domain, domain: Domain, index: int) -> tree.Expr:
        if domain.choices:
            return domain.choices[index]
        value = domain.value(index)
        assert not isinstance(value, str)
        return tree.Number(written.values.span, value, bound_text(value))

    def look(self, point: Point) -> Seen:
        """Return the result of checking a choice; each is computed once."""
        key = tuple(point.get(name, 0) for name in self.domains)
        if key not in self._known:
            self._known[key] = self._resolved(point)
        return self._known[key]

    def _resolved(self, point: Point) -> Seen:
        resolver = Resolver(self.spec_at(point), self.source, dict(self.dims), {})
        noted = _Noted()
        resolver.scope.names = noted
        resolved = resolver.resolve()
        refusals = resolver.refused()
        wrong: tuple[Diagnostic, ...] = ()
        if refusals or resolved is None:
            wrong = tuple(self._diagnostics(refusals))
            resolved = None
        else:
            wrong = tuple(d for d in label_findings(resolved) if d.severity == "error")
        size = len(resolver.graph.nodes) + 1
        self.made += size
        return Seen(frozenset(noted.asked & self.domains.keys()), resolved, wrong, size)

    def _diagnostics(self, refusals: Iterable[Any]) -> Iterator[Diagnostic]:
        for refusal in refusals:
            yield replace(diagnostic_of(refusal), source=self.source)

    def values(self, point: Point, names: Iterable[str] | None = None) -> dict[str, Number | str]:
        """Return the values of a choice by name, in the order of the text."""
        wanted = self.look(point).used if names is None else set(names)
        return {n: domain.value(point.get(n, 0)) for n, domain in self.domains.items() if n in wanted}
