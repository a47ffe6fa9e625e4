"""Translate a call of a function of ``keras.ops`` to a row of the table, with its arguments and inputs.

Most arguments are the row's own. Here stand those that Keras counts otherwise, such as shapes with the batch
in front, and functions that are another row with an argument, such as ``hstack``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from seqtopo.layers.functions import functions
from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import Shape


class RowCall(NamedTuple):
    """A row by name, its arguments as Keras has them, and its inputs.

    ``remark`` says in words how it differs from the call that was read; "" if it does not.
    """

    row: str
    args: Mapping[str, Any]
    values: tuple[Any, ...]
    remark: str = ""


class FunctionCall(NamedTuple):
    """A call: its arguments by Keras' names, which of them are values, and their shapes without the batch."""

    given: Mapping[str, Any]
    is_value: Callable[[Any], bool]
    shape_of: Callable[[Any], Shape | None]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or what it is where it is left out."""
        found = self.given.get(name)
        return default if found is None else found

    def rank(self, name: str = "x") -> int | None:
        """Return the number of axes of a value, the batch among them."""
        shape = self.shape_of(self.given[name]) if name in self.given else None
        return None if shape is None else len(shape) + 1


def row_call(function: str, call: FunctionCall) -> RowCall | None:
    """Return the row and arguments for a call of a function of ``keras.ops``; None if no row says it.

    >>> call = FunctionCall({"x": "X", "newshape": (-1, 6)}, lambda v: v == "X", lambda v: (2, 3))
    >>> found = row_call("reshape", call)
    >>> found.row, found.args, found.values
    ('reshape', {'target_shape': (6,)}, ('X',))
    """
    special = _SPECIAL.get(function)
    if special is not None:
        return special(call)
    return _same_arguments(function, call)


def _same_arguments(function: str, call: FunctionCall) -> RowCall | None:
    """Return a call whose arguments are those of its row."""
    known = functions().get(function)
    if known is None:
        return None
    args: dict[str, Any] = {}
    values: list[Any] = []
    unread = set(call.given)
    for argument in known.arguments:
        unread.discard(argument.name)
        given = call.given.get(argument.name)
        if given is None and (argument.name not in call.given or argument.takes != "plain"):
            continue
        if argument.takes in ("values", "rest"):
            if not isinstance(given, (list, tuple)) or not all(map(call.is_value, given)):
                return None
            values += given
        elif argument.takes != "plain" and call.is_value(given):
            values.append(given)
        elif argument.parameter:
            args[argument.parameter] = given
        elif given != argument.fixed:
            return None
    if any(call.given[name] is not None for name in unread) or not values:
        return None
    row = NAMES[known.row]
    remark = "" if not row.keras or row.operation(args) else _layer(row.name)
    return RowCall(known.row, args, tuple(values), remark)


# ---- arithmetic with numbers ---------------------------------------------------------------------------


def _sides(call: FunctionCall) -> tuple[list[Any], Any, bool]:
    """Return the values of a function of two, the number among them, and whether the first is a value."""
    sides = [call.given.get("x1"), call.given.get("x2")]
    values = [v for v in sides if call.is_value(v)]
    number = next((v for v in sides if not call.is_value(v)), None)
    return values, number, call.is_value(sides[0])


def _arithmetic(row: str, alone: str, argument: str) -> Callable[[FunctionCall], RowCall | None]:
    def read(call: FunctionCall) -> RowCall | None:
        values, number, _ = _sides(call)
        if len(values) == 2:
            return RowCall(row, {}, tuple(values), f"is an operation, written as the layer {row}")
        if number is None:
            return None
        remark = "" if isinstance(number, (int, tuple)) else "is an operation, written as Rescaling"
        return RowCall(alone, {argument: number}, tuple(values), remark)

    return read


def _subtract(call: FunctionCall) -> RowCall | None:
    values, number, first = _sides(call)
    if len(values) == 2:
        return RowCall("sub", {}, tuple(values), "is an operation, written as the layer sub")
    if first and isinstance(number, (int, float)) and not isinstance(number, bool):
        return RowCall("shift", {"amount": -number}, tuple(values), "subtracts a number: written as a sum")
    return None if number is None else RowCall("sub", {"x2" if first else "x1": number}, tuple(values))


def _extreme(row: str) -> Callable[[FunctionCall], RowCall | None]:
    def read(call: FunctionCall) -> RowCall | None:
        values, number, first = _sides(call)
        if len(values) == 2:
            return RowCall(row, {}, tuple(values), f"is an operation, written as the layer {row}")
        return None if number is None else RowCall(row, {"x2" if first else "x1": number}, tuple(values))

    return read


# ---- shapes --------------------------------------------------------------------------------------------


def _of_one_value(
    call: FunctionCall, row: str, args: Mapping[str, Any], remark: str = "", name: str = "x"
) -> RowCall | None:
    value = call.given.get(name)
    return RowCall(row, args, (value,), remark) if call.is_value(value) else None


def _layer(row: str) -> str:
    return f"is an operation, written as the layer {row}"


def _reshape(call: FunctionCall) -> RowCall | None:
    target = call.get("newshape")
    incoming = call.shape_of(call.given.get("x"))
    if not isinstance(target, (list, tuple)) or not target or incoming is None:
        return None
    first, *rest = target
    if first not in (-1, None) or not all(type(s) is int and s > 0 for s in rest):
        return None
    # A -1 for the batch is the batch size only if the number of elements of a sample stays the same.
    sizes = [s for s in incoming if isinstance(s, int)]
    if len(sizes) < len(incoming) or prod(sizes) != prod(rest):
        return None
    return _of_one_value(call, "reshape", {"target_shape": tuple(rest)}, _layer("reshape"))


def _order(call: FunctionCall, order: Sequence[int]) -> RowCall | None:
    if list(order[:1]) != [0]:
        return None
    return _of_one_value(call, "permute", {"dims": tuple(order[1:])}, _layer("permute"))


def _transpose(call: FunctionCall) -> RowCall | None:
    axes, rank = call.get("axes"), call.rank()
    if not isinstance(axes, (list, tuple)) or rank is None or not all(type(a) is int for a in axes):
        return None
    return _order(call, [a % rank for a in axes])


def _moveaxis(call: FunctionCall) -> RowCall | None:
    rank = call.rank()
    if rank is None:
        return None
    ends = []
    for name in ("source", "destination"):
        given = call.get(name)
        several = list(given) if isinstance(given, (list, tuple)) else [given]
        if not all(type(a) is int and -rank <= a < rank for a in several):
            return None
        ends.append([a % rank for a in several])
    source, destination = ends
    order = [i for i in range(rank) if i not in source]
    for to, at in sorted(zip(destination, source, strict=True)):
        order.insert(to, at)
    return _order(call, order)


def _swapaxes(call: FunctionCall) -> RowCall | None:
    rank = call.rank()
    axes = [call.get("axis1"), call.get("axis2")]
    if rank is None or not all(type(a) is int for a in axes) or 0 in [a % rank for a in axes]:
        return None
    return _of_one_value(call, "swap", {"first": axes[0], "second": axes[1]}, _layer("permute"))


def _tile(call: FunctionCall) -> RowCall | None:
    repeats, rank = call.get("repeats"), call.rank()
    several = list(repeats) if isinstance(repeats, (list, tuple)) else [repeats]
    if rank is None or len(several) > rank or not all(type(n) is int for n in several):
        return None
    first, *rest = [1] * (rank - len(several)) + several
    return None if first != 1 else _of_one_value(call, "tile", {"repeats": tuple(rest)})


def _pad(call: FunctionCall) -> RowCall | None:
    """Return the row that pads one axis with zeros, or another number, before and behind."""
    widths, mode = call.get("pad_width"), call.get("mode", "constant")
    rank = call.rank()
    if mode != "constant" or rank is None or not isinstance(widths, (list, tuple)):
        return None
    if len(widths) != rank or not all(isinstance(w, (list, tuple)) and len(w) == 2 for w in widths):
        return None
    padded = [i for i, w in enumerate(widths) if list(w) != [0, 0]]
    if len(padded) > 1 or padded == [0]:
        return None
    axis = padded[0] if padded else 1
    before, after = widths[axis]
    value = call.get("constant_values", 0)
    return _of_one_value(call, "pad", {"before": before, "after": after, "axis": axis, "value": value})


def _with_axis(row: str, axis: int) -> Callable[[FunctionCall], RowCall | None]:
    """Return the reader of a function that is a row with its axis: ``hsplit``, ``fliplr``."""

    def read(call: FunctionCall) -> RowCall | None:
        args = {"axis": axis} | {k: v for k, v in call.given.items() if k != "x"}
        return _of_one_value(call, row, args)

    return read


def _joined(axis: int) -> Callable[[FunctionCall], RowCall | None]:
    def read(call: FunctionCall) -> RowCall | None:
        values = call.get("xs")
        if not isinstance(values, (list, tuple)) or not all(map(call.is_value, values)):
            return None
        rank = call.shape_of(values[0])
        if rank is None or len(rank) < axis:
            return None
        return RowCall("concat", {"axis": axis}, tuple(values), _layer("concat"))

    return read


def _append(call: FunctionCall) -> RowCall | None:
    values = (call.given.get("x1"), call.given.get("x2"))
    axis = call.get("axis")
    if axis is None or not all(map(call.is_value, values)):
        return None
    return RowCall("concat", {"axis": axis}, values, _layer("concat"))


def _unchanged(call: FunctionCall) -> RowCall | None:
    others = [v for name, v in call.given.items() if name != "x" and v is not None]
    return None if others else _of_one_value(call, "identity", {}, "changes nothing, written as identity")


def _converted(call: FunctionCall) -> RowCall | None:
    dtype = call.get("dtype")
    if call.get("sparse") or call.get("ragged"):
        return None
    return _unchanged(call) if dtype is None else _of_one_value(call, "cast", {"dtype": dtype})


def _pool(row: str) -> Callable[[FunctionCall], RowCall | None]:
    def read(call: FunctionCall) -> RowCall | None:
        rank = call.rank("inputs")
        if rank not in (3, 4, 5):
            return None
        args = {name: v for name, v in call.given.items() if name != "inputs" and v is not None}
        name = f"{row}{rank - 2}d"
        return _of_one_value(call, name, args, _layer(name), "inputs")

    return read


def _dotted(call: FunctionCall) -> RowCall | None:
    """Return a product with a given matrix; of two values it would multiply the samples with each other."""
    matrix = call.given.get("x2")
    if call.is_value(matrix) or matrix is None or call.get("axes", 1) != 1:
        return None
    return _same_arguments("matmul", call._replace(given={"x1": call.given.get("x1"), "x2": matrix}))


def _reciprocal(call: FunctionCall) -> RowCall | None:
    return _of_one_value(call, "divide", {"x1": 1}, "is written as 1 divided by it")


def _softmax(call: FunctionCall) -> RowCall | None:
    axis = call.get("axis", -1)
    if axis == -1:
        return None  # an activation by its name
    return _of_one_value(call, "softmax", {"axis": axis}, _layer("softmax"))


_SPECIAL: Mapping[str, Callable[[FunctionCall], RowCall | None]] = {
    "add": _arithmetic("add", "shift", "amount"),
    "multiply": _arithmetic("mul", "scale", "factor"),
    "subtract": _subtract,
    "maximum": _extreme("max"),
    "minimum": _extreme("min"),
    "reshape": _reshape,
    "transpose": _transpose,
    "moveaxis": _moveaxis,
    "swapaxes": _swapaxes,
    "tile": _tile,
    "pad": _pad,
    "append": _append,
    "hstack": _joined(1),
    "dstack": _joined(2),
    "hsplit": _with_axis("split", 1),
    "dsplit": _with_axis("split", 2),
    "fliplr": _with_axis("flip", 1),
    "copy": _unchanged,
    "view": _unchanged,
    "real": _unchanged,
    "conj": _unchanged,
    "conjugate": _unchanged,
    "convert_to_tensor": _converted,
    "max_pool": _pool("maxpool"),
    "average_pool": _pool("avgpool"),
    "dot": _dotted,
    "tensordot": _dotted,
    "softmax": _softmax,
    "reciprocal": _reciprocal,
}

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "reshape": ("x", "newshape"),
    "transpose": ("x", "axes"),
    "moveaxis": ("x", "source", "destination"),
    "pad": ("x", "pad_width", "mode", "constant_values"),
    "append": ("x1", "x2", "axis"),
    "hstack": ("xs",),
    "dstack": ("xs",),
    "hsplit": ("x", "indices_or_sections"),
    "dsplit": ("x", "indices_or_sections"),
    "fliplr": ("x",),
    "copy": ("x",),
    "view": ("x", "dtype"),
    "real": ("x",),
    "conj": ("x",),
    "conjugate": ("x",),
    "convert_to_tensor": ("x", "dtype", "sparse", "ragged"),
    "max_pool": ("inputs", "pool_size", "strides", "padding", "data_format"),
    "average_pool": ("inputs", "pool_size", "strides", "padding", "data_format"),
    "dot": ("x1", "x2"),
    "tensordot": ("x1", "x2", "axes"),
    "softmax": ("x", "axis"),
    "reciprocal": ("x",),
}
"""The arguments, in Keras' order, of functions that no row is of its own."""


BY_CLASS: Mapping[str, str] = {name.replace("_", ""): name for name in (*ARGUMENTS, *functions())}
"""Functions of ``keras.ops`` by Keras' classes in lower case, which have no underscores."""


def given_to(
    function: str, settings: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the arguments of a call by name: those in the operation's configuration, and the call's own.

    None where there are more than the function has.

    >>> given_to("take", {"name": "take_1", "axis": 1}, ["X", [0, 2]], {})
    {'axis': 1, 'x': 'X', 'indices': [0, 2]}
    """
    given = {name: value for name, value in {**settings, **kwargs}.items() if name != "name"}
    if function == "einsum":
        return given | {"operands": list(args)}
    names = [name for name in arguments_of(function) if name not in settings]
    return None if len(args) > len(names) else given | dict(zip(names, args, strict=False))


def arguments_of(function: str) -> tuple[str, ...]:
    """Return the names of a function's arguments in Keras' order; () if the language lacks it.

    >>> arguments_of("take"), arguments_of("reshape"), arguments_of("conv")
    (('x', 'indices', 'axis'), ('x', 'newshape'), ())
    """
    known = functions().get(function)
    return tuple(a.name for a in known.arguments) if known is not None else ARGUMENTS.get(function, ())
