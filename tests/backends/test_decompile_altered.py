"""Altered configurations of models: what no spec can say is told, and nothing ends in a fault of ours."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from seqtopo.decompiler.decompile import decompiled
from seqtopo.decompiler.serialized import serialized
from seqtopo.diag.error import SpecError


def _shared(units: Any) -> dict[str, Any]:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="odd")], name="inner")
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    config = serialized(keras.Model([one, two], [inner(one), inner(two)]))
    _set(config, "units", units)
    return config


def _recurrent(key: str, value: Any) -> dict[str, Any]:
    config = serialized(keras.Sequential([keras.Input((5, 4)), keras.layers.LSTM(3)]))
    _set(config, key, value)
    return config


def _set(config: Any, key: str, value: Any) -> None:
    """Sets the argument of this name wherever it stands."""
    inside = list(config.values()) if isinstance(config, dict) else config
    if isinstance(config, dict) and key in config:
        config[key] = value
    for found in inside:
        if isinstance(found, (dict, list, tuple)):
            _set(found, key, value)


def test_fault_b1_what_no_spec_can_say_of_a_shared_model_comes_in_under_a_name_for_each_call() -> None:
    found = decompiled(_shared(None))
    assert "as odd" in found.text or "odd =" in found.text
    assert "odd_call2" in found.text
    assert "ST503" in {d.code for d in found.diagnostics}


@pytest.mark.parametrize("gain", [10**60, 10**400])
def test_fault_b1_a_number_that_no_spec_can_say_is_told(gain: int) -> None:
    found = decompiled(_recurrent("gain", gain))
    assert any("more than 40 digits" in d.message for d in found.diagnostics)


def test_fault_b1_a_stateful_layer_without_a_batch_is_refused() -> None:
    with pytest.raises(SpecError, match="must know how many samples"):
        decompiled(_recurrent("stateful", True))


def test_fault_b2_a_model_in_a_wrapper_with_a_layer_that_cannot_be_said_is_told() -> None:
    both = keras.layers.Bidirectional(keras.layers.LSTM(3))
    sentence = keras.Sequential([keras.Input((5, 4)), both], name="sentence")
    model = keras.Sequential([keras.Input((2, 5, 4)), keras.layers.TimeDistributed(sentence)])
    config = serialized(model)
    _find(config, "backward_layer")["config"]["units"] = None
    found = decompiled(config)
    assert "ST509" in {d.code for d in found.diagnostics}
    assert any("what sentence gives is not known" in d.message for d in found.diagnostics)


def test_fault_b1_a_layer_of_an_inner_model_that_is_known_nowhere_is_told() -> None:
    layers, inputs = keras.layers, keras.Input((6, 3))
    latent = layers.Dense(4)(layers.LSTM(8)(inputs))
    encoder = keras.Model(inputs, latent, name="encoder")
    decoder = keras.Sequential(
        [keras.Input((4,)), layers.RepeatVector(6), layers.LSTM(8, return_sequences=True), layers.Dense(3)],
        name="decoder",
    )
    config = serialized(keras.Model(inputs, decoder(encoder(inputs))))
    odd = config["config"]["layers"][2]["config"]["layers"][2]
    odd["module"] = -1
    odd["gives"][0][0].insert(1, 6)
    found = decompiled(config)
    assert "ST503" in {d.code for d in found.diagnostics}
    assert "in(6,6,8)" in found.text


def _find(config: Any, key: str) -> Any:
    """Return the first value of this name."""
    inside = list(config.values()) if isinstance(config, dict) else config
    if isinstance(config, dict) and key in config:
        return config[key]
    found = (_find(part, key) for part in inside if isinstance(part, (dict, list, tuple)))
    return next((one for one in found if one is not None), None)


@pytest.mark.parametrize("broken", [0, 1])
def test_fault_b1_an_input_that_stands_for_one_call_of_a_shared_layer_keeps_the_name(broken: int) -> None:
    one, two = keras.Input((5, 4), name="one"), keras.Input((3, 4), name="two")
    shared, last = keras.layers.Dense(4, name="odd"), keras.layers.Dense(4, name="last")
    merged = keras.layers.Concatenate(axis=1)([last(shared(one)), last(shared(two))])
    config = serialized(keras.Model([one, two], merged))
    config["config"]["layers"][2]["inbound_nodes"][broken]["args"] = ["none"]
    found = decompiled(config)
    assert "ST509" in {d.code for d in found.diagnostics}
    assert 'dense(4,name="odd")' in found.text


@pytest.mark.parametrize("size", [2**31, 10**20, 10**50])
def test_fault_b1_an_input_of_a_size_that_no_spec_takes_is_refused(size: int) -> None:
    config = serialized(keras.Sequential([keras.Input((5, 4)), keras.layers.LSTM(3)]))
    config["config"]["layers"][0]["config"]["batch_shape"][1] = size
    with pytest.raises(SpecError, match="has the size"):
        decompiled(config)


@pytest.mark.parametrize("more", ["slice", "ellipsis"])
def test_fault_b1_a_cut_of_more_axes_than_there_are_is_refused(more: str) -> None:
    inputs = keras.Input((5, 4))
    config = serialized(keras.Model(inputs, inputs[..., 1:3, 0:2]))
    key = config["config"]["layers"][1]["inbound_nodes"][0]["args"][1]
    key += [key[1]] * 2 if more == "slice" else [key[0]]
    with pytest.raises(SpecError, match="axes of a value that has 3"):
        decompiled(config)
