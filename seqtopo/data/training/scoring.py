"""Score a compiled model on held-out batches, and baselines with the same loss and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from seqtopo.emit import keras_private

Array = np.ndarray[Any, Any]
Guess = Callable[[Any, list[Array]], list[Array]]
"""A function from a batch's x and the model's predictions to a baseline's predictions of their shapes."""

RIGHT = "right"
"""The column of the share of right classes, if the spec names no metric."""


Masks = Callable[[Any], list[Array | None]]
"""A function from a batch's x to the mask of each output: (batch, steps), or None."""


def masks_of(model: keras.Model) -> Masks | None:
    """Return the function that computes the masks of a model's outputs; None if no output has one.

    Keras leaves masked steps out of losses and metrics.
    """
    every = [keras_private.mask_of(output) for output in model.outputs]
    found = [mask if mask is not None and len(mask.shape) == 2 else None for mask in every]
    there = [mask for mask in found if mask is not None]
    if not there:
        return None
    inputs = list(model.inputs)
    masking = keras.Model(inputs if len(inputs) > 1 else inputs[0], there)

    def masks(x: Any) -> list[Array | None]:
        given = masking.predict_on_batch(list(x) if isinstance(x, tuple) else x)
        arrays = iter(given if isinstance(given, (list, tuple)) else [given])
        return [None if mask is None else np.asarray(next(arrays)) for mask in found]

    return masks


def own_scores(
    model: keras.Model,
    batches: Callable[[], Iterable[tuple[Any, ...]]],
    begin: Callable[[], Callable[[Any], Any]],
    guesses: Mapping[str, Guess],
    counted: keras.metrics.Metric | None = None,
    masks: Masks | None = None,
) -> dict[str, dict[str, float]]:
    """Return the metrics, as Keras computes them, and the loss: of each baseline, and then of the model.

    ``batches`` starts anew at each call, and ``begin`` gives the function that predicts from the first one.
    ``counted`` is a metric besides those that the model was compiled with. Steps that ``masks`` masks count
    for nothing. The loss of a baseline has none of the model's penalties on weights in it.
    """
    found: dict[str, dict[str, float]] = {}
    for name, guess in [*guesses.items(), ("the model", None)]:
        model.reset_metrics()
        if counted is not None:
            counted.reset_state()
        try:
            found[name] = _score(model, batches(), begin(), guess, counted, masks)
        except ValueError:
            # A loss may take answers of a form that has no such guess.
            if guess is None:
                raise
    model.reset_metrics()
    return found


def _score(
    model: keras.Model,
    batches: Iterable[tuple[Any, ...]],
    predict: Callable[[Any], Any],
    guess: Guess | None,
    counted: keras.metrics.Metric | None,
    masks: Masks | None,
) -> dict[str, float]:
    loss, samples = 0.0, 0
    numbers: dict[str, Any] = {}
    for x, y, *weights in batches:
        weight = weights[0] if weights else None
        given = predict(x) if guess is None else _shapes(model, y, x)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        outputs = given if guess is None else guess(x, given)
        tensors = [ops.convert_to_tensor(np.asarray(output, "float32")) for output in outputs]
        for tensor, mask in zip(tensors, masks(x) if masks is not None else (), strict=False):
            if mask is not None:
                keras_private.put_mask(tensor, ops.convert_to_tensor(mask))
        outputs = tensors if len(tensors) > 1 else tensors[0]
        labels = list(y) if isinstance(y, tuple) else y
        batch = _number(model.compute_loss(x, labels, outputs, weight, training=False))
        penalty = sum(map(_number, model.losses)) if guess is not None else 0.0
        loss += (batch - penalty) * len(given[0])
        samples += len(given[0])
        numbers = model.compute_metrics(x, labels, outputs, weight)
        if counted is not None:
            counted.update_state(labels, outputs, weight)
    metrics = {key: _number(value) for key, value in numbers.items() if key != "loss"}
    if counted is not None:
        metrics[RIGHT] = _number(counted.result())
    return {**metrics, "loss": loss / max(samples, 1)}


def _number(value: Any) -> float:
    """Return a metric as one number: the mean, if it has a number for each class."""
    return float(np.mean(ops.convert_to_numpy(value)))


def right_classes(kinds: list[str], logits: list[bool]) -> keras.metrics.Metric | None:
    """Return a metric of the share of right classes, for a model with one output; None without classes."""
    if len(kinds) > 1 or kinds[0] == "number":
        return None
    if kinds[0] == "yes-no":
        return keras.metrics.BinaryAccuracy(threshold=0.0 if logits[0] else 0.5)
    return {"ids": keras.metrics.SparseCategoricalAccuracy, "one-hot": keras.metrics.CategoricalAccuracy}[
        kinds[0]
    ]()


def _shapes(model: keras.Model, y: Any, x: Any) -> list[Array]:
    """Return zeros in the shapes of the outputs for one batch."""
    first = x[0] if isinstance(x, (tuple, list)) else x
    labels = y if isinstance(y, tuple) else (y,)
    found = []
    for output, given in zip(model.outputs, labels, strict=True):
        sizes = [len(first), *output.shape[1:]]
        axes = given.shape[: len(sizes)]
        sizes = [size if size is not None else axes[i] for i, size in enumerate(sizes)]
        found.append(np.zeros(sizes, "float32"))
    return found
