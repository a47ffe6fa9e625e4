"""Emit a model from a graph: make its layers and call them in order.

Everything is asked of a builder, so the same walk builds a Keras model or writes one as Python.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from seqtopo.emit import deep
from seqtopo.emit.builder import ModelBuilder
from seqtopo.emit.objects import argument
from seqtopo.emit.operations import EMITTERS, Call, masked_softmax
from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr, Size
from seqtopo.layers.values import Tensor


class Emitter:
    """The layers and tensors of a graph, each made once, and the models between them.

    All models of one emitter share their layers.
    """

    def __init__(
        self,
        graph: Graph,
        builder: ModelBuilder,
        layers: dict[Layer, Any] | None = None,
        made: dict[Layer, dict[str, Any]] | None = None,
        batch: Size | None = None,
    ) -> None:
        self.graph = graph
        self.builder = builder
        self._around = batch
        """The fixed batch of the graph around this one, for a layer that is applied to every step."""
        self._layers: dict[Layer, Any] = {} if layers is None else layers
        self._made: dict[Layer, dict[str, Any]] = {} if made is None else made
        self._tensors: dict[Value, Any] = {}
        self._kept = _kept(graph)

    def model(
        self, inputs: Sequence[Value], outputs: Sequence[Value], name: str, output_names: Sequence[str] = ()
    ) -> Any:
        """Return the model from some values to others; ``inputs`` may be any values that cut the graph."""
        inner = self if self._declared(inputs) else self._beside()
        with deep_recursion(len(self.graph.nodes)):
            inner._declare(inputs)
            if deep.depth(self.graph, outputs) > deep.DEEPEST:
                inner._emit_deep(inputs, outputs, name)
            else:
                inner._emit(deep.between(self.graph, inputs, outputs))
            ends = [inner._tensors[v] for v in outputs]
            starts = [inner._tensors[v] for v in inputs]
            taken = {layer.name for layer in self.graph.layers()} | {x.name for x in starts}
            taken -= {""}
            ends = _named(self.builder, ends, output_names, starts, taken)
            return self.builder.model(starts, ends, name)

    def _beside(self) -> Emitter:
        """Return another emitter over the same layers, with tensors of its own."""
        return Emitter(self.graph, self.builder, self._layers, self._made, self._around)

    def _declared(self, values: Sequence[Value]) -> bool:
        return all(self.graph.nodes[v.node].layer is None for v in values)

    def _declare(self, values: Sequence[Value]) -> None:
        """Make the inputs: those of the spec by name, and inputs of the same shape for other values."""
        for value in values:
            if value not in self._tensors:
                node = self.graph.nodes[value.node]
                tensor = self.graph.tensor(value)
                assert tensor is not None
                batch = self._batch() if node.layer is not None else node.batch or self._around
                self._tensors[value] = self.builder.input(
                    tensor, batch, node.name if node.layer is None else ""
                )

    def _batch(self) -> Size | None:
        """Return the fixed batch of the graph, if it has one: stateful layers need it in every part."""
        return next((n.batch for n in self.graph.nodes if n.batch is not None), self._around)

    def _emit(self, nodes: Iterable[int]) -> None:
        for index in nodes:
            node = self.graph.nodes[index]
            if node.layer is None:
                self._declare([Value(index)])
            elif Value(index) not in self._tensors:
                with self.builder.making(node.layer.name):
                    self._call(node, node.layer)

    def _emit_deep(self, inputs: Sequence[Value], outputs: Sequence[Value], name: str) -> None:
        """Emit sub-models one after the other, each of some nodes, since Keras cannot walk all in one."""
        for i, segment in enumerate(deep.segments(self.graph, inputs, outputs)):
            if all(v in self._tensors for v in segment.outputs):
                continue
            inside = self._beside()
            for value in segment.inputs:
                tensor = self.graph.tensor(value)
                assert tensor is not None
                inside._tensors[value] = self.builder.input(tensor, self._batch(), "")
            inside._emit(segment.nodes)
            starts = [inside._tensors[v] for v in segment.inputs]
            ends = [inside._tensors[v] for v in segment.outputs]
            given = [self._tensors[v] for v in segment.inputs]
            gives = [t for v in segment.outputs if (t := self.graph.tensor(v)) is not None]
            inner = self.builder.model(starts, ends, f"{name}_{i}")
            results = self.builder.call(inner, [given if len(given) > 1 else given[0]], {}, gives)
            self._tensors.update(zip(segment.outputs, results, strict=True))

    def _call(self, node: Node, layer: Layer) -> None:
        given = [self._tensors[v] for v in node.inputs]
        row = layer.row
        operation = row.operation(layer.args)
        made = self._made.setdefault(layer, {})
        args = {**row.defaults, **layer.args, **node.call}
        if row.name == "repeat" and isinstance(layer.args["n"], Expr):
            operation = "repeat"
            reference, args["axis"] = self._reference(layer.args["n"])
            given = [given[0], reference]
        if operation:
            emit = EMITTERS[operation]
            outputs = node.outputs or ()
            result = emit(self.builder, given, args, layer.name, _first_of(node), made, outputs)
            results = list(result) if isinstance(result, (list, tuple)) else [result]
        else:
            results = self._call_layer(node, layer, given)
        self._keep(node, layer, results)

    def _call_layer(self, node: Node, layer: Layer, given: list[Any]) -> list[Any]:
        row = layer.row
        call = {row.by_name[name].keras_name: value for name, value in node.call.items()}
        for name, values in node.tensors.items():
            param = row.by_name[name]
            tensors = [self._tensors[v] for v in values]
            call[param.keras_name] = tensors if param.kind.takes == "tensors" else tensors[0]
        call.update({SECOND[w].argument: True for w in node.wants if SECOND[w].in_call})
        if row.name == "mha" and _unlike_heads(layer):
            call[SECOND["scores"].argument] = True
        inputs = self.graph.tensors(node.inputs)
        assert inputs is not None
        made = self.layer(layer, inputs)
        if row.name == "softmax" and "mask" not in call:
            softmax = Call(self.builder, given, layer.args, layer.name, _first_of(node), {})
            result = masked_softmax(softmax, made)
            self.builder.settle(result, _first_of(node), layer.name, taken=True)
            results = [result]
        else:
            results = self.builder.call(made, row.arranged(given), call, self._gives(node, layer, call))
        if _frozen(layer):
            self.builder.freeze(made)
        return results

    def _extras(self, node: Node, layer: Layer) -> Iterator[tuple[str, int, Tensor]]:
        """Yield the second values of a call: the wanted ones, and those that its layer always returns."""
        for name, tensors in node.extras.items():
            if name in node.wants or name in self._kept.get(layer, ()):
                for i, tensor in enumerate(tensors):
                    yield name, i, tensor

    def _gives(self, node: Node, layer: Layer, call: Mapping[str, Any]) -> list[Tensor]:
        """Return the checker's shapes and dtypes of all that a call returns, in Keras' order."""
        extras = [tensor for _, _, tensor in self._extras(node, layer)]
        if call.get(SECOND["scores"].argument) and not extras:
            extras = list(node.extras["scores"])
        return [*(node.outputs or ()), *extras]

    def _keep(self, node: Node, layer: Layer, results: list[Any]) -> None:
        """Store the tensors of a call: its outputs, and then the second values that are wanted."""
        outputs = node.outputs or ()
        if layer.row.make is not None:
            _hold_to_rule(layer, outputs, results)
        for i in range(len(outputs)):
            self._tensors[Value(node.index, i)] = results[i]
        for (name, i, _), tensor in zip(self._extras(node, layer), results[len(outputs) :], strict=False):
            self._tensors[Value(node.index, i, name)] = tensor

    def _reference(self, size: Size) -> tuple[Any, int]:
        """Return an input with an axis of a symbolic size, and the number of that axis."""
        for node in self.graph.nodes:
            if node.layer is None and node.outputs and Value(node.index) in self._tensors:
                for axis, have in enumerate(node.outputs[0].shape):
                    if have == size:
                        return self._tensors[Value(node.index)], axis + 1
        raise KeyError(str(size))

    def layer(self, layer: Layer, inputs: tuple[Tensor, ...]) -> Any:
        """Return the Keras layer, which is made for the inputs of its first call."""
        if layer not in self._layers:
            row = layer.row
            kwargs = {}
            for name, value in row.settled(layer.args, inputs).items():
                param = row.by_name[name]
                if not param.keras_name:
                    continue
                inside = (
                    self._inner(value, _steps(inputs) if row.steps else inputs)
                    if isinstance(value, (Layer, SubModel))
                    else argument(self.builder, param, value, layer.args.get("dtype"))
                )
                kwargs[param.keras_name] = _left_over(inside)
            for name in self._kept.get(layer, ()):
                if SECOND[name].argument in row.by_name:
                    kwargs[SECOND[name].argument] = True
            if "name" in row.by_name:
                kwargs["name"] = layer.name or None
            for name, value in self.builder.settings().items():
                if name in row.by_name and kwargs.get(name) is None:
                    kwargs[name] = value
            if row.make is not None:
                made = self.builder.custom(row.make, kwargs)
            else:
                made = getattr(self.builder.layers, row.keras)(**kwargs)
            if kwargs.get("activity_regularizer") is not None:
                self.builder.hold_regularizer(made, kwargs["activity_regularizer"])
            self._layers[layer] = made
        return self._layers[layer]

    def _inner(self, inner: Layer | SubModel, inputs: tuple[Tensor, ...]) -> Any:
        if isinstance(inner, Layer):
            return self.layer(inner, inputs)
        inside = Emitter(inner.graph, self.builder, self._layers, self._made, self._batch())
        starts = [Value(i) for i in inner.graph.inputs]
        return inside.model(starts, inner.graph.outputs, inner.name or "steps")


def _steps(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(Tensor(t.shape[1:], t.dtype) for t in inputs)


def _hold_to_rule(layer: Layer, ruled: Sequence[Tensor], given: Sequence[Any]) -> None:
    """Check that a custom layer's outputs are those that its hand-written rule says."""
    for want, have in zip(ruled, given, strict=False):
        shape = tuple(have.shape[1:])
        numbers = tuple(s if isinstance(s, int) else None for s in want.shape)
        if len(shape) != len(numbers) or any(
            n is not None and s is not None and n != s for n, s in zip(numbers, shape, strict=True)
        ):
            raise ValueError(f"the shape rule of {layer.row.name} says {want}, but its layer gives {shape}")


def _first_of(node: Node) -> Tensor:
    """Return the checker's shape and dtype of a node's first output."""
    return node.outputs[0] if node.outputs else Tensor(())


def _frozen(layer: Layer) -> bool:
    """Return whether a layer may have frozen weights after its first call: its own, or those of an inner
    layer.

    The layers inside a custom layer are not known.
    """
    inner = [value for value in layer.args.values() if isinstance(value, Layer)]
    custom = layer.row.make is not None
    return custom or layer.args.get("trainable") is False or any(map(_frozen, inner))


def _left_over(value: Any) -> Any:
    """Replace the one symbolic dimension of a shape by -1."""
    if isinstance(value, tuple):
        return tuple(-1 if isinstance(v, Expr) else v for v in value)
    return value


class Second(NamedTuple):
    """The argument that makes Keras return a second value: one of the call, or of the constructor."""

    argument: str
    in_call: bool


SECOND = {"state": Second("return_state", False), "scores": Second("return_attention_scores", True)}


def _unlike_heads(layer: Layer) -> bool:
    """Return whether values have another width than keys.

    The fused attention of JAX takes only one width. Keras does not use it if it has to return the scores;
    they are asked for on every backend, since a saved model may be loaded on another.
    """
    width = layer.get("value_dim")
    return width not in (None, layer.get("key_dim")) and not layer.get("flash_attention")


def _kept(graph: Graph) -> dict[Layer, tuple[str, ...]]:
    """Return the layers that must be made so that they return a second value, since a call wants it.

    A bidirectional layer returns the second values of its inner layers.
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


def _named(
    builder: ModelBuilder, ends: list[Any], names: Sequence[str], starts: list[Any], taken: set[str]
) -> list[Any]:
    """Return several outputs, each from a layer with its name.

    A layer with another name (it is used twice, or has two outputs) gets an Identity behind it, whose name
    has a number if another layer has that name.
    """
    found = []
    for i, end in enumerate(ends):
        name = names[i] if i < len(names) else ""
        repeated = any(end is other for other in (*starts, *ends[:i]))
        if repeated or (name and builder.name_of(end) != name):
            if name in taken:
                name = next(n for i in range(2, len(taken) + 3) if (n := f"{name}-{i}") not in taken)
            taken |= {name} if name else set()
            end = builder.layers.Identity(name=name or None, dtype=end.dtype)(end)
        found.append(end)
    return found


@contextmanager
def deep_recursion(depth: int) -> Iterator[None]:
    """Allow deeper recursion inside the ``with`` block: Keras recurses as deep as the model is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 1000 + 20 * depth))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
