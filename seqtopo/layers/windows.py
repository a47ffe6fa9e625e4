"""Compute how many windows fit on an axis: convolutions, poolings and their transposes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.row import LayerCall
from seqtopo.layers.sizes import Expr, Shape, Size, ceil_div, floor_div, remainder, symbols
from seqtopo.layers.values import Refusal

TAKES = {1: "T F", 2: "H W C", 3: "D H W C"}
"""The pattern of what a window over so many axes takes, the channels last."""
WIDTH = {1: "F", 2: "C", 3: "C"}
"""The pattern's name for the channels."""
GIVES = {1: "steps", 2: "height width", 3: "depth height width"}
"""The pattern's names for the places that there are afterwards."""
EXAMPLE = {1: "in(T,8)", 2: "in(28,28,3)", 3: "in(16,28,28,3)"}


def named(rank: int, places: Iterable[Size]) -> dict[str, Size]:
    """Return the places by their names in the pattern.

    >>> named(2, (9, 8))
    {'height': 9, 'width': 8}
    """
    return dict(zip(GIVES[rank].split(), places, strict=True))


def spatial(call: LayerCall, rank: int) -> Shape:
    """Return the sizes of the axes that a window moves over."""
    return call.shape[:rank]


def check_dilation(call: LayerCall, rank: int) -> None:
    """Refuse strides and dilation together, which Keras' convolutions do not compute."""
    stride, dilation = call["strides"], call["dilation_rate"]
    if max(per_axis(stride, rank)) > 1 and max(per_axis(dilation, rank)) > 1:
        raise call.refuse(
            "ST203",
            "cannot have strides and dilation_rate above 1 at once",
            label="one of the two must be 1",
            help="keep the dilation and shorten the sequence after it: -> maxpool1d(2)"
            if rank == 1
            else f"keep the dilation and pool after it: -> maxpool{rank}d(2)",
            at=("argument", "dilation_rate"),
        )


def channels_first(args: Mapping[str, Any]) -> str:
    """Return the word for channels that come first, where they do.

    Plain convolutions and those in recurrent layers are handed on as they are, unless they are over a volume
    or in groups: Keras compiles those.
    """
    first = args["data_format"] == "channels_first" and args.get("groups", 1) == 1
    return "channels_first" if first else ""


def slid(call: LayerCall, rank: int, window: str) -> Shape:
    """Return the places of a window that moves over ``rank`` axes; ``window`` is the argument with its size.

    Exact for every padding: ``valid`` fits the window in, ``same`` and ``causal`` take one place for
    each stride.

    Raises:
        Refusal: ST306, where the window does not fit in.

    >>> from seqtopo.layers.row import Row
    >>> from seqtopo.layers.sizes import symbol
    >>> from seqtopo.layers.values import Tensor
    >>> row = Row("conv1d", "Conv1D", "", "T F -> steps filters", "")
    >>> args = {"kernel_size": 3, "strides": 2, "padding": "valid"}
    >>> [str(s) for s in slid(LayerCall(row, args, (Tensor((symbol("T"), 8)),), {}, {}), 1, "kernel_size")]
    ['(T+1)//2-1']
    """
    windows = per_axis(call[window], rank)
    # A pooling window moves by its own length unless told otherwise.
    strides = windows if call["strides"] is None else per_axis(call["strides"], rank)
    dilations = per_axis(call.args.get("dilation_rate", 1), rank)
    places = []
    for length, size, stride, dilation in zip(spatial(call, rank), windows, strides, dilations, strict=True):
        if call["padding"] != "valid":
            places.append(ceil_div(length, stride))
            continue
        span = dilation * (size - 1) + 1
        left = length - span
        if isinstance(left, int) and left < 0:
            raise _too_long(call, window, size, dilation, span, length)
        places.append(floor_div(left, stride) + 1)
    return tuple(places)


def _too_long(call: LayerCall, window: str, size: Size, dilation: int, span: Size, length: Size) -> Refusal:
    what = f"{window} {size}" if dilation == 1 else f"{window} {size} and dilation_rate {dilation}"
    return call.refuse(
        "ST306",
        f"needs an axis of {span} or more for {what}, but is given {length}",
        label=f"spans {span}, is given {length}",
        help=f"use a {window} that fits, padding 'same', or a longer input",
        at=("argument", window),
    )


def unslid(call: LayerCall, rank: int) -> Shape:
    """Return the sizes that a transposed convolution gives back.

    Raises:
        Refusal: ST203, where ``output_padding`` does not go with the other arguments; ST308, where
            the result depends on which is larger, a symbolic kernel or its stride.
    """
    kernels = per_axis(call["kernel_size"], rank)
    strides = per_axis(call["strides"], rank)
    dilations = per_axis(call["dilation_rate"], rank)
    extras = per_axis(call["output_padding"], rank)
    return tuple(
        _unslid_axis(call, *values)
        for values in zip(spatial(call, rank), kernels, strides, dilations, extras, strict=True)
    )


def _unslid_axis(
    call: LayerCall, length: Size, kernel: Size, stride: int, dilation: int, extra: int | None
) -> Size:
    span = (kernel - 1) * dilation + 1
    if extra is not None and extra >= stride:
        raise call.refuse(
            "ST203",
            f"has output_padding {extra} with a stride of {stride}: it must be below the stride",
            label=f"must be below {stride}",
            help="leave output_padding out, or make it smaller than strides",
            at=("argument", "output_padding"),
        )
    if call["padding"] == "same":
        if extra is None:
            return length * stride
        if remainder(span, 2) == 0 and extra == 0:
            raise call.refuse(
                "ST203",
                f"has an even kernel ({kernel}), padding 'same' and output_padding 0: "
                "TensorFlow cannot compute this",
                label="fails on TensorFlow",
                help="leave output_padding out, or use an odd kernel_size",
                at=("argument", "output_padding"),
            )
        return (length - 1) * stride + remainder(span, 2) + extra
    if extra is not None:
        return (length - 1) * stride + span + extra
    if isinstance(span, Expr) and stride > 1:
        raise call.refuse(
            "ST308",
            f"has strides of {stride}, so its kernel_size must be a number, not {kernel}",
            label="must be a number here",
            help=f"bind {' and '.join(sorted(symbols(kernel)))} with let, or write a number",
            at=("argument", "kernel_size"),
        )
    return (length - 1) * stride + (span if isinstance(span, Expr) else max(span, stride))
