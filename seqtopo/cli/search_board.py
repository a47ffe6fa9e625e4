"""Show how a search goes: a table that is written anew on a terminal, a line a trial elsewhere."""

from __future__ import annotations

import sys
import time

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from seqtopo.cli.terminal import rewrite, say, terminal
from seqtopo.searching.leases import SAME_AS, SURPLUS, WHY
from seqtopo.searching.results import best_trials, in_short, tally
from seqtopo.searching.storage import storage_failures

EVERY = 0.5
"""Seconds between two updates of the board."""
SHOWN = 4
"""The number of best trials, and of running ones, that are shown."""


class Board:
    """The state of a study on the standard error."""

    def __init__(self, study: Study, trials: int, *, plain: bool | None = None) -> None:
        self.study = study
        self.trials = trials
        self.plain = not sys.stderr.isatty() if plain is None else plain
        self.printed: set[int] = {t.number for t in study.get_trials(deepcopy=False) if t.state.is_finished()}
        self.lines = 0
        self.looked = 0.0

    def update(self, *, now: bool = False) -> None:
        """Show what is new; on a terminal no more than twice a second, if not asked to ``now``."""
        if not now and time.monotonic() - self.looked < EVERY:
            return
        self.looked = time.monotonic()
        with storage_failures(self.study.study_name):
            trials = self.study.get_trials(deepcopy=False)
        if self.plain:
            for trial in trials:
                if trial.state.is_finished() and trial.number not in self.printed:
                    self.printed.add(trial.number)
                    if line := _line(trial):
                        best = best_trials(self.study, 1)
                        end = f" (best {best[0].value:.4g}, trial {best[0].number})" if best else ""
                        say(line + end, stream=sys.stderr)
            return
        width = terminal(sys.stderr).width
        lines = [line[: width - 1] for line in self._table(trials)]
        rewrite(lines, self.lines, sys.stderr)
        self.lines = len(lines)

    def leave(self) -> None:
        """Leave what the terminal shows as it is: the next table stands below it."""
        self.lines = 0

    def _table(self, trials: list[FrozenTrial]) -> list[str]:
        lines = [f"{self.study.study_name}: {tally(trials)} of {self.trials} trials"]
        for trial in best_trials(self.study, SHOWN):
            lines.append(f"  best {trial.value:.4g}  trial {trial.number}  {in_short(trial)}")
        running = [t for t in trials if t.state == TrialState.RUNNING]
        for trial in running[:SHOWN]:
            at = f"epoch {max(trial.intermediate_values)}" if trial.intermediate_values else "begins"
            seen = (
                f" {trial.intermediate_values[max(trial.intermediate_values)]:.4g}"
                if trial.intermediate_values
                else ""
            )
            lines.append(f"  runs {at}{seen}  trial {trial.number}  {in_short(trial)}")
        failed = [t for t in trials if t.state == TrialState.FAIL and WHY in t.user_attrs]
        if failed:
            lines.append(f"  last failure  trial {failed[-1].number}: {failed[-1].user_attrs[WHY]}")
        return lines


def _line(trial: FrozenTrial) -> str:
    """Return the line for a trial that has ended; "" for one that does not count."""
    if SAME_AS in trial.user_attrs or SURPLUS in trial.user_attrs:
        return ""
    begin = f"trial {trial.number}: "
    if trial.state == TrialState.FAIL:
        why = trial.user_attrs.get(WHY)
        return begin + (f"failed: {why}" if why else "was interrupted, and is queued again")
    if trial.state == TrialState.PRUNED:
        last = (
            trial.intermediate_values[max(trial.intermediate_values)] if trial.intermediate_values else None
        )
        return f"{begin}pruned{f' at {last:.4g}' if last is not None else ''}  {in_short(trial)}"
    same = trial.user_attrs.get("value_of")
    return f"{begin}{trial.value:.4g}  {in_short(trial)}{f', as trial {same}' if same is not None else ''}"
