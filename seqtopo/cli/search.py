"""``seqtopo search``: searches the space of a spec for the best topology, with Optuna."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from seqtopo.cli.arguments import Parser, UsageError, add_spec_options, import_modules, whole
from seqtopo.cli.fit import add_training_options
from seqtopo.cli.terminal import put_diagnostics, say
from seqtopo.diag.error import SpecError
from seqtopo.system import packages
from seqtopo.system.threads import limit_threads

SAMPLERS = ("tpe", "random", "gp", "cmaes", "grid")
PRUNERS = ("median", "hyperband", "none")
BEST = "best.txt"
"""The file of the best spec, where -o names no other."""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "search",
        "Searches the space of a spec for the best topology: what stands behind 'search' is chosen anew for\n"
        "each trial, trained as seqtopo fit trains, and scored by the loss on what is held out of the data.\n"
        "The last part of the data (--validation) no trial sees: the best is compared with guesses on it.\n\n"
        "What is found is written down as it is found, in a journal beside the data, or in --storage. The\n"
        "same command in another terminal, or on another machine with --storage postgresql://..., works on\n"
        "the same study. Stopped at any moment, the same command goes on.\n\n"
        "Once there are enough trials, the best few are trained again with other seeds, the best of them is\n"
        "written with let in place of search, and trained and saved as seqtopo fit does.",
        (
            "seqtopo search spec.txt temperatures.csv",
            "seqtopo search spec.txt temperatures.csv --trials 200 --jobs 4 -o best.txt",
            "seqtopo search spec.txt weather.csv --storage postgresql://user@host/studies --study weather",
            "seqtopo search spec.txt weather.csv --max-params 50000 --folds 3 --seed 1",
            "seqtopo search --show temperatures.study.log --pareto",
        ),
    )
    made.add_argument(
        "spec", nargs="?", help="a spec with search lines: a file, - for the standard input, or itself"
    )
    add_training_options(made, data_needed=False)
    made.add_argument("--trials", metavar="N", type=whole, default=50, help="how many trials (default: 50)")
    made.add_argument(
        "--jobs", metavar="K", type=whole, default=1, help="processes on this machine, which share its cores"
    )
    made.add_argument(
        "--storage",
        metavar="URL",
        help="where the study is: journal://FILE, postgresql://..., mysql://..., "
        "sqlite:///FILE (default: a journal beside the data)",
    )
    made.add_argument("--study", metavar="NAME", help="the study's name (default: the spec's)")
    made.add_argument(
        "--min-steps", metavar="N", type=whole, help="the fewest steps that may be left anywhere"
    )
    made.add_argument(
        "--folds",
        metavar="K",
        type=whole,
        default=1,
        help="score each trial on K later and later parts of the data instead of one",
    )
    made.add_argument(
        "--sampler", choices=SAMPLERS, default="tpe", help="how points are drawn (default: tpe)"
    )
    made.add_argument(
        "--prune", choices=PRUNERS, default="median", help="how bad trials are ended early (default: median)"
    )
    made.add_argument(
        "--finalists",
        metavar="N",
        type=whole,
        default=3,
        help="how many of the best are trained again with two more seeds (default: 3)",
    )
    made.add_argument(
        "--widen", action="store_true", help="record that the study searches a wider space from now on"
    )
    made.add_argument("--show", metavar="STUDY", help="show a study: its name, or the file of its journal")
    made.add_argument(
        "--pareto", action="store_true", help="also show the trials that are best for their size or speed"
    )
    made.add_argument(
        "-o", "--output", metavar="PATH", default=BEST, help=f"where to write the best spec (default: {BEST})"
    )
    made.add_argument("--force", action="store_true", help="replace a spec or a model that is there already")
    made.add_argument("--worker", help=argparse.SUPPRESS)
    add_spec_options(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Search, show the results, and train the best. Return the exit code."""
    if find_spec("optuna") is None:
        say(f"seqtopo search needs Optuna; install it: {packages.get_extra('search')}", stream=sys.stderr)
        return 1
    if args.show is None and (args.spec is None or args.data is None):
        lacks = "a spec" if args.spec is None else "data"
        raise UsageError(
            f"seqtopo search needs {lacks}", "for example: seqtopo search spec.txt temperatures.csv"
        )
    output = Path(args.output)
    if output.suffix != ".txt":
        raise UsageError(
            f"the best spec is a text, not {output.name}", f"write -o {output.with_suffix('.txt').name}"
        )
    try:
        from seqtopo.cli.search_run import search  # loads Optuna and NumPy

        return search(args)
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1


def _work() -> int:
    """Work as a process of ``--jobs K``, which reads its arguments and its cores from its input."""
    given = json.loads(sys.stdin.read())
    limit_threads(given["cores"])  # before a module loads a backend, which takes its threads then
    args = argparse.Namespace(**given["args"])
    args.dims = [(name, tuple(value) if isinstance(value, list) else value) for name, value in args.dims]
    if args.modules:
        import_modules(args.modules, args.backend)
    return run(args)


if __name__ == "__main__":
    sys.exit(_work())
