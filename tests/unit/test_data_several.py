"""Several series side by side: cut together, each by itself, and rows of a batch stay rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtopo.data.cut_options import CutOptions
from seqtopo.data.cutting import Pieces, Wanted, Windows
from seqtopo.data.sequences import split
from seqtopo.data.series import read_series
from seqtopo.data.spec_cutting import cut_for
from seqtopo.diag.error import SpecError

lengths = st.lists(st.integers(1, 20), min_size=2, max_size=4)


def tanks(sizes: list[int], features: int = 1) -> list[np.ndarray[Any, Any]]:
    """Series whose numbers say which one they are of: 1000, 1001, ...; 2000, 2001, ..."""
    return [
        np.repeat(1000.0 * (i + 1) + np.arange(size), features).reshape(size, features)
        for i, size in enumerate(sizes)
    ]


def all_of(cut: Windows | Pieces) -> list[tuple[np.ndarray[Any, Any], ...]]:
    return [cut[i] for i in range(len(cut))]


@given(lengths, st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_fault_f3_windows_are_those_of_each_series(
    sizes: list[int], steps: int, horizon: int, stride: int, shuffle: bool
) -> None:
    each = tanks(sizes)
    want = Wanted("ahead", horizon, None, True)
    if max(sizes) < steps + horizon:
        with pytest.raises(SpecError) as caught:
            Windows(read_series(each), steps, want, stride)
        assert "the longest of" in caught.value.diagnostics[0].message
        return
    found = Windows(read_series(each), steps, want, stride, 4, shuffle)
    alone = [Windows(read_series(a), steps, want, stride) for a in each if len(a) >= steps + horizon]
    for place in (0, 1):
        one = np.concatenate([batch[place] for batch in all_of(found)])
        apart = np.concatenate([b[place] for cut in alone for b in all_of(cut)])
        order = np.argsort(one[:, 0, 0]) if shuffle else slice(None)
        np.testing.assert_array_equal(one[order], apart)


@given(lengths, st.integers(1, 4), st.sampled_from(["drop", "pad"]), st.sampled_from(["ahead", "next"]))
def test_fault_f3_pieces_keep_a_row_for_each_series(
    sizes: list[int], steps: int, remainder: Any, answers: Any
) -> None:
    each, rows = tanks(sizes), len(sizes)
    want = Wanted(answers, 1, None, True)
    needed = max(sizes) if remainder == "pad" else min(sizes)
    if needed < steps + 1:
        with pytest.raises(SpecError):
            Pieces(read_series(each), steps, want, rows, remainder)
        return
    batches = all_of(Pieces(read_series(each), steps, want, rows, remainder))
    for row, array in enumerate(each):
        x = np.concatenate([batch[0][row] for batch in batches])
        y = np.concatenate([batch[1][row] for batch in batches])
        there = min(len(x), len(array))
        np.testing.assert_array_equal(x[:there], array[:there])
        assert not x[there:].any()
        assert set(np.unique(y // 1000)) <= {0.0, float(row + 1)}
        if remainder == "pad":
            weights = np.concatenate([batch[2][row] for batch in batches])
            np.testing.assert_array_equal(weights.astype(bool), y[:, 0] > 0)
            told = len(array) - 1 if answers == "next" else (len(array) - 1) // steps
            assert weights.sum() == told
        else:
            assert len(x) == (min(sizes) - 1) // steps * steps


def test_fault_f3_arrays_lists_dicts_and_files_are_read(tmp_path: Path) -> None:
    whole = np.arange(24.0).reshape(2, 6, 2)
    np.save(tmp_path / "tanks.npy", whole)
    for given_ in (
        whole,
        list(whole),
        {"a": whole[0], "b": whole[1]},
        tmp_path / "tanks.npy",
        whole.tolist(),
    ):
        read = read_series(given_)
        assert (read.lengths, read.steps, read.features) == ((6, 6), 12, 2)
        np.testing.assert_array_equal(read.array, whole.reshape(12, 2))
    ids = read_series([np.arange(5), np.arange(3)], ids=True)
    assert (ids.lengths, ids.is_ids) == ((5, 3), True)
    assert read_series(np.zeros((3, 4))).lengths == ()


def test_fault_f3_a_column_names_the_series(tmp_path: Path) -> None:
    path = tmp_path / "shops.csv"
    path.write_text("day,shop,sold\n1,oak,10\n1,elm,20\n2,oak,11\n2,elm,21\n3,oak,12\n", encoding="utf-8")
    read = read_series(path, by="shop")
    assert (read.lengths, read.columns) == ((3, 2), ("day", "sold"))
    assert read.array[:, 1].tolist() == [10, 11, 12, 20, 21]
    with pytest.raises(SpecError) as caught:
        read_series(path, by="store")
    assert caught.value.diagnostics[0].code in ("ST723", "ST728")
    plain = tmp_path / "plain.csv"
    plain.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_series(plain, by="shop")
    assert "no column shop" in caught.value.diagnostics[0].message


@pytest.mark.parametrize("spec", ["in(4,1) -> lstm(3) -> dense(1)", "in(T,1) -> lstm(3,seq) -> dense(1)"])
def test_fault_f3_for_a_spec(spec: str) -> None:
    cut, _ = cut_for(spec, tanks([9, 6, 2]), CutOptions(steps=4), {})
    x, y = cut[0][:2]
    assert isinstance(cut, Windows)
    assert cut.count == 5 + 2
    assert "of 3 series; 1 series too short for one" in str(cut)
    assert (x[:, 0, 0] // 1000).tolist() == [1] * 5 + [2] * 2
    assert (y.reshape(len(y), -1)[:, -1] // 1000).tolist() == [1] * 5 + [2] * 2


def test_fault_f3_a_stateful_spec_reads_a_series_in_each_row() -> None:
    spec = "in(2,1,batch=3) -> lstm(4,stateful) -> dense(1)"
    cut, _ = cut_for(spec, tanks([9, 7, 8]), CutOptions(), {})
    assert isinstance(cut, Pieces)
    firsts = [batch[0][:, 0, 0].tolist() for batch in all_of(cut)]
    assert firsts[:2] == [[1000, 2000, 3000], [1002, 2002, 3002]]
    with pytest.raises(SpecError) as caught:
        cut_for(spec.replace("batch=3", "batch=2"), tanks([9, 7, 8]), CutOptions(), {})
    assert "3 series side by side" in caught.value.diagnostics[0].message
    assert "batch=3" in caught.value.diagnostics[0].help


def test_fault_f3_each_end_is_held_out() -> None:
    train, test = split(tanks([10, 5]), 0.2)
    assert (train.lengths, test.lengths) == ((8, 4), (2, 1))
    assert test.array[:, 0].tolist() == [1008, 1009, 2004]
    assert read_series(tanks([10, 5])).last([2, 1], 3).array[:, 0].tolist() == [
        *range(1005, 1010),
        *range(2001, 2005),
    ]


def test_fault_f3_series_of_other_features_are_refused() -> None:
    with pytest.raises(SpecError) as caught:
        read_series([np.zeros((5, 2)), np.zeros((5, 3))])
    assert "has 2 features" in caught.value.diagnostics[0].message
