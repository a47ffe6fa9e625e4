"""Write paragraphs about a graph: one for each step, and the text around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from seqtopo.graph.graph import Node, Value
from seqtopo.graph.kind import is_picture, kind, meaning
from seqtopo.graph.receptive_fields import is_sequence
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Role
from seqtopo.layers.sizes import count
from seqtopo.layers.values import Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.walkthrough import features, recurrent, windows
from seqtopo.walkthrough.call_view import CallView, batched, listed, name_of, sentence, sentences, the, value
from seqtopo.walkthrough.topology import reasons, trained

_Words = Callable[[CallView], Iterator[str]]

_RANKS = (1, 2, 3)

_BY_ROLE: Mapping[Role, _Words] = {
    "recurrent": recurrent.recurrent,
    "convolution": windows.convolution,
    "attention": features.attention,
    "merge": features.merged,
    "join": features.concatenated,
    "reduction": features.reduced,
    "norm": features.normalized,
    "noise": features.dropped,
}

# Not a fact about layers: which words tell of a call what is special about it.
_SPECIAL: Mapping[str, _Words] = {
    "bi": recurrent.bidirectional,
    "td": recurrent.distributed,
    "repeat": recurrent.repeat,
    "dense": features.dense,
    "embed": features.embedding,
    "mask": features.masking,
    "pos": features.positions,
    "one_hot": features.one_hot,
    "act": features.activation,
    "softmax": features.softmax,
    **{f"{kind}pool{rank}d": windows.pooling for kind in ("max", "avg") for rank in _RANKS},
    **{f"g{kind}pool{rank}d": windows.everything for kind in ("max", "avg") for rank in _RANKS},
    "last": windows.ends,
    "first": windows.ends,
    "at": windows.one_step,
    "pad": windows.padded,
    "crop": windows.padded,
    "flip": windows.flipped,
    "flatten": windows.flattened,
    "reshape": windows.reshaped,
    "swap": windows.exchanged,
    "permute": windows.exchanged,
    "upsample1d": windows.stretched,
    "conv1d_transpose": windows.stretched,
}
"""Functions by the row's main name; rows in neither table have only their sentence and shapes."""


# Not a fact about layers: of which calls the words here say all there is to say.
_ENOUGH = ("dense", "act", "softmax")
"""Layers whose call is described fully, so that the row's sentence is left out."""


def words_for(call: CallView, *, new: bool = True) -> list[str]:
    """Describe a call: the row's sentence where the layer is ``new``, then what it does with its numbers."""
    inside = call.inside() if call.row.steps else None
    found = list(_special(call)) if inside is None else _at_each_step(call, inside)
    enough = found and (not new or call.row.name in _ENOUGH)
    return found if enough else [call.row.about, *found]


def _special(call: CallView) -> Iterator[str]:
    found = _SPECIAL.get(call.row.name) or _BY_ROLE.get(call.row.role)
    return found(call) if found is not None else iter(())


def _at_each_step(call: CallView, inside: CallView) -> list[str]:
    """Return sentences on what the layer in a wrapper does with one step, which is all it sees at a time."""
    words = list(_special(inside))
    first, *more = words if words and inside.row.name in _ENOUGH else [inside.row.about, *words]
    return [f"at each of {the(call.steps, 'step')} by itself: {first[:1].lower()}{first[1:]}", *more]


@dataclass(frozen=True)
class Step:
    """One input or one call of a layer: its name, its text, shapes with the batch, and words."""

    name: str
    written: str
    shapes: str
    words: str


@dataclass(frozen=True)
class Walkthrough:
    """A spec in plain words: its kind, with meaning and reason; its steps in order; its training."""

    kind: str
    meaning: str
    reasons: tuple[str, ...]
    legend: str
    steps: tuple[Step, ...]
    training: tuple[str, ...]


def walk(resolved: Resolved) -> Walkthrough:
    """Describe a spec without errors in words, in the order in which it is computed.

    >>> from seqtopo.report.analyse import analyse
    >>> found = walk(analyse("in(24,3) -> lstm(32)").resolved)
    >>> found.kind, [step.shapes for step in found.steps]
    ('many-to-one', ['gives (batch, 24, 3)', 'takes (batch, 24, 3), gives (batch, 32)'])
    """
    return _Walker(resolved).walk()


_LEGEND = (
    "(batch, time steps, features) for a sequence",
    "(batch, features) for a vector",
    "(batch, height, width, channels) for a picture",
)


class _Walker:
    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.graph = resolved.graph
        self.nodes = [self.graph.nodes[i] for i in self.graph.ancestors(self.graph.outputs)]
        self.users: dict[int, list[Node]] = {}
        for node in self.nodes:
            for index in dict.fromkeys(needed.node for needed in node.needs):
                self.users.setdefault(index, []).append(node)
        self.copies: dict[tuple[Span, str], int] = {}
        self.rows: set[str] = set()
        self.first: dict[Layer, Node] = {}
        self.alike: dict[tuple[str, str, str], str] = {}
        self.batch = next((node.batch for node in self.nodes if node.batch is not None), None)

    def walk(self) -> Walkthrough:
        found = kind(self.graph)
        inputs = [self.graph.nodes[i] for i in self.graph.inputs]
        pictures = any(map(self._is_picture, inputs))
        samples = [self._sample(node) for node in inputs]
        why = reasons(self.graph, found, samples, "picture" if pictures else "time axis")
        return Walkthrough(
            found,
            meaning(self.graph),
            tuple(sentence(text) for text in why if text),
            f"Shapes: {listed(_LEGEND[: 3 if pictures else 2])}.",
            tuple(self._step(node, at) for at, node in enumerate(self.nodes)),
            tuple(sentence(text) for text in trained(self.resolved.training, self.graph)),
        )

    def _is_picture(self, node: Node) -> bool:
        return is_picture(self.graph, node.index)

    def _sample(self, node: Node) -> str:
        """Return one sample of an input, in words."""
        assert node.outputs
        return value(node.outputs[0], self._is_picture(node), steps=is_sequence(self.graph, node.index))

    def _step(self, node: Node, at: int) -> Step:
        written = self._written(node)
        if node.layer is None:
            return Step(name_of(node), written, f"gives {self._shape(Value(node.index))}", self._input(node))
        before = self.nodes[at - 1].index if at else -1
        shapes = f"takes {self._takes(node, before)}, gives {self._shape(Value(node.index))}"
        return Step(name_of(node), written, shapes, self._call(node, node.layer, written, shapes))

    def _written(self, node: Node) -> str:
        """Return the step as it stands in the spec, if it is that layer's alone.

        Else its name in messages.
        """
        expr = self.resolved.written.of(node)
        word = expr.name if isinstance(expr, tree.Call) else expr
        if node.layer is None:
            return print_expr(expr) if expr is not None else "in"
        names = (node.layer.row.name, *node.layer.row.aliases)
        own = isinstance(word, tree.Name) and (
            word.name in names or word.name == node.layer.get("activation")
        )
        return print_expr(expr) if own and expr is not None else node.layer.title

    def _input(self, node: Node) -> str:
        assert node.outputs
        tensor = node.outputs[0]
        words = [f"one sample is {self._sample(node)}"]
        if tensor.shape and not isinstance(tensor.shape[0], int):
            words.append(_left_open(tensor, is_sequence(self.graph, node.index)))
        if node.batch is not None:
            words.append(f"every batch has exactly {count(node.batch, 'sample')}")
        if node.below is not None:
            words.append(f"the ids are below {node.below}")
        return sentences(words)

    def _call(self, node: Node, layer: Layer, written: str, shapes: str) -> str:
        place = (node.span, layer.row.name)
        self.copies[place] = copy = self.copies.get(place, 0) + 1
        first = self.first.setdefault(layer, node)
        words = words_for(
            CallView(self.graph, node, layer, tuple(self.users.get(node.index, ()))),
            new=layer.row.name not in self.rows,
        )
        self.rows.add(layer.row.name)
        text = sentences(words)
        if first is not node:
            again = "with the same weights" if self.graph.weights.get(layer) else "used once more"
            return sentences([f"the same layer as {name_of(first)} above, {again}"])
        # If only the weights are new, the paragraph is not repeated.
        known = self.alike.setdefault((written, shapes.partition(" from ")[0], text), layer.name)
        if known != layer.name and len(text) > 80:
            again = "another copy of the same step" if copy > 1 else "the same once more"
            return sentences([f"as {known} above: {again}, with weights of its own"])
        return text

    def _takes(self, node: Node, before: int) -> str:
        sources = [self._shape(value) for value in node.inputs]
        names = [name_of(self.graph.nodes[incoming.node]) for incoming in node.inputs]
        if [value.node for value in node.inputs] == [before]:
            return sources[0]
        if len(set(sources)) == 1 and len(sources) > 1:
            shown = list(dict.fromkeys(names))
            shown = shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5} more"]
            return f"{len(sources)} times {sources[0]} from {listed(shown)}"
        pairs = [f"{shape} from {name}" for shape, name in zip(sources, names, strict=True)]
        return listed(pairs if len(pairs) <= 6 else [*pairs[:5], f"{len(pairs) - 5} more"])

    def _shape(self, of: Value) -> str:
        tensor = self.graph.tensor(of)
        return batched(tensor.shape, self.batch) if tensor is not None else ""


def _left_open(tensor: Tensor, steps: bool) -> str:
    """Return the words for an open first axis: a length that changes by batch, or a width to be bound."""
    size = str(tensor.shape[0])
    if not steps:
        return f"{size} needs a number before the model can be built"
    which = "the length is" if size == "?" else f"{size} is"
    return f"{which} left open: the samples of one batch have the same, the next batch may have another"
