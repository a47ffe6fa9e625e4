"""Check masks: padded steps that are hidden from one layer, and seen by a later one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.graph.masks import Masked, Masks, heeds, mask_of
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.values import INTEGERS
from seqtopo.lint.edits import step
from seqtopo.lint.places import FURTHEST, back_over, place_of, with_argument, without
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@rule("ST631")
def mask_lost(view: View) -> Iterator[Finding]:
    """A mask that ends before the layers that would use it."""
    for flow in view.flows:
        masks = flow.masks
        ends: dict[int, tuple[Node, Masked, list[Node]]] = {}
        for index, came in masks.before.items():
            node = flow.graph.nodes[index]
            first = came[0] if came else None
            if first is not None and first.end is None and _mixes(flow, node):
                ends.setdefault(node.index, (node, first, []))
            if heeds(flow.graph, node):
                for mask in came:
                    if mask is not None and mask.end is not None:
                        _, _, readers = ends.setdefault(mask.end.index, (mask.end, mask, []))
                        readers.append(node)
        for node, mask, readers in ends.values():
            yield _lost(flow, node, mask, readers, masks)
        yield from _in_td(flow)


def _mixes(view: View, node: Node) -> bool:
    """Whether a call without a mask makes one number of several steps, the padded ones among them."""
    several = view.is_row(node, "flatten") or view.has_role(node, "convolution", "transposed", "pooling")
    return several and len(view.came(node).shape) == 2 and not heeds(view.graph, node)


def _lost(view: View, node: Node, mask: Masked, readers: list[Node], masks: Masks) -> Finding:
    assert node.layer is not None
    name = node.layer.row.name
    names = list(dict.fromkeys(r.layer.row.name for r in readers if r.layer is not None))
    mixes = _mixes(view, node)
    if view.has_role(node, "merge"):
        where = f"ends at {name}, since not every value that it merges has one"
    else:
        where = f"ends at {name}"
    who = " and ".join([*([name] if mixes and name != "flatten" else []), *names[:2]])
    what = f"{who} read{'s' * (' and ' not in who)} the padding as data" if who else "padding goes on as data"
    labels = [Label(mask.origin.span, "masks the padded steps")]
    labels += [Label(r.span, "sees them all") for r in readers[:2]]
    return Finding(
        node.span,
        f"the mask {where}: {what}",
        label="hands no mask on",
        labels=tuple(dict.fromkeys(labels)),
        help=_advice(node.layer.row, bool(readers)),
        fixes=tuple(_ways_to_keep(view, node, mask, readers, masks)),
    )


def _advice(row: Row, read: bool) -> str:
    if row.name == "flatten":
        return "make one vector of the steps by a layer that uses masks: lstm without seq, or gavgpool1d"
    if row.role == "merge":
        return "mask every value that is merged, or merge behind the layers that use the mask"
    return (
        "put it behind the layers that use the mask, or take it out"
        if read
        else ("take the mask out, or let a layer follow it that uses it, such as lstm or gavgpool1d")
    )


def _ways_to_keep(view: View, node: Node, mask: Masked, readers: list[Node], masks: Masks) -> Iterator[Fix]:
    if view.is_row(node, "flatten"):
        yield from _without_seq(view, node)
    if view.is_row(node, "flatten", "gmaxpool1d"):
        edit = view.edits.replace(node, step(node.span, "gavgpool1d"))
        if edit is not None:
            yield Fix("take the mean of the steps that are not padded", (edit,))
    elif readers and _straight(view, view.maker(node.inputs[0]), readers[0]):
        edit = view.edits.drop(node)
        if edit is not None and _mixes(view, node):
            assert readers[0].layer is not None
            title = f"take it out, so that the mask reaches {readers[0].layer.row.name}"
            yield Fix(title, (edit,))
    if mask.origin.index not in masks.heeded:
        edit = _unmasked(view, mask.origin)
        if edit is not None:
            yield Fix("leave the mask out: nothing uses it", (edit,))


def _straight(view: View, node: Node, reader: Node) -> bool:
    """Whether a value goes from one node to the other and nowhere else."""
    for _ in range(FURTHEST):
        users = view.users(node)
        if len(users) != 1 or view.is_output(node):
            return False
        if users[0] is reader:
            return True
        node = users[0]
    return False


def _without_seq(view: View, node: Node) -> Iterator[Fix]:
    """Fix a recurrent layer before a flatten: it gives its last step alone, and flatten is not needed."""
    here = back_over(view, node, each_alone)
    if here.layer is None or not here.layer.row.recurrent or not _straight(view, here, node):
        return
    place = place_of(view, here)
    last = None if place.expr is None else without(place.expr, "return_sequences", place.layer.row)
    drop = view.edits.drop(node)
    if last is not None and drop is not None and place.expr is not None:
        title = f"keep the last step of {place.layer.row.name} alone"
        yield Fix(title, (Edit(place.expr.span, print_expr(last)), drop))


def _unmasked(view: View, origin: Node) -> Edit | None:
    if view.is_row(origin, "mask"):
        return view.edits.drop(origin)
    place = place_of(view, origin)
    kept = None if place.expr is None else without(place.expr, "mask_zero", place.layer.row)
    return None if kept is None or place.expr is None else Edit(place.expr.span, print_expr(kept))


def _in_td(view: View) -> Iterator[Finding]:
    """Fix ``td(embed(...,mask))``: the mask is made inside, and td hands on values alone."""
    for node in view.calls_given("layer"):
        assert node.layer is not None
        inner = node.layer.get("layer")
        if not node.layer.row.steps or not isinstance(inner, Layer):
            continue
        if inner.row.name == "mask" or (inner.row.name == "embed" and inner.get("mask_zero")):
            place = place_of(view, node)
            plain = place.fix(
                "leave the mask out: nothing uses it", partial(without, param="mask_zero", row=inner.row)
            )
            yield Finding(
                place.span,
                f"the mask of {inner.row.name} ends where td does, and nothing inside uses it",
                label="its mask goes nowhere",
                help="put what uses it into the same td, as in td(embed(5000,64,mask) -> lstm(32))",
                fixes=plain,
            )


@rule("ST637")
def padding_not_masked(view: View) -> Iterator[Finding]:
    """Ids that are read step by step without a mask: padding, where there is any, is read as a word."""
    for flow in view.flows:
        masks = flow.masks
        for node in flow.recurrent if flow.calls_of("embed") else ():
            if node.layer is None or "mask" in node.tensors:
                continue
            if masks.before.get(node.index, (None,))[0] is not None:
                continue
            table = _table(flow, node)
            if table is None:
                continue
            place = place_of(flow, table)
            flag = tree.Name(place.span, "mask")
            yield Finding(
                place.span,
                f"padding, if there is any, is read by {node.layer.row.name} as if it were words",
                label="makes no mask",
                labels=(Label(node.span, "reads every step"),),
                help="write mask where the ids are padded with 0, and let the ids of words begin at 1",
                fixes=place.fix("mask the id 0", partial(with_argument, name=None, value=flag)),
            )


def _hands_mask_on(view: View, node: Node) -> bool:
    return each_alone(view, node) and mask_of(view.graph, node).gives == "first"


def _table(view: View, node: Node) -> Node | None:
    """The embedding of ids that a recurrent layer reads, with nothing between that changes the steps."""
    here = back_over(view, node, _hands_mask_on)
    if not view.is_row(here, "embed") or view.came(here).dtype not in INTEGERS:
        return None
    return here if view.maker(here.inputs[0]).layer is None else None


@rule("ST638")
def zero_may_be_data(view: View) -> Iterator[Finding]:
    """A single feature, masked where it is 0: a 0 that was measured is skipped as well."""
    for node in view.calls_of("mask"):
        assert node.layer is not None
        came = view.came(node)
        if node.layer.get("mask_value") == 0 and came.shape[-1:] == (1,):
            if view.maker(node.inputs[0]).layer is not None:
                continue
            yield Finding(
                node.span,
                "every step whose one feature is 0 is skipped, whether the 0 was measured or padded",
                label="skips each 0",
                help="pad with a number that is no measurement, such as -1, and mask that: mask(-1)",
                fixes=_other_padding(view, node),
            )


def _other_padding(view: View, node: Node) -> tuple[Fix, ...]:
    edit = view.edits.replace(node, step(node.span, "mask", -1))
    return () if edit is None else (Fix("mask -1, and pad the data with it", (edit,)),)
