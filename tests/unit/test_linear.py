"""A check of twice as many layers does twice as much, in calls and in memory; no clock is asked."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest

from seqtopo.api import check
from seqtopo.diag.renderers.text import render_text
from seqtopo.report.report import shape_table

SPECS: dict[str, Callable[[int], str]] = {
    "a chain": lambda n: "in(T,8)" + " -> lstm(8,seq)" * n,
    "copies": lambda n: f"in(T,8) -> lstm(8,seq) * {n}",
    "a loop": lambda n: f"in(T,8) -> conv1d(8,3,same,dilation_rate=d) for d in [1..{n}]",
    "lines": lambda n: "\n".join(["x0 = in(T,8)", *(f"x{i + 1} = x{i} -> lstm(8,seq)" for i in range(n))]),
    "branches": lambda n: "in(T,8) -> [" + ", ".join(["lstm(8,seq)"] * n) + "] -> concat",
    "inputs": lambda n: "[" + ", ".join(["in(8)"] * n) + "] -> concat -> dense(2)",
    "outputs": lambda n: "a = in(T,8)\n[" + ", ".join(["a -> lstm(8)"] * n) + "]",
    "residual blocks": lambda n: f"in(T,8) -> res(conv1d(8,3,same) -> relu) * {n}",
    "layers of different widths": lambda n: "in(8)" + "".join(f" -> dense({i + 1})" for i in range(n)),
    "mistakes": lambda n: "\n".join(f"a{i} = in(T,8) -> lstm(8) -> lstm(8)" for i in range(n)),
}
SMALL = 60
"""The number of layers that is doubled, twice."""


def checked(text: str) -> None:
    """All that the command does: reads, checks, looks for what was hardly meant, and shows it."""
    report = check(text)
    render_text(report.diagnostics)
    if report.ok:
        shape_table(report, 100)


def calls(work: Callable[[], object]) -> int:
    """Count the calls of our functions and of Python's."""
    count = 0

    def watch(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def peak(work: Callable[[], object]) -> int:
    """The most memory that is held at a time, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def growth(work: Callable[[int], object]) -> float:
    """Return the growth in calls from 2n to 4n, divided by that from n to 2n: 2 for linear time."""
    one, two, four = (calls(partial(work, n)) for n in (SMALL, 2 * SMALL, 4 * SMALL))
    return (four - two) / (two - one)


@pytest.mark.parametrize("kind", SPECS)
def test_calls_grow_as_layers_do(kind: str) -> None:
    checked(SPECS[kind](2))
    assert growth(lambda n: checked(SPECS[kind](n))) < 2.2


def held_by_a_layer(work: Callable[[int], object]) -> float:
    """Return the memory of a layer among 800, divided by that among 100."""
    few, many = (peak(partial(work, n)) / n for n in (100, 800))
    return many / few


@pytest.mark.parametrize("kind", ["copies", "lines", "branches", "layers of different widths"])
def test_memory_grows_as_layers_do(kind: str) -> None:
    checked(SPECS[kind](2))
    assert held_by_a_layer(lambda n: checked(SPECS[kind](n))) < 1.7


def test_what_grows_faster_is_noticed() -> None:
    assert growth(lambda n: [[abs(i) for i in range(n)] for _ in range(n)]) > 3.9
    assert held_by_a_layer(lambda n: [[0] * n for _ in range(n)]) > 4


@pytest.mark.parametrize("kind", ["a chain", "copies", "a loop", "lines", "branches", "residual blocks"])
def test_layers_that_are_alike_are_worked_out_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a deep model costs as much for each layer as for the first."""
    from seqtopo.layers.row import Row

    asked: list[str] = []
    outcome = Row.outcome
    monkeypatch.setattr(Row, "outcome", lambda row, *given: asked.append(row.name) or outcome(row, *given))
    assert check(SPECS[kind](50)).ok
    assert len(asked) <= (50 if kind == "a loop" else 3)
