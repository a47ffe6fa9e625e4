"""Normalizations: over features, a batch, groups, and by length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.parameters import (
    MASK,
    axis_index,
    axis_indices,
    check_floats,
    constraints,
    initializer,
    regularizers,
)
from seqtopo.layers.row import LayerCall, Param, Row
from seqtopo.layers.sizes import Expr, Shape, Size, fits, remainder
from seqtopo.layers.values import Refusal

AXIS = Param("axis", k.AXIS, -1)
AXES = Param("axis", k.AXES, -1)
EPSILON = Param("epsilon", k.number(0), 1e-3)
CENTER = Param("center", k.BOOL, True)
SCALE = Param("scale", k.BOOL, True)
_SCALED = (CENTER, SCALE, initializer("beta", "zeros"), initializer("gamma", "ones"))
_SMOOTH = (*regularizers("beta", "gamma"), *constraints("beta", "gamma"))
_SAME = "... -> ..."


def _written_axes(call: LayerCall) -> tuple[int, ...]:
    value = call["axis"]
    return tuple(value) if isinstance(value, tuple) else (value,)


def _width(call: LayerCall) -> Mapping[str, Any]:
    found = axis_indices(call)
    rank = len(call.shape)
    if sorted(found) != list(range(rank - len(found), rank)):
        # On PyTorch, Keras passes it to a function that supports only the last axes.
        raise call.refuse(
            "ST312",
            f"normalizes the last axes on every backend, but axis is {call['axis']} of {call.inputs[0]}",
            label="must be the last axes",
            help="leave axis out, or bring the axis to the end first: -> swap -> norm -> swap",
            at=("argument", "axis"),
        )
    where = dict(zip(_written_axes(call), found, strict=True))
    # Keras sorts the axes as they are written, negative ones first, and shapes its weights so.
    return {"width": tuple(call.shape[where[axis]] for axis in sorted(where))}


def _last_axes(call: LayerCall) -> Mapping[str, Any]:
    found = axis_indices(call)
    rank = len(call.shape)
    written = sorted(_written_axes(call))
    trailing = list(range(rank - len(found), rank))
    if sorted(found) != trailing or [axis_index(call, "axis", a) for a in written] != trailing:
        raise call.refuse(
            "ST312",
            f"scales the last axes only, but axis is {call['axis']} of {call.inputs[0]}",
            label="must be the last axes",
            help=f"write axis={tuple(range(-len(found), 0))}"
            if len(found) > 1
            else "leave axis out, or permute the axis to the end first",
            at=("argument", "axis"),
        )
    check_floats(call)
    return {"width": tuple(call.shape[i] for i in trailing)}


def _unit(call: LayerCall) -> Shape:
    check_floats(call)
    axis_indices(call)
    return call.shape


def _batch(call: LayerCall) -> Mapping[str, Size]:
    mask = call.tensors.get("mask")
    wanted = call.shape[:-1]
    if mask and not (len(mask[0].shape) == len(wanted) and all(map(fits, mask[0].shape, wanted))):
        raise call.refuse(
            "ST302",
            f"needs a mask with one axis less than {call.inputs[0]}, but is given {mask[0]}",
            label=f"is {mask[0]}",
            help="give it one truth value for each vector along the last axis",
            at=("argument", "mask"),
        )
    return {"width": call.shape[axis_index(call, "axis", call["axis"])]}


def _groups(call: LayerCall) -> Mapping[str, Size]:
    width = call.shape[axis_index(call, "axis", call["axis"])]
    groups = call["groups"]
    if groups == 0:
        raise call.refuse(
            "ST203",
            "has no groups",
            label="must be 1 or more, or -1",
            help="write a number of groups, or -1 for one group a channel",
            at=("argument", "groups"),
        )
    rest = 0 if groups == -1 else remainder(width, groups)
    if isinstance(rest, int) and rest:
        raise call.refuse(
            "ST203",
            f"has {groups} groups, which do not divide its {width} channels",
            label=f"does not divide {width}",
            help=_divisors(width),
            at=("argument", "groups"),
        )
    return {"width": width}


def _divisors(width: Size) -> str:
    if isinstance(width, Expr):
        return f"use a number of groups that divides {width}"
    largest = max(d for d in range(1, 33) if width % d == 0)
    return f"groups={largest} divides {width}, and so does 1"


def _read_clipping(value: Any) -> Any:
    words = "none, or three numbers (rmin, rmax, dmax)"
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = tuple(value.get(name) for name in ("rmin", "rmax", "dmax"))
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise Refusal(expected=words)
    try:
        low, high, shift = map(k.optional(k.number(0)).read, value)
    except Refusal:
        raise Refusal(expected=words) from None
    if low is not None and high is not None and high < low:
        raise Refusal(expected=f"{words}, rmax not below rmin")
    return {"rmin": low, "rmax": high, "dmax": shift}


def _read_synchronized(value: Any) -> Any:
    if value is False:
        return value
    raise Refusal(expected="false: Keras has it on TensorFlow only")


SYNCHRONIZED = k.Kind("false: Keras has it on TensorFlow only", _read_synchronized)
CLIPPING = k.Kind("none, or three numbers (rmin, rmax, dmax)", _read_clipping)

ROWS = (
    Row(
        "norm",
        "LayerNormalization",
        "Each sample to mean 0 and variance 1 along an axis, then a learned scale and shift.",
        _SAME,
        "in(T,8) -> norm",
        time=timing.mixes,
        mask=masking.passes,
        role="norm",
        params=(AXES, EPSILON, *_SCALED, *_SMOOTH),
        positional=("axis",),
        rule=_width,
        weights="gamma: width if scale; beta: width if center",
        aliases=("layer_normalization", "layernorm"),
        note="Along other axes than the last ones, Keras computes this on TensorFlow and JAX only.",
    ),
    Row(
        "batchnorm",
        "BatchNormalization",
        "Each feature to mean 0 and variance 1 over the batch, then a learned scale and shift.",
        _SAME,
        "in(T,8) -> conv1d(16,3) -> batchnorm -> relu",
        time=timing.keeps,
        mask=masking.passes,
        role="norm",
        params=(
            AXIS,
            Param("momentum", k.number(0, 1), 0.99),
            EPSILON,
            *_SCALED,
            initializer("moving_mean", "zeros"),
            initializer("moving_variance", "ones"),
            *_SMOOTH,
            Param("renorm", k.BOOL, False),
            Param("renorm_clipping", CLIPPING, None),
            Param("renorm_momentum", k.number(0, 1), 0.99),
            Param("synchronized", SYNCHRONIZED, False),
            MASK,
        ),
        positional=("axis",),
        rule=_batch,
        weights="gamma: width if scale; beta: width if center; moving_mean!: width; moving_variance!: width; "
        "moving_stddev!: width if renorm; renorm_mean!: width if renorm; renorm_stddev!: width if renorm",
        aliases=("batch_normalization",),
        across_batch=True,
    ),
    Row(
        "group_normalization",
        "GroupNormalization",
        "Groups of channels to mean 0 and variance 1, then a learned scale and shift.",
        _SAME,
        "in(T,64) -> group_normalization(8)",
        time=timing.mixes_others,
        mask=masking.passes,
        role="norm",
        params=(Param("groups", k.integer(-1), 32), AXIS, EPSILON, *_SCALED, *_SMOOTH),
        positional=("groups", "axis"),
        rule=_groups,
        needs=lambda call: (call.axes["width"],),
        weights="gamma: width if scale; beta: width if center",
        aliases=("groupnorm",),
    ),
    Row(
        "rms_normalization",
        "RMSNormalization",
        "Each sample divided by its root mean square, then a learned scale.",
        _SAME,
        "in(T,8) -> rms_normalization",
        time=timing.mixes,
        mask=masking.ends,
        role="norm",
        params=(AXES, Param("epsilon", k.number(0), 1e-6)),
        positional=("axis",),
        rule=_last_axes,
        weights="scale: width",
        aliases=("rmsnorm",),
    ),
    Row(
        "unit_normalization",
        "UnitNormalization",
        "Each vector to length 1.",
        _SAME,
        "in(T,8) -> unit_normalization",
        time=timing.mixes,
        mask=masking.passes,
        role="norm",
        params=(AXES,),
        positional=("axis",),
        rule=_unit,
        aliases=("unitnorm",),
    ),
)
