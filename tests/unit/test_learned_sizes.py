"""Sizes that data tells: what is learned from x, and what Keras adds to it."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo

SHORT = [
    ("in(?,1) -> lstm(4)", (1000, 1), ["ST712"]),
    ("in(T,1) -> lstm(4)", (1000, 1), ["ST712"]),
    ("in(24,1) -> lstm(4)", (1000, 1), ["ST712"]),
    ("in(?,1) -> lstm(4)", (1000,), ["ST712"]),
    ("in(T,1) -> lstm(4)", (1000,), ["ST712"]),
    ("in(F) -> dense(4)", (1000,), ["ST712"]),
    ("in(?,1) -> lstm(4)", (500, 24), []),
    ("in(T,1) -> lstm(4)", (500, 24), []),
    ("in(24,1) -> lstm(4)", (500, 24), []),
    ("in(25,1) -> lstm(4)", (500, 24), ["ST712"]),
    ("in(T,8,1) -> convlstm1d(4,3)", (500, 24, 8), []),
    ("in(?,8,1) -> convlstm1d(4,3)", (500, 24, 8), []),
    ("in(T) -> dense(4)", (500, 24, 1), []),
    ("in(T,3) -> lstm(4)", (500, 24), ["ST712"]),
    ("in(T,int) -> embed(9,4) -> lstm(4)", (500, 24), []),
]


@pytest.mark.parametrize(("spec", "shape", "codes"), SHORT)
def test_fault_a8_an_axis_that_keras_adds_is_no_mistake(
    spec: str, shape: tuple[int, ...], codes: list[str]
) -> None:
    x = np.zeros(shape, "int32" if ",int)" in spec else "float32")
    assert [d.code for d in seqtopo.check(spec, x=x).diagnostics] == codes


@pytest.mark.parametrize(
    ("spec", "shape"), [("in(T,1) -> lstm(4)", (500, 24)), ("in(T) -> dense(4)", (500, 24, 1))]
)
def test_fault_a8_sizes_are_learned_from_it(spec: str, shape: tuple[int, ...]) -> None:
    report = seqtopo.check(spec, x=np.zeros(shape, "float32"))
    assert report.ok
    assert report.shapes[0].outputs[0][0] == 24


def test_fault_a8_the_same_words_for_an_open_length() -> None:
    x = np.zeros((1000, 1), "float32")
    [found] = seqtopo.check("in(?,1) -> lstm(4)", x=x).diagnostics
    assert "single steps of (1,), but in(?,1) takes sequences of any number of them" in found.message
    assert "x.reshape(-1, steps, 1)" in found.help


def test_fault_a7_what_data_makes_wrong_is_wrong_for_an_open_length_too() -> None:
    for first in ("T", "?"):
        spec = f"in({first},4) -> conv1d(3,5)"
        assert seqtopo.check(spec).ok
        assert [d.code for d in seqtopo.check(spec, x=np.zeros((9, 3, 4))).diagnostics] == ["ST306"]
        assert seqtopo.check(spec, x=np.zeros((9, 5, 4))).ok


def test_fault_a7_an_open_length_stays_open_in_the_report() -> None:
    report = seqtopo.check("in(?,8) -> lstm(16,seq)", x=np.zeros((50, 1, 8)))
    assert [d.code for d in report.diagnostics] == ["ST601"]
    assert str(report.shapes[0].outputs[0][0]) == "?"


@pytest.mark.parametrize("spec", ["in(T,8) -> lstm(16) -> dense(1)", "in(?,8) -> lstm(16) -> dense(1)"])
def test_fault_a7_one_step_of_the_data_is_one_step(spec: str) -> None:
    assert [d.code for d in seqtopo.check(spec, x=np.zeros((500, 1, 8))).diagnostics] == ["ST601"]
    assert not seqtopo.check(spec, x=np.zeros((500, 5, 8))).diagnostics
    if "T" in spec:
        assert [d.code for d in seqtopo.check(spec, T=1).diagnostics] == ["ST601"]


@pytest.mark.parametrize("first", ["T", "?", "24"])
def test_fault_a7_labels_are_held_against_the_sizes_of_the_data(first: str) -> None:
    x, y = np.zeros((50, 24, 3), "float32"), np.zeros((50, 24, 1), "float32")
    spec = f"in({first},3) -> conv1d(4,3) -> dense(1)"
    assert [d.code for d in seqtopo.check(spec, x=x, y=y, loss="mse").diagnostics] == ["ST702"]
    assert not seqtopo.check(spec, x=x, y=y[:, 2:], loss="mse").diagnostics
