"""Write the statements of a spec from a graph: first the bindings, then the flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqtopo.decompiler import writing
from seqtopo.decompiler.flows import Flows, Statements, as_flow
from seqtopo.decompiler.naming import Naming
from seqtopo.decompiler.progress import Decoded, Part
from seqtopo.decompiler.sharing import one_step, shared_parts
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
