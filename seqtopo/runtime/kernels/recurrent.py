"""Run LSTM, GRU and SimpleRNN by a scan with a hand-written gradient; for JAX and TensorFlow.

This module handles masks, directions, and dropout on the inputs. ``Scan`` is the backend's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras import layers, ops

from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow, Stock
from seqtopo.runtime.kernels.cells import ACTIVATIONS, GATES, GRU, LSTM, Array, Cell, SimpleRNN

Scan = Callable[..., tuple[Array, tuple[Array, ...]]]
"""A function of ``(cell, sequences, x, counts, states, weights, training)``, with time as the first axis.

It returns all outputs if ``sequences``, else the last one, of shape ``(1, batch, units)``; and the final
states.
"""


def choose(layer: Any, name: str, scan: Scan) -> Choice:
    """Return the kernel of a recurrent layer, or the reason for which it has none."""
    keras_cell: Any = layer.cell
    if type(layer) not in CELLS or type(keras_cell) is not CELLS[type(layer)][0]:
        return Stock("it is not Keras' own layer, but a subclass")
    if "call" in vars(keras_cell):
        return Stock("the call of its cell has been replaced in this instance")
    if layer.unroll:
        return Stock("it is unrolled")
    if getattr(layer, "use_cudnn", "auto") is True:
        return Stock("it asks for cuDNN")
    if not getattr(keras_cell, "reset_after", True):
        return Stock("its kernel has reset_after=true")
    if keras_cell.activation not in ACTIVATIONS:
        return Stock(f"its kernel does not know activation={_name(keras_cell.activation)}")
    gate = getattr(keras_cell, "recurrent_activation", None)
    if gate is not None and gate not in GATES:
        return Stock(f"its kernel does not know recurrent_activation={_name(gate)}")
    known = [ACTIVATIONS[keras_cell.activation], *([] if gate is None else [GATES[gate]])]
    cell = CELLS[type(layer)][1](*known)
    return Kernel(name, "inner_loop", partial(run, scan, cell))


CELLS: dict[type[Any], tuple[type[Any], Any]] = {
    layers.LSTM: (layers.LSTMCell, LSTM),
    layers.GRU: (layers.GRUCell, GRU),
    layers.SimpleRNN: (layers.SimpleRNNCell, SimpleRNN),
}
"""The cell of Keras in each layer, and the one of this package."""


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))


def run(
    scan: Scan,
    cell: Cell,
    layer: Any,
    sequences: Array,
    initial_state: Any,
    mask: Any,
    training: bool = False,
) -> Any:
    """Run a recurrent layer's ``inner_loop``, and return the last output, all outputs, and the final states.

    Raises:
        NotNow: the stock loop has to do it.
    """
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    keras_cell = layer.cell
    if mask is not None and len(mask.shape) != 2:
        raise NotNow(f"its mask has {len(mask.shape)} axes, not two")
    if training and keras_cell.recurrent_dropout:
        raise NotNow("it trains with recurrent_dropout")
    if training and keras_cell.dropout:
        if getattr(keras_cell, "implementation", 2) == 1:
            raise NotNow("it trains with a dropout mask for each gate (implementation=1)")
        sequences = sequences * ops.expand_dims(keras_cell.get_dropout_mask(sequences[:, 0, :]), 1)
    x = ops.swapaxes(sequences, 0, 1)
    counts = None if mask is None else ops.expand_dims(ops.transpose(ops.cast(mask, "bool")), -1)
    if layer.go_backwards:
        x = ops.flip(x, 0)
        counts = None if counts is None else ops.flip(counts, 0)
    variables = (keras_cell.kernel, keras_cell.recurrent_kernel, keras_cell.bias)
    weights = tuple(None if each is None else ops.convert_to_tensor(each) for each in variables)
    outputs, states = scan(cell, layer.return_sequences, x, counts, tuple(initial_state), weights, training)
    if counts is not None and layer.zero_output_for_mask:
        outputs = ops.where(counts if layer.return_sequences else counts[-1:], outputs, 0)
    return outputs[-1], ops.swapaxes(outputs, 0, 1), list(states)
