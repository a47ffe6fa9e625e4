"""Compare a call that the checker refuses with Keras, which must refuse it too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seqtopo.emit.emitter import Emitter
from seqtopo.emit.keras_builder import KerasBuilder
from seqtopo.graph import arguments, resolver
from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Param
from seqtopo.layers.sizes import Expr, atoms, symbols
from seqtopo.layers.values import Refusal, Word
from seqtopo.report.analyse import analyse
from tests.support.compare_accepted import LONG, Compared, call_model, keras, narrowed, open_sizes, values_of
from tests.support.draw_allowances import stricter
from tests.support.sizes_at_run import Lengths, lengths_for, size_at


@dataclass(frozen=True)
class Refused:
    """A call that the checker refuses: where, and with which code."""

    code: str
    message: str
    graph: Graph
    node: Node


@dataclass(frozen=True)
class Raw:
    """An argument that its kind does not take, as Keras would get it."""

    param: Param
    value: Any

    def __str__(self) -> str:
        return f"{self.param.name}={self.value}, not {self.param.kind.words}"


def _raw(values: Iterable[Any]) -> list[Raw]:
    """The arguments that their kinds do not take, those of layers inside included."""
    found = []
    for value in values:
        if isinstance(value, Raw):
            found.append(value)
        elif isinstance(value, Layer):
            found += _raw(value.args.values())
        elif isinstance(value, SubModel):
            found += [
                r for n in value.graph.nodes if n.layer is not None for r in _raw(n.layer.args.values())
            ]
    return found


@contextmanager
def _watching(found: list[Refused]) -> Iterator[None]:
    """Record each call that is refused. Arguments that their kind does not take go through."""
    stock = resolver.infer  # type: ignore[attr-defined]
    read = arguments._read

    def watched(graph: Graph, node: Node) -> None:
        assert node.layer is not None
        raw = _raw((*node.layer.args.values(), *node.call.values()))
        try:
            if raw:
                raise Refusal("ST203", f"{node.layer.row.name} does not take {raw[0]}")
            stock(graph, node)
        except Refusal as refusal:
            found.append(Refused(refusal.code, refusal.message, graph, node))
            raise

    def lenient(row: Any, param: Any, value: Any, *more: Any) -> Any:
        try:
            param.kind.read(value)
        except Refusal:
            return Raw(param, value)
        return read(row, param, value, *more)

    arguments._read = lenient
    resolver.infer = watched  # type: ignore[attr-defined]
    try:
        yield
    finally:
        arguments._read = read
        resolver.infer = stock  # type: ignore[attr-defined]


def refused_call(text: str) -> Refused | None:
    """The call that the checker refuses in a spec; None where it is the language that does."""
    found: list[Refused] = []
    with _watching(found):
        analyse(text)
    return found[0] if found else None


class _Replay(Emitter):
    """Emits single calls from inputs of the shapes that reach them."""

    def result(self, node: Node, layer: Layer) -> tuple[list[Any], list[Any]]:
        """The inputs and the outputs of one call, as Keras says they are."""
        inputs: dict[Value, Any] = {}
        for value in node.needs:
            tensor = self.graph.tensor(value)
            assert tensor is not None
            inputs.setdefault(value, keras.Input(open_sizes(tensor.shape), dtype=tensor.dtype))
        self._tensors.update(inputs)
        self._call(node, layer)
        return list(inputs.values()), self.results

    def _keep(self, node: Node, layer: Layer, results: list[Any]) -> None:
        self.results = results


def compare_refused(refused: Refused) -> Compared:
    """Compare a refused call with Keras: Keras must refuse it too, or there is a reason to be stricter."""
    graph, node = refused.graph, refused.node
    assert node.layer is not None
    row = node.layer.row
    backend = keras.backend.backend()
    if row.operation(node.layer.args):
        return Compared(skipped="an operation of the language: Keras has no layer for it")
    reason = stricter(refused.code, row.name, refused.message)
    if reason:
        return Compared(skipped=reason)
    earlier = [n for n in graph.nodes[: node.index] if n.layer is node.layer]
    lengths = lengths_for([s for n in graph.nodes for t in n.outputs or () for s in t.shape], LONG[0])
    concrete = _concrete(node.layer, lengths)
    replay = _Replay(graph, KerasBuilder())
    try:
        for before in [*earlier, node]:
            before_call = {k: v.value if isinstance(v, Raw) else v for k, v in before.call.items()}
            call = Node(
                before.index,
                before.span,
                concrete,
                before.inputs,
                before_call,
                before.tensors,
                before.outputs,
            )
            inputs, results = replay.result(call, concrete)
        model = keras.Model(
            inputs if len(inputs) > 1 else inputs[0],
            [r for r in keras.tree.flatten(results) if r is not None],
        )
    except Exception:
        return Compared()
    try:
        for shortest in LONG[:2]:
            lengths = lengths_for(
                [s for n in graph.nodes for t in n.outputs or () for s in t.shape], shortest
            )
            tensors = [graph.tensor(v) for v in dict.fromkeys(node.needs)]
            data = [values_of(t, lengths, None) for t in tensors if t is not None]
            made = call_model(model, data)
    except Exception:
        return Compared(ran=True)
    for real, said in zip(made, model.outputs, strict=True):
        sizes = zip(real.shape, said.shape, strict=False)
        dtype = keras.backend.standardize_dtype(real.dtype)
        if len(real.shape) != len(said.shape) or any(b not in (None, a) for a, b in sizes):
            return Compared(ran=True)
        if dtype not in (said.dtype, *narrowed(said.dtype)):
            return Compared(ran=True)
    given = ", ".join(str(graph.tensor(v)) for v in node.needs)
    gives = ", ".join(str(tuple(r.shape)) for r in model.outputs)
    return Compared(
        f"{backend} builds and runs {row.name} of {given} to {gives}, but {refused.code}: {refused.message}",
        ran=True,
    )


def _concrete(layer: Layer, lengths: Lengths) -> Layer:
    """The layer with numbers for symbols, and what its kinds do not take as it is."""
    args = {name: _number(value, lengths) for name, value in layer.args.items()}
    return Layer(layer.row, args)


def _number(value: Any, lengths: Lengths) -> Any:
    if isinstance(value, Raw):
        return _number(value.value, lengths)
    if isinstance(value, Expr):
        named = dict.fromkeys(symbols(value), 6)
        return size_at(value, {**{a: named.get(str(a), LONG[0]) for a in atoms(value)}, **lengths})
    if isinstance(value, Word):
        return value.name
    if isinstance(value, tuple):
        return tuple(_number(v, lengths) for v in value)
    if isinstance(value, Layer):
        return _concrete(value, lengths)
    if isinstance(value, SubModel):
        return value
    return value
