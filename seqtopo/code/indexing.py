"""Index arrays: the shape of ``array[index]``, and the samples of the array that it has."""

from __future__ import annotations

from typing import Any

from seqtopo.code.arrays import CodeArray, Origin, as_array, broadcast, new_size, nothing
from seqtopo.code.model import Opaque, Where
from seqtopo.layers.sizes import Expr, Shape, Size, ceil_div


def indexed(array: CodeArray, index: Any, where: Where | None = None) -> CodeArray:
    """Return ``array[index]``, for numbers, slices, ``...``, None, arrays of ids and of booleans."""
    given = index if isinstance(index, tuple) else (index,)
    if array.shape is None:
        return _part(array, given, None, where)  # only its rows can be told
    taken = sum(_axes_of(one) for one in given)
    if taken > len(array.shape) or any(isinstance(one, Opaque) for one in given):
        return nothing()
    rest = len(array.shape) - taken
    if not any(one is ... for one in given):
        given = (*given, ...)
    shape: list[Size] = []
    fancy: list[Shape | None] = []
    at: int | None = None
    left = list(array.shape)
    for one in given:
        if one is ...:
            shape += left[:rest]
            left = left[rest:]
        elif one is None:
            shape.append(1)
        elif isinstance(one, slice):
            shape.append(sliced(left.pop(0), one))
        else:
            ids = as_array(one)
            if ids is None:
                return nothing()
            mask = ids.kind == "b" and ids.shape != ()
            left = left[_axes_of(one) :]
            if ids.shape != ():
                fancy.append((new_size(),) if mask else ids.shape)
                at = len(shape) if at is None else at
    if fancy:
        at = at or 0
        found = broadcast(*fancy)
        whole = None if found is None else (*shape[:at], *found, *shape[at:])
    else:
        whole = tuple(shape)
    return _part(array, given, whole, where)


def _axes_of(one: Any) -> int:
    if one is ... or one is None:
        return 0
    if isinstance(one, CodeArray) and one.kind == "b" and one.shape:
        return len(one.shape)
    return 1


def _part(array: CodeArray, given: tuple[Any, ...], shape: Shape | None, where: Where | None) -> CodeArray:
    first = given[0] if given else ...
    bounds = array.drawn
    origin: Origin | None = None
    rows = array.shape[0] if array.shape else None
    if first is ... or first == slice(None):
        origin = Origin(array, "same", where)
        whole = len(given) == 1 or all(one in (..., None) or one == slice(None) for one in given)
        bounds = array.bounds if whole else bounds
    elif isinstance(first, slice) and first.step in (None, 1):
        start, stop = _ends(first, rows)
        origin = Origin(array, "rows", where, start, stop)
    elif isinstance(first, (int, Expr)) and not isinstance(first, bool):
        start = rows + first if rows is not None and isinstance(first, int) and first < 0 else first
        if not (isinstance(start, int) and start < 0):
            origin = Origin(array, "rows", where, start, start + 1)
    one_hot = array.one_hot and _keeps_last(given, array.rank)
    return CodeArray(shape, array.dtype, bounds, one_hot, origin, where, below=array.below)


def _keeps_last(given: tuple[Any, ...], rank: int | None) -> bool:
    """Return whether an index leaves the last axis as it is."""
    if rank is None or sum(map(_axes_of, given)) < rank:
        behind = given[-1]
        return behind is ... or (behind is not None and not any(one is ... for one in given))
    last = next((one for one in reversed(given) if one is not ...), None)
    return isinstance(last, slice) and last == slice(None)


def _ends(part: slice, rows: Size | None) -> tuple[Size | None, Size | None]:
    def end(given: Any, otherwise: Size | None) -> Size | None:
        place = otherwise if given is None else given
        if isinstance(place, int) and place < 0:
            return None if rows is None else rows + place
        return place if isinstance(place, (int, Expr)) else None

    return end(part.start, 0), end(part.stop, rows)


def sliced(size: Size, part: slice) -> Size:
    """Return the size of an axis after a slice that lies within it.

    >>> sliced(10, slice(2, None)), sliced(10, slice(None, None, 3)), sliced(10, slice(-3, None))
    (8, 4, 3)
    """
    start, stop, step = part.start, part.stop, part.step
    if not all(one is None or isinstance(one, (int, Expr)) for one in (start, stop, step)):
        return new_size()
    if isinstance(size, int) and not any(isinstance(one, Expr) for one in (start, stop, step)):
        return len(range(*slice(start, stop, step or None).indices(size)))
    if isinstance(step, Expr) or (isinstance(step, int) and step < 1):
        whole = step == -1 and start is None and stop is None
        return size if whole else new_size()
    if isinstance(start, int) and start < 0 and stop is None:
        length: Size = -start
    elif isinstance(stop, int) and stop >= 0 and not isinstance(start, Expr):
        # It may be shorter than that.
        return new_size()
    else:
        low: Size = 0 if start is None else start
        high: Size = size if stop is None else stop
        low = size + low if isinstance(low, int) and low < 0 else low
        high = size + high if isinstance(high, int) and high < 0 else high
        length = high - low
    if isinstance(length, int) and length < 0:
        return new_size()
    return ceil_div(length, step) if isinstance(step, int) and step > 1 else length
