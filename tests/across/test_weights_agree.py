"""The same spec and seed give the same initial weights on every backend, to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support.children import run_module
from tests.support.weight_cases import CASES

pytestmark = pytest.mark.xdist_group("weights_agree")  # its fixture runs every backend: once

AT_ONCE = 2
"""Processes at a time: each holds a backend in memory."""
Found = Mapping[str, Mapping[str, list[list[Any]]]]
"""By case and model: each weight's name, shape, dtype and digest."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """Return the models of each backend, built in a process with its own number of threads."""
    root = tmp_path_factory.mktemp("weights")
    threads = {backend: {"OMP_NUM_THREADS": str(n)} for n, backend in enumerate(PREFERENCE, 1)}

    def build(backend: str) -> None:
        run_module(backend, "tests.support.weights_run", str(root / backend), more=threads[backend])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(build, PREFERENCE))
    return {backend: json.loads((root / backend).read_text()) for backend in PREFERENCE}


@pytest.mark.parametrize("name", CASES)
def test_weights_are_the_same_to_the_bit(runs: dict[str, Found], name: str) -> None:
    first, *others = (runs[backend][name] for backend in PREFERENCE)
    for other in others:
        assert other == first


def test_there_is_something_to_compare(runs: dict[str, Found]) -> None:
    weights = [w for case in runs[PREFERENCE[0]].values() for model in case.values() for w in model]
    assert len(weights) > 400
    assert {dtype for _, _, dtype, _ in weights} >= {"float16", "bfloat16", "float32"}
    # Nearly all random weights differ from each other; the constant ones and the shared ones do not.
    assert len({digest for *_, digest in weights}) > len(weights) / 3
