"""Slices that people write in Python, as the steps of a spec that mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.decompiler.decompile import decompiled
from tests.support.same_outputs import assert_same_outputs

L = keras.layers
KEYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "[:, -3:, :]": (lambda x: x[:, -3:, :], "last(3)"),
    "[:, -3:]": (lambda x: x[:, -3:], "last(3)"),
    "[:, -3:, ...]": (lambda x: x[:, -3:, ...], "last(3)"),
    "[:, :3, :]": (lambda x: x[:, :3, :], "first(3)"),
    "[:, 0:3:1]": (lambda x: x[:, 0:3:1], "first(3)"),
    "[:, -1, :]": (lambda x: x[:, -1, :], "at(-1)"),
    "[:, 2, :]": (lambda x: x[:, 2, :], "at(2)"),
    "[:, 1:-1, :]": (lambda x: x[:, 1:-1, :], "slice(1,-1)"),
    "[:, ::2, :]": (lambda x: x[:, ::2, :], "slice(0,step=2)"),
    "[:, -5:-2:2]": (lambda x: x[:, -5:-2:2], "slice(-5,-2,2)"),
    "[..., 0]": (lambda x: x[..., 0], "at(0,features)"),
    "[..., -2:]": (lambda x: x[..., -2:], "last(2,features)"),
    "[:, ..., 1:]": (lambda x: x[:, ..., 1:], "slice(1,axis=features)"),
    "[:, -3:, :2]": (lambda x: x[:, -3:, :2], "last(3) -> first(2,features)"),
    "[:, -1, 0]": (lambda x: x[:, -1:, 0], "last(1) -> at(0,features)"),
    "[:, -1, :2]": (lambda x: x[:, -1, :2], "first(2,features) -> at(-1)"),
    "[:, None]": (lambda x: x[:, None], "expand(time)"),
    "[..., None]": (lambda x: x[..., None], "expand(3)"),
    "[:, -1, None, :]": (lambda x: x[:, -1, None, :], "at(-1) -> expand(1)"),
    "[:, :, :]": (lambda x: x[:, :, :], "identity"),
    "[:, 1:][:, :-1]": (lambda x: x[:, 1:][:, :-1], "slice(1) -> slice(0,-1)"),
}


@pytest.mark.parametrize("steps", [6, None])
@pytest.mark.parametrize("key", KEYS)
def test_fault_f5_a_slice_comes_back(key: str, steps: int | None) -> None:
    cut, text = KEYS[key]
    source = keras.Input((steps, 4))
    model = keras.Model(
        source, L.LSTM(3, return_sequences=True)(cut(source)) if key == "[:, -3:, :]" else cut(source)
    )
    found = decompiled(model)
    assert not found.lossy, found.diagnostics
    assert f"in({steps or 'T'},4) -> {text}" in found.text
    again = seqtopo.compile(found.text)
    again.set_weights(model.get_weights())
    values = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    for one, two in zip(*(keras.tree.flatten(m(values)) for m in (model, again)), strict=True):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (one, two)), atol=1e-5)
    # Keras gives what there is of fewer steps, the built model does not.
    short = any("needs" in d.message for d in found.diagnostics)
    assert short == (steps is None and ("st(3)" in text))


@pytest.mark.parametrize(("stop", "text"), [(100, "identity"), (-100, "identity")])
def test_fault_f5_bounds_beyond_the_end_take_all(stop: int, text: str) -> None:
    source = keras.Input((6, 4))
    model = keras.Model(source, source[:, :stop] if stop > 0 else source[:, stop:])
    assert f"in(6,4) -> {text}" in seqtopo.decompile(model)
    assert_same_outputs(model, seqtopo.compile(seqtopo.decompile(model)), 1e-6)


@pytest.mark.parametrize(("start", "step", "text"), [(None, -1, "flip"), (None, -2, ""), (4, -1, "")])
def test_fault_f5_a_slice_that_goes_back(start: int | None, step: int, text: str, tmp_path: Path) -> None:
    source = keras.Input((6, 4))
    config = keras.Model(source, source[:, 0:6]).to_json()
    # PyTorch has no negative steps, so that the slice is written into the file.
    old = '"start": 0, "stop": 6, "step": null'
    assert old in config
    new = f'"start": {json.dumps(start)}, "stop": null, "step": {step}'
    (path := tmp_path / "model.json").write_text(config.replace(old, new))
    if not text:
        with pytest.raises(seqtopo.SpecError, match="goes back along the whole"):
            decompiled(path)
        return
    found = decompiled(path)
    assert not found.lossy, found.diagnostics
    values = np.arange(48, dtype="float32").reshape(2, 6, 4)
    given = keras.ops.convert_to_numpy(seqtopo.compile(found.text)(values))
    np.testing.assert_array_equal(given, values[:, ::-1])


def test_fault_f5_a_slice_of_the_batch_is_told_as_it_is() -> None:
    source = keras.Input((6, 4))
    (found,) = decompiled(keras.Model(source, L.Dense(2)(source[:1, :3]))).diagnostics
    assert (found.code, found.severity) == ("ST503", "warning")
    assert "it cuts the batch" in found.message


@pytest.mark.parametrize(
    ("operation", "row"),
    [
        (lambda x: x[:, -3:], "last"),
        (lambda x: keras.ops.flip(x, axis=1), "flip"),
        (lambda x: keras.ops.exp(x), "exp"),
        (lambda x: x * 2.0, "scale"),
        (lambda x: keras.ops.mean(x, axis=1), "mean"),
        (lambda x: keras.ops.cumsum(x, axis=1), "cumsum"),
    ],
)
def test_a_mask_that_an_operation_drops_is_told(operation: Callable[[Any], Any], row: str) -> None:
    """In a spec, what a person calls by the same name uses the mask."""
    source = keras.Input((6,), dtype="int32")
    model = keras.Model(source, operation(L.Embedding(9, 4, mask_zero=True)(source)))
    lost = [d for d in decompiled(model).diagnostics if d.severity == "warning"]
    assert [d.code for d in lost] == ["ST504"]
    assert f"drops the mask of what comes in, as operations do; {row} in a spec uses it" in lost[0].message
    # As the spec has it, nothing is lost.
    again = decompiled(seqtopo.compile(decompiled(model).text))
    assert not again.lossy
