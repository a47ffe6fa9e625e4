"""How far forecasts are off on steps that were held out, and what those who know nothing would be off by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from seqtopo.data.cutting import Wanted
from seqtopo.dataclass import dataclass

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scores:
    """Rows of names and numbers, one for each of ``columns``; ``what`` says what the numbers are."""

    what: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


def errors(
    batches: Iterable[tuple[Array, ...]],
    predict: Callable[[Array], Array],
    mean: Array,
    spread: Array,
    wanted: Wanted | None,
    names: tuple[str, ...],
) -> Scores:
    """Root mean squared errors for each told feature, in the units of the data: of the mean (features,) of
    what was trained on, of the last value of each window, and of the model. ``spread`` undoes the scaling.
    """
    sums: dict[str, Array] = {}
    count = 0.0
    for x, y, *weights in batches:
        told = y.reshape(len(y), -1, len(mean))
        weight = weights[0].reshape(len(y), -1, 1) if weights else np.ones((1, 1, 1))
        guesses = {"the mean": np.broadcast_to(mean, told.shape)}
        if wanted is not None and wanted.answers != "same":
            last = x if wanted.columns is None else x[..., list(wanted.columns)]
            last = last[:, -1:] if wanted.answers == "ahead" else last
            guesses["the last value"] = np.broadcast_to(last, told.shape)
        guesses["the model"] = np.asarray(predict(x)).reshape(told.shape)
        count += float(np.broadcast_to(weight, (*told.shape[:2], 1)).sum())
        for name, guess in guesses.items():
            off = ((guess - told).astype("float64") ** 2 * weight).sum(axis=(0, 1))
            sums[name] = sums.get(name, 0.0) + off
    rows = [(name, tuple((np.sqrt(total / count) * spread).tolist())) for name, total in sums.items()]
    return Scores("root mean squared error", names, tuple(rows))


def shares(
    batches: Iterable[tuple[Array, ...]],
    predict: Callable[[Array], Array],
    common: int,
    wanted: Wanted | None,
) -> Scores:
    """How often the id is told right, in percent: by the most common one of what was trained on, by the last
    one of each window, and by the model.
    """
    right: dict[str, float] = {}
    count = 0
    for x, y, *_ in batches:
        told = y.reshape(len(y), -1)
        guesses = {"the most common": np.full_like(told, common)}
        if wanted is not None:
            last = x[:, -1:] if wanted.answers == "ahead" else x
            guesses["the one before"] = np.broadcast_to(last, told.shape)
        guesses["the model"] = np.asarray(predict(x)).argmax(axis=-1).reshape(told.shape)
        count += told.size
        for name, guess in guesses.items():
            right[name] = right.get(name, 0.0) + float((guess == told).sum())
    rows = tuple((name, (100 * number / count,)) for name, number in right.items())
    return Scores("told right, in percent", ("percent",), rows)


def most_common(ids: Array) -> int:
    """The id that stands most often."""
    values, counts = np.unique(ids, return_counts=True)
    return int(values[counts.argmax()])
