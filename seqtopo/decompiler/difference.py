"""Compare two topologies: layer by layer, and whether they are the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.decompiler.layers import default_of, same_value, written_value
from seqtopo.decompiler.training import AS_BY_DEFAULT, FAMILIES
from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.graph.training import Training
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import shortest
from seqtopo.layers.row import Param
from seqtopo.layers.sizes import Expr, Shape, Size, show_shape
from seqtopo.layers.values import Tensor, show
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@dataclass(frozen=True)
class Side:
    """One of the two topologies: its name, its graph and its training."""

    name: str
    graph: Graph
    training: Training | None = None


@dataclass(frozen=True)
class Step:
    """One call of a layer, or an input: its text in a spec, its inputs and its outputs."""

    index: int
    name: str
    text: str
    row: str
    inputs: tuple[str, ...]
    outputs: tuple[Shape, ...]
    params: Size
    again: bool
    """True if the layer was called before, where its weights are counted."""


@dataclass(frozen=True)
class Change:
    """A layer that was added, removed or changed: its steps on both sides, and the difference in words."""

    kind: str
    one: Step | None
    two: Step | None
    differences: tuple[tuple[str, str, str], ...] = ()

    @property
    def only_follows(self) -> bool:
        """True if only shapes and sizes differ, as follows from an earlier change."""
        whats = {what for what, _, _ in self.differences}
        follows = bool(whats) and whats <= {"gives", "parameters"}
        return follows and self.one is not None and self.one.row != "in"


@dataclass(frozen=True)
class Difference:
    """All differences of two topologies; ``changes`` and ``training`` are empty if they are equal."""

    changes: tuple[Change, ...]
    training: tuple[tuple[str, str, str], ...]
    params: tuple[Size, Size]
    unchanged: int = 0
    """The number of equal layers."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.training)


def difference(one: Side, two: Side) -> Difference:
    """Return the differences of two topologies.

    Layers are aligned as lines are in a diff of texts: equal ones first, then those of the same kind between
    them. Other names are no difference, nor are other names of open sizes.
    """
    a, b = steps_of(one.graph), steps_of(two.graph)
    training = tuple(_training(one.training, two.training))
    said = first_difference(one.graph, two.graph)
    if not said:
        return Difference((), training, (_total(a), _total(b)), len(a))
    pairs = _aligned(a, b)
    back = {y.index: x for x, y in pairs if x is not None and y is not None}
    changes = [change for x, y in pairs if (change := _change(x, y, back, one, two)) is not None]
    ends = _ends(one.graph, two.graph, back)
    if not changes and not ends:
        # Aligned step by step they are alike, and yet they compute something else.
        ends = [Change("changed", None, None, (("the whole", said, "not the same"),))]
    return Difference(
        (*changes, *ends),
        training,
        (_total(a), _total(b)),
        len(pairs) - len(changes),
    )


# ---- steps ------------------------------------------------------------------------------------------


def steps_of(graph: Graph) -> list[Step]:
    """Return the calls behind the outputs, in their order."""
    seen: set[Layer] = set()
    found = []
    for index in _ordered(graph):
        node = graph.nodes[index]
        again = node.layer is not None and node.layer in seen
        if node.layer is not None:
            seen.add(node.layer)
        found.append(_step(graph, node, again))
    return found


def _ordered(graph: Graph) -> list[int]:
    """Return the nodes behind the outputs in an order that depends on the graph alone, not on its spec.

    Each comes after those that it needs, and the branches that lead to a step follow each other.
    """
    found: dict[int, None] = {}
    todo = [(v.node, False) for v in (*graph.outputs, *(Value(i) for i in graph.inputs))][::-1]
    while todo:
        index, ready = todo.pop()
        if index in found:
            continue
        if ready:
            found[index] = None
            continue
        todo.append((index, True))
        todo += [(v.node, False) for v in graph.nodes[index].needs][::-1]
    return list(found)


def _step(graph: Graph, node: Node, again: bool) -> Step:
    layer = node.layer
    gives = tuple(t.shape for t in node.outputs or ())
    if layer is None:
        assert node.outputs is not None
        text = print_expr(writing.source(node.outputs[0], node.batch, {}))
        return Step(node.index, node.name, text, "in", (), gives, 0, False)
    takes = tuple(_source_name(graph, v) for v in node.needs)
    params: Size = 0
    for weight in graph.weights.get(layer, ()) if not again else ():
        count: Size = 1
        for size in weight.shape:
            count = count * size
        params = params + count
    return Step(
        node.index, layer.name, _text(graph, node, layer), layer.row.name, takes, gives, params, again
    )


def _text(graph: Graph, node: Node, layer: Layer) -> str:
    return print_expr(writing.layer(layer, graph.tensors(node.inputs) or (), _inside, dict(node.call), {}))


def _inside(inner: Layer | SubModel) -> tree.Expr:
    if isinstance(inner, Layer):
        return writing.layer(inner, (), _inside, {}, {})
    nodes = [inner.graph.nodes[i] for i in inner.graph.ancestors(inner.graph.outputs)]
    steps = [writing.layer(n.layer, (), _inside, dict(n.call), {}) for n in nodes if n.layer is not None]
    if not steps:
        return writing.name("id")
    return steps[0] if len(steps) == 1 else tree.Flow(writing.NOWHERE, tuple(steps))


def _source_name(graph: Graph, value: Value) -> str:
    node = graph.nodes[value.node]
    name = node.name if node.layer is None else node.layer.name
    return f"{name or 'a step'}.{value.extra}" if value.extra else name or "a step"


def _total(steps: Sequence[Step]) -> Size:
    found: Size = 0
    for step in steps:
        found = found + step.params
    return found


# ---- alignment --------------------------------------------------------------------------------------


def _aligned(a: Sequence[Step], b: Sequence[Step]) -> list[tuple[Step | None, Step | None]]:
    """Return the steps of both sides in pairs; None if the other side has no such step."""
    found: list[tuple[Step | None, Step | None]] = []
    whole = SequenceMatcher(None, [s.text for s in a], [s.text for s in b], autojunk=False)
    for tag, i, j, k, m in whole.get_opcodes():
        if tag == "equal":
            found += zip(a[i:j], b[k:m], strict=True)
            continue
        kinds = SequenceMatcher(None, [s.row for s in a[i:j]], [s.row for s in b[k:m]], autojunk=False)
        for inner, p, q, r, s in kinds.get_opcodes():
            left, right = a[i:j][p:q], b[k:m][r:s]
            if inner == "equal":
                found += zip(left, right, strict=True)
            else:
                found += [(x, None) for x in left]
                found += [(None, y) for y in right]
    return found


def _change(x: Step | None, y: Step | None, back: Mapping[int, Step], one: Side, two: Side) -> Change | None:
    if x is None or y is None:
        return Change("removed" if y is None else "added", x, y)
    differences = [*_arguments(x, y, one, two), *_wiring(x, y, back, one, two)]
    if [_closed(s) for s in x.outputs] != [_closed(s) for s in y.outputs]:
        differences.append(("gives", _shapes(x.outputs), _shapes(y.outputs)))
    if x.params != y.params and not (isinstance(x.params, Expr) and isinstance(y.params, Expr)):
        differences.append(("parameters", _count(x.params), _count(y.params)))
    if x.again != y.again:
        words = {True: "shared with an earlier step", False: "weights of its own"}
        differences.append(("weights", words[x.again], words[y.again]))
    return Change("changed", x, y, tuple(differences)) if differences else None


def _arguments(x: Step, y: Step, one: Side, two: Side) -> list[tuple[str, str, str]]:
    a, b = one.graph.nodes[x.index], two.graph.nodes[y.index]
    if a.layer is None or b.layer is None:
        ends: list[tuple[str, str, str]] = []
        types = [n.outputs[0].dtype if n.outputs else "" for n in (a, b)]
        if types[0] != types[1]:
            ends.append(("dtype", types[0], types[1]))
        if a.batch != b.batch:
            ends.append(("batch", show(a.batch), show(b.batch)))
        places = [side.graph.inputs.index(n.index) + 1 for side, n in ((one, a), (two, b))]
        if places[0] != places[1] and len(one.graph.inputs) == len(two.graph.inputs):
            ends.append(("place among the inputs", str(places[0]), str(places[1])))
        return ends
    found: list[tuple[str, str, str]] = []
    row = a.layer.row
    for name in dict.fromkeys((*a.layer.args, *b.layer.args, *a.call, *b.call)):
        ours, theirs = (_argument(row, n, name) for n in (a, b))
        if ours != theirs:
            found.append((name, ours, theirs))
    return found


def _argument(row: Any, node: Node, name: str) -> str:
    param = row.by_name.get(name)
    value = node.call.get(name, node.callee.args.get(name, param.default if param else None))
    value = written_value(name, value, param.kind.family if param else "")
    if isinstance(value, (Layer, SubModel)):
        text = print_expr(_inside(value))
        return f"({text})" if " -> " in text else text
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return "?" if isinstance(value, Expr) else show(tuple(value) if isinstance(value, list) else value)


def _wiring(x: Step, y: Step, back: Mapping[int, Step], one: Side, two: Side) -> list[tuple[str, str, str]]:
    """Return the difference in a step's inputs, if they come from other steps."""
    ours = [(v.node, v.output, v.extra) for v in one.graph.nodes[x.index].needs]
    theirs = []
    for v in two.graph.nodes[y.index].needs:
        step = back.get(v.node)
        theirs.append((step.index if step is not None else None, v.output, v.extra))
    if ours == theirs:
        return []
    if len(ours) == len(theirs) == 1 and theirs[0][0] is None:
        return []  # a step was added or changed before it, which is told there
    names: tuple[Sequence[str], Sequence[str]] = x.inputs, y.inputs
    if x.inputs == y.inputs:
        # Other steps of the same names: how they are written tells them apart.
        names = _written(one.graph, x), _written(two.graph, y)
    ours_named, theirs_named = (", ".join(each) or "nothing" for each in names)
    return [("takes", ours_named, theirs_named)]


def _written(graph: Graph, step: Step) -> list[str]:
    """Return the inputs of a step, each as the text of its layer."""
    nodes = [graph.nodes[v.node] for v in graph.nodes[step.index].needs]
    return [n.name if n.layer is None else _text(graph, n, n.layer) for n in nodes]


def _ends(one: Graph, two: Graph, back: Mapping[int, Step]) -> list[Change]:
    ours = [(v.node, v.output, v.extra) for v in one.outputs]
    theirs = [(back[v.node].index if v.node in back else None, v.output, v.extra) for v in two.outputs]
    if ours == theirs or (len(ours) == len(theirs) == 1 and theirs[0][0] is None):
        return []
    names = [", ".join(_source_name(g, v) for v in g.outputs) for g in (one, two)]
    return [Change("changed", None, None, (("outputs", names[0], names[1]),))]


def _closed(shape: Shape) -> tuple[int | None, ...]:
    return tuple(s if isinstance(s, int) else None for s in shape)


def _shapes(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(show_shape, shapes))


def _count(params: Size) -> str:
    return f"{params:,}" if isinstance(params, int) else str(params)


# ---- training ---------------------------------------------------------------------------------------


def _training(one: Training | None, two: Training | None) -> list[tuple[str, str, str]]:
    a, b = (_compile_arguments(training) for training in (one, two))
    return [
        (key, _as_given(a.get(key, (None, None))[1]), _as_given(b.get(key, (None, None))[1]))
        for key in {**a, **b}
        if a.get(key, (None, None))[0] != b.get(key, (None, None))[0]
    ]


def _compile_arguments(training: Training | None) -> dict[str, tuple[Any, Any]]:
    """Return the arguments of ``compile`` that are not at their defaults, in shortest form and as given."""
    if training is None:
        return {}
    found = {"optimizer": training.optimizer, "loss": training.loss, "metrics": training.metrics}
    found |= training.options
    families = {"optimizer": ["optimizer"], **{key: [family] for key, family in FAMILIES.items()}}
    short = {key: _single_item(shortest(families.get(key, []), value)) for key, value in found.items()}
    unsaid = {key: (None, [], *AS_BY_DEFAULT.get(key, ())[:1]) for key in short}
    return {key: (value, found[key]) for key, value in short.items() if value not in unsaid[key]}


def _as_given(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _single_item(value: Any) -> Any:
    """Return the item of a list of one, which is for the only output; any other value as it is."""
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    return value


def first_difference(one: Graph, two: Graph) -> str:
    """Return where two graphs differ, in words; "" if they are the same model, whatever its names."""
    return _Comparison(one, two).run()


class _Comparison:
    def __init__(self, one: Graph, two: Graph, layers: dict[Layer, Layer] | None = None) -> None:
        self.one = one
        self.two = two
        self.layers: dict[Layer, Layer] = {} if layers is None else layers
        """The layers of the first graph, each with the one of the second that it equals."""
        self.taken = set(self.layers.values())
        self.nodes: dict[int, int] = {}

    def run(self) -> str:
        if len(self.one.inputs) != len(self.two.inputs):
            return f"{len(self.one.inputs)} inputs against {len(self.two.inputs)}"
        if len(self.one.outputs) != len(self.two.outputs):
            return f"{len(self.one.outputs)} outputs against {len(self.two.outputs)}"
        todo = [*zip(self.one.outputs, self.two.outputs, strict=True)]
        todo += [(Value(a), Value(b)) for a, b in zip(self.one.inputs, self.two.inputs, strict=True)]
        back: dict[int, int] = {}
        while todo:
            a, b = todo.pop()
            if (a.output, a.extra) != (b.output, b.extra):
                return "another output of a layer"
            if a.node in self.nodes:
                if self.nodes[a.node] != b.node:
                    return "a value that is used twice against two values"
                continue
            if b.node in back:
                return "two values against one that is used twice"
            self.nodes[a.node], back[b.node] = b.node, a.node
            wrong = self._node(a.node, b.node)
            if wrong:
                return wrong
            x, y = self.one.nodes[a.node], self.two.nodes[b.node]
            todo += zip(x.inputs, y.inputs, strict=True)
            for name in x.tensors:
                todo += zip(x.tensors[name], y.tensors[name], strict=True)
        return ""

    def _node(self, a: int, b: int) -> str:
        x, y = self.one.nodes[a], self.two.nodes[b]
        if x.layer is None or y.layer is None:
            if x.layer is not y.layer:
                return "an input against a layer"
            if x.batch != y.batch or not _same_tensors(x.outputs or (), y.outputs or ()):
                return f"the input {x.name} has another shape"
            return ""
        wrong = self.layer(x.layer, y.layer)
        if wrong:
            return wrong
        called = {k: v for k, v in y.call.items() if v != y.layer.row.defaults.get(k)}
        if x.call != called:
            return f"{x.layer.title} is called with {dict(x.call)} against {called}"
        lengths = [len(n.inputs) for n in (x, y)], [{k: len(v) for k, v in n.tensors.items()} for n in (x, y)]
        if any(first != second for first, second in lengths):
            return f"{x.layer.title} takes other values"
        return ""

    def layer(self, x: Layer, y: Layer) -> str:
        """Return where two layers differ; a layer equals at most one of the other graph."""
        if x in self.layers:
            return "" if self.layers[x] is y else f"{x.title} is shared in one and not in the other"
        if y in self.taken:
            return f"{y.title} is shared in one and not in the other"
        self.layers[x] = y
        self.taken.add(y)
        if x.row is not y.row:
            return f"{x.title} against {y.title}"
        for name in {*x.args, *y.args}:
            param = x.row.by_name[name]
            wrong = self._argument(param, x.args, y.args)
            if wrong:
                return f"{x.title} has another {name}: {wrong}"
        return ""

    def _argument(self, param: Param, one: dict[str, Any], two: dict[str, Any]) -> str:
        a, b = (
            written_value(param.name, args.get(param.name, default_of(param)), param.kind.family)
            for args in (one, two)
        )
        if isinstance(a, Layer) and isinstance(b, Layer):
            return self.layer(a, b)
        if isinstance(a, SubModel) and isinstance(b, SubModel):
            return _Comparison(a.graph, b.graph, self.layers).run()
        if isinstance(a, Expr) and isinstance(b, Expr):
            return ""
        return "" if same_value(a, b) or same_value(b, a) or _same_shape(a, b) else f"{a} against {b}"


def _same_shape(a: Any, b: Any) -> bool:
    """Return whether two shapes have equal sizes, or sizes that are open in both."""
    if not (isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)):
        return False
    return all(x == y or (_open(x) and _open(y)) for x, y in zip(a, b, strict=True))


def _open(size: Any) -> bool:
    return isinstance(size, Expr) or size == -1


def _same_tensors(one: tuple[Tensor, ...], two: tuple[Tensor, ...]) -> bool:
    return len(one) == len(two) and all(
        a.dtype == b.dtype and (a.shape == b.shape or _same_shape(a.shape, b.shape))
        for a, b in zip(one, two, strict=True)
    )
