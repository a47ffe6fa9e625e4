"""Predict one sequence, or 16, at a time: `predict`, a call, the backend by hand, and `seqtopo.predictor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timing import Row, compare

BACKENDS = ("jax", "torch", "tensorflow")
OURS, PREDICT, CALL, BY_HAND = "predictor", "predict", "a call of the model", "the backend by hand"
MOST = 1.5
ROUNDS, FEW = 200, 15
"""The rounds of quick tasks and of slow ones."""
MODELS = {
    "LSTM": "in(50,8) -> lstm(64) -> dense(1)",
    "GRU": "in(50,8) -> gru(64) -> dense(1)",
    "convolutions": "in(50,8) -> conv1d(32,3,causal,relu) * 3 -> dense(1)",
    "transformer": "in(50,8) -> dense(64)\n"
    "-> (res(norm -> mha(4,16,causal)) -> res(norm -> dense(256,gelu) -> dense(64))) * 2 -> norm -> dense(1)",
}


def measure(backend: str) -> Iterator[Row]:
    """Time four small models on 50 steps of 8 features."""
    import numpy as np

    import seqtopo

    for name, spec in MODELS.items():
        model = seqtopo.compile(spec)
        numbers = np.random.default_rng(1)
        model.set_weights([numbers.normal(scale=0.2, size=w.shape) for w in model.weights])
        for batch in (1, 16):
            yield from _rows(name, model, numbers.normal(size=(batch, 50, 8)).astype("float32"), backend)


def _rows(name: str, model: Any, x: Any, backend: str) -> Iterator[Row]:
    import keras
    import numpy as np
    from answering_by_hand import by_hand

    import seqtopo

    answer, native = seqtopo.predictor(model), by_hand(name, model, x, backend)
    np.testing.assert_allclose(answer(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(answer(x), native(x), rtol=1e-3, atol=1e-4)
    what = f"{name}, batch {len(x)}"
    shown = [(OURS, BY_HAND), (OURS, PREDICT)] if name == "LSTM" and len(x) == 1 else []

    def called() -> Any:
        return keras.ops.convert_to_numpy(model(x, training=False))

    fast = {OURS: lambda: answer(x), BY_HAND: lambda: native(x)}
    yield from compare(what, fast, {(OURS, BY_HAND): MOST}, ROUNDS, backend, headlines=shown)
    slow = {OURS: lambda: answer(x), PREDICT: lambda: model.predict(x, verbose=0), CALL: called}
    pairs = {(OURS, PREDICT): None, (OURS, CALL): None}
    yield from compare(what, slow, pairs, FEW, backend, headlines=shown)
