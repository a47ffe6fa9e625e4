"""A search refuses much before anything trains; many workers on a storage are simulated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from optuna.storages import InMemoryStorage

from seqtopo.diag.error import SpecError
from seqtopo.report.analyse import analyse
from seqtopo.searching import sampling
from seqtopo.searching.setting_up import Options, set_up
from tests.support import search_queue

ROOT = Path(__file__).parents[2]


def _data(folder: Path) -> Path:
    data = folder / "t.csv"
    data.write_text("a\n" + "".join(f"{i % 7}\n" for i in range(80)))
    return data


def test_a_grid_is_whole_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "search A in [1..40], B in [1..40]\nin(4,1) -> dense(A) -> dense(B) -> flatten -> dense(1)\n"
    monkeypatch.setattr(sampling, "MOST_MADE", 50)  # bounds other samplers
    found = set_up(analyse(text), Options(_data(tmp_path), sampler="grid"), {})
    found.join(InMemoryStorage(), "s")
    assert found.sampler is not None
    assert len(found.sampler.allowed) == 1600
    monkeypatch.setattr(sampling, "MOST_IN_GRID", 1599)
    storage = InMemoryStorage()
    with pytest.raises(SpecError, match="too large for a grid"):
        found.join(storage, "s")
    assert storage.get_all_studies() == []


def test_a_searched_loss_is_refused(tmp_path: Path) -> None:
    text = "search L in [mse, mae], U in [2..3], O in [adam, sgd]\nin(4,1) -> lstm(U) -> dense(1)\n"
    text += "train O(0.01), loss=L\n"
    options = Options(_data(tmp_path))
    with pytest.raises(SpecError, match="L decides the loss, so the losses of trials could not be compared"):
        set_up(analyse(text), options, {})
    bound = {"L": "mae"}
    assert set_up(analyse(text, bound), options, bound).space.points == 4


def test_a_space_of_which_the_data_do_not_do_for_a_choice_is_refused(tmp_path: Path) -> None:
    data = _data(tmp_path)  # of 80 steps; a trial trains on 51 and is scored on 13
    for text, more, said in (
        ("search H in [1..3]\nin(8,1) -> lstm(4) -> dense(H)", {}, "H decides what is predicted"),
        ("search T in [4..70]\nin(T,1) -> lstm(4) -> dense(1)", {}, "with T=70: "),
        ("search U in [2..4]\nin(8,1) -> lstm(U) -> dense(1)", {"folds": 300}, "too few data for 300 folds"),
        ("search U in [2..4]\nin(40,1) -> lstm(U) -> dense(1)", {"folds": 5}, "with 5 folds: "),
    ):
        with pytest.raises(SpecError, match=said):
            set_up(analyse(text), Options(data, **more), {})
    text = "search T in [4..9], U in [2..3]\nin(T,1) -> lstm(U) -> dense(1)"
    assert set_up(analyse(text), Options(data, folds=3), {}).space.points == 12


def test_the_simulated_workers_are_as_fast_as_the_measured_ones() -> None:
    page = (ROOT / "examples/scale/search.md").read_text(encoding="utf-8")
    for costs, kind in ((search_queue.JOURNAL, "journal"), (search_queue.POSTGRESQL, "PostgreSQL 15")):
        (measured,) = re.findall(rf"\| {kind} \| 50 \| ([\d.]+) \|", page)
        assert search_queue.at_once(costs, 50) == pytest.approx(float(measured), rel=0.1)
