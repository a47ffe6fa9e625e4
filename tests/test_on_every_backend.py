"""Run the tests that need a backend on each backend; one that cannot be loaded is a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support.backend_run import PLACES, run

RUNS_ON_IT = ["tests/backends/test_runs_on_it.py"]


# The two that compile take longest: of two workers each begins with one of them.
@pytest.mark.whole_backend
@pytest.mark.parametrize("backend", sorted(PREFERENCE, key="torch".__eq__))
def test_on(backend: str, record_property: Callable[[str, object], None]) -> None:
    code, said = run(backend)
    closing = said.strip().rpartition("\n")[2].strip("= ")
    record_property("whole_backend", f"{', '.join(PLACES)} on {backend}: {closing}")
    if code:
        pytest.fail(f"on {backend} (exit code {code}):\n{said}", pytrace=False)


def test_a_backend_that_does_not_exist_fails() -> None:
    code, said = run("nonsense", places=RUNS_ON_IT)
    assert code
    assert "nonsense" in said


def test_a_backend_that_cannot_be_loaded_fails(tmp_path: Path) -> None:
    (tmp_path / "jax.py").write_text("raise ImportError('this jax is broken')\n")
    code, said = run("jax", places=RUNS_ON_IT, path=str(tmp_path))
    assert code
    assert "this jax is broken" in said


def test_a_run_that_finds_no_test_fails() -> None:
    code, _ = run(PREFERENCE[0], "-k", "there_is_no_such_test", places=RUNS_ON_IT)
    assert code
