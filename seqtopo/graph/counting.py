"""Count the parameters of a graph, and the multiply-adds of one training step, from the graph alone.

A layer's weights count once, however often the layer is called. Its row says how many multiply-adds one call
takes (``Row.work``). What is not a product of numbers, such as an activation, a pooling or the optimizer's
update, is not counted, as by PyTorch's ``flop_counter``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import LayerCall, Outcome
from seqtopo.layers.sizes import Size, total, volume
from seqtopo.layers.values import FLOATS, Products, Tensor, Weight


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


FLOPS = 2
"""The operations of a multiply-add: a multiplication and an addition."""


class Work(NamedTuple):
    """The floating-point operations for one sample; ``unknown`` are layers whose number nobody knows."""

    forward: Size = 0
    backward: Size = 0
    unknown: tuple[str, ...] = ()

    @property
    def both(self) -> Size:
        """The operations of the forward and the backward pass together."""
        return self.forward + self.backward

    def plus(self, other: Work, times: Size = 1) -> Work:
        """Return the sum of this work and ``times`` another one."""
        return Work(
            self.forward + other.forward * times,
            self.backward + other.backward * times,
            tuple(dict.fromkeys((*self.unknown, *other.unknown))),
        )


class _Came(NamedTuple):
    """A value, and whether a trained layer stands before it, so that it has a gradient."""

    tensor: Tensor
    learned: bool


def work(graph: Graph) -> Work:
    """Return the work of one sample in a training step."""
    inputs = {}
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        if node.layer is None and node.outputs is not None:
            inputs[index] = _Came(node.outputs[0], False)
    return _flow(graph, inputs)[0]


def _flow(graph: Graph, inputs: Mapping[int, _Came]) -> tuple[Work, bool]:
    """Return the work of a graph for these inputs, and whether its outputs have a gradient."""
    known: dict[Value, _Came] = {Value(index): incoming for index, incoming in inputs.items()}
    found = Work()
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        if node.layer is None:
            continue
        incoming = [known[value] for value in node.inputs]
        tensors = {name: [known[value] for value in values] for name, values in node.tensors.items()}
        more, outcome, learned = _call(node.layer, node.call, incoming, tensors)
        found = found.plus(more)
        for i, tensor in enumerate(outcome.outputs):
            known[Value(index, i)] = _Came(tensor, learned and tensor.dtype in FLOATS)
        for name, extras in outcome.extras.items():
            for i, tensor in enumerate(extras):
                known[Value(index, i, name)] = _Came(tensor, learned and tensor.dtype in FLOATS)
    return found, any(known[value].learned for value in graph.outputs)


def _call(
    layer: Layer, call: Mapping[str, Any], incoming: list[_Came], tensors: Mapping[str, list[_Came]]
) -> tuple[Work, Outcome, bool]:
    """Return the work of a call, its outputs, and whether they have a gradient."""
    row, args = layer.row, {**layer.args, **call}
    inputs = tuple(one.tensor for one in incoming)
    given = {name: tuple(one.tensor for one in some) for name, some in tensors.items()}
    outcome = row.outcome(args, inputs, given)
    trained = any(weight.trainable for weight in outcome.weights)
    before = any(one.learned for one in incoming)
    learned = trained or before or any(one.learned for some in tensors.values() for one in some)
    if row.wraps:
        return _wrapped(layer, incoming[0]), outcome, learned
    if not row.counts_work:
        return Work(unknown=(layer.title,)), outcome, learned
    if row.work is None:
        return Work(), outcome, learned
    products = row.work(LayerCall(row, {**row.defaults, **args}, inputs, given, {}), outcome)
    return _of(products, trained, before, learned), outcome, learned


def _of(products: Products, trained: bool, before: bool, learned: bool) -> Work:
    """Return the work of products; the backward pass takes as many again for every factor with a gradient."""
    incoming, inner = products.incoming * FLOPS, products.inner * FLOPS
    back = incoming * (trained + before) + inner * (2 * learned)
    return Work(incoming + inner, back)


def _wrapped(layer: Layer, incoming: _Came) -> Work:
    """Return the work of the layers inside a wrapper: at every step, or in both directions."""
    inner, shape = layer.get("layer"), incoming.tensor.shape
    if layer.row.steps:
        return _inside(inner, _Came(Tensor(shape[1:], incoming.tensor.dtype), incoming.learned), shape[0])
    found = _inside(inner, incoming)
    return (
        found.plus(_inside(layer.get("backward_layer") or inner, incoming)) if layer.row.recurrent else found
    )


def _inside(inner: Layer | SubModel, incoming: _Came, times: Size = 1) -> Work:
    if isinstance(inner, SubModel):
        found, _ = _flow(inner.graph, {inner.graph.inputs[0]: incoming})
    else:
        found, _, _ = _call(inner, {}, [incoming], {})
    return Work().plus(found, times)
