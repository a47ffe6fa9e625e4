"""The kernels for TensorFlow: Keras' own loop and a gradient written by hand, both compiled by XLA.

Keras' loop runs operation by operation, and its gradient keeps what it needs in lists, one item a step.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers

from seqtopo.runtime.kernels import recurrent, time_distributed
from seqtopo.runtime.kernels.kernel import Choice, Stock
from seqtopo.runtime.kernels.on_tensorflow.scan import scan


def choose(layer: Any) -> Choice:
    """The kernel for a layer, or why there is none."""
    if isinstance(layer, (layers.LSTM, layers.GRU, layers.SimpleRNN)):
        if tf.config.list_logical_devices("GPU"):
            return Stock("its kernel was measured on CPUs alone, and TensorFlow has a GPU")
        return recurrent.choose(layer, "XLA loop with its own gradient", scan)
    if isinstance(layer, layers.TimeDistributed):
        return time_distributed.choose(layer)
    return None
