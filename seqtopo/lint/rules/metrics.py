"""Check metrics, each against the loss that trains the output, and the step of the optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Value
from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT, REGRESSIONS
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import entry_of
from seqtopo.layers.values import Object, show
from seqtopo.lint.head import Head, Loss, argument, head_of, losses
from seqtopo.lint.places import with_argument, word_of
from seqtopo.lint.rules.heads import CLASSES, MARGINS, RANGES, SHARES, activated, loss_label, trained_heads
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

_DISTANCES = REGRESSIONS | {"poisson"}
_HITS = ("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "auc")
_OF_IDS = {
    "sparse_categorical_accuracy": "categorical_accuracy",
    "sparse_top_k_categorical_accuracy": "top_k_categorical_accuracy",
}
"""Metrics that take labels for class ids, each with its like for one-hot labels."""
_CURVES = (
    "auc",
    "precision_at_recall",
    "recall_at_precision",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
)
_FAR_OFF = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2_score")
"""Metrics that tell how far numbers are from other numbers."""
_ONE_NUMBER = "looks for the greatest of one number, which is always the first"
_OF_ONE_HOT = {one_hot: ids for ids, one_hot in _OF_IDS.items()}
_SCORES = ("f1_score", "fbeta_score")
"""Metrics that take the greatest number for the yes, unless they are given a threshold."""
_CUTS = {
    "binary_accuracy": "threshold",
    "binary_iou": "threshold",
    **dict.fromkeys(_SCORES, "threshold"),
    **dict.fromkeys(("precision", "recall"), "thresholds"),
    **dict.fromkeys(("true_positives", "true_negatives", "false_positives", "false_negatives"), "thresholds"),
}
"""Metrics that count outputs above a threshold as 1, each with the argument that sets it."""


_STEPS_OF_THE_RATE = ("adam", "adamw", "adamax", "nadam", "lamb", "lion", "rmsprop")
"""Optimizers that change each weight by about the learning rate, however small its gradient is."""


@rule("ST680")
def learning_rate_too_large(view: View) -> Iterator[Finding]:
    """Find a learning rate that changes each weight by more than weights are at first."""
    optimizer = None if view.training is None else view.training.optimizer
    if not isinstance(optimizer, Object) or optimizer.name not in _STEPS_OF_THE_RATE:
        return
    rate = optimizer.kwargs.get("learning_rate")
    written = argument(view.spec, "optimizer") or argument(view.spec, "")
    if not isinstance(rate, (int, float)) or rate < 1 or written is None:
        return
    args = written.args if isinstance(written, tree.Call) else ()
    given = next((arg for arg in args if arg.name is None or arg.name.name == "learning_rate"), None)
    fixes: tuple[Fix, ...] = ()
    if given is not None and isinstance(given.value, tree.Number):
        edit = Edit(given.value.span, "0.001")
        fixes = (Fix(f"take the default: {optimizer.name}(0.001)", (edit,)),)
    yield Finding(
        written.span if given is None else given.value.span,
        f"{optimizer.name} with a learning rate of {show(rate)} changes each weight by about {show(rate)} at "
        "each step, and new weights are below 1",
        label="is the learning rate",
        help="" if fixes else "take less, such as 0.001; epochs and batches are given to fit",
        fixes=fixes,
    )


@rule("ST629")
def hits_of_a_regression(view: View) -> Iterator[Finding]:
    """Find an accuracy that is measured for numbers that stand for no class."""
    written = argument(view.spec, "metrics")
    if view.training is None or written is None:
        return
    regression = _only_regression(view)
    if not regression:
        return
    metrics = view.training.metrics if isinstance(view.training.metrics, list) else [view.training.metrics]
    items = written.items if isinstance(written, (tree.List, tree.Tuple)) else (written,)
    for metric, expr in zip(metrics, items, strict=False):
        entry = entry_of("metric", word_of(metric))
        if entry is None or entry.name not in _HITS:
            continue
        head, loss = regression[0]
        yield Finding(
            expr.span,
            f"{_what_counts(entry.name, head.width)}, but {loss.word} trains a number",
            label="counts right classes",
            labels=(Label(head.place.span, "gives a number"), loss_label(loss, "trains a number")),
            help="write mae, for how far off it is; for labels of 0 and 1 declare labels=(int(2))",
        )


def _only_regression(view: View) -> list[tuple[Head, Loss]]:
    """Return the heads and losses if every output is a number that stands for no class; else none."""
    found = [(h, lo) for h, lo in trained_heads(view) if lo.name in _DISTANCES and h.activation not in SHARES]
    return [] if len(found) != len(view.graph.outputs) or _yes_or_no_labels(view) else found


def _yes_or_no_labels(view: View) -> bool:
    """Return whether every label is known to be 0 or 1, so that outputs can be counted as yes or no."""
    declared = view.training.labels if view.training is not None else None
    data = view.resolved.label_values
    if data and all(data):
        return all(
            values is not None and values.whole and 0 <= values.low <= values.high <= 1 for values in data
        )
    return bool(declared) and all(label.below == 2 for label in declared or ())


def _what_counts(metric: str, width: object) -> str:
    """Return in words what Keras counts by a metric, for an output of this width."""
    if metric == "auc":
        return "auc takes the answers for probabilities of the labels 0 and 1"
    if metric == "binary_accuracy" or (metric == "accuracy" and width == 1):
        one = " for one unit" if metric == "accuracy" else ""
        return f"{metric}{one} counts classes: an answer above 0.5 stands for the label 1, any other for 0"
    if width == 1:
        return f"{metric} {_ONE_NUMBER}"
    return f"{metric} compares which of the numbers is the greatest"


@rule("ST685")
def metric_of_other_labels(view: View) -> Iterator[Finding]:
    """Find a metric that takes the labels for another kind than the loss does."""
    trained = dict(losses(view)) if view.training is not None else {}
    regression = _only_regression(view)
    for value, metric, expr in _metrics(view) if trained else ():
        loss, entry = trained.get(value), entry_of("metric", word_of(metric))
        if loss is None or entry is None or (regression and entry.name in _HITS):
            continue
        head = head_of(view, value)
        tensor = view.tensor(value)
        width = tensor.shape[-1] if tensor.shape else None
        wrong = _other_kind(entry.name, loss, width) or _greatest(view, entry, metric, loss, head, width)
        if wrong is None:
            continue
        why, right, other = wrong
        logits = _begins_at_0(loss, head.activation if head is not None else "")
        fixes = () if logits and entry.name in _SCORES else _renamed(expr, entry.name, right)
        yield Finding(
            expr.span,
            f"{entry.name} {why}",
            label="looks for the greatest" if "greatest" in why else "takes the labels for another kind",
            labels=(
                *((Label(head.place.span, "gives the answers"),) if head is not None else ()),
                loss_label(loss, "says what the labels are"),
            ),
            notes=(other,) if other else (),
            help="" if fixes else f"use {right}" + (", behind a sigmoid" if logits else ""),
            fixes=fixes,
        )


def _other_kind(metric: str, loss: Loss, width: object) -> tuple[str, str, str] | None:
    """Return the mistake of a metric for an output of this width, the metric to take, and a note.

    None if the metric is right.
    """
    if width == 1 and loss.name not in CLASSES:
        if metric not in _OF_IDS and metric not in _OF_ONE_HOT:
            return None
        return _ONE_NUMBER, "binary_accuracy", ""
    if loss.name in IDS:
        right = _OF_ONE_HOT.get(metric, "sparse_categorical_accuracy")
        if metric == "binary_accuracy":
            return f"takes labels for 0 or 1, but {loss.word} trains by class ids", right, ""
        if metric in _OF_ONE_HOT:
            return f"wants one-hot labels, but {loss.word} trains by class ids", right, ""
        if metric in _FAR_OFF:
            return f"takes labels for amounts, but {loss.word} trains by class ids", "accuracy", ""
    elif metric in _OF_IDS and loss.name in ONE_HOT:
        return f"wants class ids, but {loss.word} trains by one-hot labels", _OF_IDS[metric], ""
    elif metric in _OF_IDS and loss.name in BINARY and width is not None:
        return f"wants class ids, but {loss.word} trains by a 0 or 1 for each number", "binary_accuracy", ""
    return None


def _greatest(
    view: View, entry: Entry, metric: Any, loss: Loss, head: Head | None, width: object
) -> tuple[str, str, str] | None:
    """Return as ``_other_kind`` does, for a metric of the greatest number where each number is an answer."""
    name = entry.name
    if name in _SCORES and width == 1 and loss.name not in CLASSES:
        chosen = isinstance(metric, Object) and metric.kwargs.get("threshold") is not None
        why = f"without a threshold {_ONE_NUMBER}: every answer counts as a yes"
        return None if chosen else (why, f"{name}(threshold=0.5)", "")
    several = loss.name in BINARY and width not in (None, 1, 2)
    one_hot = any(values is not None and values.shares for values in view.resolved.label_values)
    logits = loss.from_logits or (head is not None and head.activation == "sigmoid")
    if name != "accuracy" or not several or one_hot or not logits:
        return None
    return (
        f"of {width} numbers looks for the greatest alone, but {loss.word} trains a 0 or 1 for each of them",
        "binary_accuracy(threshold=0)" if loss.from_logits else "binary_accuracy",
        "where just one of them is right, write categorical_accuracy",
    )


@rule("ST687")
def curve_of_any_number(view: View) -> Iterator[Finding]:
    """Find a metric with thresholds from 0 to 1, and a head that gives any number."""
    trained = dict(losses(view)) if view.training is not None else {}
    regression = _only_regression(view)
    for value, metric, expr in _metrics(view) if trained else ():
        loss, entry, head = trained.get(value), entry_of("metric", word_of(metric)), head_of(view, value)
        if loss is None or entry is None or entry.name not in _CURVES or head is None:
            continue
        if not head.activation or head.activation in SHARES or (regression and entry.name in _HITS):
            continue
        if isinstance(metric, Object) and (
            metric.kwargs.get("from_logits") or metric.kwargs.get("thresholds")
        ):
            continue
        gives = RANGES.get(head.activation, f"what {head.activation} gives")
        logits = entry.name == "auc" and loss.name not in _DISTANCES
        with_logits = with_argument(expr, "from_logits", tree.Name(expr.span, "true")) if logits else None
        fixes = (
            (Fix("tell the metric that it gets logits", (Edit(expr.span, print_expr(with_logits)),)),)
            if with_logits is not None
            else activated(view, head, "sigmoid")
            if loss.name in _DISTANCES
            else ()
        )
        yield Finding(
            expr.span,
            f"{entry.name} counts at thresholds from 0 to 1, but {head.place.layer.title} gives {gives}",
            label="wants numbers from 0 to 1",
            labels=(Label(head.place.span, f"gives {gives}"),),
            notes=("answers below 0 are all alike to it, and so are answers above 1",),
            help=""
            if fixes
            else "write auc(from_logits=true)"
            if logits
            else "write sigmoid in the last layer",
            fixes=fixes,
        )


@rule("ST688")
def threshold_of_logits(view: View) -> Iterator[Finding]:
    """Find a metric that counts outputs above 0.5 as 1, for a loss that does so above 0."""
    trained = dict(losses(view)) if view.training is not None else {}
    for value, metric, expr in _metrics(view) if trained else ():
        loss, entry, head = trained.get(value), entry_of("metric", word_of(metric)), head_of(view, value)
        if (
            loss is None
            or entry is None
            or not _begins_at_0(loss, head.activation if head is not None else "")
        ):
            continue
        shape = view.tensor(value).shape
        one = bool(shape) and shape[-1] == 1
        name = "binary_accuracy" if entry.name == "accuracy" and one else entry.name
        argument, given = _CUTS.get(name, ""), metric.kwargs if isinstance(metric, Object) else {}
        if not argument or given.get("top_k") or given.get(argument, _cut_of(name)) != 0.5:
            continue
        negative = any(values is not None and values.low < 0 for values in view.resolved.label_values)
        fixes = _cut_at_0(expr, name, argument) if loss.name not in CLASSES and not negative else ()
        margins = loss.name in MARGINS
        right = "softmax" if loss.name in CLASSES else "sigmoid"
        yield Finding(
            expr.span,
            f"{entry.name} takes answers above 0.5 for a yes, but {loss.word} "
            + ("trains a yes to lie above 0" if margins else "trains logits, which are not probabilities"),
            label="counts from 0.5 up",
            labels=(
                *((Label(head.place.span, "gives numbers around 0"),) if head is not None else ()),
                loss_label(loss, "separates them at 0" if margins else "applies the activation itself"),
            ),
            help=""
            if fixes
            else f"count labels of 0 and 1 with {name}({argument}=0)"
            if negative
            else f"write {right} in the last layer, and leave from_logits out",
            fixes=fixes,
        )


def _cut_of(metric: str) -> float | None:
    """Return the threshold that Keras takes if none is given; None if it takes the greatest number."""
    return None if metric in _SCORES else 0.5


def _begins_at_0(loss: Loss, gives: str) -> bool:
    """Return whether outputs above 0 mean the label 1, as far as the loss says."""
    if loss.name in MARGINS:
        return gives in ("linear", "tanh", "softsign", "hard_tanh")
    return loss.from_logits and loss.name in BINARY | ONE_HOT and gives not in SHARES


def _cut_at_0(expr: tree.Expr, name: str, argument: str) -> tuple[Fix, ...]:
    """Return the fix that sets a metric's threshold to 0, if it has one and none is written."""
    if name in _SCORES:
        return ()
    if isinstance(expr, tree.Call):
        named = [arg.name.name for arg in expr.args if arg.name is not None]
        if argument in named or len(named) < len(expr.args):
            return ()
    elif isinstance(expr, tree.Name):
        expr = tree.Name(expr.span, name)
    cut = with_argument(expr, argument, tree.Number(expr.span, 0, "0"))
    return (Fix(f"use {print_expr(cut)}", (Edit(expr.span, print_expr(cut)),)),) if cut is not None else ()


def _renamed(expr: tree.Expr, metric: str, right: str) -> tuple[Fix, ...]:
    """Return the fix that writes another metric, with the arguments that both have."""
    if metric in _SCORES:
        half = with_argument(expr, "threshold", tree.Number(expr.span, 0.5, "0.5"))
        return (Fix(f"use {right}", (Edit(expr.span, print_expr(half)),)),) if half is not None else ()
    alike = right in (_OF_IDS.get(metric), _OF_ONE_HOT.get(metric))
    if isinstance(expr, tree.Call):
        named = {arg.name.name if arg.name is not None else "k" for arg in expr.args}
        return (Fix(f"use {right}", (Edit(expr.name.span, right),)),) if alike and named <= {"k"} else ()
    return (Fix(f"use {right}", (Edit(expr.span, right),)),) if isinstance(expr, tree.Name) else ()


def _metrics(view: View) -> Iterator[tuple[Value, Any, tree.Expr]]:
    """Yield each output with each of its metrics and the metric's text."""
    assert view.training is not None
    outputs = view.graph.outputs
    for name, given in (
        ("metrics", view.training.metrics),
        ("weighted_metrics", view.training.options.get("weighted_metrics")),
    ):
        written = argument(view.spec, name)
        if given is None or written is None:
            continue
        if len(outputs) == 1:
            yield from ((outputs[0], *one) for one in _flat(given, written))
        elif isinstance(given, list) and len(given) == len(outputs):
            items = written.items if isinstance(written, (tree.List, tree.Tuple)) else ()
            for value, one, expr in zip(outputs, given, items, strict=False):
                yield from ((value, *each) for each in _flat(one, expr))


def _flat(given: Any, expr: tree.Expr) -> Iterator[tuple[Any, tree.Expr]]:
    if not isinstance(given, list):
        yield given, expr
        return
    items = expr.items if isinstance(expr, (tree.List, tree.Tuple)) else ()
    for one, inner in zip(given, items, strict=False):
        yield from _flat(one, inner)
