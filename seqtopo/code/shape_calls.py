"""NumPy's functions that reshape arrays or join several: the arrays that they return."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from seqtopo.code.arrays import (
    CodeArray,
    Given,
    Origin,
    arrays_in,
    as_array,
    as_shape,
    as_size,
    common_dtype,
    like,
    new_size,
    nothing,
    reshaped,
    stacked,
    union,
)
from seqtopo.code.indexing import indexed
from seqtopo.code.numpy_calls import gives
from seqtopo.layers.sizes import Expr, product, total


@gives("reshape")
def _reshape(given: Given) -> CodeArray:
    return reshaped(given.array(0, "a"), as_shape(given.get(1, "shape", "newshape")), given.where)


@gives("expand_dims")
def _expand_dims(given: Given) -> CodeArray:
    array, axis = given.array(0, "a"), given.get(1, "axis")
    if array.shape is None or not isinstance(axis, int):
        return like(array, None, keeps=isinstance(axis, int) and axis not in (0,))
    axis = axis + len(array.shape) + 1 if axis < 0 else axis
    shape = (*array.shape[:axis], 1, *array.shape[axis:])
    return like(array, shape, keeps=axis > 0, where=given.where)


@gives("squeeze")
def _squeeze(given: Given) -> CodeArray:
    array, axis = given.array(0, "a"), given.get(1, "axis")
    if array.shape is None:
        return nothing()
    if axis is None:
        known = all(isinstance(size, int) for size in array.shape)
        shape = tuple(size for size in array.shape if size != 1) if known else None
        return like(array, shape, keeps=array.shape[:1] != (1,))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    if not all(isinstance(one, int) for one in axes):
        return nothing()
    drop = {one % len(array.shape) for one in axes if array.shape}
    shape = tuple(size for i, size in enumerate(array.shape) if i not in drop)
    return like(array, shape, keeps=0 not in drop)


@gives("transpose", "permute_dims")
def _transpose(given: Given) -> CodeArray:
    array, axes = given.array(0, "a"), given.get(1, "axes", "perm")
    return transposed(array, axes)


def transposed(array: CodeArray, axes: Any) -> CodeArray:
    """Return an array with its axes in another order, turned round where ``axes`` is None."""
    if array.shape is None:
        return nothing()
    if axes is None:
        return like(array, array.shape[::-1], keeps=len(array.shape) < 2)
    known = isinstance(axes, (tuple, list)) and all(isinstance(one, int) for one in axes)
    if not known or sorted(one % len(array.shape) for one in axes) != list(range(len(array.shape))):
        return nothing()
    return like(array, tuple(array.shape[one] for one in axes), keeps=axes[0] == 0)


@gives("swapaxes")
def _swapaxes(given: Given) -> CodeArray:
    array, a, b = given.array(0, "a"), given.get(1, "axis1"), given.get(2, "axis2")
    if array.shape is None or not (isinstance(a, int) and isinstance(b, int)):
        return nothing()
    order = list(range(len(array.shape)))
    order[a], order[b] = order[b], order[a]
    return transposed(array, order)


@gives("moveaxis")
def _moveaxis(given: Given) -> CodeArray:
    array, a, b = given.array(0, "a"), given.get(1, "source"), given.get(2, "destination")
    if array.shape is None or not (isinstance(a, int) and isinstance(b, int)):
        return nothing()
    order = list(range(len(array.shape)))
    order.insert(b % len(order), order.pop(a))
    return transposed(array, order)


@gives("ravel")
def _ravel(given: Given) -> CodeArray:
    return flat(given.array(0, "a"))


def flat(array: CodeArray) -> CodeArray:
    """Return an array as one row of numbers."""
    size = product(array.shape) if array.shape is not None else new_size()
    keeps = array.shape is not None and all(one == 1 for one in array.shape[1:])
    return like(array, (size,), keeps=keeps)


@gives("flip", "fliplr", "flipud", "sort", "nan_to_num", "copy", "ascontiguousarray", "unwrap")
def _same_shape(given: Given) -> CodeArray:
    array = given.array(0, "a", "x", "m")
    return CodeArray(array.shape, array.dtype, array.bounds)


@gives("roll")
def _roll(given: Given) -> CodeArray:
    array = given.array(0, "a")
    return CodeArray(array.shape, array.dtype, array.bounds, array.one_hot)


@gives("repeat")
def _repeat(given: Given) -> CodeArray:
    array, times, axis = given.array(0, "a"), as_size(given.get(1, "repeats")), given.get(2, "axis")
    bounds = array.bounds
    if axis is None:
        size = product((*array.shape, times)) if array.shape is not None else new_size()
        return CodeArray((size,), array.dtype, bounds)
    if array.shape is None or not isinstance(axis, int):
        return nothing()
    shape = list(array.shape)
    shape[axis] = shape[axis] * times
    return CodeArray(tuple(shape), array.dtype, bounds, array.one_hot and axis % len(shape) < len(shape) - 1)


@gives("tile")
def _tile(given: Given) -> CodeArray:
    array, times = given.array(0, "A"), as_shape(given.get(1, "reps"))
    if array.shape is None or times is None:
        return nothing()
    rank = max(len(times), len(array.shape))
    old = (1,) * (rank - len(array.shape)) + array.shape
    new = (1,) * (rank - len(times)) + times
    return CodeArray(tuple(a * b for a, b in zip(old, new, strict=True)), array.dtype, array.bounds)


@gives("pad")
def _pad(given: Given) -> CodeArray:
    array, widths = given.array(0, "array"), given.get(1, "pad_width")
    if array.shape is None:
        return nothing()
    pairs: list[Any]
    if isinstance(widths, int):
        pairs = [(widths, widths)] * len(array.shape)
    elif isinstance(widths, (tuple, list)) and len(widths) == 2 and all(isinstance(w, int) for w in widths):
        pairs = [tuple(widths)] * len(array.shape)
    elif isinstance(widths, (tuple, list)) and len(widths) == len(array.shape):
        pairs = [one if isinstance(one, (tuple, list)) and len(one) == 2 else (None, None) for one in widths]
    else:
        pairs = [(None, None)] * len(array.shape)
    shape = tuple(
        size + total(map(as_size, pair)) if None not in pair else new_size()
        for size, pair in zip(array.shape, pairs, strict=True)
    )
    return CodeArray(shape, array.dtype)


# Several arrays


def _arrays(given: Given, *names: str) -> list[CodeArray] | None:
    value = given.get(0, *names)
    if isinstance(value, (list, tuple)):
        return arrays_in(value)
    return None


@gives("concatenate", "concat")
def _concatenate(given: Given) -> CodeArray:
    arrays = _arrays(given, "arrays", "values")
    axis = given.get(1, "axis", otherwise=0)
    return joined(arrays, axis) if arrays else nothing()


def joined(arrays: Sequence[CodeArray], axis: Any) -> CodeArray:
    """Return arrays put behind each other along an axis that they have."""
    dtype, bounds = common_dtype(arrays), union(arrays)
    known = [array.shape for array in arrays if array.shape is not None]
    if axis is None:
        return CodeArray((new_size(),), dtype, bounds)
    if not known or not isinstance(axis, int) or any(len(shape) != len(known[0]) for shape in known):
        return CodeArray(None, dtype, bounds)
    if not -len(known[0]) <= axis < len(known[0]):
        return CodeArray(None, dtype, bounds)
    axis %= len(known[0])
    shape = list(known[0])
    shape[axis] = total(s[axis] for s in known) if len(known) == len(arrays) else new_size()
    one_hot = axis < len(shape) - 1 and all(array.one_hot for array in arrays)
    origin = Origin(arrays[0], "same") if axis else None
    return CodeArray(tuple(shape), dtype, bounds, one_hot, origin)


@gives("stack")
def _stack(given: Given) -> CodeArray | None:
    value = given.get(0, "arrays")
    axis = given.get(1, "axis", otherwise=0)
    if not isinstance(value, (list, tuple)):
        found = as_array(value)
        return found if axis == 0 else nothing()
    arrays = arrays_in(value)
    return stacked(arrays, axis) if arrays and isinstance(axis, int) else nothing()


def _lifted(array: CodeArray, rank: int, *, behind: bool) -> CodeArray:
    if array.shape is None or len(array.shape) >= rank:
        return array
    more = (1,) * (rank - len(array.shape))
    shape = (*array.shape, *more) if behind else (*more, *array.shape)
    return CodeArray(shape, array.dtype, array.bounds)


@gives("vstack", "row_stack")
def _vstack(given: Given) -> CodeArray:
    arrays = _arrays(given, "tup")
    if not arrays:
        return _of_list(given, 1)
    return joined([_lifted(array, 2, behind=False) for array in arrays], 0)


@gives("hstack")
def _hstack(given: Given) -> CodeArray:
    arrays = _arrays(given, "tup")
    if not arrays or any(array.shape is None for array in arrays):
        return nothing()
    return joined(arrays, 0 if all(len(array.shape or ()) == 1 for array in arrays) else 1)


@gives("column_stack")
def _column_stack(given: Given) -> CodeArray:
    arrays = _arrays(given, "tup")
    if not arrays or any(array.shape is None for array in arrays):
        return nothing()
    return joined([_lifted(array, 2, behind=True) for array in arrays], 1)


@gives("dstack")
def _dstack(given: Given) -> CodeArray:
    return CodeArray(None)


def _of_list(given: Given, rank: int) -> CodeArray:
    """Return the concatenation of the items of a list of unknown length."""
    array = given.array(0)
    if array.shape is None:
        return nothing()
    shape = array.shape if len(array.shape) == rank + 1 else (new_size(), *array.shape[2:])
    return CodeArray(shape, array.dtype, array.bounds)


@gives("split", "array_split", "vsplit")
def _split(given: Given) -> Any:
    array, parts, axis = given.array(0, "ary"), given.get(1, "indices_or_sections"), given.get(2, "axis")
    if axis not in (None, 0):
        return None
    rows = array.shape[0] if array.shape else None
    if isinstance(parts, int) and 0 < parts <= 100:
        even = isinstance(rows, int) and rows % parts == 0
        each = rows // parts if isinstance(rows, int) and even else None
        ends: list[Any] = [
            (each * i, each * (i + 1)) if each is not None else (new_size(), new_size()) for i in range(parts)
        ]
    elif isinstance(parts, (list, tuple)):
        ends = list(pairwise([0, *parts, rows]))
    else:
        return None
    return [indexed(array, slice(a, b), given.where) for a, b in ends]


@gives("lib.stride_tricks.sliding_window_view")
def _windows_view(given: Given) -> CodeArray:
    array, window, axis = given.array(0, "x"), given.get(1, "window_shape"), given.get(2, "axis")
    lengths = window if isinstance(window, (tuple, list)) else (window,)
    if array.shape is None or not all(isinstance(one, (int, Expr)) for one in lengths):
        return nothing()
    axes = range(len(array.shape)) if axis is None else axis
    axes = list(axes) if isinstance(axes, (range, tuple, list)) else [axes]
    if len(axes) != len(lengths) or not all(isinstance(one, int) for one in axes):
        return nothing()
    shape = list(array.shape)
    for one, length in zip(axes, lengths, strict=True):
        shape[one] = shape[one] - length + 1
    origin = Origin(array, "windows", given.where, 0, length=lengths[0], step=1) if axes[0] == 0 else None
    return CodeArray((*shape, *lengths), array.dtype, array.bounds, origin=origin, where=given.where)


@gives("append")
def _append(given: Given) -> CodeArray:
    arrays, axis = [given.array(0, "arr"), given.array(1, "values")], given.get(2, "axis")
    return joined(arrays, axis) if axis is not None else CodeArray((new_size(),), common_dtype(arrays))
