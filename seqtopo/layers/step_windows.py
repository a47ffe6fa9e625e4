"""Compute the window of incoming steps from which each outgoing step is made.

Two bounds that are affine in the outgoing step i, such as ``2*i-1 .. 2*i+1`` for a convolution with strides
of 2. Where a window cannot be said exactly it is one that holds all that is seen, and ``exact`` is False.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Any, NamedTuple

from seqtopo.layers.sizes import Size, floor_div
from seqtopo.layers.values import Tensor


class Bound(NamedTuple):
    """The step ``floor((factor * i + plus) / over)`` for step i.

    >>> Bound(2, 1).at(3), Bound(1, 0, 2).at(5)
    (7, 2)
    """

    factor: int
    plus: Size
    over: int = 1

    def at(self, step: Size) -> Size:
        """Return the step that is meant for step ``step``."""
        return floor_div(step * self.factor + self.plus, self.over)


class Window(NamedTuple):
    """The incoming steps that outgoing step i sees: from ``low`` to ``high``, both included.

    ``own`` is the incoming step that step i belongs to: its answer stands for that one. It is None where
    no step does, as behind ``repeat``. Steps beyond either end of the sequence are padding.
    """

    low: Bound
    high: Bound
    own: Bound | None = None
    exact: bool = True


class OutputTime(NamedTuple):
    """The place of the time axis in the output (None: it has none), and the window of each step."""

    axis: int | None
    window: Window


class TimedCall(NamedTuple):
    """A call of a layer as a rule sees it: ``axis`` is the time axis of the incoming value ``place``."""

    get: Callable[[str], Any]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    axis: int
    place: int = 0
    output: int = 0

    @property
    def in_shape(self) -> tuple[Size, ...]:
        """The shape of the input whose time is followed."""
        return self.inputs[self.place].shape

    @property
    def out_shape(self) -> tuple[Size, ...]:
        """The shape of the output."""
        return self.outputs[self.output].shape

    @property
    def steps(self) -> Size:
        """The number of incoming steps."""
        return self.in_shape[self.axis]

    def axes(self, name: str = "axis") -> tuple[int, ...]:
        """Return the axes that an argument names, counted from 0 without the batch; () for none."""
        found = self.get(name)
        several = found if isinstance(found, (tuple, list)) else (found,)
        rank = len(self.in_shape)
        return tuple(a - 1 if a > 0 else rank + a for a in several if isinstance(a, int))


TimeRule = Callable[[TimedCall], "OutputTime | None"]
"""Follows the time axis of an incoming value to the output; None where the value counts for nothing."""

SELF = Bound(1, 0)
FIRST = Bound(0, 0)
SAME = Window(SELF, SELF, SELF)
"""Each step is made from the one step in its place."""


def shifted(by: Size) -> Window:
    """Step i is the incoming step ``i + by``."""
    bound = Bound(1, by)
    return Window(bound, bound, bound)


def every(steps: Size, own: Bound | None = None, exact: bool = True) -> Window:
    """Return the window of a step that sees all of so many."""
    return Window(FIRST, Bound(0, steps - 1), own, exact)


def reduced(factor: int, plus: Size, over: int) -> Bound:
    """Return a bound in lowest terms.

    >>> reduced(4, 5, 2), reduced(6, 3, 4)
    (Bound(factor=2, plus=2, over=1), Bound(factor=3, plus=1, over=2))
    """
    shared = gcd(factor, over)
    return Bound(factor // shared, floor_div(plus, shared), over // shared)


def through(inner: Window, outer: Window) -> Window:
    """Return the window of two layers: ``outer`` reads steps of the first, each made by ``inner``.

    >>> conv = Window(Bound(1, -2), Bound(1, 0))  # a causal kernel of 3
    >>> through(conv, conv)[:2]
    (Bound(factor=1, plus=-4, over=1), Bound(factor=1, plus=0, over=1))
    """
    low, exact_low = _after(inner.low, outer.low if inner.low.factor >= 0 else outer.high, False)
    high, exact_high = _after(inner.high, outer.high if inner.high.factor >= 0 else outer.low, True)
    own = None
    if inner.own is not None and outer.own is not None:
        own, _ = _after(inner.own, outer.own, True)
    return Window(low, high, own, inner.exact and outer.exact and exact_low and exact_high)


def _after(inner: Bound, outer: Bound, up: bool) -> tuple[Bound, bool]:
    """Return the bound ``inner`` at the step that ``outer`` gives, and whether it is exact."""
    if inner.factor == 0:
        return inner, True
    if outer.over == 1:
        plus = outer.plus * inner.factor + inner.plus
        return reduced(inner.factor * outer.factor, plus, inner.over), True
    exact = inner.factor == 1
    # floor(floor(x) / b) is a single floor; a multiple of a floor is only bounded by two of them.
    slack = 0 if exact or up is (inner.factor > 0) else (outer.over - 1) * inner.factor
    plus = outer.plus * inner.factor - slack + inner.plus * outer.over
    return reduced(inner.factor * outer.factor, plus, inner.over * outer.over), exact
