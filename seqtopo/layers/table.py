"""The whole layer table: every module of rows, for what goes through all of them."""

from __future__ import annotations

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
from seqtopo.layers.names import NAMES as NAMES
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

ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES.values() for row in family.ROWS)
"""Every row, in the order of the reference."""
