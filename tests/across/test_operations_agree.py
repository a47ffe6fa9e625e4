"""Operations without a Keras layer: right by NumPy, and the same when plain Keras loads them elsewhere."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtopo.emit.backend import PREFERENCE
from seqtopo.layers.registry import FREE, ROWS
from seqtopo.layers.sizes import symbol
from tests.support import operation_cases as cases
from tests.support.children import run_module, run_plain_keras

pytestmark = pytest.mark.xdist_group("operations_agree")  # its fixture runs every backend: once

BACKENDS = sorted(PREFERENCE)
MODELS = {
    "any_length": (cases.ANY_LENGTH, (symbol("T"), cases.WIDTH), "float32"),
    "fixed": (cases.FIXED[:2], (cases.STEPS, cases.WIDTH), "float32"),
    "squeezed": (cases.FIXED[2:], (cases.STEPS, 1), "float32"),
    "ids": (cases.IDS, (symbol("T"),), "int32"),
    "masked": (cases.MASKED, (symbol("T"), cases.WIDTH), "float32"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each backend, with what it built and saved, and what the two others make of it."""
    root = tmp_path_factory.mktemp("operations")
    for backend in BACKENDS:
        run_module(backend, "tests.support.operation_cases", str(root / backend))
    for backend in BACKENDS:
        others = [str(root / other) for other in BACKENDS if other != backend]
        run_plain_keras(backend, backend, *others)
    return root


def _report(built: Path, backend: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((built / backend / "report.json").read_text())
    return found


@cache
def _arrays(path: Path) -> list[Any]:
    with np.load(path) as data:
        return [data[key] for key in data.files]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", MODELS)
def test_an_operation_does_what_numpy_does(built: Path, backend: str, name: str) -> None:
    (data,) = _arrays(built / backend / f"{name}.in.npz")
    outputs = _arrays(built / backend / f"{name}.out.npz")
    mask = data != 0
    if name == "masked":
        data = (data[..., None] + np.arange(cases.WIDTH)).astype("float32")
    for case, output in zip(MODELS[name][0], outputs, strict=True):
        if case.says is not None:
            wanted = case.says(data, mask) if name == "masked" else case.says(data)
            np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-5, err_msg=case.label)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*MODELS, "repeated", *cases.SPECS])
def test_plain_keras_loads_it_on_another_backend(built: Path, backend: str, name: str) -> None:
    here = _arrays(built / backend / f"{name}.out.npz")
    for other in BACKENDS:
        if other != backend:
            there = _arrays(built / backend / other / f"{name}.out.npz")
            assert len(here) == len(there)
            for i, (a, b) in enumerate(zip(here, there, strict=True)):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=f"{other}: output {i}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["any_length", "fixed", "squeezed", "ids"])
def test_a_row_says_what_is_built(built: Path, backend: str, name: str) -> None:
    several, shape, dtype = MODELS[name]
    spoken = _report(built, backend)["spoken"][name]
    for case, (label, sizes, kind) in zip(several, spoken, strict=True):
        row = cases.says(case, shape, dtype)
        assert [s if isinstance(s, int) else None for s in row.shape] == sizes, label
        assert row.dtype == kind, label


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_builds_give_equal_names(built: Path, backend: str) -> None:
    report = _report(built, backend)
    assert report["names"] == report["again"]
    assert report["names"] == _report(built, "jax")["names"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_learned_positions_train(built: Path, backend: str) -> None:
    moved = _report(built, backend)["trained"]
    assert set(moved) == {"float32", "mixed_float16", "mixed_bfloat16"}
    assert all(how_far > 0 for how_far in moved.values()), moved


def test_every_operation_has_a_case() -> None:
    tried = {case.row for several, _, _ in MODELS.values() for case in several}
    assert {row.name for row in ROWS if row.emit and row.name not in FREE} == tried
