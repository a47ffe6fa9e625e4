"""Compile a model's call for inputs of one shape to one program of its backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter, is_
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from seqtopo.emit import keras_private
from seqtopo.runtime.kernels.attaching import Attached, attach, attached, layers

Arrays = list[Any]
"""One array for each input of a model, in its flat order; None for one that is left out."""

TRIED = 5
"""The runs of each of two programs whose times are compared."""

value_of = attrgetter("_value")
"""A function that returns a variable's value.

``.value`` would look for scopes and casts: for all variables of a model that can take longer than the answer.
"""


@dataclass(frozen=True)
class Program:
    """A function from a model's inputs to its outputs, both flat.

    ``how`` says in words what it was compiled to, and why to nothing faster.
    """

    run: Callable[[Arrays], list[np.ndarray]]
    how: str
    writes: bool
    """True if it sets variables of the model, so that it must not run twice at a time."""
    holds: Callable[[], bool] = lambda: True
    """A function that returns whether the variables still hold the same tensors, whose numbers may change."""


class Call:
    """A model's call, as ``predict`` makes it, with flat inputs and outputs."""

    def __init__(self, model: keras.Model, inputs: Any) -> None:
        self.model = model
        self.variables = list({id(v): v for v in model.variables}.values())
        self.inputs = inputs
        self._on_jax = keras.config.backend() == "jax"
        self.outputs: Any = None
        """The structure of the outputs, which is known after the first call."""
        self.written: list[Any] = []
        """The variables that it sets, likewise."""

    def plain(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the outputs of Keras' own call."""
        found = self.model(tree.pack_sequence_as(self.inputs, list(arrays)), training=False)
        self.outputs = tree.map_structure(lambda _: 0, found)
        flat: list[Any] = tree.flatten(found)
        return flat

    def pure(self, values: Sequence[Any], arrays: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the outputs for these values of the variables, and the new values that the call sets."""
        with keras.StatelessScope(state_mapping=list(zip(self.variables, values, strict=True))) as scope:
            before = [scope.get_current_value(v) for v in self.variables]
            outputs = self.plain(arrays)
            after = [scope.get_current_value(v) for v in self.variables]
        changed = [(v, a) for v, a, b in zip(self.variables, after, before, strict=True) if a is not b]
        self.written = [v for v, _ in changed]
        return outputs, [value for _, value in changed]

    def values(self) -> list[Any]:
        """Return the present values of the variables."""
        if self._on_jax:
            # Inside fit JAX keeps the values apart from the variables.
            self.model.jax_state_sync()
        values = list(map(value_of, self.variables))
        if any(value is None for value in values):
            raise ValueError(
                f"the weights of {self.model.name} are with the model that trains it just now; "
                "ask again after the epoch"
            )
        return values


def compiled_call(call: Call, arrays: Arrays) -> Program:
    """Return the program for inputs of the shapes and dtypes of ``arrays``."""
    make = {"jax": _on_jax, "tensorflow": _on_tensorflow, "torch": _on_torch}[keras.config.backend()]
    call.values()
    try:
        with temporary_kernels(call.model):
            return make(call, arrays)
    # The backends have many ways to say that something cannot be compiled, and Keras puts them into others.
    except Exception as error:
        program = _in_keras(call, _reason(error))
        # Inputs that Keras refuses raise its error in this call.
        program.run(arrays)
        return program


def _in_keras(call: Call, why: str) -> Program:
    def run(arrays: Arrays) -> list[np.ndarray]:
        with _as_in_predict(call.model):
            return [np.array(ops.convert_to_numpy(x)) for x in call.plain(arrays)]

    return Program(run, f"Keras' own call, layer by layer: {why}", True)


def _on_jax(call: Call, arrays: Arrays) -> Program:
    import jax

    # A function of its own: with it goes what was compiled of it.
    compiled = jax.jit(lambda values, arrays: call.pure(values, arrays))

    def run(arrays: Arrays) -> list[np.ndarray]:
        found, new = compiled(call.values(), arrays)
        for variable, value in zip(written, new, strict=True):
            variable.assign(value)
        # Copies: JAX's own may not be written to, and may be the states as well.
        return [np.array(x) for x in found]

    compiled(call.values(), arrays)
    written = call.written
    return Program(run, "one program, compiled by jax.jit", bool(written))


def _on_tensorflow(call: Call, arrays: Arrays) -> Program:
    import tensorflow as tf

    shapes = [tf.TensorSpec(x.shape, tf.as_dtype(x.dtype)) for x in arrays if x is not None]

    def flat(*tensors: Any) -> list[Any]:
        return call.plain(_with_left_out(arrays, tensors))

    def program(xla: bool) -> Program:
        graph = tf.function(flat, autograph=False, jit_compile=xla).get_concrete_function(*shapes)
        writes = any("Assign" in operation.type for operation in graph.graph.get_operations())

        def run(arrays: Arrays) -> list[np.ndarray]:
            return [x.numpy() for x in graph(*[tf.constant(x) for x in arrays if x is not None])]

        run(arrays)
        return Program(run, "one TensorFlow graph" + ", compiled by XLA" * xla, writes)

    plain = program(False)
    each = keras_private.layers_inside(call.model)
    if not all(layer.supports_jit for layer in each):
        return replace(plain, how=f"{plain.how}; it has a layer that XLA cannot compile")
    if not call.model.jit_compile and any("16" in layer.compute_dtype for layer in each):
        # XLA rounds less often, so that it would not give what predict gives.
        return replace(plain, how=f"{plain.how}; XLA is more exact in mixed precision than predict is")
    try:
        compiled = program(True)
    except tf.errors.OpError as error:
        return replace(plain, how=f"{plain.how}; XLA cannot compile it: {_reason(error)}")
    # Either can be up to five times as fast as the other; this differs from model to model.
    slow, fast = _best_time(plain, arrays), _best_time(compiled, arrays)
    if fast <= slow:
        return compiled
    return replace(plain, how=f"{plain.how}; XLA's took {fast / slow:.1f} times as long")


def _best_time(program: Program, arrays: Arrays) -> float:
    """Return the shortest time of some runs of a program, in seconds."""
    times = []
    for _ in range(TRIED):
        start = perf_counter()
        program.run(arrays)
        times.append(perf_counter() - start)
    return min(times)


def _on_torch(call: Call, arrays: Arrays) -> Program:
    import torch

    from seqtopo.runtime.kernels.fx_trace import CannotTraceError, fx_trace

    device = ops.convert_to_tensor(0.0).device

    def tensors(arrays: Arrays) -> list[Any]:
        return [torch.from_numpy(x).to(device) for x in arrays if x is not None]

    def flat(*given: Any) -> list[Any]:
        size = len(call.variables)
        outputs, new = call.pure(given[:size], _with_left_out(arrays, given[size:]))
        return [*outputs, *new]

    with _as_in_predict(call.model):
        weights = call.values()
        # The same memory, without what is there for gradients.
        plain = [x.detach() for x in weights]
        forward, count = fx_trace(flat, [*plain, *tensors(arrays)], len(plain))
        outputs, written = len(tree.flatten(call.outputs)), call.written
        other = tensors([x if x is None else _perturbed(x) for x in arrays])
        same = all(
            torch.allclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True)
            for a, b in zip(forward(*other), flat(*plain, *other), strict=True)
        )
    if not same:
        raise CannotTraceError("traced, it gives something else: a layer computes outside of PyTorch")

    def run(arrays: Arrays) -> list[np.ndarray]:
        with torch.inference_mode():
            found = forward(*tensors(arrays))
            answers = [array(x) for x in found[:outputs]]
            if written:
                # Copies first: what one is set to may be in the memory of another one.
                new = [x.clone() for x in found[outputs:]]
                for variable, value in zip(written, new, strict=True):
                    variable.value.copy_(value)
        return answers

    def array(tensor: Any) -> np.ndarray:
        if tensor.dtype is torch.bfloat16:
            return np.array(ops.convert_to_numpy(tensor))
        # A copy: a tensor may share its numbers with what was given, or with the weights.
        found: np.ndarray = tensor.cpu().numpy().copy()
        return found

    def holds() -> bool:
        return all(map(is_, map(value_of, call.variables), weights))

    return Program(run, f"{count} operations of PyTorch, without Keras around them", bool(written), holds)


def _perturbed(x: np.ndarray) -> np.ndarray:
    """Return other values of the same kind, such as the same ids in another order."""
    numbers = np.random.default_rng(0)
    mixed = numbers.permutation(x.ravel()).reshape(x.shape)
    return mixed + numbers.normal(size=x.shape).astype(x.dtype) if x.dtype.kind == "f" else mixed


def _with_left_out(arrays: Arrays, given: Sequence[Any]) -> list[Any]:
    """Return the given values, each at the place of its array; None at the other places."""
    several = iter(given)
    return [None if x is None else next(several) for x in arrays]


@contextmanager
def _as_in_predict(model: keras.Model) -> Iterator[None]:
    """Run on PyTorch without gradients, and with the PyTorch modules in the model not training."""
    if keras.config.backend() != "torch":
        yield
        return
    import torch

    trains = model.training
    if trains:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if trains:
            model.train()


def _reason(error: Exception) -> str:
    """Return the first line of an error, without the lines that Keras puts before it in bold."""
    lines = [line.strip("\x1b[01m ") for line in str(error).split("\n") if line.strip("\x1b[01m ")]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling "):
        return f"{lines[0].removeprefix('Exception encountered when calling ').rstrip('.')}: {lines[1]}"
    return lines[0] if lines else type(error).__name__


@contextmanager
def temporary_kernels(model: keras.Model) -> Iterator[None]:
    """Put a kernel into every layer that can have one, inside the ``with`` block."""
    without = [layer for layer in layers(model) if attached(layer) is None]
    attach(model)
    inside = {layer: attached(layer) for layer in layers(model)}
    given = {layer: it for layer, it in inside.items() if it is not None}
    for layer, it in given.items():
        if keras.config.backend() == "torch" and it.kernel.method == "inner_loop":
            layer.inner_loop = _traceable_kernel(layer, it)
    try:
        yield
    finally:
        for layer, it in given.items():
            setattr(layer, it.kernel.method, it)
            if layer in without:
                delattr(layer, it.kernel.method)


def _traceable_kernel(layer: Any, inside: Attached) -> Callable[..., Any]:
    """Return a layer's kernel as one operation for tracing, since it reads the numbers of a mask."""
    from seqtopo.runtime.kernels.fx_trace import as_one_operation

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        # In mixed precision the weights that it finds when it runs are not yet cast.
        if mask is None or layer.compute_dtype != layer.variable_dtype:
            return inside(sequences, initial_state, mask, training)

        def run(sequences: Any, mask: Any, *states: Any) -> list[Any]:
            packed = tree.pack_sequence_as(initial_state, list(states))
            last, outputs, ends = inside(sequences, packed, mask, training)
            return [last, outputs, *tree.flatten(ends)]

        last, outputs, *ends = as_one_operation(run, sequences, mask, *tree.flatten(initial_state))
        return last, outputs, ends

    return inner_loop
