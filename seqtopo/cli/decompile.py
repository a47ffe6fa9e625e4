"""``seqtopo decompile``: writes the spec of a saved Keras model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtopo.cli.arguments import Parser, UsageError, add_imports
from seqtopo.cli.terminal import put, put_diagnostics, say
from seqtopo.cli.writing import add_force, apart, keep_what_is_there, text_place, write_whole
from seqtopo.decompiler.decompile import decompiled
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.json import render_json
from seqtopo.syntax.read import MODELS, is_model
from seqtopo.system.shell import command

if TYPE_CHECKING:
    from seqtopo.decompiler.decompile import Decompiled


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "decompile",
        "Writes the spec of a saved Keras model: of the configuration in a .keras or .h5 file, or of the\n"
        "text that model.to_json() gives, of Keras 0.3 to 3. It loads neither Keras nor weights, and runs\n"
        "nothing that the file holds.\n"
        "What a spec cannot say is left out, and listed.",
        (
            "seqtopo decompile model.keras",
            "seqtopo decompile model.keras -o spec.txt --strict",
            "seqtopo decompile model.json --format json",
            "seqtopo decompile old.h5",
        ),
    )
    made.add_argument("model", help="a .keras or .h5 file, or a .json file with a model's configuration")
    add_imports(made)
    made.add_argument("-o", "--output", metavar="FILE", help="write the spec to this file")
    add_force(made, "a spec")
    made.add_argument(
        "--strict", action="store_true", help="exit with 1 where a spec cannot say all of the model"
    )
    made.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="text for people (the default), json for programs: the spec, and what it leaves out",
    )
    return made


def run(args: argparse.Namespace) -> int:
    """Read a model, write its spec, and list what that leaves out. Return the exit code."""
    path = Path(args.model)
    if not is_model(args.model):
        known = f"{', '.join(MODELS[:-1])} or {MODELS[-1]}"
        raise UsageError(f"a model's file ends in {known}, not {path.name}", _help(path))
    if args.output:
        apart(args.output, args.model)
        text_place(args.output, "a spec")
    try:
        found = decompiled(path)
        if args.output:
            keep_what_is_there(args.output, "spec", found.text, force=args.force)
            write_whole(Path(args.output), lambda file: file.write_text(found.text, encoding="utf-8"))
    except SpecError as error:
        _show_wrong(error, args.format)
        return 1
    _show(found, args)
    return 1 if args.strict and found.lossy else 0


def _help(path: Path) -> str:
    if path.suffix in (".yaml", ".yml"):
        return "YAML can hold code: load it in the Keras that wrote it, and write model.to_json() to a file"
    if path.suffix in (".pkl", ".pickle", ".joblib"):
        return "a pickle is code: load it where it was made, and save it anew: model.save('model.keras')"
    if path.suffix == ".txt":
        return "it is a spec already? seqtopo check reads those"
    return "for example: seqtopo decompile model.keras"


def _show(found: Decompiled, args: argparse.Namespace) -> None:
    if args.format == "json":
        put(_json(found.text, found.diagnostics))
        return
    if found.diagnostics:
        put_diagnostics(found.diagnostics)
    if args.output:
        say(f"Wrote {args.output}. To look at it: {command('seqtopo', 'check', args.output)}")
    else:
        put(found.text.rstrip("\n"), colors=False)


def _json(spec: str | None, found: Sequence[Diagnostic]) -> str:
    return json.dumps({"spec": spec, "diagnostics": json.loads(render_json(found))}, indent=2)


def _show_wrong(error: SpecError, form: str) -> None:
    if form == "json":
        put(_json(None, error.diagnostics))
        return
    put_diagnostics(error.diagnostics)
