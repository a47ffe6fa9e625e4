"""From a graph to a Keras model of stock layers. The only importer of Keras in the compile path."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from seqtopo.emit import deep
from seqtopo.emit.naming import name_masks
from seqtopo.emit.objects import argument, hold_regularizer
from seqtopo.emit.operations import EMITTERS, masked_softmax, repeat_like
from seqtopo.ir.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr, Size
from seqtopo.layers.values import Tensor


class Emitter:
    """Builds the layers and tensors of a graph, each once; models are cut out of them.

    Shared layers are shared between all the models of one emitter.
    """

    def __init__(
        self,
        graph: Graph,
        layers: dict[Layer, Any] | None = None,
        made: dict[Layer, dict[str, Any]] | None = None,
        batch: Size | None = None,
    ) -> None:
        self.graph = graph
        self._around = batch
        """The fixed batch of the graph that this one stands in: what a layer takes at every step."""
        self._layers: dict[Layer, Any] = {} if layers is None else layers
        self._made: dict[Layer, dict[str, Any]] = {} if made is None else made
        self._tensors: dict[Value, Any] = {}
        self._kept = _kept(graph)

    def model(
        self, inputs: Sequence[Value], outputs: Sequence[Value], name: str, output_names: Sequence[str] = ()
    ) -> keras.Model:
        """The model from some values to others; ``inputs`` may be any values that cut the graph."""
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
            ends = _named(ends, output_names, starts, taken)
            return _model(starts, ends, name)

    def _beside(self) -> Emitter:
        """Another one over the same layers, with tensors of its own."""
        return Emitter(self.graph, self._layers, self._made, self._around)

    def _declared(self, values: Sequence[Value]) -> bool:
        return all(self.graph.nodes[v.node].layer is None for v in values)

    def _declare(self, values: Sequence[Value]) -> None:
        """Makes the inputs: those of the spec by their names, any other value as one of its shape."""
        for value in values:
            if value not in self._tensors:
                node = self.graph.nodes[value.node]
                tensor = self.graph.tensor(value)
                assert tensor is not None
                batch = self._batch() if node.layer is not None else node.batch or self._around
                self._tensors[value] = _input(tensor, batch, node.name if node.layer is None else "")

    def _batch(self) -> Size | None:
        """The one fixed batch of the graph, if it has one: stateful layers need it in every part."""
        return next((n.batch for n in self.graph.nodes if n.batch is not None), self._around)

    def _emit(self, nodes: Iterable[int]) -> None:
        for index in nodes:
            node = self.graph.nodes[index]
            if node.layer is None:
                self._declare([Value(index)])
            elif Value(index) not in self._tensors:
                self._call(node, node.layer)

    def _emit_deep(self, inputs: Sequence[Value], outputs: Sequence[Value], name: str) -> None:
        """Emits sub-models in a row, each of some of the nodes, since Keras cannot walk them in one."""
        for i, segment in enumerate(deep.segments(self.graph, inputs, outputs)):
            if all(v in self._tensors for v in segment.outputs):
                continue
            inside = self._beside()
            for value in segment.inputs:
                tensor = self.graph.tensor(value)
                assert tensor is not None
                inside._tensors[value] = _input(tensor, self._batch(), "")
            inside._emit(segment.nodes)
            starts = [inside._tensors[v] for v in segment.inputs]
            ends = [inside._tensors[v] for v in segment.outputs]
            given = [self._tensors[v] for v in segment.inputs]
            results = _model(starts, ends, f"{name}_{i}")(given if len(given) > 1 else given[0])
            results = results if isinstance(results, (list, tuple)) else [results]
            self._tensors.update(zip(segment.outputs, results, strict=True))

    def _call(self, node: Node, layer: Layer) -> None:
        given = [self._tensors[v] for v in node.inputs]
        row = layer.row
        operation = row.operation(layer.args)
        made = self._made.setdefault(layer, {})
        if operation:
            args = {**row.defaults, **layer.args, **node.call}
            result = EMITTERS[operation](given, args, layer.name, made)
        elif row.name == "repeat" and isinstance(layer.args["n"], Expr):
            result = repeat_like(given[0], *self._reference(layer.args["n"]), layer.name, made)
        else:
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
                result = masked_softmax(made, given[0], layer.name)
            else:
                result = made(*row.arranged(given), **call)
            # What a frozen layer makes when it is first called, Keras would train all the same; so it would
            # the cell of one inside bi.
            for frozen in (part for part in made._flatten_layers() if not part.trainable):
                for weight in frozen.weights:
                    weight.trainable = False
        self._keep(node, layer, list(result) if isinstance(result, (list, tuple)) else [result])

    def _keep(self, node: Node, layer: Layer, results: list[Any]) -> None:
        """Files the tensors of a call: its outputs, then the second values it was asked for."""
        outputs = node.outputs or ()
        if layer.row.make is not None:
            _hold_to_rule(layer, outputs, results)
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

    def layer(self, layer: Layer, inputs: tuple[Tensor, ...]) -> Any:
        """The Keras layer: made the first time, for what comes in then, and the same after."""
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
                    else argument(param, value, layer.args.get("dtype"))
                )
                kwargs[param.keras_name] = _left_over(inside)
            for name in self._kept.get(layer, ()):
                if SECOND[name].argument in layer.row.by_name:
                    kwargs[SECOND[name].argument] = True
            make = layer.row.make or getattr(keras.layers, layer.row.keras)
            if "name" in layer.row.by_name:
                kwargs["name"] = layer.name or None
            made = self._layers[layer] = make(**kwargs)
            hold_regularizer(made, kwargs.get("activity_regularizer"))
        return self._layers[layer]

    def _inner(self, inner: Layer | SubModel, inputs: tuple[Tensor, ...]) -> Any:
        if isinstance(inner, Layer):
            return self.layer(inner, inputs)
        inside = Emitter(inner.graph, self._layers, self._made, self._batch())
        starts = [Value(i) for i in inner.graph.inputs]
        return inside.model(starts, inner.graph.outputs, inner.name or "steps")


def _steps(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(Tensor(t.shape[1:], t.dtype) for t in inputs)


def _hold_to_rule(layer: Layer, said: Sequence[Tensor], given: Sequence[Any]) -> None:
    """A custom layer's rule was written by hand: what Keras gives must be what it says."""
    for want, have in zip(said, given, strict=False):
        shape = tuple(have.shape[1:])
        numbers = tuple(s if isinstance(s, int) else None for s in want.shape)
        if len(shape) != len(numbers) or any(
            n is not None and s is not None and n != s for n, s in zip(numbers, shape, strict=True)
        ):
            raise ValueError(f"the shape rule of {layer.row.name} says {want}, but its layer gives {shape}")


def _model(starts: list[Any], ends: list[Any], name: str) -> keras.Model:
    model = keras.Model(
        starts if len(starts) > 1 else starts[0], ends if len(ends) > 1 else ends[0], name=name
    )
    name_masks(model)
    return model


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


def _unlike_heads(layer: Layer) -> bool:
    """Whether values are of another width than keys.

    The fused attention of JAX takes one width only. Keras leaves it aside where it has to give the
    scores; asked for on every backend, since a saved model may be loaded on another.
    """
    width = layer.get("value_dim")
    return width not in (None, layer.get("key_dim")) and not layer.get("flash_attention")


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


def _input(tensor: Tensor, batch: Size | None, name: str) -> Any:
    return keras.Input(
        tuple(s if isinstance(s, int) else None for s in tensor.shape),
        batch_size=batch if isinstance(batch, int) else None,
        dtype=tensor.dtype,
        name=name or None,
    )


def _named(ends: list[Any], names: Sequence[str], starts: list[Any], taken: set[str]) -> list[Any]:
    """Several outputs, each from a layer that bears its name.

    A layer that has another name (it is used twice, or gives two outputs) gets an Identity behind it;
    that has a number in its name where another layer bears it.
    """
    found = []
    for i, end in enumerate(ends):
        name = names[i] if i < len(names) else ""
        repeated = any(end is other for other in (*starts, *ends[:i]))
        if repeated or (name and end._keras_history.operation.name != name):
            if name in taken:
                name = next(n for i in range(2, len(taken) + 3) if (n := f"{name}-{i}") not in taken)
            taken |= {name} if name else set()
            end = keras.layers.Identity(name=name or None, dtype=end.dtype)(end)
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
