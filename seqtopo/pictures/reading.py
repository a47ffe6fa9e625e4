"""Which steps of its input each step of a layer is made of: windows, their reverse, and a turned order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.layers.kinds import per_axis
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size

Reads = Callable[[int], Sequence[int]]
"""From the number of a step that a layer gives to those of the steps that it is made of, in order. Both
count from 1.
"""

_MOST = 4096
"""More places than this of the window of a transposed convolution are not looked at one by one."""


def reads_of(layer: Layer, number: Callable[[Size], int], steps: int) -> Reads | None:
    """What each step of a layer reads, of so many steps that come in; None where that is not a window.

    ``number`` makes a number of a size.

    >>> from seqtopo.layers.convolution import ROWS
    >>> layer = Layer(ROWS[0], {"filters": 8, "kernel_size": 3, "padding": "causal", "dilation_rate": 2})
    >>> reads = reads_of(layer, int, 10)
    >>> list(reads(1)), list(reads(6))
    ([1], [2, 4, 6])
    """
    row = layer.row
    if layer.get("data_format") == "channels_first" or layer.get("axis") not in (None, 1):
        return None
    if row.name == "flip":
        return lambda step: (steps + 1 - step,)
    if row.name == "slice":
        start, each = number(layer.get("start") or 0), layer.get("step") or 1
        return _slid(1, each, 1, -(start if start >= 0 else steps + start), steps)
    if row.name == "cumsum":
        return so_far
    if row.clauses[0].takes[0] != ("T", "F"):
        return None
    if "cropping" in row.by_name:
        return _slid(1, 1, 1, -_one(layer.get("cropping")), steps)
    if "output_size" in row.by_name:
        wanted = number(_one(layer.get("output_size")))
        return lambda step: range((step - 1) * steps // wanted + 1, -(-step * steps // wanted) + 1)
    if "size" in row.by_name:
        times = _one(layer.get("size"))
        return lambda step: ((step - 1) // times + 1,)
    window = layer.get("kernel_size") or layer.get("pool_size")
    if window is None:
        return _slid(1, 1, 1, _one(layer.get("padding")), steps) if row.places == ("padding",) else None
    size = number(_one(window))
    stride = size if layer.get("strides") is None else _one(layer.get("strides"))
    dilation = _one(layer.get("dilation_rate") or 1)
    span = dilation * (size - 1) + 1
    same = layer.get("padding") == "same"
    if "output_padding" in row.by_name:
        return _unslid(size, stride, dilation, max(span - stride, 0) // 2 if same else 0, steps)
    before = span - 1 if layer.get("padding") == "causal" else 0
    if same:
        before = max((-(-steps // stride) - 1) * stride + span - steps, 0) // 2
    return _slid(size, stride, dilation, before, steps)


def so_far(step: int) -> Sequence[int]:
    """Every step up to this one: what is read where nothing later may be.

    >>> list(so_far(3))
    [1, 2, 3]
    """
    return range(1, step + 1)


def _one(value: Any) -> Any:
    return per_axis(value, 1)[0]


def _slid(size: int, stride: int, dilation: int, before: int, steps: int) -> Reads:
    def reads(step: int) -> Sequence[int]:
        start = (step - 1) * stride - before
        least = max(0, -(start // dilation))
        most = min(size - 1, (steps - 1 - start) // dilation)
        return range(start + least * dilation + 1, start + most * dilation + 2, dilation)

    return reads


def _unslid(size: int, stride: int, dilation: int, before: int, steps: int) -> Reads:
    def reads(step: int) -> Sequence[int]:
        ends = (step - 1 + before - k * dilation for k in range(min(size, _MOST)))
        return sorted({end // stride + 1 for end in ends if end % stride == 0 and 0 <= end < steps * stride})

    return reads


def reads_between(read: Sequence[int], low: int, high: int) -> bool:
    """Whether a step strictly between two others is read.

    >>> reads_between(range(1, 20, 5), 6, 12), reads_between(range(1, 20, 5), 6, 11)
    (True, False)
    """
    at = bisect_right(read, low)
    return at < len(read) and read[at] < high
