"""Define rules, and the view that they have of a spec: its graph, the users of each value, its text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Bundle, Graph, Node, SubModel, Value
from seqtopo.graph.masks import Masks, follow
from seqtopo.graph.outside import outside
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.symbols import names_in
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Role, Row
from seqtopo.layers.values import Tensor
from seqtopo.lint.edits import Edits
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

if TYPE_CHECKING:
    from seqtopo.graph.training import Training


Answer = TypeVar("Answer")
Found = defaultdict[str, list[Node]]


def once(ask: Callable[[View], Answer]) -> Callable[[View], Answer]:
    """Compute a property of a view once, on its first use: several rules ask for it."""

    def answer(view: View) -> Answer:
        if ask not in view.answers:
            view.answers[ask] = ask(view)
        found: Answer = view.answers[ask]
        return found

    answer.__doc__ = ask.__doc__
    return answer


class View:
    """A spec without errors as rules see it: its tree, its graph, and answers about both."""

    def __init__(self, resolved: Resolved, spec: tree.Spec, around: View | None = None) -> None:
        self.resolved = resolved
        self._around = around
        self.spec = spec
        self.graph: Graph = resolved.graph
        self.source: Source = resolved.source
        self.training: Training | None = resolved.training
        self.answers: dict[object, Any] = {}

    @cached_property
    def edits(self) -> Edits:
        """Makes the edits of fixes."""
        return Edits(self.spec, self.resolved.written) if self._around is None else self._around.edits

    @cached_property
    def names(self) -> Names:
        """The names that the spec makes, and which of them it uses."""
        given = outside(self.resolved.dims, self.source).bindings
        return Names(self.spec, given.values())

    @cached_property
    def flows(self) -> tuple[View, ...]:
        """This view, and one of each flow that a wrapper applies, ``td(a -> b)``, to any depth."""
        found: list[View] = [self]
        for view in found:
            for layer in dict.fromkeys(node.layer for node in view.calls_given("layer")):
                inner: object = layer
                while isinstance(inner, Layer):
                    inner = inner.get("layer")
                if isinstance(inner, SubModel):
                    inside = replace(self.resolved, graph=inner.graph, training=None)
                    found.append(View(inside, self.spec, self))
        return tuple(found)

    @cached_property
    def _inside(self) -> dict[int, View]:
        return {id(view.graph): view for view in self.flows}

    def inside(self, graph: Graph) -> View:
        """Return the view of a flow that a wrapper here applies, at any depth."""
        return self._inside[id(graph)]

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes from which the outputs are computed, each after what it needs."""
        return [self.graph.nodes[i] for i in self.graph.ancestors(self.graph.outputs)]

    @cached_property
    def calls(self) -> list[Node]:
        """The nodes that are calls of a layer."""
        return [node for node in self.nodes if node.layer is not None]

    @cached_property
    def inputs(self) -> list[Node]:
        """The nodes that are inputs."""
        return [node for node in self.nodes if node.layer is None]

    @cached_property
    def index(self) -> Index:
        """Finds calls by what they call."""
        return Index(self.calls)

    def calls_of(self, *rows: str) -> list[Node]:
        """Return the calls of layers of one of these rows, by their main names."""
        return self.index.called(rows)

    def calls_with(self, *roles: Role) -> list[Node]:
        """Return the calls of layers with one of these roles."""
        return self.index.with_role(roles)

    def calls_given(self, *arguments: str) -> list[Node]:
        """Return the calls of layers that are given one of these arguments, or wrap one that is."""
        return self.index.given(arguments)

    @cached_property
    def recurrent(self) -> list[Node]:
        """The calls of recurrent layers."""
        return [node for node in self.calls if node.layer is not None and node.layer.row.recurrent]

    @cached_property
    def masks(self) -> Masks:
        """The masks of the graph: where they are made, used and lost."""
        return follow(self.graph, self.nodes)

    @cached_property
    def _places(self) -> Counter[Span]:
        return Counter(node.span for node in self.nodes)

    def copies(self, node: Node) -> int:
        """Return how many nodes stand at its place in the text: several in a ``for``, or where a name is
        used.
        """
        return self._places[node.span]

    @cached_property
    def _users(self) -> dict[int, list[Node]]:
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            for index in {value.node for value in node.needs}:
                found.setdefault(index, []).append(node)
        return found

    @cached_property
    def _first(self) -> dict[Layer, Node]:
        return {node.layer: node for node in reversed(self.graph.nodes) if node.layer is not None}

    def first(self, node: Node) -> Node:
        """Return the first call of a call's layer, where it is written out; itself, mostly."""
        return self._first[node.callee]

    def users(self, node: Node) -> list[Node]:
        """Return the nodes that take something from a node, states included."""
        return self._users.get(node.index, [])

    def is_output(self, node: Node) -> bool:
        """Return whether something of it is an output of the model."""
        return node.index in self._outputs

    @cached_property
    def _outputs(self) -> set[int]:
        return {value.node for value in self.graph.outputs}

    def maker(self, value: Value) -> Node:
        """Return the node that a value comes from."""
        return self.graph.nodes[value.node]

    def tensor(self, value: Value) -> Tensor:
        """Return shape and dtype of a value, which it has, as there are no errors."""
        found = self.graph.tensor(value)
        assert found is not None
        return found

    def inputs_of(self, node: Node) -> tuple[Tensor, ...]:
        """Return the inputs of a call."""
        return tuple([self.tensor(value) for value in node.inputs])

    def input_of(self, node: Node) -> Tensor:
        """Return the first input of a call."""
        return self.tensor(node.inputs[0])

    def output_of(self, node: Node) -> Tensor:
        """Return the first output of a node."""
        assert node.outputs is not None
        return node.outputs[0]

    def is_row(self, node: Node, *names: str) -> bool:
        """Return whether a node calls a layer of one of these rows, by their main names."""
        return node.layer is not None and node.layer.row.name in names

    def has_role(self, node: Node, *roles: Role) -> bool:
        """Return whether a node calls a layer with one of these roles."""
        return node.layer is not None and node.layer.row.role in roles

    def ancestors(self, values: Bundle) -> Iterator[Node]:
        """Yield the nodes that values are computed from, the nearest first."""
        for index in reversed(self.graph.ancestors(values)):
            yield self.graph.nodes[index]

    def written(self, node: Node) -> tree.Expr | None:
        """Return the step that a node was written as."""
        return self.resolved.written.of(node)

    def rewrite(self, node: Node, step: tree.Expr) -> Edit:
        """Return the edit that puts another step in the place of a node's."""
        return Edit(node.span, print_expr(step))


class Index:
    """Calls by the names of their rows and arguments, each in the order of the graph.

    ``rows`` are those of the layers themselves, inside their wrappers: ``td(dense(1))`` is of ``dense``.
    """

    def __init__(self, calls: Iterable[Node]) -> None:
        self.rows: dict[str, Row] = {}
        self._called: Found = defaultdict(list)
        self._with_role: Found = defaultdict(list)
        self._called_or_wrapped: Found = defaultdict(list)
        self._given: Found = defaultdict(list)
        for node in calls:
            layer = node.layer
            assert layer is not None
            self._called[layer.row.name].append(node)
            self._with_role[layer.row.role].append(node)
            for name in layer.args:
                self._given[name].append(node)
            while isinstance(inner := layer.args.get("layer"), Layer):
                layer = inner
                for name in layer.args:
                    self._given[name].append(node)
            self._called_or_wrapped[layer.row.name].append(node)
            self.rows[layer.row.name] = layer.row

    def called(self, rows: Iterable[str]) -> list[Node]:
        """Return the calls of these rows."""
        return _either(self._called, rows)

    def with_role(self, roles: Iterable[Role]) -> list[Node]:
        """Return the calls of layers with one of these roles."""
        return _either(self._with_role, roles)

    def called_or_wrapped(self, rows: Iterable[str]) -> list[Node]:
        """Return the calls of these rows, and those of wrappers around them."""
        return _either(self._called_or_wrapped, rows)

    def given(self, arguments: Iterable[str]) -> list[Node]:
        """Return the calls of layers, or of wrappers around layers, that are given one of these arguments."""
        return _either(self._given, arguments)


def _either(found: Found, names: Iterable[str]) -> list[Node]:
    return in_order(*(found[name] for name in names if name in found))


def in_order(*several: list[Node]) -> list[Node]:
    """Return several lists of nodes of one graph as one list in order, each node once."""
    if len(several) == 1:
        return several[0]
    return [node for _, node in sorted({node.index: node for nodes in several for node in nodes}.items())]


class Names:
    """The names of a spec, and those that are used.

    ``used`` are names at places of use: where they are not bound, nor in a value that is bound from outside.
    A flow that names itself is no use of the name.
    """

    def __init__(self, spec: tree.Spec, given: Iterable[tree.Binding] = ()) -> None:
        self.used: set[str] = set().union(*(names_in(binding.value) for binding in given))
        self._made: dict[int, set[str]] = {}
        for statement in spec.statements:
            names: list[tree.Name] = []
            bound: set[int] = set()
            made: set[str] = set()
            for node in tree.every(statement):
                if isinstance(node, tree.Name):
                    names.append(node)
                    continue
                bound.update(map(id, _binds(node)))
                if isinstance(node, tree.As):
                    made.add(node.name.name)
            if isinstance(statement, (tree.Bind, tree.Def)):
                made.add(statement.name.name)
            own = statement.name.name if isinstance(statement, tree.Bind) else ""
            self.used.update(n.name for n in names if id(n) not in bound and n.name != own)
            self._made[id(statement)] = made

    def uses(self, statement: tree.Statement) -> bool:
        """Return whether something uses what a statement names, by ``=`` or by ``as``."""
        return not self._made[id(statement)].isdisjoint(self.used)


def _binds(node: tree.Node) -> tuple[tree.Name, ...]:
    """Return the names in a node that it binds, or that say which argument is given."""
    match node:
        case tree.Bind() | tree.Def() | tree.Binding() | tree.Domain() | tree.Parameter() | tree.As():
            return (node.name,)
        case tree.For() | tree.Loop():
            return node.targets
        case tree.Argument(name=tree.Name() as name):
            return (name,)
    return ()


class Finding(NamedTuple):
    """A finding of a rule: a diagnostic without its code, which is the rule's."""

    span: Span
    message: str
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()

    def diagnostic(self, code: str) -> Diagnostic:
        """Return the diagnostic, as grave as its code's row says."""
        return Diagnostic(
            code,
            self.message,
            self.span,
            CODES[code].severity,
            self.label,
            self.labels,
            self.notes,
            self.help,
            self.fixes,
        )


Find = Callable[[View], Iterator[Finding]]

RULES: dict[str, Find] = {}
"""The function of each code, once its module is imported."""


def rule(code: str) -> Callable[[Find], Find]:
    """Make a function the rule of a code, which must have its row among the codes."""

    def add(find: Find) -> Find:
        if code in RULES:
            raise ValueError(f"{code} has a rule already")
        RULES[code] = find
        return find

    return add
