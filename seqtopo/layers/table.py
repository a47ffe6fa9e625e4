"""The layer table: every row, by name and in the order of the reference."""

from __future__ import annotations

from collections.abc import Iterable

from seqtopo.layers import (
    activation,
    algebra,
    arrays,
    attention,
    convolution,
    core,
    elementwise,
    merging,
    normalization,
    operations,
    pooling,
    preprocessing,
    products,
    recurrent,
    regularization,
    reshaping,
    signals,
    statistics,
    wrappers,
)
from seqtopo.layers.row import Row


def indexed(rows: Iterable[Row]) -> dict[str, Row]:
    """Return rows by their names, the short ones included.

    Raises:
        ValueError: two have the same name.
    """
    found: dict[str, Row] = {}
    for row in rows:
        for name in (row.name, *row.aliases):
            if name in found:
                raise ValueError(f"two rows are called {name}")
            found[name] = row
    return found


FAMILIES = {
    "core": core,
    "recurrent": recurrent,
    "wrappers": wrappers,
    "convolution": convolution,
    "pooling": pooling,
    "normalization": normalization,
    "regularization": regularization,
    "attention": attention,
    "merging": merging,
    "reshaping": reshaping,
    "activation": activation,
    "operations": operations,
    "elementwise": elementwise,
    "statistics": statistics,
    "arrays": arrays,
    "products": products,
    "algebra": algebra,
    "signals": signals,
    "preprocessing": preprocessing,
}
"""The modules of rows, in the order of the reference."""

ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES.values() for row in family.ROWS)
"""Every row, in the order of the reference."""

NAMES = indexed(ROWS)
"""Every row by each name that a spec may call it by, the short ones included."""

FREE = frozenset(
    name
    for family in ("elementwise", "statistics", "arrays", "products", "algebra", "signals")
    for row in FAMILIES[family].ROWS
    for name in (row.name, *row.aliases)
)
"""Names of functions that a spec may bind to something of its own, ``stack = dense(8)``, which they mean
there."""

FLAGS = frozenset(word for row in ROWS for word in row.flags)
"""Every bare word that some row understands."""
