"""Check heads and losses: what the last layers give, and whether a loss can learn from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import exp
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT, REGRESSIONS
from seqtopo.layers.layer import Layer
from seqtopo.layers.values import Object
from seqtopo.lint.edits import step
from seqtopo.lint.head import Head, Loss, activation_of, head_of, losses, with_activation
from seqtopo.lint.places import back_over, place_of, with_argument, with_word, word_of
from seqtopo.lint.steps import hands_on
from seqtopo.lint.view import Finding, View, rule
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@rule("ST621")
def softmax_over_one(view: View) -> Iterator[Finding]:
    """Find a softmax over an axis of size 1, which is 1.0 for any input."""
    last = {n.index for value in view.graph.outputs for n in _tail(view, value.node)}
    for flow in view.flows:
        for node in with_activation(flow, "softmax"):
            if not _over_one(flow, node):
                continue
            place = place_of(flow, node)
            name = place.layer.row.name
            alone = name in ("act", "softmax")
            incoming = flow.input_of(node) if alone else flow.output_of(node)
            one = "it is given one number" if alone else f"{place.layer.title} gives one number"
            fixes = tuple(_ways_out(view, flow, node, node.index in last))
            yield Finding(
                place.span,
                f"softmax over one number is always 1.0, and {one}: {incoming}",
                label="always 1.0",
                help=""
                if fixes
                else "write sigmoid for one yes-or-no answer; softmax(time) for weights of the steps",
                fixes=fixes,
            )


def _softmax_axis(layer: Layer) -> Any:
    """Return the axis that a softmax works along, or several, as a layer or as an activation."""
    axis: Any = -1
    if layer.row.name == "softmax":
        axis = layer.get("axis")
    elif "activation" in layer.row.by_name and isinstance(given := layer.get("activation"), Object):
        axis = given.kwargs.get("axis", -1)
    return axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis


def _over_one(view: View, node: Node) -> bool:
    """Return whether the axis of a softmax has size 1, and no other is named beside it."""
    layer = place_of(view, node).layer
    axis = _softmax_axis(layer)
    shape = view.output_of(node).shape
    if not shape or not isinstance(axis, int):
        return False
    # The first axis inside td is the second axis of td's output.
    at = axis + node.callee.row.steps - 1 if axis > 0 else axis
    return -len(shape) <= at < len(shape) and shape[at] == 1


def _ways_out(view: View, flow: View, node: Node, last: bool) -> Iterator[Fix]:
    """Fix by a sigmoid or a softmax along time; at the output the sigmoid is likelier, inside the model the
    other.
    """
    place = place_of(flow, node)
    sigmoid = place.fix("write sigmoid, for a yes-or-no answer", lambda e: with_word(e, "softmax", "sigmoid"))
    edit = None
    if flow is view and len(view.output_of(node).shape) == 2 and place.expr is not None:
        time = step(place.span, "softmax", "time")
        linear = with_word(place.expr, "softmax", None)
        if place.layer.row.name in ("act", "softmax"):
            edit = view.edits.replace(node, time)
        elif linear is not None and node.layer is place.layer:
            edit = view.edits.replace(node, linear, time)
    along_time = fix_by("weigh the steps: softmax(time)", edit)
    yield from (*sigmoid, *along_time) if flow is view and last else (*along_time, *sigmoid)


def _tail(view: View, index: int) -> Iterator[Node]:
    """Yield a node and those right before it, as far as they only pass on its numbers."""
    node = view.graph.nodes[index]
    yield node
    if hands_on(view, node):
        yield back_over(view, node, hands_on)


@rule("ST626")
def activation_twice(view: View) -> Iterator[Finding]:
    """Find a softmax or sigmoid of what is one already."""
    ends = {value.node for value in view.graph.outputs}
    for flow in view.flows:
        for node in flow.index.called_or_wrapped(("act", "softmax")):
            second = place_of(flow, node)
            before = flow.maker(node.inputs[0])
            if before.layer is None or node.inputs[0].extra:
                continue
            first = place_of(flow, before)
            pair = (activation_of(first.layer), activation_of(second.layer))
            squashed = pair in (("softmax", "softmax"), ("sigmoid", "sigmoid"), ("softmax", "sigmoid"))
            # Scores from 0 to 1 may be intended where a softmax makes weights of them, but not at the output.
            answer = pair == ("sigmoid", "softmax") and flow is view and node.index in ends
            if not (squashed or answer) or first.layer.get("axis") != second.layer.get("axis"):
                continue
            once = f"{pair[1]} once" if pair[0] == pair[1] else f"{pair[0]} or {pair[1]}, not both"
            fixes = fix_by(f"take the second out, and keep the {pair[0]}", flow.edits.drop(node))
            if first.layer.row.name not in ("act", "softmax") and pair[0] != pair[1]:
                fixes += first.fix(f"keep the {pair[1]} alone", partial(with_word, old=pair[0], new=None))
            yield Finding(
                node.span,
                f"{pair[1]} of a {pair[0]}: what comes in lies between 0 and 1 already, so that every "
                "answer comes out nearly alike",
                label="squeezes a second time",
                labels=(Label(first.span, f"gives a {pair[0]}"),),
                help=f"write {once}",
                fixes=fixes,
            )


@rule("ST627")
def disturbed_output(view: View) -> Iterator[Finding]:
    """Find dropout or normalization behind the head: the loss gets numbers that the head did not give."""
    trained = {value for value, _ in losses(view)}
    for value in view.graph.outputs:
        head = head_of(view, value)
        if head is None:
            continue
        # A flow that ends in dropout may be continued elsewhere; only an output or a loss makes it the end.
        answer = head.activation in ("softmax", "sigmoid")
        for flow, node in head.after:
            row = place_of(flow, node).layer.row
            if row.role == "noise" and (answer or value in trained):
                yield _noisy(flow, node, row.name, head)
    for value in view.graph.outputs:
        node = view.maker(value)
        if view.has_role(node, "norm"):
            before = view.maker(node.inputs[0])
            gives = activation_of(place_of(view, before).layer) if before.layer is not None else ""
            if gives in ("softmax", "sigmoid"):
                yield _normed(view, node, gives)


def _noisy(flow: View, node: Node, name: str, head: Head) -> Finding:
    return Finding(
        node.span,
        f"{name} behind the last layer changes the answers themselves while the model trains",
        label="disturbs the output",
        labels=(Label(head.place.span, "gives the answer"),),
        notes=("the loss then punishes a right answer wherever it was set to 0",),
        help="put it before the last layer, or take it out",
        fixes=fix_by("take it out", flow.edits.drop(node)),
    )


def _normed(view: View, node: Node, gives: str) -> Finding:
    first = place_of(view, view.maker(node.inputs[0]))
    return Finding(
        node.span,
        f"{node.callee.row.name} behind a {gives}: what comes out are not probabilities any more",
        label="moves them out of 0 to 1",
        labels=(Label(first.span, f"gives a {gives}"),),
        help=f"put it before the layer with the {gives}, or take it out",
        fixes=fix_by("take it out", view.edits.drop(node)),
    )


@rule("ST620")
def relu_on_a_regression(view: View) -> Iterator[Finding]:
    """Find a regression with a final relu: it gives no number below 0, and may get stuck at 0."""
    for value, loss in losses(view):
        head = head_of(view, value)
        if head is not None and head.activation == "relu" and loss.name in REGRESSIONS:
            yield Finding(
                head.place.span,
                f"{head.place.layer.title} ends in relu, so this regression never answers below 0",
                label="0 or above",
                notes=("where all of its answers are 0 it has no gradient, and learns nothing any more",),
                help="leave relu out; if answers are 0 or above, softplus does not get stuck",
                fixes=head.place.fix("leave relu out", lambda e: with_word(e, "relu", None))
                + head.place.fix("use softplus", lambda e: with_word(e, "relu", "softplus")),
            )


_CUT = {
    ("relu", "sigmoid"): "no answer is below 0.5",
    ("relu", "softmax"): "scores below 0 are cut off, so unlikely classes cannot be told apart",
    ("tanh", "sigmoid"): "answers lie between 0.27 and 0.73",
}
_SQUEEZED = {"relu6": "relu", "softsign": "tanh", "hard_tanh": "tanh"}


@rule("ST677")
def cut_scores(view: View) -> Iterator[Finding]:
    """Find a softmax or sigmoid of scores that an activation before it has cut off or squeezed."""
    for value in dict.fromkeys(view.graph.outputs):
        node = view.maker(value)
        if value.extra or node.layer is None or not node.inputs or node.inputs[0].extra:
            continue
        second = place_of(view, node)
        gives = activation_of(second.layer)
        if second.layer.row.name not in ("act", "softmax") or gives not in ("softmax", "sigmoid"):
            continue
        before = back_over(view, node, hands_on)
        if before.layer is None:
            continue
        first = place_of(view, before)
        incoming = activation_of(first.layer)
        incoming = _SQUEEZED.get(incoming, incoming)
        shape = view.input_of(node).shape
        if gives == "softmax" and _softmax_axis(second.layer) not in (-1, len(shape)):
            continue  # weights of the steps, and no classes
        width = shape[-1:]
        reason = _CUT.get((incoming, gives), "")
        if (incoming, gives) == ("tanh", "softmax") and width and isinstance(width[0], int) and width[0] > 1:
            share = exp(2) / (exp(2) + width[0] - 1)
            reason = f"the likeliest of {width[0]} classes never gets more than {share:.2f}"
        if not reason:
            continue
        yield Finding(
            node.span,
            f"{gives} is given numbers from {_SPANS[incoming]} by {first.layer.title}: {reason}",
            label=f"is given numbers from {_SPANS[incoming]}",
            labels=(Label(first.span, f"applies {activation_of(first.layer)}"),),
            help=f"give {gives} plain scores, of a dense layer without an activation",
            fixes=tuple(_plain_scores(view, before)),
        )


_SPANS = {"relu": "0 up", "tanh": "-1 to 1"}


def _plain_scores(view: View, before: Node) -> Iterator[Fix]:
    """Yield the fix: the activation before left out, or behind a recurrent layer a dense layer more."""
    first = place_of(view, before)
    name = activation_of(first.layer)
    if first.layer.row.recurrent:
        width = view.output_of(before).shape[-1]
        edit = view.edits.after(before, step(before.span, "dense", width)) if isinstance(width, int) else None
        yield from fix_by("put a dense layer between them", edit)
    elif first.layer.row.name in ("act", "relu"):
        yield from fix_by(f"leave {name} out", view.edits.drop(before))
    else:
        yield from first.fix(f"leave {name} out", lambda e: with_word(e, name, None))


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
    """Yield each known head with its loss, where the loss works along the last axis."""
    for value, loss in losses(view) if view.training is not None else ():
        head = head_of(view, value)
        if head is not None and loss.args.get("axis", -1) == -1:
            yield head, loss


def loss_label(loss: Loss, text: str) -> Label:
    """Return a label at the place where a loss is written."""
    return Label(loss.expr.span, text)


def _other_loss(loss: Loss, name: str) -> tuple[Fix, ...]:
    """Return the fix that writes another loss, if the present one is a bare word."""
    if not isinstance(loss.expr, tree.Name):
        return ()
    return (Fix(f"train it by {name}", (Edit(loss.expr.span, name),)),)


def _head_word(head: Head, old: str, new: str) -> tuple[Fix, ...]:
    return head.place.fix(f"write {new}", partial(with_word, old=old, new=new))


@rule("ST622")
def sigmoid_with_classes(view: View) -> Iterator[Finding]:
    """Find independent shares under a loss that takes them for the shares of one choice."""
    for head, loss in trained_heads(view):
        if loss.name in CLASSES and head.activation == "sigmoid" and not loss.from_logits and head.width != 1:
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
    """Find a softmax under a loss that takes each of its shares for a question of its own."""
    for head, loss in trained_heads(view):
        many = not isinstance(head.width, int) or head.width > 2
        # With two classes both losses have the same value.
        if loss.name in BINARY and head.activation == "softmax" and many and not loss.from_logits:
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
    """Find a loss that takes the logarithm of the output of a head that gives any number."""
    for head, loss in trained_heads(view):
        if not head.activation or loss.from_logits:
            continue
        if loss.name in (*BINARY, *CLASSES, "kl_divergence"):
            if head.activation in (*SHARES, "log_softmax") or (loss.name in CLASSES and head.width == 1):
                continue
            wants = "numbers from 0 to 1"
        elif loss.name == "poisson" and head.activation not in _ABOVE_ZERO:
            wants = "numbers above 0"
        else:
            continue
        gives = RANGES.get(head.activation, f"what {head.activation} gives")
        logits = loss.name in (*BINARY, *CLASSES) and loss.name != "categorical_generalized_cross_entropy"
        right = "softplus" if loss.name == "poisson" else "sigmoid" if loss.name in BINARY else "softmax"
        takes_logits = logits and head.activation == "linear"
        fixes = (*activated(view, head, right), *(_logits(loss) if takes_logits else ()))
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
    """Return the fixes that give the head an activation in place of its own."""
    layer, place = head.place.layer, head.place
    title = f"write {word} in the last layer"
    if layer.row.recurrent:
        flow, node = head.at
        edit = flow.edits.after(node, step(place.span, "dense", layer.get("units"), word))
        return fix_by(f"answer by a dense layer with {word}", edit) if flow is view else ()
    if head.activation != "linear" or layer.get("activation") is not None:
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
    """Find a loss that applies the activation itself, under a head that has applied it before."""
    for head, loss in trained_heads(view):
        if head.activation not in ("softmax", "sigmoid"):
            continue
        if loss.from_logits:
            why = f"from_logits=true says that the loss applies {head.activation} itself"
            fixes = _without_from_logits(loss)
        elif loss.name in MARGINS and head.activation == "sigmoid":
            why = f"{loss.word} wants numbers on both sides of 0"
            fixes = _other_loss(loss, "binary_crossentropy")
        else:
            continue
        margins = loss.name in MARGINS
        yield Finding(
            head.place.span,
            f"{loss.word} wants plain scores, but {head.activation} has made numbers from 0 to 1 of them: "
            f"{why}",
            label=f"applies {head.activation}" + ("" if margins else " already"),
            labels=(loss_label(loss, "wants scores"),),
            help=f"leave {head.activation} out" + (f", or keep it and train by {_right_loss(loss)}"),
            fixes=head.place.fix(
                f"leave {head.activation} out", partial(with_word, old=head.activation, new=None)
            )
            + fixes,
        )


def _right_loss(loss: Loss) -> str:
    return "a loss without from_logits" if loss.from_logits else "binary_crossentropy"


def _without_from_logits(loss: Loss) -> tuple[Fix, ...]:
    if not isinstance(loss.expr, tree.Call):
        return ()
    kept = tuple(a for a in loss.expr.args if a.name is None or a.name.name != "from_logits")
    if len(kept) == len(loss.expr.args):
        return ()
    changed = tree.Call(loss.expr.span, loss.expr.name, kept) if kept else loss.expr.name
    return (Fix("leave from_logits out", (Edit(loss.expr.span, print_expr(changed)),)),)


@rule("ST628")
def one_unit_for_classes(view: View) -> Iterator[Finding]:
    """Find a choice among one class: there is nothing to learn."""
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
    """Return the edits that make it a sigmoid with its loss; none if the text does not say the parts."""
    if not isinstance(loss.expr, tree.Name) or head.place.expr is None:
        return ()
    to = Edit(loss.expr.span, "binary_crossentropy")
    if head.activation == "sigmoid":
        return (to,)
    if head.activation == "linear" and isinstance(head.place.expr, tree.Call):
        changed = with_argument(head.place.expr, None, tree.Name(Span(0, 0), "sigmoid"))
        if head.place.layer.get("activation") is not None or "sigmoid" not in head.place.layer.row.flags:
            return ()
    else:
        changed = with_word(head.place.expr, head.activation, "sigmoid")
    return () if changed is None else (Edit(head.place.expr.span, print_expr(changed)), to)


@rule("ST630")
def ctc_after_softmax(view: View) -> Iterator[Finding]:
    """Find a softmax under Keras' CTC loss, which applies one itself; older ones took its output."""
    for head, loss in trained_heads(view):
        if loss.name == "ctc" and head.activation == "softmax":
            yield Finding(
                head.place.span,
                "Keras' ctc applies a softmax itself, so this one is applied twice",
                label="applies softmax already",
                labels=(loss_label(loss, "applies it once more"),),
                notes=("keras.backend.ctc_batch_cost of Keras 2 took the probabilities of a softmax",),
                help="leave softmax out, unless the loss is one of your own",
                fixes=head.place.fix("leave softmax out", partial(with_word, old="softmax", new=None)),
            )
