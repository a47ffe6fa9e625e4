"""Who imports whom in the package, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ORDER = (
    "dataclass",
    "system",
    "source",
    "sampling",
    "diag",
    "reading",
    "syntax",
    "layers",
    "graph",
    "lint",
    "decompiler",
    "emit",
    "vgsl",
    "runtime",
    "data",
    "report",
    "report_table",
    "walkthrough",
    "api",
    "writing",
    "answering",
    "rolling",
    "pictures",
    "exporting",
    "decompiling",
    "__init__",
    "cli",
    "__main__",
)
"""The parts of the package, from the bottom up: each may import those before it."""

ON_THEIR_OWN = ("system", "source", "sampling", "layers")
"""Parts that import no other part, except for how a class is declared."""

UPWARD = {
    (
        "seqtopo.report",
        "seqtopo.cli.table",
    ): "a report prints as the command line shows it",
    (
        "seqtopo.report",
        "seqtopo.pictures.html",
    ): "a report shows itself in a notebook",
    (
        "seqtopo.data.spec_cutting",
        "seqtopo.api",
    ): "a series is cut for a spec that is read and checked as compile does it",
}
"""Imports that run upwards all the same, inside a function, and why."""


@dataclass(frozen=True)
class Import:
    """A module that imports another one; ``lazily`` where it does so inside a function."""

    importer: str
    imported: str
    line: int
    lazily: bool


def sources() -> dict[str, str]:
    """The modules of the package by name, with their texts."""
    files = sorted((ROOT / "seqtopo").rglob("*.py"))
    return {_module(file): file.read_text(encoding="utf-8") for file in files}


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(modules: Mapping[str, str]) -> list[Import]:
    """Every import in these modules, except those that are there for the type checker alone."""
    return [found for name, text in modules.items() for found in _imports(name, text, modules)]


def _imports(name: str, text: str, modules: Mapping[str, str]) -> Iterator[Import]:
    waiting: list[tuple[ast.AST, bool]] = [(_parsed(text), False)]
    while waiting:
        node, lazily = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += [(child, lazily) for child in node.orelse]
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, lazily)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno} imports by a relative name"
            for alias in node.names:
                # What is imported from a package may be one of its modules.
                module = f"{node.module}.{alias.name}"
                yield Import(name, module if module in modules else str(node.module), node.lineno, lazily)
        inner = lazily or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


@cache
def _parsed(text: str) -> ast.Module:
    # Many tests look at the same sources with one more planted among them.
    return ast.parse(text)


def part(module: str) -> str:
    """The part of the package that a module belongs to.

    >>> part("seqtopo.syntax.parse"), part("seqtopo")
    ('syntax', '__init__')
    """
    return [*module.split("."), "__init__"][1]


def upward(modules: Mapping[str, str]) -> list[str]:
    """What is wrong with the imports: those that run upwards, and those of parts that stand on their own."""
    wrong = []
    for found in imports(modules):
        if found.imported.split(".")[0] != "seqtopo":
            continue
        here, there = part(found.importer), part(found.imported)
        excused = found.lazily and (found.importer, found.imported) in UPWARD
        place = f"{found.importer}:{found.line} imports {found.imported}"
        if here == there or excused or there == "dataclass":
            continue
        if here in ON_THEIR_OWN:
            wrong.append(f"{place}, but {here} stands on its own")
        elif ORDER.index(there) > ORDER.index(here):
            wrong.append(f"{place}, but {there} is above {here}")
    return wrong


def importers_of(package: str, modules: Mapping[str, str]) -> set[str]:
    """The modules that import a package from outside, or something in it."""
    return {found.importer for found in imports(modules) if found.imported.split(".")[0] == package}
