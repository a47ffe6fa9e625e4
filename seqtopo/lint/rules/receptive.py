"""Check receptive fields: kernel taps that never see a step, and answers that see few steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seqtopo.diag.model import Label
from seqtopo.graph.graph import Node
from seqtopo.graph.receptive import receptive
from seqtopo.graph.seen import NOTHING, fields
from seqtopo.layers.kinds import per_axis
from seqtopo.layers.timing import Slides
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View


class _Kernel(NamedTuple):
    """A kernel along one axis of what it moves over: ``steps`` come in and ``places`` places go out."""

    node: Node
    slides: Slides
    place: int
    size: int
    dilation: int
    steps: int
    places: int
    first: int
    last: int

    @property
    def dead(self) -> int:
        """How many of the taps see only padding, at every place."""
        return self._dead(self.size, self.dilation)

    def _dead(self, size: int, dilation: int) -> int:
        layer, rank = self.node.layer, self.slides.rank
        assert layer is not None
        sizes = [*per_axis(layer.get("kernel_size"), rank)]
        dilations = [*per_axis(layer.get("dilation_rate"), rank)]
        sizes[self.place], dilations[self.place] = size, dilation
        other = {"kernel_size": tuple(sizes), "dilation_rate": tuple(dilations)}
        low = self.slides.reach(lambda n: other.get(n, layer.get(n)), self.place, self.steps).low
        if not isinstance(low.plus, int):
            return 0
        # Tap t sees the steps from low + t * dilation on, one for each place.
        before = -(-(self.first - low.plus - low.factor * (self.places - 1)) // dilation)
        after = size - (-(-(self.last + 1 - low.plus) // dilation))
        return max(0, min(size, before)) + max(0, min(size, after))

    @property
    def advice(self) -> str:
        """The largest dilation, or the largest kernel, of which every tap sees something."""
        most = range(min(2 * self.steps, max(self.size, self.dilation) - 1), 0, -1)
        known = next((d for d in most if d < self.dilation and not self._dead(self.size, d)), 0)
        if known:
            return f"take a dilation_rate of {known} or less"
        fitting = next((k for k in most if k < self.size and not self._dead(k, self.dilation)), 1)
        return f"take a kernel_size of {fitting} or less"


@rule("ST616")
def taps_in_padding(view: View) -> Iterator[Finding]:
    """A kernel some of whose taps lie further apart than the sequence is long."""
    for node in view.calls_given("kernel_size"):
        for kernel in _kernels(view, node):
            if kernel.dead:
                yield _finding(kernel)
                break


def _kernels(view: View, node: Node) -> Iterator[_Kernel]:
    layer = node.layer
    slides = None if layer is None else layer.row.time
    if layer is None or not isinstance(slides, Slides):
        return
    for place in range(slides.rank):
        size = per_axis(layer.get("kernel_size"), slides.rank)[place]
        dilation = per_axis(layer.get("dilation_rate"), slides.rank)[place]
        axis = place + (layer.get("data_format") == "channels_first")
        length, count = view.came(node).shape[axis], view.out(node).shape[axis]
        # Small pictures are what deep networks of plain kernels end with.
        plain = not isinstance(size, int) or size < 2 or (slides.rank > 1 and dilation == 1)
        if not plain and isinstance(length, int) and isinstance(count, int):
            first, last = _real(view, node, axis, length)
            yield _Kernel(node, slides, place, size, dilation, length, count, first, last)


def _real(view: View, node: Node, axis: int, length: int) -> tuple[int, int]:
    """The first and the last of the incoming steps that are made from something that came in."""
    found = fields(view.graph).get(node.inputs[0], NOTHING).values()
    ends = [] if found else [(0, length - 1)]
    for field in found:
        low, high = field.window.low, field.window.high
        first, last = 0, length - 1
        if field.axis == axis and field.window.exact:
            if (high.factor, high.over) == (1, 1) and isinstance(high.plus, int):
                first = max(0, -high.plus)
            beyond = field.length - 1 - low.plus
            if (low.factor, low.over) == (1, 1) and isinstance(beyond, int):
                last = min(last, beyond)
        ends.append((first, last))
    return min(first for first, _ in ends), max(last for _, last in ends)


def _finding(kernel: _Kernel) -> Finding:
    layer = kernel.node.layer
    assert layer is not None
    span, real = (kernel.size - 1) * kernel.dilation + 1, kernel.last - kernel.first + 1
    one = kernel.dead == 1
    taps = "the far tap" if one else f"{kernel.dead} of the {kernel.size} taps"
    what = "steps" if kernel.slides.rank == 1 else "places along an axis"
    return Finding(
        kernel.node.span,
        f"{taps} of {layer.title} only ever {'sees' if one else 'see'} padding: {real} {what} come in, and "
        f"the kernel spans {span}",
        label=f"spans {span}, is given {real}",
        notes=("weights that are multiplied by zeros alone never learn anything",),
        help=f"{kernel.advice}, or give it a longer sequence",
    )


@rule("ST617")
def answer_sees_few(view: View) -> Iterator[Finding]:
    """One answer for a sequence of fixed length, made by convolutions that reach over its end alone."""
    windows = [n for n in view.calls if n.layer is not None and isinstance(n.layer.row.time, Slides)]
    if not windows:
        return
    for one in receptive(view.graph):
        if one.before is not None or not isinstance(one.length, int) or one.length < 2 * one.steps:
            continue
        source = view.graph.nodes[one.source]
        behind = {node.index for node in view.behind((view.graph.outputs[one.place],))}
        made = [node for node in windows if node.index in behind]
        # Who takes some steps of the input itself has chosen them.
        if not made or any(view.out(n).shape[:1] != (one.length,) for n in _straight(view, source, made[0])):
            continue
        yield Finding(
            made[-1].span,
            f"{one}: the other {one.length - one.steps} have no effect",
            label=f"the receptive field is {one.steps} steps",
            labels=(Label(source.span, f"{one.length} steps come in"),),
            help="widen it: more layers, or dilation_rate=D for D in [1,2,4,...], whose reach doubles with "
            f"each; or declare as few steps: {one.steps}",
        )


def _straight(view: View, source: Node, first: Node) -> Iterator[Node]:
    """The calls between an input and the first convolution, by the first value of each."""
    node = first
    while node.inputs and node.inputs[0].node != source.index:
        node = view.maker(node.inputs[0])
        yield node
        if node.layer is None:
            return
