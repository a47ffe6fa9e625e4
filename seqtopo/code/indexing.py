"""Index arrays and tables: the shape of ``array[index]``, the samples in it, rows and columns of pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqtopo.code.arrays import CodeArray, Given, Origin, as_array, broadcast, new_size, nothing
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


def _table_same(table: CodeArray, given: Given) -> CodeArray:
    return _table_like(table, table.shape)


def _table_rows(table: CodeArray, given: Given) -> CodeArray:
    """Return some rows of a table; their number is unknown."""
    shape = None if table.shape is None else (new_size(), *table.shape[1:])
    found = _table_like(table, shape)
    found.origin = None
    return found


def _table_like(table: CodeArray, shape: Any) -> CodeArray:
    return CodeArray(shape, table.dtype, table.bounds, origin=Origin(table, "same"), is_table=True,
                     columns=table.columns)  # fmt: skip


def _table_first(table: CodeArray, given: Given) -> CodeArray:
    rows = given.get(0, "n", otherwise=5)
    part = slice(None, rows) if isinstance(rows, int) else slice(None, Opaque("rows"))
    return item_of_table(table, (part,), given.where)


def _table_drop(table: CodeArray, given: Given) -> Any:
    names = given.kwargs.get("columns")
    if names is None and given.get(1, "axis") in (1, "columns"):
        names = given.get(0, "labels")
    if given.kwargs.get("inplace") is True:
        table.shape = None
        table.columns = None
        return None
    if names is None or table.shape is None or len(table.shape) != 2:
        return _table_rows(table, given)
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)):
        shape = (table.shape[0], new_size())
        return CodeArray(shape, table.dtype, is_table=True, origin=Origin(table, "same"))
    columns = tuple(c for c in table.columns if c not in names) if table.columns is not None else None
    width = len(columns) if columns is not None else table.shape[1] - len(names)
    return CodeArray(
        (table.shape[0], width), table.dtype, is_table=True, columns=columns, origin=Origin(table, "same")
    )


def _table_pop(table: CodeArray, given: Given) -> CodeArray:
    rows = table.rows
    if table.shape is not None and len(table.shape) == 2:
        table.shape = (rows, table.shape[1] - 1)
    if table.columns is not None:
        table.columns = tuple(c for c in table.columns if c != given.get(0, "item"))
    return CodeArray((rows,), is_table=True)


# Not a fact about layers: methods of pandas.
_SAME_ROWS = (
    "copy", "fillna", "ffill", "bfill", "interpolate", "round", "clip", "abs", "shift", "diff", "pct_change",
    "cumsum",
)  # fmt: skip
_FEWER_ROWS = ("dropna", "sample", "query", "drop_duplicates", "sort_values", "sort_index")
METHODS: dict[str, Callable[[CodeArray, Given], Any]] = {
    **dict.fromkeys(_SAME_ROWS, _table_same),
    **dict.fromkeys(_FEWER_ROWS, _table_rows),
    "head": _table_first,
    "drop": _table_drop,
    "pop": _table_pop,
}


class Located:
    """``table.iloc`` or ``table.loc``, which an index follows."""

    def __init__(self, table: CodeArray, *, by_number: bool) -> None:
        self.table, self.by_number = table, by_number


def labelled(table: CodeArray, given: tuple[Any, ...]) -> CodeArray:
    """Return the rows with some labels; their number is unknown."""
    shape = None if table.shape is None or len(given) > 1 else (new_size(), *table.shape[1:])
    return CodeArray(shape, table.dtype, is_table=True)


def column_or_rows(table: CodeArray, index: Any, where: Where | None) -> Any:
    """Return ``table[index]``: a column by its name, several by a list of names, rows by a slice or mask."""
    rows = table.rows
    if isinstance(index, str):
        return CodeArray((rows,), origin=Origin(table, "same", where), is_table=True)
    if isinstance(index, (list, tuple)) and index and all(isinstance(one, str) for one in index):
        return CodeArray(
            (rows, len(index)), origin=Origin(table, "same", where), is_table=True, columns=tuple(index)
        )
    if isinstance(index, slice):
        return item_of_table(table, (index,), where)
    if isinstance(index, CodeArray) and index.kind == "b" and table.shape is not None:
        return CodeArray((new_size(), *table.shape[1:]), table.dtype, is_table=True, columns=table.columns)
    return None


def item_of_table(table: CodeArray, given: tuple[Any, ...], where: Where | None) -> CodeArray:
    """Return the part of a table that ``table.iloc[given]`` has."""
    texts = [i for i, one in enumerate(given) if isinstance(one, str)]
    if texts:
        given = tuple(0 if i in texts else one for i, one in enumerate(given))
    found = indexed(table, given, where)
    rows_only = len(given) == 1 and isinstance(given[0], slice)
    return CodeArray(
        found.shape,
        table.dtype,
        found.bounds,
        origin=found.origin,
        where=where,
        is_table=found.shape != (),
        columns=table.columns if rows_only else None,
    )
