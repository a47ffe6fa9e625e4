"""Trials of a search by one worker, by two and by four, which share the cores of this machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from children import as_installed
from timing import Row, row

SPEC = """search UNITS in [16..64], RATE in [0.0..0.5]

in(14,1) -> lstm(UNITS,seq) -> dropout(RATE) -> lstm(16) -> dense(1)
train adam, loss=mse
"""
STEPS, TRIALS, EPOCHS, ROUNDS = 3000, 16, 4, 3
WORKERS = {"one worker": 1, "two workers": 2, "four workers": 4}
BACKEND = "torch"


def measure() -> Iterator[Row]:
    """Measure the trials of a study on PyTorch, from the start of the command to the end of the last one."""
    times: dict[str, list[float]] = {who: [] for who in WORKERS}
    for turn in range(ROUNDS):
        for who in list(WORKERS)[:: 1 if turn % 2 else -1]:
            times[who].append(_seconds(WORKERS[who]))
    what = f"seqtopo search: {TRIALS} trials of {EPOCHS} epochs, {STEPS:,} steps of data"
    one, *more = WORKERS
    for who in more:
        yield row(what, times, who, one, backend=BACKEND)


def _seconds(workers: int) -> float:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "spec.txt").write_text(SPEC, encoding="utf-8")
        # Two waves, so that there is something to learn.
        data = (f"{(i % 7) / 7 + (i % 31) / 31:.4f}\n" for i in range(STEPS))
        Path(folder, "data.csv").write_text("load\n" + "".join(data), encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-m", "seqtopo", "search", "spec.txt", "data.csv"]
        options = f"--trials {TRIALS} --epochs {EPOCHS} --jobs {workers} --finalists 1 --backend {BACKEND}"
        start = datetime.now()
        done = subprocess.run(
            [*command, *options.split()], cwd=folder, env=as_installed(), capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        (journal,) = Path(folder).glob("*.log")
        study = optuna.load_study(study_name="spec", storage=JournalStorage(JournalFileBackend(str(journal))))
        ends = [trial.datetime_complete for trial in study.trials if trial.datetime_complete]
        return (max(ends) - start).total_seconds()
