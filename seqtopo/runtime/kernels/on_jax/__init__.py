"""Choose kernels for JAX: the scan of Keras' own loop, with a gradient written by hand.

What JAX derives for the loop adds up the gradient of the weights step by step. Here the loop back finds the
gradient of the gates alone, and the weights' is one product over all steps. The input is multiplied inside
the loop: done before it, in one product (which Keras does for a GRU), XLA reads the product back in code that
is not vectorized, and on a CPU the loop takes 2 to 3 times as long.
"""

from __future__ import annotations

from typing import Any

import jax
from keras import layers

from seqtopo.runtime.kernels import recurrent, time_distributed
from seqtopo.runtime.kernels.kernel import Choice, Stock
from seqtopo.runtime.kernels.on_jax.scan import scan


def choose(layer: Any) -> Choice:
    """Return the kernel for a layer, or why there is none."""
    if isinstance(layer, layers.SimpleRNN):
        return Stock("Keras' own loop is as fast on JAX")
    if isinstance(layer, (layers.LSTM, layers.GRU)):
        if jax.default_backend() != "cpu":
            return Stock(f"its kernel was measured on CPUs alone, and JAX runs on {jax.default_backend()}")
        return recurrent.choose(layer, "scan with its own gradient", scan)
    if isinstance(layer, layers.TimeDistributed):
        return time_distributed.choose(layer)
    return None
