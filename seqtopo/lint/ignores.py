"""Heed comments that switch a rule off at one place: ``# seqtopo: ignore[ST621] reason``.

At the end of a line such a comment speaks for what is found on that line, alone on a line for what is found
on the next one that is not a comment. Where it ends a statement, or stands right before one, it speaks for
the whole statement: breaking a long line, as the formatter does, changes nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from seqtopo.diag.codes import CODES, find
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import tokenize
from seqtopo.syntax.tokens import Token

UNKNOWN, UNUSED = "ST668", "ST669"

_WORD = "seqtopo:"
COMMENT = re.compile(r"#[ \t]*seqtopo:[ \t]*(?P<verb>[\w-]*)[ \t]*(?:\[(?P<codes>[^\]\n]*)\])?")
# Finding the nearest word costs more than all else here.
_MOST_GUESSES = 50


class Ignore(NamedTuple):
    """One ignore comment, and the places it speaks for.

    ``span`` reaches from its ``#`` to the end of the line, ``comment`` as far as its bracket, ``words`` are
    those in there; ``line`` is the line it speaks for, ``statement`` the place of the statement that it
    speaks for as a whole (-1: of none). ``alone`` says that nothing else stands on its line.
    """

    span: Span
    comment: Span
    words: tuple[str, ...]
    line: int
    statement: int
    alone: bool


def apply_ignores(
    found: Sequence[Diagnostic], source: Source, spec: tree.Spec, ran: Collection[str]
) -> list[Diagnostic]:
    """Return the findings of a spec without errors that no comment ignores, and those about its comments.

    ``ran`` are the codes that were looked for: a comment for another one may be of use another time.

    >>> from seqtopo.api import check
    >>> check("in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[ST621] a baseline").diagnostics
    ()
    """
    if _WORD not in source.text:
        return list(found)
    starts = [statement.span.start for statement in spec.statements]

    def spoken_for(diagnostic: Diagnostic) -> list[Spoken]:
        first, last = (source.place(at).line for at in diagnostic.span)
        around = bisect_right(starts, diagnostic.span.start) - 1
        return [("line", first), ("line", last), ("statement", around)]

    return without_ignored(found, source, _ignores(source, spec), ran, spoken_for)


Spoken = tuple[str, int]
"""The scope of a comment: a line by its number, or a statement by its place."""


def without_ignored(
    found: Sequence[Diagnostic],
    source: Source,
    ignores: Sequence[Ignore],
    ran: Collection[str],
    spoken_for: Callable[[Diagnostic], Iterable[Spoken]],
    errors: bool = False,
) -> list[Diagnostic]:
    """Return findings without those that comments ignore, with findings about the comments themselves.

    ``spoken_for`` yields the scopes from which a comment silences a finding; with ``errors``, errors may be
    silenced, too.
    """
    silencers = _silencers(ignores)
    used: set[tuple[int, str]] = set()
    kept: list[Diagnostic] = []
    for diagnostic in found:
        places = spoken_for(diagnostic)
        silent = {by for kind, at in places if (by := silencers.get((kind, at, diagnostic.code))) is not None}
        if silent and (errors or diagnostic.severity != "error"):
            used.update((by, diagnostic.code) for by in silent)
        else:
            kept.append(diagnostic)
    guesses = _MOST_GUESSES
    for at, one in enumerate(ignores):
        unknown, idle = _sorted_out(one, at, used, ran, errors)
        if not one.words:
            kept.append(_empty(one, source))
        if unknown:
            kept.append(_unknown(one, source, unknown, guesses))
            guesses = max(0, guesses - len(unknown))
        if idle:
            kept.append(_unused(one, source, idle, errors))
    return sorted(kept, key=lambda d: (d.span, d.code))


def _ignores(source: Source, spec: tree.Spec) -> list[Ignore]:
    """Return the comments that speak to seqtopo, as the lexer reads them: a ``#`` may stand in a string."""
    tokens = [token for token in tokenize(source.text) if token.type != "NEWLINE"]
    starts = [statement.span.start for statement in spec.statements]
    found: list[Ignore] = []
    behind: Token | None = None
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.type != "COMMENT":
            behind = token
            continue
        match = COMMENT.search(token.text)
        if match is None:
            continue
        span = Span(token.start + match.start(), token.start + len(token.text.rstrip()))
        # The comment may follow other words of a comment, which are part of the token.
        here = source.place(span.start).line
        alone = at == 0 or source.place(tokens[at - 1].end - 1).line != here
        words = words_of(match)
        begin = behind.start if alone and behind is not None else span.start
        around = bisect_right(starts, begin) - 1
        whole = around >= 0 and (
            starts[around] == begin if alone else spec.statements[around].span.end <= span.start
        )
        comment = Span(span.start, min(token.start + match.end(), span.end))
        found.append(Ignore(span, comment, words, source.place(begin).line, around if whole else -1, alone))
    return found[::-1]


def words_of(comment: re.Match[str]) -> tuple[str, ...]:
    """Return the codes and names that a comment gives in its brackets, each once."""
    codes = (comment["codes"] or "") if comment["verb"] == "ignore" else ""
    return tuple(dict.fromkeys(word.strip() for word in codes.split(",") if word.strip()))


def _silencers(ignores: Iterable[Ignore]) -> dict[tuple[str, int, str], int]:
    """Return, by line or statement and code, the index of the first comment that silences the code there."""
    found: dict[tuple[str, int, str], int] = {}
    for at, one in enumerate(ignores):
        for word in one.words:
            row = find(word)
            if row is not None:
                found.setdefault(("line", one.line, row.code), at)
                if one.statement >= 0:
                    found.setdefault(("statement", one.statement, row.code), at)
    return found


def _sorted_out(
    one: Ignore, at: int, used: Collection[tuple[int, str]], ran: Collection[str], errors: bool
) -> tuple[list[str], list[str]]:
    """Report the words of a comment that are not codes, and those that silence nothing."""
    unknown: list[str] = []
    idle: list[str] = []
    for word in one.words:
        row = find(word)
        if row is None:
            unknown.append(word)
        elif (at, row.code) not in used and ((row.severity == "error" and not errors) or row.code in ran):
            idle.append(word)
    return unknown, idle


def _empty(one: Ignore, source: Source) -> Diagnostic:
    return Diagnostic(
        UNKNOWN,
        "this seqtopo comment names no code to ignore",
        one.comment,
        CODES[UNKNOWN].severity,
        label="ignores nothing",
        help="write the codes in brackets, and then why: # seqtopo: ignore[ST621] a baseline",
        source=source,
    )


def _unknown(one: Ignore, source: Source, words: list[str], guesses: int) -> Diagnostic:
    fixes: list[Fix] = []
    known = [word for row in CODES.values() if row.severity != "error" for word in (row.code, row.name)]
    right = {word: meant for word in words[:guesses] if (meant := nearest(word, known))}
    if right:
        text = _with_words(one, source, [right.get(word, word) for word in one.words])
        fixes.append(Fix(f"did you mean {', '.join(right.values())}?", (Edit(one.span, text),)))
    # A word that is nearly a code is a typing mistake, so that a person has to decide about it.
    fixes.append(_without(one, source, words, safe=not right))
    return Diagnostic(
        UNKNOWN,
        f"there is no code {_listed(words)}, so it has no effect in this comment",
        one.comment,
        CODES[UNKNOWN].severity,
        label="unknown code",
        notes=("a comment takes whole codes or their names: ignore[ST621], ignore[softmax-over-one]",),
        fixes=tuple(fixes),
        source=source,
    )


def _unused(one: Ignore, source: Source, words: list[str], ignorable: bool) -> Diagnostic:
    errors = [
        word
        for word in words
        if not ignorable and (row := find(word)) is not None and row.severity == "error"
    ]
    missing = "which is not" if len(words) == 1 else "none of which is"
    return Diagnostic(
        UNUSED,
        f"this comment ignores {_listed(words)}, {missing} found here",
        one.comment,
        CODES[UNUSED].severity,
        label="silences nothing",
        notes=(f"{_listed(errors)} is an error, and errors cannot be ignored",) if errors else (),
        fixes=(_without(one, source, words, safe=True),),
        source=source,
    )


def _listed(words: Sequence[str]) -> str:
    shown = [word if len(word) <= 40 else word[:37] + "..." for word in words[:4]]
    return " or ".join(shown) + (f" or {len(words) - 4} others" if len(words) > 4 else "")


def _with_words(one: Ignore, source: Source, words: Iterable[str]) -> str:
    """Return the edited comment with other words in its brackets; comments are no part of the tree."""
    head, _, rest = source.text[one.span.start : one.span.end].partition("[")
    return f"{head}[{', '.join(words)}]{rest.partition(']')[2]}"


def _without(one: Ignore, source: Source, words: Collection[str], safe: bool) -> Fix:
    """Return the fix that takes words out of a comment, and with the last of them all of it."""
    gone = set(words)
    left = [word for word in one.words if word not in gone]
    if left:
        title = "keep only what it silences" if safe else "or leave it out"
        return Fix(title, (Edit(one.span, _with_words(one, source, left)),), safe)
    start, end = one.span
    line = source.start_of(source.place(start).line)
    while start > line and source.text[start - 1] in " \t":
        start -= 1
    if start == line:
        end += source.text[end : end + 1] == "\n"
    return Fix("take the comment out" if safe else "or take it out", (Edit(Span(start, end), ""),), safe)
