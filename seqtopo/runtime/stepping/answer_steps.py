"""Find which steps the answers of a Keras model stand for, by the analysis of the spec that it would have."""

from __future__ import annotations

from typing import Any, Literal

from seqtopo.decompiler.losses import Losses, UnreadableError
from seqtopo.decompiler.serialized import serialized
from seqtopo.decompiler.walk import read_model
from seqtopo.graph.graph import Graph
from seqtopo.graph.seen import at_length, output_field
from seqtopo.runtime.model_cache import cached

Which = Literal["last", "all", "other", ""]


def next_answers(model: Any, source: int, steps: int) -> Which:
    """Return which answers of a model of ``steps`` stand for what comes next after input number ``source``.

    The ``last`` where each belongs to a step that came in, ``all`` where they follow the input one after the
    other, ``other`` where it is neither; "" where it cannot be told.
    """
    graph = cached(model, "spec", lambda: _graph(model))
    if graph is None:
        return ""
    value = graph.outputs[0]
    tensor = graph.tensor(value)
    if tensor is None or len(tensor.shape) < 2:
        return ""
    field = output_field(graph, value, graph.inputs[source])
    if field is None:
        return ""
    count = at_length(tensor.shape[0], field.length, steps)
    if field.axis != 0 or field.window.own is None:
        return "all"
    if not field.window.exact or not isinstance(count, int):
        return ""
    own = field.window.own._replace(plus=at_length(field.window.own.plus, field.length, steps))
    first, last = own.at(0), own.at(count - 1)
    if last == steps - 1:
        return "last"
    return "all" if first == steps and last == steps + count - 1 else "other"


def _graph(model: Any) -> Graph | None:
    try:
        decoded = read_model(serialized(model), Losses(""))
    except (UnreadableError, RecursionError):
        return None
    graph = decoded.graph
    known = not decoded.cut and all(node.outputs is not None for node in graph.nodes)
    return graph if known and graph.inputs and graph.outputs else None
