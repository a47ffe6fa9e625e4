"""Parse a text to its syntax tree.

The text is lexed once and cut into statements; each is then read on its own, so that a fault in one
hides none in another. Nothing here recurses, and every bound is checked before the tree is built.
"""

from __future__ import annotations

from typing import NamedTuple

from lark.exceptions import UnexpectedToken

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.build import NumberError
from seqtopo.syntax.explain import explain
from seqtopo.syntax.findings import Findings
from seqtopo.syntax.grammar import statement_parser, words
from seqtopo.syntax.lines import Sentence, split
from seqtopo.syntax.pasted import find_python
from seqtopo.syntax.tokens import Token, lex, with_soft_words

LONGEST = 5_000_000


class Reading(NamedTuple):
    """A parsed text: its tree (None if it is not a spec text at all), its tokens and its errors."""

    spec: tree.Spec | None
    tokens: list[Token]
    diagnostics: list[Diagnostic]


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text, comments and line breaks included.

    >>> [token.text for token in tokenize("in(T) -> relu")]
    ['in', '(', 'T', ')', '->', 'relu']
    """
    return lex(text, words())


def parse(source: Source) -> tuple[tree.Spec | None, list[Diagnostic]]:
    """Return the tree of a text and its errors, in the order of the text.

    The tree holds the statements that could be read; it is None where the text is not a spec at all
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
    """Return the tree and the errors of a text, as `parse` does, and its tokens."""
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
    tokens = with_soft_words(sentence.tokens)
    try:
        return statement_parser().parse(tokens)  # type: ignore[return-value]  # Builder makes it
    except UnexpectedToken as error:
        at = next((i for i, token in enumerate(tokens) if token is error.token), len(tokens))
        explain(tokens, at, frozenset(error.accepts), findings)
    except NumberError as error:
        token, message = error.args
        findings.add("ST102", message, token.span, "this number", help="write a smaller number")
    return None
