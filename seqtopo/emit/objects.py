"""Keras objects: activations, initializers, optimizers and the like, from their names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from seqtopo.layers import objects
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.row import Param
from seqtopo.layers.values import Object

_CLASSES = ("initializer", "regularizer", "constraint", "optimizer")
"""Families whose every name is a class; in the others Keras gives some bare words a meaning of their own."""

_BY_WORD = {"loss": keras.losses.get, "metric": keras.metrics.get}
"""Families whose bare words go to Keras as they are, and what reads them there."""


def argument(param: Param, value: Any, dtype: str | None = None) -> Any:
    """A layer's argument as Keras takes it; ``dtype`` is the layer's own."""
    return made(param.kind.family, value, dtype) if param.kind.family else value


def made(family: str, value: Any, dtype: str | None = None) -> Any:
    """An object of a family: the name as it stands for one without arguments, else the object."""
    if isinstance(value, (list, tuple)):
        return [made(family, v) for v in value]
    if isinstance(value, str) and (family in _CLASSES or not _known(family, value)):
        # A metric is reported under the word that the spec has for it.
        value = Object(value, (), {"name": value} if family == "metric" else {})
    if not isinstance(value, Object):
        return value
    kwargs = {name: _inner(v) for name, v in value.kwargs.items()}
    if family == "metric":
        # Several thresholds are a list to Keras; axes are a tuple, but metrics work along one only.
        kwargs = {name: list(v) if isinstance(v, tuple) else v for name, v in kwargs.items()}
    if family == "activation":
        # It is a layer, and would cast what it gets to a dtype of its own.
        return getattr(keras.layers, ACTIVATION_LAYERS[value.name])(**kwargs, dtype=dtype)
    module: Any = keras
    for part in objects.MODULES[family].split("."):
        module = getattr(module, part)
    return getattr(module, objects.keras_name(family, value.name))(**kwargs)


def _known(family: str, word: str) -> bool:
    """Whether Keras knows a bare word itself: of a few classes, such as ``rmse``, it knows none."""
    if family not in _BY_WORD or not objects.keras_name(family, word):
        return True
    try:
        _BY_WORD[family](word)
    except (ValueError, TypeError):
        return False
    return True


def hold_regularizer(layer: Any, given: Any) -> None:
    """Gives a layer the ``activity_regularizer`` that it was made with, where its class left it out.

    Keras' ``SimpleRNN`` takes one, documents it, and never looks at it; a loaded one loses it again.
    """
    if given is not None and layer.activity_regularizer is None:
        layer.activity_regularizer = keras.regularizers.get(given)


def _inner(value: Any) -> Any:
    """An argument of an object, which may be an object itself: a schedule, an inner optimizer."""
    if isinstance(value, Object):
        family = next(f for f in objects.FAMILIES if objects.entry_of(f, value.name))
        return made(family, value)
    if isinstance(value, Mapping):
        return {k: _inner(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_inner, value))
    return value
