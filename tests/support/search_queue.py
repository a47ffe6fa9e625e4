"""Simulate the workers of a study on its storage, from the measured calls of one worker.

``python -m tests.support.search_queue [journal|postgresql]``: measures each call that a trial makes, alone
and beside running trials of others. From these alone it plays 10 and 50 workers whose trials answer at once,
and compares that with such workers on this machine; then 1,000 workers whose trials take minutes.
"""

from __future__ import annotations

import heapq
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from optuna.storages import BaseStorage

from seqtopo.searching.leases import LEASE, lease, requeue_killed
from seqtopo.searching.worker import Worker
from tests.support.search_kills import at_once, storage_of
from tests.support.search_postgres import server
from tests.support.search_worker import worker_on

BESIDE = 40
"""The running trials of others beside which the calls are measured, to see how they grow."""
MEASURED = 12
"""The trials that are measured."""
MANY, MINUTES, EPOCHS, SIGN = 1_000, 5.0, 20, 20.0
"""The workers of the large study; minutes and epochs of its trials; seconds between two signs of life."""


class Call(NamedTuple):
    """A call of the storage: its name, the worker's own processor seconds, and the rest of its time."""

    name: str
    own: float
    rest: float


class Costs(NamedTuple):
    """The costs of a call alone, and what each running trial of others adds."""

    name: str
    own: float
    rest: float
    own_beside: float
    rest_beside: float


@dataclass
class Measured:
    """The measured calls of a trial in their order, and the seconds to read a line of a journal."""

    calls: list[Costs]
    line: float = 0.0


# ---- measuring -------------------------------------------------------------------------------------------


@contextmanager
def recorded(storage: BaseStorage) -> Iterator[list[Call]]:
    """Record the calls of a storage from outside; calls that it makes of itself belong to the outer one."""
    found: list[Call] = []
    inside = threading.local()

    def timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if getattr(inside, "call", False):
                return method(*args, **kwargs)
            inside.call = True
            begin, own = time.perf_counter(), time.thread_time()
            try:
                return method(*args, **kwargs)
            finally:
                inside.call = False
                own = time.thread_time() - own
                found.append(Call(name, own, max(0.0, time.perf_counter() - begin - own)))

        return call

    names = [name for name in dir(storage) if not name.startswith("_") and callable(getattr(storage, name))]
    for name in names:
        setattr(storage, name, timed(name, getattr(storage, name)))
    try:
        yield found
    finally:
        for name in names:
            delattr(storage, name)


def trials_of(where: str, beside: int) -> list[list[Call]]:
    """Return the calls of some trials of one worker, beside so many running trials of others."""
    worker = worker_on(storage_of(where), 10_000)
    for _ in range(beside):
        trial = worker.study.ask(worker.points.distributions)
        for name in ("point", "seed", "params", "steps"):
            trial.set_user_attr(name, name * 10)
        trial.set_user_attr(LEASE, lease())
        trial.report(0.5, 1)
    _one(worker)
    found = []
    for _ in range(MEASURED):
        with recorded(worker.study._storage) as calls:
            _one(worker)
        found.append(calls)
    return found


def _one(worker: Worker) -> None:
    """Do what a worker does for each trial."""
    trials = worker.study.get_trials(deepcopy=False)
    requeue_killed(worker.study, trials, heartbeats=worker.heartbeats)
    worker._one_trial()


def costs(alone: Sequence[Sequence[Call]], beside: Sequence[Sequence[Call]]) -> list[Costs]:
    """Return the costs of each call of a trial: their means, by the order of the calls of a kind."""

    def means(trials: Sequence[Sequence[Call]]) -> dict[tuple[str, int], tuple[float, float]]:
        by: dict[tuple[str, int], list[Call]] = {}
        for calls in trials:
            seen: Counter[str] = Counter()
            for call in calls:
                by.setdefault((call.name, seen[call.name]), []).append(call)
                seen[call.name] += 1
        return {key: (fmean(c.own for c in calls), fmean(c.rest for c in calls)) for key, calls in by.items()}

    one, more = means(alone), means(beside)
    order = max(alone, key=len)
    seen: Counter[str] = Counter()
    found = []
    for call in order:
        key = (call.name, seen[call.name])
        seen[call.name] += 1
        own, rest = one[key]
        own_beside, rest_beside = more.get(key, (own, rest))
        grows = (max(0.0, own_beside - own) / BESIDE, max(0.0, rest_beside - rest) / BESIDE)
        found.append(Costs(call.name, own, rest, *grows))
    return found


def measured(where: str, where_beside: str) -> Measured:
    """Return the costs of the calls of a trial on two empty storages: alone, and beside running trials."""
    found = Measured(costs(trials_of(where, 0), trials_of(where_beside, BESIDE)))
    if "://" not in where:
        lines = len(Path(where).read_bytes().splitlines())
        storage = storage_of(where)
        begin = time.thread_time()
        storage.get_all_studies()
        found.line = (time.thread_time() - begin) / lines
    return found


# ---- playing ---------------------------------------------------------------------------------------------


class Queue:
    """Servers that take one request after the other, in the order of their times."""

    def __init__(self, servers: int) -> None:
        self.free = [0.0] * servers
        self.busy = 0.0

    def serve(self, at: float, seconds: float) -> float:
        """Return the time at which a request that comes at a time is served."""
        end = max(at, heapq.heappop(self.free)) + seconds
        heapq.heappush(self.free, end)
        self.busy += seconds
        return end


class Played(NamedTuple):
    """The result of a simulation: trials a second, the storage's busy share, and seconds lost a trial."""

    rate: float
    busy: float
    lost: float

    def __str__(self) -> str:
        return (
            f"{self.rate:.2f} trials a second, storage busy {self.busy:.0%}, {self.lost:.1f} s of each trial"
        )


@dataclass
class Play:
    """Workers on one storage, played from the measured calls.

    ``together`` workers are threads of one process, which share its processor; others have one of their own.
    A trial trains for ``minutes``; with ``pruning`` each epoch reads all trials.
    """

    measured: Measured
    workers: int
    servers: int = 1
    together: bool = True
    minutes: float = 0.0
    pruning: bool = False
    lines: int = 0
    ended: list[tuple[float, float]] = field(default_factory=list)

    def run(self, seconds: float, first: float = 0.0) -> Played:
        """Play so many seconds; the trials that end in the ``first`` of them are left out of the rate."""
        storage = Queue(self.servers)
        shared = Queue(1)
        own = [shared if self.together else Queue(1) for _ in range(self.workers)]
        processes = [self._worker(i) for i in range(self.workers)]
        todo = [(0.0, i) for i in range(self.workers)]
        heapq.heapify(todo)
        begun = [0.0] * self.workers
        while todo and todo[0][0] < seconds:
            now, i = heapq.heappop(todo)
            what, cost = next(processes[i])
            if what == "end":
                self.ended.append((now, now - begun[i]))
                begun[i] = now
            end = {"own": own[i].serve, "rest": storage.serve}.get(what, lambda at, s: at + s)(now, cost)
            heapq.heappush(todo, (end, i))
        counted = [length for at, length in self.ended if at >= first]
        lost = fmean(counted) - 60 * self.minutes if counted else float("nan")
        return Played(len(counted) / (seconds - first), storage.busy / seconds / self.servers, lost)

    def _worker(self, number: int) -> Iterator[tuple[str, float]]:
        """Yield what a worker does, one step after the other, and how long each takes alone."""
        beside = self.workers - 1
        seen = 0
        calls = self.measured.calls
        epochs = [i for i, call in enumerate(calls) if call.name == "set_trial_intermediate_value"]
        begin, epoch, end = calls[: epochs[0]], calls[epochs[0] : epochs[1]], calls[epochs[1] :]
        sign = [next(call for call in calls if call.name == "set_trial_user_attr")]
        reads = [call for call in calls if call.name == "get_all_trials"]
        length = 60 * self.minutes

        def called(each: Sequence[Costs]) -> Iterator[tuple[str, float]]:
            nonlocal seen
            for call in each:
                own = call.own + beside * call.own_beside + (self.lines - seen) * self.measured.line
                seen = self.lines
                yield "own", own
                yield "rest", call.rest + beside * call.rest_beside
                if call.name.startswith(("set_", "create_")):
                    self.lines += 1
                    seen += 1

        yield "away", length * number / self.workers  # they did not begin at once
        while True:
            yield from called(begin)
            if not length:
                yield from called([*epoch, *end])
            else:
                left = SIGN
                for _ in range(EPOCHS):
                    away = length / EPOCHS
                    while away >= left:
                        yield "away", left
                        yield from called(sign)
                        away, left = away - left, SIGN
                    yield "away", away
                    left -= away
                    yield from called([*epoch, *(reads[:1] if self.pruning else [])])
                yield from called(end[1:])
            yield "end", 0.0


def main() -> None:
    """Measure, play, and compare."""
    kinds = sys.argv[1:] or ["journal", "postgresql"]
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            if kind == "journal":
                report(kind, 1, lambda name: f"{folder}/{name}.log", 50)
                continue
            with server() as one, server() as two, server() as three, server() as four:
                urls = {"alone": one, "beside": two, "10": three, "50": four}
                report(kind, 1, urls.__getitem__, 50)


def report(kind: str, servers: int, place: Callable[[str], str], most: int) -> None:
    """Print what was measured and played for a storage."""
    found = measured(place("alone"), place("beside"))
    own, rest = (1000 * sum(getattr(call, name) for call in found.calls) for name in ("own", "rest"))
    grows = [1000 * sum(getattr(c, name) for c in found.calls) for name in ("own_beside", "rest_beside")]
    said = f"{own:.0f} ms of the worker and {rest:.0f} ms of the storage"
    more = f"each running trial adds {grows[0]:.2f} and {grows[1]:.2f} ms; a line {1e6 * found.line:.0f} us"
    print(f"{kind}: {len(found.calls)} calls a trial, {said}; {more}", flush=True)
    for workers in (10, most):
        played = Play(found, workers, servers).run(120.0, 20.0)
        trials = 2 * workers
        rate = trials / at_once(place(str(workers)), workers, trials)
        print(f"{kind}: {workers} at once: played {played.rate:.2f}, measured {rate:.2f}", flush=True)
    for pruning in (False, True):
        seconds = 60 * MINUTES
        play = Play(found, MANY, servers, together=False, minutes=MINUTES, pruning=pruning)
        said = f"{MANY:,} workers, {'with' if pruning else 'without'} pruning"
        print(f"{kind}: {said}: {play.run(4 * seconds, 2 * seconds)} lost", flush=True)


if __name__ == "__main__":
    main()
