"""Small operations on sequences that Keras has no layer for, built of stock layers and ``keras.ops``.

A saved model holds these by Keras' own names, and loads in a process without seqtopo. What is said
of masks here is what the emitter makes true: a mask follows its steps, and masked steps come out as
zeros where an operation has to make the mask anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers.axes import axis_index, axis_indices
from seqtopo.layers.kinds import Kind
from seqtopo.layers.parameters import check_floats
from seqtopo.layers.row import Given, Outcome, Param, Row
from seqtopo.layers.sizes import Shape, Size, ceil_div, is_open
from seqtopo.layers.values import DTYPES, FLOATS, Misfit, Tensor, Weight, Word

AXIS = Param("axis", k.AXIS, 1, keras="")
KEEPDIMS = Param("keepdims", k.BOOL, False, keras="")
_ONE_AXIS = Kind(k.AXIS.words, k.AXIS.read)
"""An axis that is given by position only: two such words in one call must not be flags."""


def _resized(given: Given, size: Size, name: str = "axis") -> Shape:
    """The incoming shape with another size along the axis that an argument names."""
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


def _ends(given: Given) -> Shape:
    """``last`` and ``first``: so many steps of one end."""
    size = given.shape[axis_index(given, "axis", given["axis"])]
    n = given["n"]
    if isinstance(size, int) and isinstance(n, int) and n > size:
        raise _too_short(given, size, f"{n}", "n")
    return _resized(given, n)


def _at(given: Given) -> Shape:
    at = axis_index(given, "axis", given["axis"])
    size, index = given.shape[at], given["index"]
    if isinstance(size, int) and not -size <= index < size:
        raise _too_short(given, size, f"the one at {index}", "index")
    return (*given.shape[:at], *given.shape[at + 1 :])


def slice_size(size: Size, start: int, stop: Size | None, step: int) -> Size | None:
    """How many places a slice takes of ``size``; None where that depends on a size not known.

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


def _slice(given: Given) -> Shape:
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


def _same(given: Given) -> Shape:
    if "axis" in given.args:
        axis_index(given, "axis", given["axis"])
    return given.shape


def _by_element(given: Given) -> Shape:
    check_floats(given)
    return given.shape


def _pad(given: Given) -> Shape:
    at = axis_index(given, "axis", given["axis"])
    if given.inputs[0].dtype == "bool":
        raise given.refuse(
            "ST310", "pads numbers, but is given bool", label="is bool", help="-> cast(int32) first"
        )
    return _resized(given, given["before"] + given.shape[at] + given["after"])


def _crop(given: Given) -> Shape:
    at = axis_index(given, "axis", given["axis"])
    return _resized(given, given.shape[at] - given["before"] - given["after"])


def reduced(given: Given) -> Shape:
    """The incoming shape without the axes that ``axis`` names, or with 1 for each under ``keepdims``."""
    gone = axis_indices(given)
    if given["keepdims"]:
        return tuple(1 if i in gone else s for i, s in enumerate(given.shape))
    return tuple(s for i, s in enumerate(given.shape) if i not in gone)


def _mean(given: Given) -> Outcome:
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(reduced(given), dtype if dtype in FLOATS else "float32"),))


_SUMS = dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "int32")


def _sum(given: Given) -> Outcome:
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(reduced(given), _SUMS.get(dtype, dtype)),))


def _cumsum(given: Given) -> Outcome:
    dtype = given.inputs[0].dtype
    return Outcome((Tensor(_same(given), "int32" if dtype == "bool" else dtype),))


def _calculated(given: Given) -> Outcome:
    """``scale`` and ``shift``: whole numbers stay whole where the argument is whole."""
    name = given.row.positional[0]
    amount = given[name]
    came = given.inputs[0]
    several = amount if isinstance(amount, tuple) else (amount,)
    if isinstance(amount, tuple) and (not given.shape or given.shape[-1] != len(amount)):
        raise given.refuse(
            "ST302",
            f"is given {len(amount)} numbers for the features of {came}",
            label=f"{len(amount)} numbers",
            help="give one number, or one for each feature",
            at=("argument", name),
        )
    if came.dtype == "bool":
        raise given.refuse(
            "ST310", "needs numbers, but is given bool", label="is bool", help="-> cast(float32) first"
        )
    whole = all(isinstance(a, int) for a in several)
    return Outcome((Tensor(came.shape, came.dtype if whole or came.dtype in FLOATS else "float32"),))


def _squeeze(given: Given) -> Shape:
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


def _expand(given: Given) -> Shape:
    wider = (*given.shape, 1)
    at = axis_index(given, "axis", given["axis"], wider)
    return (*given.shape[:at], 1, *given.shape[at:])


def _swap(given: Given) -> Shape:
    a = axis_index(given, "first", given["first"])
    b = axis_index(given, "second", given["second"])
    shape = list(given.shape)
    shape[a], shape[b] = shape[b], shape[a]
    return tuple(shape)


def _cast(given: Given) -> Outcome:
    return Outcome((Tensor(given.shape, given["dtype"]),))


def _one_hot(given: Given) -> Outcome:
    came = given.inputs[0]
    if came.dtype in FLOATS or came.dtype == "bool":
        raise given.refuse(
            "ST310",
            f"takes ids, but is given {came.dtype}",
            label=f"is {came.dtype}",
            help="declare the input as ids: in(T,int)",
            at=("input", 0),
        )
    return Outcome((Tensor((*came.shape, given["n"]), "float32"),))


def _positions(given: Given) -> Shape:
    """``pos``: the shape stays; the table must reach as far as the steps."""
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


def _table(given: Given) -> tuple[Weight, ...]:
    if given["sin"]:
        return ()
    steps = given.shape[0] if given["length"] is None else given["length"]
    return (Weight("embeddings", (steps, given.shape[1])),)


def _read_plain_dtype(value: Any) -> Any:
    text = value.name if isinstance(value, Word) else value
    if isinstance(text, str) and text in DTYPES:
        return text
    raise Misfit(f"a dtype: {', '.join(DTYPES)}", DTYPES)


_DTYPE = Kind("a dtype such as float32 or int32", _read_plain_dtype, flags=DTYPES)
_AMOUNT = k.either(k.NUMBER, k.each(k.NUMBER))


def _own(name: str, kind: Kind, **more: Any) -> Param:
    """A parameter of an operation: Keras has none of its name."""
    return Param(name, kind, keras="", **more)


def _operation(name: str, about: str, example: str, params: tuple[Param, ...] = (), **more: Any) -> Row:
    """A row without a Keras layer; every parameter but the flags is positional, in its order."""
    positional = tuple(p.name for p in params if p.kind is not k.BOOL and p.name not in more.get("named", ()))
    more.pop("named", None)
    settings: Mapping[str, Any] = {"shape": "... -> ...", "dtype": "keep", "emit": name, **more}
    return Row(name, "", about, example=example, params=params, positional=positional, **settings)


_MASKED = "Masked steps take no part."
_FOLLOWS = "A mask follows its steps."
_REDUCED = (_own("axis", k.AXES), KEEPDIMS)

ROWS = (
    _operation(
        "last",
        "The last n steps, or the last n of another axis.",
        "in(T,8) -> lstm(4,seq) -> last(3)",
        (_own("n", k.SIZE), AXIS),
        rule=_ends,
        note=_FOLLOWS,
    ),
    _operation(
        "first",
        "The first n steps, or the first n of another axis.",
        "in(T,8) -> first(3)",
        (_own("n", k.SIZE), AXIS),
        rule=_ends,
        note=_FOLLOWS,
    ),
    _operation(
        "at",
        "One step, without the time axis; counted from the end where negative.",
        "in(T,8) -> at(-1)",
        (_own("index", k.integer()), AXIS),
        rule=_at,
    ),
    _operation(
        "slice",
        "The steps from start up to stop, every step-th; counted from the end where negative.",
        "in(T,8) -> slice(1,-1)",
        (
            _own("start", k.integer()),
            _own("stop", k.optional(k.either(k.integer(), k.COUNT)), default=None),
            _own("step", k.integer(1), default=1),
            AXIS,
        ),
        rule=_slice,
        note=_FOLLOWS,
    ),
    _operation(
        "flip",
        "The steps in reverse, or another axis.",
        "in(T,8) -> flip",
        (AXIS,),
        rule=_same,
        note=_FOLLOWS,
    ),
    _operation(
        "pad",
        "Steps of zeros, or of another value, before and after.",
        "in(T,8) -> pad(0,4)",
        (_own("before", k.COUNT), _own("after", k.COUNT), AXIS, _own("value", k.NUMBER, default=0)),
        rule=_pad,
        named=("value",),
        note="The new steps are not masked.",
    ),
    _operation(
        "crop",
        "The sequence without so many steps before and after.",
        "in(T,8) -> crop(1,1)",
        (_own("before", k.COUNT), _own("after", k.COUNT), AXIS),
        rule=_crop,
        note=_FOLLOWS,
    ),
    _operation(
        "mean",
        "The mean over an axis, or over several.",
        "in(T,8) -> mean(time)",
        _REDUCED,
        rule=_mean,
        note=_MASKED,
    ),
    _operation(
        "sum",
        "The sum over an axis, or over several.",
        "in(T,8) -> sum(time)",
        _REDUCED,
        rule=_sum,
        note=_MASKED,
    ),
    _operation(
        "cumsum",
        "The running sum along the steps, or along another axis.",
        "in(T,8) -> cumsum",
        (AXIS,),
        rule=_cumsum,
        note=_FOLLOWS,
    ),
    _operation(
        "scale",
        "Every number times a factor; a tuple holds one for each feature.",
        "in(T,8) -> scale(0.5)",
        (_own("factor", _AMOUNT),),
        rule=_calculated,
        note=_FOLLOWS,
    ),
    _operation(
        "shift",
        "Every number plus an amount; a tuple holds one for each feature.",
        "in(T,int) -> shift(1) -> embed(100,8)",
        (_own("amount", _AMOUNT),),
        rule=_calculated,
        note=_FOLLOWS,
    ),
    *(
        _operation(name, about, f"in(T,8) -> {name}", rule=_by_element, note=_FOLLOWS)
        for name, about in (
            ("abs", "The size of every number, without its sign."),
            ("exp", "e to the power of every number."),
            ("log", "The natural logarithm of every number."),
            ("sqrt", "The square root of every number."),
            ("square", "Every number times itself."),
        )
    ),
    _operation(
        "squeeze",
        "The value without an axis of size 1.",
        "in(T,1) -> squeeze(features)",
        (_own("axis", k.AXIS),),
        rule=_squeeze,
    ),
    _operation(
        "expand",
        "The value with a new axis of size 1 where axis says.",
        "in(8) -> expand(1)",
        (_own("axis", k.AXIS),),
        rule=_expand,
    ),
    _operation(
        "swap",
        "Two axes in each other's place: time and features, unless others are named.",
        "in(T,8) -> swap",
        (_own("first", _ONE_AXIS, default=1), _own("second", _ONE_AXIS, default=2)),
        rule=_swap,
    ),
    _operation(
        "cast",
        "The same numbers in another dtype.",
        "in(T,int) -> cast(float32)",
        (_own("dtype", _DTYPE),),
        rule=_cast,
        note=_FOLLOWS,
    ),
    _operation(
        "one_hot",
        "Ids as vectors of n numbers, 1 at the id's place and 0 elsewhere.",
        "in(T,int) -> one_hot(20)",
        (_own("n", k.SIZE),),
        rule=_one_hot,
    ),
    _operation(
        "pos",
        "Adds a learned vector for each position, or with sin the sinusoids of Vaswani et al. (2017).",
        "in(80,64) -> pos",
        (
            _own("length", k.optional(k.SIZE), default=None),
            _own("sin", k.BOOL, default=False),
            Param("embeddings_initializer", k.INITIALIZER, "uniform"),
            Param("trainable", k.BOOL, True, flags={"frozen": False}),
        ),
        named=("embeddings_initializer", "trainable"),
        shape="T F -> T F",
        rule=_positions,
        weights=_table,
        note="The learned vectors are the weight of an Embedding layer. A mask follows its steps.",
    ),
)
