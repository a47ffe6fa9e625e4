"""Merging layers: several values made one, by elements, side by side, or as dot products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.operation_rules import reduced
from seqtopo.layers.operations import KEEPDIMS
from seqtopo.layers.parameters import axis_index, check_floats
from seqtopo.layers.row import LayerCall, Outcome, Param, Row
from seqtopo.layers.sizes import Expr, Shape, Size, fits, is_open, product, same, show_shape, total
from seqtopo.layers.values import FLOATS, Products, Refusal, Tensor, show


def _mismatch(call: LayerCall, blame: int, message: str, help: str) -> Refusal:
    shown = show_shape(call.inputs[blame].shape)
    return call.refuse("ST303", message, label=f"is given {shown}", help=help, at=("input", blame))


def _same_rank(call: LayerCall) -> None:
    first = call.inputs[0]
    for i, other in enumerate(call.inputs[1:], 1):
        if len(other.shape) == len(first.shape):
            continue
        short, long = sorted((first, other), key=lambda t: len(t.shape))
        help = f"give {short} as many axes: -> expand(1)"
        if len(short.shape) == 1 and len(long.shape) == 2:
            help += f", or repeat it at every step: -> repeat({long.shape[0]})"
        raise _mismatch(call, i, f"merges values of equal axes, not {first} and {other}", help)


def _one_size(call: LayerCall, blame: int, axis: int, a: Size, b: Size) -> Size:
    """Return the size of an axis of two values merged by elements; Keras knows none if one is open."""
    if a == b or b == 1:
        return a
    if isinstance(a, Expr) and a.is_atom and is_open(a) and is_open(b):
        # Of two lengths that only the data tells, take the one that nothing was subtracted from.
        return a
    if a == 1 or (fits(a, b) and is_open(b)):
        return b
    if fits(a, b):
        return a
    first, other = call.inputs[0], call.inputs[blame]
    message = f"cannot merge {first} with {other}: axis {axis + 1} is {a} in one and {b} in the other"
    if same(a, b) is None:
        help = "use one symbol for both, or bind them to the same number"
    elif axis == len(first.shape) - 1:
        help = f"project one to the other's width first: -> dense({a})"
    else:
        help = "make them equally long: padding 'same' in a convolution, or last(N), crop, pad"
    raise _mismatch(call, blame, message, help)


def broadcast(call: LayerCall) -> Shape:
    """Return the shape of values of equal rank, element by element; an axis of 1 stretches along the others'.

    Raises:
        Refusal: ST303, where they do not fit.
    """
    _same_rank(call)
    shape = call.shape
    for i, other in enumerate(call.inputs[1:], 1):
        sizes = enumerate(zip(shape, other.shape, strict=True))
        shape = tuple(_one_size(call, i, axis, a, b) for axis, (a, b) in sizes)
    return shape


def refuse_bool(call: LayerCall) -> None:
    """Refuse true and false where a layer takes numbers."""
    for i, tensor in enumerate(call.inputs):
        if tensor.dtype == "bool":
            raise call.refuse(
                "ST310",
                "needs numbers, but is given bool",
                label="is bool",
                help="turn it into numbers first: -> cast(float32)",
                at=("input", i),
            )


def _arithmetic(call: LayerCall) -> Shape:
    refuse_bool(call)
    return broadcast(call)


def _averaged(call: LayerCall) -> Shape:
    if not any(t.dtype in FLOATS for t in call.inputs):
        # One backend makes float64 of whole numbers alone, the others float32.
        check_floats(call)
    return broadcast(call)


def _extreme(call: LayerCall) -> Shape | Outcome:
    """Return the shape of ``max`` and ``min``: over an axis where one is named, else by elements."""
    if call["x1"] is not None or call["x2"] is not None:
        return _beside_a_number(call)
    if call["axis"] is not None:
        if len(call.inputs) > 1:
            raise call.refuse(
                "ST214",
                f"over an axis takes one value, but is given {len(call.inputs)}",
                label=f"takes one value, is given {len(call.inputs)}",
                help=f"merge by elements with '-> {call.row.name}', or '-> concat' first",
                at=("inputs", 0),
            )
        dtype = call["dtype"]
        if dtype not in (None, call.inputs[0].dtype):
            raise call.refuse(
                "ST203",
                "over an axis is a plain operation, in the dtype of what comes in",
                label=f"comes in as {call.inputs[0].dtype}",
                help=f"write -> cast({dtype.removeprefix('mixed_')}) before it",
                at=("argument", "dtype"),
            )
        return Outcome((Tensor(reduced(call), call.inputs[0].dtype),))
    if len(call.inputs) == 1:
        name = call.row.name
        raise call.refuse(
            "ST314",
            "merges two or more values, but is given one",
            label="takes 2 or more values, is given 1",
            help=f"write [a, b] -> {name}, or name the axis to reduce: {name}(time)",
            at=("inputs", 0),
        )
    if call["keepdims"]:
        raise call.refuse(
            "ST203",
            "keeps the axis it reduces, but none is named",
            label="no axis to keep",
            help=f"name the axis: {call.row.name}(time,keepdims)",
            at=("argument", "keepdims"),
        )
    return _arithmetic(call)


def _beside_a_number(call: LayerCall) -> Outcome:
    """Return the outcome for one value and a number: ``sub(x1=1)``, ``max(x2=0)``."""
    fixed = [name for name in ("x1", "x2") if call[name] is not None]
    others = [name for name in ("axis", "keepdims", "dtype") if call.args.get(name)]
    if len(call.inputs) > 1 or len(fixed) > 1 or others:
        raise call.refuse(
            "ST203",
            f"takes one value beside {fixed[0]}, and no {', '.join(others) or 'other'}",
            label="one number and one value",
            help=f"write x -> {call.row.name}({fixed[0]}={show(call[fixed[0]])})",
            at=("argument", fixed[-1]),
        )
    refuse_bool(call)
    (incoming,) = call.inputs
    value = call[fixed[0]]
    several = value if isinstance(value, tuple) else (value,)
    if isinstance(value, tuple) and (not incoming.shape or not fits(incoming.shape[-1], len(value))):
        raise call.refuse(
            "ST302",
            f"is given {len(value)} numbers for the features of {incoming}",
            label=f"{len(value)} numbers",
            help="give one number, or one for each feature",
            at=("argument", fixed[0]),
        )
    whole = all(isinstance(n, int) for n in several)
    return Outcome(
        (Tensor(incoming.shape, incoming.dtype if whole or incoming.dtype in FLOATS else "float32"),)
    )


def _difference(call: LayerCall) -> Shape | Outcome:
    """Return the outcome of ``sub``: of two values, or of one and a number."""
    if call["x1"] is not None or call["x2"] is not None:
        return _beside_a_number(call)
    if len(call.inputs) < 2:
        raise call.refuse(
            "ST314",
            f"takes 2 values in a list but is given {len(call.inputs)}",
            label=f"takes 2 values, is given {len(call.inputs)}",
            help=f"write the values as a list: [a, b] -> {call.row.name}",
            at=("inputs", 0),
        )
    return _arithmetic(call)


def _concatenated(call: LayerCall) -> Shape:
    """Return the joined shape: sizes add along the axis, and the others are equal."""
    first = call.inputs[0]
    at = axis_index(call, "axis", call["axis"])
    for i, other in enumerate(call.inputs[1:], 1):
        if len(other.shape) != len(first.shape):
            _same_rank(call)
        for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            if axis != at and not fits(a, b):
                message = (
                    f"cannot join {first} and {other}: axis {axis + 1} is {a} in one and {b} in the other"
                )
                last = axis == len(first.shape) - 1
                help = (
                    f"project one to the other's width first: -> dense({a})"
                    if last
                    else "make them equally long: repeat a vector at every step, or last(N), crop, pad"
                )
                raise _mismatch(call, i, message, help)
    joined = total(t.shape[at] for t in call.inputs)
    return (*first.shape[:at], joined, *first.shape[at + 1 :])


def _dotted(call: LayerCall) -> Shape:
    refuse_bool(call)
    axes = call["axes"]
    pair = axes if isinstance(axes, tuple) else (axes, axes)
    first, second = call.inputs
    for i, tensor in enumerate(call.inputs):
        if call["normalize"] and tensor.dtype not in FLOATS:
            raise call.refuse(
                "ST310",
                f"normalizes fractions, but is given {tensor.dtype}",
                label=f"is {tensor.dtype}",
                help="-> cast(float32) first",
                at=("input", i),
            )
    a, b = (axis_index(call, "axes", x, t.shape) for x, t in zip(pair, call.inputs, strict=True))
    if not fits(first.shape[a], second.shape[b]):
        raise _mismatch(
            call,
            1,
            f"sums over two axes of the same size, but these are {first.shape[a]} of {first} and "
            f"{second.shape[b]} of {second}",
            f"choose other axes, or project first: -> dense({first.shape[a]})",
        )
    if isinstance(first.shape[a], int) != isinstance(second.shape[b], int):
        what = f"both sizes it sums over, but these are {first.shape[a]} and {second.shape[b]}"
        raise call.must_know(what, "one is not known", ("input", 0))
    rest = (*first.shape[:a], *first.shape[a + 1 :], *second.shape[:b], *second.shape[b + 1 :])
    return rest or (1,)


def _dot_work(call: LayerCall, outcome: Outcome) -> Products:
    axes = call["axes"]
    axis = axis_index(call, "axes", axes[0] if isinstance(axes, tuple) else axes)
    return Products(0, product([*outcome.outputs[0].shape, call.shape[axis]]))


_AXIS = Param("axis", k.optional(k.AXES), None, keras="")
_BY_ELEMENTS = "..., ... -> ..."


_NUMBERS = (Param("x1", k.OPERAND, None, keras=""), Param("x2", k.OPERAND, None, keras=""))
"""The numbers that may stand in the place of one of two values."""


def _is_operation(args: Mapping[str, Any]) -> bool:
    return any(args.get(name) is not None for name in ("axis", "x1", "x2"))


_MERGE: Mapping[str, Any] = {"time": timing.merges, "mask": masking.merges, "role": "merge"}

ROWS = (
    Row(
        "add",
        "Add",
        "The sum of several values, element by element.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> add",
        **_MERGE,
        function="add(x1, x2)",
        rule=_arithmetic,
        inputs=(1, None),
        dtype="declared",
    ),
    Row(
        "sub",
        "Subtract",
        "The first value minus the second, element by element.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> sub",
        **_MERGE,
        function="subtract(x1, x2)",
        params=_NUMBERS,
        emit="subtract",
        emit_when=_is_operation,
        rule=_difference,
        inputs=(1, 2),
        dtype="declared",
        aliases=("subtract",),
    ),
    Row(
        "mul",
        "Multiply",
        "The product of several values, element by element.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> mul",
        **_MERGE,
        function="multiply(x1, x2)",
        rule=_arithmetic,
        inputs=(1, None),
        dtype="declared",
        aliases=("multiply",),
    ),
    Row(
        "avg",
        "Average",
        "The mean of several values, element by element.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> avg",
        **_MERGE,
        rule=_averaged,
        inputs=(1, None),
        aliases=("average",),
    ),
    Row(
        "max",
        "Maximum",
        "The largest of several values, element by element; with an axis, the largest along it.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> max",
        **_MERGE,
        params=(_AXIS, KEEPDIMS, *_NUMBERS),
        positional=("axis",),
        function="max(x, axis, keepdims, initial); amax(x, axis, keepdims); maximum(x1, x2)",
        rule=_extreme,
        inputs=(1, None),
        dtype="declared",
        aliases=("maximum",),
        emit="max",
        picks=True,
        emit_when=_is_operation,
        note="With an axis, masked steps take no part.",
    ),
    Row(
        "min",
        "Minimum",
        "The smallest of several values, element by element; with an axis, the smallest along it.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,8)] -> min",
        **_MERGE,
        params=(_AXIS, KEEPDIMS, *_NUMBERS),
        positional=("axis",),
        function="min(x, axis, keepdims, initial); amin(x, axis, keepdims); minimum(x1, x2)",
        rule=_extreme,
        inputs=(1, None),
        dtype="declared",
        aliases=("minimum",),
        emit="min",
        picks=True,
        emit_when=_is_operation,
        note="With an axis, masked steps take no part.",
    ),
    Row(
        "concat",
        "Concatenate",
        "Several values side by side along an axis, the features unless another is named.",
        _BY_ELEMENTS,
        "[in(T,8), in(T,4)] -> concat",
        time=timing.joins,
        mask=masking.joins,
        role="join",
        params=(Param("axis", k.AXIS, -1),),
        positional=("axis",),
        function="concatenate([xs], axis)",
        rule=_concatenated,
        inputs=(1, None),
        dtype="declared",
        aliases=("concatenate",),
    ),
    Row(
        "dot",
        "Dot",
        "Dot products of two values along an axis of each.",
        "..., ... -> ...",
        "[in(8), in(8)] -> dot(1)",
        time=timing.multiplies,
        mask=masking.ends,
        role="product",
        params=(
            Param(
                "axes",
                k.either(k.AXIS, k.each(k.AXIS, 2), words=f"{k.AXIS.words}, or two of them in parentheses"),
            ),
            Param("normalize", k.BOOL, False),
        ),
        positional=("axes",),
        rule=_dotted,
        work=_dot_work,
        inputs=(2, 2),
        dtype="declared",
    ),
)
