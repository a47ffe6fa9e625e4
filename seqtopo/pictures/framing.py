"""Frame the named flows of a spec as parts of its picture: find the stretch of the graph that each made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from seqtopo.graph.buildable import ends_of
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.scope import Block, Named
from seqtopo.pictures.folding import Item, Part
from seqtopo.syntax import tree

LEAST_BOXES = 2
"""A part of fewer boxes is not a frame: its name stands in its box."""

Stretch = tuple[int, int, str]
"""A part: its first node, the one behind its last, and its name."""


def stretches_of(resolved: Resolved, spec: tree.Spec, graph: Graph) -> list[Stretch]:
    r"""Return the stretches of the named flows of a spec in a graph, outer ones before those in them.

    A flow counts where it has layers of its own, and two boxes or more; each place where it is used counts by
    itself. The last flow is the whole: it counts only where it has an input of its own beside other parts.

    >>> from seqtopo.report.analyse import analyse
    >>> read = analyse("a = in(T,3) -> lstm(8) -> dense(4)\nb = in(4) -> dense(8) -> dense(3)\na -> b")
    >>> stretches_of(read.resolved, read.spec, read.resolved.graph)
    [(0, 3, 'a'), (6, 8, 'b')]
    """
    live = set(graph.ancestors(graph.outputs))
    bound = [s.name.name for s in spec.statements if isinstance(s, tree.Bind)]
    found: dict[tuple[int, int], str] = {}
    for name in bound:
        part = resolved.parts.get(name)
        if part is None:
            continue
        for nodes in _places(resolved.graph, part):
            own = [graph.nodes[i] for i in nodes if i in live]
            layers = [node for node in own if node.layer is not None]
            is_whole = name == graph.name and len(layers) == len(own)
            if layers and len(own) == len(nodes) >= LEAST_BOXES and not is_whole:
                found.setdefault((nodes.start, nodes.stop), name)
    every = {i for i in live if graph.nodes[i].layer is not None}
    if len(found) == 1 and every <= set(range(*next(iter(found)))):
        return []
    order = sorted(found, key=lambda ends: (ends[0], -ends[1]))
    return [(start, stop, found[start, stop]) for start, stop in order]


def _places(graph: Graph, part: Block | Named) -> Iterator[range]:
    """Yield the nodes of each use of a part: those where it was bound, and others that call the same
    layers in the same order.
    """
    if isinstance(part, Block):
        yield from (use.nodes for use in part.uses if use.graph is graph)
        return
    if part.graph is not graph:
        return
    yield part.nodes
    layers = [layer for i in part.nodes if (layer := graph.nodes[i].layer) is not None]
    for start in range(part.nodes.stop, len(graph.nodes) - len(layers) + 1):
        if layers and graph.nodes[start].layer is layers[0]:
            calls = graph.nodes[start : start + len(layers)]
            if all(node.layer is layer for node, layer in zip(calls, layers, strict=True)):
                yield range(start, start + len(layers))


def framed(items: Sequence[Item], stretches: Sequence[Stretch]) -> list[Item]:
    """Return the items with each stretch as one part; a stretch that begins or ends within copies is left
    out.
    """
    found = list(items)
    for start, stop, name in reversed(stretches):
        first = next((k for k, item in enumerate(found) if _first(item) == start), None)
        last = next((k for k, item in enumerate(found) if _last(item) == stop - 1), None)
        if first is not None and last is not None and first <= last:
            found[first : last + 1] = [Part(name, found[first : last + 1])]
    return found


def _first(item: Item) -> int:
    return min(node.index for node in item.nodes)


def _last(item: Item) -> int:
    return max(node.index for node in item.nodes)


def names_left(names: Mapping[int, str], stretches: Sequence[Stretch], whole: str) -> dict[int, str]:
    """Return the names of boxes without those that frames bear, and where there are frames without the
    whole's.
    """
    borne = {name for _, _, name in stretches} | ({whole} if stretches else set())
    return {index: name for index, name in names.items() if name not in borne}


def part_of(resolved: Resolved, name: str) -> Graph:
    r"""Return the graph of a named model: what comes into it are its inputs.

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
