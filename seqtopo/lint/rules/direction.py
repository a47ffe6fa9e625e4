"""Check direction: which steps a step has read, in which order they stand, and whether it is shown its
answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Fix, Label, fix_by
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.receptive_fields import passes
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.steps import (
    Steps,
    in_place,
    inner,
    joins_features,
    looks_ahead,
    merges,
    step_by_step,
    steps,
)
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import with_flag, without

LAST, FIRST = "last", "first"


@rule("ST611")
def one_end_of_bidirectional(view: View) -> Iterator[Finding]:
    """Find the last step of a ``bi``: its backward half has read one step there."""
    for flow in view.flows:
        for node, reader, end in _ends(flow):
            if reader.callee.row.name != "bi":
                continue
            half, other = ("backward", "forward") if end == LAST else ("forward", "backward")
            title = inner(reader.callee).title
            yield Finding(
                node.span,
                f"{_named(view, node)} takes the {end} step of both directions, where the {half} "
                f"{inner(reader.callee).row.name} has read one step only",
                label=f"the {half} half has read one step here",
                labels=(Label(reader.span, f"reads both ways: bi({title})"),),
                notes=(
                    f"the {half} half reads from the {end} step on, so its summary of the whole sequence "
                    f"stands at the {'first' if end == LAST else 'last'} one",
                ),
                help=f"take the state in which each half ends: bi({title}) without seq joins the two"
                if end == LAST
                else f"bi({title}) without seq joins the last state of each half; the {other} half alone "
                "needs no bi",
                fixes=tuple(_both_ends(flow, node, reader)),
            )


@rule("ST612")
def least_read_step(view: View) -> Iterator[Finding]:
    """Find an output that is taken from the step at which a recurrent layer has read just one."""
    for flow in view.flows:
        for node, reader, end in _ends(flow):
            here = steps(flow)[node.inputs[0].node]
            fresh = LAST if here.flipped else FIRST
            if reader.callee.row.name == "bi" or end != fresh:
                continue
            backwards = reader.callee.get("go_backwards")
            full = "first" if here.flipped else "last"
            yield Finding(
                node.span,
                f"{_named(view, node)} takes the step at which {reader.callee.title} has read one step only",
                label="only one step has been read here",
                labels=(
                    Label(
                        reader.span,
                        "reads from the end, and gives what it read first as step 0"
                        if backwards and not here.flipped
                        else "reads from the end"
                        if backwards
                        else "reads from the start",
                    ),
                ),
                help=f"it has read them all at the {full} step: at({-1 if full == 'last' else 0}), "
                "or leave seq out",
                fixes=tuple(_other_end(flow, node, end)),
            )


@rule("ST613")
def orders_merged(view: View) -> Iterator[Finding]:
    """Find steps in reverse order that are merged with others in forward order."""
    for flow in view.flows:
        for node in flow.calls_with("merge", "join"):
            if not (merges(node) or joins_features(flow, node)):
                continue
            incoming = [None if v.extra else steps(flow).get(v.node) for v in node.inputs]
            sides = [s for s, t in zip(incoming, flow.inputs_of(node), strict=True) if s and t.shape[0] != 1]
            straight = {s.origin for s in sides if s.turned is None}
            side = next((s for s in sides if s.origin in straight and _by_reading(s)), None)
            if side is None or side.turned is None:
                continue
            turned = side.turned
            yield Finding(
                node.span,
                f"{_named(view, node)} pairs the first step of one value with the last of the other",
                label="merges steps of opposite order",
                labels=(Label(turned.span, "gives its last step first"),),
                notes=(
                    "a layer that goes backwards hands on its steps in the order in which it read them: "
                    "Keras turns them back inside bi(...) only",
                )
                if turned.layer is not None and turned.layer.row.recurrent
                else (),
                help="turn them back before merging: -> flip; or write both directions as one bi(...)",
                fixes=tuple(_flip(flow, side.reader or turned)),
            )


@rule("ST614")
def reversed_output(view: View) -> Iterator[Finding]:
    """Find an output whose steps are in reverse order, because a layer read backwards."""
    if not view.calls_given("go_backwards"):
        return
    for value in dict.fromkeys(view.graph.outputs):
        here = steps(view).get(value.node) if not value.extra else None
        if here is None or here.turned is None or view.graph.nodes[here.origin].layer is not None:
            continue
        turned = here.turned
        if turned.layer is None or not turned.layer.row.recurrent:
            continue
        last = view.maker(value)
        if last is turned:
            # A lone layer with back and seq, and nothing behind it: as plain as it can be said.
            continue
        yield Finding(
            turned.span,
            f"{turned.layer.title} goes backwards and gives its last step first, and so does the model",
            label="its steps come out last first",
            labels=(Label(last.span, "the output, in that order"),) if last.span != turned.span else (),
            help="turn them back with -> flip, or reverse the labels in the same way",
            fixes=tuple(_flip(view, turned)),
        )


def _by_reading(side: Steps) -> bool:
    """Return whether a layer has read the steps backwards, and left them so; a plain flip is meant so."""
    turned = side.turned
    return turned is not None and (side.reader is not None or not _is_flip(turned))


def _is_flip(node: Node) -> bool:
    return node.layer is not None and node.layer.row.name == "flip"


# ---- which step is taken -------------------------------------------------------------------------


def _ends(view: View) -> list[tuple[Node, Node, str]]:
    """Return the calls that keep only one end of a recurrent layer's output, with the layer and the end.

    Left out are those of a layer of which both ends are used, or half of the features.
    """
    found: list[tuple[Node, Node, str]] = []
    for node in view.calls_with("selection"):
        end = _end(view, node)
        here = steps(view).get(node.inputs[0].node) if end else None
        if here is not None and here.reader is not None:
            found.append((node, here.reader, end))
    both = {r.index for _, r, e in found if e == FIRST} & {r.index for _, r, e in found if e == LAST}
    return [
        (n, r, e)
        for n, r, e in found
        if r.index not in both and not _halved(view, n) and not _is_single_step(view, r)
    ]


def _is_single_step(view: View, reader: Node) -> bool:
    """Return whether there is one step only, which is the first and the last."""
    return view.output_of(reader).shape[0] == 1


def _end(view: View, node: Node) -> str:
    """Return the one step that a call keeps: ``first``, ``last``, or "" for another or for several."""
    passed = passes(view.graph, node)
    if passed is None or (passed.axis is not None and view.output_of(node).shape[:1] != (1,)):
        return ""
    step = passed.window.low.at(0)
    last = view.input_of(node).shape[0] - 1
    alone = passed.axis in (0, None) and passed.window.low == passed.window.high
    return (FIRST if step == 0 else LAST if step == last else "") if alone else ""


def _halved(view: View, node: Node) -> bool:
    """Return whether every user of a value takes some of its features: the half that has read all steps."""
    users = view.users(node)
    return bool(users) and all(
        view.has_role(user, "selection")
        and user.layer is not None
        and user.layer.get("axis") in (-1, len(view.output_of(node).shape))
        for user in users
    )


# ---- ways out ------------------------------------------------------------------------------------

_NEAR = 8
"""The maximum number of steps between two layers that a fix looks at."""


def _both_ends(view: View, node: Node, reader: Node) -> Iterator[Fix]:
    edits = view.edits
    whole = edits.written(reader)
    drop = edits.drop(node)
    if whole is not None and drop is not None and _is_only_step(view, reader, node):
        shorter = without(whole, "seq")
        if shorter != whole and reader.callee.get("backward_layer") is None:
            yield Fix(
                "leave seq out: bi joins the states in which both halves end",
                (view.rewrite(reader, shorter), drop),
            )
    merged = reader.callee.get("merge_mode") == "concat"
    if merged and len(view.output_of(reader).shape) == 2 and _same_width(view, node, reader):
        span = node.span
        half = tree.Arithmetic(span, tree.Wild(span), (("//", tree.Number(span, 2, "2")),))
        one = len(view.output_of(node).shape) == 1
        late, early = (
            (step(span, "at", -1), step(span, "at", 0))
            if one
            else (step(span, "last", 1), step(span, "first", 1))
        )
        forward = tree.Flow(span, (late, step(span, "first", half, "features")))
        backward = tree.Flow(span, (early, step(span, "last", half, "features")))
        edit = edits.replace(node, tree.List(span, (forward, backward)), step(span, "concat"))
        yield from fix_by("take each half where it has read every step", edit)


def _same_width(view: View, node: Node, reader: Node) -> bool:
    """Return whether the two halves are still side by side: nothing after the ``bi`` has mixed features."""
    for _ in range(_NEAR):
        node = view.maker(node.inputs[0])
        if node.index == reader.index:
            return True
        if not in_place(view, node):
            return False
    return False


def _is_only_step(view: View, reader: Node, node: Node) -> bool:
    """Return whether ``seq`` can go: only this one step is used, and no copy of the layer is elsewhere."""
    if len(view.output_of(node).shape) > 1:
        return False
    if view.copies(reader) != view.copies(node):
        return False
    here = reader
    for _ in range(_NEAR):
        if here.index == node.index:
            return True
        users = view.users(here)
        rank_free = here is reader or step_by_step(view, here)
        if len(users) != 1 or view.is_output(here) or not rank_free:
            return False
        here = users[0]
    return False


def _other_end(view: View, node: Node, end: str) -> Iterator[Fix]:
    index, one = (-1, "last") if end == FIRST else (0, "first")
    new = step(node.span, "at", index) if len(view.output_of(node).shape) == 1 else step(node.span, one, 1)
    yield from fix_by("take the step that has read them all", view.edits.replace(node, new))


def _flip(view: View, node: Node) -> Iterator[Fix]:
    yield from fix_by("turn its steps back into their order", view.edits.after(node, step(node.span, "flip")))


def _named(view: View, node: Node) -> str:
    return node.layer.title if node.layer is not None else "this"


_MANY_KINDS = 16
"""The least number of features that, equal to that of the classes, shows the two to be the same things."""


@rule("ST615")
def sees_the_future(view: View) -> Iterator[Finding]:
    """Find a layer that reads later steps in a model that seems to predict the next id at every step."""
    shares = [v for v in dict.fromkeys(view.graph.outputs) if not v.extra and _a_distribution(view, v)]
    origins = {index: here.origin for index, here in steps(view).items()} if shares else {}
    groups: dict[int, list[Value]] = {}
    for value in shares:
        if value.node in origins:
            groups.setdefault(origins[value.node], []).append(value)
    for index, values in groups.items():
        origin = view.graph.nodes[index]
        near = _in_step(view, values, index, origins)
        reasons = {value: _foretells(view, value, origin, near) for value in values}
        values = [value for value in values if reasons[value]]
        for node in _in_step(view, values, index, origins):
            if _looks_ahead(view, node, index, origins):
                yield _finding(view, node, values[0], reasons[values[0]])


def _finding(view: View, node: Node, value: Value, why: str) -> Finding:
    last = view.maker(value)
    return Finding(
        node.span,
        f"{node.callee.title} reads later steps, in what looks like a model that predicts the next step",
        label="every step sees those after it",
        labels=() if last.span == node.span else (Label(last.span, f"gives {view.tensor(value)}"),),
        notes=(
            why,
            "a model that is trained on the next id finds it in its input: the loss falls to nothing, "
            "and nothing is learned that helps to predict",
        ),
        help=f"{_advice(node)}; a model that tags, or fills in hidden ids, may read them: "
        "# seqtopo: ignore[ST615]",
        fixes=tuple(_fixes(view, node)),
    )


def _advice(node: Node) -> str:
    name = node.callee.row.name
    if name == "bi":
        return "read in one direction only"
    if node.callee.row.recurrent:
        return "read forwards only"
    return "let each step see only itself and the steps before it: causal"


def _fixes(view: View, node: Node) -> Iterator[Fix]:
    found = view.edits.written(node)
    if found is None:
        return
    if view.has_role(node, "attention"):
        yield Fix(
            "let each step see only itself and the steps before it",
            (view.rewrite(node, with_flag(found, "causal")),),
        )
    elif isinstance(node.callee.row.time, Slides):
        bare = without(found, "same")
        if bare != found:
            yield Fix("pad at the start only", (view.rewrite(node, with_flag(bare, "causal")),))
    elif view.is_row(node, "bi"):
        forward = _forward_alone(node.callee, found)
        if forward is not None:
            yield Fix("read forwards only, as wide as both halves", (view.rewrite(node, forward),))
    elif without(found, "back") != found and not any(view.is_row(u, "flip") for u in view.users(node)):
        yield Fix("read forwards", (view.rewrite(node, without(found, "back")),))


def _forward_alone(layer: Layer, found: tree.Expr) -> tree.Expr | None:
    """Return the layer inside a ``bi``, as wide as the ``bi``, with the states and mask it was given."""
    if not isinstance(found, tree.Call) or not found.args or layer.get("backward_layer") is not None:
        return None
    call = found.args[0].value
    if not isinstance(call, tree.Call) or not call.args:
        return None
    units, more = call.args[0], tuple(arg for arg in found.args[1:] if arg.name is not None)
    if any(arg.name.name not in ("init", "initial_state", "mask") for arg in more if arg.name is not None):
        return None
    if layer.get("merge_mode") == "concat":
        if units.name is not None or not isinstance(units.value, tree.Number):
            return None
        wide = int(units.value.value) * 2
        number = tree.Number(units.value.span, wide, str(wide))
        units = tree.Argument(units.span, None, number)
    return tree.Call(call.span, call.name, (units, *call.args[1:], *more))


def _a_distribution(view: View, value: Value) -> bool:
    """Return whether a value is a softmax over the last axis at every step, or the logits of one."""
    if len(view.tensor(value).shape) != 2:
        return False
    layer = view.maker(value).layer
    while layer is not None and layer.row.name == "td" and isinstance(layer.get("layer"), Layer):
        layer = layer.get("layer")
    if layer is None:
        return False
    if layer.row.name == "softmax":
        return layer.get("axis") in (-1, 2)
    if layer.row.name == "act":
        return bool(layer.get("activation") == "softmax")
    return layer.row.name in ("dense", "reversible_embedding") and layer.get("activation") in (
        None,
        "linear",
        "softmax",
    )


def _in_step(view: View, values: list[Value], origin: int, origins: dict[int, int]) -> list[Node]:
    """Return the nodes that outputs come from and whose steps are those of one input, in their order."""
    found: set[int] = set()
    todo = [value.node for value in values]
    while todo:
        here = todo.pop()
        if here not in found and origins.get(here) == origin:
            found.add(here)
            todo.extend(v.node for v in view.graph.nodes[here].inputs if not v.extra)
    return [view.graph.nodes[i] for i in sorted(found)]


def _foretells(view: View, value: Value, origin: Node, near: list[Node]) -> str:
    """Return why the output seems to predict the next input at every step; "" where it does not."""
    if origin.layer is not None:
        return ""
    width = view.tensor(value).shape[-1]
    incoming = view.output_of(origin)
    ids = incoming.dtype not in FLOATS
    tables = [n.layer for n in near if view.has_role(n, "embedding", "encoding") and n.layer is not None]
    if ids and len(incoming.shape) == 1:
        kinds: set[Size] = {t.get("input_dim") or t.get("n") for t in tables} | {origin.below or 0}
        if width in kinds:
            return f"ids below {width} come in, and a distribution over {width} leaves at every step"
    elif len(incoming.shape) == 2 and width == incoming.shape[-1] and _is_many(width):
        return f"vectors of {width} come in, and a distribution over {width} leaves at every step"
    started = next((n for n in near if n.tensors.get("initial_state")), None)
    if started is None or not (ids or _is_many(width)):
        return ""
    others = view.graph.sources(started.tensors["initial_state"])
    if others and origin.index not in others:
        return "it starts from the state of another sequence, as the decoder of a translation does"
    return ""


def _is_many(width: Size) -> bool:
    return not isinstance(width, int) or width >= _MANY_KINDS


def _looks_ahead(view: View, node: Node, origin: int, origins: dict[int, int]) -> bool:
    """Return whether a call mixes later steps of the input into earlier ones."""
    layer = node.layer
    if layer is None or not node.inputs or origins.get(node.inputs[0].node) != origin:
        return False
    if layer.row.role == "attention":
        if node.tensors.get("attention_mask"):
            return False
        place = min(1, len(node.inputs) - 1)
        value = node.inputs[place]
        same = not value.extra and origins.get(value.node) == origin
        return same and looks_ahead(view, node, place)
    slides = isinstance(layer.row.time, Slides) and layer.row.time.window == "kernel_size"
    if slides and layer.get("padding") != "same":
        # Without padding, each output step is aligned with the last step that it sees.
        return False
    return (slides or layer.row.recurrent) and looks_ahead(view, node)
