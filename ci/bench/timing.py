"""Time tasks by turns, so that other work on the machine affects all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

Task = Callable[[], object]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """The ratio of the times of ``a`` and ``b``: its median over the rounds, and its quartiles.

    ``what`` names the work, such as ``LSTM(64), T=200, fit``; ``most`` is the largest wanted ratio. ``unit``
    is "times" for a ratio; a row may also have another number, such as microseconds for a layer. The README
    shows the rows that are a ``headline``.
    """

    what: str
    a: str
    b: str
    ratio: float
    low: float
    high: float
    rounds: int
    most: float | None = None
    backend: str = ""
    unit: str = "times"
    headline: bool = False

    @property
    def met(self) -> bool | None:
        """True if the ratio is as wanted, None if nothing is wanted."""
        return None if self.most is None else self.ratio <= self.most


def by_turns(tasks: Mapping[str, Task], rounds: int, warm_up: bool = False) -> dict[str, list[float]]:
    """Return the times of each task in seconds; each runs once a round, and the order alternates."""
    if warm_up:
        for task in tasks.values():
            task()
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds):
        for name in list(tasks)[:: 1 if turn % 2 else -1]:
            start = perf_counter()
            tasks[name]()
            taken[name].append(perf_counter() - start)
    return taken


def row(
    what: str,
    times: Mapping[str, list[float]],
    a: str,
    b: str,
    most: float | None = None,
    backend: str = "",
    headline: bool = False,
) -> Row:
    """Return the row of two tasks that were timed by turns."""
    ratios = [x / y for x, y in zip(times[a], times[b], strict=True)]
    low, _, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else [ratios[0]] * 3
    return Row(what, a, b, median(ratios), low, high, len(ratios), most, backend, headline=headline)


def compare(
    what: str,
    tasks: Mapping[str, Task],
    pairs: Mapping[Pair, float | None],
    rounds: int,
    backend: str = "",
    warm_up: bool = True,
    headlines: Collection[Pair] = (),
) -> Iterator[Row]:
    """Time tasks by turns, and yield the rows of ``pairs``: (a, b) with the largest wanted ratio, or None.

    Those that are among ``headlines`` are for the README.
    """
    times = by_turns(tasks, rounds, warm_up)
    for (a, b), most in pairs.items():
        yield row(what, times, a, b, most, backend, headline=(a, b) in headlines)
