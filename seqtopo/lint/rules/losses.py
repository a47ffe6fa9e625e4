"""Heads and losses: whether a loss can learn from the numbers that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Value
from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT, REGRESSIONS
from seqtopo.layers.objects import entry_of
from seqtopo.layers.values import Object
from seqtopo.lint.edits import step
from seqtopo.lint.head import Head, Loss, argument, head_of, losses
from seqtopo.lint.places import with_argument, with_word, word_of
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

_SPARSE = ("sparse_categorical_crossentropy",)
_CLASSES = IDS | ONE_HOT
_MARGINS = ("hinge", "squared_hinge")
_DISTANCES = REGRESSIONS | {"poisson"}
_SHARES = ("softmax", "sparsemax", "sigmoid", "hard_sigmoid")
_ABOVE_ZERO = (*_SHARES, "relu", "relu6", "softplus", "squareplus", "sparse_plus", "exponential")
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
_ONE_NUMBER = "looks for the greatest of one number, which is always the first"
_OF_ONE_HOT = {one_hot: ids for ids, one_hot in _OF_IDS.items()}
_RANGES = {
    "linear": "any number",
    "tanh": "numbers from -1 to 1",
    "softsign": "numbers from -1 to 1",
    "hard_tanh": "numbers from -1 to 1",
    "relu": "numbers from 0 up",
    "softplus": "numbers from 0 up",
}


def _heads(view: View) -> Iterator[tuple[Head, Loss]]:
    """Each head that can be told, with its loss, where the loss looks along the last axis."""
    for value, loss in losses(view) if view.training is not None else ():
        head = head_of(view, value)
        if head is not None and loss.args.get("axis", -1) == -1:
            yield head, loss


def _loss_label(loss: Loss, text: str) -> Label:
    return Label(loss.expr.span, text)


def _other_loss(loss: Loss, name: str) -> tuple[Fix, ...]:
    """Another loss in the place of one that is written as its bare word."""
    if not isinstance(loss.expr, tree.Name):
        return ()
    return (Fix(f"train it by {name}", (Edit(loss.expr.span, name),)),)


def _head_word(head: Head, old: str, new: str) -> tuple[Fix, ...]:
    return head.place.fix(f"write {new}", partial(with_word, old=old, new=new))


@rule("ST622")
def sigmoid_with_classes(view: View) -> Iterator[Finding]:
    """Independent shares, and a loss that takes them for the shares of one choice."""
    for head, loss in _heads(view):
        if loss.name in _CLASSES and head.gives == "sigmoid" and not loss.from_logits and head.width != 1:
            sparse = loss.name in _SPARSE
            yield Finding(
                head.place.span,
                f"{loss.word} expects one class out of {head.width}, but sigmoid gives {head.width} separate "
                "probabilities, which do not add up to 1",
                label="yes or no for each",
                labels=(_loss_label(loss, "one class of all"),),
                help="write softmax where one class is right"
                + ("" if sparse else "; binary_crossentropy where several may be"),
                fixes=_head_word(head, "sigmoid", "softmax")
                + (() if sparse else _other_loss(loss, "binary_crossentropy")),
            )


@rule("ST623")
def softmax_with_yes_or_no(view: View) -> Iterator[Finding]:
    """The shares of one choice, and a loss that takes each for a question of its own."""
    for head, loss in _heads(view):
        many = not isinstance(head.width, int) or head.width > 2
        # With two classes both losses come to the same number.
        if loss.name in BINARY and head.gives == "softmax" and many and not loss.from_logits:
            yield Finding(
                head.place.span,
                f"{loss.word} expects {head.width} separate probabilities, but those of softmax add up to 1: "
                "only one class can win",
                label="one class of all",
                labels=(_loss_label(loss, "yes or no for each"),),
                help="write sigmoid where several may be right; categorical_crossentropy where one is",
                fixes=_head_word(head, "softmax", "sigmoid") + _other_loss(loss, "categorical_crossentropy"),
            )


@rule("ST624")
def no_probabilities(view: View) -> Iterator[Finding]:
    """A loss that takes the logarithm of what the model gives, and a head that gives any number."""
    for head, loss in _heads(view):
        if not head.gives or loss.from_logits:
            continue
        if loss.name in (*BINARY, *_CLASSES, "kl_divergence"):
            if head.gives in (*_SHARES, "log_softmax") or (loss.name in _CLASSES and head.width == 1):
                continue
            wants = "numbers from 0 to 1"
        elif loss.name == "poisson" and head.gives not in _ABOVE_ZERO:
            wants = "numbers above 0"
        else:
            continue
        gives = _RANGES.get(head.gives, f"what {head.gives} gives")
        logits = loss.name in (*BINARY, *_CLASSES) and loss.name != "categorical_generalized_cross_entropy"
        right = "softplus" if loss.name == "poisson" else "sigmoid" if loss.name in BINARY else "softmax"
        told = logits and head.gives == "linear"
        fixes = (*_activated(view, head, right), *(_logits(loss) if told else ()))
        yield Finding(
            head.place.span,
            f"{loss.word} takes the logarithm of {wants}, but {head.place.layer.title} gives {gives}",
            label=f"gives {gives}",
            labels=(_loss_label(loss, f"wants {wants}"),),
            notes=("below 0 there is no logarithm: Keras cuts such numbers off, and learns nothing there",)
            if loss.name != "poisson"
            else (),
            help="" if fixes else f"write {right} in the last layer",
            fixes=fixes,
        )


def _activated(view: View, head: Head, word: str) -> tuple[Fix, ...]:
    """The head with an activation, in the place of the one that it has."""
    layer, place = head.place.layer, head.place
    title = f"write {word} in the last layer"
    if layer.row.recurrent:
        flow, node = head.at
        edit = flow.edits.after(node, step(place.span, "dense", layer.get("units"), word))
        whole = flow is view and edit is not None
        return (Fix(f"answer by a dense layer with {word}", (edit,)),) if edit is not None and whole else ()
    if head.gives != "linear" or layer.get("activation") is not None:
        return place.fix(title, partial(with_word, old=word_of(layer.get("activation")), new=word))
    if "activation" not in layer.row.by_name or layer.row.flags.get(word, (None,))[0] is None:
        return ()
    flag = tree.Name(place.span, word)
    return place.fix(title, partial(with_argument, name=None, value=flag))


def _logits(loss: Loss) -> tuple[Fix, ...]:
    yes = tree.Name(loss.expr.span, "true")
    changed = with_argument(loss.expr, "from_logits", yes)
    if changed is None or "from_logits" in loss.args:
        return ()
    return (Fix("tell the loss that it gets logits", (Edit(loss.expr.span, print_expr(changed)),)),)


@rule("ST625")
def scores_wanted(view: View) -> Iterator[Finding]:
    """A loss that applies the activation itself, and a head that has applied it before."""
    for head, loss in _heads(view):
        if head.gives not in ("softmax", "sigmoid"):
            continue
        if loss.from_logits:
            why = f"from_logits=true says that the loss applies {head.gives} itself"
            fixes = _told_less(loss)
        elif loss.name in _MARGINS and head.gives == "sigmoid":
            why = f"{loss.word} wants numbers on both sides of 0"
            fixes = _other_loss(loss, "binary_crossentropy")
        else:
            continue
        margins = loss.name in _MARGINS
        yield Finding(
            head.place.span,
            f"{loss.word} wants plain scores, but {head.gives} has made numbers from 0 to 1 of them: {why}",
            label=f"applies {head.gives}" + ("" if margins else " already"),
            labels=(_loss_label(loss, "wants scores"),),
            help=f"leave {head.gives} out" + (f", or keep it and train by {_instead(loss)}"),
            fixes=head.place.fix(f"leave {head.gives} out", partial(with_word, old=head.gives, new=None))
            + fixes,
        )


def _instead(loss: Loss) -> str:
    return "a loss without from_logits" if loss.from_logits else "binary_crossentropy"


def _told_less(loss: Loss) -> tuple[Fix, ...]:
    if not isinstance(loss.expr, tree.Call):
        return ()
    kept = tuple(a for a in loss.expr.args if a.name is None or a.name.name != "from_logits")
    if len(kept) == len(loss.expr.args):
        return ()
    changed = tree.Call(loss.expr.span, loss.expr.name, kept) if kept else loss.expr.name
    return (Fix("leave from_logits out", (Edit(loss.expr.span, print_expr(changed)),)),)


@rule("ST628")
def one_unit_for_classes(view: View) -> Iterator[Finding]:
    """A choice among one class: there is nothing to learn."""
    for head, loss in _heads(view):
        if loss.name in _CLASSES and head.width == 1:
            edits = _as_yes_or_no(head, loss)
            yield Finding(
                head.place.span,
                f"{loss.word} needs one number for each class, but {head.place.layer.title} gives only one "
                "number",
                label="one class",
                labels=(_loss_label(loss, "needs one number a class"),),
                help="for a yes-or-no answer write dense(1,sigmoid) and binary_crossentropy; for n classes "
                "dense(n,softmax)",
                fixes=(Fix("one yes-or-no answer: sigmoid and binary_crossentropy", edits),) if edits else (),
            )


def _as_yes_or_no(head: Head, loss: Loss) -> tuple[Edit, ...]:
    """The edits that make it a sigmoid with its loss; none where the text does not say the parts."""
    if not isinstance(loss.expr, tree.Name) or head.place.expr is None:
        return ()
    to = Edit(loss.expr.span, "binary_crossentropy")
    if head.gives == "sigmoid":
        return (to,)
    if head.gives == "linear" and isinstance(head.place.expr, tree.Call):
        changed = with_argument(head.place.expr, None, tree.Name(Span(0, 0), "sigmoid"))
        if head.place.layer.get("activation") is not None or "sigmoid" not in head.place.layer.row.flags:
            return ()
    else:
        changed = with_word(head.place.expr, head.gives, "sigmoid")
    return () if changed is None else (Edit(head.place.expr.span, print_expr(changed)), to)


@rule("ST629")
def hits_of_a_regression(view: View) -> Iterator[Finding]:
    """A share of right classes, measured for numbers that stand for no class."""
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
            labels=(Label(head.place.span, "gives a number"), _loss_label(loss, "trains a number")),
            help="write mae, for how far off it is; for labels of 0 and 1 declare labels=(int(2))",
        )


def _only_regression(view: View) -> list[tuple[Head, Loss]]:
    """The heads and losses where every output is a number that stands for no class; empty otherwise."""
    found = [(h, lo) for h, lo in _heads(view) if lo.name in _DISTANCES and h.gives not in _SHARES]
    return [] if len(found) != len(view.graph.outputs) or _yes_or_no_labels(view) else found


def _yes_or_no_labels(view: View) -> bool:
    """Whether every label is known to be 0 or 1, so that a number near it is an answer to be counted."""
    declared = view.training.labels if view.training is not None else None
    data = view.resolved.label_values
    if data and all(data):
        return all(
            values is not None and values.whole and 0 <= values.low <= values.high <= 1 for values in data
        )
    return bool(declared) and all(label.below == 2 for label in declared or ())


def _what_counts(metric: str, width: object) -> str:
    """What Keras counts by a metric, where the model gives so many numbers."""
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
    """A metric that takes the labels for another kind than the loss does."""
    trained = dict(losses(view)) if view.training is not None else {}
    regression = _only_regression(view)
    for value, metric, expr in _metrics(view) if trained else ():
        loss, entry = trained.get(value), entry_of("metric", word_of(metric))
        if loss is None or entry is None or (regression and entry.name in _HITS):
            continue
        head = head_of(view, value)
        tensor = view.tensor(value)
        wrong = _other_kind(entry.name, loss, tensor.shape[-1] if tensor.shape else None)
        if wrong is None:
            continue
        why, right = wrong
        yield Finding(
            expr.span,
            f"{entry.name} {why}",
            label="takes the labels for another kind",
            labels=(
                *((Label(head.place.span, "gives the answers"),) if head is not None else ()),
                _loss_label(loss, "says what the labels are"),
            ),
            help=f"write {right}",
            fixes=_renamed(expr, entry.name, right),
        )


def _other_kind(metric: str, loss: Loss, width: object) -> tuple[str, str] | None:
    """What is wrong with a metric of an output this wide, and the metric to take; None for nothing."""
    if width == 1 and loss.name not in _CLASSES:
        if metric not in _OF_IDS and metric not in _OF_ONE_HOT:
            return None
        return _ONE_NUMBER, "binary_accuracy"
    if loss.name in IDS:
        right = _OF_ONE_HOT.get(metric, "sparse_categorical_accuracy")
        if metric == "binary_accuracy":
            return f"takes labels for 0 or 1, but {loss.word} trains by class ids", right
        if metric in _OF_ONE_HOT:
            return f"wants one-hot labels, but {loss.word} trains by class ids", right
    elif metric in _OF_IDS and loss.name in ONE_HOT:
        return f"wants class ids, but {loss.word} trains by one-hot labels", _OF_IDS[metric]
    elif metric in _OF_IDS and loss.name in BINARY and width is not None:
        return f"wants class ids, but {loss.word} trains by a 0 or 1 for each number", "binary_accuracy"
    return None


@rule("ST687")
def curve_of_any_number(view: View) -> Iterator[Finding]:
    """A metric that counts at thresholds from 0 to 1, and a head that gives any number."""
    trained = dict(losses(view)) if view.training is not None else {}
    regression = _only_regression(view)
    for value, metric, expr in _metrics(view) if trained else ():
        loss, entry, head = trained.get(value), entry_of("metric", word_of(metric)), head_of(view, value)
        if loss is None or entry is None or entry.name not in _CURVES or head is None:
            continue
        if not head.gives or head.gives in _SHARES or (regression and entry.name in _HITS):
            continue
        if isinstance(metric, Object) and (
            metric.kwargs.get("from_logits") or metric.kwargs.get("thresholds")
        ):
            continue
        gives = _RANGES.get(head.gives, f"what {head.gives} gives")
        logits = entry.name == "auc" and loss.name not in _DISTANCES
        told = with_argument(expr, "from_logits", tree.Name(expr.span, "true")) if logits else None
        fixes = (
            (Fix("tell the metric that it gets logits", (Edit(expr.span, print_expr(told)),)),)
            if told is not None
            else _activated(view, head, "sigmoid")
            if loss.name in _DISTANCES
            else ()
        )
        yield Finding(
            expr.span,
            f"{entry.name} counts at thresholds from 0 to 1, but {head.place.layer.title} gives {gives}",
            label="wants numbers from 0 to 1",
            labels=(Label(head.place.span, f"gives {gives}"),),
            notes=("answers below 0 are all alike to it, and so are answers above 1",),
            help="write auc(from_logits=true)" if logits else "write sigmoid in the last layer",
            fixes=fixes,
        )


def _renamed(expr: tree.Expr, metric: str, right: str) -> tuple[Fix, ...]:
    """Another metric in the place of one, with its arguments where both have the same."""
    alike = right in (_OF_IDS.get(metric), _OF_ONE_HOT.get(metric))
    if isinstance(expr, tree.Call):
        named = {arg.name.name if arg.name is not None else "k" for arg in expr.args}
        return (Fix(f"use {right}", (Edit(expr.name.span, right),)),) if alike and named <= {"k"} else ()
    return (Fix(f"use {right}", (Edit(expr.span, right),)),) if isinstance(expr, tree.Name) else ()


def _metrics(view: View) -> Iterator[tuple[Value, Any, tree.Expr]]:
    """Each output with each of its metrics and the metric's text."""
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


@rule("ST630")
def ctc_after_softmax(view: View) -> Iterator[Finding]:
    """Keras' CTC loss applies a softmax itself; older ones took the shares."""
    for head, loss in _heads(view):
        if loss.name == "ctc" and head.gives == "softmax":
            yield Finding(
                head.place.span,
                "Keras' ctc applies a softmax itself, so this one is applied twice",
                label="applies softmax already",
                labels=(_loss_label(loss, "applies it once more"),),
                notes=("keras.backend.ctc_batch_cost of Keras 2 took the shares of a softmax",),
                help="leave softmax out, unless the loss is one of your own",
                fixes=head.place.fix("leave softmax out", partial(with_word, old="softmax", new=None)),
            )
