"""Follow the path from an output back to an input: where time steps end, and which layer sets the width."""

from __future__ import annotations

from functools import cached_property

from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.receptive_fields import passes
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, Size
from seqtopo.layers.step_windows import SAME

_WIDTHS = ("units", "filters", "output_dim")


class MainPath:
    """The nodes behind an output, by the first input of each, the nearest first."""

    def __init__(self, graph: Graph, output: Value) -> None:
        self.graph = graph
        self.output = output

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes of the path, the output's own first."""
        found = [self.graph.nodes[self.output.node]]
        while found[-1].layer is not None and found[-1].inputs:
            found.append(self.graph.nodes[found[-1].inputs[0].node])
        return found

    def _is_per_step(self, node: Node) -> bool:
        """Return whether a call computes each step from that step alone."""
        passed = passes(self.graph, node)
        return passed is not None and passed.window == SAME

    def input_shape(self, node: Node) -> Shape:
        """Return the shape of a node's first input; () without inputs."""
        tensor = self.graph.tensor(node.inputs[0]) if node.inputs else None
        return tensor.shape if tensor is not None else ()

    def output_shape(self, node: Node) -> Shape:
        """Return the shape of a node's first output."""
        return node.outputs[0].shape if node.outputs else ()

    @property
    def shape(self) -> Shape:
        """The shape of the output itself."""
        tensor = self.graph.tensor(self.output)
        return tensor.shape if tensor is not None else ()

    @cached_property
    def collapse(self) -> Node | None:
        """The last node that removes an axis, so that steps become one answer."""
        return next(
            (n for n in self.nodes if n.inputs and len(self.output_shape(n)) < len(self.input_shape(n))), None
        )

    @cached_property
    def keeper(self) -> Node | None:
        """The last recurrent layer that returns all its steps, if no node removes them later."""
        for node in self.nodes:
            if node is self.collapse:
                return None
            if node.layer is not None and node.layer.row.recurrent and len(self.output_shape(node)) == 2:
                return node
        return None

    @cached_property
    def head(self) -> list[Node]:
        """The last nodes that act on each step alone, the nearest first."""
        found: list[Node] = []
        for node in self.nodes:
            if node.layer is None or node.layer.row.recurrent or len(node.inputs) != 1:
                break
            if self.output_shape(node)[:-1] != self.input_shape(node)[:-1] or not self._is_per_step(node):
                break
            found.append(node)
        return found

    @cached_property
    def first_dense(self) -> Node | None:
        """The first layer behind the input, if it is a dense one with a sequence as input."""
        node = self.nodes[-2] if len(self.nodes) > 1 else None
        if (
            node is not None
            and node.layer is not None
            and node.layer.row.name == "dense"
            and len(self.input_shape(node)) > 1
        ):
            return node
        return None

    @cached_property
    def wide(self) -> Node | None:
        """The node that sets the output's width, if an argument does."""
        for node in self.nodes:
            if node.layer is None:
                return None
            if units_of(node.layer) is not None:
                return node
            if self.output_shape(node) != self.input_shape(node):
                return None
        return None

    @cached_property
    def halvings(self) -> int:
        """The product of the strides of all convolutions and pools on the path."""
        found = 1
        for node in self.nodes:
            if (
                node.layer is not None
                and len(self.output_shape(node)) > 1
                and len(self.input_shape(node)) > 1
            ):
                found *= stride_of(node.layer)
        return found

    @cached_property
    def uneven(self) -> Node | None:
        """The first pool or convolution on the path whose stride does not divide its steps."""
        for node in reversed(self.nodes):
            if node.layer is not None and len(self.input_shape(node)) > 1:
                steps = self.input_shape(node)[0]
                if isinstance(steps, int) and steps % stride_of(node.layer):
                    return node
        return None

    @cached_property
    def steps(self) -> tuple[Size, ...]:
        """The numbers of steps along the path, from the input on, without repetitions."""
        found: list[Size] = []
        for node in reversed(self.nodes):
            shape = self.output_shape(node)
            size = shape[0] if len(shape) >= 2 or (node.layer is None and shape) else None
            if size is None:
                break
            if not found or found[-1] != size:
                found.append(size)
        return tuple(found)


def units_of(layer: Layer) -> Size | None:
    """Return the width that an argument sets, in a wrapper that of the inner layer; None without one."""
    inner = layer.args.get("layer")
    if isinstance(inner, Layer):
        return units_of(inner)
    return next((layer.args[name] for name in _WIDTHS if name in layer.args), None)


def stride_of(layer: Layer) -> int:
    """Return the stride of a convolution or a pool; 1 for other layers."""
    name = layer.row.name
    if not name.startswith(("conv", "separable", "depthwise", "maxpool", "avgpool")) or "transpose" in name:
        return 1
    stride = layer.get("strides") or layer.get("pool_size")
    if isinstance(stride, tuple):
        stride = stride[0]
    return stride if isinstance(stride, int) else 1


def is_valid_convolution(node: Node) -> bool:
    """Return whether a node is a convolution without padding, whose output has fewer steps than its input."""
    layer = node.layer
    return layer is not None and layer.row.role == "convolution" and layer.get("padding") == "valid"
