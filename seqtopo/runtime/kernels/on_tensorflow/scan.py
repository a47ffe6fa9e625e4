"""Loop a cell over the time steps, with the cell's own gradient, each compiled by XLA.

The first axis is time: inputs are of shape ``(T, batch, F)``, outputs ``(T, batch, units)``. XLA compiles
anew for each batch size and each number of steps; so a loop is compiled in training, which repeats it, and
not in prediction.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import FrameType
from typing import Any

import tensorflow as tf

from seqtopo.runtime.kernels import recurrent
from seqtopo.runtime.kernels.attaching import Choice, NotNow
from seqtopo.runtime.kernels.cells import Array, Cell, States, Weights, backward, forward
from seqtopo.runtime.kernels.on_tensorflow.planned import look_ahead

LEAST_STEPS = 16
"""The least steps of a compiled loop; for shorter ones compiling takes longer than most trainings gain."""

EXPORTERS = ("keras.src.export", "tensorflow.python.saved_model", "tensorflow.lite", "tf2onnx")
"""The packages that trace a model for other programs, which may lack XLA."""


def choose_loop(layer: Any) -> Choice:
    """Return the kernel for a recurrent layer, or why there is none."""
    return recurrent.choose(layer, "XLA loop with its own gradient", scan)


def scan(
    cell: Cell,
    sequences: bool,
    x: Array,
    counts: Array | None,
    states: States,
    weights: Weights,
    training: bool = False,
) -> tuple[Array, States]:
    """Return all outputs, or the last one alone, and the final states.

    Raises:
        NotNow: Keras' own loop has to do it.
    """
    if not training:
        raise NotNow("it does not train; XLA would compile it for each size of a batch")
    if tf.executing_eagerly():
        raise NotNow("it runs eagerly, step by step")
    if x.shape[0] is None:
        raise NotNow("how many time steps there are is not known when it is traced")
    if x.shape[0] < LEAST_STEPS:
        raise NotNow(f"it has fewer than {LEAST_STEPS} time steps, for which compiling does not pay")
    look_ahead(x.shape[0])
    if tf.distribute.has_strategy():
        raise NotNow("it runs under a distribution strategy")
    if _is_exported():
        raise NotNow("it is exported, for programs that may not have XLA")
    bias = weights[2]
    given = (x, *states, *weights[: 2 if bias is None else 3])
    loop = _compiled(cell, sequences, len(states), bias is not None, x.shape[0])

    def compute(*given: Array) -> Any:
        outputs, last, saved = loop.forward(counts, *_stop_gradients(given))

        def gradient(*d_found: Array) -> Any:
            return _back(loop, counts, outputs, saved, given, d_found)

        return (outputs, *last) if sequences else last, gradient

    found = tf.custom_gradient(compute)(*given)
    outputs, last = (found[0], tuple(found[1:])) if sequences else (found[0][None], tuple(found))
    if counts is not None:
        # Keras gives zeros on TensorFlow until a first step counts, and not the state that it started from.
        begun = tf.cumsum(tf.cast(counts, tf.int32), 0) > 0
        outputs = tf.where(begun if sequences else begun[-1:], outputs, tf.zeros_like(outputs))
    return outputs, last


def _back(
    loop: _Loop, counts: Array | None, outputs: Array, saved: States, given: States, d_found: States
) -> Any:
    """Return the gradient of the loop's arguments.

    XLA cannot differentiate its loops twice. For second derivatives TensorFlow differentiates a loop that is
    not compiled.
    """
    # The second time, what was saved comes from the other loop.
    outputs, saved = tf.stop_gradient(outputs), _stop_gradients(saved)

    def compute(*values: Array) -> Any:
        given, d_found = values[: len(values) - loop.outputs], values[len(values) - loop.outputs :]

        def gradient(*d_values: Array) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(values)
                once = loop.plain_gradient(counts, given, d_found)
            return tape.gradient(once, values, d_values, unconnected_gradients="zero")

        return loop.backward(
            counts, outputs, saved, _stop_gradients(given), _stop_gradients(d_found)
        ), gradient

    return tf.custom_gradient(compute)(*given, *d_found)


def _stop_gradients(values: States) -> States:
    """Return values that TensorFlow does not differentiate, since their gradient is given elsewhere."""
    return tuple(tf.stop_gradient(each) for each in values)


class _Loop:
    """The loops of one kind of cell over one number of steps: forward and backward."""

    def __init__(self, cell: Cell, sequences: bool, states: int, bias: bool, steps: int) -> None:
        self._cell, self._sequences, self._states, self._bias, self._steps = (
            cell, sequences, states, bias, steps,
        )  # fmt: skip
        self.outputs = states + sequences
        self.forward = tf.function(self._forward, jit_compile=True, autograph=False)
        self.backward = tf.function(self._backward, jit_compile=True, autograph=False)

    def _named(self, states_and_weights: tuple[Array, ...]) -> tuple[States, Weights]:
        weights = states_and_weights[self._states :]
        kernel, recurrent, bias = weights if self._bias else (*weights, None)
        return states_and_weights[: self._states], (kernel, recurrent, bias)

    def _forward(self, counts: Array | None, x: Array, *rest: Array) -> Any:
        """Return all outputs or the states before each step, the final states, and the saved values."""
        states, weights = self._named(rest)
        return forward(self._cell, self._sequences, self._over_time, x, counts, states, weights)

    def plain_gradient(self, counts: Array | None, given: States, d_found: States) -> Any:
        """Return the gradient of the loop's arguments, by TensorFlow's own differentiation."""
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs, last, _ = self._forward(counts, *given)
            found = (outputs, *last) if self._sequences else last
        return tape.gradient(found, given, d_found, unconnected_gradients="zero")

    def _backward(
        self, counts: Array | None, outputs: Array, saved: States, given: States, d_found: States
    ) -> Any:
        """Return the gradients of the inputs, of the initial states, and of the weights."""
        x, *rest = given
        d_outputs, d_last = (d_found[0], d_found[1:]) if self._sequences else (None, d_found)
        states, weights = self._named(tuple(rest))
        kept = (x, counts, states[0], weights, outputs, saved)
        found = backward(self._cell, self._sequences, self._over_time, kept, d_outputs, d_last)
        d_x, d_first, d_weights = found
        return d_x, *d_first, *(each for each in d_weights if each is not None)

    def _over_time(self, step: Any, states: States, inputs: Any, reverse: bool = False) -> Any:
        """Return the states after all steps, and the results of each step, stacked over time."""
        steps = self._steps

        def inputs_at(t: Array) -> Any:
            return tf.nest.map_structure(lambda each: None if each is None else each[t], inputs)

        # This call gives the dtypes and shapes of a step's results; XLA removes it.
        _, example = step(states, inputs_at(tf.constant(steps - 1 if reverse else 0)))
        stacks = tuple(
            tf.TensorArray(e.dtype, steps, element_shape=e.shape) for e in tf.nest.flatten(example)
        )

        def body(i: Array, states: States, stacks: Any) -> Any:
            t = steps - 1 - i if reverse else i
            states, found = step(states, inputs_at(t))
            return (
                i + 1,
                states,
                tuple(s.write(t, x) for s, x in zip(stacks, tf.nest.flatten(found), strict=True)),
            )

        _, states, stacks = tf.while_loop(
            lambda i, *_: i < steps,
            body,
            (tf.constant(0), tuple(states), stacks),
            maximum_iterations=steps,
        )
        return states, tf.nest.pack_sequence_as(example, [stack.stack() for stack in stacks])


@lru_cache(maxsize=256)
def _compiled(cell: Cell, sequences: bool, states: int, bias: bool, steps: int) -> _Loop:
    return _Loop(cell, sequences, states, bias, steps)


def _is_exported() -> bool:
    """Return whether an exporter is on the call stack, which is the only sign that it is tracing."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(EXPORTERS):
            return True
        frame = frame.f_back
    return False
