"""Check activations inside recurrent layers: gates out of range, and a softmax that is no distribution."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.diag.model import Fix
from seqtopo.layers.objects import entry_of
from seqtopo.lint.edits import step
from seqtopo.lint.places import place_of, with_word, without, word_of
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View

GATES = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
"""Activations with which a gate lets a share through."""


@rule("ST640")
def gates_out_of_range(view: View) -> Iterator[Finding]:
    """A ``recurrent_activation`` that gives numbers below 0 or above 1: what the gate multiplies grows or
    changes sign.
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
    """A softmax as the activation of an LSTM or a GRU, whose gates come after it."""
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
                if edit is not None:
                    fixes = (Fix("answer by a dense layer with softmax", (edit,)), *plain)
            yield Finding(
                place.span,
                f"softmax inside {place.layer.row.name} gives no distribution: gates multiply what it gives, "
                "so the units do not add up to 1",
                label="softmax, then gates",
                help="answer by dense(...,softmax) behind it",
                fixes=fixes,
            )
