"""What every part of the walk over flows needs: the graph, frames, limits, and what names mean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.evaluate import Evaluator
from seqtopo.graph.graph import Bundle, Graph, Node, SubModel, Value
from seqtopo.graph.lower_sizes import LowerCaseSize
from seqtopo.graph.outside import Outside
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.scope import Block, Failed, Named, Passed, Plain, Recipe, Scope
from seqtopo.graph.sources import Sources
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import Word
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

Answer = TypeVar("Answer")

MOST_LAYERS = 100_000
MOST_GUESSES = 100
MOST_STEPS = 400_000
DEEPEST = 100


class TooMuch(Exception):  # noqa: N818
    """The spec expands beyond the limits: nothing more is looked at."""


@dataclass(frozen=True)
class Env:
    """Where a step is walked: names, frame, what default names begin with, recipes around it."""

    scope: Scope
    graph: Graph
    frame: int = 0
    prefix: str = ""
    within: tuple[str, ...] = ()
    steps: int = 0
    """How many wrappers around it, one directly in the other, see one step at a time."""

    def inside(self, frame: int, scope: Scope | None = None) -> Env:
        """The same in another frame, and perhaps with other names."""
        return Env(scope or self.scope, self.graph, frame, self.prefix, self.within, self.steps)


class Walker:
    """Walks flows and fills a graph; diagnostics gather in ``diagnostics``."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.later: dict[str, Span] = {}
        """Names that are bound further down."""
        self.diagnostics: dict[tuple[str, Span], Diagnostic] = {}
        self.lower_sizes: dict[tuple[str, Span], tuple[str, ...]] = {}
        """By the diagnostic that says so: words that stand where sizes do."""
        self.evaluator = Evaluator()
        self.sources = Sources()
        self.shapes: Mapping[int, Shape] = {}
        """The shapes that inputs have in the data, by their nodes, in place of what is declared."""
        self.outside = Outside(sys.maxsize)
        """What is bound from outside: nothing, until the resolver says so."""
        self._layers: dict[tuple[int, int], Layer] = {}
        self._frames: dict[tuple[int, object], int] = {}
        self._prefixes: dict[Layer, str] = {}
        self._steps = 0
        self.depth = 0
        self._guesses = 0
        self._nodes = 0

    def report(self, problem: Problem) -> None:
        """Keeps a diagnostic, once for each place."""
        found = self._told(problem.diagnostic)
        if isinstance(problem, LowerCaseSize):
            self.lower_sizes[found.code, found.span] = problem.words
        self.diagnostics.setdefault((found.code, found.span), found)

    def _told(self, found: Diagnostic) -> Diagnostic:
        """A diagnostic about a name, with what it is bound to: the name is right, and its value is not."""
        bound = self.evaluator.used.get(found.span)
        if bound is None or bound.note in found.notes:
            return found
        if bound.note:
            return replace(found, notes=(*found.notes, bound.note), fixes=())
        place = bound.passed.expr.span if bound.passed is not None else found.span
        if place == found.span or any(label.span == place for label in found.labels):
            return found
        moved = [
            replace(
                fix, edits=tuple(replace(e, span=place) if e.span == found.span else e for e in fix.edits)
            )
            for fix in found.fixes
        ]
        return replace(found, labels=(*found.labels, Label(place, "is its value")), fixes=tuple(moved))

    @property
    def size(self) -> int:
        """How many layers were made, and inputs."""
        return self._nodes

    def guess(self, word: str, known: Iterable[str]) -> str | None:
        """The nearest of many names; None where there have been so many mistakes that nobody reads on."""
        from seqtopo.diag.nearest import nearest

        self._guesses += 1
        return nearest(word, known) if self._guesses <= MOST_GUESSES else None

    def prefix_of(self, layer: Layer) -> str:
        """The binding or recipe that a layer was first written in."""
        return self._prefixes.get(layer, "")

    def frame(self, parent: int, key: object) -> int:
        """The frame inside another; the same key gives the same frame."""
        return self._frames.setdefault((parent, key), len(self._frames) + 1)

    def run(self, expr: tree.Expr, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        """The values that a step gives. ``head``: names with a value stand for it.

        Raises:
            Problem, Broken: the step cannot be resolved.
            TooMuch: the spec expands beyond the limits.
        """
        self._steps += 1
        if self._steps > MOST_STEPS:
            self.report(too_many(expr.span))
            raise TooMuch
        self.deepen(expr.span)
        try:
            return self._walk(expr, incoming, env, head)
        finally:
            self.depth -= 1

    def deepen(self, span: Span, levels: int = 1) -> None:
        """Counts how deeply the walk is nested, in levels of which each takes a handful of calls.

        Who goes deeper takes the levels off ``depth`` again.

        Raises:
            Problem: it is nested more deeply than Python's own stack bears.
        """
        if self.depth + levels > DEEPEST:
            raise Problem(
                "ST104",
                "names, recipes and brackets are nested too deeply here",
                span,
                help="say the inner part in fewer levels",
            )
        self.depth += levels

    def _walk(self, expr: tree.Expr, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        raise NotImplementedError

    def broken(self, span: Span, env: Env) -> Bundle:
        """A value of which nothing can be told."""
        return (Value(env.graph.add(span).index),)

    def _add(self, graph: Graph, span: Span, layer: Layer, **more: Any) -> Node:
        self._nodes += 1
        if self._nodes > MOST_LAYERS:
            self.report(too_many(span))
            raise TooMuch
        return graph.add(span, layer, **more)

    def _needed(self, incoming: Bundle | None, expr: tree.Expr) -> Bundle:
        if incoming is not None:
            return incoming
        raise Problem(
            "ST210",
            f"nothing comes into {print_expr(expr)}: the flow has no source",
            expr.span,
            label="no input",
            help="begin the flow with in(...), such as in(T,F), or with the name of a value",
        )

    def passed_on(self, passed: Passed, at: tree.Expr, env: Env, use: Callable[[Env], Answer]) -> Answer:
        """Uses a layer or a flow that a name stands for, with fresh layers at each place.

        What was bound from outside has no place in the spec: it is told where the name stands.
        """
        inner = env.inside(self.frame(env.frame, id(at)), passed.scope)
        if not self.outside.is_in(passed.expr.span):
            return use(inner)
        before, known = len(env.graph.nodes), set(self.diagnostics)
        try:
            made = use(inner)
            if isinstance(made, SubModel):
                self._place(made.graph.nodes, at.span)
            return made
        except Problem as problem:
            problem.diagnostic = self.outside.placed(problem.diagnostic, at.span)
            raise
        finally:
            self._place(env.graph.nodes[before:], at.span)
            for key in self.diagnostics.keys() - known:
                found = self.outside.placed(self.diagnostics.pop(key), at.span)
                self.diagnostics.setdefault((found.code, found.span), found)

    def _place(self, nodes: Iterable[Node], span: Span) -> None:
        """Gives a place in the spec to the nodes that were made of what was bound from outside."""
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

    def named_by(self, bound: Plain) -> Recipe | Block | None:
        """The recipe or block that a name stands for, where it is a word that names one."""
        word = bound.value.name if isinstance(bound.value, Word) else ""
        found = bound.passed.scope.find(word) if bound.passed is not None else None
        return found if isinstance(found, (Recipe, Block)) else None

    def _lost(self, step: tree.Expr) -> Problem:
        return Problem(
            "ST213",
            f"{print_expr(step)} starts from its own source, so what comes in here would be lost",
            step.span,
            help="put it at the head of a flow, or in a branch: [id, ...]",
        )

    def _here(self, bound: Named, expr: tree.Expr, env: Env) -> Bundle:
        if bound.graph is not env.graph:
            raise Problem(
                "ST313",
                f"{print_expr(expr)} is a value from outside: td(...) sees one step at a time, "
                "so it cannot take it",
                expr.span,
                labels=(Label(bound.span, "bound here"),),
                help="merge it before or after td(...)",
            )
        return bound.values

    def _row(self, name: tree.Name, env: Env, step: tree.Expr | None = None) -> Row:
        """The row of a name; ``step`` is the call that it stands in, for a fix of the whole."""
        row = registry.find(name.name)
        if row is not None:
            return row
        if name.is_symbol:
            self.evaluator.free.setdefault(name.name, name.span)
        from seqtopo.graph.unknown_layers import known_elsewhere
        from seqtopo.layers.excluded import why_not

        if name.name not in self.later and (elsewhere := known_elsewhere(name, step)) is not None:
            raise elsewhere
        reason = why_not(name.name)
        if reason is not None:
            from seqtopo.graph.cells import layers_of_cells

            layers = layers_of_cells(step)
            help = f"write {print_expr(layers)}" if layers is not None else reason.instead
            raise Problem(
                "ST209",
                f"{name.name} is left out of the language: {reason.why}",
                name.span,
                label="left out",
                help=help,
                fixes=(Fix(help, (Edit(step.span, print_expr(layers)),)),) if layers and step else (),
            )
        if entry_of("activation", name.name):
            raise Problem(
                "ST201",
                f"{name.name} is an activation, not a layer: as a step it is written without parentheses",
                name.span,
                help=f"write {name.name}, or with arguments act({name.name}(...))",
            )
        if name.name in self.later:
            raise Problem(
                "ST206",
                f"{name.name} is bound further down: a name can be used from where it is bound",
                name.span,
                label="not bound yet",
                labels=(Label(self.later[name.name], "bound here"),),
                help="move that line up",
            )
        known = [*registry.names(), *env.scope.all_names()]
        near = self.guess(name.name, known)
        if name.is_symbol and (near is None or name.name.isupper()):
            from seqtopo.graph.unbound import LAYER, STEP, unbound_name

            wrong = unbound_name(
                name.name,
                name.span,
                "a layer must stand here",
                LAYER if isinstance(step, tree.Call) else STEP,
            )
            if near:
                fix = Fix(f"or did you mean {near}?", (Edit(name.span, near),))
                wrong.diagnostic = replace(wrong.diagnostic, fixes=(fix,))
            raise wrong
        raise Problem(
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
                raise Broken
            if len(tensors) != 1 or not tensors[0].shape:
                raise Problem(
                    "ST213",
                    "'_' is the width of one incoming value, "
                    + (f"but {len(tensors)} come in" if len(tensors) != 1 else "which has no axis"),
                    span,
                    help="write the number",
                )
            return tensors[0].shape[-1]

        return width

    def has_source(self, expr: tree.Expr, scope: Scope, head: bool = True, depth: int = 0) -> bool:
        """Whether a flow begins with its own source, so that nothing needs to come in."""
        if depth > DEEPEST:
            return False
        match expr:
            case tree.Call():
                if expr.name.name == "in":
                    return True
                recipe = scope.find(expr.name.name)
                if isinstance(recipe, Recipe):
                    return self.has_source(recipe.body, scope.root(), True, depth + 1)
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
                if isinstance(bound, Plain) and bound.passed is not None:
                    return self.has_source(bound.passed.expr, bound.passed.scope, head, depth + 1)
                return head and isinstance(bound, (Named, Failed))
        return False

    def _have_sources(self, branches: tuple[tree.Expr, ...], scope: Scope, depth: int) -> bool:
        """Whether each branch has its own source; one may begin with what an earlier one names."""
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
        """Whether each branch of a loop has its own source; a value that the loop goes through is one."""
        if self.has_source(expr.body, scope, True, depth):
            return True
        for loop in expr.loops:
            for i, target in enumerate(loop.targets):
                inner = Scope(scope, {target.name: Failed(target.span)}, own_names=False)
                if self.has_source(expr.body, inner, True, depth):
                    found = bare(loop.values)
                    if not isinstance(found, tree.List):
                        return self.has_source(found, scope, True, depth)
                    parts = [bare(item) for item in found.items]
                    if len(loop.targets) > 1:
                        parts = [p.items[i] for p in parts if isinstance(p, tree.Tuple) and len(p.items) > i]
                    return all(self.has_source(part, scope, True, depth) for part in parts)
        return False


def bare(expr: tree.Expr) -> tree.Expr:
    """An expression without the parentheses around it."""
    while isinstance(expr, tree.Group):
        expr = expr.body
    return expr


def callee_name(expr: tree.Call | tree.Name) -> tree.Name:
    """What a step calls, with or without arguments, where it stands."""
    return expr.name if isinstance(expr, tree.Call) else expr


def callee(expr: tree.Call | tree.Name) -> str:
    """What a step calls, with or without arguments."""
    return callee_name(expr).name


def as_activation(expr: tree.Call | tree.Name) -> tree.Call | tree.Name:
    """A bare activation's name as a layer is ``act(name)``; everything else as it is."""
    if isinstance(expr, tree.Name) and entry_of("activation", expr.name):
        return tree.Call(expr.span, tree.Name(expr.span, "act"), (tree.Argument(expr.span, None, expr),))
    return expr


def renamed(expr: tree.Call | tree.Name, name: str) -> tree.Call | tree.Name:
    """The same step, calling ``name``."""
    if isinstance(expr, tree.Call):
        return tree.Call(expr.span, tree.Name(expr.name.span, name), expr.args)
    return tree.Name(expr.span, name)


def endless(name: str, span: Span, bound: Span) -> Problem:
    """The problem of a recipe or a block that stands in itself."""
    return Problem(
        "ST208",
        f"{name} uses itself: it would never end",
        span,
        labels=(Label(bound, "bound here"),),
        help="use '* n' or 'for' to repeat a part",
    )


def too_many(span: Span, count: int | None = None) -> Problem:
    """The problem of a spec that expands to more layers than anybody means."""
    return Problem(
        "ST211",
        f"the spec expands to more than {MOST_LAYERS:,} layers",
        span,
        label=f"{count:,} copies" if count else "here the limit is passed",
        help="repeat fewer times",
    )
