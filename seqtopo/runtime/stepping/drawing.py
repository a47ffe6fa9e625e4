"""Draw token ids from a model's output, equally on every backend, or search with beams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from seqtopo.emit import keras_private
from seqtopo.runtime.stepping.nodes import node_of, source_of
from seqtopo.sampling import Sampler

LOWEST = -1e30


def drawn(sample: Any, logits: Any, chance: Any) -> Any:
    """Return the ids (batch,) that a sampler, or any function, takes from logits (batch, V).

    ``chance`` is a number in [0, 1) for each row. The id is the first whose cumulative probability exceeds
    it.
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


NEVER = -1e30


@dataclass(frozen=True)
class Beams:
    """A beam search with ``width`` sequences a sample; finished ones repeat the stop token at no cost."""

    width: int
    stop: int | None

    def start(self, batch: int, steps: int) -> list[np.ndarray]:
        """Return scores (batch, width), lengths (batch, width) and sequences (batch * width, steps) to start
        with.

        All beams of a sample are equal at first, so only the first one's score counts.
        """
        scores = np.full((batch, self.width), NEVER, "float32")
        scores[:, 0] = 0
        written = np.full((batch * self.width, steps), 0 if self.stop is None else self.stop, "int32")
        return [scores, np.zeros((batch, self.width), "float32"), written]

    def turn(
        self, log_probs: Any, done: Any, scores: Any, lengths: Any, written: Any, place: Any
    ) -> tuple[Any, ...]:
        """Take one step, from log probabilities (batch * width, V).

        Return the beam that each new one continues, the new ids, and the new values of all else that is
        carried.
        """
        size = log_probs.shape[-1]
        if self.stop is not None:
            ended = ops.where(ops.equal(ops.arange(size), self.stop), 0.0, NEVER)
            log_probs = ops.where(ops.expand_dims(done, -1), ended, log_probs)
        total = ops.reshape(
            ops.expand_dims(scores, -1) + ops.reshape(log_probs, (-1, self.width, size)),
            (-1, self.width * size),
        )
        scores, chosen = ops.top_k(total, self.width)
        chosen = ops.cast(chosen, "int32")
        rows = ops.cast(ops.arange(scores.shape[0]), "int32") * self.width
        from_ = ops.reshape(ops.expand_dims(rows, -1) + ops.floor_divide(chosen, size), (-1,))
        ids = ops.reshape(ops.mod(chosen, size), (-1,))
        done = ops.take(done, from_, axis=0)
        lengths = ops.take(ops.reshape(lengths, (-1,)), from_, axis=0) + ops.where(done, 0.0, 1.0)
        if self.stop is not None:
            done = ops.logical_or(done, ops.equal(ids, self.stop))
        here = ops.equal(ops.cast(ops.arange(written.shape[1]), "int32"), ops.cast(place, "int32"))
        written = ops.where(here, ops.expand_dims(ids, -1), ops.take(written, from_, axis=0))
        return from_, ids, done, scores, ops.reshape(lengths, (-1, self.width)), written

    def best(self, carried: list[np.ndarray], penalty: float) -> np.ndarray:
        """Return the best sequences (batch, steps), by score over length to the power of ``penalty``."""
        scores, lengths, written = carried
        ranked = scores / np.maximum(lengths, 1) ** penalty
        whole = written.reshape(*scores.shape, -1)
        found: np.ndarray = whole[np.arange(len(whole)), ranked.argmax(axis=1)]
        return found
