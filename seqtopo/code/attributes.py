"""Attributes and items of values."""

from __future__ import annotations

import ast

from seqtopo.code import data, keras_names
from seqtopo.code.array_calls import CONSTANTS
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.model_attributes import layer_attribute, model_attribute, shape_of
from seqtopo.code.operation_calls import item_of
from seqtopo.code.values import (
    COUNTED,
    MISSING,
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    KerasModel,
    Module,
    Namespace,
    Outside,
    Passed,
    Super,
    Unknown,
    hashable,
    is_known,
    is_list,
    is_tensor,
)
from seqtopo.layers.sizes import Expr

_CHANGE_KEYS = frozenset({"update", "setdefault", "pop", "popitem", "clear"})


def attribute_of(machine: Machine, value: Value, name: str, node: ast.AST) -> Value:
    """Return an attribute of any value."""
    if isinstance(value, Outside):
        return _of_outside(machine, value, name, node)
    if isinstance(value, Unknown):
        if name in _CHANGE_KEYS:
            value.parts.pop(COUNTED, None)
        return machine.part(value, ("attribute", name), machine.text(node) or f"{value.text}.{name}", node)
    if isinstance(value, Instance):
        return _of_instance(machine, value, name, node)
    if is_tensor(value):
        return _of_tensor(machine, value, name, node)
    if isinstance(value, CodeLayer):
        return layer_attribute(machine, value, name, node)
    if isinstance(value, KerasModel):
        found = model_attribute(machine, value, name, node)
        if isinstance(found, Unknown) and value.instance is not None:
            return _of_instance(machine, value.instance, name, node)
        return found
    if isinstance(value, Module):
        if name in value.names:
            return value.names[name]
        return machine.unknown("a name that its file does not define", node)
    if isinstance(value, Class):
        return _of_class(machine, value, name, node)
    if isinstance(value, Namespace):
        if name in value.names:
            return value.names[name]
        return Bound(value, name) if value.parser else _setting(machine, value, name, node)
    if isinstance(value, Super):
        return Bound(value, name)
    if isinstance(value, Function):
        if name == "__name__":
            return value.name
        return Bound(value, name)
    if isinstance(value, (list, dict, set, frozenset, str, tuple, bytes)):
        return Bound(value, name)
    if data.is_data(value):
        return data.attribute(machine, value, name, node)
    return machine.unknown("an attribute that is not followed", node)


def _of_outside(machine: Machine, value: Outside, name: str, node: ast.AST) -> Value:
    path = keras_names.canonical(f"{value.path}.{name}")
    constant = CONSTANTS.get(path, MISSING)
    if constant is not MISSING:
        return constant
    if name.startswith("__") or path in ("sys.argv", "os.environ", "sys.platform"):
        return Outside(path) if path == "os.environ" else machine.unknown("a fact of the machine", node)
    return Outside(path)


def _setting(machine: Machine, value: Namespace, name: str, node: ast.AST) -> Value:
    found = machine.unknown("a setting without a default", node, f"{value.text}.{name}".lstrip("."))
    machine.put(value.names, name, found)
    return found


def _of_class(machine: Machine, value: Class, name: str, node: ast.AST) -> Value:
    found = value.find(name)
    if found is MISSING:
        if name == "__name__":
            return value.name
        return machine.unknown("an attribute that its class does not have", node)
    if isinstance(found, Function) and found.kind == "classmethod":
        return Bound(value, name, found)
    return found


def _of_instance(machine: Machine, value: Instance, name: str, node: ast.AST) -> Value:
    if name in value.names:
        return value.names[name]
    found = value.cls.find(name)
    if found is MISSING:
        if name == "__class__":
            return value.cls
        if value.model is not None and value.model.instance is value:
            from_model = model_attribute(machine, value.model, name, node)
            if not isinstance(from_model, Unknown):
                return from_model
        if value.layer is not None:
            return layer_attribute(machine, value.layer, name, node)
        known = value.names[name] = machine.unknown("an attribute that is not set", node)
        return known
    if isinstance(found, Function):
        if found.kind == "property":
            return machine.call(found, Arguments([Passed(value)]), node)
        if found.kind == "staticmethod":
            return found
        return Bound(value.cls if found.kind == "classmethod" else value, name, found)
    return found


def _of_tensor(machine: Machine, value: Value, name: str, node: ast.AST) -> Value:
    if name in ("shape", "_keras_shape", "get_shape"):
        shape = shape_of(machine, value, node)
        return Bound(value, name) if name == "get_shape" else shape
    if name in ("ndim", "rank"):
        tensor = tensor_of(value)
        return machine.unknown("a number of axes", node) if tensor is None else len(tensor.shape) + 1
    if name == "dtype":
        tensor = tensor_of(value)
        return machine.unknown("a dtype", node) if tensor is None else tensor.dtype
    return Bound(value, name)


_TYPES = frozenset({"typing", "builtins", "collections", "numpy", "keras", "tensorflow", "types", "os"})
"""Packages of whose things code takes items in types only: ``Optional[int]``."""


def subscript(machine: Machine, value: Value, key: Value, node: ast.AST) -> Value:
    """Return the value of a key in brackets behind a value."""
    if is_tensor(value):
        return item_of(machine, value, key, node)
    if is_list(value) or isinstance(value, (str, range, bytes)):
        if type(key) is int and -len(value) <= key < len(value):
            return value[key]
        if isinstance(key, slice) and _plain_slice(key):
            return value[key]
        if isinstance(key, bool):
            return value[key] if len(value) > key else machine.unknown("an item of a list", node)
        return machine.unknown("an item of a list", node)
    if isinstance(value, dict):
        if hashable(key) and key in value:
            return value[key]
        if value and isinstance(key, (Unknown, Expr)):
            return machine.unknown("an item of a dictionary", node)
        return machine.unknown("a key that the dictionary does not have", node)
    if isinstance(value, Unknown):
        if type(key) is int:
            return machine.item(value, key, node, machine.text(node))
        simple = key if is_known(key) and hashable(key) else machine.identity(key)
        if isinstance(key, slice):
            simple = machine.text(node)
        found = machine.part(value, ("item", simple), machine.text(node), node)
        if isinstance(key, slice) and type(key.start) is int and key.start >= 0 and key.stop is None:
            found.parts["from"] = (value, key.start)
        return found
    if isinstance(value, Namespace) and isinstance(key, str):
        return value.names.get(key) if key in value.names else _setting(machine, value, key, node)
    if isinstance(value, Outside):
        if value.path == "os.environ":
            return machine.unknown("a fact of the machine", node)
        if value.path.split(".")[0] in _TYPES:
            return value
        return subscript(machine, machine.constant(value), key, node)
    if isinstance(value, (Instance, KerasModel)):
        owner = value.instance if isinstance(value, KerasModel) else value
        method = owner.cls.find("__getitem__") if owner is not None else MISSING
        if isinstance(method, Function):
            return machine.call(Bound(value, "__getitem__", method), Arguments([Passed(key)]), node)
    if data.is_data(value):
        return data.item(machine, value, key, node)
    return machine.unknown("an item that is not known", node)


def _plain_slice(key: slice) -> bool:
    parts = (key.start, key.stop, key.step)
    return all(p is None or type(p) is int for p in parts) and key.step != 0
