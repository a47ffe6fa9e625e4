"""Rules of functions that work element by element: dtypes, shapes, and numbers in the place of values."""

from __future__ import annotations

from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers.merging import broadcast, refuse_bool
from seqtopo.layers.row import LayerCall, Outcome
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import FLOATS, INTEGERS, Tensor

SLOTS = ("condition", "x1", "x2", "y")
"""The names of arguments in whose place a number may stand."""


# ---- dtypes --------------------------------------------------------------------------------------------


def common_dtype(call: LayerCall) -> str:
    """Return the dtype of numbers of several: that of the fractions where there are any.

    Raises:
        Refusal: ST310, for bool, and for whole numbers of two dtypes, of which each backend makes another.
    """
    refuse_bool(call)
    dtypes = list(dict.fromkeys(t.dtype for t in call.inputs))
    floats = [d for d in dtypes if d in FLOATS]
    if floats:
        wide = max(floats, key=lambda d: {"float64": 3, "float32": 2}.get(d, 1))
        return wide if len(floats) == 1 or wide in ("float32", "float64") else "float32"
    if len(dtypes) > 1:
        raise call.refuse(
            "ST310",
            f"is given {' and '.join(dtypes)}: what whole numbers of two dtypes become is not the same on "
            "every backend",
            label=f"is given {' and '.join(dtypes)}",
            help=f"turn one into the other first: -> cast({dtypes[0]})",
            at=("input", len(call.inputs) - 1),
        )
    (dtype,) = dtypes
    numbers = [n for c in constants(call).values() for n in flat(c)]
    return "float32" if any(isinstance(n, float) for n in numbers) else dtype


def fraction(dtype: str) -> str:
    """Return the dtype of fractions that a function makes of numbers of a dtype."""
    return dtype if dtype in FLOATS else "float32"


def constants(call: LayerCall) -> dict[str, Any]:
    """Return the numbers that stand in the place of values, by the arguments' names."""
    return {name: call.args[name] for name in SLOTS if call.args.get(name) is not None}


def flat(value: Any) -> list[Any]:
    """Return the numbers in nested tuples, in their order."""
    return [n for v in value for n in flat(v)] if isinstance(value, tuple) else [value]


# ---- shapes --------------------------------------------------------------------------------------------


def together(call: LayerCall) -> Shape:
    """Return the shape of values and numbers together, and refuse a wrong number of them."""
    slots = [p.name for p in call.row.params if p.kind is k.OPERAND]
    fixed = constants(call)
    wanted = len(slots) - len(fixed)
    if slots and wanted != len(call.inputs):
        free = [name for name in slots if name not in fixed]
        values = f"{wanted} value{'s' * (wanted != 1)}"
        raise call.refuse(
            "ST314",
            f"takes {values} beside the numbers in its arguments, but is given {len(call.inputs)}",
            label=f"takes {' and '.join(free) or 'no value'}, is given {len(call.inputs)}",
            help=f"write [a, b] -> {call.row.name}, or a number in the place of one: {call.row.name}(x2=2)",
            at=("inputs", 0),
        )
    shape = broadcast(call)
    for name, value in fixed.items():
        sizes = k.array_shape(value) if not isinstance(value, bool) else ()
        if len(sizes) > len(shape) or any(
            size != 1 and have != size for size, have in zip(sizes[::-1], shape[::-1], strict=False)
        ):
            raise call.refuse(
                "ST302",
                f"is given numbers of the shape {sizes} for {call.inputs[0]}",
                label=f"has the shape {sizes}",
                help="give one number, or one for each place along the last axes",
                at=("argument", name),
            )
    return shape


def fractions(call: LayerCall) -> Outcome:
    """Return fractions of the shape of values and numbers together."""
    return Outcome((Tensor(together(call), fraction(common_dtype(call))),))


def scaled(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``ldexp``, whose second must be whole."""
    shape = together(call)
    if call["x2"] is not None:
        _whole_only(call, "x2", call["x2"] if not isinstance(call["x2"], tuple) else 0.5)
    elif call.inputs[-1].dtype not in INTEGERS:
        raise call.refuse(
            "ST310",
            f"takes powers that are whole numbers, but is given {call.inputs[-1].dtype}",
            label=f"is {call.inputs[-1].dtype}",
            help="turn it into whole numbers first: -> cast(int32)",
            at=("input", len(call.inputs) - 1),
        )
    refuse_bool(call)
    return Outcome((Tensor(shape, fraction(call.inputs[0].dtype if call["x1"] is None else "float32")),))


def numbers(call: LayerCall) -> Outcome:
    """Return numbers of the shape of values and numbers together, in their common dtype."""
    return Outcome((Tensor(together(call), common_dtype(call)),))


def truth(call: LayerCall) -> Outcome:
    """Return bool of the shape of values and numbers together."""
    return Outcome((Tensor(together(call), "bool"),))


def compared(call: LayerCall) -> Outcome:
    """Return bool of the shape of values and numbers that are compared."""
    shape = together(call)
    if len({t.dtype == "bool" for t in call.inputs}) > 1:
        refuse_bool(call)
    return Outcome((Tensor(shape, "bool"),))


def whole(call: LayerCall) -> Outcome:
    """Return whole numbers of the shape of values and numbers together."""
    _refuse_fractions(call)
    for name, value in constants(call).items():
        _whole_only(call, name, value)
    return Outcome((Tensor(together(call), common_dtype(call)),))


def _whole_only(call: LayerCall, name: str, value: Any) -> None:
    """Refuse a fraction among numbers that stand beside whole ones."""
    if any(isinstance(n, float) for n in flat(value)):
        raise call.refuse(
            "ST203",
            f"takes whole numbers beside {call.inputs[0].dtype}",
            label="is a fraction",
            help="write a whole number, or turn what comes in into fractions first: -> cast(float32)",
            at=("argument", name),
        )


def clipped(call: LayerCall) -> Shape:
    """Return the shape of ``clip``."""
    refuse_bool(call)
    for name in ("x_min", "x_max") if call.inputs[0].dtype not in FLOATS else ():
        _whole_only(call, name, call[name])
    return call.shape


def _refuse_fractions(call: LayerCall) -> None:
    for i, tensor in enumerate(call.inputs):
        if tensor.dtype not in INTEGERS:
            raise call.refuse(
                "ST310",
                f"takes whole numbers, but is given {tensor.dtype}",
                label=f"is {tensor.dtype}",
                help="turn it into whole numbers first: -> cast(int32)",
                at=("input", i),
            )


def one_fraction(call: LayerCall) -> Outcome:
    """Return the incoming shape, in fractions."""
    refuse_bool(call)
    return Outcome((Tensor(call.shape, fraction(call.inputs[0].dtype)),))


def one_number(call: LayerCall) -> Shape:
    """Return the incoming shape, of numbers."""
    refuse_bool(call)
    return call.shape


def one_whole(call: LayerCall) -> Shape:
    """Return the incoming shape, of whole numbers."""
    _refuse_fractions(call)
    return call.shape


def one_truth(call: LayerCall) -> Outcome:
    """Return the incoming shape, in bool."""
    return Outcome((Tensor(call.shape, "bool"),))


def declared_dtype(call: LayerCall) -> Outcome:
    """Return the incoming shape in the dtype that an argument says."""
    return Outcome((Tensor(call.shape, call["dtype"] or call.inputs[0].dtype),))


def chosen(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``where``."""
    shape = together(call)
    if call["condition"] is None and call.inputs[0].dtype != "bool":
        raise call.refuse(
            "ST310",
            f"takes a condition, but is given {call.inputs[0].dtype}",
            label=f"is {call.inputs[0].dtype}, not bool",
            help="compare it with something first: -> greater(0)",
            at=("input", 0),
        )
    chosen = call.inputs[call["condition"] is None :]
    numbers = [n for name in ("x1", "x2") for n in flat(call[name]) if call[name] is not None]
    if not chosen:
        fractions = any(isinstance(n, float) for n in numbers)
        return Outcome((Tensor(shape, "float32" if fractions else "int32"),))
    inner = LayerCall(call.row, call.args, tuple(chosen), call.tensors, call.axes)
    if all(t.dtype == "bool" for t in chosen) and all(isinstance(n, bool) for n in numbers):
        return Outcome((Tensor(shape, "bool"),))
    return Outcome((Tensor(shape, common_dtype(inner)),))
