"""Series cut into windows and pieces, by NumPy alone: each is the plain slice, and nothing is lost unsaid."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtopo.data.cut_options import CutOptions
from seqtopo.data.cutting import Pieces, Wanted, Windows, shuffled
from seqtopo.data.sequences import split
from seqtopo.data.series import read_series
from seqtopo.data.spec_cutting import cut_for
from seqtopo.data.tables import read_table
from seqtopo.diag.error import SpecError

small = st.integers(1, 7)
wanted = st.builds(
    Wanted, st.sampled_from(["ahead", "next", "same"]), small, st.none() | st.just((0,)), st.booleans()
)


def series(steps: int, features: int = 2) -> np.ndarray[Any, Any]:
    return np.arange(steps * features, dtype="float64").reshape(steps, features)


def answer(array: np.ndarray[Any, Any], start: int, steps: int, want: Wanted) -> np.ndarray[Any, Any]:
    """Return the targets of the window that starts there, by plain slices."""
    columns = list(want.columns) if want.columns is not None else slice(None)
    if want.answers == "same":
        return array[start : start + steps, columns]
    if want.answers == "next":
        return array[start + 1 : start + steps + 1, columns]
    ahead = array[start + steps : start + steps + want.horizon, columns]
    return ahead if want.time_axis else ahead.reshape(-1)


def refused(code: str, words: str, run: Any) -> None:
    with pytest.raises(SpecError) as caught:
        run()
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert words in found.message
    assert found.help or found.fixes


@given(st.integers(1, 40), small, wanted, small, small, st.booleans(), st.integers(0, 3))
def test_every_window_is_the_plain_slice(
    length: int, steps: int, want: Wanted, stride: int, batch: int, shuffle: bool, epoch: int
) -> None:
    array = series(length)
    starts = [s for s in range(0, length, stride) if s + steps + want.beyond <= length]
    if not starts:
        refused("ST724", "need", lambda: Windows(read_series(array), steps, want))
        return
    cut = Windows(read_series(array), steps, want, stride, batch, shuffle, 5, "keep", epoch)
    batches = [cut[i] for i in range(len(cut))]
    x, y = (np.concatenate(side) for side in zip(*batches, strict=True))
    order = [int(window[0, 0]) // 2 for window in x]
    assert starts == (sorted(order) if shuffle else order)
    for start, window, told in zip(order, x, y, strict=True):
        np.testing.assert_array_equal(window, array[start : start + steps])
        np.testing.assert_array_equal(told, answer(array, start, steps, want))
    assert {len(one) for one, _ in batches[:-1]} <= {batch}


@given(st.integers(1, 60), small, wanted, small, st.sampled_from(["drop", "pad"]))
def test_pieces_one_after_the_other_give_the_series_back(
    length: int, steps: int, want: Wanted, rows: int, remainder: Any
) -> None:
    array = series(length)
    needs = steps * (1 if remainder == "pad" else rows) + want.beyond
    if length < needs:
        refused("ST724", "need", lambda: Pieces(read_series(array), steps, want, rows, remainder))
        return
    cut = Pieces(read_series(array), steps, want, rows, remainder)
    batches = [cut[i] for i in range(len(cut))]
    whole = np.concatenate([np.concatenate([b[0][row] for b in batches]) for row in range(rows)])
    usable = length - want.beyond
    if remainder == "drop":
        np.testing.assert_array_equal(whole, array[: usable - cut.dropped])
        assert cut.dropped < steps * rows
    else:
        np.testing.assert_array_equal(whole[:length], array[: len(whole)])
        assert not whole[length:].any()
        assert cut.dropped == 0
    for k, batch in enumerate(batches):
        for row in range(rows):
            start = row * cut.row + k * steps
            true = answer(array, start, steps, want)
            if remainder == "drop":
                np.testing.assert_array_equal(batch[1][row], true)
                continue
            weights = batch[2][row]
            if weights.all():
                np.testing.assert_array_equal(batch[1][row], true)
            if weights.ndim:
                assert weights.sum() == len(true)
            else:
                assert bool(weights) == (start + steps + want.beyond <= length)


def test_a_shifted_window_would_be_noticed() -> None:
    array = series(9)
    cut = Windows(read_series(array[1:]), 3, Wanted())
    assert (cut[0][0][0] != array[:3]).any()


@given(st.integers(1, 3000), st.integers(0, 9), st.integers(0, 9))
def test_an_order_has_each_number_once(count: int, seed: int, epoch: int) -> None:
    found = shuffled(np.arange(count), count, seed, epoch)
    assert np.array_equal(np.sort(found), np.arange(count))
    if count > 50:
        assert (found != np.arange(count)).any()
        assert (found != shuffled(np.arange(count), count, seed, epoch + 1)).any()


def test_an_order_mixes_well() -> None:
    found = shuffled(np.arange(10_000), 10_000, 0, 0)
    assert abs(np.corrcoef(found, np.arange(10_000))[0, 1]) < 0.05
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.05


def test_a_file_larger_than_memory_is_cut_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    made = np.lib.format.open_memmap(path, "w+", "float32", (2**26, 8))  # 2 GB, sparse: no block is written
    made[-1] = 7
    del made
    tracemalloc.start()
    # The first numbers are looked at at once, the others as they are cut; here the latter alone.
    read = read_series(np.load(path, mmap_mode="r")[2**26 - 2**20 :])
    whole = Windows(read_series(np.load(path, mmap_mode="r")[: 2**20]), 24, Wanted())
    cut = Windows(read, 24, Wanted(), shuffle=True)
    assert cut[5][0].shape == (32, 24, 8)
    assert Windows(read, 24, Wanted())[len(cut) - 1][1][-1].tolist() == [7] * 8
    assert len(whole) == len(cut) == 2**20 // 32
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_what_was_not_looked_at_is_looked_at_when_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtopo.data import series as module

    array = series(5000, 1)
    array[4000] = np.nan
    monkeypatch.setattr(module, "MOST", 100)
    monkeypatch.setattr(module, "PIECE", 50)
    cut = Windows(read_series(array), 10, Wanted(), batch_size=100)
    cut[0]
    refused("ST725", "NaN at step 4000", lambda: cut[39])


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (np.zeros((2, 3, 4, 5)), "ST723", "two axes"),
        (np.zeros((0, 2)), "ST723", "no steps"),
        (np.float64(3), "ST723", "no steps"),
        (np.array(["a", "b"]), "ST715", "texts"),
        (np.array([1, None], dtype=object), "ST715", "Python objects"),
        (np.zeros(9, dtype="datetime64[D]"), "ST715", "dates"),
        (np.array([0.0, np.nan, np.inf]), "ST725", "NaN at step 1 (counted from 0)"),
        (np.array([[0.0, 1.0], [0.0, np.inf]]), "ST725", "infinite number at step 1, in feature 1"),
        ([[1, 2], [3]], "ST723", "not an array"),
        ("missing.npy", "ST710", "cannot be read"),
    ],
)
def test_what_is_no_series_is_told(given: Any, code: str, words: str) -> None:
    refused(code, words, lambda: read_series(given))


def test_one_axis_is_one_feature_or_ids() -> None:
    assert read_series([1.0, 2.0]).array.shape == (2, 1)
    assert read_series(np.arange(4), ids=True).take(np.array([1, 2])).dtype == "int32"
    refused("ST723", "one for each step", lambda: read_series(np.zeros((4, 2), int), ids=True))
    refused("ST715", "floats", lambda: read_series(np.zeros(4), ids=True))


def test_the_parts_of_a_split_share_no_step() -> None:
    early, late = split(series(10), 0.25)
    assert early.steps + late.steps == 10
    assert early.array.base is late.array.base
    last = Windows(early, 3, Wanted())[0][1].max()
    assert last < late.array.min()
    for wrong in (0, 1.0, -0.1, 10, True):
        with pytest.raises(ValueError, match="share to hold out"):
            split(series(10), wrong)


def cut(spec: str, data: Any, **more: Any) -> Any:
    return cut_for(spec, data, CutOptions(**more), {})[0]


@pytest.mark.parametrize(
    ("spec", "x", "y"),
    [
        ("in(6,F) -> lstm(4) -> dense(F)", (32, 6, 3), (32, 3)),
        ("in(6,F) -> lstm(4,seq) -> dense(F)", (32, 6, 3), (32, 6, 3)),
        ("in(6,F) -> lstm(4) -> repeat(5) -> lstm(4,seq) -> dense(F)", (32, 6, 3), (32, 5, 3)),
        ("in(6,F,batch=4) -> lstm(4,stateful) -> dense(F)", (4, 6, 3), (4, 3)),
        ("in(6,F,batch=4) -> lstm(4) -> dense(F)", (4, 6, 3), (4, 3)),
    ],
)
def test_the_spec_says_how_it_is_cut(spec: str, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    found = cut(spec, series(100, 3))
    assert [side.shape for side in found[0]] == [x, y]
    assert isinstance(found, Pieces) == ("stateful" in spec)


def test_one_feature_and_several_numbers_are_steps_ahead() -> None:
    x, y = cut("in(6,1) -> lstm(4) -> dense(3)", np.arange(50.0))[0]
    assert y[0].tolist() == [6, 7, 8]
    assert x.shape == (32, 6, 1)


def test_ids_and_the_same_and_one_target() -> None:
    chain = "in(T,int) -> embed(50,4) -> lstm(8,seq) -> dense(50,softmax)"
    x, y = cut(chain, np.arange(100) % 50, steps=7)[0]
    assert (x[:, 1:] == y[:, :-1]).all()
    mirror = "in(6,F) -> lstm(4) -> repeat(6) -> lstm(F,seq)"
    x, y = cut(mirror, series(50), answers="same")[0]
    assert (x == y).all()
    x, y = cut("in(6,F) -> lstm(4) -> dense(1)", series(50), targets=1)[0]
    assert y[:, 0].tolist() == [2 * (i + 6) + 1 for i in range(32)]


@pytest.mark.parametrize(
    ("spec", "more", "code", "words"),
    [
        ("in(24,3) -> lstm(4)", {}, "ST712", "2 features at each step"),
        ("in(24,F) -> lstm(4) -> dense(1)", {}, "ST727", "2 features of the series"),
        ("in(T,F) -> lstm(4) -> dense(F)", {}, "ST727", "any length"),
        ("in(24,F) -> lstm(4) -> dense(F)", {"steps": 12}, "ST727", "12 steps are asked for"),
        ("in(24,F) -> lstm(4) -> dense(F)", {"answers": "next"}, "ST727", "one answer for the whole"),
        (
            "in(24,F) -> lstm(4) -> repeat(6) -> lstm(F,seq)",
            {"answers": "next"},
            "ST727",
            "gives 6 steps for",
        ),
        ("in(24) -> dense(1)", {}, "ST727", "takes (24,)"),
        ("[in(24,2), in(24,2)] -> add", {}, "ST727", "2 inputs"),
        ("in(24,F,batch=2) -> lstm(4,stateful) -> dense(F)", {"stride": 2}, "ST727", "neither overlap"),
        ("in(24,F,batch=2) -> lstm(4) -> dense(F)", {"batch_size": 3}, "ST727", "batch=2"),
        ("in(24,F) -> lstm(4) -> dense(F)", {"targets": "rain"}, "ST723", "no feature rain"),
        ("in(24,F) -> lstm(4) -> dense(F)", {"remainder": "pad"}, "ST727", "not filled up"),
        ("in(7,F,batch=2) -> lstm(4,stateful) -> dense(F)", {"remainder": "error"}, "ST726", "left over"),
        ("in(120,F) -> lstm(4) -> dense(F)", {}, "ST724", "need 121"),
        ("in(24,F) -> lsmt(4)", {}, "ST201", "lsmt"),
        (
            "in(24,F) -> lstm(4) -> repeat(6) -> lstm(F,seq)",
            {"horizon": 5},
            "ST727",
            "the model gives 6",
        ),
    ],
)
def test_what_does_not_fit_a_spec_is_told(spec: str, more: dict[str, Any], code: str, words: str) -> None:
    refused(code, words, lambda: cut(spec, series(100), **more))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("a,b\n1,2\n3\n", "ST728", "line 3: it has 1 fields, but the rows before it have 2"),
        ("a,b\n1,2\n3,x\n", "ST728", "line 3: it has 'x' in column 2 (b), which is not a number"),
        ("a,b\n1,2\n3,\n", "ST728", "line 3: it has nothing in column 2 (b)"),
        ("a;b\n1;2,5\n", "ST728", "'2,5' in column 2 (b)"),
        ("a,b\n1,inf\n", "ST728", "'inf' in column 2 (b)"),
        ("a,b\n1,1_0\n", "ST728", "'1_0' in column 2 (b)"),
        ("a,b\n", "ST728", "no numbers"),
        ("", "ST728", "no numbers"),
        ('a,b\n1,"2\n', "ST710", "cannot be read"),
        # pandas and Excel write a missing value of one column so; at the end it is none.
        ('a\n1\n""\n3\n', "ST728", "line 3: it has nothing in column 1 (a)"),
        ("a\n1\n\n\n3\n", "ST728", "line 3: it has nothing in column 1 (a)"),
        ("a,b\n1,2\n,\n3,4\n,\n", "ST728", "line 3: it has nothing in column 1 (a)"),
        (
            "day,a\n2020-01-03,1\n2020-01-02,2\n",
            "ST728",
            "line 3: it is of 2020-01-02, and the row before it",
        ),
        ("day,a\n14.01.2020,1\n13.02.2020,2\n12.02.2020,2\n", "ST728", "line 4: it is of 12.02.2020"),
        ("day,a\n12/31/2020,1\n12/30/2020,2\n", "ST728", "line 3: it is of 12/30/2020"),
        ("day,a\n2020-01,1\n2019-12,2\n", "ST728", "line 3: it is of 2019-12"),
    ],
)
def test_a_broken_table_is_told_by_line_and_column(text: str, code: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    refused(code, words, lambda: read_table(path))


@pytest.mark.parametrize(
    ("text", "columns", "rows", "notes"),
    [
        ("a,b\n1,2\n,\n\n", ("a", "b"), 1, ()),
        # As pandas writes a table: its row numbers are no feature.
        (",a\n900,5\n901,5\n", ("a",), 2, ("t.csv: column 1 holds the numbers of the rows and is left out",)),
        (",a\n0.5,5\n1.5,6\n", ("column 1", "a"), 2, ()),
        (
            "day,a\n20200101,5\n20200102,6\n",
            ("a",),
            2,
            ("t.csv: the column day holds dates and is left out",),
        ),
        ("day\n20200101\n20200102\n", ("day",), 2, ()),
    ],
)
def test_fault_a_a_column_that_counts_is_no_feature(
    text: str, columns: tuple[str, ...], rows: int, notes: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    found = read_table(path)
    assert (found.columns, len(found.numbers), found.notes) == (columns, rows, notes)


def days(*texts: str) -> str:
    return "day,a\n" + "".join(f"{text},1\n" for text in texts)


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        (
            days(*(f"2020-01-{day:02}" for day in range(1, 31) if day not in (7, 8, 20))),
            "2 gaps in the dates",
        ),
        # Working days, months, a clock that is set back, and dates that may be read in two ways are all fine.
        (days(*(f"2020-01-{day:02}" for day in range(1, 31) if day % 7 not in (4, 5))), ""),
        (days(*(f"2020-{month:02}" for month in range(1, 13))), ""),
        (days("2020-10-25 01:30", "2020-10-25 02:00", "2020-10-25 02:30", "2020-10-25 02:00"), ""),
        (days("01/11/2020", "01/12/2020", "02/01/2020"), ""),
        (days("2020-02-30", "2020-02-01"), ""),
    ],
)
def test_fault_a_gaps_in_the_dates_are_noted(text: str, gaps: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    _, *more = read_table(path).notes
    assert (gaps in " ".join(more)) if gaps else not more


def test_fault_b_numbers_too_large_for_ids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("id\n1\n1e300\n", encoding="utf-8")
    refused("ST715", "ids are whole numbers", lambda: read_series(path, ids=True))


def test_a_table_of_bytes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00")
    refused("ST710", "is not UTF-8", lambda: read_table(path))


def test_a_table_is_read_with_names_and_without_dates(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("day,celsius,wind\r\n2020-01-01,1.5,2\r\n\r\n2020-01-02,-3e0,4\r\n")
    found = read_table(path)
    assert found.columns == ("celsius", "wind")
    assert found.numbers.tolist() == [[1.5, 2.0], [-3.0, 4.0]]
    assert found.notes == ("table.csv: the column day holds dates and is left out",)
    path.write_text("1\n2\n")
    assert read_table(path).columns == ()
    assert read_series(path).array.tolist() == [[1.0], [2.0]]


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_no_table_breaks_the_reader(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(data)
        try:
            found = read_table(path)
        except SpecError:
            return
        assert found.numbers.ndim == 2


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("1,234", "write 1234 if the comma stands between thousands, 1.234 if it is a decimal comma"),
        ("-12,345", "-12345 if the comma stands between thousands, -12.345 if"),
        ("1,234,567", "leave out the commas between thousands: 1234567"),
        ("12,34,567", "leave out the commas between thousands: 1234567"),
        ("1,234.50", "leave out the commas between thousands: 1234.50"),
        ("1.234,5", "the points between thousands, and write a point for the decimals: 1234.5"),
        ("1.234.567", "leave out the points between thousands: 1234567"),
        ("1 234", "leave out the spaces between thousands: 1234"),
        ("1\u00a0234,5", "the spaces between thousands, and write a point for the decimals: 1234.5"),
        ("1'234", "leave out the apostrophes between thousands: 1234"),
        ("0,123", "write numbers with a point, and nothing between thousands: 0.123"),
        ("2,5", "write numbers with a point, and nothing between thousands: 2.5"),
        ("1234,567", "write numbers with a point, and nothing between thousands: 1234.567"),
        ("$1,234.50", "leave the currency out of the whole column; leave out the commas"),
        ("5 %", "leave % out of the whole column"),
        ("(5)", "with a minus sign: -5"),
        ("\u22125", "write the minus sign as a hyphen: -5"),
        ("5-", "write the minus sign in front: -5"),
        ("20 kg", "leave kg out of the whole column"),
        ("true", "write 1 for true"),
        ("1|2", "put commas, semicolons or tabs between the fields"),
        ("abc", "leave out columns that hold no numbers"),
    ],
)
def test_fault_a12_a_field_keeps_its_size(field: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f'a,b\n1,2\n3,"{field}"\n', encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_table(path)
    (found,) = caught.value.diagnostics
    assert found.code == "ST728"
    assert words in found.help
    # Each number that is proposed reads as one of the digits that stand there.
    proposed = re.findall(r"(?<![\w.])-?\d[\d.]*\d", found.help)
    digits = re.sub(r"\D", "", field).lstrip("0")
    assert all(re.sub(r"\D", "", one).lstrip("0") == digits for one in proposed)


@pytest.mark.parametrize("text", ["t;temp, C;hum, %\n1;2;3\n4;5;6\n", "\ufefft;x;y\n1;2;3\n4;5;6\n"])
def test_fault_a12_the_sign_between_fields_is_the_one_that_fits_all_rows(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    assert read_table(path).numbers.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_fault_a12_points_that_may_stand_between_thousands_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a;b\n987;0.5\n1.250;1.25\n12.400;1.125\n")
    found = read_table(path)
    assert found.numbers[1].tolist() == [1.25, 1.25]
    (note,) = found.notes
    assert "the points in column a were read as decimal points" in note
    path.write_text("a,b\n987,0.5\n1.250,1.25\n12.400,1.125\n")
    assert not read_table(path).notes
