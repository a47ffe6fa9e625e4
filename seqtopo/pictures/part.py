"""A named part of a spec as a graph of its own."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.emit.parts import ends_of
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.resolver import Resolved


def part_of(resolved: Resolved, name: str) -> Graph:
    r"""The graph of a named model: what comes into it are its inputs.

    Raises:
        KeyError: the spec has no model of that name; says which there are.

    >>> from seqtopo.report.analyse import analyse
    >>> found = part_of(analyse("read = lstm(4)\nin(T,8) -> gru(3,seq) -> read").resolved, "read")
    >>> found.name, [str(found.nodes[i].outputs[0]) for i in found.inputs]
    ('read', ['(T, 3)'])
    """
    graph = resolved.graph
    if name == graph.name and name not in resolved.parts:
        return graph
    comes, gives = ends_of(resolved, name)
    nodes = list(graph.nodes)
    for value in comes:
        node, tensor = nodes[value.node], graph.tensor(value)
        if node.layer is not None and tensor is not None:
            nodes[value.node] = Node(node.index, node.span, outputs=(tensor,))
    inputs = tuple(value.node for value in comes)
    outputs = tuple(Value(*value) for value in gives)
    return replace(
        graph, nodes=nodes, inputs=inputs, outputs=outputs, output_names=("",) * len(outputs), name=name
    )
