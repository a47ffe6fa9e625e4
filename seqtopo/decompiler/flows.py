"""Write the units of a graph as flows: chains, lists of branches, and named values for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.decompiler.automatic import giver
from seqtopo.decompiler.naming import Naming
from seqtopo.decompiler.progress import Decoded
from seqtopo.decompiler.units import Item, OrderError, Plan, State, Unit, Units, UnsayableError
from seqtopo.graph.graph import SubModel
from seqtopo.layers.layer import Layer
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

NOWHERE = writing.NOWHERE
Steps = tuple[tree.Expr, ...]


class Statements:
    """The statements of one spec while they are written, with its names and the symbols of its open sizes."""

    def __init__(
        self, decoded: Decoded, naming: Naming, inside: Callable[[Layer | SubModel], tree.Expr]
    ) -> None:
        self.decoded = decoded
        self.naming = naming
        self.inside = inside
        """A function that writes the contents of a wrapper."""
        self.opens: dict[Any, str] = {}
        self.blocks: dict[object, str] = {}
        """The names of flows without a source: shared layers, and models inside the model."""
        self.hints: dict[str, Counter[str]] = {}
        """The bindings or macros in which a step stood, from its layer's name, by the step's text."""


class Flows:
    """The flows of one graph while they are written."""

    def __init__(self, whole: Statements, units: Units, made: Plan) -> None:
        self.whole = whole
        self.units = units
        self.plan = made
        self.graph = units.graph
        self.names: dict[int, str] = {}
        self.written: set[int] = set()
        """The inline names that stand in the text already."""
        self.inputs: dict[int, int] = {}
        """The inputs, by the id of the step that each is written as."""

    # ---- statements ------------------------------------------------------------------------------

    def all(self) -> list[tree.Statement]:
        """Return the statements of the named values in order, then the output."""
        found: list[tree.Statement] = []
        for index in sorted(self.plan.named | set(self.plan.inline)):
            self.names[index] = self._name(index)
        for index in sorted(self.plan.named):
            found.append(self._statement(index))
        found.append(self._output())
        return found

    def _name(self, index: int) -> str:
        unit = self.units.units[index]
        naming = self.whole.naming
        # An output named `step_state` is written `step.state`.
        aliases = self.whole.decoded.aliases.items()
        wanted = next((giver(name, v.extra) for v, name in aliases if v.node == index), "")
        if wanted and index in self.plan.named and naming.free(unit, wanted):
            naming.taken.add(wanted)
            return wanted
        return naming.value(unit, wanted or self._hint(index))

    def _hint(self, index: int) -> str:
        """Return the binding that a unit's statement had, from the names that seqtopo gave to its layers.

        Most of its layers have this binding in their names, and no other layers do.
        """
        naming = self.whole.naming
        inside: Counter[str] = Counter()
        behind: set[int] = set()
        todo = [index]
        while todo:
            here = todo.pop()
            if here in behind or (here != index and here in self.plan.named):
                continue
            behind.add(here)
            todo += self.units.units[here].sources
        outside: set[str] = set()
        for unit in self.units.units.values():
            hint = naming.hint(unit.layer) if unit.layer is not None else ""
            if hint and unit.index in behind:
                inside[hint] += 1
            elif hint:
                outside.add(hint)
        return next((word for word, _ in inside.most_common() if word not in outside), "")

    def _statement(self, index: int) -> tree.Statement:
        steps = self.steps(index, None, defining=index)
        unit = self.units.units[index]
        name = self.names[index]
        flow = as_flow(steps)
        if unit.layer is not None and self.whole.naming.bears(unit, name):
            # The name is the layer's, too: `as` says both.
            return tree.Output(NOWHERE, flow)
        return tree.Bind(NOWHERE, writing.name(name), flow)

    def _output(self) -> tree.Statement:
        outputs = self.units.outputs
        if len(outputs) == 1 and isinstance(outputs[0], int) and outputs[0] not in self.names:
            flow = as_flow(self.steps(outputs[0], None))
        elif len(outputs) == 1:
            flow = self._item(outputs[0])
        else:
            flow = self._outputs(outputs)
        name = self.whole.naming.model(self.whole.decoded.name)
        if name:
            return tree.Bind(NOWHERE, writing.name(name), flow)
        return tree.Output(NOWHERE, flow)

    def _outputs(self, outputs: Sequence[Item]) -> tree.Expr:
        fork = self.plan.forks.get(-1)
        items = self.branches(outputs, fork)
        items = tuple(self._unnamed(o, e) for o, e in zip(outputs, items, strict=True))
        listed: tree.Expr = tree.List(NOWHERE, items)
        if fork is None:
            return listed
        return as_flow((*self.steps(fork, None), listed))

    def _unnamed(self, item: Item, expr: tree.Expr) -> tree.Expr:
        """Return an output that is only a name in a list, as the output would be named after it otherwise."""
        if not isinstance(expr, tree.Name) or not isinstance(item, int):
            return expr
        unit = self.units.units[item]
        if unit.layer is not None and self.whole.naming.bears(unit, expr.name):
            return expr
        return tree.List(NOWHERE, (expr,))

    # ---- flows -----------------------------------------------------------------------------------

    def steps(self, index: int | Item, base: int | None, defining: int = -1) -> Steps:
        """Return the steps from ``base``, or from a source, to a unit's value."""
        assert isinstance(index, int)
        found: list[tree.Expr] = []
        at: int = index
        while True:
            if at == base:
                break
            if at in self.names and at != defining and at not in self.plan.inline:
                found.append(writing.name(self.names[at]))
                break
            unit = self.units.units[at]
            more, then = self._step(unit, base)
            found += more
            if then is None:
                break
            at = then
        return tuple(reversed(found))

    def _step(self, unit: Unit, base: int | None) -> tuple[list[tree.Expr], int | None]:
        """Return a unit's own step, behind a list if it takes several values, and the unit before these."""
        if unit.node is not None and unit.node.layer is None:
            return [self._input(unit)], None
        items = unit.items
        fork = self.plan.forks.get(unit.index)
        if len(items) == 1 and isinstance(items[0], int):
            if self.plan.inline.get(items[0], unit.index) != unit.index:
                return [self._call(unit, ()), self._reference(items[0])], None
            return [self._call(unit, ())], items[0]
        if not items:
            return [self._call(unit, ())], None
        branches = self.branches(items, fork if fork is not None else base, unit.index)
        residual = self._residual(unit, branches, fork is not None or base is not None)
        call = self._call(unit, branches) if residual is None else residual
        if residual is not None:
            return [call], fork
        several = not (len(branches) == 1 and isinstance(branches[0], tree.Attribute))
        return [call, tree.List(NOWHERE, branches) if several else branches[0]], fork

    def branches(self, items: Sequence[Item], base: int | None, by: int = -1) -> tuple[tree.Expr, ...]:
        """Return each item as a flow from ``base`` (written ``id``), or from a source of its own."""
        return tuple(self._branch(item, base, by) for item in items)

    def _branch(self, item: Item, base: int | None, by: int) -> tree.Expr:
        if isinstance(item, State):
            return self._item(item)
        if item in self.plan.inline and self.plan.inline[item] != by and item != base:
            return self._reference(item)
        return as_flow(self.steps(item, base))

    def _reference(self, index: int) -> tree.Expr:
        """Return an inline name.

        Raises:
            OrderError: it is not written further up.
        """
        if index not in self.written:
            raise OrderError(index)
        return writing.name(self.names[index])

    def _item(self, item: Item) -> tree.Expr:
        if isinstance(item, State):
            base = writing.name(self._known(item.unit))
            return tree.Attribute(NOWHERE, base, (writing.name(item.extra),))
        return writing.name(self._known(item))

    def _known(self, index: int) -> str:
        if index not in self.names:
            raise UnsayableError("a value is taken before it has a name")
        if index in self.plan.inline and index not in self.written:
            raise OrderError(index)
        return self.names[index]

    def _residual(self, unit: Unit, branches: tuple[tree.Expr, ...], relative: bool) -> tree.Expr | None:
        """Return the ``res(...)`` for a sum of a value and what is computed from it, or None."""
        layer = unit.layer
        plain = (
            layer is not None
            and layer.row.name == "add"
            and not layer.args
            and layer not in self.whole.blocks
        )
        if not (plain and relative and len(branches) == 2 and branches[0] == writing.name("id")):
            return None
        if isinstance(branches[1], tree.Name) and branches[1].name == "id":
            return None
        step: tree.Expr = writing.call("res", [writing.argument(branches[1])])
        return self._as(unit, step)

    def _input(self, unit: Unit) -> tree.Expr:
        node = unit.node
        assert node is not None
        assert node.outputs is not None
        step: tree.Expr = writing.source(node.outputs[0], node.batch, self.whole.opens)
        self.inputs[id(step)] = unit.index
        name = self.whole.naming.input(node)
        bound = self.names.get(unit.index)
        if bound is not None and bound == name:
            return step
        return tree.As(NOWHERE, step, writing.name(name)) if name else step

    def _call(self, unit: Unit, branches: tuple[tree.Expr, ...]) -> tree.Expr:
        if unit.part is not None:
            return writing.name(self.whole.blocks[unit.part.key])
        node, layer = unit.node, unit.layer
        assert node is not None
        assert layer is not None
        tensors = {key: self._values(items) for key, items in unit.tensors.items()}
        block = self.whole.blocks.get(layer)
        if block is not None:
            args = writing.arguments(layer, node.call, tensors)
            step: tree.Expr = writing.call(block, args) if args else writing.name(block)
            return self._as(unit, step, own=False)
        incoming = self.graph.tensors(node.inputs) or ()
        step = writing.layer(layer, incoming, self.whole.inside, dict(node.call), tensors)
        hint = self.whole.naming.hint(layer)
        if hint:
            self.whole.hints.setdefault(print_expr(step), Counter())[hint] += 1
        return self._as(unit, step)

    def _as(self, unit: Unit, step: tree.Expr, own: bool = True) -> tree.Expr:
        """Return a step with ``as`` and its name, if it has one or a value in a flow is referred to."""
        naming = self.whole.naming
        layer = unit.layer
        name = self.names.get(unit.index)
        if name is not None and unit.index in self.plan.inline:
            self.written.add(unit.index)
            return tree.As(NOWHERE, step, writing.name(name))
        if layer is None or not own:
            return step
        if name is not None and naming.bears(unit, name):
            return tree.As(NOWHERE, step, writing.name(name))
        return step if naming.is_automatic(layer) else naming.named(step, layer)

    def _values(self, items: tuple[Item, ...]) -> tree.Expr:
        if len(items) == 1:
            return self._item(items[0])
        return tree.List(NOWHERE, tuple(map(self._item, items)))


def as_flow(steps: Sequence[tree.Expr]) -> tree.Expr:
    """Return steps as one expression; ``id`` for none."""
    if not steps:
        return writing.name("id")
    return steps[0] if len(steps) == 1 else tree.Flow(NOWHERE, tuple(steps))
