"""Draw the values of Keras' initializers with NumPy, equal on every backend and without compiling.

Each has the distribution that Keras documents, and draws from the given generator. Keras' own compile a
program for every shape of a weight on JAX, and draw other numbers on PyTorch and TensorFlow.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import keras
import numpy as np
from threadpoolctl import ThreadpoolController

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Numbers = Callable[[], np.random.Generator]
Draw = Callable[[Any, Shape, Any, np.random.Generator], Array | None]
Constant = Callable[[Any, Shape, Any], Array | None]

WITHIN_TWO = 0.87962566103423978
"""The standard deviation of a standard normal truncated at two, by which truncated draws are divided."""


def draw(initializer: Any, shape: Shape, dtype: str, numbers: Numbers) -> Array | None:
    """Return the values of a weight, or None if only Keras can draw them.

    That is so for classes that Keras does not have, for functions, for random integers, and for shapes that
    Keras refuses. Narrow floats are drawn as float32 and rounded. ``numbers`` is called for a generator if
    one is needed.

    >>> draw(keras.initializers.Orthogonal(), (4, 8), "float32", np.random.default_rng).shape
    (4, 8)
    >>> draw(lambda shape, dtype: 0, (4,), "float32", np.random.default_rng) is None
    True
    """
    if dtype not in _DTYPES:
        return None
    if getattr(initializer, "__qualname__", "") in _FORGET_BIAS:
        return _forget_bias(initializer, shape, dtype, numbers)
    constant = _CONSTANTS.get(type(initializer))
    if constant is not None:
        return constant(initializer, shape, np.dtype(dtype))
    found = _RANDOM.get(type(initializer))
    if found is None or not keras.backend.is_float_dtype(dtype):
        return None
    values = found(initializer, shape, np.float64 if dtype == "float64" else np.float32, numbers())
    return None if values is None else values.astype(dtype, copy=False)


def _zeros(_: Any, shape: Shape, dtype: Any) -> Array:
    return np.zeros(shape, dtype)


def _ones(_: Any, shape: Shape, dtype: Any) -> Array:
    return np.ones(shape, dtype)


def _constant(given: Any, shape: Shape, dtype: Any) -> Array:
    return np.broadcast_to(np.asarray(given.value).astype(dtype), shape).copy()


def _identity(given: Any, shape: Shape, dtype: Any) -> Array | None:
    if len(shape) != 2:
        return None
    values: Array = given.gain * np.eye(shape[0], shape[1])
    return values.astype(dtype)


def _stft(given: Any, shape: Shape, dtype: Any) -> Array | None:
    """Return one part of a short-time Fourier transform, as kernels (steps, 1, frequencies)."""
    if len(shape) != 3 or isinstance(given.window, (list, tuple, np.ndarray)):
        return None
    steps, _, frequencies = shape
    with np.errstate(invalid="ignore"):
        turns = np.outer(np.arange(steps), np.arange(frequencies) / np.float64(2 * (frequencies - 1)))
    kernel = (np.cos if given.side == "real" else np.sin)(-2 * np.pi * turns)
    if given.window is not None:
        # SciPy is there: Keras asked it whether there is such a window.
        from scipy.signal import get_window

        window = get_window(given.window, steps, given.periodic)
        norms = {"density": np.sqrt(np.square(window).sum()), "spectrum": np.abs(window).sum()}
        kernel *= (window / norms.get(given.scaling, 1))[:, None]
    return kernel[:, None].astype(dtype)


def _normal(given: Any, shape: Shape, dtype: Any, rng: np.random.Generator) -> Array:
    return _moved(rng.standard_normal(shape, dtype), given.stddev, given.mean)


def _truncated_normal(given: Any, shape: Shape, dtype: Any, rng: np.random.Generator) -> Array:
    return _moved(_within_two(shape, dtype, rng), given.stddev, given.mean)


def _uniform(given: Any, shape: Shape, dtype: Any, rng: np.random.Generator) -> Array:
    return _moved(rng.random(shape, dtype), given.maxval - given.minval, given.minval)


def _variance_scaling(given: Any, shape: Shape, dtype: Any, rng: np.random.Generator) -> Array:
    fans = _fans(shape, given.input_axes, given.output_axes)
    count = {"fan_in": fans[0], "fan_out": fans[1]}.get(given.mode, sum(fans) / 2)
    variance = given.scale / max(1.0, count)
    if given.distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return _moved(rng.random(shape, dtype), 2 * limit, -limit)
    if given.distribution == "untruncated_normal":
        return _moved(rng.standard_normal(shape, dtype), math.sqrt(variance), 0)
    return _moved(_within_two(shape, dtype, rng), math.sqrt(variance) / WITHIN_TWO, 0)


def _orthogonal(given: Any, shape: Shape, dtype: Any, rng: np.random.Generator) -> Array | None:
    """Draw orthogonal rows: Saxe et al., "Exact solutions to the nonlinear dynamics of learning" (2013)."""
    if len(shape) < 2:
        return None
    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = rng.standard_normal((max(rows, columns), min(rows, columns)), dtype)
    with _one_thread():
        q, r = np.linalg.qr(drawn)
    # One matrix has several decompositions; this one makes all directions equally likely.
    q *= np.where(np.diagonal(r) < 0, -given.gain, given.gain).astype(q.dtype)
    return np.ascontiguousarray(q.T if rows < columns else q).reshape(shape)


def _one_thread() -> AbstractContextManager[object]:
    """Run linear algebra on one thread, since the last bits depend on the number of threads.

    On a busy machine several threads also wait for each other, up to a hundred times as long as one takes
    alone.
    """
    limited: AbstractContextManager[object] = _thread_pools().limit(limits=1, user_api="blas")
    return limited


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def _moved(values: Array, scale: float, shift: float) -> Array:
    """Scale and shift in place, since a table of embeddings may have millions of rows."""
    values *= values.dtype.type(scale)
    if shift:
        values += values.dtype.type(shift)
    return values


def _within_two(shape: Shape, dtype: Any, rng: np.random.Generator) -> Array:
    """Return standard normal draws; those beyond two are drawn again."""
    values = rng.standard_normal(math.prod(shape), dtype)
    beyond = np.flatnonzero(np.abs(values) > 2)
    while beyond.size:
        values[beyond] = again = rng.standard_normal(beyond.size, dtype)
        beyond = beyond[np.abs(again) > 2]
    return values.reshape(shape)


def _fans(shape: Shape, inputs: Any, outputs: Any) -> tuple[int, int]:
    """Return the number of inputs of each output (fan-in), and of outputs of each input (fan-out)."""
    if inputs is not None and outputs is not None:
        return math.prod(shape[i] for i in inputs), math.prod(shape[i] for i in outputs)
    if len(shape) < 2:
        return (shape or (1,))[0], (shape or (1,))[0]
    places = math.prod(shape[:-2])
    return shape[-2] * places, shape[-1] * places


def _forget_bias(initializer: Any, shape: Shape, dtype: str, numbers: Numbers) -> Array | None:
    """Return an LSTM's bias: ones for the forget gate, which is second, the layer's initializer elsewhere."""
    given = inspect.getclosurevars(initializer).nonlocals["self"].bias_initializer
    (size,) = shape
    before, after = (draw(given, (n,), dtype, numbers) for n in (size // 4, size // 2))
    if before is None or after is None:
        return None
    return np.concatenate([before, np.ones(size // 4, dtype), after])


_FORGET_BIAS = (
    "LSTMCell.build.<locals>.bias_initializer",
    "ConvLSTMCell.build.<locals>.bias_initializer",
)
"""The functions that Keras makes while it builds; with these, nearly every weight of its layers is known."""

_DTYPES = (
    *("float16", "bfloat16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"),
)
"""The dtypes that NumPy and every backend store alike."""

_CONSTANTS: Mapping[type, Constant] = {
    keras.initializers.Zeros: _zeros,
    keras.initializers.Ones: _ones,
    keras.initializers.Constant: _constant,
    keras.initializers.Identity: _identity,
    keras.initializers.STFT: _stft,
}

_RANDOM: Mapping[type, Draw] = {
    keras.initializers.RandomNormal: _normal,
    keras.initializers.TruncatedNormal: _truncated_normal,
    keras.initializers.RandomUniform: _uniform,
    keras.initializers.Orthogonal: _orthogonal,
    **{
        getattr(keras.initializers, name): _variance_scaling
        for name in (
            "VarianceScaling",
            "GlorotNormal",
            "GlorotUniform",
            "HeNormal",
            "HeUniform",
            "LecunNormal",
            "LecunUniform",
        )
    },
}
