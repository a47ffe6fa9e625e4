"""Define the graph of a spec: nodes in the order of computation, and the layers that they call.

A node is an ``in(...)`` or one call of a layer; an edge is a ``Value``, which says which output of
which node. Two nodes with the same ``Layer`` object share its weights. A node whose shape could
not be told has no outputs: whatever follows from it is not looked at again.

``infer`` fills in the shapes of a node, from its layer's row and from what comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Outcome
from seqtopo.layers.sizes import Expr, Size, fits, show_shape
from seqtopo.layers.values import Refusal, Tensor, Weight
from seqtopo.source import Span
from seqtopo.syntax import tree


class Value(NamedTuple):
    """One tensor: the output of a node, or with ``extra`` one of its second values (a state)."""

    node: int
    output: int = 0
    extra: str = ""


Bundle = tuple[Value, ...]
"""The values that flow along an arrow: one, or the several of a list."""


@dataclass(eq=False, slots=True)
class Node:
    """An input (``layer`` is None) or one call of a layer.

    ``call`` are the call arguments that are plain values, ``tensors`` those that are values of the graph.
    ``outputs`` is None if the shape is not known. ``span`` is the step in the text, ``spans`` are those of
    its arguments. ``wants`` names the second values (states, scores) that something uses.
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
    def callee(self) -> Layer:
        """The layer that the node calls; an input calls none."""
        assert self.layer is not None
        return self.layer

    @property
    def needs(self) -> Bundle:
        """All values that the node is computed from."""
        return tuple(chain(self.inputs, *self.tensors.values())) if self.tensors else self.inputs


@dataclass(eq=False)
class Graph:
    """The nodes in an order of computation, and the inputs and outputs of the model."""

    nodes: list[Node] = field(default_factory=list)
    inputs: tuple[int, ...] = ()
    outputs: Bundle = ()
    output_names: tuple[str, ...] = ()
    name: str = "model"
    weights: dict[Layer, tuple[Weight, ...]] = field(default_factory=dict)
    needs: dict[Layer, tuple[Size, ...]] = field(default_factory=dict)
    """The sizes of each layer that Keras must have as numbers, besides those of its weights."""
    first: dict[Layer, tuple[Tensor, ...]] = field(default_factory=dict)
    """The inputs of each layer's first call, for which Keras builds the layer."""
    outcomes: dict[Any, Outcome] = field(default_factory=dict, repr=False)
    """The outcomes of calls, by all that they depend on: most layers of a deep model are like others."""
    receptive_fields: Any = field(default=None, repr=False)
    """The input steps that each value depends on; None until `graph.receptive_fields` has run."""
    singles: Any = field(default=None, repr=False)
    """The inputs whose one axis is time steps; None until `graph.receptive_fields` has run."""

    def add(self, span: Span, layer: Layer | None = None, **more: Any) -> Node:
        """Add a node at the end; nodes whose second values come in note that these are used."""
        node = Node(len(self.nodes), span, layer, **more)
        for value in chain(node.inputs, *node.tensors.values()):
            if value.extra:
                self.nodes[value.node].wants |= {value.extra}
        self.nodes.append(node)
        return node

    def outcome(
        self,
        layer: Layer,
        call: Mapping[str, Any],
        inputs: tuple[Tensor, ...],
        tensors: Mapping[str, tuple[Tensor, ...]],
    ) -> Outcome:
        """Return the outcome of a layer's call: its outputs, second values and weights.

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
        """Return the shape and dtype of a value; None if they are not known."""
        node = self.nodes[value.node]
        if value.extra:
            found = node.extras.get(value.extra, ())
            return found[value.output] if value.output < len(found) else None
        return node.outputs[value.output] if node.outputs is not None else None

    def tensors(self, values: Iterable[Value]) -> tuple[Tensor, ...] | None:
        """Return the shapes and dtypes of several values; None if one of them is not known."""
        found: list[Tensor] = []
        for value in values:
            tensor = self.tensor(value)
            if tensor is None:
                return None
            found.append(tensor)
        return tuple(found)

    def ancestors(self, values: Iterable[Value]) -> list[int]:
        """Return the nodes that values are computed from, their own included, in order."""
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
        """Return the inputs among the ancestors, in the order of the text."""
        found = [i for i in self.ancestors(values) if self.nodes[i].layer is None]
        return tuple(sorted(found, key=lambda i: self.nodes[i].span.start))

    def layers(self, values: Iterable[Value] | None = None) -> list[Layer]:
        """Return the layers behind values, or of the whole graph, each once, in order of first calls."""
        nodes = self.nodes if values is None else [self.nodes[i] for i in self.ancestors(values)]
        return list(dict.fromkeys(n.layer for n in nodes if n.layer is not None))


@dataclass(eq=False)
class SubModel:
    """A flow that is used as one layer, such as the ``a -> b`` of ``td(a -> b)``."""

    graph: Graph
    name: str = ""

    @property
    def title(self) -> str:
        """The name in messages."""
        return self.name or "the flow"

    def __str__(self) -> str:
        return self.title

    def get(self, name: str) -> Any:
        """Return the default: a flow has no arguments of its own."""
        return None

    def outcome(
        self, inputs: tuple[Tensor, ...], tensors: Mapping[str, tuple[Tensor, ...]] | None = None
    ) -> Outcome:
        """Return the outcome of the flow's nodes for these inputs.

        Raises:
            Refusal: a layer inside does not take what reaches it.
        """
        return replay(self, inputs)


class Sources:
    """The places of nodes in the text: the step that each was written as, and the flow around it."""

    def __init__(self) -> None:
        self.steps: dict[Span, tree.Expr] = {}
        """The steps by their places."""
        self._flows: dict[Span, tuple[tree.Flow, int]] = {}
        self.branches: dict[Span, tuple[tree.Branches, int, int]] = {}
        """The loops in lists by their places: their turns, and the values that they gave last."""

    def note_flow(self, flow: tree.Flow) -> None:
        """Remember the steps of a flow by their spans; once, however often the flow is resolved."""
        if flow.steps[0].span not in self._flows:
            self._flows.update((step.span, (flow, i)) for i, step in enumerate(flow.steps))

    def note_branches(self, expr: tree.Branches, turns: int, values: int) -> None:
        """Remember how many turns an item of a list makes, and how many values they give."""
        self.branches[expr.span] = (expr, turns, values)

    def of(self, node: Node) -> tree.Expr | None:
        """Return the step that a node was written as."""
        return self.steps.get(node.span)

    def around(self, span: Span) -> tuple[tree.Flow, int] | None:
        """Return the flow that has a whole step at this span, and the number of the step in it."""
        return self._flows.get(span)


def infer(graph: Graph, node: Node) -> None:
    """Set the outputs and second values of a call, and the weights of its layer.

    Nothing is set if an input has no known shape: the cause of that was reported before.

    Raises:
        Refusal: the layer does not take these inputs.
    """
    inputs = graph.tensors(node.inputs)
    if inputs is None:
        return
    given: dict[str, tuple[Tensor, ...]] = {}
    for name, values in node.tensors.items():
        tensors = graph.tensors(values)
        if tensors is None:
            return
        given[name] = tensors
    layer = node.callee
    outcome = graph.outcome(layer, node.call, inputs, given)
    known = graph.weights.get(layer)
    if known is None:
        graph.weights[layer] = outcome.weights
        graph.needs[layer] = outcome.needs
        graph.first[layer] = inputs
    else:
        _same_weights(layer, known, outcome.weights, inputs)
        _same_inputs(layer, graph.first[layer], inputs)
    node.outputs = outcome.outputs
    node.extras = outcome.extras


def _same_weights(
    layer: Layer, known: tuple[Weight, ...], now: tuple[Weight, ...], inputs: tuple[Tensor, ...]
) -> None:
    for old, new in zip(known, now, strict=False):
        if len(old.shape) != len(new.shape) or not all(map(fits, old.shape, new.shape)):
            incoming = " and ".join(show_shape(t.shape) for t in inputs)
            raise Refusal(
                "ST311",
                f"{layer.title} is shared, but does not fit here: its {old.name} has shape "
                f"{show_shape(old.shape)}, and {incoming} would need {show_shape(new.shape)}",
                label=f"is given {incoming}",
                help="give every use the same width, or use a macro (def) to make fresh layers each time",
                at=("input", 0),
            )


def _same_inputs(layer: Layer, first: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> None:
    """Refuse another input shape than the first if Keras takes no other, and other integers than those that
    the layer was built for.
    """
    row = layer.row
    shapes = row.one_shape and [t.shape for t in first] != [t.shape for t in inputs]
    declared = (
        row.dtype == "declared"
        and len({row.settled(layer.args, t).get("dtype") for t in (first, inputs)}) > 1
    )
    if shapes or declared:
        had, incoming = (" and ".join(f"{t} {t.dtype}" for t in each) for each in (first, inputs))
        raise Refusal(
            "ST311",
            f"{layer.title} is shared, but does not fit here: it was built for {had}, and is given "
            f"{incoming}",
            label=f"is given {incoming}",
            help="use a macro (def) to make fresh layers each time",
            at=("input", 0),
        )


def replay(model: SubModel, inputs: tuple[Tensor, ...]) -> Outcome:
    """Return the outcome of a sub-model for other inputs, by asking the rows of its nodes again in order.

    Raises:
        Refusal: a layer inside does not take what reaches it, or an input is declared otherwise.
    """
    graph = model.graph
    if len(inputs) != len(graph.inputs):
        raise Refusal(
            "ST314",
            f"{model.title} takes {len(graph.inputs)} values, but is given {len(inputs)}",
            label=f"takes {len(graph.inputs)} values, is given {len(inputs)}",
            help="give it one value for each of its inputs, as a list",
        )
    order = graph.ancestors(graph.outputs)
    if any(graph.nodes[i].layer is None and i not in graph.inputs for i in order):
        raise Refusal(
            "ST314",
            f"what {model.title} gives is not known, since a layer in it was refused",
            label="has a layer that was refused",
            help="fix that layer first",
        )
    found: dict[Value, Tensor] = {}
    weights: dict[Layer, tuple[Weight, ...]] = {}
    needs: list[Size] = []
    for index, tensor in zip(graph.inputs, inputs, strict=True):
        check_input(model.title, graph.nodes[index], tensor)
        found[Value(index)] = tensor
    for index in order:
        node = graph.nodes[index]
        if node.layer is None:
            continue
        outcome = node.layer.row.outcome(
            {**node.layer.args, **node.call},
            tuple(found[v] for v in node.inputs),
            {name: tuple(found[v] for v in values) for name, values in node.tensors.items()},
        )
        weights.setdefault(node.layer, outcome.weights)
        needs.extend(outcome.needs)
        for i, tensor in enumerate(outcome.outputs):
            found[Value(index, i)] = tensor
        for name, tensors in outcome.extras.items():
            for i, tensor in enumerate(tensors):
                found[Value(index, i, name)] = tensor
    return Outcome(
        tuple(found[v] for v in graph.outputs),
        tuple(w for ws in weights.values() for w in ws),
        needs=tuple(needs),
    )


def check_input(title: str, node: Node, incoming: Tensor) -> None:
    """Refuse a value that is not what an ``in(...)`` declares.

    A symbol there takes any size, since the sub-model is a function and its sizes are parameters.
    """
    assert node.outputs is not None
    wanted = node.outputs[0]
    if len(wanted.shape) != len(incoming.shape) or not all(
        isinstance(want, Expr) or fits(want, have)
        for want, have in zip(wanted.shape, incoming.shape, strict=True)
    ):
        same_rank = len(wanted.shape) == len(incoming.shape)
        raise Refusal(
            "ST302" if same_rank else "ST301",
            f"{title} takes {wanted} as its in(...) says, but is given {incoming}",
            label=f"takes {wanted}, is given {incoming}",
            help="change what comes in, or the in(...) that declares it",
            at=("input", 0),
            takes=len(wanted.shape),
        )
