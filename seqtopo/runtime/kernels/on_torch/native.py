"""Call PyTorch's own LSTM, GRU and RNN on the weights of Keras' layers.

The order of a GRU's gates differs, and PyTorch's weights are transposed and have two biases. The weights are
views of Keras' variables wherever that is possible, and gradients flow to these.

A masked step leaves the state as it is, and repeats the output of the step before it, or gives zeros. So a
sequence with masked steps is run as the shorter sequence of its other steps, whose outputs are put back at
their places. There are two layouts. *Packed* is PyTorch's own: the first steps of all sequences, the longest
sequence first, then the second steps, and so on. *Aligned* has the unmasked steps first, and behind them
steps whose outputs are not used: it computes more, but on a CPU by a call that is several times as fast.
Each layout is one gather.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from keras import activations, layers, ops
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow, Stock
from seqtopo.runtime.kernels.on_torch.loop import loop

Weights = list[torch.Tensor]


class Native(NamedTuple):
    """A native call, and the function that passes a cell's weights to it."""

    kind: str
    cell: type[Any]
    activation: Callable[..., Any]
    call: Callable[..., Any]
    weights: Callable[[Any], Weights]
    states: int = 1


def choose(layer: Any) -> Choice:
    """Return the native kernel of a layer, or the reason for which it has none."""
    cell: Any = layer.cell
    if type(layer) not in CALLS or type(cell) is not CALLS[type(layer)][0].cell:
        return Stock("it is not Keras' own layer, but a subclass")
    if "call" in vars(cell):
        return Stock("the call of its cell has been replaced in this instance")
    options = CALLS[type(layer)]
    kind = f"PyTorch's {options[0].kind}"
    if cell.dropout and getattr(cell, "implementation", 2) == 1 and not cell.recurrent_dropout:
        return Stock("with dropout and implementation=1 it is left to Keras")
    native = next((each for each in options if each.activation is cell.activation), None)
    gate = getattr(cell, "recurrent_activation", activations.sigmoid)
    if native is None:
        known = " or ".join(_name(each.activation) for each in options)
        return loop(f"{kind} has activation={known}, not {_name(cell.activation)}")
    if gate is not activations.sigmoid:
        return loop(f"{kind} has recurrent_activation=sigmoid, not {_name(gate)}")
    if not getattr(cell, "reset_after", True):
        return loop(f"{kind} has reset_after=true")
    if cell.recurrent_dropout:
        return loop(f"{kind} has no recurrent_dropout")
    # A stateful layer's call is wrapped by what carries its states.
    more = () if layer.stateful else (("call", call),)
    return Kernel(f"native {native.kind}", "inner_loop", partial(run, native), more=more)


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))


def call(
    layer: Any, sequences: torch.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
) -> Any:
    """Run a recurrent layer's ``call`` if nothing has to be done before and after its ``inner_loop``.

    Raises:
        NotNow: states are given, dropout masks have to be drawn, or it is unrolled.
    """
    cell = layer.cell
    if initial_state is not None or cell.dropout or layer.unroll or layer.stateful:
        raise NotNow("Keras prepares the loop")
    zeros = torch.zeros(
        (sequences.shape[0], cell.units), dtype=_tensor(cell.kernel).dtype, device=sequences.device
    )
    starts = [zeros] * len(layer.state_size)
    last, outputs, states = layer.inner_loop(sequences, starts, mask, training=training)
    output = outputs if layer.return_sequences else last
    return (output, *states) if layer.return_state else output


def run(
    native: Native, layer: Any, sequences: torch.Tensor, initial_state: Any, mask: Any, training: bool = False
) -> Any:
    """Run a recurrent layer's ``inner_loop``, and return the last output, all outputs, and the final states.

    Raises:
        NotNow: the stock loop has to do it.
    """
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    device = sequences.device.type
    if device == "meta":
        raise NotNow("only the shapes are asked for")
    if transformed := _transform(device):
        raise NotNow(f"PyTorch's own call does not know {transformed}")
    if device == "cuda" and getattr(layer, "use_cudnn", "auto") is False:
        raise NotNow("use_cudnn is false")
    if mask is not None and mask.ndim != 2:
        raise NotNow(f"its mask has {mask.ndim} axes, not two")
    if not sequences.shape[0] or not sequences.shape[1]:
        raise NotNow("there is nothing to go through")
    cell = layer.cell
    weights = native.weights(cell)
    if sequences.shape[-1] != weights[0].shape[-1]:
        raise NotNow("it is given another number of features than it has weights for")
    laid = None
    if mask is not None:
        # The native call returns the carry c only after all steps.
        every_state = native.states > 1 and (layer.return_state or layer.stateful)
        aligned = device == "cpu" and not every_state
        laid = packing(mask.bool(), layer.go_backwards, layer.zero_output_for_mask, aligned=aligned)
        if laid is not None and not len(laid.rows):
            raise NotNow("every step is masked")
    if training and cell.dropout:
        sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), 1)
    sequences = sequences.to(weights[0].dtype)
    # Has biases, number of layers, dropout between them, needs a gradient, is bidirectional.
    options = (cell.bias is not None, 1, 0.0, torch.is_grad_enabled(), False)
    if laid is not None:
        steps = laid.pack(sequences)
        starts = _states([state.to(sequences.dtype).index_select(0, laid.rows) for state in initial_state])
        if isinstance(laid, Packed):
            found, *states = native.call(steps, laid.sizes, starts, weights, *options)
            ends = [state[0] for state in states]
        else:
            assert isinstance(laid, Aligned)
            found, *_ = native.call(steps, starts, weights, *options, True)
            ends = [laid.last(found)]
        outputs = laid.unpack(found, not layer.return_sequences)
        finals = [
            laid.final(end, first.to(end.dtype)) for end, first in zip(ends, initial_state, strict=False)
        ]
        return outputs[:, -1], outputs, finals
    if layer.go_backwards:
        sequences = sequences.flip(1)
    given = [state.to(sequences.dtype) for state in initial_state]
    outputs, *states = native.call(sequences, _states(given), weights, *options, True)
    last = outputs[:, -1]
    return last, outputs if layer.return_sequences else last[:, None], [state[0] for state in states]


def _transform(device: str) -> str:
    """Return the active transform for which PyTorch's recurrent calls have no rule, in words; else ""."""
    if peek_interpreter_stack() is not None:
        return "the transforms of torch.func"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    # Under it the weights stay what they are, and some CPUs lack a primitive for two precisions.
    return "autocast" if device == "cpu" and torch.is_autocast_enabled(device) else ""


def _states(states: list[torch.Tensor]) -> Any:
    """Return states as the native calls take them: with an axis for stacked layers, two in a tuple."""
    found = tuple(state[None] for state in states)
    return found if len(found) > 1 else found[0]


def _plain_weights(cell: Any) -> Weights:
    return [*_transposed(cell), *_biases(cell)]


_lstm_weights = _plain_weights
"""The function for an LSTM: both libraries order the gates as input, forget, candidate, output."""


def _gru_weights(cell: Any) -> Weights:
    """Return a GRU's weights; Keras has update before reset, PyTorch reset before update."""
    biases = [] if cell.bias is None else list(_tensor(cell.bias))
    return [_reset_first(each) for each in (*_transposed(cell), *biases)]


def _reset_first(gates: torch.Tensor) -> torch.Tensor:
    update, reset, candidate = gates.chunk(3)
    return torch.cat((reset, update, candidate))


def _transposed(cell: Any) -> Weights:
    return [_tensor(cell.kernel).t(), _tensor(cell.recurrent_kernel).t()]


def _biases(cell: Any) -> Weights:
    """Return Keras' bias and zeros for PyTorch's second one; nothing if the cell has no bias."""
    if cell.bias is None:
        return []
    bias = _tensor(cell.bias)
    return [bias, torch.zeros_like(bias)]


def _tensor(variable: Any) -> torch.Tensor:
    """Return a variable's value, in the precision in which its layer computes."""
    found: torch.Tensor = variable.value
    return found


CALLS = {
    layers.LSTM: (Native("LSTM", layers.LSTMCell, activations.tanh, torch._VF.lstm, _lstm_weights, 2),),
    layers.GRU: (Native("GRU", layers.GRUCell, activations.tanh, torch._VF.gru, _gru_weights),),
    layers.SimpleRNN: (
        Native("RNN", layers.SimpleRNNCell, activations.tanh, torch._VF.rnn_tanh, _plain_weights),
        Native("RNN", layers.SimpleRNNCell, activations.relu, torch._VF.rnn_relu, _plain_weights),
    ),
}
"""The native calls for each layer; more than one if they differ in the activation."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The order in which the steps of a batch of shape ``(batch, T)`` are computed.

    ``steps`` are the places ``batch * T + t`` of the computed steps, in the order of the layout. ``rows`` are
    the sequences with any step, the longest first; ``places`` are the places of all sequences among these, or
    a number past the last for a sequence without steps. ``outputs`` are the numbers, from 1, of each step's
    output in the layout; 0 is zeros.
    """

    steps: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor
    outputs: torch.Tensor

    def pack(self, sequences: torch.Tensor) -> torch.Tensor:
        """Return the computed steps, of shape ``(*steps.shape, F)``."""
        found = sequences.reshape(-1, sequences.shape[-1]).index_select(0, self.steps.reshape(-1))
        return found.reshape(*self.steps.shape, -1)

    def unpack(self, found: torch.Tensor, last_only: bool) -> torch.Tensor:
        """Return the outputs of all steps, of shape ``(batch, T, units)``, or of the last one."""
        wanted = self.outputs[:, -1:] if last_only else self.outputs
        zeros = found.new_zeros((1, found.shape[-1]))
        laid = torch.cat((zeros, found.reshape(-1, found.shape[-1]))).index_select(0, wanted.reshape(-1))
        return laid.reshape(*wanted.shape, -1)

    def final(self, state: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        """Return the states after each sequence's last step; without any step, its initial state."""
        if len(self.rows) == len(self.places):
            return state.index_select(0, self.places)
        kept = torch.arange(len(self.places), device=initial.device)
        where = torch.where(self.places < len(self.rows), self.places, len(self.rows) + kept)
        return torch.cat((state, initial)).index_select(0, where)


@dataclass(frozen=True, eq=False)
class Packed(Layout):
    """PyTorch's layout: ``sizes`` are the numbers of sequences with a first step, a second, and so on."""

    sizes: torch.Tensor


@dataclass(frozen=True, eq=False)
class Aligned(Layout):
    """The unmasked steps first, ``steps`` of shape ``(rows, longest)``, then the last one again."""

    lengths: torch.Tensor

    def last(self, found: torch.Tensor) -> torch.Tensor:
        """Return the outputs of each row's last unmasked step, of shape ``(rows, units)``."""
        return found[torch.arange(len(found), device=found.device), self.lengths - 1]


def packing(mask: torch.Tensor, go_backwards: bool, zero_output: bool, *, aligned: bool) -> Layout | None:
    """Return the layout of a batch whose steps count where ``mask``, of shape ``(batch, T)``, is true.

    None if all steps count. ``outputs`` are in the order in which the layer goes.
    """
    if bool(mask.all()):
        return None
    mask = mask.flip(1) if go_backwards else mask
    batch, length = mask.shape
    counted = mask.cumsum(1)
    lengths = counted[:, -1]
    order = lengths.argsort(descending=True, stable=True)
    rows = order[: int((lengths > 0).sum())]
    places = torch.empty_like(order)
    places[order] = torch.arange(batch, device=mask.device)
    longest = int(lengths.max())
    sequence, step = mask.nonzero(as_tuple=True)
    taken = sequence * length + (length - 1 - step if go_backwards else step)
    earlier = (counted - 1).clamp(min=0)
    if aligned:
        there = places[:, None] * longest + earlier
        # The last step that counts of each sequence, which is the last that is taken of it.
        ends = lengths.cumsum(0)[rows] - 1
        steps = taken[ends, None].repeat(1, longest).reshape(-1)
    else:
        sizes = (lengths > torch.arange(longest, device=mask.device)[:, None]).sum(1)
        before = sizes.cumsum(0) - sizes
        # The k-th step that counts of a sequence stands after all earlier ones, and after longer sequences.
        there = before[earlier] + places[:, None] if len(rows) else counted
        steps = torch.empty_like(taken)
    steps[there[mask]] = taken
    outputs = torch.where(mask if zero_output else counted > 0, there + 1, 0)
    if aligned:
        return Aligned(steps.reshape(len(rows), longest), rows, places, outputs, lengths[rows])
    return Packed(steps, rows, places, outputs, sizes.cpu())
