"""Count parameters: each layer's weights once, however often the layer is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, total, volume
from seqtopo.layers.values import Weight


def owners(graph: Graph, layers: Iterable[Layer]) -> dict[Layer, tuple[Weight, ...]]:
    """Return the weights behind layers, by the layer that has them.

    ``td`` has none of its own: what it applies at every step has them, and may be called outside too.
    """
    found: dict[Layer, tuple[Weight, ...]] = {}
    for layer in layers:
        weights = graph.weights.get(layer, ())
        inner = layer.args.get("layer") if layer.row.steps else None
        while isinstance(inner, Layer):
            layer = inner
            inner = layer.args.get("layer") if layer.row.steps else None
        if isinstance(inner, SubModel):
            for owner, its in owners(inner.graph, inner.graph.layers(inner.graph.outputs)).items():
                found.setdefault(owner, its)
        else:
            found.setdefault(layer, weights)
    return found


@lru_cache(maxsize=1024)
def count(weights: tuple[Weight, ...]) -> Size:
    """Return how many parameters weights have together; symbolic where sizes are."""
    return volume([w.shape for w in weights])


def counts(weights: Mapping[Layer, tuple[Weight, ...]]) -> dict[Layer, Size]:
    """Return how many parameters each layer has. Equal layers share
    one record of weights, which is counted once.
    """
    known = {id(each): each for each in weights.values()}
    numbers = {here: count(each) for here, each in known.items()}
    return {layer: numbers[id(each)] for layer, each in weights.items()}


def params(graph: Graph, values: tuple[Value, ...] | None = None) -> Size:
    """Return the number of parameters behind some values, by default the outputs; shared ones count once."""
    return together(owners(graph, graph.layers(graph.outputs if values is None else values)).values())


def together(owned: Iterable[tuple[Weight, ...]], *, trained: bool = False) -> Size:
    """Return how many parameters several layers have, or how many of these are trained.

    Layers that are alike have the very same weights: those are counted once, and multiplied.
    """
    often: dict[int, int] = {}
    of: dict[int, tuple[Weight, ...]] = {}
    for weights in owned:
        often[id(weights)] = often.get(id(weights), 0) + 1
        of[id(weights)] = weights
    return total(
        [
            count(tuple([w for w in weights if w.trainable]) if trained else weights) * often[here]
            for here, weights in of.items()
        ]
    )
