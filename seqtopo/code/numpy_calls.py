"""NumPy's functions: the arrays that they return, as far as shape, dtype and range can be told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from seqtopo.code.arrays import (
    Bounds,
    CodeArray,
    Given,
    Origin,
    Thing,
    as_array,
    as_shape,
    as_size,
    broadcast,
    by_element,
    cast,
    common_dtype,
    dtype_of,
    is_number,
    like,
    mapped,
    new_size,
    nothing,
    reduced,
    union,
)
from seqtopo.code.indexing import indexed
from seqtopo.layers.sizes import Expr, Shape, ceil_div, same

DTYPES = (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
)  # fmt: skip


Function = Callable[[Given], Any]
CALLS: dict[str, Function] = {}
"""The functions that tell a call's result, by the name of NumPy's function without ``numpy.``."""


def adding_to(table: dict[str, Function]) -> Callable[..., Callable[[Function], Function]]:
    """Return the decorator that puts a function into a table, under the names that it is given."""

    def gives(*names: str) -> Callable[[Function], Function]:
        def put(function: Function) -> Function:
            table.update(dict.fromkeys(names, function))
            return function

        return put

    return gives


gives = adding_to(CALLS)


# New arrays. One filled with a single number is often written to later, so its range is unknown.


@gives("zeros", "ones", "empty", "full")
def _new(given: Given) -> CodeArray:
    full = given.has(1, "fill_value") and not isinstance(given.get(1, "fill_value"), str)
    dtype = given.get(2 if full else 1, "dtype")
    return CodeArray(as_shape(given.get(0, "shape")), dtype_of(dtype, "" if full else "float64"))


@gives("zeros_like", "ones_like", "empty_like", "full_like")
def _new_like(given: Given) -> CodeArray:
    array = given.array(0, "a")
    return CodeArray(array.shape, dtype_of(given.kwargs.get("dtype"), array.dtype))


@gives("eye", "identity")
def _eye(given: Given) -> CodeArray:
    rows = as_size(given.get(0, "N", "n"))
    columns = as_size(given.get(1, "M")) if given.get(1, "M") is not None else rows
    dtype = dtype_of(given.kwargs.get("dtype"), "float64")
    return CodeArray((rows, columns), dtype, Bounds(0, 1, True), one_hot=same(rows, columns) is True)


@gives("arange")
def _arange(given: Given) -> CodeArray:
    start, stop = given.get(0, "start"), given.get(1, "stop")
    if stop is None:
        start, stop = 0, given.get(0, "stop", "start")
    step = given.get(2, "step", otherwise=1)
    numbers = all(map(is_number, (start, stop, step)))
    floats = any(isinstance(one, float) for one in (start, stop, step))
    dtype = dtype_of(given.get(3, "dtype"), "float64" if floats else "int64")
    if numbers and step:
        length = max(0, math.ceil((stop - start) / step))
        last = start + (length - 1) * step
        bounds = Bounds(min(start, last), max(start, last)) if length else None
        return CodeArray((length,), dtype, bounds)
    if all(isinstance(one, (int, Expr)) for one in (start, stop)) and isinstance(step, int) and step > 0:
        return CodeArray((ceil_div(stop - start, step),), dtype)
    return CodeArray((new_size(),), dtype)


@gives("linspace", "logspace", "geomspace")
def _linspace(given: Given) -> CodeArray:
    start, stop = given.get(0, "start"), given.get(1, "stop")
    numbers = is_number(start) and is_number(stop)
    return CodeArray(
        (as_size(given.get(2, "num", otherwise=50)),),
        dtype_of(given.kwargs.get("dtype"), "float64"),
        Bounds(min(start, stop), max(start, stop)) if numbers else None,
    )


@gives("array", "asarray", "ascontiguousarray", "asanyarray", "copy")
def _array(given: Given) -> CodeArray | None:
    value = given.get(0, "object", "a")
    found = as_array(value)
    if found is None:
        return None
    dtype = dtype_of(given.kwargs.get("dtype") or (given.args[1] if len(given.args) > 1 else None))
    if isinstance(value, CodeArray):
        found = like(value, found.shape, where=given.where)
    return cast(found, dtype) if dtype and dtype != found.dtype else found


def _type_call(name: str) -> Function:
    return lambda given: cast(given.array(), name)


CALLS |= {name: _type_call(name) for name in DTYPES}


# Random numbers


def _random(bounds: Bounds | None, *, loose: bool = False) -> Function:
    """Return the function of an array of random numbers; its sizes are separate arguments if ``loose``."""

    def made(given: Given) -> CodeArray:
        shape = as_shape(tuple(given.args)) if loose else _size_of(given, 0)
        return CodeArray(shape, dtype_of(given.kwargs.get("dtype"), "float64"), bounds)

    return made


def _size_of(given: Given, position: int) -> Shape | None:
    value = given.get(position, "size", "shape")
    return () if value is None else as_shape(value)


CALLS["random.rand"] = _random(Bounds(0, 1, True, False), loose=True)
CALLS["random.randn"] = _random(None, loose=True)
for _name in ("random", "random_sample", "ranf", "sample"):
    CALLS[f"random.{_name}"] = _random(Bounds(0, 1, True, False))
CALLS["random.standard_normal"] = _random(None)


@gives(
    *(f"random.{name}" for name in ("normal", "laplace", "gamma", "beta", "lognormal", "logistic", "gumbel"))
)
def _normal(given: Given) -> CodeArray:
    return CodeArray(_size_of(given, 2), "float64")


@gives("random.poisson", "random.exponential", "random.geometric")
def _one_parameter(given: Given) -> CodeArray:
    return CodeArray(_size_of(given, 1), "")


@gives("random.binomial")
def _binomial(given: Given) -> CodeArray:
    most = given.get(0, "n")
    return CodeArray(_size_of(given, 2), "int64", Bounds(0, most, True) if isinstance(most, int) else None)


@gives("random.uniform")
def _uniform(given: Given) -> CodeArray:
    low, high = given.get(0, "low", otherwise=0.0), given.get(1, "high", otherwise=1.0)
    numbers = is_number(low) and is_number(high)
    return CodeArray(_size_of(given, 2), "float64", Bounds(low, high, True, False) if numbers else None)


@gives("random.randint", "random.integers", "random.random_integers")
def _randint(given: Given) -> CodeArray:
    low, high = given.get(0, "low"), given.get(1, "high")
    if high is None:
        low, high = 0, low
    most = None if not is_number(high) else high if given.get(-1, "endpoint") is True else high - 1
    dtype = dtype_of(given.get(3, "dtype"), "int64")
    bounds = Bounds(low, most, True) if most is not None and is_number(low) and low <= most else None
    below = high if isinstance(high, Expr) else None
    return CodeArray(_size_of(given, 2), dtype, bounds, below=below)


@gives("random.choice")
def _choice(given: Given) -> CodeArray:
    of = given.get(0, "a")
    shape = _size_of(given, 1)
    if isinstance(of, int) and not isinstance(of, bool):
        return CodeArray(shape, "int64", Bounds(0, of - 1, True) if of > 0 else None)
    array = as_array(of) or nothing()
    if array.rank != 1:
        return nothing()
    bounds = array.bounds._replace(drawn=True) if array.bounds is not None else None
    return CodeArray(shape, array.dtype, bounds)


@gives("random.permutation")
def _permutation(given: Given) -> CodeArray:
    of = given.get(0, "x")
    if isinstance(of, (int, Expr)):
        return CodeArray((of,), "int64", Bounds(0, of - 1) if isinstance(of, int) and of > 0 else None)
    array = as_array(of) or nothing()
    return CodeArray(array.shape, array.dtype, array.bounds, array.one_hot)


@gives("random.default_rng", "random.RandomState")
def _generator(given: Given) -> Thing:
    return Thing("numpy.random.Generator")


# Numbers

# Not a fact about layers: functions of NumPy.
_ONE = (
    "sin", "cos", "tan", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "cbrt",
    "tanh", "sinh", "cosh", "arctan", "arcsin", "arccos", "reciprocal", "cumsum", "cumprod", "angle", "real",
    "imag", "fft.fft", "fft.ifft", "deg2rad", "rad2deg",
)  # fmt: skip
# Not a fact about layers: functions of NumPy.
_TWO = (
    "power", "float_power", "add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum",
    "mod", "remainder", "floor_divide", "arctan2", "hypot",
)  # fmt: skip


def _of_one(given: Given) -> CodeArray:
    return by_element(given.array(0, "x", "x1"), "float64")


def _of_two(given: Given) -> CodeArray:
    array, other = given.array(0, "x", "x1"), given.array(1, "x2")
    return by_element(array, "", broadcast(array.shape, other.shape))


CALLS |= dict.fromkeys(_ONE, _of_one) | dict.fromkeys(_TWO, _of_two)


@gives("abs", "absolute", "fabs", "sign", "clip")
def _other_range(given: Given) -> CodeArray:
    return mapped(given.array(0, "x", "a"), None)


@gives("floor", "ceil", "round", "around", "rint", "trunc")
def _rounded(given: Given) -> CodeArray:
    array = given.array(0, "a", "x")
    whole = not given.has(1, "decimals")
    return mapped(array, (lambda x: float(round(x))) if whole else None)


@gives("where")
def _where(given: Given) -> Any:
    if len(given.args) + len(given.kwargs) < 3:
        return None
    condition, a, b = (given.array(i) for i in range(3))
    bounds = union([a, b])
    drawn = bounds._replace(drawn=True) if bounds is not None and a.shape == b.shape == () else bounds
    shape = broadcast(condition.shape, a.shape, b.shape)
    return CodeArray(shape, common_dtype([a, b]), drawn, origin=Origin(condition, "same"))


@gives("argsort")
def _argsort(given: Given) -> CodeArray:
    return CodeArray(given.array(0, "a").shape, "int64")


# Not a fact about layers: functions of NumPy.
@gives(
    "mean", "sum", "std", "var", "max", "min", "amax", "amin", "median", "prod", "nanmean", "nanstd", "ptp",
    "all", "any",
)  # fmt: skip
def _reduce(given: Given) -> CodeArray:
    keeps = given.kwargs.get("keepdims") is True
    return reduced(given.array(0, "a"), given.get(1, "axis"), keeps, given.has(1, "axis"))


@gives("argmax", "argmin")
def _argmax(given: Given) -> CodeArray:
    found: CodeArray = _reduce(given)
    found.dtype = "int64"
    return found


@gives("diff")
def _diff(given: Given) -> CodeArray:
    array, axis = given.array(0, "a"), given.get(2, "axis", otherwise=-1)
    if not array.shape or not isinstance(axis, int) or given.has(1, "n"):
        return nothing()
    shape = list(array.shape)
    shape[axis] = shape[axis] - 1
    return CodeArray(tuple(shape), array.dtype)


@gives("dot", "matmul")
def _matmul(given: Given) -> CodeArray:
    a, b = given.array(0), given.array(1)
    if not a.shape or not b.shape or len(b.shape) > 2 or len(a.shape) < 2:
        return nothing()
    return by_element(a, "", (*a.shape[:-1], *b.shape[1:]))


@gives("take")
def _take(given: Given) -> CodeArray:
    array, ids, axis = given.array(0, "a"), given.get(1, "indices"), given.get(2, "axis")
    return indexed(array, ids, given.where) if axis == 0 else nothing()


@gives("isnan", "isinf", "isfinite", "logical_not")
def _asks(given: Given) -> CodeArray:
    return CodeArray(given.array().shape, "bool", Bounds(0, 1, True))


@gives(
    "load", "loadtxt", "genfromtxt", "fromfile", "fromstring", "frombuffer", "interp", "convolve", "einsum",
    "delete", "insert", "unique", "bincount", "digitize", "nonzero", "argwhere", "searchsorted", "percentile",
    "select", "choose", "apply_along_axis", "random.multivariate_normal", "rot90", "fromiter", "quantile",
    "atleast_2d", "atleast_3d", "resize", "lib.stride_tricks.as_strided", "cov", "outer", "tensordot",
    "trapz", "kron", "random.dirichlet", "random.multinomial",
)  # fmt: skip
def _any_array(given: Given) -> CodeArray:
    return nothing()


@gives("broadcast_to")
def _broadcast_to(given: Given) -> CodeArray:
    return CodeArray(as_shape(given.get(1, "shape")), given.array().dtype)
