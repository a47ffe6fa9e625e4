"""Make Keras objects (activations, initializers, optimizers, ...) from their names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.emit.builder import ModelBuilder
from seqtopo.graph.training import Training
from seqtopo.layers import objects
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.row import Param
from seqtopo.layers.values import Object

_CLASSES = ("initializer", "regularizer", "constraint", "optimizer")
"""The families with a class for every name; in others Keras gives some bare words another meaning."""

UNKNOWN_WORDS: Mapping[str, frozenset[str]] = {
    "loss": frozenset({"CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"}),
    "metric": frozenset({"binary_iou", "fbeta_score", "kld", "logcosh", "r2", "rmse"}),
}
"""The bare words that Keras' ``get`` does not know, though it has the class."""


def argument(builder: ModelBuilder, param: Param, value: Any, dtype: str | None = None) -> Any:
    """Return a layer's argument as Keras takes it; ``dtype`` is the layer's own."""
    return made(builder, param.kind.family, value, dtype) if param.kind.family else value


def made(builder: ModelBuilder, family: str, value: Any, dtype: str | None = None) -> Any:
    """Return an object of a family: its name if it has no arguments, else the object."""
    if isinstance(value, (list, tuple)):
        return [made(builder, family, v) for v in value]
    if isinstance(value, str) and (family in _CLASSES or value in UNKNOWN_WORDS.get(family, ())):
        # A metric is reported under the word that the spec has for it.
        value = Object(value, (), {"name": value} if family == "metric" else {})
    if not isinstance(value, Object):
        return value
    kwargs = {name: _inner(builder, v) for name, v in _objects_in(family, value).items()}
    if family == "metric":
        # Several thresholds are a list to Keras; axes are a tuple, but metrics work along one only.
        kwargs = {name: list(v) if isinstance(v, tuple) else v for name, v in kwargs.items()}
    if family == "activation":
        # It is a layer, and would cast what it gets to a dtype of its own.
        return getattr(builder.layers, ACTIVATION_LAYERS[value.name])(**kwargs, dtype=dtype)
    return builder.object(f"{objects.MODULES[family]}.{objects.keras_name(family, value.name)}", kwargs)


def _objects_in(family: str, value: Object) -> dict[str, Any]:
    """Return an object's arguments, with bare words for objects in them as objects.

    A bare word is an object without arguments; in ``loss_scale(adam)`` Keras would not read it as one.
    """
    entry = objects.entry_of(family, value.name)
    takes = {part.name: part.takes.families for part in entry.parts} if entry is not None else {}
    return {
        name: Object(given)
        if isinstance(given, str) and any(objects.entry_of(f, given) for f in takes.get(name, ()))
        else given
        for name, given in value.kwargs.items()
    }


def _inner(builder: ModelBuilder, value: Any) -> Any:
    """Return an argument of an object, which may be an object itself: a schedule, an inner optimizer."""
    if isinstance(value, Object):
        family = next(f for f in objects.FAMILIES if objects.entry_of(f, value.name))
        return made(builder, family, value)
    if isinstance(value, Mapping):
        return {k: _inner(builder, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_inner(builder, v) for v in value)
    return value


def _metrics(builder: ModelBuilder, given: Any) -> Any:
    """Return metrics as Keras takes them: in a list, even a single one."""
    return made(builder, "metric", given if given is None or isinstance(given, (list, tuple)) else [given])


def compile_model(builder: ModelBuilder, model: Any, training: Training) -> None:
    """Compile a model with the arguments of its spec."""
    options = dict(training.options)
    if "weighted_metrics" in options:
        options["weighted_metrics"] = _metrics(builder, options["weighted_metrics"])
    given = {
        "optimizer": made(builder, "optimizer", training.optimizer),
        "loss": made(builder, "loss", training.loss),
        "metrics": _metrics(builder, training.metrics),
        **options,
    }
    builder.compile(model, given)


def save_anywhere(model: Any, jit_compile: bool | str) -> None:
    """Make the compiled model save its optimizer in a form that every backend can load and train further.

    On PyTorch, Keras writes the backend's own subclass of the optimizer into the file, which no other backend
    can load; its base class is written instead. And on every backend Keras writes whether it found that
    compiling pays there. Elsewhere that is found anew, unless the spec says it: otherwise JAX would go on
    without compiling, and PyTorch would compile each step.
    """
    stock = model.get_compile_config

    def get_compile_config() -> Any:
        config = stock()
        if config:
            config["jit_compile"] = jit_compile
        optimizer = config.get("optimizer") if config else None
        if isinstance(optimizer, dict) and "torch" in str(optimizer.get("module", "")):
            optimizer["module"] = "keras.optimizers"
            optimizer["registered_name"] = None
        return config

    model.get_compile_config = get_compile_config
