"""The graph a spec means: nodes in the order they are computed, and which calls share a layer.

A node is an ``in(...)`` or one call of a layer; an edge is a ``Value``, which says which output of
which node. Two nodes with the same ``Layer`` object share its weights. A node whose shape could
not be told has no outputs: whatever follows from it is not looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Outcome
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor, Weight
from seqtopo.source import Span


class Value(NamedTuple):
    """One tensor: the output of a node, or with ``extra`` one of its second values (a state)."""

    node: int
    output: int = 0
    extra: str = ""


Bundle = tuple[Value, ...]
"""What flows along an arrow: one value, or the several of a list."""


@dataclass(slots=True)
class Node:
    """An input (``layer`` is None) or one call of a layer.

    ``call`` are plain call arguments, ``tensors`` those that are values; ``outputs`` is None where
    the shape could not be told. ``span`` is the step in the text, ``spans`` its arguments'.
    ``wants`` names the second values that something uses.
    """

    index: int
    span: Span
    layer: Layer | None = None
    inputs: Bundle = ()
    call: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Bundle] = field(default_factory=dict)
    outputs: tuple[Tensor, ...] | None = None
    extras: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    name: str = ""
    batch: Size | None = None
    below: Size | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
    wants: frozenset[str] = frozenset()

    @property
    def needs(self) -> Bundle:
        """Every value it is computed from."""
        return tuple(chain(self.inputs, *self.tensors.values())) if self.tensors else self.inputs


@dataclass
class Graph:
    """Nodes in an order in which each comes after what it needs; inputs and outputs of the model."""

    nodes: list[Node] = field(default_factory=list)
    inputs: tuple[int, ...] = ()
    outputs: Bundle = ()
    output_names: tuple[str, ...] = ()
    name: str = "model"
    weights: dict[Layer, tuple[Weight, ...]] = field(default_factory=dict)
    needs: dict[Layer, tuple[Size, ...]] = field(default_factory=dict)
    """Sizes that Keras must have as numbers, beside those of the weights."""
    first: dict[Layer, tuple[Tensor, ...]] = field(default_factory=dict)
    """What came into each layer at its first call: Keras builds it for that."""
    outcomes: dict[Any, Outcome] = field(default_factory=dict, repr=False)
    """What calls gave, by all they depend on: most layers of a deep model are like others."""
    seen: Any = field(default=None, repr=False)
    """The input steps that each value depends on; None until `graph.seen` has run."""
    singles: Any = field(default=None, repr=False)
    """The inputs whose one axis is time steps; None until `graph.seen` has run."""

    def add(self, span: Span, layer: Layer | None = None, **more: Any) -> Node:
        """A new node at the end."""
        node = Node(len(self.nodes), span, layer, **more)
        self.nodes.append(node)
        return node

    def outcome(
        self,
        layer: Layer,
        call: Mapping[str, Any],
        inputs: tuple[Tensor, ...],
        tensors: Mapping[str, tuple[Tensor, ...]],
    ) -> Outcome:
        """What a call of a layer gives.

        Raises:
            Refusal: the layer does not take these values.
        """
        row = layer.row
        args = {**layer.args, **call}
        if tensors or row.wraps:
            return row.outcome(args, inputs, tensors)
        try:
            key = (row.name, inputs, *args.items())
            known = self.outcomes.get(key)
        except TypeError:  # a list among the arguments
            return row.outcome(args, inputs)
        if known is None:
            known = self.outcomes[key] = row.outcome(args, inputs)
        return known

    def tensor(self, value: Value) -> Tensor | None:
        """Shape and dtype of a value; None where they could not be told."""
        node = self.nodes[value.node]
        if value.extra:
            found = node.extras.get(value.extra, ())
            return found[value.output] if value.output < len(found) else None
        return node.outputs[value.output] if node.outputs is not None else None

    def tensors(self, values: Iterable[Value]) -> tuple[Tensor, ...] | None:
        """Those of several values; None where one is missing."""
        found: list[Tensor] = []
        for value in values:
            tensor = self.tensor(value)
            if tensor is None:
                return None
            found.append(tensor)
        return tuple(found)

    def ancestors(self, values: Iterable[Value]) -> list[int]:
        """The nodes that values are computed from, their own included, in order."""
        seen: set[int] = set()
        todo = [v.node for v in values]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                for value in self.nodes[here].needs:
                    todo.append(value.node)
        return sorted(seen)

    def sources(self, values: Iterable[Value]) -> tuple[int, ...]:
        """The inputs among the ancestors, in the order of the text."""
        found = [i for i in self.ancestors(values) if self.nodes[i].layer is None]
        return tuple(sorted(found, key=lambda i: self.nodes[i].span.start))

    def layers(self, values: Iterable[Value] | None = None) -> list[Layer]:
        """Each layer once, in the order of its first call; of the whole graph, or behind values."""
        nodes = self.nodes if values is None else [self.nodes[i] for i in self.ancestors(values)]
        return list(dict.fromkeys(n.layer for n in nodes if n.layer is not None))


@dataclass(eq=False)
class SubModel:
    """A flow as one thing: what ``td(a -> b)`` applies at every step."""

    graph: Graph
    name: str = ""

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.name or "the flow"

    def __str__(self) -> str:
        return self.title

    def get(self, name: str) -> Any:
        """No arguments of its own."""
        return None

    def outcome(
        self, inputs: tuple[Tensor, ...], tensors: Mapping[str, tuple[Tensor, ...]] | None = None
    ) -> Outcome:
        """Shapes and weights where these values come in.

        Raises:
            Refusal: a layer inside does not take what reaches it.
        """
        from seqtopo.graph.infer import replay

        return replay(self, inputs)
