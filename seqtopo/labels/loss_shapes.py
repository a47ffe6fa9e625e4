"""Compare shapes of labels and outputs with those that each Keras loss takes.

This follows ``keras.losses``: every loss that wraps a function first removes or adds a last axis of 1 if
ranks differ by one. Some losses then let the backend broadcast, which silently trains something else; the
crossentropies refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from seqtopo.graph.training import Training
from seqtopo.layers.objects import entry_of
from seqtopo.layers.sizes import Shape, fits
from seqtopo.layers.values import Object

Verdict = Literal["fits", "broadcasts", "breaks"]

IDS = frozenset({"sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"})
"""The losses whose labels are class ids, with one axis fewer than the output."""

ONE_HOT = frozenset({"categorical_crossentropy", "categorical_focal_crossentropy"})
"""The losses whose labels are a share for each class."""

PER_CLASS = frozenset({"kl_divergence", "categorical_hinge", "dice", "tversky"})
"""The other losses whose labels have a number for each class; the backend would broadcast ids to them."""

BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})

REGRESSIONS = frozenset(
    {
        "mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "huber",
        "log_cosh",
    }
)
"""The losses that measure the distance of a number from its label."""

_EXACT = ONE_HOT | BINARY
"""The losses that refuse to broadcast."""

_FREE = frozenset({"circle"})
"""The losses whose labels do not determine the shape of the output."""

_BATCH = object()
"""A stand-in for the batch axis, which equals only itself."""


class Metric(NamedTuple):
    """A metric of one output: its main name, the argument of ``train`` that it stands in, and its value."""

    name: str
    argument: str
    given: Any


def metrics_of(training: Training | None, outputs: int, index: int) -> list[Metric]:
    """Return the metrics of one of several outputs, as Keras distributes them."""
    if training is None:
        return []
    found = []
    for argument, given in (
        ("metrics", training.metrics),
        ("weighted_metrics", training.options.get("weighted_metrics")),
    ):
        if outputs > 1:
            given = given[index] if isinstance(given, list) and len(given) == outputs else None
        for one in given if isinstance(given, list) else [given]:
            word = one.name if isinstance(one, Object) else one
            entry = entry_of("metric", word) if isinstance(word, str) else None
            if entry is not None:
                found.append(Metric(entry.name, argument, one))
    return found


def loss_name(loss: Any) -> str:
    """Return the main name of a loss in ``train``; "" for none.

    >>> loss_name("mse"), loss_name(Object("bce")), loss_name(None)
    ('mean_squared_error', 'binary_crossentropy', '')
    """
    word = loss.name if isinstance(loss, Object) else loss
    entry = entry_of("loss", word) if isinstance(word, str) else None
    return entry.name if entry is not None else ""


def shown_loss(loss: str) -> str:
    """Return a loss as most people write it.

    >>> shown_loss("mean_squared_error"), shown_loss("binary_crossentropy")
    ('mse', 'binary_crossentropy')
    """
    entry = entry_of("loss", loss)
    return entry.aliases[0] if entry is not None and entry.aliases and loss in REGRESSIONS else loss


def verdict(loss: str, labels: Shape, output: Shape) -> Verdict:
    """Return what a loss, by its main name, does with labels and an output of these shapes, without the
    batch.

    Without a loss: what any loss would do; ids and full labels both fit.

    >>> verdict("mean_squared_error", (), (1,)), verdict("mean_squared_error", (20, 1), (1,))
    ('fits', 'broadcasts')
    >>> verdict("binary_crossentropy", (20,), (1,)), verdict("sparse_categorical_crossentropy", (), (10,))
    ('breaks', 'fits')
    """
    if loss in _FREE:
        return "fits"
    if loss == "ctc":
        return "fits" if len(labels) == 1 and len(output) == 2 else "breaks"
    if loss in IDS:
        return "fits" if _are_ids(labels, output) else "breaks"
    if not loss and _are_ids(labels, output):
        return "fits"
    found = _elementwise(labels, output)
    return "breaks" if found == "broadcasts" and loss in _EXACT else found


def _are_ids(labels: Shape, output: Shape) -> bool:
    if len(labels) == len(output) and labels[-1:] == (1,):
        labels = labels[:-1]
    return len(labels) == len(output) - 1 and all(map(fits, labels, output))


def _elementwise(labels: Shape, output: Shape) -> Verdict:
    ours, theirs = _align_ranks([_BATCH, *labels], [_BATCH, *output])
    longer = max(len(ours), len(theirs))
    pairs = list(zip(_filled(ours, longer), _filled(theirs, longer), strict=True))
    # If an axis was squeezed, a 1 is another axis than the ? it meets, and would be broadcast to it.
    as_many = len(labels) == len(output)
    if len(ours) == len(theirs) and all(_same(a, b) and (as_many or (a == 1) == (b == 1)) for a, b in pairs):
        return "fits"
    return "broadcasts" if all(1 in pair or _same(*pair) for pair in pairs) else "breaks"


def _align_ranks(a: list[Any], b: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return both shapes, with a last axis of 1 removed from the longer or added to the batch alone."""
    if len(a) == len(b) + 1 and a[-1] == 1:
        return (a, [*b, 1]) if len(b) == 1 else (a[:-1], b)
    if len(b) == len(a) + 1 and b[-1] == 1:
        return ([*a, 1], b) if len(a) == 1 else (a, b[:-1])
    return a, b


def _filled(sizes: Sequence[Any], length: int) -> list[Any]:
    return [1] * (length - len(sizes)) + list(sizes)


def _same(a: Any, b: Any) -> bool:
    return a is b if _BATCH in (a, b) else fits(a, b)
