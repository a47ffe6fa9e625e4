"""Compare the input steps that change each output step of a built model with its receptive fields.

``python -m tests.support.time_law found.json 0 200`` looks at some draws and writes what it found.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import seqtopo
from seqtopo.graph.buildable import unbound
from seqtopo.graph.graph import Graph
from seqtopo.graph.receptive_fields import Field, fields
from seqtopo.layers.registry import NAMES
from seqtopo.layers.step_windows import Bound
from seqtopo.layers.timing import keeps
from seqtopo.report.analyse import analyse
from tests.support.compare_accepted import values_of
from tests.support.draws import draw
from tests.support.moving_specs import MOVING
from tests.support.sizes_at_run import Lengths, lengths_for, size_at

MOST_STEPS = 40
UNSTEADY = ("mel_spectrogram", "unroll", "stateful", "float16", "bfloat16", "batch=", "int8")
"""Words of specs that are left out: their samples are not apart, or their numbers too coarse to compare."""


@dataclass
class Law:
    """The results for some specs: ``claims`` are ends of windows that are inside the input, ``seen`` those
    of them where a changed input step changed the output step.
    """

    specs: int = 0
    pairs: int = 0
    claims: int = 0
    seen: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: int = 0


def look(text: str, law: Law, lengths_from: int = 9) -> None:
    """Build a spec, change each step of each input, and compare what changes with what is said."""
    missing = {d.message.split()[0] for d in _unbound(text)}
    dims = {name: 6 + i for i, name in enumerate(sorted(missing))}
    checked = analyse(text, dims)
    if not checked.ok or checked.resolved is None:
        return
    graph = checked.resolved.graph
    used = graph.ancestors(graph.outputs)
    lengths = lengths_for(
        [s for i in used for t in graph.nodes[i].outputs or () for s in t.shape], lengths_from
    )
    try:
        model = seqtopo.compile(text, **dims)
        _compare(text, graph, lengths, model, law)
    except Exception:
        # That accepted specs build and run is another test's matter.
        law.failed += 1


def _unbound(text: str) -> Any:
    checked = analyse(text)
    if checked.resolved is None or checked.spec is None or not checked.ok:
        return ()
    return unbound(checked.resolved.graph, checked.spec)


def _compare(text: str, graph: Graph, lengths: Lengths, model: Any, law: Law) -> None:
    rng = np.random.default_rng(0)
    tensors = [(graph.nodes[i].outputs or ())[0] for i in graph.inputs]
    for weight in model.weights:
        # Biases of 0 hide what is multiplied by them, and gates that are half open what they let through.
        if "float" in weight.dtype and "seed" not in weight.path and "variance" not in weight.path:
            weight.assign(rng.normal(0, 0.5, weight.shape))
    data = [np.asarray(keras.ops.convert_to_numpy(values_of(t, lengths, None)))[:1] for t in tensors]
    for place, index in enumerate(graph.inputs):
        if not tensors[place].shape:
            continue
        count = data[place].shape[1]
        if count > MOST_STEPS:
            return
        rows = [np.repeat(d, count + 1, axis=0) for d in data]
        for step in range(count):
            changed = rows[place][step + 1, step]
            rows[place][step + 1, step] = (
                changed + rng.choice((-3, 3), changed.shape) if (changed.dtype.kind == "f") else (1 - changed)
            )
        given = [keras.ops.convert_to_tensor(r, dtype=d.dtype) for r, d in zip(rows, data, strict=True)]
        results = keras.tree.flatten(model(given[0] if len(given) == 1 else given))
        for value, result in zip(graph.outputs, results, strict=True):
            array = np.asarray(keras.ops.convert_to_numpy(result), "float64")
            if not np.isfinite(array).all():
                continue
            found = fields(graph).get(value, {}).get(index)
            differs = np.abs(array[1:] - array[:1]) > 1e-5 * (1 + np.abs(array[:1]))
            wrong = _wrong(found, differs, lengths, law)
            if wrong:
                law.wrong.append(f"{text}\n  input {place}: {wrong}")
                return
    law.specs += 1


def _wrong(found: Field | None, differs: np.ndarray[Any, Any], lengths: Lengths, law: Law) -> str:
    """``differs`` is (input steps, *output): what of the output changed with each step of the input."""
    if found is None:
        return "it is said to count for nothing, and does" if differs.any() else ""
    count = len(differs)
    if found.axis is None or found.axis >= differs.ndim - 1:
        differs = differs.reshape(count, 1, -1).any(axis=2)
    else:
        moved = np.moveaxis(differs, found.axis + 1, 1)
        differs = moved.reshape(*moved.shape[:2], -1).any(axis=2)
    for out in range(differs.shape[1]):
        low, high = (_at(b, out, lengths) for b in (found.window.low, found.window.high))
        for step in range(count):
            law.pairs += 1
            if differs[step, out] and not low <= step <= high:
                return f"output step {out} sees {low} to {high}, but changes with step {step}"
        if found.window.exact and 0 <= low <= high < count:
            for end in {low, high}:
                law.claims += 1
                law.seen += bool(differs[end, out])
    return ""


def _at(bound: Bound, step: int, lengths: Lengths) -> int:
    return (bound.factor * step + size_at(bound.plus, lengths)) // bound.over


def main(first: int, count: int, planted: str = "") -> Law:
    """Look at the specs that move steps, and at the draws from ``first`` on. With ``planted``, the row of
    that name says that it leaves each step alone.
    """
    if planted:
        object.__setattr__(NAMES[planted], "time", keeps)
    law = Law()
    for text in MOVING:
        look(text, law)
    for seed in range(first, first + count):
        text = draw(seed).accepted or ""
        if text and not any(word in text for word in UNSTEADY):
            look(text, law)
    return law


if __name__ == "__main__":
    path, *argv = sys.argv[1:]
    found = main(int(argv[0]), int(argv[1]), *argv[2:])
    Path(path).write_text(json.dumps(vars(found)), encoding="utf-8")
