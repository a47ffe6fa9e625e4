"""Define what a layer does with time: the rules that rows name in their column ``time``.

A rule says where the time axis of one incoming value stands in what goes out (None: it has ended), and the
window of incoming steps that each outgoing step sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.sizes import Size, ceil_div, divides, floor_div, product
from seqtopo.layers.step_windows import (
    FIRST,
    SAME,
    SELF,
    Bound,
    OutputTime,
    TimedCall,
    TimeRule,
    Window,
    every,
    reduced,
    shifted,
)
from seqtopo.layers.values import Object

# ---- rules without arguments ---------------------------------------------------------------------------


def keeps(call: TimedCall) -> OutputTime:
    """Make each step from itself alone; the time axis stays where it is."""
    return OutputTime(call.axis, SAME)


def ends(call: TimedCall) -> OutputTime:
    """End the time axis: all of its steps go into the output."""
    return OutputTime(None, every(call.steps))


def sums_features(call: TimedCall) -> OutputTime:
    """Make each step from itself alone, unless time is the last axis, which is summed over."""
    return ends(call) if call.axis == len(call.in_shape) - 1 else keeps(call)


def looks_up(call: TimedCall) -> OutputTime:
    """Make a vector of each id; the reverse is a sum over the last axis."""
    return keeps(call) if len(call.out_shape) > len(call.in_shape) else sums_features(call)


def counts(call: TimedCall) -> OutputTime:
    """Make a vector of each id, or one vector that counts them all."""
    return keeps(call) if call.axis < len(call.out_shape) - 1 else ends(call)


def mixes_all(call: TimedCall) -> OutputTime:
    """Make each step from all steps; the time axis stays where it is."""
    return OutputTime(call.axis, every(call.steps, SELF))


def sees_past(call: TimedCall) -> OutputTime:
    """Make each step from itself and those before it."""
    return OutputTime(call.axis, Window(FIRST, SELF, SELF))


def unknown(call: TimedCall) -> OutputTime:
    """Assume of a layer that says nothing: an axis that keeps its length has the same steps, mixed."""
    if call.axis < len(call.out_shape) and call.out_shape[call.axis] == call.steps:
        return OutputTime(call.axis, every(call.steps, SELF, False))
    return OutputTime(None, every(call.steps, None, False))


def recurrent(call: TimedCall) -> OutputTime:
    """Make each step from itself and those read before, or end with the last step."""
    if call.axis:
        return ends(call)
    if not call.get("return_sequences"):
        return ends(call)
    last = Bound(0, call.steps - 1)
    if call.get("go_backwards"):
        # The first step of the output is computed from the last step of the input.
        own = Bound(-1, call.steps - 1)
        return OutputTime(0, Window(own, last, own))
    return OutputTime(0, Window(FIRST, SELF, SELF))


def both_ways(call: TimedCall) -> OutputTime:
    """Read in both directions; the backward layer's steps are put in order again."""
    inner = call.get("layer")
    if call.axis or not inner.get("return_sequences"):
        return ends(call)
    if call.get("merge_mode") is not None:
        return OutputTime(0, every(call.steps, SELF))
    backwards = call.output == 1
    if bool(inner.get("go_backwards")) is not backwards:
        return OutputTime(0, Window(SELF, Bound(0, call.steps - 1), SELF))
    return OutputTime(0, Window(FIRST, SELF, SELF))


def each_step(call: TimedCall) -> OutputTime:
    """Show the wrapped layer one step at a time."""
    return keeps(call) if call.axis == 0 else OutputTime(None, every(call.steps, None, False))


def as_inside(call: TimedCall) -> OutputTime | None:
    """Treat time as the wrapped layer does."""
    inner = call.get("layer")
    rule = getattr(getattr(inner, "row", None), "time", None) or unknown
    return rule(call._replace(get=inner.get))


def repeats(call: TimedCall) -> OutputTime:
    """Make a new time axis in front."""
    return OutputTime(call.axis + 1, SAME)


def flattens(call: TimedCall) -> OutputTime:
    """Put all numbers in a row, each a step of its own."""
    return _cut_anew(call, 1)


def reshapes(call: TimedCall) -> OutputTime:
    """Put the same numbers in rows of another length."""
    return _cut_anew(call, product(call.out_shape[1:]))


def _cut_anew(call: TimedCall, width: Size) -> OutputTime:
    before = product(call.in_shape[1:])
    if call.axis:
        lead = call.in_shape[: call.axis + 1]
        kept = call.out_shape[: call.axis + 1] == lead and len(call.out_shape) > call.axis
        return keeps(call) if kept else ends(call)
    if before == width:
        return keeps(call)
    if not (isinstance(before, int) and isinstance(width, int)):
        # With a symbol on both sides, whole rows may still be put together or cut.
        more, fewer = divides(width, before), divides(before, width)
        if isinstance(more, int):
            width, before = more, 1
        elif isinstance(fewer, int):
            width, before = 1, fewer
        else:
            return OutputTime(0, every(call.steps, None, False))
    low, high = reduced(width, 0, before), reduced(width, width - 1, before)
    return OutputTime(0, Window(low, high, high))


def moves_axes(call: TimedCall) -> OutputTime:
    """Put the axes in another order: ``permute``."""
    dims = call.get("dims")
    return OutputTime(dims.index(call.axis + 1), SAME)


def swaps(call: TimedCall) -> OutputTime:
    """Exchange two axes: ``swap``."""
    (first,), (second,) = call.axes("first"), call.axes("second")
    there = {first: second, second: first}
    return OutputTime(there.get(call.axis, call.axis), SAME)


def expands(call: TimedCall) -> OutputTime:
    """Make a new axis of one place."""
    axis = call.get("axis")
    at = axis - 1 if axis > 0 else len(call.out_shape) + axis
    return OutputTime(call.axis + (at <= call.axis), SAME)


def multiplies(call: TimedCall) -> OutputTime:
    """Sum over the axes that ``dot`` multiplies; the other axes of the second value come behind."""
    axes = call.get("axes")
    pair = axes if isinstance(axes, tuple) else (axes, axes)
    gone = [a - 1 if a > 0 else len(t.shape) + a for a, t in zip(pair, call.inputs, strict=True)]
    if call.axis == gone[call.place]:
        return ends(call)
    place = call.axis - (call.axis > gone[call.place])
    return OutputTime(place + (len(call.inputs[0].shape) - 1 if call.place else 0), SAME)


# ---- rules along an axis that is an argument -----------------------------------------------------------


def mixes(call: TimedCall) -> OutputTime:
    """Make each step from all along ``axis``, and from itself alone along the other axes."""
    return OutputTime(call.axis, every(call.steps, SELF)) if call.axis in call.axes() else keeps(call)


def mixes_others(call: TimedCall) -> OutputTime:
    """Make each number from all others: over every axis but the channels, and over those in groups."""
    return OutputTime(call.axis, every(call.steps, SELF, call.axis not in call.axes()))


def activates(call: TimedCall) -> OutputTime:
    """Apply an activation: most work element by element, some along an axis."""
    function = call.get("activation")
    name, axis = function, -1
    if isinstance(function, Object):
        name, axis = function.name, function.kwargs.get("axis", -1)
    if name not in ("softmax", "log_softmax", "sparsemax", "glu"):
        return keeps(call)
    along = axis - 1 if axis > 0 else len(call.in_shape) + axis
    if along != call.axis:
        return keeps(call)
    return ends(call) if name == "glu" else OutputTime(call.axis, every(call.steps, SELF))


def sums_up(call: TimedCall) -> OutputTime:
    """Make each step from itself and those before it: a running sum."""
    return OutputTime(call.axis, Window(FIRST, SELF, SELF)) if call.axis in call.axes() else keeps(call)


def turns(call: TimedCall) -> OutputTime:
    """Reverse the order of the steps."""
    if call.axis not in call.axes():
        return keeps(call)
    bound = Bound(-1, call.steps - 1)
    return OutputTime(call.axis, Window(bound, bound, bound))


def removes(call: TimedCall) -> OutputTime:
    """Remove the axes that ``axis`` names: all of their places become one."""
    gone = call.axes()
    if call.axis in gone:
        left = call.axis if call.get("keepdims") else None
        return OutputTime(left, every(call.steps))
    before = 0 if call.get("keepdims") else sum(a < call.axis for a in gone)
    return OutputTime(call.axis - before, SAME)


def takes_one(call: TimedCall) -> OutputTime:
    """Take one place of an axis: ``at``."""
    (axis,) = call.axes()
    if call.axis != axis:
        return OutputTime(call.axis - (axis < call.axis), SAME)
    index = call.get("index")
    at = Bound(0, index if index >= 0 else call.steps + index)
    return OutputTime(None, Window(at, at, at))


def takes_last(call: TimedCall) -> OutputTime:
    """Take the last n steps: ``last``."""
    return _moved(call, call.steps - call.get("n"))


def takes_some(call: TimedCall) -> OutputTime:
    """Take the steps from start on, every step-th: ``slice``."""
    if call.axis not in call.axes():
        return keeps(call)
    start = call.get("start")
    if start < 0:
        start = max(call.steps + start, 0) if isinstance(call.steps, int) else call.steps + start
    bound = Bound(call.get("step"), start)
    return OutputTime(call.axis, Window(bound, bound, bound))


def puts_in(call: TimedCall) -> OutputTime:
    """Put new steps in front and behind: ``pad``."""
    return _moved(call, 0 - call.get("before"))


def takes_off(call: TimedCall) -> OutputTime:
    """Take steps off in front and behind: ``crop``."""
    return _moved(call, call.get("before"))


def _moved(call: TimedCall, by: Size) -> OutputTime:
    return OutputTime(call.axis, shifted(by)) if call.axis in call.axes() else keeps(call)


def merges(call: TimedCall) -> OutputTime:
    """Merge by element, where one step is broadcast; with an axis, ``max`` reduces."""
    if len(call.inputs) == 1 and call.axes():
        return removes(call)
    if call.steps == 1 and call.out_shape[call.axis] != 1:
        return OutputTime(call.axis, Window(FIRST, FIRST))
    return keeps(call)


def joins(call: TimedCall) -> OutputTime:
    """Join the steps of one value and those of another, or their features: ``concat``."""
    if call.axis not in call.axes():
        return keeps(call)
    before: Size = 0
    for tensor in call.inputs[: call.place]:
        before = before + tensor.shape[call.axis]
    return OutputTime(call.axis, shifted(0 - before))


# ---- windows -------------------------------------------------------------------------------------------


def place_of(call: TimedCall, rank: int) -> int | None:
    """Return the index of the time axis among those that a window moves over; None if it is the channels'."""
    place = call.axis - (call.get("data_format") == "channels_first")
    return place if 0 <= place < rank else None


def _reach(low: Size, high: Size, stride: int, own: Size, exact: bool = True) -> Window:
    return Window(Bound(stride, low), Bound(stride, high), Bound(stride, own), exact)


@dataclass(frozen=True, slots=True)
class Slides:
    """The rule of a window that moves over ``rank`` axes; ``window`` is the argument with its size."""

    rank: int
    window: str = "kernel_size"

    def __call__(self, call: TimedCall) -> OutputTime:
        """Return the window of each output step along the time axis."""
        place = place_of(call, self.rank)
        if place is None:
            # Filters, or pools of each channel by itself.
            return keeps(call) if self.window == "pool_size" else ends(call)
        return OutputTime(call.axis, self.reach(call.get, place, call.steps))

    def reach(self, get: Callable[[str], Any], place: int, steps: Size) -> Window:
        """Return the window along one of the layer's axes, which has so many steps."""
        size = per_axis(get(self.window), self.rank)[place]
        strides = get("strides") or (get(self.window) if self.window == "pool_size" else 1)
        stride = per_axis(strides, self.rank)[place]
        dilation = per_axis(get("dilation_rate") or 1, self.rank)[place]
        return slid(steps, size, stride, dilation, get("padding"))


def slid(steps: Size, size: Size, stride: int, dilation: int, padding: str) -> Window:
    """Return the window of place i of a sliding kernel over so many steps.

    >>> slid(10, 3, 1, 2, "causal")[:2]
    (Bound(factor=1, plus=-4, over=1), Bound(factor=1, plus=0, over=1))
    """
    beyond = (size - 1) * dilation
    if padding == "causal":
        return _reach(0 - beyond, 0, stride, 0)
    if padding == "valid":
        return _reach(0, beyond, stride, beyond)
    if stride == 1:
        left = floor_div(beyond, 2)
        return _reach(0 - left, beyond - left, 1, 0)
    # The number of strides that fit; half of the padding for this is in front.
    short = (ceil_div(steps, stride) - 1) * stride + beyond + 1 - steps
    if isinstance(short, int):
        left = max(short, 0) // 2
        return _reach(-left, beyond - left, stride, floor_div(beyond, 2) - left)
    return _reach(0 - floor_div(beyond, 2), beyond, stride, 0, False)


def unslides(rank: int) -> TimeRule:
    """Spread each step over a window of places: a transposed convolution."""

    def rule(call: TimedCall) -> OutputTime:
        place = place_of(call, rank)
        if place is None:
            return ends(call)
        kernel = per_axis(call.get("kernel_size"), rank)[place]
        stride = per_axis(call.get("strides"), rank)[place]
        dilation = per_axis(call.get("dilation_rate"), rank)[place]
        beyond = (kernel - 1) * dilation
        if not isinstance(beyond, int):
            return OutputTime(call.axis, every(call.steps, SELF, False))
        # The crop in front depends on padding and output_padding; it is at most half of all.
        cut = beyond if call.get("padding") == "same" else 0
        low = reduced(1, stride - 1 - beyond, stride)
        high = reduced(1, cut, stride)
        return OutputTime(call.axis, Window(low, high, reduced(1, 0, stride), False))

    return rule


def gathers(rank: int) -> TimeRule:
    """Pool all places into one: a global pooling."""

    def rule(call: TimedCall) -> OutputTime:
        if place_of(call, rank) is None:
            first = call.get("data_format") == "channels_first"
            return OutputTime(call.axis if first or call.get("keepdims") else 0, SAME)
        return OutputTime(call.axis if call.get("keepdims") else None, every(call.steps))

    return rule


def adapts(rank: int) -> TimeRule:
    """Make as many windows as are asked for, whatever the length: an adaptive pooling."""

    def rule(call: TimedCall) -> OutputTime:
        place = place_of(call, rank)
        if place is None:
            return keeps(call)
        size = per_axis(call.get("output_size"), rank)[place]
        if not (isinstance(call.steps, int) and isinstance(size, int)):
            return OutputTime(call.axis, every(call.steps, None, False))
        high = reduced(call.steps, call.steps - 1, size)
        return OutputTime(call.axis, Window(reduced(call.steps, 0, size), high, high))

    return rule


def spreads(rank: int) -> TimeRule:
    """Repeat each place several times: ``upsample``."""

    def rule(call: TimedCall) -> OutputTime:
        place = place_of(call, rank)
        factor = per_axis(call.get("size"), rank)[place] if place is not None else 1
        if not isinstance(factor, int):
            return OutputTime(call.axis, every(call.steps, None, False))
        bound = reduced(1, 0, factor)
        if rank == 1 or call.get("interpolation") in (None, "nearest"):
            return OutputTime(call.axis, Window(bound, bound, bound))
        return OutputTime(call.axis, every(call.steps, bound, False))

    return rule


def frames(call: TimedCall) -> OutputTime:
    """Cut a signal into frames: ``stft_spectrogram``."""
    if place_of(call, 1) is None:
        return ends(call)
    length = call.get("frame_length")
    step = call.get("frame_step") or length // 2
    return OutputTime(call.axis, slid(call.steps, length, step, 1, call.get("padding"))._replace(exact=False))


def mel_frames(call: TimedCall) -> OutputTime:
    """Cut a signal into frames, which stand behind the bands; the loudest frame sets the floor."""
    return OutputTime(1, every(call.steps, Bound(call.get("sequence_stride"), 0), False))


# ---- attention -----------------------------------------------------------------------------------------


def attends(call: TimedCall) -> OutputTime:
    """Keep the query's steps; each sees all steps of the value, or with causal those up to its own."""
    rank = len(call.in_shape)
    axes = call.get("attention_axes")
    # Without axes of its own, dot-product attention looks along the last but one, mha along all of them.
    over: tuple[int, ...] = (rank - 2,)
    if axes is not None:
        several = axes if isinstance(axes, (tuple, list)) else (axes,)
        over = tuple(a - 1 if a > 0 else rank + a for a in several)
    elif call.get("num_heads") is not None:
        over = tuple(range(rank - 1))
    if call.axis == rank - 1:
        return ends(call)
    if call.axis not in over:
        return keeps(call)
    if len(call.inputs) == 1:
        return OutputTime(call.axis, _attended(call, SELF))
    return keeps(call) if call.place == 0 else OutputTime(call.axis, _attended(call, None))


def _attended(call: TimedCall, own: Bound | None) -> Window:
    window = call.get("sliding_window")
    last = Bound(0, call.steps - 1)
    low = FIRST if window is None else Bound(1, 1 - window)
    high = last if window is None else Bound(1, window - 1)
    if call.get("use_causal_mask"):
        high = SELF
    return Window(low, high, own)


# ---- the words for custom layers -----------------------------------------------------------------------

WORDS: Mapping[str, TimeRule] = {"keeps": keeps, "mixes": mixes_all, "causal": sees_past, "ends": ends}
"""The words by which a custom layer says what it does with time."""
