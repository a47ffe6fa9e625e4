"""Tables of pandas: rows and columns, as far as code tells of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqtopo.code.arrays import CodeArray, Origin, new_size
from seqtopo.code.indexing import indexed
from seqtopo.code.model import Opaque, Where
from seqtopo.code.numpy_calls import Given


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
