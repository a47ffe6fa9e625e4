"""Imports run one way; a reader of the package may start at the bottom."""

from __future__ import annotations

import re
import sys

import pytest

from tests.support.imports import ON_THEIR_OWN, ORDER, circles, importers_of, imports, part, sources, upward

MODULES = sources()
MAKERS = r"emit\.(inlined_helpers|backend|build|initial_weights|initializers|keras_builder)"
"""The emitters that make a Keras model; the others only ask for one, and may write it down instead."""
OUTSIDE = {
    "lark": r"seqtopo\.syntax\.(grammar|parse)",
    "keras": rf"seqtopo\.({MAKERS}|(runtime|exporting|data\.training|distributing)(\..*)?"
    r"|decompiler\.serialized|searching\.trials)",
    "numpy": rf"seqtopo\.({MAKERS}|(runtime|exporting|distributing)\..*|data(\..*)?)",
    "PIL": r"seqtopo\.pictures\.png",
    "jax": r"seqtopo\.(runtime|distributing)\..*",
    "torch": r"seqtopo\.(runtime|exporting|distributing)\..*",
    "tensorflow": r"seqtopo\.(runtime|exporting|distributing)\..*",
    "onnx": r"seqtopo\.exporting\..*",
    "tf2onnx": r"seqtopo\.exporting\..*",
    "onnxruntime": r"seqtopo\.exporting\..*",
    "scipy": r"seqtopo\.emit\.initializers",
    "threadpoolctl": r"seqtopo\.emit\.initializers",
    "optuna": r"seqtopo\.(searching\..*|cli\.search_.*|api)",
    "tqdm": r"seqtopo\.system\.progress",
    "IPython": r"seqtopo\.notebook\.magic",
    "lsprotocol": r"seqtopo\.lsp\..*",
    "pygls": r"seqtopo\.lsp\..*",
    "h5py": r"seqtopo\.(decompiler\.h5_child|system\.replacing)",
}
"""The rooms that may import each package outside the standard library."""


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 50
    assert {part(name) for name in MODULES} <= set(ORDER)
    assert set(ON_THEIR_OWN) <= set(ORDER)


def test_imports_run_down_only() -> None:
    assert not upward(MODULES)


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("seqtopo.diag.planted", "import seqtopo.api", "api is above diag"),
        ("seqtopo.syntax.planted", "from seqtopo.layers.registry import NAMES", "layers is above syntax"),
        ("seqtopo.graph.planted", "from seqtopo import check", "__init__ is above graph"),
        ("seqtopo.graph.planted", "def f():\n    from seqtopo.emit import keras", "emit is above graph"),
        ("seqtopo.layers.planted", "from seqtopo.source import Span", "layers stands on its own"),
        ("seqtopo.layers.planted", "try:\n    import seqtopo.diag\nfinally: pass", "stands on its own"),
        ("seqtopo.api", "from seqtopo.cli.files import check_spec", "cli is above api"),
    ],
)
def test_an_import_that_runs_upwards_is_noticed(name: str, text: str, match: str) -> None:
    (wrong,) = upward({**MODULES, name: text})
    assert re.search(match, wrong)


@pytest.mark.parametrize(
    "text",
    [
        "from seqtopo.diag.model import Diagnostic",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from seqtopo.diag.model import Diagnostic",
    ],
)
def test_other_imports_are_fine(text: str) -> None:
    assert not upward({**MODULES, "seqtopo.graph.planted": text})


def test_no_two_modules_import_each_other() -> None:
    assert circles(MODULES) == []


def test_modules_that_import_each_other_are_noticed() -> None:
    planted = {
        "seqtopo.graph.a": "def f():\n    from seqtopo.graph.b import g",
        "seqtopo.graph.b": "from seqtopo.graph import c",
        "seqtopo.graph.c": "if TYPE_CHECKING:\n    from seqtopo.graph.a import f",
        "seqtopo.graph.d": "import seqtopo.graph.a",
    }
    assert circles(planted) == [["seqtopo.graph.a", "seqtopo.graph.b", "seqtopo.graph.c"]]


@pytest.mark.parametrize("package", OUTSIDE)
def test_a_package_from_outside_is_imported_where_it_belongs_only(package: str) -> None:
    strangers = {name for name in importers_of(package, MODULES) if not re.fullmatch(OUTSIDE[package], name)}
    assert not strangers


def test_nothing_else_from_outside_is_imported() -> None:
    known = {"seqtopo", *OUTSIDE, *sys.stdlib_module_names}
    assert not {found for found in imports(MODULES) if found.imported.split(".")[0] not in known}


def test_a_package_that_is_imported_elsewhere_is_noticed() -> None:
    planted = {**MODULES, "seqtopo.graph.planted": "def f():\n    import keras.ops"}
    assert "seqtopo.graph.planted" in importers_of("keras", planted)
    assert not re.fullmatch(OUTSIDE["keras"], "seqtopo.graph.planted")
