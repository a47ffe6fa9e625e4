"""Run loops inside one compiled program: scan on JAX, while_loop on TensorFlow.

PyTorch has no such loop. There one turn is traced to its ATen operations, which are run again and again,
without Keras' work around each layer: for a small LSTM some sixty times as fast.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np
from keras import tree

Body = Callable[[list[Any], list[Any], list[Any]], tuple[list[Any], list[Any]]]
"""A function from fixed values, the carry and a turn's slices to the next carry and the turn's outputs.
"""

WORTH_TRACING = 4
"""The turns on PyTorch from which tracing pays."""


class Compiled:
    """A function of tensors, compiled once for each set of shapes.

    The variables of ``models`` go in anew at each call, so that weights that were trained or set in between
    are seen, without compiling again.
    """

    def __init__(self, function: Callable[..., Any], models: Sequence[keras.Model]) -> None:
        self._function = function
        self._traces: dict[Any, Any] = {}
        self._variables = list({id(v): v for model in models for v in model.variables}.values())
        make = {"jax": self._jax, "tensorflow": self._tensorflow, "torch": self._torch}
        self._run = make[keras.backend.backend()]()

    def __call__(self, *arrays: Any) -> Any:
        """Return the result of the function for arrays or tensors, as tensors of the backend."""
        return self._run(*arrays)

    def _jax(self) -> Callable[..., Any]:
        import jax

        def run(values: list[Any], *arrays: Any) -> Any:
            with keras.StatelessScope(state_mapping=list(zip(self._variables, values, strict=True))):
                return self._function(*arrays)

        compiled = jax.jit(run)
        return lambda *arrays: compiled([v.value for v in self._variables], *arrays)

    def _tensorflow(self) -> Callable[..., Any]:
        import tensorflow as tf

        compiled = tf.function(self._function, autograph=False)
        return lambda *arrays: compiled(*tree.map_structure(tf.convert_to_tensor, arrays))

    def _torch(self) -> Callable[..., Any]:
        import torch

        def run(*arrays: Any) -> Any:
            token = _running.set((self._variables, self._traces, itertools.count()))
            try:
                with torch.no_grad():
                    return self._function(*tree.map_structure(keras.ops.convert_to_tensor, arrays))
            finally:
                _running.reset(token)

        return run


_running: ContextVar[tuple[list[Any], dict[Any, Any], Any]] = ContextVar("running")
"""The function that runs on PyTorch: its variables, its traced loops, and a counter of loops."""


def scan(
    body: Body, fixed: list[Any], carry: list[Any], steps: list[Any], length: int
) -> tuple[list[Any], list[Any]]:
    """Run ``carry, given = body(fixed, carry, step)`` along the first axis of ``steps``.

    All tensors that a turn needs are in its arguments, except variables. Return the last carry, and the
    outputs, each stacked along a new first axis.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        last, given = jax.lax.scan(lambda c, x: body(fixed, c, x), carry, steps, length=length)
        return last, given
    if backend == "tensorflow":
        return _tensorflow_scan(body, fixed, carry, steps, length)
    import torch

    turn = _traced(body, fixed, carry, [x[0] for x in steps]) if length >= WORTH_TRACING else body
    found = []
    for i in range(length):
        carry, one = turn(fixed, carry, [x[i] for x in steps])
        found.append(one)
    return carry, [torch.stack(several) for several in zip(*found, strict=True)]


def _traced(body: Body, fixed: list[Any], carry: list[Any], step: list[Any]) -> Body:
    """Return one turn on PyTorch as its ATen operations; traced once for each function, loop and set of
    shapes.

    The variables go in as arguments, since a trace would keep their present numbers.
    """
    from seqtopo.runtime.kernels.fx_trace import CannotTraceError, fx_trace

    variables, traces, loops = _running.get()
    given = [*fixed, *carry, *step]
    first, second = len(fixed), len(fixed) + len(carry)
    key = (next(loops), first, second, *((tuple(x.shape), x.dtype, x.device) for x in given))
    values = [v.value.detach() for v in variables]
    if key not in traces:

        def bare(*flat: Any) -> list[Any]:
            given = list(flat[len(variables) :])
            scope = zip(variables, flat[: len(variables)], strict=True)
            with keras.StatelessScope(state_mapping=list(scope)):
                carried, gives = body(given[:first], given[first:second], given[second:])
            return [*carried, *gives]

        try:
            traces[key], _ = fx_trace(bare, [*values, *given])
        except CannotTraceError:
            traces[key] = None
    if traces[key] is None:
        return body
    forward = traces[key]
    carried = len(carry)

    def turn(fixed: list[Any], carry: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
        found = forward(*values, *fixed, *carry, *step)
        return found[:carried], found[carried:]

    return turn


def _tensorflow_scan(
    body: Body, fixed: list[Any], carry: list[Any], steps: list[Any], length: int
) -> tuple[list[Any], list[Any]]:
    import tensorflow as tf

    if not length:
        return carry, []
    # The outputs of the first step give the shapes of the arrays; the loop computes the others.
    carry, first = body(fixed, carry, [x[0] for x in steps])
    arrays = [tf.TensorArray(x.dtype, size=length, element_shape=x.shape).write(0, x) for x in first]
    shapes = [x.shape for x in carry]

    def again(i: Any, carry: list[Any], arrays: list[Any]) -> Any:
        carry, given = body(fixed, carry, [x[i] for x in steps])
        for x, shape in zip(carry, shapes, strict=True):
            x.set_shape(shape)
        return i + 1, carry, [a.write(i, x) for a, x in zip(arrays, given, strict=True)]

    _, carry, arrays = tf.while_loop(lambda i, *_: i < length, again, [1, carry, arrays])
    return carry, [a.stack() for a in arrays]


def numpy_of(values: Any) -> Any:
    """Return tensors as arrays."""
    return tree.map_structure(lambda x: np.asarray(keras.ops.convert_to_numpy(x)), values)
