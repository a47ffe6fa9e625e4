"""Facts about a layer stand in its row; a list of names elsewhere says why it is no such fact."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from seqtopo.layers.registry import FREE, NAMES
from tests.support.imports import ROOT

REASON = "# Not a fact about layers: "
NEAR = 3
"""So many lines above a list its reason may begin."""


def collections(text: str) -> Iterator[int]:
    """The lines of collections, and of arguments of one call, with three names of layers or more."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items) | ast.Call(args=items):
                found = items
            case ast.Dict(keys=keys):
                found = [key for key in keys if key is not None]
            case _:
                continue
        names = [item.value for item in found if isinstance(item, ast.Constant)]
        # Functions of keras.ops have the names that NumPy's have, too.
        if sum(isinstance(name, str) and name in NAMES.keys() - FREE for name in names) >= 3:
            yield node.lineno


def without_reason(text: str) -> list[int]:
    """The lines of those collections above which no comment says why they are not facts about layers."""
    lines = text.splitlines()
    return [
        at
        for at in collections(text)
        if not any(REASON in line for line in lines[max(0, at - NEAR - 1) : at])
    ]


def test_lists_of_layers_outside_the_table_say_why() -> None:
    files = [p for p in (ROOT / "seqtopo").rglob("*.py") if "layers" not in p.relative_to(ROOT).parts[:2]]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    assert sum(1 for text in texts.values() for _ in collections(text)) > 3
    found = [f"{name}:{line}" for name, text in texts.items() for line in without_reason(text)]
    assert not found, "ask a column of the row, or say why this is no fact about layers"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('NOISE = ("dropout", "gaussian_noise", "alpha_dropout")', [1]),
        ('view.calls_of("lstm", "gru", "rnn")', [1]),
        ('STATES = {"lstm": 2, "gru": 1, "rnn": 1}', [1]),
        ('# Not a fact about layers: values of an argument.\nMERGED = {"concat", "mul", "sum"}', []),
        ('# a comment\nMERGED = {"concat", "mul", "sum"}', [2]),
        ('PAIR = ("lstm", "gru", "none")', []),
    ],
)
def test_a_list_without_a_reason_is_noticed(text: str, found: list[int]) -> None:
    assert without_reason(text) == found
