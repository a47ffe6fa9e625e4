"""Axes: numbers that a reshape puts into other steps, and sizes of 1 that a merge stretches."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Fix, Label
from seqtopo.ir.graph import Node
from seqtopo.layers.sizes import Shape, Size, is_open, product, show_shape
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone
from seqtopo.lint.view import View
from seqtopo.syntax import tree


@rule("ST605")
def reshape_for_permute(view: View) -> Iterator[Finding]:
    """A reshape that gives the axes in another order: the numbers stay where they are."""
    for flow in view.flows:
        for node in flow.calls_of("reshape"):
            if _calculated(flow, node):
                continue
            before, after = flow.came(node).shape, flow.out(node).shape
            order = _turned(before, after)
            if order is None:
                continue
            yield Finding(
                node.span,
                f"reshape does not turn axes: it reads the numbers of {show_shape(before)} row by row and "
                f"cuts them anew",
                label=f"mixes the steps of {show_shape(before)}",
                labels=(Label(flow.maker(node.inputs[0]).span, f"gives {show_shape(before)}"),),
                notes=(_where(before, after),),
                help=f"to put axis {order[0]} first, write permute({','.join(map(str, order))})"
                + ("" if len(order) == len(after) == 2 else " before it"),
                fixes=tuple(_permuted(flow, node, order)),
            )


def _calculated(view: View, node: Node) -> bool:
    """Whether its sizes are worked out in the text, as someone does who folds steps into features."""
    call = view.written(node)
    if not isinstance(call, tree.Call):
        return True
    return any(isinstance(a.value, (tree.Arithmetic, tree.Wild, tree.Group)) for a in call.args)


def _turned(before: Shape, after: Shape) -> tuple[int, ...] | None:
    """The order of axes that a shape of the same numbers seems to mean; None where it means none.

    >>> _turned((24, 3), (3, 24)), _turned((24, 3), (72,)), _turned((8, 4, 2), (4, 16))
    ((2, 1), None, (2, 1, 3))
    """
    if any(map(is_open, (*before, *after))):
        return None
    # (height, width, channels) read as (width, height * channels): the columns of a picture as steps.
    picture = len(before) == 3 and 1 not in before[:2] and before[0] != before[1]
    if picture and after == (before[1], product((before[0], before[2]))):
        return (2, 1, 3)
    sizes, wanted = ([size for size in shape if size != 1] for shape in (before, after))
    if wanted == sizes or set(wanted) != set(sizes) or not len(wanted) == len(sizes) == len(set(sizes)):
        return None
    ones = [i + 1 for i, size in enumerate(before) if size == 1]
    return (*(before.index(size) + 1 for size in wanted), *ones)


def _where(before: Shape, after: Shape) -> str:
    """An example of a number that comes to stand elsewhere than a permute would put it."""
    width, cut = product(before[1:]), product(after[1:])
    if not isinstance(width, int) or not isinstance(cut, int):
        return f"a new step holds numbers that stand side by side in {show_shape(before)}"
    if cut >= width:
        rest = f" and {cut % width} numbers of the next" if cut % width else ""
        return f"the first of the {after[0]} new steps holds the first {cut // width} old ones whole{rest}"
    return f"the first of the {after[0]} new steps holds {cut} of the {width} numbers of the first old one"


def _permuted(view: View, node: Node, order: tuple[int, ...]) -> Iterator[Fix]:
    turn = step(node.span, "permute", *order)
    before, after = view.came(node).shape, view.out(node).shape
    same = tuple(before[i - 1] for i in order) == after
    edit = view.edits.replace(node, turn) if same else view.edits.before(node, turn)
    if edit is not None:
        yield Fix("turn the axes" if same else "turn the axes first, then join two of them", (edit,))


@rule("ST607")
def stretched_merge(view: View) -> Iterator[Finding]:
    """A raw input of one feature that is added to many: Keras adds it to each of them."""
    for flow in view.flows:
        merging = [node for node in flow.calls_of("add", "sub", "avg") if len(node.inputs) > 1]
        raw = _raw(flow) if merging else {}
        for node in merging:
            shapes = [tensor.shape for tensor in flow.into(node)]
            if not flow.out(node).shape:
                continue
            width = flow.out(node).shape[-1]
            if width == 1 or any(shape[:-1] != shapes[0][:-1] for shape in shapes):
                continue
            for value, shape in zip(node.inputs, shapes, strict=True):
                source = None if value.extra else raw.get(value.node)
                if source is not None and shape[-1] == 1:
                    yield _stretched(flow, node, source, shape, width)


def _stretched(view: View, node: Node, source: Node, shape: Shape, width: Size) -> Finding:
    assert node.layer is not None
    return Finding(
        node.span,
        f"{node.layer.row.name} stretches {show_shape(shape)} to {show_shape((*shape[:-1], width))}: the one "
        f"feature meets each of the {width}",
        label=f"one feature is repeated {width} times",
        labels=(Label(source.span, f"gives {show_shape(shape)}"),) if source.span != node.span else (),
        notes=("no weight lies between the input and the sum, and no error says that the widths differ",),
        help=f"project it to the width first, as a residual block does: [dense({width}), ...] -> add",
        fixes=tuple(_projected(view, source, width)),
    )


def _projected(view: View, source: Node, width: Size) -> Iterator[Fix]:
    if isinstance(width, int) and len(view.users(source)) > 0:
        edit = view.edits.after(source, step(source.span, "dense", width))
        if edit is not None:
            yield Fix("project the input to the width", (edit,))


def _raw(view: View) -> dict[int, Node]:
    """The inputs of fractions, and what hands them on as they are: for each, the input."""
    found: dict[int, Node] = {}
    for node in view.nodes:
        if node.layer is None:
            found[node.index] = node
        elif view.is_row(node, "identity", "dropout", "mask", "batchnorm", "norm") and each_alone(node):
            source = found.get(node.inputs[0].node)
            if source is not None:
                found[node.index] = source
    return found
