"""View one call of a layer, and write its sizes, shapes and values in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Shape, Size, count, show_shape, symbol
from seqtopo.layers.values import INTEGERS, Tensor


@dataclass(frozen=True)
class CallView:
    """A call of a layer in a graph without errors."""

    graph: Graph
    node: Node
    layer: Layer
    users: tuple[Node, ...] = ()
    """The nodes that take something from it."""

    @property
    def row(self) -> Row:
        """The layer's row."""
        return self.layer.row

    @property
    def input(self) -> Tensor:
        """The first value that comes in."""
        return self.inputs[0]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All values that come in."""
        return self.graph.tensors(self.node.inputs) or ()

    @property
    def output(self) -> Tensor:
        """The first value that goes out."""
        assert self.node.outputs
        return self.node.outputs[0]

    @property
    def steps(self) -> Size:
        """The size of the first axis that comes in."""
        return self.input.shape[0] if self.input.shape else 1

    @property
    def inner(self) -> Layer | SubModel | None:
        """The layer or sub-model inside a wrapper; None if the layer is no wrapper."""
        found = self.layer.get("layer")
        return found if isinstance(found, (Layer, SubModel)) else None

    def inside(self) -> CallView | None:
        """Return the call of the wrapped layer on one step; None if a whole flow is wrapped."""
        inner = self.inner
        if not isinstance(inner, Layer):
            return None
        graph = Graph()
        incoming = graph.add(self.node.span, outputs=(Tensor(self.input.shape[1:], self.input.dtype),))
        gives = (Tensor(self.output.shape[1:], self.output.dtype),)
        node = graph.add(self.node.span, inner, inputs=(Value(incoming.index),), outputs=gives)
        return CallView(graph, node, inner)

    def get(self, name: str) -> Any:
        """Return an argument: that of the call, else the layer's, else its default."""
        return self.node.call[name] if name in self.node.call else self.layer.get(name)

    def axis(self, name: str = "axis") -> int | None:
        """Return the axis of the input that an argument names, counted from 0 without the batch."""
        axis = self.get(name)
        if not isinstance(axis, int):
            return None
        return axis - 1 if axis > 0 else len(self.input.shape) + axis

    def called(self, value: Value) -> str:
        """Return the name of the node that made an input."""
        return name_of(self.graph.nodes[value.node])


def name_of(node: Node) -> str:
    """Return the name of a node: its layer's, or the input's."""
    return node.layer.name if node.layer is not None else node.name


def the(size: Size, one: str) -> str:
    """Return the words for something mentioned before: ``the 24 steps``, ``the one step``, ``the steps``."""
    if size == 1:
        return f"the one {one}"
    return f"the {one}s" if str(size) == "?" else f"the {count(size, one)}"


def batched(shape: Shape, batch: Size | None = None) -> str:
    """Return a shape as Keras has it, with the batch in front.

    >>> batched((24, 3)), batched((24, 3), 32)
    ('(batch, 24, 3)', '(32, 24, 3)')
    """
    return show_shape((symbol("batch") if batch is None else batch, *shape))


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return a list in words.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def is_ids(tensor: Tensor) -> bool:
    """Return whether a value holds whole numbers."""
    return tensor.dtype in INTEGERS


def value(tensor: Tensor, picture: bool = False, each: str = "feature", steps: bool = False) -> str:
    """Return in words what a value is, for one sample; ``picture`` where its first axes are places and not
    time.

    ``each`` is what its last axis counts; with ``steps`` a single axis counts time steps.

    >>> value(Tensor((24, 3))), value(Tensor((8,))), value(Tensor((symbol("T"),), "int32"))
    ('24 time steps, each with 3 features', 'a vector of 8 numbers', 'T time steps, each with one id')
    """
    shape = tensor.shape
    if not shape:
        return "one number"
    if picture and len(shape) >= 3:
        places = " by ".join(str(size) for size in shape[:-1])
        return f"{places} places, each with {count(shape[-1], 'channel')}"
    if len(shape) == 1:
        if steps or is_ids(tensor):
            return f"{count(shape[0], 'time step')}, each with one {'id' if is_ids(tensor) else 'number'}"
        return "one number" if shape[0] == 1 else f"a vector of {count(shape[0], 'number')}"
    several = count(shape[0], "time step")
    if len(shape) == 2:
        return f"{several}, each with {count(shape[1], 'id' if is_ids(tensor) else each)}"
    return f"{several}, each of shape {show_shape(shape[1:])}"


def ahead(shape: Shape) -> str:
    """Return a chain of lengths: ``30 to 28``.

    >>> ahead((30, 28))
    '30 to 28'
    """
    return " to ".join(str(size) for size in shape)


def sentence(words: str) -> str:
    """Return words as a sentence: with a capital in front and a full stop behind."""
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "?", "!", ":")) else words + "."


def sentences(words: Iterable[str]) -> str:
    """Return several sentences, one after the other."""
    return " ".join(sentence(part) for part in words if part)
