"""Forecast the steps after a history, with a saved model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from seqtopo.data.training.model_files import Notes
from seqtopo.data.training.training_runs import from_its_start
from seqtopo.runtime.states.tracking import stateful_layers
from seqtopo.runtime.stepping.nodes import CannotStepError, functional
from seqtopo.runtime.stepping.rollout import check_rollout, next_answers, rolled_out

Array = np.ndarray[Any, Any]
PARTED = 1000
"""The steps of one part of a forecast; after each part the number of finished steps is reported."""


class CannotGoOnError(ValueError):
    """A model cannot forecast, or only up to ``steps``; ``help`` says what to do."""

    def __init__(self, reason: str, help: str, steps: int = 0) -> None:
        super().__init__(reason)
        self.help = help
        self.steps = steps


def takes(model: keras.Model) -> tuple[bool, int]:
    """Return whether a model takes ids, and the number of features of a step.

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


def forecast(
    model: keras.Model,
    notes: Notes,
    history: Array,
    steps: int,
    future: Array | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Array:
    """Return the next steps (steps, target features) after a history (time, features), in the data's units.

    ``future`` are the known features of the steps ahead, (steps, features that are not predicted), unscaled.
    ``on_progress`` is called with the number of finished steps.

    Raises:
        ValueError: the model cannot forecast so many steps, or the history does not fit it.
    """
    ids, _ = takes(model)
    targets = _targets(model, notes, history)
    mean, spread = np.array(notes.mean or 0.0), np.array(notes.spread or 1.0)
    scaled = history if ids else np.asarray((history - mean) / spread, "float32")
    if _is_direct(model, notes, history):
        known = None
        if future is not None:
            others = not_targets(targets, history.shape[1])
            known = (future - (mean[others] if mean.ndim else mean)) / (
                spread[others] if spread.ndim else spread
            )
        found = _directly(model, notes, scaled, steps, targets, known, on_progress)
    else:
        # Parts compile a program of their own, so a short forecast is made in one go.
        progress = (lambda done, steps: on_progress(done)) if steps > PARTED else False
        read, mode = _for_rollout(model, notes, scaled)
        found = np.asarray(rolled_out(model, _start(model, read), steps, progress=progress, mode=mode))[0]
    if ids:
        return found[:, None]
    return np.asarray(
        found * (spread[targets] if spread.ndim else spread) + (mean[targets] if mean.ndim else mean)
    )


def most_steps(model: keras.Model, notes: Notes, history: Array) -> int | None:
    """Return the most steps that ``forecast`` can predict without a ``future``; None for any number.

    Raises:
        ValueError: it can predict none.
    """
    targets = _targets(model, notes, history)
    if not _is_direct(model, notes, history):
        read, mode = _for_rollout(model, notes, history)
        check_rollout(model, _start(model, read), 1, mode)
        return None
    found = _answer(model, notes, np.asarray(history, "float32"), len(targets))
    return None if len(targets) == history.shape[1] else len(found)


def not_targets(targets: list[int], features: int) -> list[int]:
    """Return the numbers of the features that are not predicted."""
    return [number for number in range(features) if number not in targets]


def _targets(model: keras.Model, notes: Notes, history: Array) -> list[int]:
    """Return the numbers of the predicted features.

    Raises:
        ValueError: the model predicts no features of a history.
    """
    ids, _ = takes(model)
    if notes.answers == "same":
        raise CannotGoOnError(
            "it gives back the window that it takes, so it predicts nothing of what comes after",
            "train a model that predicts the steps after the window: seqtopo fit without --same",
        )
    if ids and model.outputs[0].shape[-1] == 1:
        raise CannotGoOnError(
            "it gives one number for an id, so it does not say which id comes next",
            "end with dense(V), of as many units as there are ids, or take 0 and 1 for numbers: in(T,1)",
        )
    length = model.inputs[0].shape[1]
    if length is not None and len(history) < length:
        raise ValueError(f"it takes windows of {length} steps, but the history has only {len(history)}")
    return notes.targets or list(range(1 if ids else history.shape[1]))


def _is_direct(model: keras.Model, notes: Notes, history: Array) -> bool:
    """Return whether a model gives several steps at once, or predicts only some features."""
    if not keras.backend.is_float_dtype(model.inputs[0].dtype):
        return False
    output = tuple(model.outputs[0].shape)
    several = len(output) == 2 and (notes.horizon > 1 or output[1] != history.shape[1])
    block = len(output) == 3 and notes.answers == "ahead"
    return several or block or 0 < len(notes.targets) < history.shape[1]


def _for_rollout(model: keras.Model, notes: Notes, history: Array) -> tuple[Array, str | None]:
    """Return the part of a history that a model goes on from, and the mode of the roll-out.

    A model of any length that cannot be run step by step reads windows as long as in training.
    """
    if model.inputs[0].shape[1] is not None or not notes.steps:
        return history, None
    try:
        check_rollout(model, _start(model, history), 1)
    except CannotStepError:
        return history[-notes.steps :], "window"
    return history, None


def _start(model: keras.Model, history: Array) -> Array:
    batch = model.inputs[0].shape[0]
    return history[None] if batch is None else np.repeat(history[None], batch, axis=0)


def _directly(
    model: keras.Model,
    notes: Notes,
    history: Array,
    steps: int,
    targets: list[int],
    known: Array | None,
    on_progress: Callable[[int], None],
) -> Array:
    """Return the forecast of whole windows, each of which predicts the next steps.

    ``known`` are the features that the model does not predict.
    """
    features = history.shape[1]
    others = not_targets(targets, features)
    rows = history
    found: list[Array] = []
    done = 0
    while done < steps:
        answer = _answer(model, notes, rows[-len(history) :], len(targets))
        found.append(answer)
        done += len(answer)
        on_progress(min(done, steps))
        if done >= steps:
            break
        if others and (known is None or len(known) < done):
            raise CannotGoOnError(
                f"it predicts {len(targets)} of the {features} features that it takes, so it can go on for "
                f"{done} step{'s' if done > 1 else ''} only: the others are not known then",
                f"write --steps {done}, or give the others for each step: --future FILE",
                done,
            )
        if stateful_layers(model):
            raise CannotGoOnError(
                "it is stateful and reads several steps at once, so it cannot take in one more step",
                f"write --steps {done}; or train it without stateful",
                done,
            )
        following = np.empty((len(answer), features), "float32")
        following[:, targets] = answer
        if known is not None:
            following[:, others] = known[done - len(answer) : done]
        rows = np.concatenate([rows, following])
    return np.concatenate(found)[:steps]


def _answer(model: keras.Model, notes: Notes, history: Array, targets: int) -> Array:
    """Return the predicted steps after a history: (steps, target features)."""
    length = model.inputs[0].shape[1]
    # A model of any length reads as many steps as in training, unless its states come from all of them.
    known = length or (0 if stateful_layers(model) else notes.steps)
    window = history[-(known or len(history)) :]
    windows = [window]
    if stateful_layers(model) and length:
        # Its states come from all that was before, read in pieces as in training.
        begin = len(history) % length
        windows = [history[i : i + length] for i in range(begin, len(history), length)]
    try:
        predict = from_its_start(model)
        for piece in windows:
            answer = np.asarray(predict(_start(model, piece)))[0]
    # Keras and the backends have many ways to say that a shape is not theirs.
    except Exception as error:
        raise ValueError(f"it cannot read the history: {str(error).splitlines()[0][:200]}") from None
    if answer.size % targets:
        raise ValueError(f"it gives {answer.size} numbers, which are not steps of {targets} features")
    rows: Array = answer.reshape(-1, targets)
    return rows if len(model.outputs[0].shape) < 3 else rows[_following(model, notes, len(window), len(rows))]


def _following(model: keras.Model, notes: Notes, steps: int, count: int) -> slice:
    """Return the slice of the ``count`` answers for a window of ``steps`` that belong to later steps."""
    which = next_answers(functional(model), 0, steps)
    if which == "other":
        raise ValueError("none of its answers stands for the next step")
    if notes.answers == "ahead" or which == "all" or (not which and count != steps):
        return slice(None)
    return slice(-1, None)
