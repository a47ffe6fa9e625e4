"""Find what keeps a model from learning: rates that vanish, penalties that win, units that stay alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import entry_of
from seqtopo.layers.values import Object, show
from seqtopo.lint.head import activation_of, argument
from seqtopo.lint.places import Place, back_over, place_of, with_word, without, word_of
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree

_EARLY = 100
"""Batches after which a learning rate should not be gone."""
_LEFT = 0.05
"""The part of a learning rate that counts as gone."""
_SHORTEST = 50
"""Batches that the shortest schedule takes that is not counted in epochs by mistake."""
_ZEROED = ("cosine_decay", "polynomial_decay")
"""Schedules that end near 0 after their number of steps."""


@rule("ST681")
def rate_gone_early(view: View) -> Iterator[Finding]:
    """Find a schedule that counts batches, and is given so few that the learning rate is gone at once."""
    optimizer, written = _optimizer(view)
    rate = optimizer.kwargs.get("learning_rate") if isinstance(optimizer, Object) else None
    entry = entry_of("schedule", rate.name) if isinstance(rate, Object) else None
    if not isinstance(rate, Object) or entry is None or not _is_gone(entry.name, rate.kwargs):
        return
    schedule = _argument_of(entry_of("optimizer", word_of(optimizer)), written, "learning_rate")
    steps = _argument_of(entry, schedule, "decay_steps")
    place = steps or schedule or written
    if place is None:
        return
    count = show(rate.kwargs["decay_steps"])
    fixes = (
        (Fix("count batches: 1000", (Edit(steps.span, "1000"),)),) if isinstance(steps, tree.Number) else ()
    )
    yield Finding(
        place.span,
        f"the learning rate is gone after the first {_EARLY} batches: decay_steps={count} counts batches, "
        "not epochs",
        label="is counted in batches",
        notes=("an epoch has as many batches as there are samples, divided by batch_size",),
        help="" if fixes else "give it the number of batches",
        fixes=fixes,
    )


def _optimizer(view: View) -> tuple[Any, tree.Expr | None]:
    """Return the optimizer of the train statement and its text; None where there is none."""
    if view.training is None:
        return None, None
    return view.training.optimizer, argument(view.spec, "optimizer") or argument(view.spec, "")


def _is_gone(schedule: str, given: Mapping[str, Any]) -> bool:
    """Return whether a schedule leaves next to nothing of its rate after the first batches."""
    steps, first = given.get("decay_steps"), given.get("initial_learning_rate")
    if not isinstance(steps, (int, float)) or not isinstance(first, (int, float)) or first <= 0 or steps <= 0:
        return False
    if schedule == "exponential_decay":
        decay = given.get("decay_rate", 1.0)
        return isinstance(decay, (int, float)) and 0 <= decay < 1 and decay ** (_EARLY / steps) < _LEFT
    warm = given.get("warmup_steps") or 0
    end = given.get("end_learning_rate", 1e-4) if schedule == "polynomial_decay" else given.get("alpha", 0.0)
    share = end / first if schedule == "polynomial_decay" else end
    return schedule in _ZEROED and steps + warm < _SHORTEST and share <= 2 * _LEFT and not given.get("cycle")


def _argument_of(entry: Entry | None, call: tree.Expr | None, name: str) -> tree.Expr | None:
    """Return the text of an argument of an object, by its name or its place."""
    if entry is None or not isinstance(call, tree.Call):
        return None
    names = [part.name for part in entry.parts]
    for i, arg in enumerate(call.args):
        if (arg.name.name if arg.name is not None else names[i] if i < len(names) else "") == name:
            return arg.value
    return None


_PENALTIES = ("l1", "l2", "l1_l2")
_PENALIZED = tuple(f"{of}_regularizer" for of in ("kernel", "recurrent", "bias", "embeddings", "pointwise"))


@rule("ST682")
def penalty_too_large(view: View) -> Iterator[Finding]:
    """Find a penalty on weights, or a decay of them, that outweighs any loss."""
    optimizer, text = _optimizer(view)
    decay = optimizer.kwargs.get("weight_decay") if isinstance(optimizer, Object) else None
    if isinstance(decay, (int, float)) and decay >= 1:
        at = _argument_of(entry_of("optimizer", word_of(optimizer)), text, "weight_decay")
        if at is not None:
            yield _too_large(
                at,
                f"weight_decay={show(decay)} takes that many learning rates off each weight at every step",
                "0.01",
            )
    for node in view.calls_given(*_PENALIZED):
        place = place_of(view, node)
        for name in _PENALIZED:
            value = place.layer.args.get(name)
            entry = entry_of("regularizer", word_of(value))
            if not isinstance(value, Object) or entry is None or entry.name not in _PENALTIES:
                continue
            written = place.expr.named(name) if isinstance(place.expr, tree.Call) else None
            for part, factor in value.kwargs.items():
                at = _argument_of(entry, written, part)
                if at is not None and isinstance(factor, (int, float)) and factor >= 1:
                    of = "squares" if part == "l2" else "sizes"
                    yield _too_large(
                        at,
                        f"{part} adds {show(factor)} times the weights' {of} to the loss, which it outweighs",
                        "1e-4",
                    )


def _too_large(at: tree.Expr, message: str, usual: str) -> Finding:
    return Finding(
        at.span,
        message,
        label="draws the weights to 0",
        help="" if isinstance(at, tree.Number) else f"take a number such as {usual}",
        fixes=(Fix(f"take a number such as {usual}", (Edit(at.span, usual),)),)
        if isinstance(at, tree.Number)
        else (),
    )


# ---- layers that cannot learn what they are there for -----------------------------------------------------


@rule("ST695")
def softmax_between_dense(view: View) -> Iterator[Finding]:
    """Find a softmax in a dense layer whose shares only another dense layer reads."""
    for flow in view.flows:
        for node in flow.calls_of("dense"):
            first = _only_giver(flow, node, "dense")
            if first is None or activation_of(first.callee) != "softmax":
                continue
            place = place_of(flow, first)
            if flow.output_of(first).shape[-1:] == (1,):
                continue  # ST621
            yield Finding(
                place.span,
                f"softmax in {place.layer.title} lets its units share 1.0 between them, and "
                f"{node.callee.title} reads them",
                label="adds up to 1.0",
                labels=(Label(node.span, "reads the shares"),),
                notes=("one unit can grow only where others shrink, and the gradients are small",),
                help="" if place.expr is not None else "use relu or tanh between layers",
                fixes=place.fix("use relu between layers", lambda e: with_word(e, "softmax", "relu")),
            )


def _only_giver(view: View, node: Node, row: str) -> Node | None:
    """Return the layer of a row whose values only this call takes, besides noise; None for any other."""
    if len(node.inputs) != 1 or node.inputs[0].extra:
        return None
    before = back_over(view, node, _is_noise)
    here = node
    while here is not before:
        here = view.maker(here.inputs[0])
        if len(view.users(here)) != 1 or view.is_output(here):
            return None
    return before if before.layer is not None and before.layer.row.name == row else None


def _is_noise(view: View, node: Node) -> bool:
    return node.layer is not None and node.layer.row.role in ("noise", "identity", "penalty")


_ALIKE = ("zeros", "ones", "constant")
# Not a fact about layers: those whose units have nothing but their weights to tell them apart.
_KERNELS = ("dense", "conv1d", "conv2d", "conv3d")


@rule("ST696")
def units_alike(view: View) -> Iterator[Finding]:
    """Find hidden units that begin with the same weights, so that they get the same gradients."""
    for node in view.calls_given("kernel_initializer"):
        place = place_of(view, node)
        entry = entry_of("initializer", word_of(place.layer.get("kernel_initializer")))
        row, width = place.layer.row.name, place.layer.get(place.layer.row.positional[0].rstrip("*"))
        if row not in _KERNELS or entry is None or entry.name not in _ALIKE or width == 1:
            continue
        if place.layer.get("trainable") is False or view.is_output(node):
            continue
        reader = _reader(view, node)
        if reader is None:
            continue
        stuck = entry.name == "zeros"
        yield Finding(
            place.span,
            f"all units of {place.layer.title} begin with the same weights, get the same gradients and stay "
            "alike: they are one unit",
            label=f"begins with {entry.name}",
            labels=(Label(reader.span, "takes the same number from each of them"),),
            notes=("with relu, a kernel of zeros gets no gradient at all",) if stuck else (),
            help="" if place.expr is not None else "leave the initializer to Keras",
            fixes=place.fix("leave the kernel's initializer to Keras", _without_initializer(place)),
        )


def _without_initializer(place: Place) -> Any:
    return lambda expr: without(expr, "kernel_initializer", place.layer.row)


def _reader(view: View, node: Node) -> Node | None:
    """Return the layer with weights of its own that alone reads a call's values, in place of others."""
    here = node
    for _ in range(20):
        users = view.users(here)
        if len(users) != 1 or view.is_output(here) or users[0].layer is None or len(users[0].inputs) != 1:
            return None
        here = users[0]
        if here.callee.row.name in _KERNELS:
            return here if here.callee.get("kernel_initializer") is not None else None
        if not (_is_noise(view, here) or here.callee.row.role == "activation"):
            return None
    return None
