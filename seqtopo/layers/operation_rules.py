"""Shape rules of the small operations: their output shapes, and their refusals."""

from __future__ import annotations

from seqtopo.layers.parameters import axis_index, axis_indices, check_floats
from seqtopo.layers.row import Given, Outcome
from seqtopo.layers.sizes import Shape, Size, ceil_div, is_open
from seqtopo.layers.values import FLOATS, Tensor, Weight


def _resized(given: Given, size: Size, name: str = "axis") -> Shape:
    """Return the incoming shape with another size along the axis that an argument names."""
    at = axis_index(given, name, given[name])
    return (*given.shape[:at], size, *given.shape[at + 1 :])


def _too_short(given: Given, size: Size, wants: str, argument: str) -> Exception:
    axis = "steps" if given["axis"] == 1 else "places"
    return given.refuse(
        "ST306",
        f"wants {wants}, but is given {given.inputs[0]}, which has {size} {axis}",
        label=f"has only {size}",
        help="ask for fewer, or give it a longer sequence",
        at=("argument", argument),
    )


def ends_rule(given: Given) -> Shape:
    """Return the shape of ``last`` and ``first``: so many steps of one end."""
    size = given.shape[axis_index(given, "axis", given["axis"])]
    n = given["n"]
    if isinstance(size, int) and isinstance(n, int) and n > size:
        raise _too_short(given, size, f"{n}", "n")
    return _resized(given, n)


def at_rule(given: Given) -> Shape:
    """Return the shape of ``at``: without the axis."""
    at = axis_index(given, "axis", given["axis"])
    size, index = given.shape[at], given["index"]
    if isinstance(size, int) and not -size <= index < size:
        raise _too_short(given, size, f"the one at {index}", "index")
    return (*given.shape[:at], *given.shape[at + 1 :])


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


def slice_rule(given: Given) -> Shape:
    """Return the shape of ``slice``."""
    at = axis_index(given, "axis", given["axis"])
    size = given.shape[at]
    start, stop, step = given["start"], given["stop"], given["step"]
    if isinstance(size, int) and isinstance(stop, int) and stop > size:
        raise _too_short(given, size, f"those up to {stop}", "stop")
    taken = slice_size(size, start, stop, step)
    if taken is None:
        raise given.refuse(
            "ST308",
            f"cannot tell how many of {size} lie between {start} and {stop}",
            label="depends on a size that is not known",
            help="count both ends from the same side",
            at=("argument", "stop"),
        )
    return _resized(given, taken)


def same_rule(given: Given) -> Shape:
    """Return the shape as it came, where the axis is one."""
    if "axis" in given.args:
        axis_index(given, "axis", given["axis"])
    return given.shape


def by_element_rule(given: Given) -> Shape:
    """Return the shape as it came, of fractions only."""
    check_floats(given)
    return given.shape


def pad_rule(given: Given) -> Shape:
    """Return the shape of ``pad``."""
    at = axis_index(given, "axis", given["axis"])
    if given.inputs[0].dtype == "bool":
        raise given.refuse(
            "ST310", "pads numbers, but is given bool", label="is bool", help="-> cast(int32) first"
        )
    return _resized(given, given["before"] + given.shape[at] + given["after"])


def crop_rule(given: Given) -> Shape:
    """Return the shape of ``crop``."""
    at = axis_index(given, "axis", given["axis"])
    return _resized(given, given.shape[at] - given["before"] - given["after"])


def reduced(given: Given) -> Shape:
    """Return the incoming shape without the axes that ``axis`` names, or with 1 for each under
    ``keepdims``.
    """
    gone = axis_indices(given)
    if given.args.get("keepdims"):
        return tuple(1 if i in gone else s for i, s in enumerate(given.shape))
    return tuple(s for i, s in enumerate(given.shape) if i not in gone)


def mean_rule(given: Given) -> Outcome:
    """Return the shape and dtype of ``mean``: whole numbers have a mean in fractions."""
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(reduced(given), dtype if dtype in FLOATS else "float32"),))


SUMS = dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "int32")


def sum_rule(given: Given) -> Outcome:
    """Return the shape and dtype of ``sum``: small whole numbers are added up as int32."""
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(reduced(given), SUMS.get(dtype, dtype)),))


def cumsum_rule(given: Given) -> Outcome:
    """Return the shape and dtype of ``cumsum``."""
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(same_rule(given), "int32" if dtype == "bool" else dtype),))


def calculated_rule(given: Given) -> Outcome:
    """Return the shape and dtype of ``scale`` and ``shift``: whole numbers stay whole where the argument is
    whole.
    """
    name = given.row.positional[0]
    amount = given[name]
    incoming = given.inputs[0]
    several = amount if isinstance(amount, tuple) else (amount,)
    if isinstance(amount, tuple) and (not given.shape or given.shape[-1] != len(amount)):
        raise given.refuse(
            "ST302",
            f"is given {len(amount)} numbers for the features of {incoming}",
            label=f"{len(amount)} numbers",
            help="give one number, or one for each feature",
            at=("argument", name),
        )
    if incoming.dtype == "bool":
        raise given.refuse(
            "ST310", "needs numbers, but is given bool", label="is bool", help="-> cast(float32) first"
        )
    whole = all(isinstance(a, int) for a in several)
    return Outcome(
        (Tensor(incoming.shape, incoming.dtype if whole or incoming.dtype in FLOATS else "float32"),)
    )


def squeeze_rule(given: Given) -> Shape:
    """Return the shape of ``squeeze``."""
    at = axis_index(given, "axis", given["axis"])
    if given.shape[at] != 1:
        raise given.refuse(
            "ST302",
            f"drops an axis of size 1, but axis {given['axis']} of {given.inputs[0]} has {given.shape[at]}",
            label=f"is {given.inputs[0]}",
            help="take one place of it with at(0), or reduce it: mean, sum, max",
            at=("argument", "axis"),
        )
    return (*given.shape[:at], *given.shape[at + 1 :])


def expand_rule(given: Given) -> Shape:
    """Return the shape of ``expand``."""
    wider = (*given.shape, 1)
    at = axis_index(given, "axis", given["axis"], wider)
    return (*given.shape[:at], 1, *given.shape[at:])


def swap_rule(given: Given) -> Shape:
    """Return the shape of ``swap``."""
    a = axis_index(given, "first", given["first"])
    b = axis_index(given, "second", given["second"])
    shape = list(given.shape)
    shape[a], shape[b] = shape[b], shape[a]
    return tuple(shape)


def cast_rule(given: Given) -> Outcome:
    """Return the shape as it came, in the dtype asked for."""
    return Outcome((Tensor(given.shape, given["dtype"]),))


def one_hot_rule(given: Given) -> Outcome:
    """Return the shape of ``one_hot``: one more axis."""
    incoming = given.inputs[0]
    if incoming.dtype in FLOATS or incoming.dtype == "bool":
        raise given.refuse(
            "ST310",
            f"takes ids, but is given {incoming.dtype}",
            label=f"is {incoming.dtype}",
            help="declare the input as ids: in(T,int)",
            at=("input", 0),
        )
    return Outcome((Tensor((*incoming.shape, given["n"]), "float32"),))


def positions_rule(given: Given) -> Shape:
    """Return the shape of ``pos``, which stays; the table must reach as far as the steps."""
    check_floats(given)
    steps, length = given.shape[0], given["length"]
    if given["sin"]:
        if not isinstance(given.shape[1], int) and is_open(given.shape[1]):
            raise _unknown_width(given)
        return given.shape
    if length is None and is_open(steps):
        raise given.refuse(
            "ST308",
            f"learns a vector for each position, but is given {given.inputs[0]}: how many is not known",
            label="the number of steps is not known",
            help="give the most there can be, as in pos(512), or use pos(sin), which has no table",
            at=("input", 0),
        )
    if isinstance(length, int) and isinstance(steps, int) and length < steps:
        raise given.refuse(
            "ST315",
            f"has {length} positions, but is given {steps} steps",
            label=f"{length} positions for {steps} steps",
            help=f"write pos({steps}), or leave the number out",
            at=("argument", "length"),
        )
    return given.shape


def _unknown_width(given: Given) -> Exception:
    return given.refuse(
        "ST308",
        f"needs to know how many features there are, but is given {given.inputs[0]}",
        label="the number of features is not known",
        help="write it in in(...), or project first: -> dense(64)",
        at=("input", 0),
    )


def table_weights(given: Given) -> tuple[Weight, ...]:
    """Return the table of learned positions."""
    if given["sin"]:
        return ()
    steps = given.shape[0] if given["length"] is None else given["length"]
    return (Weight("embeddings", (steps, given.shape[1])),)
