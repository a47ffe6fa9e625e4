"""The head of an output: the layer that decides which numbers the loss is given, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from seqtopo.graph.graph import Node, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import HANDS_ON
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Object, Tensor
from seqtopo.lint.places import FURTHEST, Place, place_of, word_of
from seqtopo.lint.view import View, in_order
from seqtopo.syntax import tree


class Head(NamedTuple):
    """The layer whose numbers an output has.

    ``activation`` is its function: ``softmax``, ``sigmoid``, ``linear`` where it has none, and "" where it
    cannot be told. ``at`` is its call. ``after`` are the layers behind
    it, the last one first, which pass its numbers on.
    """

    place: Place
    activation: str
    tensor: Tensor
    at: tuple[View, Node]
    after: tuple[tuple[View, Node], ...] = ()

    @property
    def width(self) -> Size | None:
        """The size of its last axis."""
        return self.tensor.shape[-1] if self.tensor.shape else None


def head_of(view: View, value: Value) -> Head | None:
    """Return the head of an output; None where that is an input, or nothing that has an activation."""
    tensor = view.tensor(value)
    after: list[tuple[View, Node]] = []
    back: list[tuple[View, Value]] = []
    for _ in range(FURTHEST):
        node = view.maker(value)
        if node.layer is None:
            # The input of a flow that td(...) applies: what comes into td.
            if not back:
                return None
            view, value = back.pop()
            continue
        if value.extra:
            return None
        place = place_of(view, node)
        flow = place.layer.get("layer")
        if place.layer.row.steps and not isinstance(flow, Layer) and len(flow.graph.inputs) == 1:
            back.append((view, node.inputs[0]))
            view, value = view.inside(flow.graph), flow.graph.outputs[0]
            continue
        gives = activation_of(place.layer)
        if place.layer.row.role in HANDS_ON or (place.layer.row.name == "act" and gives == "linear"):
            after.append((view, node))
            value = node.inputs[0]
            continue
        return Head(place, gives, tensor, (view, node), tuple(after))
    return None


def activation_of(layer: Layer) -> str:
    """Return the activation of a layer, under its first name; "" for a layer that has none to speak of.

    An LSTM and a GRU multiply what their activation gives, so that a softmax there is none any more.
    """
    row = layer.row
    if "activation" not in row.by_name:
        return row.name if row.role == "activation" else ""
    value = layer.get("activation")
    if value is None:
        return "linear"
    entry = entry_of("activation", word_of(value))
    name = entry.name if entry is not None else ""
    return "" if name == "softmax" and row.recurrent and row.name != "rnn" else name


def with_activation(view: View, name: str) -> list[Node]:
    """Return the calls of layers, wrapped or not, that have an activation, given or by themselves."""
    rows = [row.name for row in view.index.rows.values() if activation_of(Layer(row)) == name]
    found = in_order(view.index.called_or_wrapped(rows), view.calls_given("activation"))
    return [node for node in found if activation_of(place_of(view, node).layer) == name]


class Loss(NamedTuple):
    """The loss of one output: its first name, its arguments by name, its text."""

    name: str
    args: Mapping[str, Any]
    expr: tree.Expr

    @property
    def word(self) -> str:
        """Its name as the text has it: ``mse``."""
        here = self.expr.name if isinstance(self.expr, tree.Call) else self.expr
        return here.name if isinstance(here, tree.Name) else self.name

    @property
    def from_logits(self) -> bool:
        """True if the loss applies the softmax or sigmoid itself."""
        return bool(self.args.get("from_logits"))


def losses(view: View) -> Iterator[tuple[Value, Loss]]:
    """Yield each output with the loss that it is trained by; nothing where that is not said."""
    if view.training is None or view.training.loss is None:
        return
    written = argument(view.spec, "loss")
    given = view.training.loss
    outputs = view.graph.outputs
    several = given if isinstance(given, list) else [given] * len(outputs)
    if written is None or len(several) != len(outputs):
        return
    items = written.items if isinstance(written, (tree.List, tree.Tuple)) else (written,) * len(outputs)
    for value, one, expr in zip(outputs, several, items, strict=False):
        entry = entry_of("loss", word_of(one)) if one is not None else None
        if entry is not None:
            yield value, Loss(entry.name, one.kwargs if isinstance(one, Object) else {}, expr)


def argument(spec: tree.Spec, name: str) -> tree.Expr | None:
    """Return the value of an argument of the train statement, "" for the first; None if it is not given."""
    for statement in spec.statements:
        if isinstance(statement, tree.Train):
            for arg in statement.args:
                if (arg.name.name if arg.name is not None else "") == name:
                    return arg.value
    return None
