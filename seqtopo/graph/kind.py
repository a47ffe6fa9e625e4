"""Name the kind of a topology: one or many steps in, one or many out, in step or delayed.

The names are those of Karpathy's five drawings, "The Unreasonable Effectiveness of Recurrent Neural
Networks" (2015).
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.graph.graph import Graph, Value
from seqtopo.graph.seen import NOTHING, Field, fields, is_sequence
from seqtopo.layers.sizes import Shape

KINDS = {
    "one-to-one": "one value in, one answer out",
    "one-to-many": "one value in, a sequence out",
    "many-to-one": "a sequence in, one answer out",
    "many-to-many": "a sequence in, an answer at every step",
    "many-to-many, delayed": "the whole sequence in first, then a sequence out",
}
"""The kinds of topologies in plain words."""


def kind(graph: Graph) -> str:
    """One of ``one-to-one``, ``one-to-many``, ``many-to-one``, ``many-to-many`` (each output step
    belongs to a step of the input) and ``many-to-many, delayed`` (the whole input first, then the
    output, whose steps lie behind it or belong to none).
    """
    many_in = any(is_sequence(graph, i) for i in graph.inputs)
    many_out = [v for v in graph.outputs if _has_steps(graph, v)]
    if not many_out:
        return "many-to-one" if many_in else "one-to-one"
    if not many_in:
        return "one-to-many"
    in_step = not starts_from_another(graph) and any(_in_step(graph, v) for v in many_out)
    return "many-to-many" if in_step else "many-to-many, delayed"


def meaning(graph: Graph, found: str = "") -> str:
    """Return what the kind means, and for which steps there are answers where that is not every one.

    ``found`` is the kind, where it is known already.

    >>> from seqtopo.report.analyse import analyse
    >>> meaning(analyse("in(6,1) -> lstm(1,seq) -> last(3)").resolved.graph)
    'a sequence in, an answer for each of the last 3 steps'
    """
    found = found or kind(graph)
    if found == "many-to-many":
        which = next((answered(f, s) for f, s in own_steps(graph) if within(f, s)), "at every step")
        return f"a sequence in, an answer {which}"
    if found != "many-to-many, delayed" or starts_from_another(graph):
        return KINDS[found]
    if any(not within(f, s) for f, s in own_steps(graph)):
        return "the whole sequence in first, then an answer for each of the steps that follow it"
    return KINDS[found]


def own_steps(graph: Graph) -> Iterator[tuple[Field, Shape]]:
    """Yield what the outputs see of inputs to whose steps theirs belong, and the outputs' shapes."""
    for value in graph.outputs:
        tensor = graph.tensor(value)
        if tensor is None or len(tensor.shape) < 2:
            continue
        for source, field in fields(graph).get(value, NOTHING).items():
            if is_sequence(graph, source) and field.axis is not None and field.window.own is not None:
                yield field, tensor.shape


def answered(field: Field, shape: Shape) -> str:
    """Return which of the steps that come in there are answers for."""
    own, length, left = field.window.own, field.length, shape[field.axis or 0]
    assert own is not None
    if left == length:
        return "at every step, in reverse order" if own.factor < 0 else "at every step"
    if (own.factor, own.over) == (1, 1):
        for which, first in (("first", own.plus), ("last", own.plus + left - length)):
            if first == 0:
                return f"for each of the {which} {left} steps" if left != 1 else f"for the {which} step"
    if own.factor > 1 and own.over == 1:
        return f"for every {own.factor} steps"
    return f"at {left} steps"


def _has_steps(graph: Graph, value: Value) -> bool:
    tensor = graph.tensor(value)
    return tensor is not None and len(tensor.shape) >= 2


def starts_from_another(graph: Graph) -> bool:
    """Return whether a state is handed over in a model of several inputs: an encoder's starts the decoder, so
    the first input is read whole before any output.
    """
    if len(graph.inputs) < 2:
        return False
    return any(graph.nodes[i].tensors.get("initial_state") for i in graph.ancestors(graph.outputs))


def _in_step(graph: Graph, value: Value) -> bool:
    """Whether the steps of an output belong to steps of an input, or the first of them does."""
    tensor = graph.tensor(value)
    return tensor is not None and any(
        is_sequence(graph, source) and within(field, tensor.shape)
        for source, field in fields(graph).get(value, NOTHING).items()
    )


def within(field: Field, shape: Shape) -> bool:
    """Return whether an output step is one of the steps that come in, and not behind their end."""
    own = field.window.own
    if field.axis is None or own is None:
        return False
    first = own.at(0) if own.factor >= 0 else own.at(shape[field.axis] - 1)
    beyond = first - field.length
    return not (isinstance(beyond, int) and beyond >= 0)
