"""Check axes: numbers that a reshape puts into other steps, and sizes of 1 that a merge broadcasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations, permutations

from seqtopo.diag.model import Fix, Label, fix_by
from seqtopo.graph.axis_contents import PLACES, SCRAMBLED, Part, regrouped
from seqtopo.graph.graph import Node
from seqtopo.graph.receptive_fields import fields
from seqtopo.graph.symbols import size_text
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Shape, Size, is_open, product, show_shape
from seqtopo.lint.edits import step
from seqtopo.lint.places import FURTHEST, back_over, place_of, without
from seqtopo.lint.steps import each_alone, in_place, step_by_step
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import with_flag


@rule("ST605")
def reshape_for_permute(view: View) -> Iterator[Finding]:
    """Find a reshape that gives the axes in another order: the numbers stay where they are."""
    for flow in view.flows:
        for node in flow.calls_of("reshape"):
            before, after = flow.input_of(node).shape, flow.output_of(node).shape
            order = _turned(before, after, folds=_calculated(flow, node))
            if order is None:
                continue
            turns = f"to put axis {order[0]} first, write" if order[0] != 1 else "to turn axes, write"
            yield Finding(
                node.span,
                f"reshape does not turn axes: it reads the numbers of {show_shape(before)} row by row and "
                f"cuts them anew",
                label=f"mixes the steps of {show_shape(before)}",
                labels=(Label(flow.maker(node.inputs[0]).span, f"gives {show_shape(before)}"),),
                notes=(_where(before, after),),
                help=f"{turns} permute({','.join(map(str, order))})"
                + ("" if len(order) == len(after) == 2 else " before it"),
                fixes=tuple(_permuted(flow, node, order)),
            )


def _calculated(view: View, node: Node) -> bool:
    """Return whether its sizes are worked out in the text, as by someone who folds steps into features."""
    call = view.written(node)
    if not isinstance(call, tree.Call):
        return True
    return any(isinstance(a.value, (tree.Arithmetic, tree.Wild, tree.Group)) for a in call.args)


def _turned(before: Shape, after: Shape, *, folds: bool = False) -> tuple[int, ...] | None:
    """Return the order of axes that a shape of the same numbers seems to mean; None if it means none.

    ``folds`` is whether the sizes are worked out in the text: then folds of whole steps are meant.

    >>> _turned((24, 3), (3, 24)), _turned((24, 3), (72,)), _turned((8, 4, 2), (4, 16))
    ((2, 1), None, (2, 1, 3))
    >>> _turned((12, 7, 5), (7, 60)), _turned((3, 32, 32), (32, 32, 3)), _turned((10, 7), (14, 5))
    ((2, 1, 3), (2, 3, 1), None)
    """
    if any(map(is_open, (*before, *after))):
        return None
    sizes = [size for size in before if size != 1]
    wanted = [size for size in after if size != 1]
    if not 2 <= len(sizes) <= _MOST_AXES or len(wanted) < 2 or _joined(sizes, wanted):
        return None
    parts = [Part(PLACES, size) for size in sizes]
    cut = any(
        part.kind == SCRAMBLED for axis in regrouped(parts, tuple(sizes), tuple(wanted)) for part in axis
    )
    turned = sorted(map(str, sizes)) == sorted(map(str, wanted))
    if not cut and not _of_a_picture(before, after) and (folds or not turned):
        return None
    numbers = [i for i, size in enumerate(before, 1) if size != 1]
    ones = [i for i, size in enumerate(before, 1) if size == 1]
    orders = [
        order for order in permutations(range(len(sizes))) if _joined([sizes[i] for i in order], wanted)
    ]
    if not orders:
        return None
    order = min(orders, key=lambda o: sum(a > b for a, b in combinations(o, 2)))
    return (*(numbers[i] for i in order), *ones)


_MOST_AXES = 5
"""Orders of more axes than this are not tried."""


def _joined(sizes: Sequence[Size], wanted: Sequence[Size]) -> bool:
    """Return whether each wanted size is the product of whole axes, in their order."""
    rest = list(sizes)
    for size in wanted:
        taken = rest[:1]
        del rest[:1]
        while rest and product(taken) != size:
            taken.append(rest.pop(0))
        if product(taken) != size or not taken:
            return False
    return not rest


def _of_a_picture(before: Shape, after: Shape) -> bool:
    """Return whether an image (height, width, channels) is read as (width, height * channels).

    Axes in front that stay as they are do not matter.
    """
    while len(before) > 3 and len(after) > 2 and before[0] == after[0]:
        before, after = before[1:], after[1:]
    picture = len(before) == 3 and 1 not in before[:2] and before[0] != before[1]
    return picture and after == (before[1], product((before[0], before[2])))


def _where(before: Shape, after: Shape) -> str:
    """Return an example of a number that a reshape puts elsewhere than a permute would."""
    while len(before) > 2 and len(after) > 2 and before[0] == after[0]:
        before, after = before[1:], after[1:]
    width, cut = product(before[1:]), product(after[1:])
    if not isinstance(width, int) or not isinstance(cut, int):
        return f"a new step holds numbers that stand side by side in {show_shape(before)}"
    if cut >= width:
        rest = f" and {cut % width} numbers of the next" if cut % width else ""
        whole = "old one" if cut // width == 1 else f"{cut // width} old ones"
        return f"the first of the {after[0]} new steps holds the first {whole} whole{rest}"
    return f"the first of the {after[0]} new steps holds {cut} of the {width} numbers of the first old one"


def _permuted(view: View, node: Node, order: tuple[int, ...]) -> Iterator[Fix]:
    turn = step(node.span, "permute", *order)
    before, after = view.input_of(node).shape, view.output_of(node).shape
    same = tuple(before[i - 1] for i in order) == after
    edit = view.edits.replace(node, turn) if same else view.edits.insert_before(node, turn)
    yield from fix_by("turn the axes" if same else "turn the axes first, then join two of them", edit)


@rule("ST671")
def rows_as_steps(view: View) -> Iterator[Finding]:
    """Find an image that is wider than high and whose rows are read as time steps."""
    for node in view.recurrent if any(len(view.output_of(n).shape) == 3 for n in view.inputs) else ():
        joined = back_over(view, node, step_by_step)
        if joined.layer is None or not joined.inputs or joined.inputs[0].extra:
            continue
        before, after = view.input_of(joined).shape, view.output_of(joined).shape
        flat = view.is_row(joined, "reshape") or _flattens_each(joined)
        if not flat or len(before) != 3 or len(after) != 2 or after[0] != before[0]:
            continue
        height, width, channels = before
        source = _of_one_image(view, joined)
        if source is None or not isinstance(height, int) or not isinstance(width, int) or width < 2 * height:
            continue
        rows = view.output_of(source).shape[0]
        if not isinstance(rows, int) or rows < _LEAST_ROWS:
            continue
        yield Finding(
            joined.span,
            f"{node.callee.title} reads the {height} rows of {show_shape(before)} as its time steps, each of "
            f"{width} columns: which axis is time?",
            label=f"{height} steps of {show_shape(after)}",
            labels=(
                Label(source.span, f"declares {view.output_of(source)}"),
                Label(node.span, f"takes {height} steps"),
            ),
            notes=("a line of text is read along its width: each column of the image is a step",),
            help=f"if the {width} columns are the steps, write permute(2,1,3) before it; if the rows are, "
            "this is right: # seqtopo: ignore[ST671]",
            fixes=tuple(_columns(view, joined, (width, height, channels))),
        )


_LEAST_ROWS = 12
"""An image of fewer rows is not a line of text: its first axis counts something else."""


def _flattens_each(node: Node) -> bool:
    inner = node.layer.get("layer") if node.layer is not None and node.layer.row.steps else None
    return isinstance(inner, Layer) and inner.row.name == "flatten"


def _of_one_image(view: View, node: Node) -> Node | None:
    """Return the input of three axes whose rows a node still has, behind convolutions and the like.

    Else None.
    """
    for _ in range(FURTHEST):
        if node.layer is None:
            shape = view.output_of(node).shape
            return node if len(shape) == 3 and shape[-1] in (1, 3, 4) else None
        # A model that permutes the axes, or uses one as time, shows that the author knows them.
        if len(node.inputs) != 1 or node.inputs[0].extra or view.is_row(node, "permute", "swap"):
            return None
        if node.layer.row.recurrent or (node.layer.row.steps and not _flattens_each(node)):
            return None
        node = view.maker(node.inputs[0])
    return None


def _columns(view: View, node: Node, turned: Shape) -> Iterator[Fix]:
    turn = step(node.span, "permute", 2, 1, 3)
    if not view.is_row(node, "reshape"):
        edit = view.edits.insert_before(node, turn)
    elif all(isinstance(size, int) for size in turned):
        width, height, channels = map(size_text, turned)
        many = tree.Arithmetic(node.span, height, (("*", channels),))
        edit = view.edits.replace(node, turn, step(node.span, "reshape", width, many))
    else:
        return
    yield from fix_by("read the columns as steps", edit)


@rule("ST607")
def stretched_merge(view: View) -> Iterator[Finding]:
    """Find a raw input of one feature that is added to many: Keras adds it to each of them."""
    for flow in view.flows:
        # Not a fact about layers: of merges, a product and the larger of two may well be meant so.
        merging = [node for node in flow.calls_of("add", "sub", "avg") if len(node.inputs) > 1]
        raw = _raw(flow) if merging else {}
        for node in merging:
            shapes = [tensor.shape for tensor in flow.inputs_of(node)]
            if not flow.output_of(node).shape:
                continue
            width = flow.output_of(node).shape[-1]
            if width == 1 or any(shape[:-1] != shapes[0][:-1] for shape in shapes):
                continue
            for value, shape in zip(node.inputs, shapes, strict=True):
                source = None if value.extra else raw.get(value.node)
                if source is not None and shape[-1] == 1:
                    yield _stretched(flow, node, source, shape, width)


def _stretched(view: View, node: Node, source: Node, shape: Shape, width: Size) -> Finding:
    return Finding(
        node.span,
        f"{node.callee.row.name} broadcasts {show_shape(shape)} to {show_shape((*shape[:-1], width))}: its "
        f"one feature is repeated for each of the {width}",
        label=f"repeats one feature {width} times",
        labels=(Label(source.span, f"gives {show_shape(shape)}"),) if source.span != node.span else (),
        notes=("no weight lies between the input and the sum, and no error says that the widths differ",),
        help=f"project it to the width first, as a residual block does: [dense({width}), ...] -> add",
        fixes=tuple(_projected(view, source, width)),
    )


def _projected(view: View, source: Node, width: Size) -> Iterator[Fix]:
    if isinstance(width, int) and len(view.users(source)) > 0:
        edit = view.edits.after(source, step(source.span, "dense", width))
        yield from fix_by("project the input to the width", edit)


def _raw(view: View) -> dict[int, Node]:
    """Return, for each input of floats and each node that hands it on unchanged, that input."""
    found: dict[int, Node] = {}
    for node in view.nodes:
        if node.layer is None:
            found[node.index] = node
        # Not a fact about layers: these are roles.
        elif view.has_role(node, "identity", "noise", "penalty", "mask", "norm") and each_alone(view, node):
            source = found.get(node.inputs[0].node)
            if source is not None:
                found[node.index] = source
    return found


@rule("ST673")
def steps_of_a_vector(view: View) -> Iterator[Finding]:
    """Find ``last(3)`` of a vector from a recurrent layer or a pooling: it takes features, not steps."""
    for node in view.calls_with("selection", "order"):
        if len(view.input_of(node).shape) != 1 or node.callee.get("axis") != 1:
            continue
        made = back_over(view, node, in_place)
        before = view.input_of(made).shape if made.inputs and not made.inputs[0].extra else ()
        forgot = made.layer is not None and made.layer.row.recurrent
        if len(before) != 2 or not (forgot or view.is_row(made, "gavgpool1d", "gmaxpool1d")):
            continue
        written = view.written(made) if forgot else None
        kept = None if written is None else with_flag(written, "seq")
        yield Finding(
            node.span,
            f"{node.callee.title} takes features here, no steps: {made.callee.title} gives one vector, "
            f"{view.input_of(node)}",
            label=f"along the {view.input_of(node).shape[0]} features",
            labels=(Label(made.span, "only its last step" if forgot else "the steps are taken together"),),
            help=f"keep the steps with seq in {made.callee.title}"
            if forgot
            else "take the steps before they end",
            fixes=() if kept is None else (Fix("add seq, to keep the steps", (view.rewrite(made, kept),)),),
        )


@rule("ST674")
def normalized_by_step(view: View) -> Iterator[Finding]:
    """Find a batch normalization along the time axis: it has a mean for every step, not every feature."""
    given = view.calls_given("data_format")
    first = any(place_of(view, n).layer.get("data_format") == "channels_first" for n in given)
    for node in view.calls_of("batchnorm") if not first else ():
        incoming = view.input_of(node)
        place = place_of(view, node)
        if len(incoming.shape) != 2 or place.layer.get("axis") not in (1, -2) or incoming.shape[-1] == 1:
            continue
        if any(field.axis not in (0, None) for field in fields(view.graph).get(node.inputs[0], {}).values()):
            # The axes were turned: the features lie along this one.
            continue
        yield Finding(
            place.span,
            f"batchnorm normalizes each of the {incoming.shape[0]} steps of {incoming} by itself, and all "
            "features of a step alike",
            label="along the time axis",
            help="leave the axis out: the features, which have each their own unit, are the last axis",
            fixes=place.fix("normalize the features", partial(_without_axis, row=place.layer.row)),
        )


def _without_axis(expr: tree.Expr, row: Row) -> tree.Expr | None:
    """Return a call without its axis, which is its first argument where it is not named."""
    if not isinstance(expr, tree.Call) or not expr.args:
        return None
    named = without(expr, "axis", row)
    left = (
        named.args if isinstance(named, tree.Call) else expr.args[1:] if expr.args[0].name is None else None
    )
    if left is None:
        return None
    return tree.Call(expr.span, expr.name, left) if left else expr.name


@rule("ST675")
def softmax_over_time(view: View) -> Iterator[Finding]:
    """Find a softmax along the steps of an output that has several numbers at each of them."""
    for value in dict.fromkeys(view.graph.outputs):
        node = view.maker(value)
        incoming = view.tensor(value)
        if (
            value.extra
            or not view.is_row(node, "softmax")
            or len(incoming.shape) != 2
            or incoming.shape[-1] == 1
        ):
            continue
        if node.callee.get("axis") not in (1, -2, (1,), (-2,)):
            continue
        before = back_over(view, node, in_place)
        # A softmax behind no layer with weights makes weights of the steps, and no output.
        if before.layer is None or "kernel_regularizer" not in place_of(view, before).layer.row.by_name:
            continue
        place = place_of(view, node)
        edit = view.edits.replace(node, tree.Name(node.span, "softmax"))
        yield Finding(
            place.span,
            f"softmax works along the {incoming.shape[0]} steps of {incoming}: each of the "
            f"{incoming.shape[-1]} columns adds up to 1 over time, and the classes of a step do not",
            label="along the time axis",
            help="write softmax, for a distribution over the classes at each step",
            fixes=fix_by("a distribution at each step: softmax", edit),
        )
