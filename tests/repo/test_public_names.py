"""The public names: loaded when asked for, and known to type checkers all the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module

import pytest

import seqtopo
from tests.support.imports import ROOT, sources

INIT = ROOT / "seqtopo" / "__init__.py"


def for_type_checkers(text: str) -> dict[str, str]:
    """The names that a type checker sees in the package, and the modules they are imported from."""
    blocks = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imports = [node for block in blocks for node in block.body]
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    return {alias.name: node.module for node in imports for alias in node.names}


def test_a_type_checker_sees_the_names_that_there_are() -> None:
    seen = for_type_checkers(INIT.read_text(encoding="utf-8"))
    assert len(seen) > 15
    assert seen == seqtopo._HOMES, "seqtopo/__init__.py: the imports and _HOMES say different things"


def test_the_names_stand_in_order() -> None:
    assert list(seqtopo._HOMES) == sorted(seqtopo._HOMES)


@pytest.mark.parametrize("name", seqtopo.__all__)
def test_each_name_is_there(name: str) -> None:
    home = seqtopo._HOMES[name]
    if home == "seqtopo":
        assert getattr(seqtopo, name) is import_module(f"seqtopo.{name}")
    else:
        assert getattr(seqtopo, name) is getattr(import_module(home), name)
    assert name in dir(seqtopo)


def test_no_name_is_that_of_a_part() -> None:
    """Python sets a package's attribute when one of its modules is loaded, so the module would win."""
    parts = {name.split(".")[1] for name in sources() if "." in name}
    assert len(parts) > 10
    taken = {name for name, home in seqtopo._HOMES.items() if home != "seqtopo"} & parts
    assert not taken, f"rename the module (decompile: decompiling) or the name: {taken}"


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'seqtopo' has no attribute 'chekc'") as caught:
        seqtopo.chekc  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("chekc", seqtopo)
    assert not hasattr(seqtopo, "chekc")


def test_a_star_brings_all_names_and_no_other() -> None:
    found: dict[str, object] = {}
    exec("from seqtopo import *", found)
    assert set(found) - {"__builtins__"} == set(seqtopo.__all__)


def test_importing_the_package_loads_nothing_of_it() -> None:
    program = "import sys; before = set(sys.modules); import seqtopo; print(*set(sys.modules) - before)"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["seqtopo"]
