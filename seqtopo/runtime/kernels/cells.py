"""Compute one step of each recurrent layer, forward pass and hand-written VJP; for JAX and TensorFlow.

A cell's ``step`` takes ``x`` of shape ``(batch, F)``, the states of shape ``(batch, units)`` each, and the
weights as Keras has them. It returns the next states and the values saved for the backward pass. A step is
skipped where the mask ``counts``, of shape ``(batch, 1)``, is false; its saved values are chosen so that the
backward pass skips it too. ``back`` takes the gradient of the next states, and returns those of the previous
states and of the gates. ``finish`` takes the gates' gradients of all steps, and returns those of the inputs
and of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from keras import activations, ops

Array = Any
States = tuple[Array, ...]
Weights = tuple[Array, Array, Array | None]
Kept = tuple[Array, Array | None, Array, Weights, Array, States]
"""The values kept for ``backward``: inputs, mask, first output, weights, and the results of ``forward``."""
OverTime = Callable[..., tuple[States, Any]]
"""The backend's loop, ``over_time(step, states, inputs, reverse=False)``, as ``jax.lax.scan``.

``inputs`` are nested tuples of arrays with time as the first axis, or None. ``step(states, inputs)`` returns
the next states and its results; the loop returns the states after all steps, and the results stacked.
"""


@dataclass(frozen=True)
class Activation:
    """An activation, and its derivative as a function of the activation's value."""

    of: Callable[[Array], Array]
    slope: Callable[[Array], Array]


SIGMOID = Activation(activations.sigmoid, lambda y: y * (1 - y))
HARD_SIGMOID = Activation(activations.hard_sigmoid, lambda y: ops.cast((y > 0) & (y < 1), y.dtype) / 6)

ACTIVATIONS = {
    activations.tanh: Activation(activations.tanh, lambda y: 1 - y * y),
    activations.sigmoid: SIGMOID,
    activations.hard_sigmoid: HARD_SIGMOID,
    activations.relu: Activation(activations.relu, lambda y: ops.cast(y > 0, y.dtype)),
    activations.linear: Activation(activations.linear, ops.ones_like),
}
"""The activations of Keras that kernels support."""

GATES = {activations.sigmoid: SIGMOID, activations.hard_sigmoid: HARD_SIGMOID}
"""The activations that kernels support for gates: their derivative is 0 at the values 0 and 1."""


class Cell(Hashable, Protocol):
    """The computation of one kind of recurrent layer."""

    def step(self, x: Array, counts: Array | None, states: States, weights: Weights) -> tuple[States, States]:
        """Return the next states, and the values saved for ``back``."""

    def back(
        self, d_states: States, counts: Array | None, saved: States, turned: Array
    ) -> tuple[States, States]:
        """Return the gradients of the previous states and of the gates; ``turned`` is the transposed
        recurrent kernel.
        """

    def finish(
        self, x: Array, before: Array, d_gates: States, weights: Weights
    ) -> tuple[Array, tuple[Array, Array, Array | None]]:
        """Return the gradients of inputs and weights; ``before`` are the states before each step."""


@dataclass(frozen=True)
class SimpleRNN:
    """The cell ``h = act(x W + h U + b)``."""

    activation: Activation

    def step(self, x: Array, counts: Array | None, states: States, weights: Weights) -> Any:
        """See ``Cell``."""
        (h,) = states
        new = self.activation.of(_sum(x, h, weights))
        return (new if counts is None else ops.where(counts, new, h),), (new,)

    def back(self, d_states: States, counts: Array | None, saved: States, turned: Array) -> Any:
        """See ``Cell``."""
        (d,) = d_states
        d_gate = d * self.activation.slope(saved[0])
        if counts is None:
            return (ops.matmul(d_gate, turned),), (d_gate,)
        d_gate = ops.where(counts, d_gate, 0)
        return (ops.matmul(d_gate, turned) + ops.where(counts, 0, d),), (d_gate,)

    def finish(self, x: Array, before: Array, d_gates: States, weights: Weights) -> Any:
        """See ``Cell``."""
        return _finish(x, before, _flat(d_gates[0]), weights)


@dataclass(frozen=True)
class LSTM:
    """The LSTM cell: gates in the order input, forget, candidate, output; states output and carry."""

    activation: Activation
    gate: Activation

    def step(self, x: Array, counts: Array | None, states: States, weights: Weights) -> Any:
        """See ``Cell``."""
        h, c = states
        i, f, g, o = ops.split(_sum(x, h, weights), 4, axis=-1)
        i, f, g, o = self.gate.of(i), self.gate.of(f), self.activation.of(g), self.gate.of(o)
        if counts is not None:
            # Nothing is let in and nothing forgotten: so the carry stays, and none of its gradient is lost.
            i, f = ops.where(counts, i, 0), ops.where(counts, f, 1)
        new_c = f * c + i * g
        new_h = o * self.activation.of(new_c)
        if counts is not None:
            new_h, new_c = ops.where(counts, new_h, h), ops.where(counts, new_c, c)
        return (new_h, new_c), (c, i, f, g, o)

    def back(self, d_states: States, counts: Array | None, saved: States, turned: Array) -> Any:
        """See ``Cell``."""
        d_h, d_c = d_states
        c, i, f, g, o = saved
        kept = None
        if counts is not None:
            d_h, kept = ops.where(counts, d_h, 0), ops.where(counts, 0, d_h)
        shown = self.activation.of(f * c + i * g)
        d_c = d_c + d_h * o * self.activation.slope(shown)
        d_gates = ops.concatenate(
            [
                d_c * g * self.gate.slope(i),
                d_c * c * self.gate.slope(f),
                d_c * i * self.activation.slope(g),
                d_h * shown * self.gate.slope(o),
            ],
            axis=-1,
        )
        d_before = ops.matmul(d_gates, turned)
        return (d_before if kept is None else d_before + kept, d_c * f), (d_gates,)

    def finish(self, x: Array, before: Array, d_gates: States, weights: Weights) -> Any:
        """See ``Cell``."""
        return _finish(x, before, _flat(d_gates[0]), weights)


@dataclass(frozen=True)
class GRU:
    """The GRU cell: gates in the order update, reset, candidate; the reset gate comes after the product."""

    activation: Activation
    gate: Activation

    def step(self, x: Array, counts: Array | None, states: States, weights: Weights) -> Any:
        """See ``Cell``."""
        (h,) = states
        kernel, recurrent, bias = weights
        from_x, from_h = ops.matmul(x, kernel), ops.matmul(h, recurrent)
        if bias is not None:
            from_x, from_h = from_x + bias[0], from_h + bias[1]
        x_z, x_r, x_g = ops.split(from_x, 3, axis=-1)
        h_z, h_r, h_g = ops.split(from_h, 3, axis=-1)
        z, r = self.gate.of(x_z + h_z), self.gate.of(x_r + h_r)
        g = self.activation.of(x_g + r * h_g)
        new = z * h + (1 - z) * g
        if counts is not None:
            # All is kept: so is all of the gradient.
            z, new = ops.where(counts, z, 1), ops.where(counts, new, h)
        return (new,), (h, z, r, g, h_g)

    def back(self, d_states: States, counts: Array | None, saved: States, turned: Array) -> Any:
        """See ``Cell``."""
        (d,) = d_states
        h, z, r, g, h_g = saved
        d_g = d * (1 - z) * self.activation.slope(g)
        d_z = d * (h - g) * self.gate.slope(z)
        d_r = d_g * h_g * self.gate.slope(r)
        d_from_h = ops.concatenate([d_z, d_r, d_g * r], axis=-1)
        d_from_x = ops.concatenate([d_z, d_r, d_g], axis=-1)
        return (ops.matmul(d_from_h, turned) + d * z,), (d_from_x, d_from_h)

    def finish(self, x: Array, before: Array, d_gates: States, weights: Weights) -> Any:
        """See ``Cell``."""
        d_from_x, d_from_h = (_flat(each) for each in d_gates)
        d_x = _times_transposed(d_from_x, weights[0], x)
        d_bias = None if weights[2] is None else ops.stack([ops.sum(d_from_x, 0), ops.sum(d_from_h, 0)])
        return d_x, (_over_steps(x, d_from_x), _over_steps(before, d_from_h), d_bias)


def forward(
    cell: Cell,
    sequences: bool,
    over_time: OverTime,
    x: Array,
    counts: Array | None,
    states: States,
    weights: Weights,
) -> tuple[Array, States, States]:
    """Return all outputs or the states before each step, the final states, and the saved values."""

    def step(states: States, inputs: Any) -> Any:
        now, counted = inputs
        after, saved = cell.step(now, counted, states, weights)
        return after, (after[0] if sequences else states[0], saved)

    last, (outputs, saved) = over_time(step, states, (x, counts))
    return outputs, last, saved


def backward(
    cell: Cell, sequences: bool, over_time: OverTime, kept: Kept, d_outputs: Array | None, d_last: States
) -> tuple[Array, States, Weights]:
    """Return the gradients of the inputs, of the initial states, and of the weights."""
    x, counts, first, weights, outputs, saved = kept
    turned = ops.transpose(weights[1])

    def step(d_states: States, inputs: Any) -> Any:
        d_output, counted, saved = inputs
        if d_output is not None:
            d_states = (d_states[0] + d_output, *d_states[1:])
        return cell.back(d_states, counted, saved, turned)

    d_first, d_gates = over_time(step, d_last, (d_outputs, counts, saved), reverse=True)
    before = ops.concatenate([first[None], outputs[:-1]]) if sequences else outputs
    d_x, d_weights = cell.finish(x, before, d_gates, weights)
    return d_x, d_first, d_weights


def _sum(x: Array, h: Array, weights: Weights) -> Array:
    kernel, recurrent, bias = weights
    found = ops.matmul(x, kernel) + ops.matmul(h, recurrent)
    return found if bias is None else found + bias


def _finish(x: Array, before: Array, d_gates: Array, weights: Weights) -> Any:
    kernel, _, bias = weights
    d_bias = None if bias is None else ops.sum(d_gates, 0)
    d_weights = (_over_steps(x, d_gates), _over_steps(before, d_gates), d_bias)
    return _times_transposed(d_gates, kernel, x), d_weights


def _times_transposed(d_gates: Array, kernel: Array, x: Array) -> Array:
    return ops.reshape(ops.matmul(d_gates, ops.transpose(kernel)), ops.shape(x))


def _over_steps(factor: Array, d_gates: Array) -> Array:
    """Return the gradient of a weight that multiplies ``factor``: one product over all steps and samples."""
    return ops.matmul(ops.transpose(_flat(factor)), d_gates)


def _flat(each: Array) -> Array:
    """Return values with time steps and batch in one axis."""
    return ops.reshape(each, (-1, each.shape[-1]))
