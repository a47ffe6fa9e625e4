"""The layer table: every row by its name, and the short names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seqtopo.layers import (
    activation,
    attention,
    convolution,
    core,
    merging,
    normalization,
    operations,
    pooling,
    preprocessing,
    recurrent,
    regularization,
    reshaping,
    wrappers,
)
from seqtopo.layers.row import Row

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
    "preprocessing": preprocessing,
}
"""The modules of rows, in the order of the reference."""


def _index(rows: Iterable[Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        for name in (row.name, *row.aliases):
            if name in found:
                raise ValueError(f"two rows are called {name}")
            found[name] = row
    return found


ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES.values() for row in family.ROWS)
"""Every row, in the order of the reference."""

NAMES: Mapping[str, Row] = _index(ROWS)
"""Every name that a spec may call a layer by, the short ones included."""
