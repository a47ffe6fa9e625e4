"""Read a live model's configuration in the form of its file."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras

from seqtopo.decompiler.layers import KERAS_ROWS
from seqtopo.decompiler.training import CHOSEN, FAMILIES
from seqtopo.emit import keras_private
from seqtopo.layers.objects import entry_of


def serialized(model: keras.Model) -> dict[str, Any]:
    """Return the data that ``model.save`` writes besides the weights.

    Layers that stand in several places are marked. Keras leaves this out if one place is in another model, so
    that a file of such a model has its layers twice.
    """
    config = _plain(model)
    places = list(_places(config, model))
    several = Counter(id(layer) for _, layer in places)
    for found, layer in places:
        if several[id(layer)] > 1:
            found["shared_object_id"] = id(layer)
        _complete(found, layer)
        calls = [_shapes(node.output_tensors) for node in _calls(layer)]
        if calls and all(shapes == calls[0] for shapes in calls):
            found["gives"] = calls[0]
    given = config.get("compile_config")
    if not isinstance(given, dict) or not model.compiled:
        return config
    for key, family in FAMILIES.items():
        _complete_objects(given.get(key), _live(model, f"_compile_config.config.{key}"), family)
    _complete_options(given, model)
    return config


def _plain(live: Any) -> dict[str, Any]:
    """Return Keras' configuration of a model or an object, as plain data."""
    with warnings.catch_warnings():
        # Keras warns that code in it can be loaded in no safe way; nothing is loaded here.
        warnings.simplefilter("ignore")
        found: dict[str, Any] = json.loads(json.dumps(keras.saving.serialize_keras_object(live), default=str))
    return found


def _complete_options(config: dict[str, Any], model: keras.Model) -> None:
    """Add the options of ``compile`` that Keras does not serialize.

    These are the scaling of the loss, which a spec's model would not get from its layers' policies, and
    whether Keras itself chooses XLA.
    """
    optimizer = config.get("optimizer")
    scaled = keras.optimizers.LossScaleOptimizer
    if isinstance(model.optimizer, scaled):
        if not (isinstance(optimizer, dict) and optimizer.get("class_name") == scaled.__name__):
            config["optimizer"] = _plain(model.optimizer)
    else:
        config["auto_scale_loss"] = model.dtype_policy.name != "mixed_float16"
    if _exempts(getattr(model.optimizer, "inner_optimizer", model.optimizer)):
        config["exclude_from_weight_decay"] = "of some weights"
    automatic = keras_private.automatic_jit_compile(model)
    if automatic is not None and config.get("jit_compile") is (not automatic):
        config[CHOSEN] = ["jit_compile"]


def _exempts(optimizer: Any) -> bool:
    """Return whether some weights have no weight decay, which Keras does not save."""
    names = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")
    found = [keras_private.look_up(optimizer, name) for name in names]
    return any(value is not keras_private.ABSENT and value for value in found)


def _calls(layer: Any) -> list[Any]:
    """Return the calls of a layer; [] for an object that is no layer, such as a cell."""
    found = keras_private.look_up(layer, "_inbound_nodes")
    return [] if found is keras_private.ABSENT else found


def _inside(model: keras.Sequential) -> list[Any]:
    """Return the layers of a Sequential, with its input, which its ``layers`` leave out."""
    found = keras_private.look_up(model, "_layers")
    return list(model.layers) if found is keras_private.ABSENT else found


def _shapes(tensors: Any) -> list[Any]:
    """Return the shapes and dtypes of a layer's outputs, which a configuration has only at the next layer."""
    return [[list(tensor.shape), tensor.dtype] for tensor in tensors]


def _complete(config: dict[str, Any], layer: Any) -> None:
    """Add what Keras leaves out of a layer's configuration, and out of those of its initializers."""
    row, inner = KERAS_ROWS.get(str(config.get("class_name"))), config.get("config")
    if row is None or not isinstance(inner, dict) or type(layer) is not getattr(keras.layers, row.keras):
        return
    for param in row.params:
        if param.unsaved:
            _add(inner, param.name, param.unsaved, param.default, layer)
        elif param.kind.family:
            _complete_objects(inner.get(param.keras_name), _live(layer, param.keras_name), param.kind.family)


def _complete_objects(config: Any, live: Any, family: str) -> None:
    """Add what Keras leaves out of the configurations of objects."""
    if isinstance(config, list) and isinstance(live, (list, tuple)) and len(config) == len(live):
        for found, each in zip(config, live, strict=True):
            _complete_objects(found, each, family)
    if not isinstance(config, dict):
        return
    if "class_name" not in config and isinstance(live, dict):
        for key, found in config.items():
            _complete_objects(found, live.get(key), family)
        return
    entry, inner = entry_of(family, str(config.get("class_name"))), config.get("config")
    if entry is not None and isinstance(inner, dict):
        for part in entry.parts:
            if part.unsaved:
                _add(inner, part.name, part.unsaved, part.default, live)


def _add(config: dict[str, Any], name: str, attribute: str, default: Any, live: Any) -> None:
    """Add the value of a live object's attribute; False counts as no value if the default is None."""
    value = _live(live, attribute)
    if isinstance(value, (bool, int, float, str)) and not (value is False and default is None):
        config.setdefault(name, value)


def _live(live: Any, attribute: str) -> Any:
    """Return an attribute of an attribute, or a value of one that is a dictionary; None if it is missing."""
    found = live
    for name in attribute.split("."):
        found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
    return found


def _places(config: dict[str, Any], layer: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each layer in a configuration, with its object; those inside others included."""
    inner = config.get("config")
    if not isinstance(inner, dict):
        return
    if isinstance(inner.get("layers"), list):
        # A Sequential keeps its input aside, a functional model has its operations in this order.
        sequential = isinstance(layer, keras.Sequential)
        objects = _inside(layer) if sequential else getattr(layer, "operations", [])
        if len(objects) == len(inner["layers"]):
            for found, each in zip(inner["layers"], objects, strict=True):
                yield found, each
                yield from _places(found, each)
    for key, name in (("layer", "layer"), ("layer", "forward_layer"), ("backward_layer", "backward_layer")):
        if isinstance(inner.get(key), dict) and isinstance(getattr(layer, name, None), keras.layers.Layer):
            yield inner[key], getattr(layer, name)
            yield from _places(inner[key], getattr(layer, name))
