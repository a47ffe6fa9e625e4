"""The rows by name. A module of rows is read when one of its names is asked for: most specs need a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from seqtopo.layers.index import MODULES
from seqtopo.layers.row import Row


def indexed(rows: Iterable[Row]) -> dict[str, Row]:
    """Rows by their names, the short ones included.

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


class Names(Mapping[str, Row]):
    """Every row by its names, in the order of the reference; ``loaded`` are those that were read."""

    def __init__(self) -> None:
        self.loaded: dict[str, Row] = {}

    def __getitem__(self, name: str) -> Row:
        if name not in self.loaded:
            rows = import_module(f"seqtopo.layers.{MODULES[name]}").ROWS
            self.loaded = indexed(rows) | self.loaded
        return self.loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


NAMES = Names()
"""Every name that a spec may call a layer by, the short ones included."""
