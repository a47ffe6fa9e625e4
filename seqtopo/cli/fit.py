"""``seqtopo fit``: from a spec and a file of data to a trained, saved and compared model."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo import __version__, api, packages
from seqtopo.api import Checked
from seqtopo.cli.arguments import Parser, UsageError, add_spec_options, add_stock, dims_of, seed
from seqtopo.cli.build import SUFFIX
from seqtopo.cli.columns import Column, columns
from seqtopo.cli.files import STDIN, cannot_write, check_spec, is_text, write_whole
from seqtopo.cli.loss_curve import loss_curve
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.dataclass import dataclass, replace
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic

if TYPE_CHECKING:
    import keras

    from seqtopo.data.baselines import Scores
    from seqtopo.data.cutting import Cut, Wanted
    from seqtopo.data.samples_cut import Samples
    from seqtopo.data.series import Series

MOST_SHOWN = 6
"""So many features have a column of their own in the comparison."""
KEPT = 1000
"""So many steps of the series' end are saved with the model, for forecasts to start from."""


def parser() -> Parser:
    """What the command takes."""
    made = Parser(
        "fit",
        "Trains the model of a spec on a file of data, compares it with forecasts that cost nothing,\n"
        "and saves it, with the loss curve as a picture beside it.\n\n"
        "The file is a series: a .csv file (a row a step, a column a feature, names in the first row;\n"
        "columns of dates are left out) or an .npy file. It is cut as the spec wants it: into windows,\n"
        "or for stateful specs into consecutive pieces. An .npz file with x and y in it is taken as\n"
        "samples that are cut already. The end of the data is held out and never trained on.\n\n"
        "After each epoch all is written down. Stopped at any moment, the same command goes on from\n"
        "the last whole epoch, and comes to the same model as without the stop.",
        (
            "seqtopo fit spec.txt temperatures.csv",
            "seqtopo fit spec.txt series.npy --epochs 50 --scale -o model.keras",
            "seqtopo fit spec.txt weather.csv --target celsius --steps 24",
            "seqtopo fit spec.txt samples.npz --validation 0.1 --backend jax",
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
    made.add_argument("--stride", metavar="N", type=whole, default=1, help="steps from window to window")
    made.add_argument(
        "--target",
        metavar="NAME",
        action="append",
        help="the feature that is told, by name or number from 0, if not all; once for each",
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


@dataclass(frozen=True)
class Job:
    """What there is to do: the spec, its symbols learned; what is trained on, and what is held out."""

    checked: Checked
    train: Cut | Samples
    held: Cut | Samples | None
    series: Series | None
    early: Series | None
    ids: bool


def run(args: argparse.Namespace) -> int:
    """Trains, compares, saves. Returns the exit code."""
    dims = dims_of(args.dims)
    target = _target(args)
    checked = api.linted(check_spec(args.spec, dims), settings_of(args.spec).selection)
    try:
        if not checked.ok:
            raise SpecError(checked.diagnostics)
        job = _job(checked, args, dims)
        _warn(checked.diagnostics)
        _fit(job, args, target)
    except SpecError as error:
        _warn(error.diagnostics)
        return 1
    return 0


def _warn(found: tuple[Diagnostic, ...]) -> None:
    put_diagnostics(found)


def _target(args: argparse.Namespace) -> Path:
    at_hand = args.spec == STDIN or is_text(args.spec)
    target = Path(args.output) if args.output else Path("model" if at_hand else args.spec).with_suffix(SUFFIX)
    if target.suffix != SUFFIX:
        raise UsageError(
            f"a model's file ends in {SUFFIX}, not {target.name}", f"write -o {target.stem}{SUFFIX}"
        )
    if not os.path.isdir(target.parent):
        raise UsageError(f"there is no folder {target.parent}", "make it first, or save elsewhere with -o")
    return target


def _job(checked: Checked, args: argparse.Namespace, dims: dict[str, Any]) -> Job:
    try:
        from seqtopo.data.loading import load
        from seqtopo.data.samples_cut import Samples
        from seqtopo.data.spec_cutting import Asked, carries_states, cut_for, takes_ids
    except ImportError:
        help = f"install a backend, which brings it: {packages.get_extra('jax')}"
        raise UsageError("NumPy is not installed", help) from None

    ids = takes_ids(checked)
    read = load(Path(args.data), ids)
    if isinstance(read, Samples):
        return _given_samples(checked, args, dims, read)
    for note in read.notes:
        say(note)
    held = round(read.steps * args.validation)
    early, late = read.part(0, read.steps - held), read.part(read.steps - held, read.steps)
    if args.scale:
        if ids:
            raise UsageError("--scale is for numbers, and the spec takes ids", "leave it out")
        mean, spread = early.moments()
        early, late = (replace(part, mean=mean, spread=spread) for part in (early, late))
    targets = [int(t) if t.isdigit() and t not in read.columns else t for t in args.target or ()] or None
    asked = Asked(args.steps, None, args.stride, args.batch, False, "same" if args.same else None, targets)
    asked = replace(asked, seed=args.seed, shuffle=not carries_states(checked))
    train, again = cut_for(checked, early, asked, dims)
    part = replace(late, name=f"the held-out end of {read.name}")
    rest = cut_for(checked, part, replace(asked, shuffle=False, stride=1), dims)[0] if held else None
    named = f" ({', '.join(read.columns[:MOST_SHOWN])})" if read.columns else ""
    what = "ids" if ids else f"of {read.features} feature{'s' if read.features > 1 else ''}{named}"
    say(f"{read.name}: {read.steps:,} steps {what}")
    say(f"train: {train}")
    say(f"held out: {rest}, of the last {held:,} steps" if rest is not None else "nothing is held out")
    return Job(again, train, rest, read, early, ids)


def _given_samples(checked: Checked, args: argparse.Namespace, dims: dict[str, Any], samples: Samples) -> Job:
    assert checked.resolved is not None
    again = api.with_data(checked, args.data, args.data, None, dims)
    if not again.ok:
        raise SpecError(again.diagnostics)
    graph = checked.resolved.graph
    batch = graph.nodes[graph.inputs[0]].batch
    fixed = isinstance(batch, int)
    size = batch if isinstance(batch, int) else args.batch or 32
    samples = replace(samples, batch_size=size, shuffle=True, seed=args.seed, whole=fixed)
    held = round(len(samples.x) * args.validation)
    early, late = samples.split(held)
    say(f"{Path(args.data).name}: {early} to train with, the last {late} are held out")
    whole = samples.y.dtype.kind in "iu"
    return Job(again, early, late if len(late) else None, None, None, whole)


def _fit(job: Job, args: argparse.Namespace, target: Path) -> None:
    # Keras imports TensorFlow, where it is installed, on any backend; what it greets with is for nobody.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from seqtopo.emit.backend import choose, running

    choose(args.backend)
    from seqtopo.data.loading import digest
    from seqtopo.runtime import training_runs as runs

    runs.seed_everything(args.seed)
    most = args.max_params or settings_of(args.spec).max_params
    built = api.build(job.checked, args.backend, most, kernels=not args.stock, seed=args.seed)
    with api.keras_refusals(job.checked.source):
        model = built.main()
        if not model.compiled:
            how = runs.compile_plainly(model, job.ids)
            say(f"the spec has no train line, so it is trained with {how}")
    options = {name: value for name, value in vars(args).items() if name not in ("epochs", "output", "data")}
    said = json.dumps([__version__, running(), job.checked.source.text, options, digest(Path(args.data))])
    mark = hashlib.sha256(said.encode()).hexdigest()
    progress = runs.Progress(target.with_suffix(".progress.npz"), mark)
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

    runs.train(model, job.train, job.held, args.epochs, progress, keep, None if sys.stdout.isatty() else tell)
    picture = target.with_suffix(".svg")
    _write(
        picture,
        lambda path: path.write_text(loss_curve(progress.history, f"{target.stem}: loss"), encoding="utf-8"),
    )
    _compare(job, model)
    _save(job, model, target)
    progress.path.unlink(missing_ok=True)
    say("", f"Saved {target}, and its loss curve as {picture}")
    if job.series is not None and not args.same:
        say(f"To go on from the end of the series: seqtopo forecast {target} --steps 10")


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Raises SpecError (ST405) where it cannot be written."""
    try:
        write_whole(path, write)
    except OSError as error:
        raise SpecError((cannot_write(path, error),)) from error


def _wanted(job: Job) -> Wanted | None:
    return getattr(job.train, "wanted", None)


def _told(job: Job) -> tuple[int, ...]:
    """The numbers of the features that are told."""
    assert job.series is not None
    wanted = _wanted(job)
    every = tuple(range(job.series.features))
    return wanted.columns if wanted is not None and wanted.columns is not None else every


def _compare(job: Job, model: keras.Model) -> None:
    """Says how far off the model is on what was held out, and how far those who know nothing are."""
    from seqtopo.data import baselines
    from seqtopo.runtime.training_runs import from_its_start

    if job.held is None:
        return
    held, train = job.held, job.train
    batches = (held[i] for i in range(len(held)))
    predict = from_its_start(model)
    if job.ids:
        ids = job.early.array if job.early is not None else getattr(train, "y", None)
        if ids is None or len(model.output_shape) < 2:
            return
        scores = baselines.shares(batches, predict, baselines.most_common(ids), _wanted(job))
    elif job.early is not None:
        told = list(_told(job))
        mean, spread = job.early.moments()
        mean, spread = mean[told], spread[told]
        scaled = job.early.mean is not None
        names = tuple(job.early.called(i) for i in told) if job.early.columns or len(told) > 1 else ("error",)
        scores = baselines.errors(
            batches,
            predict,
            mean * 0 if scaled else mean,
            spread if scaled else spread * 0 + 1,
            _wanted(job),
            names,
        )
    else:
        y = getattr(train, "y", None)
        if y is None or model.output_shape[1:] != y.shape[1:]:
            return
        mean = (
            y.mean(axis=tuple(range(y.ndim - 1)))[None]
            if y.ndim == 1
            else y.mean(axis=tuple(range(y.ndim - 1)))
        )
        names = ("error",) if len(mean) == 1 else tuple(f"output {i}" for i in range(len(mean)))
        scores = baselines.errors(batches, predict, mean, mean * 0 + 1, None, names)
    _put_scores(scores, str(held))


def _put_scores(scores: Scores, held: str) -> None:
    say("", f"on what was held out ({held}), {scores.what}:")
    shown = range(min(len(scores.columns), MOST_SHOWN))
    table = [Column("", [name for name, _ in scores.rows])]
    for i in shown:
        table.append(Column(scores.columns[i], [f"{row[i]:.4g}" for _, row in scores.rows], right=True))
    put(columns(table, terminal(sys.stdout).width, indent=2))
    if len(scores.columns) > MOST_SHOWN:
        say(f"  and {len(scores.columns) - MOST_SHOWN} more features")


def _save(job: Job, model: keras.Model, target: Path) -> None:
    from seqtopo.runtime.model_files import Notes, save_with

    notes = Notes()
    wanted = _wanted(job)
    if job.series is not None and job.early is not None and wanted is not None:
        early, series = job.early, job.series
        notes = Notes(
            list(series.columns),
            list(_told(job)),
            early.mean.tolist() if early.mean is not None else [],
            early.spread.tolist() if early.spread is not None else [],
            wanted.answers,
            getattr(job.train, "steps", 0),
            wanted.horizon,
            series.array[-max(KEPT, getattr(job.train, "steps", 0)) :],
        )
    _write(target, lambda path: save_with(model, notes, path))
