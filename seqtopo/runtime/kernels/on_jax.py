"""Choose kernels for JAX: the scan of Keras' own loop, with a gradient written by hand.

The first axis is time: inputs are of shape ``(T, batch, F)``, outputs ``(T, batch, units)``. JAX
differentiates it in reverse (``grad``, ``vjp``), also under ``vmap`` and twice. It has no rule for forward
mode (``jvp``, ``jacfwd``); there Keras' own loop runs, unless ``jit`` stands between the two and hides it.

What JAX derives for the loop adds up the gradient of the weights step by step. Here the loop back finds the
gradient of the gates alone, and the weights' is one product over all steps. The input is multiplied inside
the loop: done before it, in one product (which Keras does for a GRU), XLA reads the product back in code that
is not vectorized, and on a CPU the loop takes 2 to 3 times as long.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
from jax import lax
from jax.interpreters.ad import JVPTracer
from keras import layers

from seqtopo.runtime.kernels import recurrent
from seqtopo.runtime.kernels.attaching import Choice, NotNow, Stock
from seqtopo.runtime.kernels.cells import Array, Cell, States, Weights, backward, forward

Found = tuple[Array | None, States]


def scan(
    cell: Cell,
    sequences: bool,
    x: Array,
    counts: Array | None,
    states: States,
    weights: Weights,
    training: bool = False,
) -> tuple[Array, States]:
    """Return all outputs, or the last one alone, and the final states; the same in and out of training.

    Raises:
        NotNow: it is differentiated in forward mode.
    """
    if any(isinstance(each, JVPTracer) for each in jax.tree.leaves((x, states, weights))):
        raise NotNow("its gradient is written by hand, and JAX wants a derivative in forward mode")
    outputs, states = _scan(cell, sequences, x, counts, states, weights)
    return states[0][None] if outputs is None else outputs, states


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _scan(
    cell: Cell, sequences: bool, x: Array, counts: Array | None, states: States, weights: Weights
) -> Found:

    def step(states: States, given: Any) -> Any:
        now, counted = given
        states, _ = cell.step(now, counted, states, weights)
        return states, states[0] if sequences else None

    last, outputs = lax.scan(step, states, (x, counts))
    return outputs, last


def _forward(
    cell: Cell, sequences: bool, x: Array, counts: Array | None, states: States, weights: Weights
) -> tuple[Found, Any]:
    outputs, last, saved = forward(cell, sequences, lax.scan, x, counts, states, weights)
    return (outputs if sequences else None, last), (x, counts, states[0], weights, outputs, saved)


def _backward(cell: Cell, sequences: bool, kept: Any, gradient: Found) -> tuple[Any, ...]:
    d_x, d_first, d_weights = backward(cell, sequences, lax.scan, kept, *gradient)
    return d_x, None, d_first, d_weights


_scan.defvjp(_forward, _backward)


def choose(layer: Any) -> Choice:
    """Return the kernel for a layer, or why there is none."""
    if isinstance(layer, layers.SimpleRNN):
        return Stock("Keras' own loop is as fast on JAX")
    if isinstance(layer, (layers.LSTM, layers.GRU)):
        if jax.default_backend() != "cpu":
            return Stock(f"its kernel was measured on CPUs alone, and JAX runs on {jax.default_backend()}")
        return recurrent.choose(layer, "scan with its own gradient", scan)
    return None
