"""Hold what is known of a model while it is read: its graph so far, and each call's values and masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.decompiler.calls import Call, Ref
from seqtopo.decompiler.files import shown
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
    """One use of a model inside the model: its nodes, what comes in, what it gives."""

    key: object
    name: str
    nodes: frozenset[int]
    incoming: Bundle
    values: Bundle
    config: Mapping[str, Any]


@dataclass
class Decoded:
    """A model as a graph, and which of its nodes were a model of their own."""

    graph: Graph
    parts: list[Part] = field(default_factory=list)
    name: str = ""
    output_keys: tuple[str, ...] = ()
    aliases: dict[Value, str] = field(default_factory=dict)
    """Second values that an Identity gives out under a name of its own, and that name."""
    cut: list[tuple[str, Value]] = field(default_factory=list)
    """What came into layers that no spec can say, and their names."""


class Progress:
    """What the walks over a model and over the models inside it share; ``losses`` gathers what a spec cannot
    say.
    """

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.decoded = Decoded(Graph())
        self.shared: dict[Any, Layer] = {}
        self.opens = 0
        self.symbols = 0
        self.models: dict[str, int] = {}
        self.unmasked: dict[tuple[int, int], str] = {}
        """What drops a mask in Keras and not in a spec: graph, node and how it is said."""
        self.cut_names: Counter[tuple[int, str]] = Counter()
        """The inputs that stand for layers without a spec, counted by graph and name."""
        self.models_inside: dict[Any, SubModel] = {}
        """The models that wrappers apply."""
        self.masks: dict[int, dict[Value, frozenset[Any]]] = {}
        self.asked: list[tuple[str, int, int]] = []
        """The calls that give their states: layer, node and graph."""
        self.noted: dict[int, list[tuple[int, Diagnostic]]] = {}
        """What was found of each graph's nodes."""

    def settle(self, graph: Graph) -> None:
        """Keeps what was found of the nodes that lead to the outputs."""
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
        """Return an input's open size, which something repeats to: it gets a name."""
        node = graph.nodes[value.node]
        assert node.outputs is not None
        (tensor,) = node.outputs
        size = symbol(open_name(self.symbols))
        self.symbols += 1
        node.outputs = (Tensor((*tensor.shape[:axis], size, *tensor.shape[axis + 1 :]), tensor.dtype),)
        return size

    def fresh(self) -> Any:
        """Return a size that is not known."""
        self.opens += 1
        return unknown(self.opens)


class ModelCalls:
    """One model's calls that were read: their values, and the masks of those."""

    def __init__(self, progress: Progress, graph: Graph, path: tuple[Any, ...]) -> None:
        self.progress = progress
        self.losses = progress.losses
        self.graph = graph
        self.path = path
        self.values: dict[Ref, Value] = {}
        self.raw: dict[Ref, Call] = {}
        self.deferred: set[Ref] = set()
        """Operations that may be pieces of a mask, which nothing has taken as a value so far."""
        self.resolved: set[Ref] = set()
        """Those of them that something has taken."""
        self.items: dict[Value, Value] = {}
        """Values that are one of several of an operation, and the items that take them."""
        self.masks = Masks(graph, self.raw, self.values, progress.masks.setdefault(id(graph), {}))

    def place(self, call: Call, node: Node) -> str:
        """Infers the shapes of a node that was made for a call, and files its values under the call's
        references. Where the node cannot be, drops it and returns why.
        """
        assert node.layer is not None
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
        """Files the outputs; and states and scores where the layer was asked for them."""
        assert node.layer is not None
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
        """Values as a spec can take them: of several that a layer gives, all or none.

        The state h of an LSTM that gives its last step is that very step; any other that is taken alone
        comes in as an input of its own.
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
        if layer.row.function:
            return self._item(value)
        tensor = self.graph.tensor(value)
        assert tensor is not None
        what = f"{value.extra or 'output'} {value.output}"
        self.losses.add(
            "ST504", f"{shown(name)}: its {what} is taken alone; it comes in as an input of its own"
        )
        node = self.graph.add(Span(0, 0))
        node.outputs = (tensor,)
        node.name = f"{name}_{value.extra or 'output'}_{value.output}"
        return Value(node.index)

    def _item(self, value: Value) -> Value:
        """One of several values that an operation gives, by ``item``."""
        if value not in self.items:
            count = len(self.graph.nodes[value.node].outputs or ())
            node = self.graph.add(Span(0, 0), Layer(NAMES["item"], {"index": value.output}))
            node.inputs = tuple(Value(value.node, i) for i in range(count))
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
