"""Find mistakes in the layers and calls of a model that no spec can contain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from math import inf

from seqtopo.code.arrays import as_array
from seqtopo.code.layer_calls import REDUCES_BATCH
from seqtopo.code.model import CodeCall, CodeLayer, CodeModel, Where
from seqtopo.code.parsing import expression_at
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.layers.sizes import show_shape
from seqtopo.source import Span

_NAMED = re.compile(r"[\w.]+(\([\w.]*\))?")
"""A name, or the length of one."""


def call_findings(model: CodeModel) -> Iterator[Diagnostic]:
    """Yield the mistakes in the calls of a model, each at its place in the Python text."""
    seen: set[CodeLayer] = set()
    for call in model.calls:
        if call.lacks and call.where is not None:
            yield _lacks_value(call, call.where)
        layer = call.layer
        if layer in seen or layer.where is None:
            continue
        seen.add(layer)
        if layer.why == REDUCES_BATCH:
            yield _reduces_batch(layer.where)
        if layer.kind == "Masking":
            yield from _masks_nothing(call, layer.where)
        if layer.kind == "Embedding":
            yield from _other_weights(layer, layer.where)
            if layer.counted:
                yield _counted_rows(layer, layer.where)


def _lacks_value(call: CodeCall, where: Where) -> Diagnostic:
    """Return ST314 for an attention layer whose call has a query and no value."""
    found = expression_at(where, ast.Call)
    given = found.node.args[0] if found is not None and len(found.node.args) == 1 else None
    new = ""
    if isinstance(given, ast.Name):
        new = f"{given.id}, {given.id}"
    elif isinstance(given, ast.List) and len(given.elts) == 2:
        new = ", ".join(map(ast.unparse, given.elts))
    fix: Fix | None = None
    if found is not None and given is not None and new:
        fix = Fix(f"give it query and value: ({new})", (Edit(found.span(given), new),), safe=True)
    return where.finding(
        "ST314",
        f"{call.layer.kind} is called without its value",
        label="has a query alone",
        notes=["Keras takes query and value as two arguments, also where both are the same"],
        by_hand="give it query and value, such as (x, x)",
        fix=fix,
    )


def _reduces_batch(where: Where) -> Diagnostic:
    """Return ST312 for a ``Lambda`` that takes a mean or the like over the batch axis."""
    return where.finding(
        "ST312",
        "Lambda takes the samples of a batch together: its axis 0 is the batch",
        severity="warning",
        label="gives one answer for the whole batch",
        notes=["in Keras axis 0 is the batch and axis 1 the first axis of a sample, such as the time"],
        help="write axis=1 to take the steps together",
    )


_RANGES: Mapping[str, tuple[float, float]] = {
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "relu": (0, inf),
    "softplus": (0, inf),
    "exponential": (0, inf),
}
"""The least and the greatest number that an activation gives."""
_ACTIVATES = frozenset({"Dense", "EinsumDense", "Conv1D", "SeparableConv1D", "Activation"})


def _masks_nothing(call: CodeCall, where: Where) -> Iterator[Diagnostic]:
    """Find a mask for a value that the layer before it never gives (ST662)."""
    given = call.layer.args.get("mask_value")
    value = 0.0 if given is None else given.value
    before = call.inputs[0].of if call.inputs else None
    if not isinstance(before, CodeCall) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    maker = before.layer
    if maker.kind not in _ACTIVATES:
        return
    activation = maker.args.get("activation")
    word = activation.value if activation is not None else None
    low, high = _RANGES.get(word, (-inf, inf)) if isinstance(word, str) else (-inf, inf)
    if low <= value <= high:
        return
    gives = f"numbers from {low} to {high}" if high < inf else f"no numbers below {low}"
    yield where.finding(
        "ST662",
        f"Masking masks nothing: {maker.kind} before it never gives {value}",
        severity="warning",
        label=f"looks for steps of {value}",
        labels=[(maker.where, f"gives {gives}")],
        notes=["padded steps have that value at the input only, and a layer gives others for them"],
        help=f"put Masking before the {maker.kind}, on the input",
    )


def _other_weights(layer: CodeLayer, where: Where) -> Iterator[Diagnostic]:
    """Find an embedding that is given a matrix of another shape than its own (ST302)."""
    given = layer.args.get("weights")
    value = given.value if given is not None else None
    if given is None or not isinstance(value, (list, tuple)) or len(value) != 1:
        return
    array = as_array(value[0])
    shape = array.shape if array is not None else None
    sizes = [layer.args[name].value for name in ("input_dim", "output_dim") if name in layer.args]
    if shape is None or len(sizes) != 2 or not all(isinstance(n, int) for n in (*shape, *sizes)):
        return
    if tuple(shape) == tuple(sizes):
        return
    fix: Fix | None = None
    places = [layer.args[name].where for name in ("input_dim", "output_dim")]
    if len(shape) == 2 and all(at is None or at.text.isdigit() for at in places):
        parts = zip(places, sizes, shape, strict=True)
        edits = [Edit(at.span, str(new)) for at, old, new in parts if old != new and at is not None]
        if edits:
            fix = Fix(f"make it as large as the matrix: {show_shape(shape)}", tuple(edits))
    yield where.finding(
        "ST302",
        f"Embedding is given weights of {show_shape(shape)}, but its own are {show_shape(tuple(sizes))}",
        label=f"has {sizes[0]} rows of {sizes[1]} numbers",
        notes=["Keras refuses weights of another shape when the layer is built"],
        by_hand="the matrix has one row for each id, from 0 to input_dim - 1",
        fix=fix,
    )


def _counted_rows(layer: CodeLayer, where: Where) -> Diagnostic:
    """Return ST716 for an embedding with as many rows as words, whose ids begin at 1."""
    rows = layer.args["input_dim"].where
    text = rows.text if rows is not None else "that number"
    fix: Fix | None = None
    if rows is not None and rows.source is where.source and _NAMED.fullmatch(text):
        edit = Edit(Span(rows.span.end, rows.span.end), " + 1")
        fix = Fix(f"give it a row for the greatest id, too: {text} + 1", (edit,))
    return where.finding(
        "ST716",
        f"ids that begin at 1 go up to {text}, but Embedding has rows for the ids below {text}",
        severity="warning",
        label=f"has {text} rows",
        notes=["the dictionary of that length numbers its words from 1"],
        by_hand=f"the number of rows is the greatest id plus 1: {text} + 1",
        fix=fix,
    )
