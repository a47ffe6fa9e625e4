"""Classify the topology of a graph by one or many steps in and out, and find its receptive fields.

The names are those of Karpathy's five drawings, "The Unreasonable Effectiveness of Recurrent Neural
Networks" (2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seqtopo.graph.graph import Graph, Value
from seqtopo.graph.receptive_fields import NOTHING, Field, fields, is_sequence, output_field
from seqtopo.layers.sizes import Shape, Size

KINDS = {
    "one-to-one": "one value in, one answer out",
    "one-to-many": "one value in, a sequence out",
    "many-to-one": "a sequence in, one answer out",
    "many-to-many": "a sequence in, an answer at every step",
    "many-to-many, delayed": "the whole sequence in first, then a sequence out",
}
"""The kinds of topologies in plain words."""


def kind(graph: Graph) -> str:
    """Return ``one-to-one``, ``one-to-many``, ``many-to-one``, ``many-to-many`` or ``many-to-many, delayed``.

    In ``many-to-many`` each output step belongs to an input step. In ``many-to-many, delayed`` the whole
    input is read before the output, whose steps lie behind it or belong to none of its steps.
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
    """Yield the field and the shape of each output whose steps belong to steps of an input."""
    for value in graph.outputs:
        tensor = graph.tensor(value)
        if tensor is None or len(tensor.shape) < 2:
            continue
        for source, field in fields(graph).get(value, NOTHING).items():
            if is_sequence(graph, source) and field.axis is not None and field.window.own is not None:
                yield field, tensor.shape


def answered(field: Field, shape: Shape) -> str:
    """Return, in words, for which of the input steps there are answers."""
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
    """Return whether a state is handed over between parts of a model with several inputs.

    An encoder's state starts the decoder, so the first input is read whole before any output.
    """
    if len(graph.inputs) < 2:
        return False
    return any(graph.nodes[i].tensors.get("initial_state") for i in graph.ancestors(graph.outputs))


def _in_step(graph: Graph, value: Value) -> bool:
    """Return whether at least the first step of an output belongs to a step of an input."""
    tensor = graph.tensor(value)
    return tensor is not None and any(
        is_sequence(graph, source) and within(field, tensor.shape)
        for source, field in fields(graph).get(value, NOTHING).items()
    )


def within(field: Field, shape: Shape) -> bool:
    """Return whether each output step belongs to an input step, and none lies behind the end of the input."""
    own = field.window.own
    if field.axis is None or own is None:
        return False
    first = own.at(0) if own.factor >= 0 else own.at(shape[field.axis] - 1)
    beyond = first - field.length
    return not (isinstance(beyond, int) and beyond >= 0)


class Receptive(NamedTuple):
    """The receptive field of one output in one input.

    ``steps`` of the ``length`` input steps count, ``before`` and ``after`` the step that an answer belongs
    to. These two are None if answers belong to no step, as behind ``at``; then ``first`` is the first
    step that counts. ``place`` is the number of the output, ``source`` the input's node.
    """

    output: str
    steps: int
    length: Size
    before: int | None = None
    after: int | None = None
    first: Size = 0
    place: int = 0
    source: int = 0

    def __str__(self) -> str:
        if self.before is not None and self.after is not None:
            if isinstance(self.length, int) and self.length <= max(self.before, self.after):
                return (
                    f"each answer reaches over {self.steps} steps, more than the {self.length} that come in"
                )
            if not self.after:
                return f"each answer sees {self.steps} steps: its own and the {self.before} before it"
            if not self.before:
                return f"each answer sees {self.steps} steps: its own and the {self.after} after it"
            return (
                f"each answer sees {self.steps} steps: its own, {self.before} before it and {self.after} "
                "after it"
            )
        total = "" if str(self.length) == "?" else f" of the {self.length}"
        if self.first + self.steps == self.length:
            which = "the last "
        elif self.first == 0:
            which = "the first "
        else:
            which = ""
        many = "step" if self.steps == 1 and not total else "steps"
        return f"the answer sees {which}{self.steps}{total} {many}"


def receptive(graph: Graph) -> Iterator[Receptive]:
    """Yield the receptive fields of the outputs that are more than one step and less than all steps."""
    taken: dict[int, bool] = {}
    for place, value in enumerate(graph.outputs):
        for source in fields(graph).get(value, NOTHING):
            found = output_field(graph, value, source)
            if found is None or found.steps is None or found.whole:
                continue
            if source not in taken:
                taken[source] = is_sequence(graph, source) and not is_picture(graph, source)
            if not taken[source]:
                continue
            node = graph.nodes[value.node]
            name = graph.output_names[place] or (node.layer.name if node.layer is not None else node.name)
            made = receptive_of(found, name)
            if made is not None:
                yield made._replace(place=place, source=source)


def receptive_of(found: Field, name: str = "") -> Receptive | None:
    """Return a value's receptive field, if it is more than one step and less than all; else None."""
    steps, window = found.steps, found.window
    if not isinstance(steps, int) or not window.exact:
        return None
    if found.axis is None:
        if isinstance(found.length, int) and steps >= found.length:
            return None
        return Receptive(name, steps, found.length, first=window.low.plus)
    own = window.own
    if own is None or (own.factor, own.over) != (window.low.factor, 1):
        return None
    before, after = own.plus - window.low.plus, window.high.plus - own.plus
    if not isinstance(before, int) or not isinstance(after, int) or min(before, after) < 0 or steps == 1:
        return None
    return Receptive(name, steps, found.length, before, after)


def is_picture(graph: Graph, source: int) -> bool:
    """Return whether the first axes of an input are places, as in a picture: layers for pictures take it."""
    rows = [
        node.layer.row
        for node in graph.nodes
        if node.layer is not None and any(value.node == source for value in node.inputs)
    ]
    return bool(rows) and all(row.shape.startswith(("H W", "D H W")) for row in rows)
