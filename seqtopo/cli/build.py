"""``seqtopo build``: builds a Keras model from a spec and saves it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from seqtopo.cli.arguments import (
    STDIN,
    Parser,
    UsageError,
    add_format,
    add_spec_options,
    dims_of,
    is_text,
    seed,
)
from seqtopo.cli.check import as_json
from seqtopo.cli.files import check_spec
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.cli.writing import add_force, cannot_write, keep_what_is_there, write_model, write_whole
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.diag.renderers import renderer
from seqtopo.emit.python.write import python_of
from seqtopo.report.analyse import Checked, linted, report_on
from seqtopo.report.columns import Column, columns
from seqtopo.report.report import shape_table
from seqtopo.runtime.building import build, keras_refusals
from seqtopo.system.progress import doing
from seqtopo.system.shell import command

if TYPE_CHECKING:
    import keras

    from seqtopo.emit.build import Built

SUFFIX = ".keras"
SUFFIXES = (SUFFIX, ".py", ".json")
"""The suffixes a model can be saved with: Keras' file, Keras code, Keras' config."""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "build",
        "Builds the Keras model of a spec and saves it as a .keras file, which Keras loads without seqtopo; "
        "or writes it as Keras code (.py) or as Keras' config (.json).",
        (
            "seqtopo build spec.txt",
            "seqtopo build spec.txt -D T=24 -D F=3 -o model.keras --backend jax",
            "seqtopo build spec.txt -o model.py      (the Keras code; needs no Keras)",
            "seqtopo build spec.txt -o model.json    (for keras.models.model_from_json)",
            "seqtopo build autoencoder.txt --part encoder",
            "seqtopo build autoencoder.txt --all -o models   (each named model, in that folder)",
        ),
    )
    made.add_argument("spec", help="a file, - for the standard input, or a spec")
    made.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="where to save the model, as .keras, .py or .json (default: the spec's name with .keras, "
        "beside the spec); with --all, the folder",
    )
    made.add_argument(
        "--backend", metavar="NAME", help="tensorflow, torch or jax (default: what Keras is set to)"
    )
    made.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        help="what the initial weights are drawn from, the same on every backend (default: others each time)",
    )
    add_force(made, "a trained model, or a program that somebody wrote,")
    which = made.add_mutually_exclusive_group()
    which.add_argument("--part", metavar="NAME", help="save this named model of the spec")
    which.add_argument("--all", action="store_true", help="save every named model of the spec")
    add_spec_options(made)
    add_format(made)
    return made


_KINDS = {".keras": "model", ".py": "program", ".json": "config"}


@dataclass(frozen=True)
class Saved:
    """One model that was saved: its name, its file, its parameters."""

    name: str
    file: Path
    params: int
    compiled: bool


def run(args: argparse.Namespace) -> int:
    """Check, build and save a spec, and say where the model is. Return the exit code."""
    dims = dims_of(args.dims)
    target = _target(args)
    settings = settings_of(args.spec)
    checked = linted(check_spec(args.spec, dims), settings.selection)
    try:
        if args.part and checked.resolved is not None and checked.ok:
            _check_part(checked, args.part)
        trouble = _no_place(target, args.all) if checked.ok else None
        if trouble is not None:
            raise SpecError((trouble,))
        if checked.ok and not args.all:
            keep_what_is_there(target, _KINDS[target.suffix], force=args.force)
        most = args.max_params or settings.max_params
        if target.suffix == ".py" and not args.all:
            _write(target, python_of(checked, most, args.part or ""))
            _put_written(checked, target, args)
            return 0
        built = build(checked, args.backend, most, seed=args.seed)
        with keras_refusals(checked.source), doing("building the model"):
            models = _models(built, args.part, args.all)
        if args.all:
            for name in models:
                keep_what_is_there(target / f"{name}{SUFFIX}", "model", force=args.force)
        saved = _save(models, target, args.all)
    except SpecError as error:
        _put_wrong(checked, error.diagnostics, args.format)
        return 1
    _put_built(checked, saved, args)
    return 0


def _target(args: argparse.Namespace) -> Path:
    """Return the path to save to: a file, or a folder for several models.

    Raises:
        UsageError: Keras could not read it there, or the spec would be overwritten.
    """
    at_hand = args.spec == STDIN or is_text(args.spec)
    spec = Path("model") if at_hand else Path(args.spec)
    if args.all:
        if Path(args.output or "").suffix in SUFFIXES:
            raise UsageError(
                f"--all saves several models, in a folder, not in {args.output}", "write -o models"
            )
        return Path(args.output) if args.output else spec.with_name(f"{spec.stem}_models")
    name = args.part or spec.stem
    if not args.output:
        target = spec.with_name(f"{name}{SUFFIX}")
    elif os.path.isdir(args.output):
        target = Path(args.output) / f"{name}{SUFFIX}"
    else:
        target = Path(args.output)
    if target.suffix not in SUFFIXES:
        raise UsageError(
            f"a model is saved as {SUFFIX}, as Keras code in .py, or as Keras' config in .json, not as "
            f"{target.name}",
            f"write {command('-o', target.stem + (nearest(target.suffix, SUFFIXES) or SUFFIX))}",
        )
    if not at_hand and os.path.realpath(target) == os.path.realpath(spec):
        raise UsageError(f"the model would overwrite its spec, {spec}", f"write -o model{target.suffix}")
    return target


def _no_place(target: Path, folder: bool) -> Diagnostic | None:
    """Return the reason why a model cannot be saved there; it is asked before the model is built."""
    parent = target.parent
    try:
        if not parent.is_dir():
            raise FileNotFoundError(0, "")
        if folder:
            target.mkdir(exist_ok=True)
            parent = target
        elif target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if not os.access(parent, os.W_OK):
            raise PermissionError(0, f"the folder {parent} is not writable")
    except OSError as error:
        return cannot_write(target, error)
    return None


def _check_part(checked: Checked, name: str) -> None:
    """Raise UsageError where the spec has no model of that name."""
    assert checked.resolved is not None
    known = sorted({*checked.resolved.parts, checked.resolved.graph.name})
    if name not in known:
        near = nearest(name, known)
        raise UsageError(
            f"{checked.source.name} has no model called {name}",
            f"did you mean --part {near}?" if near else f"its models are {', '.join(known)}",
        )


def _models(built: Built, part: str | None, every: bool) -> dict[str, keras.Model]:
    main = built.main()
    name = built.resolved.graph.name
    if part:
        return {part: built.part(part)}
    if not every:
        return {name: main}
    return {**{part: built.part(part) for part in built.parts()}, name: main}


def _save(models: Mapping[str, keras.Model], target: Path, folder: bool) -> list[Saved]:
    """Raise SpecError (ST405) where a file cannot be written."""
    saved: list[Saved] = []
    for name, model in models.items():
        path = target / f"{name}{SUFFIX}" if folder else target
        if model.compiled and model.trainable_variables and not model.optimizer.built:
            # Saved before its first step, an optimizer has no variables, and Keras warns on loading.
            model.optimizer.build(model.trainable_variables)
        if path.suffix == ".json":
            _write(path, model.to_json(indent=2) + "\n")
        else:
            write_model(path, model.save)
        saved.append(Saved(name, path, model.count_params(), model.compiled))
    return saved


def _write(path: Path, text: str) -> None:
    """Raise SpecError (ST405) where the file cannot be written."""
    write_whole(path, lambda there: there.write_text(text, encoding="utf-8"))


def _put_wrong(checked: Checked, found: Sequence[Diagnostic], form: str) -> None:
    warnings = tuple(d for d in checked.diagnostics if d not in found)
    every = (*warnings, *found)
    if form == "text":
        put_diagnostics(every)
    elif form == "json":
        wrong = replace(checked, resolved=None, diagnostics=every)
        put(as_json([report_on(wrong)]))
    else:
        put(renderer(form)(every), log_commands=form == "github")


def _put_built(checked: Checked, saved: Sequence[Saved], args: argparse.Namespace) -> None:
    table = [
        Column("model", [one.name for one in saved]),
        Column("parameters", [f"{one.params:,}" for one in saved], right=True),
        Column("file", [str(one.file) for one in saved]),
    ]
    files = {one.name: str(one.file) for one in saved}
    _put_report(checked, files, args, table if args.part or args.all else ())
    if args.format == "text":
        say("", *_how_to_load(saved))


def _put_report(
    checked: Checked, files: Mapping[str, str], args: argparse.Namespace, table: Sequence[Column] = ()
) -> None:
    """Print the findings, and the shapes or another table; for programs, the files too."""
    report = report_on(checked)
    if args.format == "json":
        put(as_json([report], [files]))
        return
    if args.format != "text":
        if text := renderer(args.format)(checked.diagnostics):
            put(text, log_commands=args.format == "github")
        return
    screen = terminal(sys.stdout)
    put_diagnostics(checked.diagnostics)
    if table:
        put(columns(table, None, color=screen.color))
    else:
        put(shape_table(report, screen.width, color=screen.color))


def _put_written(checked: Checked, target: Path, args: argparse.Namespace) -> None:
    """Print how to use written Python: nothing was built, so there is no Keras to ask."""
    name = args.part or (checked.resolved.graph.name if checked.resolved is not None else "model")
    _put_report(checked, {name: str(target)}, args)
    if args.format == "text":
        importable = target.stem.isidentifier() and not iskeyword(target.stem)
        how = f"from {target.stem} import model" if importable else command("python", "-i", str(target))
        say("", f"Wrote {target}, which needs nothing but Keras. To use it in Python:", f"  {how}")


def _how_to_load(saved: Sequence[Saved]) -> tuple[str, ...]:
    last = saved[-1]
    where = str(last.file) if len(saved) == 1 else f"{len(saved)} files in {last.file.parent}"
    then = (
        "model.fit(x, y)"
        if last.compiled
        else 'model.compile("adam", "mse")  # or as your data wants it; then model.fit(x, y)'
    )
    file = repr(str(last.file))
    load = (
        f"keras.models.model_from_json(open({file}).read())"
        if last.file.suffix == ".json"
        else f"keras.models.load_model({file})"
    )
    return (f"Saved {where}. To use it in Python:", "  import keras", f"  model = {load}", f"  {then}")
