"""Models to roll out, and the loops that people write by hand, with ``predict``, to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np

STEPPED = {
    "many_to_many": "in(?,3) -> lstm(4,seq) -> gru(5,seq) -> norm -> dense(3)",
    "many_to_one": "in(?,2) -> simple_rnn(4,seq) -> lstm(3) -> dense(2)",
    "last_step": "in(?,2) -> gru(4,seq) -> dense(2) -> batchnorm -> dropout(0.5) -> last(1)",
    "same_width": "in(?,2) -> lstm(2,seq)",
    "named_parts": "part = lstm(4,seq) -> dense(3)\n"
    "in(?,3) -> part -> part -> [id, gru(3,seq)] -> concat -> dense(3)",
    "dilated": "in(?,2) -> conv1d(4,1) -> "
    "([id, conv1d(4,2,causal,dilation_rate=D) -> tanh as skips] -> add) for D in [1, 2, 4]\n"
    "skips -> add -> relu -> dense(2)",
    "causal_attention": "in(?,4) -> pos(sin) -> res(norm -> mha(2,3,causal)) "
    "-> res(dense(8,gelu) -> dense(4)) -> dense(4)",
    "dot_attention": "in(?,2) -> dense(4) as q\n[q, q] -> attention(causal) -> dense(2)",
}
"""Of any length: carried by states."""

WINDOWS = {
    "look_back": "in(6,1) -> simple_rnn(5) -> dense(1)",
    "both_directions": "in(6,2) -> bi(lstm(3,seq)) -> dense(2)",
    "flat": "in(4,2) -> flatten -> dense(2)",
}
"""Of a fixed length: a window that slides."""

WRITERS = {
    "states": "encoder = in(?,int(9)) as source -> embed(9,4,mask) -> lstm(8)\n"
    "decoder = in(?,int(9)) as target -> embed(9,4) -> lstm(8,seq,init=encoder.state) -> dense(9) -> softmax",
    "attention": "encoder = in(?,int(9)) as source -> embed(9,8,mask) -> bi(lstm(4,seq))\n"
    "decoder = in(?,int(9)) as target -> embed(9,8) -> lstm(8,seq,init=encoder.state)\n"
    "[decoder, [decoder, encoder] -> attention] -> concat -> dense(9,softmax)",
    "transformer": "heard = in(?,int(9)) as source -> embed(9,8,mask) -> mha(2,4) -> norm\n"
    "said = in(?,int(9)) as target -> embed(9,8) -> pos(sin) -> mha(2,4,causal)\n"
    "[said, heard] -> mha(2,4) -> dense(9)",
}
"""Encoders and decoders, trained with the answer shown."""


def generator() -> np.random.Generator:
    """Numbers that are the same on every backend."""
    return np.random.default_rng(5)


def set_weights(model: Any, scale: float = 0.4) -> None:
    """Draw the weights anew, the same on every backend."""
    numbers = generator()
    for weight in model.weights:
        drawn = numbers.normal(scale=scale, size=weight.shape).astype("float32")
        weight.assign(abs(drawn) + 0.5 if weight.name == "moving_variance" else drawn)


def history_for(model: Any, steps: int = 6, batch: int = 3) -> np.ndarray:
    """A history that fits the first input of a model of numbers."""
    drawn: np.ndarray = generator().normal(size=(batch, steps, model.inputs[0].shape[-1])).astype("float32")
    return drawn


def naive(model: Any, history: np.ndarray, steps: int, future: np.ndarray | None = None) -> np.ndarray:
    """``predict`` on the history as it grows; of a fixed length, on its last steps.

    JAX would compile each length anew. There, where answers are given at every step and look at none to come,
    the steps to come are filled up.
    """
    import keras

    window = model.inputs[0].shape[1] or 0
    fills = keras.backend.backend() == "jax" and model.outputs[0].shape[1:-1] == (None,)
    length = history.shape[1] + steps
    found = []
    for i in range(steps):
        missing = length - history.shape[1] if fills else 0
        answer = model.predict(np.pad(history, ((0, 0), (0, missing), (0, 0)))[:, -window:], verbose=0)
        answer = answer[:, -1 - missing] if answer.ndim == 3 else answer
        found.append(answer)
        known = answer if future is None else np.concatenate([answer, future[:, i]], axis=-1)
        history = np.concatenate([history, known[:, None]], axis=1)
    return np.stack(found, axis=1)


def written(model: Any, source: np.ndarray, start: int, steps: int) -> np.ndarray:
    """``predict`` on what was written so far, the likeliest id each time."""
    found = np.full((len(source), steps + 1), start, "int32")
    for i in range(steps):
        # Steps to come do not matter: the decoder reads from left to right.
        said = model.predict({"source": source, "target": found[:, :-1]}, verbose=0)
        found[:, i + 1] = said[:, i].argmax(-1)
    return found[:, 1:]
