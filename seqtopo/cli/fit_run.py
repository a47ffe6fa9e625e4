"""Train the model of ``seqtopo fit``, save it, and compare it on held-out data with what learns nothing."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo import __version__
from seqtopo.cli.fit_files import PICTURE, PROGRESS, Training, keep_what_is_there, loss_curve
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, say, terminal
from seqtopo.cli.writing import write_whole
from seqtopo.data.baselines import Scores, errors, guesses, usual
from seqtopo.data.choosing import kinds_of, logits_of
from seqtopo.data.cutting import Samples
from seqtopo.data.jobs import MOST_SHOWN, Job
from seqtopo.data.training import training_runs as runs
from seqtopo.data.training.forecasting import most_steps, not_targets
from seqtopo.data.training.model_files import Notes, save_with
from seqtopo.data.training.scoring import Masks, masks_of, own_scores, right_classes
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.distributing.fitting import put_into
from seqtopo.distributing.group import join
from seqtopo.distributing.ranks import LAUNCHED, DistributionError
from seqtopo.emit.backend import running
from seqtopo.labels.loss_shapes import loss_name
from seqtopo.report.columns import Column, columns
from seqtopo.runtime.building import backend_failures, build, keras_refusals
from seqtopo.source import Span
from seqtopo.system.progress import bar, doing
from seqtopo.system.shell import command

if TYPE_CHECKING:
    import keras

AHEAD = 10
"""The number of steps ahead in the proposed forecast."""
KEPT = 1000
"""The number of steps of the series' end that are saved with the model, as a start of forecasts."""
OUTSIDE = ("epochs", "output", "data", "force", "processes", "device")
"""The options that a continued run takes from its command line, and not from the run before."""


def fit(job: Job, args: argparse.Namespace, training: Training) -> None:
    """Train the model of a job, compare it, save it with its loss curve, and print how to go on.

    Raises:
        SpecError: it cannot be built, trained or saved.
    """
    target = training.target
    options = {name: value for name, value in vars(args).items() if name not in OUTSIDE}
    settings = json.dumps(
        [__version__, running(), job.checked.source.text, options, _digest(Path(args.data))]
    )
    progress = runs.Progress(target.with_suffix(PROGRESS), hashlib.sha256(settings.encode()).hexdigest())
    if not progress.belongs():
        keep_what_is_there(target, args)
    group = join(args.device)  # JAX and TensorFlow join before anything is computed
    if group is not None and (others := group.differ(progress.fingerprint.encode())):
        raise DistributionError(
            f"rank {', '.join(map(str, others))} was not given the spec, the data and the options of rank 0",
            "give every rank the same files and the same command line",
        )
    runs.seed_everything(args.seed)
    most = args.max_params or settings_of(args.spec).max_params
    built = build(job.checked, args.backend, most, kernels=not args.stock, seed=args.seed)
    with keras_refusals(job.checked.source), doing("building the model"):
        model = built.main()
    if group is not None:
        put_into(model)
    first = group is None or group.ranks.rank == 0
    if job.added:
        lacks = "has no train line" if job.added.startswith("train ") else "names no loss"
        say(f"the spec {lacks}, so it is trained with {job.added.removeprefix('train ')}")
    training.progress = progress
    if progress.restore(model):
        say(f"going on after epoch {progress.epochs}, from {progress.path}")
    elif progress.path.exists():
        say(f"{progress.path} is of another run, so this one starts from the beginning")

    if group is not None:
        # If only rank 0 has the progress file, fit sends its weights to the others.
        progress.epochs = int(group.number_of_first(progress.epochs))

    def keep(write: Callable[[Path], object]) -> None:
        if first:
            write_whole(progress.path, write)

    def tell(epoch: int, numbers: dict[str, float]) -> None:
        shown = "".join(f"  {name} {value:.4g}" for name, value in numbers.items())
        say(f"epoch {epoch}/{args.epochs}{shown}")
        sys.stdout.flush()

    launcher = os.environ.get(LAUNCHED)

    def watched(done: int) -> None:
        if launcher and os.getppid() != int(launcher):
            raise DistributionError("the process that started the ranks has ended", "start it again")
        told(done)

    failures = partial(backend_failures, source=job.checked.source, help=_elsewhere(job))
    try:
        # The bar counts the batches of all epochs, but not those of the validation.
        batches = args.epochs * len(job.train)
        with failures("the model was trained"), bar("training", batches, "batch") as told:
            runs.train(model, job.train, job.held, args.epochs, progress, keep, tell, watched)
    except runs.NotFiniteError as error:
        raise SpecError((_not_finite(error, progress.kept, args, job),)) from None
    if group is not None and not first:
        group.wait()  # rank 0 compares and saves
        return
    picture = target.with_suffix(PICTURE)
    title = f"{target.stem}: loss"
    with failures("the model was compared with guesses"), doing("comparing the model with guesses"):
        _compare(job, model)
    write_whole(picture, lambda path: path.write_text(loss_curve(progress.history, title), encoding="utf-8"))
    with failures("the model was saved"):
        notes = _save(job, model, target)
    progress.path.unlink(missing_ok=True)
    say("", f"Saved {target}, and its loss curve as {picture}")
    _say_how_to_go_on(job, args, model, notes, target)
    if group is not None:
        group.wait()


def _digest(path: Path) -> str:
    """Return a digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _elsewhere(job: Job) -> str:
    """Return the backends on which a model runs, if a finding says that not all run it; else ""."""
    known = [d.help for d in job.checked.diagnostics if d.code in ("ST658", "ST659") and d.help]
    return known[0] if known else ""


def _say_how_to_go_on(
    job: Job, args: argparse.Namespace, model: keras.Model, notes: Notes, target: Path
) -> None:
    """Print the command that forecasts, as far as this model can."""
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
        others = not_targets(list(job.targets), job.series.features)
        columns = [job.series.called(column) for column in others]
        say(f"For more steps add --future FILE: {', '.join(columns)}, a row for each step")


def _not_finite(error: runs.NotFiniteError, whole: int, args: argparse.Namespace, job: Job) -> Diagnostic:
    held = error.name.startswith("val_")
    ways = "look for such numbers in the data" if held else "take a lower learning rate, such as adam(1e-4)"
    ways += "" if args.scale or held else ", or bring the features to one size with --scale"
    gaps = [d.message for d in job.checked.diagnostics if d.code == "ST720"]
    if gaps:
        ways = f"fill the gaps in the data first: {gaps[0]}"
    kept = f"; --epochs {whole} saves the model as it was after epoch {whole}" if whole else ""
    return replace(error.diagnostics[0], help=ways + kept)


def _save(job: Job, model: keras.Model, target: Path) -> Notes:
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
            # With several series, it is unknown which one to continue.
            None if series.lengths else series.array[-max(KEPT, getattr(job.train, "steps", 0)) :],
        )
    write_whole(target, lambda path: save_with(model, notes, path))
    return notes


def _compare(job: Job, model: keras.Model) -> None:
    """Print the errors of the model on the held-out data, beside those of baselines that learn nothing.

    They are given in the units of the data, and by the loss and metrics of the spec.
    """
    held, training = job.held, job.checked.resolved.training if job.checked.resolved is not None else None
    if held is None or training is None:
        return
    kinds = kinds_of(training, len(model.outputs))

    def batches() -> Iterator[tuple[Any, ...]]:
        return (held[i] for i in range(len(held)))

    masks = masks_of(model)
    known = _usual_answers(job, model, kinds, masks)
    if kinds == ["number"] and known:
        mean, spread, names = _units(job, known[0])
        weighed = batches() if masks is None else _without_masked(batches(), masks)
        found = errors(weighed, runs.from_its_start(model), mean, spread, job.wanted, names)
        _put_errors(found, str(held))
        if not training.metrics and loss_name(training.loss) == "mean_squared_error":
            return
    logits = logits_of(training, len(kinds))
    knowing = guesses(kinds, known, logits, job.wanted, job.ids) if known else {}
    counted = None if training.metrics else right_classes(kinds, logits)
    begin = partial(runs.from_its_start, model)
    _put_own(own_scores(model, batches, begin, knowing, counted, masks), str(held))


def _without_masked(batches: Iterable[tuple[Any, ...]], masks: Masks) -> Iterator[tuple[Any, ...]]:
    """Yield batches of a model with one output, with weights of 0 for the steps that it masks."""
    for x, y, *weights in batches:
        (mask,) = masks(x)
        assert mask is not None
        yield x, y, mask * (weights[0].reshape(len(y), -1) if weights else 1.0)


def _usual_answers(
    job: Job, model: keras.Model, kinds: Sequence[str], masks: Masks | None = None
) -> list[Any]:
    """Return the usual answer of the training labels for each output; nothing for labels of no known form.

    Labels of steps that ``masks`` masks do not count.
    """
    widths = [output.shape[-1] if len(output.shape) > 1 else 1 for output in model.outputs]
    if job.early is None:
        labels = getattr(job.train, "y", ())
    elif job.ids:
        labels = (job.early.array,)
    else:
        targets = list(job.targets)
        mean = job.early.moments()[0][targets]
        return [mean * 0 if job.early.mean is not None else mean]
    ranks = [len(output.shape) for output in model.outputs]
    for kind, array, rank, width in zip(kinds, labels, ranks, widths, strict=True):
        as_output = array.ndim == rank and array.shape[-1] == width
        if (
            job.early is None
            and kind != "ids"
            and not as_output
            and not (width == 1 and array.ndim == rank - 1)
        ):
            return []
    if masks is not None and isinstance(job.train, Samples):
        labels = _unmasked(job.train, masks)
    return [usual(*one) for one in zip(kinds, labels, widths, strict=True)]


def _unmasked(samples: Samples, masks: Masks) -> list[Any]:
    """Return the labels of each output, those of masked steps left out: (steps of all samples, ...)."""
    every = masks(samples.x[0] if len(samples.x) == 1 else samples.x)
    return [y if mask is None else y[mask] for y, mask in zip(samples.y, every, strict=True)]


def _units(job: Job, mean: Any) -> tuple[Any, Any, tuple[str, ...]]:
    """Return how to convert errors to the units of the data.

    The mean of each predicted number, as it was trained on; the factor that brings it into the units of the
    data; and the name of the numbers.
    """
    if job.early is None:
        names = ("error",) if len(mean) == 1 else tuple(f"output {i}" for i in range(len(mean)))
        return mean, mean * 0 + 1, names
    targets = list(job.targets)
    names = (
        tuple(job.early.called(i) for i in targets) if job.early.columns or len(targets) > 1 else ("error",)
    )
    return mean, mean * 0 + 1 if job.early.spread is None else job.early.spread[targets], names


def _put_errors(scores: Scores, held: str) -> None:
    _check_finite(zip([f"the error in {name}" for name in scores.columns], scores.rows[-1][1], strict=True))
    say("", f"on what was held out ({held}), {scores.what}:")
    shown = range(min(len(scores.columns), MOST_SHOWN))
    table = [Column("", [name for name, _ in scores.rows])]
    for i in shown:
        table.append(Column(scores.columns[i], [f"{row[i]:.4g}" for _, row in scores.rows], right=True))
    put(columns(table, terminal(sys.stdout).width, indent=2))
    if len(scores.columns) > MOST_SHOWN:
        say(f"  and {len(scores.columns) - MOST_SHOWN} more features")


def _put_own(scores: dict[str, dict[str, float]], held: str) -> None:
    _check_finite(scores["the model"].items())
    say("", f"on what was held out ({held}), by the spec's own loss and metrics:")
    table = [Column("", list(scores))]
    for name in scores["the model"]:
        shares = name == "right" or name.endswith(("accuracy", "acc"))
        cells = [f"{100 * row[name]:.4g} %" if shares else f"{row[name]:.4g}" for row in scores.values()]
        table.append(Column(name, cells, right=True))
    put(columns(table, terminal(sys.stdout).width, indent=2))


def _check_finite(scores: Iterable[tuple[str, float]]) -> None:
    """Raise SpecError (ST731) for a score of the model that is not finite."""
    for name, value in scores:
        if not math.isfinite(value):
            raise SpecError(
                (
                    Diagnostic(
                        "ST731",
                        f"{name} of the model is {value} on what is held out",
                        Span(0, 0),
                        help="look for numbers in the data that are very large, or where that metric is not "
                        "defined",
                    ),
                )
            )
