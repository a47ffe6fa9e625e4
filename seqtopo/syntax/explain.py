"""Explain a syntax error in English, from the parser's state.

The parser knows which kinds of words could stand where it stopped; the words around that place
usually tell what was meant. The cases are asked in the order of ``_CASES``; the last one says what
was expected.
"""

from __future__ import annotations

from collections.abc import Callable

from seqtopo.diag.model import Fix
from seqtopo.source import Span
from seqtopo.syntax import mixups
from seqtopo.syntax.findings import Findings, edit
from seqtopo.syntax.mixups import OPERATORS, STARTS, WORDS, Place
from seqtopo.syntax.strays import shown
from seqtopo.syntax.tokens import Token

# The names of the kinds that can follow, for errors that no function below explains.
_MARKS = {
    "ARROW": "'->'",
    "COMMA": "','",
    "EQUALS": "'='",
    "RPAR": "')'",
    "RSQB": "']'",
    "LPAR": "'('",
    "IN": "'in'",
    "LOG": "'log'",
    "STEP": "'step'",
    "RANGE": "'..'",
    "DOT": "'.'",
}


_SEARCH = "write it like this: search UNITS in [32, 64], RATE in [0.0..0.5]"


def explain(tokens: list[Token], at: int, accepts: frozenset[str], findings: Findings) -> None:
    """Report why ``tokens[at]`` cannot stand where it does, or why the sentence cannot end (``at == len``).

    ``accepts`` are the kinds of tokens that could stand there. Gives one ST102.
    """
    place = Place(tokens, at, accepts, findings)
    for case in _CASES:
        if case(place):
            return


def _nothing_before(place: Place) -> bool:
    if place.at > 0:
        return False
    text = place.token().text
    if place.kind() == "ARROW":
        return place.say(
            "nothing stands before '->'",
            "expected a layer before it",
            "begin the flow with its source: in(T,F) -> ...",
        )
    return place.say(
        f"a statement cannot begin with {shown(text)}",
        "expected a flow, 'name = ...', 'let', 'search', 'def' or 'train'",
        f"remove {shown(text)}, or put something before it",
    )


def _word_as_name(place: Place) -> bool:
    """Report ``let in = 3``, ``train = a -> b``, ``a as for``."""
    offset = 0
    if place.kind() == "EQUALS" and place.kind(-1) in WORDS and (place.at == 1 or place.kind(-1) == "IN"):
        offset = -1
    elif place.kind() not in WORDS or "NAME" not in place.accepts:
        return False
    word = place.token(offset)
    if word.type == "IN" and place.kind(-1) == "FOR":
        return False
    if word.type in ("LET", "SEARCH", "DEF", "TRAIN") and offset == 0 and place.breaks_line():
        return False
    place.findings.add(
        "ST102",
        f"'{word.text}' is a word of the language and cannot be a name",
        word.span,
        "taken",
        help="choose another name",
        fixes=edit(f"write '{word.text}_'", word.span, word.text + "_"),
    )
    return True


def _unfinished(place: Place) -> bool:
    """Report a statement that breaks off, or goes on with a mark where something else must stand first."""
    last = place.kind(-1)
    begins = place.kind() in STARTS or place.kind() in WORDS
    if begins and not place.breaks_line() and (last, place.kind()) != ("FOR", "IN"):
        return False
    wanted = {
        "ARROW": ("a layer", "'->'"),
        "EQUALS": ("a value", "'='"),
        "AS": ("a name", "'as'"),
        "FOR": ("a name", "'for'"),
        "IN": ("the values", "'in'"),
        "LET": ("a name", "'let'"),
        "SEARCH": ("a name", "'search'"),
        "STEP": ("a number", "'step'"),
        "DEF": ("a name", "'def'"),
        "TRAIN": ("an optimizer", "'train'"),
        "DOT": ("a name", "'.'"),
        "RANGE": ("the last number", "'..'"),
    }.get(last)
    if last in OPERATORS:
        wanted = ("a number or a layer", shown(place.last.text))
    if wanted is None or (last == "IN" and "ARROW" in place.accepts):
        return False
    if last == "DOT" and place.kind(-2) == "NUMBER":
        return False
    what, after = wanted
    if place.kind() == "ARROW" and last == "ARROW":
        between = Span(place.last.start, place.token().start)
        return place.say(
            "expected a layer between two '->'",
            "a second '->'",
            "put the missing layer between them, or remove one",
            edit("remove one '->'", between, ""),
        )
    help = {
        "ARROW": "add the missing layer, or remove the '->'",
        "EQUALS": "write the value, or the flow, that the name stands for",
        "AS": "write the name: x as name",
        "FOR": "write it like this: (FLOW) for D in [1, 2, 4]",
        "IN": _SEARCH
        if place.tokens[0].type == "SEARCH"
        else "write it like this: (FLOW) for D in [1, 2, 4]",
        "LET": "write it like this: let T = 24, F = 3",
        "SEARCH": _SEARCH,
        "STEP": "write it like this: search UNITS in [32..128] step 32",
        "DEF": "write it like this: def name(P, Q=2) = FLOW",
        "TRAIN": "write it like this: train adam(1e-3), loss=mse",
        "DOT": "write it like this: encoder.state",
        "RANGE": "write it like this: [1..8]",
    }.get(last, f"write what follows {after}, or remove it")
    fixes: tuple[Fix, ...] = ()
    if last == "ARROW":
        fixes = edit("remove the '->'", Span(place.tokens[place.at - 2].end, place.last.end), "")
    return place.say(f"expected {what} after {after}, {place.found()}", f"expected {what}", help, fixes)


def _loop_without_in(place: Place) -> bool:
    """Report ``x for D [1, 2]``."""
    if "IN" not in place.accepts or "COMMA" not in place.accepts or "NUMBER" in place.accepts:
        return False
    behind = Span(place.last.end, place.last.end)
    return place.say(
        f"expected 'in' after 'for {place.last.text}', {place.found()}",
        "expected 'in'",
        "write it like this: (FLOW) for D in [1, 2, 4]",
        edit("insert 'in'", behind, " in") if place.kind() in STARTS else (),
    )


def _string_as_name(place: Place) -> bool:
    if place.kind() != "STRING" or place.kind(-1) != "AS":
        return False
    name = place.token().text[1:-1]
    plain = name.isascii() and name.isidentifier() and name[0] != "_"
    return place.say(
        "a name after 'as' is written without quotes",
        "a string",
        f"write {name}" if plain else "write a name",
        edit("remove the quotes", place.span, name) if plain else (),
    )


def _expected(place: Place) -> bool:
    """Report what could have stood here, if no other explanation fits."""
    words: list[str] = []
    if "NUMBER" in place.accepts:
        words.append("a layer, a name or a number")
    elif "NAME" in place.accepts:
        words.append("a name")
    marks = [text for kind, text in _MARKS.items() if kind in place.accepts and (kind != "IN" or not words)]
    # Past the end of an operand nearly every mark could follow; the closing ones say most.
    words += marks[:4]
    listed = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    what = listed or "the statement to end"
    help = {
        "LET": "write it like this: let T = 24, F = 3",
        "SEARCH": _SEARCH,
        "DEF": "write it like this: def name(P, Q=2) = FLOW",
        "TRAIN": "write it like this: train adam(1e-3), loss=mse",
    }.get(place.tokens[0].type)
    if help is None:
        found = "" if place.ends else f"remove {shown(place.token().text)}, or "
        help = f"{found}write what is missing"
    message = f"expected {what} after {shown(place.last.text)}, {place.found()}"
    return place.say(message, f"expected {what}", help)


_CASES: tuple[Callable[[Place], bool], ...] = (
    _nothing_before,
    _string_as_name,
    _loop_without_in,
    _word_as_name,
    mixups.search_values,
    _unfinished,
    mixups.bare_arguments,
    mixups.definition_head,
    mixups.calls_attribute,
    mixups.missing_between,
    mixups.equals,
    mixups.dot,
    mixups.comma,
    mixups.arrow_in_front,
    mixups.goes_on_after_loop,
    _expected,
)
