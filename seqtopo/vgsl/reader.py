"""Read VGSL, the notation of Tesseract, kraken and VGSLify, and write it as a spec.

https://tesseract-ocr.github.io/tessdoc/tess4/VGSLSpecs.html. The whole text is read: characters that are left
over are an error, where kraken reads ``Lbx200hello`` as ``Lbx200``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.layers.registry import taken
from seqtopo.source import Source, Span
from seqtopo.syntax.print import format_text
from seqtopo.vgsl.state import State, Unfit, joined
from seqtopo.vgsl.words import DIALECTS, KRAKEN, TESSERACT, VGSLIFY, WORDS, Word

FORMATS = ("vgsl",)


def convert(text: str, form: str = "vgsl", *, dialect: str = "") -> str:
    """Convert a topology in another program's notation to the text of a spec.

    Args:
        text: the topology.
        form: ``vgsl``, the notation of Tesseract, kraken and VGSLify.
        dialect: ``tesseract``, ``kraken`` or ``vgslify``; by default the one that has all of the words.

    Returns:
        The spec, formatted. Open widths are X and open heights Y. It has as many parameters as the model; a
        PyTorch LSTM, such as kraken's, counts a second bias vector.

    Raises:
        SpecError: the text cannot be read, or has a word that a spec cannot say; with the place.
        ValueError: there is no such form or dialect.

    >>> print(convert("[1,1,0,48 Lbx256 O1c105]"), end="")
    in(X,48) -> bi(lstm(256,seq)) -> dense(105,softmax)
    """
    if form not in FORMATS:
        raise ValueError(f"there is no form {form!r}; the forms are {', '.join(FORMATS)}")
    spec, found = read_vgsl(Source(text, "<vgsl>"), dialect)
    if spec is None:
        raise SpecError(tuple(found))
    return spec


MOST = 20_000
"""The most characters that are read."""
DEEPEST = 20
"""The most brackets inside each other."""

_WORD = re.compile(r"S(?:\{[^{}\s]*\})?\d*\([^()\s]*\)[^\s\[\]()]*|[^\s\[\]()]+")
_SIZE = re.compile(r"\d{1,6}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True)
class Piece:
    """A word, or several in brackets: ``[`` for one after the other, ``(`` for side by side."""

    span: Span
    text: str
    inside: tuple[Piece, ...] = ()


def read_vgsl(source: Source, dialect: str = "") -> tuple[str | None, list[Diagnostic]]:
    """Return the spec of a VGSL string and the problems in it; None for a string that no spec can say.

    Raises:
        ValueError: there is no such dialect.

    >>> text, _ = read_vgsl(Source("[1,48,0,1 Cr3,3,32 Mp2,2 S1(1x24)1,3 Lbx100 O1c103]"))
    >>> print(text.strip())
    in(X,48,1)
        -> conv2d(32,3,relu,same)
        -> maxpool2d(2)
        -> reshape(?,768)
        -> bi(lstm(100,seq))
        -> dense(103,softmax)
    """
    if dialect and dialect not in DIALECTS:
        raise ValueError(f"there is no dialect {dialect!r}; the dialects are {', '.join(DIALECTS)}")
    try:
        pieces = _pieces(source.text)
        if not pieces or len(pieces) > 1 or pieces[0].text != "[" or not pieces[0].inside:
            whole = Span(0, len(source.text))
            raise _wrong(
                "ST551", "a VGSL string is one list in square brackets", whole, "as in [1,36,0,1 Lfx96]"
            )
        start, *rest = pieces[0].inside
        spoken = dialect or _dialect(start, list(_words(rest)))
        state, first = _input(start, spoken)
        for piece in rest:
            _apply(piece, state, spoken)
    except _Wrong as wrong:
        found = wrong.diagnostic
        return None, [Diagnostic(found.code, found.message, found.span, help=found.help, source=source)]
    text, found_in_ours = format_text(Source(" -> ".join([first, *state.steps])))
    assert text is not None, found_in_ours
    return text, []


class _Wrong(Exception):  # noqa: N818  (it is an answer, not a failure)
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _wrong(code: str, message: str, span: Span, help: str) -> _Wrong:
    return _Wrong(Diagnostic(code, message, span, help=help))


def _pieces(text: str) -> tuple[Piece, ...]:
    if len(text) > MOST:
        raise _wrong(
            "ST551", f"a VGSL string of more than {MOST:,} characters", Span(0, 1), "make it shorter"
        )
    open_: list[tuple[str, int, list[Piece]]] = [("", 0, [])]
    place = 0
    while place < len(text):
        here = text[place]
        word = _WORD.match(text, place)
        if here in "[(":
            if len(open_) > DEEPEST:
                raise _wrong("ST551", "brackets stand too deep", Span(place, place + 1), "use fewer")
            open_.append((here, place, []))
            place += 1
        elif here in "])":
            opened, start, found = open_.pop()
            if not open_ or opened != {"]": "[", ")": "("}[here]:
                raise _wrong("ST551", f"nothing opened this {here}", Span(place, place + 1), "leave it out")
            place += 1
            open_[-1][2].append(Piece(Span(start, place), opened, tuple(found)))
        elif word is not None:
            open_[-1][2].append(Piece(Span(place, word.end()), word[0]))
            place = word.end()
        else:
            place += 1
    if len(open_) > 1:
        opened, start, _ = open_[-1]
        closing = {"[": "]", "(": ")"}[opened]
        raise _wrong("ST551", f"this {opened} is never closed", Span(start, start + 1), f"add {closing}")
    return tuple(open_[0][2])


def _words(pieces: Sequence[Piece]) -> Iterator[str]:
    for piece in pieces:
        if piece.inside or piece.text in "[(":
            yield from _words(piece.inside)
        else:
            yield piece.text


def _dialect(start: Piece, words: Sequence[str]) -> str:
    """Return the dialect that can read all words, or else the one that reads most."""
    known = {
        dialect: sum(_find(word, dialect) is not None for word in words)
        for dialect in (TESSERACT, KRAKEN, VGSLIFY)
    }
    if start.text.startswith("None"):
        return VGSLIFY
    return max(known, key=lambda dialect: known[dialect])


def _find(word: str, dialect: str) -> tuple[Word, re.Match[str]] | None:
    matches = ((row, row.match(word)) for row in WORDS if dialect in row.dialects)
    return next(((row, match) for row, match in matches if match is not None), None)


def _input(piece: Piece, dialect: str) -> tuple[State, str]:
    """Return the input value, and its ``in(...)``."""
    sizes = piece.text.split(",")
    number = [None if s in ("0", "None") else int(s) for s in sizes if s == "None" or _SIZE.fullmatch(s)]
    least = 2 if dialect == VGSLIFY else 4
    if piece.inside or len(number) != len(sizes) or not least <= len(sizes) <= 4 or number[-1] is None:
        raise _wrong(
            "ST554",
            "a VGSL string begins with batch,height,width,channels",
            piece.span,
            "as in 1,36,0,1: 0 stands for any size, and the batch is not looked at",
        )
    channels = number[-1]
    if dialect == VGSLIFY:
        form = {4: "image", 3: "line", 2: "vector"}[len(sizes)]
        height, width = (number[1], number[2]) if form == "image" else (1, number[1])
        named = [_or(s, n) for s, n in zip(number[1:], {4: "HW", 3: "T", 2: ""}[len(sizes)], strict=False)]
        return State(form, width, height, channels, upright=True), _in(*named, channels)
    _, height, width, _ = number
    if height == 1:
        return State("line", width, 1, channels), _in(_or(width, "X"), channels)
    return State("image", width, height, channels), _in(_or(width, "X"), _or(height, "Y"), channels)


def _or(size: int | None, symbol: str) -> int | str:
    return symbol if size is None else size


def _in(*sizes: int | str) -> str:
    return f"in({','.join(map(str, sizes))})"


def _apply(piece: Piece, state: State, dialect: str) -> None:
    if piece.text == "[":
        for inner in piece.inside:
            _apply(inner, state, dialect)
        return
    try:
        if piece.text == "(":
            branches = [state.branch() for _ in piece.inside]
            for inner, branch in zip(piece.inside, branches, strict=True):
                _apply(inner, branch, dialect)
            if branches:
                joined(state, branches)
            return
        _say(piece, state, dialect)
    except Unfit as unfit:
        raise _wrong(unfit.code, f"{piece.text[:40]}: {unfit.message}", piece.span, unfit.help) from None


def _say(piece: Piece, state: State, dialect: str) -> None:
    found = _find(piece.text, dialect)
    if found is None:
        raise _unknown(piece, dialect)
    row, match = found
    if row.does is None:
        raise Unfit("ST552", f"{row.about} has no counterpart in a spec", "write it in Python")
    named = match.groupdict().get("name")
    place = match.re.groupindex.get("name")
    row.does(state, tuple(g or "" for i, g in enumerate(match.groups(), 1) if i != place))
    if named and (not _NAME.fullmatch(named) or taken(named)):
        what = taken(named) or "not of small letters, digits and _"
        raise Unfit("ST553", f"{named} cannot be a layer's name in a spec: it is {what}", "choose another")
    if named:
        state.add(f"{state.steps.pop()} as {named}")


def _unknown(piece: Piece, dialect: str) -> _Wrong:
    word = piece.text
    elsewhere = [d for d in DIALECTS if d != dialect and _find(word, d) is not None]
    shown = word if len(word) <= 40 else word[:37] + "..."
    same = [row.written for row in WORDS if dialect in row.dialects and row.written[0] == word[0]]
    begun = re.match(r"[A-Z][a-z]*[\d,]*\d", word)
    if elsewhere:
        help = f"it is {elsewhere[0]}'s: read the whole as that, with --dialect {elsewhere[0]}"
    elif begun and begun[0] != word and _find(begun[0], dialect) is not None:
        help = f"did you mean {begun[0]}?"
    elif same:
        help = f"it is written {' or '.join(same)}"
    else:
        near = nearest(word[:2], [row.written[:2] for row in WORDS if dialect in row.dialects])
        help = f"did you mean {near}...?" if near else "seqtopo convert --help lists the words"
    return _wrong("ST551", f"{shown} is not a word of VGSL as {dialect} has it", piece.span, help)
