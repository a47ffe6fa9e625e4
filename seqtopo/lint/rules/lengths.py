"""Check lengths and windows: what goes down and up again, and steps that a kernel or an answer never sees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import NamedTuple

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.graph.kind import receptive
from seqtopo.graph.receptive_fields import NOTHING, fields
from seqtopo.layers.kinds import per_axis
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.lint.edits import step
from seqtopo.lint.places import place_of
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import number, with_argument, with_flag, without

_MOST_SHOWN = 12


@rule("ST606")
def length_comes_back_otherwise(view: View) -> Iterator[Finding]:
    """Find a convolutional autoencoder whose output is a little longer or shorter than its input."""
    if not view.calls_with("upsampling", "transposed"):
        return
    seen: set[int] = set()
    for value in dict.fromkeys(view.graph.outputs):
        if value.extra:
            continue
        path = _path(view, view.maker(value), seen)
        if path is not None:
            yield from _differs(view, path)


def _goes_up(view: View, node: Node) -> bool:
    return view.has_role(node, "upsampling", "transposed")


def _slides(node: Node) -> bool:
    return node.layer is not None and isinstance(node.layer.row.time, Slides)


def _path(view: View, last: Node, seen: set[int]) -> list[Node] | None:
    """Return the only way from an input to an output, in its order; None if branches merge."""
    found = [last]
    node = last
    while node.layer is not None:
        if len(node.inputs) != 1 or node.inputs[0].extra or node.index in seen:
            return None
        seen.add(node.index)
        node = view.maker(node.inputs[0])
        found.append(node)
    return found[::-1]


def _differs(view: View, path: list[Node]) -> Iterator[Finding]:
    incoming, gives = view.output_of(path[0]).shape, view.output_of(path[-1]).shape
    if len(incoming) != len(gives) or len(incoming) not in (2, 3) or incoming[-1] != gives[-1]:
        return
    for axis in range(len(incoming) - 1):
        sizes = [
            view.output_of(node).shape[axis] if len(view.output_of(node).shape) > axis else None
            for node in path
        ]
        lengths = [size for size in sizes if isinstance(size, int)]
        if len(lengths) < len(path):
            return
        start, end = lengths[0], lengths[-1]
        bottom = lengths.index(min(lengths))
        ups = [i for i, node in enumerate(path) if _goes_up(view, node) and lengths[i] > lengths[i - 1]]
        near = start != end and start < 2 * end < 4 * start
        if near and ups and lengths[bottom] < start:
            yield _uneven(view, path, lengths, axis)
            return


def _uneven(view: View, path: list[Node], lengths: list[int], axis: int) -> Finding:
    start, end = lengths[0], lengths[-1]
    what = (
        "steps"
        if axis == 0 and len(view.output_of(path[0]).shape) == 2
        else "rows"
        if axis == 0
        else "columns"
    )
    factor = prod(lengths[i] // lengths[i - 1] for i, node in enumerate(path) if _goes_up(view, node) and i)
    # In the decoder, a layer that changes the length and is no upsampling breaks the symmetry.
    first_up = next(i for i, node in enumerate(path) if _goes_up(view, node))
    breaks = [
        i
        for i in range(first_up, len(path))
        if not _goes_up(view, path[i]) and lengths[i] < lengths[i - 1] and _padded(path[i]) == "valid"
    ]
    uneven = factor > 1 and start % factor != 0
    reasons = []
    if breaks:
        layer = path[breaks[0]].layer
        assert layer is not None
        reasons.append(
            f"{layer.title} on the way up has no padding same: it takes "
            f"{lengths[breaks[0] - 1] - lengths[breaks[0]]} {what} off"
        )
    if uneven:
        reasons.append(f"{start} is not a multiple of {factor}, so the way down rounds")
    blame = path[breaks[0]] if breaks else path[0]
    return Finding(
        blame.span,
        f"{start} {what} come in and {end} come out: the way up does not restore the length",
        label=f"{lengths[breaks[0] - 1]} -> {lengths[breaks[0]]}, on the way up"
        if breaks
        else f"{start} {what}, not a multiple of {factor}"
        if uneven
        else f"{start} {what}",
        labels=tuple(
            Label(node.span, text)
            for node, text in ((path[0], f"{start} {what} in"), (path[-1], f"{end} {what} out"))
            if node.span != blame.span
        ),
        notes=(f"{what}: {_shown(lengths)}", *reasons),
        help=_advice(breaks, uneven, lengths, factor, what),
        fixes=tuple(_fixes(view, path, breaks, factor)),
    )


def _padded(node: Node) -> str:
    return "" if node.layer is None else str(node.layer.get("padding") or "")


def _advice(breaks: list[int], uneven: bool, lengths: list[int], factor: int, what: str) -> str:
    found = []
    if breaks:
        found.append("write same in the convolutions of the way up")
    if uneven:
        longer = -(-lengths[0] // factor) * factor
        crop = ", or crop what comes out" if lengths[-1] > lengths[0] or breaks else ""
        found.append(f"pad the data to {longer} {what}{crop}")
    return "; ".join(found) or "compare the lengths on the way down with those on the way up"


def _shown(lengths: list[int]) -> str:
    """Return the lengths as text in their order, each once as long as it stays."""
    kept = [a for i, a in enumerate(lengths) if not i or lengths[i - 1] != a]
    words = [str(a) for a in kept]
    if len(words) > _MOST_SHOWN:
        words = [*words[: _MOST_SHOWN // 2], "...", *words[-_MOST_SHOWN // 2 :]]
    return " -> ".join(words)


def _fixes(view: View, path: list[Node], breaks: list[int], factor: int) -> Iterator[Fix]:
    """Yield fixes: ``same`` on the way up, or both ways, with a crop of the surplus, or a longer input."""
    if any(view.copies(node) != 1 for node in path):
        return
    valid = [i for i, node in enumerate(path) if _padded(node) == "valid" and _slides(node)]
    start = view.output_of(path[0])
    for padded in dict.fromkeys((tuple(breaks), tuple(valid))):
        steps = _padded_steps(view, path, padded)
        gives = _replayed(path, start, padded)
        if steps is None or gives is None:
            continue
        title = "write same where steps are lost" if padded else ""
        if gives.shape == start.shape:
            yield Fix(title, _edits(view, path, steps))
            return
        surplus = _surplus_steps(gives.shape, start.shape)
        if surplus > 0:
            last = path[-1]
            here = steps.pop(len(path) - 1, None) or view.edits.written(last)
            crop = step(last.span, "crop", 0, surplus)
            end = None if here is None else view.edits.replace(last, here, crop)
            if end is not None:
                cropped = f"crop the {surplus} too many" if surplus > 1 else "crop the one too many"
                edits = (*_edits(view, path, steps), end)
                yield Fix(f"{title}, and {cropped}" if title else cropped, edits)
                steps = _padded_steps(view, path, padded) or {}
        longer = _declared(view, path, padded, factor)
        if longer is not None:
            declared, edit = longer
            also = f"{title}, and " if title else ""
            edits = (*_edits(view, path, steps), edit)
            yield Fix(f"{also}declare {declared} steps, and pad the data", edits)
        if surplus > 0 or longer is not None:
            return


def _declared(view: View, path: list[Node], padded: tuple[int, ...], factor: int) -> tuple[int, Edit] | None:
    """Return the next number of steps that comes back the same, and the edit of ``in(...)`` to it."""
    call, start = view.edits.call(path[0]), view.output_of(path[0])
    if (
        call is None
        or not call.args
        or not isinstance(call.args[0].value, tree.Number)
        or len(start.shape) != 2
    ):
        return None
    steps = start.shape[0]
    if not isinstance(steps, int) or factor < 1:
        return None
    longer = -(-steps // factor) * factor
    incoming = Tensor((longer, *start.shape[1:]), start.dtype)
    gives = _replayed(path, incoming, padded)
    if gives is None or gives.shape != incoming.shape:
        return None
    first = call.args[0]
    number = tree.Argument(first.span, None, tree.Number(first.span, longer, str(longer)))
    return longer, Edit(call.span, print_expr(tree.Call(call.span, call.name, (number, *call.args[1:]))))


def _surplus_steps(shape: Shape, start: Shape) -> int:
    """Return the number of surplus steps; 0 where there are too few, or where it is not a sequence."""
    if len(shape) != 2 or shape[1:] != start[1:]:
        return 0
    more = shape[0] - start[0]
    return max(more, 0) if isinstance(more, int) else 0


def _padded_steps(view: View, path: list[Node], padded: tuple[int, ...]) -> dict[int, tree.Expr] | None:
    """Return the steps at these places with ``same``, by their places; None if one is not written out."""
    found: dict[int, tree.Expr] = {}
    for i in padded:
        written = view.written(path[i])
        if written is None:
            return None
        found[i] = with_flag(without(written, "valid"), "same")
    return found


def _edits(view: View, path: list[Node], steps: dict[int, tree.Expr]) -> tuple[Edit, ...]:
    return tuple(view.rewrite(path[i], expr) for i, expr in steps.items())


def _replayed(path: list[Node], incoming: Tensor, padded: tuple[int, ...]) -> Tensor | None:
    """Return the output of a chain of calls for another input, with ``padding="same"`` at some places."""
    for i, node in enumerate(path[1:], 1):
        args = {**node.callee.args, **node.call, **({"padding": "same"} if i in padded else {})}
        try:
            incoming = node.callee.row.outcome(args, (incoming,)).outputs[0]
        except Refusal:
            return None
    return incoming


@rule("ST678")
def steps_skipped(view: View) -> Iterator[Finding]:
    """Find a window that moves on by more than its own length: steps between are never read."""
    for flow in view.flows:
        for node in flow.calls_given("strides"):
            place = place_of(flow, node)
            layer = place.layer
            if "transpose" in layer.row.name or layer.get("dilation_rate") not in (
                None,
                1,
                (1,),
                (1, 1),
                (1, 1, 1),
            ):
                continue
            name = "kernel_size" if "kernel_size" in layer.row.by_name else "pool_size"
            window, moves = (_whole_sizes(layer.get(n)) for n in (name, "strides"))
            if len(window) == 1 or len(moves) == 1:
                longer = max(len(window), len(moves))
                window, moves = (sizes * longer if len(sizes) == 1 else sizes for sizes in (window, moves))
            pairs = list(zip(window, moves, strict=False))
            # Residual blocks shorten their skip by a kernel of size 1 with larger strides.
            if not any(1 < w < m for w, m in pairs):
                continue
            skips = next(m - w for w, m in pairs if 1 < w < m)
            yield Finding(
                place.span,
                f"{layer.title} has strides larger than its window: {skips} of every "
                f"{next(m for w, m in pairs if 1 < w < m)} steps are never read",
                label=f"skips {skips}",
                help=f"let strides be no larger than {name}",
                fixes=place.fix(
                    "take strides as large as the window",
                    partial(_with_strides, layer=layer, sizes=[min(w, m) for w, m in pairs]),
                ),
            )


def _whole_sizes(value: object) -> list[int]:
    sizes = value if isinstance(value, (tuple, list)) else (value,)
    return [size for size in sizes if isinstance(size, int)]


def _with_strides(expr: tree.Expr, layer: Layer, sizes: list[int]) -> tree.Expr:
    several = tuple(number(size) for size in sizes)
    value = several[0] if len(set(sizes)) == 1 else tree.Tuple(expr.span, several)
    return with_argument(expr, layer.row.places.index("strides") if "strides" in layer.row.places else -1,
                         ("strides",), value)  # fmt: skip


class _Kernel(NamedTuple):
    """A kernel along one axis: of ``steps`` incoming steps it makes ``places`` outgoing ones."""

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
        """The number of taps that see only padding, at every place."""
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
    """Find a kernel with taps that are further apart than the sequence is long."""
    for node in view.calls_given("kernel_size"):
        for kernel in _kernels(view, node):
            if kernel.dead:
                yield _dead_taps(kernel)
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
        length, count = view.input_of(node).shape[axis], view.output_of(node).shape[axis]
        # Deep networks of plain kernels end with small images.
        plain = not isinstance(size, int) or size < 2 or (slides.rank > 1 and dilation == 1)
        if not plain and isinstance(length, int) and isinstance(count, int):
            first, last = _real_steps(view, node, axis, length)
            yield _Kernel(node, slides, place, size, dilation, length, count, first, last)


def _real_steps(view: View, node: Node, axis: int, length: int) -> tuple[int, int]:
    """Return the first and the last of the incoming steps that are made from steps of the input."""
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


def _dead_taps(kernel: _Kernel) -> Finding:
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
    """Find one output for a sequence of fixed length that convolutions make from its end alone."""
    windows = [n for n in view.calls if n.layer is not None and isinstance(n.layer.row.time, Slides)]
    if not windows:
        return
    for one in receptive(view.graph):
        if one.before is not None or not isinstance(one.length, int) or one.length < 2 * one.steps:
            continue
        source = view.graph.nodes[one.source]
        behind = {node.index for node in view.ancestors((view.graph.outputs[one.place],))}
        made = [node for node in windows if node.index in behind]
        # A layer that takes some steps of the input shows that the author chose them.
        if not made or any(
            view.output_of(n).shape[:1] != (one.length,) for n in _calls_between(view, source, made[0])
        ):
            continue
        yield Finding(
            made[-1].span,
            f"{one}: the other {one.length - one.steps} have no effect",
            label=f"the receptive field is {one.steps} steps",
            labels=(Label(source.span, f"{one.length} steps come in"),),
            help="widen it: more layers, or dilation_rate=D for D in [1,2,4,...], whose reach doubles with "
            f"each; or declare as few steps: {one.steps}",
        )


def _calls_between(view: View, source: Node, first: Node) -> Iterator[Node]:
    """Yield the calls between an input and the first convolution, by the first value of each."""
    node = first
    while node.inputs and node.inputs[0].node != source.index:
        node = view.maker(node.inputs[0])
        yield node
        if node.layer is None:
            return
