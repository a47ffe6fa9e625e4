"""Choose the loss and metrics for a spec that names none, from its last layers and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqtopo.data.array import Array, values_of
from seqtopo.data.cutting import Cut
from seqtopo.data.series import Series
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.training import Training, Values
from seqtopo.labels.check_labels import losses_of
from seqtopo.labels.class_ids import RANGES
from seqtopo.labels.loss_shapes import BINARY as YES_NO
from seqtopo.labels.loss_shapes import IDS, verdict
from seqtopo.labels.loss_shapes import ONE_HOT as HOT
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import Object
from seqtopo.lint.head import head_of
from seqtopo.lint.view import View
from seqtopo.source import Source
from seqtopo.syntax import tree

SPARSE, ONE_HOT, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)
SQUARED, ABSOLUTE = "mse", "mae"
SHARES = [name for name, reach in RANGES.items() if reach == (0.0, 1.0)]
"""The activations with a range from 0 to 1."""


def chosen_training(
    resolved: Resolved, spec: tree.Spec, labels: Sequence[Array], *, series: bool = False, ids: bool = False
) -> tuple[Source, str]:
    """Return the text of a spec with a loss in it, and the ``train`` statement or loss that was added to it.

    Nothing is added if the spec names its loss. ``labels`` are those of each output, in order. The answers
    of a model of a ``series`` are fed back: as numbers, or with ``ids`` as token ids, which are no numbers.

    >>> from seqtopo.report.analyse import analyse
    >>> from seqtopo.data.array import from_object
    >>> import numpy as np
    >>> checked = analyse("in(5,2) -> lstm(8) -> dense(1,sigmoid)")
    >>> y = from_object("y", np.array([0, 1, 1, 0]))
    >>> chosen_training(checked.resolved, checked.spec, [y])[1]
    'train adam, loss=binary_crossentropy, metrics=[accuracy]'
    """
    source, training = resolved.source, resolved.training
    if training is not None and training.loss is not None:
        return source, ""
    view = View(resolved, spec)
    pairs = [_for_output(view, i, array, series, ids) for i, array in enumerate(labels)]
    losses = [loss for loss, _ in pairs]
    metrics = [[metric] if metric else [] for _, metric in pairs]
    added = f"loss={_listed(losses)}"
    known = training is not None and training.metrics is not None
    if any(metrics) and not known:
        shown = [f"[{', '.join(names)}]" for names in metrics]
        added += f", metrics={shown[0] if len(shown) == 1 else _listed(shown)}"
    if training is not None:
        end = training.span.end
        text = f"{source.text[:end]}, {added}{source.text[end:]}"
        return replace(source, text=text), added
    added = f"train adam, {added}"
    return replace(source, text=f"{source.text.rstrip()}\n\n{added}\n"), added


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"[{', '.join(items)}]"


def _for_output(view: View, index: int, labels: Array, series: bool, ids: bool) -> tuple[str, str]:
    """Return the loss of one output and its metric, "" for no metric."""
    graph: Graph = view.graph
    value = graph.outputs[index]
    tensor = graph.tensor(value)
    head = head_of(view, value)
    gives = head.activation if head is not None else ""
    shape: Shape = tensor.shape if tensor is not None else ()
    several = len(graph.outputs) > 1
    one = not shape or shape[-1] == 1
    values = labels.values
    # Whole numbers are ids where nothing else is known of them.
    whole = labels.kind in "iub" if values is None else values.whole
    low, high = (values.low, values.high) if values is not None else (0.0, 1.0)
    numbers = (SQUARED, ABSOLUTE if several else "")
    if one:
        # One unit without a sigmoid answers with a number, which mse brings near the 0 and 1 of the labels.
        yes_or_no = gives in SHARES and whole and 0 <= low <= high <= 1
        if yes_or_no:
            return BINARY, "accuracy"
        if not ids:
            bits = whole and not series and low == 0 and high == 1 and gives == "linear"
            return (SQUARED, "accuracy") if bits else numbers
    logits = "" if gives in SHARES else "(from_logits=true)"
    sample = labels.shape[1:]
    if ids or (whole and not series and verdict(SPARSE, sample, shape) == "fits"):
        return f"{SPARSE}{logits}", "accuracy"
    if verdict("mean_squared_error", sample, shape) != "fits" or not 0 <= low <= high <= 1:
        return numbers
    shares = values is not None and values.shares
    if gives == "softmax" and (shares or whole):
        return ONE_HOT, "accuracy"
    if gives in SHARES and whole:
        return BINARY, "binary_accuracy"
    return (f"{ONE_HOT}{logits}", "accuracy") if shares and whole and not series else numbers


def noted(found: tuple[Diagnostic, ...], added: str, written: int) -> tuple[Diagnostic, ...]:
    """Return diagnostics, with a note on those that come from the ``added`` loss.

    These are the ones of labels and losses, and those at a place behind the ``written`` text.
    """
    if not added:
        return found
    note = f"{added} was chosen by fit, since the spec names no loss; name one in the spec for another"
    return tuple(
        replace(d, notes=(*d.notes, note))
        if d.code.startswith("ST70")
        or any(place.end > written for place in (d.span, *(label.span for label in d.labels)))
        else d
        for d in found
    )


def kinds_of(training: Training, outputs: int) -> list[str]:
    """Return the kind of labels of each output's loss: ``ids``, ``one-hot``, ``yes-no`` or ``number``."""
    kinds = [("ids", IDS), ("one-hot", HOT), ("yes-no", YES_NO)]
    losses = losses_of(training, outputs) or [""] * outputs
    return [next((kind for kind, names in kinds if loss in names), "number") for loss in losses]


def logits_of(training: Training, outputs: int) -> list[bool]:
    """Return for each output whether its loss applies the softmax or sigmoid itself."""
    given = training.loss if isinstance(training.loss, list) else [training.loss] * outputs
    return [isinstance(loss, Object) and bool(loss.kwargs.get("from_logits")) for loss in given]


class _Targets:
    """The predicted features of a series, scaled as for training, read part by part."""

    def __init__(self, series: Series, columns: tuple[int, ...] | None) -> None:
        self.series, self.columns = series, columns

    def __getitem__(self, at: slice) -> np.ndarray[Any, Any]:
        return self.series.take(np.arange(self.series.steps)[at], self.columns)


def labels_of(cut: Cut, whole: Series, early: Series) -> Array:
    """Return an array that describes the labels of all windows or segments of a series.

    Its shape is that of the labels that are cut. The summary of its numbers is that of the whole series,
    scaled like ``early``.
    """
    shape = cut[0][1].shape
    columns = cut.wanted.columns
    targets = _Targets(replace(whole, mean=early.mean, spread=early.spread), columns)
    width = len(columns) if columns is not None else whole.features

    def values() -> Values | None:
        sizes = (whole.steps,) if whole.is_ids else (whole.steps, width)
        found = values_of(targets, sizes)
        same = found is None or shape[-1:] == sizes[-1:]
        return found if same or found is None else replace(found, shares=False)

    kind = whole.array.dtype.kind
    return Array("y", (len(cut) * shape[0], *shape[1:]), "i" if whole.is_ids else kind, values)
