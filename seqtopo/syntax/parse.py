"""From a text to its syntax tree. The only module that uses Lark.

The text is lexed once and cut into statements; each is then read on its own, so that a fault in one
hides none in another. Nothing here recurses, and every bound is checked before the tree is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.build import Builder, NumberError
from seqtopo.syntax.drive import Reduction, Table, drive
from seqtopo.syntax.explain import explain
from seqtopo.syntax.findings import Findings
from seqtopo.syntax.lines import Sentence, split
from seqtopo.syntax.pasted import find_python
from seqtopo.syntax.tokens import Token, Vocabulary, lex, vocabulary

if TYPE_CHECKING:
    from lark import Lark

LONGEST = 5_000_000

_HERE = Path(__file__).resolve()
# In an installed package; beside a checkout.
_PLACES = (_HERE.parents[1] / "seqtopo.lark", _HERE.parents[2] / "grammar" / "seqtopo.lark")


@dataclass(frozen=True)
class Reading:
    """A text read: its tree (None where it is no spec text at all), its tokens, and what is wrong."""

    spec: tree.Spec | None
    tokens: list[Token]
    diagnostics: list[Diagnostic]


def grammar_text() -> str:
    """The grammar, in Lark's notation, from the package or the checkout it is in."""
    path = next((place for place in _PLACES if place.is_file()), _PLACES[0])
    return path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Grammar:
    """The grammar, loaded: Lark's parser, the tables it computed, and the words of the language."""

    lark: Lark
    table: Table
    start: int
    end: int
    words: Vocabulary


@cache
def _grammar() -> _Grammar:
    from lark import Lark
    from lark.lexer import Lexer, PatternStr

    class Given(Lexer):
        """Hands Lark the tokens of one statement."""

        def __init__(self, lexer_conf: Any) -> None: ...

        def lex(self, lexer_state: Any, parser_state: Any = None) -> Iterator[Any]:
            return iter(lexer_state)

    lark = Lark(
        grammar_text(),
        parser="lalr",
        lexer=Given,
        start="statement",
        keep_all_tokens=True,
        transformer=Builder(),  # Lark asks it for methods by name, no more
    )
    blank = {"BLANK"}
    marks = [(t.name, t.pattern.value) for t in lark.terminals if isinstance(t.pattern, PatternStr)]
    patterns = [
        (t.name, t.pattern.to_regexp())
        for t in lark.terminals
        if not isinstance(t.pattern, PatternStr) and t.name not in blank
    ]
    engine: Any = lark.parser.parser
    states, start, end = _tables(engine.parser)
    return _Grammar(lark, states, start, end, vocabulary(marks, patterns))


def _tables(engine: Any) -> tuple[Table, int, int]:
    """Lark's tables with the builder's functions in them, and the states a statement begins and ends in."""
    from lark.parsers.lalr_analysis import Shift

    def entry(action: Any, target: Any) -> int | Reduction:
        if action is Shift:
            return int(target)
        passes = target.options.expand1 and not target.alias and len(target.expansion) == 1
        return len(target.expansion), target.origin.name, None if passes else engine.callbacks[target]

    found = engine.parse_table
    table = {state: {kind: entry(*todo) for kind, todo in row.items()} for state, row in found.states.items()}
    return table, found.start_states["statement"], found.end_states["statement"]


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, comments and line breaks among them; what lies between them is blank.

    >>> [token.text for token in tokenize("in(T) -> relu")]
    ['in', '(', 'T', ')', '->', 'relu']
    """
    return lex(text, _grammar().words)


def parse(source: Source) -> tuple[tree.Spec | None, list[Diagnostic]]:
    """The tree of a text, and what is wrong with it, in the order of the text.

    The tree holds the statements that could be read; it is None where the text is no spec at all
    (too long, or not a text). Diagnostics have the codes ST101 to ST105.

    >>> spec, diagnostics = parse(Source("in(T,F) -> lstm(64,seq)"))
    >>> [type(step).__name__ for step in spec.statements[0].value.steps], diagnostics
    (['Call', 'Call'], [])
    >>> parse(Source("in(T,F) -> lstm(64,seq) ->"))[1][0].message
    "expected a layer after '->', but the text ends"
    """
    reading = read(source)
    return reading.spec, reading.diagnostics


def read(source: Source) -> Reading:
    """What :func:`parse` gives, and the tokens it was read from."""
    findings = Findings(source)
    _refuse(source, findings)
    if findings.diagnostics():
        return Reading(None, [], findings.diagnostics())
    tokens = tokenize(source.text)
    statements: list[tree.Statement] = []
    for sentence in split(tokens, findings):
        if findings.full:
            break
        statement = _statement(sentence, findings) if sentence.sound else None
        if statement is not None:
            statements.append(statement)
    if findings.diagnostics():
        python = find_python(source)
        if python is not None:
            region, add = python
            findings = findings.outside(region)
            add(findings)
            statements = [s for s in statements if not region.start <= s.span.start < region.end]
    spec = tree.Spec(Span(0, len(source.text)), tuple(statements))
    return Reading(spec, tokens, findings.diagnostics())


def _refuse(source: Source, findings: Findings) -> None:
    """Report a text that is not worth reading: what is in it is not a spec."""
    text = source.text
    if len(text) > LONGEST:
        findings.add(
            "ST105",
            f"this text is too long for a spec: {len(text):,} characters; the bound is {LONGEST:,}",
            Span(0, 0),
            help="give the path of a spec; data is not part of it",
        )
        return
    null = text.find("\0")
    if null >= 0:
        findings.add(
            "ST105",
            "this is not a text: it holds a null character",
            Span(null, null + 1),
            "null character",
            help="give a text in UTF-8; a saved model (.keras, .h5) is loaded by Keras",
        )


def _statement(sentence: Sentence, findings: Findings) -> tree.Statement | None:
    from lark.exceptions import UnexpectedToken

    grammar = _grammar()
    tokens = sentence.tokens
    try:
        statement = drive(grammar.table, grammar.start, grammar.end, tokens)
        if statement is not None:
            return statement  # type: ignore[no-any-return]  # the grammar's start rule makes no other
        # Lark stops at the same token, and says what could stand there.
        return grammar.lark.parse(tokens)  # type: ignore[return-value]
    except UnexpectedToken as error:
        at = next((i for i, token in enumerate(tokens) if token is error.token), len(tokens))
        explain(tokens, at, frozenset(error.accepts), findings)
    except NumberError as error:
        token, message = error.args
        findings.add("ST102", message, token.span, "this number", help="write a smaller number")
    return None
