"""Call a model's layers one after the other, without Keras' work around each call.

Around a layer's ``call`` Keras converts and checks the inputs, finds out whether it trains, opens scopes, and
passes on masks and losses. In a graph of built layers of Keras' own, in one precision, without masks and
without losses on outputs, this work changes nothing; on PyTorch it takes longer than a small layer does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import torch
from keras import layers, tree

from seqtopo.emit.keras_private import (
    KerasLacksError,
    get,
    has_hooks,
    layers_inside,
    mask_of,
    takes,
    torch_device,
)
from seqtopo.runtime.kernels.attaching import NotNow, Stock


def flat_model_of(model: Any) -> FlatModel | Stock:
    """Return the direct walk through a functional or Sequential model, or the reason why it has none."""
    try:
        return _flat_model_of(model)
    except KerasLacksError as error:
        return Stock(str(error))


def _flat_model_of(model: Any) -> FlatModel | Stock:
    graph = _graph(model)
    if graph is None:
        return Stock("it is not a model of layers alone")
    calls = []
    for node in _calls_in_order(graph):
        why = _why_not(node)
        if why:
            return Stock(f"its layers are called as Keras calls them: {node.operation.name} {why}")
        calls.append(_call_of(node))
    return FlatModel(graph, tuple(calls))


def _calls_in_order(graph: Any) -> Iterator[Any]:
    """Yield the calls of a graph in Keras' order, in which a stateful layer goes on from call to call."""
    nodes = get(graph, "_nodes_by_depth")
    for depth in sorted(nodes, reverse=True):
        yield from (node for node in nodes[depth] if not node.is_input)


def _graph(model: Any) -> Any:
    """Return the functional model over a model's graph; None for a model of another kind."""
    if not type(model).__module__.startswith("keras."):
        return None
    graph = get(model, "_functional") if isinstance(model, keras.Sequential) else model
    return graph if graph is not None and hasattr(graph, "operations") and model.built else None


def _why_not(node: Any) -> str:
    """Return, in words, why a layer in a graph cannot be called directly; "" if it can."""
    layer = node.operation
    if not isinstance(layer, keras.Layer) or type(layer).__call__ is not keras.Layer.__call__:
        return "is not a layer, but an operation"
    for each in layers_inside(layer):
        if not type(each).__module__.startswith("keras."):
            return "is not Keras' own"
        if isinstance(each, layers.Masking) or getattr(each, "mask_zero", False):
            return "gives a mask"
        if each.activity_regularizer is not None:
            return "has an activity_regularizer"
    if node.arguments.kwargs.get("mask") is not None:
        return "is given a mask"
    if not _is_plain(layer):
        return "has hooks, is quantized, or computes in another precision than that of its weights"
    if any("float" in x.dtype and x.dtype != layer.compute_dtype for x in node.arguments.keras_tensors):
        return "converts what it is given"
    return ""


def _is_plain(layer: Any) -> bool:
    """Return whether a layer has no setting for which Keras would do more than to call it."""
    return (
        layer.built
        and layer.activity_regularizer is None
        and layer.quantization_mode is None
        and layer.compute_dtype == layer.variable_dtype
        and not (get(layer, "_remat_mode") or has_hooks(layer))
    )


class Call(NamedTuple):
    """One call of a layer: its inputs and outputs, as the identities of the graph's tensors.

    A call with one tensor has ``given`` and ``constants``; for others Keras fills in ``arguments``.
    """

    layer: Any
    given: int | None
    constants: dict[str, Any]
    arguments: Any
    outputs: tuple[int, ...]


def _call_of(node: Any) -> Call:
    arguments = node.arguments
    (*args,), kwargs = arguments.args, arguments.kwargs
    alone = len(args) == 1 and len(arguments.keras_tensors) == 1 and args[0] is arguments.keras_tensors[0]
    given = id(args[0]) if alone else None
    return Call(node.operation, given, kwargs, arguments, tuple(id(x) for x in node.output_tensors))


class FlatModel:
    """The ``call`` of a model over ``graph``, as a sequence of ``calls``."""

    def __init__(self, graph: Any, calls: tuple[Call, ...]) -> None:
        self.graph = graph
        self.calls = calls
        self.outputs = get(graph, "_outputs_struct")
        self.standardized = get(graph, "_standardize_inputs")

    def __call__(self, model: Any, inputs: Any, training: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        """Return the result of the model's own ``call``.

        Raises:
            NotNow: the model was changed since it was attached, is distributed, or is given masks.
        """
        if _graph(model) is not self.graph or not all(_is_plain(call.layer) for call in self.calls):
            raise NotNow("its layers were changed since it was attached")
        if kwargs or any(x is not None for x in (mask if isinstance(mask, (list, tuple)) else [mask])):
            raise NotNow("it is given a mask")
        if keras.distribution.distribution() is not None:
            raise NotNow("it is distributed")
        values = {id(x): y for x, y in zip(self.graph.inputs, self._inputs(inputs), strict=True)}
        for call in self.calls:
            layer = call.layer
            if call.given is not None:
                args, given = (values[call.given],), call.constants
            else:
                args, given = call.arguments.fill_in(values)
            if training is not None and takes(layer, "training"):
                given = {**given, "training": training}
            outputs = layer.call(*args, **given)
            if isinstance(outputs, torch.Tensor):
                values[call.outputs[0]] = outputs
            else:
                values.update(zip(call.outputs, tree.flatten(outputs), strict=True))
        found = [values[id(x)] for x in self.graph.outputs]
        return found[0] if len(found) == 1 else tree.pack_sequence_as(self.outputs, found)

    def _inputs(self, inputs: Any) -> Any:
        """Return the inputs as Keras prepares them; a single tensor that fits stays as it is.

        Raises:
            NotNow: they have masks, or do not fit; then Keras' own call reports it.
        """
        flat = [inputs] if isinstance(inputs, torch.Tensor) else tree.flatten(inputs)
        wanted = self.graph.inputs
        if len(flat) != len(wanted) or not all(map(_fits, flat, wanted)):
            raise NotNow("its inputs have other shapes")
        if any(mask_of(x) is not None for x in flat):
            raise NotNow("it is given a mask")
        first, want = flat[0], wanted[0]
        if (
            first is inputs
            and str(first.dtype) == f"torch.{want.dtype}"
            and first.device.type == torch_device()
        ):
            return flat
        return self.standardized(inputs)


def _fits(given: Any, wanted: Any) -> bool:
    """Return whether an input has the shape that its graph declares."""
    shape = getattr(given, "shape", ())
    return len(shape) == len(wanted.shape) and all(
        want is None or want == have for have, want in zip(shape, wanted.shape, strict=True)
    )
