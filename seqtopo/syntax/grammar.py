"""The grammar: Lark reads it, and its tables are kept beside this module.

Reading the grammar takes Lark longer than everything else of a check together, so the tables it computes
are written down once, in ``tables.py``, by ``python -m seqtopo.syntax.store_tables``: a module of constants
is what Python itself keeps compiled, and keeps safely. Lark is loaded only to say what could stand where a
text cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from seqtopo.syntax import tables
from seqtopo.syntax.build import Builder
from seqtopo.syntax.drive import Ladder, Reduction, Table
from seqtopo.syntax.tokens import Vocabulary, vocabulary
from seqtopo.system.grammar_files import grammar_path

if TYPE_CHECKING:
    from lark import Lark


@dataclass(frozen=True)
class Grammar:
    """What reading a text takes: the tables, the states a statement begins and ends in, the words."""

    table: Table
    start: int
    end: int
    words: Vocabulary
    ladder: Ladder = field(default_factory=dict)


def grammar_text() -> str:
    """The grammar, in Lark's notation, from the package or the checkout it is in."""
    with open(grammar_path("seqtopo.lark"), encoding="utf-8") as file:
        return file.read()


@cache
def grammar() -> Grammar:
    """The grammar, from its stored tables."""
    builder = Builder()
    reductions: list[Reduction] = [
        (size, symbol, getattr(builder, method) if method else None)
        for size, symbol, method in tables.REDUCTIONS
    ]
    # A reduction is stored as its number from the end, -1 being the first: a shift is never negative.
    table: Table = {
        state: {kind: todo if todo >= 0 else reductions[-1 - todo] for kind, todo in row.items()}
        for state, row in enumerate(tables.STATES)
    }
    return Grammar(table, tables.START, tables.END, vocabulary(tables.MARKS, tables.PATTERNS))


@cache
def lark_parser() -> Lark:
    """Lark's own parser of a statement, which takes the tokens of ``seqtopo.syntax.tokens``."""
    from lark import Lark
    from lark.lexer import Lexer

    class Given(Lexer):
        """Hands Lark the tokens of one statement."""

        def __init__(self, lexer_conf: Any) -> None: ...

        def lex(self, lexer_state: Any, parser_state: Any = None) -> Iterator[Any]:
            return iter(lexer_state)

    return Lark(
        grammar_text(),
        parser="lalr",
        lexer=Given,
        start="statement",
        keep_all_tokens=True,
        transformer=Builder(),  # Lark asks it for methods by name, no more
    )
