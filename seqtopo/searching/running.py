"""Run a search from Python, and return the spec of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial

from seqtopo.diag.error import SpecError
from seqtopo.emit.backend import choose
from seqtopo.report.analyse import Checked, is_space
from seqtopo.report.space_walk import spaced
from seqtopo.searching.points import Points, suggest
from seqtopo.searching.results import values_of
from seqtopo.searching.setting_up import Options, Search, has_heartbeats, most_params, set_up
from seqtopo.searching.storage import open_storage
from seqtopo.searching.worker import Worker


def training_of(found: Search) -> Any:
    """Return the object that trains the points of a search; loads Keras on the chosen backend."""
    options = found.options
    choose(options.backend)
    from seqtopo.searching.trials import Training  # loads Keras

    return Training(
        options,
        found.dims,
        options.epochs,
        found.read,
        options.folds,
        found.selection,
        options.backend,
        not options.stock,
        most_params(options),
    )


def run_search(
    checked: Checked,
    options: Options,
    dims: Mapping[str, Any],
    storage: str | BaseStorage | None,
    name: str,
) -> Study:
    """Search the space of a spec in this process, and return the study.

    Raises:
        SpecError: the spec, a choice, or the data is wrong, or the study searches something else.
    """
    found = set_up(checked, options, dims)
    if storage is None:
        storage = InMemoryStorage()
    elif isinstance(storage, str):
        storage = open_storage(storage, Path(storage))
    study = found.join(storage, name)
    worker = Worker(study, found.points, training_of(found), options.trials, options.seed)
    worker.heartbeats = has_heartbeats(storage)
    worker.run()
    return study


def points_of(checked: Checked, dims: Mapping[str, Any]) -> Points:
    """Return the points of a spec's space, after a check of the space.

    Raises:
        SpecError: the spec is wrong, or a choice of it.
    """
    if is_space(checked):
        checked, _ = spaced(checked, dims)
    if not checked.ok:
        raise SpecError(checked.diagnostics)
    return Points(checked.source, dims)


def spec_of_trial(trial: optuna.Trial | FrozenTrial, points: Points) -> str:
    """Return the spec of a trial; a running one is asked for each name that its point uses.

    Raises:
        SpecError: ST444, a trial that has ended is of another space.
    """
    if isinstance(trial, FrozenTrial):
        return points.text(points.values_in(values_of(trial)))
    return points.text(points.ask(lambda name, distribution: suggest(trial, name, distribution)))
