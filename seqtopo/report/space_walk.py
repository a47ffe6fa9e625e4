"""Check the whole space of a spec with ``search``: every topology of it, before anything trains.

A choice decides which layers there are and how large; names that a choice does not use make no difference
to it, so topologies that are the same are looked at once. Between the ends of a range of floats nothing is
looked at: what takes a fraction takes an interval of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeVar

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph import counting
from seqtopo.graph.domains import Domain, bound_text, in_words
from seqtopo.graph.outside import ANOTHER
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.sizes import Expr, Size, substitute, symbols
from seqtopo.report.analyse import Checked, run_passes
from seqtopo.report.space import SEED, Choice, Space
from seqtopo.report.space_choices import Looker, Point
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.parse import parse

MOST_LAYERS = 50_000
"""The maximum number of layers and inputs made to check a whole space; a larger one is checked in part."""
SAMPLED = 500
"""The number of points drawn at random from a space that is too large to be checked whole."""
MOST_SHOWN = 5
"""The maximum number of different failures that are reported."""
_PART = 5
"""Each part of the walk through a larger space makes this fraction of them."""
_MOST_TRIED = 4
"""The maximum number of fixes tried for each failure; each try checks the space again."""
_FEW_LAYERS = 4_000
"""The maximum number of layers made for such a try."""
_MOST_NARROWED = 64
_MOST_CLIMBED = 100
"""The most values of a list that are compared in the search for the fewest and the most parameters."""
_ROUND = (0.0, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)
"""Ends that are tried for a range of floats that fails at one of its own."""
_STAND_IN = 8
"""The number that stands for an open size when parameter counts are compared."""

Answer = TypeVar("Answer")


def spaced(checked: Checked, dims: Mapping[str, Any] | None = None) -> tuple[Checked, Space | None]:
    """Look at the space of a spec that was read with these ``dims``; None where it has none.

    Where a choice fails, the errors of the first one are replaced by what fails and with which values.
    """
    spec = checked.spec
    if spec is None or not any(isinstance(s, tree.Search) for s in spec.statements):
        return checked, None
    bound = {**(dims or {}), **(checked.resolved.dims if checked.resolved is not None else {})}
    walk = _Walk(spec, checked.source, {name: v for name, v in bound.items() if name in checked.bound})
    if not walk.domains or walk.unreadable:
        return checked, None
    space = walk.run()
    if not walk.failures or (walk.fine == 0 and not checked.ok):  # the first choice's errors say it
        return checked, space
    found = tuple(_failures(walk))
    kept = tuple(d for d in checked.diagnostics if d.severity != "error")
    return replace(checked, diagnostics=(*kept, *found), resolved=None), space


@dataclass
class _Failure:
    """A choice that fails: its first error, and the names that matter."""

    point: dict[str, int]
    found: Diagnostic
    names: tuple[str, ...] = ()


@dataclass
class _Walk:
    """One walk through a space, within a bound on the number of layers made."""

    spec: tree.Spec
    source: Source
    dims: Mapping[str, Any]
    most: int = 0
    """The maximum number of layers; 0 for the usual bound."""
    failures: dict[tuple[str, Any], _Failure] = field(default_factory=dict)
    fine: int = 0

    def __post_init__(self) -> None:
        self.most = self.most or MOST_LAYERS
        self.looker = Looker(self.spec, self.source, self.dims)
        self.domains = self.looker.domains
        self.unreadable = self.looker.unreadable
        self.continuous = tuple(n for n, domain in self.domains.items() if domain.count is None)
        self.apart = _of_the_optimizer(self.spec) & self.domains.keys()
        """Names that say nothing of the topology, so that each is varied alone."""
        self.found: set[tuple[tuple[str, int], ...]] = set()
        self.failed: set[tuple[tuple[str, int], ...]] = set()
        self.smallest: tuple[int, Choice] | None = None
        self.largest: tuple[int, Choice] | None = None

    def run(self) -> Space:
        """Look at all of the space, or as much of it as the bound allows."""
        counts = [d.count for d in self.domains.values() if d.count is not None]
        small = prod(counts) <= self.most
        whole = small and self._every({n: range(d.count or 1) for n, d in self.domains.items()})
        ends, sampled = True, 0
        if not whole:
            most = self.most
            ends = self._within(
                self.most, lambda: self._every({n: _ends(d) for n, d in self.domains.items()})
            )
            self._within(most, self._sweep)
            sampled = self._within(most, self._sample)
            self._within(most, self._climb)
        self._each_alone()
        first = self.looker.values({}, self.domains)
        return Space(
            self.domains,
            prod(counts),
            self.continuous,
            len(self.found),
            len(self.failed),
            whole,
            ends,
            sampled,
            first,
            self.smallest[1] if self.smallest else None,
            self.largest[1] if self.largest else None,
        )

    def _within(self, most: int, part: Callable[[], Answer]) -> Answer:
        """Do a part of the walk with a bound of its own."""
        self.looker.made, self.most = 0, most // _PART
        return part()

    def _sample(self) -> int:
        """Look at points drawn at random; return how many."""
        for count, point in enumerate(self._drawn()):
            if self.looker.made >= self.most:
                return count
            self._note(point)
        return SAMPLED

    def _sweep(self) -> None:
        """Look at each value alone, with the first value of all other names."""
        for name, domain in self.domains.items():
            if name not in self._left_out:
                for value in range(domain.count or 1):
                    if self.looker.made >= self.most:
                        return
                    self._note({name: value})

    def _climb(self) -> None:
        """Look for fewer and for more parameters, from the best points so far: one name after the other."""
        for sign in (-1, 1):
            point: dict[str, int] = {}
            for name, domain in self.domains.items():
                if name in self._left_out:
                    continue
                ends = [i for i in _ends(domain)[:_MOST_CLIMBED] if self.looker.made < self.most]
                sizes = {i: self._size({**point, name: i}) for i in ends}
                known = {i: sign * size for i, size in sizes.items() if size is not None}
                if known:
                    point[name] = max(known, key=known.__getitem__)
            self._note(point)

    def _size(self, point: Point) -> int | None:
        seen = self.looker.look(point)
        return _number(counting.params(seen.resolved.graph)) if seen.ok and seen.resolved else None

    def _every(self, values: Mapping[str, Sequence[int]]) -> bool:
        """Look at every topology with these values; False where the bound is reached before."""
        todo: list[dict[str, int]] = [{}]
        while todo:
            if self.looker.made >= self.most:
                return False
            fixed = todo.pop()
            seen = self.looker.look(fixed)
            name = next(
                (n for n in self.domains if n in seen.used and n not in fixed and n not in self._left_out),
                None,
            )
            if name is None:
                self._note(fixed)
            else:
                todo += [{**fixed, name: value} for value in reversed(values[name])]
        return True

    @property
    def _left_out(self) -> frozenset[str]:
        return frozenset(self.continuous) | self.apart

    def _drawn(self) -> Iterator[dict[str, int]]:
        """Yield points drawn at random, the same in each run."""
        chance = random.Random(SEED)
        names = [n for n in self.domains if n not in self._left_out]
        for _ in range(SAMPLED):
            yield {n: chance.randrange(self.domains[n].count or 1) for n in names}

    def _each_alone(self) -> None:
        """Look at each value of the names that do not change the topology, with first values of the
        others.
        """
        for name in self.domains:
            if name in self.apart and name not in self.continuous:
                count = self.domains[name].count or 1
                values = range(count) if count <= SAMPLED else _ends(self.domains[name])
                for value in values:
                    self._note({name: value})

    def _note(self, point: dict[str, int]) -> None:
        """Look at a choice with the low and with the high ends of the ranges between floats."""
        low = self.looker.look(point)
        between = [n for n in self.continuous if n in low.used]
        high = {**point, **dict.fromkeys(between, 1)}
        key = tuple((n, point.get(n, 0)) for n in self.domains if n in low.used - self._left_out)
        self.found.add(key)
        for one in (point, high) if between else (point,):
            seen = self.looker.look(one)
            if seen.wrong:
                self.failed.add(key)
                worst = min(seen.wrong, key=lambda d: d.span)
                self.failures.setdefault((worst.code, worst.span), _Failure(dict(one), worst))
            elif seen.resolved is not None:
                self.fine += 1
        if low.resolved is not None and not low.wrong:
            self._measure(point, low.resolved)

    def _measure(self, point: Point, resolved: Resolved) -> None:
        params = counting.params(resolved.graph)
        number = _number(params)
        if number is None:
            return
        if self.smallest is None or number < self.smallest[0]:
            self.smallest = (number, self._choice(point, params))
        if self.largest is None or number > self.largest[0]:
            self.largest = (number, self._choice(point, params))

    def _choice(self, point: Point, params: Size) -> Choice:
        values = self.looker.values(point)
        return Choice({n: v for n, v in values.items() if n not in self._left_out}, params)


def _number(params: Size) -> int | None:
    """Return a count of parameters for comparison, with a number in place of each open size."""
    if isinstance(params, Expr):
        params = substitute(params, dict.fromkeys(symbols(params), _STAND_IN))
    return params if isinstance(params, int) else None


def _ends(domain: Domain) -> Sequence[int]:
    """Return the numbers of the values of a list, or of the two ends of a range."""
    count = domain.count or 1
    return range(count) if domain.choices else sorted({0, count - 1})


def _of_the_optimizer(spec: tree.Spec) -> set[str]:
    """Return the names that stand only in the optimizer of the ``train`` line."""
    inside: set[str] = set()
    outside: set[str] = set()
    for statement in spec.statements:
        if isinstance(statement, tree.Search):
            texts: list[tree.Node] = [d.values for d in statement.domains]
            outside |= _names(texts)
        elif isinstance(statement, tree.Train):
            inside |= _names([a.value for a in statement.args if a.name is None])
            outside |= _names([a.value for a in statement.args if a.name is not None])
        else:
            outside |= _names([statement])
    return inside - outside


def _names(nodes: Iterable[tree.Node]) -> set[str]:
    return {n.name for node in nodes for n in tree.every(node) if isinstance(n, tree.Name)}


# ---- what fails ------------------------------------------------------------------------------------------


def _failures(walk: _Walk) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each kind of failure, with the names that matter, and fixes that were tried."""
    said: set[tuple[str, str]] = set()
    groups = sorted(walk.failures.values(), key=lambda failure: failure.found.span)
    shown = 0
    for failure in groups:
        _reduce(failure, walk.looker)
        values = [f"{n}={bound_text(v)}" for n, v in walk.looker.values(failure.point, failure.names).items()]
        found = _advised(failure, walk)
        key = (found.code, ",".join(values))
        if key in said:
            continue
        if shown == MOST_SHOWN:
            break
        said.add(key)
        shown += 1
        where = f"with {in_words(values)}: " if values else ""
        searched = (Label(walk.domains[n].span, "searched here") for n in failure.names)
        yield Diagnostic(
            "ST226",
            f"{where}{found.message}",
            found.span,
            label=found.label,
            labels=(*(label for label in found.labels if label.span != found.span), *searched),
            notes=(*found.notes, f"as {found.code} says of the spec with these values"),
            help="" if found.fixes or found.help.startswith(ANOTHER) else found.help,
            fixes=tuple(_ways_out(failure, found, walk)),
            source=walk.source,
        )


def _reduce(failure: _Failure, looker: Looker) -> None:
    """Find the names that matter: with another value of one of them, it does not fail so."""
    point = failure.point
    key = (failure.found.code, failure.found.span)
    for name in list(point):
        if point[name] and _fails_alike({**point, name: 0}, looker, key):
            point[name] = 0
    used = looker.look(point).used
    names: list[str] = []
    for name, domain in looker.domains.items():
        count = domain.count or 2
        others = [i for i in {0, 1, count // 2, count - 1} if i != point.get(name, 0) and i < count]
        if name in used and any(not _fails_alike({**point, name: i}, looker, key) for i in others):
            names.append(name)
    failure.names = tuple(names)
    failure.found = next((d for d in looker.look(point).wrong if (d.code, d.span) == key), failure.found)


def _fails_alike(point: Point, looker: Looker, key: tuple[str, Any]) -> bool:
    return any((d.code, d.span) == key for d in looker.look(point).wrong)


def _advised(failure: _Failure, walk: _Walk) -> Diagnostic:
    """Return the diagnostic of the failing choice with its causes and fixes."""
    spec = walk.looker.spec_at(failure.point)
    _, found = run_passes(spec, walk.source, walk.dims)
    same = (d for d in found if (d.code, d.span) == (failure.found.code, failure.found.span))
    return next(same, failure.found)


def _ways_out(failure: _Failure, found: Diagnostic, walk: _Walk) -> Iterator[Fix]:
    """Yield fixes after which no choice fails so: those that narrow the space, and those of the topology."""
    text = walk.source.text
    candidates = [*_narrower(failure, walk), *found.fixes]
    tried: set[str] = set()
    for fix in candidates[:_MOST_TRIED]:
        after = fix.apply(text)
        if after in tried:
            continue
        tried.add(after)
        source = Source(after, walk.source.name)
        spec, wrong = parse(source)
        if spec is None or wrong:
            continue
        again = _Walk(spec, source, walk.dims, _FEW_LAYERS)
        if again.unreadable or (walk.domains and not again.domains):
            continue
        again.run()
        codes = {code for code, _ in again.failures}
        if found.code not in codes and len(again.failures) <= len(walk.failures) and again.fine:
            yield replace(fix, safe=False)
            if fix.title.rpartition(" in ")[0] == "search " + "".join(failure.names):
                tried |= {
                    f.apply(text) for f in candidates if f.title.startswith(fix.title.partition("..")[0])
                }


def _narrower(failure: _Failure, walk: _Walk) -> Iterator[Fix]:
    """Yield edits that take the failing value out of the space, name by name."""
    looker = walk.looker
    key = (failure.found.code, failure.found.span)
    for name in failure.names:
        domain, written = walk.domains[name], looker.written[name]
        at = failure.point.get(name, 0)
        values = written.values
        if isinstance(values, tree.List):
            kept = [
                i
                for i in range(len(domain.choices))
                if not _fails_alike({**failure.point, name: i}, looker, key)
            ]
            if kept:
                text = "[" + ", ".join(print_expr(domain.choices[i]) for i in kept) + "]"
                yield Fix(f"search {name} in {text}", (Edit(values.span, text),))
            continue
        if not isinstance(values, tree.Range):
            continue
        low, high = print_expr(values.low), print_expr(values.high)
        if domain.count is None:
            rounder = [v for v in _ROUND if domain.low < v < domain.high]
            texts = (
                [f"[{low}..{v}]" for v in reversed(rounder)] if at else [f"[{v}..{high}]" for v in rounder]
            )
        else:
            texts = []
            for others in (range(at - 1, -1, -1), range(at + 1, domain.count)):
                near = others[:_MOST_NARROWED]
                fine = (i for i in near if not _fails_alike({**failure.point, name: i}, looker, key))
                if (value := next(fine, None)) is not None:
                    end = bound_text(domain.value(value))
                    texts.append(f"[{low}..{end}]" if value < at else f"[{end}..{high}]")
        for text in texts:
            yield Fix(f"search {name} in {text}", (Edit(values.span, text),))
