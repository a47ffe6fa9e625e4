"""The layer table, every row by name in the order of the reference, and the registered custom layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from seqtopo.layers import (
    activation,
    algebra,
    arrays,
    attention,
    convolution,
    core,
    elementwise,
    merging,
    normalization,
    operations,
    pooling,
    preprocessing,
    products,
    recurrent,
    regularization,
    reshaping,
    signals,
    statistics,
    wrappers,
)
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Row


def indexed(rows: Iterable[Row]) -> dict[str, Row]:
    """Return rows by their names, the short ones included.

    Raises:
        ValueError: two have the same name.
    """
    found: dict[str, Row] = {}
    for row in rows:
        for name in (row.name, *row.aliases):
            if name in found:
                raise ValueError(f"two rows are called {name}")
            found[name] = row
    return found


FAMILIES = {
    "core": core,
    "recurrent": recurrent,
    "wrappers": wrappers,
    "convolution": convolution,
    "pooling": pooling,
    "normalization": normalization,
    "regularization": regularization,
    "attention": attention,
    "merging": merging,
    "reshaping": reshaping,
    "activation": activation,
    "operations": operations,
    "elementwise": elementwise,
    "statistics": statistics,
    "arrays": arrays,
    "products": products,
    "algebra": algebra,
    "signals": signals,
    "preprocessing": preprocessing,
}
"""The modules of rows, in the order of the reference."""

ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES.values() for row in family.ROWS)
"""Every row, in the order of the reference."""

NAMES = indexed(ROWS)
"""Every row by each name that a spec may call it by, the short ones included."""

FREE = frozenset(
    name
    for family in ("elementwise", "statistics", "arrays", "products", "algebra", "signals")
    for row in FAMILIES[family].ROWS
    for name in (row.name, *row.aliases)
)
"""Names of functions that a spec may bind to something of its own, ``stack = dense(8)``, which they mean
there."""


ENTRY_POINTS = "seqtopo.layers"
"""The entry-point group by which a package adds layers."""

_STATEMENT = "a word that begins a statement"
LANGUAGE = {
    "let": _STATEMENT,
    "search": _STATEMENT,
    "def": _STATEMENT,
    "train": _STATEMENT,
    "in": "the source of a flow",
    "for": "a word of the language",
    "as": "a word of the language",
    "is": "the assertion of a shape",
    "id": "the incoming value",
    "res": "the residual block",
    "true": "a value",
    "false": "a value",
    "none": "a value",
}
"""The words of the language itself, and what each is."""

STATEMENTS = frozenset(word for word, what in LANGUAGE.items() if what is _STATEMENT)
"""Those that begin a statement."""

SHORT = 4
"""A wrong name of so many letters was not meant for that of a function, of which one is always near."""

_custom: dict[str, Row] = {}


@cache
def flags() -> frozenset[str]:
    """Return every bare word that some row understands."""
    return frozenset(word for row in ROWS for word in row.flags)


def find(name: str) -> Row | None:
    """Return the row of a name, or None. Packages' layers are looked for only when no other is found."""
    return _custom.get(name) or NAMES.get(name) or _from_packages().get(name)


def register(row: Row) -> None:
    """Add a custom layer.

    Raises:
        ValueError: a layer of the table or a word of the language has that name.
    """
    for name in (row.name, *row.aliases):
        if (name in NAMES and name not in FREE) or name in LANGUAGE:
            raise ValueError(f"there is a layer or word {name!r} already: choose another name")
        _custom[name] = row


def names(like: str) -> tuple[str, ...]:
    """Return every name that a wrong one may have been meant for; those of functions for a long one only."""
    known = NAMES if len(like) > SHORT else (name for name in NAMES if name not in FREE)
    return (*known, *_custom)


def taken(name: str) -> str:
    """Return the present meaning of a name that a spec is to bind; "" if it is free."""
    if name in LANGUAGE:
        return LANGUAGE[name]
    return "a layer" if (name in NAMES and name not in FREE) or name in _custom else ""


def has_meaning(name: str) -> bool:
    """Return whether a name has a meaning without being bound, so that a generated name must not be it."""
    return bool(taken(name)) or entry_of("activation", name) is not None or name in flags()


def snake_case(name: str) -> str:
    """Return a class name as Keras writes a layer's name: ``AttendPool`` is ``attend_pool``.

    >>> snake_case("AttendPool"), snake_case("attend_pool")
    ('attend_pool', 'attend_pool')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@lru_cache(maxsize=1)
def _from_packages() -> dict[str, Row]:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS):
        found = entry.load()
        rows = found if isinstance(found, (tuple, list)) else (found,)
        for row in rows:
            row = getattr(row, "row", row)
            if isinstance(row, Row):
                for name in (row.name, *row.aliases):
                    _custom.setdefault(name, row)
    return _custom
