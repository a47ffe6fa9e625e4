"""Shape rules of the small operations: their output shapes, and their refusals."""

from __future__ import annotations

from seqtopo.layers.parameters import axis_index, axis_indices, check_floats
from seqtopo.layers.row import LayerCall, Outcome
from seqtopo.layers.sizes import Shape, Size, ceil_div, is_open
from seqtopo.layers.values import FLOATS, Tensor, Weight


def _resized(call: LayerCall, size: Size, name: str = "axis") -> Shape:
    """Return the incoming shape with another size along the axis that an argument names."""
    at = axis_index(call, name, call[name])
    return (*call.shape[:at], size, *call.shape[at + 1 :])


def _too_short(call: LayerCall, size: Size, wants: str, argument: str) -> Exception:
    axis = "steps" if call["axis"] == 1 else "places"
    return call.refuse(
        "ST306",
        f"wants {wants}, but is given {call.inputs[0]}, which has {size} {axis}",
        label=f"has only {size}",
        help="ask for fewer, or give it a longer sequence",
        at=("argument", argument),
    )


def ends_rule(call: LayerCall) -> Shape:
    """Return the shape of ``last`` and ``first``: so many steps of one end."""
    size = call.shape[axis_index(call, "axis", call["axis"])]
    n = call["n"]
    if isinstance(size, int) and isinstance(n, int) and n > size:
        raise _too_short(call, size, f"{n}", "n")
    return _resized(call, n)


def at_rule(call: LayerCall) -> Shape:
    """Return the shape of ``at``: without the axis."""
    at = axis_index(call, "axis", call["axis"])
    size, index = call.shape[at], call["index"]
    if isinstance(size, int) and not -size <= index < size:
        raise _too_short(call, size, f"the one at {index}", "index")
    return (*call.shape[:at], *call.shape[at + 1 :])


def slice_size(size: Size, start: int, stop: Size | None, step: int) -> Size | None:
    """Return the number of places that a slice takes of ``size``; None if that depends on an unknown size.

    >>> slice_size(10, 2, None, 3), slice_size(10, -4, -1, 1), slice_size(3, 0, 10, 1)
    (3, 3, 3)
    >>> from seqtopo.layers.sizes import symbol
    >>> str(slice_size(symbol("T"), 1, -1, 1)), slice_size(symbol("T"), 0, 10, 1)
    ('T-2', 10)
    """
    if isinstance(size, int) and (stop is None or isinstance(stop, int)):
        return len(range(*slice(start, stop, step).indices(size)))
    if stop is not None and not isinstance(stop, int):
        return ceil_div(stop - start, step) if start >= 0 else None
    if stop is None:
        return ceil_div(size - start if start >= 0 else -start, step)
    if (start >= 0) == (stop >= 0):
        return ceil_div(max(stop - start, 0), step)
    return ceil_div(size + stop - start, step) if start >= 0 else None


def slice_rule(call: LayerCall) -> Shape:
    """Return the shape of ``slice``."""
    at = axis_index(call, "axis", call["axis"])
    size = call.shape[at]
    start, stop, step = call["start"], call["stop"], call["step"]
    if isinstance(size, int) and isinstance(stop, int) and stop > size:
        raise _too_short(call, size, f"those up to {stop}", "stop")
    taken = slice_size(size, start, stop, step)
    if taken is None:
        raise call.refuse(
            "ST308",
            f"cannot tell how many of {size} lie between {start} and {stop}",
            label="depends on a size that is not known",
            help="count both ends from the same side",
            at=("argument", "stop"),
        )
    return _resized(call, taken)


def same_rule(call: LayerCall) -> Shape:
    """Return the shape as it came, where the axis is one."""
    if "axis" in call.args:
        axis_index(call, "axis", call["axis"])
    return call.shape


def by_element_rule(call: LayerCall) -> Shape:
    """Return the shape as it came, of fractions only."""
    check_floats(call)
    return call.shape


def pad_rule(call: LayerCall) -> Shape:
    """Return the shape of ``pad``."""
    at = axis_index(call, "axis", call["axis"])
    if call.inputs[0].dtype == "bool":
        raise call.refuse(
            "ST310", "pads numbers, but is given bool", label="is bool", help="-> cast(int32) first"
        )
    return _resized(call, call["before"] + call.shape[at] + call["after"])


def crop_rule(call: LayerCall) -> Shape:
    """Return the shape of ``crop``."""
    at = axis_index(call, "axis", call["axis"])
    return _resized(call, call.shape[at] - call["before"] - call["after"])


def reduced(call: LayerCall) -> Shape:
    """Return the incoming shape without the axes that ``axis`` names, or with 1 for each under
    ``keepdims``.
    """
    gone = axis_indices(call)
    if call.args.get("keepdims"):
        return tuple(1 if i in gone else s for i, s in enumerate(call.shape))
    return tuple(s for i, s in enumerate(call.shape) if i not in gone)


def mean_rule(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``mean``: whole numbers have a mean in fractions."""
    dtype = call.inputs[0].dtype
    return Outcome((Tensor(reduced(call), dtype if dtype in FLOATS else "float32"),))


SUMS = dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "int32")


def sum_rule(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``sum``: small whole numbers are added up as int32."""
    dtype = call.inputs[0].dtype
    return Outcome((Tensor(reduced(call), SUMS.get(dtype, dtype)),))


def cumsum_rule(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``cumsum``."""
    dtype = call.inputs[0].dtype
    return Outcome((Tensor(same_rule(call), "int32" if dtype == "bool" else dtype),))


def calculated_rule(call: LayerCall) -> Outcome:
    """Return the shape and dtype of ``scale`` and ``shift``: whole numbers stay whole where the argument is
    whole.
    """
    name = call.row.positional[0]
    amount = call[name]
    incoming = call.inputs[0]
    several = amount if isinstance(amount, tuple) else (amount,)
    if isinstance(amount, tuple) and (not call.shape or call.shape[-1] != len(amount)):
        raise call.refuse(
            "ST302",
            f"is given {len(amount)} numbers for the features of {incoming}",
            label=f"{len(amount)} numbers",
            help="give one number, or one for each feature",
            at=("argument", name),
        )
    if incoming.dtype == "bool":
        raise call.refuse(
            "ST310", "needs numbers, but is given bool", label="is bool", help="-> cast(float32) first"
        )
    whole = all(isinstance(a, int) for a in several)
    return Outcome(
        (Tensor(incoming.shape, incoming.dtype if whole or incoming.dtype in FLOATS else "float32"),)
    )


def squeeze_rule(call: LayerCall) -> Shape:
    """Return the shape of ``squeeze``."""
    at = axis_index(call, "axis", call["axis"])
    if call.shape[at] != 1:
        raise call.refuse(
            "ST302",
            f"drops an axis of size 1, but axis {call['axis']} of {call.inputs[0]} has {call.shape[at]}",
            label=f"is {call.inputs[0]}",
            help="take one place of it with at(0), or reduce it: mean, sum, max",
            at=("argument", "axis"),
        )
    return (*call.shape[:at], *call.shape[at + 1 :])


def expand_rule(call: LayerCall) -> Shape:
    """Return the shape of ``expand``."""
    wider = (*call.shape, 1)
    at = axis_index(call, "axis", call["axis"], wider)
    return (*call.shape[:at], 1, *call.shape[at:])


def swap_rule(call: LayerCall) -> Shape:
    """Return the shape of ``swap``."""
    a = axis_index(call, "first", call["first"])
    b = axis_index(call, "second", call["second"])
    shape = list(call.shape)
    shape[a], shape[b] = shape[b], shape[a]
    return tuple(shape)


def cast_rule(call: LayerCall) -> Outcome:
    """Return the shape as it came, in the dtype asked for."""
    return Outcome((Tensor(call.shape, call["dtype"]),))


def one_hot_rule(call: LayerCall) -> Outcome:
    """Return the shape of ``one_hot``: one more axis."""
    incoming = call.inputs[0]
    if incoming.dtype in FLOATS or incoming.dtype == "bool":
        raise call.refuse(
            "ST310",
            f"takes ids, but is given {incoming.dtype}",
            label=f"is {incoming.dtype}",
            help="declare the input as ids: in(T,int)",
            at=("input", 0),
        )
    return Outcome((Tensor((*incoming.shape, call["n"]), "float32"),))


def positions_rule(call: LayerCall) -> Shape:
    """Return the shape of ``pos``, which stays; the table must reach as far as the steps."""
    check_floats(call)
    steps, length = call.shape[0], call["length"]
    if call["sin"]:
        if not isinstance(call.shape[1], int) and is_open(call.shape[1]):
            raise _unknown_width(call)
        return call.shape
    if length is None and is_open(steps):
        raise call.refuse(
            "ST308",
            f"learns a vector for each position, but is given {call.inputs[0]}: how many is not known",
            label="the number of steps is not known",
            help="give the most there can be, as in pos(512), or use pos(sin), which has no table",
            at=("input", 0),
        )
    if isinstance(length, int) and isinstance(steps, int) and length < steps:
        raise call.refuse(
            "ST315",
            f"has {length} positions, but is given {steps} steps",
            label=f"{length} positions for {steps} steps",
            help=f"write pos({steps}), or leave the number out",
            at=("argument", "length"),
        )
    return call.shape


def _unknown_width(call: LayerCall) -> Exception:
    return call.refuse(
        "ST308",
        f"needs to know how many features there are, but is given {call.inputs[0]}",
        label="the number of features is not known",
        help="write it in in(...), or project first: -> dense(64)",
        at=("input", 0),
    )


def table_weights(call: LayerCall) -> tuple[Weight, ...]:
    """Return the table of learned positions."""
    if call["sin"]:
        return ()
    steps = call.shape[0] if call["length"] is None else call["length"]
    return (Weight("embeddings", (steps, call.shape[1])),)
