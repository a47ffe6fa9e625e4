"""From the syntax tree to the graph: statements, names, dimensions; flows are walked by ``Flows``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seqtopo.diag.model import Diagnostic, Label
from seqtopo.graph.batches import check_batches
from seqtopo.graph.flows import Flows
from seqtopo.graph.graph import Bundle, Graph
from seqtopo.graph.names import name_layers
from seqtopo.graph.outside import outside
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.scope import Block, Failed, Named, Plain, Recipe, Scope
from seqtopo.graph.sources import Sources
from seqtopo.graph.symbols import names_in
from seqtopo.graph.vetting import vetted, worth_trying
from seqtopo.graph.walker import Env, TooMuch, bare
from seqtopo.layers.sizes import Shape
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse

if TYPE_CHECKING:
    from seqtopo.graph.label_case import Values
    from seqtopo.graph.training import Training


@dataclass
class Resolved:
    """What a spec means: the graph of its output, its named parts, how it is trained."""

    graph: Graph
    source: Source
    parts: dict[str, Named | Block] = field(default_factory=dict)
    training: Training | None = None
    written: Sources = field(default_factory=Sources)
    """Finds the step that a node was written as."""
    dims: Mapping[str, Any] = field(default_factory=dict)
    """The bindings that came from outside."""
    label_values: tuple[Values | None, ...] = ()
    """What is known of the numbers in each output's labels, where data was given."""
    free: Mapping[str, Span] = field(default_factory=dict)
    """The symbols that nothing binds, and where each stands first."""


def resolve(
    spec: tree.Spec,
    source: Source,
    dims: Mapping[str, Any] | None = None,
    *,
    labels: bool = True,
    shapes: Mapping[int, Shape] | None = None,
) -> tuple[Resolved | None, list[Diagnostic]]:
    """The graph of a spec, with shapes, and everything that is wrong with it.

    ``dims`` are bindings from outside: they win over those of ``let``. ``labels`` is off for a
    trial: then declared labels are not compared with the outputs, and fixes not tried. ``shapes`` are
    those that inputs have in the data, by their nodes. The graph is None where the output cannot be told.
    """
    resolver = _Resolver(spec, source, dict(dims or {}), labels)
    resolver.flows.shapes = shapes or {}
    resolved = resolver.resolve()
    found = resolver.found()
    errors = any(d.severity == "error" for d in found)
    if errors and labels and worth_trying(resolver.flows.size, source.text):
        found = _vetted(found, source.text, dims, resolver.graph)
    return (None if errors else resolved), [replace(d, source=source) for d in found]


def _vetted(
    found: list[Diagnostic], text: str, dims: Mapping[str, Any] | None, graph: Graph
) -> list[Diagnostic]:
    """The diagnostics with the fixes that help, and after which no axis is read as another than before."""
    from seqtopo.graph.axis_contents import misread_axes

    before = misread_axes(graph)
    tried: dict[str, Graph | None] = {}

    def check(after: str) -> list[Diagnostic]:
        resolved, left = _trial(after, dims)
        tried[after] = resolved.graph if resolved is not None else None
        return left

    def misreads(after: str) -> bool:
        now = tried[after]
        return now is not None and misread_axes(now) > before

    return vetted(found, text, check, misreads)


def _trial(text: str, dims: Mapping[str, Any] | None) -> tuple[Resolved | None, list[Diagnostic]]:
    spec, found = parse(Source(text))
    if spec is None or found:
        return None, found
    return resolve(spec, Source(text), dims, labels=False)


def rebuilt(text: str, dims: Mapping[str, Any] | None = None) -> Graph | None:
    """The graph of another text, to try a fix on; None where it has errors. Labels are left out of it."""
    resolved, _ = _trial(text, dims)
    return resolved.graph if resolved is not None else None


class _Resolver:
    def __init__(self, spec: tree.Spec, source: Source, dims: dict[str, Any], labels: bool) -> None:
        self.spec = spec
        self.source = source
        self.dims = dims
        self.outside = outside(dims, source)
        self.labels = labels
        self.scope = Scope()
        self.graph = Graph()
        self.flows = Flows(self.graph)
        self.flows.outside = self.outside
        self.blocks: dict[str, Block] = {}

    def found(self) -> list[Diagnostic]:
        """What is wrong, in the order of the text."""
        self._rename_sizes()
        every: Iterable[Diagnostic] = self.flows.diagnostics.values()
        if self.outside.bindings:
            every = [self._in_the_spec(found) for found in every]
        return sorted(every, key=lambda d: d.span)

    def _rename_sizes(self) -> None:
        """Gives what is said of sizes in lower case its fix, which is one for all of them."""
        lower, every = self.flows.lower_sizes, self.flows.diagnostics
        if not lower:
            return
        from seqtopo.graph.lower_sizes import renamed

        fix = renamed(self.spec, {word for words in lower.values() for word in words})
        for key, words in lower.items() if fix.edits else ():
            help = f"{fix.title}; or bind it: let {words[0]} = 24"
            every[key] = replace(every[key], help=help, fixes=(fix,))

    def _in_the_spec(self, found: Diagnostic) -> Diagnostic:
        """The same diagnostic; in a value from outside it is told at the first place of the value's name."""
        given = self.outside.at(found.span)
        name = given.name if given is not None else ""
        names = (n.span for n in tree.every(self.spec) if isinstance(n, tree.Name) and n.name == name)
        return self.outside.placed(found, next(names, Span(0, 0)))

    def resolve(self) -> Resolved | None:
        self._dimensions()
        self._recipes()
        training = None
        last: tuple[tree.Bind | tree.Output, Bundle | None] | None = None
        self.flows.later = {
            s.name.name: s.name.span for s in reversed(self.spec.statements) if isinstance(s, tree.Bind)
        }
        try:
            for statement in self.spec.statements:
                if isinstance(statement, tree.Bind):
                    if self.flows.later.get(statement.name.name) == statement.name.span:
                        del self.flows.later[statement.name.name]
                    last = (statement, self._bind(statement))
                elif isinstance(statement, tree.Output):
                    last = (statement, self._output(statement))
                elif isinstance(statement, tree.Train):
                    training = self._train(statement, training)
        except TooMuch:
            return None
        if last is None:
            self._empty()
            return None
        statement, values = last
        if values is None:
            with suppress(TooMuch):  # It was reported.
                self._sourceless(statement)
            return None
        return self._finish(statement, values, training)

    # ---- dimensions and recipes, which may stand anywhere ----------------------------------------

    def _dimensions(self) -> None:
        bindings = [b for s in self.spec.statements if isinstance(s, tree.Let) for b in s.bindings]
        waiting: dict[str, tree.Binding] = {}
        for binding in bindings:
            name = binding.name.name
            try:
                if name in waiting:
                    raise Problem(
                        "ST207",
                        f"{name} is bound a second time",
                        binding.name.span,
                        label="again",
                        labels=(Label(waiting[name].name.span, "bound here first"),),
                        help="keep one of them",
                    )
                self.flows.check_name(binding.name, Scope())
                waiting[name] = binding
            except Problem as problem:
                self.flows.report(problem)
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
            self.flows.report(
                Problem(
                    "ST208",
                    f"{circle.name.name} is defined by itself",
                    circle.span,
                    help="bind one of the names in the circle to a value without them",
                )
            )
            self.scope.names.update({n: Failed(b.span) for n, b in waiting.items()})

    def _dimension(self, binding: tree.Binding) -> None:
        name = binding.name.name
        try:
            given = self.outside.given.get(name)
            bound = self.flows.evaluator.given(binding.value, self.scope, binding.span, None)
            self.scope.names[name] = bound if given is None else replace(bound, note=given.note)
        except Problem as problem:
            self.flows.report(problem)
            self.scope.names[name] = Failed(binding.span)
        except Broken:
            self.scope.names[name] = Failed(binding.span)

    def _recipes(self) -> None:
        for statement in self.spec.statements:
            if not isinstance(statement, tree.Def):
                continue
            try:
                self.flows.check_name(statement.name, self.scope)
                seen: dict[str, tree.Name] = {}
                for param in statement.params:
                    name = param.name
                    if name.name in seen:
                        raise Problem(
                            "ST207", f"{name.name} is a parameter twice", name.span, help="rename one"
                        )
                    if not name.is_symbol:
                        self.flows.check_name(name, Scope())
                    seen[name.name] = name
            except Problem as problem:
                self.flows.report(problem)
                self.scope.names.setdefault(statement.name.name, Failed(statement.span))
                continue
            self.scope.names[statement.name.name] = Recipe(
                statement.name.name, statement.params, statement.body, statement.name.span
            )

    # ---- flows -----------------------------------------------------------------------------------

    def _bind(self, statement: tree.Bind) -> Bundle | None:
        name = statement.name
        if name.is_symbol:
            self.flows.report(
                Problem(
                    "ST207",
                    f"{name.name} is a dimension's name, since it starts with an upper-case letter",
                    name.span,
                    help=f"name a flow in lower case: {name.name.lower()} = ...; or bind a size: "
                    f"let {name.name} = ...",
                )
            )
        try:
            self.flows.check_name(name, self.scope, flow=True)
        except Problem as problem:
            self.flows.report(problem)
            self.scope.names.setdefault(name.name, Failed(statement.span))
        taken = name.name in self.scope.names or name.is_symbol
        env = Env(self.scope, self.graph, self.flows.frame(0, ("block", name.name)), name.name)
        if not self.flows.has_source(statement.value, self.scope):
            block = Block(name.name, statement.value, name.span)
            if not taken:
                self.scope.names[name.name] = block
                self.blocks[name.name] = block
            return None
        before = len(self.graph.nodes)
        values = self._run(statement.value, env)
        bound = (
            Named(values, name.span, self.graph, range(before, len(self.graph.nodes)))
            if self.graph.tensors(values) is not None
            else Failed(name.span)
        )
        if not taken:
            self.scope.names[name.name] = bound
        if isinstance(bound, Named) and isinstance(bare(statement.value), tree.Call) and len(values) == 1:
            node = self.graph.nodes[values[0].node]
            if node.layer is None and node.index >= before and not node.name:
                node.name = name.name
        return values

    def _output(self, statement: tree.Output) -> Bundle:
        env = Env(self.scope, self.graph, self.flows.frame(0, ("flow", statement.span)))
        return self._run(statement.value, env)

    def _run(self, expr: tree.Expr, env: Env) -> Bundle:
        try:
            return self.flows.run(expr, None, env, head=True)
        except Problem as problem:
            self.flows.report(problem)
        except Broken:
            pass
        return self.flows.broken(expr.span, env)

    def _train(self, statement: tree.Train, known: Training | None) -> Training | None:
        if known is not None:
            self.flows.report(
                Problem(
                    "ST217",
                    "there are two train statements",
                    statement.span,
                    labels=(Label(known.span, "the first"),),
                    help="keep one",
                )
            )
            return known
        from seqtopo.graph.training import read_training

        try:
            return read_training(statement, lambda e: self.flows.evaluator.value(e, self.scope))
        except Problem as problem:
            self.flows.report(problem)
        except Broken:
            pass
        return None

    # ---- the model -------------------------------------------------------------------------------

    def _failed(self) -> bool:
        return any(d.severity == "error" for d in self.flows.diagnostics.values())

    def _empty(self) -> None:
        if not self._failed():
            self.flows.report(
                Problem(
                    "ST106",
                    "there is no flow in this spec, so there is no model",
                    Span(0, min(1, len(self.source.text))),
                    help="write one, such as: in(T,F) -> lstm(32) -> dense(1)",
                )
            )

    def _sourceless(self, statement: tree.Bind | tree.Output) -> None:
        """The last flow has nothing coming in: walk it so, for the diagnostic at its first step."""
        before = len(self.flows.diagnostics)
        self._run(statement.value, Env(self.scope, self.graph))
        if len(self.flows.diagnostics) == before:
            self.flows.report(
                Problem(
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
            for problem in check_batches(graph, self.flows.sources):
                self.flows.report(problem)
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
            self.flows.name_block(block)
        name_layers(graph, self.flows.prefix_of)
        if training is not None and self.labels and not self._failed():
            from seqtopo.graph.labels import check_labels

            rebuild = partial(rebuilt, dims=self.dims)
            for problem in check_labels(graph, training, self.flows.sources, self.source.text, rebuild):
                self.flows.report(problem)
        return Resolved(
            graph, self.source, parts, training, self.flows.sources, self.dims, free=self.flows.evaluator.free
        )

    def _output_names(self, statement: tree.Bind | tree.Output, values: Bundle) -> tuple[str, ...]:
        """Several outputs bear the names of their bindings; "" where an item is no plain name."""
        found: list[str] = []
        body = bare(statement.value)
        for item in body.items if isinstance(body, tree.List) else ():
            name, count = self._output_name(bare(item))
            found.extend([name] if count == 1 else [f"{name}_{i}" if name else "" for i in range(count)])
        return tuple(found) if len(found) == len(values) > 1 else ("",) * len(values)

    def _output_name(self, item: tree.Expr) -> tuple[str, int]:
        """What an item of the last list is called, and how many values it stands for."""
        if isinstance(item, tree.As):
            item = item.name
        if isinstance(item, tree.Attribute):
            second = ".".join(n.name for n in item.names)
            try:
                count = len(self.flows.second(item, Env(self.scope, self.graph)))
            except (Problem, Broken):  # reported where the list was walked
                return "", 1
            return f"{item.base.name}_{second}", count
        if isinstance(item, tree.Branches):
            return "", self.flows.sources.branches.get(item.span, (item, 0, 1))[2]
        bound = self.scope.find(item.name) if isinstance(item, tree.Name) else None
        if isinstance(item, tree.Name) and isinstance(bound, Named):
            return item.name, len(bound.values)
        return "", 1
