"""Check repeated vectors: steps that stay alike, and steps that are dropped again."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.failure_site import forgets_steps
from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone, joins_features, merges
from seqtopo.lint.view import View, once
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import with_flag


@once
def _alike(view: View) -> dict[int, Node]:
    """The nodes whose steps are all the same, with the ``repeat`` that made them."""
    found: dict[int, Node] = {}
    for node in view.calls if view.calls_of("repeat") else ():
        if view.is_row(node, "repeat"):
            if node.layer is not None and node.layer.get("n") != 1:
                found[node.index] = node
            continue
        came = [None if value.extra else found.get(value.node) for value in node.inputs]
        known = [repeat for repeat in came if repeat is not None]
        passes = (
            merges(node)
            or joins_features(view, node)
            or (each_alone(view, node) and not view.is_row(node, "pos"))
        )
        if known and len(known) == len(came) and passes and len(view.out(node).shape) > 1:
            found[node.index] = known[0]
    return found


@rule("ST647")
def steps_all_alike(view: View) -> Iterator[Finding]:
    """An output whose steps are copies: nothing behind ``repeat`` tells one of them from another."""
    alike = _alike(view)
    for value in dict.fromkeys(view.graph.outputs):
        repeat = None if value.extra else alike.get(value.node)
        if repeat is None or repeat.layer is None:
            continue
        steps, width = view.out(repeat).shape
        edit = (
            view.edits.after(repeat, step(repeat.span, "lstm", width, "seq"))
            if isinstance(width, int)
            else None
        )
        last = view.maker(value)
        yield Finding(
            repeat.span,
            f"all {steps} steps of the output are the same: nothing behind {repeat.layer.title} tells one "
            "step from another",
            label=f"makes {steps} copies",
            labels=(Label(last.span, "does the same to each"),) if last.span != repeat.span else (),
            help="put a recurrent layer with seq behind it, which goes on from step to step",
            fixes=() if edit is None else (Fix("let a recurrent layer write the steps", (edit,)),),
        )


@rule("ST648")
def repeated_and_forgotten(view: View) -> Iterator[Finding]:
    """A vector that is repeated for a layer that hands on its last step only."""
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
            f"{node.layer.title} reads the {view.out(repeat).shape[0]} steps of {repeat.layer.title} and "
            "hands on the last one only",
            label="only its last step",
            labels=(Label(repeat.span, f"makes {view.out(repeat).shape[0]} steps"),),
            help="add seq, for an answer at each of them; for one answer leave repeat out",
            fixes=() if edit is None else (Fix("add seq, to keep its steps", (edit,)),),
        )
