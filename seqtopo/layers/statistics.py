"""Functions of ``keras.ops`` along an axis: statistics over it, and sums, orders and steps along it.

Keras' functions know no masks: every step counts, masked or not. ``mean``, ``sum``, ``max`` and ``min``, that
leave masked steps out, stand in `operations` and `merging`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import timing
from seqtopo.layers.elementwise_rules import fraction
from seqtopo.layers.merging import refuse_bool
from seqtopo.layers.operation_rules import SUMS, reduced
from seqtopo.layers.operations import AXIS, KEEPDIMS, operation_row
from seqtopo.layers.parameters import axis_index, axis_indices
from seqtopo.layers.products import at_least, check_fractions
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, Rule
from seqtopo.layers.sizes import Shape
from seqtopo.layers.step_windows import Bound, OutputTime, TimedCall, Window, every
from seqtopo.layers.values import Tensor

_AXES = Param("axis", k.AXES)
_ONE_AXIS = Param("axis", k.AXIS)
_LAST = Param("axis", k.AXIS, -1)
_EVERY = "Every step counts, masked or not."
_PRODUCTS = SUMS | {"uint8": "uint32", "uint16": "uint32"}
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


# ---- shapes --------------------------------------------------------------------------------------------


def _reduces(dtype: Callable[[str], str], numbers: bool = True) -> Rule:
    def rule(call: LayerCall) -> Outcome:
        if numbers:
            refuse_bool(call)
        return Outcome((Tensor(reduced(call), dtype(call.inputs[0].dtype)),))

    return rule


def _norm(call: LayerCall) -> Outcome:
    refuse_bool(call)
    axes, order = axis_indices(call), call["ord"]
    known = (None, 1, -1, 2, -2, "fro", "nuc") if len(axes) == 2 else (None,)
    vector = len(axes) == 1 and not isinstance(order, str)
    if not vector and (len(axes) > 2 or order not in known):
        raise call.refuse(
            "ST203",
            f"has no norm {order} over {len(axes)} axes" if len(axes) < 3 else "works over one axis or two",
            label=f"over {len(axes)} axes",
            help="over one axis any number; over two fro, nuc, 1, -1, 2 or -2",
            at=("argument", "ord" if len(axes) < 3 else "axis"),
        )
    return Outcome((Tensor(reduced(call), fraction(call.inputs[0].dtype)),))


def _kept(dtype: str) -> str:
    return dtype


def _along(dtype: Callable[[str], str]) -> Rule:
    def rule(call: LayerCall) -> Outcome:
        refuse_bool(call)
        axis_index(call, "axis", call["axis"])
        return Outcome((Tensor(call.shape, dtype(call.inputs[0].dtype)),))

    return rule


def _difference(call: LayerCall) -> Shape:
    refuse_bool(call)
    at = axis_index(call, "axis", call["axis"])
    size, n = call.shape[at], call["n"]
    if isinstance(size, int) and size <= n:
        raise call.refuse(
            "ST306",
            f"takes the differences of {n + 1} places, but is given {call.inputs[0]}, which has {size}",
            label=f"has only {size}",
            help="take fewer differences, or give it a longer sequence",
            at=("argument", "n"),
        )
    return (*call.shape[:at], size - n, *call.shape[at + 1 :])


def _partition(call: LayerCall) -> Outcome:
    refuse_bool(call)
    size, place = call.shape[axis_index(call, "axis", call["axis"])], call["kth"]
    if isinstance(size, int) and place >= size:
        raise call.refuse(
            "ST306",
            f"puts the place {place} in order, but is given {call.inputs[0]}, which has {size} there",
            label=f"is not among {size}",
            help=f"write a number from 0 to {size - 1}",
            at=("argument", "kth"),
        )
    return Outcome((Tensor(call.shape, "int32"),))


def _moments(call: LayerCall) -> Outcome:
    check_fractions(call)
    gone = axis_indices(call, "axes")
    if call["keepdims"]:
        shape: Shape = tuple(1 if i in gone else s for i, s in enumerate(call.shape))
    else:
        shape = tuple(s for i, s in enumerate(call.shape) if i not in gone)
    moment = Tensor(shape, fraction(call.inputs[0].dtype))
    return Outcome((moment, moment))


# ---- codes ---------------------------------------------------------------------------------------------


def _line(call: LayerCall, name: str) -> None:
    if len(k.array_shape(call[name])) != 1:
        raise call.refuse(
            "ST203",
            f"takes a row of numbers as {name}",
            label="no row of numbers",
            help="write numbers in parentheses, the smallest first: (0,0.5,1)",
            at=("argument", name),
        )


def _bins(name: str) -> Rule:
    def rule(call: LayerCall) -> Outcome:
        refuse_bool(call)
        _line(call, name)
        return Outcome((Tensor(call.shape, "int32"),))

    return rule


def _isin(call: LayerCall) -> Outcome:
    refuse_bool(call)
    return Outcome((Tensor(call.shape, "bool"),))


def _top_k(call: LayerCall) -> Outcome:
    refuse_bool(call)
    shape = at_least(call, 1, "(..., N)")
    size, count = shape[-1], call["k"]
    if isinstance(size, int) and isinstance(count, int) and count > size:
        raise call.refuse(
            "ST306",
            f"wants the {count} largest of {call.inputs[0]}, which has {size} places",
            label=f"has only {size}",
            help="ask for fewer, or give it a longer last axis",
            at=("argument", "k"),
        )
    shape = (*shape[:-1], count)
    return Outcome((Tensor(shape, call.inputs[0].dtype), Tensor(shape, "int32")))


# ---- times ---------------------------------------------------------------------------------------------


def _roll_window(call: TimedCall) -> OutputTime:
    """Return the window of a roll: each step is another one, and the ends join."""
    if call.axis not in call.axes():
        return timing.keeps(call)
    return OutputTime(call.axis, every(call.steps, Bound(1, 0 - call.get("shift")), False))


def _difference_window(call: TimedCall) -> OutputTime:
    """Return the window of a difference: each step is made from itself and so many steps behind it."""
    if call.axis not in call.axes():
        return timing.keeps(call)
    last = Bound(1, call.get("n"))
    return OutputTime(call.axis, Window(Bound(1, 0), last, last))


def _ranks(call: TimedCall) -> OutputTime:
    last = call.axis == len(call.in_shape) - 1
    return OutputTime(call.axis, every(call.steps, None, False)) if last else timing.keeps(call)


def _moments_of(call: TimedCall) -> OutputTime:
    return timing.removes(call._replace(get=lambda name: call.get("axes" if name == "axis" else name)))


# ---- rows ----------------------------------------------------------------------------------------------


def _reduction_row(name: str, about: str, rule: Rule, *before: Param, axis: Param = _AXES) -> Row:
    """Return the row of a function over an axis, or over several."""
    params = (*before, axis, KEEPDIMS)
    given = {"q": "0.5,", "ord": ""}
    first = "".join(given[p.name] for p in before if p.name in given)
    signature = ", ".join(p.name for p in params)
    example = f"in(T,8) -> {name}({first}{'axis=' if before and not first else ''}time)"
    return operation_row(
        name,
        about,
        example,
        params,
        rule=rule,
        time=timing.removes,
        role="reduction",
        function=f"{name.removeprefix('linalg_')}(x, {signature})",
        note=_EVERY,
    )


def _quantile(name: str, about: str, most: int) -> Row:
    """Return the row of a quantile; Keras puts the axis of several before the batch, so that it is one."""
    row = _reduction_row(name, about, _reduces(fraction), Param("q", k.number(0, most)))
    *params, keepdims = row.params
    method = Param("method", k.choice(*METHODS, flags=False), "linear")
    return operation_row(
        name,
        about,
        row.example,
        (*params, method, keepdims),
        named=("method",),
        rule=row.rule,
        time=row.time,
        mask=row.mask,
        role=row.role,
        function=f"{name}(x, q, axis, method, keepdims)",
        note=_EVERY,
    )


def _coded(
    name: str, about: str, example: str, signature: str, rule: Rule, *params: Param, **more: Any
) -> Row:
    """Return the row of a function that gives places, or the numbers at them."""
    function = f"{name}({signature})"
    return operation_row(name, about, example, params, rule=rule, function=function, **more)


def _step_by_step(name: str, about: str, dtype: Callable[[str], str]) -> Row:
    return operation_row(
        name,
        about,
        f"in(T,8) -> {name}",
        (AXIS,),
        rule=_along(dtype),
        time=timing.sums_up,
        role="accumulation",
        function=f"{name}(x, axis, dtype)",
        note=_EVERY,
    )


_FRACTIONS = (
    ("std", "The standard deviation over an axis, or over several."),
    ("var", "The variance over an axis, or over several."),
    ("median", "The median over an axis, or over several."),
    ("logsumexp", "The logarithm of the sum of e to the power of each, over an axis."),
    ("nanmean", "The mean of all that is not NaN."),
    ("nanmedian", "The median of all that is not NaN."),
    ("nanstd", "The standard deviation of all that is not NaN."),
    ("nanvar", "The variance of all that is not NaN."),
)
_ADDED = (
    ("prod", "The product over an axis, or over several.", "prod(x, axis, keepdims, dtype)"),
    ("nanprod", "The product of all that is not NaN.", ""),
    ("nansum", "The sum of all that is not NaN.", ""),
)
_EXTREMES = (
    ("ptp", "The largest minus the smallest over an axis, or over several."),
    ("nanmax", "The largest of all that is not NaN."),
    ("nanmin", "The smallest of all that is not NaN."),
)
_TRUTHS = (
    ("all", "Whether all over an axis are true, or not 0."),
    ("any", "Whether any over an axis is true, or not 0."),
)
_PLACES = (
    ("argmax", "The place of the largest along an axis, as a whole number."),
    ("argmin", "The place of the smallest along an axis, as a whole number."),
    ("nanargmax", "The place of the largest that is not NaN."),
    ("nanargmin", "The place of the smallest that is not NaN."),
)


def _int32(dtype: str) -> str:
    return "int32"


def _bool(dtype: str) -> str:
    return "bool"


def _product(dtype: str) -> str:
    return _PRODUCTS.get(dtype, dtype)


ROWS = (
    *(_reduction_row(name, about, _reduces(fraction)) for name, about in _FRACTIONS),
    *(_reduction_row(name, about, _reduces(_product)) for name, about, _ in _ADDED),
    *(_reduction_row(name, about, _reduces(_kept)) for name, about in _EXTREMES),
    *(_reduction_row(name, about, _reduces(_bool, numbers=False)) for name, about in _TRUTHS),
    *(_reduction_row(name, about, _reduces(_int32), axis=_ONE_AXIS) for name, about in _PLACES),
    _reduction_row(
        "linalg_norm",
        "The norm over an axis, or over two that are a matrix. On JAX, Keras fails when it runs it.",
        _norm,
        Param("ord", k.optional(k.either(k.NUMBER, k.choice("fro", "nuc", flags=False))), None),
    ),
    _quantile(
        "quantile",
        "The number below which a share of those over an axis lies. On JAX, Keras fails when it runs it.",
        1,
    ),
    _quantile("percentile", "The number below which so many per cent of those over an axis lie.", 100),
    _quantile("nanquantile", "A quantile of all that is not NaN.", 1),
    _quantile("nanpercentile", "A percentile of all that is not NaN.", 100),
    operation_row(
        "moments",
        "The mean and the variance over an axis, as two values.",
        "in(T,8) -> moments(time) -> concat",
        (Param("axes", k.AXES), KEEPDIMS),
        rule=_moments,
        time=_moments_of,
        role="reduction",
        function="moments(x, axes, keepdims, synchronized==False)",
        note=_EVERY,
    ),
    operation_row(
        "trapezoid",
        "The area under what stands along an axis, by trapezoids.",
        "in(T,8) -> trapezoid(time)",
        (Param("axis", k.AXIS, -1), Param("dx", k.NUMBER, 1.0)),
        rule=lambda call: Outcome((Tensor(reduced(call), fraction(call.inputs[0].dtype)),)),
        time=timing.removes,
        role="reduction",
        named=("dx",),
        function="trapezoid(y, x, dx, axis)",
        note=_EVERY,
    ),
    _step_by_step("cumprod", "The running product along the steps, or along another axis.", _product),
    _step_by_step("nancumsum", "The running sum of all that is not NaN.", _product),
    _step_by_step("nancumprod", "The running product of all that is not NaN.", _product),
    operation_row(
        "sort",
        "The numbers along an axis in order, the smallest first.",
        "in(T,8) -> sort",
        (_LAST,),
        rule=_along(_kept),
        time=timing.mixes,
        role="order",
        function="sort(x, axis)",
    ),
    operation_row(
        "argsort",
        "The places that would put the numbers along an axis in order.",
        "in(T,8) -> argsort",
        (_LAST,),
        rule=_along(_int32),
        time=timing.mixes,
        role="encoding",
        function="argsort(x, axis)",
    ),
    operation_row(
        "argpartition",
        "Places that put the kth number along an axis into its place, and smaller ones before it.",
        "in(T,8) -> argpartition(2)",
        (Param("kth", k.integer(0)), _LAST),
        rule=_partition,
        time=timing.mixes,
        role="encoding",
        function="argpartition(x, kth, axis)",
    ),
    operation_row(
        "normalize",
        "The numbers along an axis divided by their norm.",
        "in(T,8) -> normalize",
        (_LAST, Param("order", k.integer(1), 2), Param("epsilon", k.optional(k.NUMBER), None)),
        rule=_along(fraction),
        time=timing.mixes,
        role="norm",
        named=("order", "epsilon"),
        function="normalize(x, axis, order, epsilon)",
    ),
    operation_row(
        "roll",
        "The steps, or the places of another axis, moved on; what falls off at the end comes in in front.",
        "in(T,8) -> roll(1)",
        (Param("shift", k.integer()), AXIS),
        rule=_along(_kept),
        time=_roll_window,
        role="order",
        function="roll(x, shift, axis)",
    ),
    operation_row(
        "diff",
        "Each number minus the one before it along an axis, n times over.",
        "in(T,8) -> diff(axis=time)",
        (Param("n", k.integer(1), 1), _LAST),
        rule=_difference,
        time=_difference_window,
        role="accumulation",
        function="diff(a, n, axis)",
    ),
    _coded(
        "top_k",
        "Two values: the k largest along the last axis, and their places (int64 on PyTorch).",
        "in(T,8) -> top_k(2) -> item(0)",
        "x, k, sorted",
        _top_k,
        Param("k", k.SIZE),
        Param("sorted", k.TRUTH, True),
        time=_ranks,
        role="selection",
    ),
    _coded(
        "isin",
        "Whether every number is one of those given.",
        "in(T,int) -> isin((0,1))",
        "x1, x2, assume_unique, invert",
        _isin,
        Param("x2", k.ARRAY),
        Param("assume_unique", k.BOOL, False),
        Param("invert", k.BOOL, False),
        time=timing.keeps,
        role="function",
    ),
    _coded(
        "digitize",
        "The number of the interval between given bounds that every number lies in.",
        "in(T,8) -> digitize((0,0.5,1))",
        "x, bins",
        _bins("bins"),
        Param("bins", k.ROW_OF_NUMBERS),
        time=timing.keeps,
        role="encoding",
    ),
    _coded(
        "searchsorted",
        "The place at which every number would be put among given ones in order.",
        "in(T,8) -> searchsorted((0,0.5,1))",
        "sorted_sequence, values, side",
        _bins("sorted_sequence"),
        Param("sorted_sequence", k.ROW_OF_NUMBERS),
        Param("side", k.choice("left", "right", flags=False), "left"),
        time=timing.keeps,
        role="encoding",
        named=("side",),
    ),
)
