"""What kind of topology a graph is: one or many steps in, one or many out, in step or delayed.

The names are those of Karpathy's five drawings, "The Unreasonable Effectiveness of Recurrent Neural
Networks" (2015).
"""

from __future__ import annotations

from seqtopo.ir.graph import Graph, Value
from seqtopo.layers.values import INTEGERS

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
    comes from the steps up to it) and ``many-to-many, delayed`` (the whole input first, then the
    output).
    """
    many_in = any(_is_sequence(graph, Value(i)) for i in graph.inputs)
    many_out = any(_has_steps(graph, v) for v in graph.outputs)
    if not many_out:
        return "many-to-one" if many_in else "one-to-one"
    if not many_in:
        return "one-to-many"
    follows = _steps(graph)
    in_step = any(follows.get(v, False) for v in graph.outputs if _has_steps(graph, v))
    return "many-to-many" if in_step else "many-to-many, delayed"


def _is_sequence(graph: Graph, value: Value) -> bool:
    """An input of vectors at every step, or of one id at every step."""
    tensor = graph.tensor(value)
    if tensor is None:
        return False
    return len(tensor.shape) >= 2 or (len(tensor.shape) == 1 and tensor.dtype in INTEGERS)


def _has_steps(graph: Graph, value: Value) -> bool:
    tensor = graph.tensor(value)
    return tensor is not None and len(tensor.shape) >= 2


def _steps(graph: Graph) -> dict[Value, bool]:
    """For each value, whether its steps are those of an input of the model, however filtered."""
    behind = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
    if len(graph.inputs) > 1 and any(node.tensors.get("initial_state") for node in behind):
        # An encoder's state starts the decoder: the first input is read whole before any output.
        return {}
    found: dict[Value, bool] = {}
    for node in behind:
        follows = any(found.get(value, False) for value in node.inputs)
        for i, tensor in enumerate(node.outputs or ()):
            value = Value(node.index, i)
            if node.layer is None:
                found[value] = _is_sequence(graph, value)
            else:
                found[value] = follows and len(tensor.shape) >= 2
    return found
