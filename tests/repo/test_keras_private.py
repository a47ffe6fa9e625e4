"""Private names of Keras are read in one module, which knows what to do without each."""

from __future__ import annotations

import ast
import re

import pytest

from seqtopo.emit.keras_private import NAMES
from tests.support.imports import sources

HOME = "seqtopo.emit.keras_private"
COPIED = "seqtopo.emit.inlined_helpers"
"""Its functions are copied into models that are written as Python, so they can ask nobody."""
NOT_KERAS = {"_replace", "_asdict", "_load_from_dict", "_schema", "_overloadname"}
"""Names of named tuples, of Lark's parsers, and of PyTorch's operations."""
BY_NAME = ("getattr", "hasattr", "setattr", "delattr")
OTHERS = {"torch", "sys", "os", "forward_ad"}
"""Other packages, whose private parts are not meant here."""


def reaches(text: str) -> list[str]:
    """Return the places where a module reads a private name of Keras: imports, attributes, ``getattr``."""
    tree = ast.parse(text)
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls")
    }
    found = []
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("keras.src")]
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("keras.src"):
            found.append(str(node.module))
        elif isinstance(node, ast.Attribute):
            private = _is_private(node.attr) and node.attr not in own and text.split(".")[0] not in OTHERS
            if text.startswith("keras.src") or private:
                found.append(text)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_NAME:
            name = node.args[1]
            if isinstance(name, ast.Constant) and _is_private(str(name.value)):
                found.append(text)
    return found


def _is_private(name: str) -> bool:
    return bool(re.match(r"_[a-z]", name)) and name not in NOT_KERAS


def test_no_other_module_reaches_into_keras() -> None:
    found = {name: reaches(text) for name, text in sources().items() if name not in (HOME, COPIED)}
    assert len(found) > 200
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("from keras.src.backend import standardize_dtype", "keras.src.backend"),
        ("import keras.src.ops", "keras.src.ops"),
        ("def f():\n    return keras.src.ops.add", "keras.src.ops.add"),
        ("def f(layer):\n    return layer._flatten_layers()", "layer._flatten_layers"),
        ("def f(model):\n    model.layers[0]._built = True", "model.layers[0]._built"),
        ("def f(x):\n    return getattr(x, '_keras_mask', None)", "getattr(x, '_keras_mask', None)"),
    ],
)
def test_what_reaches_into_keras_is_noticed(text: str, place: str) -> None:
    assert place in reaches(text)


def test_what_is_our_own_is_not_taken_for_keras() -> None:
    own = "class A:\n    def f(self, other):\n        self._x = 1\n        return other._x"
    assert reaches(own) == []
    assert reaches(sources()[HOME]) != []


def test_each_name_is_used() -> None:
    asked = "\n".join(text for name, text in sources().items() if name.startswith("seqtopo."))
    listed = re.sub(r"NAMES = \{.*?\n\}", "", asked, count=1, flags=re.DOTALL)
    formed = {"_call_has_training_arg", "_call_has_mask_arg"}
    assert [name for name in NAMES if f'"{name}"' not in listed and name not in formed] == []
