"""Python's own functions and methods, on values that may be unknown."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from seqtopo.code.arithmetic import arithmetic
from seqtopo.code.machine import BRANCH, ITEMS, Machine
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.values import (
    COUNTED,
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    KerasModel,
    Module,
    Outside,
    Partial,
    Passed,
    Turns,
    Unknown,
    has_unknown_keys,
    hashable,
    is_known,
    is_list,
    is_size,
    items_of,
    truth,
)
from seqtopo.layers.sizes import Expr, ceil_div

TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float,),
    "str": (str,),
    "list": (list,),
    "tuple": (tuple,),
    "dict": (dict,),
    "set": (set,),
    "bool": (bool,),
    "bytes": (bytes,),
    "range": (range,),
    "complex": (complex,),
    "frozenset": (frozenset,),
}


def _size_of(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = machine.constant(args.value(0, "obj"))
    if is_list(value) and value and isinstance(value[-1], Unknown) and value[-1].why in (BRANCH, ITEMS):
        more = value[-1].parts.get("items")
        return machine.unknown("a length", node) if more is None else len(value) - 1 + more.count
    if has_unknown_keys(value):
        return machine.unknown("a length", node)
    if is_list(value) or isinstance(value, (str, dict, set, frozenset, range, bytes)):
        return len(value)
    if isinstance(value, Unknown):
        found = machine.part(value, "len()", f"len({value.text})", node)
        found.parts[COUNTED] = value.parts.get(COUNTED)
        return found
    if isinstance(value, Instance) and isinstance(method := value.cls.find("__len__"), Function):
        length = machine.call(Bound(value, "__len__", method), Arguments(), node)
        # Its text has the names inside of the method.
        return (
            Unknown(length.why, length.where, machine.text(node), length.parts)
            if isinstance(length, Unknown)
            else length
        )
    shape = getattr(value, "shape", None)
    if is_list(shape) and shape:
        return shape[0]
    return machine.unknown("a length", node)


def _range(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = [p.value for p in args.places]
    if 1 <= len(values) <= 3 and all(type(v) is int for v in values) and (len(values) < 3 or values[2]):
        return range(*values)
    found = machine.unknown("a range of unknown length", node)
    turns = _turns_of([machine.size(v) for v in values])
    if turns is not None:
        found.parts["turns"] = turns
    return found


def _turns_of(values: list[Value]) -> Turns | None:
    """Return the number of turns of a loop over a range of unknown length; None if that cannot be told."""
    if not 1 <= len(values) <= 3 or not all(map(is_size, values)):
        return None
    start, stop, step = (0, values[0], 1) if len(values) == 1 else (*values, 1)[:3]
    if type(step) is not int or step < 1:
        return None
    return Turns(ceil_div(stop - start, step), start, step)


def _numbers(machine: Machine, args: Arguments, node: ast.AST) -> list[Value] | None:
    values = [p.value for p in args.places]
    return items_of(values[0]) if len(values) == 1 else values


def _extreme(choose: Callable[..., Any]) -> Callable[[Machine, Arguments, ast.AST], Value]:
    def run(machine: Machine, args: Arguments, node: ast.AST) -> Value:
        values = _numbers(machine, args, node)
        if values and not args.names and all(isinstance(v, (int, float, str)) for v in values):
            try:
                return choose(values)
            except TypeError:
                pass
        if values and not args.names and all(map(is_size, values)):
            best = values[0]
            for value in values[1:]:
                apart = best - value
                if not isinstance(apart, int):
                    return machine.unknown("a choice between unknown sizes", node)
                best = choose((apart, 0)) + value
            return best
        return machine.unknown("a number that is not known", node)

    return run


def _sum(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = items_of(args.value(0, "iterable"))
    start = args.value(1, "start", 0)
    if values is None or not all(is_size(v) or isinstance(v, float) for v in (*values, start)):
        return machine.unknown("a sum that is not known", node)
    for value in values:
        if isinstance(start, float) != isinstance(value, float) and not (
            isinstance(start, (int, float)) and isinstance(value, (int, float))
        ):
            return machine.unknown("a sum that is not known", node)
        start = start + value
    return start


def _int(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = machine.constant(args.value(0, "x", 0))
    if len(args.places) == 1:
        if isinstance(value, Expr):
            return value
        if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 20):
            try:
                return int(value)
            except (ValueError, OverflowError):
                pass
        if isinstance(value, Unknown):
            ratio = value.parts.get("ratio")
            if ratio is not None:
                found = Unknown(value.why, machine.where(node), f"int({value.text})")
                found.parts["made of"] = ("//", *ratio)
                return found
            return machine.part(value, "int()", f"int({value.text})", node)
    return machine.unknown("a number that is not known", node)


def _float(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "x", 0.0)
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 40):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    return machine.unknown("a number that is not known", node)


def _round(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value, digits = args.value(0, "number"), args.value(1, "ndigits")
    if isinstance(value, (int, float)) and (digits is None or type(digits) is int):
        try:
            return round(value) if digits is None else round(value, max(-20, min(20, digits)))
        except (ValueError, OverflowError):
            pass
    return value if isinstance(value, Expr) else machine.unknown("a number that is not known", node)


def _str(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "object", "")
    if is_known(value) and not (isinstance(value, int) and abs(value) > 10**40):
        return text_of(value)
    return machine.unknown("a text", node)


def text_of(value: Value) -> str:
    """Return a plain value as ``str`` writes it, cut where it is long."""
    return str(value)[:2000] if not is_list(value) or len(value) < 200 else "..."


def _bool(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    known = truth(args.value(0, "x", False))
    return machine.unknown("true or false", node) if known is None else known


def _list(make: Callable[[Any], Any]) -> Callable[[Machine, Arguments, ast.AST], Value]:
    def run(machine: Machine, args: Arguments, node: ast.AST) -> Value:
        value = args.value(0, "iterable", ())
        found = items_of(value)
        if found is None:
            return (
                machine.part(value, "list()", value.text, node)
                if isinstance(value, Unknown)
                else machine.unknown("a list that is not known", node)
            )
        try:
            return make(found)
        except TypeError:
            return machine.unknown("a list that is not known", node)

    return run


def _dict(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    found: dict[Any, Any] = {}
    if args.places:
        given = args.places[0].value
        if isinstance(given, dict):
            found.update(given)
        else:
            pairs = items_of(given)
            if pairs is None:
                return machine.unknown("a dictionary that is not known", node)
            for pair in pairs:
                if not (is_list(pair) and len(pair) == 2 and hashable(pair[0])):
                    return machine.unknown("a dictionary that is not known", node)
                found[pair[0]] = pair[1]
    if args.unknown:
        return machine.unknown("a dictionary that is not known", node)
    found.update({name: p.value for name, p in args.names.items()})
    return found


def _enumerate(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values, start = items_of(args.value(0, "iterable")), args.value(1, "start", 0)
    if values is None or type(start) is not int:
        return machine.unknown("a list that is not known", node)
    return list(enumerate(values, start))


def _zip(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    lists = [items_of(p.value) for p in args.places]
    known = [x for x in lists if x is not None]
    if len(known) < len(lists):
        return machine.unknown("a list that is not known", node)
    return list(zip(*known, strict=False))


def _reversed(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = items_of(args.value(0, "sequence"))
    return machine.unknown("a list that is not known", node) if values is None else values[::-1]


def _sorted(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = items_of(args.value(0, "iterable"))
    key, turned = args.value(-1, "key"), args.value(-1, "reverse", False)
    if values is None or not isinstance(turned, bool):
        return machine.unknown("a list that is not known", node)
    keys = values if key is None else [machine.call(key, Arguments([Passed(v)]), node) for v in values]
    if not all(map(is_known, keys)):
        return machine.unknown("a list that is not known", node)
    try:
        order = sorted(range(len(keys)), key=lambda i: keys[i], reverse=turned)
    except TypeError:
        return machine.unknown("a list that is not known", node)
    return [values[i] for i in order]


def _map(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    lists = [items_of(p.value) for p in args.places[1:]]
    known = [x for x in lists if x is not None]
    if not known or len(known) < len(lists):
        return machine.unknown("a list that is not known", node)
    function = args.places[0].value
    return [machine.call(function, Arguments(list(map(Passed, v))), node) for v in zip(*known, strict=False)]


def _filter(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = items_of(args.value(1, "iterable"))
    if values is None or not args.places:
        return machine.unknown("a list that is not known", node)
    function = args.places[0].value
    found = []
    for value in values:
        kept = truth(value if function is None else machine.call(function, Arguments([Passed(value)]), node))
        if kept is None:
            return machine.unknown("a list that is not known", node)
        if kept:
            found.append(value)
    return found


def _all_or_any(wanted: bool) -> Callable[[Machine, Arguments, ast.AST], Value]:
    def run(machine: Machine, args: Arguments, node: ast.AST) -> Value:
        values = items_of(args.value(0, "iterable"))
        known = [None] if values is None else [truth(v) for v in values]
        if wanted in known:
            return wanted
        return machine.unknown("true or false", node) if None in known else not wanted

    return run


def _abs(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "x")
    return abs(value) if isinstance(value, (int, float)) else machine.unknown("a number", node)


def _isinstance(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    if len(args.places) != 2:
        return machine.unknown("true or false", node)
    value, cls = (p.value for p in args.places)
    found = [_is_a(value, c) for c in (cls if is_list(cls) else (cls,))]
    if True in found:
        return True
    return machine.unknown("true or false", node) if None in found else False


def _is_a(value: Value, cls: Value) -> bool | None:
    if isinstance(value, (Unknown, Expr)):
        return None
    if isinstance(cls, Outside):
        if cls.path.startswith("builtins."):
            types = TYPES.get(cls.path.removeprefix("builtins."))
            if types is None:
                return None
            plain = (
                value is None
                or isinstance(value, (int, float, str, bytes, dict, set, range))
                or is_list(value)
            )
            return plain and isinstance(value, types)
        if isinstance(value, CodeLayer):
            return True if cls.path.endswith((f".{value.kind}", ".Layer")) else None
        if isinstance(value, KerasModel):
            return True if cls.path.endswith((".Model", ".Layer")) else None
        if value is None or isinstance(value, (str, int, float, dict)) or is_list(value):
            return False
        return None
    if isinstance(cls, Class):
        return any(b is cls for b in value.cls.ancestors()) if isinstance(value, Instance) else False
    return None


def _getattr(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    name = args.value(1, "name")
    if isinstance(name, str) and args.places:
        found = machine.attribute(args.places[0].value, name, node)
        if isinstance(found, Unknown) and len(args.places) > 2:
            owner = args.places[0].value
            if isinstance(owner, (Instance, Class, Module)):
                return args.places[2].value
        return found
    return machine.unknown("an attribute", node)


def _setattr(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = [p.value for p in args.places]
    if len(values) == 3 and isinstance(values[0], Instance) and isinstance(values[1], str):
        machine.put(values[0].names, values[1], values[2])
    return None


def _callable(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "obj")
    if isinstance(value, (Function, Class, Bound, Partial, CodeLayer, KerasModel, Outside)):
        return True
    if value is None or isinstance(value, (int, float, str, dict)) or is_list(value):
        return False
    return machine.unknown("true or false", node)


def _nothing(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return None


def _slice(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = [p.value for p in args.places]
    return slice(*values) if 1 <= len(values) <= 3 else machine.unknown("a slice", node)


def _pow(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = [p.value for p in args.places]
    return (
        arithmetic(machine, "**", values[0], values[1], node)
        if len(values) == 2
        else machine.unknown("a number", node)
    )


def _divmod(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    a, b = args.value(0, "x"), args.value(1, "y")
    return (arithmetic(machine, "//", a, b, node), arithmetic(machine, "%", a, b, node))


def _type(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "object")
    if isinstance(value, Instance):
        return value.cls
    for name, types in TYPES.items():
        if type(value) in types:
            return Outside(f"builtins.{name}")
    return machine.unknown("a type", node)


def _next(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "iterator")
    return machine.unknown("the next item", node, f"next({value.text})" if isinstance(value, Unknown) else "")


def _iter(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return args.value(0, "iterable")


# Not a fact about layers: Python's own functions.
FUNCTIONS: dict[str, Callable[[Machine, Arguments, ast.AST], Value]] = {
    "len": _size_of,
    "range": _range,
    "xrange": _range,
    "min": _extreme(min),
    "max": _extreme(max),
    "sum": _sum,
    "int": _int,
    "float": _float,
    "round": _round,
    "str": _str,
    "bool": _bool,
    "list": _list(list),
    "tuple": _list(tuple),
    "set": _list(set),
    "frozenset": _list(frozenset),
    "dict": _dict,
    "enumerate": _enumerate,
    "zip": _zip,
    "reversed": _reversed,
    "sorted": _sorted,
    "map": _map,
    "filter": _filter,
    "all": _all_or_any(False),
    "any": _all_or_any(True),
    "abs": _abs,
    "isinstance": _isinstance,
    "getattr": _getattr,
    "setattr": _setattr,
    "callable": _callable,
    "print": _nothing,
    "display": _nothing,
    "slice": _slice,
    "pow": _pow,
    "divmod": _divmod,
    "type": _type,
    "next": _next,
    "iter": _iter,
}
"""Python's own functions by their names."""

NAMES = frozenset(FUNCTIONS) | frozenset(TYPES)
NAMES |= frozenset(
    [
        "object",
        "super",
        "input",
        "open",
        "hasattr",
        "vars",
        "id",
        "hash",
        "repr",
        "property",
        "staticmethod",
        "classmethod",
    ]
)
NAMES |= frozenset(
    ["Exception", "ValueError", "TypeError", "KeyError", "IndexError", "RuntimeError", "NotImplementedError"]
)
NAMES |= frozenset(
    ["ImportError", "AssertionError", "AttributeError", "StopIteration", "KeyboardInterrupt", "OSError"]
)
