"""Checking a spec is light: neither Keras, NumPy nor a backend is loaded for it, nor what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqtopo.cli.main import COMMANDS
from tests.support.imports import ROOT

HEAVY = ("keras", "numpy", "jax", "torch", "tensorflow", "PIL")
CHECK = "import seqtopo; assert seqtopo.check('in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)').ok"
WRONG = "import seqtopo; assert 'lstm' in str(seqtopo.check('in(T,8) -> lstm(64) -> lstm(32)'))"
FORMAT = "import seqtopo; seqtopo.format_spec('in( T )')"
PYTHON = "import seqtopo; assert 'LSTM(64' in seqtopo.to_python('in(8,3) -> lstm(64,seq) -> pos(sin)')"
DRAW = "import seqtopo; p = seqtopo.draw('in(T,8) -> lstm(4)', unrolled=True); p.svg(), p.text(), p.mermaid()"
COMMAND = "from seqtopo.cli.main import main; assert main(['check', 'in(T,8) -> lstm(64)']) == 0"

SLOW = {
    "importlib.metadata": "looks for layers of packages, once no other is found",
    "tomllib": "only a project with settings needs it",
}
"""Modules that take long to load, and why no check needs them."""
ONLY_FOR_MISTAKES = (
    "diag.renderers.picture",
    "diag.renderers.text",
    "advice.advise",
    "advice.fixes",
    "layers.legacy",
)
ONLY_FOR_WHAT_IS_RIGHT = ("lint.rules.time", "lint.run", "lint.view")
FOR_NEITHER = (
    "cli.fixing",
    "diag.pages",
    "diag.renderers.json",
    "labels.check_labels",
    "runtime",
)


def loaded_by(program: str) -> set[str]:
    """Return the heavy packages that a program loads, in a process of its own."""
    return modules_of(program) & set(HEAVY)


def modules_of(program: str) -> set[str]:
    """All modules that a program loads, in a process of its own."""
    said = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint()\nprint(*sys.modules)"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return set(said.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("program", ["import seqtopo", CHECK, WRONG, FORMAT, PYTHON, DRAW, COMMAND])
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert loaded_by(program) == set()


def test_a_command_is_read_before_anything_heavy_is_loaded() -> None:
    # Keras runs on the backend that it is loaded on, so a command chooses one from its arguments first.
    modules = [f"seqtopo.cli.{name}" for name in COMMANDS]
    assert not loaded_by(f"import importlib\nfor name in {modules}: importlib.import_module(name).parser()")


@pytest.mark.parametrize("package", HEAVY)
def test_a_package_that_is_loaded_would_be_noticed(package: str) -> None:
    # An empty module in its place will do: the test is about who is noticed, not about the package.
    planted = f"import sys, types; sys.modules['{package}'] = types.ModuleType('{package}'); import {package}"
    assert loaded_by(f"{planted}; {CHECK}") == {package}


def test_numpy_itself_would_be_noticed() -> None:
    assert "numpy" in loaded_by(f"{CHECK}; import numpy")


def of_a_check(folder: Path, text: str, before: str = "") -> set[str]:
    """The modules that a check of a file loads, as the command does it."""
    spec = folder / "spec.txt"
    spec.write_text(text, encoding="utf-8")
    return modules_of(f"{before}from seqtopo.cli.main import main; main(['check', {str(spec)!r}])")


RIGHT_TEXT, WRONG_TEXT = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)", "in(T,8) -> lstm(64) -> lstm(32)"


@pytest.mark.parametrize("text", [RIGHT_TEXT, WRONG_TEXT])
def test_a_check_loads_nothing_slow(tmp_path: Path, text: str) -> None:
    assert of_a_check(tmp_path, text) & set(SLOW) == set()


@pytest.mark.parametrize("module", SLOW)
def test_a_slow_module_that_is_loaded_would_be_noticed(module: str) -> None:
    planted = f"import sys, types; sys.modules[{module!r}] = types.ModuleType({module!r}); print()"
    assert module in modules_of(planted)


def test_settings_of_another_program_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\ndependencies = ['seqtopo']\n[tool.ruff]\n", encoding="utf-8"
    )
    assert "tomllib" not in of_a_check(tmp_path, RIGHT_TEXT)
    (tmp_path / "pyproject.toml").write_text("[tool.seqtopo]\nignore = []\n", encoding="utf-8")
    assert "tomllib" in of_a_check(tmp_path, RIGHT_TEXT)


def test_a_check_reads_of_us_what_it_uses(tmp_path: Path) -> None:
    right, wrong = of_a_check(tmp_path, RIGHT_TEXT), of_a_check(tmp_path, WRONG_TEXT)
    assert right & {f"seqtopo.{name}" for name in (*ONLY_FOR_MISTAKES, *FOR_NEITHER)} == set()
    assert wrong & {f"seqtopo.{name}" for name in (*ONLY_FOR_WHAT_IS_RIGHT, *FOR_NEITHER)} == set()
    # These names are those of modules, or nothing would be noticed.
    assert {f"seqtopo.{name}" for name in (*ONLY_FOR_WHAT_IS_RIGHT,)} <= right
    assert {f"seqtopo.{name}" for name in ONLY_FOR_MISTAKES if name != "layers.legacy"} <= wrong
    assert all(
        (ROOT / "seqtopo" / name.replace(".", "/")).with_suffix(".py").is_file() or name == "runtime"
        for name in FOR_NEITHER
    )


CODE = "from keras import Input, Sequential, layers\nm = Sequential([Input((24, 8)), layers.LSTM(4)])\n"


def test_a_check_of_code_loads_nothing_slow(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(CODE)
    program = (
        f"from seqtopo.cli.main import main; assert main(['check', {str(tmp_path / 'train.py')!r}]) == 0"
    )
    loaded = modules_of(program)
    assert "seqtopo.code.check" in loaded
    assert not loaded & {*HEAVY, *SLOW, "seqtopo.decompiler.decompile", "seqtopo.emit.python.write"}
