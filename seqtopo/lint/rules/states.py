"""Check states: what stateful layers carry from batch to batch, and where that goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.lint.places import Place, back_over, place_of, with_argument, without
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


def _stateful(layer: Layer) -> bool:
    return bool(layer.row.recurrent and layer.get("stateful"))


def _recurrent(view: View) -> Iterator[tuple[Node, Place]]:
    """Each recurrent layer, with the one inside its wrapper; none where none of them is stateful."""
    for node in view.recurrent if view.calls_given("stateful") else ():
        yield node, place_of(view, node)


def _forgetful(place: Place) -> tuple[Fix, ...]:
    return place.fix("leave stateful out", partial(without, param="stateful", row=place.layer.row))


@rule("ST641")
def shuffled_states(view: View) -> Iterator[Finding]:
    """Stateful layers in a model that is trained: the order of its samples matters."""
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
    """A stateful layer that reads backwards: it goes on with a state from the wrong end."""
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
    """A stateful layer that is given a state at every call: what it kept is never used."""
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
    """A layer that forgets between batches, behind one that remembers."""
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
    """A fixed batch that nothing needs: the last, shorter batch of the data will not fit."""
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
    """One stateful layer that reads two sequences: each begins where the other has ended."""
    uses: dict[Layer, list[tuple[Node, Place]]] = {}
    for node, place in _recurrent(view):
        if _stateful(place.layer) and "initial_state" not in node.tensors:
            uses.setdefault(place.layer, []).append((node, place))
    for found in uses.values():
        if len(found) > 1:
            (_, place), *_ = found
            came = [view.maker(node.inputs[0]).span for node, _ in found]
            yield Finding(
                place.span,
                f"this stateful {place.layer.row.name} reads {len(found)} sequences, and begins each where "
                "the one before has ended",
                label="one state for all",
                labels=tuple(dict.fromkeys(Label(span, "is read by it") for span in came[:3])),
                help="make a macro of it (def), so that each use has a layer and a state of its own, or "
                "leave stateful out",
                fixes=_forgetful(place),
            )
