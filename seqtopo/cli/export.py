"""``seqtopo export``: exports a model for other programs after comparing it with Keras."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqtopo.cli.arguments import Parser, UsageError, add_spec_options, bound_from_outside, dims_of
from seqtopo.cli.build import SUFFIX
from seqtopo.cli.files import check_spec, is_left_out
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.cli.writing import add_force
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.decompiler.model_files import read_config
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.exporting import Exported, chosen_backends, chosen_format, exported, refuse_place
from seqtopo.exporting.formats import FORMATS
from seqtopo.layers.sizes import symbols
from seqtopo.report.analyse import linted, still_searched, unbuildable
from seqtopo.report.columns import Column, columns
from seqtopo.system.shell import command

BIND = "-D T=24"
"""The words in which the exporters advise to bind the number of time steps; they do not know its name."""
CLOSE = 1e-6
"""The largest difference, relative to the largest number, that counts as none in float32."""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "export",
        "Writes a model for another program: ONNX, TensorFlow SavedModel or Lite, PyTorch. It is run there\n"
        "and compared with Keras, at two batch sizes and two lengths, before the file is kept.\n\n"
        "The weights of a .keras file go along; a spec is built with fresh ones.",
        (
            "seqtopo export model.keras -o model.onnx",
            "seqtopo export spec.txt -D T=24 -o model.tflite",
            "seqtopo export model.keras -o served   (a folder: TensorFlow SavedModel)",
            "seqtopo export model.keras -o step.onnx --step   (one step a call, states in and out)",
        ),
    )
    made.add_argument("model", help="a .keras file, a file with a spec, - for the standard input, or a spec")
    made.add_argument(
        "-o", "--output", metavar="PATH", required=True, help="where to write; its ending says the format"
    )
    made.add_argument(
        "--format", metavar="NAME", help=f"one of {', '.join(FORMATS)} (default: by the ending)"
    )
    made.add_argument(
        "--via", metavar="BACKEND", help="the backend that writes it (default: the one that does it best)"
    )
    made.add_argument(
        "--step",
        action="store_true",
        help="the one-step model: a step and the states in, the next states out",
    )
    made.add_argument(
        "--batch", metavar="N", type=int, help="fix the number of sequences (TensorFlow Lite: 1 by default)"
    )
    add_force(made, "a file of another kind")
    add_spec_options(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Build a spec if it is one, export the model, and say how to use it. Return the exit code."""
    if args.batch is not None and args.batch < 1:
        raise UsageError(f"--batch {args.batch} is not a number of sequences", "write --batch 1")
    target = Path(args.output)
    file = Path(args.model)
    dims = dims_of(args.dims)
    try:
        row = chosen_format(target, args.format)
        backends = chosen_backends(row, args.via)
        refuse_place(target, row, args.model, force=args.force)
        if file.suffix == ".json":
            raise UsageError(
                f"{file} has no weights: it can only be a model's configuration",
                "make a spec of it: " + command("seqtopo", "decompile", str(file), "-o", f"{file.stem}.txt"),
            )
        wanted = _model(file, dims) if file.suffix == SUFFIX else _spec(args, dims)
        how = {"step": args.step, "batch": args.batch, "modules": args.modules}
        done = exported({**wanted, **how}, target, row, backends)
    except SpecError as error:
        put_diagnostics([_with_command(d, args, file, dims) for d in error.diagnostics])
        return 1
    say(f"Wrote {done.path}: {done.format}, through {done.backend}", "")
    put(_ports(done))
    say("", _compared(done))
    return 0


def _with_command(
    found: Diagnostic, args: argparse.Namespace, file: Path, dims: Mapping[str, Any]
) -> Diagnostic:
    """Return a finding; one that advises to bind the number of steps, with the command that does."""
    if BIND not in found.help:
        return found
    if file.suffix == SUFFIX:
        return replace(found, help="give a model whose input has a number of time steps")
    resolved = check_spec(args.model, dims).resolved
    if resolved is None:
        return found
    inputs = [resolved.graph.nodes[index] for index in resolved.graph.inputs]
    shapes = [tensor.shape for node in inputs for tensor in node.outputs or ()]
    names = list(dict.fromkeys(name for shape in shapes for size in shape for name in sorted(symbols(size))))
    if not names:
        return replace(found, help="write a number of time steps in the spec, in place of ?")
    bound = bound_from_outside({**dims, **dict.fromkeys(names, 24)})
    words = ["seqtopo", "export", args.model, *bound, "-o", args.output]
    for name in ("format", "via", "batch"):
        if given := getattr(args, name):
            words += [f"--{name}", str(given)]
    words += [word for name in args.modules or () for word in ("--import", name)]
    words += ["--step"] * args.step
    help = found.help.replace(BIND, command(*bound_from_outside({names[0]: 24})))
    return replace(found, help=f"{help}\n  {command(*words)}")


def _model(file: Path, dims: Mapping[str, Any]) -> dict[str, Any]:
    if not file.exists():
        raise UsageError(f"there is no file {file}", "build it first: seqtopo build spec.txt")
    try:
        read_config(file)  # what is not a model is told here, in a moment
    except UnreadableError as error:
        raise SpecError((error.placed(str(file)),)) from None
    if dims:
        first = next(iter(dims))
        raise UsageError("-D is for specs; a .keras file has its numbers", f"leave out -D {first}")
    return {"model": str(file.absolute())}


def _spec(args: argparse.Namespace, dims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request for a spec, which is checked here, so that its errors are shown at their places.

    Raises:
        SpecError: it is wrong, or cannot be built.
    """
    settings = settings_of(args.model)
    checked = linted(check_spec(args.model, dims), settings.selection)
    most = args.max_params or settings.max_params
    missing = checked.diagnostics if not checked.ok else still_searched(checked) or unbuildable(checked, most)
    if missing:
        raise SpecError(missing)
    put_diagnostics([d for d in checked.diagnostics if is_left_out(d)])
    return {"spec": checked.source.text, "dims": dims, "max_params": most}


def _compared(done: Exported) -> str:
    if not done.engine:
        return f"It was not compared with Keras: what runs {done.format} is not installed."
    shapes = ["; ".join(_shape(shape) for shape in inputs) for inputs, _ in done.compared]
    worst = max(apart for _, apart in done.compared)
    how = "the same as Keras" if worst <= CLOSE else f"as Keras, to {worst:.1e} of the largest number"
    return f"Run in {done.engine} on {' and on '.join(shapes)}: {how}."


def _ports(done: Exported) -> str:
    rows = [("takes", port) for port in done.inputs] + [("gives", port) for port in done.outputs]
    return columns(
        [
            Column("", [f"  {word}" for word, _ in rows]),
            Column("name", [port.name for _, port in rows]),
            Column("shape", [_shape(port.shape) for _, port in rows]),
            Column("dtype", [port.dtype for _, port in rows]),
        ],
        terminal(sys.stdout).width,
    )


def _shape(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
