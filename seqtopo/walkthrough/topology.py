"""Explain in words which kind of topology a graph is, and which of its layers make it one."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.kind import answered, own_steps, starts_from_another, within
from seqtopo.graph.receptive import receptive
from seqtopo.graph.seen import Field, has_steps
from seqtopo.layers.sizes import Shape
from seqtopo.layers.step_windows import SELF, Window
from seqtopo.walkthrough.call_view import name_of
from seqtopo.walkthrough.words import count, listed, the, value

_SHOWN = 3


def reasons(graph: Graph, kind: str, samples: list[str], axis: str) -> Iterator[str]:
    """Describe why the topology is of its kind: ``samples`` are its inputs in words, ``axis`` their time
    axis.
    """
    nodes = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
    gone = graph.tensors(graph.outputs) or ()
    yield f"what comes in, for each sample: {_values(samples)}"
    yield f"what goes out: {_values([value(tensor, each='number') for tensor in gone])}"
    ends, begins = _ends(graph, nodes), _begins(graph, nodes)
    if kind == "one-to-one":
        yield "no time steps come in and none go out"
    elif kind == "one-to-many":
        yield f"nothing that comes in has time steps; with {_named(begins)} they begin" if begins else ""
    elif kind == "many-to-one":
        yield f"in {_named(ends)} the {axis} ends: one answer for all of it" if ends else ""
        yield from map(str, receptive(graph))
    elif kind == "many-to-many":
        yield _in_step(graph)
    else:
        yield from _delayed(graph, nodes, ends, begins)


def _delayed(graph: Graph, nodes: list[Node], ends: list[Node], begins: list[Node]) -> Iterator[str]:
    ahead = next(own_steps(graph), None)
    handed = [node for node in nodes if node.tensors.get("initial_state")]
    if starts_from_another(graph):
        yield (
            f"what {_named(handed)} starts from is the end of another sequence: that one is read as a whole "
            "before the output begins"
        )
    elif ahead is not None and not within(*ahead):
        field, shape = ahead
        yield (
            f"{the(shape[0], 'step')} that go out belong to none that comes in, but to those that follow: "
            "the answers lie ahead of the input"
        )
        if field.fixed(shape[0]).whole or field.window.low.plus == 0:
            yield "to each answer, all that comes in counts"
    elif ends and begins:
        yield (
            f"in {_named(ends)} the time axis ends, when the whole sequence is read; with {_named(begins)} "
            "another one begins: the output starts when the input is over"
        )
    else:
        yield "no step that goes out belongs to one that comes in: to each answer, all that comes in counts"


def _in_step(graph: Graph) -> str:
    found = [(field, shape) for field, shape in own_steps(graph) if within(field, shape)]
    each = _answers(*found[0])
    windows = [field.window for field, _ in found]
    known = next((one for one in receptive(graph) if one.before is not None), None)
    if all(window.low == window.own == window.high for window in windows):
        return f"{each}; to each answer, that step alone counts"
    if known is not None and len(found) == 1:
        return f"{each}; {known}"
    if all(_up_to(window) for window in windows):
        return f"{each}; to each answer, its own step and those before it count"
    return f"{each}; to each answer, the steps behind its own may count, too"


def _up_to(window: Window) -> bool:
    """Whether no step sees one behind its own."""
    own, high = window.own, window.high
    if own is None or (own.factor, own.over) != (high.factor, high.over) or own.factor < 0:
        return False
    beyond = high.plus - own.plus
    return isinstance(beyond, int) and beyond <= 0


def _answers(field: Field, shape: Shape) -> str:
    """Which steps there are answers for."""
    if field.window.own == SELF and shape[field.axis or 0] == field.length:
        return "there is one answer for each step that comes in"
    which = answered(field, shape)
    if shape[field.axis or 0] == field.length:
        return f"there is an answer {which}"
    answer = f": an answer {which}" if which.startswith("for") else ""
    return (
        f"{count(shape[field.axis or 0], 'step')} go out where {field.length} come in, in their order{answer}"
    )


def _ends(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The calls in which a sequence comes in and something without steps goes out."""
    found = []
    for node in nodes:
        came = graph.tensors(node.inputs) or ()
        if node.layer is not None and any(map(has_steps, came)) and node.outputs:
            found += [node] if len(node.outputs[0].shape) < 2 and not has_steps(node.outputs[0]) else []
    return found


def _begins(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The calls in which no sequence comes in and one goes out."""
    found = []
    for node in nodes:
        came = graph.tensors(node.inputs) or ()
        if node.layer is not None and came and not any(map(has_steps, came)) and node.outputs:
            found += [node] if has_steps(node.outputs[0]) else []
    return found


def _named(nodes: list[Node]) -> str:
    names = list(dict.fromkeys(name_of(node) for node in nodes))
    return listed(names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"])


def _values(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    if len(set(words)) == 1:
        return f"{count(len(words), 'value')}, each {words[0]}"
    return "; ".join(f"({i}) {text}" for i, text in enumerate(words[:6], 1)) + (
        "; and more" if len(words) > 6 else ""
    )
