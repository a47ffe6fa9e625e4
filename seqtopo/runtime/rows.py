"""The row of a live Keras layer."""

from __future__ import annotations

from typing import Any

from keras import layers

from seqtopo.decompiler.layers import KERAS_ROWS
from seqtopo.layers import registry
from seqtopo.layers.row import Row


def row_of(layer: Any) -> Row | None:
    """The row of a layer of Keras' own class, or of a registered one; None where there is none."""
    kind = type(layer)
    row = KERAS_ROWS.get(kind.__name__)
    if row is not None and kind is getattr(layers, row.keras):
        return row
    custom = registry.find(registry.snake_case(kind.__name__))
    return custom if custom is not None and custom.make is not None else None
