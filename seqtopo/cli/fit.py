"""``seqtopo fit``: trains a model of a spec on a file of data, saves it and compares it."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo import __version__
from seqtopo.cli.arguments import Parser, UsageError, add_spec_options, add_stock, dims_of, seed
from seqtopo.cli.build import SUFFIX
from seqtopo.cli.data_options import add_pad
from seqtopo.cli.files import STDIN, apart, cannot_write, check_spec, is_text, write_whole
from seqtopo.cli.loss_curve import is_loss_curve, loss_curve
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put_diagnostics, say
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit.backend import choose, running
from seqtopo.report.analyse import Checked
from seqtopo.runtime.building import backend_failures, build, keras_refusals
from seqtopo.source import Span
from seqtopo.system import packages
from seqtopo.system.shell import command

if TYPE_CHECKING:
    import keras

    from seqtopo.cli.fit_data import Job
    from seqtopo.data.training.model_files import Notes
    from seqtopo.data.training.training_runs import NotFiniteError, Progress

AHEAD = 10
"""So many steps ahead are proposed."""
KEPT = 1000
"""So many steps of the series' end are saved with the model, for forecasts to start from."""
PROGRESS, PICTURE = ".progress.npz", ".svg"
"""The endings of the files beside the model: the epochs so far, and the loss curve."""
OUTSIDE = ("epochs", "output", "data", "force")
"""The options that a run goes on with, whatever they were before."""


def parser() -> Parser:
    """Return what the command takes."""
    made = Parser(
        "fit",
        "Trains the model of a spec on a file of data, compares it with forecasts that cost nothing,\n"
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
    made.add_argument("data", help="a .csv, .npy or .npz file")
    made.add_argument(
        "--epochs", metavar="N", type=whole, default=10, help="how often to go through it (default: 10)"
    )
    made.add_argument("--batch", metavar="N", type=whole, help="samples a batch (default: the spec's, or 32)")
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
    made.add_argument("--same", action="store_true", help="tell the window itself, as autoencoders do")
    made.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="what chance starts from: initial weights, the order of samples, dropout (default: 0)",
    )
    made.add_argument(
        "-o", "--output", metavar="PATH", help="where to save (default: the spec's name, .keras)"
    )
    made.add_argument("--force", action="store_true", help="replace a finished model that is there already")
    made.add_argument("--backend", metavar="NAME", help="tensorflow, torch or jax")
    add_stock(made)
    add_spec_options(made)
    return made


def whole(text: str) -> int:
    """A whole number from 1 up, read.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 up")
    return int(text)


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a share from 0 up, below 1, such as 0.2")
    return found


def run(args: argparse.Namespace) -> int:
    """Trains, compares, saves. Returns the exit code."""
    dims = dims_of(args.dims)
    target = _target(args)
    checked = check_spec(args.spec, dims)
    try:
        if not checked.ok:
            raise SpecError(checked.diagnostics)
        if not target.with_suffix(PROGRESS).exists():
            _keep_what_is_there(target, args)
        training = _Training(target, args.epochs)
        with training.stopped_in_words():
            job = _job(checked, args, dims)
            put_diagnostics(job.checked.diagnostics)
            _fit(job, args, training)
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1
    return 0


@dataclass
class _Training:
    """The path of the model, the number of epochs, and the progress so far."""

    target: Path
    epochs: int
    progress: Progress | None = None

    @contextmanager
    def stopped_in_words(self) -> Iterator[None]:
        """Says at Ctrl-C what is kept, and that the same command goes on."""
        try:
            yield
        except KeyboardInterrupt:
            kept = self.progress.kept if self.progress is not None else 0
            if kept:
                say("", f"stopped after epoch {kept} of {self.epochs}; the same command goes on from there")
            else:
                say("", "stopped before an epoch was whole; the same command starts anew")
            raise


def _target(args: argparse.Namespace) -> Path:
    at_hand = args.spec == STDIN or is_text(args.spec)
    target = Path(args.output) if args.output else Path("model" if at_hand else args.spec).with_suffix(SUFFIX)
    if target.suffix != SUFFIX:
        named = command("-o", str(target.with_suffix(SUFFIX)))
        raise UsageError(f"a model's file ends in {SUFFIX}, not {target.name}", f"write {named}")
    if not os.path.isdir(target.parent):
        raise UsageError(f"there is no folder {target.parent}", "make it first, or save elsewhere with -o")
    for written in (target, target.with_suffix(PROGRESS), target.with_suffix(PICTURE)):
        apart(written, args.data, *([] if at_hand else [args.spec]))
    return target


def _keep_what_is_there(target: Path, args: argparse.Namespace) -> None:
    """Raises SpecError (ST732) where a model, or a picture that is no loss curve, would be replaced."""
    picture = target.with_suffix(PICTURE)
    there = target if os.path.lexists(target) else picture
    if args.force or not os.path.lexists(there) or (there is picture and is_loss_curve(picture)):
        return
    names = (target.with_stem(f"{target.stem}-{i}") for i in range(2, 1000))
    free = next(
        n for n in names if not any(os.path.lexists(n.with_suffix(s)) for s in (SUFFIX, PICTURE, PROGRESS))
    )
    what = "a model is there already" if there is target else "a picture is there that is no loss curve"
    raise SpecError(
        (
            Diagnostic(
                "ST732",
                f"{there} would be replaced: {what}",
                Span(0, 0),
                help=f"save elsewhere: {command('-o', str(free))}; or replace it: --force",
            ),
        )
    )


def _job(checked: Checked, args: argparse.Namespace, dims: dict[str, Any]) -> Job:
    """What ``job_of`` gives; raises what it raises, and UsageError where NumPy is not installed."""
    try:
        from seqtopo.cli.fit_data import job_of
    except ImportError:
        help = f"install a backend, which brings it: {packages.get_extra('jax')}"
        raise UsageError("NumPy is not installed", help) from None
    return job_of(checked, args, dims)


def _fit(job: Job, args: argparse.Namespace, training: _Training) -> None:
    target = training.target
    # Keras imports TensorFlow, where it is installed, on any backend; what it greets with is for nobody.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    choose(args.backend)
    from seqtopo.cli.fit_scores import compare
    from seqtopo.data.loading import digest
    from seqtopo.data.training import training_runs as runs

    options = {name: value for name, value in vars(args).items() if name not in OUTSIDE}
    settings = json.dumps([__version__, running(), job.checked.source.text, options, digest(Path(args.data))])
    progress = runs.Progress(target.with_suffix(PROGRESS), hashlib.sha256(settings.encode()).hexdigest())
    if not progress.belongs():
        _keep_what_is_there(target, args)
    runs.seed_everything(args.seed)
    most = args.max_params or settings_of(args.spec).max_params
    built = build(job.checked, args.backend, most, kernels=not args.stock, seed=args.seed)
    with keras_refusals(job.checked.source):
        model = built.main()
    if job.added:
        lacks = "has no train line" if job.added.startswith("train ") else "names no loss"
        say(f"the spec {lacks}, so it is trained with {job.added.removeprefix('train ')}")
    training.progress = progress
    if progress.restore(model):
        say(f"going on after epoch {progress.epochs}, from {progress.path}")
    elif progress.path.exists():
        say(f"{progress.path} is of another run, so this one starts from the beginning")

    def keep(write: Callable[[Path], object]) -> None:
        _write(progress.path, write)

    def tell(epoch: int, numbers: dict[str, float]) -> None:
        shown = "".join(f"  {name} {value:.4g}" for name, value in numbers.items())
        say(f"epoch {epoch}/{args.epochs}{shown}")
        sys.stdout.flush()

    shown = None if sys.stdout.isatty() else tell
    failures = partial(backend_failures, source=job.checked.source, help=_elsewhere(job))
    try:
        with failures("the model was trained"):
            runs.train(model, job.train, job.held, args.epochs, progress, keep, shown)
    except runs.NotFiniteError as error:
        raise SpecError((_not_finite(error, progress.kept, args, job),)) from None
    picture = target.with_suffix(PICTURE)
    title = f"{target.stem}: loss"
    with failures("the model was compared with guesses"):
        compare(job, model)
    _write(picture, lambda path: path.write_text(loss_curve(progress.history, title), encoding="utf-8"))
    with failures("the model was saved"):
        notes = _save(job, model, target)
    progress.path.unlink(missing_ok=True)
    say("", f"Saved {target}, and its loss curve as {picture}")
    _say_how_to_go_on(job, args, model, notes, target)


def _elsewhere(job: Job) -> str:
    """Where a model runs of which check says that not every backend runs it; "" where it says nothing."""
    known = [d.help for d in job.checked.diagnostics if d.code in ("ST658", "ST659") and d.help]
    return known[0] if known else ""


def _say_how_to_go_on(
    job: Job, args: argparse.Namespace, model: keras.Model, notes: Notes, target: Path
) -> None:
    """Names the command that forecasts, as far as this model can."""
    from seqtopo.data.training.forecasting import most_steps

    if job.series is None:
        return
    several = bool(job.series.lengths)
    one = job.series.alone(0) if several else job.series
    chosen = (f"{args.series}={one_of[0]}" if (one_of := job.series.names) else "0") if several else ""
    try:
        with backend_failures("it was asked for what comes next"):
            most = most_steps(model, notes, one.array)
    except ValueError:
        return
    words = ["seqtopo", "forecast", str(target), "--steps", str(most or AHEAD)]
    words += ["--history", str(args.data), "--series", chosen] if several else []
    words += ["--backend", args.backend] if args.backend else []
    words += [word for name in args.modules or () for word in ("--import", name)]
    say(f"To go on from the end of {'a' if several else 'the'} series: {command(*words)}")
    if most is not None:
        say("For more steps it needs the features that it does not tell: --future FILE")


def _not_finite(error: NotFiniteError, whole: int, args: argparse.Namespace, job: Job) -> Diagnostic:
    held = error.name.startswith("val_")
    ways = "look for such numbers in the data" if held else "take a lower learning rate, such as adam(1e-4)"
    ways += "" if args.scale or held else ", or bring the features to one size with --scale"
    gaps = [d.message for d in job.checked.diagnostics if d.code == "ST720"]
    if gaps:
        ways = f"fill the gaps in the data first: {gaps[0]}"
    kept = f"; --epochs {whole} saves the model as it was after epoch {whole}" if whole else ""
    return replace(error.diagnostics[0], help=ways + kept)


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Raises SpecError (ST405) where it cannot be written."""
    try:
        write_whole(path, write)
    except OSError as error:
        raise SpecError((cannot_write(path, error),)) from error


def _save(job: Job, model: keras.Model, target: Path) -> Notes:
    from seqtopo.data.training.model_files import Notes, save_with

    notes = Notes()
    wanted = job.wanted
    if job.series is not None and job.early is not None and wanted is not None:
        early, series = job.early, job.series
        notes = Notes(
            list(series.columns),
            list(job.targets),
            early.mean.tolist() if early.mean is not None else [],
            early.spread.tolist() if early.spread is not None else [],
            wanted.answers,
            getattr(job.train, "steps", 0),
            wanted.horizon,
            # Of several series, none is the one to go on from.
            None if series.lengths else series.array[-max(KEPT, getattr(job.train, "steps", 0)) :],
        )
    _write(target, lambda path: save_with(model, notes, path))
    return notes
