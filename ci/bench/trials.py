"""Trials a minute of a search by two and by four workers against one, on the cores of this machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from children import as_installed
from timing import Row, row

SPEC = """search UNITS in [16..64], RATE in [0.0..0.5]

in(14,1) -> lstm(UNITS,seq) -> dropout(RATE) -> lstm(16) -> dense(1)
train adam, loss=mse
"""
STEPS, TRIALS, EPOCHS, ROUNDS = 1000, 8, 2, 2
WORKERS = {"one worker": 1, "two workers": 2, "four workers": 4}
BACKEND = "torch"


def measure() -> Iterator[Row]:
    """Measure the trials a minute of a study on PyTorch: more is better."""
    rates: dict[str, list[float]] = {who: [] for who in WORKERS}
    for turn in range(ROUNDS):
        for who in list(WORKERS)[:: 1 if turn % 2 else -1]:
            rates[who].append(_trials_a_minute(WORKERS[who]))
    what = f"seqtopo search: trials a minute ({TRIALS} of {EPOCHS} epochs, {STEPS:,} steps of data)"
    one, *more = WORKERS
    for who in more:
        yield row(what, rates, who, one, backend=BACKEND)


def _trials_a_minute(workers: int) -> float:
    """Return the rate from the start of the first trial to the end of the last."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "spec.txt").write_text(SPEC, encoding="utf-8")
        # Two waves, so that there is something to learn.
        data = (f"{(i % 7) / 7 + (i % 31) / 31:.4f}\n" for i in range(STEPS))
        Path(folder, "data.csv").write_text("load\n" + "".join(data), encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-m", "seqtopo", "search", "spec.txt", "data.csv"]
        options = f"--trials {TRIALS} --epochs {EPOCHS} --jobs {workers} --prune none --finalists 1"
        with subprocess.Popen(
            [*command, *options.split(), "--sampler", "random", "--backend", BACKEND],
            cwd=folder,
            env=as_installed(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            ended: list[Any] = []
            while len(ended) < TRIALS and child.poll() is None:
                time.sleep(0.5)
                ended = _ended(Path(folder, "data.study.log"))
            child.terminate()  # the best is not trained here
            _, said = child.communicate()
        if len(ended) < TRIALS:
            raise RuntimeError(said.decode())
        first = min(trial.datetime_start for trial in ended)
        last = max(trial.datetime_complete for trial in ended)
        return 60 * TRIALS / float((last - first).total_seconds())


def _ended(journal: Path) -> list[Any]:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    if not journal.exists():
        return []
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return [
        trial
        for study in storage.get_all_studies()
        for trial in storage.get_all_trials(study._study_id, states=(optuna.trial.TrialState.COMPLETE,))
    ]
