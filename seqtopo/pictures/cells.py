"""Plan what happens inside one step of a recurrent layer: its gates, its states, the shapes of its weights.

Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the forget gate of Gers et al. (2000); Cho
et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014) for the GRU. Both are as Keras
computes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from seqtopo.diag.nearest import nearest
from seqtopo.graph.graph import Graph, Node, SubModel
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, show_shape
from seqtopo.layers.values import Weight
from seqtopo.pictures import labels
from seqtopo.pictures.plan import Arrow, Block, Plan, Port
from seqtopo.pictures.scene import Style

Source = tuple[int, Style]
"""A block that something comes from, and how its line is drawn."""


def cell_of(graph: Graph, name: str) -> tuple[str, Plan]:
    """Return the name of a recurrent layer, and the plan of one of its steps.

    Raises:
        KeyError: there is no such layer; says which there are.
    """
    every = list(_nodes(graph))
    names = [node.layer.name for node in every if node.layer is not None]
    drawable = [node for node in every if _cell(node) is not None]
    known = ", ".join(dict.fromkeys(node.layer.name for node in drawable if node.layer is not None))
    known = f"the layers with one are {known}" if known else "lstm, gru, rnn and bi of them have one"
    found = [node for node in every if node.layer is not None and node.layer.name == name]
    if not found:
        near = nearest(name, names)
        help = f"did you mean {near}?" if near else known
        raise KeyError(f"there is no layer called {labels.safe(name)}; {help}")
    layer = _cell(found[0])
    if layer is None:
        raise KeyError(f"{name} has no cell to look into; {known}")
    title = f"a step of {name}: {labels.title(found[0])}"
    both = layer is not found[0].layer
    return (f"{title}, forward" if both else title), _Cell(graph, found[0], layer, both).plan


def _nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        inner = node.layer.get("layer") if node.layer is not None else None
        if isinstance(inner, SubModel):
            yield from _nodes(inner.graph)


def _cell(node: Node) -> Layer | None:
    """Return the layer whose step is drawn: for both directions, the one that reads forward."""
    layer = node.layer
    if layer is not None and layer.row.name == "bi":
        inner = layer.get("layer")
        layer = inner if isinstance(inner, Layer) else None
    return layer if layer is not None and layer.row.name in _DRAWN else None


class _Cell:
    """The plan of a step while it is built."""

    def __init__(self, graph: Graph, node: Node, layer: Layer, both: bool) -> None:
        self.plan = Plan()
        self.layer = layer
        weights = _weights(graph, node)
        self.weights = weights[: len(weights) // 2] if both else weights
        units = layer.get("units")
        self.state = show_shape((units,))
        self.units = units
        self.activation = labels.safe(str(layer.get("activation")))
        gates = layer.row.by_name.get("recurrent_activation")
        self.gating = labels.safe(str(layer.get(gates.name))) if gates is not None else ""
        features = self._shape("kernel")[0]
        x = self.box("input", "x(t)", "one step of the input", ports=show_shape((features,)))
        names, draws = _DRAWN[layer.row.name]
        states = [self.box("input", f"{name}(t-1)", "state", ports=self.state) for name in names]
        after = draws(self, x, states)
        when = "goes out at every step" if layer.get("return_sequences") else "only the last goes out"
        for name, place in zip(names, after, strict=True):
            words = f"the next state; {when}" if name == "h" else "the next state"
            self.box("output", f"{name}(t)", words, sources=[(place, "state" if name == "c" else "data")])

    def box(
        self,
        family: str,
        title: str,
        detail: str = "",
        weights: str = "",
        sources: Sequence[Source] = (),
        ports: str = "",
    ) -> int:
        """Add a box with arrows from others; returns its place."""
        block = Block(family, title, [detail] if detail else [], weights)
        place = len(self.plan.blocks)
        self.plan.blocks.append(block)
        for source, style in sources:
            block.slots.append("")
            self.plan.arrows.append(Arrow(source, 0, place, len(block.slots) - 1, style))
        if family != "output":
            block.ports.append(Port(ports or self.state))
        return place

    def _shape(self, name: str) -> Shape:
        return next((w.shape for w in self.weights if w.name == name), ())

    def shapes(self, names: str) -> str:
        """Return the weights of one gate in words, such as ``W (8, 64), U (64, 64), b (64,)``."""
        shown = []
        for letter in names:
            shape = self._shape({"W": "kernel", "U": "recurrent_kernel", "b": "bias"}[letter])
            if shape:
                shown.append(f"{letter} {show_shape((*shape[:-1], self.units))}")
        return ", ".join(shown)

    def gate(self, title: str, letter: str, x: int, h: int) -> int:
        """Add a gate, a number from 0 to 1 for each unit, with weights of its own."""
        bias = " + b" if self._shape("bias") else ""
        words = f"{letter} = {self.gating}(x W + h U{bias})"
        return self.box("recurrent", title, words, self.shapes("WUb"), [(x, "data"), (h, "state")])

    def half(self, letter: str) -> str:
        """Return the weights of a GRU's candidate for its input or its state, each with its own bias."""
        return self.shapes(letter) + (f", b {self.state}" if self._shape("bias") else "")

    def sum_of(self, *inner: str) -> str:
        """Return the words for the argument of an activation, with the bias where there is one."""
        return " + ".join([*inner, *(["b"] if self._shape("bias") else [])])


def _lstm(cell: _Cell, x: int, states: Sequence[int]) -> list[int]:
    h, c = states
    forget = cell.gate("forget gate", "f", x, h)
    enter = cell.gate("input gate", "i", x, h)
    words = f"g = {cell.activation}({cell.sum_of('x W', 'h U')})"
    new = cell.box("dense", "candidate", words, cell.shapes("WUb"), [(x, "data"), (h, "state")])
    leave = cell.gate("output gate", "o", x, h)
    kept = cell.box("merge", "f × c(t-1)", "what is kept", sources=[(c, "state"), (forget, "data")])
    added = cell.box("merge", "i × g", "what is new", sources=[(enter, "data"), (new, "data")])
    after = cell.box("merge", "add", sources=[(kept, "data"), (added, "data")])
    shown = cell.box("other", cell.activation, sources=[(after, "data")])
    words = f"o × {cell.activation}(c(t))"
    return [cell.box("merge", words, "what is shown", sources=[(shown, "data"), (leave, "data")]), after]


def _gru(cell: _Cell, x: int, states: Sequence[int]) -> list[int]:
    (h,) = states
    reset = cell.gate("reset gate", "r", x, h)
    update = cell.gate("update gate", "z", x, h)
    if cell.layer.get("reset_after"):
        recurrent = cell.box("dense", cell.sum_of("h U"), "", cell.half("U"), [(h, "state")])
        sources: list[Source] = [(reset, "data"), (recurrent, "data")]
        used = cell.box("merge", f"r × ({cell.sum_of('h U')})", "what is used of the state", sources=sources)
        inner, weights = cell.sum_of("x W", "what is used"), cell.half("W")
    else:
        sources = [(reset, "data"), (h, "state")]
        used = cell.box("merge", "r × h(t-1)", "what is used of the state", sources=sources)
        inner, weights = cell.sum_of("x W", "(what is used) U"), cell.shapes("WUb")
    sources = [(x, "data"), (used, "data")]
    new = cell.box("dense", "candidate", f"g = {cell.activation}({inner})", weights, sources)
    kept = cell.box("merge", "z × h(t-1)", "what is kept", sources=[(h, "state"), (update, "data")])
    added = cell.box("merge", "(1 - z) × g", "what is new", sources=[(update, "data"), (new, "data")])
    return [cell.box("merge", "add", sources=[(kept, "data"), (added, "data")])]


def _rnn(cell: _Cell, x: int, states: Sequence[int]) -> list[int]:
    words = f"{cell.activation}({cell.sum_of('x W', 'h U')})"
    sources: list[Source] = [(x, "data"), (states[0], "state")]
    return [cell.box("recurrent", words, "", cell.shapes("WUb"), sources)]


_Draws = Callable[[_Cell, int, Sequence[int]], list[int]]
# Not a fact about layers: the pictures that are drawn here, and the letters of the states in them.
_DRAWN: dict[str, tuple[str, _Draws]] = {"lstm": ("hc", _lstm), "gru": ("h", _gru), "rnn": ("h", _rnn)}


def _weights(graph: Graph, node: Node) -> tuple[Weight, ...]:
    if node.layer in graph.weights:
        return graph.weights[node.layer]
    for other in graph.nodes:
        inner = other.layer.get("layer") if other.layer is not None else None
        if isinstance(inner, SubModel) and (found := _weights(inner.graph, node)):
            return found
    return ()
