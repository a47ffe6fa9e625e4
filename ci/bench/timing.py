"""Times by turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter


def by_turns(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each task in seconds, each run once a round."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            start = perf_counter()
            task()
            taken[name].append(perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


def ratio(times: Mapping[str, float], a: str, b: str) -> str:
    """How many times as long ``a`` takes as ``b``, in words."""
    return f"{a} takes {times[a] / times[b]:.2f} times as long as {b}"
