"""A compiled model's own loss and metrics on held-out batches, beside those of guesses that know nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

Array = np.ndarray[Any, Any]
Guess = Callable[[Any, list[Array]], list[Array]]
"""From a batch's x and the model's predictions (for their shapes): one prediction for each output."""

RIGHT = "right"
"""The column of right classes, where the spec names no metric."""


def own_scores(
    model: keras.Model,
    batches: Callable[[], Iterable[tuple[Any, ...]]],
    begin: Callable[[], Callable[[Any], Any]],
    guesses: Mapping[str, Guess],
    counted: keras.metrics.Metric | None = None,
) -> dict[str, dict[str, float]]:
    """For each guess and then for the model: its metrics as Keras computes them, and its loss.

    ``batches`` starts anew at each call, and ``begin`` gives what predicts from the first one. ``counted`` is
    a metric that is taken beside those that the model was compiled with. The loss of a guess has none of
    the model's penalties on weights in it.
    """
    found: dict[str, dict[str, float]] = {}
    for name, guess in [*guesses.items(), ("the model", None)]:
        predict = begin()
        model.reset_metrics()
        if counted is not None:
            counted.reset_state()
        sums, samples = 0.0, 0
        numbers: dict[str, Any] = {}
        for x, y, *weights in batches():
            weight = weights[0] if weights else None
            given = predict(x) if guess is None else _shapes(model, y, x)
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            outputs = given if guess is None else guess(x, given)
            tensors = [ops.convert_to_tensor(np.asarray(output, "float32")) for output in outputs]
            told = tensors if len(tensors) > 1 else tensors[0]
            labels = list(y) if isinstance(y, tuple) else y
            loss = model.compute_loss(x, labels, told, weight, training=False)
            penalty = sum(float(ops.convert_to_numpy(one)) for one in model.losses) if guess else 0.0
            count = len(outputs[0])
            sums += (float(ops.convert_to_numpy(loss)) - penalty) * count
            samples += count
            numbers = model.compute_metrics(x, labels, told, weight)
            if counted is not None:
                counted.update_state(labels, told, weight)
        metrics = {key: float(np.mean(value)) for key, value in numbers.items() if key != "loss"}
        if counted is not None:
            metrics[RIGHT] = float(counted.result())
        found[name] = {**metrics, "loss": sums / max(samples, 1)}
    model.reset_metrics()
    return found


def right_classes(kinds: list[str], logits: list[bool]) -> keras.metrics.Metric | None:
    """The share of right classes, as a metric for the one output of a model; None where none are told."""
    if len(kinds) > 1 or kinds[0] == "number":
        return None
    if kinds[0] == "yes-no":
        return keras.metrics.BinaryAccuracy(threshold=0.0 if logits[0] else 0.5)
    return {"ids": keras.metrics.SparseCategoricalAccuracy, "one-hot": keras.metrics.CategoricalAccuracy}[
        kinds[0]
    ]()


def _shapes(model: keras.Model, y: Any, x: Any) -> list[Array]:
    """Zeros in the shapes of the outputs for one batch."""
    first = x[0] if isinstance(x, (tuple, list)) else x
    labels = y if isinstance(y, tuple) else (y,)
    found = []
    for output, given in zip(model.outputs, labels, strict=True):
        sizes = [len(first), *output.shape[1:]]
        axes = given.shape[: len(sizes)]
        sizes = [size if size is not None else axes[i] for i, size in enumerate(sizes)]
        found.append(np.zeros(sizes, "float32"))
    return found
