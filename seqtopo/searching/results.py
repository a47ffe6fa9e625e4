"""Summarise a study: the best trials, the importance of names, and the trials that are worth their size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from seqtopo.graph.domains import bound_text
from seqtopo.searching.leases import WHY, counted

FINALISTS = "finalists"
"""The attribute of a study with the scores of trials that were trained again: a list for each number."""


@dataclass(frozen=True)
class Tally:
    """The numbers of trials, by their state."""

    complete: int
    running: int
    waiting: int
    pruned: int
    failed: int
    reasons: Mapping[str, int]

    def __str__(self) -> str:
        parts = [f"{self.complete} trained"]
        for count, word in (
            (self.running, "running"),
            (self.waiting, "queued"),
            (self.pruned, "pruned"),
            (self.failed, "failed"),
        ):
            parts += [f"{count} {word}"] if count else []
        return ", ".join(parts)


def tally(trials: Sequence[FrozenTrial]) -> Tally:
    """Return the numbers of the trials that count, by their state."""
    there = counted(trials)

    def of(state: TrialState) -> int:
        return sum(t.state == state for t in there)

    reasons: dict[str, int] = {}
    for trial in there:
        if trial.state == TrialState.FAIL:
            why = str(trial.user_attrs.get(WHY, "no reason is known"))
            reasons[why] = reasons.get(why, 0) + 1
    return Tally(
        of(TrialState.COMPLETE),
        of(TrialState.RUNNING),
        of(TrialState.WAITING),
        of(TrialState.PRUNED),
        of(TrialState.FAIL),
        reasons,
    )


def values_of(trial: FrozenTrial) -> dict[str, Any]:
    """Return the values of a trial, by the names of the spec."""
    return {name.partition("@")[0]: value for name, value in trial.params.items()}


def in_short(trial: FrozenTrial) -> str:
    """Return the values of a trial on one line."""
    return " ".join(f"{name}={_short(value)}" for name, value in values_of(trial).items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else bound_text(value)


def best_trials(study: Study, count: int) -> list[FrozenTrial]:
    """Return the trials with the lowest scores, one for each point, the best first."""
    done = [
        t
        for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if t.value is not None and "value_of" not in t.user_attrs
    ]
    found: dict[str, FrozenTrial] = {}
    for trial in sorted(done, key=lambda t: (t.value, t.number)):
        found.setdefault(str(trial.user_attrs.get("point", trial.number)), trial)
    return list(found.values())[:count]


def importance(study: Study) -> dict[str, float]:
    """Return the importance of each name, as shares of 1; {} if there are too few trials."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < 4 or len({t.value for t in done}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):  # a name has one value only, or too few trials have it
        return {}
    shares: dict[str, float] = {}
    for name, share in found.items():  # of a name that was widened, there are several
        name = name.partition("@")[0]
        shares[name] = shares.get(name, 0.0) + share
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def pareto(
    trials: Sequence[FrozenTrial], keys: Sequence[Callable[[FrozenTrial], float | None]]
) -> list[FrozenTrial]:
    """Return the trials that no other beats in all numbers at once, the best score first."""
    rows = [(t, [key(t) for key in keys]) for t in trials]
    known = [(t, [n for n in numbers if n is not None]) for t, numbers in rows if None not in numbers]
    found = [
        t
        for t, mine in known
        if not any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for _, other in known
        )
    ]
    return sorted(found, key=lambda t: (t.value is None, t.value))


def effects(study: Study) -> dict[str, list[tuple[Any, float]]]:
    """Return by name the pairs of value and score of all trials that have the name."""
    found: dict[str, list[tuple[Any, float]]] = {}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        for name, value in values_of(trial).items():
            assert trial.value is not None
            found.setdefault(name, []).append((value, trial.value))
    return found
