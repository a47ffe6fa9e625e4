"""Describe in words recurrent layers and their wrappers: which steps are kept, where states go."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.graph.graph import Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, count, show_shape
from seqtopo.walkthrough.call_view import CallView, listed, name_of, the

# Not a fact about layers: the keys are values of ``merge_mode``.
_MERGED = {
    "sum": "are added up",
    "mul": "are multiplied",
    "ave": "are averaged",
    "concat": "stand side by side",
}


def recurrent(call: CallView) -> Iterator[str]:
    """Describe an ``lstm``, ``gru``, ``rnn`` or a convolutional one."""
    steps = the(call.steps, "step")
    numbers = _numbers(call.output.shape[1:] if call.get("return_sequences") else call.output.shape)
    if call.get("go_backwards"):
        yield "with back it reads from the last step to the first"
    if call.get("return_sequences"):
        yield f"with seq it hands on what it gives after each step: {numbers} at each of {steps}"
        if call.get("go_backwards"):
            yield "they come out in the order in which it read, the last step first"
    else:
        last = "the first step, which it reads last" if call.get("go_backwards") else "the last step"
        yield (
            f"without seq only what it gives after {last}, is kept"
            if call.get("go_backwards")
            else (f"without seq only what it gives after {last} is kept")
        )
        yield f"so {steps} become {numbers}, and the time axis is gone"
    yield from states(call)


def bidirectional(call: CallView) -> Iterator[str]:
    """Describe a ``bi``: two layers, and how their outputs are merged."""
    inner = call.inner
    if not isinstance(inner, Layer):
        return
    merged = call.get("merge_mode")
    seq = bool(inner.get("return_sequences"))
    whole = call.output.shape[1:] if seq else call.output.shape
    if merged is None:
        yield f"it gives both, {_numbers(whole)} each, as two values"
    elif merged == "concat" and len(whole) == 1 and isinstance(whole[0], int):
        half = whole[0] // 2
        yield f"their outputs stand side by side: {half} numbers and {half} make {whole[0]}"
    else:
        yield f"their outputs {_MERGED[merged]}: {_numbers(whole)}"
    if seq:
        yield (
            f"with seq every step is kept, {the(call.steps, 'step')}; at each, one half knows all before it "
            "and the other all behind it"
        )
    else:
        yield (
            "kept is what the forward half gives after the last step, and the backward half after the first: "
            "both have read all of it, and the time axis is gone"
        )
    yield from states(call)


def states(call: CallView) -> Iterator[str]:
    """Describe where the states of a layer come from, and where they go."""
    inner = call.inner
    core = inner if isinstance(inner, Layer) else call.layer
    if core.get("stateful"):
        yield (
            "stateful: it starts a batch from the state in which it ended the one before, each sample from "
            "that in the same place, until you reset the states"
        )
    start = call.node.tensors.get("initial_state")
    if start:
        yield f"it does not start from zeros but from {_initial_state(call, start)}"
    takers = _takers(call)
    if takers:
        shapes = [show_shape(t.shape) for t in call.node.extras.get("state", ())]
        if len(shapes) == 1:
            yield f"its final state, of shape {shapes[0]}, goes on to {listed(takers)}"
        else:
            yield f"its final states, {len(shapes)} of shape {shapes[0]}, go on to {listed(takers)}"


def _initial_state(call: CallView, start: tuple[Value, ...]) -> str:
    found: list[str] = []
    for index, second in dict.fromkeys((value.node, bool(value.extra)) for value in start):
        node = call.graph.nodes[index]
        several = "s" * (len(node.extras.get("state", ())) > 1)
        found.append(f"the final state{several} of {name_of(node)}" if second else name_of(node))
    return listed(found)


def _takers(call: CallView) -> list[str]:
    """Return the names of the nodes that use the final states of a call."""
    if not call.node.wants:
        return []
    here = call.node.index
    found = [name_of(node) for node in call.users if _takes_state(node, here)]
    if any(value.node == here and value.extra for value in call.graph.outputs):
        found.append("the outputs of the model")
    return list(dict.fromkeys(found))


def _takes_state(node: Node, index: int) -> bool:
    return any(value.node == index and value.extra == "state" for value in node.needs)


def distributed(call: CallView) -> Iterator[str]:
    """Describe a ``td`` of a flow: what it makes of each step, and how."""
    yield (
        f"at each of {the(call.steps, 'step')} it makes {_shape(call.output.shape[1:])} of "
        f"{_shape(call.input.shape[1:])}; the steps do not see each other"
    )
    chain = _chain(call.inner) if isinstance(call.inner, SubModel) else ""
    if chain:
        yield f"inside one step: {chain}"


def _chain(flow: SubModel) -> str:
    """Return the shapes inside a flow without branches; "" for one with branches, or a very long one."""
    nodes = flow.graph.nodes
    straight = all(len(node.inputs) <= 1 for node in nodes) and len(nodes) <= 12
    if not straight or not all(node.outputs for node in nodes):
        return ""
    parts = [_shape(node.outputs[0].shape) for node in nodes if node.layer is None and node.outputs]
    for node in nodes:
        if node.layer is not None and node.outputs:
            parts.append(f"{node.layer.row.name} {_shape(node.outputs[0].shape)}")
    return " -> ".join(parts)


def repeat(call: CallView) -> Iterator[str]:
    """Describe a ``repeat``: one vector as the steps of a sequence."""
    yield (
        f"the same vector stands at each of {count(call.output.shape[0], 'step')}: so there is a time axis "
        "for a recurrent layer to walk along"
    )


def _numbers(shape: Shape) -> str:
    return count(shape[0], "number") if len(shape) == 1 else f"values of shape {_shape(shape)}"


def _shape(shape: Shape) -> str:
    return show_shape(shape) if shape else "one id"
