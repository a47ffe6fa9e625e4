"""Says of a spec whether the checker and Keras agree: on what is built, and on what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import seqtopo
from seqtopo.api import analyse
from seqtopo.emit.keras import Emitter
from seqtopo.ir import applying, arguments, calls, infer
from seqtopo.ir.buildable import unbound
from seqtopo.ir.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr, Shape, Size, symbols
from seqtopo.layers.values import Misfit, Refusal, Tensor, Word
from tests.support.draw_allowances import at_run, stricter
from tests.support.sizes_at_run import Lengths, lengths_for, size_at

BATCH = 2
MOST_NUMBERS = 2_000_000
LONG = (7, 12, 16, 5, 24, 1)
"""Lengths that are tried for what a spec leaves open."""


@dataclass(frozen=True)
class Compared:
    """What came of comparing one spec: what is wrong, if anything, and what was looked at."""

    wrong: str = ""
    ran: bool = False
    skipped: str = ""


# ---- what the checker accepts ------------------------------------------------------------------------


def compare_accepted(text: str) -> Compared:
    """Whether Keras builds an accepted spec, with the same shapes, dtypes and parameter counts, and
    runs it to what the checker says.
    """
    checked = analyse(text)
    assert checked.ok, text
    assert checked.spec is not None
    assert checked.resolved is not None
    missing = {n for d in unbound(checked.resolved.graph, checked.spec) for n in _named(d.message)}
    dims = {name: 6 + i for i, name in enumerate(sorted(missing))}
    if dims:
        checked = analyse(text, dims)
        if not checked.ok:
            return Compared(skipped="does not check with its symbols bound")
        assert checked.resolved is not None
    try:
        model = seqtopo.compile(text, **dims)
    except seqtopo.SpecError as error:
        reason = at_run(keras.backend.backend(), text, error.__cause__ or error)
        found = error.diagnostics[0]
        why = " ".join(found.notes)[:300]
        return (
            Compared(skipped=reason)
            if reason
            else Compared(f"is not built: {found.code} {found.message} {why}")
        )
    except Exception as error:
        reason = at_run(keras.backend.backend(), text, error)
        return Compared(skipped=reason) if reason else Compared(f"is not built: {_first_line(error)}")
    graph = checked.resolved.graph
    wrong = _same_model(graph, model, seqtopo.check(text, **dims).params)
    return Compared(wrong) if wrong else _run(text, graph, model)


def _named(message: str) -> list[str]:
    return [message.split()[0]]


def _same_model(graph: Graph, model: Any, params: Size | None) -> str:
    wanted = graph.tensors(graph.outputs)
    assert wanted is not None
    for tensor, made in zip(wanted, model.outputs, strict=True):
        if _open(tensor.shape) != tuple(made.shape[1:]):
            return f"output {tensor} is built as {tuple(made.shape)}"
        if tensor.dtype != keras.backend.standardize_dtype(made.dtype):
            return f"output {tensor} of {tensor.dtype} is built in {made.dtype}"
    if params != model.count_params():
        return f"{params} parameters are built as {model.count_params()}"
    weights = [w for layer in graph.layers(graph.outputs) for w in graph.weights[layer]]
    trained = sum(_count(w.shape) for w in weights if w.trainable)
    built = sum(_count(tuple(w.shape)) for w in model.trainable_weights)
    if trained != built:
        return f"{trained} trainable parameters are built as {built}"
    return ""


def _open(shape: Shape) -> tuple[int | None, ...]:
    return tuple(s if isinstance(s, int) else None for s in shape)


def _count(shape: Shape) -> int:
    found = 1
    for size in shape:
        assert isinstance(size, int)
        found *= size
    return found


def _run(text: str, graph: Graph, model: Any) -> Compared:
    """Runs the model on data: with one of the lengths it must come out as the checker says."""
    failed = ""
    for shortest in LONG:
        lengths = _lengths(graph, shortest)
        if lengths is None or (shortest == 1 and _guessed(graph)):
            continue
        if _numbers(graph, lengths) > MOST_NUMBERS:
            return Compared(skipped="too large to run")
        # All values of one model have one batch.
        batch = next((n.batch for n in graph.nodes if n.batch is not None), None)
        data = [_values(t, lengths, batch) for t in graph.tensors(Value(i) for i in graph.inputs) or ()]
        try:
            results = _call(model, data)
        except Exception as error:
            reason = at_run(keras.backend.backend(), text, error)
            if reason:
                return Compared(skipped=reason)
            failed = failed or f"does not run: {_first_line(error)}"
            continue
        return Compared(_same_results(graph, lengths, results), ran=True)
    if failed and _guessed(graph):
        # Nothing tells how long a ? must be for what it meets later.
        return Compared(skipped="no length suits the ?")
    return Compared(failed, skipped="" if failed else "no length suits")


def _call(model: Any, data: list[Any]) -> list[Any]:
    """What a model gives for data, after a call in training, whose losses are asked for too.

    JAX traces the calls and does not run them: it would compile each operation for each shape.
    """
    if keras.backend.backend() == "jax":
        import jax

        state = [[v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables)]

        def traced(*values: Any) -> Any:
            given = values[0] if len(values) == 1 else list(values)
            model.stateless_call(*state, given, training=True, return_losses=True)
            return model.stateless_call(*state, given)[0]

        return list(keras.tree.flatten(jax.eval_shape(traced, *data)))
    given = data[0] if len(data) == 1 else data
    model(given, training=True)
    assert model.losses is not None
    return list(keras.tree.flatten(model(given)))


def _same_results(graph: Graph, lengths: Lengths, results: Iterable[Any]) -> str:
    for tensor, made in zip(graph.tensors(graph.outputs) or (), results, strict=True):
        wanted = tuple(size_at(s, lengths) for s in tensor.shape)
        if wanted != tuple(made.shape[1:]):
            return f"output {tensor} comes out as {tuple(made.shape)}, not {wanted}"
        dtype = keras.backend.standardize_dtype(made.dtype)
        if dtype != tensor.dtype and _narrowed(tensor.dtype) != dtype:
            return f"output {tensor} of {tensor.dtype} comes out in {dtype}"
    return ""


_NARROW = {
    "jax": {"float64": "float32", "int64": "int32"},
    "torch": {"uint16": "int32", "uint32": "int64", "float64": "float32"},
}
"""What a backend makes of dtypes that it does not have, or not unless told to."""


def _narrowed(dtype: str) -> str:
    return _NARROW.get(keras.backend.backend(), {}).get(dtype, dtype)


def _numbers(graph: Graph, lengths: Lengths) -> int:
    """How many numbers the largest value on the way has, a batch of them."""
    shapes = [t.shape for n in graph.nodes for t in n.outputs or ()]
    return BATCH * max(prod(size_at(s, lengths) for s in shape) for shape in shapes)


def _guessed(graph: Graph) -> bool:
    """Whether there is a ``?``, which may be anything: some lengths will not do then."""
    return any("?" in str(s) for n in graph.nodes for t in n.outputs or () for s in t.shape)


def _lengths(graph: Graph, shortest: int) -> dict[Any, int] | None:
    """Lengths with which every size on the way is at least 1; None where these do not do."""
    used = graph.ancestors(graph.outputs)
    sizes = [s for i in used for t in graph.nodes[i].outputs or () for s in t.shape]
    lengths = lengths_for(sizes, shortest)
    # A table of positions is as long as there are steps at most, and that is up to the data.
    tables = [
        size_at(t.shape[0], lengths) <= n.layer.args.get("length")
        for n in graph.nodes
        if n.layer is not None and n.layer.row.name == "pos" and isinstance(n.layer.args.get("length"), int)
        for t in n.outputs or ()
    ]
    return lengths if all(tables) and all(size_at(s, lengths) >= 1 for s in sizes) else None


def _values(tensor: Tensor, lengths: Lengths, batch: Size | None) -> Any:
    """Data of a shape: fractions, or for whole numbers zeros, which are ids of every vocabulary."""
    first = batch if isinstance(batch, int) else BATCH
    shape = (first, *(size_at(s, lengths) for s in tensor.shape))
    if tensor.dtype.startswith(("float", "bfloat")):
        numbers = np.random.default_rng(1).normal(size=shape)
    elif tensor.dtype == "bool":
        numbers = np.ones(shape)
    else:
        numbers = np.zeros(shape)
    return keras.ops.convert_to_tensor(numbers, dtype=tensor.dtype)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])[:300]}"


# ---- what the checker refuses ------------------------------------------------------------------------


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

    value: Any


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
    """Records each call that is refused. Arguments that their kind does not take go through."""
    stock = {calls: calls.infer, applying: applying.infer}
    read = arguments._read

    def watched(graph: Graph, node: Node) -> None:
        assert node.layer is not None
        raw = _raw((*node.layer.args.values(), *node.call.values()))
        try:
            if raw:
                raise Refusal("ST203", f"{node.layer.row.name} does not take {raw[0].name}={raw[0].value}")
            infer.infer(graph, node)
        except Refusal as refusal:
            found.append(Refused(refusal.code, refusal.message, graph, node))
            raise

    def lenient(row: Any, param: Any, value: Any, arg: Any) -> Any:
        try:
            param.kind.read(value)
        except Misfit:
            return Raw(value)
        return read(row, param, value, arg)

    arguments._read = lenient
    for module in stock:
        module.infer = watched  # type: ignore[attr-defined]
    try:
        yield
    finally:
        arguments._read = read
        for module, function in stock.items():
            module.infer = function  # type: ignore[attr-defined]


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
            inputs.setdefault(value, keras.Input(_open(tensor.shape), dtype=tensor.dtype))
        self._tensors.update(inputs)
        self._call(node, layer)
        return list(inputs.values()), self.results

    def _keep(self, node: Node, layer: Layer, results: list[Any]) -> None:
        self.results = results


def compare_refused(refused: Refused) -> Compared:
    """Whether Keras refuses a call that the checker refuses, or there is a reason to be stricter."""
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
    replay = _Replay(graph, {})
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
            data = [_values(t, lengths, None) for t in tensors if t is not None]
            made = _call(model, data)
    except Exception:
        return Compared(ran=True)
    for real, said in zip(made, model.outputs, strict=True):
        sizes = zip(real.shape, said.shape, strict=False)
        dtype = keras.backend.standardize_dtype(real.dtype)
        if len(real.shape) != len(said.shape) or any(b not in (None, a) for a, b in sizes):
            return Compared(ran=True)
        if dtype not in (said.dtype, _narrowed(said.dtype)):
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
        return size_at(value, {**{a: named.get(str(a), LONG[0]) for a in _atoms(value)}, **lengths})
    if isinstance(value, Word):
        return value.name
    if isinstance(value, tuple):
        return tuple(_number(v, lengths) for v in value)
    if isinstance(value, Layer):
        return _concrete(value, lengths)
    if isinstance(value, SubModel):
        return value
    return value


def _atoms(value: Expr) -> set[Any]:
    from seqtopo.layers.sizes import atoms

    return set(atoms(value))
