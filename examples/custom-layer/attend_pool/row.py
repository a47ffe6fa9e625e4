"""What a spec may say about ``attend_pool``, and its shapes. Loads no Keras before a model is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import seqtopo

if TYPE_CHECKING:
    from attend_pool.keras_layer import AttendPool


@seqtopo.layer(
    "T F -> F",
    weights="kernel: F units; bias: units; query: units",
    example="in(T,16) -> attend_pool(8) -> dense(2)",
)
def attend_pool(units: int, **common: Any) -> AttendPool:
    """Weighs the steps by additive attention (Bahdanau et al., 2014) and gives their weighted mean."""
    from attend_pool.keras_layer import AttendPool

    return AttendPool(units, **common)
