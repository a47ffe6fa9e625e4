"""The public functions that make a model ready to run: Keras is imported when one is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtopo.emit.backend import choose

if TYPE_CHECKING:
    import keras
    import numpy as np


def attach(model: keras.Model, *, kernels: bool = True) -> keras.Model:
    """Lets a Keras model run fast, and its stateful layers carry their states, equally on every backend.

    ``compile`` and ``compile_all`` do it for what they build; this is for a model that was loaded,
    cloned, unpickled or written by hand. Its layers compute the same on the fastest kernels there are for
    them (``seqtopo.kernels`` lists these). And states last, which in Keras alone are lost on JAX, without a
    word, while training is an error on PyTorch. The layers stay Keras' own, and the saved file is the same.

    Args:
        model: any Keras model, compiled or not, run before or not. What is ``stateful`` in it may be
            ``LSTM``, ``GRU``, ``SimpleRNN``, ``ConvLSTM``, ``RNN`` of any cells, or ``Bidirectional`` of
            them, also inside other models. It takes ``(batch, T, F)`` with a fixed batch.
        kernels: whether its layers run on kernels. Where this is false, kernels that are in them already
            are taken out, and each layer computes as Keras has it.

    Returns:
        The same model. Its states last through ``fit``, ``evaluate``, ``predict``, ``train_on_batch`` and
        a plain call. With stateful layers it has a method ``reset_states()``; and ``fit``, ``evaluate``
        and ``predict`` take arrays in the model's batches, in order, where ``batch_size`` and ``shuffle``
        are not given, and raise a ``ValueError`` where the rows are not whole batches.

    Tracking the variables as ``Layer.variables`` tracks those of random generators is what stock Keras
    leaves out; see ``keras.layers.RNN._create_state_variables``.

    >>> import keras, seqtopo
    >>> built = seqtopo.compile("in(3,1,batch=2) -> gru(4,stateful)")
    >>> model = attach(keras.models.clone_model(built))
    >>> len(model.weights), len(model.variables)
    (3, 5)
    """
    choose()
    from seqtopo.runtime.kernels.attaching import make_ready

    return make_ready(model, kernels=kernels)


def get_states(model: keras.Model) -> list[np.ndarray]:
    """Return the states of a model's stateful layers, as ``get_weights`` gives the weights; no file holds
    them.

    Returns:
        A copy of each, layer by layer in the model's order: one of shape ``(batch, units)`` for a GRU or
        a SimpleRNN, ``h`` and ``c`` for an LSTM, forward before backward.

    Raises:
        ValueError: the model has no stateful layer.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=2) -> lstm(4,stateful)")
    >>> [state.shape for state in get_states(model)]
    [(2, 4), (2, 4)]
    """
    from seqtopo.runtime.states import tracking

    return tracking.get_states(model)


def set_states(model: keras.Model, values: Sequence[Any]) -> None:
    """Sets the states of a model's stateful layers to what ``get_states`` gave.

    Raises:
        ValueError: the model has no stateful layer, or the shapes are not those of its states.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=2) -> lstm(4,stateful)")
    >>> set_states(model, [[[1.0] * 4] * 2, [[0.5] * 4] * 2])
    >>> float(get_states(model)[1].sum())
    4.0
    """
    from seqtopo.runtime.states import tracking

    tracking.set_states(model, values)


def ResetStates(*, evaluate: bool = False, predict: bool = False) -> keras.callbacks.Callback:  # noqa: N802 - it stands for a class
    """Return a Keras callback that resets the states of every stateful layer at the start of each epoch.

    An epoch goes through the series from its beginning, where nothing is remembered yet. A model that
    was not attached (see ``attach``) is attached when it runs with this callback.

    Args:
        evaluate: also at the start of ``evaluate``, and of each validation inside ``fit``. Otherwise
            these go on from what the last batch left, as they should where their rows follow it.
        predict: also at the start of ``predict``.

    Returns:
        A ``keras.callbacks.Callback``, for ``callbacks=[...]``. It raises a ``ValueError`` there where
        the model has no stateful layer.

    Keras' guide to recurrent layers calls ``reset_states`` by hand between epochs.

    >>> import numpy as np, seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=1) -> lstm(4,stateful) -> dense(1)")
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((6, 3, 1)), np.ones((6, 1))
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[ResetStates()])
    >>> [len(losses) for losses in history.history.values()]
    [2]
    """
    from seqtopo.runtime.states import tracking

    return tracking.ResetStates(evaluate=evaluate, predict=predict)
