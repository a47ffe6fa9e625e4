"""Compute a dense layer in one call of PyTorch, without Keras' checks of types and ranks."""

from __future__ import annotations

from typing import Any

import torch
from keras import layers

from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow


def choose(layer: Any) -> Choice:
    """Return the kernel of a dense layer of Keras' own."""
    plain = type(layer) is layers.Dense and layer.quantization_mode is None
    return Kernel("linear", "call", run) if plain else None


def run(layer: Any, inputs: torch.Tensor, training: Any = None) -> Any:
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
