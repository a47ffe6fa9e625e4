"""What comes after a history, by a model that was loaded from a file."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from seqtopo.runtime.model_files import Notes
from seqtopo.runtime.rollout import rolled_out

Array = np.ndarray[Any, Any]


def takes(model: keras.Model) -> tuple[bool, int]:
    """Whether a model takes ids, and how many features at each step.

    Raises:
        ValueError: it takes several inputs, or no sequence.
    """
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    ids = not keras.backend.is_float_dtype(model.inputs[0].dtype)
    if len(shapes) != 1 or len(shapes[0]) != (2 if ids else 3):
        raise ValueError(
            f"its inputs have the shapes {shapes}, but a forecast is for a model of one sequence, "
            "(batch, steps, features)"
        )
    return ids, 1 if ids else int(shapes[0][2] or 0)


def forecast(model: keras.Model, notes: Notes, history: Array, steps: int) -> Array:
    """The next steps (steps, told features) after a history (time, features), in the units of the data.

    Raises:
        ValueError: the model cannot go on for so long, or the history does not fit it.
    """
    ids, _ = takes(model)
    if notes.answers == "same":
        raise ValueError("it gives back the window that it takes, so it tells nothing of what comes after")
    mean, spread = np.array(notes.mean or 0.0), np.array(notes.spread or 1.0)
    scaled = history if ids else np.asarray((history - mean) / spread, "float32")
    length = model.inputs[0].shape[1]
    if length is not None and len(scaled) < length:
        raise ValueError(f"it takes windows of {length} steps, but the history has only {len(scaled)}")
    told = notes.targets or list(range(1 if ids else history.shape[1]))
    output = tuple(model.outputs[0].shape)
    direct = not ids and len(output) == 2 and (notes.horizon > 1 or output[1] != history.shape[1])
    if direct or (not ids and len(told) < history.shape[1]):
        found = _directly(model, scaled, steps, len(told), history.shape[1])
    else:
        batch = model.inputs[0].shape[0]
        start = scaled[None] if batch is None else np.repeat(scaled[None], batch, axis=0)
        found = np.asarray(rolled_out(model, start, steps))[0]
    if ids:
        return found[:, None]
    return np.asarray(found * (spread[told] if spread.ndim else spread) + (mean[told] if mean.ndim else mean))


def _directly(model: keras.Model, history: Array, steps: int, told: int, features: int) -> Array:
    """For models that give several steps in one row, or tell only some features: whole windows."""
    length = model.inputs[0].shape[1] or len(history)
    found: list[Array] = []
    while sum(map(len, found)) < steps:
        window = np.concatenate([history, *found] if told == features else [history])[-length:]
        answer = np.asarray(model.predict_on_batch(window[None])).reshape(-1, told)
        if len(model.outputs[0].shape) == 3 and model.outputs[0].shape[1] in (None, length):
            answer = answer[-1:]
        found.append(answer)
        if told < features and len(answer) < steps:
            raise ValueError(
                f"it tells {told} of the {features} features that it takes, so it can go on for "
                f"{len(answer)} step{'s' if len(answer) > 1 else ''} only: the others are not known then"
            )
    return np.concatenate(found)[:steps]
