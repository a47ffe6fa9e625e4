"""Make Keras objects (activations, initializers, optimizers, ...) from their names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.emit.builder import Stock
from seqtopo.layers import objects
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.row import Param
from seqtopo.layers.values import Object

_CLASSES = ("initializer", "regularizer", "constraint", "optimizer")
"""Families whose every name is a class; in the others Keras gives some bare words a meaning of their own."""

UNKNOWN_WORDS: Mapping[str, frozenset[str]] = {
    "loss": frozenset({"CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"}),
    "metric": frozenset({"binary_iou", "fbeta_score", "kld", "logcosh", "r2", "rmse"}),
}
"""The bare words that Keras' ``get`` does not know, though it has the class."""


def argument(stock: Stock, param: Param, value: Any, dtype: str | None = None) -> Any:
    """A layer's argument as Keras takes it; ``dtype`` is the layer's own."""
    return made(stock, param.kind.family, value, dtype) if param.kind.family else value


def made(stock: Stock, family: str, value: Any, dtype: str | None = None) -> Any:
    """An object of a family: the name as it stands for one without arguments, else the object."""
    if isinstance(value, (list, tuple)):
        return [made(stock, family, v) for v in value]
    if isinstance(value, str) and (family in _CLASSES or value in UNKNOWN_WORDS.get(family, ())):
        # A metric is reported under the word that the spec has for it.
        value = Object(value, (), {"name": value} if family == "metric" else {})
    if not isinstance(value, Object):
        return value
    kwargs = {name: _inner(stock, v) for name, v in value.kwargs.items()}
    if family == "metric":
        # Several thresholds are a list to Keras; axes are a tuple, but metrics work along one only.
        kwargs = {name: list(v) if isinstance(v, tuple) else v for name, v in kwargs.items()}
    if family == "activation":
        # It is a layer, and would cast what it gets to a dtype of its own.
        return getattr(stock.layers, ACTIVATION_LAYERS[value.name])(**kwargs, dtype=dtype)
    return stock.object(f"{objects.MODULES[family]}.{objects.keras_name(family, value.name)}", kwargs)


def _inner(stock: Stock, value: Any) -> Any:
    """An argument of an object, which may be an object itself: a schedule, an inner optimizer."""
    if isinstance(value, Object):
        family = next(f for f in objects.FAMILIES if objects.entry_of(f, value.name))
        return made(stock, family, value)
    if isinstance(value, Mapping):
        return {k: _inner(stock, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_inner(stock, v) for v in value)
    return value
