"""Check the models in Python files and notebooks, as the options of a command ask.

A spec is checked without this module: what reads Python takes long to load.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqtopo.cli.arguments import UsageError, chosen, dims_of
from seqtopo.cli.data_options import data_of
from seqtopo.cli.python_code import is_python, split_name
from seqtopo.cli.settings import settings_of
from seqtopo.code.asked import Asked, GivenData, NotOneModelError
from seqtopo.code.check import check_path, check_text, model_named, only_model
from seqtopo.code.findings import CheckedFile, symbols_of_text
from seqtopo.data.fitting import NoSuchLossError
from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span


def asked_of(args: argparse.Namespace, argument: str) -> Asked:
    """Return the checks that the options of ``seqtopo check`` request for the models of a Python file.

    Raises:
        UsageError: an option is for specs alone, or data is given for several of them.
    """
    if args.modules and all(is_python(spec, args.language) for spec in args.specs):
        raise UsageError(
            "--import is for the layers of specs: Python files are read, and nothing is imported",
            "leave it out",
        )
    settings, files = settings_of(split_name(argument)[0]), data_of(args, len(args.specs))
    data = GivenData(*files, args.loss, args.pad, split_name(argument)[1]) if files is not None else None
    dims = dims_of(args.dims)
    for name, value in dims.items():
        if all(is_python(spec, args.language) for spec in args.specs) and not isinstance(value, int):
            raise UsageError(
                f"-D {name} is a size that the code does not say: a number", f"as in -D {name}=24"
            )
    most = args.max_params or settings.max_params
    return Asked(chosen(args, settings.selection), dims, most, data)


def checked_code(argument: str, asked: Asked, text: str | None = None) -> CheckedFile:
    """Return the models of a Python file, or of a ``text`` in its place, checked.

    Of ``train.py:NAME`` it is only the model that is named.

    Raises:
        UsageError: there is data, and it cannot be told for which model, or for which loss.
    """
    path, name = split_name(argument) if text is None else (argument, "")
    with usage_errors():
        found = check_path(path, asked) if text is None else check_text(text, argument, asked=asked)
    return only_model(found, name) if name else found


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn errors about data for the models of a file into mistakes on the command line.

    Raises:
        UsageError: it cannot be told for which model data is, or for which loss.
    """
    try:
        yield
    except NotOneModelError as error:
        raise UsageError(error.message, error.help) from None
    except NoSuchLossError as error:
        raise UsageError(str(error), "for example: --loss mse") from None


def spec_in_code(argument: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the spec of the model that ``train.py`` or ``train.py:NAME`` means, with warnings of what it
    leaves out.

    Where there is no such model, the errors come instead.
    """
    path, name = split_name(argument)
    found = checked_code(path, Asked())
    model, problems = model_named(found, name)
    if model is None:
        return Source("", argument), problems
    errors = tuple(d for d in model.diagnostics if d.severity == "error")
    if errors or not model.spec:
        return Source("", argument), errors or (_unread(argument, model.model.stops),)
    return Source(model.spec, argument), model.left_out


def _unread(argument: str, stops: Sequence[Any]) -> Diagnostic:
    help = "its layers cannot be told from the code alone"
    for stop in stops:
        if stop.where is not None:
            help = f"line {stop.where.source.place(stop.where.span.start).line}: {stop.why}"
            break
    return Diagnostic(
        "ST407", f"{argument} cannot be read as a spec", Span(0, 0), help=help, source=Source("", argument)
    )


def unknown_dims(dims: Mapping[str, Any], files: Sequence[CheckedFile]) -> None:
    """Refuse names that ``-D`` binds and no model of the files has.

    Raises:
        UsageError: there is one.
    """
    known: set[str] = set()
    for file in files:
        for model in file.models:
            known |= symbols_of_text(model.text) if model.text is not None else set()
    for name in dims.keys() - known:
        listed = ", ".join(sorted(known)[:8]) or "none"
        raise UsageError(f"no model has a size {name}", f"the sizes that only the code knows are {listed}")
