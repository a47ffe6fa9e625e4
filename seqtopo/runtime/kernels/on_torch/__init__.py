"""Choose kernels for PyTorch: its native recurrent layers, called on the weights of Keras' own layers.

Keras' loops take one step at a time through Python, and some index the whole sequence at each step, so that
the backward pass costs the square of the time steps. On a GPU the native calls run cuDNN.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from seqtopo.runtime.kernels.attaching import Choice
from seqtopo.runtime.kernels.on_torch import dense, native, steps


def choose(layer: Any) -> Choice:
    """Return the kernel for a layer, or why there is none."""
    if isinstance(layer, (layers.LSTM, layers.GRU, layers.SimpleRNN)):
        return native.choose(layer)
    if isinstance(layer, layers.Dense):
        return dense.choose(layer)
    if isinstance(layer, keras.Model):
        return steps.choose(layer)
    return None
