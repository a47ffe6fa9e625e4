"""Compare the model of the Python code that is written for a spec with the model of ``compile``."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import seqtopo
from tests.support.cheap_weights import cheap_weights
from tests.support.numbering import number_anew


def run_source(source: str) -> Any:
    """The model of a written module."""
    scope: dict[str, Any] = {"__name__": "written"}
    exec(compile(source, "written.py", "exec"), scope)
    return scope["model"]


def compare_python(spec: str, run: bool = True, **dims: Any) -> str:
    """Return the first difference between the written model and the compiled one; "" if there is none."""
    source = seqtopo.to_python(spec, **dims)
    with cheap_weights():
        number_anew()
        model = seqtopo.compile(spec, **dims)
        number_anew()
        written = run_source(source)
    if written.get_config() != model.get_config():
        return first_difference(model.get_config(), written.get_config())
    if _compiled(model) != _compiled(written):
        return first_difference(_compiled(model), _compiled(written))
    if [w.trainable for w in model.weights] != [w.trainable for w in written.weights]:
        return "other weights are trained"
    return _outputs(model, written) if run else ""


def _compiled(model: Any) -> Any:
    if not model.compiled:
        return None
    found = dict(type(model).get_compile_config(model))
    found.pop("jit_compile", None)
    return found


def first_difference(one: Any, other: Any, path: str = "") -> str:
    """Return the path and the values at which two configs first differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(k for k in other if k not in one)]:
            if one.get(key) != other.get(key):
                return first_difference(one.get(key), other.get(key), f"{path}.{key}")
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return first_difference(a, b, f"{path}[{i}]")
    return f"{path}: {str(one)[:300]} is written as {str(other)[:300]}"


def _outputs(model: Any, written: Any) -> str:
    random = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(np.abs(random.normal(scale=0.3, size=weight.shape)).astype("float32"))
    written.set_weights(model.get_weights())
    given = [_values(random, x) for x in model.inputs]
    try:
        wanted = model(given if len(given) > 1 else given[0])
    except Exception:
        return ""
    found = written(given if len(given) > 1 else given[0])
    for a, b in zip(keras.tree.flatten(wanted), keras.tree.flatten(found), strict=True):
        a, b = keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        near = 1e-5 if a.dtype in ("float32", "float64") else 1e-2
        if not np.allclose(a.astype("float32"), b.astype("float32"), rtol=near, atol=near, equal_nan=True):
            return f"gives {b.ravel()[:4]} for {a.ravel()[:4]}"
    return ""


def _values(random: Any, x: Any) -> Any:
    shape = [x.shape[0] or 2, *(6 if s is None else s for s in x.shape[1:])]
    if x.dtype.startswith(("float", "bfloat")):
        return keras.ops.convert_to_tensor(random.normal(size=shape), dtype=x.dtype)
    return keras.ops.convert_to_tensor(np.ones(shape), dtype=x.dtype)
