"""Compute which steps of its input each step of a layer is made of, from the row's column ``time``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.step_windows import SAME, Bound, OutputTime, TimedCall
from seqtopo.layers.timing import unknown

Reads = Callable[[int], Sequence[int]]
"""From the number of a step that a layer gives to those of the steps that it is made of, in order. Both
count from 1.
"""

_MOST = 4096
"""The maximum number of places in the window of a transposed convolution that are read one by one."""


def passed_of(row: Any, call: TimedCall) -> OutputTime:
    """Return the result of a row's time rule for a call whose sizes are all numbers."""
    found: OutputTime | None = (row.time or unknown)(call)
    return found or unknown(call)


def keeps_steps(passed: OutputTime) -> bool:
    """Return whether each step is made of the step in its place alone."""
    return passed.axis == 0 and passed.window == SAME


def reads_of(passed: OutputTime, call: TimedCall) -> Reads | None:
    """Return the steps that each step reads; None if the time axis ends, or each step reads all of them.

    >>> from seqtopo.layers.timing import Slides
    >>> from seqtopo.layers.values import Tensor
    >>> args = {"kernel_size": 3, "strides": 1, "padding": "causal", "dilation_rate": 2}
    >>> call = TimedCall(args.get, (Tensor((10, 4)),), (Tensor((10, 8)),), 0)
    >>> reads = reads_of(Slides(1)(call), call)
    >>> list(reads(1)), list(reads(6))
    ([1], [2, 4, 6])
    """
    low, high = passed.window.low, passed.window.high
    steps = call.steps
    assert isinstance(steps, int)
    whole = not low.factor and _at(low, 0) <= 0 and not high.factor and _at(high, 0) >= steps - 1
    if passed.axis != 0 or (whole and steps > 1):
        return None
    dilation = per_axis(call.get("dilation_rate") or 1, 1)[0]
    if call.get("kernel_size") is not None and not passed.window.exact:
        return _unslid(call, steps, dilation)

    def reads(step: int) -> Sequence[int]:
        first, last = _at(low, step - 1), min(_at(high, step - 1), steps - 1)
        first += max(0, -(first // dilation)) * dilation
        return range(first + 1, last + 2, dilation)

    return reads


def _at(bound: Bound, step: int) -> int:
    found = bound.at(step)
    assert isinstance(found, int)
    return found


def _unslid(call: TimedCall, steps: int, dilation: int) -> Reads:
    """Return a function that gives the steps that a step of a transposed convolution reads."""
    size, stride = (per_axis(call.get(name), 1)[0] for name in ("kernel_size", "strides"))
    beyond = dilation * (size - 1) + 1 - stride
    before = max(beyond, 0) // 2 if call.get("padding") == "same" else 0

    def reads(step: int) -> Sequence[int]:
        ends = (step - 1 + before - k * dilation for k in range(min(size, _MOST)))
        return sorted({end // stride + 1 for end in ends if end % stride == 0 and 0 <= end < steps * stride})

    return reads


def reads_between(read: Sequence[int], low: int, high: int) -> bool:
    """Return whether a step strictly between two others is read.

    >>> reads_between(range(1, 20, 5), 6, 12), reads_between(range(1, 20, 5), 6, 11)
    (True, False)
    """
    at = bisect_right(read, low)
    return at < len(read) and read[at] < high
