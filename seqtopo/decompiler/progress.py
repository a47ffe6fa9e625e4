"""Store what is known of a model while it is read: its graph so far, and each call's values and masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.decompiler.calls import Call, Ref
from seqtopo.decompiler.losses import Losses
from seqtopo.decompiler.masks import Masks
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Bundle, Graph, Node, SubModel, Value, infer
from seqtopo.layers.layer import Layer
from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import Size, symbol, unknown
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.source import Span


@dataclass
class Part:
    """One use of an inner model: its nodes, its inputs and its outputs."""

    key: object
    name: str
    nodes: frozenset[int]
    incoming: Bundle
    values: Bundle
    config: Mapping[str, Any]


@dataclass
class Decoded:
    """A model as a graph, and the groups of nodes that were inner models."""

    graph: Graph
    parts: list[Part] = field(default_factory=list)
    name: str = ""
    aliases: dict[Value, str] = field(default_factory=dict)
    """The states and scores that an Identity outputs under a name of its own, with this name."""
    output_keys: tuple[str, ...] = ()
    """The keys of the outputs in a dictionary, "" for each if they are in a list."""
    cut: list[tuple[str, Value]] = field(default_factory=list)
    """The inputs of layers that no spec can say, with the layers' names."""


class Progress:
    """The data that is shared by a model and the models inside it while they are read.

    ``losses`` collects what a spec cannot say.
    """

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.decoded = Decoded(Graph())
        self.shared: dict[Any, Layer] = {}
        self.opens = 0
        self.symbols = 0
        self.models: dict[str, int] = {}
        self.unmasked: dict[tuple[int, int], str] = {}
        """The operations that drop a mask in Keras and not in a spec: how this is said, by graph and node."""
        self.cut_names: Counter[tuple[int, str]] = Counter()
        """The inputs that stand for layers without a spec, counted by graph and name."""
        self.models_inside: dict[Any, SubModel] = {}
        """The models that wrappers apply."""
        self.masks: dict[int, dict[Value, frozenset[Any]]] = {}
        self.asked: list[tuple[str, int, int]] = []
        """The calls that return their states: layer, node and graph."""
        self.noted: dict[int, list[tuple[int, Diagnostic]]] = {}
        """The diagnostics on each graph's nodes."""

    def settle(self, graph: Graph) -> None:
        """Keep the diagnostics on the nodes behind the outputs."""
        loose = [v for _, v in self.decoded.cut] if graph is self.decoded.graph else []
        behind = set(graph.ancestors((*graph.outputs, *loose)))
        used = {v.node for i in behind for v in graph.nodes[i].needs if v.extra}
        used |= {v.node for v in graph.outputs if v.extra}
        for name, index, where in self.asked:
            if where == id(graph) and index in behind and index not in used:
                self.losses.otherwise(name, "returns its states, which nothing uses: they are left out")
        for (where, index), message in self.unmasked.items():
            if where == id(graph) and index in behind:
                self.losses.add("ST504", message)
        for index, found in self.noted.pop(id(graph), ()):
            if index in behind:
                self.losses.found.append(found)

    def name_size(self, graph: Graph, value: Value, axis: int) -> Size:
        """Name an input's open size to which a value is repeated, and return the symbol."""
        node = graph.nodes[value.node]
        assert node.outputs is not None
        (tensor,) = node.outputs
        size = symbol(open_name(self.symbols))
        self.symbols += 1
        node.outputs = (Tensor((*tensor.shape[:axis], size, *tensor.shape[axis + 1 :]), tensor.dtype),)
        return size

    def fresh(self) -> Any:
        """Return a new unknown size."""
        self.opens += 1
        return unknown(self.opens)


class ModelCalls:
    """The calls of one model that were read: their values, and the masks of these."""

    def __init__(self, progress: Progress, graph: Graph, path: tuple[Any, ...]) -> None:
        self.progress = progress
        self.losses = progress.losses
        self.graph = graph
        self.path = path
        self.values: dict[Ref, Value] = {}
        self.raw: dict[Ref, Call] = {}
        self.deferred: set[Ref] = set()
        """The operations that may be parts of a mask, and whose values are not used so far."""
        self.resolved: set[Ref] = set()
        """The operations among these whose values are used."""
        self.items: dict[Value, Value] = {}
        """The values among the several of an operation, each with the value of its ``item``."""
        self.masks = Masks(graph, self.raw, self.values, progress.masks.setdefault(id(graph), {}))

    def place(self, call: Call, node: Node) -> str:
        """Infer the shapes of a call's node and store its values, and return "" if that worked.

        If the layer does not take its inputs, drop the node and return why.
        """
        try:
            infer(self.graph, node)
        except Refusal as refusal:
            self.graph.nodes.pop()
            return refusal.message
        self._second_values(call, node)
        if call.asks_state and node.extras.get("state"):
            self.progress.asked.append((call.name, node.index, id(self.graph)))
        self.masks.after(node)
        return ""

    def _second_values(self, call: Call, node: Node) -> None:
        """Store the outputs, and the states and scores if the layer returns them."""
        outputs = node.outputs or ()
        for i in range(len(outputs)):
            self.values[call.ref._replace(output=i)] = Value(node.index, i)
        at = len(outputs)
        for name, tensors in node.extras.items():
            asked = call.asks_state if name == "state" else call.kwargs.get("return_attention_scores")
            for i in range(len(tensors) if asked else 0):
                self.values[call.ref._replace(output=at)] = Value(node.index, i, name)
                at += 1

    def whole(self, values: Bundle) -> Bundle:
        """Return values in the form that a spec can take: of the several values of a layer, all or none.

        The state h of an LSTM that returns its last step equals that step. Any other value that is used
        without the rest is taken by ``item``.
        """
        found = list(values)
        at = 0
        while at < len(found):
            value = found[at]
            node = self.graph.nodes[value.node]
            several = node.extras.get(value.extra, ()) if value.extra else node.outputs or ()
            whole = [Value(value.node, i, value.extra) for i in range(len(several))]
            if found[at : at + len(whole)] == whole or node.layer is None:
                at += max(1, len(whole))
                continue
            found[at] = self._alone(value, node.layer)
            at += 1
        return tuple(found)

    def _alone(self, value: Value, layer: Layer) -> Value:
        name = layer.name or layer.row.name
        first = value.extra == "state" and not value.output and layer.row.role == "recurrent"
        if first and not layer.get("return_sequences"):
            self.losses.otherwise(name, "gives its first state, written as its output, which is the same")
            return Value(value.node)
        return self._item(value)

    def _item(self, value: Value) -> Value:
        """Return one of several outputs or states, by ``item``."""
        if value not in self.items:
            given = self.graph.nodes[value.node]
            several = given.extras[value.extra] if value.extra else given.outputs or ()
            node = self.graph.add(Span(0, 0), Layer(NAMES["item"], {"index": value.output}))
            node.inputs = tuple(value._replace(output=i) for i in range(len(several)))
            infer(self.graph, node)
            self.items[value] = Value(node.index)
        return self.items[value]


def open_name(number: int) -> str:
    """Return a name for an open size: T, S, L, M, N, then T1 and so on.

    >>> [open_name(i) for i in (0, 1, 5)]
    ['T', 'S', 'T1']
    """
    letters = "TSLMN"
    return letters[number] if number < len(letters) else f"T{number - len(letters) + 1}"
