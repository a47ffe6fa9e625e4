"""Calls of layers: the layer that a place stands for, its arguments, and what it wraps."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.diag.model import Label
from seqtopo.graph.arguments import Arguments, read_arguments
from seqtopo.graph.graph import Bundle, Graph, SubModel, Value
from seqtopo.graph.infer import infer
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.scope import Block, Failed, Named, Plain
from seqtopo.graph.walker import (
    Env,
    Walker,
    as_activation,
    bare,
    callee,
    callee_name,
    endless,
    renamed,
)
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import show_shape
from seqtopo.layers.values import Refusal, Tensor, Word
from seqtopo.syntax import tree


class Calls(Walker):
    """The part of the walk that makes layers and their calls."""

    def _layer_step(
        self,
        at: tree.Expr,
        call: tree.Call | tree.Name,
        row: Row,
        incoming: Bundle | None,
        env: Env,
        more: tree.Call | None = None,
    ) -> Bundle:
        """One call of a layer: ``call`` says which, ``at`` is the tree node that it belongs to.

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
        self.sources.note(shown)
        for used in node.needs:
            if used.extra:
                env.graph.nodes[used.node].wants |= {used.extra}
        try:
            infer(env.graph, node)
        except Refusal as refusal:
            from seqtopo.graph.blame import problem_of

            raise problem_of(refusal, env.graph, node, shown, self.sources) from None
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
        """The layer written at a place: made the first time the place is walked, then the same."""
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
        found = read_arguments(
            row,
            call,
            lambda e: self.evaluator.value(e, env.scope, width),
            lambda e: known or self._inside(e, row, incoming, env),
            lambda e: self._values(e, env),
            unshared,
        )
        for name in ("return_state", "return_attention_scores"):
            if name in found.spans and (found.args.get(name) or found.call.get(name)):
                given = call.args if isinstance(call, tree.Call) else ()
                from seqtopo.graph.wrong_arguments import second_output

                raise second_output(row, name, next(a for a in given if a.span == found.spans[name]), call)
        return found

    def _values(self, expr: tree.Expr, env: Env) -> Bundle | None:
        if isinstance(expr, tree.Name):
            if expr.name == "none":
                return None
            bound = env.scope.find(expr.name)
            if isinstance(bound, Plain) and bound.value is None:
                return None
            if bound is None and expr.is_symbol:
                from seqtopo.graph.unbound import unbound_name

                self.evaluator.free.setdefault(expr.name, expr.span)
                raise unbound_name(expr.name, expr.span, "a value of the graph must stand here", "encoder")
            if bound is None:
                near = self.guess(expr.name, env.scope.all_names())
                raise Problem(
                    "ST206",
                    f"nothing is bound to {expr.name}",
                    expr.span,
                    help=f"did you mean {near}?" if near else "bind a value to the name first",
                )
        return self.run(expr, None, env, head=True)

    def _inside(self, expr: tree.Expr, row: Row, incoming: Bundle, env: Env) -> Layer | SubModel:
        """What stands in a wrapper: a layer, or a flow as a sub-model."""
        self.deepen(expr.span, levels=4)
        try:
            return self._wrapped(expr, row, incoming, env)
        finally:
            self.depth -= 4

    def _wrapped(self, expr: tree.Expr, row: Row, incoming: Bundle, env: Env) -> Layer | SubModel:
        body = bare(expr)
        frame = env.frame
        name = ""
        if isinstance(body, tree.Name):
            bound = env.scope.find(body.name)
            if isinstance(bound, Failed):
                raise Broken
            if isinstance(bound, Plain) and bound.passed is not None:
                passed = bound.passed
                return self.passed_on(
                    passed, body, env, lambda inner: self._inside(passed.expr, row, incoming, inner)
                )
            if isinstance(bound, Named):
                return self._sub_model_of(bound, body.name)
            if isinstance(bound, Block):
                name, frame = bound.name, self.frame(0, ("block", bound.name))
                if name in env.within:
                    raise endless(name, expr.span, bound.span)
                body = bare(bound.body)
                env = replace(env, scope=env.scope.root(), within=(*env.within, name))
        if isinstance(body, (tree.Call, tree.Name)):
            called = env.scope.find(callee(body))
            call = body
            if isinstance(called, Plain) and isinstance(called.value, Word):
                call = renamed(body, called.value.name)
                called = self.named_by(called)
            if called is None and callee(call) not in ("id", "res", "is", "in"):
                steps = env.steps + row.steps
                inner = replace(env, frame=frame, prefix=name or env.prefix, steps=steps)
                layer = self._layer_inside(body, as_activation(call), incoming, inner)
                if not (row.steps and layer.row.operation(layer.args)):
                    return layer
                # Keras has no layer for it to wrap: it is a flow of one step.
        return self._sub_model(body, row, incoming, env.inside(frame), name)

    def _layer_inside(self, at: tree.Expr, call: tree.Call | tree.Name, incoming: Bundle, env: Env) -> Layer:
        row = self._row(callee_name(call), env, at)
        layer, arguments = self._layer(at, call, row, incoming, env)
        for name in (*arguments.call, *arguments.tensors):
            raise Problem(
                "ST313",
                f"{name} is an argument of the call: it stands in the wrapper, not inside it",
                arguments.spans[name],
                help=f"write it after the inner layer: wrapper({row.name}(...), {name}=...)",
            )
        return layer

    def _sub_model(self, body: tree.Expr, row: Row, incoming: Bundle, env: Env, name: str) -> SubModel:
        if self.has_source(body, env.scope):
            raise self._lost(body)
        tensors = env.graph.tensors(incoming)
        if tensors is None:
            raise Broken
        graph = Graph(name=name)
        inputs = []
        steps = env.steps + row.steps
        for tensor in tensors:
            shape = tensor.shape
            if steps:
                if len(shape) <= steps:
                    from seqtopo.graph.failure_site import maker
                    from seqtopo.graph.rank_fixes import keep_steps

                    made = maker(env.graph, incoming[0])
                    raise Problem(
                        "ST301",
                        f"{row.name} takes a sequence but is given {show_shape(shape)}",
                        body.span,
                        label=f"takes {steps + 1} or more axes, is given {len(shape)}",
                        labels=(Label(made.span, f"gives {tensor}"),),
                        help="keep the steps: add seq to the recurrent layer before it",
                        fixes=tuple(keep_steps(made, self.sources.of(made))),
                    )
                shape = shape[steps:]
            node = graph.add(body.span)
            node.outputs = (Tensor(shape, tensor.dtype),)
            inputs.append(Value(node.index))
        graph.inputs = tuple(v.node for v in inputs)
        inner = replace(env, graph=graph, frame=self.frame(env.frame, id(body)), steps=0)
        graph.outputs = self.run(body, tuple(inputs), inner, head=True)
        if graph.tensors(graph.outputs) is None:
            raise Broken
        for node in graph.nodes:
            if node.layer is None and node.index not in graph.inputs:
                raise Problem(
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
                raise Broken
        graph.nodes = old.nodes[: max(v.node for v in bound.values) + 1]
        graph.inputs = old.sources(bound.values)
        graph.outputs = bound.values
        graph.weights = old.weights
        graph.first = old.first
        return SubModel(graph, name)

    def _hand_over(self, layer: Layer, arguments: Arguments, env: Env) -> dict[str, Bundle]:
        """The call's values; a two-directional layer's states, handed to a one-directional one,
        merged as its outputs are.
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
        from seqtopo.layers.wrappers import merging_row

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
