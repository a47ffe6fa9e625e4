"""View one call of a layer: its inputs, outputs and arguments, for the sentences about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor


@dataclass(frozen=True)
class At:
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
    def came(self) -> Tensor:
        """The first value that comes in."""
        return self.every[0]

    @property
    def every(self) -> tuple[Tensor, ...]:
        """All values that come in."""
        return self.graph.tensors(self.node.inputs) or ()

    @property
    def gives(self) -> Tensor:
        """The first value that goes out."""
        assert self.node.outputs
        return self.node.outputs[0]

    @property
    def steps(self) -> Size:
        """The size of the first axis that comes in."""
        return self.came.shape[0] if self.came.shape else 1

    @property
    def inner(self) -> Layer | SubModel | None:
        """What a wrapper wraps."""
        found = self.layer.get("layer")
        return found if isinstance(found, (Layer, SubModel)) else None

    def inside(self) -> At | None:
        """The call of the wrapped layer on one step; None where a whole flow is wrapped."""
        inner = self.inner
        if not isinstance(inner, Layer):
            return None
        graph = Graph()
        came = graph.add(self.node.span, outputs=(Tensor(self.came.shape[1:], self.came.dtype),))
        gives = (Tensor(self.gives.shape[1:], self.gives.dtype),)
        node = graph.add(self.node.span, inner, inputs=(Value(came.index),), outputs=gives)
        return At(graph, node, inner)

    def get(self, name: str) -> Any:
        """An argument, that of the call where it has one, or its default."""
        return self.node.call[name] if name in self.node.call else self.layer.get(name)

    def axis(self, name: str = "axis") -> int | None:
        """Which axis of what comes in an argument names, counted from 0 without the batch."""
        axis = self.get(name)
        if not isinstance(axis, int):
            return None
        return axis - 1 if axis > 0 else len(self.came.shape) + axis

    def called(self, value: Value) -> str:
        """What a value that comes in is called: the name of the node that made it."""
        return name_of(self.graph.nodes[value.node])


def name_of(node: Node) -> str:
    """The name of a node: its layer's, or the input's."""
    return node.layer.name if node.layer is not None else node.name
