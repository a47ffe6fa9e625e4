"""Find steps that have no effect, and steps that let nothing through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.graph.symbols import ungrouped
from seqtopo.layers.row import Role
from seqtopo.layers.values import Object
from seqtopo.lint.head import activation_of
from seqtopo.lint.places import place_of, without
from seqtopo.lint.view import Finding, View, rule
from seqtopo.source import Span
from seqtopo.syntax import tree

_AXES = ("time", "features", "true", "false", "none")
_MERGE: tuple[Role, ...] = ("merge", "join")
_BY_SIZE: tuple[Role, ...] = (*_MERGE, "cast", "shape", "selection")
"""Roles of layers that may do something for inputs of another size or number."""
_MAY_BE_IDLE: tuple[Role, ...] = (*_BY_SIZE, "scaling", "padding", "upsampling", "activation")
_RELUS = ("relu", "relu6")


def _steps(
    view: View, calls: Callable[[View], Iterable[Node]], idle: Callable[[View, Node], bool]
) -> Iterator[tuple[View, Node]]:
    """Yield the steps of some calls that do nothing in any of their uses, and whose text alone says so.

    Where a size has a name, the step may do something in another binding.
    """
    seen = {n.span for flow in view.flows for n in calls(flow) if idle(flow, n)}
    found: dict[Span, list[tuple[View, Node]]] = {}
    for flow in view.flows if seen else ():
        for node in flow.graph.nodes:
            if node.span in seen and node.layer is not None and node.outputs is not None:
                found.setdefault(node.span, []).append((flow, node))
    for uses in found.values():
        if all(idle(flow, node) for flow, node in uses) and _is_plain(*uses[0]):
            yield uses[0]


def _is_plain(view: View, node: Node) -> bool:
    """Return whether the text has the layer itself, with arguments that are no bound names."""
    place = place_of(view, node)
    if place.expr is None or place.layer is not node.callee:
        return False
    todo: list[tree.Expr] = [a.value for a in place.expr.args] if isinstance(place.expr, tree.Call) else []
    flags = node.callee.row.flags
    while todo:
        here = todo.pop()
        if isinstance(here, tree.Name):
            if here.name not in _AXES and here.name not in flags and activation_of(node.callee) == "":
                return False
        elif isinstance(here, (tree.Tuple, tree.List)):
            todo.extend(here.items)
        elif isinstance(here, (tree.Group, tree.Negative)):
            todo.append(here.body)
        elif isinstance(here, tree.Arithmetic):
            todo.append(here.first)
            todo.extend(operand for _, operand in here.rest)
    return True


def _left_out(view: View, node: Node, safe: bool = False) -> tuple[Fix, ...]:
    # If `as` names the step, the fix would leave the name on an `id`, which a person should decide.
    edit = view.edits.drop(node)
    return fix_by("leave it out", edit, safe=safe and edit is not None and not edit.text)


@rule("ST661")
def flatten_of_a_vector(view: View) -> Iterator[Finding]:
    """Find a flatten of a vector, which is flat already."""

    def idle(flow: View, node: Node) -> bool:
        return flow.is_row(node, "flatten") and len(flow.input_of(node).shape) == 1

    for flow, node in _steps(view, lambda flow: flow.calls_of("flatten"), idle):
        yield Finding(
            node.span,
            f"flatten does nothing here: what comes in is a vector already, {flow.input_of(node)}",
            label="no effect",
            help="leave it out",
            fixes=_left_out(flow, node, safe=True),
        )


@rule("ST662")
def step_without_effect(view: View) -> Iterator[Finding]:
    """Find a step that hands on its input unchanged."""
    for flow, node in _steps(view, lambda f: f.calls_with(*_MAY_BE_IDLE), lambda f, n: bool(_why_idle(f, n))):
        yield Finding(
            node.span,
            f"{_written_name(flow, node)} does nothing here: {_why_idle(flow, node)}",
            label="no effect",
            help="leave it out",
            fixes=_left_out(flow, node, safe=not _by_size(flow, node)),
        )


@rule("ST684")
def row_before_merge(view: View) -> Iterator[Finding]:
    """Find a merge of what a ``for`` gives outside a list: a row, and so one value."""
    for flow, node in _steps(view, lambda f: f.calls_with(*_MERGE), _merges_one):
        written = flow.edits.before_it(node)
        row = ungrouped(written) if written is not None else None
        if written is None or not isinstance(row, tree.For) or _turns(row) < 2:
            continue
        end = written.span.end
        taken = int(written is not row)
        wrapped = (
            Edit(Span(written.span.start, written.span.start + taken), "["),
            Edit(Span(end - taken, end), "]"),
        )
        yield Finding(
            node.span,
            f"{_written_name(flow, node)} is given one value: outside a list a 'for' makes a row, in which "
            "each step takes what the one before it gives",
            label="nothing to merge",
            labels=(Label(row.span, "a row"),),
            help="put it in square brackets for branches side by side, or take the merge out",
            fixes=(Fix("make branches of it", wrapped),),
        )


def _by_size(view: View, node: Node) -> bool:
    # Only arguments say the order of axes and the steps that are cut off.
    return view.has_role(node, *_BY_SIZE) and not view.is_row(node, "permute", "crop")


def _merges_one(view: View, node: Node) -> bool:
    alone = len(node.inputs) == 1 and not node.callee.counts_with_numbers
    return alone and node.callee.get("axis") in (None, -1)


def _turns(row: tree.For) -> int:
    """Return the number of turns of a loop as the text says it; 2 where a name stands for its values."""
    values = ungrouped(row.values)
    return len(values.items) if isinstance(values, (tree.List, tree.Tuple)) else 2


def _written_name(view: View, node: Node) -> str:
    """Return the name that a step calls, as it is written."""
    step = view.written(node)
    name = step.name if isinstance(step, tree.Call) else step
    return name.name if isinstance(name, tree.Name) else "the step"


def _why_idle(view: View, node: Node) -> str:
    """Return why a step only hands on its input; "" where it does something."""
    layer = node.layer
    if layer is None or node.inputs[0].extra:
        return ""
    name, incoming = layer.row.name, view.inputs_of(node)
    before, after = incoming[0], view.output_of(node)
    if view.has_role(node, *_MERGE) and len(incoming) == 1:
        reduces = layer.get("axis") is not None and layer.row.picks
        if reduces or layer.counts_with_numbers or before != after:
            return ""
        # A name, or an item of a list, may stand for several values, one for each turn of a loop.
        written = view.edits.before_it(node)
        loops = isinstance(written, tree.List) and any(map(_is_loop, tree.every(written)))
        named = written is None or isinstance(ungrouped(written), (tree.Name, tree.As, tree.For))
        return "" if named or loops else "it is given one value, and there is nothing to merge"
    if before.shape != after.shape or len(incoming) > 1:
        return ""
    if name == "reshape":
        return f"what comes in has that shape already, {before}"
    if name == "permute" and tuple(layer.get("dims")) == tuple(range(1, len(before.shape) + 1)):
        return "it leaves every axis where it is"
    if name == "cast" and before.dtype == after.dtype:
        return f"what comes in is {before.dtype} already"
    if name in ("scale", "shift"):
        same = layer.get("factor") == 1 if name == "scale" else layer.get("amount") == 0
        return "every number stays as it is" if same else ""
    if name in ("pad", "crop") and layer.get("before") == layer.get("after") == 0:
        return "no step comes or goes"
    if name in ("last", "first") and isinstance(layer.get("n"), int) and layer.get("n") in before.shape:
        return f"all of {before} stays"
    if name == "upsample1d" and layer.get("size") == 1:
        return "each step stays one"
    return _relu_again(view, node)


def _is_loop(node: tree.Node) -> bool:
    return isinstance(node, tree.Branches)


def _relu_again(view: View, node: Node) -> str:
    place = place_of(view, node)
    before = view.maker(node.inputs[0])
    plain = place.layer.row.name == "act" or not place.layer.args
    if activation_of(place.layer) != "relu" or before.layer is None or not plain:
        return ""
    first = place_of(view, before).layer
    if isinstance(first.get("activation"), Object) or activation_of(first) not in _RELUS:
        return ""
    return (
        ""
        if first.row.recurrent or first.args.get("negative_slope")
        else "what comes in has no number below 0"
    )


@rule("ST663")
def placeholder(view: View) -> Iterator[Finding]:
    """Find a dropout of nothing, or the activation that leaves every number as it is."""
    for flow, node in _steps(view, lambda f: f.calls_with("activation", "noise"), _is_placeholder):
        linear = flow.is_row(node, "act")
        yield Finding(
            node.span,
            "linear leaves every number as it is"
            if linear
            else f"{_written_name(flow, node)} with the rate 0 drops nothing",
            label="no effect",
            help="leave it out, unless it says that no activation is meant"
            if linear
            else "leave it out, or give it a rate such as 0.2",
            fixes=_left_out(flow, node),
        )


def _is_placeholder(view: View, node: Node) -> bool:
    if view.is_row(node, "act"):
        return activation_of(node.callee) == "linear"
    return "rate" in node.callee.row.by_name and node.callee.get("rate") == 0


@rule("ST686")
def everything_dropped(view: View) -> Iterator[Finding]:
    """Find a dropout with the rate 1: while the model trains, nothing is left."""
    for flow in view.flows:
        for node in flow.calls_given("rate", "dropout", "recurrent_dropout"):
            place = place_of(flow, node)
            layer = place.layer
            names = ["rate"] if layer.row.role == "noise" else []
            if layer.row.recurrent or layer.row.role == "attention":
                names = ["dropout", "recurrent_dropout"]
            for name in names:
                if name not in layer.args or layer.get(name) != 1:
                    continue
                step, rate = name == "rate", "the rate" if name == "rate" else name
                bare = place.fix(f"leave {name} out", partial(without, param=name, row=layer.row))
                yield Finding(
                    place.span,
                    f"{layer.row.name} with {rate} 1 drops everything while the model "
                    f"trains, so that {_DROPPED[name]}",
                    label="nothing is left",
                    notes=("the rate is the share that is dropped, not the share that is kept",),
                    help=f"{'leave it out' if step else f'leave {name} out'}, or give a rate such as 0.2",
                    fixes=bare if not step else _left_out(flow, node) if layer is node.layer else (),
                )


_DROPPED = {
    "rate": "what comes before it learns nothing",
    "dropout": "the layer sees nothing of what comes in",
    "recurrent_dropout": "no step sees the state of the one before it",
}
