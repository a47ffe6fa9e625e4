"""The cell magic ``%%seqtopo``: checks the cell, shows it as a card, and binds its model to a name."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from keyword import iskeyword
from typing import Any

from IPython.core.error import UsageError as MagicError
from IPython.display import display

from seqtopo.api import check, compile
from seqtopo.cli.arguments import Parser, UsageError, binding, dims_of
from seqtopo.diag.error import SpecError
from seqtopo.notebook.cards import Card, drawn, register


def parser() -> Parser:
    """Return the parser of the arguments behind ``%%seqtopo``."""
    made = Parser(
        "",
        "Checks the spec in the cell and shows its shapes and its picture. With NAME, also builds the Keras\n"
        "model and binds it to that name.",
        (
            "%%seqtopo",
            "%%seqtopo model",
            "%%seqtopo model -D F=3",
            "%%seqtopo model -D F={columns}   (of a variable of the notebook)",
            "%%seqtopo --unrolled",
        ),
    )
    made.prog = "%%seqtopo"
    made.add_argument("name", metavar="NAME", nargs="?", help="what the model is bound to")
    made.add_argument(
        "-D",
        dest="dims",
        metavar="NAME=VALUE",
        type=binding,
        action="append",
        default=[],
        help="what a name of the spec stands for, such as -D F=3 or -D CELL=gru; once for each name",
    )
    made.add_argument("--seed", type=int, help="what the initial weights are drawn from")
    made.add_argument("--unrolled", action="store_true", help="draw the time steps side by side")
    return made


def load(shell: Any) -> None:
    """Add ``%%seqtopo`` to an IPython shell, and the cards of Keras models and of their fits."""

    def seqtopo(line: str, cell: str) -> None:
        """Check the spec in the cell, show it, and bind its model to a name: ``%%seqtopo model -D F=3``."""
        run(shell, line, cell)

    shell.register_magic_function(seqtopo, "cell", "seqtopo")
    register(shell.display_formatter.formatters)


def run(shell: Any, line: str, cell: str) -> None:
    """Check the spec in a cell, show it as a card, and bind its model to the name in the magic's line.

    Raises:
        MagicError: the line is not understood; IPython shows its message alone.
    """
    try:
        args = parser().parse_args(shlex.split(line))
        if args.name is not None and (not args.name.isidentifier() or iskeyword(args.name)):
            raise UsageError(f"{args.name} cannot be a name in Python", "write such as %%seqtopo model")
        dims = dims_of(args.dims)
    except SystemExit:  # the help was asked for, and printed
        return
    except UsageError as error:
        raise MagicError("\n".join([error.message, *error.help])) from None
    except ValueError as error:
        raise MagicError(f"{error}: a text with spaces stands in quotes") from None
    report = check(cell, **dims)
    model = None
    if args.name and report.ok:
        try:
            model = compile(cell, seed=args.seed, **dims)
        except SpecError as error:
            known = [d for d in report.diagnostics if d not in error.diagnostics]
            report = replace(report, diagnostics=(*error.diagnostics, *known))
        except ValueError as error:
            raise MagicError(str(error)) from None
    display(Card(report, drawn(cell, dims, args) if report.ok else None, _note(shell, args, model, dims)))
    if model is not None:
        shell.push({args.name: model})


def _note(shell: Any, args: argparse.Namespace, model: Any, dims: dict[str, Any]) -> str:
    """Return the note that says what the name is bound to now."""
    if not args.name:
        return ""
    if model is not None:
        return f"{args.name} is the Keras model: {args.name}.summary(), {args.name}.fit(x, y)"
    if args.name in shell.user_ns:
        return f"{args.name} is not bound anew: it is what it was before"
    return f"{args.name} is not bound"
