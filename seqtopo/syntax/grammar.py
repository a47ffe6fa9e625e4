"""Load Lark's parser of one statement from stored tables.

Compiling the grammar takes Lark longer than the rest of a check. So ``python -m seqtopo.cli.reference``
stores the tables as JSON beside this module, and they are loaded as Lark's own stand-alone parsers load
theirs. If the installed Lark has another version than the tables, the grammar is compiled instead.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import Lexer, PatternStr, TerminalDef

from seqtopo.syntax.build import Builder
from seqtopo.syntax.tokens import Vocabulary, vocabulary
from seqtopo.system.files import grammar_path

TABLES = "tables.json"
_SHIFT = 0


class TokenLexer(Lexer):
    """A lexer for Lark that hands over the tokens of one statement, which are lexed already."""

    def __init__(self, lexer_conf: Any) -> None: ...

    def lex(self, lexer_state: Any, parser_state: Any = None) -> Iterator[Any]:
        """Return the tokens that ``Lark.parse`` was given."""
        return iter(lexer_state)


def grammar_text() -> str:
    """Return the grammar in Lark's notation."""
    with open(grammar_path("seqtopo.lark"), encoding="utf-8") as file:
        return file.read()


def compiled_parser() -> Lark:
    """Return the parser of a statement, its tables computed from the grammar."""
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer=TokenLexer,
        start="statement",
        keep_all_tokens=True,
        transformer=Builder(),  # Lark asks it for methods by name, no more
    )


@cache
def statement_parser() -> Lark:
    """Return the parser of a statement: its ``parse`` takes tokens and gives a tree."""
    stored = json.loads(pkgutil.get_data(__package__, TABLES) or b"")
    if stored["lark"] != _lark_version():
        return compiled_parser()
    data = stored["data"]
    table = data["parser"]["parser"]
    table["tokens"] = _with_numbers(table["tokens"])
    table["states"] = {state: _with_numbers(row) for state, row in _with_numbers(table["states"]).items()}
    data["options"]["lexer"] = data["parser"]["lexer_conf"]["lexer_type"] = TokenLexer
    load: Callable[..., Lark] = Lark._load_from_dict
    return load(data, _with_numbers(stored["memo"]), transformer=Builder())


@cache
def words() -> Vocabulary:
    """Return the words of the language, from the grammar's terminals."""
    terminals = statement_parser().terminals
    marks = [(t.name, t.pattern.value) for t in terminals if isinstance(t.pattern, PatternStr)]
    return vocabulary(marks, patterns().items())


def patterns() -> dict[str, str]:
    r"""Return the terminals that are patterns by their names, blanks left out.

    >>> patterns()["COMMENT"]
    '#[^\n]*'
    """
    terminals = statement_parser().terminals
    return {
        t.name: t.pattern.to_regexp()
        for t in terminals
        if not isinstance(t.pattern, PatternStr) and t.name != "BLANK"
    }


def tables_text() -> str:
    """Return the tables of the grammar as JSON to be stored, the same at each run."""
    data, memo = compiled_parser().memo_serialize([TerminalDef, Rule])
    for name in ("lexer", "transformer"):  # objects, which loading gives anew
        del data["options"][name]
    del data["parser"]["lexer_conf"]["lexer_type"]
    data["parser"]["parser"] = _in_order(data["parser"]["parser"])
    text = json.dumps({"lark": _lark_version(), "data": data, "memo": memo}, separators=(",", ":"))
    # One state or rule on each line, so that a difference shows only the changed ones.
    return text.replace('},"', '},\n"') + "\n"


def _lark_version() -> str:
    return ".".join(lark.__version__.split(".")[:2])


def _with_numbers(table: dict[str, Any]) -> dict[int, Any]:
    """Return the table with whole numbers as keys, which JSON stores as strings."""
    return {int(key): value for key, value in table.items()}


def _in_order(table: dict[str, Any]) -> dict[str, Any]:
    """Return a parse table with its states numbered as they are reached.

    Lark's own numbers change from run to run.
    """
    kinds: dict[int, str] = table["tokens"]
    (start,) = table["start_states"].values()
    number = {start: 0}
    states: list[dict[str, Any]] = []
    for state in (reached := [start]):
        row: dict[str, Any] = {}
        for kind, (action, target) in sorted(
            ((kinds[kind], entry) for kind, entry in table["states"][state].items()),
            key=lambda item: item[0],
        ):
            if action == _SHIFT and target not in number:
                number[target] = len(number)
                reached.append(target)
            row[kind] = (action, number[target] if action == _SHIFT else target)
        states.append(row)
    tokens = sorted(kinds.values())
    index = {kind: i for i, kind in enumerate(tokens)}
    return {
        "tokens": dict(enumerate(tokens)),
        "states": {
            state: {index[kind]: entry for kind, entry in row.items()} for state, row in enumerate(states)
        },
        **{
            which: {rule: number[state] for rule, state in table[which].items()}
            for which in ("start_states", "end_states")
        },
    }
