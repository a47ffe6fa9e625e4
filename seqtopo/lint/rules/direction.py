"""Check direction: which steps a step has read, and in which order the steps stand."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.graph.seen import passes
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import Steps, in_place, inner, joins_features, merges, step_by_step, steps
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import without

LAST, FIRST = "last", "first"


@rule("ST611")
def one_end_of_bidirectional(view: View) -> Iterator[Finding]:
    """The last step of a ``bi``: its backward half has read one step there."""
    for flow in view.flows:
        for node, reader, end in _ends(flow):
            assert reader.layer is not None
            if reader.layer.row.name != "bi":
                continue
            half, other = ("backward", "forward") if end == LAST else ("forward", "backward")
            title = inner(reader.layer).title
            yield Finding(
                node.span,
                f"{_named(view, node)} takes the {end} step of both directions, where the {half} "
                f"{inner(reader.layer).row.name} has read one step only",
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
    """The step at which a recurrent layer has read just one, taken for its summary."""
    for flow in view.flows:
        for node, reader, end in _ends(flow):
            assert reader.layer is not None
            here = steps(flow)[node.inputs[0].node]
            fresh = LAST if here.flipped else FIRST
            if reader.layer.row.name == "bi" or end != fresh:
                continue
            backwards = reader.layer.get("go_backwards")
            full = "first" if here.flipped else "last"
            yield Finding(
                node.span,
                f"{_named(view, node)} takes the step at which {reader.layer.title} has read one step only",
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
    """Steps that stand last first, merged with others that stand first to last."""
    for flow in view.flows:
        for node in flow.calls_with("merge", "join"):
            if not (merges(node) or joins_features(flow, node)):
                continue
            came = [None if v.extra else steps(flow).get(v.node) for v in node.inputs]
            sides = [s for s, t in zip(came, flow.into(node), strict=True) if s and t.shape[0] != 1]
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
    """An output whose steps stand last first, because a layer went backwards."""
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
    """Whether steps stand last first since a layer read them so; a lone flip is meant as it is."""
    turned = side.turned
    return turned is not None and (side.reader is not None or not _is_flip(turned))


def _is_flip(node: Node) -> bool:
    return node.layer is not None and node.layer.row.name == "flip"


# ---- which step is taken -------------------------------------------------------------------------


def _ends(view: View) -> list[tuple[Node, Node, str]]:
    """Calls that keep just one end of what a recurrent layer gives, with the layer and the end; not
    where both ends are taken, and not where a half of the features is.
    """
    found: list[tuple[Node, Node, str]] = []
    for node in view.calls_with("selection"):
        end = _end(view, node)
        here = steps(view).get(node.inputs[0].node) if end else None
        if here is not None and here.reader is not None:
            found.append((node, here.reader, end))
    both = {r.index for _, r, e in found if e == FIRST} & {r.index for _, r, e in found if e == LAST}
    return [
        (n, r, e) for n, r, e in found if r.index not in both and not _halved(view, n) and not _short(view, r)
    ]


def _short(view: View, reader: Node) -> bool:
    """One step is its first and its last."""
    return view.out(reader).shape[0] == 1


def _end(view: View, node: Node) -> str:
    """Which one step a call keeps: ``first``, ``last``, or "" for another or for several."""
    passed = passes(view.graph, node)
    if passed is None or (passed.axis is not None and view.out(node).shape[:1] != (1,)):
        return ""
    step = passed.window.low.at(0)
    last = view.came(node).shape[0] - 1
    alone = passed.axis in (0, None) and passed.window.low == passed.window.high
    return (FIRST if step == 0 else LAST if step == last else "") if alone else ""


def _halved(view: View, node: Node) -> bool:
    """Whether whoever takes a value takes some of its features: the half that has read them all."""
    users = view.users(node)
    return bool(users) and all(
        view.has_role(user, "selection")
        and user.layer is not None
        and user.layer.get("axis") in (-1, len(view.out(node).shape))
        for user in users
    )


# ---- ways out ------------------------------------------------------------------------------------

_NEAR = 8
"""So many steps may stand between two layers for a fix to look at them all."""


def _both_ends(view: View, node: Node, reader: Node) -> Iterator[Fix]:
    edits = view.edits
    assert reader.layer is not None
    whole = edits.written(reader)
    drop = edits.drop(node)
    if whole is not None and drop is not None and _only(view, reader, node):
        shorter = without(whole, "seq")
        if shorter != whole and reader.layer.get("backward_layer") is None:
            yield Fix(
                "leave seq out: bi joins the states in which both halves end",
                (view.rewrite(reader, shorter), drop),
            )
    merged = reader.layer.get("merge_mode") == "concat"
    if merged and len(view.out(reader).shape) == 2 and _same_width(view, node, reader):
        span = node.span
        half = tree.Arithmetic(span, tree.Wild(span), (("//", tree.Number(span, 2, "2")),))
        one = len(view.out(node).shape) == 1
        late, early = (
            (step(span, "at", -1), step(span, "at", 0))
            if one
            else (step(span, "last", 1), step(span, "first", 1))
        )
        forward = tree.Flow(span, (late, step(span, "first", half, "features")))
        backward = tree.Flow(span, (early, step(span, "last", half, "features")))
        edit = edits.replace(node, tree.List(span, (forward, backward)), step(span, "concat"))
        if edit is not None:
            yield Fix("take each half where it has read every step", (edit,))


def _same_width(view: View, node: Node, reader: Node) -> bool:
    """Whether the two halves still stand side by side: nothing after the ``bi`` has mixed features."""
    for _ in range(_NEAR):
        node = view.maker(node.inputs[0])
        if node.index == reader.index:
            return True
        if not in_place(view, node):
            return False
    return False


def _only(view: View, reader: Node, node: Node) -> bool:
    """Whether ``seq`` can go: nothing but this one step is used, and no copy of the layer is elsewhere."""
    if len(view.out(node).shape) > 1:
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
    new = step(node.span, "at", index) if len(view.out(node).shape) == 1 else step(node.span, one, 1)
    edit = view.edits.replace(node, new)
    if edit is not None:
        yield Fix("take the step that has read them all", (edit,))


def _flip(view: View, node: Node) -> Iterator[Fix]:
    edit = view.edits.after(node, step(node.span, "flip"))
    if edit is not None:
        yield Fix("turn its steps back into their order", (edit,))


def _named(view: View, node: Node) -> str:
    return node.layer.title if node.layer is not None else "this"
