"""Describe in words windows and changes of length: where steps are lost, and why."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.sizes import Size, count, show_shape
from seqtopo.walkthrough.call_view import At, the
from seqtopo.walkthrough.features import activated


def convolution(at: At) -> Iterator[str]:
    """Describe a ``conv1d`` or a similar layer: what the kernel sees, and what it does to the length."""
    rank = _rank(at)
    kernels = per_axis(at.get("kernel_size"), rank)
    strides = per_axis(at.get("strides") or 1, rank)
    dilations = per_axis(at.get("dilation_rate") or 1, rank)
    if rank > 1:
        size = " by ".join(str(kernel) for kernel in kernels)
        yield f"its kernel covers {size} places; {_lengths(at, rank)}"
        return
    kernel, stride, dilation = kernels[0], strides[0], dilations[0]
    span = dilation * (kernel - 1) + 1
    apart = f", {dilation} apart" if dilation > 1 and kernel > 1 else ""
    if kernel == 1:
        yield "with a kernel of 1 it sees one step at a time, as a dense layer does"
    else:
        reach = f", {span} from end to end" if apart else ""
        yield f"at each place it sees {count(kernel, 'step')}{apart}{reach}"
    padding = at.get("padding")
    if padding == "valid" and span > 1:
        yield f"kernel {kernel} without padding takes {count(span - 1, 'step')} off: {_change(at, stride)}"
    elif padding == "causal":
        yield f"causal: it pads in front only, so that no step sees a later one; {_change(at, stride)}"
    elif padding == "same" and kernel > 1:
        yield f"same: it pads with zeros at both ends; {_change(at, stride)}"
    elif stride > 1:
        yield _change(at, stride)
    if stride > 1:
        yield f"it moves by {stride} steps at a time"
    yield from activated(at.get("activation"), "each number")


def pooling(at: At) -> Iterator[str]:
    """Describe a ``maxpool1d`` or a similar layer."""
    rank = _rank(at)
    windows = per_axis(at.get("pool_size"), rank)
    strides = windows if at.get("strides") is None else per_axis(at.get("strides"), rank)
    if rank > 1:
        yield f"its windows are {' by '.join(str(window) for window in windows)} places; {_lengths(at, rank)}"
        return
    window, stride = windows[0], strides[0]
    how = "one after the other" if window == stride else f"{count(stride, 'step')} further each time"
    yield f"windows of {count(window, 'step')}, {how}: {_length(at.steps, at.gives.shape[0])}"
    left = at.steps % stride if isinstance(at.steps, int) and window == stride else 0
    if left and at.get("padding") == "valid":
        yield (
            f"the last {count(left, 'step')} fill no window and are left out"
            if left > 1
            else ("the last step fills no window and is left out")
        )


def everything(at: At) -> Iterator[str]:
    """Describe a ``gmaxpool1d`` or a similar layer."""
    if _rank(at) > 1:
        yield f"the places are gone; what is left is {show_shape(at.gives.shape)}, one number a channel"
    elif len(at.gives.shape) < len(at.came.shape):
        yield (
            f"of {the(at.steps, 'step')} it makes one vector, {count(at.gives.shape[-1], 'number')}: "
            "the time axis is gone, and with it the order"
        )


def ends(at: At) -> Iterator[str]:
    """Describe ``last`` and ``first``."""
    if at.axis() == 0:
        which = "last" if at.row.name == "last" else "first"
        kept = f"the {which} {_count_words(at.gives.shape[0])} kept"
        yield f"of {the(at.steps, 'step')} {kept}, the others are dropped"


def _count_words(size: Size) -> str:
    return "one is" if size == 1 else f"{size} are"


def one_step(at: At) -> Iterator[str]:
    """Describe ``at``."""
    if at.axis() == 0:
        index = at.get("index")
        which = "last" if index == -1 else "first" if index == 0 else f"one at {index}"
        yield f"of {the(at.steps, 'step')} only the {which} is kept: the time axis is gone"


def padded(at: At) -> Iterator[str]:
    """Describe ``pad`` and ``crop``."""
    if at.axis() != 0:
        return
    before, after = at.get("before"), at.get("after")
    where = ("in front of", "behind") if at.row.name == "pad" else ("at the front of", "at the end of")
    ends = zip((before, after), where, strict=True)
    parts = [f"{count(size, 'step')} {where} the sequence" for size, where in ends if size != 0]
    what = "it puts in" if at.row.name == "pad" else "it takes off"
    yield f"{what} {' and '.join(parts)}: {_length(at.steps, at.gives.shape[0])}"
    if at.row.name == "pad":
        yield "a recurrent layer behind it walks over them too, with what it remembers"


def flipped(at: At) -> Iterator[str]:
    """Describe ``flip``."""
    if at.axis() == 0:
        yield f"{the(at.steps, 'step')} in the opposite order, the last one first"


def flattened(at: At) -> Iterator[str]:
    """Describe ``flatten``."""
    if len(at.came.shape) > 1:
        sizes = " times ".join(str(size) for size in at.came.shape)
        yield f"in a row there are {sizes}, {count(at.gives.shape[0], 'number')}, and no steps any more"


def reshaped(at: At) -> Iterator[str]:
    """Describe ``reshape``."""
    yield "the numbers stay in their order, cut into rows of another length: nothing is turned around"


def exchanged(at: At) -> Iterator[str]:
    """Describe ``swap`` and ``permute``."""
    yield "the numbers move: rows become columns; what was counted as steps may now be features"


def stretched(at: At) -> Iterator[str]:
    """Describe ``upsample1d`` and ``conv1d_transpose``."""
    if _rank(at) == 1 and at.came.shape[0] != at.gives.shape[0]:
        yield f"it makes the sequence longer: {_length(at.steps, at.gives.shape[0])}"


def _rank(at: At) -> int:
    digits = [char for char in at.row.name if char.isdigit()]
    return int(digits[-1]) if digits else 1


def _change(at: At, stride: int) -> str:
    length = at.gives.shape[0]
    if length == at.steps and stride == 1:
        return "the length stays as it is" if str(length) == "?" else f"the length stays {length}"
    return _length(at.steps, length)


def _length(before: Size, after: Size) -> str:
    if before == after:
        return f"{count(after, 'step')}, as before" if str(after) != "?" else "as many as before"
    return f"{before} steps become {after}"


def _lengths(at: At, rank: int) -> str:
    before, after = at.came.shape[:rank], at.gives.shape[:rank]
    if before == after:
        return "the places stay as many as they were"
    return f"{show_shape(before)} places become {show_shape(after)}"
