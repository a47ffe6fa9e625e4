"""Stateful models give the same on every backend, piece by piece and after training; and where Keras
alone carries the states, on TensorFlow, what it gives, too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support.children import run_module
from tests.support.stateful_cases import CASES, COMPILED, Case

pytestmark = pytest.mark.xdist_group("stateful_agree")  # its fixture runs every backend: once

REFERENCE = "stock"
"""Keras alone on TensorFlow."""
RUNS = (REFERENCE, *PREFERENCE)
AT_ONCE = 2
"""Processes at a time: each holds a backend in memory."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each run."""
    root = tmp_path_factory.mktemp("stateful")

    def make(name: str) -> None:
        more = [REFERENCE] if name == REFERENCE else []
        backend = "tensorflow" if name == REFERENCE else name
        run_module(backend, "tests.support.stateful_run", str(root / name), *more)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(make, RUNS))
    return root


@pytest.mark.parametrize("backend", PREFERENCE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_states_and_what_is_learnt_agree(runs: Path, case: Case, backend: str) -> None:
    import numpy as np

    close = 3e-2 if case.loose else 1e-5
    # Where a piece begins with masked steps, Keras alone gives zeros there on TensorFlow.
    reference = "tensorflow" if case.masked else REFERENCE
    with (
        np.load(runs / reference / f"{case.name}.npz") as here,
        np.load(runs / backend / f"{case.name}.npz") as there,
    ):
        assert here.files == there.files
        assert {"pieces", "adam.losses", "adam.states.0"} <= set(here.files)
        for key in here.files:
            np.testing.assert_allclose(there[key], here[key], rtol=close, atol=close, err_msg=key)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_there_are_states_and_learning_to_compare(runs: Path, case: Case) -> None:
    import numpy as np

    with np.load(runs / REFERENCE / f"{case.name}.npz") as found:
        assert abs(found["adam.states.0"]).max() > 1e-3
        first, second = found["adam.losses"]
        assert first != second


@pytest.mark.parametrize("name", COMPILED)
def test_sgd_is_among_what_is_compared(runs: Path, name: str) -> None:
    import numpy as np

    with np.load(runs / REFERENCE / f"{name}.npz") as found:
        assert {"sgd.losses", "sgd.weights.0", "sgd.states.0"} <= set(found.files)
