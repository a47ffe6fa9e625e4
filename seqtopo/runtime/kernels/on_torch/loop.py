"""Loop an LSTM, a GRU or a SimpleRNN with arguments that PyTorch's own layers lack.

Each step is Keras' cell, without a call of a layer. The inputs of all steps are multiplied by the weights at
once, and split once: Keras' own loop takes each step out of the whole, so that the backward pass writes the
whole anew for each step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from keras import layers

from seqtopo.runtime.kernels.attaching import Kernel, NotNow

State = tuple[torch.Tensor, ...]
Step = Callable[[torch.Tensor, State], State]


def loop(why_not_faster: str) -> Kernel:
    """Return the kernel for a layer that has no native one."""
    return Kernel("loop", "inner_loop", run, why_not_faster)


def run(layer: Any, sequences: torch.Tensor, initial_state: Any, mask: Any, training: bool = False) -> Any:
    """Run a recurrent layer's ``inner_loop``, and return the last output, all outputs, and the final states.

    Raises:
        NotNow: the stock loop has to do it.
    """
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    cell = layer.cell
    kernel = cell.kernel.value
    if sequences.device.type == "meta" or (mask is not None and mask.ndim != 2):
        raise NotNow("only the shapes are asked for, or its mask has not two axes")
    if sequences.shape[1] == 0 or sequences.shape[-1] != kernel.shape[0]:
        raise NotNow("there is nothing to go through, or it has other features than it has weights for")
    # Both are drawn before by the layer; each is one for all gates, or a list of one for each.
    dropped = cell.get_dropout_mask(sequences[:, 0]) if training else None
    recurrent = cell.get_recurrent_dropout_mask(initial_state[0]) if training else None
    sequences = sequences.to(kernel.dtype)
    bias = None if cell.bias is None else cell.bias.value
    inputs = _times_weights(sequences, kernel, None if dropped is None else _over_time(dropped))
    if bias is not None:
        inputs = inputs + (bias[0] if bias.ndim == 2 else bias)
    product = partial(_times_weights, by=cell.recurrent_kernel.value, dropped=recurrent)
    step = STEPS[type(cell)](cell, product)
    counts = None if mask is None else mask.bool().t()[..., None].unbind(0)
    each = inputs.transpose(0, 1).unbind(0)
    state: State = tuple(start.to(kernel.dtype) for start in initial_state)
    output = torch.zeros_like(state[0])
    outputs = []
    times = range(len(each) - 1, -1, -1) if layer.go_backwards else range(len(each))
    for t in times:
        new = step(each[t], state)
        if counts is None:
            state, output = new, new[0]
        else:
            held = torch.zeros_like(output) if layer.zero_output_for_mask else output
            output = torch.where(counts[t], new[0], held)
            state = tuple(torch.where(counts[t], a, b) for a, b in zip(new, state, strict=True))
        outputs.append(output)
    found = torch.stack(outputs, 1) if layer.return_sequences else output[:, None]
    return output, found, list(state)


def _over_time(masks: Any) -> Any:
    return [mask[:, None] for mask in masks] if isinstance(masks, list) else masks[:, None]


def _times_weights(values: torch.Tensor, by: torch.Tensor, dropped: Any) -> torch.Tensor:
    """Return values times the weights of all gates, under one dropout mask, or one for each gate."""
    if isinstance(dropped, list):
        gates = by.chunk(len(dropped), 1)
        return torch.cat([(values * d) @ gate for d, gate in zip(dropped, gates, strict=True)], -1)
    return (values if dropped is None else values * dropped) @ by


def _lstm(cell: Any, product: Callable[[torch.Tensor], torch.Tensor]) -> Step:
    def step(inputs: torch.Tensor, state: State) -> State:
        h, c = state
        i, f, g, o = (inputs + product(h)).chunk(4, 1)
        gate = cell.recurrent_activation
        c = gate(f) * c + gate(i) * cell.activation(g)
        return gate(o) * cell.activation(c), c

    return step


def _gru(cell: Any, product: Callable[[torch.Tensor], torch.Tensor]) -> Step:
    after = cell.bias.value[1] if cell.bias is not None and cell.reset_after else None
    masks = product.keywords["dropped"]  # type: ignore[attr-defined]
    last = cell.recurrent_kernel.value.chunk(3, 1)[2]

    def step(inputs: torch.Tensor, state: State) -> State:
        (h,) = state
        z, r, candidate = inputs.chunk(3, 1)
        inner = product(h)
        hz, hr, hh = (inner if after is None else inner + after).chunk(3, 1)
        z, r = cell.recurrent_activation(z + hz), cell.recurrent_activation(r + hr)
        before = h if masks is None else h * masks[2]
        hh = r * hh if cell.reset_after else (r * before) @ last
        return (z * h + (1 - z) * cell.activation(candidate + hh),)

    return step


def _simple(cell: Any, product: Callable[[torch.Tensor], torch.Tensor]) -> Step:
    return lambda inputs, state: (cell.activation(inputs + product(state[0])),)


STEPS = {layers.LSTMCell: _lstm, layers.GRUCell: _gru, layers.SimpleRNNCell: _simple}
"""The function of each cell's step."""
