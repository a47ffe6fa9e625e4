"""Measure the check of a layer in a running process, and whether it takes as long among many layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median, quantiles
from time import process_time

from timing import Row

from seqtopo.report.analyse import analyse, linted, report_on

SPECS: dict[str, Callable[[int], str]] = {
    "a chain written out": lambda n: "in(T,8)" + " -> lstm(8,seq)" * n,
    "copies": lambda n: f"in(T,8) -> lstm(8,seq) * {n}",
    "residual blocks": lambda n: f"in(T,8) -> res(conv1d(8,3,same) -> relu) * {n // 3}",
    "branches": lambda n: "in(T,8) -> [" + ", ".join(["lstm(8,seq)"] * n) + "] -> concat",
}
ROUNDS = 5


def measure() -> Iterator[Row]:
    """Time reading and shapes alone, the whole check with its lints, and a layer among many."""

    def read(text: str) -> None:
        assert analyse(text).ok

    def whole(text: str) -> None:
        assert report_on(linted(analyse(text))).ok

    for name, spec in SPECS.items():
        # No bound: a time says more about the machine than about us. The next row compares.
        for what, work in (("read, with shapes", read), ("checked, with lints", whole)):
            few = _seconds(work, spec(1000), ROUNDS)
            each = [taken / 1000 * 1e6 for taken in few]
            low, _, high = quantiles(each, n=4)
            row = Row(name, what, "", median(each), low, high, ROUNDS, unit="microseconds a layer")
            yield replace(row, headline=(name, work) == ("a chain written out", whole))
        many = _seconds(whole, spec(50_000), 1)[0] / 50
        among = [many / taken for taken in few]
        low, _, high = quantiles(among, n=4)
        yield Row(name, "a layer among 50,000", "one among 1,000", median(among), low, high, ROUNDS, most=1.5)


def _seconds(work: Callable[[str], None], text: str, rounds: int) -> list[float]:
    work(text)
    taken = []
    for _ in range(rounds):
        start = process_time()
        work(text)
        taken.append(process_time() - start)
    return taken
