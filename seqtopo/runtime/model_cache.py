"""Keep what is derived from a model with the model: one-step models and compiled loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")


def cached(model: Any, key: Hashable, make: Callable[[], Made]) -> Made:
    """Return what ``make`` gave for this model and key; made once."""
    store = vars(model).get("_seqtopo_kept")
    if store is None:
        store = {}
        # Past Keras' own attributes, which would take a derived model for a layer of the model.
        object.__setattr__(model, "_seqtopo_kept", store)
    if key not in store:
        store[key] = make()
    found: Made = store[key]
    return found
