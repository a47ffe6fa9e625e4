"""Distinguish class ids from one-hot labels, and find which of the two a loss takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.training import Training
from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT, PER_CLASS, REGRESSIONS, shown_loss, verdict
from seqtopo.labels.main_path import MainPath
from seqtopo.labels.words import LabelCase
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, fits, show_shape
from seqtopo.layers.values import Object

RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, inf),
    "softplus": (0.0, inf),
    "exponential": (0.0, inf),
    "relu6": (0.0, 6.0),
    "sparse_sigmoid": (0.0, 1.0),
    "sparsemax": (0.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "squareplus": (0.0, inf),
    "sparse_plus": (0.0, inf),
    "log_sigmoid": (-inf, 0.0),
    "log_softmax": (-inf, 0.0),
}
"""The range of each activation that cannot give every number."""

_OF_SHARES = BINARY | {"poisson", "cosine_similarity", "hinge", "squared_hinge"}
"""The losses of an output in shares, which is compared with a label number by number."""


def kind_problems(case: LabelCase, path: MainPath, training: Training | None) -> Iterator[Diagnostic]:
    """Yield ST704: ids where the loss takes one-hot labels, or the other way round."""
    labels, loss, values = case.labels, case.loss, case.values
    output = path.shape
    if not output or output[-1] == 1:
        return
    same = len(labels.shape) == len(output) and all(map(fits, labels.shape, output))
    if loss in IDS and same:
        ids = (*output[:-1], f"int({output[-1]})")
        yield _wrong_kind(
            case,
            path,
            f"{case.phrase}, one number for each class (one-hot), but {loss} wants class ids: "
            f"{_shown(output[:-1])}",
            f"either change the loss, or make ids of them: {case.name or 'y'}.argmax(axis=-1)",
            loss_fixes(case, training, "categorical_crossentropy", ",".join(map(str, ids))),
        )
    elif loss in IDS and values is not None and not values.whole:
        yield _wrong_kind(
            case,
            path,
            f"{loss} wants class ids, and {case.holder} holds numbers that are not whole",
            "for other numbers use mse; for ids, round them",
            (),
        )
    elif (
        loss in REGRESSIONS
        and activation_behind(path.nodes[0].layer) == "softmax"
        and ids_fit(labels.shape, output)
    ):
        yield _wrong_kind(
            case,
            path,
            f"{shown_loss(loss)} compares numbers, but {case.phrase_of_ids}, and the model "
            f"gives a probability for each class: {show_shape(output)}",
            "for class ids use sparse_categorical_crossentropy",
            loss_fixes(case, training, "sparse_categorical_crossentropy", ",".join(map(str, output))),
        )
    elif loss in _per_class_losses(path) and not same and ids_fit(labels.shape, output):
        fixes = loss_fixes(case, training, "sparse_categorical_crossentropy", ",".join(map(str, output)))
        yield _wrong_kind(
            case,
            path,
            f"{case.phrase_of_ids}, but {loss} wants one number for each class (one-hot): "
            f"{show_shape(output)}",
            f"either change the loss, or make them one-hot: keras.utils.to_categorical({case.name or 'y'})",
            fixes if loss in ONE_HOT else tuple([_first(fix) for fix in fixes[::-1]]),
        )


def _first(fix: Fix) -> Fix:
    return replace(fix, title=fix.title.removeprefix("or "))


def _per_class_losses(path: MainPath) -> frozenset[str]:
    """Return the losses that take a number for each class of a path's output, besides those of numbers."""
    return (
        ONE_HOT
        | PER_CLASS
        | (_OF_SHARES if activation_behind(path.nodes[0].layer) == "softmax" else frozenset())
    )


def ids_fit(labels: Shape, output: Shape) -> bool:
    """Return whether labels of this shape can be class ids of an output."""
    return verdict("sparse_categorical_crossentropy", labels, output) == "fits"


def _wrong_kind(
    case: LabelCase, path: MainPath, message: str, help: str, fixes: tuple[Fix, ...]
) -> Diagnostic:
    node = path.nodes[0]
    labels = (Label(node.span, f"gives {show_shape(path.shape)}"),)
    if case.span is None:
        return Diagnostic("ST704", message, node.span, label=labels[0].text, help=help, fixes=fixes)
    return Diagnostic(
        "ST704", message, case.span, label="of the other kind", labels=labels, help=help, fixes=fixes
    )


def _shown(shape: Shape) -> str:
    return show_shape(shape) if shape else "one for each sample"


def loss_fixes(case: LabelCase, training: Training | None, loss: str, sizes: str) -> tuple[Fix, ...]:
    """Return fixes with another loss, or with other labels if the spec declares them."""
    if training is None or isinstance(training.loss, list) or "loss" not in training.spans:
        return ()
    renamed = f"loss={loss}"
    if isinstance(training.loss, Object):
        renamed = f"loss={replace(training.loss, name=loss)}"
    found = [Fix(f"use {loss}", (Edit(training.spans["loss"], renamed),))]
    if case.span is not None and training.labels is not None and len(training.labels) == 1:
        found.append(Fix(f"or declare labels=({sizes})", (Edit(case.span, f"labels=({sizes})"),)))
    return tuple(found)


def activation_behind(layer: Layer | None) -> str:
    """Return the activation of an output, inside a wrapper that of the inner layer; "" for none."""
    while layer is not None and isinstance(inner := layer.args.get("layer"), Layer):
        if layer.get("merge_mode") == "sum":
            return ""
        layer = inner
    found = layer.get("activation") if layer is not None else None
    if layer is not None and found is None and layer.row.name in RANGES:
        return layer.row.name
    return found if isinstance(found, str) else ""
