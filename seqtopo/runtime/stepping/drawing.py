"""Draw token ids from a model's output, the same on every backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from seqtopo.emit import keras_private
from seqtopo.runtime.stepping.nodes import node_of, source_of
from seqtopo.sampling import Sampler

LOWEST = -1e30


def drawn(sample: Any, logits: Any, chance: Any) -> Any:
    """Return the ids (batch,) that a sampler, or any function of logits (batch, V), takes.

    ``chance`` is a number in [0, 1) for each row. An id is where the probabilities, added up, pass it.
    """
    if not isinstance(sample, Sampler):
        return ops.cast(sample(logits), "int32")
    if sample.temperature == 0:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    logits = ops.cast(logits, "float32") / sample.temperature
    if sample.top_k is not None and sample.top_k < logits.shape[-1]:
        least = ops.top_k(logits, sample.top_k)[0][:, -1:]
        logits = ops.where(logits < least, LOWEST, logits)
    passed = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    # The sum of all is only about 1: scaled, so that chance never lies beyond the last.
    over = passed <= ops.expand_dims(chance, -1) * passed[:, -1:]
    ids = ops.sum(ops.cast(over, "int32"), axis=-1)
    return ops.minimum(ids, logits.shape[-1] - 1)


def gives_probabilities(model: keras.Model, output: int) -> bool:
    """Return whether an output is the result of a softmax, so that its logarithm is what samplers take."""
    tensor = model.outputs[output]
    while isinstance(tensor, keras.KerasTensor):
        operation = source_of(tensor)
        kind = type(operation).__name__
        if kind == "TimeDistributed":
            operation = operation.layer
            kind = type(operation).__name__
        if kind in ("Identity", "GetItem", "Reshape", "Squeeze", "Where", "Masking") or isinstance(
            operation, keras.layers.Dropout
        ):
            inputs = [
                x for x in node_of(tensor).arguments.keras_tensors if keras.backend.is_float_dtype(x.dtype)
            ]
            if len(inputs) != 1:
                return False
            tensor = inputs[0]
            continue
        if isinstance(operation, keras.Model):
            return gives_probabilities(operation, keras_private.history(tensor)[2])
        return kind == "Softmax" or getattr(operation, "activation", None) is keras.activations.softmax
    return False


def logits_of(values: Any, probabilities: bool) -> Any:
    """Return what samplers take: logits as they are, probabilities as their logarithms."""
    if not probabilities:
        return values
    return ops.log(ops.maximum(ops.cast(values, "float32"), 1e-30))
