"""The kernels for JAX."""

from __future__ import annotations

from typing import Any

from seqtopo.runtime.kernels.kernel import Choice


def choose(layer: Any) -> Choice:
    """The kernel for a layer, or why there is none."""
    return None
