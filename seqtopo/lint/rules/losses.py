"""Heads and losses: whether a loss can learn from the numbers that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT
from seqtopo.lint.edits import step
from seqtopo.lint.head import Head, Loss, head_of, losses
from seqtopo.lint.places import with_argument, with_word, word_of
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

_SPARSE = ("sparse_categorical_crossentropy",)
CLASSES = IDS | ONE_HOT
MARGINS = ("hinge", "squared_hinge")
SHARES = ("softmax", "sparsemax", "sigmoid", "hard_sigmoid")
_ABOVE_ZERO = (*SHARES, "relu", "relu6", "softplus", "squareplus", "sparse_plus", "exponential")
RANGES = {
    "linear": "any number",
    "tanh": "numbers from -1 to 1",
    "softsign": "numbers from -1 to 1",
    "hard_tanh": "numbers from -1 to 1",
    "relu": "numbers from 0 up",
    "softplus": "numbers from 0 up",
}


def trained_heads(view: View) -> Iterator[tuple[Head, Loss]]:
    """Each head that can be told, with its loss, where the loss looks along the last axis."""
    for value, loss in losses(view) if view.training is not None else ():
        head = head_of(view, value)
        if head is not None and loss.args.get("axis", -1) == -1:
            yield head, loss


def loss_label(loss: Loss, text: str) -> Label:
    """Says something of a loss, where it is written."""
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
    for head, loss in trained_heads(view):
        if loss.name in CLASSES and head.gives == "sigmoid" and not loss.from_logits and head.width != 1:
            sparse = loss.name in _SPARSE
            yield Finding(
                head.place.span,
                f"{loss.word} expects one class out of {head.width}, but sigmoid gives {head.width} separate "
                "probabilities, which do not add up to 1",
                label="yes or no for each",
                labels=(loss_label(loss, "one class of all"),),
                help="write softmax where one class is right"
                + ("" if sparse else "; binary_crossentropy where several may be"),
                fixes=_head_word(head, "sigmoid", "softmax")
                + (() if sparse else _other_loss(loss, "binary_crossentropy")),
            )


@rule("ST623")
def softmax_with_yes_or_no(view: View) -> Iterator[Finding]:
    """The shares of one choice, and a loss that takes each for a question of its own."""
    for head, loss in trained_heads(view):
        many = not isinstance(head.width, int) or head.width > 2
        # With two classes both losses come to the same number.
        if loss.name in BINARY and head.gives == "softmax" and many and not loss.from_logits:
            yield Finding(
                head.place.span,
                f"{loss.word} expects {head.width} separate probabilities, but those of softmax add up to 1: "
                "only one class can win",
                label="one class of all",
                labels=(loss_label(loss, "yes or no for each"),),
                help="write sigmoid where several may be right; categorical_crossentropy where one is",
                fixes=_head_word(head, "softmax", "sigmoid") + _other_loss(loss, "categorical_crossentropy"),
            )


@rule("ST624")
def no_probabilities(view: View) -> Iterator[Finding]:
    """A loss that takes the logarithm of what the model gives, and a head that gives any number."""
    for head, loss in trained_heads(view):
        if not head.gives or loss.from_logits:
            continue
        if loss.name in (*BINARY, *CLASSES, "kl_divergence"):
            if head.gives in (*SHARES, "log_softmax") or (loss.name in CLASSES and head.width == 1):
                continue
            wants = "numbers from 0 to 1"
        elif loss.name == "poisson" and head.gives not in _ABOVE_ZERO:
            wants = "numbers above 0"
        else:
            continue
        gives = RANGES.get(head.gives, f"what {head.gives} gives")
        logits = loss.name in (*BINARY, *CLASSES) and loss.name != "categorical_generalized_cross_entropy"
        right = "softplus" if loss.name == "poisson" else "sigmoid" if loss.name in BINARY else "softmax"
        told = logits and head.gives == "linear"
        fixes = (*activated(view, head, right), *(_logits(loss) if told else ()))
        yield Finding(
            head.place.span,
            f"{loss.word} takes the logarithm of {wants}, but {head.place.layer.title} gives {gives}",
            label=f"gives {gives}",
            labels=(loss_label(loss, f"wants {wants}"),),
            notes=("below 0 there is no logarithm: Keras cuts such numbers off, and learns nothing there",)
            if loss.name != "poisson"
            else (),
            help="" if fixes else f"write {right} in the last layer",
            fixes=fixes,
        )


def activated(view: View, head: Head, word: str) -> tuple[Fix, ...]:
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
    for head, loss in trained_heads(view):
        if head.gives not in ("softmax", "sigmoid"):
            continue
        if loss.from_logits:
            why = f"from_logits=true says that the loss applies {head.gives} itself"
            fixes = _told_less(loss)
        elif loss.name in MARGINS and head.gives == "sigmoid":
            why = f"{loss.word} wants numbers on both sides of 0"
            fixes = _other_loss(loss, "binary_crossentropy")
        else:
            continue
        margins = loss.name in MARGINS
        yield Finding(
            head.place.span,
            f"{loss.word} wants plain scores, but {head.gives} has made numbers from 0 to 1 of them: {why}",
            label=f"applies {head.gives}" + ("" if margins else " already"),
            labels=(loss_label(loss, "wants scores"),),
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
    for head, loss in trained_heads(view):
        if loss.name in CLASSES and head.width == 1:
            edits = _as_yes_or_no(head, loss)
            yield Finding(
                head.place.span,
                f"{loss.word} needs one number for each class, but {head.place.layer.title} gives only one "
                "number",
                label="one class",
                labels=(loss_label(loss, "needs one number a class"),),
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


@rule("ST630")
def ctc_after_softmax(view: View) -> Iterator[Finding]:
    """Keras' CTC loss applies a softmax itself; older ones took the shares."""
    for head, loss in trained_heads(view):
        if loss.name == "ctc" and head.gives == "softmax":
            yield Finding(
                head.place.span,
                "Keras' ctc applies a softmax itself, so this one is applied twice",
                label="applies softmax already",
                labels=(loss_label(loss, "applies it once more"),),
                notes=("keras.backend.ctc_batch_cost of Keras 2 took the probabilities of a softmax",),
                help="leave softmax out, unless the loss is one of your own",
                fixes=head.place.fix("leave softmax out", partial(with_word, old="softmax", new=None)),
            )
