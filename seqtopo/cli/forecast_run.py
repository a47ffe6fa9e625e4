"""Load a saved model, read the history it goes on from, and make the forecast of ``seqtopo forecast``."""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path
from typing import Any, NoReturn

from seqtopo.cli.arguments import UsageError
from seqtopo.data.series import Series, read_series, refuse
from seqtopo.data.tables import SUFFIXES
from seqtopo.data.training.forecasting import forecast, not_targets, takes
from seqtopo.data.training.model_files import NoModelError, Notes, load_with
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.runtime.building import backend_failures
from seqtopo.source import Source, Span
from seqtopo.system.progress import bar, doing
from seqtopo.system.shell import command

MOST_NAMED = 20
"""The maximum number of names of series that are shown."""


def forecast_of(args: argparse.Namespace, path: Path) -> tuple[list[str], Any]:
    """Return the names of the features that a saved model predicts, and their numbers, (steps, features).

    Raises:
        UsageError: no series is chosen as the history has them.
        SpecError: the model, the history or what is known ahead does not do.
    """
    try:
        with doing("loading the model"):
            model, notes = load_with(path, kernels=not args.stock, modules=args.modules)
    except NoModelError as error:
        _refuse(path, error.reason, error.help)
    try:
        ids, features = takes(model)
        history, names = _history(args, path, notes, ids, features)
        future = _future(args, notes, history) if args.future else None
        with backend_failures("the forecast was made"), bar("forecasting", args.steps) as told:
            numbers = forecast(model, notes, history, args.steps, future, told)
        _check_finite(numbers, names, path)
        return names, numbers
    except SpecError:
        raise
    except ValueError as error:
        help = getattr(error, "help", "use seqtopo.rollout in Python, which takes more kinds of models")
        if steps := getattr(error, "steps", 0):
            help += f"\n  {command(*_words(args, steps))}"
        _refuse(path, str(error), help, "goes on")


def _words(args: argparse.Namespace, steps: int) -> list[str]:
    """Return the words of the same command for another number of steps."""
    words = ["seqtopo", "forecast", args.model, "--steps", str(steps)]
    for name in ("history", "series", "future", "output", "backend"):
        if given := getattr(args, name):
            words += [f"--{name}", given]
    words += [word for name in args.modules or () for word in ("--import", name)]
    return [*words, "--stock"] if args.stock else words


def _history(
    args: argparse.Namespace, path: Path, notes: Notes, ids: bool, features: int
) -> tuple[Any, list[str]]:
    """Return the history, its features in the order of the model, and the names of the predicted ones."""
    given: Any = args.history or notes.history
    if given is None:
        _refuse(path, "no history is saved with it", "give what came before: --history data.csv", "goes on")
    read: Series = _one_of(args, ids) if args.series else read_series(given, ids=ids, name="the history")
    if read.lengths:
        many = len(read.lengths)
        _refuse(path, f"{read.name} holds {many} series", "say which one: --series 0", "goes on")
    array, names = read.array, list(read.columns or notes.columns)
    if notes.columns and read.columns and list(read.columns) != notes.columns:
        if len(set(read.columns)) < len(read.columns):
            _refuse(
                path,
                f"{read.name} has two features of one name, in another order than it was trained on",
                f"give them in its order: {', '.join(notes.columns)}",
                "goes on",
            )
        if sorted(read.columns) != sorted(notes.columns):
            _refuse(
                path,
                f"{read.name} has the features {', '.join(read.columns)}, but it was trained on "
                f"{', '.join(notes.columns)}",
                "give a history with the same columns",
                "goes on",
            )
        names = notes.columns
        array = array[:, [read.column(name) for name in names]]
    if not ids and array.shape[1] != features:
        _refuse(
            path,
            f"it takes {features} features at each step, but {read.name} has {array.shape[1]}",
            "give a history with the columns that it was trained on",
            "goes on",
        )
    targets = notes.targets or list(range(read.features))
    return array, [names[i] if names else ("id" if ids else f"feature {i}") for i in targets]


def _one_of(args: argparse.Namespace, ids: bool) -> Series:
    """Return the one of several series that ``--series`` names.

    Raises:
        UsageError: there is no history, or it is named in another way.
        SpecError: ST723, the history has no such series.
    """
    if not args.history:
        raise UsageError("--series chooses one of the series of --history", "give the file: --history FILE")
    column, equals, wanted = args.series.partition("=")
    if Path(args.history).suffix.lower() in SUFFIXES:
        if not equals:
            raise UsageError(
                "--series names a column and one of its series", "for example: --series shop=oak"
            )
        read = read_series(args.history, ids=ids, by=column)
        names: tuple[str, ...] = read.names
    else:
        wanted = args.series
        read = read_series(args.history, ids=ids)
        names = tuple(map(str, range(len(read.lengths))))
    if wanted not in names:
        shown = ", ".join(names[:MOST_NAMED])
        refuse(
            "ST723",
            f"{read.name} has no series {wanted}",
            help=f"its series are {shown}" if names else "it holds one series: leave out --series",
        )
    return read.alone(names.index(wanted))


def _future(args: argparse.Namespace, notes: Notes, history: Any) -> Any:
    """Return the features that are not predicted, (steps, features), in their order.

    Raises:
        SpecError: ST733, there are none, or the file has others or too few rows; or it cannot be read.
    """
    features = history.shape[1] if history.ndim > 1 else 1
    others = not_targets(notes.targets or list(range(features)), features)
    if not others:
        _refuse_future("the model predicts all the features that it takes", "leave out --future")
    read: Series = read_series(args.future, name="what is known ahead")
    names = [notes.columns[number] for number in others] if notes.columns else []
    wanted = ", ".join(names) or f"{len(others)} columns, of the features {', '.join(map(str, others))}"
    if read.columns and names:
        lacking = [name for name in names if read.columns.count(name) != 1]
        if lacking:
            _refuse_future(
                f"{read.name} has no single column {lacking[0]}: its columns are {', '.join(read.columns)}",
                f"give {wanted}, a row for each step",
            )
        found = read.array[:, [read.column(name) for name in names]]
    elif read.features == len(others):
        found = read.array
    else:
        _refuse_future(f"{read.name} has {read.features} columns", f"give {wanted}, a row for each step")
    if read.steps < args.steps:
        _refuse_future(
            f"{read.name} has {read.steps} steps, but {args.steps} are to be predicted",
            f"give a row for each of them, or write --steps {read.steps}\n  "
            + command(*_words(args, read.steps)),
        )
    return found


def write_table(path: Path, names: list[str], numbers: Any) -> None:
    """Write a table that ``read_table`` reads: the number of the step, and its features."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *names])
        writer.writerows([step, *row] for step, row in enumerate(numbers.tolist(), 1))


def _refuse_future(message: str, help: str) -> NoReturn:
    raise SpecError((Diagnostic("ST733", message, Span(0, 0), help=help),))


def _check_finite(numbers: Any, names: list[str], path: Path) -> None:
    """Raise SpecError (ST731) for the first number that is not finite."""
    for step, row in enumerate(numbers.tolist(), 1):
        for name, value in zip(names, row, strict=True):
            if not math.isfinite(value):
                found = Diagnostic(
                    "ST731",
                    f"{path} has {value} for {name} at step {step}",
                    Span(0, 0),
                    help=(f"--steps {step - 1} are finite; " if step > 1 else "")
                    + "look at the weights and at the history: one of them is too large or not a number",
                    source=Source("", str(path)),
                )
                raise SpecError((found,))


def _refuse(path: Path, reason: str, help: str, what: str = "loaded") -> NoReturn:
    message = f"{path} cannot be {what}: {reason}" if what == "loaded" else f"{path} cannot go on: {reason}"
    found = Diagnostic("ST729", message, Span(0, 0), help=help, source=Source("", str(path)))
    raise SpecError((found,))
