"""Loops are compiled on TensorFlow if the fit is long enough to win back the time of compiling."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from tests.support.cheap_weights import cheap_weights

TENSORFLOW = keras.config.backend() == "tensorflow"
T = 20
X, Y = np.ones((64, T, 2), "float32"), np.ones((64, 1), "float32")


def trained(model: Any, **options: Any) -> str:
    """Return the reason for which the loop of a trained model ran on stock Keras; "" for none."""
    model.fit(X, Y, verbose=0, **options)
    (found,) = [row.why_not_faster for row in seqtopo.kernels(model) if row.layer == "lstm"]
    return found


def ready() -> Any:
    with cheap_weights():
        return seqtopo.compile(f"in({T},2) -> lstm(3) -> dense(1)\ntrain sgd, loss=mse")


def test_fault_d10_a_short_fit_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if not TENSORFLOW:
        assert not trained(ready(), epochs=1)
        return
    from seqtopo.runtime.kernels.on_tensorflow import planned

    model = ready()
    assert "too short to win back" in trained(model, epochs=1)
    # Two steps an epoch, of which these and those before are enough.
    monkeypatch.setattr(planned, "WORTH_COMPILING", 6 * T)
    assert "too short to win back" in trained(model, epochs=1)
    assert not trained(model, epochs=1)
    assert not trained(model, epochs=1)
    assert not trained(ready(), epochs=3)
    assert "too short to win back" in trained(ready(), epochs=5, initial_epoch=3)


def test_fault_d10_the_steps_of_a_fit() -> None:
    if not TENSORFLOW:
        assert not [row for row in seqtopo.kernels(ready()) if "fit" in row.kernel]
        return
    from seqtopo.runtime.kernels.on_tensorflow.planned import planned

    assert planned({"x": X, "epochs": 3}) == 6
    assert planned({"x": X, "batch_size": 10}) == 7
    assert planned({"x": {"a": X, "b": X}, "batch_size": 64, "epochs": 5, "initial_epoch": 2}) == 3
    assert planned({"x": iter([X]), "steps_per_epoch": 4, "epochs": 2}) == 8
    assert planned({"x": iter([X])}) == math.inf
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    assert planned({"x": batches}) == 4
    assert planned({"x": batches.repeat()}) == math.inf
