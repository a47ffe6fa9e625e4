"""Wrap Optuna's samplers so that they draw whole points, and draw again if a point is not allowed."""

from __future__ import annotations

import hashlib
import random
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from seqtopo.searching.leases import ordinal
from seqtopo.searching.points import (
    MOST_IN_GRID,
    MOST_KEPT,
    MOST_MADE,
    MOST_MADE_IN_GRID,
    Points,
    Values,
)

SAMPLERS = ("tpe", "random", "gp", "cmaes", "grid")
PRUNERS = ("median", "hyperband", "none")
REPEATED = ("random", "grid")
"""The samplers whose trials depend on their numbers alone, and so not on the number of workers."""
MOST_DRAWS = 100
"""The draws of a point after which one of the allowed topologies is taken."""
MOST_LEARNED = 10
"""The draws that use what TPE learned; further ones are random, which is quick.
Three times as many are near what another sampler proposes."""
NEEDS = {"cmaes": ("cmaes",), "gp": ("torch", "scipy")}
"""The packages that Optuna's samplers import besides Optuna."""


def derived_seed(seed: int, number: int) -> int:
    """Return the seed of a trial, from the study's seed and the trial's number.

    >>> derived_seed(0, 3) == derived_seed(0, 3) != derived_seed(1, 3)
    True
    """
    return int.from_bytes(hashlib.blake2b(f"{seed}/{number}".encode(), digest_size=4).digest(), "big")


def _inner(kind: str, seed: int) -> BaseSampler:
    with warnings.catch_warnings():  # Optuna calls some of them experimental
        warnings.simplefilter("ignore")
        if kind == "gp":
            return optuna.samplers.GPSampler(seed=seed)
        if kind == "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed)
        if kind == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed)


def pruner_of(kind: str, epochs: int) -> optuna.pruners.BasePruner:
    """Return Optuna's pruner of that name."""
    if kind == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5))
    if kind == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(epochs, 2))
    return optuna.pruners.NopPruner()


class WholePoints(BaseSampler):
    """A sampler that draws a whole point at once, and again if it is not allowed or known already.

    After a number of draws it takes one of the allowed topologies, so every trial is allowed. The point of a
    trial depends on the study's seed, the trial's number, and for samplers that learn on the finished trials.
    """

    def __init__(self, points: Points, kind: str, seed: int) -> None:
        self.points = points
        self.kind = kind
        self.seed = seed
        bounds = (MOST_IN_GRID, MOST_MADE_IN_GRID) if kind == "grid" else (MOST_KEPT, MOST_MADE)
        self.allowed, self.whole = points.first_topologies(*bounds)
        self.redrawn = 0
        """The number of points that were drawn and not taken."""
        self.fallen_back = 0

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space, by the names in Optuna."""
        found = self.points.distributions
        return {self.points.known_as(name): distribution for name, distribution in found.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw a whole point."""
        if trial.params or "fixed_params" in trial.system_attrs:  # queued with its point
            return {}
        trials = study.get_trials(deepcopy=False)
        which = ordinal(trials, trial)
        values = self._grid(which) if self.kind == "grid" else self._drawn(study, trials, trial, which)
        return {self.points.known_as(name): value for name, value in values.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one name of a point that was queued without it."""
        inner = _inner("random", derived_seed(self.seed, trial.number))
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def _grid(self, number: int) -> Values:
        return self.allowed[number % len(self.allowed)]

    def _drawn(self, study: Study, trials: Sequence[FrozenTrial], trial: FrozenTrial, which: int) -> Values:
        seed = derived_seed(self.seed, which)
        chance = random.Random(seed)
        known = () if self.kind in REPEATED else tried_points(trials)
        inner = _inner(self.kind, seed)
        proposed: dict[str, Any] = {}
        if self.kind in ("gp", "cmaes"):
            space = inner.infer_relative_search_space(study, trial)
            proposed = inner.sample_relative(study, trial, space)
        relative = proposed

        def pick(name: str, distribution: BaseDistribution) -> Any:
            if name in relative:
                return relative[name]
            return inner.sample_independent(study, trial, name, distribution)

        for draw in range(MOST_DRAWS):
            if draw == MOST_LEARNED and self.kind == "tpe":
                inner = _inner("random", seed)
            values = self.points.ask(pick)
            if self.points.allows(values) and self.points.canonical(values) not in known:
                return values
            # The next point has most of what was proposed: one name after the other is drawn anew, then two.
            most = len(proposed) if draw >= MOST_LEARNED * 3 else 1 + draw // max(1, len(proposed))
            left_out = chance.sample(sorted(proposed), min(most, len(proposed)))
            relative = {name: value for name, value in proposed.items() if name not in left_out}
            self.redrawn += 1
        self.fallen_back += 1
        return self._allowed_point(chance, known)

    def _allowed_point(self, chance: random.Random, known: Collection[str]) -> Values:
        """Return one of the allowed topologies, if possible one that was not tried."""
        tries = (self.points.between(chance.choice(self.allowed), chance) for _ in range(MOST_DRAWS))
        new = (values for values in tries if self.points.canonical(values) not in known)
        found = next(new, None) or self._untried(known)
        return found or self.points.between(chance.choice(self.allowed), chance)

    def _untried(self, known: Collection[str]) -> Values | None:
        return next((v for v in self.allowed if self.points.canonical(v) not in known), None)


def tried_points(trials: Sequence[FrozenTrial]) -> set[str]:
    """Return the points that were or are being trained, in canonical form."""
    states = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.PRUNED)
    return {t.user_attrs["point"] for t in trials if t.state in states and "point" in t.user_attrs}
