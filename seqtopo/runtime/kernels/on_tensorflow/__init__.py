"""Choose kernels for TensorFlow: Keras' own loop and a gradient written by hand, both compiled by XLA.

Keras' loop runs operation by operation, and its gradient keeps what it needs in lists, one item a step.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from seqtopo.emit import keras_private
from seqtopo.runtime.kernels.attaching import Choice, Kernel, Stock
from seqtopo.runtime.kernels.on_tensorflow import planned

RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN)


def choose(layer: Any) -> Choice:
    """Return the kernel for a layer, or why there is none."""
    if isinstance(layer, RECURRENT):
        if tf.config.list_logical_devices("GPU"):
            return Stock("its kernel was measured on CPUs alone, and TensorFlow has a GPU")
        # Only these layers need it, and a first epoch waits for what is loaded.
        from seqtopo.runtime.kernels.on_tensorflow.scan import choose_loop

        return choose_loop(layer)
    if isinstance(layer, keras.Model) and _trains_a_loop(layer):
        return Kernel("fit compiles loops that pay", "fit", planned.fit)
    return None


def _trains_a_loop(model: keras.Model) -> bool:
    """Return whether ``fit`` is Keras' own and goes through loops that have a kernel."""
    # A step of the user's own is left alone, and what holds a stateful model to its batches has wrapped fit.
    replaced = {"train_step", "reset_states"} & vars(model).keys() or type(model).fit is not keras.Model.fit
    inner = keras_private.layers_inside(model, include_self=False)
    return not replaced and any(isinstance(layer, RECURRENT) for layer in inner)
