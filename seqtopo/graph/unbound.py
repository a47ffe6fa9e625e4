"""Refuse names without a value: explain how to bind them, or that sizes are upper-case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seqtopo.graph.outside import how_to_bind
from seqtopo.layers.kinds import Kind
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.layers.registry import has_meaning
from seqtopo.layers.sizes import Expr, symbols
from seqtopo.layers.values import DTYPES, Object, Refusal, Word, show
from seqtopo.source import Span

_LIKELY: tuple[Any, ...] = (0.1, 2, (2, 2), True, Word("glorot_uniform"), Object("l2", (0.0001,)))
"""Values of which one is of most kinds; what a kind takes as a flag comes before them."""
LAYER = "lstm"
"""A layer to bind a name to, where any would do that takes the arguments that stand behind the name."""
STEP = "dense(64)"
"""The same where the name stands alone, and so for a whole step."""


def unbound(value: object, span: Span, wants: str, example: str, code: str = "ST223") -> Refusal | None:
    """Return the refusal of a size without a number; ``wants`` says what must stand there.
    None for all else.
    """
    name = next(iter(sorted(symbols(value))), "") if isinstance(value, Expr) else ""
    return unbound_name(name, span, wants, example, code) if name else None


def unbound_name(name: str, span: Span, wants: str, example: str, code: str = "ST223") -> Refusal:
    """Return the refusal of a name that nothing binds."""
    return Refusal(
        code,
        f"{name} is not bound: {wants}",
        span,
        label="not bound",
        help=how_to_bind(name, example),
    )


def not_whole(value: object, span: Span, wants: str, example: str, code: str, help: str) -> Refusal:
    """Return the refusal of a value that stands where a whole number must, as ``wants`` says."""
    if isinstance(value, Word):
        return lower_case_size(code, (value.name,), span)
    return unbound(value, span, wants, example, code) or Refusal(
        code, f"{wants}, not {show(value)}", span, help=help
    )


def lower_case_size(code: str, words: tuple[str, ...], span: Span) -> Refusal:
    """Refuse words that stand where sizes do; the fix, for all of a spec's at once, is made later."""
    return Refusal(
        code,
        f"{', '.join(words)} {'is not a size' if len(words) == 1 else 'are not sizes'}: "
        "names of sizes begin with an upper-case letter",
        span,
        label="in lower case",
        help="write a number, or a name such as " + upper(words[0]),
        words=words,
    )


def means_something(word: str) -> bool:
    """Return whether a word is one of the language or of Keras, and so no size that somebody named."""
    known = has_meaning(word) or word in DTYPES
    return known or any(entry_of(family, word) is not None for family in FAMILIES)


def upper(word: str) -> str:
    """Return a word as a size is written.

    >>> upper("data_dim")
    'Data_dim'
    """
    return word[:1].upper() + word[1:]


def example_of(kind: Kind, more: Iterable[str] = ()) -> str:
    """Return a value that a kind takes, as it is written; the first of its flags, where it has some.

    >>> from seqtopo.layers.kinds import ACTIVATION, BOOL, RATE, REGULARIZER
    >>> [example_of(kind) for kind in (RATE, BOOL, REGULARIZER)], example_of(ACTIVATION, ["relu"])
    (['0.1', 'true', 'l2(0.0001)'], 'relu')
    """
    for value in (*map(Word, (*more, *kind.flags, *_named(kind))), *_LIKELY):
        if kind.accepts(value):
            return show(value)
    return "..."


def _named(kind: Kind) -> list[str]:
    """The words that a kind names as examples: ``a dtype such as float32``."""
    return kind.words.partition("such as ")[2].replace(",", " ").split()
