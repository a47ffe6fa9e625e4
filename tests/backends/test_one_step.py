"""One-step models: the same layers, the same numbers, and what cannot be run so says why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.runtime.stepping.one_step import CannotStepError, one_step
from seqtopo.runtime.stepping.per_step import refusal
from tests.support import rollout_cases as cases


def stepped(model: Any, history: np.ndarray, batch: int = 3) -> np.ndarray:
    """The one-step model's answers to a history, one step at a time."""
    step_model = one_step(model)
    states: list[Any] = step_model.start(batch, room=history.shape[1])
    found = []
    for t in range(history.shape[1]):
        given = [history[:, t], *states]
        answer, *states = [keras.ops.convert_to_numpy(x) for x in step_model.model(given, training=False)]
        found.append(answer)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", ["many_to_many", "named_parts", "dilated", "causal_attention"])
def test_step_by_step_is_as_in_one_go(name: str) -> None:
    agrees(cases.STEPPED[name])


def test_what_is_applied_at_every_step() -> None:
    agrees("in(?,2) -> gru(4,seq) -> td(dense(3,relu)) -> td(dense(2)) -> softmax")


def agrees(spec: str) -> None:
    """Holds the one-step model of a spec to its whole."""
    model = seqtopo.compile(spec)
    cases.set_weights(model)
    history = cases.history_for(model)
    want = keras.ops.convert_to_numpy(model(history, training=False))
    np.testing.assert_allclose(stepped(model, history), want, atol=1e-5)


# On JAX Keras itself fails at a norm over an axis.
NORMS = [] if keras.config.backend() == "jax" else ["linalg_norm(axis=features,keepdims) -> exp2"]


@pytest.mark.parametrize(
    "steps",
    [
        "divide(2) -> clip(-1,1) -> exp2",
        "split(2,features) -> mul",
        "split(2,features) -> item(1) -> power(2)",
        "[greater(0), id] -> where(x2=0)",
        "sort -> take((0,2),features) -> sub(x1=1)",
        "top_k(2) -> item(0) -> std(features,keepdims)",
        "roll(1,features) -> max(x2=0)",
        *NORMS,
    ],
)
def test_functions_of_each_step_alone_are_called_step_by_step(steps: str) -> None:
    agrees(f"in(?,2) -> lstm(6,seq) -> {steps} -> dense(2)")


def test_masked_steps_change_nothing() -> None:
    model = seqtopo.compile("in(?,int(9)) -> embed(9,4,mask) -> lstm(5,seq) -> gru(5,seq) -> dense(3)")
    cases.set_weights(model)
    ids = np.array([[3, 0, 4, 0, 0, 8], [1, 2, 0, 5, 6, 0]], "int32")
    want = keras.ops.convert_to_numpy(model(ids, training=False))
    np.testing.assert_allclose(stepped(model, ids, 2), want, atol=1e-5)


def test_keys_that_are_masked_are_not_attended() -> None:
    model = seqtopo.compile("in(?,int(9)) -> embed(9,4,mask) -> mha(2,3,causal) -> dense(3)")
    cases.set_weights(model)
    ids = np.array([[3, 0, 4, 0, 0, 8], [1, 2, 0, 5, 6, 1]], "int32")
    want = keras.ops.convert_to_numpy(model(ids, training=False))
    np.testing.assert_allclose(stepped(model, ids, 2)[ids > 0], want[ids > 0], atol=1e-5)


def test_a_model_by_hand_with_stacked_cells_and_a_model_inside() -> None:
    cells = [keras.layers.LSTMCell(4), keras.layers.GRUCell(3)]
    given = keras.Input((None, 2))
    low = keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(4, return_sequences=True)])
    high = keras.layers.RNN(cells, return_sequences=True)(low(given))
    model = keras.Model(given, keras.layers.Dense(2)(high))
    history = cases.history_for(model)
    want = keras.ops.convert_to_numpy(model(history, training=False))
    np.testing.assert_allclose(stepped(model, history), want, atol=1e-5)


def test_a_one_step_model_has_the_weights_of_the_whole_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    model = seqtopo.compile(cases.STEPPED["many_to_many"])
    before = model.get_config()
    step_model = one_step(model)
    assert model.get_config() == before
    assert {id(v) for v in step_model.model.weights} == {id(v) for v in model.weights}
    step_model.model.save(tmp_path / "step.keras")
    loaded = keras.models.load_model(tmp_path / "step.keras")
    given = [np.ones((2, 3), "float32"), *step_model.start(2)]
    for have, want in zip(loaded(given), step_model.model(given), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(have), keras.ops.convert_to_numpy(want), atol=1e-6
        )


def test_states_of_a_stateful_model_are_left_alone() -> None:
    model = seqtopo.compile("in(?,2,batch=2) -> lstm(2,seq,stateful)")
    cases.set_weights(model)
    history = cases.history_for(model, batch=2)
    model.predict(history, batch_size=2, verbose=0)
    before = seqtopo.get_states(model)
    stepped(model, history, 2)
    for have, want in zip(seqtopo.get_states(model), before, strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("in(?,2) -> bi(lstm(3,seq)) -> dense(2)", r"bi \(Bidirectional\).*from its end as well.*window"),
        ("in(?,2) -> lstm(3,seq,back) -> dense(2)", r"lstm \(LSTM\).*from its end"),
        ("in(?,2) -> conv1d(3,3,same) -> dense(2)", r"conv1d \(Conv1D\).*still to come.*'causal'"),
        ("in(?,2) -> conv1d(3,3) -> dense(2)", r"conv1d.*fewer steps"),
        ("in(?,2) -> mha(2,3) -> dense(2)", r"mha \(MultiHeadAttention\).*still to come"),
        ("in(?,2) -> lstm(3,seq) -> gavgpool1d -> dense(2)", r"GlobalAveragePooling1D.*pools over the steps"),
        ("in(?,2) -> flip -> lstm(3)", r"Flip.*reverses the time axis"),
        ("in(6,2) -> flatten -> dense(2)", r"flatten \(Flatten\).*joins all the steps"),
        ("in(?,2) -> softmax(time) -> dense(2)", r"over all the steps"),
        ("in(?,2) -> lstm(3,seq) -> last(2) -> dense(2)", r"other steps than the last"),
        ("in(8) -> dense(2)", r"no input with time steps"),
        ("in(?,2) -> lstm(3,seq) -> roll(1) -> dense(2)", r"roll \(Roll\).*in another order"),
        ("in(?,2) -> lstm(3,seq) -> std(time,keepdims) -> dense(2)", r"std \(Std\).*over all the steps"),
        ("in(?,2) -> lstm(3,seq) -> cumprod -> dense(2)", r"cumprod \(Cumprod\).*adds up over the steps"),
        ("in(?,2) -> lstm(3,seq) -> argmax(time) -> cast(float32)", r"argmax.*over all the steps"),
        ("in(6,2) -> lstm(3,seq) -> split(2) -> add", r"split.*changes the number of steps"),
    ],
)
def test_what_cannot_be_stepped_says_why(spec: str, match: str) -> None:
    with pytest.raises(CannotStepError, match=match):
        one_step(seqtopo.compile(spec))


def test_room_for_an_attention_must_be_said() -> None:
    step_model = one_step(seqtopo.compile(cases.STEPPED["causal_attention"]))
    with pytest.raises(ValueError, match=r"room=100"):
        step_model.start(2)


def test_a_spec_is_compiled_to_its_one_step_model() -> None:
    step_model = seqtopo.compile("in(T,F) -> lstm(4,seq) -> dense(F)", step=True, F=2)
    assert step_model.input_shape == [(None, 2), (None, 4), (None, 4)]
    output, *states = step_model.predict([np.ones((3, 2)), *step_model.start(3)], verbose=0)
    assert (output.shape, [s.shape for s in states]) == ((3, 2), [(3, 4), (3, 4)])
    whole = step_model.part("model")
    want = whole.predict(np.ones((3, 1, 2)), verbose=0)[:, 0]
    np.testing.assert_allclose(output, want, atol=1e-5)
    with pytest.raises(ValueError, match="from its end as well"):
        seqtopo.compile("in(T,3) -> bi(lstm(4))", step=True)


def why_not(layer: Any, *shape: int) -> str | None:
    """Return the reason for which a layer cannot be called step by step; None for none."""
    sequence = keras.Input(shape)
    return refusal(layer, (sequence,), {}, [sequence], layer(sequence))


LAYERS = keras.layers


@pytest.mark.parametrize(
    ("layer", "shape", "match"),
    [
        (LAYERS.Activation("softmax"), (6,), "over all the steps"),
        (LAYERS.Softmax(), (6,), "over all the steps"),
        (LAYERS.Dense(3), (6,), "mixes the steps"),
        (LAYERS.LayerNormalization(axis=(1, 2)), (6, 3), "normalises over all the steps"),
        (LAYERS.GroupNormalization(3), (6, 3), "normalises over all the steps"),
        (LAYERS.BatchNormalization(axis=1), (6, 3), "statistics of its own for each step"),
        (LAYERS.Normalization(axis=1, mean=[0.0] * 6, variance=[1.0] * 6), (6, 3), "statistics of its own"),
        (LAYERS.PReLU(), (6, 3), "weights of its own for each step"),
        (LAYERS.EinsumDense("btf,tfg->btg", (6, 4)), (6, 3), "weights of its own for each step"),
        (LAYERS.EinsumDense("btf,tg->bgf", (4, 3)), (6, 3), "mixes the steps"),
        (LAYERS.Reshape((3, 6)), (6, 3), "changes the time axis"),
    ],
)
def test_a_layer_that_looks_at_other_steps_is_not_called_step_by_step(
    layer: Any, shape: tuple[int, ...], match: str
) -> None:
    found = why_not(layer, *shape)
    assert found is not None
    assert re.search(match, found), found


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LAYERS.Activation("softmax"), (6, 3)),
        (LAYERS.Activation("relu"), (6,)),
        (LAYERS.Dense(3), (6, 3)),
        (LAYERS.BatchNormalization(), (6, 3)),
        (LAYERS.PReLU(shared_axes=[1]), (6, 3)),
        (LAYERS.EinsumDense("btf,fg->btg", (6, 4)), (6, 3)),
        (LAYERS.RMSNormalization(), (6, 3)),
        (LAYERS.Embedding(9, 4), (6,)),
        (LAYERS.Reshape((6, 3, 1)), (6, 3)),
        (LAYERS.TimeDistributed(LAYERS.Flatten()), (6, 3, 2)),
        (LAYERS.GaussianDropout(0.1), (6, 3)),
    ],
)
def test_a_layer_that_looks_at_each_step_is_called_step_by_step(layer: Any, shape: tuple[int, ...]) -> None:
    assert why_not(layer, *shape) is None
