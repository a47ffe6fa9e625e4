"""Convolutions over one, two or three axes: plain, depthwise, separable and transposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import per_axis
from seqtopo.layers.parameters import (
    ACTIVATION,
    CAUSAL_PADDING,
    DATA_FORMAT,
    FILTERS,
    PADDING,
    USE_BIAS,
    check_floats,
    constraints,
    initializer,
    kernel_size,
    regularizers,
)
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, Rule
from seqtopo.layers.sizes import Shape, Size, floor_div, product, remainder, total
from seqtopo.layers.values import Products
from seqtopo.layers.windows import EXAMPLE, GIVES, TAKES, channels_first, check_dilation, named, slid, unslid

_OVER = {1: "the steps of a sequence", 2: "the height and width of an image", 3: "a volume"}

GROUPS = Param("groups", k.integer(1), 1)
DEPTH_MULTIPLIER = Param("depth_multiplier", k.SIZE, 1)
BIAS_INITIALIZER = initializer("bias", "zeros")


def strides(rank: int) -> Param:
    """Declare ``strides``: how far the kernel moves at a time."""
    return Param("strides", k.spread(k.integer(1), rank), _one(rank))


def dilation_rate(rank: int) -> Param:
    """Declare ``dilation_rate``: the distance between the places that a kernel sees."""
    return Param("dilation_rate", k.spread(k.integer(1), rank), _one(rank))


def output_padding(rank: int) -> Param:
    """Declare ``output_padding``: what a transposed convolution adds at the end of an axis."""
    return Param("output_padding", k.optional(k.spread(k.integer(0), rank)), None)


def _one(rank: int) -> Any:
    return 1 if rank == 1 else (1,) * rank


def check_groups(call: LayerCall, channels: Size) -> None:
    """Refuse groups that do not divide the incoming channels and the filters."""
    groups = call["groups"]
    for what, size in (("incoming channels", channels), ("filters", call["filters"])):
        rest = remainder(size, groups)
        if isinstance(rest, int) and rest:
            raise call.refuse(
                "ST203",
                f"has {groups} groups, which do not divide its {size} {what}",
                label=f"does not divide {size}",
                help=f"use a number of groups that divides {size}",
                at=("argument", "groups"),
            )


def _conv(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        check_floats(call)
        check_dilation(call, rank)
        channels = call.shape[-1]
        check_groups(call, channels)
        return {
            **named(rank, slid(call, rank, "kernel_size")),
            "channels": floor_div(channels, call["groups"]),
        }

    return rule


def _depthwise(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        check_floats(call)
        return {
            **named(rank, slid(call, rank, "kernel_size")),
            "channels": call.shape[-1],
        }

    return rule


def _transpose(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        check_floats(call)
        check_dilation(call, rank)
        return {**named(rank, unslid(call, rank)), "channels": call.shape[-1]}

    return rule


def _places(call: LayerCall, shape: Shape) -> Size:
    """Return the number of places of a value, its channels left out."""
    return product(shape[1:] if call["data_format"] == "channels_first" else shape[:-1])


def _work(call: LayerCall, outcome: Outcome) -> Products:
    """Return the products of the kernel on the input, and of a kernel that mixes the channels."""
    kernels = [product(weight.shape) for weight in outcome.weights if weight.name.endswith("kernel")]
    places = _places(call, outcome.outputs[0].shape)
    return Products(kernels[0] * places, total(kernels[1:]) * places)


def _transposed_work(call: LayerCall, outcome: Outcome) -> Products:
    return Products(product(outcome.weights[0].shape) * _places(call, call.shape))


def _backwards(rank: int) -> Callable[[Mapping[str, Any]], str]:
    def by_onednn(args: Mapping[str, Any]) -> str:
        dilated = max(per_axis(args["dilation_rate"], rank)) > 1
        return channels_first(args) or ("dilation_rate above 1" if dilated else "")

    return by_onednn


def _unequal_strides(args: Mapping[str, Any]) -> str:
    """Return the words for strides that differ; with a dilation, Keras strides afterwards, by itself."""
    strides, dilations = (per_axis(args[name], 2) for name in ("strides", "dilation_rate"))
    unequal = len(set(strides)) > 1 and max(dilations) == 1
    return "strides that differ between rows and columns" if unequal else ""


def _pattern(rank: int, gives: str) -> str:
    return f"{TAKES[rank]} -> {GIVES[rank]} {gives}"


def _aliases(name: str, *more: str) -> tuple[str, ...]:
    return (name.replace("conv", "convolution"), *more)


def _conv_row(rank: int) -> Row:
    return Row(
        f"conv{rank}d",
        f"Conv{rank}D",
        f"Convolution over {_OVER[rank]}.",
        _pattern(rank, "filters"),
        f"{EXAMPLE[rank]} -> conv{rank}d(32,3,same,relu)",
        params=(
            FILTERS,
            kernel_size(rank),
            strides(rank),
            CAUSAL_PADDING if rank == 1 else PADDING,
            DATA_FORMAT,
            dilation_rate(rank),
            GROUPS,
            ACTIVATION,
            USE_BIAS,
            initializer("kernel", "glorot_uniform"),
            BIAS_INITIALIZER,
            *regularizers("kernel", "bias", "activity"),
            *constraints("kernel", "bias"),
        ),
        positional=("filters", "kernel_size", "strides"),
        rule=_conv(rank),
        time=timing.Slides(rank),
        mask=masking.ends,
        role="convolution",
        work=_work,
        weights="kernel: kernel_size channels filters; bias: filters if use_bias",
        aliases=_aliases(f"conv{rank}d"),
        by_onednn=channels_first if rank < 3 else None,
    )


def _separable_row(rank: int) -> Row:
    name = f"separable_conv{rank}d"
    ones = " ".join(["1"] * rank)
    return Row(
        name,
        f"SeparableConv{rank}D",
        f"Convolution over {_OVER[rank]}, each channel alone, then one that mixes the channels.",
        _pattern(rank, "filters"),
        f"{EXAMPLE[rank]} -> {name}(32,3,same,relu)",
        params=(
            FILTERS,
            kernel_size(rank),
            strides(rank),
            PADDING,
            DATA_FORMAT,
            dilation_rate(rank),
            DEPTH_MULTIPLIER,
            ACTIVATION,
            USE_BIAS,
            initializer("depthwise", "glorot_uniform"),
            initializer("pointwise", "glorot_uniform"),
            BIAS_INITIALIZER,
            *regularizers("depthwise", "pointwise", "bias", "activity"),
            *constraints("depthwise", "pointwise", "bias"),
        ),
        positional=("filters", "kernel_size", "strides"),
        rule=_depthwise(rank),
        time=timing.Slides(rank),
        mask=masking.ends,
        role="convolution",
        work=_work,
        weights="depthwise_kernel: kernel_size channels depth_multiplier; "
        f"pointwise_kernel: {ones} channels*depth_multiplier filters; bias: filters if use_bias",
        aliases=_aliases(name, f"sepconv{rank}d"),
        by_onednn=_unequal_strides if rank == 2 else None,
    )


def _depthwise_row(rank: int) -> Row:
    name = f"depthwise_conv{rank}d"
    return Row(
        name,
        f"DepthwiseConv{rank}D",
        f"Convolution over {_OVER[rank]}, each channel alone.",
        _pattern(rank, "channels*depth_multiplier"),
        f"{EXAMPLE[rank]} -> {name}(3,same)",
        params=(
            kernel_size(rank),
            strides(rank),
            PADDING,
            DEPTH_MULTIPLIER,
            DATA_FORMAT,
            dilation_rate(rank),
            ACTIVATION,
            USE_BIAS,
            initializer("depthwise", "glorot_uniform"),
            BIAS_INITIALIZER,
            *regularizers("depthwise", "bias", "activity"),
            *constraints("depthwise", "bias"),
        ),
        positional=("kernel_size", "strides"),
        rule=_depthwise(rank),
        time=timing.Slides(rank),
        mask=masking.ends,
        role="convolution",
        work=_work,
        weights="kernel: kernel_size channels depth_multiplier; bias: channels*depth_multiplier if use_bias",
        aliases=(f"dwconv{rank}d",),
        by_onednn=_unequal_strides if rank == 2 else None,
    )


def _transpose_row(rank: int) -> Row:
    name = f"conv{rank}d_transpose"
    # In three dimensions Keras has the two in the other order.
    ends = (DATA_FORMAT, output_padding(rank)) if rank == 3 else (output_padding(rank), DATA_FORMAT)
    return Row(
        name,
        f"Conv{rank}DTranspose",
        f"Convolution backwards over {_OVER[rank]}: with strides it makes the axes longer.",
        _pattern(rank, "filters"),
        f"{EXAMPLE[rank]} -> {name}(32,3,2,same)",
        params=(
            FILTERS,
            kernel_size(rank),
            strides(rank),
            PADDING,
            *ends,
            dilation_rate(rank),
            ACTIVATION,
            USE_BIAS,
            initializer("kernel", "glorot_uniform"),
            BIAS_INITIALIZER,
            *regularizers("kernel", "bias", "activity"),
            *constraints("kernel", "bias"),
        ),
        positional=("filters", "kernel_size", "strides"),
        rule=_transpose(rank),
        time=timing.unslides(rank),
        mask=masking.ends,
        role="transposed",
        work=_transposed_work,
        weights="kernel: kernel_size filters channels; bias: filters if use_bias",
        aliases=_aliases(name),
        by_onednn=_backwards(rank),
    )


_MAKERS: tuple[tuple[Callable[[int], Row], tuple[int, ...]], ...] = (
    (_conv_row, (1, 2, 3)),
    (_separable_row, (1, 2)),
    (_depthwise_row, (1, 2)),
    (_transpose_row, (1, 2, 3)),
)

ROWS = tuple(make(rank) for make, ranks in _MAKERS for rank in ranks)
