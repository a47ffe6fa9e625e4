"""Train a point of a space as ``seqtopo fit`` trains a spec, and score it on the held-out data."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras

from seqtopo.data.jobs import Job, Options, Reading, job_of
from seqtopo.data.loading import Members
from seqtopo.data.series import Series
from seqtopo.data.training import training_runs as runs
from seqtopo.diag.error import SpecError
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import analyse
from seqtopo.runtime.building import backend_failures, build, keras_refusals
from seqtopo.searching.setting_up import changed, fold_of
from seqtopo.source import Source

LATENCIES = 5
"""The single samples that are predicted to measure the latency."""

Report = Callable[[int, float], None]
"""A function that is called after each epoch with its number and score; it raises to end the trial."""


@dataclass(frozen=True)
class Score:
    """The result of a trial: its score, those of the folds, its seconds, and the latency of one answer."""

    value: float
    folds: tuple[float, ...]
    seconds: float
    latency: float


@dataclass(frozen=True)
class Training:
    """The training of a study's trials: the data without the part that no trial sees, and the options of fit.

    ``read`` is the data, which is read once.
    """

    args: Options
    dims: dict[str, Any]
    epochs: int
    read: Series | Members
    folds: int = 1
    selection: Selection = Selection()  # noqa: RUF009 - it is frozen
    backend: str | None = None
    kernels: bool = True
    max_params: int = 2_000_000_000

    def __call__(self, text: str, seed: int, report: Report) -> Score:
        """Train the spec of a point, once for each fold, and return its score.

        Raises:
            SpecError: it cannot be built or trained, or its loss is not finite.
        """
        begin = time.perf_counter()
        scores: list[float] = []
        latency = 0.0
        for fold in range(self.folds):
            job = self.job(text, seed, fold)
            runs.seed_everything(seed)
            built = build(job.checked, self.backend, self.max_params, kernels=self.kernels, seed=seed)
            with keras_refusals(job.checked.source):
                model = built.main()
            scores.append(self._trained(model, job, fold, report))
            latency = latency or _latency(model, job)
            del model, built
            keras.backend.clear_session()
            gc.collect()
        return Score(statistics.fmean(scores), tuple(scores), time.perf_counter() - begin, latency)

    def job(self, text: str, seed: int, fold: int = 0) -> Job:
        """Return the data and model of a fold of a point; fold 0 is the earliest."""
        checked = analyse(Source(text, "<trial>"), self.dims)
        if not checked.ok:
            raise SpecError(checked.diagnostics)
        reading = fold_of(
            Reading(self.args, dict(self.dims), self.selection, _print_nothing), self.folds, fold
        )
        return job_of(checked, replace(reading, args=changed(reading.args, seed=seed)), self.read)

    def _trained(self, model: keras.Model, job: Job, fold: int, report: Report) -> float:
        progress = runs.Progress(Path(), "")
        failures = partial(backend_failures, source=job.checked.source)
        last = math.inf

        def tell(epoch: int, numbers: dict[str, float]) -> None:
            nonlocal last
            last = numbers["val_loss"] - _penalties(model)
            report(fold * self.epochs + epoch, last)

        with failures("a trial was trained"):
            runs.train(model, job.train, job.held, self.epochs, progress, _keep_nothing, tell)
        return last


def _penalties(model: keras.Model) -> float:
    """Return what the regularizers of weights add to the loss: it says nothing of the error on the data."""
    found = [v.regularizer(v) for v in model.trainable_weights if v.regularizer is not None]
    return sum(float(keras.ops.convert_to_numpy(penalty)) for penalty in found)


def _print_nothing(line: str) -> None:
    """Print nothing: the lines about the data were printed before the first trial."""


def _keep_nothing(write: Any) -> None:
    """Write no progress: a trial that is stopped is trained anew."""


def _latency(model: keras.Model, job: Job) -> float:
    """Return the median seconds of predicting one sample, or one batch if its size is fixed."""
    batch = job.train[0][0]
    several = isinstance(batch, (tuple, list))
    fixed = any(tensor.shape[0] is not None for tensor in model.inputs)
    one = batch if fixed else [part[:1] for part in batch] if several else batch[:1]
    model.predict_on_batch(one)
    times = []
    for _ in range(LATENCIES):
        begin = time.perf_counter()
        model.predict_on_batch(one)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
