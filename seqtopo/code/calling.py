"""Calls of everything that code can call, and what values names are given."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from seqtopo.code import data
from seqtopo.code.arrays import CodeArray
from seqtopo.code.attributes import attribute_of
from seqtopo.code.classes import look_inside, make_instance, read_subclass, start_model
from seqtopo.code.expressions import evaluate
from seqtopo.code.layer_calls import call_layer, call_opaque
from seqtopo.code.machine import PARAMETER, RAISE, RETURN, Machine
from seqtopo.code.methods import dict_method, list_method, set_method, text_method
from seqtopo.code.model import CodeFile, CodeLayer, CodeModel, CodeTensor, Value
from seqtopo.code.model_attributes import TRAINING, model_method, shape_of
from seqtopo.code.models import call_model, code_of, shape_tensor
from seqtopo.code.operation_calls import operation
from seqtopo.code.package_calls import call_outside, parser_method
from seqtopo.code.values import (
    COUNTED,
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    KerasModel,
    Module,
    Namespace,
    Outside,
    Partial,
    Passed,
    Scope,
    Super,
    Unknown,
    hashable,
    is_known,
    is_list,
    is_tensor,
    items_of,
    tensors_in,
)
from seqtopo.layers.values import Tensor
from seqtopo.system import bounds

_GENERIC = frozenset({"model", "m", "net", "network", "self", "result", "seq", "mdl"})


class Caller(Machine):
    """The part of the interpreter that calls functions, models, layers and names of packages."""

    def __init__(self, file: CodeFile) -> None:
        super().__init__(file)
        self.result: Value = None
        """The value of the last ``return`` statement that ran."""
        self.functions: list[Function] = []
        self.classes: list[Class] = []

    # ---- calls ---------------------------------------------------------------------------------------

    def call(self, function: Value, args: Arguments, node: ast.AST) -> Value:
        """Return the result of calling a value: a function, class, layer, model or something unknown."""
        self.tick()
        if isinstance(function, Outside):
            return call_outside(self, function.path, args, node)
        if isinstance(function, Function):
            return self.call_function(function, args, node)
        if isinstance(function, Bound):
            return self._call_bound(function, args, node)
        if isinstance(function, CodeLayer):
            return call_layer(self, function, args, node)
        if isinstance(function, KerasModel):
            return self._call_model(function, args, node)
        if isinstance(function, Class):
            return self.make(function, args, node)
        if isinstance(function, Partial):
            held = function.args
            both = Arguments(
                held.places + args.places, {**held.names, **args.names}, held.unknown or args.unknown
            )
            return self.call(function.function, both, node)
        if isinstance(function, Instance):
            called = function.cls.find("__call__")
            if isinstance(called, Function):
                return self.call_function(called, args, node, function)
        if isinstance(function, data.ArrayMethod):
            if any(tensors_in(v) for v in args.values):
                return call_opaque(self, function.name, "a method that is not followed", args, node)
            return data.method(self, function.of, function.name, args, node)
        return self._call_unknown(function, args, node)

    def code(self, model: KerasModel) -> CodeModel:
        """Return the calls, inputs and outputs of a model as far as they have been read."""
        return code_of(self, model)

    def look_inside(self, layer: CodeLayer, args: Arguments, node: ast.AST) -> tuple[Tensor, ...] | None:
        """Return the outputs of a layer of the project by following its code; None if it cannot."""
        if self.depth >= bounds.CODE_DEPTH // 2:
            return None
        models, statement = len(self.models), self.statement
        self.trail.append({})
        level = len(self.trail)
        try:
            return look_inside(self, layer, args, node)
        finally:
            self.statement = statement
            del self.models[models:], self.trail[level:]
            if len(self.trail) == level:
                self.take_back()

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value."""
        return attribute_of(self, value, name, node)

    def _call_unknown(self, function: Value, args: Arguments, node: ast.AST) -> Value:
        if any(tensors_in(v) for v in args.values):
            name = function.text if isinstance(function, Unknown) else ""
            name = name if name.replace(".", "").replace("_", "").isalnum() else "function"
            return call_opaque(self, name.rsplit(".", 1)[-1], "a function that is not read", args, node)
        if isinstance(function, Unknown):
            if function.text.endswith(".add_weight"):
                places = [p.value for p in args.places if is_list(p.value)]
                weight = shape_tensor(self, args.value(-1, "shape", places[0] if places else None))
                if weight is not None:
                    return CodeArray(weight.shape, weight.dtype)
            values = args.values
            if all(is_known(v) and hashable(v) for v in values):
                return self.part(function, ("call", *values, *args.names), self.text(node), node)
        return self.unknown("what a function gives that is not read", node)

    def _call_bound(self, method: Bound, args: Arguments, node: ast.AST) -> Value:
        of, name = method.of, method.name
        if method.function is not None:
            return self.call_function(method.function, args, node, of)
        if isinstance(of, KerasModel):
            if name == "call" and of.kind == "subclass":
                return self._call_model(of, args, node)
            if name in TRAINING and of.kind == "subclass" and not of.code.inputs:
                self._read_for_data(of, args, node)
            return model_method(self, of, name, args, node)
        run = _METHODS.get(type(of))
        if run is not None:
            return run(self, of, name, args, node)
        if isinstance(of, Super):
            return self._call_super(of, name, args, node)
        if is_tensor(of):
            return self._tensor_method(of, name, args, node)
        if isinstance(of, CodeLayer):
            if name == "call":
                return call_layer(self, of, args, node)
            nothing = name in ("set_weights", "build", "reset_states")
            return None if nothing else self.unknown("what a method of a layer gives", node)
        if isinstance(of, tuple) and is_list(of) and name in ("index", "count"):
            return list_method(self, list(of), name, args, node)
        return self._call_unknown(None, args, node)

    def _tensor_method(self, value: CodeTensor, name: str, args: Arguments, node: ast.AST) -> Value:
        if name == "get_shape":
            return shape_of(self, value, node)
        if name == "as_list":
            return self.unknown("a shape", node)
        places = [Passed(value), *args.places]
        return operation(self, name, name, Arguments(places, args.names), node)

    def _call_super(self, of: Super, name: str, args: Arguments, node: ast.AST) -> Value:
        if isinstance(of.of, Instance):
            owner, model = of.of, of.of.model
            found = owner.cls.find(name, of.cls)
            if isinstance(found, Function):
                return self.call_function(found, args, node, owner)
            if model is not None and name == "__init__":
                start_model(self, model, args, node)
                return None
            if model is not None and name in TRAINING:
                return model_method(self, model, name, args, node)
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

    def make(self, cls: Class, args: Arguments, node: ast.AST) -> Value:
        """Return a new object of a class of the project."""
        if cls.made > 200:
            return self.unknown("an object of a class", node)
        return make_instance(self, cls, args, node)

    def call_function(self, function: Function, args: Arguments, node: ast.AST, of: Value = None) -> Value:
        """Run a function of the project, or of the object ``of``, and return what it returns."""
        function.calls += 1
        most = bounds.CODE_DEPTH if not self.trail else bounds.CODE_OPEN_DEPTH
        if self.depth >= bounds.CODE_DEPTH or function.running >= most:
            return self._call_unknown(None, args, node)
        if not isinstance(function.node, ast.Lambda) and _is_generator(function.node):
            return self.unknown("what a generator gives", node)
        scope = Scope({}, function.scope.module, function.scope, function, function.owner)
        scope.names.update(self._bound(function, args, of, node))
        outer, statement, trail = self.scope, self.statement, len(self.trail)
        self.scope, self.depth = scope, self.depth + 1
        function.running += 1
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
            function.running -= 1
            self.scope, self.statement, self.depth = outer, statement, self.depth - 1
        for model in [value] if not is_list(value) else value:
            if isinstance(model, KerasModel) and not model.code.name:
                model.code.name = function.name
        return value

    def _bound(self, function: Function, args: Arguments, of: Value, node: ast.AST) -> dict[str, Value]:
        """Return the values of a function's parameters."""
        said = function.node.args
        places = args.by_place
        if of is not None and function.kind != "staticmethod":
            places.insert(0, of)
        names = {name: p.value for name, p in args.names.items()}
        found: dict[str, Value] = {}
        parameters = [*said.posonlyargs, *said.args]
        by_place = {p.arg: value for p, value in zip(parameters, places, strict=False)}
        defaults = {} if args.unknown else function.defaults
        for name in (parameter.arg for parameter in (*parameters, *said.kwonlyargs)):
            if name in by_place:
                found[name] = by_place[name]
            elif name in names:
                found[name] = names.pop(name)
            else:
                found[name] = defaults[name] if name in defaults else self.unknown(PARAMETER, None, name)
        for rest, values in ((said.vararg, tuple(places[len(parameters) :])), (said.kwarg, names)):
            if rest is not None:
                found[rest.arg] = self.unknown(PARAMETER, node, rest.arg) if args.unknown else values
        return found

    # ---- giving values to names ------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a name, an attribute, an item or several of them."""
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
        if isinstance(value, Unknown) and "(" in value.text and not value.text.startswith("len("):
            value = Unknown(value.why, value.where, name, value.parts)
        self.put(scope.names, name, value)
        if isinstance(value, KerasModel):
            self._name_model(value, name)
        elif isinstance(value, Instance) and value.model is not None:
            self._name_model(value.model, name)

    def _name_model(self, model: KerasModel, name: str) -> None:
        if model.named:
            return
        function = self.scope.of_function.function
        if function is None:
            model.code.name, model.named = name, True
        elif not model.code.name:
            owner = function.name
            generic = name in _GENERIC and owner not in ("main", "__init__", "lambda", "run", "train")
            model.code.name = owner if generic else name

    def _set_attribute(self, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, KerasModel):
            if owner.instance is None:
                self.put(owner.settings, name, value)
                return
            owner = owner.instance
        if isinstance(owner, (Instance, Namespace, Module, Class)):
            self.put(owner.names, name, value)
            if isinstance(value, KerasModel) and not value.named:
                title = owner.cls.name if isinstance(owner, Instance) else ""
                value.code.name = f"{title}.{name}" if title else name

    def _set_item(self, owner: Value, key: Value, value: Value) -> None:
        if isinstance(owner, Unknown):
            owner.parts.pop(COUNTED, None)
        if isinstance(owner, dict) and hashable(key):
            self.put(owner, key, value)
        elif isinstance(owner, list):
            self.changes(owner)
            if type(key) is int and -len(owner) <= key < len(owner):
                owner[key] = value
            elif not _set_slice(owner, key, value):
                owner[:] = [self.unknown("an item that is set", None, "branch") for _ in owner]
        elif data.is_data(owner):
            data.store(self, owner, key, value)
        elif isinstance(owner, Instance):
            found = owner.cls.find("__setitem__")
            if isinstance(found, Function) and self.statement is not None:
                self.call_function(found, Arguments([Passed(key), Passed(value)]), self.statement, owner)

    def _unpack(self, targets: list[ast.expr], value: Value, node: ast.AST) -> None:
        starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        items = items_of(value)
        if items is not None and starred is not None and len(items) >= len(targets) - 1:
            behind = len(items) - (len(targets) - starred - 1)
            items = [*items[:starred], items[starred:behind], *items[behind:]]
        if items is None or len(items) != len(targets):
            items = [self._item(value, i, t, node) for i, t in enumerate(targets)]
        for target, item in zip(targets, items, strict=True):
            self.assign(target, item)

    def _item(self, value: Value, i: int, target: ast.expr, node: ast.AST) -> Value:
        """Return the i-th of several values that a value stands for."""
        if is_tensor(value):
            return CodeTensor(value.of, i) if value.output == 0 else self.unknown("an item of a tensor", node)
        text = self.text(target)
        if isinstance(value, Unknown):
            shape = value.text.endswith((".shape", ".size()"))
            return self.item(value, i, node, "" if shape else text)
        if data.is_data(value):
            return self.named(data.item(self, value, i, node), node)
        return self.unknown("an item that is not known", node, text)


_METHODS: dict[type, Callable[[Machine, Any, str, Arguments, ast.AST], Value]] = {
    str: text_method,
    list: list_method,
    dict: dict_method,
    set: set_method,
    Namespace: parser_method,
}
"""The methods of values that the interpreter knows, by their types."""


def _set_slice(owner: list[Any], key: Value, value: Value) -> bool:
    """Return whether a slice of a list could be set."""
    if not isinstance(key, slice) or not is_known(key) or not is_list(value):
        return False
    try:
        owner[key] = list(value)
    except (ValueError, TypeError):
        return False
    return True


def _is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function has a ``yield`` of its own, outside of inner functions."""
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
