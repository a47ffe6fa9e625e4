"""A live model's own configuration, as a file of it would hold it."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras


def serialized(model: keras.Model) -> dict[str, Any]:
    """What ``model.save`` writes of a model beside its weights, as plain data.

    Layers that stand in several places of it are marked, which Keras leaves out where one of them is in
    another model than the other: a file of such a model has its layers twice.
    """
    with warnings.catch_warnings():
        # Keras warns that code in it can be loaded in no safe way; nothing is loaded here.
        warnings.simplefilter("ignore")
        plain = keras.saving.serialize_keras_object(model)
    config: dict[str, Any] = json.loads(json.dumps(plain, default=str))
    places = list(_places(config, model))
    several = Counter(id(layer) for _, layer in places)
    for found, layer in places:
        if several[id(layer)] > 1:
            found["shared_object_id"] = id(layer)
    return config


def _places(config: dict[str, Any], layer: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each layer in a configuration, with the object that it is of; those inside others, too."""
    inner = config.get("config")
    if not isinstance(inner, dict):
        return
    if isinstance(inner.get("layers"), list):
        # A Sequential keeps its input aside, a functional model has its operations in this order.
        sequential = isinstance(layer, keras.Sequential)
        objects = layer._layers if sequential else getattr(layer, "operations", [])
        if len(objects) == len(inner["layers"]):
            for found, each in zip(inner["layers"], objects, strict=True):
                yield found, each
                yield from _places(found, each)
    for key, name in (("layer", "layer"), ("layer", "forward_layer"), ("backward_layer", "backward_layer")):
        if isinstance(inner.get(key), dict) and isinstance(getattr(layer, name, None), keras.layers.Layer):
            yield inner[key], getattr(layer, name)
            yield from _places(inner[key], getattr(layer, name))
