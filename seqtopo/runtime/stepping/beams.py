"""Search with beams: keep the likeliest sequences so far side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

NEVER = -1e30


@dataclass(frozen=True)
class Beams:
    """``width`` sequences for each of the batch; those that have ended go on with the stop sign, for free."""

    width: int
    stop: int | None

    def start(self, batch: int, steps: int) -> list[np.ndarray]:
        """Scores (batch, width), lengths (batch, width) and what is written (batch * width, steps).

        At first all of them are the same, so that only one of them counts.
        """
        scores = np.full((batch, self.width), NEVER, "float32")
        scores[:, 0] = 0
        written = np.full((batch * self.width, steps), 0 if self.stop is None else self.stop, "int32")
        return [scores, np.zeros((batch, self.width), "float32"), written]

    def turn(
        self, log_probs: Any, done: Any, scores: Any, lengths: Any, written: Any, place: Any
    ) -> tuple[Any, ...]:
        """Take one step, from the logarithms of the probabilities (batch * width, V).

        Gives which beam each goes on from, the ids that it gets, and the rest carried on.
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
        """Return the best of the beams (batch, steps), by its score over its length to the power of
        ``penalty``.
        """
        scores, lengths, written = carried
        ranked = scores / np.maximum(lengths, 1) ** penalty
        whole = written.reshape(*scores.shape, -1)
        found: np.ndarray = whole[np.arange(len(whole)), ranked.argmax(axis=1)]
        return found
