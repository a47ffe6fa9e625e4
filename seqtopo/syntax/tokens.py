"""Split a text into tokens; what no terminal of the grammar matches becomes STRAY.

Nothing is lost: whatever lies between two tokens is blank.

A lookalike is reported and then read as the mark that is meant, so that it hides no other error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from seqtopo.source import Span


class Token:
    """One word, mark or comment of the text; ``type`` is the name of its terminal in the grammar."""

    __slots__ = ("end", "start", "text", "type")

    # Lark copies these from the last token to the end of a statement; our offsets are start and end.
    start_pos = end_pos = line = column = end_line = end_column = None

    def __init__(self, type: str, text: str, start: int, end: int) -> None:
        self.type = type
        self.text = text
        self.start = start
        self.end = end

    @property
    def span(self) -> Span:
        """The span from the first character to behind the last."""
        return Span(self.start, self.end)

    def __repr__(self) -> str:
        return f"Token({self.type!r}, {self.text!r}, {self.start}, {self.end})"


class Vocabulary(NamedTuple):
    """One regular expression for all terminals, and the names that are words of the language."""

    pattern: re.Pattern[str]
    keywords: dict[str, str]


SOFT_WORDS = {"log": "LOG", "step": "STEP"}
"""Words behind the bracket of a searched range, and their terminals; everywhere else they are names."""

# The words Python has for what is written small here; no symbol may bear their names.
PYTHON_CONSTANTS = {"True": "true", "False": "false", "None": "none"}

CURLY = "“[^“”\n]*”|„[^„“”\n]*[“”]|‘[^‘’\n]*’"
"""Quotation marks of a text processor: a string all the same."""
UNCLOSED = r"""["'][^\n]*"""
"""A string that its line does not end."""


def alternatives(texts: Iterable[str]) -> str:
    """Return a pattern of any of them, the longest first: '->' before '-', '..' before '.'."""
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


def vocabulary(marks: Iterable[tuple[str, str]], patterns: Iterable[tuple[str, str]]) -> Vocabulary:
    """Return the vocabulary for a grammar's literal terminals and its terminals that are patterns.

    Both are (name of the terminal, text) pairs. A literal that looks like a name is a keyword.
    """
    marks = list(marks)
    keywords = {text: name for name, text in marks if text.isidentifier() and text not in SOFT_WORDS}
    literal = {text: name for name, text in marks if not text.isidentifier()}
    options = [f"(?P<{name}>{text})" for name, text in patterns]
    known = [*LOOKALIKES, *INSTEAD]
    options.append(f"(?P<CURLY>{CURLY})")
    # These stand before the marks that they consist of; single characters stand behind them.
    options.append(f"(?P<ALIKE>{alternatives(text for text in known if len(text) > 1)})")
    longest = sorted(literal, key=len, reverse=True)
    options += [f"(?P<{literal[text]}>{re.escape(text)})" for text in longest]
    single = re.escape("".join(text for text in known if len(text) == 1))
    options.append(f"(?P<UNCLOSED>{UNCLOSED})")
    options.append(rf"(?P<STRAY>[{single}]|\w+|[^\x00-\x7F\s{single}]+|\S)")
    # The end is matched too, or blanks at the end of a text would be tried from each of them anew.
    return Vocabulary(re.compile(rf"[^\S\n]*(?:{'|'.join(options)}|\Z)"), keywords)


def lex(text: str, words: Vocabulary) -> list[Token]:
    """Return all tokens of a text in their order, comments and line breaks included."""
    tokens: list[Token] = []
    append = tokens.append
    keyword = words.keywords.get
    # A byte-order mark is not part of what was written.
    start = 1 if text.startswith("\ufeff") else 0
    for match in words.pattern.finditer(text, start):
        kind = match.lastgroup
        if kind is None:
            break
        word = match[kind]
        end = match.end()
        if kind == "NAME":
            kind = keyword(word, kind)
            if word in PYTHON_CONSTANTS:
                kind = "CONSTANT"
        append(Token(kind, word, end - len(word), end))
    return tokens


def with_soft_words(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement; in a ``search``, ``log`` and ``step`` behind a bracket are words.

    >>> from seqtopo.syntax.parse import tokenize
    >>> [token.type for token in with_soft_words(tokenize("search P in [1..9] step 2"))][-2:]
    ['STEP', 'NUMBER']
    """
    if not tokens or tokens[0].type != "SEARCH":
        return tokens
    found: list[Token] = []
    depth = 0
    for token in tokens:
        depth += (token.type in ("LPAR", "LSQB")) - (token.type in ("RPAR", "RSQB"))
        behind = depth == 0 and bool(found) and found[-1].type in ("RSQB", "LOG")
        if behind and token.type == "NAME" and token.text in SOFT_WORDS:
            token = Token(SOFT_WORDS[token.text], token.text, token.start, token.end)
        found.append(token)
    return found


class Meant(NamedTuple):
    """The terminal that a lookalike is read as, its text, what it does, and whether that is certain."""

    kind: str
    text: str
    role: str
    certain: bool


_ARROW = "steps are joined by"
_EQUALS = "a name and its value are joined by"
_TIMES = "times is"
_MINUS = "minus is"
_COMMA = "items in brackets are separated by"

LOOKALIKES: dict[str, Meant] = {
    "→": Meant("ARROW", "->", _ARROW, True),
    "⇒": Meant("ARROW", "->", _ARROW, True),
    "⟶": Meant("ARROW", "->", _ARROW, True),
    "⟹": Meant("ARROW", "->", _ARROW, True),
    "➔": Meant("ARROW", "->", _ARROW, True),
    "➜": Meant("ARROW", "->", _ARROW, True),
    "–>": Meant("ARROW", "->", _ARROW, True),
    "—>": Meant("ARROW", "->", _ARROW, True),
    "−>": Meant("ARROW", "->", _ARROW, True),
    "=>": Meant("ARROW", "->", _ARROW, True),
    "==>": Meant("ARROW", "->", _ARROW, True),
    "-->": Meant("ARROW", "->", _ARROW, True),
    "->>": Meant("ARROW", "->", _ARROW, True),
    "- >": Meant("ARROW", "->", _ARROW, True),
    "|>": Meant("ARROW", "->", _ARROW, True),
    ">>": Meant("ARROW", "->", _ARROW, True),
    ">": Meant("ARROW", "->", _ARROW, False),
    "|": Meant("ARROW", "->", _ARROW, False),
    "==": Meant("EQUALS", "=", _EQUALS, True),
    ":=": Meant("EQUALS", "=", _EQUALS, True),
    ":": Meant("EQUALS", "=", _EQUALS, False),
    "：": Meant("EQUALS", "=", _EQUALS, False),
    "＝": Meant("EQUALS", "=", _EQUALS, True),
    "/": Meant("SLASHES", "//", "sizes are whole numbers, divided by", False),
    "÷": Meant("SLASHES", "//", "sizes are whole numbers, divided by", False),
    "×": Meant("STAR", "*", _TIMES, True),
    "·": Meant("STAR", "*", _TIMES, True),
    "−": Meant("MINUS", "-", _MINUS, True),
    "–": Meant("MINUS", "-", _MINUS, True),
    "—": Meant("MINUS", "-", _MINUS, False),
    "，": Meant("COMMA", ",", _COMMA, True),
    "、": Meant("COMMA", ",", _COMMA, True),
    "（": Meant("LPAR", "(", "a bracket is", True),
    "）": Meant("RPAR", ")", "a bracket is", True),
    "［": Meant("LSQB", "[", "a bracket is", True),
    "］": Meant("RSQB", "]", "a bracket is", True),
    "【": Meant("LSQB", "[", "a bracket is", True),
    "】": Meant("RSQB", "]", "a bracket is", True),
    "？": Meant("UNKNOWN", "?", "any length is", True),
    "...": Meant("RANGE", "..", "the ends of a range are separated by", True),
    "…": Meant("RANGE", "..", "the ends of a range are separated by", True),
}


class Instead(NamedTuple):
    """The reason why a character cannot stand in a spec, and what to write instead."""

    message: str
    help: str


# Characters with no certain replacement, or whose replacement changes more than one mark.
INSTEAD: dict[str, Instead] = {
    "**": Instead("there is no power operator '**'", "multiply it out: 2*2*2"),
    ";": Instead(
        "';' does not end a statement: the end of the line does", "put the next statement on its own line"
    ),
    "{": Instead("braces are not part of the language", "write a list in square brackets: [a, b]"),
    "}": Instead("braces are not part of the language", "write a list in square brackets: [a, b]"),
    "\\": Instead(
        "a line is not continued by '\\'",
        "remove it: a line goes on after '->', '=' or ',', in brackets, or when the next begins with '->'",
    ),
    "&": Instead("'&' is not part of the language", "write branches in brackets: [a, b]"),
    "@": Instead("'@' is not part of the language", "custom layers are registered in Python: @seqtopo.layer"),
    "`": Instead("backquotes are not part of the language", "remove them: names are written bare"),
    "<": Instead("'<' is not part of the language", "write flows from left to right, joined by '->'"),
    "<-": Instead("'<-' is not part of the language", "write flows from left to right, joined by '->'"),
    "$": Instead("'$' is not part of the language", "write a dimension as a bare name: T"),
    "!": Instead("'!' is not part of the language", "remove it"),
    "^": Instead("there is no power operator '^'", "multiply it out: 2*2*2"),
    "~": Instead("'~' is not part of the language", "remove it"),
}  # fmt: skip
