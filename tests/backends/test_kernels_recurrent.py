"""Recurrent layers side by side in one compiled model: on kernels as on stock Keras, also when trained."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops

import seqtopo
from tests.support.cheap_weights import cheap_weights
from tests.support.numbering import number_anew

BACKEND = keras.config.backend()
EXAMPLES = {"torch": 3, "tensorflow": 1, "jax": 1}[BACKEND]
"""Each is compiled twice, on all but PyTorch; further arguments are drawn in test_kernels_equal.py."""
KINDS = ("LSTM", "GRU", "SimpleRNN")
BATCH, FEATURES, UNITS = 4, 3, 4
STEPS = 16 if BACKEND == "tensorflow" else 5
"""As many as have a kernel."""

ARGUMENTS = st.fixed_dictionaries(
    {
        "return_sequences": st.booleans(),
        "go_backwards": st.booleans(),
        "use_bias": st.booleans(),
        "zero_output_for_mask": st.booleans(),
        "activation": st.sampled_from(["tanh", "tanh", "relu", "linear", "selu"]),
        "dropout": st.sampled_from([0, 0, 0.5]),
    }
)
GATED = st.fixed_dictionaries(
    {
        "recurrent_activation": st.sampled_from(["sigmoid", "sigmoid", "hard_sigmoid", "tanh"]),
        "recurrent_dropout": st.sampled_from([0, 0, 0, 0.5]),
    }
)


@st.composite
def drawn_layers(draw: Any) -> list[tuple[str, dict[str, Any]]]:
    """One layer of each kind, with arguments of its own."""
    found = []
    for kind in KINDS:
        arguments = draw(ARGUMENTS)
        if kind != "SimpleRNN":
            arguments |= draw(GATED)
        if kind == "GRU":
            arguments["reset_after"] = draw(st.sampled_from([True, True, False]))
        found.append((kind, arguments))
    return found


def side_by_side(which: list[tuple[str, dict[str, Any]]], masked: bool, states: bool = False) -> Any:
    """A model of layers that all take the same sequence and, where ``states``, states to start from.

    It gives their outputs and their states at the end.
    """
    number_anew()
    start = keras.Input((STEPS, FEATURES))
    begin = [keras.Input((UNITS,)) for _ in range(2)] if states else []
    sequence = layers.Masking()(start) if masked else start
    ends = []
    with cheap_weights():
        for n, (kind, arguments) in enumerate(which):
            layer = getattr(layers, kind)(UNITS, return_state=True, seed=n, **arguments)
            takes = begin[: 2 if kind == "LSTM" else 1] or None
            ends += layer(sequence, initial_state=takes)
    model = keras.Model([start, *begin], ends)
    random = np.random.default_rng(2)
    model.set_weights([random.normal(size=w.shape) / 2 for w in model.get_weights()])
    return model


def batch(model: Any) -> tuple[list[Any], list[Any]]:
    """Inputs and targets; some steps are zeros, which is what is masked: all steps of the first sequence."""
    random = np.random.default_rng(3)
    x = [random.normal(size=(BATCH, *each.shape[1:])).astype("float32") for each in model.inputs]
    x[0][random.random((BATCH, STEPS)) < 0.4] = 0
    x[0][0] = 0
    y = [random.normal(size=(BATCH, *each.shape[1:])).astype("float32") for each in model.outputs]
    return x, y


def run_and_train(model: Any) -> list[Any]:
    """The outputs, then the weights after two steps of training from the same random states."""
    weights = model.get_weights()
    x, y = batch(model)
    model.compile(keras.optimizers.SGD(0.3), "mse")
    for layer in model._flatten_layers():
        for generator in layer._seed_generators:
            generator.state.assign(np.array([7, 0], "uint32"))
    given = [ops.convert_to_numpy(each) for each in model.predict_on_batch(x)]
    for _ in range(2):
        model.train_on_batch(x, y)
    trained = model.get_weights()
    model.set_weights(weights)
    return [*given, *trained]


def assert_equal_to_stock(model: Any, rtol: float = 2e-5, atol: float = 2e-6) -> seqtopo.Kernels:
    """Check that a model gives and learns the same on kernels as on stock Keras; return the kernels."""
    stock = run_and_train(seqtopo.attach(model, kernels=False))
    ours = run_and_train(seqtopo.attach(model))
    for a, b in zip(ours, stock, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    return seqtopo.kernels(model)


@pytest.mark.parametrize("masked", [False, True])
def test_each_kind_with_what_kernels_can_do(masked: bool) -> None:
    which = [
        (kind, {"return_sequences": seq, "go_backwards": seq is masked, "zero_output_for_mask": not seq})
        for kind, seq in itertools.product(KINDS, (False, True))
    ]
    model = side_by_side(which, masked, states=True)
    found = {row.layer: row for row in assert_equal_to_stock(model)}
    for layer in (each for each in model.layers if isinstance(each, layers.RNN)):
        # What JAX derives for the loop of a SimpleRNN is as fast.
        as_keras_has_it = BACKEND == "jax" and isinstance(layer, layers.SimpleRNN)
        assert (found[layer.name].kernel == "stock") is as_keras_has_it
        assert "ran on stock" not in found[layer.name].why_not_faster


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(which=drawn_layers(), masked=st.booleans(), states=st.booleans())
def test_drawn_arguments(which: list[tuple[str, dict[str, Any]]], masked: bool, states: bool) -> None:
    assert_equal_to_stock(side_by_side(which, masked, states))


def test_mixed_precision() -> None:
    which = [(kind, {"return_sequences": True, "dtype": "mixed_bfloat16"}) for kind in KINDS]
    model = side_by_side(which, masked=True)
    # What stock Keras adds up in half precision, one step after another.
    assert_equal_to_stock(model, rtol=0.05, atol=0.05)
    assert {str(weight.dtype) for weight in model.weights if "seed" not in weight.name} == {"float32"}


def test_second_derivatives_of_a_training_pass() -> None:
    model = seqtopo.compile(f"in({STEPS},3) -> lstm(3,seq) -> gru(3)", kernels=False)
    x = np.random.default_rng(1).normal(size=(2, STEPS, 3)).astype("float32")
    want = _second(model, x)
    np.testing.assert_allclose(_second(seqtopo.attach(model), x), want, rtol=1e-4, atol=1e-6)
    assert all(row.kernel != "stock" and not row.why_not_faster for row in seqtopo.kernels(model)[-2:])


def _second(model: Any, x: Any) -> Any:
    """Return the gradient of a model's squared slope by its inputs."""
    if BACKEND == "jax":
        import jax

        fixed = [v.value for v in model.non_trainable_variables], [v.value for v in model.trainable_variables]

        def given(x: Any) -> Any:
            return model.stateless_call(fixed[1], fixed[0], x, training=True)[0].sum()

        return jax.jit(jax.grad(lambda x: (jax.grad(given)(x) ** 2).sum()))(x)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function
        def twice(x: Any) -> Any:
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as first:
                    first.watch(x)
                    given = tf.reduce_sum(model(x, training=True))
                slope = tf.reduce_sum(first.gradient(given, x) ** 2)
            return second.gradient(slope, x)

        return twice(tf.constant(x)).numpy()
    import torch

    start = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(model(start, training=True).sum(), start, create_graph=True)
    (found,) = torch.autograd.grad((slope**2).sum(), start)
    return found.numpy()


def test_trained_on_kernels_and_loaded_in_plain_keras(tmp_path: Path) -> None:
    model = seqtopo.compile(f"in({STEPS},3) -> bi(lstm(3,seq)) -> gru(4,seq) -> rnn(2)")
    x = np.random.default_rng(1).normal(size=(6, STEPS, 3)).astype("float32")
    model.compile("adam", "mse")
    model.fit(x, x[:, 0, :2], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_what_tensorflow_hands_on_to_keras_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtopo.runtime.kernels.on_tensorflow.planned.WORTH_COMPILING", 0)
    model = seqtopo.compile(f"in({STEPS},3) -> lstm(3) -> dense(1)")
    x = np.ones((2, STEPS, 3), "float32")
    model.compile("sgd", "mse")
    model.fit(x, x[:, 0, :1], verbose=0)
    assert not _why_not_faster(model)
    if BACKEND != "tensorflow":
        return
    import tensorflow as tf

    model.predict(x, verbose=0)
    assert "it does not train" in _why_not_faster(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    shape = tf.TensorSpec((None, STEPS, 3))
    archive.add_endpoint("trains", lambda x: model(x, training=True), input_signature=[shape])
    archive.write_out(str(tmp_path / "exported"), verbose=False)
    assert "it is exported" in _why_not_faster(model)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = seqtopo.attach(keras.models.clone_model(model))
        model.compile("sgd", "mse")
    model.fit(x, x[:, 0, :1], verbose=0)
    assert "a distribution strategy" in _why_not_faster(model)


def _why_not_faster(model: Any) -> str:
    return next(each.why_not_faster for each in seqtopo.kernels(model) if each.layer.startswith("lstm"))
