"""Flows: each step of the tree becomes nodes of the graph, with their shapes, as it is walked.

A node gets its shape when it is added, since ``_`` and ``is(...)`` are answered from it. Where a
layer stands decides which weights it has: its place is the tree node together with the *frame* it
is walked in. A recipe's use, a copy (``* n``) and a turn of a ``for`` open a frame of their own;
a named block has one frame for all its uses, and so shares its layers.
"""

from __future__ import annotations

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Bundle, Value
from seqtopo.graph.inputs import read_input
from seqtopo.graph.lower_sizes import LowerCaseSize
from seqtopo.graph.problem import Broken, Problem
from seqtopo.graph.repeating import Repeating
from seqtopo.graph.scope import Block, Failed, Named, Passed, Plain, Recipe
from seqtopo.graph.walker import (
    MOST_LAYERS,
    Env,
    TooMuch,
    as_activation,
    bare,
    callee_name,
    too_many,
)
from seqtopo.layers.sizes import Expr, Size, is_open, same, show_shape
from seqtopo.layers.values import Tensor, Word, show
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


class Flows(Repeating):
    """The walk over every form of a flow."""

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
                    raise Problem(
                        "ST213",
                        "this list has no branch, so nothing comes out of it",
                        expr.span,
                        label="empty",
                        help="write at least one branch, as in [lstm(32), gru(32)], or id for what comes in",
                    )
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
                    raise Problem(
                        "ST213",
                        f"{print_expr(expr)} is a value: it cannot be applied to what comes in",
                        expr.span,
                        help="put it in a branch: [id, "
                        + print_expr(expr)
                        + "], or start from it with init=",
                    )
                return self.second(expr, env)
            case _:
                raise Problem(
                    "ST213",
                    f"{print_expr(expr)} is not a layer or a flow",
                    expr.span,
                    label="no step",
                    help="a step is a layer, as in dense(64)",
                )

    def _guarded(self, expr: tree.Expr, incoming: Bundle | None, env: Env) -> Bundle:
        """One branch; a mistake in it does not hide those of the others."""
        try:
            return self.run(expr, incoming, env, head=True)
        except Problem as problem:
            self.report(problem)
        except Broken:
            pass
        return self.broken(expr.span, env)

    def _branches(self, expr: tree.Branches, incoming: Bundle | None, env: Env) -> Bundle:
        """A branch for each value of the loops: fresh layers, what comes in for all of them."""
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
                if alone and not isinstance(bare(step), tree.List):
                    raise self._lost(step)
                values = self.run(step, incoming, env, head=head and i == 0)
                named = alone and isinstance(bare(expr.steps[i - 1]), tree.As)
                if alone and not named and incoming is not None and not self._follows(values, incoming, env):
                    raise self._lost(step)
                incoming = values
            except Problem as problem:
                if i == 0 and incoming is None and problem.diagnostic.code in ("ST210",):
                    raise
                self.report(problem)
                incoming = self.broken(step.span, env)
            except Broken:
                incoming = self.broken(step.span, env)
        assert incoming is not None
        return incoming

    def _follows(self, values: Bundle, incoming: Bundle, env: Env) -> bool:
        """Whether what comes in takes part in what goes on: a list may name what led to it.

        What is broken has been reported: nothing more is said of it.
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
                raise Broken
            case Named():
                if head:
                    return self._here(bound, expr, env)
                return self._apply_model(bound, name, self._needed(incoming, expr), expr.span, env)
            case Block():
                return self._apply_block(bound, self._needed(incoming, expr), expr, env)
            case Recipe():
                raise Problem(
                    "ST219",
                    f"{name} is a recipe: it is used with parentheses",
                    expr.span,
                    help=f"write {name}(...)",
                    fixes=(Fix(f"write {name}()", (Edit(expr.span, f"{name}()"),)),),
                )
            case Plain(passed=Passed() as passed):
                return self._use_passed(passed, expr, incoming, env, head)
            case Plain(value=value):
                self.evaluator.used[expr.span] = bound
                raise Problem(
                    "ST213", f"{name} is {show(value)}, not a layer", expr.span, help="write dense(...)"
                )
        if expr.is_symbol and self.evaluator.free.get(name, expr.span) != expr.span:
            raise Problem(
                "ST213",
                f"{name} is a size, not a layer",
                expr.span,
                label="no step",
                labels=(Label(self.evaluator.free[name], "a size here"),),
                help="names of layers and bindings start with a lower-case letter",
            )
        return self._named_layer(expr, expr, incoming, env)

    def _named_layer(self, at: tree.Name, name: tree.Name, incoming: Bundle | None, env: Env) -> Bundle:
        """A layer by its bare name; ``at`` is where it stands, which may be a parameter's name."""
        call = as_activation(name)
        row = self._row(callee_name(call), env, at)
        return self._layer_step(at, call, row, incoming, env)

    def _call(self, expr: tree.Call, incoming: Bundle | None, env: Env, head: bool) -> Bundle:
        name = expr.name.name
        if name == "in":
            if incoming is not None and not head:
                raise self._lost(expr)
            return (self._input(expr, env),)
        if name == "is":
            return self._assert(expr, self._needed(incoming, expr), env)
        if name == "res":
            return self._residual(expr, self._needed(incoming, expr), env)
        bound = env.scope.find(name)
        match bound:
            case None:
                pass
            case Failed():
                raise Broken
            case Recipe():
                return self._use_recipe(bound, expr, incoming, env)
            case Block():
                return self._call_shared(bound, expr, self._needed(incoming, expr), env)
            case Named():
                raise Problem(
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
                    case Recipe() as recipe:
                        return self._use_recipe(recipe, expr, incoming, env)
                    case Block() as block:
                        return self._call_shared(block, expr, self._needed(incoming, expr), env)
                return self._layer_step(expr, renamed, self._row(called, env), incoming, env)
            case Plain(value=Expr(is_atom=True) as size) if not is_open(size):
                # A name that stands for another one, which nothing binds.
                self.evaluator.used[expr.name.span] = bound
                called = tree.Name(expr.name.span, str(size))
                return self._layer_step(expr, expr, self._row(called, env), incoming, env)
            case Plain(value=value, passed=passed):
                self.evaluator.used[expr.name.span] = bound
                whole = f"{name} is {show(value)}, not a layer"
                if passed is not None:
                    whole = f"{name} is {show(value)}, which takes no more arguments"
                raise Problem(
                    "ST213",
                    whole,
                    expr.name.span,
                    help=f"write {name} alone, or bind it to a layer without arguments: {name}=lstm"
                    if passed is not None
                    else "a step is a layer, as in dense(64)",
                )
        if expr.name.name in ("id", "train", "let", "def"):
            raise Problem(
                "ST213", f"{expr.name.name} takes no arguments here", expr.span, help="write it alone"
            )
        return self._layer_step(expr, expr, self._row(expr.name, env, expr), incoming, env)

    def _input(self, expr: tree.Call, env: Env) -> Value:
        if self._nodes >= MOST_LAYERS:
            self.report(too_many(expr.span))
            raise TooMuch
        self._nodes += 1
        found = read_input(expr, lambda e: self.evaluator.value(e, env.scope))
        node = env.graph.add(expr.span, batch=found.batch, below=found.below)
        tensor = found.tensor
        if env.graph is self.graph and node.index in self.shapes:
            tensor = Tensor(self.shapes[node.index], tensor.dtype)
        node.outputs = (tensor,)
        self.sources.note(expr)
        return Value(node.index)

    def _assert(self, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        width = self._width(incoming, env)
        wanted: list[Size] = []
        for arg in expr.args:
            size = self.evaluator.value(arg.value, env.scope, width)
            known = isinstance(size, (int, Expr)) and not isinstance(size, bool)
            if arg.name is None and isinstance(size, Word):
                raise LowerCaseSize("ST203", (size.name,), arg.span)
            if arg.name is not None or not known:
                raise Problem(
                    "ST203", "is(...) takes sizes", arg.span, label="not a size", help="as in is(T,64)"
                )
            wanted.append(size)
        tensors = env.graph.tensors(incoming)
        if tensors is None:
            raise Broken
        if len(tensors) != 1:
            raise Problem(
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
            raise Problem(
                "ST305",
                f"the shape here is {show_shape(shape)}, not {show_shape(wanted)}",
                expr.span,
                label="does not hold",
                labels=(Label(made.span, f"gives {show_shape(shape)}"),),
                help="mend the layers before it, or the assertion",
                fixes=(Fix("assert what it is", (Edit(expr.span, f"is{_tight(shape)}"),)),),
            )
        return incoming

    def _residual(self, expr: tree.Call, incoming: Bundle, env: Env) -> Bundle:
        if len(expr.args) != 1 or expr.args[0].name is not None:
            raise Problem(
                "ST204" if not expr.args else "ST205",
                "res(...) takes one flow, and nothing else",
                expr.span,
                help="write res(FLOW), as in res(conv1d(64,3,same) -> relu)",
            )
        inner = self._guarded(expr.args[0].value, incoming, env)
        add = tree.Name(expr.span, "add")
        return self._layer_step(expr, add, self._row(add, env), (*incoming, *inner), env)


def _tight(shape: tuple[Size, ...]) -> str:
    return f"({','.join(map(str, shape))})"
