"""Operations and what NumPy says of them, for a child process to build and save on one backend."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import seqtopo
from seqtopo.emit.keras_builder import KerasBuilder
from seqtopo.emit.operations import EMITTERS
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import unknown
from seqtopo.layers.values import Tensor

Array = Any
SAMPLES, STEPS, WIDTH = 3, 6, 4
LENGTHS = (6, 3, 1)
"""The number of steps of each sample that are not masked."""


@dataclass(frozen=True)
class Case:
    """An operation, its arguments, and the same in NumPy; of a masked value, given the mask too."""

    row: str
    args: Mapping[str, Any] = field(default_factory=dict)
    says: Callable[..., Array] | None = None

    @property
    def label(self) -> str:
        return f"{self.row}({', '.join(f'{k}={v}' for k, v in self.args.items())})"


def _pos(x: Array) -> Array:
    i = np.arange(x.shape[-1])
    angle = np.arange(x.shape[1])[:, None] * 10000.0 ** (-2 * (i // 2) / x.shape[-1])
    return x + np.where(i % 2, np.cos(angle), np.sin(angle))


def _some_nan(function: Any, x: Array) -> Array:
    """Of a negative number there is none, here and in Keras."""
    with np.errstate(invalid="ignore"):
        found: Array = function(x)
    return found


def _table(x: Array) -> Array:
    return x + np.arange(x.shape[1])[None, :, None]


ANY_LENGTH = (
    Case("last", {"n": 2}, lambda x: x[:, -2:]),
    Case("last", {"n": 3, "axis": -1}, lambda x: x[:, :, -3:]),
    Case("first", {"n": 2}, lambda x: x[:, :2]),
    Case("first", {"n": 3, "axis": 2}, lambda x: x[:, :, :3]),
    Case("at", {"index": -1}, lambda x: x[:, -1]),
    Case("at", {"index": 1, "axis": -1}, lambda x: x[:, :, 1]),
    Case("slice", {"start": 1, "stop": 5, "step": 2}, lambda x: x[:, 1:5:2]),
    Case("slice", {"start": -3, "stop": -1}, lambda x: x[:, -3:-1]),
    Case("slice", {"start": 1, "stop": -1}, lambda x: x[:, 1:-1]),
    Case("slice", {"start": 2}, lambda x: x[:, 2:]),
    Case("slice", {"start": 0, "stop": 2, "axis": -1}, lambda x: x[:, :, :2]),
    Case("flip", {}, lambda x: x[:, ::-1]),
    Case("flip", {"axis": -1}, lambda x: x[:, :, ::-1]),
    Case("pad", {"before": 1, "after": 2}, lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0)))),
    Case(
        "pad",
        {"before": 1, "after": 0, "value": 2.5},
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 0)), constant_values=2.5),
    ),
    Case("pad", {"before": 0, "after": 2, "axis": -1}, lambda x: np.pad(x, ((0, 0), (0, 0), (0, 2)))),
    Case("crop", {"before": 1, "after": 2}, lambda x: x[:, 1:-2]),
    Case("crop", {"before": 1, "after": 0, "axis": -1}, lambda x: x[:, :, 1:]),
    Case("mean", {"axis": 1}, lambda x: x.mean(1)),
    Case("mean", {"axis": 1, "keepdims": True}, lambda x: x.mean(1, keepdims=True)),
    Case("mean", {"axis": (1, -1)}, lambda x: x.mean((1, 2))),
    Case("sum", {"axis": 1}, lambda x: x.sum(1)),
    Case("sum", {"axis": -1, "keepdims": True}, lambda x: x.sum(2, keepdims=True)),
    Case("max", {"axis": 1}, lambda x: x.max(1)),
    Case("min", {"axis": (1,), "keepdims": True}, lambda x: x.min(1, keepdims=True)),
    Case("cumsum", {}, lambda x: x.cumsum(1)),
    Case("scale", {"factor": 0.5}, lambda x: x * 0.5),
    Case("scale", {"factor": (1, 2, 3.5, -4)}, lambda x: x * np.array([1, 2, 3.5, -4])),
    Case("shift", {"amount": -3}, lambda x: x - 3),
    Case("shift", {"amount": (1, 2, 3.5, -4)}, lambda x: x + np.array([1, 2, 3.5, -4])),
    Case("sub", {"x1": 1.0}, lambda x: 1 - x),
    Case("max", {"x2": 0.25}, lambda x: np.maximum(x, 0.25)),
    Case("min", {"x1": 0.25}, lambda x: np.minimum(0.25, x)),
    Case("abs", {}, abs),
    Case("exp", {}, np.exp),
    Case("log", {}, lambda x: _some_nan(np.log, x)),
    Case("sqrt", {}, lambda x: _some_nan(np.sqrt, x)),
    Case("square", {}, np.square),
    Case("expand", {"axis": 1}, lambda x: x[:, None]),
    Case("expand", {"axis": -1}, lambda x: x[..., None]),
    Case("swap", {}, lambda x: x.swapaxes(1, 2)),
    Case("cast", {"dtype": "int32"}, lambda x: x.astype("int32")),
    Case("pos", {"sin": True}, _pos),
    Case("pos", {"length": 9}, _table),
    Case("act", {"activation": "glu"}, lambda x: x[..., :2] / (1 + np.exp(-x[..., 2:]))),
)
"""On (T, 4) of float32, where T is any length."""

FIXED = (
    Case("last", {"n": 2}, lambda x: x[:, -2:]),
    Case("pos", {}, _table),
    Case("squeeze", {"axis": -1}, None),
)
"""On (6, 4); squeeze on (6, 1)."""

IDS = (
    Case("one_hot", {"n": 5}, lambda x: np.eye(5)[x]),
    Case("shift", {"amount": 2}, lambda x: x + 2),
    Case("shift", {"amount": 0.5}, lambda x: x + 0.5),
    Case("scale", {"factor": 3}, lambda x: x * 3),
    Case("mean", {"axis": 1}, lambda x: x.mean(1)),
    Case("sum", {"axis": 1}, lambda x: x.sum(1)),
    Case("flip", {}, lambda x: x[:, ::-1]),
    Case("pad", {"before": 1, "after": 0}, lambda x: np.pad(x, ((0, 0), (1, 0)))),
    Case("crop", {"before": 1, "after": 1}, lambda x: x[:, 1:-1]),
    Case("last", {"n": 2}, lambda x: x[:, -2:]),
    Case("cumsum", {}, lambda x: x.cumsum(1)),
    Case("cast", {"dtype": "float32"}, lambda x: x),
)
"""On (T,) of int32."""


def _mean(x: Array, mask: Array) -> Array:
    """Return the global average pooling of a masked value: the mean of the unmasked steps."""
    weights = mask[..., None].astype(x.dtype)
    return (x * weights).sum(1) / np.maximum(weights.sum(1), 1e-30)


def _longer(x: Array, value: float) -> Array:
    ends = ((0, 0), (0, 2), *((0, 0),) * (x.ndim - 2))
    return np.pad(x, ends, constant_values=value)


def _only(x: Array, mask: Array, other: float) -> Array:
    return np.where(mask[..., None], x, other)


MASKED = (
    Case("first", {"n": 4}, lambda x, m: _mean(x[:, :4], m[:, :4])),
    Case("first", {"n": 3, "axis": -1}, lambda x, m: _mean(x[:, :, :3], m)),
    Case("flip", {}, lambda x, m: _mean(x[:, ::-1], m[:, ::-1])),
    Case("crop", {"before": 0, "after": 3}, lambda x, m: _mean(x[:, :-3], m[:, :-3])),
    Case("pad", {"before": 0, "after": 2}, lambda x, m: _mean(_longer(x, 0), _longer(m, True))),
    Case("scale", {"factor": 0.5}, lambda x, m: _mean(x * 0.5, m)),
    Case("shift", {"amount": 2}, lambda x, m: _mean(x + 2, m)),
    Case("cumsum", {}, lambda x, m: _mean(_only(x, m, 0).cumsum(1), m)),
    Case("pos", {"sin": True}, lambda x, m: _mean(_pos(x), m)),
    Case("pos", {"length": 9}, lambda x, m: _mean(_table(x), m)),
    Case("sum", {"axis": -1, "keepdims": True}, lambda x, m: _mean(x.sum(2, keepdims=True), m)),
    Case("mean", {"axis": 1}, lambda x, m: _mean(x, m)),
    Case("mean", {"axis": (1, 2)}, lambda x, m: _mean(x, m).mean(1)),
    Case("sum", {"axis": 1}, lambda x, m: _only(x, m, 0).sum(1)),
    Case("max", {"axis": 1}, lambda x, m: _only(x, m, -np.inf).max(1)),
    Case("min", {"axis": 1}, lambda x, m: _only(x, m, np.inf).min(1)),
)
"""On a masked (T, 4); a sequence is pooled with its mask."""


SPECS = {
    "unlike_heads": "in(6,4) -> mha(2,4,value_dim=3)",
    "shared_positions": "p = pos(9)\na = in(6,4) -> p\nb = in(6,4) -> p\n[a, b] -> concat -> lstm(2)",
    "shared_flip": "f = flip\na = in(6,4) -> f\nb = in(5,4) -> f\n[a, b] -> concat(time) -> gru(2)",
    "masked_positions": "in(?,int) -> embed(6,4,mask) -> pos(20) -> mha(2,4) -> mean(time) -> dense(1)",
}
"""Whole specs, with what only a graph has: layers that are called twice, masks on the way."""


def emit(case: Case, inputs: list[Any], name: str, stock: KerasBuilder) -> Any:
    """The value a case gives on the graph."""
    row = NAMES[case.row]
    shape = tuple(unknown(i) if size is None else size for i, size in enumerate(inputs[0].shape[1:]))
    output = says(case, shape, inputs[0].dtype)
    return EMITTERS[row.operation(case.args)](stock, inputs, {**row.defaults, **case.args}, name, output)


def says(case: Case, shape: tuple[Any, ...], dtype: str) -> Tensor:
    """Return the output of a case as the row says it."""
    row: Row = NAMES[case.row]
    return row.outcome(case.args, (Tensor(shape, dtype),)).outputs[0]


def models() -> dict[str, tuple[keras.Model, list[Array], list[Case]]]:
    """Every model, with its data and its cases, an output each."""
    made = np.random.default_rng(0)
    floats = made.normal(size=(SAMPLES, STEPS, WIDTH)).astype("float32")
    ids = np.array([[1 + (i + t) % 4 if t < n else 0 for t in range(STEPS)] for i, n in enumerate(LENGTHS)])
    ids = ids.astype("int32")
    found, stock = {}, KerasBuilder()
    for name, cases, shape, data in (
        ("any_length", ANY_LENGTH, (None, WIDTH), floats),
        ("fixed", FIXED[:2], (STEPS, WIDTH), floats),
        ("ids", IDS, (None,), ids),
    ):
        x = keras.Input(shape, dtype=str(data.dtype), name="x")
        ends = [emit(case, [x], f"{case.row}{i}", stock) for i, case in enumerate(cases)]
        found[name] = (stock.model([x], ends, name), [data], list(cases))
    x = keras.Input((STEPS, 1), name="x")
    model = stock.model([x], [emit(FIXED[2], [x], "squeeze", stock)], "squeezed")
    found["squeezed"] = (model, [floats[:, :, :1]], [FIXED[2]])
    x = keras.Input((None,), dtype="int32", name="x")
    value = keras.layers.Embedding(5, WIDTH, mask_zero=True, name="embed")(x)
    ends = []
    for i, case in enumerate(MASKED):
        end = emit(case, [value], f"{case.row}{i}", stock)
        pooled = keras.layers.GlobalAveragePooling1D(name=f"pool{i}")
        ends.append(pooled(end) if len(end.shape) == 3 else end)
    found["masked"] = (stock.model([x], ends, "masked"), [ids], list(MASKED))
    x, steps = keras.Input((WIDTH,), name="x"), keras.Input((None, 2), dtype="int32", name="steps")
    end = EMITTERS["repeat"](stock, [x, steps], {"axis": 1}, "repeat", Tensor((unknown(0), WIDTH)))
    model = stock.model([x, steps], [end], "repeated")
    found["repeated"] = (model, [floats[:, 0], np.ones((SAMPLES, 5, 2), "int32")], [Case("repeat_like")])
    for name, spec in SPECS.items():
        keras.utils.set_random_seed(1)
        model = seqtopo.compile(spec)
        data = [ids if x.dtype == "int32" else floats[:, : x.shape[1]] for x in model.inputs]
        found[name] = (model, data, [])
    return found


def fill(model: keras.Model) -> None:
    """Weights that NumPy can follow: position t is t in every feature, id i is i, i+1, ..."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            rows, width = layer.embeddings.shape
            across = np.arange(width) if layer.name == "embed" else np.zeros(width)
            layer.embeddings.assign(np.arange(rows)[:, None] + across)


def train(policy: str) -> float:
    """Return how far the least trained position of a table moves in one step, under a dtype policy."""
    keras.config.set_dtype_policy(policy)
    x = keras.Input((None, WIDTH))
    wide = keras.layers.Dense(WIDTH)(x)
    y = emit(Case("pos", {"length": 9}), [wide], "pos", KerasBuilder())
    keras.config.set_dtype_policy("float32")
    assert y.dtype == wide.dtype
    model = keras.Model(x, keras.layers.Dense(1, dtype="float32")(y))
    table = model.get_layer("pos").embeddings
    assert table.dtype == "float32"
    before = keras.ops.convert_to_numpy(table).copy()
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(np.ones((4, STEPS, WIDTH)), np.ones((4, STEPS, 1)), verbose=0)
    moved = np.abs(keras.ops.convert_to_numpy(table) - before).max(axis=1)
    assert not moved[STEPS:].any()
    return float(moved[:STEPS].min())


def main(folder: Path) -> None:
    """Build and save everything on the backend that Keras has, and predict with it."""
    folder.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"names": {}, "again": {}, "spoken": {}, "trained": {}}
    for name, (model, data, cases) in models().items():
        if cases:
            fill(model)
        model.save(folder / f"{name}.keras")
        out = model.predict(data if len(data) > 1 else data[0], verbose=0)
        outputs = out if isinstance(out, list) else [out]
        np.savez(folder / f"{name}.in.npz", *data)
        np.savez(folder / f"{name}.out.npz", *outputs)
        report["names"][name] = [operation.name for operation in model.operations]
        report["spoken"][name] = [
            (case.label, [None if s is None else s for s in end.shape[1:]], end.dtype)
            for case, end in zip(cases, model.outputs, strict=False)
        ]
    for name, (model, _, _) in models().items():
        report["again"][name] = [operation.name for operation in model.operations]
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        report["trained"][policy] = train(policy)
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
