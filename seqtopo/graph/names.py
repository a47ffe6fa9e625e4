"""Name the layers as Keras will: by the spec's names, else by the binding and the layer."""

from __future__ import annotations

from collections.abc import Mapping

from seqtopo.graph.graph import Graph
from seqtopo.layers.layer import Layer


def name_layers(graph: Graph, prefixes: Mapping[Layer, str]) -> None:
    """Gives every layer and input of the graph a name of its own.

    ``as`` and ``name=`` come first; a block that is one layer names it; everything else is called
    after its layer, with the binding or macro it was written in before it, its ``prefixes``:
    ``encoder_lstm``, ``encoder_lstm_1``. A name that is there already gets a number.
    """
    used: dict[str, int] = {}
    nodes = graph.nodes
    for node in nodes:
        if node.layer is None and node.name:
            node.name = _unique(node.name, used)
    layers = graph.layers()
    _name_outputs(graph, layers)
    for layer in layers:
        if layer.name:
            layer.name = _unique(layer.name, used)
    for layer in layers:
        if not layer.name:
            prefix = prefixes.get(layer)
            base = _base(layer)
            layer.name = _unique(f"{prefix}_{base}" if prefix else base, used)
    for node in sorted(nodes, key=lambda n: n.index not in graph.inputs):
        if node.layer is None and node.outputs is not None and not node.name:
            node.name = _unique("input", used)


def _name_outputs(graph: Graph, layers: list[Layer]) -> None:
    """The layer behind a named output bears its name, where it is behind that output only."""
    calls: dict[Layer, int] = {}
    for node in graph.nodes:
        if node.layer is not None:
            calls[node.layer] = calls.get(node.layer, 0) + 1
    values = graph.outputs
    for name, value in zip(graph.output_names, values, strict=False):
        layer = graph.nodes[value.node].layer
        if name and layer is not None and not layer.name and calls[layer] == 1 and not value.extra:
            layer.name = name


def _base(layer: Layer) -> str:
    """What a layer is called where nobody named it: a bare activation by its own name."""
    activation = layer.args.get("activation")
    return activation if layer.row.name == "act" and isinstance(activation, str) else layer.row.name


def _unique(name: str, used: dict[str, int]) -> str:
    number = used.get(name, 0)
    found = name
    while found in used:
        number += 1
        found = f"{name}_{number}"
    used[name] = number
    used[found] = used.get(found, 0)
    return found
