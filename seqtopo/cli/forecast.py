"""``seqtopo forecast``: continues a series with a saved model."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from seqtopo.cli.arguments import Parser, add_imports, add_stock, whole
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.cli.writing import add_force, apart, keep_what_is_there, write_whole
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit.backend import choose
from seqtopo.report.columns import Column, columns
from seqtopo.source import Source, Span

SHOWN = 20
"""The maximum number of steps that are shown; a file has all of them."""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "forecast",
        "Reads a history with a saved model, and goes on from its end: each forecast is fed back as the\n"
        "next step. A model from seqtopo fit has the end of its series with it, so the history can be\n"
        "left out; it also knows the features' names and how they were scaled.",
        (
            "seqtopo forecast model.keras --steps 14",
            "seqtopo forecast model.keras --steps 100 --history today.csv -o ahead.csv",
            "seqtopo forecast model.keras --steps 10 --history shops.csv --series shop=oak",
            "seqtopo forecast model.keras --steps 7 --future calendar.csv   (features it does not predict)",
        ),
    )
    made.add_argument("model", help="a .keras file, of seqtopo fit or of Keras itself")
    made.add_argument("--steps", metavar="N", type=whole, required=True, help="how many steps to go on for")
    made.add_argument(
        "--history",
        metavar="FILE",
        help="a .csv or .npy file of what came before (default: what the model has)",
    )
    made.add_argument(
        "--series",
        metavar="COLUMN=NAME",
        help="where the history holds several series, the one to go on from: by the column of a .csv file "
        "that names the series, and its name there; by its number from 0 in an .npy file",
    )
    made.add_argument(
        "--future",
        metavar="FILE",
        help="a .csv or .npy file of the features that the model does not predict, a row for each step ahead",
    )
    made.add_argument("-o", "--output", metavar="FILE", help="write all steps to this .csv file")
    add_force(made, "a file")
    made.add_argument("--backend", metavar="NAME", help="tensorflow, torch or jax")
    add_imports(made)
    add_stock(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Load a model, read the history, and show how it continues. Return the exit code."""
    if args.output:
        apart(args.output, args.model, *filter(None, (args.history, args.future)))
    try:
        if args.output:
            keep_what_is_there(args.output, "forecast", force=args.force)
        # Keras imports an installed TensorFlow on any backend; its start-up messages are of no use.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        path = Path(args.model)
        if not path.is_file():
            reason = "it is not a file" if path.exists() else "no such file"
            said = f"{path} cannot be loaded: {reason}"
            source = Source("", str(path))
            raise SpecError((Diagnostic("ST729", said, Span(0, 0), help="check the path", source=source),))
        choose(args.backend)
        from seqtopo.cli.forecast_run import (  # loads Keras, on the backend that was chosen
            forecast_of,
            write_table,
        )

        names, numbers = forecast_of(args, path)
        if args.output:
            write_whole(Path(args.output), lambda file: write_table(file, names, numbers))
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1
    rows = numbers[:SHOWN].tolist()
    table = [Column("step", [str(i) for i in range(1, len(rows) + 1)], right=True)]
    for i, name in enumerate(names):
        table.append(Column(name, [f"{row[i]:.6g}" for row in rows], right=True))
    put(columns(table, terminal(sys.stdout).width))
    if args.output:
        say("", f"Wrote {len(numbers):,} steps to {args.output}")
    elif len(numbers) > SHOWN:
        say(f"and {len(numbers) - SHOWN:,} more; -o ahead.csv writes all of them")
    return 0
