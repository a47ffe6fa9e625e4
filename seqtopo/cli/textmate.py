"""Write the TextMate grammar, by which editors colour specs, from the rows and the language's own terminals.

A name is coloured by what it can be at its place: in brackets ``sum`` is a flag and ``relu`` an activation,
outside of them both are layers. The language server knows more, and its colours win where it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from seqtopo.graph.inputs import SHORT_DTYPES
from seqtopo.graph.training import ARGUMENTS
from seqtopo.layers.objects import FAMILIES as OBJECTS
from seqtopo.layers.objects import names
from seqtopo.layers.registry import LANGUAGE, NAMES, ROWS, STATEMENTS, flags
from seqtopo.layers.values import DTYPES
from seqtopo.lint.ignores import COMMENT as DIRECTIVE
from seqtopo.syntax.grammar import patterns, words
from seqtopo.syntax.tokens import CURLY, INSTEAD, LOOKALIKES, UNCLOSED, alternatives

SCOPE = "source.seqtopo"
"""The name of the grammar in editors."""

_EQUALS = "keyword.operator.assignment"
_VALUES = ("true", "false", "none")
# A bracket that is never closed would take in all that follows: a statement at the start of a line ends it.
_STATEMENT_AHEAD = rf"(?=^(?:(?:{'|'.join(sorted(STATEMENTS))})(?!\w)|[A-Za-z]\w*\s*=(?![=>])))"


def grammar_text() -> str:
    """Return the grammar as JSON."""
    return json.dumps(_grammar(), indent=2, ensure_ascii=False) + "\n"


def _grammar() -> dict[str, Any]:
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": "from the rows; python -m seqtopo.cli.reference writes it",
        "name": "seqtopo",
        "scopeName": SCOPE,
        "patterns": [{"include": "#definition"}, *_BOUND, {"include": "#flow"}],
        "repository": {
            "comment": _comment(),
            "definition": _match(
                r"^\s*(def)(?!\w)(?:\s+([A-Za-z]\w*))?",
                {1: "storage.type.function", 2: "entity.name.function"},
            ),
            "binding": _match(r"^([a-z]\w*)\s*(=)(?![=>])", {1: "variable.other.definition", 2: _EQUALS}),
            "flow": {"patterns": [{"include": f"#{name}"} for name in _FLOW]},
            "arguments": {
                "begin": r"\(",
                "end": rf"\)|{_STATEMENT_AHEAD}",
                "beginCaptures": {"0": {"name": _scope("punctuation.section.parens.begin")}},
                "endCaptures": {"0": {"name": _scope("punctuation.section.parens.end")}},
                "patterns": [
                    {"include": "#comment"},
                    {"include": "#argument"},
                    {"include": "#flag"},
                    {"include": "#flow"},
                ],
            },
            "list": {
                "begin": r"\[",
                "end": rf"\]|{_STATEMENT_AHEAD}",
                "beginCaptures": {"0": {"name": _scope("punctuation.section.brackets.begin")}},
                "endCaptures": {"0": {"name": _scope("punctuation.section.brackets.end")}},
                "patterns": [{"include": "#flow"}],
            },
            "argument": {"patterns": _arguments()},
            "flag": {"patterns": _flags()},
            "string": {"patterns": _strings()},
            "number": _match(patterns()["NUMBER"], "constant.numeric"),
            "word": {"patterns": _words()},
            "name": {"patterns": _names()},
            "mark": {"patterns": _marks()},
        },
    }


_BOUND = ({"include": "#binding"}, {"include": "#argument"})
_FLOW = ("comment", "arguments", "list", "string", "number", "word", "name", "mark")


def _scope(name: str) -> str:
    return f"{name}.seqtopo"


def _match(pattern: str, scopes: str | dict[int, str]) -> dict[str, Any]:
    """Return a rule that gives what a pattern matches a scope, or each of its groups one."""
    if isinstance(scopes, str):
        return {"match": pattern, "name": _scope(scopes)}
    captures = {str(group): {"name": _scope(scope)} for group, scope in scopes.items()}
    return {"match": pattern, "captures": captures}


def _one_of(known: Iterable[str]) -> str:
    """Return the pattern of a whole word that is one of these."""
    return rf"(?<![\w.])(?:{'|'.join(sorted(set(known)))})(?!\w)"


def _comment() -> dict[str, Any]:
    directive = DIRECTIVE.pattern.replace("(?P<verb>", "(").replace("(?P<codes>", "(")
    return {
        "patterns": [
            {
                "match": rf"({directive}).*",
                "name": _scope("comment.line.number-sign.directive"),
                "captures": {
                    "2": {"name": _scope("keyword.other.directive")},
                    "3": {"name": _scope("constant.other.code")},
                },
            },
            _match(patterns()["COMMENT"], "comment.line.number-sign"),
        ]
    }


def _arguments() -> list[dict[str, Any]]:
    """Return the patterns for a name before an equals sign: an argument's, or one that is bound."""
    known = {name for row in ROWS for param in row.by_name.values() for name in (param.name, param.short)}
    known |= {part.name for family in OBJECTS.values() for entry in family for part in entry.parts}
    known |= {"batch", "dtype", *ARGUMENTS}
    return [
        _match(rf"({_one_of(known - {''})})\s*(=)(?![=>])", {1: "variable.parameter", 2: _EQUALS}),
        _match(r"([A-Z]\w*)\s*(=)(?![=>])", {1: "variable.other.constant", 2: _EQUALS}),
        _match(r"([a-z]\w*)\s*(=)(?![=>])", {1: "variable.other.definition", 2: _EQUALS}),
    ]


def _objects() -> set[str]:
    return {name for family in OBJECTS for name in names(family)}


def _flags() -> list[dict[str, Any]]:
    dtypes = {*DTYPES, *SHORT_DTYPES}
    words = flags() - _objects() - dtypes - set(_VALUES)
    return [
        _match(rf"{_one_of(dtypes)}", "storage.type.dtype"),
        _match(rf"{_one_of(words)}(?!\s*[(=])", "storage.modifier.flag"),
        _match(rf"{_one_of(_objects() & flags())}(?!\s*[(=])", "support.type.object"),
    ]


def _strings() -> list[dict[str, Any]]:
    escape = {"patterns": [_match(r"\\(?:u[0-9a-fA-F]{4}|.)", "constant.character.escape")]}
    return [
        {
            "match": patterns()["STRING"],
            "name": _scope("string.quoted"),
            "captures": {"0": escape},
        },
        _match(CURLY, "string.quoted.other"),
        _match(UNCLOSED, "invalid.illegal.unclosed-string"),
    ]


def _words() -> list[dict[str, Any]]:
    keywords = set(words().keywords)
    ranged = r"(log|step)(?!\w)"
    own = set(LANGUAGE) - keywords - set(_VALUES)
    return [
        _match(r"(?<![\w.])in(?=\s*\()", "keyword.other.source"),
        _match(_one_of(keywords - STATEMENTS), "keyword.control"),
        # Behind the range of a search only: elsewhere they are names.
        _match(rf"(?<=\])\s*{ranged}(?:\s+{ranged})?", {1: "keyword.control", 2: "keyword.control"}),
        _match(_one_of(STATEMENTS), "keyword.declaration"),
        _match(_one_of(own), "keyword.other"),
        _match(_one_of(_VALUES), "constant.language"),
    ]


def _names() -> list[dict[str, Any]]:
    """Return the patterns of names: after a dot, of a layer, an object, a symbol, or of the spec's own."""
    return [
        _match(r"(\.)([A-Za-z]\w*)", {1: "punctuation.accessor", 2: "variable.other.property"}),
        # With an equals sign behind it, it is bound here, and no longer the layer of that name.
        _match(rf"{_one_of(NAMES)}(?!\s*=)", "support.function.layer"),
        _match(rf"{_one_of(_objects() - NAMES.keys())}(?!\s*=)", "support.type.object"),
        _match(r"[A-Z][A-Za-z0-9_]*(?!\w)", "variable.other.constant"),
        _match(r"[a-z][A-Za-z0-9_]*(?=\s*\()", "entity.name.function"),
        _match(r"[a-z][A-Za-z0-9_]*(?!\w)", "variable.other.readwrite"),
    ]


def _marks() -> list[dict[str, Any]]:
    """Return the patterns of marks: the language's, those read as other marks, and meaningless ones."""
    wrong = (*LOOKALIKES, *INSTEAD)
    return [
        # Before the marks, of which they are made up.
        _match(alternatives(mark for mark in wrong if len(mark) > 1), "invalid.illegal"),
        _match("->", "keyword.operator.arrow"),
        _match(r"\.\.", "keyword.operator.range"),
        _match(r"//|[-+*%]", "keyword.operator.arithmetic"),
        _match("=", _EQUALS),
        _match(r"\?|(?<!\w)_(?!\w)", "constant.language.size"),
        _match(",", "punctuation.separator"),
        _match(r"\.", "punctuation.accessor"),
        _match(r"[^\s\])]", "invalid.illegal"),
    ]
