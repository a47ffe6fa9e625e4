"""A worker of a study whose trials take a moment and train nothing: run as a process, and killed by tests."""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from seqtopo.report.analyse import analyse
from seqtopo.report.space_walk import spaced
from seqtopo.searching.points import Points, fixed_text
from seqtopo.searching.sampling import WholePoints
from seqtopo.searching.setting_up import has_heartbeats
from seqtopo.searching.storage import Record, join, open_storage
from seqtopo.searching.worker import Worker
from seqtopo.source import Source

SPACE = (
    "search UNITS in [4..64] step 4, DEPTH in [1..3], RATE in [0.0..0.5]\n"
    "search CELL in [lstm, gru]\n"
    "in(29,1) -> CELL(UNITS,seq) * DEPTH -> dropout(RATE) -> at(-1) -> dense(1)\n"
)


def points_of(text: str = SPACE, **bounds: Any) -> Points:
    """Return the points of a space."""
    return Points(Source(text), {}, **bounds)


def record_of(text: str = SPACE, data: str = "data", **options: Any) -> Record:
    """Return what a study of a space searches."""
    checked, space = spaced(analyse(text))
    assert checked.spec is not None
    assert space is not None
    return Record(fixed_text(checked.spec), data, options, space.data()["names"])


def pretend(seconds: float = 0.0) -> Callable[[str, int, Callable[[int, float], None]], Any]:
    """Return what trains nothing: its score follows from the spec and the seed."""

    def train(text: str, seed: int, report: Callable[[int, float], None]) -> Any:
        value = (
            int.from_bytes(hashlib.blake2b(f"{text}{seed}".encode(), digest_size=4).digest(), "big") / 2**32
        )
        for epoch in range(1, 3):
            time.sleep(seconds * random.random())
            report(epoch, value)
        return SimpleNamespace(value=value, folds=(value,), seconds=seconds, latency=0.001)

    return train


def worker_on(
    storage: BaseStorage,
    trials: int,
    *,
    name: str = "study",
    sampler: str = "random",
    seconds: float = 0.0,
    text: str = SPACE,
    seed: int = 0,
    **bounds: Any,
) -> Worker:
    """Return a worker that trains nothing."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, _ = join(storage, name, record_of(text), pruner=optuna.pruners.NopPruner())
    points = points_of(text, **bounds)
    study.sampler = WholePoints(points, sampler, seed)
    worker = Worker(study, points, pretend(seconds), trials, seed)
    worker.heartbeats = has_heartbeats(storage)
    return worker


def points_tried(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the points of trials, in the order of their numbers."""
    return [t.user_attrs["point"] for t in sorted(trials, key=lambda t: t.number)]


def journal(path: Path) -> BaseStorage:
    """Return the storage in a journal."""
    return open_storage(f"journal://{path}", path)


def main() -> None:
    """Work on the study at a journal or a URL: ``STORAGE TRIALS SECONDS [SAMPLER]``."""
    where, trials, seconds, *sampler = sys.argv[1:]
    url = where if "://" in where else f"journal://{where}"
    storage = open_storage(url, Path(where), heartbeat=1, grace=4)
    worker = worker_on(storage, int(trials), seconds=float(seconds), sampler=(sampler or ["random"])[0])
    print(worker.run())


if __name__ == "__main__":
    main()
