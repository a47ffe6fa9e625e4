"""Rollouts, written sequences and random draws are the same on every backend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support import rollout_cases as cases
from tests.support.children import run_module

pytestmark = pytest.mark.xdist_group("rollouts_agree")  # its fixture runs every backend: once

NAMES = [*cases.STEPPED, *cases.WINDOWS]
IDS = [f"{how}_{name}" for name in cases.WRITERS for how in ("written_by", "beams_of")]
AT_ONCE = 2
"""Processes at a time: each holds a backend in memory."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each backend."""
    root = tmp_path_factory.mktemp("rollouts")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(
            pool.map(lambda b: run_module(b, "tests.support.rollout_run", str(root / f"{b}.npz")), PREFERENCE)
        )
    return root


def from_each(runs: Path, name: str) -> list[np.ndarray]:
    """Return the results of each backend."""
    found = []
    for backend in PREFERENCE:
        with np.load(runs / f"{backend}.npz") as file:
            found.append(file[name])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_numbers_agree(runs: Path, name: str) -> None:
    first, *others = from_each(runs, name)
    assert np.isfinite(first).all()
    assert first.std() > 1e-3
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [*IDS, "drawn"])
def test_ids_are_the_same(runs: Path, name: str) -> None:
    first, *others = from_each(runs, name)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_what_is_drawn_differs_from_row_to_row(runs: Path) -> None:
    assert len({tuple(row) for row in from_each(runs, "drawn")[0]}) > 1
