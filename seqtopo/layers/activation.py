"""Activations as layers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
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
from seqtopo.layers.sizes import Shape, fits, floor_div, is_open, remainder
from seqtopo.layers.values import Object

NOT_NEGATIVE = k.number(0)
_SAME = "... -> ..."
_ALONG_AN_AXIS = ("glu", "log_softmax", "softmax", "sparsemax")


def _floats(call: LayerCall) -> Shape:
    check_floats(call)
    return call.shape


def _act(call: LayerCall) -> Shape:
    check_floats(call)
    function = call["activation"]
    shape = call.shape
    name, axis = (
        (function.name, function.kwargs.get("axis", -1)) if isinstance(function, Object) else (function, -1)
    )
    if name not in _ALONG_AN_AXIS:
        return shape
    index = axis_index(call, "activation", axis)
    if name != "glu":
        return shape
    rest = remainder(shape[index], 2)
    if isinstance(rest, int) and rest:
        raise call.refuse(
            "ST302",
            f"halves an axis with glu, but is given {call.inputs[0]}, where it has {shape[index]} values",
            label=f"an axis of {shape[index]} has no halves",
            help="give the layer before it an even width: twice what glu is to leave",
            at=("input", 0),
        )
    return (*shape[:index], floor_div(shape[index], 2), *shape[index + 1 :])


def _prelu(call: LayerCall) -> Mapping[str, Any]:
    check_floats(call)
    shape = call.shape
    if call["shared_axes"] is None:
        shared: tuple[int, ...] = ()
    else:
        shared = axis_indices(call, "shared_axes")
    if any(is_open(s) for i, s in enumerate(shape) if i not in shared):
        raise call.refuse(
            "ST308",
            f"learns one slope for each place of {call.inputs[0]}, so the sizes must be known",
            label=f"is given {call.inputs[0]}",
            help="share the slopes along the open axis: prelu(shared_axes=time)",
            at=("input", 0),
        )
    return {"slopes": tuple(1 if i in shared else s for i, s in enumerate(shape))}


def _counted(call: LayerCall) -> Mapping[str, Any]:
    """Return ``shared_axes`` counted from the front: to Keras, -1 is the axis before the last."""
    if call["shared_axes"] is None:
        return {}
    return {"shared_axes": tuple(i + 1 for i in axis_indices(call, "shared_axes"))}


def _from_the_front(call: LayerCall) -> Mapping[str, Any]:
    """Return ``shared_axes`` as a spec has it, from that of a Keras layer."""
    axes, rank = call["shared_axes"], len(call.shape)
    if axes is None:
        return {}
    return {
        "shared_axes": tuple(
            sorted({(i - 1) % rank + 1 for i in (axes if isinstance(axes, tuple) else (axes,))})
        )
    }


def _softmax(call: LayerCall) -> Shape:
    check_floats(call)
    axis_indices(call)
    shape = call.shape
    for mask in call.tensors.get("mask", ()):
        pairs = zip(reversed(mask.shape), reversed(shape), strict=False)
        if len(mask.shape) != len(shape) or not all(m == 1 or fits(m, s) for m, s in pairs):
            raise call.refuse(
                "ST302",
                f"needs a mask that fits {call.inputs[0]}, but is given {mask}",
                label=f"is {mask}: each axis must be 1 or as long as the value's",
                help="give the mask an axis of 1 in the place of each axis that it lacks",
                at=("argument", "mask"),
            )
    return shape


def _is_operation(args: Mapping[str, Any]) -> bool:
    """Return whether an operation stands for Keras' Activation layer.

    Keras' layer gets the shape of glu wrong, and cannot save the arguments of an activation.
    """
    function = args.get("activation")
    return function == "glu" or (isinstance(function, Object) and function.name not in ACTIVATION_LAYERS)


_ACTIVATION: Mapping[str, Any] = {"time": timing.keeps, "mask": masking.passes, "role": "activation"}

ROWS = (
    Row(
        "act",
        "Activation",
        "Applies a function to each value.",
        _SAME,
        "in(T,8) -> dense(16) -> act(gelu)",
        time=timing.activates,
        mask=masking.passes,
        role="activation",
        params=(Param("activation", k.ANY_ACTIVATION),),
        positional=("activation",),
        rule=_act,
        aliases=("activation",),
        emit="activation",
        emit_when=_is_operation,
        note="glu, and an activation with arguments that no layer of Keras takes, is the one of keras.ops.",
    ),
    Row(
        "relu",
        "ReLU",
        "Values below the threshold become 0, or keep a part of themselves.",
        _SAME,
        "in(T,8) -> relu(max_value=6)",
        **_ACTIVATION,
        params=(
            Param("max_value", k.optional(NOT_NEGATIVE), None),
            Param("negative_slope", NOT_NEGATIVE, 0.0),
            Param("threshold", NOT_NEGATIVE, 0.0),
        ),
        positional=("max_value",),
        rule=_floats,
        aliases=("re_lu",),
    ),
    Row(
        "leaky_relu",
        "LeakyReLU",
        "Values below 0 keep a fixed part of themselves.",
        _SAME,
        "in(T,8) -> leaky_relu(0.1)",
        **_ACTIVATION,
        params=(Param("negative_slope", NOT_NEGATIVE, 0.3),),
        positional=("negative_slope",),
        rule=_floats,
        aliases=("leaky_re_lu",),
    ),
    Row(
        "prelu",
        "PReLU",
        "Values below 0 keep a learned part of themselves.",
        _SAME,
        "in(T,8) -> prelu(shared_axes=time)",
        **_ACTIVATION,
        params=(
            initializer("alpha", "Zeros"),
            *regularizers("alpha"),
            *constraints("alpha"),
            Param("shared_axes", k.optional(k.AXES), None),
        ),
        rule=_prelu,
        settle=_counted,
        counted=_from_the_front,
        weights="alpha: slopes",
        aliases=("p_re_lu",),
    ),
    Row(
        "elu",
        "ELU",
        "Values below 0 bend towards -alpha.",
        _SAME,
        "in(T,8) -> elu(0.5)",
        **_ACTIVATION,
        params=(Param("alpha", k.NUMBER, 1.0),),
        positional=("alpha",),
        rule=_floats,
    ),
    Row(
        "softmax",
        "Softmax",
        "Values along an axis become shares that add up to 1.",
        _SAME,
        "in(T,8) -> softmax(time)",
        time=timing.mixes,
        mask=masking.passes,
        role="activation",
        params=(Param("axis", k.AXES, -1), MASK),
        positional=("axis",),
        rule=_softmax,
    ),
)
