"""Choose kernels for PyTorch: its native recurrent layers, called on the weights of Keras' own layers.

Keras' loops take one step at a time through Python, and some index the whole sequence at each step, so that
the backward pass costs the square of the time steps. On a GPU the native calls run cuDNN.
"""

from __future__ import annotations

from typing import Any

import keras
import torch
from keras import layers

from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow
from seqtopo.runtime.kernels.on_torch import native, steps


def choose(layer: Any) -> Choice:
    """Return the kernel for a layer, or why there is none."""
    if isinstance(layer, (layers.LSTM, layers.GRU, layers.SimpleRNN)):
        return native.choose(layer)
    if isinstance(layer, layers.Dense):
        return _choose_linear(layer)
    if isinstance(layer, keras.Model):
        return steps.choose(layer)
    return None


def _choose_linear(layer: Any) -> Choice:
    """Return the kernel of a dense layer: one call of PyTorch, without Keras' checks of types and ranks."""
    plain = type(layer) is layers.Dense and layer.quantization_mode is None
    return Kernel("linear", "call", _linear) if plain else None


def _linear(layer: Any, inputs: torch.Tensor, training: Any = None) -> Any:
    """Run a dense layer's ``call``.

    Raises:
        NotNow: it was quantized since, or the types have to be brought together.
    """
    if layer.quantization_mode is not None:
        raise NotNow("it is quantized")
    # With LoRA it is a sum, else a variable.
    kernel = getattr(layer.kernel, "value", layer.kernel)
    if inputs.dtype != kernel.dtype or inputs.layout != torch.strided:
        raise NotNow(f"it is given {inputs.dtype}, not {kernel.dtype}")
    bias = None if layer.bias is None else layer.bias.value
    outputs = torch.nn.functional.linear(inputs, kernel.t(), bias)
    return outputs if layer.activation is None else layer.activation(outputs)
