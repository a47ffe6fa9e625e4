"""Explain marks that are missing, misplaced or mixed up: one function for each kind of mistake.

Each asks whether its mistake is the one at hand; if so it reports it and gives True.
"""

from __future__ import annotations

from typing import NamedTuple

from seqtopo.diag.model import Edit, Fix
from seqtopo.source import Span
from seqtopo.syntax.findings import Findings, edit
from seqtopo.syntax.strays import shown
from seqtopo.syntax.tokens import Token

OPERANDS = frozenset({"NAME", "IN", "NUMBER", "STRING", "WILD", "UNKNOWN"})
STARTS = OPERANDS | {"LPAR", "LSQB"}
ENDS = OPERANDS | {"RPAR", "RSQB"}
WORDS = frozenset({"LET", "SEARCH", "DEF", "TRAIN", "FOR", "IN", "AS"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASHES", "PERCENT"})


class Place(NamedTuple):
    """The place where the parser stopped: the tokens of the statement and the index of the wrong one."""

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
        """True if the statement ends too early, so that there is no wrong token."""
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


def bare_arguments(place: Place) -> bool:
    """Explain a call without its parentheses: ``lstm 64``."""
    if place.kind() not in ("NUMBER", "UNKNOWN", "STRING", "WILD") or place.kind(-1) not in ("NAME", "IN"):
        return False
    if place.kind(-2) in ("LET", "SEARCH", "DEF", "FOR", "AS", "DOT") or place.breaks_line():
        return False
    _, bracket = place.opener()
    name = place.last
    if bracket == "call" and place.kind(-2) in ("LPAR", "COMMA") and place.at > 2:
        # 'lstm(units 64)': in a call, '=' is missing as likely as ','.
        gap = Span(name.end, place.token().start)
        fixes = (
            *edit(f"write {name.text}={place.token().text}", gap, "="),
            *edit("insert ','", Span(name.end, name.end), ","),
        )
        return place.say(
            f"{shown(name.text)} is followed by {shown(place.token().text)} with no ',' or '=' between them",
            "expected ',' or '='",
            "separate arguments by ',', and give one by name with '='",
            fixes,
        )
    end = place.at
    while place.kind(end - place.at) in OPERANDS:
        end += 1
    given = ",".join(token.text for token in place.tokens[place.at : end])
    whole = Span(name.end, place.tokens[end - 1].end)
    return place.say(
        f"the arguments of {shown(name.text)} stand without parentheses",
        "expected '('",
        f"write {name.text}({given})" if len(given) < 60 else "put the arguments in parentheses",
        edit("put them in parentheses", whole, f"({given})"),
    )


def missing_between(place: Place) -> bool:
    """Explain two expressions side by side: a comma is missing in brackets, an arrow in a flow."""
    if place.kind() not in STARTS or place.kind(-1) not in ENDS:
        return False
    if place.tokens[0].type == "DEF" and place.opener()[1] == "" and place.kind(-2) == "DEF":
        return False
    if place.kind() == "LPAR" and place.last.type in ("RPAR", "RSQB", "NUMBER", "STRING"):
        return _called(place)
    opener, bracket = place.opener()
    behind = Span(place.last.end, place.last.end)
    between = f"between {shown(place.last.text)} and {shown(place.token().text)}"
    comma, arrow = edit("insert ','", behind, ","), edit("insert '->'", behind, " ->")
    if bracket in ("call", "head"):
        what = place.tokens[opener - 1].text
        return place.say(
            f"a ',' is missing {between}",
            "expected ','",
            f"separate the {'arguments' if bracket == 'call' else 'parameters'} of {shown(what)} by ','",
            comma,
        )
    if bracket in ("list", "group") and "COMMA" in place.accepts:
        return place.say(
            f"a ',' or '->' is missing {between}",
            "expected ',' or '->'",
            "write ',' between items, '->' between steps",
            (*comma, *arrow),
        )
    statement = place.tokens[0].type
    if statement in ("LET", "SEARCH", "TRAIN"):
        return place.say(
            f"a ',' is missing {between}",
            "expected ','",
            f"separate what stands after '{place.tokens[0].text}' by ','",
            comma,
        )
    if "ARROW" in place.accepts:
        return place.say(
            f"a '->' is missing {between}", "expected '->'", "join the steps of a flow by '->'", arrow
        )
    return False


def _called(place: Place) -> bool:
    """Report ``lstm(64)(x)``, Keras' way to apply a layer."""
    fixes: tuple[Fix, ...] = ()
    if place.kind(1) == "NAME" and place.kind(2) == "RPAR" and place.kind(3) == "":
        start = place.tokens[2 if place.tokens[1].type == "EQUALS" else 0].start
        value = place.token(1)
        moved = (
            Edit(Span(start, start), f"{value.text} -> "),
            Edit(Span(place.last.end, place.token(2).end), ""),
        )
        fixes = (Fix(f"put {value.text} before it", moved),)
    return place.say(
        "a layer is applied by '->', not by a second pair of parentheses",
        "not a call",
        "write the input first: x -> lstm(64)",
        fixes,
    )


def calls_attribute(place: Place) -> bool:
    """Explain a layer called through a module: ``layers.LSTM(64)``."""
    if place.kind() != "LPAR" or place.kind(-2) != "DOT":
        return False
    first = place.at - 1
    while first > 1 and place.tokens[first - 1].type == "DOT":
        first -= 2
    path = "".join(token.text for token in place.tokens[first : place.at])
    name = place.last.text
    return place.say(
        f"{shown(path)} cannot be called: layers are written by their bare names",
        "not a layer's name",
        f"write {name.lower()}(...)",
        edit(f"remove {shown(path[: -len(name)])}", Span(place.tokens[first].start, place.last.start), ""),
    )


def search_values(place: Place) -> bool:
    """Explain ``search X = [1, 2]`` and ``let X in [1, 2]``."""
    first = place.tokens[0]
    if first.type == "SEARCH" and place.kind() == "EQUALS" and place.opener()[0] < 0:
        return place.say(
            "the values of a searched name stand behind 'in', not behind '='",
            "expected 'in'",
            "write it like this: search UNITS in [32, 64], RATE in [0.0..0.5]",
            edit("write 'in'", _with_blanks(place), " in "),
        )
    if (
        first.type == "SEARCH"
        and place.kind() == "NAME"
        and place.kind(1) != "IN"
        and "STEP" in place.accepts
    ):
        return place.say(
            f"{shown(place.token().text)} cannot stand behind the values of a searched name",
            "expected ',', 'log' or 'step'",
            "behind a range stand 'log' and 'step K': LR in [1e-4..1e-2] log, UNITS in [32..128] step 32",
        )
    if first.type == "LET" and place.kind() == "IN" and place.at == 2:
        return place.say(
            "'let' binds a name to one value by '='; what is searched begins with 'search'",
            "expected '='",
            "write it like this: search UNITS in [32, 64], RATE in [0.0..0.5]",
            edit("write 'search'", first.span, "search") if place.kind(1) == "LSQB" else (),
        )
    return False


def _with_blanks(place: Place) -> Span:
    """Return the wrong token with the blanks around it."""
    after = place.token(1).start if place.at + 1 < len(place.tokens) else place.token().end
    return Span(place.last.end, after)


def equals(place: Place) -> bool:
    """Explain a misplaced ``=``: in brackets, a second one, or one after something that is not a name."""
    if place.kind() != "EQUALS":
        return False
    _, bracket = place.opener()
    first = place.tokens[0]
    if bracket == "call":
        return place.say(
            "only a single name can stand before '=' in a call",
            "expected ',' or ')'",
            "give an argument by its name: dropout=0.2",
        )
    if bracket:
        return place.say(
            f"'=' cannot stand in a {bracket}",
            "expected ','",
            "give the name a line of its own, before this one: name = ...",
        )
    if first.type == "NAME" and place.kind(-1) == "RPAR" and place.tokens[1].type == "LPAR":
        return place.say(
            "a macro with parameters begins with 'def'",
            "not a name",
            f"write def {first.text}(...) = ...",
            edit("insert 'def'", Span(first.start, first.start), "def "),
        )
    if first.type == "DEF" and place.at == 2:
        return False
    if any(token.type == "EQUALS" for token in place.tokens[: place.at]) and first.type != "LET":
        return place.say("a statement has one '='", "a second '='", "give each name a line of its own")
    return place.say(
        "only a name can stand before '='", "not after a name", "write it like this: name = FLOW"
    )


def definition_head(place: Place) -> bool:
    """Explain an error between ``def`` and its ``=``."""
    if place.tokens[0].type != "DEF" or any(
        t.type == "EQUALS" for t in place.tokens[: place.at] if place.at < 3
    ):
        return False
    if place.at == 2:
        name = place.tokens[1]
        fixes: tuple[Fix, ...] = ()
        if place.kind() == "EQUALS":
            head = Span(place.tokens[0].start, name.start)
            fixes = (
                *edit(f"write {name.text}()", Span(name.end, name.end), "()"),
                *edit("remove 'def'", head, ""),
            )
        return place.say(
            f"expected '(' after the name of a macro, {place.found()}",
            "expected '('",
            f"write def {name.text}() = FLOW, or without 'def' to name one thing: {name.text} = FLOW",
            fixes,
        )
    _, bracket = place.opener()
    if bracket == "head":
        return place.say(
            f"a macro's parameters are names, {place.found()}",
            "expected a name",
            "write them like this: def name(P, Q=2) = FLOW",
        )
    if place.accepts == {"EQUALS"}:
        return place.say(
            f"expected '=' after the head of a macro, {place.found()}",
            "expected '='",
            "write it like this: def name(P, Q=2) = FLOW",
        )
    return False


def dot(place: Place) -> bool:
    """Explain ``..`` outside brackets, or a ``.`` that belongs to no number and joins no two names."""
    if place.kind() == "RANGE":
        return place.say("a range stands in square brackets", "not in brackets", "write it like this: [1..8]")
    at = 0 if place.kind() == "DOT" else -1
    if place.kind(at) != "DOT":
        return False
    dot = place.token(at)
    after = place.kind(at + 1)
    before = place.kind(at - 1)
    if after == "NUMBER" and before not in ENDS:
        return place.say(
            "a number has digits on both sides of its point",
            "no digit before it",
            f"write 0.{place.token(at + 1).text}",
            edit("insert 0", Span(dot.start, dot.start), "0"),
        )
    if before == "NUMBER":
        return place.say(
            "a number has digits on both sides of one point",
            "not a number",
            f"write {place.token(at - 1).text}.0",
            edit("insert 0", Span(dot.end, dot.end), "0") if after != "NUMBER" else (),
        )
    return place.say(
        f"only a name has a second value after '.', {place.found()}",
        "expected a name on both sides",
        "write it like this: encoder.state",
    )


def comma(place: Place) -> bool:
    """Explain a ``,`` that separates nothing."""
    if place.kind() != "COMMA":
        return False
    last = place.kind(-1)
    if last == "COMMA":
        return place.say(
            "two ',' stand side by side",
            "nothing between them",
            "remove one, or write what is missing",
            edit("remove one ','", place.span, ""),
        )
    if last in ("LPAR", "LSQB"):
        return place.say(
            f"nothing stands between {shown(place.last.text)} and ','",
            "nothing before it",
            "remove it, or write what is missing",
            edit("remove ','", place.span, ""),
        )
    if (
        place.opener()[0] < 0
        and place.tokens[0].type not in ("LET", "SEARCH", "DEF", "TRAIN")
        and last in ENDS
    ):
        binds = place.kind(1 - place.at) == "EQUALS"
        begin, end = place.tokens[2 if binds else 0].start, place.tokens[-1].end
        fix = Fix("put it in brackets", (Edit(Span(begin, begin), "["), Edit(Span(end, end), "]")))
        return place.say(
            "several values stand in square brackets",
            "not in brackets",
            "write branches and outputs as a list: [a, b]",
            (fix,),
        )
    return False


def arrow_in_front(place: Place) -> bool:
    """Explain an arrow with nothing before it: ``(-> relu)``."""
    if place.kind() != "ARROW" or place.kind(-1) not in ("LPAR", "LSQB", "COMMA"):
        return False
    return place.say(
        "nothing stands before '->'",
        "expected a layer before it",
        "remove it: a branch receives the incoming value by itself",
        edit("remove '->'", Span(place.token().start, place.tokens[place.at + 1].start), "")
        if place.at + 1 < len(place.tokens)
        else (),
    )


def goes_on_after_loop(place: Place) -> bool:
    """Explain a step after the values of a loop in a list: ``[a for K in [3,5] -> b]``."""
    opener, bracket = place.opener()
    if place.kind() != "ARROW" or bracket != "list" or "ARROW" in place.accepts:
        return False
    outside = _outside_brackets(place, opener + 1)
    first = max([opener, *(i for i in outside if i < place.at and place.tokens[i].type == "COMMA")]) + 1
    item = [i for i in outside if first <= i < place.at]
    loop = next((i for i in item if place.tokens[i].type == "FOR"), -1)
    if loop < 0:
        return False
    step = max([first - 1, *(i for i in item if i < loop and place.tokens[i].type == "ARROW")]) + 1
    fixes: tuple[Fix, ...] = ()
    end = next((i for i in outside if i > place.at and place.tokens[i].type in ("COMMA", "RSQB")), 0)
    clause = Span(place.tokens[loop - 1].end, place.last.end)
    rest = [place.tokens[i].type for i in outside if loop < i < end]
    if end and not {"FOR", "AS"}.intersection(rest):
        text, behind = place.findings.source.text, place.tokens[end - 1].end
        moved = (Edit(clause, ""), Edit(Span(behind, behind), text[clause.start : clause.end]))
        fixes = (Fix("let each branch go on so", moved),)
    start, behind = place.tokens[step].start, place.last.end
    row = (Edit(Span(start, start), "("), Edit(Span(behind, behind), ")"))
    return place.say(
        "in a list a 'for' takes the whole item, and makes a branch of each value: no step can follow it",
        "behind the values of 'for'",
        "write the step before 'for' for it to be in each branch, or put a row in parentheses: "
        "[(a for D in [1,2]) -> b]",
        (*fixes, Fix("put the row in parentheses", row)),
    )


def _outside_brackets(place: Place, first: int) -> list[int]:
    """Return the tokens from one on, without those in brackets, up to the bracket that closes theirs."""
    found: list[int] = []
    depth = 0
    for i in range(first, len(place.tokens)):
        kind = place.tokens[i].type
        depth -= kind in ("RPAR", "RSQB")
        if depth <= 0:
            found.append(i)
        if depth < 0:
            break
        depth += kind in ("LPAR", "LSQB")
    return found
