"""Sizes as they come out when data runs through: numbers for symbols and for ``?``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seqtopo.layers.sizes import (
    Atom,
    Expr,
    Quotient,
    Remainder,
    Size,
    Symbol,
    Unknown,
    atoms,
)

Lengths = Mapping[Atom, int]


def size_at(size: Size, lengths: Lengths) -> int:
    """A size where every symbol and every ``?`` has a length."""
    if isinstance(size, int):
        return size
    found = 0
    for monomial, factor in size.terms:
        term = factor
        for atom in monomial:
            if isinstance(atom, Quotient):
                term *= size_at(atom.top, lengths) // atom.bottom
            elif isinstance(atom, Remainder):
                term *= size_at(atom.top, lengths) % atom.bottom
            else:
                term *= lengths[atom]
        found += term
    return found


def lengths_for(sizes: Iterable[Size], shortest: int) -> dict[Atom, int]:
    """A length for every symbol and ``?``: no two symbols alike, and every ``?`` as the first.

    Values that may be merged only if a ``?`` is as long as a symbol are so that way.
    """
    found = {a for s in sizes if isinstance(s, Expr) for a in atoms(s)}
    named = sorted((a for a in found if isinstance(a, Symbol)), key=lambda a: (a.name != "T", a.name))
    lengths: dict[Atom, int] = {a: shortest + 2 * i for i, a in enumerate(named)}
    lengths.update({a: shortest for a in found if isinstance(a, Unknown)})
    return lengths
