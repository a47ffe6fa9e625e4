"""Compare two graphs: the same model has the same layers, called and shared in the same way."""

from __future__ import annotations

from typing import Any

from seqtopo.decompiler.layers import default_of, same_value, written_value
from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Param
from seqtopo.layers.sizes import Expr
from seqtopo.layers.values import Tensor


def difference(one: Graph, two: Graph) -> str:
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
