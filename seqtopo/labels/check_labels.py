"""Compare labels with a model's outputs: shapes, ids or one-hot, and ranges, as the loss takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from seqtopo.advice.verify_fixes import Trial
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Fix, Label
from seqtopo.graph.graph import Graph
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.training import Training
from seqtopo.labels.class_ids import kind_problems
from seqtopo.labels.fixes import Wanted, drafts
from seqtopo.labels.loss_shapes import loss_name, verdict
from seqtopo.labels.main_path import MainPath
from seqtopo.labels.values import range_problems
from seqtopo.labels.words import LabelCase, Mismatch, mismatch
from seqtopo.layers.sizes import show_shape
from seqtopo.source import Span

MOST_FIXES = 3
MOST_WRONG = 10
"""The outputs with wrong labels after which the others are not looked at."""
MOST_COMPARED = 20
"""The most outputs for which it is checked whether their labels are swapped."""


def check_labels(resolved: Resolved, *, trial: Trial | None = None) -> list[Diagnostic]:
    """Return the problems of labels and losses in a spec's ``train`` statement, in the order of the text.

    ``trial`` tries fixes; without it none are proposed.
    """
    if resolved.training is None:
        return []
    found: dict[tuple[str, Span], Diagnostic] = {}
    for diagnostic in _check(resolved, resolved.training, trial):
        found.setdefault((diagnostic.code, diagnostic.span), replace(diagnostic, source=resolved.source))
    return sorted(found.values(), key=lambda d: d.span)


def _check(resolved: Resolved, training: Training, trial: Trial | None) -> Iterator[Diagnostic]:
    """Yield the problems ST701 to ST709."""
    graph = resolved.graph
    losses = losses_of(training, len(graph.outputs))
    if losses is None:
        count = len(training.loss)
        yield Diagnostic(
            "ST701",
            f"there are {_many(count, 'loss', 'losses')}, but the model has "
            f"{_many(len(graph.outputs), 'output')}",
            training.spans["loss"],
            help="give one loss for each output, in their order, or one for all",
        )
        return
    yield from _counts(training, len(graph.outputs))
    labels = training.labels
    if labels is None:
        return
    span = training.spans["labels"]
    if len(labels) != len(graph.outputs):
        yield Diagnostic(
            "ST701",
            f"labels are given for {_many(len(labels), 'output')}, but the model has {len(graph.outputs)}",
            span,
            label=f"{len(labels)} here",
            help="write one shape for each output, in their order: labels=[(1), (T,1)]",
        )
        return
    every = [LabelCase(given, loss, span=span) for given, loss in zip(labels, losses, strict=True)]
    swapped = swapped_labels(graph, every)
    if swapped is not None:
        yield swapped
        return
    wrong = 0
    for index, case in enumerate(every):
        found = list(compare(resolved, index, case, trial))
        yield from found
        wrong += bool(found)
        if wrong == MOST_WRONG:
            return


def _counts(training: Training, outputs: int) -> Iterator[Diagnostic]:
    """Yield ST701 for weights of losses, and for metrics, of another number than the outputs."""
    weights = training.options.get("loss_weights")
    if isinstance(weights, (list, tuple)) and len(weights) != outputs and training.loss is not None:
        yield Diagnostic(
            "ST701",
            f"loss_weights has {_many(len(weights), 'number')}, but the model has {_many(outputs, 'output')}",
            training.spans["loss_weights"],
            label=f"{len(weights)} here",
            help="give one number for each output, in their order",
        )
    given = {"metrics": training.metrics, "weighted_metrics": training.options.get("weighted_metrics")}
    for name, metrics in given.items():
        if outputs > 1 and isinstance(metrics, (list, tuple)) and len(metrics) not in (0, outputs):
            yield Diagnostic(
                "ST701",
                f"{name} has {_many(len(metrics), 'item')}, but the model has {outputs} outputs",
                training.spans[name],
                label=f"{len(metrics)} here",
                help=f"give a list for each output, in their order: {name}=[[mae], [accuracy]]",
            )


def swapped_labels(graph: Graph, every: Sequence[LabelCase]) -> Diagnostic | None:
    """Return ST701 if the labels of two outputs do not fit their own, and each fits the other's."""
    shapes = [tensor.shape if (tensor := graph.tensor(v)) is not None else None for v in graph.outputs]

    def fit(labels: int, output: int) -> bool:
        shape = shapes[output]
        return shape is None or verdict(every[output].loss, every[labels].labels.shape, shape) == "fits"

    wrong = [i for i in range(len(every)) if not fit(i, i)][:MOST_COMPARED]
    for a, b in combinations(wrong, 2):
        if fit(a, b) and fit(b, a):
            ours, theirs = every[a].labels.shape, every[b].labels.shape
            node = graph.nodes[graph.outputs[a].node]
            span = every[a].span or node.span
            return Diagnostic(
                "ST701",
                f"the labels of outputs {a + 1} and {b + 1} look swapped: labels are {show_shape(ours)} and "
                f"{show_shape(theirs)}, the outputs {show_shape(shapes[a] or ())} and "
                f"{show_shape(shapes[b] or ())}",
                span,
                label="in another order than the outputs",
                help="give them in the order of the outputs",
            )
    return None


def losses_of(training: Training | None, outputs: int) -> list[str] | None:
    """Return the main name of each output's loss, "" for none; None if there is another number of losses."""
    loss = training.loss if training is not None else None
    if isinstance(loss, list):
        return [loss_name(one) for one in loss] if len(loss) == outputs else None
    return [loss_name(loss)] * outputs


def compare(
    resolved: Resolved, index: int, case: LabelCase, trial: Trial | None = None
) -> Iterator[Diagnostic]:
    """Yield the problems of the labels of one output; ``trial`` tries fixes."""
    graph, sources = resolved.graph, resolved.written
    output = graph.outputs[index]
    tensor = graph.tensor(output)
    if tensor is None:
        return
    path = MainPath(graph, output)
    kinds = list(kind_problems(case, path, resolved.training))
    if kinds:
        yield from kinds
        return
    how = verdict(case.loss, case.labels.shape, tensor.shape)
    if how == "fits":
        yield from range_problems(
            case,
            path,
            resolved.training,
            sources,
            lambda fix: trial is not None and trial.fits and trial.checks(fix),
        )
        return
    found = mismatch(path, case, how)
    fixes: tuple[Fix, ...] = ()
    if trial is not None and trial.fits:
        fixes = _verified(drafts(path, Wanted(found.wanted), sources), trial, index, case)
    yield _problem(found, case, fixes)


def _verified(fixes: Iterable[Fix], trial: Trial, index: int, case: LabelCase) -> tuple[Fix, ...]:
    """Return the fixes that leave no errors, make the output fit its labels, and keep all axes."""
    found: list[Fix] = []
    for fix in fixes:
        if len(found) == MOST_FIXES:
            break
        if any(set(fix.edits) > set(good.edits) for good in found):
            continue
        graph = trial.after(fix).graph
        tensor = graph.tensor(graph.outputs[index]) if graph and index < len(graph.outputs) else None
        if tensor is None or verdict(case.loss, case.labels.shape, tensor.shape) != "fits":
            continue
        if trial.keeps_axes(fix):
            found.append(fix)
    return tuple(found)


def _problem(found: Mismatch, case: LabelCase, fixes: tuple[Fix, ...]) -> Diagnostic:
    code = "ST703" if found.how == "broadcasts" else "ST702"
    if not case.loss:
        code = "ST707"
    labels = found.labels
    if case.span is not None:
        labels = (*labels, Label(case.span, f"wants {show_shape(found.wanted)}"))
    return Diagnostic(
        code,
        found.message,
        found.span,
        severity=CODES[code].severity,
        label=found.label,
        labels=labels,
        notes=found.notes,
        help="" if fixes else found.help,
        fixes=fixes,
    )


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
