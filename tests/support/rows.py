"""Holds a row of the layer table against the installed Keras: shapes, dtypes, weights, refusals."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

from seqtopo.layers import objects
from seqtopo.layers.layer import Layer
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Outcome, Row
from seqtopo.layers.sizes import Shape, Size, symbol
from seqtopo.layers.values import Object, Refusal, Tensor

__all__ = ["GivenShape", "assert_both_refuse", "assert_row_agrees", "assert_row_refuses", "keras"]

GivenShape = Sequence[int | str | Size]
"""A shape without the batch axis; a string is a symbol, which Keras gets as None."""


def assert_row_agrees(
    row_name: str,
    args: Mapping[str, Any],
    shapes: Sequence[GivenShape],
    dtypes: Sequence[str] | None = None,
    tensors: Mapping[str, Sequence[tuple[GivenShape, str]]] | None = None,
) -> Outcome:
    """Assert that a row and its Keras layer give the same outputs and weights, and return the row's.

    ``args`` are the arguments by name as a spec gives them (they are read by their kinds),
    ``tensors`` the values given to call parameters: a shape and a dtype each, by name. Outputs agree
    in rank, dtype and every size; a size that is symbolic here is None there. Weights agree in
    name, shape, order and whether they are trained.
    """
    row = NAMES[row_name]
    values = _read(row, args)
    inputs = _tensors(shapes, dtypes)
    given = {name: tuple(Tensor(_shape(s), d) for s, d in each) for name, each in (tensors or {}).items()}
    outcome = row.outcome(values, inputs, given)
    layer, outputs = _call_keras(row, values, inputs, given)
    title = f"{row_name}({args}) on {', '.join(map(str, inputs))}"

    flat = keras.tree.flatten(outputs)
    ours = [*outcome.outputs, *(t for extra in outcome.extras.values() for t in extra)][: len(flat)]
    assert len(ours) == len(flat), f"{title}: {len(ours)} outputs here, {len(flat)} in Keras"
    for tensor, made in zip(ours, flat, strict=True):
        assert _as_keras(tensor.shape) == tuple(made.shape[1:]), f"{title}: {tensor} is not {made.shape}"
        assert tensor.dtype == made.dtype, f"{title}: {tensor.dtype} is not {made.dtype}"

    trained = {id(w) for w in layer.trainable_weights}
    theirs = [(w.name, tuple(w.shape), id(w) in trained) for w in layer.weights]
    mine = [(w.name.rpartition("/")[2], _as_keras(w.shape), w.trainable) for w in outcome.weights]
    assert mine == theirs, f"{title}: weights {mine} are not {theirs}"
    return outcome


def assert_both_refuse(
    row_name: str,
    args: Mapping[str, Any],
    shapes: Sequence[GivenShape],
    code: str,
    dtypes: Sequence[str] | None = None,
    match: str = r".",
) -> Refusal:
    """Assert that the row refuses with ``code``, and that Keras refuses too, when made or called."""
    refusal = assert_row_refuses(row_name, args, shapes, code, dtypes, match)
    row = NAMES[row_name]
    with pytest.raises(Exception, match=r"."):
        _call_keras(row, _read(row, args, strict=False), _tensors(shapes, dtypes), {})
    return refusal


def assert_breaks_when_run(
    row_name: str,
    args: Mapping[str, Any],
    shapes: Sequence[GivenShape],
    code: str,
    dtypes: Sequence[str] | None = None,
    match: str = ".",
) -> Refusal:
    """Assert that the row refuses with ``code`` what Keras builds, but cannot run."""
    refusal = assert_row_refuses(row_name, args, shapes, code, dtypes, match)
    row = NAMES[row_name]
    inputs = _tensors(shapes, dtypes)
    layer, _ = _call_keras(row, _read(row, args, strict=False), inputs, {})
    data = [keras.ops.ones((2, *_as_keras(t.shape)), dtype=t.dtype) for t in inputs]
    call = {n: v for n, v in _read(row, args, strict=False).items() if row.by_name[n].call}
    with pytest.raises(Exception, match=r"."):
        layer(*row.arranged(data), **call)
    return refusal


def assert_row_refuses(
    row_name: str,
    args: Mapping[str, Any],
    shapes: Sequence[GivenShape],
    code: str,
    dtypes: Sequence[str] | None = None,
    match: str = r".",
) -> Refusal:
    """Assert that the row refuses with ``code``, whatever Keras does.

    An argument whose kind does not take its value counts as ST203.
    """
    row = NAMES[row_name]
    try:
        values = _read(row, args)
    except Refusal as misfit:
        refusal = Refusal("ST203", f"{row_name} wants {misfit.expected}")
    else:
        with pytest.raises(Refusal, match=match) as caught:
            row.outcome(values, _tensors(shapes, dtypes))
        refusal = caught.value
    assert refusal.code == code, f"{row_name}({args}): {refusal.code} {refusal.message}"
    return refusal


def _read(row: Row, args: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    read = {}
    for name, value in args.items():
        param = row.by_name[name]
        try:
            read[param.name] = param.kind.read(value)
        except Refusal:
            if strict:
                raise
            read[param.name] = value
    return read


def _shape(shape: GivenShape) -> Shape:
    return tuple(symbol(s) if isinstance(s, str) else s for s in shape)


def _tensors(shapes: Sequence[GivenShape], dtypes: Sequence[str] | None) -> tuple[Tensor, ...]:
    kinds = dtypes or ["float32"] * len(shapes)
    return tuple(Tensor(_shape(s), d) for s, d in zip(shapes, kinds, strict=True))


def _as_keras(shape: Shape) -> tuple[int | None, ...]:
    return tuple(s if isinstance(s, int) else None for s in shape)


def _call_keras(
    row: Row,
    values: Mapping[str, Any],
    inputs: tuple[Tensor, ...],
    tensors: Mapping[str, tuple[Tensor, ...]],
) -> tuple[Any, Any]:
    layer = _keras_layer(row, row.settled(values, inputs, tensors))
    sources = [keras.Input(_as_keras(t.shape), dtype=t.dtype) for t in inputs]
    call: dict[str, Any] = {n: v for n, v in values.items() if row.by_name[n].call}
    for name, each in tensors.items():
        made = [keras.Input(_as_keras(t.shape), dtype=t.dtype) for t in each]
        call[row.by_name[name].keras_name] = made if row.by_name[name].kind.takes == "tensors" else made[0]
    return layer, layer(*row.arranged(sources), **call)


def _keras_layer(row: Row, values: Mapping[str, Any]) -> Any:
    own = {row.by_name[n].keras_name: _keras_object(v) for n, v in values.items() if not row.by_name[n].call}
    return getattr(keras.layers, row.keras)(**own)


def _keras_object(value: Any) -> Any:
    if isinstance(value, Layer):
        return _keras_layer(value.row, value.args)
    if not isinstance(value, Object):
        return value
    for family in ("initializer", "regularizer", "constraint", "activation"):
        if objects.entry_of(family, value.name):
            made = getattr(getattr(keras, objects.MODULES[family]), objects.keras_name(family, value.name))
            kwargs = {n: _keras_object(v) for n, v in value.kwargs.items()}
            return functools.partial(made, **kwargs) if family == "activation" else made(**kwargs)
    raise AssertionError(f"no Keras object is called {value.name}")
