"""Notebooks as one Python text: their code cells one behind the other, and where each cell stands in it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seqtopo.source import Source, Span


class NotebookError(ValueError):
    """Raised if a file is no readable notebook; its text says why."""


class CellPlace(NamedTuple):
    """A place in a notebook: the cell counted from 0, Markdown cells too; line and column from 1."""

    cell: int
    line: int
    column: int


class Cell(NamedTuple):
    """A code cell: its number among all cells, and its span in the whole text."""

    number: int
    span: Span
    run: int | None = None
    """The execution count of its last run, as the notebook stores it."""


class Notebook:
    """The code cells of a notebook as one text.

    ``source`` has them as they are; each ends with a line break. ``python`` is the same text, as long and
    with the same lines, in which commands of IPython are replaced by ``0``.
    """

    def __init__(self, name: str, cells: Sequence[tuple[int, str, Any]]) -> None:
        at, parts, python = 0, [], []
        self.cells: list[Cell] = []
        for number, text, count in cells:
            text = text if text.endswith("\n") else text + "\n"
            self.cells.append(Cell(number, Span(at, at + len(text)), count if type(count) is int else None))
            parts.append(text)
            python.append(plain_python(text))
            at += len(text)
        self.source = Source("".join(parts), name)
        self.python = "".join(python)
        self._starts = [cell.span.start for cell in self.cells]

    @property
    def in_order(self) -> list[Cell]:
        """The cells in the order in which they were run; where one was not, as they stand."""
        full = [c for c in self.cells if self.source.text[c.span.start : c.span.end].strip()]
        counts = [c.run for c in full if c.run is not None]
        if len(counts) < len(full) or len(set(counts)) < len(counts):
            return self.cells
        return sorted(full, key=lambda cell: cell.run or 0)

    def cell(self, offset: int) -> Cell | None:
        """Return the cell in which an offset of the text lies."""
        at = bisect_right(self._starts, offset) - 1
        return self.cells[at] if at >= 0 else None

    def place(self, offset: int) -> CellPlace:
        """Return the cell, line and column of an offset of the text."""
        cell = self.cell(offset)
        line, column = self.source.place(offset)
        if cell is None:
            return CellPlace(0, line, column)
        return CellPlace(cell.number, line - self.source.place(cell.span.start).line + 1, column)

    def offset(self, number: int, line: int, column: int = 1) -> int:
        """Return the offset of a line and column in a cell.

        Raises:
            KeyError: there is no such code cell.
        """
        for cell in self.cells:
            if cell.number == number:
                first = self.source.place(cell.span.start).line
                return self.source.start_of(first + line - 1) + column - 1
        raise KeyError(number)


def read_notebook(text: str, name: str) -> Notebook:
    r"""Return the code cells of a notebook's JSON.

    Raises:
        NotebookError: it is no notebook, or one of another language.

    >>> code = {"cell_type": "code", "source": ["!ls\n", "x = 1"]}
    >>> cells = [{"cell_type": "markdown", "source": "# A"}, code]
    >>> found = read_notebook(json.dumps({"cells": cells}), "a.ipynb")
    >>> found.source.text, found.python, found.place(4)
    ('!ls\nx = 1\n', '0  \nx = 1\n', CellPlace(cell=1, line=2, column=1))
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise NotebookError("it is no notebook: its text is not JSON") from None
    if not isinstance(data, dict):
        raise NotebookError("it is no notebook: it has no cells")
    language = _language(data)
    if language and not language.startswith(("python", "ipython")):
        raise NotebookError(f"it is a notebook of {language[:40]}, not of Python")
    cells = data.get("cells")
    if cells is None:
        sheets = data.get("worksheets")
        if isinstance(sheets, list):
            cells = [c for s in sheets if isinstance(s, dict) for c in s.get("cells", ())]
    if not isinstance(cells, list):
        raise NotebookError("it is no notebook: it has no cells")
    found = []
    for number, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            said = cell.get("source", cell.get("input", ""))
            lines = said if isinstance(said, list) else [said]
            code = "".join(line for line in lines if isinstance(line, str))
            found.append((number, code, cell.get("execution_count", cell.get("prompt_number"))))
    return Notebook(name, found)


def _language(data: Mapping[str, Any]) -> str:
    about = data.get("metadata")
    for part in ("language_info", "kernelspec"):
        said = about.get(part) if isinstance(about, dict) else None
        name = said.get("name" if part == "language_info" else "language") if isinstance(said, dict) else None
        if isinstance(name, str):
            return name.lower()
    return ""


_PYTHON_CELLS = frozenset(
    {"time", "timeit", "capture", "prun", "notify", "memit", "python", "python3", "tensorboard"}
)
"""Cell commands behind which there is Python."""
_COMMAND = re.compile(r"^([ \t]*)(?:[!%?](?:\\\r?\n|.)*|[\w.\[\]'\"]+\?{1,2}[ \t]*)$", re.MULTILINE)
_TIMED = re.compile(r"^([ \t]*)%(time|timeit|prun|memit)[ \t]+(?!-)(?=\S)", re.MULTILINE)
_GIVEN = re.compile(r"^([ \t]*[\w, \t.]+=[ \t]*)([!%][^=\n].*)$", re.MULTILINE)


def plain_python(text: str) -> str:
    r"""Return a cell as long as it is, with the commands of IPython replaced by ``0``.

    >>> plain_python("%time fit()\nfiles = !ls\nfit?\n")
    '0;    fit()\nfiles = 0  \n0   \n'
    """
    if not re.search(r"[!%?]", text):
        return text
    first = re.match(r"\s*%%(\w+)", text)
    if first is not None and first.group(1) not in _PYTHON_CELLS:
        return re.sub(r"[^\r\n]", " ", text)
    if first is not None:
        line = re.compile(r"^[ \t]*%%.*$", re.MULTILINE)
        text = line.sub(lambda m: " " * len(m.group()), text, count=1)
    text = _TIMED.sub(lambda m: f"{m.group(1)}0;".ljust(len(m.group())), text)
    text = _GIVEN.sub(lambda m: f"{m.group(1)}0".ljust(len(m.group())), text)
    if not _COMMAND.search(text):
        return text
    inside = _continued(text)
    return _COMMAND.sub(
        lambda m: m.group() if m.start() in inside else _blank(m.group(), len(m.group(1))), text
    )


def _blank(command: str, indent: int) -> str:
    """Return a ``0`` for a command and blanks for the rest, on as many lines."""
    return command[:indent] + "0" + re.sub(r"[^\r\n]", " ", command[indent + 1 :])


def _continued(text: str) -> set[int]:
    """Return the offsets of lines that continue a bracket of a line before.

    A rough look, which need only be right for lines that begin with ``%``: a remainder in brackets.
    """
    depth, at, found = 0, 0, set()
    for line in text.splitlines(keepends=True):
        if depth > 0 and not line.lstrip().startswith(("!", "?")):
            found.add(at)
        code = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", line)
        if not re.match(r"\s*[!%?]", line):
            depth = max(0, depth + sum(map(code.count, "([{")) - sum(map(code.count, ")]}")))
        at += len(line)
    return found
