"""Copies and loops, and what ``as`` names in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.applying import Applying
from seqtopo.graph.graph import Bundle, Value
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.scope import Block, Bound, Failed, Named, Plain, Scope
from seqtopo.graph.walker import (
    MOST_LAYERS,
    Env,
    TooMuch,
    bare,
    too_many,
)
from seqtopo.layers import registry
from seqtopo.layers.sizes import Expr
from seqtopo.layers.values import Object, show
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


class Repeating(Applying):
    """The part of the walk that repeats steps and names values."""

    def _repeat(self, expr: tree.Arithmetic, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        if any(operator != "*" for operator, _ in expr.rest):
            operator = next(o for o, _ in expr.rest if o != "*")
            layer = {"+": "add", "-": "sub"}.get(operator)
            items = ", ".join(print_expr(e) for e in (expr.first, *(e for _, e in expr.rest)))
            raise Problem(
                "ST213",
                f"'{operator}' joins numbers, not flows",
                expr.span,
                help=f"merge flows with a list: [{items}] -> {layer}" if layer else "",
                fixes=(
                    (Fix(f"merge with {layer}", (Edit(expr.span, f"[{items}] -> {layer}"),)),)
                    if layer
                    else ()
                ),
            )
        times = 1
        for _, operand in expr.rest:
            count = self.evaluator.value(operand, env.scope, self._width(incoming, env))
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                from seqtopo.graph.unbound import not_whole

                wants = "a flow is repeated a whole number of times"
                help = "bind the symbol, or write the number"
                raise not_whole(count, operand.span, wants, "2", "ST203", help)
            times *= count
        if times > MOST_LAYERS:
            self.report(too_many(expr.span, times))
            raise TooMuch
        values = self._needed(incoming, expr)
        for turn in range(times):
            inner = env.inside(self.frame(env.frame, (id(expr), turn)))
            values = self.run(expr.first, values, inner, head=False)
        return values

    def _for(self, expr: tree.For, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        width = self._width(incoming, env)
        found = incoming
        for turn, bound in enumerate(self._turns(expr, env, width)):
            scope = Scope(env.scope, bound, own_names=False)
            inner = env.inside(self.frame(env.frame, (id(expr), turn)), scope)
            found = self.run(expr.body, found, inner, head=head and turn == 0)
        return self._needed(found, expr)

    def nested(self, expr: tree.Branches, incoming: Bundle | None, env: Env) -> Iterator[Env]:
        """Where each branch is walked: the first loop is the outermost, and later ones see its names."""
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
        """What the names of a ``for`` stand for at each turn."""
        values, scope, targets = bare(expr.values), env.scope, expr.targets
        each = self._collected(values, env.scope, env)
        if each is not None:
            if len(targets) > 1:
                raise Problem(
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
        if isinstance(named, Plain) and named.passed is not None:
            # The items of a list that has a name may be layers, as those of one that is written here.
            values, scope = bare(named.passed.expr), named.passed.scope
        if isinstance(values, tree.List):
            for item in values.items:
                one = bare(item)
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
            from seqtopo.graph.unbound import unbound

            wants = "for goes through a list or a range"
            raise unbound(found, expr.values.span, wants, "[1,2,4]") or Problem(
                "ST203",
                "for goes through a list or a range",
                expr.values.span,
                help="as in [1,2,4] or [1..8], or a name that 'as' has collected values under",
                fixes=_as_range(found, expr.values.span),
            )
        for value in found:
            yield self._turn(expr, value)

    def _collected(self, values: tree.Expr, scope: Scope, env: Env) -> Bundle | None:
        """The values of the graph that a ``for`` goes through, where a name stands for some."""
        if isinstance(values, tree.Attribute):
            return self.second(values, Env(scope, env.graph))
        bound = scope.find(values.name) if isinstance(values, tree.Name) else None
        if isinstance(bound, Plain) and bound.passed is not None:
            return self._collected(bare(bound.passed.expr), bound.passed.scope, env)
        return self._here(bound, values, env) if isinstance(bound, Named) else None

    def _turn(self, expr: tree.For | tree.Loop, value: Any) -> dict[str, Bound]:
        values = (value,) if len(expr.targets) == 1 else value
        if not isinstance(values, (tuple, list)) or len(values) != len(expr.targets):
            raise Problem(
                "ST219",
                f"for binds {len(expr.targets)} names, but is given {show(value)}",
                expr.values.span,
                help="give each turn a tuple of that many values, as in [(64,8), (128,5)]",
            )
        return {t.name: Plain(v, t.span) for t, v in zip(expr.targets, values, strict=True)}

    def _as(self, expr: tree.As, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        before = len(env.graph.nodes)
        values = self.run(expr.body, incoming, env, head)
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
        """Raises Problem where a name cannot be bound; ``flow``, where it is one of a flow or a layer."""
        known = scope.names.get(name.name)
        if known is not None:
            raise Problem(
                "ST207",
                f"{name.name} is bound a second time",
                name.span,
                label="again",
                labels=(Label(known.span, "bound here first"),),
                help="choose another name",
            )
        taken = registry.taken(name.name)
        if taken:
            raise Problem(
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
        """The second values that ``name.state`` or ``name.scores`` stands for.

        Raises:
            Problem, Broken: there are none.
        """
        base = expr.base.name
        bound = env.scope.find(base)
        asked = ".".join(n.name for n in expr.names)
        if isinstance(bound, Failed):
            raise Broken
        if isinstance(bound, Block):
            uses = [u for u in bound.uses if u.graph is env.graph]
            if not uses:
                raise Problem(
                    "ST216",
                    f"{base} has no {asked} yet: it was not applied to anything before this",
                    expr.span,
                    labels=(Label(bound.span, "bound here"),),
                    help=f"apply {base} first",
                )
            values, nodes = uses[-1].values, uses[-1].nodes
        elif isinstance(bound, Named):
            values, nodes = self._here(bound, expr, env), bound.nodes
        else:
            near = self.guess(base, env.scope.all_names())
            raise Problem(
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
                raise Broken
            own = [i for i in behind if asked in graph.nodes[i].extras]
        if not own:
            raise Problem(
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


def _as_range(found: Any, span: Span) -> tuple[Fix, ...]:
    """The fix for Python's ``range(1,9)``, which ends before its last number."""
    if not (
        isinstance(found, Object) and found.name == "range" and 0 < len(found.args) < 3 and not found.kwargs
    ):
        return ()
    first, stop = found.args if len(found.args) == 2 else (0, found.args[0])
    last = stop - 1 if isinstance(stop, (int, Expr)) else stop
    return (Fix(f"write [{first}..{last}]", (Edit(span, f"[{first}..{last}]"),)),)
