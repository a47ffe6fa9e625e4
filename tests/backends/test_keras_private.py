"""Without any one private name of Keras all works: with one warning, and by the public way."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.decompiler.serialized import serialized
from seqtopo.distributing.shares import own_parts
from seqtopo.emit import keras_private
from seqtopo.emit.keras_private import ABSENT, NAMES, KerasLacksError

BACKEND = keras.config.backend()
SPEC = "in(5,3) -> lstm(4,seq) -> dropout(0.5) -> dense(2)"
WIDE = "in(5,3) -> td(dense(4)) -> lstm(2)"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Hides private names, as a version of Keras that has other ones."""
    look_up, hidden = keras_private.look_up, set()
    monkeypatch.setattr(keras_private, "_warned", set())
    monkeypatch.setattr(
        keras_private, "look_up", lambda owner, name: ABSENT if name in hidden else look_up(owner, name)
    )
    return hidden.update


def told(action: Callable[[], Any], name: str) -> Any:
    """Return the result of an action, which says once that Keras has no such name."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = action()
    said = [str(w.message) for w in found if f"has no {name}: {NAMES[name]}" in str(w.message)]
    assert len(said) == 1, [str(w.message) for w in found]
    return result


def outputs(model: Any, steps: int = 5) -> np.ndarray:
    """Return the outputs of a model for fixed samples."""
    x = np.linspace(-1, 1, 2 * steps * 3, dtype="float32").reshape(2, steps, 3)
    return np.asarray(model.predict(x, verbose=0))


def fitted(spec: str) -> list[np.ndarray]:
    """The weights of a spec's model after two epochs."""
    model = seqtopo.compile(spec, seed=1)
    model.compile("adam", "mse", jit_compile=False)
    x = np.linspace(-1, 1, 60, dtype="float32").reshape(4, 5, 3)
    y = np.ones((4, *model.output_shape[1:]), "float32")
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    return [np.asarray(w) for w in model.get_weights()]


def same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_layers_inside_are_found_by_attributes(without: Any) -> None:
    spec = "in(5,3) -> bi(lstm(4,seq)) -> td((dense(3) -> dense(2))) -> lstm(2)"
    model = seqtopo.compile(spec)
    wanted = {layer.name for layer in keras_private.layers_inside(model)}
    without(["_flatten_layers"])
    found = told(lambda: keras_private.layers_inside(model), "_flatten_layers")
    assert {layer.name for layer in found} == wanted
    assert len(found) == len({id(layer) for layer in found})
    assert found[0] is model
    assert model not in keras_private.layers_inside(model, include_self=False)


@pytest.mark.parametrize("name", ["_keras_history", "_inbound_nodes"])
def test_a_model_whose_calls_cannot_be_read_is_not_run_step_by_step(without: Any, name: str) -> None:
    model = seqtopo.compile("in(?,3) -> lstm(4,seq) -> dense(3)")
    without([name])

    def rolled() -> str:
        with pytest.raises(ValueError, match=f"has no {name}") as caught:
            seqtopo.rollout(model, np.zeros((1, 4, 3)), 2, mode="step")
        return str(caught.value)

    assert NAMES[name] in told(rolled, name)


def test_without_histories_a_tensor_has_its_own_name(without: Any) -> None:
    tensor = keras.Input((3,), name="given")
    without(["_keras_history"])
    assert told(lambda: keras_private.name_of(tensor), "_keras_history") == "given"
    assert not keras_private.is_optional(tensor)


def test_without_the_layers_of_a_sequential_its_configuration_is_still_read(without: Any) -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)])
    wanted = seqtopo.decompile(model)
    without(["_layers", "_inbound_nodes"])
    assert serialized(model)["class_name"] == "Sequential"
    assert seqtopo.decompile(model) == wanted


def test_a_choice_of_xla_is_not_told_from_what_keras_found(without: Any) -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=True)
    name = "_resolve_auto_jit_compile"
    without([name])
    assert "jit_compile" not in told(lambda: seqtopo.decompile(model), name)


def test_weights_without_weight_decay_are_not_told(without: Any) -> None:
    adam = keras.optimizers.AdamW()
    adam.exclude_from_weight_decay(var_names=["bias"])
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(2)])
    model.compile(adam, "mse")
    assert "exclude_from_weight_decay" in seqtopo.decompile(model)
    without(["_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"])
    assert "exclude_from_weight_decay" not in seqtopo.decompile(model)


@pytest.mark.parametrize("argument", ["training", "mask"])
def test_what_call_takes_is_read_from_its_signature(without: Any, argument: str) -> None:
    layers = [keras.layers.LSTM(2), keras.layers.Dense(2), keras.layers.Dropout(0.5)]
    wanted = [keras_private.takes(layer, argument) for layer in layers]
    name = f"_call_has_{argument}_arg"
    without([name])
    assert told(lambda: [keras_private.takes(layer, argument) for layer in layers], name) == wanted


def test_an_attention_without_a_private_window_is_asked_for_a_public_one(without: Any) -> None:
    layer = keras.layers.MultiHeadAttention(2, 2)
    layer._sliding_window = 3
    assert keras_private.sliding_window(layer) == 3
    without(["_sliding_window"])
    assert keras_private.sliding_window(layer) is None


@pytest.mark.parametrize("name", ["get_keras_mask", "set_keras_mask"])
def test_a_keras_that_keeps_masks_elsewhere_is_refused(without: Any, name: str) -> None:
    tensor = keras.Input((3, 1))
    ask = {
        "get_keras_mask": keras_private.mask_of,
        "set_keras_mask": lambda x: keras_private.put_mask(x, None),
    }
    without([name])

    def asked() -> str:
        with pytest.raises(seqtopo.SpecError) as caught:
            ask[name](tensor)
        return caught.value.diagnostics[0].code

    assert told(asked, name) == "ST436"


if BACKEND == "torch":  # where kernels for whole models and their training step are

    def test_without_get_device_a_tensor_is_asked(without: Any) -> None:
        wanted = keras_private.torch_device()
        without(["get_device"])
        assert told(keras_private.torch_device, "get_device") == wanted

    WALK = ("_functional", "_nodes_by_depth", "_outputs_struct", "_standardize_inputs", "_remat_mode")

    @pytest.mark.parametrize("name", WALK)
    def test_a_graph_that_cannot_be_walked_is_called_as_keras_does(without: Any, name: str) -> None:
        kind = keras.Sequential if name == "_functional" else keras.Model
        given = keras.Input((5, 3))
        layers = [keras.layers.Dense(4), keras.layers.Dense(2)]
        model = (
            kind([given, *layers]) if kind is keras.Sequential else kind(given, layers[1](layers[0](given)))
        )
        wanted = outputs(model)
        without([name])
        told(lambda: seqtopo.attach(model), name)
        (row,) = [row for row in seqtopo.kernels(model) if row.layer == model.name]
        assert NAMES[name] in str(row)
        np.testing.assert_allclose(outputs(model), wanted, rtol=1e-5)

    STEP = ("_loss_tracker", "_compile_loss", "_compute_loss", "_aggregate_additional_loss")
    UPDATE = ("_flat_losses", "_trainable_variables", "_momentums", "_velocities")

    @pytest.mark.parametrize("name", [*STEP, *UPDATE])
    def test_keras_own_training_step_or_update_runs(without: Any, name: str) -> None:
        spec = "in(5,3) -> dense(4,tanh) -> dense(2)"
        wanted = fitted(spec)
        without([name])
        same(told(lambda: fitted(spec), name), wanted)


@pytest.mark.parametrize("name", ["_compile_metrics", "_user_metrics", "_user_weighted_metrics"])
def test_metrics_that_cannot_be_seen_count_as_the_users_own(without: Any, name: str) -> None:
    model = seqtopo.compile("in(3) -> dense(2)")
    model.compile("sgd", "mse", metrics=["mae"])
    assert own_parts(model) == []
    without([name])
    assert told(lambda: own_parts(model), name) == ["a metric"]


WEIGHTS = ("_initialize_with_initializer", "_shape", "_dtype", "_initialize", "_convert_to_tensor")


@pytest.mark.parametrize("name", WEIGHTS)
def test_keras_draws_the_initial_weights(without: Any, name: str) -> None:
    wanted = seqtopo.compile(SPEC, seed=1)
    without([name])
    model = told(lambda: seqtopo.compile(SPEC, seed=1), name)
    assert [w.shape for w in model.get_weights()] == [w.shape for w in wanted.get_weights()]
    kernel, other = model.get_weights()[0], wanted.get_weights()[0]
    assert np.abs(kernel).max() > 0
    assert not np.allclose(kernel, other)


def test_an_initializer_that_keeps_its_seed_elsewhere_draws_by_keras(without: Any) -> None:
    without(["_init_seed"])
    model = seqtopo.compile("in(3) -> dense(4)", seed=1)
    assert np.abs(model.get_weights()[0]).max() > 0


def test_without_name_scopes_einsum_dense_keeps_a_drawn_seed(without: Any) -> None:
    without(["get_global_attribute"])
    spec = 'in(5,3) -> einsum_dense("abc,cd->abd",(5,4))'
    model = told(lambda: seqtopo.compile(spec, seed=1), "get_global_attribute")
    assert np.abs(model.get_weights()[0]).max() > 0


@pytest.mark.parametrize("name", ["_seed_generators", "_initial_seed"])
def test_noise_is_left_as_keras_has_it(without: Any, name: str) -> None:
    without([name])
    model = told(lambda: seqtopo.compile("in(5,3) -> gaussian_noise(0.5) -> dense(2)", seed=1), name)
    assert outputs(model).shape == (2, 5, 2)


@pytest.mark.parametrize("name", ["_seed_generators", "_autocast"])
def test_states_are_left_as_keras_has_them(without: Any, name: str) -> None:
    without([name])
    model = told(lambda: seqtopo.compile("in(5,3,batch=2) -> lstm(4,stateful)"), name)
    assert outputs(model).shape == (2, 4)


def test_each_name_has_a_test() -> None:
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    formed = {f"_call_has_{argument}_arg" for argument in ("training", "mask")}
    assert [name for name in NAMES if f'"{name}"' not in text and name not in formed] == []


def test_an_object_without_the_name_says_which() -> None:
    said = "has no _momentums"
    with pytest.warns(RuntimeWarning, match=said), pytest.raises(KerasLacksError, match=said):
        keras_private.get(object(), "_momentums")
