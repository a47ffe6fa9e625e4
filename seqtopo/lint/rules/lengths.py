"""Lengths: what goes down and up again does not always come back to where it began."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.ir.blame import with_flag, without
from seqtopo.ir.graph import Node
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View

_UP = ("upsample1d", "upsample2d", "conv1d_transpose", "conv2d_transpose")
_MOST_SHOWN = 12


@rule("ST606")
def length_comes_back_otherwise(view: View) -> Iterator[Finding]:
    """An autoencoder of convolutions whose output is a little longer or shorter than its input."""
    seen: set[int] = set()
    for value in dict.fromkeys(view.graph.outputs):
        if value.extra:
            continue
        path = _path(view, view.maker(value), seen)
        if path is not None:
            yield from _differs(view, path)


def _path(view: View, last: Node, seen: set[int]) -> list[Node] | None:
    """The one way from an input to an output, in its order; None where branches merge."""
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
    came, gives = view.out(path[0]).shape, view.out(path[-1]).shape
    if len(came) != len(gives) or len(came) not in (2, 3) or came[-1] != gives[-1]:
        return
    for axis in range(len(came) - 1):
        sizes = [view.out(node).shape[axis] if len(view.out(node).shape) > axis else None for node in path]
        lengths = [size for size in sizes if isinstance(size, int)]
        if len(lengths) < len(path):
            return
        start, end = lengths[0], lengths[-1]
        bottom = lengths.index(min(lengths))
        ups = [i for i, node in enumerate(path) if view.is_row(node, *_UP) and lengths[i] > lengths[i - 1]]
        near = start != end and start < 2 * end < 4 * start
        if near and ups and lengths[bottom] < start:
            yield _finding(view, path, lengths, axis)
            return


def _finding(view: View, path: list[Node], lengths: list[int], axis: int) -> Finding:
    start, end = lengths[0], lengths[-1]
    what = "steps" if axis == 0 and len(view.out(path[0]).shape) == 2 else "rows" if axis == 0 else "columns"
    factor = prod(
        lengths[i] // lengths[i - 1] for i, node in enumerate(path) if view.is_row(node, *_UP) and i
    )
    # On the way up, whatever is no upsampling and changes the length breaks the mirror.
    first_up = next(i for i, node in enumerate(path) if view.is_row(node, *_UP))
    breaks = [
        i
        for i in range(first_up, len(path))
        if not view.is_row(path[i], *_UP) and lengths[i] < lengths[i - 1] and _padded(path[i]) == "valid"
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
        reasons.append(f"{start} is not a multiple of {factor}, so halving rounds")
    blame = path[breaks[0]] if breaks else path[0]
    return Finding(
        blame.span,
        f"{start} {what} come in and {end} come out: going down and up does not come back",
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
        help=_advice(breaks, uneven, start, factor, what),
        fixes=tuple(_fixes(view, path, lengths, breaks, factor, axis)),
    )


def _padded(node: Node) -> str:
    return "" if node.layer is None else str(node.layer.get("padding") or "")


def _advice(breaks: list[int], uneven: bool, start: int, factor: int, what: str) -> str:
    longer = -(-start // factor) * factor if factor else start
    found = []
    if breaks:
        found.append("write same in the convolutions of the way up")
    if uneven:
        found.append(f"give it {longer} {what} (pad the data), or crop what comes out")
    return "; ".join(found) or "compare the lengths on the way down with those on the way up"


def _shown(lengths: list[int]) -> str:
    """The lengths in their order, each once as long as it stays."""
    kept = [a for i, a in enumerate(lengths) if not i or lengths[i - 1] != a]
    words = [str(a) for a in kept]
    if len(words) > _MOST_SHOWN:
        words = [*words[: _MOST_SHOWN // 2], "...", *words[-_MOST_SHOWN // 2 :]]
    return " -> ".join(words)


def _fixes(
    view: View, path: list[Node], lengths: list[int], breaks: list[int], factor: int, axis: int
) -> Iterator[Fix]:
    """``same`` on the way up, and a crop of what is then too long."""
    if len(view.out(path[0]).shape) != 2:
        return
    edits: list[Edit] = []
    gained = 0
    for i in breaks:
        written = view.written(path[i])
        if written is None or view.copies(path[i]) != 1 or path[i].layer is None:
            return
        edits.append(view.rewrite(path[i], with_flag(without(written, "valid"), "same")))
    length = lengths[breaks[0] - 1] if breaks else lengths[-1]
    if breaks:
        for i in range(breaks[0], len(path)):
            if i not in breaks:
                length = length * lengths[i] // lengths[i - 1] if view.is_row(path[i], *_UP) else length
    gained = length - lengths[0]
    if gained < 0:
        return
    if gained:
        last = path[-1]
        here = view.edits.after(last, step(last.span, "crop", 0, gained))
        if here is None or view.copies(last) != 1:
            return
        edits = [e for e in edits if e.span != here.span]
        edits.append(here)
    if edits:
        title = "pad on the way up" if breaks else ""
        crop = f"crop the {gained} that are too many" if gained else ""
        yield Fix(", and ".join(filter(None, (title, crop))), tuple(edits))
