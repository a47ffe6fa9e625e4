"""Check the data that code hands to ``fit``, ``evaluate`` and ``predict`` by the rules for data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from seqtopo.code.arrays import Batches, CodeArray, as_array, new_size
from seqtopo.code.data_arguments import DataArgument, arrays_of, in_batches, indent_of, parts_of
from seqtopo.code.leakage import with_keyword, without_keyword
from seqtopo.code.model import Argument, CodeCall, CodeInput, SpecText, Training, Where
from seqtopo.data.array import Array
from seqtopo.data.fitting import Data, bind, fit
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Graph
from seqtopo.graph.inputs import BATCH, is_stateful
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.training import Labels, Values
from seqtopo.labels.check_labels import losses_of
from seqtopo.labels.class_ids import loss_fixes
from seqtopo.labels.loss_shapes import IDS
from seqtopo.labels.words import LabelCase
from seqtopo.layers.sizes import Expr, Shape, Size, same, show_shape
from seqtopo.report.analyse import Checked
from seqtopo.source import Span

_AT_X = frozenset({"ST712", "ST713", "ST714", "ST715", "ST717", "ST718", "ST719"})
"""Codes of mistakes in x: they are shown where the array is made."""
_AT_Y = frozenset({"ST704", "ST708"})
"""Codes of mistakes in y."""
_LEFT_OUT = frozenset({"ST707", "ST721", "ST722"})
"""Codes that need data that is there: numbers that were not looked at, labels without a loss."""
_NAMED = re.compile(r"[\w.]+(\[[^\[\]]*\])?")
"""An array by its name, or an item of it: what an index can stand behind."""


class DataFinding(NamedTuple):
    """A mistake in data: spans of the diagnostic lie in the model's spec.

    ``at`` is the place in the code that it is told at instead of the diagnostic's own; ``fix`` is one of the
    Python text.
    """

    diagnostic: Diagnostic
    at: Where | None = None
    fix: Fix | None = None


def data_findings(
    text: SpecText, checked: Checked, dims: Mapping[str, Any] | None = None
) -> list[DataFinding]:
    """Return the mistakes in the data that code hands to a model; what cannot be told is left out.

    The model's spec has no errors and was checked with these ``dims``.
    """
    if checked.resolved is None or not checked.ok or not text.model.complete:
        return []
    found: dict[tuple[str, Span, Span | None], DataFinding] = {}
    for one in text.model.training:
        every = list(_of_call(text, checked, one, dims or {}))
        if any(each.diagnostic.code == "ST741" for each in every):
            every = [each for each in every if each.diagnostic.code != "ST719"]
        for each in every:
            at = each.at.span if each.at is not None else None
            found.setdefault((each.diagnostic.code, each.diagnostic.span, at), each)
    return list(found.values())


def _of_call(
    text: SpecText, checked: Checked, call: Training, dims: Mapping[str, Any]
) -> Iterator[DataFinding]:
    if call.method not in _CALLS or call.is_past:
        return
    resolved = checked.resolved
    assert resolved is not None
    graph = resolved.graph
    inputs = inputs_in(text, graph)
    if inputs is None:
        return
    x, y, weights = call.args.get("x"), call.args.get("y"), call.args.get("sample_weight")
    if x is not None and isinstance(x.value, Batches):
        yield from _beside_batches(graph, call)
        x, y, weights = in_batches(x)
    yield from _fit(text, checked, call, inputs, (x, y, weights), dims)
    more = call.args.get("validation_data")
    if more is not None:
        parts = in_batches(more) if isinstance(more.value, Batches) else tuple(parts_of(more) or ())
        if len(parts) in (2, 3):
            yield from _fit(text, checked, call, inputs, (*parts, None)[:3], dims)
    yield from _batch_sizes(graph, call, x)
    yield from _class_weights(text, resolved, call)


_CALLS = frozenset({"fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"})


_HAS_ITSELF = {
    "y": "a data set gives the labels with the samples",
    "sample_weight": "a data set gives the weights with the samples",
    "validation_split": "Keras splits arrays alone: give it validation_data, another data set",
}
"""The arguments that Keras refuses beside a data set, with what to do."""


def _beside_batches(graph: Graph, call: Training) -> Iterator[DataFinding]:
    """Find arguments of ``fit`` that Keras refuses for a data set (ST743)."""
    for name, what in _HAS_ITSELF.items():
        given = call.args.get(name)
        if given is None or given.value is None or (name == "validation_split" and not given.value):
            continue
        if name == "validation_split" and "validation_data" in call.args:
            continue
        yield DataFinding(
            Diagnostic(
                "ST743",
                f"{call.method} is given a data set, and {name} beside it, which Keras refuses",
                graph.nodes[graph.inputs[0]].span,
                help=what,
            ),
            given.whole or given.where or call.where,
            without_keyword(call.where, name, f"leave {name} out") if name != "validation_split" else None,
        )


def _fit(
    text: SpecText,
    checked: Checked,
    call: Training,
    inputs: Sequence[CodeInput],
    data_given: Sequence[Argument | None],
    dims: Mapping[str, Any],
) -> Iterator[DataFinding]:
    """Yield the mistakes in one x, y and sample weights for the model."""
    resolved, (x, y, weights) = checked.resolved, data_given
    assert resolved is not None
    graph = resolved.graph
    losses = losses_of(resolved.training, len(graph.outputs)) or []
    xs = arrays_of(x, "x", [one.name for one in inputs])
    knows_loss = bool(losses) and all(losses) and _is_compiled_so(text.model.training, call)
    ys = arrays_of(y, "y", graph.output_names) if text.whole and knows_loss else None
    # A function that nothing calls may run when names outside of it have other values.
    xs, ys = (None if call.alone and _is_from_outside(side, call.where) else side for side in (xs, ys))
    if xs is None or all(one.array.shape is None for one in xs):
        xs = None
    if xs is None and ys is None:
        return
    ws = arrays_of(weights, "sample_weight", graph.output_names) if ys is not None else None
    if ws is not None and any(one.array.shape is None for one in ws):
        ws = None
    data = Data(
        tuple(_as_data(one, _declared(graph, i)) for i, one in enumerate(xs or ())),
        tuple(_as_data(one, _expected(graph, i, losses)) for i, one in enumerate(ys or ())),
        tuple(_as_data(one, ()) for one in ws or ()),
    )
    bound = bind(checked, data, dims)
    if bound.checked.resolved is None or bound.learned.problems:
        return
    if ys is not None and len(ys) == 1 and losses[0] in IDS and ys[0].array.one_hot:
        yield _one_hot_for_ids(resolved, ys[0], losses[0])
        data = replace(data, y=(), weights=())
    for i, one in enumerate(xs or ()):
        yield from _beyond_symbols(bound.checked.resolved.graph, i, one)
    data = _aligned(bound.checked.resolved.graph, (bound.seen or bound.checked.resolved).graph, data)
    found = fit(bound.checked.resolved, data, bound.dims, bound.learned, "", bound.seen)
    for diagnostic in found:
        if diagnostic.code not in _LEFT_OUT:
            place = _place(diagnostic, xs, ys, ws) or _labels_place(text, diagnostic, ys)
            yield DataFinding(diagnostic, place, _fix(diagnostic, call, xs))


def _beyond_symbols(graph: Graph, index: int, x: DataArgument) -> Iterator[DataFinding]:
    """Find ids that reach an embedding's number of rows, where both are known only as symbols (ST716)."""
    below = x.array.below
    for node in graph.nodes if below is not None else ():
        layer = node.layer
        if layer is None or layer.row.name != "embed" or node.inputs[0].node != graph.inputs[index]:
            continue
        rows = layer.get("input_dim")
        more = below - rows if isinstance(rows, (int, Expr)) and below is not None else 0
        if isinstance(more, int) and more > 0 and isinstance(rows, Expr):
            yield DataFinding(
                Diagnostic(
                    "ST716",
                    f"{x.name} has ids up to {rows + (more - 1)}, but {layer.title} has rows below {rows}",
                    node.span,
                    label=f"needs {below} rows",
                    help=f"the number of rows is the greatest id plus 1: {below}",
                )
            )


def _fix(found: Diagnostic, call: Training, xs: Sequence[DataArgument] | None) -> Fix | None:
    """Return the fix that gives ``predict`` the axis that one sample lacks; None for any other finding."""
    at = xs[0].where if xs and len(xs) == 1 else None
    if found.code != "ST713" or call.method != "predict" or at is None or not _NAMED.fullmatch(at.text):
        return None
    return Fix(f"give it the axis: {at.text}[None]", (Edit(Span(at.span.end, at.span.end), "[None]"),), True)


def _one_hot_for_ids(resolved: Resolved, y: DataArgument, loss: str) -> DataFinding:
    """Return ST704: the labels are certainly one-hot, and the loss wants ids."""
    graph, training = resolved.graph, resolved.training
    node = graph.nodes[graph.outputs[0].node]
    compared = LabelCase(Labels(()), loss, y.name)
    return DataFinding(
        Diagnostic(
            "ST704",
            f"{y.name} is one-hot, one number for each class, but {loss} wants class ids",
            node.span,
            label="of the other kind",
            help=f"either change the loss, or make ids of them: {y.name}.argmax(axis=-1)",
            fixes=loss_fixes(compared, training, "categorical_crossentropy", ""),
        ),
        y.made,
    )


def at_the_data(told: Diagnostic, found: DataFinding) -> Diagnostic:
    """Return a finding about data at the place of an array, with its own place as a label."""
    at, fix = found.at, found.fix
    if at is None or (told.span, told.source) == (at.span, at.source):
        return told if fix is None else replace(told, fixes=(fix, *told.fixes))
    labels = told.labels
    if at.source is told.source and told.label and not at.span.start <= told.span.start < at.span.end:
        labels = (Label(told.span, told.label), *labels)
    fixes = (fix, *told.fixes) if fix is not None else told.fixes
    help = "" if fix is not None else told.help
    return replace(told, span=at.span, source=at.source, label="", labels=labels, fixes=fixes, help=help)


def at_the_loss(text: SpecText, found: Diagnostic) -> Diagnostic:
    """Return a finding of a sigmoid under a loss of one class at the loss, if several classes may be right.

    The labels show that. ``found`` stands in the Python text.
    """
    if found.code != "ST622":
        return found
    compiled = next((call for call in reversed(text.model.training) if call.method == "compile"), None)
    loss = compiled.args.get("loss") if compiled is not None else None
    fitted = next((call for call in text.model.training if call.method == "fit"), None)
    y = fitted.args.get("y") if fitted is not None else None
    array = as_array(y.value) if y is not None else None
    if loss is None or loss.where is None or loss.where.source is not found.source:
        return found
    if array is None or array.one_hot:
        return found
    bounds, several = array.bounds, array.shape is not None and len(array.shape) > 1
    if not several or bounds is None or not bounds.drawn or (bounds.low, bounds.high) != (0, 1):
        return found
    labels = (Label(found.span, found.label or "gives a number for each class"), *found.labels)
    return replace(found, span=loss.where.span, label="takes one class for each sample", labels=labels)


def of_one_step(text: SpecText, found: Diagnostic) -> Diagnostic:
    """Return a finding that a recurrent layer is given one step, as a warning or an info.

    It is a warning if code makes the data so. Else a loop may feed the model, or its sizes may be those of an
    example.
    """
    if found.code != "ST601" or not any(
        given.where is not None and given.where.span == found.span for given in text.model.inputs
    ):
        return found
    for call in text.model.training:
        x = call.args.get("x")
        if x is not None and isinstance(x.value, Batches):
            x = in_batches(x)[0]
        arrays = arrays_of(x, "x", [one.name for one in text.model.inputs])
        if call.method == "fit" and any(
            one.array.shape is not None and len(one.array.shape) > 2 and one.array.shape[1] == 1
            for one in arrays or ()
        ):
            return found
    return replace(found, severity="info")


def _place(
    found: Diagnostic,
    xs: Sequence[DataArgument] | None,
    ys: Sequence[DataArgument] | None,
    ws: Sequence[DataArgument] | None,
) -> Where | None:
    """Return the place at which a finding about arrays is shown; None for the diagnostic's own place."""
    about_y = found.code in _AT_Y or (found.code == "ST705" and "subtract 1" in found.message)
    sides = xs if found.code in _AT_X else ys if about_y else ws if found.code == "ST730" else None
    named = [one for one in sides or () if len(sides or ()) == 1 or one.name in found.message]
    return named[0].made if named else None


def _labels_place(text: SpecText, found: Diagnostic, ys: Sequence[DataArgument] | None) -> Where | None:
    """Return the place of the labels, if a finding is about a Sequential that a functional model extends."""
    if found.code not in ("ST702", "ST703") or not ys:
        return None
    call = next((p.call for p in text.pieces_at(found.span) if p.call is not None), None)
    if call is None or call.where is None:
        return None
    ends = {value.of.form for value in text.model.outputs if isinstance(value.of, CodeCall)}
    return ys[0].where if call.form != "call" and ends == {"call"} else None


def _is_from_outside(arrays: Sequence[DataArgument] | None, call: Where) -> bool:
    """Return whether some of the arrays are made outside of the function in which they are used."""
    return any(
        one.array.where is not None and indent_of(one.array.where) < indent_of(call) for one in arrays or ()
    )


def _is_compiled_so(calls: Sequence[Training], call: Training) -> bool:
    """Return whether the loss at this call is that of the last ``compile``, which the model's spec has."""
    compiled = [i for i, one in enumerate(calls) if one.method == "compile"]
    before = [i for i in compiled if i < calls.index(call)]
    if not before or before[-1] == compiled[-1]:
        return True
    losses = [calls[i].args.get("loss") for i in (before[-1], compiled[-1])]
    return losses[0] is not None and losses[1] is not None and losses[0].value == losses[1].value


def inputs_in(text: SpecText, graph: Graph) -> list[CodeInput] | None:
    """Return the inputs of the code in the order of the graph's; None if they are not the same ones."""
    found: list[CodeInput] = []
    for index in graph.inputs:
        piece = next((p for p in text.pieces_at(graph.nodes[index].span) if p.input is not None), None)
        if piece is None or piece.input is None:
            return None
        found.append(piece.input)
    return found if found == list(text.model.inputs) else None


def _declared(graph: Graph, index: int) -> Shape:
    node = graph.nodes[graph.inputs[index]]
    return node.outputs[0].shape if node.outputs else ()


def _expected(graph: Graph, index: int, losses: Sequence[str]) -> Shape:
    """Return the shape of a label that fits an output."""
    tensor = graph.tensor(graph.outputs[index])
    shape = tensor.shape if tensor is not None else ()
    return shape[:-1] if index < len(losses) and losses[index] in IDS else shape


def _as_data(given: DataArgument, expected: Shape) -> Array:
    """Return an array of the code for the rules; an unknown one becomes one that fits."""
    array = given.array
    shape = array.shape if array.shape is not None else (new_size(), *expected)
    kind = array.kind if array.kind in tuple("fiub") else ""
    if array.dtype == "object" and array.shape is not None and len(array.shape) == 1:
        # Samples of unequal lengths, or unknown objects.
        shape = (array.shape[0], *expected)
    values = _values(array, shape) if array.shape is not None and array.dtype != "object" else None
    return Array(given.name, shape, kind or "f", lambda: values)


def _values(array: CodeArray, shape: Shape) -> Values | None:
    bounds = array.bounds
    if bounds is None:
        return None
    # Without a padding id 0, every label is as long as the axis.
    longest = shape[-1] if len(shape) > 1 and bounds.low > 0 and isinstance(shape[-1], int) else 0
    high = bounds.high
    if bounds.drawn and not bounds.whole and high > 1:
        high = math.nextafter(high, bounds.low)  # never drawn: as ids, all are below it
    return Values(bounds.low, high, whole=bounds.whole, shares=True, longest=longest)


def _aligned(graph: Graph, seen: Graph, data: Data) -> Data:
    """Return the data, with sizes that may be equal to those of the model set equal to them.

    ``seen`` is the graph with the sizes of x in place of ``?``.
    """
    x = [_align(a, _declared(graph, i)) for i, a in enumerate(data.x)]
    outputs = [tensor.shape if (tensor := seen.tensor(v)) is not None else () for v in seen.outputs]
    y = [_align(a, outputs[i]) for i, a in enumerate(data.y)]
    weights = [_align(a, outputs[i if len(data.weights) > 1 else 0]) for i, a in enumerate(data.weights)]
    return replace(data, x=tuple(x), y=tuple(y), weights=tuple(weights))


def _align(array: Array, against: Shape) -> Array:
    sizes: list[Size] = [array.shape[0]] if array.shape else []
    for i, size in enumerate(array.shape[1:]):
        other = against[i] if i < len(against) else None
        numbers = isinstance(size, int) and isinstance(other, int)
        if other is not None and not numbers and same(size, other) is not False:
            size = other
        elif not isinstance(size, int) and (other is None or same(size, other) is not False):
            size = new_size()
        sizes.append(size)
    return replace(array, shape=tuple(sizes))


# Batches


def _class_weights(text: SpecText, resolved: Resolved, call: Training) -> Iterator[DataFinding]:
    """Find class weights for a model with an output at every step (ST742)."""
    given, graph = call.args.get("class_weight"), resolved.graph
    if given is None or not isinstance(given.value, dict) or not text.whole or len(graph.outputs) != 1:
        return
    tensor, node = graph.tensor(graph.outputs[0]), graph.nodes[graph.outputs[0].node]
    losses = losses_of(resolved.training, 1) or [""]
    if tensor is None or len(tensor.shape) < 2 or tensor.shape[0] == 1 or losses[0] in ("", "ctc"):
        return
    yield DataFinding(
        Diagnostic(
            "ST742",
            f"class_weight weighs whole samples, but the model gives {show_shape(tensor.shape)}: an answer "
            "at every step",
            node.span,
            label=f"gives {show_shape(tensor.shape)}",
            notes=("Keras makes one weight for each sample of it, from the class of its label",),
            help="weigh the steps by sample_weight, an array of (samples, steps)",
        ),
        given.where or call.where,
    )


def _batch_sizes(graph: Graph, call: Training, x: Argument | None) -> Iterator[DataFinding]:
    """Find batches of another size than that of a stateful model (ST741)."""
    stateful = next((n for n in graph.nodes if n.layer is not None and is_stateful(n.layer)), None)
    first = graph.nodes[graph.inputs[0]]
    batch = first.batch
    if stateful is None or not isinstance(batch, int) or call.method.endswith("on_batch"):
        return
    given = call.args.get("batch_size")
    size = BATCH if given is None or given.value is None else given.value
    if not isinstance(size, int) or (x is not None and isinstance(x.value, Batches)) or x is None:
        return
    rows = None
    found = arrays_of(x, "x", [""] * len(graph.inputs))
    if found is not None and found[0].array.shape:
        rows = found[0].array.shape[0]
    if isinstance(rows, int):
        # A last batch that is smaller is told as such.
        if size == batch or (rows == batch and rows <= size):
            return
        arrives = min(rows, size)
    elif size == batch or given is None or given.value is None:
        return
    else:
        arrives = size
    gives = f"one of {arrives}" if arrives != size else f"batches of {size}"
    yield DataFinding(
        Diagnostic(
            "ST741",
            f"the model is stateful and takes batches of {batch}, but {call.method} gives it {gives}",
            first.span,
            label=f"takes batches of {batch}",
            notes=("there is one state for each place in the batch, so every batch has that size",),
            help=f"give it {batch} sample{'s' * (batch != 1)} at a time, with batch_size={batch}",
        ),
        given.where if given is not None and given.where is not None else call.where,
        with_keyword(call.where, "batch_size", str(batch), "give it batches of that size", safe=True)
        if arrives == size or batch == 1
        else None,
    )
