"""Describe in words windows and changes of length: where steps are lost, and why."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.sizes import Size, count, show_shape
from seqtopo.walkthrough.call_view import CallView, the
from seqtopo.walkthrough.features import activated


def convolution(call: CallView) -> Iterator[str]:
    """Describe a ``conv1d`` or a similar layer: what the kernel sees, and what it does to the length."""
    rank = _rank(call)
    kernels = per_axis(call.get("kernel_size"), rank)
    strides = per_axis(call.get("strides") or 1, rank)
    dilations = per_axis(call.get("dilation_rate") or 1, rank)
    if rank > 1:
        size = " by ".join(str(kernel) for kernel in kernels)
        yield f"its kernel covers {size} places; {_lengths(call, rank)}"
        return
    kernel, stride, dilation = kernels[0], strides[0], dilations[0]
    span = dilation * (kernel - 1) + 1
    apart = f", {dilation} apart" if dilation > 1 and kernel > 1 else ""
    if kernel == 1:
        yield "with a kernel of 1 it sees one step at a time, as a dense layer does"
    else:
        reach = f", {span} from end to end" if apart else ""
        yield f"at each place it sees {count(kernel, 'step')}{apart}{reach}"
    padding = call.get("padding")
    if padding == "valid" and span > 1:
        yield f"kernel {kernel} without padding takes {count(span - 1, 'step')} off: {_change(call, stride)}"
    elif padding == "causal":
        yield f"causal: it pads in front only, so that no step sees a later one; {_change(call, stride)}"
    elif padding == "same" and kernel > 1:
        yield f"same: it pads with zeros at both ends; {_change(call, stride)}"
    elif stride > 1:
        yield _change(call, stride)
    if stride > 1:
        yield f"it moves by {stride} steps at a time"
    yield from activated(call.get("activation"), "each number")


def pooling(call: CallView) -> Iterator[str]:
    """Describe a ``maxpool1d`` or a similar layer."""
    rank = _rank(call)
    windows = per_axis(call.get("pool_size"), rank)
    strides = windows if call.get("strides") is None else per_axis(call.get("strides"), rank)
    if rank > 1:
        places = " by ".join(str(window) for window in windows)
        yield f"its windows are {places} places; {_lengths(call, rank)}"
        return
    window, stride = windows[0], strides[0]
    how = "one after the other" if window == stride else f"{count(stride, 'step')} further each time"
    yield f"windows of {count(window, 'step')}, {how}: {_length(call.steps, call.output.shape[0])}"
    left = call.steps % stride if isinstance(call.steps, int) and window == stride else 0
    if left and call.get("padding") == "valid":
        yield (
            f"the last {count(left, 'step')} fill no window and are left out"
            if left > 1
            else ("the last step fills no window and is left out")
        )


def everything(call: CallView) -> Iterator[str]:
    """Describe a ``gmaxpool1d`` or a similar layer."""
    if _rank(call) > 1:
        yield f"the places are gone; what is left is {show_shape(call.output.shape)}, one number a channel"
    elif len(call.output.shape) < len(call.input.shape):
        yield (
            f"of {the(call.steps, 'step')} it makes one vector, {count(call.output.shape[-1], 'number')}: "
            "the time axis is gone, and with it the order"
        )


def ends(call: CallView) -> Iterator[str]:
    """Describe ``last`` and ``first``."""
    if call.axis() == 0:
        which = "last" if call.row.name == "last" else "first"
        kept = f"the {which} {_count_words(call.output.shape[0])} kept"
        yield f"of {the(call.steps, 'step')} {kept}, the others are dropped"


def _count_words(size: Size) -> str:
    return "one is" if size == 1 else f"{size} are"


def one_step(call: CallView) -> Iterator[str]:
    """Describe ``call``."""
    if call.axis() == 0:
        index = call.get("index")
        which = "last" if index == -1 else "first" if index == 0 else f"one at {index}"
        yield f"of {the(call.steps, 'step')} only the {which} is kept: the time axis is gone"


def padded(call: CallView) -> Iterator[str]:
    """Describe ``pad`` and ``crop``."""
    if call.axis() != 0:
        return
    before, after = call.get("before"), call.get("after")
    where = ("in front of", "behind") if call.row.name == "pad" else ("at the front of", "at the end of")
    ends = zip((before, after), where, strict=True)
    parts = [f"{count(size, 'step')} {where} the sequence" for size, where in ends if size != 0]
    what = "it puts in" if call.row.name == "pad" else "it takes off"
    yield f"{what} {' and '.join(parts)}: {_length(call.steps, call.output.shape[0])}"
    if call.row.name == "pad":
        yield "a recurrent layer behind it walks over them too, with what it remembers"


def flipped(call: CallView) -> Iterator[str]:
    """Describe ``flip``."""
    if call.axis() == 0:
        yield f"{the(call.steps, 'step')} in the opposite order, the last one first"


def flattened(call: CallView) -> Iterator[str]:
    """Describe ``flatten``."""
    if len(call.input.shape) > 1:
        sizes = " times ".join(str(size) for size in call.input.shape)
        yield f"in a row there are {sizes}, {count(call.output.shape[0], 'number')}, and no steps any more"


def reshaped(call: CallView) -> Iterator[str]:
    """Describe ``reshape``."""
    yield "the numbers stay in their order, cut into rows of another length: nothing is turned around"


def exchanged(call: CallView) -> Iterator[str]:
    """Describe ``swap`` and ``permute``."""
    yield "the numbers move: rows become columns; what was counted as steps may now be features"


def stretched(call: CallView) -> Iterator[str]:
    """Describe ``upsample1d`` and ``conv1d_transpose``."""
    if _rank(call) == 1 and call.input.shape[0] != call.output.shape[0]:
        yield f"it makes the sequence longer: {_length(call.steps, call.output.shape[0])}"


def _rank(call: CallView) -> int:
    digits = [char for char in call.row.name if char.isdigit()]
    return int(digits[-1]) if digits else 1


def _change(call: CallView, stride: int) -> str:
    length = call.output.shape[0]
    if length == call.steps and stride == 1:
        return "the length stays as it is" if str(length) == "?" else f"the length stays {length}"
    return _length(call.steps, length)


def _length(before: Size, after: Size) -> str:
    if before == after:
        return f"{count(after, 'step')}, as before" if str(after) != "?" else "as many as before"
    return f"{before} steps become {after}"


def _lengths(call: CallView, rank: int) -> str:
    before, after = call.input.shape[:rank], call.output.shape[:rank]
    if before == after:
        return "the places stay as many as they were"
    return f"{show_shape(before)} places become {show_shape(after)}"
