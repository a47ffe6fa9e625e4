"""Check data against a spec: x against the inputs, y against the outputs and their losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqtopo.advice.verify_fixes import Trial
from seqtopo.data.array import LARGEST, TOO_LARGE, Array
from seqtopo.data.binding import Learned, learn
from seqtopo.data.given import NotData, paired, read_given
from seqtopo.data.padding import padded_given, slots_of
from seqtopo.data.padding_masks import padding_problems
from seqtopo.data.samples import (
    Side,
    batch_problems,
    id_problems,
    kind_problem,
    shape_problem,
    swapped_shapes,
)
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.graph.graph import Graph
from seqtopo.graph.inputs import is_stateful
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.training import Labels
from seqtopo.labels.check_labels import compare, losses_of, swapped_labels
from seqtopo.labels.loss_shapes import loss_name
from seqtopo.labels.words import LabelCase
from seqtopo.layers import objects
from seqtopo.layers.legacy_objects import OBJECTS
from seqtopo.layers.sizes import Shape, fits, same, show_shape
from seqtopo.report.analyse import Checked, analyse, run_passes
from seqtopo.source import Span

MOST_WRONG = 10
"""The number of arrays that do not fit after which no more are looked at: each try of a fix is a check."""
MOST_OUTPUTS = 100
"""The most outputs whose labels are looked at."""


@dataclass(frozen=True)
class Data:
    """The arrays for a spec's inputs and outputs, in order, and the problems found in reading them.

    ``weights`` are the sample weights: one array for all outputs, or one for each.
    """

    x: tuple[Array, ...] = ()
    y: tuple[Array, ...] = ()
    weights: tuple[Array, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


class NoSuchLossError(ValueError):
    """A loss has an unknown name."""


def with_data(
    checked: Checked,
    x: Any,
    y: Any,
    loss: str | None = None,
    dims: Mapping[str, Any] | None = None,
    sample_weight: Any = None,
    *,
    pad: bool = False,
) -> Checked:
    """Return a spec with its symbols bound by data, and with the problems of the data among its diagnostics.

    The spec was read with these ``dims``. With ``pad``, samples of unequal lengths are padded to one length.

    Raises:
        NoSuchLossError: no loss has this name.
    """
    if loss is not None and not loss_name(loss):
        old = OBJECTS["loss"].get(loss)
        near = old.to if old is not None else nearest(loss.lower(), objects.names("loss"))
        raise NoSuchLossError(f"there is no loss {loss!r}" + (f"; did you mean {near}?" if near else ""))
    if checked.resolved is None or (x is None and y is None and sample_weight is None):
        return checked
    data = read_data(checked.resolved.graph, x, y, sample_weight, pad)
    bound = bind(checked, data, dims)
    again, seen = bound.checked, bound.seen
    found = [*data.problems, *bound.learned.problems]
    if again.resolved is not None:
        found += fit(again.resolved, data, bound.dims, bound.learned, loss or "", seen)
        known = {(d.code, d.span) for d in (*again.diagnostics, *found)}
        found += [d for d in bound.more if (d.code, d.span) not in known]
        if data.y:
            values = tuple(array.values for array in data.y)
            again = replace(again, resolved=replace(again.resolved, label_values=values))
            seen = replace(seen, label_values=values) if seen is not None else None
    placed = (d if d.source is not None else replace(d, source=checked.source) for d in found)
    return replace(again, diagnostics=(*again.diagnostics, *placed), seen=seen)


@dataclass(frozen=True)
class Bound:
    """A spec whose symbols data has bound: ``checked`` is the spec read again with them, ``dims`` all
    bindings.

    ``seen`` is its meaning with the data's sizes in place of every ``?``, ``more`` the problems of that.
    """

    checked: Checked
    learned: Learned
    dims: dict[str, Any]
    seen: Resolved | None = None
    more: tuple[Diagnostic, ...] = ()


def bind(checked: Checked, data: Data, dims: Mapping[str, Any] | None = None) -> Bound:
    """Return a spec without errors, read with these ``dims``, with its symbols bound by data."""
    assert checked.resolved is not None
    learned = learned_from(checked.resolved, data)
    bound = {**(dims or {}), **learned.dims}
    again = analyse(checked.source, bound) if learned.dims else checked
    if again.resolved is None or again.spec is None or not learned.shapes:
        return Bound(again, learned, bound)
    inputs = [node.index for node in again.resolved.graph.nodes if node.layer is None]
    shapes = {i: learned.shapes[node] for i, node in enumerate(inputs) if node in learned.shapes}
    seen, more = run_passes(again.spec, again.source, bound, shapes, labels=False)
    return Bound(again, learned, bound, seen, tuple(more))


def read_data(graph: Graph, x: Any, y: Any, sample_weight: Any = None, pad: bool = False) -> Data:
    """Return the arrays in what was given as x, y and weights (None: nothing), by a graph's inputs and
    outputs.

    With ``pad``, samples of unequal lengths are padded to one length.
    """
    found: dict[str, list[Array]] = {"x": [], "y": [], "sample_weight": []}
    problems: list[Diagnostic] = []
    inputs, outputs = ends_of(graph)
    at_output = graph.nodes[graph.outputs[0].node].span
    sides = (
        ("x", x, inputs, graph.nodes[graph.inputs[0]].span),
        ("y", y, outputs, at_output),
        ("sample_weight", sample_weight, outputs, at_output),
    )
    for side, given, names, span in sides:
        if given is None:
            continue
        try:
            if pad:
                given = padded_given(side, given, slots_of(graph, side, names))
            read = read_given(side, given)
            one_for_all = side == "sample_weight" and len(read.arrays) == 1
            found[side] = [read.arrays[0][1]] if one_for_all else paired(read, names, span)
        except NotData as answer:
            problems.append(answer.diagnostic)
    return Data(tuple(found["x"]), tuple(found["y"]), tuple(found["sample_weight"]), tuple(problems))


def ends_of(graph: Graph) -> tuple[list[str], list[str]]:
    """Return the names by which data is given for the inputs and the outputs of a graph, in their order."""
    found: list[str] = []
    for name, value in zip(graph.output_names, graph.outputs, strict=True):
        node = graph.nodes[value.node]
        found.append(name or (node.layer.name if node.layer is not None else node.name))
    return [graph.nodes[i].name for i in graph.inputs], found


def learned_from(resolved: Resolved, data: Data) -> Learned:
    """Return the symbols that data binds and nothing else does."""
    return learn(resolved.graph, data.x, data.y, resolved.training)


def fit(
    resolved: Resolved,
    data: Data,
    dims: dict[str, Any],
    learned: Learned,
    loss: str = "",
    seen: Resolved | None = None,
) -> list[Diagnostic]:
    """Return the problems of data for a spec without errors, in the order of the text.

    ``dims`` are the symbols bound from outside, to try fixes with; ``learned`` are those that data has bound.
    ``loss`` is the loss of every output, if no ``train`` statement says one. ``seen`` is the spec with the
    data's sizes in place of every ``?``.
    """
    tried = Trial(resolved.source.text, resolved.graph, dims).checks
    sides = [
        Side(node, resolved.written.of(node), array, tried)
        for index, array in zip(resolved.graph.inputs, data.x, strict=False)
        for node in (resolved.graph.nodes[index],)
    ]
    found: list[Diagnostic] = []
    fitting: list[Side] = []
    turned = swapped_shapes(sides)
    found += turned
    for side in () if turned else sides:
        if len(found) == MOST_WRONG:
            break
        wrong = shape_problem(side) or kind_problem(side)
        if wrong is not None:
            # Two arrays that give a symbol different sizes are reported once.
            if wrong.code != "ST712" or all(d.span != wrong.span for d in learned.problems):
                found.append(wrong)
        else:
            fitting.append(side)
    found += id_problems(resolved, fitting)
    found += _batches(resolved, fitting)
    found += _targets(seen or resolved, data, dims, loss)
    found += _weights(seen or resolved, data, loss)
    if len(fitting) == len(sides):
        found += _unequal_counts(resolved, data)
    found += _odd_numbers(resolved, data)
    if any(array.padding is not None for array in (*data.x, *data.y)):
        found += padding_problems(resolved, fitting, data.y, data.weights, dims)
    return [replace(d, severity=CODES[d.code].severity) for d in sorted(found, key=lambda d: d.span)]


def _batches(resolved: Resolved, sides: Sequence[Side]) -> Iterator[Diagnostic]:
    stateful = any(layer is not None and is_stateful(layer) for layer in resolved.graph.layers())
    for side in sides[:1]:
        yield from batch_problems(side, stateful)


def _targets(resolved: Resolved, data: Data, dims: dict[str, Any], loss: str) -> Iterator[Diagnostic]:
    graph, training = resolved.graph, resolved.training
    if not data.y:
        return
    losses = losses_of(training, len(graph.outputs)) or []
    if loss:
        losses = [loss_name(loss)] * len(graph.outputs)
    steps = tuple(array.shape[1] for array in data.x if len(array.shape) > 1)
    every = [
        LabelCase(
            Labels(array.shape[1:], "float32" if array.kind == "f" else "int32"),
            name,
            array.name,
            values=array.values,
            steps=steps,
            weighted=bool(data.weights) or array.padding is not None,
        )
        for array, name in zip(data.y, losses, strict=False)
    ]
    swapped = swapped_labels(graph, every)
    if swapped is not None:
        yield swapped
        return
    for index, (array, case) in enumerate(list(zip(data.y, every, strict=True))[:MOST_OUTPUTS]):
        node = graph.nodes[graph.outputs[index].node]
        if array.kind not in "fiub":
            yield Diagnostic(
                "ST715",
                f"{array.name} holds {array.words}, but a loss takes numbers",
                node.span,
                label=f"is compared with {array.name}",
                help="make whole numbers of the class names: y = numpy.unique(y, return_inverse=True)[1]"
                if array.kind in "US"
                else f"make numbers of the {array.words} first",
            )
        elif array.shape:
            yield from compare(resolved, index, case, Trial(resolved.source.text, graph, dims))


def _weights(resolved: Resolved, data: Data, loss: str) -> Iterator[Diagnostic]:
    """Yield ST730 and ST715: sample weights that Keras refuses or misplaces, or none of which is positive."""
    graph = resolved.graph
    losses = losses_of(resolved.training, len(graph.outputs)) or []
    several = len(data.weights) > 1
    for index, (value, name) in enumerate(zip(graph.outputs, losses, strict=False)):
        if index == MOST_OUTPUTS or not data.weights:
            return
        array = data.weights[index] if several else data.weights[0]
        node, tensor = graph.nodes[value.node], graph.tensor(value)
        if array.kind not in "fiub":
            yield Diagnostic(
                "ST715",
                f"{array.name} holds {array.words}, but weights are numbers",
                node.span,
                label=f"is weighed by {array.name}",
                help="give a number for each sample",
            )
        elif tensor is not None:
            # A loss is one number for each answer: what lies along the last axis is taken together.
            weighed = () if (loss_name(loss) or name) == "ctc" else tensor.shape[:-1]
            if not _match_answers(array.shape, weighed):
                yield _misaligned(array, weighed, node.span)
    if data.weights and all(_is_weightless(array) for array in data.weights):
        array, values = data.weights[0], data.weights[0].values
        assert values is not None
        all_zero = values.low == values.high == 0
        yield Diagnostic(
            "ST730",
            f"no weight in {array.name} is above 0: "
            + ("all of them are 0" if all_zero else f"they go from {values.low:.4g} to {values.high:.4g}"),
            graph.nodes[graph.outputs[0].node].span,
            label=f"is weighed by {array.name}",
            notes=(
                "the loss is 0 for every sample, so that nothing is learned"
                if all_zero
                else "a negative weight reverses the loss: training makes the answers worse",
            ),
            help="give each sample that counts a weight above 0, such as 1",
        )


def _is_weightless(array: Array) -> bool:
    """Return whether all of some weights were looked at, and none is above 0."""
    if array.kind not in "fiub" or 0 in array.shape:
        return False
    values = array.values
    return values is not None and not (values.partly or values.missing or values.endless) and values.high <= 0


def _match_answers(shape: Shape, answers: Shape) -> bool:
    """Return whether each of some weights (samples, ...) belongs to an answer of its own, of shape
    ``answers``.

    >>> _match_answers((40,), ()), _match_answers((40, 10), ())
    (True, False)
    >>> _match_answers((40,), (10,)), _match_answers((40, 1), (10,))
    (False, True)
    """
    if not shape:
        return True
    each: Shape = shape[1:]
    if len(each) == len(answers) + 1 and each[-1] == 1:
        each = each[:-1]
    elif len(each) == len(answers) - 1 and answers[-1] == 1:
        answers = answers[:-1]
    return len(each) == len(answers) and all(a == 1 or fits(b, a) for a, b in zip(each, answers, strict=True))


def _misaligned(array: Array, answers: Shape, span: Span) -> Diagnostic:
    name, each = array.name, array.shape[1:]
    has = f"{show_shape(each)} for each sample" if each else "one number for each sample"
    wants = f"{show_shape(answers)} answers a sample" if answers else "one answer for each sample"
    one = ", ".join([":", *["None"] * len(answers)])
    if answers and not each:
        help = f"to weigh whole samples, give them the axes of the steps: {name}[{one}]"
    elif answers:
        count = array.shape[0]
        alone = show_shape((count, *[1] * len(answers)))
        help = f"give {show_shape((count, *answers))}; or one for each sample, {alone}"
    else:
        axes = ", ".join(map(str, range(1, len(array.shape))))
        help = (
            f"give one for each sample, such as {name}.mean(axis={axes if len(each) == 1 else f'({axes})'}); "
            "weights of steps need a model that answers at every step"
        )
    return Diagnostic(
        "ST730",
        f"{name} is {show_shape(array.shape)}, {has}, but the model gives {wants}",
        span,
        label=f"gives {wants}",
        notes=(
            "Keras multiplies the two as they stand: it stops where the sizes differ, and where a batch has "
            "as many samples as there are weights in a row, it weighs one sample by the weights of others",
        ),
        help=help,
    )


def _unequal_counts(resolved: Resolved, data: Data) -> Iterator[Diagnostic]:
    every = [array for array in (*data.x, *data.y, *data.weights) if array.shape]
    other = next((a for a in every if same(a.shape[0], every[0].shape[0]) is False), None)
    if other is not None:
        first = every[0]
        yield Diagnostic(
            "ST718",
            f"{first.name} has {first.shape[0]} samples, but {other.name} has {other.shape[0]}",
            resolved.graph.nodes[resolved.graph.inputs[0]].span,
            label=f"{first.name} comes in here",
            help="each sample needs its own label: look at how they were cut, filtered or shifted",
        )


def _odd_numbers(resolved: Resolved, data: Data) -> Iterator[Diagnostic]:
    graph = resolved.graph
    spans = [graph.nodes[i].span for i in graph.inputs][: len(data.x)]
    at_outputs = [graph.nodes[v.node].span for v in graph.outputs]
    spans += [*at_outputs[: len(data.y)], *at_outputs[: len(data.weights)]]
    for array, span in zip((*data.x, *data.y, *data.weights), spans, strict=True):
        values = array.values
        if values is None or values.partly:
            yield from _note_unseen_numbers(array, span)
        if values is not None and values.missing + values.endless:
            count = values.missing or values.endless
            what = "NaN" if values.missing else "infinite"
            yield Diagnostic(
                "ST720",
                f"{array.name} holds values that are not numbers: {count:,} "
                f"{'are' if count > 1 else 'is'} {what}",
                span,
                label=f"{array.name} comes in here"
                if array in data.x
                else f"is {'compared with' if array in data.y else 'weighed by'} {array.name}",
                help="one of them makes the loss NaN: fill them, or leave out their samples",
            )

        if values is not None and max(-values.low, values.high) > LARGEST:
            far = values.high if values.high > LARGEST else values.low
            yield Diagnostic(
                "ST731",
                f"{array.name} holds numbers up to {far:.4g}, too large for float32, in which models compute",
                span,
                help=TOO_LARGE,
            )


def _note_unseen_numbers(array: Array, span: Span) -> Iterator[Diagnostic]:
    if array.kind in "fiub" and 0 not in array.shape:
        part = "only the first part of" if array.values is not None else "the numbers in"
        yield Diagnostic(
            "ST722",
            f"{part} {array.name} {'was' if array.values is not None else 'were'}"
            f"{' ' if array.values is not None else ' not '}looked at",
            span,
            help="ids, ranges and NaN in the rest are not known"
            if array.values is not None
            else "install NumPy to have ids, ranges and NaN checked too",
        )
