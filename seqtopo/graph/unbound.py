"""A name that nothing binds, where its value must be known: how to bind it, with a value that would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seqtopo.graph.lower_sizes import LowerCaseSize
from seqtopo.graph.outside import how_to_bind
from seqtopo.graph.problem import Problem
from seqtopo.layers.kinds import Kind
from seqtopo.layers.sizes import Expr, symbols
from seqtopo.layers.values import Object, Word, show
from seqtopo.source import Span

_LIKELY: tuple[Any, ...] = (0.1, 2, (2, 2), True, Word("glorot_uniform"), Object("l2", (0.0001,)))
"""Values of which one is of most kinds; what a kind takes as a flag comes before them."""
LAYER = "lstm"
"""A layer to bind a name to, where any would do that takes the arguments that stand behind the name."""
STEP = "dense(64)"
"""The same where the name stands alone, and so for a whole step."""


def unbound(value: object, span: Span, wants: str, example: str, code: str = "ST223") -> Problem | None:
    """The problem of a size without a number, where ``wants`` says what must stand; None for all else."""
    name = next(iter(sorted(symbols(value))), "") if isinstance(value, Expr) else ""
    return unbound_name(name, span, wants, example, code) if name else None


def unbound_name(name: str, span: Span, wants: str, example: str, code: str = "ST223") -> Problem:
    """The problem of a name that nothing binds."""
    return Problem(
        code,
        f"{name} is not bound: {wants}",
        span,
        label="not bound",
        help=how_to_bind(name, example),
    )


def not_whole(value: object, span: Span, wants: str, example: str, code: str, help: str) -> Problem:
    """The problem of a value that stands where a whole number must, as ``wants`` says."""
    if isinstance(value, Word):
        return LowerCaseSize(code, (value.name,), span)
    return unbound(value, span, wants, example, code) or Problem(
        code, f"{wants}, not {show(value)}", span, help=help
    )


def example_of(kind: Kind, more: Iterable[str] = ()) -> str:
    """A value that a kind takes, as it is written; the first of its flags, where it has some.

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
