"""The TextMate grammar: it is fresh, sees the tokens that the language sees, and knows every name."""

from __future__ import annotations

import json

import pytest

from seqtopo.cli.reference import EDITORS
from seqtopo.cli.textmate import SCOPE, grammar_text
from seqtopo.layers.objects import FAMILIES, names
from seqtopo.layers.registry import LANGUAGE, NAMES, ROWS, flags
from seqtopo.source import Source
from seqtopo.syntax.grammar import words
from seqtopo.syntax.parse import parse
from seqtopo.syntax.tokens import lex
from tests.support.fuzz import corpus
from tests.support.imports import ROOT
from tests.support.textmate import scopes

GRAMMAR = json.loads(grammar_text())
EXAMPLES = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "examples").glob("*/spec.txt"))]
KINDS = {
    "COMMENT": "comment.",
    "STRING": "string.",
    "NUMBER": "constant.numeric.",
    "ARROW": "keyword.operator.arrow.",
    "RANGE": "keyword.operator.range.",
    "WILD": "constant.language.",
    "UNKNOWN": "constant.language.",
}
"""The first letters of tokens in the grammar. A word is none of these."""
RARE = r"""in(3,3) -> einsum_dense("ab\u0063,cd->abd", (?,4), name='a') -> relu for D in [1..3]
# seqtopo: ignore[ST601]"""


def scope_of(text: str, word: str) -> str:
    """The one scope of a word where it first stands in a spec."""
    at = text.index(word)
    (found,) = set(scopes(GRAMMAR, text)[at : at + len(word)])
    return found.removesuffix(".seqtopo")


def test_the_grammar_in_the_extension_is_fresh() -> None:
    assert EDITORS.read_text(encoding="utf-8") == grammar_text(), "run python -m seqtopo.cli.reference"
    assert GRAMMAR["scopeName"] == SCOPE


def test_an_editor_sees_the_tokens_that_the_language_sees() -> None:
    assert len(EXAMPLES) > 10
    seen = set()
    for text in (RARE, *EXAMPLES, *corpus()[::4]):
        if parse(Source(text))[1]:
            continue
        found = scopes(GRAMMAR, text)
        for token in lex(text, words()):
            # A comment and a string begin as what they are, and other scopes stand in them.
            first, here = found[token.start], set(found[token.start : token.end])
            assert not any(scope.startswith("invalid.") for scope in here), (text, token)
            if token.type in KINDS:
                assert first.startswith(KINDS[token.type]), (text, token, first)
                assert len(here) == 1 or token.type in ("COMMENT", "STRING"), (text, token, here)
            elif token.text[0].isalpha():
                assert len(here) == 1, (text, token, here)
                assert first
                assert not first.startswith(("comment.", "string.", "constant.numeric.")), (
                    text,
                    token,
                )
            seen.add(token.type)
    assert seen > KINDS.keys() | set(words().keywords.values())


def test_every_layer_is_one_where_it_is_called_and_where_it_stands_alone() -> None:
    for name in NAMES:
        assert scope_of(f"x -> {name}(2)", name) == "support.function.layer"
        assert scope_of(f"x -> {name} -> y", name) == "support.function.layer"
        assert scope_of(f"x -> {name}_2(2)", name) == "entity.name.function"


def test_every_flag_argument_and_object_is_one_in_brackets() -> None:
    objects = {name for family in FAMILIES for name in names(family)}
    dtypes = {"int", "float32", "bool"}
    for flag in flags() - {"true", "false", "none"}:
        kinds = (
            {"support.type.object"} if flag in objects else {"storage.modifier.flag", "storage.type.dtype"}
        )
        assert scope_of(f"x -> custom(64,{flag})", flag) in kinds, flag
    for name in objects - NAMES.keys():
        assert scope_of(f"x -> custom(kernel_regularizer={name})", name) == "support.type.object", name
    for name in dtypes:
        assert scope_of(f"in(T,{name})", name) == "storage.type.dtype"
    for name in {name for row in ROWS for name in row.by_name}:
        assert scope_of(f"x -> custom({name}=2)", name) == "variable.parameter", name
        assert scope_of(f"x -> custom(un{name}=2)", f"un{name}") == "variable.other.definition", name


def test_every_word_of_the_language_is_one() -> None:
    spec = "x -> {} y"
    kinds = {"keyword.control", "keyword.declaration", "keyword.other", "constant.language"}
    for word in {*LANGUAGE, *words().keywords}:
        assert scope_of(spec.format(word), word) in kinds, word
    search = "search RATE in [1e-4..1e-2] log, WIDTH in [16..64] step 16"
    assert [scope_of(search, word) for word in ("in", "log", "step")] == ["keyword.control"] * 3
    assert scope_of("x -> log", "log") == "support.function.layer"
    assert scope_of("def block(F) = dense(F)", "def") == "storage.type.function"
    assert scope_of("def block(F) = dense(F)", "block") == "entity.name.function"
    assert scope_of("in (T,8)", "in") == "keyword.other.source"
    assert scope_of("dense(D) for D in [1,2]", "in") == "keyword.control"


def test_a_name_is_coloured_by_its_place() -> None:
    assert scope_of("stack = dense(8)", "stack") == "variable.other.definition"
    assert scope_of("let WIDTH = 8", "WIDTH") == "variable.other.constant"
    assert scope_of("[encoder.state, encoder] -> add", "state") == "variable.other.property"
    assert scope_of("in(T) -> bi(lstm(8),sum)", "sum") == "storage.modifier.flag"
    assert scope_of("in(T) -> sum(time)", "sum") == "support.function.layer"
    assert scope_of("train adam, loss=mse", "loss") == "variable.parameter"
    assert scope_of("train adam(1e-3),\n    loss=mse", "loss") == "variable.parameter"
    assert scope_of("train adam(1e-3),\n    loss=mse", "adam") == "support.type.object"


@pytest.mark.parametrize("text", ["x -> 'open", "x | y", "x $ y", "x --> y", "x ** 2", "x → y", "x; y", "2x"])
def test_what_the_language_has_not_is_a_mistake(text: str) -> None:
    found = {scope.partition(".")[0] for scope in scopes(GRAMMAR, text)}
    assert "invalid" in found


def test_a_bracket_that_is_left_open_ends_where_the_next_statement_begins() -> None:
    text = "a = in(T,8) -> lstm(64,\nb = in(T,8) -> sum(time)\nlet T = [8\ntrain adam, loss=mse\n"
    assert scope_of(text, "b") == "variable.other.definition"
    assert scope_of(text, "sum") == "support.function.layer"
    assert scope_of(text, "train") == "keyword.declaration"
