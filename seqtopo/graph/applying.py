"""Applying what has a name: blocks and models with their own layers, recipes with fresh ones."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.diag.nearest import nearest
from seqtopo.graph.calls import Calls
from seqtopo.graph.graph import Bundle, Node, Value
from seqtopo.graph.infer import check_input, infer
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.scope import Block, Named, Passed, Recipe, Scope, Use
from seqtopo.graph.walker import Env, bare, callee, endless
from seqtopo.layers import registry
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


class Applying(Calls):
    """The part of the walk that applies names."""

    def _apply_block(self, block: Block, incoming: Bundle, expr: tree.Expr, env: Env) -> Bundle:
        if block.name in env.within:
            raise endless(block.name, expr.span, block.span)
        before = len(env.graph.nodes)
        frame = self.frame(0, ("block", block.name))
        within = (*env.within, block.name)
        inner = replace(env, scope=env.scope.root(), frame=frame, prefix=block.name, within=within)
        values = self.run(block.body, incoming, inner, head=True)
        block.uses.append(Use(env.graph, incoming, values, range(before, len(env.graph.nodes))))
        return values

    def name_block(self, block: Block) -> None:
        """A block that is one layer names it."""
        layer = self._layers.get((self.frame(0, ("block", block.name)), id(bare(block.body))))
        if layer is not None and not layer.name:
            layer.name = block.name

    def _call_shared(self, block: Block, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        """``token(reverse)``: one shared layer, with other arguments of its call."""
        body = bare(block.body)
        frame = self.frame(0, ("block", block.name))
        layer = self._layers.get((frame, id(body)))
        if not isinstance(body, (tree.Call, tree.Name)) or (
            layer is None and registry.find(callee(body)) is None
        ):
            raise Problem(
                "ST213",
                f"{block.name} is a flow, not one layer: it takes no arguments",
                expr.span,
                labels=(Label(block.span, "bound here"),),
                help=f"write -> {block.name}, or make it a recipe: def {block.name}(...) = ...",
            )
        inner = replace(env, scope=env.scope.root(), frame=frame, prefix=block.name)
        before = len(env.graph.nodes)
        row = layer.row if layer is not None else self._row(tree.Name(expr.name.span, callee(body)), env)
        values = self._layer_step(body, body, row, incoming, inner, more=expr)
        block.uses.append(Use(env.graph, incoming, values, range(before, len(env.graph.nodes))))
        return values

    def _use_recipe(self, recipe: Recipe, call: tree.Call, incoming: Bundle | None, env: Env) -> Bundle:
        if recipe.name in env.within:
            raise endless(recipe.name, call.span, recipe.span)
        scope = Scope(env.scope.root())
        names = [p.name.name for p in recipe.params]
        given: dict[str, tree.Argument] = {}
        place = 0
        for arg in call.args:
            if arg.name is None:
                if place >= len(names):
                    raise _recipe_count(recipe, call, names)
                name = names[place]
                place += 1
            else:
                name = arg.name.name
                if name not in names:
                    near = nearest(name, names)
                    raise Problem(
                        "ST219",
                        f"{recipe.name} has no parameter {name}",
                        arg.name.span,
                        labels=(Label(recipe.span, "the recipe"),),
                        help=f"did you mean {near}?" if near else f"its parameters are {', '.join(names)}",
                    )
            if name in given:
                raise Problem("ST205", f"{name} is given twice", arg.span, help="keep one of them")
            given[name] = arg
        width = self._width(incoming, env)
        for param in recipe.params:
            arg_given = given.get(param.name.name)
            if arg_given is not None:
                bound = self.evaluator.given(arg_given.value, env.scope, param.span, width)
            elif param.default is not None:
                bound = self.evaluator.given(param.default, scope, param.span, width)
            else:
                raise _recipe_count(recipe, call, names)
            scope.names[param.name.name] = bound
        inner = replace(
            env,
            scope=scope,
            frame=self.frame(env.frame, id(call)),
            prefix=recipe.name,
            within=(*env.within, recipe.name),
        )
        return self.run(recipe.body, incoming, inner, head=True)

    def _use_passed(
        self, passed: Passed, at: tree.Name, incoming: Bundle | None, env: Env, head: bool
    ) -> Bundle:
        """A flow that was given to a recipe, where its parameter stands: fresh layers at each place."""
        return self.passed_on(passed, at, env, lambda inner: self.run(passed.expr, incoming, inner, head))

    def _apply_model(self, bound: Named, name: str, incoming: Bundle, span: Span, env: Env) -> Bundle:
        """Applies what was made from inputs to other values, with the same layers."""
        graph = bound.graph
        sources = graph.sources(bound.values)
        if len(sources) != len(incoming):
            raise Problem(
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
                raise Broken
            try:
                check_input(name, graph.nodes[index], tensor)
            except Refusal as refusal:
                raise Problem(
                    refusal.code,
                    refusal.message,
                    span,
                    label=refusal.label,
                    labels=(Label(graph.nodes[index].span, "declares it"),),
                    help=refusal.help,
                    fixes=self._declares(graph.nodes[index], tensor),
                ) from None

        def there(value: Value) -> Value:
            if value.node in sources:
                return incoming[sources.index(value.node)]
            return Value(moved[value.node], value.output, value.extra)

        for index in graph.ancestors(bound.values):
            node = graph.nodes[index]
            if node.layer is None:
                if node.outputs is None:
                    raise Broken
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
                from seqtopo.graph.blame import problem_of

                problem = problem_of(refusal, env.graph, copy, tree.Name(span, name), self.sources)
                more = Label(node.span, f"this layer of {name}")
                found = problem.diagnostic
                raise Problem(
                    found.code,
                    found.message,
                    span,
                    label=found.label,
                    labels=(more, *found.labels),
                    notes=found.notes,
                    help=found.help,
                    fixes=found.fixes,
                ) from None
        return tuple(map(there, bound.values))

    def _declares(self, source: Node, came: Tensor) -> tuple[Fix, ...]:
        """The ``in(...)`` of a named model with the sizes that come."""
        written = self.sources.of(source)
        if not isinstance(written, tree.Call):
            return ()
        from seqtopo.graph.failure_site import size_text
        from seqtopo.syntax.rewrite import declared

        new = print_expr(declared(written, tuple(map(size_text, came.shape))))
        return (Fix(f"declare what comes: {new}", (Edit(written.span, new),)),)


def _recipe_count(recipe: Recipe, call: tree.Call, names: list[str]) -> Problem:
    wanted = f"{recipe.name}({', '.join(names)})"
    return Problem(
        "ST219",
        f"{recipe.name} is given {len(call.args)} argument{'s' * (len(call.args) != 1)}, it takes {wanted}",
        call.span,
        labels=(Label(recipe.span, "the recipe"),),
        help=f"write {wanted}",
    )
