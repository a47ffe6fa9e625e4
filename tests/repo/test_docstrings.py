"""The first words of docstrings, of the product and of its scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.imports import ROOT

RIDDLE = re.compile(r"(?:How|If|That|What|When|Where|Whether|Which|Who|Why)\b")
"""The first word of a clause, with which no docstring begins. The one of a function says what it does, as in
``Return whether``; the one of a class or a value is a noun phrase."""


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of a module, its classes, functions and values, each with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in node.body:
                if (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                ):
                    yield statement.lineno, statement.value.value.strip()


def riddles(text: str) -> list[tuple[int, str]]:
    """Return the docstrings of a module that begin with a clause, each with its line."""
    return [(line, words.splitlines()[0]) for line, words in docstrings(text) if RIDDLE.match(words)]


def test_no_docstring_begins_with_a_clause() -> None:
    files = sorted([*(ROOT / "seqtopo").rglob("*.py"), *(ROOT / "ci").rglob("*.py")])
    assert len(files) > 100
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {words}"
        for file in files
        for line, words in riddles(file.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(["say what it does or is:", *wrong])


def test_a_clause_would_be_noticed() -> None:
    text = '"""Find x."""\nX = 1\n"""How many."""\ndef f():\n    """Whether it is so."""\n    return X'
    assert riddles(text) == [(3, "How many."), (5, "Whether it is so.")]
    assert not riddles('def f():\n    """Return whether it is so."""')
