"""The callback that resets states at the start of each epoch."""

from __future__ import annotations

from typing import Any

import keras

from seqtopo.runtime.states.tracking import attach, reset_states, stateful_layers


class ResetStates(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Resets the states of every stateful layer, see ``seqtopo.ResetStates``."""

    def __init__(self, *, evaluate: bool = False, predict: bool = False) -> None:
        super().__init__()
        self.evaluate = evaluate
        self.predict = predict

    def set_model(self, model: Any) -> None:
        """Takes the model that is about to run."""
        super().set_model(model)
        if not stateful_layers(model):
            raise ValueError(
                f"{model.name} has no stateful layer, so ResetStates has nothing to reset; leave it out, "
                "or write stateful in the spec, as in lstm(4,stateful)"
            )
        attach(model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Resets."""
        reset_states(self.model)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Resets, if it was asked to."""
        if self.evaluate:
            reset_states(self.model)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Resets, if it was asked to."""
        if self.predict:
            reset_states(self.model)
