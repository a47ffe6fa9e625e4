"""Methods of Python's texts, lists, dictionaries and sets, on values that may be unknown."""

from __future__ import annotations

import ast
import re
from typing import Any

from seqtopo.code.machine import ITEMS, Machine
from seqtopo.code.model import Value
from seqtopo.code.values import (
    Arguments,
    Outside,
    Passed,
    Unknown,
    has_unknown_keys,
    hashable,
    is_known,
    items_of,
)
from seqtopo.system import bounds

_TEXT_METHODS = frozenset((
    "lower", "upper", "strip", "lstrip", "rstrip", "split", "rsplit", "startswith", "endswith",
    "replace", "title", "capitalize", "isdigit", "find", "index", "count", "removeprefix",
    "removesuffix", "isalpha", "isupper", "islower", "partition", "splitlines", "swapcase",
    "isnumeric",
))  # fmt: skip


def text_method(machine: Machine, value: str, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of a text."""
    values = args.by_place
    named = {k: p.value for k, p in args.names.items()}
    if name == "join" and len(values) == 1:
        parts = items_of(values[0])
        known = [p for p in parts or () if isinstance(p, str)]
        fits = sum(map(len, known)) + len(known) * len(value) <= bounds.CODE_ITEMS
        if parts is not None and len(known) == len(parts) and fits:
            return value.join(known)
    elif name == "format":
        safe = all(isinstance(v, (str, int, float, bool)) for v in (*values, *named.values()))
        if safe and not re.search(r"\d{4}|[\[.]\w", value) and len(value) < 2000:
            try:
                return value.format(*values, **named)[:4000]
            except (ValueError, KeyError, IndexError, TypeError, OverflowError):
                pass
    elif name in _TEXT_METHODS and not named and len(value) <= bounds.CODE_ITEMS:
        longest = max((len(v) for v in values if isinstance(v, str)), default=0)
        is_long = name == "replace" and len(value) * longest > 10**6
        if not is_long and all(v is None or isinstance(v, (str, int, tuple)) for v in values):
            try:
                return getattr(value, name)(*values)
            except (ValueError, TypeError):
                pass
    return machine.unknown("a text", node)


_LIST_CHANGES = frozenset({"append", "insert", "extend", "pop", "remove", "reverse", "clear", "sort"})


def list_method(machine: Machine, value: list[Any], name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of a list: that of Python's own where its arguments are known."""
    values = args.by_place
    if name in _LIST_CHANGES:
        machine.changes(value)
    if len(value) > bounds.CODE_ITEMS:
        return machine.unknown("a long list", node)
    if name == "sort":
        given = Arguments([Passed(list(value))], args.names)
        value[:] = items_of(machine.call(Outside("builtins.sorted"), given, node)) or value
        return None
    if name == "extend" and values:
        more = items_of(values[0])
        values = [[machine.unknown(ITEMS, node)] if more is None else more]
    searches = name in ("index", "count") and all(map(is_known, (*value, *values)))
    if searches or name in _LIST_CHANGES or name == "copy":
        try:
            return getattr(value, name)(*values)
        except (TypeError, ValueError, IndexError):
            pass
    return machine.unknown("an item of a list", node)


def dict_method(machine: Machine, value: dict[Any, Any], name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of a dictionary."""
    values = args.by_place
    if name in ("items", "keys", "values") and has_unknown_keys(value):
        return machine.unknown("the items of a dictionary", node)
    if name == "items":
        return list(value.items())
    if name == "keys":
        return list(value)
    if name == "values":
        return list(value.values())
    if name == "copy":
        return dict(value)
    if name in ("get", "pop", "setdefault") and values and hashable(values[0]):
        key = values[0]
        if isinstance(key, Unknown):
            if name == "setdefault":
                machine.put(value, key, args.value(1, "default"))
            return machine.unknown("an item of a dictionary", node)
        default = args.value(1, "default")
        if key not in value:
            if name == "setdefault":
                machine.put(value, key, default)
            return default
        found = value[key]
        if name == "pop":
            machine.drop(value, key)
        return found
    if name == "update":
        more = values[0] if values else {}
        pairs = more.items() if isinstance(more, dict) else [(machine.unknown(ITEMS, node), None)]
        for key, item in (*pairs, *((k, p.value) for k, p in args.names.items())):
            machine.put(value, key, item)
        return None
    return machine.unknown("an item of a dictionary", node)


def set_method(machine: Machine, value: set[Any], name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of a set."""
    values = args.by_place
    if name == "add" and values and hashable(values[0]):
        machine.changes(value)
        value.add(values[0])
        return None
    if name == "update":
        machine.changes(value)
        for more in values:
            items = items_of(more)
            known = items is not None and all(map(hashable, items))
            value.update(items if items is not None and known else [machine.unknown(ITEMS, node)])
        return None
    if name in ("union", "intersection", "difference") and all(
        isinstance(v, (set, frozenset)) for v in values
    ):
        return getattr(value, name)(*values)
    return machine.unknown("an item of a set", node)
