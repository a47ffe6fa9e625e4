"""Models that cut an open axis give an error that names the layer, if too few steps come in."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.decompiler.decompile import decompiled


@pytest.mark.parametrize(
    "spec",
    [
        "in(?,2) -> last(3)",
        "in(?,2) -> lstm(4,seq) -> first(3)",
        "in(?,2) -> slice(-4,-1)",
        "in(?,?,2) -> last(3)",
        "in(?,?,2) -> slice(0,3)",
        "in(?,?,2) -> first(3,2)",
        "in(?,?,?,2) -> last(3)",
    ],
)
def test_fault_f5_fewer_steps_than_are_cut_off_are_refused(spec: str, tmp_path: Path) -> None:
    model = seqtopo.compile(spec)
    axis = model.output_shape.index(3)
    rank = len(model.output_shape)
    enough = np.random.default_rng(0).normal(size=(2, *(5,) * (rank - 2), 2)).astype("float32")
    assert model.predict(enough, verbose=0).shape[axis] == 3
    # Two steps of six others are as many numbers as three of four.
    few = np.ones((2, *(2 if i == axis else 6 for i in range(1, rank - 1)), 2), "float32")
    cut = next(word for word in ("last", "first", "slice") if word in spec)
    with pytest.raises(ValueError, match=f"{cut}-length.* expected axis {1 if rank > 3 else axis} .*value 3"):
        model(few)
    model.save(tmp_path / "model.keras")
    with pytest.raises(Exception, match=r"(?i)reshape"):
        keras.models.load_model(tmp_path / "model.keras")(few)
    again = decompiled(model)
    assert not again.lossy, again.diagnostics
    assert again.text.split(" -> ")[1:] == [
        *(s.strip() + "\n" * (s == spec.split(" -> ")[-1]) for s in spec.split(" -> ")[1:])
    ]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_fault_f5_what_is_cut_of_two_open_axes_is_what_numpy_cuts(dtype: str) -> None:
    spec = f"in(?,?,2,{dtype}) -> last(3)"
    values = np.arange(2 * 5 * 4 * 2).reshape(2, 5, 4, 2).astype(dtype)
    np.testing.assert_array_equal(seqtopo.compile(spec).predict(values, verbose=0), values[:, -3:])


@pytest.mark.parametrize(
    ("spec", "cut", "known"),
    [
        ("in(?,?) -> last(1)", np.s_[:, -1:], [1]),
        ("in(?,?) -> first(1,features)", np.s_[:, :, :1], [1]),
        ("in(?,?,int32) -> slice(2,4,4,features)", np.s_[:, :, 2:4:4], [1]),
        ("in(?,?,int8) -> last(1)", np.s_[:, -1:], [1]),
        ("in(?,3,int8) -> last(2)", np.s_[:, -2:], [2, 3]),
    ],
)
def test_fault_f5_one_number_of_two_open_axes_has_a_size_that_is_known(
    spec: str, cut: object, known: list[int]
) -> None:
    model = seqtopo.compile(spec)
    assert [size for size in model.output_shape[1:] if size is not None] == known
    values = np.arange(2 * 5 * 3).reshape(2, 5, 3).astype(model.input.dtype)
    np.testing.assert_array_equal(model.predict(values, verbose=0), values[cut])
    again = decompiled(model)
    assert not again.lossy, again.diagnostics
    assert again.text.split(" -> ")[1] == spec.split(" -> ")[1] + "\n"
