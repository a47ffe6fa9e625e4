"""The backends agree: equal outputs under equal weights, and models that move from any to any other.

Each backend builds, trains and saves every topology in a process of its own; then plain Keras, on each,
loads what all three saved, runs it, and goes on training where the spec says how.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support.children import run_module, run_plain_keras
from tests.support.topologies import TOPOLOGIES

pytestmark = pytest.mark.xdist_group("topologies_agree")  # its fixture runs every backend: once

BACKENDS = sorted(PREFERENCE)
NAMES = [topology.name for topology in TOPOLOGIES]
TRAINED = [topology.name for topology in TOPOLOGIES if topology.trained]
MOVES = list(product(BACKENDS, repeat=2))
AT_ONCE = 2
"""Processes at a time: each holds a backend in memory."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each backend; in it one for each backend, with what came of moving there."""
    root = tmp_path_factory.mktemp("topologies")

    def make(backend: str) -> None:
        run_module(backend, "tests.support.topology_run", str(root / backend))

    def move(backend: str) -> None:
        run_plain_keras(backend, backend, *(str(root / made) for made in BACKENDS))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(make, BACKENDS))
        list(pool.map(move, BACKENDS))
    return root


def assert_same(first: Path, second: Path) -> None:
    """Asserts that two files hold the same arrays, to 1e-5."""
    import numpy as np

    with np.load(first) as here, np.load(second) as there:
        assert here.files == there.files
        assert here.files
        for key in here.files:
            assert np.isfinite(here[key]).all()
            np.testing.assert_allclose(there[key], here[key], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_equal_weights_give_equal_outputs(runs: Path, name: str) -> None:
    first, *others = (runs / backend / f"{name}.fresh.npz" for backend in BACKENDS)
    for other in others:
        assert_same(first, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("made", "moved"), MOVES)
def test_plain_keras_runs_a_saved_model_on_any_backend(runs: Path, made: str, moved: str, name: str) -> None:
    assert_same(runs / made / f"{name}.out.npz", runs / made / moved / f"{name}.out.npz")


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize(("made", "moved"), MOVES)
def test_training_goes_on_on_any_backend(runs: Path, made: str, moved: str, name: str) -> None:
    here, there = (read(runs / place / f"{name}.losses.json") for place in (made, f"{made}/{moved}"))
    assert len(here) == len(there) == 2
    for ours, theirs in zip(here, there, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    assert here[0]["loss"] != here[1]["loss"]


def read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_there_is_training_to_go_on_with() -> None:
    assert len(TRAINED) > 5
