"""Kernels: what holds for those of every backend. The layers stay Keras' own, and compute the same."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import seqtopo
from seqtopo.emit.emitter import Emitter
from seqtopo.emit.keras_builder import KerasBuilder
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Row
from seqtopo.report.analyse import analyse
from seqtopo.runtime.kernels import attaching
from seqtopo.runtime.kernels.attaching import Kernel, NotNow
from tests.support.cheap_weights import cheap_weights
from tests.support.imports import ROOT
from tests.support.numbering import number_anew

SPEC = "in(5,3) -> lstm(4,seq) -> bi(gru(3,seq)) -> td(dense(4,relu)) -> rnn(2) -> dense(1)"
X = np.random.default_rng(1).normal(size=(6, 5, 3)).astype("float32")


def built(spec: str = SPEC, **options: Any) -> Any:
    """A spec's model, under weights drawn for it."""
    number_anew()
    with cheap_weights():
        model = seqtopo.compile(spec, **options)
    random = np.random.default_rng(2)
    model.set_weights([random.normal(size=w.shape) / 2 for w in model.get_weights()])
    return model


def given(model: Any) -> Any:
    """Return the output of a plain call."""
    return ops.convert_to_numpy(model(X))


def fell_back(model: Any) -> list[str]:
    """Return the reasons for which layers of a model ran on stock Keras."""
    return [row.why_not_faster for row in seqtopo.kernels(model) if row.why_not_faster]


def attached(model: Any) -> int:
    """Count the kernels in a model."""
    return sum(attaching.attached(layer) is not None for layer in attaching.layers(model))


def test_it_gives_the_same_with_kernels_and_without() -> None:
    model = built()
    there = attached(model)
    assert there or keras.config.backend() != "torch"
    with_kernels = given(model)
    assert seqtopo.attach(model, kernels=False) is model
    assert not attached(model)
    np.testing.assert_allclose(with_kernels, given(model), rtol=1e-5, atol=1e-6)
    seqtopo.attach(seqtopo.attach(model))
    assert attached(model) == there
    assert attached(built(kernels=False)) == 0


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "clone_model": keras.models.clone_model,
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_has_no_kernel_bound_to_the_layer_it_was_copied_from(way: str) -> None:
    model = built()
    want = given(model)
    made = COPIES[way](model)
    made.set_weights(model.get_weights())
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert attached(made) == 0
    np.testing.assert_allclose(given(made), want, rtol=1e-5, atol=1e-6)
    assert attached(seqtopo.attach(made)) == attached(model)
    np.testing.assert_allclose(given(made), want, rtol=1e-5, atol=1e-6)


def test_the_saved_file_is_that_of_the_stock_model(tmp_path: Path) -> None:
    with_kernels, stock = built(), built(kernels=False)
    assert with_kernels.to_json() == stock.to_json()
    with_kernels.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert attached(loaded) == 0
    np.testing.assert_allclose(given(loaded), given(with_kernels), rtol=1e-5, atol=1e-6)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense layers have a kernel, which is wrong, and takes no sequences."""

    def run(layer: Any, inputs: Any, training: Any = None) -> Any:
        if inputs.ndim == 3:
            raise NotNow("it is a sequence")
        return ops.zeros((*inputs.shape[:-1], layer.units))

    def choose(layer: Any) -> Any:
        return Kernel("wrong", "call", run) if isinstance(layer, layers.Dense) else None

    module = attaching.import_module(f"seqtopo.runtime.kernels.on_{keras.config.backend()}")
    monkeypatch.setattr(module, "choose", choose)


@pytest.mark.usefixtures("planted")
def test_a_kernel_that_is_wrong_would_be_noticed() -> None:
    model = built()
    right = given(built(kernels=False))
    assert not given(model).any()
    assert right.any()


@pytest.mark.usefixtures("planted")
def test_what_a_kernel_cannot_do_runs_on_stock_keras_and_says_so() -> None:
    model = built("in(5,3) -> dense(4)", kernels=False)
    want = given(model)
    assert str(seqtopo.kernels(model)) == "dense  stock  not attached; seqtopo.attach gives it wrong"
    seqtopo.attach(model)
    assert str(seqtopo.kernels(model)) == "dense  wrong"
    np.testing.assert_array_equal(given(model), want)
    assert fell_back(model) == ["the last call ran on stock Keras: it is a sequence"]
    seqtopo.attach(model, kernels=False)
    model.layers[1].call = lambda inputs: inputs
    assert fell_back(seqtopo.attach(model)) == ["its call has been replaced in this instance"]


def test_a_layer_that_two_models_share_is_attached_once() -> None:
    shared = layers.LSTM(3)
    models = []
    for _ in range(2):
        start = keras.Input((5, 3))
        models.append(keras.Model(start, shared(start)))
    seqtopo.attach(models[0])
    inside = attaching.attached(shared)
    seqtopo.attach(models[1])
    assert attaching.attached(shared) is inside
    listed = [row.layer for row in seqtopo.kernels(models[1]) if row.layer == shared.name]
    assert listed == [shared.name] * (inside is not None)


def test_a_model_without_kernels_has_an_empty_table() -> None:
    assert str(seqtopo.kernels(built("in(3) -> dropout(0.5)", kernels=False))).count("\n") == 0


def has_kernel(row: Row) -> bool:
    """Return whether the layer of a row's example has a kernel on this backend."""
    resolved = analyse(row.example).resolved
    assert resolved is not None
    node = next(n for n in resolved.graph.nodes if n.layer is not None and n.layer.row is row)
    assert node.layer is not None
    came = resolved.graph.tensors(node.inputs)
    assert came is not None
    return isinstance(
        attaching.choose(Emitter(resolved.graph, KerasBuilder()).layer(node.layer, came)), Kernel
    )


def test_the_rows_say_which_layers_have_kernels() -> None:
    rows = [row for row in ROWS if row.keras]
    assert len(rows) > 60
    told = {row.name for row in rows if keras.config.backend() in row.kernels}
    assert told
    assert {row.name for row in rows if has_kernel(row)} == told


def test_the_guide_shows_the_kernels_on_pytorch() -> None:
    page = (ROOT / "examples" / "guide" / "14-speed.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^On PyTorch, for `(.*?)`:\n\n```text\n(.*?)^```$", page, re.M | re.S)
    spec, table = shown
    if keras.config.backend() == "torch":
        assert f"{seqtopo.kernels(built(spec))}\n" == table
