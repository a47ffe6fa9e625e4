"""Split tokens into statements, and check that brackets match.

A statement ends at the end of its line, unless a bracket is open, the line ends with ``->``, ``=``
or a comma, or the next line begins with ``->``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seqtopo.diag.model import Label
from seqtopo.source import Span
from seqtopo.syntax.findings import Findings, edit
from seqtopo.syntax.strays import is_arrow, read_stray
from seqtopo.syntax.tokens import Token

DEEPEST = 64

CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB"}
MARK = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]"}

_GOES_ON = frozenset({"ARROW", "EQUALS", "COMMA"})
_OPENS = frozenset({"LET", "SEARCH", "DEF", "TRAIN"})
_CAN_BEGIN = _OPENS | {"NAME", "IN", "LSQB"}
_UNFINISHED = frozenset({"STAR", "SLASHES", "PERCENT", "PLUS", "MINUS", "LPAR", "LSQB", "DOT", "RANGE"})
_STRAYS = frozenset({"CURLY", "ALIKE", "UNCLOSED", "STRAY", "CONSTANT"})
_WATCHED = _STRAYS | {"LPAR", "RPAR", "LSQB", "RSQB", "ARROW", "COMMA", "AS", "FOR", "MINUS"}


@dataclass(eq=False, slots=True)
class Sentence:
    """The tokens of one statement; ``sound`` is False if an error in it was reported already."""

    tokens: list[Token] = field(default_factory=list)
    sound: bool = True


@dataclass(eq=False, slots=True)
class _Bracket:
    """An open bracket and how deeply what stood in it so far is nested."""

    opener: Token
    deepest: int = 0
    step: int = 0  # the depth of the step that stands last; suffixes wrap it


class _Splitter:
    """The state of one pass over a text's tokens."""

    def __init__(self, tokens: list[Token], findings: Findings) -> None:
        self.tokens = tokens
        self.findings = findings
        self.sentences: list[Sentence] = []
        # Tokens that may be read a second time, after unclosed brackets.
        self.budget = 3 * len(tokens) + 100_000
        self._begin()

    def _begin(self) -> None:
        self.now = Sentence()
        self.open: list[_Bracket] = [_Bracket(Token("", "", 0, 0))]
        self.restart = -1  # where to go on, should a bracket stay open
        self.cut = False  # a string was not closed: what the rest of its line said is unknown

    def _end(self) -> None:
        if self.now.tokens or not self.now.sound:
            self.sentences.append(self.now)
        self._begin()

    def run(self) -> list[Sentence]:
        at = 0
        # Each round but the last reports an unclosed bracket.
        while at >= 0 and not self.findings.full:
            at = self._pass(at)
        return self.sentences

    def _pass(self, first: int) -> int:
        """Read on from a token; returns the one to begin again from after an unclosed bracket, else -1."""
        fresh = True
        tokens = self.tokens
        for index in range(first, len(tokens)):
            token = tokens[index]
            kind = token.type
            if kind == "NEWLINE":
                fresh = True
                continue
            if kind == "COMMENT":
                continue
            if fresh and (self.now.tokens or not self.now.sound):
                if self.cut:
                    self._end()
                elif len(self.open) == 1:
                    if not self._goes_on(token):
                        self._end()
                        if self.findings.full:
                            return -1
                elif token.type in _CAN_BEGIN and self._begins_statement(index):
                    if self.restart < 0:
                        self.restart = index
                    if self._must_begin(index):
                        return self._unclosed(self.restart, index)
            fresh = False
            if kind in _WATCHED:
                if kind in _STRAYS:
                    meant = read_stray(token, self.findings)
                    if meant is None:
                        self.now.sound = False
                        self.cut = self.cut or kind == "UNCLOSED"
                        continue
                    token = meant
                self._watch(token)
            self.now.tokens.append(token)
        if len(self.open) > 1 and not self.cut:
            return self._unclosed(self.restart, len(tokens))
        self._end()
        return -1

    def _goes_on(self, token: Token) -> bool:
        """Return whether the statement goes on with the first token of a line, no bracket being open."""
        if token.type == "ARROW" or is_arrow(token.text):
            return True
        tokens = self.now.tokens
        return bool(tokens) and tokens[-1].type in _GOES_ON and token.type not in _OPENS

    def _begins_statement(self, index: int) -> bool:
        """Return whether a line inside an open bracket looks as if the bracket was to be closed before."""
        token = self.tokens[index]
        if token.type in _OPENS:
            return True
        indented = self.tokens[index - 1].end != token.start
        goes_on = self.now.tokens[-1].type in _GOES_ON | _UNFINISHED
        return not indented and (self._binds(index) or not goes_on)

    def _must_begin(self, index: int) -> bool:
        """Return whether a line cannot be inside a bracket: 'b =' after 'a' would need a comma before it."""
        goes_on = self.now.tokens[-1].type in _GOES_ON | _UNFINISHED
        return self.tokens[index].type in _OPENS or (self._binds(index) and not goes_on)

    def _binds(self, index: int) -> bool:
        return index + 1 < len(self.tokens) and self.tokens[index + 1].type == "EQUALS"

    def _unclosed(self, restart: int, read: int) -> int:
        """Report the bracket that is open, ``read`` tokens being read; returns where to go on, else -1."""
        now = self.now.tokens
        opener = self.open[-1].opener
        if restart >= 0:
            # The rest is read again, as a statement of its own.
            self.budget -= read - restart
            begin = self.tokens[restart].start
            opener = next(b.opener for b in reversed(self.open) if b.opener.start < begin)
            self.findings.forget(begin)
            now = [token for token in now if token.start < begin]
        where = now[-1]
        # In a call, '->' rarely stands before the arguments have ended.
        if opener.type == "LPAR":
            inside = now.index(opener) + 1
            arrow = next((i for i, t in enumerate(now[inside:], inside) if t.type == "ARROW"), None)
            if arrow is not None and now[arrow - 1] is not opener:
                where = now[arrow - 1]
        mark, closer = MARK[opener.type], MARK[CLOSER[opener.type]]
        self.findings.add(
            "ST103",
            f"'{mark}' is never closed",
            opener.span,
            "opened here",
            help=f"close it with '{closer}'",
            fixes=edit(f"insert '{closer}'", Span(where.end, where.end), closer),
        )
        self.now.sound = False
        self._end()
        return restart if self.budget > 0 else -1

    def _watch(self, token: Token) -> None:
        """Follow the brackets, and how deeply the tree of this statement will be nested."""
        kind = token.type
        level = self.open[-1]
        if kind in CLOSER:
            self.open.append(_Bracket(token))
            if len(self.open) - 1 > DEEPEST:
                self._too_deep(token)
        elif kind == "RPAR" or kind == "RSQB":
            self._close(token)
        elif kind == "ARROW" or kind == "COMMA":
            level.deepest = max(level.deepest, level.step)
            level.step = 0
        elif kind == "AS" or kind == "FOR" or (self.now.tokens and self.now.tokens[-1].type == "MINUS"):
            level.step += 1
            if level.step > DEEPEST:
                self._too_deep(token)

    def _close(self, token: Token) -> None:
        if len(self.open) == 1:
            self.now.sound = False
            self.findings.add(
                "ST103",
                f"'{token.text}' closes nothing: no bracket is open here",
                token.span,
                "closes nothing",
                help="remove it, or open a bracket before",
                fixes=edit(f"remove '{token.text}'", token.span, ""),
            )
            return
        level = self.open.pop()
        opener = level.opener
        outer = self.open[-1]
        if len(self.open) == 1:
            self.restart = -1
        outer.step = max(outer.step, max(level.deepest, level.step) + 1)
        if outer.step > DEEPEST:
            self._too_deep(token)
        closer = CLOSER[opener.type]
        if token.type != closer:
            self.now.sound = False
            self.findings.add(
                "ST103",
                f"'{opener.text}' is closed by '{token.text}'",
                token.span,
                f"expected '{MARK[closer]}'",
                labels=(Label(opener.span, "opened here"),),
                help=f"close it with '{MARK[closer]}'",
                fixes=edit(f"write '{MARK[closer]}'", token.span, MARK[closer]),
            )

    def _too_deep(self, token: Token) -> None:
        if self.now.sound:
            self.findings.add(
                "ST104",
                f"this is nested more than {DEEPEST} levels deep",
                token.span,
                f"level {DEEPEST + 1}",
                help="give an inner part a name on a line of its own, and use the name here",
            )
        self.now.sound = False


def split(tokens: list[Token], findings: Findings) -> list[Sentence]:
    """Return the statements of a text; report each stray character and read it as what it means."""
    return _Splitter(tokens, findings).run()
