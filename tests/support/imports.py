"""The imports between the rooms of the package, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ORDER = (
    "system",
    "source",
    "sampling",
    "diag",
    "syntax",
    "layers",
    "graph",
    "advice",
    "labels",
    "lint",
    "report",
    "emit",
    "decompiler",
    "runtime",
    "data",
    "distributing",
    "searching",
    "code",
    "pictures",
    "walkthrough",
    "vgsl",
    "exporting",
    "api",
    "__init__",
    "lsp",
    "play",
    "cli",
    "notebook",
    "__main__",
)
"""The rooms of the package and its files beside them, from the bottom up: each may import those before it."""

ON_THEIR_OWN = ("system", "source", "sampling", "layers")
"""Rooms that import no other."""


@dataclass(frozen=True)
class Import:
    """A module that imports another one; ``typing`` where only a type checker sees it."""

    importer: str
    imported: str
    line: int
    typing: bool


def sources() -> dict[str, str]:
    """The modules of the package by name, with their texts."""
    files = sorted((ROOT / "seqtopo").rglob("*.py"))
    return {_module(file): file.read_text(encoding="utf-8") for file in files}


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(modules: Mapping[str, str]) -> list[Import]:
    """Every import in these modules, at the top, inside functions and for type checkers."""
    return [found for name, text in modules.items() for found in _imports(name, text, modules)]


def _imports(name: str, text: str, modules: Mapping[str, str]) -> Iterator[Import]:
    for package, imported, line, typing in _statements(name, text):
        # What is imported from a package may be one of its modules.
        module = f"{package}.{imported}" if package else imported
        yield Import(name, module if not package or module in modules else package, line, typing)


@cache
def _statements(name: str, text: str) -> list[tuple[str, str, int, bool]]:
    """Return what a text imports: the package, if named; what; the line; whether for a type checker alone."""
    # Many tests look at the same sources with one more planted among them.
    found = []
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(text), False)]
    while waiting:
        node, typing = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += [(child, typing) for child in node.orelse]
            waiting += [(child, True) for child in node.body]
            continue
        if isinstance(node, ast.Import):
            found += [("", alias.name, node.lineno, typing) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno} imports by a relative name"
            found += [(str(node.module), alias.name, node.lineno, typing) for alias in node.names]
        waiting += [(child, typing) for child in ast.iter_child_nodes(node)]
    return found


def part(module: str) -> str:
    """The room that a module belongs to, or the module itself where it stands beside the rooms.

    >>> part("seqtopo.syntax.parse"), part("seqtopo")
    ('syntax', '__init__')
    """
    return [*module.split("."), "__init__"][1]


def upward(modules: Mapping[str, str]) -> list[str]:
    """Return the forbidden imports: those that run upwards, and those of rooms that stand on their own."""
    wrong = []
    for found in imports(modules):
        if found.imported.split(".")[0] != "seqtopo":
            continue
        here, there = part(found.importer), part(found.imported)
        place = f"{found.importer}:{found.line} imports {found.imported}"
        if here == there:
            continue
        if here in ON_THEIR_OWN:
            wrong.append(f"{place}, but {here} stands on its own")
        elif ORDER.index(there) > ORDER.index(here):
            wrong.append(f"{place}, but {there} is above {here}")
    return wrong


def importers_of(package: str, modules: Mapping[str, str]) -> set[str]:
    """The modules that import a package from outside, or something in it, when they run."""
    return {
        found.importer
        for found in imports(modules)
        if not found.typing and found.imported.split(".")[0] == package
    }


def circles(modules: Mapping[str, str]) -> list[list[str]]:
    """The modules that import each other, directly or by way of others, inside functions too."""
    onward: dict[str, set[str]] = {name: set() for name in modules}
    for found in imports(modules):
        if (
            found.imported in modules
            and found.imported != found.importer
            and part(found.importer) != "__init__"
        ):
            onward[found.importer].add(found.imported)
    reached = {name: _reached(name, onward) for name in modules}
    rings = {frozenset(b for b in reached[a] if a in reached[b]) for a in modules if a in reached[a]}
    return sorted(sorted(ring) for ring in rings)


def _reached(start: str, onward: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [*onward[start]]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo += onward[here]
    return found
