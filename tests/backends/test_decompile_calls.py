"""Calls of layers and models inside a model: their arguments, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import Input, Model, Sequential, layers

import seqtopo
from seqtopo.decompiler.decompile import decompiled
from seqtopo.diag.error import SpecError
from tests.support.same_outputs import assert_same_outputs


def lost(model: Any) -> list[str]:
    """Return the parts of a model that its spec leaves out; decompiling strictly raises them."""
    found = [d.message for d in decompiled(model).diagnostics if d.severity == "warning"]
    if found:
        with pytest.raises(SpecError, match="ST50"):
            seqtopo.decompile(model, strict=True)
    return found


@pytest.mark.parametrize("kind", ["functional", "sequential"])
@pytest.mark.parametrize("first", [True, False])
def test_an_output_is_that_of_its_call(kind: str, first: bool) -> None:
    """Keras counts the calls of a functional model from 1 at the model's end, and from 0 elsewhere."""
    x = Input((4, 3))
    inner = Sequential([layers.GRU(2)]) if kind == "sequential" else Model(x, layers.GRU(2)(x), name="inner")
    once = inner(x)
    twice = inner(keras.ops.multiply(x, 2.0))
    model = Model(x, [once if first else twice, keras.layers.Add()([once, twice])])
    assert_same_outputs(model, seqtopo.compile(seqtopo.decompile(model, strict=True)))


ACTING: dict[str, Callable[[], Any]] = {
    "batchnorm": lambda: layers.BatchNormalization(),
    "bi": lambda: layers.Bidirectional(layers.LSTM(2, dropout=0.2)),
    "td": lambda: layers.TimeDistributed(layers.Dropout(0.2)),
    "model": lambda: Sequential([Input((4, 3)), layers.Dense(2), layers.BatchNormalization()]),
}


@pytest.mark.parametrize("name", ACTING)
def test_a_layer_that_is_held_in_inference_is_told(name: str) -> None:
    x = Input((4, 3))
    (said,) = lost(Model(x, ACTING[name]()(x, training=False)))
    assert said.endswith("has training=false, which cannot be written in a spec")


def test_a_model_that_is_held_in_training_is_told() -> None:
    x = Input((4, 3))
    (said,) = lost(Model(x, ACTING["model"]()(x, training=True)))
    assert said.endswith("has training=true, which cannot be written in a spec")


def test_where_training_changes_nothing_nothing_is_told() -> None:
    x = Input((4, 3))
    assert lost(Model(x, layers.GRU(2, dropout=0.2)(layers.Dropout(0.3)(x)))) == []
    inner = Sequential([Input((4, 3)), layers.LSTM(2, return_sequences=True), layers.Dense(2)])
    assert lost(Model(x, inner(layers.LayerNormalization()(x, training=False), training=True))) == []


def test_an_input_that_nothing_takes_is_told() -> None:
    x, other = Input((4, 3), name="series"), Input((2,), name="other")
    model = Model([x, other], layers.LSTM(2)(x))
    assert lost(model) == ["nothing takes the input other: the spec's model is without it"]
    assert lost(Model([x, other], [layers.LSTM(2)(x), other])) == []


def test_inputs_and_outputs_in_a_dictionary_are_told() -> None:
    x, other = Input((4, 3), name="b"), Input((2,), name="a")
    joined = layers.Concatenate()([layers.LSTM(2)(x), other])
    # Keras takes a dictionary for a list, by the names of the inputs.
    assert lost(Model({"a": other, "b": x}, joined)) == []
    model = Model([x, other], {"p": layers.Dense(1)(joined), "q": joined})
    assert lost(model) == [
        "the model gives a dictionary of p, q: the spec's model gives a list in this order"
    ]


def test_losses_by_the_keys_of_a_dictionary_of_outputs_come_back() -> None:
    x = Input((4, 3))
    model = Model(x, {"q": layers.LSTM(2, name="one")(x), "p": layers.GRU(1, name="two")(x)})
    model.compile("adam", {"q": "MSE", "p": "mae"}, loss_weights={"q": 2.0, "p": 1.0})
    assert len(lost(model)) == 1
    assert "train adam, loss=[mae, mse], loss_weights=[1, 2]" in seqtopo.decompile(model)


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
def test_inputs_under_other_names_are_told() -> None:
    x, other = Input((4, 3), name="b"), Input((2,), name="a")
    model = Model({"q": x, "p": other}, layers.Concatenate()([layers.LSTM(2)(x), other]))
    assert lost(model) == [
        "the model's inputs are called p, q: in the spec's model they have the names of their layers"
    ]


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_without_weight_decay_are_told(scaled: bool) -> None:
    adam = keras.optimizers.AdamW(1e-3, weight_decay=0.01)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(keras.optimizers.LossScaleOptimizer(adam) if scaled else adam, "mse")
    assert lost(model) == []
    adam.exclude_from_weight_decay(var_names=["bias"])
    (said,) = lost(model)
    assert "exclude_from_weight_decay" in said
