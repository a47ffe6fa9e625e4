"""The position at which the parser stopped, and the words around it."""

from __future__ import annotations

from typing import NamedTuple

from seqtopo.diag.model import Fix
from seqtopo.source import Span
from seqtopo.syntax.findings import Findings
from seqtopo.syntax.strays import shown
from seqtopo.syntax.tokens import Token

OPERANDS = frozenset({"NAME", "IN", "NUMBER", "STRING", "WILD", "UNKNOWN"})
STARTS = OPERANDS | {"LPAR", "LSQB"}
ENDS = OPERANDS | {"RPAR", "RSQB"}
WORDS = frozenset({"LET", "DEF", "TRAIN", "FOR", "IN", "AS"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASHES", "PERCENT"})


class Place(NamedTuple):
    """Where the parser stopped: the tokens of the statement and the index of the wrong one."""

    tokens: list[Token]
    at: int
    accepts: frozenset[str]
    findings: Findings

    def kind(self, offset: int = 0) -> str:
        """Return the kind of a token, counted from the wrong one; '' outside the statement."""
        index = self.at + offset
        return self.tokens[index].type if 0 <= index < len(self.tokens) else ""

    def token(self, offset: int = 0) -> Token:
        """Return the wrong token, or the one ``offset`` tokens away."""
        return self.tokens[self.at + offset]

    @property
    def ends(self) -> bool:
        """Whether the statement ends too early, so that there is no wrong token."""
        return self.at == len(self.tokens)

    @property
    def last(self) -> Token:
        """The token before the wrong one."""
        return self.tokens[self.at - 1]

    @property
    def span(self) -> Span:
        """The span of the wrong token, or the end of the last one if the statement ends too early."""
        return Span(self.last.end, self.last.end) if self.ends else self.token().span

    def breaks_line(self) -> bool:
        """Return whether a line ends before the wrong token."""
        return "\n" in self.findings.source.text[self.last.end : self.token().start]

    def opener(self) -> tuple[int, str]:
        """Return the index of the innermost open bracket (-1: none), and what it is: 'call', 'list', ..."""
        depth = 0
        for index in range(self.at - 1, -1, -1):
            kind = self.tokens[index].type
            if kind in ("RPAR", "RSQB"):
                depth += 1
            elif kind in ("LPAR", "LSQB"):
                if depth == 0:
                    return index, self._bracket(index)
                depth -= 1
        return -1, ""

    def _bracket(self, index: int) -> str:
        if self.tokens[index].type == "LSQB":
            return "list"
        if index > 1 and self.tokens[index - 2].type == "DEF":
            return "head"
        return "call" if index > 0 and self.tokens[index - 1].type in ("NAME", "IN") else "group"

    def say(self, message: str, label: str = "", help: str = "", fixes: tuple[Fix, ...] = ()) -> bool:
        """Report ST102 here. Returns True, so that a case can end with it."""
        self.findings.add("ST102", message, self.span, label, help=help, fixes=fixes)
        return True

    def found(self) -> str:
        """Return the wrong token, or the end, as the second half of a sentence."""
        if not self.ends:
            return f"but found {shown(self.token().text)}"
        rest = self.findings.source.text[self.last.end :]
        return "but the line ends" if "\n" in rest.rstrip() else "but the text ends"
