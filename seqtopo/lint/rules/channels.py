"""Check channels: where they stand, and layers that look for them on another axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import IN_PLACE, Role
from seqtopo.layers.sizes import Shape, show_shape
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.head import activation_of
from seqtopo.lint.places import place_of, with_argument
from seqtopo.lint.places import without as without_argument
from seqtopo.lint.steps import merges
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import rewrite, tree
from seqtopo.syntax.canonical import print_expr

_IMAGE_CHANNELS = (1, 3, 4)
_LEAST_SIDE, _LONG_SIDE = 16, 100
_STAY: frozenset[Role] = IN_PLACE | {"join"}
"""Roles of layers that leave the channels where they stand, whichever axis that is."""


class _Layout(NamedTuple):
    """The end of a value's shape at which its channels stand, and the call that put them there."""

    maker: Node
    first: bool


class _Misread(NamedTuple):
    """A call that takes another axis for the channels; ``format`` is True if a ``data_format`` says so."""

    node: Node
    layout: _Layout
    format: bool


@rule("ST670")
def mixed_data_formats(view: View) -> Iterator[Finding]:
    """Find consecutive layers of which some take the first axis for the channels, and some the last."""
    for flow in view.flows:
        if not any(True for _ in _first_ones(flow)):
            continue
        found: dict[int, list[_Misread]] = {}
        for misread in _misreads(flow):
            found.setdefault(misread.layout.maker.index, []).append(misread)
        for group in found.values():
            yield _mixed(flow, group)
        yield from _softmaxes(flow)


def _softmaxes(view: View) -> Iterator[Finding]:
    """Find a softmax inside a convolution over channels_first: it works along the last axis all the same."""
    for node in _first_ones(view):
        place = place_of(view, node)
        if activation_of(place.layer) != "softmax" or len(view.output_of(node).shape) < 2:
            continue
        bare = None if place.expr is None else rewrite.without(place.expr, "softmax", "activation")
        alone = bare is not None and bare != place.expr and place.layer is node.layer
        edit = view.edits.replace(node, bare, step(place.span, "softmax", 1)) if bare and alone else None
        yield Finding(
            place.span,
            f"softmax works along the last axis of {view.output_of(node)}, but the channels stand first",
            label="the channels stand first",
            help="leave softmax out here, and write -> softmax(1) behind it",
            fixes=fix_by("let softmax work along the channels", edit),
        )


def _first_ones(view: View) -> Iterator[Node]:
    return (n for n in view.calls_given("data_format") if _is_first(place_of(view, n).layer))


def _is_first(layer: Layer) -> bool:
    return bool(layer.get("data_format") == "channels_first")


def _has_format(layer: Layer) -> bool:
    return "data_format" in layer.row.by_name and layer.row.name != "flatten"


def _misreads(view: View) -> Iterator[_Misread]:
    layouts: dict[int, _Layout] = {}
    for node in view.calls:
        if not node.inputs or node.inputs[0].extra:
            continue
        incoming = layouts.get(node.inputs[0].node)
        layer = place_of(view, node).layer
        inside = int(node.callee.row.steps)
        rank = len(view.input_of(node).shape) - inside
        left = len(view.output_of(node).shape) - inside
        after: _Layout | None = None
        if _has_format(layer):
            here = _Layout(node, _is_first(layer))
            differs = incoming is not None and incoming.first != here.first
            if incoming is not None and differs:
                yield _Misread(node, incoming, True)
            after = incoming if differs else here
        elif incoming is not None and incoming.first and _reads_last(view, node, layer, rank):
            yield _Misread(node, incoming, False)
            after = incoming if layer.row.role in _STAY else None
        elif layer.row.role in _STAY or merges(node) or (layer.row.name == "dense" and incoming is not None):
            after = incoming
        elif layer.row.name == "dense" or layer.row.recurrent or view.is_row(node, "embed"):
            after = _Layout(node, False)
        if after is not None and left > 1:
            layouts[node.index] = after


def _reads_last(view: View, node: Node, layer: Layer, rank: int) -> bool:
    """Return whether a layer without a data format takes the last axis for the features."""
    name = layer.row.name
    if layer.row.role in ("norm", "join"):
        return layer.get("axis") in (-1, rank)
    if name == "softmax" or (name == "act" and activation_of(layer) == "softmax"):
        return name == "act" or layer.get("axis") in (-1, rank)
    # Some models use a dense layer over the places to mix these.
    return (layer.row.recurrent and rank == 2) or layer.row.role == "attention"


def _mixed(view: View, group: list[_Misread]) -> Finding:
    first, layout = group[0], group[0].layout
    shape = show_shape(view.input_of(first.node).shape)
    ours = place_of(view, first.node).layer.title
    theirs = place_of(view, layout.maker).layer.title
    takes, stand = ("last", "first") if layout.first else ("first", "last")
    labels = [Label(layout.maker.span, f"puts the channels {stand}")]
    labels += [Label(place_of(view, m.node).span, "so does this") for m in group[1:3]]
    span = place_of(view, first.node).span
    return Finding(
        span,
        f"{ours} takes the {takes} axis of {shape} for the channels, but {theirs} before it puts them "
        f"{stand}",
        label=f"takes the {takes} axis for the channels",
        labels=tuple(label for label in labels if label.span != span),
        notes=("the data formats are mixed: the shapes fit, and places are read as channels",),
        help="write channels_first in every layer that has it, and axis=1 in a normalization; or in none"
        if layout.first
        else "leave channels_first out, or write it in every layer from the input on",
        fixes=tuple(_one_format(view, group)),
    )


def _one_format(view: View, group: list[_Misread]) -> Iterator[Fix]:
    """Fix all layers alike: change the odd ones, or take ``channels_first`` out of all that have it."""
    layout = group[0].layout
    to_first, to_last = _all_first(view, group), _all_last(view)
    ways = [
        ("let every layer take the channels first", to_first),
        ("put the channels last everywhere", to_last),
    ]
    if not layout.first:
        ways = [("leave channels_first out", to_last)]
    elif _image_like(view.input_of(layout.maker).shape):
        ways.reverse()
    for title, edits in ways:
        if edits:
            yield Fix(title, edits)


def _all_first(view: View, group: list[_Misread]) -> tuple[Edit, ...]:
    edits: dict[object, Edit] = {}
    for misread in group:
        edit = _to_first(view, misread)
        if edit is None:
            return ()
        edits[edit.span] = edit
    return tuple(edits.values())


def _to_first(view: View, misread: _Misread) -> Edit | None:
    """Return the edit with which a layer finds the channels on the first axis.

    None if none can be written.
    """
    node = misread.node
    place = place_of(view, node)
    expr, name = place.expr, place.layer.row.name
    if expr is None:
        return None
    changed: tree.Expr | None = None
    if misread.format:
        bare = rewrite.without(expr, "channels_last", "data_format")
        changed = rewrite.with_flag(bare, "channels_first")
    elif place.layer.row.role == "norm":
        bare = without_argument(expr, "axis", place.layer.row) or expr
        changed = with_argument(bare, "axis", rewrite.number(1))
    elif place.layer.row.role in ("join", "activation"):
        changed = step(place.span, "softmax" if name == "act" else name, 1)
    else:
        rank = len(view.input_of(node).shape)
        return view.edits.insert_before(node, step(node.span, "permute", *range(2, rank + 1), 1))
    return None if changed is None else Edit(expr.span, print_expr(changed))


def _all_last(view: View) -> tuple[Edit, ...]:
    """Return the edits that take ``channels_first`` out of every layer, and move the axes that go with it.

    An input that has its channels in front is turned. None are made where something turns axes already.
    """
    if view.calls_of("permute", "swap"):
        return ()
    edits: dict[object, Edit] = {}
    for node in _first_ones(view):
        place = place_of(view, node)
        if place.expr is None:
            return ()
        bare = rewrite.without(place.expr, "channels_first", "data_format")
        edits[place.expr.span] = Edit(place.expr.span, print_expr(bare))
        source = view.maker(node.inputs[0])
        shape = view.output_of(source).shape
        if source.layer is not None or _image_like(shape):
            continue
        lead = int(node.callee.row.steps or node.callee.row.recurrent)
        order = (*range(1, lead + 1), *range(lead + 2, len(shape) + 1), lead + 1)
        turned = view.edits.after(source, step(source.span, "permute", *order))
        if turned is not None:
            edits[source.span] = turned
    for node in view.calls_with("norm", "join", "activation"):
        place = place_of(view, node)
        if place.layer.get("axis") == 1 and place.expr is not None:
            plain = without_argument(place.expr, "axis", place.layer.row)
            name = tree.Name(place.span, place.layer.row.name)
            given = isinstance(plain, tree.Call) and plain.args
            edits[place.expr.span] = Edit(place.expr.span, print_expr(plain if plain and given else name))
    return tuple(edits.values())


def _image_like(shape: Shape) -> bool:
    """Return whether a shape is that of an image or a video whose channels stand last."""
    return len(shape) >= 3 and shape[-1] in _IMAGE_CHANNELS and shape[0] not in _IMAGE_CHANNELS


@rule("ST672")
def image_turned(view: View) -> Iterator[Finding]:
    """Find an image whose channels stand at the end where the layer that reads it does not look for them."""
    for node in view.calls_with("convolution", "pooling", "padding"):
        source = view.maker(node.inputs[0])
        shape = view.output_of(source).shape
        if node.layer is None or source.layer is not None or len(shape) != 3 or not _has_format(node.layer):
            continue
        first = _is_first(node.layer)
        channels, sides = (shape[-1], shape[:2]) if first else (shape[0], shape[1:])
        if view.output_of(source).dtype not in FLOATS or channels not in _IMAGE_CHANNELS or not _sides(sides):
            continue
        shown = show_shape(shape)
        where = "last" if first else "first"
        read = f"{shape[0]} channels of {shape[1]} x {shape[2]}" if first else (
            f"{shape[0]} rows of {shape[1]} places with {shape[2]} channels"
        )  # fmt: skip
        yield Finding(
            source.span,
            f"{shown} looks like an image whose channels stand {where}, but {node.layer.title} reads it as "
            f"{read}",
            label=f"{channels} channels, {where}" if channels != 1 else f"one channel, {where}",
            labels=(Label(node.span, f"takes the {'first' if first else 'last'} axis for the channels"),),
            help="Keras puts the channels last, unless a layer says channels_first: "
            + ("leave channels_first out" if first else f"declare in({shape[1]},{shape[2]},{shape[0]})"),
            fixes=tuple(_image_fixes(view, source, shape, first)),
        )


def _sides(sides: Shape) -> bool:
    numbers = [size for size in sides if isinstance(size, int)]
    if len(numbers) < 2 or min(numbers) < _LEAST_SIDE:
        return False
    return numbers[0] == numbers[1] or min(numbers) >= _LONG_SIDE


def _image_fixes(view: View, source: Node, shape: Shape, first: bool) -> Iterator[Fix]:
    if first:
        edits = _all_last(view)
        if edits:
            yield Fix("leave channels_first out", edits)
        return
    call = view.edits.call(source)
    turned = view.edits.after(source, step(source.span, "permute", 2, 3, 1))
    if turned is not None:
        yield Fix("turn the image as it comes", (turned,))
    if call is not None:
        sizes = [a for a in call.args if rewrite.is_size(a)]
        if len(sizes) == len(shape):
            moved = rewrite.declared(call, [a.value for a in (*sizes[1:], sizes[0])])
            yield Fix(
                "declare the channels last, as the data then has to be", (Edit(call.span, print_expr(moved)),)
            )
