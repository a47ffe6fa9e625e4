"""Report words and characters that the language does not have, and read them as what is meant."""

from __future__ import annotations

import re

from seqtopo.source import Span
from seqtopo.syntax.findings import Findings, edit
from seqtopo.syntax.tokens import INSTEAD, LOOKALIKES, PYTHON_CONSTANTS, Token

# The maximum length of a stray word in a message.
_SHOWN = 20


def shown(text: str) -> str:
    """Return a span of the text as messages quote it: short, and with nothing unprintable."""
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short) + "'"


def is_arrow(text: str) -> bool:
    """Return whether a word that is not part of the language means '->'."""
    meant = LOOKALIKES.get(text)
    return meant is not None and meant.kind == "ARROW"


def read_stray(token: Token, findings: Findings) -> Token | None:
    """Report a stray word or character, and return the token that is meant, or None."""
    if token.type == "CONSTANT":
        return _constant(token, findings)
    if token.type == "CURLY":
        return _curly(token, findings)
    if token.type == "UNCLOSED":
        _unclosed(token, findings)
        return None
    meant = LOOKALIKES.get(token.text)
    if meant is not None:
        safe = meant.certain and _stands_alone(token, findings)
        findings.add(
            "ST101",
            f"{meant.role} '{meant.text}', not '{token.text}'",
            token.span,
            "not part of the language",
            help=f"write '{meant.text}'",
            fixes=edit(
                f"write '{meant.text}'",
                token.span,
                meant.text,
                safe,
            ),
        )
        return Token(meant.kind, meant.text, token.start, token.end)
    instead = INSTEAD.get(token.text)
    if instead is not None:
        findings.add("ST101", instead.message, token.span, "not part of the language", help=instead.help)
    elif re.fullmatch(r"[0-9]\w*", token.text):
        return _half_number(token, findings)
    elif token.text.strip("_") == "":
        findings.add(
            "ST101",
            f"{shown(token.text)} is not a name; the width of the incoming value is '_'",
            token.span,
            "not part of the language",
            help="write '_'",
            fixes=edit("write '_'", token.span, "_"),
        )
    elif token.text[0] == "_" and token.text.isascii():
        bare = token.text.lstrip("_")
        findings.add(
            "ST101",
            f"{shown(token.text)} is not a name: a name starts with a letter",
            token.span,
            "starts with '_'",
            help="remove the leading '_'",
            fixes=edit(f"write {shown(bare)}", token.span, bare) if bare[0].isalpha() else (),
        )
    elif any(c.isalpha() for c in token.text):
        findings.add(
            "ST101",
            f"{shown(token.text)} is not a name: a name has the letters a-z and A-Z, digits and '_'",
            token.span,
            "not part of the language",
            help="write it with unaccented Latin letters",
        )
    else:
        findings.add(
            "ST101",
            f"{shown(token.text)} is not part of the language",
            token.span,
            "not part of the language",
            help="remove it",
            fixes=edit("remove it", token.span, ""),
        )
    return None


def _stands_alone(token: Token, findings: Findings) -> bool:
    """Return whether the replacement of a character cannot run together with the characters beside it."""
    text = findings.source.text
    beside = text[max(0, token.start - 1) : token.start] + text[token.end : token.end + 1]
    return all(c.isalnum() or c.isspace() or c in "()[],_?\"'" for c in beside)


def _constant(token: Token, findings: Findings) -> Token:
    small = PYTHON_CONSTANTS[token.text]
    findings.add(
        "ST102",
        f"'{token.text}' is Python's; it is written '{small}' here",
        token.span,
        "starts with an upper-case letter, as only dimensions do",
        help=f"write '{small}'",
        fixes=edit(f"write '{small}'", token.span, small, safe=True),
    )
    return Token("NAME", small, token.start, token.end)


def _curly(token: Token, findings: Findings) -> Token:
    body = token.text[1:-1]
    quote = '"' if '"' not in body else "'"
    fits = quote not in body and "\\" not in body
    findings.add(
        "ST101",
        "strings stand in straight quotes",
        token.span,
        "typographic quotes",
        help=f"write {quote} on both sides",
        fixes=edit("write straight quotes", token.span, f"{quote}{body}{quote}", safe=True) if fits else (),
    )
    return Token("STRING", f"{quote}{body}{quote}" if fits else '""', token.start, token.end)


def _unclosed(token: Token, findings: Findings) -> None:
    quote = token.text[0]
    body = token.text.rstrip()
    findings.add(
        "ST103",
        f"the string that begins with {quote} is not closed on its line",
        Span(token.start, token.start + 1),
        "opened here",
        help=f"close it with {quote}",
        fixes=edit(
            f"insert {quote} at the end", Span(token.start + len(body), token.start + len(body)), quote
        ),
    )


def _half_number(token: Token, findings: Findings) -> Token:
    text = token.text
    digits = text.replace("_", "")
    if digits.isascii() and digits.isdigit():
        findings.add(
            "ST101",
            f"{shown(text)} is not a number: digits are written without '_'",
            token.span,
            "'_' between digits",
            help=f"write {digits[:_SHOWN]}",
            fixes=edit(f"write {digits[:_SHOWN]}", token.span, digits, safe=len(digits) < _SHOWN),
        )
        return Token("NUMBER", digits, token.start, token.end)
    findings.add(
        "ST101",
        f"{shown(text)} is neither a number nor a name: a name starts with a letter",
        token.span,
        "starts with a digit",
        help="begin the name with a letter, or separate the number from what follows",
    )
    return Token("NAME", text, token.start, token.end)
