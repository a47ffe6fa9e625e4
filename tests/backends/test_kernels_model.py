"""A whole model on kernels: it trains, predicts and says what is wrong as stock Keras does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import seqtopo
from seqtopo.runtime.kernels import attaching
from tests.support.cheap_weights import cheap_weights

BACKEND = keras.config.backend()
RANDOM = np.random.default_rng(1)
X, Y = RANDOM.normal(size=(12, 4, 3)).astype("float32"), RANDOM.normal(size=(12, 2)).astype("float32")
WEIGHTS = np.linspace(0.5, 1.5, 12)


def sequential(**options: Any) -> Any:
    """A small model, all of whose layers have kernels on PyTorch."""
    inside = [layers.LSTM(4, return_sequences=True, **options), layers.GRU(3), layers.Dense(2)]
    return keras.Sequential([keras.Input((4, 3)), *inside])


def branches() -> Any:
    """A model whose layers take several values, and which gives two."""
    start = keras.Input((4, 3), name="first")
    second = keras.Input((4, 3), name="second")
    read = layers.SimpleRNN(3)
    both = layers.Concatenate()([read(start), read(second)])
    return keras.Model([start, second], [layers.Dense(2)(both), layers.Add()([both, both])])


def optimizer(name: str = "adam", **options: Any) -> Callable[[], Any]:
    """An optimizer, made anew for each model."""
    return lambda: keras.optimizers.get({"class_name": name, "config": options})


def decaying() -> Any:
    """Adam whose rate falls."""
    return keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))


TRAININGS: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "adam": (sequential, {"loss": "mse", "optimizer": optimizer(learning_rate=0.1)}, {}),
    "metrics": (sequential, {"loss": "mse", "metrics": ["mae", "mse"]}, {"validation_split": 0.25}),
    "another_loss": (sequential, {"loss": "mae"}, {}),
    "summed": (sequential, {"loss": lambda: keras.losses.MeanSquaredError(reduction="sum")}, {}),
    "weighted_loss": (sequential, {"loss": "mse", "loss_weights": 3.0}, {}),
    "sample_weight": (sequential, {"loss": "mse", "weighted_metrics": ["mae"]}, {"sample_weight": WEIGHTS}),
    "regularizer": (lambda: sequential(kernel_regularizer="l2"), {"loss": "mse"}, {}),
    "constraint": (lambda: sequential(kernel_constraint="unit_norm"), {"loss": "mse"}, {}),
    "clipped": (sequential, {"loss": "mse", "optimizer": optimizer(clipnorm=0.01)}, {}),
    "decayed": (sequential, {"loss": "mse", "optimizer": optimizer(weight_decay=0.1)}, {}),
    "amsgrad": (sequential, {"loss": "mse", "optimizer": optimizer(amsgrad=True)}, {}),
    "average": (sequential, {"loss": "mse", "optimizer": optimizer(use_ema=True)}, {}),
    "epsilon": (sequential, {"loss": "mse", "optimizer": optimizer(epsilon=0.1, learning_rate=0.1)}, {}),
    "gathered": (sequential, {"loss": "mse", "optimizer": optimizer(gradient_accumulation_steps=2)}, {}),
    "schedule": (sequential, {"loss": "mse", "optimizer": decaying}, {}),
    "another_optimizer": (sequential, {"loss": "mse", "optimizer": optimizer("rmsprop")}, {}),
    "mixed": (lambda: sequential(dtype="mixed_bfloat16"), {"loss": "mse"}, {}),
    "activity": (lambda: sequential(activity_regularizer="l2"), {"loss": "mse"}, {}),
    "callbacks": (sequential, {"loss": "mse"}, {"callbacks": [keras.callbacks.Callback()]}),
}
SOME = TRAININGS if BACKEND == "torch" else {"metrics": TRAININGS["metrics"]}
"""One training where models have no kernel."""


def trained(name: str, *, kernels: bool) -> tuple[Any, dict[str, list[float]], np.ndarray]:
    """A model after some training, the history, and its prediction."""
    make, how, given = TRAININGS[name]
    with cheap_weights():
        model = make()
    model.set_weights([np.random.default_rng(2).normal(size=w.shape) / 2 for w in model.get_weights()])
    if not kernels:
        seqtopo.attach(model, kernels=False)
    else:
        seqtopo.attach(model)
    how = {k: v() if callable(v) else v for k, v in ({"optimizer": "adam"} | how).items()}
    model.compile(**how, run_eagerly=BACKEND == "tensorflow")
    history = model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0, **given).history
    return model, history, model.predict(X, batch_size=5, verbose=0)


@pytest.mark.parametrize("name", SOME)
def test_it_trains_and_predicts_as_stock_keras_does(name: str) -> None:
    _, history, predicted = trained(name, kernels=False)
    model, our_history, ours = trained(name, kernels=True)
    loose = 0.05 if name == "mixed" else 1e-4
    assert our_history.keys() == history.keys()
    for key, values in history.items():
        np.testing.assert_allclose(our_history[key], values, rtol=loose, atol=loose / 10, err_msg=key)
    np.testing.assert_allclose(ours, predicted, rtol=loose, atol=loose)
    assert ours.dtype == predicted.dtype
    steps = keras.ops.convert_to_numpy(model.optimizer.iterations)
    assert int(steps) == {"metrics": 6, "gathered": 4}.get(name, 9)


def test_a_stateful_layer_that_is_called_twice_goes_on_in_keras_order() -> None:
    spec = "reader = gru(3,stateful)\n[in(4,2,batch=2) -> reader, in(4,2,batch=2) -> reader] -> concat"
    with cheap_weights():
        model = seqtopo.compile(spec, kernels=False)
    numbers = np.random.default_rng(5)
    model.set_weights([numbers.normal(size=w.shape) for w in model.get_weights()])
    x = [numbers.normal(size=(2, 4, 2)).astype("float32") for _ in range(2)]
    want = [model.predict_on_batch(x) for _ in range(2)]
    model.reset_states()
    seqtopo.attach(model)
    for each in want:
        np.testing.assert_allclose(model.predict_on_batch(x), each, rtol=1e-5, atol=1e-6)


def test_several_inputs_and_outputs_in_any_order() -> None:
    with cheap_weights():
        model = branches()
    want = model({"second": X, "first": X[::-1]}, training=False)
    seqtopo.attach(model)
    for given in ({"second": X, "first": X[::-1]}, [X[::-1].copy(), X]):
        got = model(given, training=False)
        for ours, stock in zip(got, want, strict=True):
            np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (ours, stock)), rtol=1e-5, atol=1e-6)
    # Those of TensorFlow train only.
    fell_back = [row for row in seqtopo.kernels(model) if "last call" in row.why_not_faster]
    assert bool(fell_back) is (keras.config.backend() == "tensorflow")


def test_what_does_not_fit_is_said_as_keras_says_it() -> None:
    inside = sequential()
    model = seqtopo.attach(keras.Model(inside.inputs, inside.outputs))
    model.compile("adam", "mse")
    runs = (model, model.predict, lambda x: model.fit(x, Y[:2], verbose=0))
    # JAX says it in its own words where it compiles.
    for run in runs if BACKEND != "jax" else runs[:1]:
        with pytest.raises(
            ValueError, match=r"expected shape=\(None, 4, 3\), found shape=\((2|None), 4, 5\)"
        ):
            run(np.zeros((2, 4, 5), "float32"))
    if BACKEND == "torch":
        for run in (seqtopo.attach(inside), inside.layers[1]):
            with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
                run(np.zeros((2, 4, 5), "float32"))


@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_it_predicts_for_arrays_of_other_types(dtype: str) -> None:
    model = sequential()
    x = (10 * X).astype(dtype)
    want = model.predict(x, verbose=0)
    np.testing.assert_allclose(seqtopo.attach(model).predict(x, verbose=0), want, rtol=1e-5, atol=1e-6)


def layer_of_a_user() -> Any:
    """A model with a layer of somebody else's."""

    class Own(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    return keras.Sequential([keras.Input((4, 3)), Own()])


def with_operation() -> Any:
    """A model with an operation in it."""
    start = keras.Input((4, 3))
    return keras.Model(start, start * 2)


def with_mask() -> Any:
    """A model that is given a mask."""
    start, mask = keras.Input((4, 3)), keras.Input((4,), dtype="bool")
    return keras.Model([start, mask], layers.LSTM(2)(start, mask=mask))


NOT_STRAIGHT: dict[str, tuple[Callable[[], Any], str]] = {
    "own": (layer_of_a_user, "own is not Keras' own"),
    "operation": (with_operation, "is not a layer, but an operation"),
    "masking": (lambda: keras.Sequential([keras.Input((4, 3)), layers.Masking()]), "masking gives a mask"),
    "embedding": (
        lambda: keras.Sequential([keras.Input((4,)), layers.Embedding(3, 2, mask_zero=True)]),
        "gives a mask",
    ),
    "given": (with_mask, "is given a mask"),
    "activity": (lambda: sequential(activity_regularizer="l2"), "has an activity_regularizer"),
    "mixed": (lambda: sequential(dtype="mixed_bfloat16"), "computes in another precision"),
    "mixes": (
        lambda: keras.Sequential([keras.Input((4, 3)), layers.ReLU(dtype="float64")]),
        "converts what it is given",
    ),
    "subclass": (lambda: type("Own", (keras.Model,), {})(), "it is not a model of layers alone"),
    "not_built": (lambda: keras.Sequential([layers.Dense(2)]), "it is not a model of layers alone"),
}

LOOPS: dict[str, tuple[Callable[[], Any], str]] = {
    "activation": (lambda: layers.LSTM(2, activation="relu"), "has activation=tanh, not relu"),
    "either": (lambda: layers.SimpleRNN(2, activation="elu"), "has activation=tanh or relu, not elu"),
    "gate": (lambda: layers.GRU(2, recurrent_activation="relu"), "recurrent_activation=sigmoid, not relu"),
    "reset": (lambda: layers.GRU(2, reset_after=False), "has reset_after=true"),
    "dropout": (lambda: layers.LSTM(2, recurrent_dropout=0.1), "has no recurrent_dropout"),
}

NATIVE: dict[str, tuple[Callable[[], Any], str]] = {
    "masks": (lambda: layers.LSTM(2, dropout=0.1, implementation=1), "is left to Keras"),
    "subclass": (lambda: type("Own", (layers.LSTM,), {})(2), "but a subclass"),
}


@pytest.mark.parametrize("case", NOT_STRAIGHT)
def test_why_a_model_is_called_as_keras_calls_it(case: str) -> None:
    make, why = NOT_STRAIGHT[case]
    assert_stock(make(), why)


@pytest.mark.parametrize("case", NATIVE)
def test_why_a_layer_runs_on_stock_keras(case: str) -> None:
    make, why = NATIVE[case]
    assert_stock(keras.Sequential([keras.Input((4, 3)), make()]), why)


@pytest.mark.parametrize("case", LOOPS)
def test_why_a_layer_is_not_native(case: str) -> None:
    make, why = LOOPS[case]
    assert_stock(keras.Sequential([keras.Input((4, 3)), make()]), why, "loop")


def assert_stock(model: Any, why: str, kernel: str = "stock") -> None:
    """A model or a layer of it runs on stock Keras or a loop, and the reason is said."""
    if BACKEND != "torch":
        return
    rows = seqtopo.kernels(seqtopo.attach(model))
    assert any(row.kernel == kernel and why in row.why_not_faster for row in rows), str(rows)


def fell_back(model: Any) -> str:
    """Return the reason for which the last call of a model or its layer ran on stock Keras."""
    return "; ".join(
        row.why_not_faster for row in seqtopo.kernels(model) if "last call" in row.why_not_faster
    )


def add_a_layer(model: Any) -> None:
    """Changes the model."""
    model.add(layers.Dense(1))


def add_a_regularizer(model: Any) -> None:
    """Changes a layer."""
    model.layers[0].activity_regularizer = keras.regularizers.L2(0.5)


CHANGES: dict[str, Callable[[Any], object]] = {
    "layer": add_a_layer,
    "regularizer": add_a_regularizer,
    "quantized": lambda model: model.layers[-1].quantize("int8"),
    "hook": lambda model: model.layers[0].register_forward_hook(lambda *_: None) if BACKEND == "torch" else 0,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_later_is_not_passed_over(change: str) -> None:
    model = seqtopo.attach(sequential())
    stock = keras.models.clone_model(model)
    stock.set_weights(model.get_weights())
    for each in (model, stock):
        CHANGES[change](each)
    if change == "layer":
        model.layers[-1].set_weights(stock.layers[-1].get_weights())
    want = stock(X, training=False)
    got = model(X, training=False)
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (got, want)), rtol=1e-5, atol=1e-6)
    assert len(model.losses) == len(stock.losses)
    if BACKEND == "torch":
        assert "changed since it was attached" in fell_back(model)


def test_a_step_of_the_users_own_is_run() -> None:
    model = sequential()
    model.train_step = lambda data: {"loss": 7.0}
    seqtopo.attach(model)
    assert attaching.attached(model) is None
    model = seqtopo.attach(sequential())
    model.compile("adam", "mse", jit_compile=False, run_eagerly=BACKEND != "torch")
    model.compute_loss = lambda *args, **kwargs: type(model).compute_loss(model, *args, **kwargs) * 0
    assert model.evaluate(X, Y, verbose=0) == 0
    assert model.fit(X, Y, verbose=0).history["loss"] == [0]
