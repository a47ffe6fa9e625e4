"""Compare a trained model on the held-out data with baselines that learn nothing."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqtopo.cli.fit_data import MOST_SHOWN, Job
from seqtopo.cli.terminal import put, say, terminal
from seqtopo.data.baselines import Scores, errors, guesses, usual
from seqtopo.data.choosing import kinds_of, logits_of
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.labels.loss_shapes import loss_name
from seqtopo.report.columns import Column, columns
from seqtopo.source import Span

if TYPE_CHECKING:
    import keras


def compare(job: Job, model: keras.Model) -> None:
    """Says how far off the model is on what was held out, and how far those who know nothing are: in the
    units of the data, and by the loss and metrics of the spec.
    """
    from seqtopo.data.training.scoring import own_scores, right_classes
    from seqtopo.data.training.training_runs import from_its_start

    held, training = job.held, job.checked.resolved.training if job.checked.resolved is not None else None
    if held is None or training is None:
        return
    kinds = kinds_of(training, len(model.outputs))

    def batches() -> Iterator[tuple[Any, ...]]:
        return (held[i] for i in range(len(held)))

    known = _known(job, model, kinds)
    if kinds == ["number"] and known:
        mean, spread, names = _units(job, known[0])
        found = errors(batches(), from_its_start(model), mean, spread, job.wanted, names)
        _put_errors(found, str(held))
        if not training.metrics and loss_name(training.loss) == "mean_squared_error":
            return
    logits = logits_of(training, len(kinds))
    knowing = guesses(kinds, known, logits, job.wanted, job.ids) if known else {}
    counted = None if training.metrics else right_classes(kinds, logits)
    _put_own(own_scores(model, batches, lambda: from_its_start(model), knowing, counted), str(held))


def _known(job: Job, model: keras.Model, kinds: Sequence[str]) -> list[Any]:
    """What is most usual among the labels that were trained on, for each output; nothing where it has no
    such form.
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
    return [usual(*one) for one in zip(kinds, labels, widths, strict=True)]


def _units(job: Job, mean: Any) -> tuple[Any, Any, tuple[str, ...]]:
    """The mean of each number that is told, as it was trained on; what brings it into the units of the data;
    and its name.
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
    _finite(zip([f"the error in {name}" for name in scores.columns], scores.rows[-1][1], strict=True))
    say("", f"on what was held out ({held}), {scores.what}:")
    shown = range(min(len(scores.columns), MOST_SHOWN))
    table = [Column("", [name for name, _ in scores.rows])]
    for i in shown:
        table.append(Column(scores.columns[i], [f"{row[i]:.4g}" for _, row in scores.rows], right=True))
    put(columns(table, terminal(sys.stdout).width, indent=2))
    if len(scores.columns) > MOST_SHOWN:
        say(f"  and {len(scores.columns) - MOST_SHOWN} more features")


def _put_own(scores: dict[str, dict[str, float]], held: str) -> None:
    _finite(scores["the model"].items())
    say("", f"on what was held out ({held}), by the spec's own loss and metrics:")
    table = [Column("", list(scores))]
    for name in scores["the model"]:
        shares = name == "right" or name.endswith(("accuracy", "acc"))
        cells = [f"{100 * row[name]:.4g} %" if shares else f"{row[name]:.4g}" for row in scores.values()]
        table.append(Column(name, cells, right=True))
    put(columns(table, terminal(sys.stdout).width, indent=2))


def _finite(scores: Iterable[tuple[str, float]]) -> None:
    """Raises SpecError (ST731) for a score of the model that is not finite."""
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
