"""Count the multiply-adds of one training step, layer by layer, from the graph alone.

A layer's row says how many one call takes (``Row.work``). What is not a product of numbers, such as an
activation, a pooling or the optimizer's update, is not counted, as by PyTorch's ``flop_counter``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import LayerCall, Outcome
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import FLOATS, Products, Tensor

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
