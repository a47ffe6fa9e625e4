"""The behaviour of states in stock Keras, measured: a failure here means that Keras has improved."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import seqtopo

BACKEND = keras.config.backend()
X, Y = np.ones((4, 3, 1), "float32"), np.ones((4, 1), "float32")


def stock(**options: Any) -> Any:
    """The model of examples/stateful, written in Keras."""
    rnn = layers.LSTM(4, stateful=True, **options)
    model = keras.Sequential([keras.Input((3, 1), batch_size=1), rnn, layers.Dense(1, dtype="float32")])
    model.compile("sgd", "mse", jit_compile=False)
    return model


def remembers(model: Any) -> bool:
    """Return whether its states are not all zeros."""
    return any(ops.convert_to_numpy(state).any() for state in model.layers[0].states)


def fit(model: Any) -> None:
    """As Keras' guide to recurrent layers says it."""
    model.fit(X, Y, batch_size=1, shuffle=False, verbose=0)


def test_prediction_forgets_on_jax() -> None:
    model = stock()
    model.predict(X, batch_size=1, verbose=0)
    assert remembers(model) == (BACKEND != "jax")
    model = seqtopo.attach(stock())
    model.predict(X, verbose=0)
    assert remembers(model)


def test_training_forgets_on_jax_and_fails_on_pytorch() -> None:
    model = stock()
    if BACKEND == "torch":
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            fit(model)
    else:
        fit(model)
        assert remembers(model) == (BACKEND == "tensorflow")
    model = seqtopo.attach(stock())
    fit(model)
    assert remembers(model)


def test_mixed_precision_forgets_on_pytorch_too() -> None:
    model = stock(dtype="mixed_bfloat16")
    model.predict(X, batch_size=1, verbose=0)
    assert remembers(model) == (BACKEND == "tensorflow")
    model = seqtopo.attach(stock(dtype="mixed_bfloat16"))
    model.predict(X, verbose=0)
    assert remembers(model)


def test_a_masked_first_step_is_zero_but_on_jax() -> None:
    start = keras.Input((3, 1), batch_size=1)
    model = keras.Model(start, layers.GRU(2, stateful=True, return_sequences=True)(layers.Masking()(start)))
    model(X[:1])
    masked = X[:1] * np.array([0, 1, 1], "float32")[None, :, None]
    assert ops.convert_to_numpy(model(masked))[0, 0].any() == (BACKEND == "jax")
    seqtopo.attach(model)
    assert ops.convert_to_numpy(model(masked))[0, 0].any()
