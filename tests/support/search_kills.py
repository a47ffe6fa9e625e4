"""Kill workers of a study with ``kill -9`` at random moments, start others, and see that nothing is lost.

``python -m tests.support.search_kills STORAGE WORKERS TRIALS SECONDS KILLS``: a journal's path or a URL.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from seqtopo.searching.leases import counted
from seqtopo.searching.storage import open_storage
from tests.support.search_worker import worker_on

ROOT = Path(__file__).parents[2]


def start(where: str, trials: int, seconds: float) -> subprocess.Popen[str]:
    """Start a worker."""
    words = [sys.executable, "-m", "tests.support.search_worker", where, str(trials), str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def storage_of(where: str) -> BaseStorage:
    """Return the storage at a path or a URL."""
    return open_storage(where if "://" in where else f"journal://{where}", Path(where))


def killed(where: str, workers: int, trials: int, seconds: float, kills: int, seed: int = 0) -> Counter[str]:
    """Run a study to its end while workers are killed; return how its trials ended.

    Raises:
        AssertionError: a trial was lost, or is counted twice.
    """
    chance = random.Random(seed)
    there = [start(where, trials, seconds) for _ in range(workers)]
    left = kills
    while any(child.poll() is None for child in there):
        time.sleep(chance.uniform(0.2, 2.0))
        for i, child in enumerate(there):
            if child.poll() not in (None, 0, -9):
                raise AssertionError(child.communicate())
            if left and child.poll() is None and chance.random() < 0.5 and _begun(where):
                child.kill()
                child.wait()
                there[i] = start(where, trials, seconds)
                left -= 1
    for child in there:
        out, err = child.communicate()
        assert (child.returncode, out) == (0, "done\n"), err
    return check(where, trials)


def _begun(where: str) -> bool:
    storage = storage_of(where)
    return any(storage.get_n_trials(s._study_id) > 0 for s in storage.get_all_studies())


def check(where: str, trials: int) -> Counter[str]:
    """Return how the trials of a study ended, and see that each is there once.

    Raises:
        AssertionError: one is missing, is counted twice, or has another score than it has alone.
    """
    study = optuna.load_study(study_name="study", storage=storage_of(where))
    every = study.get_trials(deepcopy=False)
    done = counted(every)
    assert len(done) == trials, (len(done), trials)
    assert {t.state for t in done} == {TrialState.COMPLETE}, Counter(t.state.name for t in done)
    if "://" not in where:  # a trial that is done again keeps the number that it is drawn from
        alone = worker_on(InMemoryStorage(), trials)
        alone.run()
        wanted = {t.user_attrs["point"]: t.value for t in alone.study.trials}
        assert {t.user_attrs["point"]: t.value for t in done} == wanted
    points = Counter(t.user_attrs["point"] for t in done)
    assert max(points.values()) == 1 or "value_of" in str([t.user_attrs for t in done])
    return Counter(t.state.name for t in every)


def at_once(where: str, workers: int, trials: int) -> float:
    """Return the seconds that a study takes whose workers, threads of this process, answer at once.

    Raises:
        AssertionError: a trial is missing, or is counted twice.
    """
    worker_on(storage_of(where), 0).run()
    begin = time.perf_counter()

    def work(_: int) -> str:
        return worker_on(storage_of(where), trials).run()

    with ThreadPoolExecutor(workers) as pool:
        assert set(pool.map(work, range(workers))) == {"done"}
    took = time.perf_counter() - begin
    check(where, trials)
    return took


def words_of(ended: Counter[str]) -> str:
    """Return the numbers of trials by their state, in words; a failed one was killed, and done again."""
    return ", ".join(f"{count} {state.lower()}" for state, count in sorted(ended.items()))


def main() -> None:
    """Do as the arguments say, and print how the trials ended."""
    where, workers, trials, seconds, kills = sys.argv[1:]
    begin = time.perf_counter()
    ended = words_of(killed(where, int(workers), int(trials), float(seconds), int(kills)))
    took = time.perf_counter() - begin
    print(f"journal: {workers} workers, {trials} trials, {kills} kills: {ended}; {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
