"""Cut very deep graphs into sub-models that run one after the other.

Keras walks a model by recursion, so that from about 980 layers in a row it can neither build nor
load one (``RecursionError``). A chain of sub-models of a few hundred layers each is as deep as it has
sub-models: it builds, and what is saved loads in plain Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqtopo.graph.graph import Graph, Value

DEEPEST = 800
"""The depth from which a graph is cut; Keras needs some frames of Python's stack for itself."""

SEGMENT = 400
"""The number of nodes in one sub-model."""


class Segment(NamedTuple):
    """A run of nodes, with the values that they take and those that later nodes take from them."""

    nodes: tuple[int, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def depth(graph: Graph, outputs: Sequence[Value]) -> int:
    """Return the number of calls on the longest path to the outputs."""
    found: dict[int, int] = {}
    for index in graph.ancestors(outputs):
        node = graph.nodes[index]
        found[index] = 1 + max((found.get(v.node, 0) for v in node.needs), default=0)
    return max((found[v.node] for v in outputs), default=0)


def segments(graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]) -> list[Segment]:
    """Return the graph's calls between inputs and outputs, in segments of at most ``SEGMENT``."""
    calls = [i for i in between(graph, inputs, outputs) if graph.nodes[i].layer is not None]
    last_use: dict[Value, int] = {v: len(calls) for v in outputs}
    for place, index in enumerate(calls):
        for value in graph.nodes[index].needs:
            last_use[value] = max(last_use.get(value, -1), place)
    found = []
    for start in range(0, len(calls), SEGMENT):
        nodes = calls[start : start + SEGMENT]
        inside = set(nodes)
        needed = dict.fromkeys(v for i in nodes for v in graph.nodes[i].needs if v.node not in inside)
        kept = sorted(v for v, use in last_use.items() if v.node in inside and use >= start + len(nodes))
        found.append(Segment(tuple(nodes), tuple(needed), tuple(kept)))
    return found


def between(graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]) -> list[int]:
    """Return the nodes between inputs and outputs in order, without those of the inputs."""
    given = set(inputs)
    seen: set[int] = set()
    todo = [v.node for v in outputs if v not in given]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo.extend(v.node for v in graph.nodes[here].needs if v not in given)
    return sorted(seen)
