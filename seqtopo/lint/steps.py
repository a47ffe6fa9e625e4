"""What becomes of time steps along a graph: which layers leave each alone, who read them, in which order."""

from __future__ import annotations

from seqtopo.dataclass import dataclass, replace
from seqtopo.ir.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.values import Tensor
from seqtopo.lint.view import View, once

MERGES = {"add", "sub", "mul", "avg", "max", "min"}
"""Rows that merge by elements; ``max`` and ``min`` reduce where they are given an axis."""

_EACH_ALONE = {
    "dense", "td", "embed", "reversible_embedding", "mask", "rescaling", "normalization", "identity",
    "norm", "batchnorm", "rms_normalization", "unit_normalization", "dropout", "spatial_dropout1d",
    "gaussian_dropout", "gaussian_noise", "alpha_dropout", "activity_regularization", "act", "relu",
    "leaky_relu", "prelu", "elu", "softmax", "scale", "shift", "abs", "exp", "log", "sqrt", "square",
    "cast", "one_hot", "pos",
}  # fmt: skip
"""Rows that make of each step one step, from itself alone."""

_IN_ORDER = {
    "conv1d", "conv2d", "conv3d", "separable_conv1d", "separable_conv2d", "depthwise_conv1d",
    "depthwise_conv2d", "conv1d_transpose", "conv2d_transpose", "conv3d_transpose", "maxpool1d",
    "maxpool2d", "maxpool3d", "avgpool1d", "avgpool2d", "avgpool3d", "cropping1d", "cropping2d",
    "cropping3d", "zero_padding1d", "zero_padding2d", "zero_padding3d", "upsample1d", "upsample2d",
    "upsample3d", "group_normalization", "attention", "additive_attention", "mha",
    "group_query_attention", "last", "first", "slice", "pad", "crop", "cumsum",
}  # fmt: skip
"""Rows that mix steps, or change their number, and leave them in their order."""


def each_alone(node: Node) -> bool:
    """Whether a call makes each of its steps from that one step."""
    return node.layer is not None and node.layer.row.name in _EACH_ALONE


def joins_features(view: View, node: Node) -> bool:
    """Whether it is a ``concat`` along the features."""
    return (
        node.layer is not None
        and node.layer.row.name == "concat"
        and node.layer.get("axis") in (-1, len(view.came(node).shape))
    )


def merges(node: Node) -> bool:
    """Whether it merges several values by elements."""
    return node.layer is not None and node.layer.row.name in MERGES and len(node.inputs) > 1


def along_time(node: Node, came: Tensor) -> bool:
    """Whether an operation with an axis works along the first axis after the batch."""
    axis = None if node.layer is None else node.layer.get("axis")
    return axis in (1, -len(came.shape))


def inner(layer: Layer) -> Layer:
    """The recurrent layer itself, inside the ``bi`` around it."""
    found = layer.get("layer")
    return found if isinstance(found, Layer) else layer


@dataclass(frozen=True, slots=True)
class Steps:
    """How the steps of a value stand.

    ``turned`` is the node that put them last first, None where they stand as they came in. ``reader`` is
    the recurrent layer that they come from, each unmixed, and ``flipped`` whether they were reversed
    since. ``origin`` is the input of the model whose steps they are, or the node that made them.
    """

    origin: int
    turned: Node | None = None
    reader: Node | None = None
    flipped: bool = False


@once
def steps(view: View) -> dict[int, Steps]:
    """The steps of each node that has any: two axes or more, or the ids of an input."""
    found: dict[int, Steps] = {}
    for node in view.nodes:
        here = _after(view, node, found)
        if here is not None:
            found[node.index] = here
    return found


def _after(view: View, node: Node, found: dict[int, Steps]) -> Steps | None:
    shape = view.out(node).shape
    if node.layer is None:
        ids = len(shape) == 1 and view.out(node).dtype != "float32"
        return Steps(node.index) if len(shape) >= 2 or ids else None
    came = [found.get(value.node) if not value.extra else None for value in node.inputs]
    first = came[0]
    if len(shape) < 2 and not (first is not None and each_alone(node) and _ids(view, node)):
        return None
    if merges(node) or joins_features(view, node):
        known = [s for s in came if s is not None]
        if not known:
            return Steps(node.index)
        # One whose steps stretch along the others' says nothing of their order.
        reader = next((s for s in known if s.reader is not None), known[0])
        return Steps(known[0].origin, known[0].turned, reader.reader, reader.flipped)
    if first is None:
        return Steps(node.index)
    if node.layer.row.recurrent:
        if not inner(node.layer).get("return_sequences"):
            return None
        back = node.layer.row.name != "bi" and bool(node.layer.get("go_backwards"))
        unmerged = node.layer.row.name == "bi" and node.layer.get("merge_mode") is None
        return Steps(first.origin, _turn(first, node) if back else first.turned, None if unmerged else node)
    name = node.layer.row.name
    if name == "flip" and along_time(node, view.came(node)):
        return replace(first, turned=_turn(first, node), flipped=not first.flipped)
    if each_alone(node):
        return first
    if name in _IN_ORDER or name == "flip":
        return Steps(first.origin, first.turned)
    return Steps(node.index)


def _turn(before: Steps, node: Node) -> Node | None:
    return node if before.turned is None else None


def _ids(view: View, node: Node) -> bool:
    """Whether it hands on ids, one for each step."""
    came = view.came(node)
    return len(came.shape) == 1 and came.dtype != "float32" and view.out(node).dtype != "float32"
