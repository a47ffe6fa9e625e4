"""Checking a spec is light: no Keras, no NumPy, no backend is loaded for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.imports import ROOT

HEAVY = ("keras", "numpy", "jax", "torch", "tensorflow", "PIL")
CHECK = "import seqtopo; assert seqtopo.check('in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)').ok"
WRONG = "import seqtopo; assert 'lstm' in str(seqtopo.check('in(T,8) -> lstm(64) -> lstm(32)'))"
FORMAT = "import seqtopo; seqtopo.format_spec('in( T )')"
PYTHON = "import seqtopo; assert 'LSTM(64' in seqtopo.to_python('in(8,3) -> lstm(64,seq) -> pos(sin)')"
DRAW = "import seqtopo; p = seqtopo.draw('in(T,8) -> lstm(4)', unrolled=True); p.svg(), p.text(), p.mermaid()"
COMMAND = "from seqtopo.cli.main import main; assert main(['check', 'in(T,8) -> lstm(64)']) == 0"


def loaded_by(program: str) -> set[str]:
    """Which heavy packages a program loads, in a process of its own."""
    said = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint()\nprint(*sys.modules)"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return set(said.stdout.splitlines()[-1].split()) & set(HEAVY)


@pytest.mark.parametrize("program", ["import seqtopo", CHECK, WRONG, FORMAT, PYTHON, DRAW, COMMAND])
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert loaded_by(program) == set()


@pytest.mark.parametrize("package", HEAVY)
def test_a_package_that_is_loaded_would_be_noticed(package: str) -> None:
    # An empty module in its place will do: the test is about who is noticed, not about the package.
    planted = f"import sys, types; sys.modules['{package}'] = types.ModuleType('{package}'); import {package}"
    assert loaded_by(f"{planted}; {CHECK}") == {package}


def test_numpy_itself_would_be_noticed() -> None:
    assert "numpy" in loaded_by(f"{CHECK}; import numpy")
