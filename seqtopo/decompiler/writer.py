"""Write the statements of a spec from a graph: first the bindings, then the flows.

Regions that are applied several times with the same layers are bound to names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtopo.decompiler import writing
from seqtopo.decompiler.flows import Flows, Statements, as_flow
from seqtopo.decompiler.naming import Naming
from seqtopo.decompiler.progress import Decoded, Part
from seqtopo.decompiler.units import OrderError, Units, UnsayableError, branch_end, plan
from seqtopo.graph.graph import Graph, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Expr
from seqtopo.syntax import tree

NOWHERE = writing.NOWHERE
MOST_TRIES = 400
"""The tries of statements for single values, after which each value is named before its use."""


@dataclass(frozen=True)
class Choices:
    """The forms of a spec's text, tried from the shortest to the plainest."""

    forks: bool = True
    parts: bool = True
    blocks: bool = True
    opens: str = "T"
    """The form of open sizes: symbols, or ``?``."""


class Writer(Statements):
    """The statements of one model while they are written."""

    def __init__(self, decoded: Decoded, naming: Naming, choices: Choices) -> None:
        super().__init__(decoded, naming, self._inside)
        self.graph = decoded.graph
        self.choices = choices
        self.calls: dict[object, int] = {}
        """The number of calls of each layer, and of each model that a wrapper applies."""
        self.statements: list[tree.Statement] = []

    def write(self) -> list[tree.Statement]:
        """Return all statements, the last one the model's output."""
        parts = self._parts() if self.choices.parts else []
        loose = tuple(v for _, v in self.decoded.cut if not v.extra)
        units = Units(self.graph, self.graph.outputs, parts, (), loose)
        self._name_opens()
        self._shared(units)
        forced: set[int] = set()
        naming, statements = self.naming, list(self.statements)
        for _ in range(MOST_TRIES):
            made = plan(units, self.choices.forks, forced)
            flows = Flows(self, units, made)
            self.naming, self.statements = naming.copy(), list(statements)
            try:
                body = flows.all()
            except OrderError as error:
                end = branch_end(units, made, error.unit)
                forced.add(error.unit if end is None or end in forced else end)
                continue
            met = [flows.inputs[id(node)] for node in tree.every(body) if id(node) in flows.inputs]
            met = [i for i in met if i in self.graph.inputs]
            if met == list(self.graph.inputs) or forced.issuperset(self.graph.inputs):
                naming.lost = self.naming.lost
                return [*self.statements, *body]
            forced.update(self.graph.inputs)
        raise UnsayableError("no order of the statements was found")

    # ---- sizes, parts, shared layers ---------------------------------------------------------------

    def _name_opens(self) -> None:
        """Choose symbols for the open sizes of the inputs: T for a single one, else one for each."""
        taken = {
            str(s) for i in self.graph.inputs for t in self.graph.nodes[i].outputs or () for s in t.shape
        }
        found = [
            s
            for node in self.graph.nodes
            if node.layer is None and node.outputs
            for s in node.outputs[0].shape
            if isinstance(s, Expr) and s.is_atom and str(s) == "?"
        ]
        if self.choices.opens != "T" or len(found) > 4:
            return
        letters = [n for n in ("T", "S", "L", "M", "N", "T1", "T2", "T3") if n not in taken]
        self.opens = dict(zip(found, letters, strict=False))

    def _parts(self) -> list[Part]:
        """Return the parts that are written as one step: inner models, and regions of shared layers."""
        nested = [part for part in self.decoded.parts if one_step(self.graph, part)]
        taken = {i for part in nested for i in part.nodes}
        hint = {layer: self.naming.hint(layer) for layer in self.graph.layers()}
        return [*nested, *shared_parts(self.graph, taken, hint)]

    def _shared(self, units: Units) -> None:
        """Add bindings for layers that are called more than once, and for parts."""
        calls = self.calls
        self._count(self.graph, self.graph.ancestors(self.graph.outputs), calls)
        inside: set[int] = set()
        for unit in units.units.values():
            if unit.part is not None:
                inside |= unit.part.nodes
        for index in self.graph.ancestors(self.graph.outputs):
            layer = self.graph.nodes[index].layer
            if layer is not None and calls[layer] > 1 and index not in inside and layer not in self.blocks:
                self.block(layer, self.graph, index)
        self._shared_inside(self.graph)
        for unit in units.units.values():
            if unit.part is not None and unit.part.key not in self.blocks:
                self._part(unit.part)

    def _shared_inside(self, graph: Graph) -> None:
        """Add bindings for layers that are called more than once in a model that a wrapper applies."""
        for index in graph.ancestors(graph.outputs):
            layer = graph.nodes[index].layer
            if layer is None:
                continue
            if graph is not self.graph and self.calls[layer] > 1 and layer not in self.blocks:
                self.block(layer, graph, index)
            inner: object = layer
            while isinstance(inner, Layer):
                inner = next((v for v in inner.args.values() if isinstance(v, (Layer, SubModel))), None)
            if isinstance(inner, SubModel):
                self._shared_inside(inner.graph)

    def _count(self, graph: Graph, nodes: Sequence[int], calls: dict[object, int]) -> None:
        for index in nodes:
            layer = graph.nodes[index].layer
            if layer is None:
                continue
            calls[layer] = calls.get(layer, 0) + 1
            if calls[layer] == 1:
                self._inner(layer, calls)

    def _inner(self, layer: Layer, calls: dict[object, int]) -> None:
        for value in layer.args.values():
            if not isinstance(value, (Layer, SubModel)):
                continue
            calls[value] = calls.get(value, 0) + 1
            if calls[value] > 1:
                continue
            if isinstance(value, Layer):
                self._inner(value, calls)
            else:
                self._count(value.graph, value.graph.ancestors(value.graph.outputs), calls)

    def block(self, layer: Layer, graph: Graph, index: int) -> None:
        """Add the binding of a shared layer, which a node of a graph calls."""
        node = graph.nodes[index]
        tensors = graph.tensors(node.inputs) or ()
        name = self.naming.block(layer)
        step = writing.layer(layer, tensors, self.inside, {}, {})
        if layer.name and not self.naming.is_automatic(layer) and layer.name != name:
            step = self.naming.named(step, layer)
        self.blocks[layer] = name
        self.statements.append(tree.Bind(NOWHERE, writing.name(name), step))

    def _part(self, part: Part) -> None:
        units = Units(self.graph, part.values, (), part.incoming)
        name = self.naming.binding(part.name, part.name or "model")
        body = self._body(units, part.incoming[0].node, name)
        self.blocks[part.key] = name
        self.statements.append(tree.Bind(NOWHERE, writing.name(name), body))

    def _body(self, units: Units, base: int, name: str) -> tree.Expr:
        """Return a flow from its input, or a macro if it has names, which would be the whole spec's."""
        made = plan(units, body=True)
        if made.named:
            raise UnsayableError("values in a flow are taken in a way that needs statements")
        flow = Flows(self, units, made)
        for index in sorted(made.inline):
            flow.names[index] = self.naming.value(units.units[index])
        if len(units.outputs) == 1:
            body = as_flow(flow.steps(units.outputs[0], base))
        else:
            body = tree.List(NOWHERE, flow.branches(units.outputs, base))
        if not made.inline:
            return body
        macro = self.naming.fresh(f"{name}_flow" if name else "flow")
        self.statements.append(tree.Def(NOWHERE, writing.name(macro), (), body))
        return writing.call(macro, [])

    def _inside(self, inner: Layer | SubModel) -> tree.Expr:
        """Return the contents of a wrapper."""
        if isinstance(inner, Layer):
            if inner in self.blocks:
                return writing.name(self.blocks[inner])
            step = writing.layer(inner, (), self.inside, {}, {})
            return self.naming.inner(step, inner)
        if inner in self.blocks:
            return writing.name(self.blocks[inner])
        graph = inner.graph
        units = Units(graph, graph.outputs, (), [Value(i) for i in graph.inputs])
        body = self._body(units, graph.inputs[0], inner.name)
        made = [i for i in graph.ancestors(graph.outputs) if graph.nodes[i].layer is not None]
        if len(made) == 1 and not isinstance(body, tree.Flow):
            # A step alone would be the layer itself, and not a model of it.
            body = tree.Flow(NOWHERE, (writing.name("id"), body))
        if (inner.name or self.calls[inner] > 1) and len(graph.inputs) == 1:
            name = self.naming.binding(inner.name, inner.name or "steps")
            self.blocks[inner] = name
            self.statements.append(tree.Bind(NOWHERE, writing.name(name), body))
            return writing.name(name)
        return body


def one_step(graph: Graph, part: Part) -> bool:
    """Return whether a part has one input and one output, and no other value goes in or out."""
    if len(part.incoming) != 1 or len(part.values) != 1 or not part.nodes:
        return False
    if part.values[0].node not in part.nodes or part.values[0].extra or part.incoming[0].extra:
        return False
    for node in graph.nodes:
        inside = node.index in part.nodes
        for value in node.needs:
            if inside and value.node not in part.nodes and value not in part.incoming:
                return False
            if not inside and value.node in part.nodes and value not in part.values:
                return False
    return not any(v.node in part.nodes and v not in part.values for v in graph.outputs)


def shared_parts(graph: Graph, taken: set[int], hints: Mapping[Layer, str]) -> list[Part]:
    """Return the largest regions of several layers that are applied several times.

    Each has one input and one output.
    """
    behind = graph.ancestors(graph.outputs)
    calls: dict[Layer, list[int]] = {}
    for index in behind:
        layer = graph.nodes[index].layer
        if layer is not None and index not in taken:
            calls.setdefault(layer, []).append(index)
    shared = {layer: nodes for layer, nodes in calls.items() if len(nodes) > 1}
    found: list[Part] = []
    used: set[int] = set()
    for layer in sorted(shared, key=lambda one: -shared[one][0]):
        nodes = shared[layer]
        if used.intersection(nodes):
            continue
        best: list[Part] = []
        for regions in _growing(graph, nodes, shared, used):
            parts = [
                _part(graph, region, end, layer, hints) for region, end in zip(regions, nodes, strict=True)
            ]
            if all(p is not None and one_step(graph, p) for p in parts) and len(regions[0]) > 1:
                best = [p for p in parts if p is not None]
        found += best
        for part in best:
            used |= part.nodes
    return found


def _growing(
    graph: Graph, ends: list[int], shared: Mapping[Layer, list[int]], used: set[int]
) -> list[list[set[int]]]:
    """Return the regions that end in the calls of one layer, each larger than the one before."""
    regions = [{end} for end in ends]
    found = []
    while True:
        frontier = _before(graph, regions[0])
        grown = False
        for index in sorted(frontier, reverse=True):
            layer = graph.nodes[index].layer
            others = shared.get(layer, []) if layer is not None else []
            if len(others) != len(ends) or index not in others or used.intersection(others):
                continue
            matched = [next((o for o in others if o in _before(graph, r)), None) for r in regions]
            if None in matched or len(set(matched)) != len(ends):
                continue
            for region, other in zip(regions, matched, strict=True):
                assert other is not None
                region.add(other)
            grown = True
            found.append([set(r) for r in regions])
            break
        if not grown:
            return found


def _before(graph: Graph, region: set[int]) -> set[int]:
    return {v.node for i in region for v in graph.nodes[i].needs} - set(region)


def _part(graph: Graph, region: set[int], end: int, layer: Layer, hints: Mapping[Layer, str]) -> Part | None:
    """Return a region as a part if it has one input; else None."""
    incoming: dict[Value, None] = {}
    for index in sorted(region):
        for value in graph.nodes[index].needs:
            if value.node not in region:
                incoming[value] = None
    if len(incoming) != 1:
        return None
    words = {hints.get(n.layer, "") for i in region if (n := graph.nodes[i]).layer is not None}
    name = words.pop() if len(words) == 1 else ""
    return Part(layer, name or "shared", frozenset(region), tuple(incoming), (Value(end),), {})
