"""Compare a spec that the checker accepts with Keras: it must build, and run to what the checker says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import seqtopo
from seqtopo.graph.buildable import unbound
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.layers.sizes import Shape, Size
from seqtopo.layers.values import Tensor
from seqtopo.report.analyse import analyse
from tests.support.draw_allowances import at_run
from tests.support.sizes_at_run import Lengths, lengths_for, size_at

BATCH = 2
MOST_NUMBERS = 2_000_000
ATTENTION = {"attention", "additive_attention", "mha", "group_query_attention"}
LONG = (7, 12, 16, 5, 24, 48, 1)
"""Lengths that are tried for what a spec leaves open."""


@dataclass(frozen=True)
class Compared:
    """The result of comparing one spec: the mistake found, if any, and whether the model ran."""

    wrong: str = ""
    ran: bool = False
    skipped: str = ""


# ---- what the checker accepts ------------------------------------------------------------------------


def compare_accepted(text: str) -> Compared:
    """Compare an accepted spec with Keras: it must build with the same shapes, dtypes and parameter
    counts, and its outputs must be as the checker says.
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
        if open_sizes(tensor.shape) != tuple(made.shape[1:]):
            return f"output {tensor} is built as {tuple(made.shape)}"
        if keras.backend.standardize_dtype(made.dtype) not in (tensor.dtype, *narrowed(tensor.dtype)):
            return f"output {tensor} of {tensor.dtype} is built in {made.dtype}"
    if params != model.count_params():
        return f"{params} parameters are built as {model.count_params()}"
    weights = [w for layer in graph.layers(graph.outputs) for w in graph.weights[layer]]
    trained = sum(_count(w.shape) for w in weights if w.trainable)
    built = sum(_count(tuple(w.shape)) for w in model.trainable_weights)
    if trained != built:
        return f"{trained} trainable parameters are built as {built}"
    return ""


def open_sizes(shape: Shape) -> tuple[int | None, ...]:
    return tuple(s if isinstance(s, int) else None for s in shape)


def _count(shape: Shape) -> int:
    found = 1
    for size in shape:
        assert isinstance(size, int)
        found *= size
    return found


def _run(text: str, graph: Graph, model: Any) -> Compared:
    """Run the model on data: with one of the lengths it must come out as the checker says."""
    failed = ""
    for shortest in LONG:
        lengths = _lengths(graph, shortest)
        if lengths is None or (shortest == 1 and _guessed(graph)):
            continue
        if _numbers(graph, lengths) > MOST_NUMBERS:
            return Compared(skipped="too large to run")
        # All values of one model have one batch.
        batch = next((n.batch for n in graph.nodes if n.batch is not None), None)
        data = [values_of(t, lengths, batch) for t in graph.tensors(Value(i) for i in graph.inputs) or ()]
        try:
            results = call_model(model, data)
        except Exception as error:
            reason = at_run(keras.backend.backend(), text, error)
            if reason:
                return Compared(skipped=reason)
            failed = failed or f"does not run: {_first_line(error)}"
            continue
        wrong = _same_results(graph, lengths, results)
        if wrong and (reason := at_run(keras.backend.backend(), text, AssertionError(wrong))):
            return Compared(skipped=reason)
        if wrong and _guessed(graph):
            # A ? of this length was a 1 where it met another, and was stretched.
            failed = wrong
            continue
        return Compared(wrong, ran=True)
    if failed and _guessed(graph):
        # Nothing tells how long a ? must be for what it meets later.
        return Compared(skipped="no length suits the ?")
    return Compared(failed, skipped="" if failed else "no length suits")


def call_model(model: Any, data: list[Any]) -> list[Any]:
    """Return a model's outputs for data, after a call in training, whose losses are read too.

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
        if dtype != tensor.dtype and dtype not in narrowed(tensor.dtype):
            return f"output {tensor} of {tensor.dtype} comes out in {dtype}"
    return ""


_NARROW: dict[str, dict[str, tuple[str, ...]]] = {
    "jax": {"float64": ("float32",), "int64": ("int32",)},
    "torch": {
        "uint16": ("int32",),
        "uint32": ("int64", "int32"),
        "float64": ("float32",),
        "int64": ("int32",),
    },
}
"""The dtypes that a backend may have instead of those that it lacks, or has on request only."""


def narrowed(dtype: str) -> tuple[str, ...]:
    """Return the dtypes that the backend may have instead of a dtype."""
    return _NARROW.get(keras.backend.backend(), {}).get(dtype, (dtype,))


def _numbers(graph: Graph, lengths: Lengths) -> int:
    """Return the number of values in the largest tensor on the way, for one batch."""
    shapes = [t.shape for n in graph.nodes for t in n.outputs or ()]
    scores = [found for node in graph.nodes for found in _scores(graph, node)]
    return BATCH * max(prod(size_at(s, lengths) for s in shape) for shape in (*shapes, *scores))


def _scores(graph: Graph, node: Node) -> Iterator[Shape]:
    """Yield the shapes of an attention's scores: a value for each place of its query and each of
    its value.
    """
    if node.layer is not None and node.layer.row.name in ATTENTION:
        came = graph.tensors(node.inputs) or ()
        wide = max(int(node.layer.get(name) or 1) for name in ("num_heads", "num_query_heads"))
        # Additive attention adds the two vectors of each pair before it sums them.
        yield (*came[0].shape, *came[-1].shape[:-1], wide)


def _guessed(graph: Graph) -> bool:
    """Return whether there is a ``?``, which may be anything: some lengths will not do then."""
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
    # Pooled to a number of windows, a length of 1 ends the process on TensorFlow.
    pooled = [
        size_at(s, lengths) > 1
        for n in (graph.nodes[i] for i in used)
        if n.layer is not None and n.layer.row.name.startswith("adaptive_")
        for t in graph.tensors(n.inputs) or ()
        for s in t.shape
        if not isinstance(s, int)
    ]
    fits = all(tables) and all(pooled) and all(size_at(s, lengths) >= 1 for s in sizes)
    return lengths if fits else None


def values_of(tensor: Tensor, lengths: Lengths, batch: Size | None) -> Any:
    """Data of a shape: fractions, or for whole numbers zeros, which are ids of every vocabulary."""
    first = batch if isinstance(batch, int) else BATCH
    shape = (first, *(size_at(s, lengths) for s in tensor.shape))
    if tensor.dtype.startswith(("float", "bfloat")):
        numbers = np.random.default_rng(1).normal(size=shape)
    elif tensor.dtype == "bool":
        numbers = np.ones(shape)
    else:
        numbers = np.zeros(shape)
    # JAX warns of what it narrows.
    dtype = narrowed(tensor.dtype)[0] if keras.backend.backend() == "jax" else tensor.dtype
    return keras.ops.convert_to_tensor(numbers, dtype=dtype)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])[:300]}"
