"""The layer itself: an ordinary Keras layer, saved and loaded under its registered name."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("attend_pool")
class AttendPool(keras.layers.Layer):
    """(batch, T, F) to (batch, F): the mean of the steps, weighted by how well each answers a learned query.

    A step's weight is ``softmax(query . tanh(step . kernel + bias))`` over the steps; masked steps get none.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.query = self.add_weight(shape=(self.units,), initializer="random_normal", name="query")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The weighted mean."""
        hidden = ops.tanh(ops.matmul(inputs, self.kernel) + self.bias)
        scores = ops.sum(hidden * self.query, axis=-1)
        if mask is not None:
            scores = ops.where(mask, scores, -1e9)
        weights = ops.softmax(scores, axis=-1)
        return ops.sum(inputs * weights[..., None], axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: there are no steps left to mask."""
        return

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape without the steps."""
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` makes the same layer from."""
        return {**super().get_config(), "units": self.units}
