"""Answers for one sequence, or a few, at a time: ``seqtopo.predictor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from seqtopo.runtime.kernels.predictor import Predictor


def predictor(model: keras.Model) -> Predictor:
    """A model as a function that answers at once: what ``model.predict`` gives, without what it does around.

    For models that are asked one sequence at a time, or a small batch. What it is asked for the first time
    in a new shape is compiled for that shape; then only the backend's own work is left.

    Args:
        model: any functional or Sequential Keras model: from seqtopo, loaded, or written by hand.

    Returns:
        A function ``answer``. ``answer(x)`` takes one batch, ``(batch, T, F)``; for several inputs a list,
        or a dict by their names. It gives a NumPy array, or a list or dict of them, as ``model.predict``.
        Weights and states are those that the model has when it is asked; stateful layers go on from
        answer to answer. It may be asked from several threads, and from a callback while the model trains. It
        is copied and pickled as its model, and then compiles anew.
        ``answer.warm_up(shape)`` compiles ahead. ``answer.how`` says what runs for each shape, and where
        that is no more than Keras' own call, why. Programs of 64 shapes are kept.

    Raises:
        ValueError: the model has no graph to read, such as a subclass with a ``call`` of its own; or from
            ``answer``: the arrays are not what the model takes.

    >>> import numpy as np, seqtopo
    >>> model = seqtopo.compile("in(?,8) -> gru(16) -> dense(1)")
    >>> answer = predictor(model)
    >>> answer(np.ones((1, 24, 8))).shape
    (1, 1)
    """
    from seqtopo.runtime.kernels.predictor import Predictor

    return Predictor(model)
