"""From a graph to a Keras model of stock layers. The only importer of Keras in the compile path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from seqtopo.emit.objects import argument
from seqtopo.emit.operations import EMITTERS, repeat_like
from seqtopo.ir.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr, Size


class Emitter:
    """Builds the layers and tensors of a graph, each once; models are cut out of them.

    Shared layers are shared between all the models of one emitter.
    """

    def __init__(self, graph: Graph, layers: dict[Layer, Any] | None = None) -> None:
        self.graph = graph
        self._layers: dict[Layer, Any] = {} if layers is None else layers
        self._tensors: dict[Value, Any] = {}
        self._kept = _kept(graph)

    def model(
        self, inputs: Sequence[Value], outputs: Sequence[Value], name: str, output_names: Sequence[str] = ()
    ) -> keras.Model:
        """The model from some values to others; ``inputs`` may be any values that cut the graph."""
        with deep_recursion(len(self.graph.nodes)):
            self._emit(outputs)
            ends = [self.tensor(v) for v in outputs]
            starts = [self.tensor(v) for v in inputs]
            ends = _named(ends, output_names, starts)
            return keras.Model(starts, ends if len(ends) > 1 else ends[0], name=name)

    def tensor(self, value: Value) -> Any:
        """The Keras tensor of a value that was emitted."""
        return self._tensors[value]

    def _emit(self, outputs: Sequence[Value]) -> None:
        for index in self.graph.ancestors(outputs):
            node = self.graph.nodes[index]
            if Value(index) in self._tensors:
                continue
            if node.layer is None:
                self._tensors[Value(index)] = _input(node)
            else:
                self._call(node, node.layer)

    def _call(self, node: Node, layer: Layer) -> None:
        given = [self.tensor(v) for v in node.inputs]
        row = layer.row
        operation = row.operation(layer.args)
        if operation:
            args = {**row.defaults, **layer.args, **node.call}
            result = EMITTERS[operation](given, args, layer.name)
        elif row.name == "repeat" and isinstance(layer.args["n"], Expr):
            result = repeat_like(given[0], *self._reference(layer.args["n"]), layer.name)
        else:
            call = {row.by_name[name].keras_name: value for name, value in node.call.items()}
            for name, values in node.tensors.items():
                param = row.by_name[name]
                tensors = [self.tensor(v) for v in values]
                call[param.keras_name] = tensors if param.kind.takes == "tensors" else tensors[0]
            call.update({SECOND[w].argument: True for w in node.wants if SECOND[w].in_call})
            result = self.layer(layer)(*row.arranged(given), **call)
        self._keep(node, layer, list(result) if isinstance(result, (list, tuple)) else [result])

    def _keep(self, node: Node, layer: Layer, results: list[Any]) -> None:
        """Files the tensors of a call: its outputs, then the second values it was asked for."""
        outputs = node.outputs or ()
        for i in range(len(outputs)):
            self._tensors[Value(node.index, i)] = results[i]
        rest = iter(results[len(outputs) :])
        for name, tensors in node.extras.items():
            if name in node.wants or name in self._kept.get(layer, ()):
                for i in range(len(tensors)):
                    self._tensors[Value(node.index, i, name)] = next(rest)

    def _reference(self, size: Size) -> tuple[Any, int]:
        """An input that names a size, and the axis it names: at run time it has that many steps."""
        for node in self.graph.nodes:
            if node.layer is None and node.outputs and Value(node.index) in self._tensors:
                for axis, have in enumerate(node.outputs[0].shape):
                    if have == size:
                        return self._tensors[Value(node.index)], axis + 1
        raise KeyError(str(size))

    def layer(self, layer: Layer) -> Any:
        """The Keras layer: made the first time, then the same."""
        if layer not in self._layers:
            kwargs = {}
            for name, value in layer.args.items():
                inside = self._inner(value) if isinstance(value, (Layer, SubModel)) else argument(value)
                kwargs[layer.row.by_name[name].keras_name] = _left_over(inside)
            for name in self._kept.get(layer, ()):
                if SECOND[name].argument in layer.row.by_name:
                    kwargs[SECOND[name].argument] = True
            make = layer.row.make or getattr(keras.layers, layer.row.keras)
            self._layers[layer] = make(**kwargs, name=layer.name or None)
        return self._layers[layer]

    def _inner(self, inner: Layer | SubModel) -> Any:
        if isinstance(inner, Layer):
            return self.layer(inner)
        inside = Emitter(inner.graph, self._layers)
        inputs = [Value(i) for i in inner.graph.inputs]
        return inside.model(inputs, inner.graph.outputs, inner.name or "steps")


def _left_over(value: Any) -> Any:
    """In a shape, the one size that has no number is what is left over."""
    if isinstance(value, tuple):
        return tuple(-1 if isinstance(v, Expr) else v for v in value)
    return value


@dataclass(frozen=True)
class Second:
    """How Keras is asked for a second value: by which argument, of the call or of the constructor."""

    argument: str
    in_call: bool


SECOND = {"state": Second("return_state", False), "scores": Second("return_attention_scores", True)}


def _kept(graph: Graph) -> dict[Layer, tuple[str, ...]]:
    """The layers that are made so as to give a second value, since one of their calls wants it.

    A two-directional layer gives what the layers inside it give.
    """
    found: dict[Layer, tuple[str, ...]] = {}
    for node in graph.nodes:
        names = tuple(name for name in sorted(node.wants) if not SECOND[name].in_call)
        if node.layer is None or not names:
            continue
        inner = [v for v in node.layer.args.values() if isinstance(v, Layer)]
        for layer in (node.layer, *inner):
            found[layer] = names
    return found


def _input(node: Node) -> Any:
    assert node.outputs is not None
    tensor = node.outputs[0]
    return keras.Input(
        tuple(s if isinstance(s, int) else None for s in tensor.shape),
        batch_size=node.batch if isinstance(node.batch, int) else None,
        dtype=tensor.dtype,
        name=node.name or None,
    )


def _named(ends: list[Any], names: Sequence[str], starts: list[Any]) -> list[Any]:
    """Several outputs, each from a layer that bears its name.

    A layer that has another name (it is used twice, or gives two outputs) gets an Identity behind it.
    """
    found = []
    for i, end in enumerate(ends):
        name = names[i] if i < len(names) else ""
        repeated = any(end is other for other in (*starts, *ends[:i]))
        if repeated or (name and end._keras_history.operation.name != name):
            end = keras.layers.Identity(name=name or None)(end)
        found.append(end)
    return found


@contextmanager
def deep_recursion(depth: int) -> Iterator[None]:
    """Room for Keras' recursion, which goes as deep as the model is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 1000 + 20 * depth))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
