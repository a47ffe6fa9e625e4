"""Evaluate expressions of Python code on values that may be unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from seqtopo.code import builtin_calls, data
from seqtopo.code.arithmetic import arithmetic, compare
from seqtopo.code.array_calls import unary
from seqtopo.code.attributes import attribute_of, subscript
from seqtopo.code.machine import Machine
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.operation_calls import operator
from seqtopo.code.values import (
    COUNTED,
    MISSING,
    OPERATIONS,
    SIGNS,
    Arguments,
    Function,
    Instance,
    KerasModel,
    Outside,
    Passed,
    Scope,
    Super,
    hashable,
    is_known,
    is_list,
    is_tensor,
    items_of,
    truth,
)
from seqtopo.layers.sizes import Expr
from seqtopo.system import bounds


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """Return the value of an expression; an ``Unknown`` where it is of a kind that is not followed."""
    machine.tick()
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return look_up(machine, node.id, node)
        case ast.Attribute():
            return machine.named(attribute_of(machine, evaluate(machine, node.value), node.attr, node), node)
        case ast.Call():
            return _call(machine, node)
        case ast.Subscript():
            value, key = evaluate(machine, node.value), evaluate(machine, node.slice)
            return machine.named(subscript(machine, value, key, node), node)
        case ast.Slice():
            parts = (node.lower, node.upper, node.step)
            return slice(*(evaluate(machine, part) if part is not None else None for part in parts))
        case ast.BinOp():
            left, right = evaluate(machine, node.left), evaluate(machine, node.right)
            return binary(machine, SIGNS[type(node.op)], left, right, node)
        case ast.UnaryOp():
            return _unary(machine, node)
        case ast.BoolOp():
            return _logic(machine, node)
        case ast.Compare():
            return _comparison(machine, node)
        case ast.IfExp():
            return _choice(machine, node)
        case ast.List() | ast.Tuple() | ast.Set():
            return _display(machine, node)
        case ast.Dict():
            return _dict(machine, node)
        case ast.JoinedStr():
            return _text(machine, node)
        case ast.FormattedValue():
            return _formatted(machine, node)
        case ast.Lambda():
            return Function(node, machine.scope, defaults_of(machine, node.args))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return _comprehension(machine, node)
        case ast.NamedExpr():
            value = evaluate(machine, node.value)
            machine.assign(node.target, value)
            return value
        case ast.Await() | ast.Yield() | ast.YieldFrom():
            if node.value is not None:
                evaluate(machine, node.value)
            return machine.unknown("a value that comes later", node)
    return machine.unknown("an expression that is not followed", node)


# ---- names ---------------------------------------------------------------------------------------


def look_up(machine: Machine, name: str, node: ast.AST) -> Value:
    """Return the value of a name in the scopes around it, its module, or Python's builtins."""
    module = machine.scope.module
    scope: Scope | None = machine.scope.elsewhere.get(name, machine.scope)
    while scope is not None:
        if name in scope.names:
            return scope.names[name]
        scope = scope.around
    if name in module.names:
        return module.names[name]
    if name in builtin_calls.NAMES:
        return Outside(f"builtins.{name}")
    if name == "__name__":
        return "__main__" if module.name == "__main__" else module.name
    if name == "__file__":
        return module.source.name
    found = machine.unknown("a name that the file does not define", node, name)
    module.names.setdefault(name, found)
    return found


# ---- operators -----------------------------------------------------------------------------------


def binary(machine: Machine, sign: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Return the value of a binary operator between any two values."""
    if is_tensor(left) or is_tensor(right):
        if is_list(left) or (is_list(right) and sign in ("+", "*")):
            return machine.unknown("an operator that is not followed", node)
        return operator(machine, OPERATIONS.get(sign, sign), left, right, node)
    if data.is_data(left) or data.is_data(right):
        return data.binary(machine, sign, left, right, node)
    overloads = ("__add__", "__mul__", "__truediv__")
    if isinstance(left, Instance) and any(left.cls.find(name) is not MISSING for name in overloads):
        return machine.unknown("an operator of a class", node)
    return arithmetic(machine, sign, left, right, node)


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    value = evaluate(machine, node.operand)
    if isinstance(node.op, ast.Not):
        known = truth(value)
        return machine.unknown("true or false", node) if known is None else not known
    if is_tensor(value):
        name = {ast.USub: "negative", ast.Invert: "logical_not"}.get(type(node.op))
        return operator(machine, name, value, None, node) if name else value
    if isinstance(value, (int, float, complex, Expr)):
        if isinstance(node.op, ast.USub):
            return -value
        if isinstance(node.op, ast.UAdd):
            return value
        return ~value if isinstance(value, int) else machine.unknown("a number", node)
    if data.is_data(value):
        return data.told(machine, unary("-" if isinstance(node.op, ast.USub) else "~", value), node)
    return machine.unknown("a number that is not known", node)


def _logic(machine: Machine, node: ast.BoolOp) -> Value:
    ends_with = isinstance(node.op, ast.Or)
    found: Value = None
    open_value: Value = MISSING
    for part in node.values:
        found = evaluate(machine, part)
        known = truth(found)
        if known is None:
            open_value = found
            if ends_with and len(node.values) == 2 and part is node.values[0]:
                # ``given or Dense(5)``: the default, if the given value is not known.
                other = evaluate(machine, node.values[1])
                if is_tensor(other) or isinstance(other, (KerasModel, CodeLayer)):
                    return other
        elif known is ends_with:
            break
    return found if open_value is MISSING else machine.unknown("true or false", node)


def _comparison(machine: Machine, node: ast.Compare) -> Value:
    left = evaluate(machine, node.left)
    unknown: Value = None
    for op, part in zip(node.ops, node.comparators, strict=True):
        right = evaluate(machine, part)
        sign = SIGNS[type(op)]
        if (is_tensor(left) or is_tensor(right)) and sign in OPERATIONS:
            return operator(machine, OPERATIONS[sign], left, right, node)
        if data.is_data(left) or data.is_data(right):
            if sign in OPERATIONS:
                return data.binary(machine, sign, left, right, node)
            if sign in ("is", "is not") and (left is None or right is None):
                return sign == "is not"
        found = compare(machine, sign, left, right, node)
        known = truth(found)
        if known is False:
            return False
        if known is None:
            unknown = found
        left = right
    return True if unknown is None else unknown


def _choice(machine: Machine, node: ast.IfExp) -> Value:
    known = truth(evaluate(machine, node.test))
    if known is not None:
        return evaluate(machine, node.body if known else node.orelse)
    one, changed = machine.branch(lambda: evaluate(machine, node.body))
    two, other_changed = machine.branch(lambda: evaluate(machine, node.orelse))
    machine.join_changes(changed, other_changed, node)
    return machine.join(one, two, node, machine.text(node))


# ---- displays ------------------------------------------------------------------------------------


def _display(machine: Machine, node: ast.List | ast.Tuple | ast.Set) -> Value:
    found: list[Value] = []
    for part in node.elts:
        if not isinstance(part, ast.Starred):
            found.append(evaluate(machine, part))
            continue
        more = _spread(machine, part)
        if more is None:
            what = "a set" if isinstance(node, ast.Set) else "a list"
            return machine.unknown(f"{what} that is not known", node)
        found += more
    if isinstance(node, ast.Set):
        known = all(map(hashable, found))
        return set(found) if known else machine.unknown("a set that is not known", node)
    return tuple(found) if isinstance(node, ast.Tuple) else found


def _spread(machine: Machine, node: ast.Starred) -> list[Value] | None:
    """Return the items of a value behind a star, a tensor as one item; None if they are not known."""
    value = evaluate(machine, node.value)
    return [value] if is_tensor(value) else items_of(value)


def _dict(machine: Machine, node: ast.Dict) -> Value:
    found: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        said = evaluate(machine, value)
        if key is None:
            if not isinstance(said, dict):
                return machine.unknown("a dictionary that is not known", node)
            found.update(said)
            continue
        name = evaluate(machine, key)
        if not hashable(name):
            return machine.unknown("a dictionary that is not known", node)
        found[name] = said
    return found


def _text(machine: Machine, node: ast.JoinedStr) -> Value:
    parts: list[str] = []
    for part in node.values:
        value = evaluate(machine, part)
        if not isinstance(value, str):
            return machine.unknown("a text", node)
        parts.append(value)
    return "".join(parts)[:4000]


def _formatted(machine: Machine, node: ast.FormattedValue) -> Value:
    value = evaluate(machine, node.value)
    form = evaluate(machine, node.format_spec) if node.format_spec is not None else ""
    is_plain = value is None or isinstance(value, (str, int, float))
    is_long = isinstance(value, int) and abs(value) > 10**40
    if not is_plain or is_long or not isinstance(form, str) or len(form) > 8 or re.search(r"\d{4}", form):
        return machine.unknown("a text", node)
    try:
        return format(repr(value) if node.conversion == ord("r") else value, form)[:2000]
    except (ValueError, TypeError):
        return machine.unknown("a text", node)


# ---- functions and comprehensions ------------------------------------------------------------------


def defaults_of(machine: Machine, node: ast.arguments) -> dict[str, Value]:
    """Return the values of a function's defaults, by the names of its parameters."""
    found: dict[str, Value] = {}
    places = [*node.posonlyargs, *node.args]
    for parameter, default in zip(places[len(places) - len(node.defaults) :], node.defaults, strict=True):
        found[parameter.arg] = evaluate(machine, default)
    for parameter, given in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if given is not None:
            found[parameter.arg] = evaluate(machine, given)
    return found


def _comprehension(machine: Machine, node: Any) -> Value:
    outer = machine.scope
    machine.scope = Scope({}, outer.module, outer, outer.function, outer.owner)
    try:
        found = list(_turns(machine, node, node.generators))
    except _OpenError as error:
        opened = machine.unknown("a list that is not known", node) if error.value is None else error.value
        if isinstance(node, ast.DictComp) and data.counts_from_one(node):
            opened.parts[COUNTED] = True
        return opened
    finally:
        machine.scope = outer
    if isinstance(node, ast.DictComp):
        return {k: v for k, v in found if hashable(k)}
    if isinstance(node, ast.SetComp):
        return set(found) if all(map(hashable, found)) else machine.unknown("a set", node)
    return found


class _OpenError(Exception):
    """Raised if a comprehension iterates over a value that is not known."""

    def __init__(self, value: Value = None) -> None:
        super().__init__()
        self.value = value


def _turns(machine: Machine, node: Any, generators: list[ast.comprehension]) -> Iterator[Value]:
    if not generators:
        if isinstance(node, ast.DictComp):
            yield evaluate(machine, node.key), evaluate(machine, node.value)
        else:
            yield evaluate(machine, node.elt)
        return
    first, *rest = generators
    values = evaluate(machine, first.iter)
    items = items_of(values)
    if items is None:
        if len(node.generators) == 1 and not isinstance(node, ast.DictComp):
            raise _OpenError(data.filled(machine, node, first, values, evaluate))
        raise _OpenError
    before = machine.activity
    for i, item in enumerate(items):
        if i >= bounds.CODE_IDLE_TURNS and machine.activity == before and not is_known(item):
            raise _OpenError
        machine.assign(first.target, item)
        known = [truth(evaluate(machine, test)) for test in first.ifs]
        if None in known:
            raise _OpenError
        if all(known):
            yield from _turns(machine, node, rest)


def _call(machine: Machine, node: ast.Call) -> Value:
    function = evaluate(machine, node.func)
    if isinstance(function, Outside) and function.path == "builtins.super":
        return _super(machine, node)
    args = Arguments()
    for part in node.args:
        if not isinstance(part, ast.Starred):
            args.places.append(Passed(evaluate(machine, part), part, part))
            continue
        more = _spread(machine, part)
        args.places += map(Passed, more or ())
        args.unknown = args.unknown or more is None
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value)
        if keyword.arg is not None:
            args.names[keyword.arg] = Passed(value, keyword.value, keyword)
        elif isinstance(value, dict):
            args.names.update({str(k): Passed(v) for k, v in value.items()})
        else:
            args.unknown = True
    return machine.named(machine.call(function, args, node), node)


def _super(machine: Machine, node: ast.Call) -> Value:
    owner, scope = machine.scope.owner, machine.scope.of_function
    function = scope.function.node if scope.function is not None else None
    if owner is None or function is None or isinstance(function, ast.Lambda):
        return machine.unknown("super()", node)
    places = [*function.args.posonlyargs, *function.args.args]
    return Super(scope.names.get(places[0].arg), owner) if places else machine.unknown("super()", node)
