"""Follow time steps along a graph: which layers treat each alone, which read them, in which order."""

from __future__ import annotations

from typing import NamedTuple

from seqtopo.graph.graph import Node
from seqtopo.graph.receptive_fields import is_sequence, passes
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import HANDS_ON, IN_PLACE
from seqtopo.layers.step_windows import SAME, Window
from seqtopo.layers.values import FLOATS
from seqtopo.lint.view import View, once


def window(view: View, node: Node) -> Window | None:
    """Return which steps of its first value each step of a call sees; None where it gives no steps in that
    place.
    """
    passed = passes(view.graph, node)
    return passed.window if passed is not None and passed.axis == 0 else None


def each_alone(view: View, node: Node) -> bool:
    """Return whether a call makes each of its steps from that one step; of a vector, another one."""
    if node.layer is None or len(node.inputs) != 1 or node.layer.row.recurrent:
        return False
    if (
        len(view.input_of(node).shape) == len(view.output_of(node).shape) == 1
        and view.input_of(node).dtype in FLOATS
    ):
        return True
    # Along another axis, an operation may select some of the features, or reorder them.
    chooses = node.layer.row.emit and "axis" in node.layer.row.by_name
    return not chooses and window(view, node) == SAME


def step_by_step(view: View, node: Node) -> bool:
    """Return whether a call makes each of its steps from that one step, with as many axes as came in."""
    return each_alone(view, node) and len(view.input_of(node).shape) == len(view.output_of(node).shape)


def hands_on(view: View, node: Node) -> bool:
    """Return whether a call gives, once trained, numbers that came in, each as it was."""
    return node.layer is not None and node.layer.row.role in HANDS_ON


def in_place(view: View, node: Node) -> bool:
    """Return whether a call makes one number of each that comes in, and leaves it in its place."""
    return node.layer is not None and node.layer.row.role in IN_PLACE


def in_order(view: View, node: Node) -> bool:
    """Return whether a call mixes steps, or changes their number, and leaves them in their order."""
    found = window(view, node)
    return found is not None and found.own is not None and found.own.factor > 0


def looks_ahead(view: View, node: Node, place: int = 0) -> bool:
    """Return whether a step of a call sees steps of a value that stand behind its own."""
    passed = passes(view.graph, node, place)
    if passed is None or passed.axis != 0:
        return False
    high = passed.window.high
    if (high.factor, high.over) != (1, 1):
        return True
    return not isinstance(high.plus, int) or high.plus > 0


def joins_features(view: View, node: Node) -> bool:
    """Return whether it is a ``concat`` along the features."""
    return (
        node.layer is not None
        and node.layer.row.name == "concat"
        and node.layer.get("axis") in (-1, len(view.input_of(node).shape))
    )


def merges(node: Node) -> bool:
    """Return whether it merges several values by elements."""
    return node.layer is not None and node.layer.row.role == "merge" and len(node.inputs) > 1


def inner(layer: Layer) -> Layer:
    """Return the recurrent layer itself, inside the ``bi`` around it."""
    found = layer.get("layer")
    return found if isinstance(found, Layer) else layer


class Steps(NamedTuple):
    """The order of a value's steps, and the layers that set it.

    ``turned`` is the node that put them last first, None where they stand as they came in. ``reader`` is
    the recurrent layer that they come from, each unmixed, and ``flipped`` whether they were reversed
    since. ``origin`` is the input of the model whose steps they are, or the node that made them.
    """

    origin: int
    turned: Node | None = None
    reader: Node | None = None
    flipped: bool = False


@once
def steps(view: View) -> dict[int, Steps]:
    """Return the steps of each node that has any: two axes or more, or the ids of an input."""
    found: dict[int, Steps] = {}
    for node in view.nodes:
        here = _after(view, node, found)
        if here is not None:
            found[node.index] = here
    return found


def _after(view: View, node: Node, found: dict[int, Steps]) -> Steps | None:
    shape = view.output_of(node).shape
    if node.layer is None:
        return Steps(node.index) if is_sequence(view.graph, node.index) else None
    incoming = [found.get(value.node) if not value.extra else None for value in node.inputs]
    first = incoming[0]
    if len(shape) < 2 and not (first is not None and each_alone(view, node) and _ids(view, node)):
        return None
    if merges(node) or joins_features(view, node):
        known = [s for s in incoming if s is not None]
        if not known:
            return Steps(node.index)
        # A value whose single step is broadcast says nothing about the order.
        reader = next((s for s in known if s.reader is not None), known[0])
        return Steps(known[0].origin, known[0].turned, reader.reader, reader.flipped)
    if first is None:
        return Steps(node.index)
    if node.layer.row.recurrent:
        if not inner(node.layer).get("return_sequences"):
            return None
        back = node.layer.row.name != "bi" and bool(node.layer.get("go_backwards"))
        unmerged = node.layer.row.name == "bi" and node.layer.get("merge_mode") is None
        return Steps(first.origin, _turn(first, node) if back else first.turned, None if unmerged else node)
    seen = window(view, node)
    if seen is not None and seen.low == seen.high and seen.low.factor < 0:
        return first._replace(turned=_turn(first, node), flipped=not first.flipped)
    if each_alone(view, node):
        return first
    if in_order(view, node) or node.layer.row.name == "flip":
        return Steps(first.origin, first.turned)
    return Steps(node.index)


def _turn(before: Steps, node: Node) -> Node | None:
    return node if before.turned is None else None


def _ids(view: View, node: Node) -> bool:
    """Return whether a node hands on ids, one for each step."""
    incoming = view.input_of(node)
    return (
        len(incoming.shape) == 1 and incoming.dtype != "float32" and view.output_of(node).dtype != "float32"
    )
