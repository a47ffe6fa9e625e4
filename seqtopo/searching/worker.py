"""Work on a study: draw a point, train it, report the result, until there are enough trials."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from seqtopo.diag.error import SpecError
from seqtopo.searching.leases import (
    SAME_AS,
    SURPLUS,
    WHY,
    Holding,
    counted,
    ordinal,
    queue_again,
    requeue_killed,
)
from seqtopo.searching.points import Points, Values, suggest
from seqtopo.searching.results import values_of
from seqtopo.searching.sampling import REPEATED, WholePoints, derived_seed
from seqtopo.searching.storage import storage_failures, wrong

MOST_FAILED = 8
"""The failures in a row, not counting those of a loss, after which a worker gives up."""
WAIT, MOST_WAIT = 1.0, 30.0
"""The seconds between two looks for killed trials of other workers: a few, and the most where many run."""

Train = Callable[[str, int, Callable[[int, float], None]], Any]
"""A function that trains a spec with a seed, reports each epoch, and returns a ``trials.Score``."""


class FailedTrial(Exception):  # noqa: N818 - it ends a trial, and is no error of ours
    """Ends a trial that failed; its reason is stored."""


class Stopped(Exception):  # noqa: N818 - somebody asked for it
    """Ends a trial whose worker was asked to stop; the trial is queued again."""


class _EndOfTraining(Exception):  # noqa: N818 - its cause may be one
    """Ends the training of a trial for the reason that is its cause.

    What training raises of itself is a failure of the backend; an exception of seqtopo goes on as it is.
    """


@dataclass
class Worker:
    """One process that works on a study.

    Attributes:
        study: the study, with the sampler ``WholePoints``.
        points: the points of its space.
        train: trains the spec of a point.
        trials: how many trials the study is to have.
        seed: the study's seed.
        stopping: asks whether to stop at the end of the epoch.
        tell: told of each trial that has ended; ``each_epoch`` is called after each epoch.
        heartbeats: whether the storage itself finds workers that were killed.
    """

    study: Study
    points: Points
    train: Train
    trials: int
    seed: int
    stopping: Callable[[], bool] = lambda: False
    tell: Callable[[FrozenTrial], None] = lambda trial: None
    heartbeats: bool = False
    each_epoch: Callable[[], None] = lambda: None
    failed: list[str] = field(default_factory=list)
    number: int | None = None

    def run(self) -> str:
        """Work until there are enough trials, and no killed one of another worker is left to repeat.

        Returns:
            Why it ended: ``"done"``, ``"stopped"``, or ``"exhausted"`` if the whole space was tried.

        Raises:
            SpecError: ST445, trial after trial fails in the same way; ST443, the storage cannot be used any
                more.
        """
        with storage_failures(self.study.study_name):
            return self._run()

    def _run(self) -> str:
        while not self.stopping():
            trials = self.study.get_trials(deepcopy=False)
            if requeue_killed(self.study, trials, heartbeats=self.heartbeats):
                continue
            waiting = any(t.state == TrialState.WAITING for t in trials)
            if not waiting and len(counted(trials)) >= self.trials:
                # A trial of another worker that is killed now is left to this one.
                running = sum(t.state == TrialState.RUNNING for t in trials)
                if not running:
                    return "done"
                # Each look loads all of them, and many workers may look.
                time.sleep(min(MOST_WAIT, WAIT * max(1.0, running / 10)))
                if self.heartbeats:  # before each trial, Optuna does it
                    with warnings.catch_warnings():  # it calls it experimental
                        warnings.simplefilter("ignore")
                        optuna.storages.fail_stale_trials(self.study)
                continue
            if not waiting and self._is_exhausted(trials):
                return "exhausted"
            self._one_trial()
            if len(self.failed) >= MOST_FAILED:
                raise self._too_many_failed()
        return "stopped"

    def _one_trial(self) -> None:
        """Begin a trial and end it."""
        self.number = None
        try:
            self.study.optimize(self._objective, n_trials=1, catch=(FailedTrial,), callbacks=[self._ended])
        except (UpdateFinishedTrialError, ValueError):
            # This process slept for longer than a lease lasts: others took the trial for lost.
            if not self._was_taken_away():
                raise

    def _was_taken_away(self) -> bool:
        if self.number is None:
            return False
        return self.study.get_trials(deepcopy=False)[self.number].state.is_finished()

    def _is_exhausted(self, trials: list[FrozenTrial]) -> bool:
        sampler = self.study.sampler
        if not isinstance(sampler, WholePoints):
            return False
        if sampler.kind == "grid":
            return len(counted(trials)) >= len(sampler.allowed)
        known = {t.user_attrs.get("point") for t in counted(trials)}
        between = any(domain.count is None for domain in self.points.domains.values())
        return (
            sampler.whole
            and not between
            and all(self.points.canonical(values) in known for values in sampler.allowed)
        )

    def _objective(self, trial: optuna.Trial) -> float:
        attrs = trial.user_attrs
        self.number = trial.number
        with Holding(trial, renew=not self.heartbeats):
            values = self.points.ask(lambda name, distribution: suggest(trial, name, distribution))
            point = self.points.canonical(values)
            trial.set_user_attr("point", point)
            # Read once, after the point is known to others: each read loads all trials that run.
            trials = self.study.get_trials(deepcopy=False)
            self._drop_if_not_wanted(trial, trials, point, attrs.get("after"))
            which = ordinal(trials, trials[trial.number])
            seed = attrs.get("seed", derived_seed(self.seed, which))
            trial.set_user_attr("seed", seed)
            trial.set_user_attr("params", self.points.params(values))
            trial.set_user_attr("steps", self.points.fewest_steps(values))
            same = self._same_as(trials, values, point)
            if same is not None:
                trial.set_user_attr("value_of", same.number)
                assert same.value is not None
                return same.value
            return self._score(trial, self.points.text(values), seed)

    def _score(self, trial: optuna.Trial, text: str, seed: int) -> float:
        def report(step: int, value: float) -> None:
            try:
                trial.report(value, step)
                self.each_epoch()
                if self.stopping():
                    raise Stopped
                if trial.should_prune():
                    raise TrialPruned
            except Exception as error:
                raise _EndOfTraining from error

        try:
            score = self.train(text, seed, report)
        except _EndOfTraining as end:
            if isinstance(end.__cause__, Stopped):
                raise FailedTrial from None
            raise end.__cause__ or end from None
        except SpecError as error:
            found = error.diagnostics[0]
            trial.set_user_attr(WHY, ": ".join((found.message, *found.notes[:1]))[:500])
            self.failed = [] if found.code == "ST731" else [*self.failed, found.message]
            raise FailedTrial from None
        except MemoryError:
            trial.set_user_attr(WHY, "there was not enough memory")
            raise FailedTrial from None
        self.failed = []
        trial.set_user_attr("folds", list(score.folds))
        trial.set_user_attr("seconds", round(score.seconds, 3))
        trial.set_user_attr("latency", score.latency)
        return float(score.value)

    def _same_as(self, trials: Sequence[FrozenTrial], values: Values, point: str) -> FrozenTrial | None:
        """Return a finished trial of the same point, or of an equal model; None if there is none."""
        done = [t for t in trials if t.state == TrialState.COMPLETE]
        found = next((t for t in done if t.user_attrs.get("point") == point), None)
        if found is not None:
            return found
        # Graphs are compared only where sizes and floats are the same, as that takes a moment.
        mine = (
            self.points.params(values),
            self.points.fewest_steps(values),
            self.points.between_ends(values),
        )
        for trial in done:
            theirs = values_of(trial)
            sizes = (
                trial.user_attrs.get("params"),
                trial.user_attrs.get("steps"),
                self.points.between_ends(theirs),
            )
            if mine == sizes and self.points.are_equal(values, theirs):
                return trial
        return None

    def _drop_if_not_wanted(
        self, trial: optuna.Trial, trials: Sequence[FrozenTrial], point: str, after: int | None
    ) -> None:
        """End a trial that another worker has begun too, or that comes after the last wanted one.

        ``after`` is the number of the killed trial that it repeats.
        """
        before = [t for t in counted(trials) if t.number < trial.number]
        twin = next((t for t in before if after is not None and t.user_attrs.get("after") == after), None)
        if twin is None and getattr(self.study.sampler, "kind", "") not in REPEATED:
            running = (t for t in before if t.state == TrialState.RUNNING)
            twin = next((t for t in running if t.user_attrs.get("point") == point), None)
        if twin is not None:
            trial.set_user_attr(SAME_AS, twin.number)
            raise FailedTrial
        if after is None and len(before) >= self.trials:
            trial.set_user_attr(SURPLUS, True)
            raise FailedTrial

    def _ended(self, study: Study, trial: FrozenTrial) -> None:
        marks = (WHY, SAME_AS, SURPLUS)
        if trial.state == TrialState.FAIL and not any(mark in trial.user_attrs for mark in marks):
            queue_again(study, trial)  # it was stopped
        self.tell(trial)

    def _too_many_failed(self) -> SpecError:
        return wrong(
            "ST445",
            f"{len(self.failed)} trials failed one after the other: {self.failed[-1]}",
            "train one of them alone to see why: seqtopo fit spec.txt data.csv -D ...",
        )
