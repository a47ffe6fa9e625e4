"""Initial weights that cost nothing: for models whose weights are counted, set or loaded afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

CLASSES = tuple(
    getattr(keras.initializers, name)
    for name in ("VarianceScaling", "RandomNormal", "RandomUniform", "TruncatedNormal", "Orthogonal")
)


@contextmanager
def cheap_weights() -> Iterator[None]:
    """Zeros instead of Keras' random initial weights: JAX would compile a kernel for each shape."""
    stock = {each: each.__call__ for each in CLASSES}

    def zeros(self: Any, shape: Any, dtype: Any = None, **_: Any) -> Any:
        if isinstance(self, keras.initializers.Orthogonal) and len(shape) < 2:
            # It refuses these, and must go on to.
            return stock[keras.initializers.Orthogonal](self, shape, dtype)
        return keras.ops.convert_to_tensor(np.zeros(shape, dtype or "float32"))

    for each in CLASSES:
        each.__call__ = zeros
    try:
        yield
    finally:
        for each, call in stock.items():
            each.__call__ = call
