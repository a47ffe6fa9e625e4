"""Check one array against one ``in(...)``: axes, steps, features, kinds, batches, and ids in embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seqtopo.data.array import Array
from seqtopo.data.binding import as_taken
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.sizes import Shape, Size, fits, is_open, show_shape
from seqtopo.layers.values import INTEGERS
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@dataclass(frozen=True)
class Side:
    """An input, its text in the spec, the array for it, and a function that tries a fix."""

    node: Node
    written: tree.Expr | None
    array: Array
    tried: Callable[[Fix], bool]

    @property
    def declared(self) -> Shape:
        """The shape that the input declares, without the batch axis."""
        return self.node.outputs[0].shape if self.node.outputs else ()

    @property
    def call(self) -> str:
        """The input as the spec writes it."""
        return print_expr(self.written) if self.written is not None else f"in{show_shape(self.declared)}"

    @property
    def is_ids(self) -> bool:
        """True if the input takes whole numbers."""
        return self.node.outputs is not None and self.node.outputs[0].dtype in INTEGERS

    def problem(
        self,
        code: str,
        message: str,
        label: str,
        help: str = "",
        notes: tuple[str, ...] = (),
        fixes: tuple[Fix, ...] = (),
    ) -> Diagnostic:
        """Return a diagnostic at the input."""
        good = tuple(fix for fix in fixes if self.tried(fix))
        return Diagnostic(code, message, self.node.span, label=label, help=help, notes=notes, fixes=good)


def accepts(declared: Shape, sample: Shape) -> bool:
    """Return whether Keras takes samples of a shape for an input; it adds or removes a last axis of 1.

    >>> accepts((24, 1), (24,)), accepts((24,), (24, 1)), accepts((24, 3), (24,))
    (True, True, False)
    """
    taken = as_taken(declared, sample)
    return taken is not None and all(map(fits, declared, taken))


def shape_problem(side: Side) -> Diagnostic | None:
    """Return the diagnostic of an array that does not fit an input's shape; None if it fits."""
    shape, declared, name = side.array.shape, side.declared, side.array.name
    if not shape:
        return side.problem(
            "ST712",
            f"{name} is a single number, not samples of {show_shape(declared)}",
            "takes samples",
            help="give an array whose first axis counts the samples",
        )
    if not shape[0]:
        return side.problem(
            "ST712",
            f"{name} is {show_shape(shape)}: it has no samples",
            "takes samples",
            help="look at how it was cut or filtered",
        )
    if accepts(declared, shape[1:]):
        return None
    if len(shape) == len(declared):
        return _axis_missing(side)
    if len(shape) == len(declared) + 1:
        return _swapped(side) or _other_sizes(side)
    return _other_axes(side)


def _axis_missing(side: Side) -> Diagnostic:
    shape, declared, name = side.array.shape, side.declared, side.array.name
    one_number = declared[-1] == 1 and len(declared) > 1 and is_open(declared[0])
    counted = not is_open(shape[0]) or is_open(declared[0])
    if all(map(fits, declared, shape)) and counted and not one_number:
        return side.problem(
            "ST713",
            f"{name} is {show_shape(shape)}: exactly one sample of {side.call}, without a batch axis",
            f"one sample is {show_shape(declared)}",
            help=f"give it the axis: {name}[None], which is {show_shape((1, *shape))}",
        )
    if len(declared) >= 2 and all(map(fits, declared[1:], shape[1:])):
        steps = ", ".join("steps" if is_open(size) else str(size) for size in declared)
        length = "any number" if is_open(declared[0]) else declared[0]
        one, many = ("frames", "clips") if len(declared) > 2 else ("steps", "sequences")
        return side.problem(
            "ST712",
            f"{name} is {show_shape(shape)}: single {one} of {show_shape(shape[1:])}, but {side.call} takes "
            f"{many} of {length} of them",
            f"one sample is {show_shape(declared)}",
            help=f"put {'several' if is_open(declared[0]) else declared[0]} {one} together for each sample: "
            f"{name}.reshape(-1, {steps}), or windows that overlap",
        )
    return side.problem(
        "ST712",
        f"{name} is {show_shape(shape)}: {show_shape(shape[1:])} for each sample, but {side.call} takes "
        f"{show_shape(declared)}",
        f"one sample is {show_shape(declared)}",
        help=f"for one feature a step, add its axis: {name}[..., None]; for a single sample, that of the "
        f"batch: {name}[None]",
        fixes=_resized(side, shape[1:]),
    )


def _swapped(side: Side) -> Diagnostic | None:
    shape, declared, name = side.array.shape, side.declared, side.array.name
    order: tuple[int, ...] | None = None
    for axis in range(1, len(declared)):
        turned = (0, *(i for i in range(1, len(shape)) if i != axis), axis)
        if len(declared) <= 4 and all(fits(a, shape[i]) for a, i in zip(declared, turned[1:], strict=True)):
            order = turned
            found = "time steps and features are swapped" if len(declared) == 2 else "the channels come first"
            break
    if (
        order is None
        and len(declared) == 2
        and declared[0] == shape[0]
        and fits(declared[1], shape[2])
        and isinstance(declared[0], int)
    ):
        order = (1, 0, 2)
        found = "its first axis counts the time steps, not the samples"
    if order is None:
        return None
    fitting = show_shape(tuple(shape[i] for i in order))
    return side.problem(
        "ST714",
        f"{name} is {show_shape(shape)}, but {side.call} takes {show_shape(declared)}: {found}",
        f"one sample is {show_shape(declared)}",
        help=f"turn it: {name}.transpose{order}, which is {fitting}; a reshape would mix them up",
    )


def _other_sizes(side: Side) -> Diagnostic:
    sample, declared, name = side.array.shape[1:], side.declared, side.array.name
    wrong = [i for i, (a, b) in enumerate(zip(declared, sample, strict=True)) if not fits(a, b)]
    parts = [f"{sample[i]} {_axis(i, len(sample))}" for i in wrong]
    own = [f"{declared[i]}" for i in wrong]
    fixes = list(_resized(side, tuple(b if i in wrong else None for i, b in enumerate(sample))))
    if wrong == [0] and len(sample) >= 2:
        fixes += _resized(side, ("?", *[None] * (len(sample) - 1)), "or take any number of steps")
    return side.problem(
        "ST712",
        f"{name} has {' and '.join(parts)}, but {side.call} declares {' and '.join(own)}",
        f"one sample is {show_shape(declared)}",
        help="" if fixes else f"give samples of {show_shape(declared)}, or declare {show_shape(sample)}",
        fixes=tuple(fixes),
    )


def _axis(index: int, count: int) -> str:
    """Return the name of an axis of the samples, in words; ``count`` is the number of axes."""
    if index == count - 1 and count > 1:
        return "features at each step" if count == 2 else "channels"
    if index == 0:
        return "time steps" if count > 1 else "numbers in each sample"
    return f"on axis {index}"


def _other_axes(side: Side) -> Diagnostic:
    shape, declared, name = side.array.shape, side.declared, side.array.name
    sample = shape[1:]
    lacks = " and has no time axis" if len(declared) == 1 and len(sample) == 2 and not side.is_ids else ""
    if side.is_ids and len(sample) == len(declared) + 1:
        return side.problem(
            "ST712",
            f"{name} is {show_shape(shape)}: {sample[-1]} numbers for each id, but {side.call} takes the ids "
            f"themselves, {show_shape(declared)}",
            "takes ids",
            help=f"if they are one-hot, make ids of them: {name}.argmax(axis=-1); if they are vectors "
            f"already, declare in{show_shape(sample)} and leave out the embedding",
        )
    fixes = _resized(side, sample)
    return side.problem(
        "ST712",
        f"{name} is {show_shape(shape)}: {show_shape(sample)} for each sample, but {side.call} takes "
        f"{show_shape(declared)}{lacks}",
        f"one sample is {show_shape(declared)}",
        help=""
        if fixes
        else f"declare {show_shape(sample)}, or bring the samples into the shape {show_shape(declared)}",
        fixes=fixes,
    )


def _resized(side: Side, sizes: tuple[Size | str | None, ...], title: str = "") -> tuple[Fix, ...]:
    """Return the fix that gives an ``in(...)`` other sizes; None keeps a size."""
    call = side.written
    if not isinstance(call, tree.Call):
        return ()
    old = [a for a in call.args if _is_size(a)]
    rest = [a for a in call.args if not _is_size(a)]
    if any(size is None for size in sizes) and len(old) != len(sizes):
        return ()
    new = [
        old[i] if size is None else tree.Argument(call.span, None, tree.Name(call.span, str(size)))
        for i, size in enumerate(sizes)
    ]
    text = print_expr(tree.Call(call.span, call.name, (*new, *rest)))
    return (Fix(title or f"declare {text}", (Edit(call.span, text),)),)


def _is_size(arg: tree.Argument) -> bool:
    if arg.name is not None or isinstance(arg.value, tree.Call):
        return False
    return not (isinstance(arg.value, tree.Name) and not arg.value.is_symbol)


def kind_problem(side: Side) -> Diagnostic | None:
    """Return the diagnostic of an array whose kind of values does not fit an input; None if it fits."""
    array = side.array
    if array.kind not in "fiub":
        return side.problem(
            "ST715",
            f"{array.name} holds {array.words}, but {side.call} takes numbers",
            "takes numbers",
            help="turn words into ids first, such as with keras.layers.StringLookup or TextVectorization"
            if array.kind in "US"
            else f"bring it into one array of numbers: numpy.asarray({array.name}, dtype='float32')",
        )
    values = array.values
    if side.is_ids and array.kind == "f" and values is not None and not values.whole:
        return side.problem(
            "ST715",
            f"{array.name} holds fractions, but {side.call} takes ids, which are whole numbers",
            "takes whole numbers",
            help="for numbers as features, declare in(T,F) without int, and leave out the embedding",
        )
    return None


def batch_problems(side: Side, stateful: bool) -> Iterator[Diagnostic]:
    """Yield the diagnostic of a fixed batch that the samples do not fill evenly."""
    batch: Size | None = side.node.batch
    count = side.array.shape[0]
    if not isinstance(batch, int) or not isinstance(count, int) or count % batch == 0:
        return
    fewer, more = count // batch * batch, (count // batch + 1) * batch
    why = "a stateful model takes" if stateful else f"batch={batch} takes"
    yield side.problem(
        "ST719",
        f"{count} samples in batches of {batch} leave a last batch of {count % batch}, and {why} exactly "
        f"{batch}",
        f"batch={batch}",
        help=f"use {f'{fewer} or ' if fewer else ''}{more} samples",
        notes=("validation_split cuts the samples in two, and each part must come out even",),
    )


MOST_COMPARED = 20
"""The most other inputs on which an array is tried that does not fit its own."""


def id_problems(resolved: Resolved, sides: Sequence[Side]) -> Iterator[Diagnostic]:
    """Yield the diagnostics of ids that come into embeddings and into ``in(T,int(V))``."""
    tables = {side.node.index: _table(resolved.graph, side.node) for side in sides}
    swapped: set[int] = set()
    for side in sides:
        other = next((o for o in sides[:MOST_COMPARED] if _looks_swapped(side, o, tables)), None)
        if other is not None and side.node.index not in swapped:
            swapped |= {side.node.index, other.node.index}
            yield _swap(side, other, tables)
    for side in sides:
        if side.node.index not in swapped:
            yield from _ids_out_of_range(resolved, side, tables[side.node.index])


def _table(graph: Graph, source: Node) -> tuple[int, Node] | None:
    """Return the number of ids of an input's smallest table, with its node; None if no number is known."""
    found = [(source.below, source)] if isinstance(source.below, int) else []
    for node in graph.nodes:
        if node.layer is not None and node.layer.row.name == "embed" and node.inputs:
            size = node.layer.get("input_dim")
            if node.inputs[0].node == source.index and isinstance(size, int):
                found.append((size, node))
    return min(found, key=lambda one: one[0]) if found else None


Tables = dict[int, tuple[int, Node] | None]


def _looks_swapped(side: Side, other: Side, tables: Tables) -> bool:
    """Return whether one input's ids fit the other's table and not their own, and the other's fit both."""
    mine, theirs = tables[side.node.index], tables[other.node.index]
    ours, its = side.array.values, other.array.values
    if side is other or mine is None or theirs is None or ours is None or its is None:
        return False
    if side.array.shape[1:] != other.array.shape[1:]:
        return False
    return ours.high >= mine[0] and ours.high < theirs[0] and its.high < mine[0] and its.whole


def swapped_shapes(sides: Sequence[Side]) -> list[Diagnostic]:
    """Return the diagnostic of two inputs that each take the other's array and not their own."""
    for i, side in enumerate(sides):
        for other in sides[i + 1 : i + 1 + MOST_COMPARED]:
            mine, its = side.array.shape[1:], other.array.shape[1:]
            wrong = not accepts(side.declared, mine) and not accepts(other.declared, its)
            if wrong and accepts(side.declared, its) and accepts(other.declared, mine):
                names = [one.node.name or one.call for one in (side, other)]
                return [
                    Diagnostic(
                        "ST717",
                        f"the arrays of {names[0]} and {names[1]} look swapped: {side.array.name} is "
                        f"{show_shape(side.array.shape)}, but {side.call} takes {show_shape(side.declared)}",
                        side.node.span,
                        label=f"given {side.array.name}",
                        labels=(Label(other.node.span, f"given {other.array.name}, which would fit there"),),
                        help="give them in the order of the inputs in the text, or by name",
                    )
                ]
    return []


def _swap(side: Side, other: Side, tables: Tables) -> Diagnostic:
    mine, values = tables[side.node.index], side.array.values
    assert mine is not None
    assert values is not None
    names = [one.node.name or one.call for one in (side, other)]
    return Diagnostic(
        "ST717",
        f"the arrays of {names[0]} and {names[1]} look swapped: {side.array.name} has ids up to "
        f"{values.high:.0f}, its table has {mine[0]} rows",
        side.node.span,
        label=f"given {side.array.name}",
        labels=(
            Label(other.node.span, f"given {other.array.name}, whose ids would fit there"),
            *((Label(mine[1].span, f"rows 0..{mine[0] - 1}"),) if mine[1] is not side.node else ()),
        ),
        help="give them in the order of the inputs in the text, or by name",
    )


def _ids_out_of_range(resolved: Resolved, side: Side, table: tuple[int, Node] | None) -> Iterator[Diagnostic]:
    values, name = side.array.values, side.array.name
    if values is None or table is None or side.array.kind == "b":
        return
    size, node = table
    title = node.layer.title if node.layer is not None else f"int({size})"
    if values.low < 0:
        yield Diagnostic(
            "ST716",
            f"{name} holds the id {values.low:.0f}, but {title} has rows 0..{size - 1}",
            node.span,
            label="begins at 0",
            help="begin ids at 0; keep 0 for padding, with mask",
        )
    if values.high < size:
        return
    needed = int(values.high) + 1
    labels = () if node is side.node else (Label(side.node.span, f"ids up to {values.high:.0f}"),)
    yield Diagnostic(
        "ST716",
        f"{name} has ids up to {values.high:.0f}, but {title} has rows 0..{size - 1}",
        node.span,
        label=f"needs {needed} rows",
        labels=labels,
        help=f"the number of rows is the greatest id plus 1: {needed}",
        fixes=tuple(fix for fix in _with_more_rows(resolved.written.of(node), needed) if side.tried(fix)),
    )


def _with_more_rows(call: tree.Expr | None, rows: int) -> Iterator[Fix]:
    """Yield the fix that gives an ``embed(...)`` more rows, if their number is written there."""
    if not isinstance(call, tree.Call) or not call.args:
        return
    named = [i for i, a in enumerate(call.args) if a.name is not None and a.name.name == "input_dim"]
    index = named[0] if named else 0
    first = call.args[index]
    if (not named and first.name is not None) or not isinstance(first.value, tree.Number):
        return
    more = tree.Argument(first.span, first.name, tree.Number(first.value.span, rows, str(rows)))
    text = print_expr(tree.Call(call.span, call.name, (*call.args[:index], more, *call.args[index + 1 :])))
    yield Fix(f"write {text}", (Edit(call.span, text),))
