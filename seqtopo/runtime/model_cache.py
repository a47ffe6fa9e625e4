"""Cache with a model what is derived from it: one-step models and compiled loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")


def cached(model: Any, key: Hashable, make: Callable[[], Made]) -> Made:
    """Return the result of ``make`` for this model and key, which is made once."""
    store = vars(model).get("_seqtopo_kept")
    if store is None:
        store = {}
        # Past Keras' own attributes, which would take a derived model for a layer of the model.
        object.__setattr__(model, "_seqtopo_kept", store)
    if key not in store:
        store[key] = make()
    found: Made = store[key]
    return found
