"""Follows Python code that makes Keras models, without running it.

Statements run one after the other on values that may be unknown. Of a branch that is not known both sides
run, and what they agree on stays. A called function runs with what its calls give it, one that is never
called with its defaults and symbols.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.code import builtin_calls, data, keras_names
from seqtopo.code.classes import kind_of, make_instance, read_subclass
from seqtopo.code.expressions import SIGNS, attribute_of, binary, defaults_of, evaluate, look_up, subscript
from seqtopo.code.layer_calls import call_layer, call_opaque, operation
from seqtopo.code.machine import PARAMETER, BoundError, Machine
from seqtopo.code.model import CodeFile, CodeLayer, CodeTensor, Value
from seqtopo.code.models import TRAINING, call_model, connect, model_method, new_model, shape_of, shape_tensor
from seqtopo.code.package_calls import call_outside, parser_method
from seqtopo.code.values import (
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    Item,
    KerasModel,
    Module,
    Namespace,
    Outside,
    Partial,
    Passed,
    Scope,
    Super,
    Unknown,
    is_known,
    is_list,
    is_tensor,
    tensors_in,
    truth,
)
from seqtopo.system import bounds

RETURN, BREAK, CONTINUE, RAISE = "return", "break", "continue", "raise"
"""How a block of statements ends, where it does not end by itself."""
_GENERIC = frozenset({"model", "m", "net", "network", "self", "result", "seq", "mdl"})


class Interpreter(Machine):
    """Runs statements and functions. ``find_module`` gives the text of another file of the project."""

    def __init__(self, file: CodeFile, find_module: Callable[[str, Module], Module | None]) -> None:
        super().__init__(file)
        self.find_module = find_module
        self.result: Value = None
        self.modules: dict[str, Module | None] = {}
        self.functions: list[Function] = []
        self.classes: list[Class] = []

    # ---- calls ---------------------------------------------------------------------------------------

    def call(self, function: Value, args: Arguments, node: ast.AST) -> Value:
        """What a call of a value gives."""
        self.tick()
        if isinstance(function, Outside):
            return call_outside(self, function.path, args, node)
        if isinstance(function, Function):
            return self._call_function(function, args, node)
        if isinstance(function, Bound):
            return self._call_bound(function, args, node)
        if isinstance(function, CodeLayer):
            return call_layer(self, function, args, node)
        if isinstance(function, KerasModel):
            return self._call_model(function, args, node)
        if isinstance(function, Class):
            return self._make(function, args, node)
        if isinstance(function, Partial):
            held = function.args
            both = Arguments(held.places + args.places, {**held.names, **args.names}, held.unknown or args.unknown)
            return self.call(function.function, both, node)
        if isinstance(function, Instance):
            called = function.cls.find("__call__")
            if isinstance(called, Function):
                return self._call_function(called, args, node, function)
        if isinstance(function, data.ArrayMethod):
            if any(tensors_in(v) for v in args.values):
                return call_opaque(self, function.name, "a method that is not followed", args, node)
            return data.method(self, function.of, function.name, args, node)
        return self._call_unknown(function, args, node)

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """What an attribute of a value is."""
        return attribute_of(self, value, name, node)

    def _call_unknown(self, function: Value, args: Arguments, node: ast.AST) -> Value:
        if any(tensors_in(v) for v in args.values):
            name = function.text if isinstance(function, Unknown) else ""
            name = name if name.replace(".", "").replace("_", "").isalnum() else "function"
            return call_opaque(self, name.rsplit(".", 1)[-1], "a function that is not read", args, node)
        if isinstance(function, Unknown):
            values = args.values
            if all(is_known(v) and builtin_calls.hashable(v) for v in values):
                return self.part(function, ("call", *values, *args.names), self.text(node), node)
        return self.unknown("what a function gives that is not read", node)

    def _call_bound(self, method: Bound, args: Arguments, node: ast.AST) -> Value:
        of, name = method.of, method.name
        if method.function is not None:
            return self._call_function(method.function, args, node, of)
        if isinstance(of, KerasModel):
            if name == "call" and of.kind == "subclass":
                return self._call_model(of, args, node)
            if name in TRAINING and of.kind == "subclass" and not of.code.inputs:
                self._read_for_data(of, args, node)
            return model_method(self, of, name, args, node)
        if isinstance(of, str):
            return builtin_calls.text_method(self, of, name, args, node)
        if isinstance(of, list):
            return builtin_calls.list_method(self, of, name, args, node)
        if isinstance(of, dict):
            return builtin_calls.dict_method(self, of, name, args, node)
        if isinstance(of, set):
            return builtin_calls.set_method(self, of, name, args, node)
        if isinstance(of, Namespace):
            return parser_method(self, of, name, args, node)
        if isinstance(of, Super):
            return self._call_super(of, name, args, node)
        if is_tensor(of):
            return self._tensor_method(of, name, args, node)
        if isinstance(of, CodeLayer):
            return self._layer_method(of, name, args, node)
        if isinstance(of, tuple) and is_list(of) and name in ("index", "count"):
            return builtin_calls.list_method(self, list(of), name, args, node)
        return self._call_unknown(None, args, node)

    def _layer_method(self, layer: CodeLayer, name: str, args: Arguments, node: ast.AST) -> Value:
        if name == "call":
            return call_layer(self, layer, args, node)
        if name in ("set_weights", "build", "reset_states"):
            return None
        return self.unknown("what a method of a layer gives", node)

    def _tensor_method(self, value: CodeTensor, name: str, args: Arguments, node: ast.AST) -> Value:
        if name == "get_shape":
            shape = shape_of(self, value, node)
            return shape
        if name in ("as_list",):
            return self.unknown("a shape", node)
        places = [Passed(value), *args.places]
        return operation(self, name, Arguments(places, args.names), node)

    def _call_super(self, of: Super, name: str, args: Arguments, node: ast.AST) -> Value:
        owner = of.of if isinstance(of.of, Instance) else None
        found = owner.cls.find(name, of.cls) if owner is not None else None
        if isinstance(found, Function) and owner is not None:
            return self._call_function(found, args, node, owner)
        if owner is not None and owner.model is not None and name == "__init__":
            inputs, outputs = args.value(0, "inputs"), args.value(1, "outputs")
            if inputs is not None and outputs is not None:
                owner.model.kind = "functional"
                connect(self, owner.model, inputs, outputs, node)
            return None
        if owner is not None and owner.model is not None and name in TRAINING:
            return model_method(self, owner.model, name, args, node)
        if any(tensors_in(v) for v in args.values):
            return call_opaque(self, name, "a method that is not read", args, node)
        return None if name == "__init__" else self.unknown("what a method gives that is not read", node)

    def _call_model(self, model: KerasModel, args: Arguments, node: ast.AST) -> Value:
        if model.kind == "subclass" and args.places:
            read_subclass(self, model, args.places[0].value, node)
        return call_model(self, model, args, node)

    def _read_for_data(self, model: KerasModel, args: Arguments, node: ast.AST) -> None:
        given = args.value(0, "x")
        shape = getattr(given, "shape", None) if data.is_data(given) else None
        tensor = shape_tensor(self, tuple(shape[1:])) if shape else None
        if tensor is not None:
            read_subclass(self, model, tensor, node)

    def _make(self, cls: Class, args: Arguments, node: ast.AST) -> Value:
        if cls.made > 200:
            return self.unknown("an object of a class", node)
        return make_instance(self, cls, args, node)

    def _call_function(self, function: Function, args: Arguments, node: ast.AST, of: Value = None) -> Value:
        function.calls += 1
        if self.depth >= bounds.CODE_DEPTH:
            return self._call_unknown(None, args, node)
        if not isinstance(function.node, ast.Lambda) and _is_generator(function.node):
            return self.unknown("what a generator gives", node)
        scope = Scope({}, function.scope.module, function.scope, function, function.owner)
        scope.names.update(self._bound(function, args, of, node))
        outer, statement, trail = self.scope, self.statement, len(self.trail)
        self.scope, self.depth = scope, self.depth + 1
        try:
            if isinstance(function.node, ast.Lambda):
                return evaluate(self, function.node.body)
            end = self.run(function.node.body)
            value = self.result if end == RETURN else None
            if end == RAISE and scope.returned:
                value = scope.returned.pop()
            for other in scope.returned:
                value = self.join(other, value, function.node, function.name)
        finally:
            del self.trail[trail:]
            self.scope, self.statement, self.depth = outer, statement, self.depth - 1
        for model in [value] if not is_list(value) else value:
            if isinstance(model, KerasModel) and not model.code.name:
                model.code.name = function.name
        return value

    def _bound(self, function: Function, args: Arguments, of: Value, node: ast.AST) -> dict[str, Value]:
        """The values of a function's parameters."""
        said = function.node.args
        places = [p.value for p in args.places]
        if of is not None and function.kind != "staticmethod":
            places.insert(0, of)
        names = {name: p.value for name, p in args.names.items()}
        found: dict[str, Value] = {}
        parameters = [*said.posonlyargs, *said.args]
        for i, parameter in enumerate(parameters):
            name = parameter.arg
            if i < len(places):
                found[name] = places[i]
            elif name in names:
                found[name] = names.pop(name)
            else:
                found[name] = self._default(function, name, args, parameter)
        if said.vararg is not None:
            rest = tuple(places[len(parameters) :])
            found[said.vararg.arg] = self.unknown(PARAMETER, node, said.vararg.arg) if args.unknown else rest
        for parameter in said.kwonlyargs:
            name = parameter.arg
            found[name] = names.pop(name) if name in names else self._default(function, name, args, parameter)
        if said.kwarg is not None:
            found[said.kwarg.arg] = self.unknown(PARAMETER, node, said.kwarg.arg) if args.unknown else names
        return found

    def _default(self, function: Function, name: str, args: Arguments, parameter: ast.arg) -> Value:
        if name in function.defaults and not args.unknown:
            return function.defaults[name]
        return self.unknown(PARAMETER, None, name)

    # ---- giving values to names ------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Value) -> None:
        """Gives a value to a name, an attribute, an item or several of them."""
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value, target)
        elif isinstance(target, ast.Attribute):
            self._set_attribute(evaluate(self, target.value), target.attr, value)
        elif isinstance(target, ast.Subscript):
            self._set_item(evaluate(self, target.value), evaluate(self, target.slice), value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value)

    def _bind(self, name: str, value: Value) -> None:
        scope = self.scope.elsewhere.get(name, self.scope)
        self.set(scope.names, name, value)
        if isinstance(value, KerasModel):
            self._name_model(value, name)
        elif isinstance(value, Instance) and value.model is not None:
            self._name_model(value.model, name)

    def _name_model(self, model: KerasModel, name: str) -> None:
        if model.named:
            return
        scope: Scope | None = self.scope
        while scope is not None and scope.function is None:
            scope = scope.around
        if scope is None or scope.function is None:
            model.code.name, model.named = name, True
        elif not model.code.name:
            owner = scope.function.name
            generic = name in _GENERIC and owner not in ("main", "__init__", "lambda", "run", "train")
            model.code.name = owner if generic else name

    def _set_attribute(self, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, KerasModel):
            if owner.instance is None:
                self.set(owner.settings, name, value)
                return
            owner = owner.instance
        if isinstance(owner, (Instance, Namespace, Module, Class)):
            self.set(owner.names, name, value)
            if isinstance(value, KerasModel) and not value.named:
                title = owner.cls.name if isinstance(owner, Instance) else ""
                value.code.name = f"{title}.{name}" if title else name

    def _set_item(self, owner: Value, key: Value, value: Value) -> None:
        if isinstance(owner, dict) and builtin_calls.hashable(key):
            if isinstance(key, Unknown):
                self.set(owner, key, value)
            else:
                self.set(owner, key, value)
        elif isinstance(owner, list):
            self.changes(owner)
            if type(key) is int and -len(owner) <= key < len(owner):
                owner[key] = value
            elif not (isinstance(key, slice) and is_known(key) and is_list(value) and self._set_slice(owner, key, value)):
                owner[:] = [self.unknown("an item that is set", None, "branch") for _ in owner]
        elif data.is_data(owner):
            data.store(self, owner, key, value)
        elif isinstance(owner, Instance):
            found = owner.cls.find("__setitem__")
            if isinstance(found, Function) and self.statement is not None:
                self._call_function(found, Arguments([Passed(key), Passed(value)]), self.statement, owner)

    def _set_slice(self, owner: list[Any], key: slice, value: Sequence[Any]) -> bool:
        try:
            owner[key] = list(value)
        except (ValueError, TypeError):
            return False
        return True

    def _unpack(self, targets: list[ast.expr], value: Value, node: ast.AST) -> None:
        starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        items = builtin_calls.items_of(value)
        if items is not None and starred is not None and len(items) >= len(targets) - 1:
            behind = len(items) - (len(targets) - starred - 1)
            items = [*items[:starred], items[starred:behind], *items[behind:]]
        if items is None or len(items) != len(targets):
            items = [self._item(value, i, t, node) for i, t in enumerate(targets)]
        for target, item in zip(targets, items, strict=True):
            self.assign(target, item)

    def _item(self, value: Value, i: int, target: ast.expr, node: ast.AST) -> Value:
        """The i-th of several values that a value stands for."""
        if is_tensor(value):
            return CodeTensor(value.of, i) if value.output == 0 else self.unknown("an item of a tensor", node)
        text = self.text(target)
        if isinstance(value, Unknown):
            shape = value.text.endswith((".shape", ".size()"))
            return self.part(value, ("item", i), f"{value.text}[{i}]" if shape else text, node)
        if data.is_data(value):
            return self.named(data.item(self, value, i, node), node)
        return self.unknown("an item that is not known", node, text)

    # ---- statements ------------------------------------------------------------------------------------

    def run(self, statements: Sequence[ast.stmt]) -> str:
        """Runs statements, and returns how they end."""
        for statement in statements:
            self.tick()
            self.statement = statement
            kind = _STATEMENTS.get(type(statement))
            if kind is not None:
                end = kind(self, statement)
                if end:
                    return end
        return ""

    def _expression(self, node: ast.Expr) -> str:
        value = evaluate(self, node.value)
        if isinstance(value, _Exit):
            return RAISE
        return ""

    def _assign(self, node: ast.Assign) -> str:
        value = evaluate(self, node.value)
        for target in node.targets:
            self.assign(target, value)
        return ""

    def _assign_annotated(self, node: ast.AnnAssign) -> str:
        if node.value is not None:
            self.assign(node.target, evaluate(self, node.value))
        return ""

    def _assign_operator(self, node: ast.AugAssign) -> str:
        target = node.target
        if isinstance(target, ast.Name):
            before = look_up(self, target.id, target)
        elif isinstance(target, ast.Attribute):
            before = attribute_of(self, evaluate(self, target.value), target.attr, target)
        else:
            before = subscript(self, evaluate(self, target.value), evaluate(self, target.slice), target)
        more = evaluate(self, node.value)
        if isinstance(before, list) and isinstance(node.op, ast.Add):
            builtin_calls.list_method(self, before, "extend", Arguments([Passed(more)]), node)
            return ""
        sign = SIGNS[type(node.op)]
        self.assign(target, binary(self, sign, before, more, node))
        return ""

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        made = Function(node, self.scope, defaults_of(self, node.args), self.scope.owner)
        self.functions.append(made)
        value: Value = made
        for decorator in reversed(node.decorator_list):
            name = decorator.id if isinstance(decorator, ast.Name) else ""
            if name in ("property", "staticmethod", "classmethod"):
                made.kind = name
                continue
            if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "cached_property"):
                if decorator.attr == "setter":
                    return ""
                made.kind = "property"
                continue
            said = evaluate(self, decorator)
            if isinstance(said, Outside) and said.path.endswith("cached_property"):
                made.kind = "property"
            elif isinstance(said, Function):
                found = self.call(said, Arguments([Passed(value)]), decorator)
                value = found if isinstance(found, (Function, Partial)) else value
                made.calls = 0
        self._bind(node.name, value)
        return ""

    def _class(self, node: ast.ClassDef) -> str:
        bases = tuple(evaluate(self, base) for base in node.bases)
        names: dict[str, Value] = {}
        made = Class(node.name, node, bases, names, self.scope.module)
        self.classes.append(made)
        outer = self.scope
        self.scope = _ClassScope(names, outer.module, outer, outer.function, made)
        try:
            self.run(node.body)
        finally:
            self.scope = outer
        if self._has_fields(node, made):
            inherited = [f for b in bases if isinstance(b, Class) and b.fields for f in b.fields]
            own = [s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
            made.fields = tuple(dict.fromkeys([*inherited, *own]))
        self._bind(node.name, made)
        return ""

    def _has_fields(self, node: ast.ClassDef, made: Class) -> bool:
        if made.is_a("typing.NamedTuple", "pydantic.BaseModel"):
            return True
        for decorator in node.decorator_list:
            said = evaluate(self, decorator.func if isinstance(decorator, ast.Call) else decorator)
            if isinstance(said, Outside) and said.path.endswith(("dataclass", "attr.s", "attrs.define")):
                return not isinstance(made.names.get("__init__"), Function)
        return False

    def _return(self, node: ast.Return) -> str:
        self.result = evaluate(self, node.value) if node.value is not None else None
        return RETURN

    def _if(self, node: ast.If) -> str:
        known = truth(evaluate(self, node.test))
        if known is not None:
            return self.run(node.body if known else node.orelse)
        return self._either(node.body, node.orelse, node)

    def _either(self, one: Sequence[ast.stmt], two: Sequence[ast.stmt], node: ast.stmt) -> str:
        """Runs both sides of a branch that is not known, and keeps what they agree on."""
        self.trail.append({})
        end = self.run(one)
        result = self.result
        changed = self.take_back()
        self.trail.append({})
        other_end = self.run(two)
        other_changed = self.take_back()
        if end == RAISE or other_end == RAISE:
            kept = changed if other_end == RAISE and end != RAISE else other_changed
            self.redo(kept)
            if kept is changed:
                self.result = result
                return end
            return other_end
        if end == RETURN and other_end == RETURN:
            self.join_changes(changed, other_changed, node)
            self.result = self.join(result, self.result, node, "result")
            return RETURN
        if end == RETURN or other_end == RETURN:
            self.scope_of_function().returned.append(result if end == RETURN else self.result)
            self.redo(other_changed if end == RETURN else changed)
            return other_end if end == RETURN else end
        self.join_changes(changed, other_changed, node)
        return end if end == other_end else ""

    def scope_of_function(self) -> Scope:
        """The scope of the function that is running."""
        scope = self.scope
        while scope.function is None and scope.around is not None:
            scope = scope.around
        return scope

    def _for(self, node: ast.For | ast.AsyncFor) -> str:
        values = evaluate(self, node.iter)
        if isinstance(values, range):
            items: Any = values
        else:
            items = builtin_calls.items_of(values)
        if items is None:
            return self._some_turns(node, lambda: self.assign(node.target, self._any_item(values, node)), values)
        before, turns = self.activity, 0
        for item in items:
            turns += 1
            idle = self.activity == before
            if turns > (bounds.CODE_IDLE_TURNS if idle else bounds.CODE_TURNS):
                return self._some_turns(node, lambda: self.assign(node.target, self._any_item(values, node)), values)
            self.assign(node.target, item)
            end = self.run(node.body)
            if end == BREAK:
                return ""
            if end in (RETURN, RAISE):
                return end
        return self.run(node.orelse)

    def _any_item(self, values: Value, node: ast.For | ast.AsyncFor) -> Value:
        text = self.text(node.target)
        if isinstance(values, Unknown):
            return self.part(values, "an item", text, node.target)
        return self.unknown("an item of a loop", node.target, text)

    def _some_turns(self, node: Any, start: Callable[[], None], values: Value) -> str:
        """Runs the body of a loop of unknown length once, and keeps what it does not change."""
        self.trail.append({})
        start()
        end = self.run(node.body)
        changed = self.take_back()
        if end == RETURN:
            self.scope_of_function().returned.append(self.result)
        self.join_changes(changed, {}, node)
        return ""

    def _while(self, node: ast.While) -> str:
        before, turns = self.activity, 0
        while True:
            known = truth(evaluate(self, node.test))
            if known is False:
                return self.run(node.orelse)
            turns += 1
            idle = self.activity == before
            if known is None or turns > (bounds.CODE_IDLE_TURNS if idle else bounds.CODE_TURNS):
                return self._some_turns(node, lambda: None, None)
            end = self.run(node.body)
            if end == BREAK:
                return ""
            if end in (RETURN, RAISE):
                return end

    def _with(self, node: ast.With | ast.AsyncWith) -> str:
        for item in node.items:
            value = evaluate(self, item.context_expr)
            if item.optional_vars is not None:
                if not isinstance(value, (Unknown, Instance)):
                    value = self.unknown("what a context gives", item.context_expr)
                self.assign(item.optional_vars, value)
        return self.run(node.body)

    def _try(self, node: Any) -> str:
        end = self.run(node.body)
        if end == RAISE and node.handlers:
            end = self.run(node.handlers[0].body)
        elif not end:
            end = self.run(node.orelse)
        return self.run(node.finalbody) or end

    def _raise(self, node: ast.Raise) -> str:
        return RAISE

    def _break(self, node: ast.Break) -> str:
        return BREAK

    def _continue(self, node: ast.Continue) -> str:
        return CONTINUE

    def _delete(self, node: ast.Delete) -> str:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.drop(self.scope.names, target.id)
            elif isinstance(target, ast.Subscript):
                owner, key = evaluate(self, target.value), evaluate(self, target.slice)
                if isinstance(owner, dict) and builtin_calls.hashable(key):
                    self.drop(owner, key)
                elif isinstance(owner, list) and type(key) is int:
                    builtin_calls.list_method(self, owner, "pop", Arguments([Passed(key)]), node)
        return ""

    def _global(self, node: ast.Global) -> str:
        outer = self.scope
        while outer.around is not None:
            outer = outer.around
        for name in node.names:
            self.scope.elsewhere[name] = outer
        return ""

    def _nonlocal(self, node: ast.Nonlocal) -> str:
        for name in node.names:
            scope = self.scope.around
            while scope is not None:
                if name in scope.names:
                    self.scope.elsewhere[name] = scope
                    break
                scope = scope.around
        return ""

    def _assert(self, node: ast.Assert) -> str:
        evaluate(self, node.test)
        return ""

    def _match(self, node: ast.Match) -> str:
        value = evaluate(self, node.subject)
        for i, case in enumerate(node.cases):
            known = self._matches(value, case.pattern)
            if known and case.guard is not None:
                known = truth(evaluate(self, case.guard))
            if known:
                return self.run(case.body)
            if known is None:
                rest = ast.Match(node.subject, node.cases[i + 1 :])
                return self._either(case.body, [ast.copy_location(rest, node)] if rest.cases else [], node)
        return ""

    def _matches(self, value: Value, pattern: ast.pattern) -> bool | None:
        if isinstance(pattern, ast.MatchValue):
            return truth(builtin_calls.compare(self, "==", value, evaluate(self, pattern.value), pattern))
        if isinstance(pattern, ast.MatchSingleton):
            return truth(builtin_calls.compare(self, "is", value, pattern.value, pattern))
        if isinstance(pattern, ast.MatchOr):
            found = [self._matches(value, p) for p in pattern.patterns]
            return True if True in found else None if None in found else False
        if isinstance(pattern, ast.MatchAs):
            known = self._matches(value, pattern.pattern) if pattern.pattern is not None else True
            if pattern.name is not None and known is not False:
                self._bind(pattern.name, value)
            return known
        return None

    # ---- imports ---------------------------------------------------------------------------------------

    def module(self, name: str) -> Module | None:
        """A file of the project by its dotted name, run once; None for an installed package."""
        if name not in self.modules:
            self.modules[name] = None
            if len(self.modules) > bounds.CODE_FILES:
                return None
            found = self.find_module(name, self.scope.module)
            self.modules[name] = found
            if found is not None:
                self._run_module(found)
        return self.modules[name]

    def _run_module(self, module: Module) -> None:
        tree = parse(module.source.text)
        if tree is None or self.depth >= bounds.CODE_DEPTH:
            return
        outer, statement, models = self.scope, self.statement, len(self.models)
        self.scope, self.depth = Scope(module.names, module), self.depth + 1
        functions, classes = list(self.functions), list(self.classes)
        try:
            self.run(tree.body)
        finally:
            self.scope, self.statement, self.depth = outer, statement, self.depth - 1
            del self.models[models:]
            self.functions, self.classes = functions, classes

    def _import(self, node: ast.Import) -> str:
        for alias in node.names:
            found = self.module(alias.name)
            first = alias.name.split(".")[0]
            if found is not None and alias.asname:
                self._bind(alias.asname, found)
            elif alias.asname:
                self._bind(alias.asname, Outside(keras_names.canonical(alias.name)))
            elif found is not None and "." in alias.name:
                self._bind_package(alias.name, found)
            else:
                self._bind(first, found if found is not None else Outside(keras_names.canonical(first)))
        return ""

    def _bind_package(self, name: str, module: Module) -> None:
        parts = name.split(".")
        holder = self.scope.names.get(parts[0])
        if not isinstance(holder, Module):
            holder = Module(parts[0], module.source)
            self._bind(parts[0], holder)
        for part in parts[1:-1]:
            inner = holder.names.get(part)
            if not isinstance(inner, Module):
                inner = Module(part, module.source)
                self.set(holder.names, part, inner)
            holder = inner
        self.set(holder.names, parts[-1], module)

    def _import_from(self, node: ast.ImportFrom) -> str:
        name = node.module or ""
        if node.level:
            package = self.scope.module.package.split(".") if self.scope.module.package else []
            package = package[: len(package) - (node.level - 1)] if node.level > 1 else package
            name = ".".join([*package, *([name] if name else [])])
        found = self.module(name) if name else None
        for alias in node.names:
            as_name = alias.asname or alias.name
            if alias.name == "*":
                self._import_star(name, found)
                continue
            value: Value
            if found is not None and alias.name in found.names:
                value = found.names[alias.name]
            else:
                inner = self.module(f"{name}.{alias.name}" if name else alias.name) if found or node.level else None
                if inner is not None:
                    value = inner
                elif found is not None or node.level:
                    value = self.unknown("a name of another file", node, alias.name)
                else:
                    value = Outside(keras_names.canonical(f"{name}.{alias.name}"))
            self._bind(as_name, value)
        return ""

    def _import_star(self, name: str, found: Module | None) -> None:
        if found is not None:
            for key, value in list(found.names.items()):
                if not key.startswith("_"):
                    self._bind(key, value)
            return
        for key, path in (keras_names.star(keras_names.canonical(name)) or {}).items():
            self._bind(key, Outside(path))

    # ---- what nothing calls ----------------------------------------------------------------------------

    def run_uncalled(self) -> None:
        """Runs what makes models and is never called: functions, and the methods of classes."""
        words = {id(f): _words(f.node) for f in self.functions}
        makers = {f.name for f in self.functions if words[id(f)] & _MAKERS}
        for _ in range(3):
            makers |= {f.name for f in self.functions if words[id(f)] & makers}
        waiting = [f for f in self.functions if not f.calls and f.name in makers]
        named: dict[str, int] = {}
        for function in waiting:
            for word in words[id(function)] & {f.name for f in waiting} - {function.name}:
                named[word] = named.get(word, 0) + 1
        waiting.sort(key=lambda f: named.get(f.name, 0))
        for function in waiting:
            if not function.calls:
                self._run_alone(function)

    def _run_alone(self, function: Function) -> None:
        owner = function.owner
        args = Arguments()
        self.scope = Scope({}, function.scope.module)
        node = function.node
        if owner is None:
            self._call_function(function, args, node)
            return
        kind = kind_of(owner)
        if kind == "layer" or function.name.startswith("__") and function.name != "__init__":
            return
        if owner.made == 0:
            made = self._make(owner, Arguments(), node)
            self.set(owner.names, " an object", made)
            if function.calls or (kind == "model" and function.name == "call"):
                return
        made = owner.names.get(" an object")
        if made is None:
            return
        instance = made.instance if isinstance(made, KerasModel) else made
        if isinstance(instance, Instance):
            self._call_function(function, args, node, instance)

    def read_unread(self) -> None:
        """Follows the subclassed models that nothing calls."""
        for model in list(self.models):
            if model.kind == "subclass" and not model.code.inputs and model.instance is not None:
                call = model.instance.cls.find("call")
                if not isinstance(call, Function) or call.calls:
                    continue
                self.scope = Scope({}, call.scope.module)
                read_subclass(self, model, self.unknown(PARAMETER, call.node, "inputs"), call.node)


class _Exit:
    """What ``sys.exit`` gives."""


class _ClassScope(Scope):
    """The scope of a class body, whose names its methods do not see."""


_MAKERS = frozenset(
    {"Sequential", "Model", "Input", "add", *keras_names.ROW_OF} | {"Lambda", "CuDNNLSTM", "CuDNNGRU", "Functional"}
)
"""Words in a function that makes a model or a part of one."""


def _words(node: ast.AST) -> frozenset[str]:
    """The names and attributes in a function."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return frozenset(found)


_GENERATORS: dict[ast.AST, bool] = {}


def _is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function has a ``yield`` of its own."""
    known: bool | None = getattr(node, "is_generator", None)
    if known is None:
        todo: list[ast.AST] = list(node.body)
        known = isinstance(node, ast.AsyncFunctionDef)
        while todo and not known:
            here = todo.pop()
            if isinstance(here, (ast.Yield, ast.YieldFrom)):
                known = True
            elif not isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                todo += ast.iter_child_nodes(here)
        node.is_generator = known  # type: ignore[union-attr]
    return known


def parse(text: str) -> ast.Module | None:
    """The syntax of a Python text; None where it has none."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_STATEMENTS: dict[type[ast.stmt], Any] = {
    ast.Expr: Interpreter._expression,
    ast.Assign: Interpreter._assign,
    ast.AnnAssign: Interpreter._assign_annotated,
    ast.AugAssign: Interpreter._assign_operator,
    ast.FunctionDef: Interpreter._function,
    ast.AsyncFunctionDef: Interpreter._function,
    ast.ClassDef: Interpreter._class,
    ast.Return: Interpreter._return,
    ast.If: Interpreter._if,
    ast.For: Interpreter._for,
    ast.AsyncFor: Interpreter._for,
    ast.While: Interpreter._while,
    ast.With: Interpreter._with,
    ast.AsyncWith: Interpreter._with,
    ast.Try: Interpreter._try,
    ast.TryStar: Interpreter._try,
    ast.Raise: Interpreter._raise,
    ast.Break: Interpreter._break,
    ast.Continue: Interpreter._continue,
    ast.Delete: Interpreter._delete,
    ast.Global: Interpreter._global,
    ast.Nonlocal: Interpreter._nonlocal,
    ast.Assert: Interpreter._assert,
    ast.Match: Interpreter._match,
    ast.Import: Interpreter._import,
    ast.ImportFrom: Interpreter._import_from,
}
