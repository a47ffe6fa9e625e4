"""Show more in the boxes of a plan: how many parameters each has, and which ones are to stand out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seqtopo.diag.nearest import nearest
from seqtopo.graph.counting import owners, together
from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.sizes import Size
from seqtopo.pictures import labels
from seqtopo.pictures.plan import Block, Plan


def count_params(plan: Plan, graph: Graph) -> None:
    """Write into each box how many parameters its layer has; of copies, how many each has."""
    for block, of in _boxes(plan, graph):
        layers = [layer for n in block.nodes if (layer := of.nodes[n].layer) is not None]
        counts = [together(owners(of, [layer]).values()) for layer in dict.fromkeys(layers)]
        if any(counts):
            block.params = labels.safe(_words(counts))


def _words(counts: Sequence[Size]) -> str:
    """The numbers of parameters of the layers that a box stands for.

    >>> _words([33]), _words([33, 33]), _words([99, 33, 65]), _words([1])
    ('33 parameters', '33 parameters each', '33 to 99 parameters', '1 parameter')
    """
    shown = [f"{count:,}" if isinstance(count, int) else str(count) for count in counts]
    if len(set(shown)) > 1:
        numbers = [count for count in counts if isinstance(count, int)]
        low, high = (min(numbers), max(numbers)) if len(numbers) == len(counts) else (counts[0], counts[-1])
        return " to ".join(f"{n:,}" if isinstance(n, int) else str(n) for n in (low, high)) + " parameters"
    return f"{shown[0]} parameter{'' if shown[0] == '1' else 's'}{' each' if len(shown) > 1 else ''}"


def mark(plan: Plan, graph: Graph, name: str, flows: Mapping[str, Sequence[Value]]) -> None:
    """Let the box of a layer, an input or a named flow stand out; of a flow with a frame, the frame.

    ``flows`` are the values of the named flows.

    Raises:
        KeyError: nothing that is drawn has that name; says what has one like it.
    """
    known: dict[str, None] = {}
    found: list[Block] = []
    nodes = {value.node for value in flows.get(name, ())}
    for block in _frames(plan):
        known.update(dict.fromkeys(block.beside))
        found += [block] if name in block.beside else []
    for block, of in () if found else _boxes(plan, graph):
        names = [block.name, *(_name(of, n) for n in block.nodes)]
        known.update(dict.fromkeys(names))
        if name in names or (of is graph and nodes & set(block.nodes)):
            found.append(block)
    if not found:
        words = [word for word in (*known, *flows) if word.isidentifier()]
        near = nearest(name, words)
        help = f"did you mean {near}?" if near else f"the names are {', '.join(dict.fromkeys(words))}"
        raise KeyError(f"nothing in the picture is called {labels.safe(name)}; {help}")
    for block in found:
        block.marked = True


def _name(graph: Graph, index: int) -> str:
    node = graph.nodes[index]
    return node.layer.name if node.layer is not None else node.name


def _frames(plan: Plan) -> Iterator[Block]:
    for block in plan.blocks:
        if block.inner is not None:
            yield block
            yield from _frames(block.inner)


def _boxes(plan: Plan, graph: Graph) -> Iterator[tuple[Block, Graph]]:
    """The boxes of layers and inputs, in frames too, each with the graph that its nodes are of."""
    for block in plan.blocks:
        if block.inner is None:
            if block.nodes:
                yield block, graph
            continue
        layer = graph.nodes[block.nodes[0]].layer if block.nodes else None
        inner = layer.get("layer") if layer is not None else None
        own = isinstance(inner, SubModel) and len({graph.nodes[n].layer for n in block.nodes}) == 1
        yield from _boxes(block.inner, inner.graph if own and isinstance(inner, SubModel) else graph)
