"""Resolve the syntax tree to a graph: names, sizes and flows, with shapes computed on the way.

A node gets its shape when it is added, since ``_`` and ``is(...)`` are answered from it. Where a
layer stands decides which weights it has: its place is the tree node together with the *frame* it
is walked in. A macro's use, a copy (``* n``) and a turn of a ``for`` open a frame of their own;
a named block has one frame for all its uses, and so shares its layers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.diag.nearest import nearest
from seqtopo.graph.arguments import Arguments, read_arguments
from seqtopo.graph.domains import Domain, first_value, read_domain
from seqtopo.graph.graph import Bundle, Graph, Node, Sources, SubModel, Value, check_input, infer
from seqtopo.graph.inputs import check_batches, read_input
from seqtopo.graph.outside import (
    ANOTHER,
    LAYER,
    STEP,
    how_to_bind,
    lower_case_size,
    not_whole,
    outside,
    unbound,
    unbound_name,
)
from seqtopo.graph.scope import (
    FLOW,
    Block,
    Bound,
    Closure,
    Evaluator,
    Failed,
    Macro,
    Named,
    Plain,
    Scope,
    Use,
)
from seqtopo.graph.symbols import (
    as_activation,
    callee,
    callee_name,
    name_layers,
    names_in,
    renamed,
    size_text,
    ungrouped,
)
from seqtopo.graph.training import Training, Values, read_training
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Expr, Shape, Size, is_open, same, show_shape
from seqtopo.layers.values import Object, Refusal, Tensor, Word, show
from seqtopo.layers.wrappers import merging_row
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import declared, items_of, without_item

Answer = TypeVar("Answer")

MOST_LAYERS = 100_000
MOST_GUESSES = 100
MOST_STEPS = 400_000
DEEPEST = 100


class Env(NamedTuple):
    """The surroundings of a step: names, frame, prefix of default names, and the macros around it."""

    scope: Scope
    graph: Graph
    frame: int = 0
    prefix: str = ""
    within: tuple[str, ...] = ()
    steps: int = 0
    """The number of wrappers directly around it that call it on one time step at a time."""

    def inside(self, frame: int, scope: Scope | None = None) -> Env:
        """Return the same in another frame, and perhaps with other names."""
        return Env(scope or self.scope, self.graph, frame, self.prefix, self.within, self.steps)


@dataclass(eq=False)
class Resolved:
    """The meaning of a spec: the graph of its output, its named parts, and how it is trained."""

    graph: Graph
    source: Source
    parts: dict[str, Named | Block] = field(default_factory=dict)
    training: Training | None = None
    written: Sources = field(default_factory=Sources)
    """The place in the text of each node."""
    dims: Mapping[str, Any] = field(default_factory=dict)
    """The bindings from outside."""
    label_values: tuple[Values | None, ...] = ()
    """The properties of the numbers in each output's labels, if data was given."""
    free: Mapping[str, Span] = field(default_factory=dict)
    """The symbols that nothing binds, each with the span of its first use."""
    searched: Mapping[str, Domain] = field(default_factory=dict)
    """The names that are searched and not bound from outside; each stands for its first value."""


@dataclass(eq=False)
class Resolution:
    """The result of resolving a spec: its meaning and all refusals, in the order of the text.

    ``resolved`` is None if something was refused. ``graph`` holds the nodes made until then: ``size`` layers
    and inputs.
    """

    spec: tree.Spec
    source: Source
    dims: Mapping[str, Any]
    shapes: Mapping[int, Shape]
    graph: Graph
    sources: Sources
    size: int
    resolved: Resolved | None
    refusals: list[Refusal]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Return the refusals as diagnostics, without the causes and fixes that ``advise`` finds."""
        return [replace(diagnostic_of(refusal), source=self.source) for refusal in self.refusals]


def resolve(
    spec: tree.Spec,
    source: Source,
    dims: Mapping[str, Any] | None = None,
    shapes: Mapping[int, Shape] | None = None,
) -> Resolution:
    """Return the graph of a spec, with shapes, and all that is refused in it.

    ``dims`` are bindings from outside: they win over those of ``let``. ``shapes`` are those that inputs
    have in the data, by their number in the order of the text.
    """
    resolver = Resolver(spec, source, dict(dims or {}), shapes or {})
    resolved = resolver.resolve()
    refusals = resolver.refused()
    return Resolution(
        spec,
        source,
        resolver.dims,
        resolver.shapes,
        resolver.graph,
        resolver.sources,
        resolver.size,
        None if refusals else resolved,
        refusals,
    )


def diagnostic_of(refusal: Refusal, **advice: Any) -> Diagnostic:
    """Return the diagnostic of a refusal; ``advice`` are parts of it that were found later."""
    parts: dict[str, Any] = {
        "label": refusal.label,
        "labels": refusal.labels,
        "notes": refusal.notes,
        "help": refusal.help,
        "fixes": refusal.fixes,
    }
    found = Diagnostic(refusal.code, refusal.message, refusal.span, **{**parts, **advice})
    for change in refusal.changes:
        found = change(found)
    return found


class Resolver:
    """The walk over a spec's statements, which fills a graph and records what is refused."""

    def __init__(
        self, spec: tree.Spec, source: Source, dims: dict[str, Any], shapes: Mapping[int, Shape]
    ) -> None:
        self.spec = spec
        self.source = source
        self.dims = dims
        self.outside = outside(dims, source)
        self.scope = Scope()
        self.graph = Graph()
        self.blocks: dict[str, Block] = {}
        self.searched: dict[str, Domain] = {}
        self.later: dict[str, Span] = {}
        """Names that are bound further down."""
        self.refusals: dict[tuple[str, Span], Refusal] = {}
        self.evaluator = Evaluator()
        self.sources = Sources()
        self.shapes = shapes
        """The shapes that inputs have in the data, by their number, in place of what is declared."""
        self._layers: dict[tuple[int, int], Layer] = {}
        self._frames: dict[tuple[int, object], int] = {}
        self._prefixes: dict[Layer, str] = {}
        """The binding or macro that each layer was first written in."""
        self._steps = 0
        self._depth = 0
        self._guesses = 0
        self._nodes = 0
        self._inputs = 0
        self._stopped = False

    def refused(self) -> list[Refusal]:
        """Return all refusals, in the order of the text."""
        if self.outside.bindings:
            for refusal in self.refusals.values():
                refusal.changes.append(self._in_the_spec)
        return sorted(self.refusals.values(), key=lambda refusal: diagnostic_of(refusal).span)

    def _in_the_spec(self, found: Diagnostic) -> Diagnostic:
        """Return a diagnostic that points into the spec: for a value from outside, at the value's name."""
        given = self.outside.binding_at(found.span)
        name = given.name if given is not None else ""
        names = (n.span for n in tree.every(self.spec) if isinstance(n, tree.Name) and n.name == name)
        return self.outside.placed(found, next(names, Span(0, 0)))

    def resolve(self) -> Resolved | None:
        """Return what the statements mean; None where the output is not known."""
        self._dimensions()
        self._macros()
        training = None
        last: tuple[tree.Bind | tree.Output, Bundle | None] | None = None
        self.later = {
            s.name.name: s.name.span for s in reversed(self.spec.statements) if isinstance(s, tree.Bind)
        }
        try:
            for statement in self.spec.statements:
                if isinstance(statement, tree.Bind):
                    if self.later.get(statement.name.name) == statement.name.span:
                        del self.later[statement.name.name]
                    last = (statement, self._bind(statement))
                elif isinstance(statement, tree.Output):
                    last = (statement, self._output(statement))
                elif isinstance(statement, tree.Train):
                    training = self._train(statement, training)
        except Refusal:
            return None
        if last is None:
            self._empty()
            return None
        statement, values = last
        if values is None:
            with suppress(Refusal):  # It was reported.
                self._sourceless(statement)
            return None
        return self._finish(statement, values, training)

    # ---- dimensions and macros, which may stand anywhere --------------------------------------------

    def _dimensions(self) -> None:
        bindings = [b for s in self.spec.statements if isinstance(s, tree.Let) for b in s.bindings]
        domains = [d for s in self.spec.statements if isinstance(s, tree.Search) for d in s.domains]
        # A searched name is bound to its first value; nothing else depends on it being searched.
        bindings += [tree.Binding(d.span, d.name, first_value(d)) for d in domains]
        waiting: dict[str, tree.Binding] = {}
        for binding in bindings:
            name = binding.name.name
            try:
                if name in waiting:
                    raise Refusal(
                        "ST207",
                        f"{name} is bound a second time",
                        binding.name.span,
                        label="again",
                        labels=(Label(waiting[name].name.span, "bound here first"),),
                        help="keep one of them",
                        fixes=self._fixes_for_one_binding(name) if domains else (),
                    )
                self.check_name(binding.name, Scope())
                waiting[name] = binding
            except Refusal as refusal:
                self.report(refusal)
        for name, value in self.outside.values.items():
            span = waiting.pop(name).span if name in waiting else Span(0, 0)
            self.scope.names[name] = Plain(value, span, note=self.outside.given[name].note)
        waiting.update(self.outside.bindings)
        # Bindings may refer to later ones: each is settled when the last name it needs is.
        needs = {name: names_in(b.value) & waiting.keys() for name, b in waiting.items()}
        users: dict[str, list[str]] = {}
        for name, needed in needs.items():
            for other in needed:
                users.setdefault(other, []).append(name)
        ready = deque(name for name, needed in needs.items() if not needed)
        while ready:
            name = ready.popleft()
            self._dimension(waiting.pop(name))
            for user in users.get(name, ()):
                needs[user].discard(name)
                if not needs[user]:
                    ready.append(user)
        if waiting:
            circle = min(waiting.values(), key=lambda b: b.span)
            self.report(
                Refusal(
                    "ST208",
                    f"{circle.name.name} is defined by itself",
                    circle.span,
                    help="bind one of the names in the circle to a value without them",
                )
            )
            self.scope.names.update({n: Failed(b.span) for n, b in waiting.items()})
        for domain in domains:
            self._domain(domain)

    def _fixes_for_one_binding(self, name: str) -> tuple[Fix, ...]:
        """Return the fixes for a name that is bound and searched, or searched twice."""
        found: list[Fix] = []
        for statement in self.spec.statements:
            if isinstance(statement, (tree.Let, tree.Search)):
                let = isinstance(statement, tree.Let)
                found += [
                    Fix(f"take it out of the {'let' if let else 'search'}", (without_item(statement, i),))
                    for i, item in enumerate(items_of(statement))
                    if item.name.name == name
                ]
        return tuple(found) if len(found) == 2 else ()

    def _domain(self, written: tree.Domain) -> None:
        """Read the values that a name is searched in, unless the name is bound from outside."""
        name = written.name.name
        if name in self.outside.given or name in self.searched:
            return
        try:
            self._refuse_searched_ends(written)
            self.searched[name] = read_domain(written, lambda e: self.evaluator.value(e, self.scope))
        except Refusal as refusal:
            self.report(refusal)
            self.scope.names[name] = Failed(written.span)

    def _refuse_searched_ends(self, written: tree.Domain) -> None:
        """Refuse a range with an end that is searched itself: all trials have the same ranges."""
        name = written.name.name
        ends = written.values if isinstance(written.values, tree.Range) else None
        exprs = [ends.low, ends.high, written.step] if ends is not None else []
        searched = {
            d.name.name for s in self.spec.statements if isinstance(s, tree.Search) for d in s.domains
        }
        for expr in exprs:
            names = self._behind(expr) & searched - self.outside.given.keys() if expr is not None else set()
            if names and expr is not None:
                raise Refusal(
                    "ST224",
                    f"a range is the same in each trial, and that of {name} depends on {min(names)}, which "
                    "is searched, too",
                    expr.span,
                    label="searched",
                    help="write a number; a size that depends on both may stand in the flow, as in "
                    f"{name}*{min(names)}",
                )

    def _behind(self, expr: tree.Expr) -> set[str]:
        """Return the names that an expression depends on, those of the lets that it names included."""
        lets = {
            b.name.name: b.value for s in self.spec.statements if isinstance(s, tree.Let) for b in s.bindings
        }
        found: set[str] = set()
        todo = set(names_in(expr))
        while todo:
            name = todo.pop()
            found.add(name)
            todo |= (names_in(lets[name]) if name in lets else set()) - found
        return found

    def _dimension(self, binding: tree.Binding) -> None:
        name = binding.name.name
        try:
            given = self.outside.given.get(name)
            bound = self.evaluator.given(binding.value, self.scope, binding.span, None)
            self.scope.names[name] = bound if given is None else replace(bound, note=given.note)
        except Refusal as refusal:
            self.report(refusal)
            self.scope.names[name] = Failed(binding.span)

    def _macros(self) -> None:
        for statement in self.spec.statements:
            if not isinstance(statement, tree.Def):
                continue
            try:
                self.check_name(statement.name, self.scope)
                seen: dict[str, tree.Name] = {}
                for param in statement.params:
                    name = param.name
                    if name.name in seen:
                        raise Refusal(
                            "ST207", f"{name.name} is a parameter twice", name.span, help="rename one"
                        )
                    if not name.is_symbol:
                        self.check_name(name, Scope())
                    seen[name.name] = name
            except Refusal as refusal:
                self.report(refusal)
                self.scope.names.setdefault(statement.name.name, Failed(statement.span))
                continue
            self.scope.names[statement.name.name] = Macro(
                statement.name.name, statement.params, statement.body, statement.name.span
            )

    # ---- flows ---------------------------------------------------------------------------------------

    def _bind(self, statement: tree.Bind) -> Bundle | None:
        name = statement.name
        if name.is_symbol:
            self.report(
                Refusal(
                    "ST207",
                    f"{name.name} is a dimension's name, since it starts with an upper-case letter",
                    name.span,
                    help=f"name a flow in lower case: {name.name.lower()} = ...; or bind a size: "
                    f"let {name.name} = ...",
                )
            )
        try:
            self.check_name(name, self.scope, flow=True)
        except Refusal as refusal:
            self.report(refusal)
            self.scope.names.setdefault(name.name, Failed(statement.span))
        taken = name.name in self.scope.names or name.is_symbol
        env = Env(self.scope, self.graph, self.frame(0, ("block", name.name)), name.name)
        if not self.has_source(statement.value, self.scope):
            block = Block(name.name, statement.value, name.span)
            if not taken:
                self.scope.names[name.name] = block
                self.blocks[name.name] = block
            return None
        before = len(self.graph.nodes)
        values = self._guarded(statement.value, None, env)
        bound = (
            Named(values, name.span, self.graph, range(before, len(self.graph.nodes)))
            if self.graph.tensors(values) is not None
            else Failed(name.span)
        )
        if not taken:
            self.scope.names[name.name] = bound
        if (
            isinstance(bound, Named)
            and isinstance(ungrouped(statement.value), tree.Call)
            and len(values) == 1
        ):
            node = self.graph.nodes[values[0].node]
            if node.layer is None and node.index >= before and not node.name:
                node.name = name.name
        return values

    def _output(self, statement: tree.Output) -> Bundle:
        env = Env(self.scope, self.graph, self.frame(0, ("flow", statement.span)))
        return self._guarded(statement.value, None, env)

    def _train(self, statement: tree.Train, known: Training | None) -> Training | None:
        if known is not None:
            self.report(
                Refusal(
                    "ST217",
                    "there are two train statements",
                    statement.span,
                    labels=(Label(known.span, "the first"),),
                    help="keep one",
                )
            )
            return known
        try:
            return read_training(statement, lambda e: self.evaluator.value(e, self.scope))
        except Refusal as refusal:
            self.report(refusal)
        return None

    # ---- the model -----------------------------------------------------------------------------------

    def _empty(self) -> None:
        if not self.refusals:
            self.report(
                Refusal(
                    "ST106",
                    "there is no flow in this spec, so there is no model",
                    Span(0, min(1, len(self.source.text))),
                    help="write one, such as: in(T,F) -> lstm(32) -> dense(1)",
                )
            )

    def _sourceless(self, statement: tree.Bind | tree.Output) -> None:
        """Resolve a last flow that has no input, for the diagnostic at its first step."""
        before = len(self.refusals)
        self._guarded(statement.value, None, Env(self.scope, self.graph))
        if len(self.refusals) == before:
            self.report(
                Refusal(
                    "ST210",
                    "nothing comes into the last flow, so there is no model",
                    statement.span,
                    help="begin it with in(...), such as in(T,F)",
                )
            )

    def _finish(
        self, statement: tree.Bind | tree.Output, values: Bundle, training: Training | None
    ) -> Resolved:
        graph = self.graph
        graph.outputs = values
        graph.inputs = graph.sources(values)
        if graph.tensors(values) is not None:
            for problem in check_batches(graph, self.sources):
                self.report(problem)
        if isinstance(statement, tree.Bind):
            graph.name = statement.name.name
        parts: dict[str, Named | Block] = {
            name: bound
            for name, bound in self.scope.names.items()
            if isinstance(bound, Named) and bound.graph is graph
        }
        parts.update({n: b for n, b in self.blocks.items() if b.uses})
        graph.output_names = self._output_names(statement, values)
        for block in self.blocks.values():
            self.name_block(block)
        name_layers(graph, self._prefixes)
        return Resolved(
            graph,
            self.source,
            parts,
            training,
            self.sources,
            self.dims,
            free=self.evaluator.free,
            searched=self.searched,
        )

    def _output_names(self, statement: tree.Bind | tree.Output, values: Bundle) -> tuple[str, ...]:
        """Return the names of several outputs, from their bindings; "" for an item that is no plain name."""
        found: list[str] = []
        body = ungrouped(statement.value)
        for item in body.items if isinstance(body, tree.List) else ():
            name, count = self._output_name(ungrouped(item))
            found.extend([name] if count == 1 else [f"{name}_{i}" if name else "" for i in range(count)])
        return tuple(found) if len(found) == len(values) > 1 else ("",) * len(values)

    def _output_name(self, item: tree.Expr) -> tuple[str, int]:
        """Return the name of an item of the last list, or "", and the number of values that it stands for."""
        if isinstance(item, tree.As):
            item = item.name
        if isinstance(item, tree.Attribute):
            second = ".".join(n.name for n in item.names)
            try:
                count = len(self.second(item, Env(self.scope, self.graph)))
            except Refusal:  # reported where the list was walked
                return "", 1
            return f"{item.base.name}_{second}", count
        if isinstance(item, tree.Branches):
            return "", self.sources.branches.get(item.span, (item, 0, 1))[2]
        bound = self.scope.find(item.name) if isinstance(item, tree.Name) else None
        if isinstance(item, tree.Name) and isinstance(bound, Named):
            return item.name, len(bound.values)
        return "", 1

    # ---- a step of a flow ----------------------------------------------------------------------------

    def _walk(self, expr: tree.Expr, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        match expr:
            case tree.Flow():
                return self._flow(expr, incoming, env, head)
            case tree.Call():
                return self._call(expr, incoming, env, head)
            case tree.Name():
                return self._name(expr, incoming, env, head)
            case tree.Group():
                return self.run(expr.body, incoming, env, head)
            case tree.List():
                found: list[Value] = []
                for item in expr.items:
                    found.extend(self._guarded(item, incoming, env))
                if not found:
                    raise _no_branch(expr.span)
                return tuple(found)
            case tree.As():
                return self._as(expr, incoming, env, head)
            case tree.For():
                return self._for(expr, incoming, env, head)
            case tree.Branches():
                return self._branches(expr, incoming, env)
            case tree.Arithmetic():
                return self._repeat(expr, incoming, env, head)
            case tree.Attribute():
                if not head:
                    raise Refusal(
                        "ST213",
                        f"{print_expr(expr)} is a value: it cannot be applied to what comes in",
                        expr.span,
                        help="put it in a branch: [id, "
                        + print_expr(expr)
                        + "], or start from it with init=",
                    )
                return self.second(expr, env)
            case _:
                raise Refusal(
                    "ST213",
                    f"{print_expr(expr)} is not a layer or a flow",
                    expr.span,
                    label="not a step",
                    help="a step is a layer, as in dense(64)",
                )

    def _guarded(self, expr: tree.Expr, incoming: Bundle | None, env: Env) -> Bundle:
        """Resolve one branch, so that a mistake in it does not hide those of the others."""
        try:
            return self.run(expr, incoming, env, head=True)
        except Refusal as refusal:
            self.report(refusal)
        return self.broken(expr.span, env)

    def _branches(self, expr: tree.Branches, incoming: Bundle | None, env: Env) -> Bundle:
        """Return the values of a loop's branches: one a turn, with new layers and the same input."""
        found: list[Value] = []
        turns = 0
        for inner in self.nested(expr, incoming, env):
            turns += 1
            found.extend(self._guarded(expr.body, incoming, inner))
        self.sources.note_branches(expr, turns, len(found))
        return tuple(found)

    def _flow(self, expr: tree.Flow, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        self.sources.note_flow(expr)
        for i, step in enumerate(expr.steps):
            try:
                alone = i > 0 and self.has_source(step, env.scope, head=False)
                if alone and not isinstance(ungrouped(step), tree.List):
                    raise self._input_would_be_lost(step)
                values = self.run(step, incoming, env, head=head and i == 0)
                named = alone and isinstance(ungrouped(expr.steps[i - 1]), tree.As)
                if alone and not named and incoming is not None and not self._uses_all(values, incoming, env):
                    raise self._input_would_be_lost(step)
                incoming = values
            except Refusal as refusal:
                if i == 0 and incoming is None and refusal.code == "ST210":
                    raise
                self.report(refusal)
                incoming = self.broken(step.span, env)
        assert incoming is not None
        return incoming

    def _uses_all(self, values: Bundle, incoming: Bundle, env: Env) -> bool:
        """Return whether ``values`` are computed from all incoming values, as a list may name what led to it.

        True for values without a known shape: their mistake was reported before.
        """
        if env.graph.tensors(values) is None:
            return True
        behind = set(env.graph.ancestors(values))
        return all(v.node in behind for v in incoming)

    def _name(self, expr: tree.Name, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        name = expr.name
        if name == "id":
            return self._needed(incoming, expr)
        bound = env.scope.find(name)
        match bound:
            case Failed():
                raise Refusal()
            case Named():
                if head:
                    return self._values_of(bound, expr, env)
                return self._apply_model(bound, name, self._needed(incoming, expr), expr.span, env)
            case Block():
                return self._apply_block(bound, self._needed(incoming, expr), expr, env)
            case Macro():
                raise Refusal(
                    "ST219",
                    f"{name} is a macro: it is used with parentheses",
                    expr.span,
                    help=f"write {name}(...)",
                    fixes=(Fix(f"write {name}()", (Edit(expr.span, f"{name}()"),)),),
                )
            case Plain(closure=Closure() as closure):
                return self._use_closure(closure, expr, incoming, env, head)
            case Plain(value=value):
                self.evaluator.used[expr.span] = bound
                raise Refusal(
                    "ST213", f"{name} is {show(value)}, not a layer", expr.span, help="write dense(...)"
                )
        if expr.is_symbol and self.evaluator.free.get(name, expr.span) != expr.span:
            raise Refusal(
                "ST213",
                f"{name} is a size, not a layer",
                expr.span,
                label="not a step",
                labels=(Label(self.evaluator.free[name], "a size here"),),
                help="names of layers and bindings start with a lower-case letter",
            )
        return self._named_layer(expr, expr, incoming, env)

    def _named_layer(self, at: tree.Name, name: tree.Name, incoming: Bundle | None, env: Env) -> Bundle:
        """Return the values of a layer called by its bare name; ``at`` is the step in the text."""
        call = as_activation(name)
        row = self._row(callee_name(call), env, at)
        return self._layer_step(at, call, row, incoming, env)

    def _call(self, expr: tree.Call, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        name = expr.name.name
        if name == "in":
            if incoming is not None and not head:
                raise self._input_would_be_lost(expr)
            return (self._input(expr, env),)
        if name == "is":
            return self._check_shape(expr, self._needed(incoming, expr), env)
        if name == "res":
            return self._residual(expr, self._needed(incoming, expr), env)
        bound = env.scope.find(name)
        match bound:
            case None:
                pass
            case Failed():
                raise Refusal()
            case Macro():
                return self._use_macro(bound, expr, incoming, env)
            case Block():
                return self._call_shared(bound, expr, self._needed(incoming, expr), env)
            case Named():
                raise Refusal(
                    "ST213",
                    f"{name} is a value, not a layer: it takes no arguments",
                    expr.span,
                    labels=(Label(bound.span, "bound here"),),
                    help=f"write -> {name}",
                )
            case Plain(value=Word(name=word)):
                self.evaluator.used[expr.name.span] = bound
                called = tree.Name(expr.name.span, word)
                renamed = tree.Call(expr.span, called, expr.args)
                match self.named_by(bound):
                    case Macro() as macro:
                        return self._use_macro(macro, expr, incoming, env)
                    case Block() as block:
                        return self._call_shared(block, expr, self._needed(incoming, expr), env)
                return self._layer_step(expr, renamed, self._row(called, env), incoming, env)
            case Plain(value=Expr(is_atom=True) as size) if not is_open(size):
                # A name that stands for another one, which nothing binds.
                self.evaluator.used[expr.name.span] = bound
                called = tree.Name(expr.name.span, str(size))
                return self._layer_step(expr, expr, self._row(called, env), incoming, env)
            case Plain(value=value, closure=closure):
                self.evaluator.used[expr.name.span] = bound
                whole = f"{name} is {show(value)}, not a layer"
                if closure is not None:
                    whole = f"{name} is {show(value)}, which takes no more arguments"
                raise Refusal(
                    "ST213",
                    whole,
                    expr.name.span,
                    help=f"write {name} alone, or bind it to a layer without arguments: {name}=lstm"
                    if closure is not None
                    else "a step is a layer, as in dense(64)",
                )
        if expr.name.name in ("id", "train", "let", "search", "def"):
            raise Refusal(
                "ST213", f"{expr.name.name} takes no arguments here", expr.span, help="write it alone"
            )
        return self._layer_step(expr, expr, self._row(expr.name, env, expr), incoming, env)

    def _input(self, expr: tree.Call, env: Env) -> Value:
        if self._nodes >= MOST_LAYERS:
            raise too_many(expr.span)
        self._nodes += 1
        found = read_input(expr, lambda e: self.evaluator.value(e, env.scope))
        node = env.graph.add(expr.span, batch=found.batch, below=found.below)
        tensor = found.tensor
        if env.graph is self.graph:
            if self._inputs in self.shapes:
                tensor = Tensor(self.shapes[self._inputs], tensor.dtype)
            self._inputs += 1
        node.outputs = (tensor,)
        self.sources.steps[expr.span] = expr
        return Value(node.index)

    def _check_shape(self, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        width = self._width(incoming, env)
        wanted: list[Size] = []
        for arg in expr.args:
            size = self.evaluator.value(arg.value, env.scope, width)
            known = isinstance(size, (int, Expr)) and not isinstance(size, bool)
            if arg.name is None and isinstance(size, Word):
                raise lower_case_size("ST203", (size.name,), arg.span)
            if arg.name is not None or not known:
                raise Refusal(
                    "ST203", "is(...) takes sizes", arg.span, label="not a size", help="as in is(T,64)"
                )
            wanted.append(size)
        tensors = env.graph.tensors(incoming)
        if tensors is None:
            raise Refusal()
        if len(tensors) != 1:
            raise Refusal(
                "ST214",
                f"is(...) looks at one value, but {len(tensors)} come in",
                expr.span,
                help="merge them first, or assert in each branch",
            )
        shape = tensors[0].shape
        if len(shape) != len(wanted) or not all(
            is_open(w) or same(w, have) is True for w, have in zip(wanted, shape, strict=True)
        ):
            made = env.graph.nodes[incoming[0].node]
            raise Refusal(
                "ST305",
                f"the shape here is {show_shape(shape)}, not {show_shape(wanted)}",
                expr.span,
                label="does not hold",
                labels=(Label(made.span, f"gives {show_shape(shape)}"),),
                help="fix the layers before it, or the assertion",
                fixes=(Fix("assert what it is", (Edit(expr.span, f"is{_shown_shape(shape)}"),)),),
            )
        return incoming

    def _residual(self, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        if len(expr.args) != 1 or expr.args[0].name is not None:
            raise Refusal(
                "ST204" if not expr.args else "ST205",
                "res(...) takes one flow, and nothing else",
                expr.span,
                help="write res(FLOW), as in res(conv1d(64,3,same) -> relu)",
            )
        inner = self._guarded(expr.args[0].value, incoming, env)
        add = tree.Name(expr.span, "add")
        return self._layer_step(expr, add, self._row(add, env), (*incoming, *inner), env)

    # ---- copies, loops and what as names -------------------------------------------------------------

    def _repeat(self, expr: tree.Arithmetic, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        if any(operator != "*" for operator, _ in expr.rest):
            numbers = not any(self._is_flow(operand, env) for _, operand in expr.rest)
            operator = next(o for o, _ in expr.rest if o != "*")
            raise _number_joined(expr, operator) if numbers else _joined_by_operator(expr, operator)
        times = 1
        for _, operand in expr.rest:
            if self._is_flow(operand, env):
                raise self._not_repeated(expr, incoming, env)
            count = self.evaluator.value(operand, env.scope, self._width(incoming, env))
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                wants = "a flow is repeated a whole number of times"
                help = "bind the symbol, or write the number"
                raise not_whole(count, operand.span, wants, "2", "ST203", help)
            times *= count
        if times > MOST_LAYERS:
            raise too_many(expr.span, times)
        values = self._needed(incoming, expr)
        for turn in range(times):
            inner = env.inside(self.frame(env.frame, (id(expr), turn)))
            values = self.run(expr.first, values, inner, head=False)
        return values

    def _is_flow(self, expr: tree.Expr, env: Env) -> bool:
        """Return whether an expression at the place of a number can only be a step."""
        while isinstance(expr, (tree.Group, tree.As)):
            expr = expr.body
        if isinstance(expr, tree.Name):
            bound = env.scope.find(expr.name)
            if isinstance(bound, Plain):
                return bound.value is FLOW or isinstance(bound.value, Object)
            known = bound is not None or registry.find(expr.name) or entry_of("activation", expr.name)
            return bool(known) and not isinstance(bound, Failed)
        return isinstance(expr, (tree.Call, tree.Flow, tree.List, tree.Attribute))

    def _not_repeated(self, expr: tree.Arithmetic, incoming: Bundle | None, env: Env) -> Refusal:
        """Return the refusal of a product of flows, or of one with a flow behind a number."""
        factors = [expr.first, *(factor for _, factor in expr.rest)]
        flows = [factor for factor in factors if self._is_flow(factor, env)]
        if len(flows) != 1:
            return _joined_by_operator(expr, "*" if len(flows) == len(factors) else "")
        numbers = [factor for factor in factors if factor is not flows[0]]
        width = self._width(incoming, env)
        values = [self.evaluator.value(factor, env.scope, width) for factor in numbers]
        names = [f for f, value in zip(numbers, values, strict=True) if isinstance(value, Word)]
        names += [flows[0].name] if isinstance(flows[0], tree.Call) else []
        for name in names:
            if isinstance(name, tree.Name) and name.name != "in" and env.scope.find(name.name) is None:
                self._row(name, env)
        if any(isinstance(value, bool) or not isinstance(value, (int, float, Expr)) for value in values):
            return _joined_by_operator(expr, "")
        step = print_expr(flows[0])
        number = "*".join(map(print_expr, numbers))
        behind, scaled = f"{step} * {' * '.join(map(print_expr, numbers))}", f"{step} -> rescaling({number})"
        written = [f"to multiply what {step} gives by {number}: {scaled}"]
        fixes = [Fix("multiply what it gives by the number", (Edit(expr.span, scaled),))]
        if any(isinstance(value, Expr) for value in values):
            written, fixes = [f"write {behind}, and bind what has no number yet"], []
        elif all(isinstance(value, int) and value > 0 for value in values) and self._is_new(flows[0], env):
            written.insert(0, f"for as many such layers in a row: {behind}")
            fixes.insert(0, Fix("repeat it: the number stands behind", (Edit(expr.span, behind),)))
        return Refusal(
            "ST213",
            f"{number} is not a layer or a flow; what repeats a step stands behind it",
            numbers[0].span,
            label="not a step",
            labels=(Label(flows[0].span, "a step"),),
            help="; ".join(written),
            fixes=tuple(fixes),
        )

    def _is_new(self, expr: tree.Expr, env: Env) -> bool:
        """Return whether a step makes layers of its own each time it is repeated."""
        if isinstance(expr, tree.Name):
            return env.scope.find(expr.name) is None
        return not (isinstance(expr, tree.Call) and expr.name.name == "in")

    def _for(self, expr: tree.For, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        width = self._width(incoming, env)
        found = incoming
        for turn, bound in enumerate(self._turns(expr, env, width)):
            scope = Scope(env.scope, bound, own_names=False)
            inner = env.inside(self.frame(env.frame, (id(expr), turn)), scope)
            found = self.run(expr.body, found, inner, head=head and turn == 0)
        return self._needed(found, expr)

    def nested(self, expr: tree.Branches, incoming: Bundle | None, env: Env) -> Iterator[Env]:
        """Yield the environment of each branch; later loops are inside earlier ones and see their names."""
        width = self._width(incoming, env)

        def inside(scope: Scope, loops: tuple[tree.Loop, ...]) -> Iterator[Scope]:
            if not loops:
                yield scope
                return
            for bound in self._turns(loops[0], Env(scope, env.graph), width):
                yield from inside(Scope(scope, bound, own_names=False), loops[1:])

        for turn, scope in enumerate(inside(env.scope, expr.loops)):
            yield env.inside(self.frame(env.frame, (id(expr), turn)), scope)

    def _turns(
        self, expr: tree.For | tree.Loop, env: Env, width: Callable[[Span], Any] | None
    ) -> Iterator[dict[str, Bound]]:
        """Yield the bindings of a ``for``'s names, one dictionary for each turn."""
        values, scope, targets = ungrouped(expr.values), env.scope, expr.targets
        each = self._values_to_loop_over(values, env.scope, env)
        if each is not None:
            if len(targets) > 1:
                raise Refusal(
                    "ST219",
                    f"for binds {len(targets)} names, but {print_expr(values)} holds single values",
                    expr.values.span,
                    help=f"bind one name: for {targets[0].name} in {print_expr(values)}",
                )
            for value in each:
                own = range(value.node, value.node + 1)
                yield {targets[0].name: Named((value,), targets[0].span, env.graph, own)}
            return
        named = scope.find(values.name) if isinstance(values, tree.Name) else None
        if isinstance(named, Plain) and named.closure is not None:
            # The items of a list that has a name may be layers, as those of one that is written here.
            values, scope = ungrouped(named.closure.expr), named.closure.scope
        if isinstance(values, tree.List):
            for item in values.items:
                one = ungrouped(item)
                if len(targets) == 1:
                    yield {targets[0].name: self.evaluator.given(item, scope, targets[0].span, width)}
                elif isinstance(one, tree.Tuple) and len(one.items) == len(targets):
                    yield {
                        target.name: self.evaluator.given(part, scope, target.span, width)
                        for target, part in zip(targets, one.items, strict=True)
                    }
                else:
                    yield self._turn(expr, self.evaluator.value(item, scope, width))
            return
        found = self.evaluator.value(expr.values, env.scope, width)
        if not isinstance(found, (list, tuple)):
            wants = "for goes through a list or a range"
            raise unbound(found, expr.values.span, wants, "[1,2,4]") or Refusal(
                "ST203",
                "for goes through a list or a range",
                expr.values.span,
                help="as in [1,2,4] or [1..8], or a name that 'as' has collected values under",
                fixes=_as_range(found, expr.values.span),
            )
        for value in found:
            yield self._turn(expr, value)

    def _values_to_loop_over(self, values: tree.Expr, scope: Scope, env: Env) -> Bundle | None:
        """Return the values of the graph that a ``for`` goes through; None if it goes through others."""
        if isinstance(values, tree.Attribute):
            return self.second(values, Env(scope, env.graph))
        bound = scope.find(values.name) if isinstance(values, tree.Name) else None
        if isinstance(bound, Plain) and bound.closure is not None:
            return self._values_to_loop_over(ungrouped(bound.closure.expr), bound.closure.scope, env)
        return self._values_of(bound, values, env) if isinstance(bound, Named) else None

    def _turn(self, expr: tree.For | tree.Loop, value: Any) -> dict[str, Bound]:
        values = (value,) if len(expr.targets) == 1 else value
        if not isinstance(values, (tuple, list)) or len(values) != len(expr.targets):
            raise Refusal(
                "ST219",
                f"for binds {len(expr.targets)} names, but is given {show(value)}",
                expr.values.span,
                help="give each turn a tuple of that many values, as in [(64,8), (128,5)]",
            )
        return {t.name: Plain(v, t.span) for t, v in zip(expr.targets, values, strict=True)}

    def _as(self, expr: tree.As, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        before = len(env.graph.nodes)
        values = self.run(expr.body, incoming, env, head)
        if not values:
            raise _no_branch(expr.span)
        nodes = range(before, len(env.graph.nodes))
        name = expr.name.name
        home = env.scope.home()
        known = home.names.get(name)
        if isinstance(known, Named) and known.span == expr.name.span:
            # The same place once more, in a copy or a turn of a loop: the name collects.
            home.names[name] = replace(
                known, values=known.values + values, nodes=range(known.nodes.start, nodes.stop)
            )
        else:
            self.check_name(expr.name, home, flow=True)
            home.names[name] = Named(values, expr.name.span, env.graph, nodes)
        if len(values) == 1 and not values[0].extra:
            node = env.graph.nodes[values[0].node]
            if node.index in nodes:
                if node.layer is None:
                    node.name = node.name or name
                elif not node.layer.name:
                    node.layer.name = name
        return values

    def check_name(self, name: tree.Name, scope: Scope, *, flow: bool = False) -> None:
        """Refuse a name that cannot be bound; ``flow`` says that it is bound to a flow or a layer."""
        known = scope.names.get(name.name)
        if known is not None:
            raise Refusal(
                "ST207",
                f"{name.name} is bound a second time",
                name.span,
                label="again",
                labels=(Label(known.span, "bound here first"),),
                help="choose another name",
            )
        taken = registry.taken(name.name)
        if taken:
            raise Refusal(
                "ST207",
                f"{name.name} cannot be a name here: it is {taken}",
                name.span,
                help=f"choose another name, such as {name.name}_1"
                + (
                    f'; where a layer is to have that name in Keras, write name="{name.name}" among its '
                    "arguments"
                    if flow and name.name not in registry.LANGUAGE
                    else ""
                ),
                fixes=(),
            )

    def second(self, expr: tree.Attribute, env: Env) -> Bundle:
        """Return the second values that ``name.state`` or ``name.scores`` stands for.

        Raises:
            Refusal: there are none.
        """
        base = expr.base.name
        bound = env.scope.find(base)
        asked = ".".join(n.name for n in expr.names)
        if isinstance(bound, Failed):
            raise Refusal()
        if isinstance(bound, Block):
            uses = [u for u in bound.uses if u.graph is env.graph]
            if not uses:
                raise Refusal(
                    "ST216",
                    f"{base} has no {asked} yet: it was not applied to anything before this",
                    expr.span,
                    labels=(Label(bound.span, "bound here"),),
                    help=f"apply {base} first",
                )
            values, nodes = uses[-1].values, uses[-1].nodes
        elif isinstance(bound, Named):
            values, nodes = self._values_of(bound, expr, env), bound.nodes
        else:
            near = self.guess(base, env.scope.all_names())
            raise Refusal(
                "ST206",
                f"nothing is bound to {base}",
                expr.base.span,
                help=f"did you mean {near}?" if near else f"name a layer so: ... as {base}",
            )
        graph = env.graph
        own = [i for i in nodes if asked in graph.nodes[i].extras]
        if not own:
            behind = graph.ancestors(values)
            if any(graph.nodes[i].outputs is None for i in behind):
                raise Refusal()
            own = [i for i in behind if asked in graph.nodes[i].extras]
        if not own:
            raise Refusal(
                "ST216",
                f"{base} has no {asked}"
                + (": there is no recurrent layer in it" if asked == "state" else ""),
                expr.span,
                labels=(Label(bound.span, "bound here"),),
                help="state is the final state of a recurrent layer, scores are those of an attention layer",
            )
        node = graph.nodes[own[-1]]
        node.wants |= {asked}
        return tuple(Value(node.index, i, asked) for i in range(len(node.extras[asked])))

    # ---- blocks, macros and models ------------------------------------------------------------------

    def _apply_block(self, block: Block, incoming: Bundle, expr: tree.Expr, env: Env) -> Bundle:
        if block.name in env.within:
            raise endless(block.name, expr.span, block.span)
        before = len(env.graph.nodes)
        frame = self.frame(0, ("block", block.name))
        within = (*env.within, block.name)
        inner = env._replace(scope=env.scope.root(), frame=frame, prefix=block.name, within=within)
        values = self.run(block.body, incoming, inner, head=True)
        block.uses.append(Use(env.graph, incoming, values, range(before, len(env.graph.nodes))))
        return values

    def name_block(self, block: Block) -> None:
        """Give the only layer of a block the name of the block."""
        layer = self._layers.get((self.frame(0, ("block", block.name)), id(ungrouped(block.body))))
        if layer is not None and not layer.name:
            layer.name = block.name

    def _call_shared(self, block: Block, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        """Call one shared layer with other call arguments: ``token(reverse)``."""
        body = ungrouped(block.body)
        frame = self.frame(0, ("block", block.name))
        layer = self._layers.get((frame, id(body)))
        if not isinstance(body, (tree.Call, tree.Name)) or (
            layer is None and registry.find(callee(body)) is None
        ):
            raise Refusal(
                "ST213",
                f"{block.name} is a flow, not one layer: it takes no arguments",
                expr.span,
                labels=(Label(block.span, "bound here"),),
                help=f"write -> {block.name}, or make it a macro: def {block.name}(...) = ...",
            )
        inner = env._replace(scope=env.scope.root(), frame=frame, prefix=block.name)
        before = len(env.graph.nodes)
        row = layer.row if layer is not None else self._row(tree.Name(expr.name.span, callee(body)), env)
        values = self._layer_step(body, body, row, incoming, inner, more=expr)
        block.uses.append(Use(env.graph, incoming, values, range(before, len(env.graph.nodes))))
        return values

    def _use_macro(self, macro: Macro, call: tree.Call, incoming: Bundle | None, env: Env) -> Bundle:
        if macro.name in env.within:
            raise endless(macro.name, call.span, macro.span)
        scope = Scope(env.scope.root())
        names = [p.name.name for p in macro.params]
        given: dict[str, tree.Argument] = {}
        place = 0
        for arg in call.args:
            if arg.name is None:
                if place >= len(names):
                    raise _macro_count(macro, call, names)
                name = names[place]
                place += 1
            else:
                name = arg.name.name
                if name not in names:
                    near = nearest(name, names)
                    raise Refusal(
                        "ST219",
                        f"{macro.name} has no parameter {name}",
                        arg.name.span,
                        labels=(Label(macro.span, "the macro"),),
                        help=f"did you mean {near}?" if near else f"its parameters are {', '.join(names)}",
                    )
            if name in given:
                raise Refusal("ST205", f"{name} is given twice", arg.span, help="keep one of them")
            given[name] = arg
        width = self._width(incoming, env)
        for param in macro.params:
            arg_given = given.get(param.name.name)
            if arg_given is not None:
                bound = self.evaluator.given(arg_given.value, env.scope, param.span, width)
            elif param.default is not None:
                bound = self.evaluator.given(param.default, scope, param.span, width)
            else:
                raise _macro_count(macro, call, names)
            scope.names[param.name.name] = bound
        inner = env._replace(
            scope=scope,
            frame=self.frame(env.frame, id(call)),
            prefix=macro.name,
            within=(*env.within, macro.name),
        )
        return self.run(macro.body, incoming, inner, head=True)

    def _use_closure(
        self, closure: Closure, at: tree.Name, incoming: Bundle | None, env: Env, head: bool
    ) -> Bundle:
        """Resolve a macro's argument, a flow, at a place of its parameter, with new layers each time."""
        return self.in_closure(closure, at, env, lambda inner: self.run(closure.expr, incoming, inner, head))

    def _apply_model(self, bound: Named, name: str, incoming: Bundle, span: Span, env: Env) -> Bundle:
        """Apply a sub-graph that begins at inputs to other values, with the same layers."""
        graph = bound.graph
        sources = graph.sources(bound.values)
        if len(sources) != len(incoming):
            raise Refusal(
                "ST314",
                f"{name} takes {len(sources)} value{'s' * (len(sources) != 1)}, but is given {len(incoming)}",
                span,
                labels=tuple(Label(graph.nodes[i].span, "an input") for i in sources[:4]),
                help="write them as a list, in the order of its in(...)s",
            )
        moved: dict[int, int] = {}
        for index, value in zip(sources, incoming, strict=True):
            tensor = env.graph.tensor(value)
            if tensor is None or graph.nodes[index].outputs is None:
                raise Refusal()
            try:
                check_input(name, graph.nodes[index], tensor)
            except Refusal as refusal:
                raise Refusal(
                    refusal.code,
                    refusal.message,
                    span,
                    label=refusal.label,
                    labels=(Label(graph.nodes[index].span, "declares it"),),
                    help=refusal.help,
                    fixes=self._declare_sizes(graph.nodes[index], tensor),
                ) from None

        def there(value: Value) -> Value:
            if value.node in sources:
                return incoming[sources.index(value.node)]
            return Value(moved[value.node], value.output, value.extra)

        for index in graph.ancestors(bound.values):
            node = graph.nodes[index]
            if node.layer is None:
                if node.outputs is None:
                    raise Refusal()
                continue
            copy = self._add(env.graph, span, node.layer)
            copy.inputs = tuple(map(there, node.inputs))
            copy.call = node.call
            copy.tensors = {k: tuple(map(there, v)) for k, v in node.tensors.items()}
            copy.wants = node.wants
            moved[index] = copy.index
            try:
                infer(env.graph, copy)
            except Refusal as refusal:
                refusal = _of_call(refusal, env.graph, copy, tree.Name(span, name))
                refusal.span = span
                refusal.changes.append(partial(_with_label, Label(node.span, f"this layer of {name}")))
                raise refusal from None
        return tuple(map(there, bound.values))

    def _declare_sizes(self, source: Node, incoming: Tensor) -> tuple[Fix, ...]:
        """Return the fix that declares the given sizes in the ``in(...)`` of a named model."""
        written = self.sources.of(source)
        if not isinstance(written, tree.Call):
            return ()
        new = print_expr(declared(written, tuple(map(size_text, incoming.shape))))
        return (Fix(f"declare what comes: {new}", (Edit(written.span, new),)),)

    # ---- layers and their arguments ------------------------------------------------------------------

    def _layer_step(
        self,
        at: tree.Expr,
        call: tree.Call | tree.Name,
        row: Row,
        incoming: Bundle | None,
        env: Env,
        more: tree.Call | None = None,
    ) -> Bundle:
        """Return the values of one call of a layer: ``call`` says which layer, ``at`` is the tree node of the
        step.

        ``more`` holds call arguments that are given to a shared one.
        """
        values = self._needed(incoming, at)
        layer, arguments = self._layer(at, call, row, values, env)
        if more is not None:
            extra = self._arguments(row, more, values, env, unshared=False)
            arguments = Arguments(
                arguments.args,
                {**arguments.call, **extra.call},
                {**arguments.tensors, **extra.tensors},
                {**arguments.spans, **extra.spans},
            )
        tensors = self._hand_over(layer, arguments, env)
        span = more.span if more is not None else at.span
        node = self._add(
            env.graph,
            span,
            layer,
            inputs=values,
            call=arguments.call,
            tensors=tensors,
            spans=arguments.spans,
        )
        shown = more if more is not None else at
        self.sources.steps[shown.span] = shown
        try:
            infer(env.graph, node)
        except Refusal as refusal:
            raise _of_call(refusal, env.graph, node, shown) from None
        count = len(node.outputs) if node.outputs is not None else 1
        return tuple([Value(node.index, i) for i in range(count)])

    def _layer(
        self,
        at: tree.Expr,
        call: tree.Call | tree.Name,
        row: Row,
        incoming: Bundle,
        env: Env,
    ) -> tuple[Layer, Arguments]:
        """Return the layer written at a place: made when it is first resolved, and reused after that."""
        key = (env.frame, id(at))
        known = self._layers.get(key)
        arguments = self._arguments(row, call, incoming, env, known=known is not None)
        if known is not None:
            return known, arguments
        layer = Layer(row, arguments.args, called=callee(call))
        if isinstance(layer.args.get("name"), str):
            layer.name = layer.args.pop("name")
        self._layers[key] = layer
        self._prefixes[layer] = env.prefix
        return layer, arguments

    def _arguments(
        self,
        row: Row,
        call: tree.Call | tree.Name,
        incoming: Bundle,
        env: Env,
        *,
        unshared: bool = True,
        known: bool = False,
    ) -> Arguments:
        width = self._width(incoming, env)
        return read_arguments(
            row,
            call,
            lambda e: self.evaluator.value(e, env.scope, width),
            lambda e: known or self._inside(e, row, incoming, env),
            lambda e: self._values(e, env),
            unshared,
        )

    def _values(self, expr: tree.Expr, env: Env) -> Bundle | None:
        if isinstance(expr, tree.Name):
            if expr.name == "none":
                return None
            bound = env.scope.find(expr.name)
            if isinstance(bound, Plain) and bound.value is None:
                return None
            if bound is None and expr.is_symbol:
                self.evaluator.free.setdefault(expr.name, expr.span)
                raise unbound_name(expr.name, expr.span, "a value of the graph must stand here", "encoder")
            if bound is None:
                near = self.guess(expr.name, env.scope.all_names())
                raise Refusal(
                    "ST206",
                    f"nothing is bound to {expr.name}",
                    expr.span,
                    help=f"did you mean {near}?" if near else "bind a value to the name first",
                )
        return self.run(expr, None, env, head=True)

    def _inside(self, expr: tree.Expr, row: Row, incoming: Bundle, env: Env) -> Layer | SubModel:
        """Return the layer or the sub-model that stands in a wrapper."""
        self.deepen(expr.span, levels=4)
        try:
            return self._wrapped(expr, row, incoming, env)
        finally:
            self._depth -= 4

    def _wrapped(self, expr: tree.Expr, row: Row, incoming: Bundle, env: Env) -> Layer | SubModel:
        body = ungrouped(expr)
        frame = env.frame
        name = ""
        if isinstance(body, tree.Name):
            bound = env.scope.find(body.name)
            if isinstance(bound, Failed):
                raise Refusal()
            if isinstance(bound, Plain) and bound.closure is not None:
                closure = bound.closure
                return self.in_closure(
                    closure, body, env, lambda inner: self._inside(closure.expr, row, incoming, inner)
                )
            if isinstance(bound, Named):
                return self._sub_model_of(bound, body.name)
            if isinstance(bound, Block):
                name, frame = bound.name, self.frame(0, ("block", bound.name))
                if name in env.within:
                    raise endless(name, expr.span, bound.span)
                body = ungrouped(bound.body)
                env = env._replace(scope=env.scope.root(), within=(*env.within, name))
        if isinstance(body, (tree.Call, tree.Name)):
            called = env.scope.find(callee(body))
            call = body
            if isinstance(called, Plain) and isinstance(called.value, Word):
                call = renamed(body, called.value.name)
                called = self.named_by(called)
            if called is None and callee(call) not in ("id", "res", "is", "in"):
                steps = env.steps + row.steps
                inner = env._replace(frame=frame, prefix=name or env.prefix, steps=steps)
                layer = self._layer_inside(body, as_activation(call), incoming, inner)
                if not (row.steps and layer.row.operation(layer.args)):
                    return layer
                # Keras has no layer for it to wrap: it is a flow of one step.
        return self._sub_model(body, row, incoming, env.inside(frame), name)

    def _layer_inside(self, at: tree.Expr, call: tree.Call | tree.Name, incoming: Bundle, env: Env) -> Layer:
        row = self._row(callee_name(call), env, at)
        layer, arguments = self._layer(at, call, row, incoming, env)
        for name in (*arguments.call, *arguments.tensors):
            raise Refusal(
                "ST313",
                f"{name} is an argument of the call: it stands in the wrapper, not inside it",
                arguments.spans[name],
                help=f"write it after the inner layer: wrapper({row.name}(...), {name}=...)",
            )
        return layer

    def _sub_model(self, body: tree.Expr, row: Row, incoming: Bundle, env: Env, name: str) -> SubModel:
        if self.has_source(body, env.scope):
            raise self._input_would_be_lost(body)
        tensors = env.graph.tensors(incoming)
        if tensors is None:
            raise Refusal()
        graph = Graph(name=name)
        inputs = []
        steps = env.steps + row.steps
        for value, tensor in zip(incoming, tensors, strict=True):
            shape = tensor.shape
            if steps:
                if len(shape) <= steps:
                    refusal = Refusal(
                        "ST301",
                        f"{row.name} takes a sequence but is given {show_shape(shape)}",
                        body.span,
                        label=f"takes {steps + 1} or more axes, is given {len(shape)}",
                        help="keep the steps: add seq to the recurrent layer before it",
                    )
                    refusal.call = (env.graph, value, body)
                    raise refusal
                shape = shape[steps:]
            node = graph.add(body.span)
            node.outputs = (Tensor(shape, tensor.dtype),)
            inputs.append(Value(node.index))
        graph.inputs = tuple(v.node for v in inputs)
        inner = env._replace(graph=graph, frame=self.frame(env.frame, id(body)), steps=0)
        graph.outputs = self.run(body, tuple(inputs), inner, head=True)
        if graph.tensors(graph.outputs) is None:
            raise Refusal()
        for node in graph.nodes:
            if node.layer is None and node.index not in graph.inputs:
                raise Refusal(
                    "ST313",
                    f"{row.name}(...) sees one step at a time: an in(...) inside it would have no data",
                    node.span,
                    label="its own source",
                    help="merge it before or after",
                )
        return SubModel(graph, name)

    def _sub_model_of(self, bound: Named, name: str) -> SubModel:
        graph = Graph(name=name)
        old = bound.graph
        for index in old.ancestors(bound.values):
            if old.nodes[index].outputs is None:
                raise Refusal()
        graph.nodes = old.nodes[: max(v.node for v in bound.values) + 1]
        graph.inputs = old.sources(bound.values)
        graph.outputs = bound.values
        graph.weights = old.weights
        graph.first = old.first
        return SubModel(graph, name)

    def _hand_over(self, layer: Layer, arguments: Arguments, env: Env) -> dict[str, Bundle]:
        """Return the tensors of a call, with states handed over to a layer of one direction.

        The states of a bidirectional layer are merged as its outputs are.
        """
        tensors = arguments.tensors
        values: Bundle = tensors.get("initial_state", ())
        if not values:
            return tensors
        makers = {v.node for v in values if v.extra == "state"}
        if len(makers) != 1 or not all(v.extra == "state" for v in values):
            return tensors
        node = env.graph.nodes[makers.pop()]
        if node.layer is None or node.layer.row.name != "bi" or layer.row.name == "bi":
            return tensors
        merge = merging_row(node.layer.get("merge_mode"))
        half = len(values) // 2
        merged = []
        for forward, backward in zip(values[:half], values[half:], strict=True):
            row = registry.find(merge)
            assert row is not None
            joined = self._add(env.graph, arguments.spans["initial_state"], Layer(row))
            joined.inputs = (forward, backward)
            infer(env.graph, joined)
            merged.append(Value(joined.index))
        for value in values:
            node.wants |= {value.extra}
        return {**tensors, "initial_state": tuple(merged)}

    # ---- names, limits and places --------------------------------------------------------------------

    def report(self, refusal: Refusal) -> None:
        """Record a refusal, once for each place, unless its cause was reported before.

        Raises:
            Refusal: the spec is too large, so that nothing more is looked at.
        """
        if refusal.code and not self._stopped:
            bound = self._value_at(refusal)
            name = self.source.text[refusal.span.start : refusal.span.end]
            if len(refusal.words) == 1 and refusal.span in self.evaluator.used:
                # The word is the value of a name that is written as sizes are.
                refusal.message = f"{name} stands for {refusal.words[0]}, but a size is a number"
                refusal.label, refusal.help = "no size", how_to_bind(name, "24", another=True)
                refusal.words = ()
            if refusal.help.startswith(ANOTHER) and name not in self.scope.names:
                # Only what a let or somebody outside has bound can be bound to something else.
                refusal.help = f"give {name} another value where the macro or the loop is written"
            if bound is not None:
                refusal.changes.append(partial(_with_value, bound))
            self._record(refusal)
        if refusal.ends:
            self._stopped = True
            raise refusal

    def _value_at(self, refusal: Refusal) -> Plain | None:
        """Return the value of the name that a refusal is about; None if it is about no name."""
        used, span = self.evaluator.used, refusal.span
        if span not in used and refusal.code == "ST217":
            # An optimizer, loss or metric is told of as a whole: adam(RATE).
            inside = (at for at in used if span.start <= at.start and at.end <= span.end and used[at].note)
            span = next(inside, span)
        return used.get(span)

    def _record(self, refusal: Refusal) -> None:
        found = diagnostic_of(refusal)
        self.refusals.setdefault((found.code, found.span), refusal)

    @property
    def size(self) -> int:
        """Return how many layers and inputs were made."""
        return self._nodes

    def guess(self, word: str, known: Iterable[str]) -> str | None:
        """Return the nearest of some known names; None after ``MOST_GUESSES`` guesses."""
        self._guesses += 1
        return nearest(word, known) if self._guesses <= MOST_GUESSES else None

    def frame(self, parent: int, key: object) -> int:
        """Return the frame inside another; the same key gives the same frame."""
        return self._frames.setdefault((parent, key), len(self._frames) + 1)

    def run(self, expr: tree.Expr, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        """Return the values that a step gives. ``head``: names with a value stand for it.

        Raises:
            Refusal: the step cannot be resolved.
        """
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise too_many(expr.span)
        self.deepen(expr.span)
        try:
            return self._walk(expr, incoming, env, head)
        finally:
            self._depth -= 1

    def deepen(self, span: Span, levels: int = 1) -> None:
        """Count how deeply the walk is nested, in levels that each take a few calls of Python.

        A caller takes its levels off ``_depth`` again.

        Raises:
            Refusal: the nesting is deeper than Python's stack allows.
        """
        if self._depth + levels > DEEPEST:
            raise Refusal(
                "ST104",
                "names, macros and brackets are nested too deeply here",
                span,
                help="write the inner part in fewer levels",
            )
        self._depth += levels

    def broken(self, span: Span, env: Env) -> Bundle:
        """Return a value of unknown shape, for a step that was refused."""
        return (Value(env.graph.add(span).index),)

    def _add(self, graph: Graph, span: Span, layer: Layer, **more: Any) -> Node:
        self._nodes += 1
        if self._nodes > MOST_LAYERS:
            raise too_many(span)
        return graph.add(span, layer, **more)

    def _needed(self, incoming: Bundle | None, expr: tree.Expr) -> Bundle:
        if incoming is not None:
            return incoming
        raise Refusal(
            "ST210",
            f"nothing comes into {print_expr(expr)}: the flow has no source",
            expr.span,
            label="no input",
            help="begin the flow with in(...), such as in(T,F), or with the name of a value",
        )

    def in_closure(self, closure: Closure, at: tree.Expr, env: Env, use: Callable[[Env], Answer]) -> Answer:
        """Use a layer or a flow that a name stands for, with new layers at each place.

        Findings in a value from outside are reported at the name, as the value has no place in the spec.
        """
        inner = env.inside(self.frame(env.frame, id(at)), closure.scope)
        if not self.outside.is_in(closure.expr.span):
            return use(inner)
        before, known = len(env.graph.nodes), set(self.refusals)
        placed = partial(self.outside.placed, here=at.span)
        try:
            made = use(inner)
            if isinstance(made, SubModel):
                self._place(made.graph.nodes, at.span)
            return made
        except Refusal as refusal:
            refusal.changes.append(placed)
            raise
        finally:
            self._place(env.graph.nodes[before:], at.span)
            for key in self.refusals.keys() - known:
                recorded = self.refusals.pop(key)
                recorded.changes.append(placed)
                self._record(recorded)

    def _place(self, nodes: Iterable[Node], span: Span) -> None:
        """Give nodes that were made from a value from outside a span in the spec."""
        todo = list(nodes)
        for node in todo:
            if not self.outside.is_in(node.span):
                continue
            node.span = span
            node.spans = dict.fromkeys(node.spans, span)
            inner: object = node.layer
            while isinstance(inner, Layer):
                inner = inner.get("layer") if inner.row.by_name.get("layer") else None
            if isinstance(inner, SubModel):
                todo += inner.graph.nodes

    def named_by(self, bound: Plain) -> Macro | Block | None:
        """Return the macro or block that a name refers to, if its value is a word that names one."""
        word = bound.value.name if isinstance(bound.value, Word) else ""
        found = bound.closure.scope.find(word) if bound.closure is not None else None
        return found if isinstance(found, (Macro, Block)) else None

    def _input_would_be_lost(self, step: tree.Expr) -> Refusal:
        return Refusal(
            "ST213",
            f"{print_expr(step)} starts from its own source, so what comes in here would be lost",
            step.span,
            help="put it at the head of a flow, or in a branch: [id, ...]",
        )

    def _values_of(self, bound: Named, expr: tree.Expr, env: Env) -> Bundle:
        if bound.graph is not env.graph:
            raise Refusal(
                "ST313",
                f"{print_expr(expr)} is a value from outside: td(...) sees one step at a time, "
                "so it cannot take it",
                expr.span,
                labels=(Label(bound.span, "bound here"),),
                help="merge it before or after td(...)",
            )
        return bound.values

    def _row(self, name: tree.Name, env: Env, step: tree.Expr | None = None) -> Row:
        """Return the row of a layer's name; ``step`` is the call around it, for a fix of the whole."""
        row = registry.find(name.name)
        if row is not None:
            return row
        if name.is_symbol:
            self.evaluator.free.setdefault(name.name, name.span)
        # A right spec names no such layer, and the names of other libraries take long to load.
        from seqtopo.graph.unknown_layers import known_elsewhere, left_out

        if name.name not in self.later and (elsewhere := known_elsewhere(name, step)) is not None:
            raise elsewhere
        if (out := left_out(name, step)) is not None:
            raise out
        if entry_of("activation", name.name):
            raise Refusal(
                "ST201",
                f"{name.name} is an activation, not a layer: as a step it is written without parentheses",
                name.span,
                help=f"write {name.name}, or with arguments act({name.name}(...))",
            )
        if name.name in self.later:
            raise Refusal(
                "ST206",
                f"{name.name} is bound further down: a name can be used from where it is bound",
                name.span,
                label="not bound yet",
                labels=(Label(self.later[name.name], "bound here"),),
                help="move that line up",
            )
        known = [*registry.names(name.name), *env.scope.all_names()]
        near = self.guess(name.name, known)
        if name.is_symbol and (near is None or name.name.isupper()):
            wrong = unbound_name(
                name.name,
                name.span,
                "a layer must stand here",
                LAYER if isinstance(step, tree.Call) else STEP,
            )
            if near:
                fix = Fix(f"or did you mean {near}?", (Edit(name.span, near),))
                wrong.fixes = (fix,)
            raise wrong
        raise Refusal(
            "ST206" if "." in name.name else "ST201",
            f"there is no layer {name.name}, and nothing is bound to that name",
            name.span,
            label="unknown",
            help=f"did you mean {near}?" if near else "'seqtopo layers' lists every layer",
            fixes=(Fix(f"did you mean {near}?", (Edit(name.span, near),)),) if near else (),
        )

    def _width(self, incoming: Bundle | None, env: Env) -> Callable[[Span], Any] | None:
        if incoming is None:
            return None

        def width(span: Span) -> Any:
            tensors = env.graph.tensors(incoming)
            if tensors is None:
                raise Refusal()
            if len(tensors) != 1 or not tensors[0].shape:
                raise Refusal(
                    "ST213",
                    "'_' is the width of one incoming value, "
                    + (f"but {len(tensors)} come in" if len(tensors) != 1 else "which has no axis"),
                    span,
                    help="write the number",
                )
            return tensors[0].shape[-1]

        return width

    def has_source(self, expr: tree.Expr, scope: Scope, head: bool = True, depth: int = 0) -> bool:
        """Return whether a flow begins with its own source and needs no input."""
        if depth > DEEPEST:
            return False
        match expr:
            case tree.Call():
                if expr.name.name == "in":
                    return True
                macro = scope.find(expr.name.name)
                if isinstance(macro, Macro):
                    return self.has_source(macro.body, scope.root(), True, depth + 1)
            case tree.Flow():
                return self.has_source(expr.steps[0], scope, head, depth + 1)
            case tree.Group() | tree.As() | tree.For():
                return self.has_source(expr.body, scope, head, depth + 1)
            case tree.Arithmetic():
                return self.has_source(expr.first, scope, head, depth + 1)
            case tree.Branches():
                return self._branch_sources(expr, scope, depth + 1)
            case tree.List():
                return bool(expr.items) and self._have_sources(expr.items, scope, depth + 1)
            case tree.Attribute():
                return head
            case tree.Name():
                bound = scope.find(expr.name)
                if isinstance(bound, Plain) and bound.closure is not None:
                    return self.has_source(bound.closure.expr, bound.closure.scope, head, depth + 1)
                return head and isinstance(bound, (Named, Failed))
        return False

    def _have_sources(self, branches: tuple[tree.Expr, ...], scope: Scope, depth: int) -> bool:
        """Return whether each branch has its own source; a branch may begin with a name of an earlier one."""
        inner = Scope(scope, own_names=False)
        seen = 0
        for i, branch in enumerate(branches):
            if not self.has_source(branch, inner, True, depth):
                made = [n.name for n in tree.every(branches[seen:i]) if isinstance(n, tree.As)]
                inner.names.update((name.name, Failed(name.span)) for name in made)
                seen = i
                if not (made and self.has_source(branch, inner, True, depth)):
                    return False
        return True

    def _branch_sources(self, expr: tree.Branches, scope: Scope, depth: int) -> bool:
        """Return whether each branch of a loop has its own source; values of the loop are sources."""
        if self.has_source(expr.body, scope, True, depth):
            return True
        for loop in expr.loops:
            for i, target in enumerate(loop.targets):
                inner = Scope(scope, {target.name: Failed(target.span)}, own_names=False)
                if self.has_source(expr.body, inner, True, depth):
                    found = ungrouped(loop.values)
                    if not isinstance(found, tree.List):
                        return self.has_source(found, scope, True, depth)
                    parts = [ungrouped(item) for item in found.items]
                    if len(loop.targets) > 1:
                        parts = [p.items[i] for p in parts if isinstance(p, tree.Tuple) and len(p.items) > i]
                    return all(self.has_source(part, scope, True, depth) for part in parts)
        return False


def _with_value(bound: Plain, found: Diagnostic) -> Diagnostic:
    """Return a diagnostic about a name, with a note on the value of the name that caused it."""
    if bound.note in found.notes:
        return found
    if bound.note:
        return replace(found, notes=(*found.notes, bound.note), fixes=())
    place = bound.closure.expr.span if bound.closure is not None else found.span
    if place == found.span or any(label.span == place for label in found.labels):
        return found
    moved = [
        replace(fix, edits=tuple(replace(e, span=place) if e.span == found.span else e for e in fix.edits))
        for fix in found.fixes
    ]
    return replace(found, labels=(*found.labels, Label(place, "is its value")), fixes=tuple(moved))


def _with_label(label: Label, found: Diagnostic) -> Diagnostic:
    return replace(found, labels=(label, *found.labels))


def _of_call(refusal: Refusal, graph: Graph, node: Node, step: tree.Expr) -> Refusal:
    """Return a row's refusal with its span: the argument that it blames, or the whole step."""
    refusal.span = node.span
    if refusal.at is not None and refusal.at[0] == "argument":
        refusal.span = node.spans.get(str(refusal.at[1]), node.span)
    refusal.message = _as_written(refusal.message, node, step)
    refusal.call = (graph, node, step)
    return refusal


def _as_written(message: str, node: Node, step: tree.Expr) -> str:
    """Return a row's message with the layer's name as the spec writes it, which may be an alias."""
    written = step.name if isinstance(step, tree.Call) else step
    if node.layer is None or not isinstance(written, tree.Name):
        return message
    name = node.layer.row.name
    if written.name in node.layer.row.aliases and message.startswith(f"{name} "):
        return written.name + message.removeprefix(name)
    return message


def _no_branch(span: Span) -> Refusal:
    return Refusal(
        "ST213",
        "this list has no branch, so nothing comes out of it",
        span,
        label="empty",
        help="write at least one branch, as in [lstm(32), gru(32)], or id for what comes in",
    )


def endless(name: str, span: Span, bound: Span) -> Refusal:
    """Return the refusal of a macro or a block that contains itself."""
    return Refusal(
        "ST208",
        f"{name} uses itself: it would never end",
        span,
        labels=(Label(bound, "bound here"),),
        help="use '* n' or 'for' to repeat a part",
    )


def too_many(span: Span, count: int | None = None) -> Refusal:
    """Return the refusal of a spec that expands to too many layers."""
    return Refusal(
        "ST211",
        f"the spec expands to more than {MOST_LAYERS:,} layers",
        span,
        label=f"{count:,} copies" if count else "here the limit is passed",
        help="repeat fewer times",
        ends=True,
    )


def _macro_count(macro: Macro, call: tree.Call, names: list[str]) -> Refusal:
    wanted = f"{macro.name}({', '.join(names)})"
    return Refusal(
        "ST219",
        f"{macro.name} is given {len(call.args)} argument{'s' * (len(call.args) != 1)}, it takes {wanted}",
        call.span,
        labels=(Label(macro.span, "the macro"),),
        help=f"write {wanted}",
    )


def _as_range(found: Any, span: Span) -> tuple[Fix, ...]:
    """Return the fix for Python's ``range(1,9)``, which ends before its last number."""
    if not (
        isinstance(found, Object) and found.name == "range" and 0 < len(found.args) < 3 and not found.kwargs
    ):
        return ()
    first, stop = found.args if len(found.args) == 2 else (0, found.args[0])
    last = stop - 1 if isinstance(stop, (int, Expr)) else stop
    return (Fix(f"write [{first}..{last}]", (Edit(span, f"[{first}..{last}]"),)),)


def _shown_shape(shape: tuple[Size, ...]) -> str:
    return f"({','.join(map(str, shape))})"


def _number_joined(expr: tree.Arithmetic, operator: str) -> Refusal:
    """Return the refusal of a flow and a number that are joined by an operator.

    Behind ``FLOW * K`` the number belongs to how often the flow is repeated.
    """
    first = expr.first
    behind = "".join(f"{o}{print_expr(operand)}" for o, operand in expr.rest)
    title, written = "", ""
    if isinstance(first, tree.Arithmetic) and all(o == "*" for o, _ in first.rest):
        times = "*".join(print_expr(operand) for _, operand in first.rest)
        title = "put the number of times in parentheses"
        written = f"{print_expr(first.first)} * ({times}{behind})"
    elif operator in ("+", "-") and len(expr.rest) == 1:
        title = f"{'add' if operator == '+' else 'subtract'} it with rescaling(scale, offset)"
        written = f"{print_expr(first)} -> rescaling(1,{behind.removeprefix('+')})"
    return Refusal(
        "ST213",
        f"'{operator}' joins numbers, not a flow and a number",
        expr.span,
        help="" if written else "a layer computes with values, such as rescaling(scale, offset)",
        fixes=(Fix(title, (Edit(expr.span, written),)),) if written else (),
    )


def _joined_by_operator(expr: tree.Arithmetic, operator: str) -> Refusal:
    """Return the refusal of flows that are joined by an operator, with the layer that computes the same."""
    layer = {"+": "add", "-": "sub", "*": "mul"}.get(operator)
    items = ", ".join(print_expr(e) for e in (expr.first, *(e for _, e in expr.rest)))
    merged = f"[{items}] -> {layer}"
    return Refusal(
        "ST213",
        f"'{operator or '*'}' joins numbers, not flows",
        expr.span,
        help=f"merge flows with a list: {merged}" if layer else "",
        fixes=(Fix(f"merge with {layer}", (Edit(expr.span, merged),)),) if layer else (),
    )
