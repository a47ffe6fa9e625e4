"""Check padded samples against a spec: padding must be masked, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from seqtopo.advice.verify_fixes import recheck, worth_trying
from seqtopo.data.array import Array, Padding
from seqtopo.data.padding import users
from seqtopo.data.samples import Side
from seqtopo.diag.model import Diagnostic, Fix, fix_by
from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.masks import makes
from seqtopo.graph.resolver import Resolved
from seqtopo.labels.check_labels import check_labels
from seqtopo.lint.edits import step
from seqtopo.lint.places import place_of, with_argument
from seqtopo.lint.rules.masks import mask_lost
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse


def padding_problems(
    resolved: Resolved,
    sides: Sequence[Side],
    y: Sequence[Array],
    weights: Sequence[Array],
    dims: Mapping[str, Any],
) -> Iterator[Diagnostic]:
    """Yield ST739 and ST740: padding that counts as data, and data that is masked as padding."""
    for side in sides:
        padding = side.array.padding
        if padding is None:
            continue
        masks = [node for node in users(resolved.graph, side.node) if makes(resolved.graph, node)]
        if masks and padding.equal:
            yield _hidden(resolved, side, padding, masks[0])
        elif not masks and padding.added and not _masked_otherwise(resolved.graph, side.node):
            yield _unmasked(resolved, side, padding, dims)
    yield from _labels(resolved, y, weights)


def _masked_otherwise(graph: Graph, source: Node) -> bool:
    """Return whether a layer behind an input makes a mask, or is given one."""
    reached = {source.index}
    for node in graph.nodes:
        if any(value.node in reached for value in node.needs):
            reached.add(node.index)
            if "mask" in node.tensors or makes(graph, node):
                return True
    return False


def _unmasked(resolved: Resolved, side: Side, padding: Padding, dims: Mapping[str, Any]) -> Diagnostic:
    share = padding.added / (padding.added + padding.steps)
    fixes = tuple(fix for fix in _ways_to_mask(resolved, side, padding) if _masks(fix, resolved, dims))
    return Diagnostic(
        "ST739",
        f"{side.array.name} is padded, {share:.0%} of its steps, and nothing masks the padding: it is read "
        "as data",
        side.node.span,
        label="its padding goes on as data",
        help=""
        if fixes
        else "let a layer that uses masks read the steps, such as a recurrent one, or gavgpool1d, and mask "
        "them: in(T,F) -> mask, or embed(...,mask)",
        notes=(f"the data holds the id 0 too, in {_share(padding)}: let its ids begin at 1",)
        if side.is_ids and padding.equal
        else (),
        fixes=fixes,
    )


def _ways_to_mask(resolved: Resolved, side: Side, padding: Padding) -> Iterator[Fix]:
    spec, _ = parse(resolved.source)
    if spec is None or not worth_trying(len(resolved.graph.nodes), resolved.source.text):
        return
    view = View(resolved, spec)
    for node in users(resolved.graph, side.node):
        if view.is_row(node, "embed"):
            place = place_of(view, node)
            flag = tree.Name(place.span, "mask")
            yield from place.fix("mask the id 0", partial(with_argument, name=None, value=flag))
            return
    if len(side.declared) == 2 and not side.is_ids:
        value = _free_value(padding) if padding.equal or side.declared[-1] == 1 else padding.value
        yield from fix_by("mask the padding", view.edits.after(side.node, _mask(side.node, value)))


def _mask(node: Node, value: float) -> tree.Expr:
    return step(node.span, "mask", *([int(value)] if value else []))


def _free_value(padding: Padding) -> float:
    """Return a whole number that is not in the data."""
    return -1 if padding.low > -1 else math.floor(padding.low) - 1


def _masks(fix: Fix, resolved: Resolved, dims: Mapping[str, Any]) -> bool:
    """Return whether a fixed spec has no errors, and no mask that ends before a layer that reads padding."""
    after = recheck(fix.apply(resolved.source.text), dims)
    if after.resolved is None or after.spec is None:
        return False
    if any(d.severity == "error" for d in check_labels(after.resolved)):
        return False
    return not any(mask_lost(View(after.resolved, after.spec)))


def _share(padding: Padding) -> str:
    return f"{padding.equal:,} of its {padding.steps:,} steps"


def _hidden(resolved: Resolved, side: Side, padding: Padding, mask: Node) -> Diagnostic:
    value = f"{padding.value:g}"
    many = _share(padding)
    if mask.callee.row.name == "embed":
        return side.problem(
            "ST740",
            f"{side.array.name} holds the id {value} in {many}, and {mask.callee.title} masks that id as "
            "padding",
            "its own steps are masked too",
            help="let the ids of the data begin at 1: add 1 to each, and give embed one row more",
        )
    free = _free_value(padding)
    spec, _ = parse(resolved.source)
    edit = View(resolved, spec).edits.replace(mask, _mask(mask, free)) if spec is not None else None
    title = f"pad with {free:g}, which is not a number of the data, and mask that"
    way = Fix(title, (edit,)) if edit is not None else None
    fixes = (way,) if way is not None and side.tried(way) else ()
    numbers = "" if side.declared[-1] == 1 else " throughout"
    return side.problem(
        "ST740",
        f"{side.array.name} is {value}{numbers} in {many}, and {mask.callee.title} masks such steps as "
        "padding",
        "its own steps are masked too",
        help="" if fixes else f"mask a number that the data does not hold, mask({free:g}), and pad with it",
        fixes=fixes,
    )


def _labels(resolved: Resolved, y: Sequence[Array], weights: Sequence[Array]) -> Iterator[Diagnostic]:
    """Yield ST739 for labels whose padding enters the loss, since no mask reaches the output."""
    spec, _ = parse(resolved.source)
    if weights or spec is None or all(array.padding is None for array in y):
        return
    after = View(resolved, spec).masks.after
    for array, value in zip(y, resolved.graph.outputs, strict=False):
        mask = after.get(value.node)
        if array.padding is None or not array.padding.added or (mask is not None and mask.end is None):
            continue
        node, tensor = resolved.graph.nodes[value.node], resolved.graph.tensor(value)
        if tensor is None or len(tensor.shape) < 2:
            continue
        yield Diagnostic(
            "ST739",
            f"{array.name} is padded, and no mask reaches this output: the loss counts the padding too",
            node.span,
            label=f"is compared with {array.name}",
            help="mask the input's padding and let each layer up to here hand the mask on, or give the "
            "padded steps weights of 0: sample_weight",
        )
