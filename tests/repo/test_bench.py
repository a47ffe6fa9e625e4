"""The reports of ``ci/bench`` on its times; no test asserts the times themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCH = Path(__file__).resolve().parents[2] / "ci" / "bench"


@pytest.fixture(scope="module")
def bench() -> SimpleNamespace:
    sys.path.insert(0, str(BENCH))
    try:
        import picture
        import results
        import timing
    finally:
        sys.path.remove(str(BENCH))
    return SimpleNamespace(picture=picture, results=results, timing=timing)


def test_tasks_are_timed_by_turns(bench: SimpleNamespace) -> None:
    order: list[str] = []
    tasks = {name: (lambda name=name: order.append(name)) for name in "ab"}
    times = bench.timing.by_turns(tasks, 3, warm_up=True)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert {name: len(each) for name, each in times.items()} == {"a": 3, "b": 3}


def test_a_row_is_the_median_of_the_ratios_of_each_round(bench: SimpleNamespace) -> None:
    # The second round ran while something else did: both took long, their ratio stays.
    times = {"a": [1.0, 10.0, 4.0], "b": [2.0, 20.0, 2.0]}
    row = bench.timing.row("work", times, "a", "b", most=0.6)
    assert (row.ratio, row.low, row.high, row.met) == (0.5, 0.5, 1.25, True)
    assert not bench.timing.row("work", times, "b", "a", most=0.6).met
    assert bench.results.line(row) == ("work: a takes 0.50 (0.50 to 1.25) of b; at most 0.60 is wanted")


def test_the_pages_show_what_was_measured_last(bench: SimpleNamespace) -> None:
    kept = bench.results.read()
    text = bench.results.CHAPTER.read_text(encoding="utf-8")
    readme = bench.results.README.read_text(encoding="utf-8")
    assert kept
    assert bench.results.with_table(text, kept) == text
    assert bench.results.with_claim(readme, kept) == readme
    assert bench.results.page(kept) == bench.results.PAGE.read_text(encoding="utf-8")
    assert bench.picture.draw(kept) == bench.results.PICTURE.read_text(encoding="utf-8")


def test_a_page_that_shows_something_else_would_be_noticed(bench: SimpleNamespace) -> None:
    kept = [{**each, "ratio": each["ratio"] + 1, "headline": True} for each in bench.results.read()]
    text = bench.results.CHAPTER.read_text(encoding="utf-8")
    readme = bench.results.README.read_text(encoding="utf-8")
    assert bench.results.with_table(text, kept) != text
    assert bench.results.with_claim(readme, kept) != readme
    with pytest.raises(ValueError, match=r"no place for what was measured"):
        bench.results.with_table("nothing", kept)
    with pytest.raises(ValueError, match=r"was not measured against both"):
        bench.results.with_claim(readme, [])
