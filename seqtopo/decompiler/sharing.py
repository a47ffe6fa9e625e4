"""Find the regions of a graph that are applied several times with the same layers, to bind them to names."""

from __future__ import annotations

from collections.abc import Mapping

from seqtopo.decompiler.progress import Part
from seqtopo.graph.graph import Graph, Value
from seqtopo.layers.layer import Layer


def one_step(graph: Graph, part: Part) -> bool:
    """Return whether a part has one input and one output, and no other value goes in or out."""
    if len(part.incoming) != 1 or len(part.values) != 1 or not part.nodes:
        return False
    if part.values[0].node not in part.nodes or part.values[0].extra or part.incoming[0].extra:
        return False
    for node in graph.nodes:
        inside = node.index in part.nodes
        for value in node.needs:
            if inside and value.node not in part.nodes and value not in part.incoming:
                return False
            if not inside and value.node in part.nodes and value not in part.values:
                return False
    return not any(v.node in part.nodes and v not in part.values for v in graph.outputs)


def shared_parts(graph: Graph, taken: set[int], hints: Mapping[Layer, str]) -> list[Part]:
    """Return the largest regions of several layers that are applied several times.

    Each has one input and one output.
    """
    behind = graph.ancestors(graph.outputs)
    calls: dict[Layer, list[int]] = {}
    for index in behind:
        layer = graph.nodes[index].layer
        if layer is not None and index not in taken:
            calls.setdefault(layer, []).append(index)
    shared = {layer: nodes for layer, nodes in calls.items() if len(nodes) > 1}
    found: list[Part] = []
    used: set[int] = set()
    for layer in sorted(shared, key=lambda one: -shared[one][0]):
        nodes = shared[layer]
        if used.intersection(nodes):
            continue
        best: list[Part] = []
        for regions in _growing(graph, nodes, shared, used):
            parts = [
                _part(graph, region, end, layer, hints) for region, end in zip(regions, nodes, strict=True)
            ]
            if all(p is not None and one_step(graph, p) for p in parts) and len(regions[0]) > 1:
                best = [p for p in parts if p is not None]
        found += best
        for part in best:
            used |= part.nodes
    return found


def _growing(
    graph: Graph, ends: list[int], shared: Mapping[Layer, list[int]], used: set[int]
) -> list[list[set[int]]]:
    """Return the regions that end in the calls of one layer, each larger than the one before."""
    regions = [{end} for end in ends]
    found = []
    while True:
        frontier = _before(graph, regions[0])
        grown = False
        for index in sorted(frontier, reverse=True):
            layer = graph.nodes[index].layer
            others = shared.get(layer, []) if layer is not None else []
            if len(others) != len(ends) or index not in others or used.intersection(others):
                continue
            matched = [next((o for o in others if o in _before(graph, r)), None) for r in regions]
            if None in matched or len(set(matched)) != len(ends):
                continue
            for region, other in zip(regions, matched, strict=True):
                assert other is not None
                region.add(other)
            grown = True
            found.append([set(r) for r in regions])
            break
        if not grown:
            return found


def _before(graph: Graph, region: set[int]) -> set[int]:
    return {v.node for i in region for v in graph.nodes[i].needs} - set(region)


def _part(graph: Graph, region: set[int], end: int, layer: Layer, hints: Mapping[Layer, str]) -> Part | None:
    """Return a region as a part if it has one input; else None."""
    incoming: dict[Value, None] = {}
    for index in sorted(region):
        for value in graph.nodes[index].needs:
            if value.node not in region:
                incoming[value] = None
    if len(incoming) != 1:
        return None
    words = {hints.get(n.layer, "") for i in region if (n := graph.nodes[i]).layer is not None}
    name = words.pop() if len(words) == 1 else ""
    return Part(layer, name or "shared", frozenset(region), tuple(incoming), (Value(end),), {})
