"""Draw whole points of a space as Optuna's distributions; write the spec of a point, or build its model.

A name that is not used with the choices so far is not drawn.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from seqtopo.decompiler.difference import Side, difference
from seqtopo.graph import counting
from seqtopo.graph.domains import Domain, Number, bound_text, shortened
from seqtopo.report.analyse import analyse
from seqtopo.report.space_choices import Looker, Seen
from seqtopo.runtime.building import build
from seqtopo.searching.storage import wrong
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_spec
from seqtopo.syntax.parse import parse

Values = dict[str, Number | str]
Pick = Callable[[str, BaseDistribution], Any]
"""A function that gives the value of a name for a distribution."""

MOST_KEPT = 300
"""The most allowed topologies that are remembered, as a fallback."""
MOST_MADE = 10_000
"""The layers that are made to find several allowed topologies; ten times as many to find one."""
MOST_IN_GRID = 20_000
"""The most topologies of a grid."""
MOST_MADE_IN_GRID = 200_000
"""The layers that are made to find them."""


def distribution_of(domain: Domain) -> BaseDistribution:
    r"""Return Optuna's distribution for a name.

    >>> from seqtopo.report.analyse import analyse
    >>> space = analyse("search A in [1..9] step 2, B in [lstm, gru]\nin(4,2) -> B(A)").resolved.searched
    >>> distribution_of(space["A"]), distribution_of(space["B"]).choices
    (IntDistribution(high=9, log=False, low=1, step=2), ('lstm', 'gru'))
    """
    if domain.choices:
        return CategoricalDistribution(tuple(domain.value(i) for i in range(len(domain.choices))))
    low, high, log, step = domain.low, domain.high, domain.log, domain.step
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log, step=1 if log or step is None else int(step))
    return FloatDistribution(low, high, log=log, step=None if log else step)


def suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    """Return the value that a trial has for a name with a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, IntDistribution):
        low, high, step = distribution.low, distribution.high, distribution.step
        return trial.suggest_int(name, low, high, step=step, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(
        name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
    )


@dataclass
class Points:
    """The points of a spec's space, within bounds on the parameters and on the remaining steps.

    ``names`` are the names in Optuna, for those that differ.
    """

    source: Source
    dims: Mapping[str, Any]
    max_params: int | None = None
    min_steps: int | None = None
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec, _ = parse(self.source)
        assert spec is not None
        self.spec = spec
        self.looker = Looker(spec, self.source, self.dims)
        self.domains = self.looker.domains
        self.distributions = {name: distribution_of(domain) for name, domain in self.domains.items()}
        self._sides: dict[str, Side] = {}

    def known_as(self, name: str) -> str:
        """Return the name in Optuna of a name of the space."""
        return self.names.get(name, name)

    def ask(self, pick: Pick) -> Values:
        """Return a whole point, in which each name that it uses is picked, in the order of the text."""
        values: Values = {}
        while True:
            used = self.look(values).used
            name = next((n for n in self.domains if n in used and n not in values), None)
            if name is None:
                return values
            found = pick(self.known_as(name), self.distributions[name])
            values[name] = _within(self.domains[name], found)

    def values_in(self, given: Mapping[str, Any]) -> Values:
        """Return the point with these values.

        Raises:
            SpecError: ST444, a name that it uses has none, or one that is not searched.
        """

        def pick(known_as: str, distribution: BaseDistribution) -> Any:
            name = known_as.partition("@")[0]
            if name not in given or not self.domains[name].holds(given[name]):
                has = f"has {name}={bound_text(given[name])}" if name in given else f"has no {name}"
                raise wrong(
                    "ST444",
                    f"the trial {has}, and this spec searches {name}: {self.domains[name]}",
                    "give the spec that the study searched",
                )
            return given[name]

        return self.ask(pick)

    def look(self, values: Mapping[str, Any]) -> Seen:
        """Return the topology of a point and its problems; names that it lacks have their first value."""
        return self.looker.look({name: _index(self.domains[name], value) for name, value in values.items()})

    def allows(self, values: Mapping[str, Any]) -> bool:
        """Return whether a point is a model within the bounds on parameters and steps."""
        seen = self.look(values)
        if seen.resolved is None or seen.wrong:
            return False
        params = self.params(values)
        if self.max_params is not None and params is not None and params > self.max_params:
            return False
        steps = self.fewest_steps(values) if self.min_steps is not None else None
        return self.min_steps is None or steps is None or steps >= self.min_steps

    def params(self, values: Mapping[str, Any]) -> int | None:
        """Return the number of parameters of a point; None if sizes are open."""
        resolved = self.look(values).resolved
        size = counting.params(resolved.graph) if resolved is not None else None
        return size if isinstance(size, int) else None

    def fewest_steps(self, values: Mapping[str, Any]) -> int | None:
        """Return the fewest steps that a sequence has inside the model; None if they are open."""
        resolved = self.look(values).resolved
        if resolved is None:
            return None
        shapes = (t.shape for node in resolved.graph.nodes for t in node.outputs or ())
        known = [shape[0] for shape in shapes if len(shape) == 2 and isinstance(shape[0], int)]
        return min(known, default=None)

    def between_ends(self, values: Mapping[str, Any]) -> list[float]:
        """Return the values of the names that are searched between floats without a step, in order."""
        return sorted(v for name, v in values.items() if self.domains[name].count is None)

    def are_equal(self, one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
        """Return whether two points are the same model, trained in the same way."""
        return not difference(self._side(one), self._side(two))

    def _side(self, values: Mapping[str, Any]) -> Side:
        point = self.canonical(values)
        if point not in self._sides:
            resolved = analyse(Source(self.text(values)), self.dims).resolved
            assert resolved is not None  # each point that was drawn is allowed
            self._sides[point] = Side("", resolved.graph, resolved.training)
        return self._sides[point]

    def topologies(self) -> Iterator[Values | None]:
        """Yield the allowed topologies, with ranges of floats at their low ends; None for all others."""
        todo: list[Values] = [{}]
        while todo:
            values = todo.pop()
            used = self.look(values).used
            name = next((n for n in self.domains if n in used and n not in values), None)
            if name is None:
                yield values if self.allows(values) else None
                continue
            domain = self.domains[name]
            count = 1 if domain.count is None else domain.count
            todo += [{**values, name: domain.value(i)} for i in reversed(range(count))]

    def some_topologies(self, most: int = MOST_KEPT) -> list[Values]:
        """Return the first allowed topologies, up to ``most``, within a bound on the layers made."""
        return self.first_topologies(most)[0]

    def first_topologies(self, most: int, most_made: int = MOST_MADE) -> tuple[list[Values], bool]:
        """Return the first allowed topologies, and whether they are all that there are."""
        found: list[Values] = []
        begin = self.looker.made
        for values in self.topologies():
            made = self.looker.made - begin
            if len(found) >= most or made > (most_made if found else 10 * most_made):
                return found, False
            found += [values] if values is not None else []
        return found, True

    def between(self, values: Values, chance: random.Random) -> Values:
        """Return a topology with a random value for each name with a range of floats."""
        found = dict(values)
        for name in values:
            domain = self.domains[name]
            if domain.count is None:
                found[name] = _within(domain, _drawn_between(domain, chance))
        return found

    def text(self, values: Mapping[str, Any], head: str = "") -> str:
        """Return the spec of a point, with ``let`` in place of ``search``; ``head`` are comments above it."""
        text = self.source.text
        for statement in reversed(self.spec.statements):
            if not isinstance(statement, tree.Search):
                continue
            bound = {**self.dims, **values}
            own = [d.name.name for d in statement.domains if d.name.name in bound]
            line = ", ".join(f"{name} = {bound_text(bound[name])}" for name in own)
            start, end = statement.span
            if own:
                text = f"{text[:start]}let {line}{text[end:]}"
            else:
                rest = text[end:]
                text = text[:start] + (rest[1:] if rest.startswith("\n") else rest)
        return head + text + ("" if text.endswith("\n") else "\n")

    def canonical(self, values: Mapping[str, Any]) -> str:
        """Return the text by which equal points are recognised: the values of the names that they use."""
        used = self.look(values).used
        return ", ".join(f"{n}={bound_text(values[n])}" for n in self.domains if n in values and n in used)


def fixed_text(spec: tree.Spec) -> str:
    """Return the canonical text of a spec without what it searches."""
    kept = tuple(s for s in spec.statements if not isinstance(s, tree.Search))
    return print_spec(tree.Spec(spec.span, kept))


def _within(domain: Domain, value: Any) -> Any:
    """Return a drawn value as the spec of its point says it: a float is shortened, and stays in its range."""
    if domain.choices or not isinstance(value, float):
        return value
    return min(max(shortened(value), domain.low), domain.high)


def _drawn_between(domain: Domain, chance: random.Random) -> float:
    if domain.log:
        return math.exp(chance.uniform(math.log(domain.low), math.log(domain.high)))
    return chance.uniform(domain.low, domain.high)


def _index(domain: Domain, value: Any) -> int:
    """Return the number of a value of a domain; 0 for ranges of floats."""
    if domain.choices:
        return next(i for i in range(len(domain.choices)) if domain.value(i) == value)
    return 0 if domain.step is None else round((value - domain.low) / domain.step)


class SpecHyperModel:
    """A hypermodel of KerasTuner for a spec's space: it builds the model that ``hp`` chooses.

    A tuner takes it as its ``hypermodel``: it is called with the hyperparameters, and returns a model,
    compiled if the spec has a ``train`` line.
    """

    def __init__(self, points: Points, dims: dict[str, Any], backend: str | None = None) -> None:
        self.points = points
        self.dims = dims
        self.backend = backend
        self.name = "seqtopo"
        self.tunable = True

    def __call__(self, hp: Any) -> Any:
        """Build the model; see ``build``."""
        return self.build(hp)

    def spec(self, hp: Any) -> str:
        """Return the spec that the hyperparameters choose."""
        return self.points.text(self.points.ask(lambda name, distribution: _ask(hp, name, distribution)))

    def build(self, hp: Any) -> Any:
        """Build the model that the hyperparameters choose."""
        return build(analyse(self.spec(hp), self.dims), self.backend).main()


def _ask(hp: Any, name: str, distribution: BaseDistribution) -> Any:
    """Return the value of a name that KerasTuner chooses from a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        if len({type(choice) for choice in choices}) == 1:
            return hp.Choice(name, choices)
        # KerasTuner takes choices of one type only.
        texts = {str(choice): choice for choice in choices}
        return texts[hp.Choice(name, list(texts))]
    sampling = "log" if distribution.log else "linear"  # type: ignore[attr-defined]
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if isinstance(distribution, IntDistribution):
        return hp.Int(name, low, high, step=None if distribution.log else step, sampling=sampling)
    return hp.Float(name, low, high, step=step, sampling=sampling)
