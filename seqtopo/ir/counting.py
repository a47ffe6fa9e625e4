"""Parameters: which layers own weights, each counted once however often it is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from seqtopo.ir.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, product, total
from seqtopo.layers.values import Weight


def owners(graph: Graph, layers: Iterable[Layer]) -> dict[Layer, tuple[Weight, ...]]:
    """The weights behind layers, by the layer that has them.

    ``td`` has none of its own: what it applies at every step has them, and may be called outside too.
    """
    found: dict[Layer, tuple[Weight, ...]] = {}
    for layer in layers:
        for owner, weights in _owners(layer, graph.weights.get(layer, ())):
            found.setdefault(owner, weights)
    return found


def _owners(layer: Layer, weights: tuple[Weight, ...]) -> Iterator[tuple[Layer, tuple[Weight, ...]]]:
    inner = layer.args.get("layer") if layer.row.steps else None
    if isinstance(inner, Layer):
        yield from _owners(inner, weights)
    elif isinstance(inner, SubModel):
        yield from owners(inner.graph, inner.graph.layers(inner.graph.outputs)).items()
    else:
        yield layer, weights


def count(weights: Iterable[Weight]) -> Size:
    """How many parameters weights have together; symbolic where sizes are."""
    return total(product(w.shape) for w in weights)


def counts(weights: Mapping[Layer, tuple[Weight, ...]]) -> dict[Layer, Size]:
    """How many parameters each layer has. Layers that are alike have the very same weights: counted once."""
    known = {id(each): each for each in weights.values()}
    numbers = {here: count(each) for here, each in known.items()}
    return {layer: numbers[id(each)] for layer, each in weights.items()}


def params(graph: Graph, values: tuple[Value, ...] | None = None) -> Size:
    """How many parameters the layers behind the outputs (or other values) have; shared ones once."""
    return _count_all(graph, graph.outputs if values is None else values)


def trainable_params(graph: Graph) -> Size:
    """How many of the parameters behind the outputs are trained."""
    return _count_all(graph, graph.outputs, trained=True)


def _count_all(graph: Graph, values: tuple[Value, ...], *, trained: bool = False) -> Size:
    """Layers that are alike have the very same weights: those are counted once, and multiplied."""
    often: dict[int, int] = {}
    of: dict[int, tuple[Weight, ...]] = {}
    for weights in owners(graph, graph.layers(values)).values():
        often[id(weights)] = often.get(id(weights), 0) + 1
        of[id(weights)] = weights
    return total(
        count(w for w in weights if w.trainable or not trained) * often[here] for here, weights in of.items()
    )
