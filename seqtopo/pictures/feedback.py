"""Find the output of a spec that can become its next input, as a roll-out feeds it back."""

from __future__ import annotations

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph
from seqtopo.layers.sizes import fits, show_shape
from seqtopo.layers.values import FLOATS, Tensor
from seqtopo.pictures.plan import Feedback
from seqtopo.source import Source, Span

AHEAD = ", beside what is known ahead"


def feedback_of(graph: Graph, source: Source | None = None) -> Feedback:
    """Return the first output that fits an input, the last such input: a decoder is fed what it gives. One
    that is all of a step goes before one that is a part of it.

    Raises:
        SpecError: none fits; says why.

    >>> from seqtopo.report.analyse import analyse
    >>> feedback_of(analyse("in(T,3) -> lstm(8,seq) -> dense(3)").resolved.graph)
    Feedback(output=0, node=0, words='the next step')
    """
    live = set(graph.ancestors(graph.outputs))
    inputs = [graph.nodes[i] for i in graph.inputs if i in live]
    found: list[Feedback] = []
    for number, value in enumerate(graph.outputs):
        given = graph.tensor(value)
        for node in reversed(inputs):
            if given is not None and node.outputs and (words := _words(given, node.outputs[0])):
                found.append(Feedback(number, node.index, words))
    if found:
        return min(found, key=lambda back: back.words.endswith(AHEAD))
    raise SpecError((_nothing_fits(graph, source),))


def _words(given: Tensor, taken: Tensor) -> str:
    """What an output is to an input that it is fed into; "" where it does not fit."""
    if not given.shape or not taken.shape or given.dtype not in FLOATS:
        return ""
    if taken.dtype not in FLOATS:
        return "the id that is chosen, as the next step" if len(taken.shape) == 1 else ""
    width, wanted = given.shape[-1], taken.shape[-1]
    if fits(width, wanted) and len(given.shape) <= len(taken.shape):
        return "the next step" if len(taken.shape) > 1 else "the next input"
    if isinstance(width, int) and isinstance(wanted, int) and width < wanted and len(taken.shape) == 2:
        return f"the next step{AHEAD}"
    return ""


def _nothing_fits(graph: Graph, source: Source | None) -> Diagnostic:
    gives = [show_shape(t.shape) for v in graph.outputs if (t := graph.tensor(v)) is not None]
    takes = [show_shape(t.shape) for i in graph.inputs for t in graph.nodes[i].outputs or ()]
    return Diagnostic(
        "ST454",
        f"what goes out, {' and '.join(gives)}, does not fit what comes in, {' and '.join(takes)}: it "
        "cannot be fed back",
        Span(0, 0),
        help="leave out --feedback, or give as many features as one step of the input has",
        source=source,
    )
