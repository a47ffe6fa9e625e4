"""Find the Python files and notebooks on the command line, and print what was found in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from seqtopo.cli.terminal import put, say
from seqtopo.report.report import Report, shape_table
from seqtopo.syntax.read import CODE, SPEC_ENDINGS
from seqtopo.system.bounds import CODE_BYTES
from seqtopo.system.files import open_file

if TYPE_CHECKING:
    from seqtopo.cli.terminal import Terminal
    from seqtopo.code.findings import CheckedFile
    from seqtopo.code.model import Where

_NOT_OURS = frozenset(("__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"))
"""Folders of a project that hold what others wrote, or what is made of it; those that begin with a dot, such
as .git and .ipynb_checkpoints, and virtual environments of any name are passed over, too.
"""
_ENVIRONMENT = "pyvenv.cfg"
"""The file that each virtual environment has."""


def is_code(argument: str) -> bool:
    """Return whether an argument names a Python file or a notebook, or a model in one: ``train.py:NAME``."""
    path, _ = split_name(argument)
    return path.lower().endswith(CODE) and (path != argument or "\n" not in argument)


def is_python(argument: str, language: str) -> bool:
    """Return whether an argument holds Python code; ``language`` says it of the standard input."""
    return language == "python" if argument == "-" else is_code(argument)


def split_name(argument: str) -> tuple[str, str]:
    """Return the path and the name in ``train.py:NAME``; the last colon counts, if that file exists.

    >>> split_name("train.py")
    ('train.py', '')
    """
    path, colon, name = argument.rpartition(":")
    if (
        colon
        and all(map(str.isidentifier, name.split(".")))
        and not os.path.lexists(argument)
        and os.path.lexists(path)
    ):
        return path, name
    return argument, ""


def expanded(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the arguments, with the specs and Python files in the folders among them."""
    for argument in arguments:
        if not os.path.isdir(argument):
            yield argument
            continue
        # An empty one is reported like a file that cannot be read.
        found = list(_inside(argument)) or [argument]
        yield from found


def _inside(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_ours(here, name))
        for file in sorted(files):
            path = os.path.join(here, file)
            if file.startswith("."):
                continue
            if file.endswith(SPEC_ENDINGS) or (file.lower().endswith(CODE) and _speaks_of_keras(path)):
                yield path


def _is_ours(here: str, folder: str) -> bool:
    """Return whether a folder of a project is searched for specs and Keras code."""
    if folder.startswith(".") or folder in _NOT_OURS:
        return False
    return not os.path.lexists(os.path.join(here, folder, _ENVIRONMENT))


def _speaks_of_keras(path: str) -> bool:
    """Return whether a file names Keras: most files of a project do not, and make no model."""
    try:
        with open_file(path) as file:
            return b"keras" in file.read(CODE_BYTES)
    except OSError:
        return True  # it is read once more, which says what is wrong with it


def reports_of(file: CheckedFile) -> list[Report]:
    """Return the reports of a file's models, and one without a name for what is of none of them."""
    found = [model.report for model in file.models]
    if file.diagnostics or not found:
        found.append(Report(file.code.source, file.shown))
    return found


def put_models(file: CheckedFile, screen: Terminal, *, apart: bool) -> None:
    """Print the shape table of each model of a file, under its name and line."""
    name = file.code.source.name
    if not file.models and not file.diagnostics:
        say(*[""] * apart, f"{name}: no model is made here that can be read")
    for i, model in enumerate(file.models):
        head = f"{place_in(file, model.place)}: {model.name}"
        if i or apart:
            say("")
        if not model.report.ok:
            say(f"{head}: errors, see above")
        elif not model.report.shapes:
            say(f"{head}: nothing of it can be read")
        else:
            say(head if model.text is None or model.text.whole else f"{head}, as far as it can be read")
            put(shape_table(model.report, screen.width, color=screen.color))
    symbols = {s for s in file.code.symbols if any(s in str(m.report.shapes) for m in file.models)}
    if symbols:
        say("", *(f"{symbol} is {file.code.symbols[symbol]}" for symbol in sorted(symbols)))


def place_in(file: CheckedFile, where: Where | None) -> str:
    """Return a place as people read it: file and line, in a notebook the cell, too."""
    if where is None:
        return file.code.source.name
    name, notebook = where.source.name, file.code.notebook
    if notebook is not None and where.source is file.code.source:
        place = notebook.place(where.span.start)
        return f"{name}:cell {place.cell}:{place.line}"
    return f"{name}:{where.source.place(where.span.start).line}"


def put_stops(files: Iterable[CheckedFile], stream: TextIO) -> None:
    """Print the places where reading stopped, and the reasons."""
    for file in files:
        stops = list(file.code.stops)
        for model in file.models:
            stops += [*model.model.stops, *(model.text.left_out if model.text is not None else ())]
        for why, where in dict.fromkeys((s.why, s.where) for s in stops):
            say(f"{place_in(file, where)}: not read: {why}", stream=stream)
