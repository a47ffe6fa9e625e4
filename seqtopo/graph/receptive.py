"""Compute the receptive fields of a model's outputs in steps, where they are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seqtopo.graph.graph import Graph, Value
from seqtopo.graph.seen import NOTHING, Field, fields, is_sequence, output_field
from seqtopo.layers.sizes import Size


@dataclass(frozen=True)
class Receptive:
    """What an output sees of an input: ``steps`` of its ``length``, ``before`` and ``after`` the step that
    an answer belongs to. These are None where answers belong to no step, as behind ``at``; there ``first``
    is the first step that counts. ``place`` is the number of the output, ``source`` the input's node.
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
    """Yield the receptive fields of the outputs, where they are more than the own step and less than all
    steps.
    """
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
            made = _receptive(graph, value, found, place)
            if made is not None:
                yield replace(made, place=place, source=source)


def _receptive(graph: Graph, value: Value, found: Field, place: int) -> Receptive | None:
    steps, window = found.steps, found.window
    if not isinstance(steps, int) or not window.exact:
        return None
    node = graph.nodes[value.node]
    name = graph.output_names[place] or (node.layer.name if node.layer is not None else node.name)
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
    """Return whether the first axes of an input are places, since layers for pictures take it as it is."""
    rows = [
        node.layer.row
        for node in graph.nodes
        if node.layer is not None and any(value.node == source for value in node.inputs)
    ]
    return bool(rows) and all(row.shape.startswith(("H W", "D H W")) for row in rows)
