"""Score forecasts on held-out steps, and score baselines, which use no model, beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtopo.data.cutting import Wanted

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scores:
    """A table of scores: ``what`` names them, and each row has a name and a number for each column."""

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
    """Return the root mean squared errors for each predicted feature, in the units of the data.

    There is a row for the mean (features,) of the training data, for the last value of each window, and for
    the model. ``spread`` undoes the scaling.
    """
    sums: dict[str, Array] = {}
    count = 0.0
    for x, y, *weights in batches:
        truth = y.reshape(len(y), -1, len(mean))
        weight = weights[0].reshape(len(y), -1, 1) if weights else np.ones((1, 1, 1))
        guesses = {"the mean": np.broadcast_to(mean, truth.shape)}
        if wanted is not None and wanted.answers != "same":
            last = x if wanted.columns is None else x[..., list(wanted.columns)]
            last = last[:, wanted.known_before(x.shape[1])]
            guesses["the last value"] = np.broadcast_to(last, truth.shape)
        guesses["the model"] = np.asarray(predict(x)).reshape(truth.shape)
        count += float(np.broadcast_to(weight, (*truth.shape[:2], 1)).sum())
        for name, guess in guesses.items():
            off = ((guess - truth).astype("float64") ** 2 * weight).sum(axis=(0, 1))
            sums[name] = sums.get(name, 0.0) + off
    rows = [(name, tuple((np.sqrt(total / count) * spread).tolist())) for name, total in sums.items()]
    return Scores("root mean squared error", names, tuple(rows))


def usual(kind: str, labels: Array, width: int) -> Array:
    """Return the most likely answer from the labels alone.

    That is the mean of numbers and of booleans, of shape (width,) or smaller, or the share of each class
    (width,). ``kind`` is one of those of ``choosing.kinds_of``.

    >>> usual("ids", np.array([2, 0, 2, 2]), 3).tolist(), usual("yes-no", np.array([0, 1, 1, 1]), 1).tolist()
    ([0.25, 0.0, 0.75], [0.75])
    """
    if kind == "ids":
        counts = np.bincount(labels.ravel().astype("int64").clip(0), minlength=width)[:width]
        return np.asarray(counts / max(counts.sum(), 1))
    truth = labels.reshape(-1, 1) if labels.ndim == 1 or width == 1 else labels
    return np.asarray(truth.mean(axis=tuple(range(truth.ndim - 1)), dtype="float64"))


Guess = Callable[[Any, list[Array]], list[Array]]


def guesses(
    kinds: Sequence[str], known: Sequence[Array], logits: Sequence[bool], wanted: Wanted | None, ids: bool
) -> dict[str, Guess]:
    """Return the baselines by name, each as a function of inputs and predictions, in the form the loss takes.

    One answers what is ``usual``. For a series, whose ``wanted`` is given, another repeats the last value.
    """
    forms = list(zip(kinds, logits, strict=True))

    def most(x: Any, answers: list[Array]) -> list[Array]:
        found = [_form(one, *form) for one, form in zip(known, forms, strict=True)]
        return [_stretched(one, answer.shape) for one, answer in zip(found, answers, strict=True)]

    def last(x: Any, answers: list[Array]) -> list[Array]:
        assert wanted is not None
        width = answers[0].shape[-1]
        seen = x if ids or wanted.columns is None else x[..., list(wanted.columns)]
        seen = seen[:, wanted.known_before(x.shape[1])]
        if ids:
            seen = np.eye(width)[seen] if kinds[0] == "ids" else seen[..., None]
        found = _form(seen.astype("float64"), *forms[0])
        if found.ndim > answers[0].ndim:
            found = found[:, 0]
        return [_stretched(found, answers[0].shape)]

    made: dict[str, Guess] = {"the mean" if "number" in kinds else "the most common": most}
    if wanted is not None and wanted.answers != "same":
        made["the one before" if ids else "the last value"] = last
    return made


def _form(found: Array, kind: str, logits: bool) -> Array:
    """Return shares as the loss takes them: as they are, or as the logits of a softmax or a sigmoid."""
    if kind == "number" or not logits:
        return found
    safe = found.clip(1e-7, 1 - 1e-7)
    return np.asarray(np.log(safe) - (np.log1p(-safe) if kind == "yes-no" else 0.0))


def _stretched(found: Array, shape: tuple[int, ...]) -> Array:
    """Return an answer repeated for each sample and step; several steps in one row follow each other."""
    if shape and found.shape[-1:] != shape[-1:] and found.shape[-1] and shape[-1] % found.shape[-1] == 0:
        found = np.tile(found, shape[-1] // found.shape[-1])
    return np.broadcast_to(found, shape)
