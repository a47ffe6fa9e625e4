"""Characters that people write for a mark of the language, and the mark that each means.

A lookalike is reported and then read as the mark that is meant, so that it hides no other error.
"""

from __future__ import annotations

from typing import NamedTuple


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
    """Why a character cannot stand in a spec, and what to write instead."""

    message: str
    help: str


# Characters that no mark is meant by for certain, or for which more than the mark has to change.
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
