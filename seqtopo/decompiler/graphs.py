"""From a model's configuration to a graph: calls in order, shared layers, models inside models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.decompiler import automatic
from seqtopo.decompiler.bidirectional_states import merging_states
from seqtopo.decompiler.calls import calls_of, refs_in
from seqtopo.decompiler.files import as_dict, shown
from seqtopo.decompiler.losses import Losses, wrong
from seqtopo.decompiler.walk import MODELS, Part, Walk
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Bundle, Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, symbol, unknown
from seqtopo.layers.values import Tensor
from seqtopo.source import Span

NOWHERE = Span(0, 0)


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


class Reader:
    """Reads one model; ``losses`` gathers what a spec cannot say."""

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

    def read(self, config: Mapping[str, Any]) -> Decoded:
        """The graph of a serialized model."""
        kind = config.get("class_name")
        if kind is None:
            raise wrong("it holds no model: it has no class_name", "give what model.to_json() says")
        if kind not in MODELS:
            raise wrong(
                f"the model is of the class {shown(kind)}, which is code: its configuration has no graph",
                "only Sequential and functional models can be read from their configuration",
            )
        body = as_dict(config.get("config"), "the model's config")
        name = body.get("name")
        self.decoded.name = name if isinstance(name, str) else "model"
        graph = self.decoded.graph
        graph.name = self.decoded.name
        self._model(config, graph, None, ())
        return self.decoded

    # ---- models ----------------------------------------------------------------------------------

    def _model(
        self, config: Mapping[str, Any], graph: Graph, incoming: Bundle | None, path: tuple[Any, ...]
    ) -> Bundle:
        """The values that a model gives; ``incoming`` stands for its inputs, where it is inside another."""
        calls = calls_of(config, incoming is not None)
        walk = Walk(self, graph, path)
        walk.merging_states = merging_states(calls)
        if incoming is not None:
            if len(incoming) != len(calls.inputs):
                raise wrong(
                    f"a model is called with {len(incoming)} values, but has {len(calls.inputs)} inputs"
                )
            for ref, value in zip(calls.inputs, incoming, strict=True):
                walk.values[ref] = value
        else:
            for ref in calls.inputs:
                walk.input(calls.by_ref[ref])
            taken = Counter(ref for call in calls.ordered for ref in refs_in([call.args, call.kwargs]))
            walk.ends = frozenset(ref for ref in calls.outputs if not taken[ref])
        noted = self.noted.setdefault(id(graph), [])
        for call in calls.ordered:
            if call.is_input and call.ref in walk.values:
                continue
            with self.losses.apart() as found:
                walk.call(call)
            if call.ref in walk.values:
                noted += [(walk.values[call.ref].node, d) for d in found]
        with self.losses.apart() as found:
            outputs = walk.whole(tuple(v for ref in calls.outputs for v in walk.needed(ref, "an output")))
        noted += [(v.node, d) for v in outputs[-1:] for d in found]
        if incoming is None:
            behind = set(graph.ancestors(outputs))
            declared = [walk.values[ref].node for ref in calls.inputs]
            inputs = [*declared, *(i for i in sorted(behind) if graph.nodes[i].layer is None)]
            graph.inputs = tuple(i for i in dict.fromkeys(inputs) if i in behind)
            graph.outputs = outputs
            graph.output_names = ("",) * len(outputs)
            self.decoded.output_keys = calls.output_keys
            self._settle(graph)
        return outputs

    def _settle(self, graph: Graph) -> None:
        """Keeps what was found of the nodes that lead to the outputs."""
        loose = [v for _, v in self.decoded.cut] if graph is self.decoded.graph else []
        behind = set(graph.ancestors((*graph.outputs, *loose)))
        used = {v.node for i in behind for v in graph.nodes[i].needs if v.extra}
        used |= {v.node for v in graph.outputs if v.extra}
        for name, index, where in self.asked:
            if where == id(graph) and index in behind and index not in used:
                self.losses.otherwise(name, "returns its states, which nothing uses: they are left out")
        for (where, index), said in self.unmasked.items():
            if where == id(graph) and index in behind:
                self.losses.add("ST504", said)
        for index, found in self.noted.pop(id(graph), ()):
            if index in behind:
                self.losses.found.append(found)

    def sub_model(
        self, config: Mapping[str, Any], inputs: tuple[Tensor, ...], path: tuple[Any, ...]
    ) -> SubModel:
        """A model as one thing, such as ``td`` applies at every step."""
        body = as_dict(config.get("config"), "a model's config")
        name = str(body.get("name", ""))
        graph = Graph(name="" if automatic.is_model(name) else name)
        values = []
        for tensor in inputs:
            node = graph.add(NOWHERE)
            node.outputs = (tensor,)
            values.append(Value(node.index))
        graph.inputs = tuple(v.node for v in values)
        graph.outputs = self._model(config, graph, tuple(values), path)
        if all(value.node in graph.inputs for value in graph.outputs):
            self.losses.otherwise(
                name, "is a model without layers: said as id, which is built as an Identity"
            )
        declared = [x["config"].get("dtype") for x in body["layers"] if x.get("class_name") == "InputLayer"]
        for dtype, tensor in zip(declared, inputs, strict=False):
            if dtype != tensor.dtype:
                self.losses.otherwise(name, f"declares its input as {shown(dtype)}, said as {tensor.dtype}")
        self._settle(graph)
        return SubModel(graph, graph.name)

    def name_size(self, graph: Graph, value: Value, axis: int) -> Size:
        """An input's open size, which something repeats to: it gets a name."""
        node = graph.nodes[value.node]
        assert node.outputs is not None
        (tensor,) = node.outputs
        size = symbol(open_name(self.symbols))
        self.symbols += 1
        node.outputs = (Tensor((*tensor.shape[:axis], size, *tensor.shape[axis + 1 :]), tensor.dtype),)
        return size

    def fresh(self) -> Any:
        """A size that is not known."""
        self.opens += 1
        return unknown(self.opens)


def open_name(number: int) -> str:
    """A name for an open size: T, S, L, M, N, then T1 and so on.

    >>> [open_name(i) for i in (0, 1, 5)]
    ['T', 'S', 'T1']
    """
    letters = "TSLMN"
    return letters[number] if number < len(letters) else f"T{number - len(letters) + 1}"
