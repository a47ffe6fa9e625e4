"""Operators and comparisons of plain values, sizes and unknown ones."""

from __future__ import annotations

import ast
import re
from typing import Any

from seqtopo.code.machine import Machine, calculate
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.values import (
    OPERATORS,
    Class,
    Function,
    KerasModel,
    Outside,
    Unknown,
    hashable,
    is_known,
    is_list,
    is_size,
    is_tensor,
    items_of,
)
from seqtopo.layers.sizes import Expr, product, same
from seqtopo.system import bounds


def arithmetic(machine: Machine, sign: str, a: Value, b: Value, node: ast.AST) -> Value:
    """Return the value of a binary operator between plain values, sizes and unknown values.

    An operator that would fail, and one on operands that are not known, gives an ``Unknown``.
    """
    a, b = machine.constant(a), machine.constant(b)
    if isinstance(a, (int, float, complex)) and isinstance(b, (int, float, complex)):
        try:
            return _plain(sign, a, b)
        except (ArithmeticError, ValueError, TypeError, KeyError):
            return machine.unknown("arithmetic that fails", node)
    if is_list(a) or isinstance(a, (str, bytes)) or (is_list(b) and sign == "*"):
        return _list_arithmetic(machine, sign, a, b, node)
    if isinstance(a, (dict, set, frozenset)) and type(a) is type(b) and sign in ("|", "&", "-"):
        try:
            return OPERATORS[sign](a, b)
        except TypeError:
            return machine.unknown("arithmetic that fails", node)
    one, two = (isinstance(v, (Unknown, Expr)) or type(v) is int for v in (a, b))
    if one and two:
        if not isinstance(a, Unknown) and not isinstance(b, Unknown):
            found = calculate(sign, a, b)
            if sign == "**" and type(b) is int and 0 < b < 9:
                found = product([a] * b)
            if found is not None:
                return found
        made = machine.unknown("arithmetic on what is not known", node)
        if sign in ("+", "-", "*", "//", "%"):
            made.parts["made of"] = (sign, a, b)
        elif sign == "/":
            made.parts["ratio"] = (a, b)
        return made
    return machine.unknown("arithmetic on what is not known", node)


def _plain(sign: str, a: Any, b: Any) -> Any:
    """Return the result of an operator on numbers; raise ``ArithmeticError`` where it has too many digits."""
    whole = isinstance(a, int) and isinstance(b, int)
    if whole and sign in ("*", "**", "<<"):
        bits = {"*": a.bit_length() + b.bit_length(), "**": abs(b) * a.bit_length(), "<<": b}[sign]
        if bits > 4000:
            raise ArithmeticError
    return OPERATORS[sign](a, b)


def _list_arithmetic(machine: Machine, sign: str, a: Value, b: Value, node: ast.AST) -> Value:
    if sign == "+" and type(a) is type(b) and len(a) + len(b) <= bounds.CODE_ITEMS:
        return a + b
    if sign == "*":
        values, times = (a, b) if type(b) is int else (b, a)
        repeated = is_list(values) or isinstance(values, (str, bytes))
        if type(times) is int and repeated and len(values) * times <= bounds.CODE_ITEMS:
            return values * times
    if sign == "%" and isinstance(a, str):
        given = b if type(b) is tuple else (b,)
        if (
            all(isinstance(v, (int, float, str, bool)) for v in given)
            and not re.search(r"\d{4}", a)
            and len(a) < 2000
        ):
            try:
                return a % tuple(v[:500] if isinstance(v, str) else v for v in given)
            except (TypeError, ValueError, OverflowError):
                pass
        return machine.unknown("a text", node)
    return machine.unknown("arithmetic on what is not known", node)


def compare(machine: Machine, sign: str, a: Value, b: Value, node: ast.AST) -> Value:
    """Return the value of a comparison: True, False, or an ``Unknown``."""
    unknown = machine.unknown("a comparison", node)
    if sign in ("is", "is not"):
        found = _identical(a, b)
        return unknown if found is None else found == (sign == "is")
    if sign in ("==", "!="):
        equal = _equal(a, b)
        return unknown if equal is None else equal == (sign == "==")
    if sign in ("in", "not in"):
        held = _contains(b, a)
        return unknown if held is None else held == (sign == "in")
    if isinstance(a, Expr) or isinstance(b, Expr):
        apart = a - b if is_size(a) and is_size(b) else None
        if not isinstance(apart, int):
            return unknown
        a, b = apart, 0
    if is_known(a) and is_known(b):
        try:
            return OPERATORS[sign](a, b)
        except TypeError:
            pass
    return unknown


def _identical(a: Value, b: Value) -> bool | None:
    if a is None or b is None:
        other = b if a is None else a
        return None if isinstance(other, Unknown) else other is None
    if isinstance(a, bool) and isinstance(b, bool):
        return a is b
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return True if a is b else None
    if isinstance(a, Outside) and isinstance(b, Outside):
        return a.path == b.path
    return a is b if not is_known(a) or not is_known(b) else a == b


def _equal(a: Value, b: Value) -> bool | None:
    if is_known(a) and is_known(b):
        return bool(a == b)
    if isinstance(a, Expr) or isinstance(b, Expr):
        return same(a, b) if is_size(a) and is_size(b) else None
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return None
    if is_list(a) and is_list(b):
        if len(a) != len(b):
            return False
        found = [_equal(x, y) for x, y in zip(a, b, strict=True)]
        return False if False in found else None if None in found else True
    for one, other in ((a, b), (b, a)):
        if isinstance(one, (CodeLayer, KerasModel, Function, Class)) and is_known(other):
            return False
    if isinstance(a, (Outside, Function, Class)) or isinstance(b, (Outside, Function, Class)):
        return bool(a == b)
    return None if is_tensor(a) or is_tensor(b) else True if a is b else None


def _contains(values: Value, value: Value) -> bool | None:
    if isinstance(values, str) and isinstance(value, str):
        return value in values
    if isinstance(values, (dict, set, frozenset)) and hashable(value):
        if value in values:
            return True
        return False if is_known(value) and all(map(is_known, values)) else None
    found = items_of(values) if not isinstance(values, str) else None
    if found is None:
        return None
    known = [_equal(v, value) for v in found]
    return True if True in known else None if None in known else False
