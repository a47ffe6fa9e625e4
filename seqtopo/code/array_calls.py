"""Arrays in the interpreter: what calls, methods, attributes, indices and operators give.

Every function here returns None where the result cannot be told; the interpreter then has an opaque value.
Values are Python's own numbers, texts, None, lists, tuples and dictionaries, sizes (``int`` or ``Expr``) and
what ``seqtopo.code.arrays`` defines; anything else counts as unknown. ``where`` is the place of the call.
Names are the full ones: ``numpy.zeros``, ``pandas.DataFrame``, ``keras.utils.to_categorical`` (also for
``tensorflow.keras``).

A loop that is not run step by step, ``for i in range(n): X.append(data[i:i + 5])``, is read once with a
symbol for ``i``; ``X`` is then ``Items(item, count=n, variable=i, start=0, step=1)``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqtopo.code import data_calls, indexing, numpy_calls
from seqtopo.code.arrays import (
    Batches,
    Bounds,
    CodeArray,
    Given,
    Items,
    Origin,
    Thing,
    as_array,
    as_shape,
    as_size,
    broadcast,
    cast,
    common_dtype,
    dtype_of,
    is_number,
    like,
    mapped,
    new_size,
    reshaped,
)
from seqtopo.code.indexing import indexed, sliced
from seqtopo.code.model import Where
from seqtopo.code.shape_calls import flat, transposed
from seqtopo.code.values import OPERATORS
from seqtopo.layers.sizes import Expr, Size, product

CONSTANTS: dict[str, Any] = {
    "numpy.newaxis": None,
    "tensorflow.newaxis": None,
    "numpy.pi": math.pi,
    "numpy.e": math.e,
    "numpy.inf": math.inf,
    "numpy.nan": math.nan,
}
"""Names of libraries that are no functions."""

DTYPE_NAMES = frozenset(
    f"{module}.{name}"
    for module in ("numpy", "tensorflow")
    for name in (*numpy_calls.DTYPES, "bool", "bool_", "float", "int")
)
"""Names of dtypes. As a value one is its name, ``"numpy.float32"``; ``numpy.float32(x)`` is a call."""

_ROOMS = (
    *("numpy", "jax.numpy", "cupy", "keras.ops"),
    *("tensorflow", "tensorflow.experimental.numpy", "tensorflow.math"),
)
_ELSEWHERE = {
    "tensorflow.random.normal": "random.standard_normal",
    "tensorflow.random.truncated_normal": "random.standard_normal",
    "tensorflow.random_normal": "random.standard_normal",
    "keras.random.normal": "random.standard_normal",
    "tensorflow.constant": "array",
    "tensorflow.convert_to_tensor": "array",
    "keras.ops.convert_to_tensor": "array",
    "tensorflow.Variable": "array",
}


def knows(name: str) -> bool:
    """Return whether a function is in the tables, so that ``call`` may tell its result."""
    return _function(name) is not None


_TAKE_SHAPES = ("zeros", "ones", "empty", "full", "reshape", "broadcast_to", "resize")


def takes_shape(name: str) -> bool:
    """Return whether a list among the arguments of a function is a shape."""
    return ".random." in name or name.rpartition(".")[2] in _TAKE_SHAPES


def call(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None, where: Where | None = None
) -> Any:
    """Return the result of a function, called by its full name; None if it cannot be told.

    >>> call("numpy.zeros", [(8, 20, 3)]).shape
    (8, 20, 3)
    >>> call("numpy.random.randint", [0, 5], {"size": (8,)}).bounds
    Bounds(low=0, high=4, drawn=True, whole=True)
    """
    function = _function(name)
    found = _safely(function, Given(args, kwargs or {}, where)) if function is not None else None
    if isinstance(found, CodeArray) and ".random." in name and not name.endswith(".permutation"):
        found.is_random = True
    return found


def _function(name: str) -> Callable[[Given], Any] | None:
    if name.startswith("tensorflow.keras."):
        name = name.removeprefix("tensorflow.")
    found = data_calls.CALLS.get(name)
    if found is None and name in _ELSEWHERE:
        found = numpy_calls.CALLS[_ELSEWHERE[name]]
    if found is None:
        found = _TENSORS.get(name)
    for room in _ROOMS:
        if found is None and name.startswith(f"{room}."):
            found = numpy_calls.CALLS.get(name.removeprefix(f"{room}."))
    return found


def _safely(function: Callable[[Given], Any], given: Given) -> Any:
    """Return the result of a function, with its place; None if the call would fail in Python."""
    try:
        return _with_place(function(given), given.where)
    except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError, AttributeError, KeyError):
        return None


def _with_place(found: Any, where: Where | None) -> Any:
    """Return a value with the call as the place of every array in it that has none."""
    for one in found if isinstance(found, (list, tuple)) else (found,):
        if isinstance(one, CodeArray) and one.where is None:
            one.where = where
        elif isinstance(one, tuple):
            _with_place(one, where)
    return found


def _cast_call(given: Given) -> CodeArray:
    return cast(given.array(0, "x"), dtype_of(given.get(1, "dtype")))


def _one_hot(given: Given) -> CodeArray:
    array, depth = given.array(0, "indices", "x"), as_size(given.get(1, "depth", "num_classes"))
    shape = None if array.shape is None else (*array.shape, depth)
    return CodeArray(shape, "float32", Bounds(0, 1, True), True, Origin(array, "same"), given.where)


def _drawn(given: Given) -> CodeArray:
    low, high = given.get(1, "minval", otherwise=0), given.get(2, "maxval")
    dtype = dtype_of(given.get(3, "dtype"), "float32")
    whole = dtype.startswith(("int", "uint"))
    high = 1 if high is None and not whole else high
    bounds = Bounds(low, high - 1 if whole else high, True) if is_number(low) and is_number(high) else None
    made = numpy_calls.CALLS["random.standard_normal"](given)
    return CodeArray(made.shape, dtype, bounds)


_TENSORS: dict[str, Callable[[Given], Any]] = {
    "tensorflow.cast": _cast_call,
    "keras.ops.cast": _cast_call,
    "tensorflow.one_hot": _one_hot,
    "keras.ops.one_hot": _one_hot,
    "tensorflow.random.uniform": _drawn,
    "keras.random.uniform": _drawn,
    "keras.random.randint": _drawn,
}


# Methods and attributes

# Not a fact about layers: methods of NumPy's arrays.
_METHODS = frozenset(
    (
        "sum", "mean", "std", "var", "max", "min", "prod", "argmax", "argmin", "argsort", "all", "any",
        "squeeze", "ravel", "repeat", "clip", "round", "take", "cumsum", "swapaxes", "copy", "dot",
    )
)  # fmt: skip
"""Methods of arrays that are NumPy's functions of the same name."""


def method(value: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None,
           where: Where | None = None) -> Any:  # fmt: skip
    """Return the result of ``value.name(...)`` for an array, a table, a scaler, a data set or the like.

    None if it cannot be told.
    """
    given = Given(args, kwargs or {}, where)
    if isinstance(value, CodeArray):
        return _safely(lambda g: _array_method(value, name, g), given)
    if isinstance(value, Batches):
        return _safely(lambda g: data_calls.batches_method(value, name, g), given)
    if isinstance(value, Thing):
        return _safely(lambda g: _thing_method(value, name, g), given)
    return None


def _thing_method(thing: Thing, name: str, given: Given) -> Any:
    if thing.kind == "numpy.random.Generator":
        function = numpy_calls.CALLS.get(f"random.{name}")
        return function(given) if function is not None else None
    if thing.kind.startswith("sklearn.preprocessing."):
        return data_calls.scaler_method(thing, name, given)
    if thing.kind.endswith("Tokenizer"):
        return data_calls.tokenizer_method(thing, name, given)
    return None


def _array_method(array: CodeArray, name: str, given: Given) -> Any:
    if array.is_table and name in indexing.METHODS:
        return indexing.METHODS[name](array, given)
    if name == "astype":
        return _astype(array, given.get(0, "dtype"))
    if name == "flatten":
        return flat(array)
    if name in ("reshape", "transpose") and len(given.args) > 1:
        given = Given([tuple(given.args)], given.kwargs, given.where)
    if name == "reshape":
        return reshaped(array, as_shape(given.get(0, "shape")), given.where)
    if name == "transpose":
        return transposed(array, given.get(0, "axes"))
    if name in ("to_numpy", "numpy", "view", "tolist", "detach", "cpu"):
        return as_array(array) if name == "to_numpy" else like(array, array.shape)
    if name in _METHODS:
        return numpy_calls.CALLS[name](Given([array, *given.args], given.kwargs, given.where))
    return None


def _astype(array: CodeArray, dtype: Any) -> CodeArray:
    found = cast(array, dtype_of(dtype))
    found.is_table, found.columns = array.is_table, array.columns
    return found


def attribute(array: Any, name: str) -> Any:
    """Return ``array.name`` for an array or a table; None where that cannot be told.

    A shape whose number of axes is not known gives None.
    """
    if not isinstance(array, CodeArray):
        return None
    if name == "shape":
        return array.shape
    if name in ("ndim", "rank"):
        return array.rank
    if name == "size":
        return None if array.shape is None else product(array.shape)
    if name == "T":
        return transposed(array, None)
    if name == "dtype":
        return array.dtype or None
    if array.is_table:
        if name == "values":
            return as_array(array)
        if name in ("iloc", "loc"):
            return indexing.Located(array, by_number=name == "iloc")
        if name == "columns" and array.columns is not None:
            return array.columns
        if array.columns is not None and name in array.columns:
            return indexing.item_of_table(array, (slice(None), 0), None)
    return None


def item(value: Any, index: Any, where: Where | None = None) -> Any:
    """Return ``value[index]`` for an array, a table or a list that a loop filled; None where it is unknown.

    A slice is a Python ``slice`` whose parts are values, ``...`` is ``...``, ``np.newaxis`` is None.
    """
    try:
        if isinstance(value, Items):
            return _item_of_list(value, index)
        if isinstance(value, indexing.Located):
            given = index if isinstance(index, tuple) else (index,)
            if not value.by_number and any(isinstance(one, slice) and one != slice(None) for one in given):
                return indexing.labelled(value.table, given)
            return indexing.item_of_table(value.table, given, where)
        if isinstance(value, CodeArray) and value.is_table:
            return indexing.column_or_rows(value, index, where)
        if isinstance(value, CodeArray):
            return indexed(value, index, where)
    except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError):
        return None
    return None


def _item_of_list(items: Items, index: Any) -> Any:
    if isinstance(index, slice):
        return Items(items.item, sliced(items.count, index), items.variable, items.start, items.step)
    return items.item if isinstance(index, (int, Expr)) else None


def store(target: Any, index: Any, value: Any) -> None:
    """Note that code does ``target[index] = value``: the numbers are not known then, or a column is new."""
    if not isinstance(target, CodeArray):
        return
    target.forget()
    if target.is_table and isinstance(index, str) and target.shape is not None and len(target.shape) == 2:
        if target.columns is not None and index in target.columns:
            return
        known = target.columns is not None
        target.shape = (target.shape[0], target.shape[1] + 1 if known else new_size())
        target.columns = (*target.columns, index) if target.columns is not None else None


def length(value: Any) -> Size | None:
    """Return ``len(value)`` for an array, a table or a list that a loop filled; None where it is unknown."""
    return data_calls.listed(value) if isinstance(value, (CodeArray, Items)) else None


# Operators

_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")
_COMPARED = frozenset(["==", "!=", "<", "<=", ">", ">=", "&", "|", "^"])


def binary(symbol: str, left: Any, right: Any) -> Any:
    """Return the result of an operator with an array on one side: ``+``, ``<``, ``&`` and the rest.

    None if it cannot be told.
    """
    a, b = as_array(left), as_array(right)
    if a is None or b is None or not (isinstance(left, CodeArray) or isinstance(right, CodeArray)):
        return None
    main = a if isinstance(left, CodeArray) and (b.shape == () or a.shape != ()) else b
    origin = Origin(main, "same")
    table = any(isinstance(side, CodeArray) and side.is_table for side in (left, right))
    if symbol == "@":
        return numpy_calls.CALLS["matmul"](Given([a, b], {}))
    shape = broadcast(a.shape, b.shape)
    if symbol in _COMPARED:
        asks = symbol not in "&|^" or {a.kind, b.kind} == {"b"}
        return CodeArray(shape, "bool" if asks else "", Bounds(0, 1, True) if asks else None, origin=origin,
                         is_table=table)  # fmt: skip
    if symbol not in _ARITHMETIC:
        return None
    return CodeArray(
        shape, _dtype(symbol, a, b, left, right), _bounds(symbol, a, b), origin=origin, is_table=table
    )


def _dtype(symbol: str, a: CodeArray, b: CodeArray, left: Any, right: Any) -> str:
    if symbol == "/":
        return "float64" if not {a.dtype, b.dtype} & {"float32", "float16", ""} else ""
    for array, other in ((a, right), (b, left)):
        # A plain number leaves the dtype as it is.
        if isinstance(other, int) and array.kind in "iuf" and array.kind:
            return array.dtype
        if isinstance(other, float) and array.kind == "f":
            return array.dtype
    return common_dtype([a, b])


def _bounds(symbol: str, a: CodeArray, b: CodeArray) -> Bounds | None:
    """Return the range of arithmetic with one number; None if it is not known."""
    first, second = _number(a), _number(b)
    if second is not None and a.bounds is not None:
        return _with_number(symbol, a, second)
    if first is not None and b.bounds is not None and symbol in "+-*":
        return mapped(b, lambda x: OPERATORS[symbol](first, x)).bounds
    return None


def _number(array: CodeArray) -> float | None:
    """Return the number that an array of no axes is; None for any other."""
    bounds = array.bounds
    return bounds.low if array.shape == () and bounds is not None and bounds.low == bounds.high else None


def _with_number(symbol: str, a: CodeArray, number: float) -> Bounds | None:
    assert a.bounds is not None
    low, high, drawn, _ = a.bounds
    whole = a.kind in ("i", "u") and isinstance(number, int)
    if symbol in "+-*" or (symbol in ("/", "//") and number > 0):
        ends = sorted(OPERATORS[symbol](end, number) for end in (low, high))
        return Bounds(ends[0], ends[1], drawn, a.bounds.whole)
    if symbol == "%" and whole and number > 0:
        if high - low >= number - 1:
            return Bounds(0, number - 1, drawn)
        if low >= 0 and high < number:
            return a.bounds
    return None


def unary(symbol: str, value: Any) -> Any:
    """Return the result of ``-x``, ``+x`` or ``~x`` for an array; None for anything else."""
    if not isinstance(value, CodeArray):
        return None
    if symbol == "-":
        return mapped(value, operator.neg)
    if symbol == "~":
        return CodeArray(value.shape, value.dtype, Bounds(0, 1, True) if value.kind == "b" else None)
    return value if symbol == "+" else None
