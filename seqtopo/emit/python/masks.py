"""Tell without Keras where Keras sets masks: how many axes the mask of each value has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.layers import masking
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

    def get(name: str) -> Any:
        if name == "return_sequences":
            return sequences
        param = row.by_name.get(name)
        return (
            None
            if param is None or param.kind.takes == "layer"
            else options.get(param.keras_name, param.default)
        )

    mask = (row.mask or masking.passes)(get, axes[0] - 1)
    if mask.gives == "new":
        # Of ids, each is masked; of steps, all features of one.
        return axes[0] if row.role == "embedding" else axes[0] - 1
    found = mask.handed_on(came)
    if mask.gives == "any":
        return axes[0] - 1 if found else None
    return max((axis for axis in found if axis is not None), default=None)
