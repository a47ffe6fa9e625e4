"""Simulate the workers of a study on its storage, from the measured cost of each call.

``python -m tests.support.search_queue``: plays 50 workers whose trials answer at once, which were measured
too, and then up to 2,000 workers whose trials take minutes. ``examples/scale/search.md`` has the figures.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

WRITES, EPOCHS, READS, LAST_WRITES = 10, 2, 3, 4
"""The calls of a measured trial: writes at its begin, one for each epoch, reads, and writes at its end."""
SHARE = 0.43
"""The share of a core that the 50 measured threads had, as the system counted it, on both storages."""
MINUTES, MANY_EPOCHS, SIGN = 5.0, 20, 20.0
"""The length and the epochs of a trial of a large study; the seconds between two signs of life."""


class Costs(NamedTuple):
    """The measured costs of a storage, in seconds.

    ``own``: a trial alone, of the worker's processor; ``other``: what each other worker adds to it, since its
    trials are read. ``read``: what a running trial adds to one more read. ``server`` and ``server_read``: a
    call, and what a running trial adds to a read, of the database's processors. ``write``: of the disk.
    """

    name: str
    own: float
    other: float
    read: float
    server: float
    server_read: float
    write: float


JOURNAL = Costs("journal", 0.025, 0.0029, 0.0, 0.0, 0.0, 0.00425)
POSTGRESQL = Costs("PostgreSQL", 0.20, 0.0084, 0.0003, 0.0015, 0.00002, 0.0068)
"""From one worker and from 50; those of the server from a trial beside 40 running ones. A write of PostgreSQL
is 1.6 commits, and each waits for the disk as a line of the journal does."""


class Queue:
    """Servers that take one request after the other, in the order of their times."""

    def __init__(self, servers: int, speed: float = 1.0) -> None:
        self.free = [0.0] * servers
        self.speed = speed
        self.busy = 0.0

    def serve(self, at: float, seconds: float) -> float:
        """Return the time at which a request that comes at a time is served."""
        took = seconds / self.speed
        end = max(at, heapq.heappop(self.free)) + took
        heapq.heappush(self.free, end)
        self.busy += took / len(self.free)
        return end


class Played(NamedTuple):
    """The result: trials a second, the busy shares of disk and server, the seconds that a trial loses."""

    rate: float
    disk: float
    server: float
    lost: float


@dataclass
class Play:
    """Workers on one storage.

    Those ``together`` are threads of one process, which share its processor; others have one of their own. A
    trial trains for ``minutes``; with ``pruning`` each epoch reads all running trials. The database has
    ``cores``.
    """

    costs: Costs
    workers: int
    together: bool = False
    minutes: float = MINUTES
    pruning: bool = False
    cores: int = 4
    ended: list[tuple[float, float]] = field(default_factory=list)

    def run(self, seconds: float) -> Played:
        """Play so many seconds, the first half of which only fills the queues."""
        shared = Queue(1, SHARE)
        queues = {"disk": Queue(1), "server": Queue(self.cores)}
        own = [shared if self.together else Queue(1) for _ in range(self.workers)]
        steps = [self._steps(number) for number in range(self.workers)]
        begun = [0.0] * self.workers
        todo = [(0.0, number) for number in range(self.workers)]
        while todo[0][0] < seconds:
            now, number = heapq.heappop(todo)
            kind, cost = next(steps[number])
            if kind == "end":
                self.ended.append((now, now - begun[number]))
                begun[number] = now
            if kind == "own":
                now = own[number].serve(now, cost)
            elif kind in queues:
                now = queues[kind].serve(now, cost)
            else:
                now += cost
            heapq.heappush(todo, (now, number))
        lengths = [length for at, length in self.ended if at > seconds / 2]
        busy = (queues["disk"].busy / seconds, queues["server"].busy / seconds)
        return Played(2 * len(lengths) / seconds, *busy, fmean(lengths) - 60 * self.minutes)

    def _steps(self, number: int) -> Iterator[tuple[str, float]]:
        """Yield what a worker does, one step after the other, and how long each takes alone."""
        costs, others = self.costs, self.workers - 1
        length = 60 * self.minutes
        alone = costs.own / (WRITES + EPOCHS + READS + LAST_WRITES + 1)

        def write() -> Iterator[tuple[str, float]]:
            yield "own", alone
            yield "server", costs.server
            yield "disk", costs.write

        def read() -> Iterator[tuple[str, float]]:
            yield "own", alone + others * costs.other / (READS + 1)
            yield "server", costs.server + others * costs.server_read

        yield "away", length * number / self.workers  # they did not begin at once
        while True:
            for _ in range(WRITES):
                yield from write()
            for _ in range(READS):
                yield from read()
            epochs = MANY_EPOCHS if length else EPOCHS
            left = SIGN
            for _ in range(epochs):
                away = length / epochs
                while away >= left:
                    yield "away", left
                    yield from write()
                    away, left = away - left, SIGN
                yield "away", away
                left -= away
                yield from write()
                if self.pruning:
                    yield "own", alone + others * costs.read
                    yield "server", costs.server + others * costs.server_read
            for _ in range(LAST_WRITES):
                yield from write()
            yield from read()
            yield "end", 0.0


def at_once(costs: Costs, workers: int) -> float:
    """Return the trials a second of threads of one process whose trials train nothing."""
    return Play(costs, workers, together=True, minutes=0.0).run(400.0).rate


def main() -> None:
    """Play, and print a line for each case."""
    for costs in (JOURNAL, POSTGRESQL):
        print(f"{costs.name}: 50 workers that answer at once: {at_once(costs, 50):.2f} trials a second")
        for workers in (100, 300, 1000, 2000):
            for pruning in (False, True):
                found = Play(costs, workers, pruning=pruning).run(4 * 60 * MINUTES)
                said = f"{costs.name}: {workers:,} workers, {'with' if pruning else 'without'} pruning"
                busy = f"disk {found.disk:.0%} and server {found.server:.0%} busy"
                print(f"{said}: {found.rate:.2f} trials a second, {busy}, {found.lost:.1f} s a trial lost")


if __name__ == "__main__":
    main()
