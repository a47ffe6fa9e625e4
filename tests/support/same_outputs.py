"""Two models of the same layers: given the same weights, and their outputs compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def leaves(model: Any) -> Iterator[Any]:
    """The layers of a model that hold weights, each once, in order; models inside it are gone through."""
    seen: set[int] = set()

    def walk(layer: Any) -> Iterator[Any]:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        inner = layer.layers if isinstance(layer, keras.Model) else _wrapped(layer)
        if not inner:
            yield layer
        for each in inner:
            yield from walk(each)

    for layer in walk(model):
        if layer.weights:
            yield layer


def _wrapped(layer: Any) -> list[Any]:
    names = ("forward_layer", "backward_layer") if hasattr(layer, "forward_layer") else ("layer",)
    return [getattr(layer, n) for n in names if isinstance(getattr(layer, n, None), keras.layers.Layer)]


def same_weights(one: Any, two: Any) -> None:
    """Give the layers of two models the same random weights, layer by layer."""
    first, second = list(leaves(one)), list(leaves(two))
    assert [type(x).__name__ for x in first] == [type(x).__name__ for x in second]
    random = np.random.default_rng(3)
    for a, b in zip(first, second, strict=True):
        # What is a variance must be above 0.
        weights = [0.1 + 0.5 * random.random(w.shape).astype(w.dtype) for w in a.get_weights()]
        a.set_weights(weights)
        b.set_weights(weights)


def data_for(model: Any, batch: int = 3, steps: int = 11) -> list[Any]:
    """Random data for a model's inputs; ``steps`` is the length of open axes."""
    random = np.random.default_rng(7)
    found = []
    for tensor in model.inputs:
        shape = (tensor.shape[0] or batch, *(s or steps for s in tensor.shape[1:]))
        if "int" in tensor.dtype:
            found.append(random.integers(0, 4, shape).astype(tensor.dtype))
        elif tensor.dtype == "bool":
            found.append(random.random(shape) > 0.3)
        else:
            found.append(random.normal(size=shape).astype(tensor.dtype))
    return found


def outputs_of(model: Any, data: list[Any]) -> list[Any]:
    """Return the outputs of a model, as arrays."""
    given = model(data if len(data) > 1 else data[0], training=False)
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(given)]


def assert_same_outputs(one: Any, two: Any, tolerance: float = 1e-5) -> None:
    """Assert that two models give the same from the same weights and data."""
    same_weights(one, two)
    data = data_for(one)
    for a, b in zip(outputs_of(one, data), outputs_of(two, data), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
