"""Where Keras puts masks, told without Keras: how many axes the mask of each value has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.layers.masking import ATTENTION, JOINS, MERGES, PASSES
from seqtopo.layers.row import Row
from seqtopo.layers.table import ROWS

_BY_CLASS: Mapping[str, Row] = {row.keras: row for row in ROWS if row.keras}


def mask_axes(
    keras: str, options: Mapping[str, Any], came: Sequence[int | None], axes: Sequence[int], sequences: bool
) -> int | None:
    """The number of axes of the mask that a layer of a class puts on its first output; None without one.

    ``came`` says the same of what comes in, ``axes`` how many axes the values themselves have, and
    ``sequences`` whether the layer, or the one inside it, returns every step.
    """
    row = _BY_CLASS.get(keras)
    if row is None:
        return None
    first = came[0] if came else None
    if row.name == "mask":
        return axes[0] - 1
    if row.name == "embed":
        return axes[0] if options.get("mask_zero") else None
    if row.recurrent:
        return first if sequences else None
    if row.name in MERGES:
        return None if None in came else max(c for c in came if c is not None)
    if row.name in JOINS:
        return axes[0] - 1 if any(c is not None for c in came) else None
    return first if row.name in PASSES or row.name in ATTENTION else None
