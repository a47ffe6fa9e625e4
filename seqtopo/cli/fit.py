"""``seqtopo fit``: trains a model of a spec on a file of data, saves it and compares it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from seqtopo.cli.arguments import STDIN, Parser, UsageError, add_spec_options, add_stock, dims_of, seed, whole
from seqtopo.cli.data_options import add_pad
from seqtopo.cli.files import check_spec
from seqtopo.cli.fit_files import PROGRESS, Training, keep_what_is_there, target_of
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put_diagnostics, say, say_nothing
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.distributing.launching import launch
from seqtopo.distributing.ranks import LAUNCHED, LOST, DistributionError, LostRankError, ranks_of
from seqtopo.emit.backend import choose
from seqtopo.graph.inputs import BATCH
from seqtopo.report.analyse import Checked, still_searched
from seqtopo.source import Span
from seqtopo.system import packages
from seqtopo.system.threads import cores

if TYPE_CHECKING:
    from seqtopo.data.jobs import Job


MOST_A_CORE = 8
"""So many processes may share a core: more would only wait for each other."""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "fit",
        "Trains the model of a spec on a file of data, compares it with forecasts that need no model,\n"
        "and saves it, with the loss curve as a picture beside it.\n\n"
        "The file is a series: a .csv file (a row a step, a column a feature, names in the first row;\n"
        "columns of dates are left out) or an .npy file. It is cut as the spec wants it: into windows,\n"
        "or for stateful specs into consecutive pieces. An .npz file with x and y in it is taken as\n"
        "samples that are cut already; with --pad, so is one with an array for each sample, of any\n"
        "length, and y: numpy.savez(path, *samples, y=y). The end of the data is held out and never\n"
        "trained on.\n\n"
        "After each epoch all is written down. Stopped at any moment, the same command goes on from\n"
        "the last whole epoch, and comes to the same model as without the stop.",
        (
            "seqtopo fit spec.txt temperatures.csv",
            "seqtopo fit spec.txt series.npy --epochs 50 --scale -o model.keras",
            "seqtopo fit spec.txt weather.csv --target celsius --steps 24",
            "seqtopo fit spec.txt samples.npz --validation 0.1 --backend jax",
            "seqtopo fit spec.txt ragged.npz --pad",
        ),
    )
    made.add_argument("spec", help="a file, - for the standard input, or a spec")
    add_training_options(made)
    made.add_argument(
        "-o", "--output", metavar="PATH", help="where to save (default: the spec's name, .keras)"
    )
    made.add_argument(
        "--processes",
        metavar="N",
        type=whole,
        default=1,
        help="train in N processes of this machine, with the results of one (default: 1); under torchrun or "
        "srun each process is one of them",
    )
    made.add_argument("--device", metavar="NAME", help="refuse to train elsewhere than on cpu, gpu or gpu:1")
    made.add_argument("--force", action="store_true", help="replace a finished model that is there already")
    add_spec_options(made)
    return made


def add_training_options(made: Parser, *, data_needed: bool = True) -> None:
    """Add the data, and the options that say how it is cut and trained on."""
    made.add_argument("data", nargs=None if data_needed else "?", help="a .csv, .npy or .npz file")
    made.add_argument(
        "--epochs", metavar="N", type=whole, default=10, help="how often to go through the data (default: 10)"
    )
    made.add_argument(
        "--batch", metavar="N", type=whole, help=f"samples a batch (default: the spec's, or {BATCH})"
    )
    made.add_argument(
        "--steps", metavar="N", type=whole, help="steps a window has, if the spec is open there"
    )
    made.add_argument(
        "--horizon", metavar="N", type=whole, help="steps ahead to predict, if the spec does not say it"
    )
    made.add_argument("--stride", metavar="N", type=whole, default=1, help="steps from window to window")
    made.add_argument(
        "--target",
        metavar="NAME",
        action="append",
        help="the feature to predict, by name or number from 0, if not all; once for each",
    )
    made.add_argument(
        "--validation",
        metavar="SHARE",
        type=_share,
        default=0.2,
        help="the share at the end that is held out (default: 0.2; 0 holds out nothing)",
    )
    made.add_argument(
        "--scale",
        action="store_true",
        help="bring each feature to mean 0 and spread 1 of the steps trained on; what is shown, and what "
        "seqtopo forecast gives, is in the data's own units. Nothing is scaled otherwise",
    )
    made.add_argument(
        "--series",
        metavar="COLUMN",
        help="the column of a .csv file that names the series that a row is of, such as a shop or a tank: "
        "each is cut by itself, and its own end is held out",
    )
    add_pad(made)
    made.add_argument("--same", action="store_true", help="predict the window itself, as autoencoders do")
    made.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="the seed of the initial weights, the order of samples and dropout (default: 0)",
    )
    made.add_argument("--backend", metavar="NAME", help="tensorflow, torch or jax")
    add_stock(made)


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a share from 0 up, below 1, such as 0.2")
    return found


def run(args: argparse.Namespace) -> int:
    """Train the model, compare it, and save it. Return the exit code."""
    try:
        return _run(args)
    except LostRankError as error:
        if LAUNCHED in os.environ:
            return LOST  # the launcher says which rank ended, and why
        return _put(error)
    except DistributionError as error:
        return _put(error)


def _put(error: DistributionError) -> int:
    put_diagnostics((Diagnostic("ST735", error.reason, Span(0, 0), help=error.help),))
    return 1


def _run(args: argparse.Namespace) -> int:
    dims = dims_of(args.dims)
    target = target_of(args)
    ranks = ranks_of()
    if ranks.rank:
        # Rank 0 speaks for all.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    elif LAUNCHED in os.environ:
        signal.signal(signal.SIGTERM, _end_in_order)
    checked = check_spec(args.spec, dims)
    try:
        if not checked.ok:
            raise SpecError(checked.diagnostics)
        if searched := still_searched(checked):
            raise SpecError(searched)
        if not target.with_suffix(PROGRESS).exists():
            keep_what_is_there(target, args)
        training = Training(target, args.epochs)
        with training.stopped_in_words():
            job = _job(checked, args, dims)
            if _is_parent(args):
                return _in_processes(args, job)
            if ranks.rank == 0:
                put_diagnostics(job.checked.diagnostics)
            # Keras imports an installed TensorFlow on any backend; its start-up messages are of no use.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            choose(args.backend)
            from seqtopo.cli.fit_run import fit  # loads Keras, on the backend that was chosen

            fit(job, args, training)
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1
    return 0


def _end_in_order(number: int, frame: object) -> None:
    """End rank 0, which deletes what it is writing; its launcher sends SIGTERM."""
    raise SystemExit(128 + number)


def _is_parent(args: argparse.Namespace) -> bool:
    """Return whether this process trains nothing itself, but starts those that do."""
    return args.processes > 1 and ranks_of().world == 1


def _in_processes(args: argparse.Namespace, job: Job) -> int:
    """Run this command once for each rank, now that the spec and the data are right."""
    count, rows = args.processes, int(getattr(job.train, "batch_size", 1))
    most = MOST_A_CORE * len(cores())
    if count > min(rows, most):
        why = f"a batch has only {rows} rows" if count > rows else f"this machine has {len(cores())} cores"
        raise UsageError(f"{count} processes are too many: {why}", f"--processes {min(rows, most)} or fewer")
    if args.spec == STDIN:
        raise UsageError("several processes cannot all read the standard input", "give a file")
    return launch([sys.executable, "-m", "seqtopo", *sys.argv[1:]], args.processes)


def _job(checked: Checked, args: argparse.Namespace, dims: dict[str, Any]) -> Job:
    """Return the job of a training as ``job_of`` makes it.

    Raises:
        UsageError: NumPy is not installed, or an option is wrong. Other errors are those of ``job_of``.
    """
    try:
        from seqtopo.data.jobs import OptionError, Reading, job_of  # loads NumPy
    except ImportError:
        help = f"install a backend, which brings it: {packages.get_extra('jax')}"
        raise UsageError("NumPy is not installed", help) from None
    try:
        # With several processes, the first of them prints the facts about the data.
        tell = say_nothing if _is_parent(args) else say
        return job_of(checked, Reading(args, dims, settings_of(args.spec).selection, tell))
    except OptionError as error:
        raise UsageError(str(error), error.help) from None
