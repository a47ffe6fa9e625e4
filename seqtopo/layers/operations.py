"""Small operations on sequences that Keras has no layer for, built of stock layers and ``keras.ops``.

A saved model holds these by Keras' own names, and loads in a process without seqtopo. What is said
of masks here is what the emitter makes true: a mask follows its steps, and masked steps come out as
zeros where an operation has to make the mask anew.
"""

from __future__ import annotations

from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import Kind
from seqtopo.layers.operation_rules import (
    at_rule,
    by_element_rule,
    calculated_rule,
    cast_rule,
    crop_rule,
    cumsum_rule,
    ends_rule,
    expand_rule,
    mean_rule,
    one_hot_rule,
    pad_rule,
    positions_rule,
    same_rule,
    slice_rule,
    squeeze_rule,
    sum_rule,
    swap_rule,
    table_weights,
)
from seqtopo.layers.row import Param, Row

AXIS = Param("axis", k.AXIS, 1, keras="")
KEEPDIMS = Param("keepdims", k.BOOL, False, keras="")
_ONE_AXIS = Kind(k.AXIS.words, k.AXIS.read)
"""An axis that is given by position only: two such words in one call must not be flags."""


_AMOUNT = k.either(k.NUMBER, k.each(k.NUMBER), words="a number, or several of them in parentheses")


def _parameter(name: str, kind: Kind, **more: Any) -> Param:
    """Return a parameter of an operation: Keras has none of its name."""
    return Param(name, kind, keras="", **more)


def operation_row(name: str, about: str, example: str, params: tuple[Param, ...] = (), **more: Any) -> Row:
    """Return the row of an operation without a Keras layer, which is emitted under its name.

    All parameters but those that are true or false may be given by position, except those in ``named``. It
    ends a mask unless it says otherwise; its note says where a mask follows its steps.
    """
    named = more.pop("named", ())
    switches = (k.BOOL, k.TRUTH)
    positional = tuple(p.name for p in params if p.kind not in switches and p.name not in named)
    settings = {"shape": "... -> ...", "dtype": "keep", "emit": name, "mask": masking.ends, **more}
    settings.setdefault("positional", positional)
    if settings["mask"] is masking.passes:
        settings.setdefault("note", "A mask follows its steps.")
    return Row(name, "", about, example=example, params=params, **settings)


_MASKED = "Masked steps take no part."
_REDUCED = (_parameter("axis", k.AXES), KEEPDIMS)

ROWS = (
    operation_row(
        "last",
        "The last n steps, or the last n of another axis.",
        "in(T,8) -> lstm(4,seq) -> last(3)",
        (_parameter("n", k.SIZE), AXIS),
        time=timing.takes_last,
        mask=masking.passes,
        role="selection",
        rule=ends_rule,
    ),
    operation_row(
        "first",
        "The first n steps, or the first n of another axis.",
        "in(T,8) -> first(3)",
        (_parameter("n", k.SIZE), AXIS),
        time=timing.keeps,
        mask=masking.passes,
        role="selection",
        rule=ends_rule,
    ),
    operation_row(
        "at",
        "One step, without the time axis; counted from the end where negative.",
        "in(T,8) -> at(-1)",
        (_parameter("index", k.integer()), AXIS),
        time=timing.takes_one,
        role="selection",
        rule=at_rule,
    ),
    operation_row(
        "slice",
        "The steps from start up to stop, every step-th; counted from the end where negative.",
        "in(T,8) -> slice(1,-1)",
        (
            _parameter("start", k.integer()),
            _parameter("stop", k.optional(k.either(k.integer(), k.COUNT)), default=None),
            _parameter("step", k.integer(1), default=1),
            AXIS,
        ),
        time=timing.takes_some,
        mask=masking.passes,
        role="selection",
        rule=slice_rule,
    ),
    operation_row(
        "flip",
        "The steps in reverse, or another axis.",
        "in(T,8) -> flip",
        (AXIS,),
        time=timing.turns,
        mask=masking.passes,
        role="order",
        function="flip(x, axis)",
        rule=same_rule,
    ),
    operation_row(
        "pad",
        "Steps of zeros, or of another value, before and after.",
        "in(T,8) -> pad(0,4)",
        (
            _parameter("before", k.COUNT),
            _parameter("after", k.COUNT),
            AXIS,
            _parameter("value", k.NUMBER, default=0),
        ),
        time=timing.puts_in,
        mask=masking.passes,
        role="padding",
        rule=pad_rule,
        named=("value",),
        note="The new steps are not masked.",
    ),
    operation_row(
        "crop",
        "The sequence without so many steps before and after.",
        "in(T,8) -> crop(1,1)",
        (_parameter("before", k.COUNT), _parameter("after", k.COUNT), AXIS),
        time=timing.takes_off,
        mask=masking.passes,
        role="selection",
        rule=crop_rule,
    ),
    operation_row(
        "mean",
        "The mean over an axis, or over several.",
        "in(T,8) -> mean(time)",
        _REDUCED,
        time=timing.removes,
        mask=masking.reduces,
        role="reduction",
        function="mean(x, axis, keepdims); average(x, axis, weights)",
        rule=mean_rule,
        note=_MASKED,
    ),
    operation_row(
        "sum",
        "The sum over an axis, or over several.",
        "in(T,8) -> sum(time)",
        _REDUCED,
        time=timing.removes,
        mask=masking.reduces,
        role="reduction",
        function="sum(x, axis, keepdims)",
        rule=sum_rule,
        note=_MASKED,
    ),
    operation_row(
        "cumsum",
        "The running sum along the steps, or along another axis.",
        "in(T,8) -> cumsum",
        (AXIS,),
        time=timing.sums_up,
        mask=masking.passes,
        role="accumulation",
        function="cumsum(x, axis, dtype)",
        rule=cumsum_rule,
    ),
    operation_row(
        "scale",
        "Every number times a factor; a tuple holds one for each feature.",
        "in(T,8) -> scale(0.5)",
        (_parameter("factor", _AMOUNT),),
        time=timing.keeps,
        mask=masking.passes,
        role="scaling",
        rule=calculated_rule,
    ),
    operation_row(
        "shift",
        "Every number plus an amount; a tuple holds one for each feature.",
        "in(T,int) -> shift(1) -> embed(100,8)",
        (_parameter("amount", _AMOUNT),),
        time=timing.keeps,
        mask=masking.passes,
        role="scaling",
        rule=calculated_rule,
    ),
    *(
        operation_row(
            name,
            about,
            f"in(T,8) -> {name}",
            rule=by_element_rule,
            function=function,
            time=timing.keeps,
            mask=masking.passes,
            role="function",
        )
        for name, about, function in (
            ("abs", "The size of every number, without its sign.", "abs(x); absolute(x); fabs(x)"),
            ("exp", "e to the power of every number.", "exp(x)"),
            ("log", "The natural logarithm of every number.", "log(x)"),
            ("sqrt", "The square root of every number.", "sqrt(x)"),
            ("square", "Every number times itself.", "square(x)"),
        )
    ),
    operation_row(
        "squeeze",
        "The value without an axis of size 1.",
        "in(T,1) -> squeeze(features)",
        (_parameter("axis", k.AXIS),),
        time=timing.removes,
        role="shape",
        function="squeeze(x, axis)",
        rule=squeeze_rule,
    ),
    operation_row(
        "expand",
        "The value with a new axis of size 1 where axis says.",
        "in(8) -> expand(1)",
        (_parameter("axis", k.AXIS),),
        time=timing.expands,
        role="shape",
        function="expand_dims(x, axis)",
        rule=expand_rule,
    ),
    operation_row(
        "swap",
        "Two axes in each other's place: time and features, unless others are named.",
        "in(T,8) -> swap",
        (_parameter("first", _ONE_AXIS, default=1), _parameter("second", _ONE_AXIS, default=2)),
        time=timing.swaps,
        role="shape",
        function="swapaxes(x, axis1=first, axis2=second)",
        rule=swap_rule,
    ),
    operation_row(
        "cast",
        "The same numbers in another dtype.",
        "in(T,int) -> cast(float32)",
        (_parameter("dtype", k.PLAIN_DTYPE),),
        time=timing.keeps,
        mask=masking.passes,
        role="cast",
        function="cast(x, dtype)",
        rule=cast_rule,
    ),
    operation_row(
        "one_hot",
        "Ids as vectors of n numbers, 1 at the id's place and 0 elsewhere.",
        "in(T,int) -> one_hot(20)",
        (_parameter("n", k.SIZE),),
        time=timing.looks_up,
        role="encoding",
        function="one_hot(x, num_classes=n, axis==-1, dtype=='float32', sparse==False)",
        rule=one_hot_rule,
    ),
    operation_row(
        "pos",
        "Adds a learned vector for each position, or with sin the sinusoids of Vaswani et al. (2017).",
        "in(80,64) -> pos",
        (
            _parameter("length", k.optional(k.SIZE), default=None),
            _parameter("sin", k.BOOL, default=False),
            Param("embeddings_initializer", k.INITIALIZER, "uniform"),
            Param("trainable", k.BOOL, True, flags={"frozen": False}),
        ),
        named=("embeddings_initializer", "trainable"),
        shape="T F -> T F",
        time=timing.keeps,
        mask=masking.passes,
        role="position",
        rule=positions_rule,
        weights=table_weights,
        note="The learned vectors are the weight of an Embedding layer. A mask follows its steps.",
    ),
)
