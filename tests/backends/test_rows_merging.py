"""The merging rows, held against the installed Keras."""

from __future__ import annotations

import pytest

from seqtopo.layers.sizes import unknown
from tests.support.rows import (
    assert_both_refuse,
    assert_breaks_when_run,
    assert_row_agrees,
    assert_row_refuses,
)

BY_ELEMENTS = ["add", "sub", "mul", "avg", "max", "min"]


@pytest.mark.parametrize("row", BY_ELEMENTS)
def test_merging_by_elements_agrees(row: str) -> None:
    assert_row_agrees(row, {}, [(5, 8), (5, 8)])
    assert_row_agrees(row, {}, [("T", 8), ("T", 8)])
    assert_row_agrees(row, {}, [("T", 8), ("T", 1)])
    assert_row_agrees(row, {}, [(1, 8), (5, 1)])
    assert_row_agrees(row, {}, [(5, 8), (unknown(0), 8)])
    assert_row_agrees(row, {}, [(8,), (8,)], ["int32", "float32"])
    if row == "avg":
        assert_row_refuses(row, {}, [(8,), (8,)], "ST310", ["int32", "int32"])
    else:
        assert assert_row_agrees(row, {}, [(8,), (8,)], ["int32", "int32"]).outputs[0].dtype == "int32"


@pytest.mark.parametrize("row", ["add", "mul", "avg", "max", "min"])
def test_merging_takes_three(row: str) -> None:
    assert_row_agrees(row, {}, [("T", 8), ("T", 1), ("T", 8)])


@pytest.mark.parametrize("row", BY_ELEMENTS)
def test_merging_by_elements_refuses(row: str) -> None:
    assert_both_refuse(row, {}, [(5, 8), (5, 9)], "ST303", match="8 in one and 9")
    assert_row_refuses(row, {}, [("T", 8), ("S", 8)], "ST303", match="T in one and S")
    assert_row_refuses(row, {}, [("T", 8), (8,)], "ST303", match="equal axes")


@pytest.mark.parametrize("row", ["add", "sub", "mul", "avg", "dot"])
def test_arithmetic_refuses_truth_values(row: str) -> None:
    args = {"axes": 1} if row == "dot" else {}
    assert_row_refuses(row, args, [(8,), (8,)], "ST310", ["bool", "bool"])


def test_sub_takes_two() -> None:
    assert_both_refuse("sub", {}, [(8,)] * 3, "ST314")


@pytest.mark.parametrize("row", ["max", "min"])
def test_extremes_of_one_value_need_an_axis(row: str) -> None:
    assert_row_refuses(row, {}, [(5, 8)], "ST314", match="given one")
    assert_row_refuses(row, {"axis": 1}, [(5, 8), (5, 8)], "ST214", match="over an axis")


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_concat_agrees(axis: int) -> None:
    assert_row_agrees("concat", {"axis": axis}, [(5, 8), (5, 8), (5, 8)])
    assert_row_agrees("concat", {"axis": axis}, [("T", 8), ("T", 8)])


def test_concat_adds_sizes() -> None:
    assert_row_agrees("concat", {}, [("T", 8), ("T", 4)])
    assert_row_agrees("concat", {"axis": 1}, [(5, 8), ("T", 8)])
    assert_row_agrees("concat", {}, [(5, 8), (unknown(0), 4)])
    assert_row_agrees("concat", {}, [(8,)])


def test_concat_refuses() -> None:
    assert_both_refuse("concat", {}, [(5, 8), (6, 8)], "ST303", match="5 in one and 6")
    assert_both_refuse("concat", {}, [(5, 8), (8,)], "ST303", match="equal axes")
    assert_both_refuse("concat", {"axis": 3}, [(5, 8), (5, 8)], "ST312")
    assert_row_refuses("concat", {"axis": 0}, [(5, 8), (5, 8)], "ST312")
    assert_row_refuses("concat", {}, [("T", 8), ("S", 8)], "ST303")


@pytest.mark.parametrize(
    ("axes", "first", "second"),
    [
        (1, (8,), (8,)),
        (-1, (5, 8), (7, 8)),
        ((1, 2), (5, 8), (7, 5)),
        ((-1, -2), (3, 4), (4, 5)),
        ((1, 2), (3, 4, 6), (4, 3, 5)),
        ((1, 2), (3,), (4, 3, 5)),
        ((2, 1), (4, 3, 5), (3,)),
        (2, ("T", 8), ("S", 8)),
        (1, ("T", 8), ("T", 4)),
    ],
)
def test_dot_agrees(axes: object, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    assert_row_agrees("dot", {"axes": axes}, [first, second])
    assert_row_agrees("dot", {"axes": axes, "normalize": True}, [first, second])


def test_dot_refuses() -> None:
    assert_both_refuse("dot", {"axes": 1}, [(5, 8), (7, 8)], "ST303", match="axes of the same size")
    assert_breaks_when_run("dot", {"axes": 0}, [(5, 8), (5, 8)], "ST312")
    assert_both_refuse("dot", {"axes": 3}, [(5, 8), (5, 8)], "ST312")
    assert_both_refuse("dot", {"axes": (1, 2, 1)}, [(5, 8), (5, 8)], "ST203")
    assert_both_refuse("dot", {"axes": 1}, [(5, 8), (unknown(0), 8)], "ST308")
    assert_both_refuse("dot", {"axes": 1}, [(5, 8)] * 3, "ST314")
    assert_row_refuses("dot", {"axes": 1, "normalize": True}, [(8,), (8,)], "ST310", ["int32", "int32"])
