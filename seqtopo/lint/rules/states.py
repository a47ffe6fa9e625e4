"""Check states, gates and repeated vectors: what a recurrent layer carries and is given at each step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.advice.failure_site import forgets_steps
from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.lint.edits import step
from seqtopo.lint.places import Place, back_over, place_of, with_argument, with_word, without, word_of
from seqtopo.lint.steps import each_alone, joins_features, merges
from seqtopo.lint.view import Finding, View, once, rule
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import with_flag


def _stateful(layer: Layer) -> bool:
    return bool(layer.row.recurrent and layer.get("stateful"))


def _recurrent(view: View) -> Iterator[tuple[Node, Place]]:
    """Yield each recurrent layer, with the one inside its wrapper; none if no layer is stateful."""
    for node in view.recurrent if view.calls_given("stateful") else ():
        yield node, place_of(view, node)


def _forgetful(place: Place) -> tuple[Fix, ...]:
    return place.fix("leave stateful out", partial(without, param="stateful", row=place.layer.row))


@rule("ST641")
def shuffled_states(view: View) -> Iterator[Finding]:
    """Find stateful layers in a model that is trained: the order of its samples matters."""
    if view.training is None:
        return
    places = [place for _, place in _recurrent(view) if _stateful(place.layer)]
    if places:
        first, *others = places
        yield Finding(
            first.span,
            "a stateful layer goes on where the last batch ended, so samples must not be shuffled",
            label="carries its state over",
            labels=tuple(dict.fromkeys(Label(p.span, "carries its state, too") for p in others[:3])),
            notes=(
                "row i of a batch has to go on where row i of the batch before it ended",
                "fit of a model that seqtopo compiled keeps the order; that of a file that Keras loaded "
                "shuffles, unless it is told shuffle=False",
            ),
            help="train with callbacks=[seqtopo.ResetStates()], which resets the states at each epoch; or "
            "leave stateful out where samples stand alone",
            fixes=_forgetful(first) if not others else (),
        )


@rule("ST642")
def states_against_time(view: View) -> Iterator[Finding]:
    """Find a stateful layer that reads backwards: it goes on with a state from the wrong end."""
    for node, place in _recurrent(view):
        outer = view.is_row(node, "bi")
        back = bool(place.layer.get("go_backwards"))
        if not _stateful(place.layer) or not (outer or back):
            continue
        how = "the backward half of bi" if outer else place.layer.row.name
        yield Finding(
            place.span,
            f"{how} reads from the end, so the state that it carries over comes from the beginning of the "
            "batch before, and not from the steps that follow",
            label="carries a state the wrong way",
            help="leave stateful out, or read forwards only",
            fixes=_forgetful(place),
        )


@rule("ST643")
def state_given_and_kept(view: View) -> Iterator[Finding]:
    """Find a stateful layer that is given a state at every call: what it kept is never used."""
    for node, place in _recurrent(view):
        if not _stateful(place.layer) or "initial_state" not in node.tensors:
            continue
        given = node.spans.get("initial_state", node.span)
        yield Finding(
            place.span,
            f"{place.layer.row.name} starts from init at every batch, so the state that stateful keeps is "
            "never used",
            label="keeps its state",
            labels=(Label(given, "and is given another"),),
            help="leave stateful out, or init",
            fixes=_forgetful(place),
        )


@rule("ST644")
def partly_stateful(view: View) -> Iterator[Finding]:
    """Find a layer that forgets between batches, behind one that remembers."""
    for node, place in _recurrent(view):
        if _stateful(place.layer) or "initial_state" in node.tensors or view.is_row(node, "bi"):
            continue
        here = back_over(view, node, each_alone)
        if here.layer is None or not here.layer.row.recurrent:
            continue
        before = place_of(view, here)
        if not _stateful(before.layer) or view.is_row(here, "bi") or before.layer.get("go_backwards"):
            continue
        flag = tree.Name(place.span, "stateful")
        yield Finding(
            place.span,
            f"this {place.layer.row.name} starts from zero at every batch, while the one before it goes on "
            "where the last batch ended",
            label="forgets",
            labels=(Label(before.span, "remembers"),),
            help="write stateful in both, or in neither",
            fixes=place.fix("remember here, too", partial(with_argument, name=None, value=flag)),
        )


@rule("ST645")
def batch_without_states(view: View) -> Iterator[Finding]:
    """Find a fixed batch that nothing needs: the last, shorter batch of the data will not fit."""
    if any(_stateful(place.layer) for flow in view.flows for _, place in _recurrent(flow)):
        return
    for node in view.inputs:
        if node.batch is None:
            continue
        call = view.edits.call(node)
        kept = None if call is None else _without_batch(call)
        yield Finding(
            node.span,
            f"the batch is fixed to {node.batch}, and nothing here needs that: no layer is stateful",
            label=f"takes {node.batch} samples at a time, never fewer",
            help="leave batch out, or write stateful where the state is to last",
            fixes=()
            if kept is None or call is None
            else (Fix("leave batch out", (Edit(call.span, print_expr(kept)),)),),
        )


def _without_batch(call: tree.Call) -> tree.Expr:
    kept = tuple(a for a in call.args if a.name is None or a.name.name != "batch")
    return tree.Call(call.span, call.name, kept)


@rule("ST646")
def shared_state(view: View) -> Iterator[Finding]:
    """Find one stateful layer that reads two sequences: each begins where the other has ended."""
    uses: dict[Layer, list[tuple[Node, Place]]] = {}
    for node, place in _recurrent(view):
        if _stateful(place.layer) and "initial_state" not in node.tensors:
            uses.setdefault(place.layer, []).append((node, place))
    for found in uses.values():
        if len(found) > 1:
            (_, place), *_ = found
            incoming = [view.maker(node.inputs[0]).span for node, _ in found]
            yield Finding(
                place.span,
                f"this stateful {place.layer.row.name} reads {len(found)} sequences, and begins each where "
                "the one before has ended",
                label="one state for all",
                labels=tuple(dict.fromkeys(Label(span, "is read by it") for span in incoming[:3])),
                help="make a macro of it (def), so that each use has a layer and a state of its own, or "
                "leave stateful out",
                fixes=_forgetful(place),
            )


GATES = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
"""Activations with which a gate lets a share through."""


@rule("ST640")
def gates_out_of_range(view: View) -> Iterator[Finding]:
    """Find a ``recurrent_activation`` that gives numbers below 0 or above 1.

    The product with such a gate grows or changes its sign.
    """
    for flow in view.flows:
        for node in flow.calls_given("recurrent_activation"):
            place = place_of(flow, node)
            given = place.layer.get("recurrent_activation")
            entry = entry_of("activation", word_of(given)) if given is not None else None
            name = entry.name if entry is not None else "linear" if given is None else ""
            if not name or name in GATES or "recurrent_activation" not in place.layer.row.by_name:
                continue
            yield Finding(
                place.span,
                f"the gates of {place.layer.title} use {name}, but a gate has to lie between 0 and 1: it is "
                "the share that is kept",
                label=f"{name} gates",
                help="leave recurrent_activation out, and it is sigmoid; activation= is for the new values",
                fixes=place.fix(
                    "leave recurrent_activation out",
                    partial(without, param="recurrent_activation", row=place.layer.row),
                ),
            )


@rule("ST649")
def softmax_inside(view: View) -> Iterator[Finding]:
    """Find a softmax as the activation of an LSTM or a GRU, whose gates come after it."""
    ends = {value.node for value in view.graph.outputs}
    for flow in view.flows:
        for node in flow.calls_given("activation"):
            place = place_of(flow, node)
            gated = "recurrent_activation" in place.layer.row.by_name
            if not gated or word_of(place.layer.get("activation")) != "softmax":
                continue
            plain = place.fix("leave softmax out", partial(with_word, old="softmax", new=None))
            fixes = plain
            if flow is view and node.index in ends and place.expr is not None and place.layer is node.layer:
                bare = with_word(place.expr, "softmax", None)
                dense = step(place.span, "dense", place.layer.get("units"), "softmax")
                edit = None if bare is None else view.edits.replace(node, bare, dense)
                fixes = (*fix_by("answer by a dense layer with softmax", edit), *plain)
            yield Finding(
                place.span,
                f"softmax inside {place.layer.row.name} gives no distribution: gates multiply what it gives, "
                "so the units do not add up to 1",
                label="softmax, then gates",
                help="answer by dense(...,softmax) behind it",
                fixes=fixes,
            )


@once
def _alike(view: View) -> dict[int, Node]:
    """Return the nodes whose steps are all the same, with the ``repeat`` that made them."""
    found: dict[int, Node] = {}
    for node in view.calls if view.calls_of("repeat") else ():
        if view.is_row(node, "repeat"):
            if node.layer is not None and node.layer.get("n") != 1:
                found[node.index] = node
            continue
        incoming = [None if value.extra else found.get(value.node) for value in node.inputs]
        known = [repeat for repeat in incoming if repeat is not None]
        passes = (
            merges(node)
            or joins_features(view, node)
            or (each_alone(view, node) and not view.is_row(node, "pos"))
        )
        if known and len(known) == len(incoming) and passes and len(view.output_of(node).shape) > 1:
            found[node.index] = known[0]
    return found


@rule("ST647")
def steps_all_alike(view: View) -> Iterator[Finding]:
    """Find an output whose steps are copies: nothing behind ``repeat`` tells one of them from another."""
    alike = _alike(view)
    for value in dict.fromkeys(view.graph.outputs):
        repeat = None if value.extra else alike.get(value.node)
        if repeat is None or repeat.layer is None:
            continue
        steps, width = view.output_of(repeat).shape
        lstm = step(repeat.span, "lstm", width, "seq")
        edit = view.edits.after(repeat, lstm) if isinstance(width, int) else None
        last = view.maker(value)
        yield Finding(
            repeat.span,
            f"all {steps} steps of the output are the same: nothing behind {repeat.layer.title} tells one "
            "step from another",
            label=f"makes {steps} copies",
            labels=(Label(last.span, "does the same to each"),) if last.span != repeat.span else (),
            help="put a recurrent layer with seq behind it, which goes on from step to step",
            fixes=fix_by("let a recurrent layer write the steps", edit),
        )


@rule("ST648")
def repeated_and_forgotten(view: View) -> Iterator[Finding]:
    """Find a vector that is repeated for a layer that hands on its last step only."""
    if view.training is not None and view.training.labels is not None:
        return
    alike = _alike(view)
    for node in view.recurrent if alike else ():
        repeat = None if node.inputs[0].extra else alike.get(node.inputs[0].node)
        if repeat is None or repeat.layer is None or node.layer is None or not forgets_steps(node):
            continue
        written = view.written(node)
        edit = None if written is None else Edit(node.span, print_expr(with_flag(written, "seq")))
        yield Finding(
            node.span,
            f"{node.layer.title} reads the {view.output_of(repeat).shape[0]} steps of {repeat.layer.title} "
            "and hands on the last one only",
            label="only its last step",
            labels=(Label(repeat.span, f"makes {view.output_of(repeat).shape[0]} steps"),),
            help="add seq, for an answer at each of them; for one answer leave repeat out",
            fixes=fix_by("add seq, to keep its steps", edit),
        )
