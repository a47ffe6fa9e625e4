"""Check heads: what the last layers give, and activations that do not fit there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import exp

from seqtopo.diag.model import Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.labels.loss_shapes import REGRESSIONS
from seqtopo.lint.edits import step
from seqtopo.lint.head import Head, activation_of, head_of, losses, with_activation
from seqtopo.lint.places import back_over, place_of, with_word
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import hands_on
from seqtopo.lint.view import View


@rule("ST621")
def softmax_over_one(view: View) -> Iterator[Finding]:
    """A softmax over an axis of size 1 is 1.0 whatever comes in."""
    last = {n.index for value in view.graph.outputs for n in _tail(view, value.node)}
    for flow in view.flows:
        for node in with_activation(flow, "softmax"):
            if not _over_one(flow, node):
                continue
            place = place_of(flow, node)
            name = place.layer.row.name
            alone = name in ("act", "softmax")
            came = flow.came(node) if alone else flow.out(node)
            one = "it is given one number" if alone else f"{place.layer.title} gives one number"
            fixes = tuple(_ways_out(view, flow, node, node.index in last))
            yield Finding(
                place.span,
                f"softmax over one number is always 1.0, and {one}: {came}",
                label="always 1.0",
                help=""
                if fixes
                else "write sigmoid for one yes-or-no answer; softmax(time) for weights of the steps",
                fixes=fixes,
            )


def _over_one(view: View, node: Node) -> bool:
    """Whether the axis of a softmax has size 1, and no other is named beside it."""
    assert node.layer is not None
    layer = place_of(view, node).layer
    axis = layer.get("axis") if layer.row.name == "softmax" else -1
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    shape = view.out(node).shape
    if not shape or not isinstance(axis, int):
        return False
    # Inside td the first axis of what comes in is the second of what td gives.
    at = axis + node.layer.row.steps - 1 if axis > 0 else axis
    return -len(shape) <= at < len(shape) and shape[at] == 1


def _ways_out(view: View, flow: View, node: Node, last: bool) -> Iterator[Fix]:
    """Fix by a sigmoid or a softmax along time; at the output the sigmoid is likelier, inside the model the
    other.
    """
    place = place_of(flow, node)
    sigmoid = place.fix("write sigmoid, for a yes-or-no answer", lambda e: with_word(e, "softmax", "sigmoid"))
    along: tuple[Fix, ...] = ()
    if flow is view and len(view.out(node).shape) == 2 and place.expr is not None:
        time = step(place.span, "softmax", "time")
        if place.layer.row.name in ("act", "softmax"):
            edit = view.edits.replace(node, time)
        else:
            bare = with_word(place.expr, "softmax", None)
            wrapped = node.layer is not place.layer
            edit = None if bare is None or wrapped else view.edits.replace(node, bare, time)
        if edit is not None:
            along = (Fix("weigh the steps: softmax(time)", (edit,)),)
    yield from (*sigmoid, *along) if flow is view and last else (*along, *sigmoid)


def _tail(view: View, index: int) -> Iterator[Node]:
    """A node and what stands right before it, as far as its numbers only pass on."""
    node = view.graph.nodes[index]
    yield node
    if hands_on(view, node):
        yield back_over(view, node, hands_on)


@rule("ST626")
def activation_twice(view: View) -> Iterator[Finding]:
    """A softmax or sigmoid of what is one already."""
    ends = {value.node for value in view.graph.outputs}
    for flow in view.flows:
        for node in flow.index.held(("act", "softmax")):
            second = place_of(flow, node)
            before = flow.maker(node.inputs[0])
            if before.layer is None or node.inputs[0].extra:
                continue
            first = place_of(flow, before)
            pair = (activation_of(first.layer), activation_of(second.layer))
            squashed = pair in (("softmax", "softmax"), ("sigmoid", "sigmoid"), ("softmax", "sigmoid"))
            # Scores from 0 to 1 are a choice where a softmax makes weights of them, but not in the answer.
            answer = pair == ("sigmoid", "softmax") and flow is view and node.index in ends
            if not (squashed or answer) or first.layer.get("axis") != second.layer.get("axis"):
                continue
            once = f"{pair[1]} once" if pair[0] == pair[1] else f"{pair[0]} or {pair[1]}, not both"
            edit = flow.edits.drop(node)
            title = f"take the second out, and keep the {pair[0]}"
            fixes: tuple[Fix, ...] = () if edit is None else (Fix(title, (edit,)),)
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
    """Dropout or a normalization behind the head: the loss sees numbers that the head did not give."""
    trained = {value for value, _ in losses(view)}
    for value in view.graph.outputs:
        head = head_of(view, value)
        if head is None:
            continue
        # A flow that ends in dropout may go on elsewhere: only an answer or a loss makes it the end.
        answer = head.gives in ("softmax", "sigmoid")
        for flow, node in head.after:
            assert node.layer is not None
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
    edit = flow.edits.drop(node)
    return Finding(
        node.span,
        f"{name} behind the last layer changes the answers themselves while the model trains",
        label="disturbs the output",
        labels=(Label(head.place.span, "gives the answer"),),
        notes=("the loss then punishes a right answer wherever it was set to 0",),
        help="put it before the last layer, or take it out",
        fixes=() if edit is None else (Fix("take it out", (edit,)),),
    )


def _normed(view: View, node: Node, gives: str) -> Finding:
    assert node.layer is not None
    edit = view.edits.drop(node)
    first = place_of(view, view.maker(node.inputs[0]))
    return Finding(
        node.span,
        f"{node.layer.row.name} behind a {gives}: what comes out are no probabilities any more",
        label="moves them out of 0 to 1",
        labels=(Label(first.span, f"gives a {gives}"),),
        help=f"put it before the layer with the {gives}, or take it out",
        fixes=() if edit is None else (Fix("take it out", (edit,)),),
    )


@rule("ST620")
def relu_on_a_regression(view: View) -> Iterator[Finding]:
    """A regression whose last activation is relu gives no number below 0, and may get stuck at 0."""
    for value, loss in losses(view):
        head = head_of(view, value)
        if head is not None and head.gives == "relu" and loss.name in REGRESSIONS:
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
    """An answer by softmax or sigmoid of scores that an activation has cut off or squeezed before."""
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
        came = activation_of(first.layer)
        came = _SQUEEZED.get(came, came)
        width = view.came(node).shape[-1:]
        told = _CUT.get((came, gives), "")
        if (came, gives) == ("tanh", "softmax") and width and isinstance(width[0], int) and width[0] > 1:
            share = exp(2) / (exp(2) + width[0] - 1)
            told = f"the likeliest of {width[0]} classes never gets more than {share:.2f}"
        if not told:
            continue
        yield Finding(
            node.span,
            f"{gives} is given numbers from {_SPANS[came]} by {first.layer.title}: {told}",
            label=f"is given numbers from {_SPANS[came]}",
            labels=(Label(first.span, f"applies {activation_of(first.layer)}"),),
            help=f"give {gives} plain scores, of a dense layer without an activation",
            fixes=tuple(_plain_scores(view, before)),
        )


_SPANS = {"relu": "0 up", "tanh": "-1 to 1"}


def _plain_scores(view: View, before: Node) -> Iterator[Fix]:
    """The activation before left out; behind a recurrent layer a dense layer more."""
    first = place_of(view, before)
    name = activation_of(first.layer)
    if first.layer.row.recurrent:
        width = view.out(before).shape[-1]
        edit = view.edits.after(before, step(before.span, "dense", width)) if isinstance(width, int) else None
        if edit is not None:
            yield Fix("put a dense layer between them", (edit,))
    elif first.layer.row.name in ("act", "relu"):
        edit = view.edits.drop(before)
        if edit is not None:
            yield Fix(f"leave {name} out", (edit,))
    else:
        yield from first.fix(f"leave {name} out", lambda e: with_word(e, name, None))
