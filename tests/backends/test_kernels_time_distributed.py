"""All steps of a ``TimeDistributed`` at once: where it gives the same, and where it would not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from seqtopo.runtime.kernels import attaching, time_distributed
from seqtopo.runtime.kernels.attaching import Kernel, Stock
from tests.support.cheap_weights import cheap_weights


def functional(*, add: bool = False) -> Any:
    """A model for one step."""
    start = keras.Input((3,))
    end = layers.Dense(2)(layers.Dense(5, activation="relu")(start))
    return keras.Model(start, ops.add(end, 1) if add else end)


def changed() -> Any:
    """A layer whose call is another one."""
    layer = layers.Dense(2)
    layer.call = lambda inputs: inputs[:1]
    return layer


class Own(layers.Dense):
    """A layer of somebody else's."""


AT_ONCE: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "dense": (lambda: layers.Dense(3, activation="relu"), (4,)),
    "dense_of_more_axes": (lambda: layers.Dense(3), (2, 4)),
    "activation": (lambda: layers.Activation("softmax"), (4,)),
    "prelu": (lambda: layers.PReLU(alpha_initializer="ones"), (3,)),
    "conv": (lambda: layers.Conv1D(2, 2), (6, 3)),
    "flatten": (layers.Flatten, (6, 3)),
    "normalization": (layers.LayerNormalization, (6, 3)),
    "rms_normalization": (layers.RMSNormalization, (6, 3)),
    "adaptive_pooling": (lambda: layers.AdaptiveAveragePooling1D(2), (6, 3)),
    "recurrent": (lambda: layers.LSTM(3), (2, 3)),
    "both_ways": (lambda: layers.Bidirectional(layers.SimpleRNN(3)), (2, 3)),
    "nested": (lambda: layers.TimeDistributed(layers.Dense(2)), (6, 3)),
    "functional": (functional, (3,)),
    "sequential": (lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.ReLU()]), (3,)),
}

ONE_BY_ONE: dict[str, tuple[Callable[[], Any], str]] = {
    "dropout": (lambda: layers.Dropout(0.5), "may not treat each sample by itself"),
    "batch": (layers.BatchNormalization, "may not treat each sample by itself"),
    "subclass": (lambda: Own(2), "may not treat each sample by itself"),
    "inside": (lambda: keras.Sequential([keras.Input((3,)), Own(2)]), "may not treat each sample by itself"),
    "operation": (lambda: functional(add=True), "has the operation add"),
    "own_model": (lambda: type("Mine", (keras.Model,), {})(), "is not a model of layers alone"),
    "not_built": (lambda: keras.Sequential([layers.Dense(2)]), "is not a model of layers alone"),
    "recurrent_dropout": (lambda: layers.LSTM(2, recurrent_dropout=0.1), "draws dropout anew"),
    "inner_dropout": (lambda: layers.GRU(2, dropout=0.1), "draws dropout anew"),
    "stateful": (lambda: layers.GRU(2, stateful=True), "is stateful"),
    "activity": (lambda: layers.Dense(2, activity_regularizer="l2"), "has an activity_regularizer"),
    "quantized": (lambda: layers.Dense(2, dtype="int8_from_float32"), "is quantized"),
    "axis": (lambda: layers.Softmax(axis=-2), "an axis that may be that of the samples"),
    "samples": (lambda: layers.UnitNormalization(axis=0), "an axis that may be that of the samples"),
    "own_activation": (
        lambda: layers.Dense(2, activation=lambda x: x[::-1]),
        "has an activation that is not",
    ),
    "changed": (changed, "has another call than its class"),
}


def stock_and_kernel(inner: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """A layer over steps, and its kernel."""
    layer = layers.TimeDistributed(inner)
    with cheap_weights():
        layer.build((2, 5, *shape))
    choice = time_distributed.choose(layer)
    assert isinstance(choice, Kernel)
    return layer, attaching.Attached(layer, choice)


@pytest.mark.parametrize("case", AT_ONCE)
def test_all_at_once_it_gives_the_same(case: str) -> None:
    make, shape = AT_ONCE[case]
    layer, kernel = stock_and_kernel(make(), shape)
    x = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(2, 5, *shape)).astype("float32"))
    want, got = layer.call(x, training=True), kernel(x, training=True)
    assert not kernel.fell_back
    assert got.shape == want.shape
    np.testing.assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(want), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ONE_BY_ONE)
def test_what_could_give_something_else_is_called_step_by_step(case: str) -> None:
    make, why = ONE_BY_ONE[case]
    choice = time_distributed.choose(layers.TimeDistributed(make()))
    assert isinstance(choice, Stock)
    assert why in choice.why


def test_a_subclass_is_left_alone() -> None:
    own = type("Own", (layers.TimeDistributed,), {})
    assert time_distributed.choose(own(layers.Dense(2))) == Stock(
        "it is not Keras' own layer, but a subclass"
    )


def test_a_mask_that_the_layer_inside_takes_is_given_to_it_step_by_step() -> None:
    x, mask = ops.ones((2, 5, 3)), ops.convert_to_tensor(np.arange(5)[None] < [[2], [4]])
    layer, kernel = stock_and_kernel(layers.Dense(2), (3,))
    np.testing.assert_allclose(
        ops.convert_to_numpy(kernel(x, mask=mask)), ops.convert_to_numpy(layer.call(x, mask=mask)), rtol=1e-5
    )
    assert not kernel.fell_back
    with pytest.raises(ValueError, match="must match the input's first two dimensions"):
        kernel(x, mask=mask[:, :3])
    assert kernel.fell_back
    layer, kernel = stock_and_kernel(functional(), (3,))
    kernel(x, mask=mask)
    assert kernel.fell_back == "it has a mask, which is given to the layer inside step by step"


def test_it_learns_the_same() -> None:
    def model(*, at_once: bool) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        start = keras.Input((5, 6, 3))
        end = start
        over = [
            layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            layers.Flatten(),
            layers.Dense(2),
        ]
        for inner in over:
            end = layers.TimeDistributed(inner)(end)
        made = keras.Model(start, end)
        for layer in made.layers[1:] if at_once else ():
            choice = time_distributed.choose(layer)
            assert isinstance(choice, Kernel)
            layer.call = attaching.Attached(layer, choice)
        made.compile("sgd", "mse", jit_compile=False, run_eagerly=keras.config.backend() == "tensorflow")
        random = np.random.default_rng(1)
        for _ in range(2):
            made.train_on_batch(random.normal(size=(2, 5, 6, 3)), random.normal(size=(2, 5, 2)))
        return list(made.get_weights())

    for want, got in zip(model(at_once=False), model(at_once=True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
