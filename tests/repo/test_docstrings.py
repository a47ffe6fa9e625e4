"""The first words of docstrings, of the product, its scripts and its tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.imports import ROOT

RIDDLE = re.compile(r"(?:How|If|That|What|When|Where|Whether|Which|Who|Why)\b")
"""The first word of a clause, with which no docstring begins. The one of a function says what it does, as in
``Return whether``; the one of a class or a value is a noun phrase."""
NO_VERB = re.compile(r"(?:A|An|All|Each|Every|One|The|This|Those|[A-Z][a-z]+[^s\W]s)\b")
"""The first word of a noun phrase, or a verb in the third person. The docstring of a function begins with a
verb in the imperative, as PEP 257 has it; that of a property is a noun phrase."""


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


def without_verb(text: str) -> list[tuple[int, str]]:
    """Return the docstrings of functions that do not begin with an imperative, each with its line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        words = ast.get_docstring(node) or ""
        is_property = any("property" in ast.unparse(each) for each in node.decorator_list)
        if not is_property and NO_VERB.match(words):
            found.append((node.lineno, words.splitlines()[0]))
    return found


FILES = sorted([*(ROOT / "seqtopo").rglob("*.py"), *(ROOT / "ci").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize(("wrong", "files"), [(riddles, FILES + TESTS), (without_verb, FILES)])
def test_a_docstring_says_what_a_function_does_and_what_a_value_is(
    wrong: Callable[[str], list[tuple[int, str]]], files: list[Path]
) -> None:
    assert len(files) > 100
    found = [
        f"{file.relative_to(ROOT)}:{line}: {words}"
        for file in files
        for line, words in wrong(file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(["say what it does or is:", *found])


def test_a_clause_would_be_noticed() -> None:
    text = '"""Find x."""\nX = 1\n"""How many."""\ndef f():\n    """Whether it is so."""\n    return X'
    assert riddles(text) == [(3, "How many."), (5, "Whether it is so.")]
    assert not riddles('def f():\n    """Return whether it is so."""')


def test_a_function_without_a_verb_would_be_noticed() -> None:
    text = 'def f():\n    """The size."""\n\ndef g():\n    """Returns the size."""'
    assert without_verb(text) == [(1, "The size."), (4, "Returns the size.")]
    assert not without_verb('def f():\n    """Pass it on."""')
    assert not without_verb('class A:\n    @property\n    def f(self):\n        """The size."""')
