"""Rules for every file of the project."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqtopo.emit.backend import PREFERENCE
from tests.support.imports import ROOT, sources

LEFT_OUT = {"__pycache__", "dist", "build"}
GIT = ROOT / ".git"
"""A folder, or a file in a work tree of its own."""
HIDDEN = {".ci", ".github"}
"""The files of ours that begin with a dot."""
TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".lark", ".txt", ".json", ""}
LONG = 500
STILL_LONGER = {
    "seqtopo/api.py": "one public function after another, most of each its documentation",
    "seqtopo/graph/resolver.py": "one class, a method a construct of the language",
    "tests/unit/test_diag_text.py": "one picture after another",
    "tests/unit/test_parse.py": "one text after another",
}
CALLED_BY_THE_GRAMMAR = {"seqtopo.syntax.build.Builder"}
"""Classes whose methods bear the names of the grammar's rules, where their meaning stands."""
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|opt|Users|tmp)/[\w.]")


def files() -> Iterator[Path]:
    """The project's own texts."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in LEFT_OUT and (f[0] != "." or f in HIDDEN)]
        yield from (
            Path(folder) / name for name in names if Path(name).suffix in TEXTS and Path(folder) / name != GIT
        )


FILES = sorted(files())
SCRIPTS = sorted(file for file in (ROOT / "ci").iterdir() if file.is_file())


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 100
    assert len(SCRIPTS) > 5


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    modules = [file for file in FILES if file.suffix == ".py"]
    lengths = {str(f.relative_to(ROOT)): len(f.read_text(encoding="utf-8").splitlines()) for f in modules}
    assert {name for name, length in lengths.items() if length > LONG} == set(STILL_LONGER)


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {}
    for file in FILES:
        if file == Path(__file__):
            continue
        places = MACHINE.findall(file.read_text(encoding="utf-8", errors="replace"))
        if places:
            found[str(file.relative_to(ROOT))] = places
    assert not found


def test_a_place_on_somebodys_machine_would_be_noticed() -> None:
    assert MACHINE.search("see /home/" + "ada/notes")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_run_and_a_workflow_runs_it(script: Path) -> None:
    assert os.access(script, os.X_OK)
    workflows = (ROOT / ".github" / "workflows").glob("*.yml")
    texts = [file.read_text(encoding="utf-8") for file in [*workflows, *SCRIPTS]]
    assert any(re.search(rf"\bci/{script.name}\b", text) for text in texts)


def test_the_workflow_runs_every_backend() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    listed = re.findall(r"backend: \[(.*)\]", workflow)
    assert listed
    assert [sorted(names.split(", ")) for names in listed] == [sorted(PREFERENCE)] * len(listed)


def test_every_backend_can_be_installed_by_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for backend in PREFERENCE:
        assert any(wanted.startswith("keras") for wanted in extras[backend])
        assert any(wanted.startswith(backend) for wanted in extras[backend])
    assert not any(re.match(r"keras|numpy", wanted) for wanted in project["dependencies"])


def undocumented(name: str, text: str) -> Iterator[str]:
    """The public modules, classes and functions of a module that say nothing about themselves."""
    tree = ast.parse(text)
    if tree.body and not ast.get_docstring(tree):
        yield name
    scopes: list[tuple[str, list[ast.stmt]]] = [(name, tree.body)]
    while scopes:
        scope, body = scopes.pop()
        for node in body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            decorators = [ast.unparse(d) for d in node.decorator_list]
            excused = any(d in ("overload", "override") or d.endswith(".setter") for d in decorators)
            if node.name.startswith("_") or excused:
                continue
            if not ast.get_docstring(node):
                yield f"{scope}.{node.name}"
            if isinstance(node, ast.ClassDef) and f"{scope}.{node.name}" not in CALLED_BY_THE_GRAMMAR:
                scopes.append((f"{scope}.{node.name}", node.body))


def test_what_is_public_says_what_it_is() -> None:
    assert not [found for name, text in sources().items() for found in undocumented(name, text)]


def test_what_says_nothing_would_be_noticed() -> None:
    text = '"""A module."""\nclass A:\n    """A class."""\n    def b(self): ...\ndef c(): ...\ndef _d(): ...'
    assert sorted(undocumented("m", text)) == ["m.A.b", "m.c"]
