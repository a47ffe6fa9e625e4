"""Python's own functions, on values that may be unknown.

Each function here has the signature of Python's own, behind the interpreter and the place of the call where
it needs them, and raises ``UntoldError`` for what it cannot tell. `library_calls` calls them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
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

_TYPES = {
    t.__name__: t for t in (int, float, str, list, tuple, dict, set, bool, bytes, range, complex, frozenset)
}
_NUMBER = "a number that is not known"
LIST = "a list that is not known"
_TRUTH = "true or false"


class UntoldError(Exception):
    """Raised if the result of a call cannot be told; its text says what it would be."""


def told(value: Any, what: str) -> Any:
    """Return a value that is not None.

    Raises:
        UntoldError: it is None, for ``what`` cannot be told.
    """
    if value is None:
        raise UntoldError(what)
    return value


def known_items(value: Value, what: str = LIST) -> list[Value]:
    """Return the items of a value that can be iterated; raise ``UntoldError`` if they are not known."""
    return told(items_of(value), what)  # type: ignore[no-any-return]


# ---- numbers and texts ---------------------------------------------------------------------------------


def _len(machine: Machine, node: ast.AST, obj: Value) -> Value:
    value = machine.constant(obj)
    if is_list(value) and value and isinstance(value[-1], Unknown) and value[-1].why in (BRANCH, ITEMS):
        return len(value) - 1 + told(value[-1].parts.get("items"), "a length").count
    if has_unknown_keys(value):
        raise UntoldError("a length")
    if is_list(value) or isinstance(value, (str, dict, set, frozenset, range, bytes)):
        return len(value)
    if isinstance(value, Unknown):
        found = machine.part(value, "len()", f"len({value.text})", node)
        found.parts[COUNTED] = value.parts.get(COUNTED)
        return found
    if isinstance(value, Instance) and isinstance(method := value.cls.find("__len__"), Function):
        length = machine.call(Bound(value, "__len__", method), Arguments(), node)
        if isinstance(length, Unknown):
            # Its text has the names inside of the method.
            return Unknown(length.why, length.where, machine.text(node), length.parts)
        return length
    shape = getattr(value, "shape", None)
    if is_list(shape) and shape:
        return shape[0]
    raise UntoldError("a length")


def _range(machine: Machine, node: ast.AST, *values: Value) -> Value:
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


def _extreme(choose: Callable[..., Any], *values: Value) -> Value:
    numbers = known_items(values[0], _NUMBER) if len(values) == 1 else list(values)
    if numbers and all(isinstance(v, (int, float, str)) for v in numbers):
        return choose(numbers)
    if not numbers or not all(map(is_size, numbers)):
        raise UntoldError(_NUMBER)
    best = numbers[0]
    for value in numbers[1:]:
        apart = best - value
        if not isinstance(apart, int):
            raise UntoldError("a choice between unknown sizes")
        best = choose((apart, 0)) + value
    return best


def _sum(iterable: Value, start: Value = 0) -> Value:
    what = "a sum that is not known"
    values = [start, *known_items(iterable, what)]
    numbers = all(isinstance(v, (int, float)) for v in values)
    if not numbers and not all(map(is_size, values)):
        raise UntoldError(what)
    return functools.reduce(lambda a, b: a + b, values)


def _int(machine: Machine, node: ast.AST, x: Value = 0) -> Value:
    value = machine.constant(x)
    if isinstance(value, Expr):
        return value
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 20):
        return int(value)
    if not isinstance(value, Unknown):
        raise UntoldError(_NUMBER)
    ratio = value.parts.get("ratio")
    if ratio is None:
        return machine.part(value, "int()", f"int({value.text})", node)
    found = Unknown(value.why, machine.where(node), f"int({value.text})")
    found.parts["made of"] = ("//", *ratio)
    return found


def _float(x: Value = 0.0) -> Value:
    if isinstance(x, (int, float)) or (isinstance(x, str) and len(x) < 40):
        return float(x)
    raise UntoldError(_NUMBER)


def _round(number: Value, ndigits: Value = None) -> Value:
    if isinstance(number, (int, float)) and (ndigits is None or type(ndigits) is int):
        return round(number) if ndigits is None else round(number, max(-20, min(20, ndigits)))
    if isinstance(number, Expr):
        return number
    raise UntoldError(_NUMBER)


def _abs(x: Value) -> Value:
    if isinstance(x, (int, float)):
        return abs(x)
    raise UntoldError("a number")


def _str(object: Value = "") -> Value:
    if not is_known(object) or (isinstance(object, int) and abs(object) > 10**40):
        raise UntoldError("a text")
    return str(object)[:2000] if not is_list(object) or len(object) < 200 else "..."


def _pow(machine: Machine, node: ast.AST, base: Value, exp: Value) -> Value:
    return arithmetic(machine, "**", base, exp, node)


def _divmod(machine: Machine, node: ast.AST, x: Value, y: Value) -> Value:
    return (arithmetic(machine, "//", x, y, node), arithmetic(machine, "%", x, y, node))


# ---- lists and dictionaries ------------------------------------------------------------------------------


def _collection(make: Callable[[Any], Any], machine: Machine, node: ast.AST, iterable: Value = ()) -> Value:
    if isinstance(iterable, Unknown):
        return machine.part(iterable, "list()", iterable.text, node)
    items = known_items(iterable)
    if make in (set, frozenset) and not all(map(hashable, items)):
        raise UntoldError(LIST)
    return make(items)


def to_dict(args: Arguments) -> Value:
    """Return the dictionary that a call of ``dict`` makes."""
    what = "a dictionary that is not known"
    given = args.places[0].value if args.places else {}
    pairs = list(given.items()) if isinstance(given, dict) else known_items(given, what)
    if args.unknown or not all(is_list(pair) and len(pair) == 2 and hashable(pair[0]) for pair in pairs):
        raise UntoldError(what)
    return dict(pairs) | {name: p.value for name, p in args.names.items()}


def _enumerate(iterable: Value, start: Value = 0) -> Value:
    if type(start) is not int:
        raise UntoldError(LIST)
    return list(enumerate(known_items(iterable), start))


def _zip(*lists: Value, strict: Value = False) -> Value:
    return list(zip(*map(known_items, lists), strict=False))


def _reversed(sequence: Value) -> Value:
    return known_items(sequence)[::-1]


def _sorted(
    machine: Machine, node: ast.AST, iterable: Value, *, key: Value = None, reverse: Value = False
) -> Value:
    values = known_items(iterable)
    keys = values if key is None else [machine.call(key, Arguments([Passed(v)]), node) for v in values]
    if not isinstance(reverse, bool) or not all(map(is_known, keys)):
        raise UntoldError(LIST)
    try:
        order = sorted(range(len(keys)), key=lambda i: keys[i], reverse=reverse)
    except TypeError:
        raise UntoldError(LIST) from None
    return [values[i] for i in order]


def _map(machine: Machine, node: ast.AST, function: Value, *lists: Value) -> Value:
    turns = zip(*map(known_items, lists), strict=False)
    return [machine.call(function, Arguments(list(map(Passed, v))), node) for v in turns]


def _filter(machine: Machine, node: ast.AST, function: Value, iterable: Value) -> Value:
    values, found = known_items(iterable), []
    for value in values:
        kept = value if function is None else machine.call(function, Arguments([Passed(value)]), node)
        found += [value] if told(truth(kept), LIST) else []
    return found


def _all_or_any(wanted: bool, iterable: Value) -> Value:
    items = items_of(iterable)
    known = [None] if items is None else [truth(v) for v in items]
    if wanted in known:
        return wanted
    if None in known:
        raise UntoldError(_TRUTH)
    return not wanted


def _slice(*values: Value) -> Value:
    return slice(*values)


def _next(machine: Machine, node: ast.AST, iterator: Value = None, *default: Value) -> Value:
    text = f"next({iterator.text})" if isinstance(iterator, Unknown) else ""
    return machine.unknown("the next item", node, text)


def _iter(iterable: Value) -> Value:
    return iterable


# ---- objects and types ---------------------------------------------------------------------------------


def _bool(x: Value = False) -> Value:
    return told(truth(x), _TRUTH)


def _isinstance(value: Value, cls: Value) -> Value:
    found = [_is_a(value, c) for c in (cls if is_list(cls) else (cls,))]
    if True in found:
        return True
    if None in found:
        raise UntoldError(_TRUTH)
    return False


def _is_a(value: Value, cls: Value) -> bool | None:
    if isinstance(value, (Unknown, Expr)):
        return None
    if isinstance(cls, Class):
        return any(b is cls for b in value.cls.ancestors()) if isinstance(value, Instance) else False
    if not isinstance(cls, Outside):
        return None
    plain = value is None or is_list(value) or isinstance(value, (int, float, str, bytes, dict, set, range))
    if cls.path.startswith("builtins."):
        known = _TYPES.get(cls.path.removeprefix("builtins."))
        return None if known is None else plain and isinstance(value, known)
    if isinstance(value, CodeLayer):
        return True if cls.path.endswith((f".{value.kind}", ".Layer")) else None
    if isinstance(value, KerasModel):
        return True if cls.path.endswith((".Model", ".Layer")) else None
    return False if plain and not isinstance(value, (bytes, set, range)) else None


def _getattr(machine: Machine, node: ast.AST, owner: Value, name: Value, *default: Value) -> Value:
    if not isinstance(name, str):
        raise UntoldError("an attribute")
    found = machine.attribute(owner, name, node)
    lacks = isinstance(found, Unknown) and isinstance(owner, (Instance, Class, Module))
    return default[0] if lacks and default else found


def _setattr(machine: Machine, node: ast.AST, owner: Value, name: Value, value: Value) -> Value:
    if isinstance(owner, Instance) and isinstance(name, str):
        machine.put(owner.names, name, value)


def _callable(obj: Value) -> Value:
    if isinstance(obj, (Function, Class, Bound, Partial, CodeLayer, KerasModel, Outside)):
        return True
    if obj is None or isinstance(obj, (int, float, str, dict)) or is_list(obj):
        return False
    raise UntoldError(_TRUTH)


def _type(object: Value, *more: Value) -> Value:
    if isinstance(object, Instance):
        return object.cls
    if type(object) in _TYPES.values():
        return Outside(f"builtins.{type(object).__name__}")
    raise UntoldError("a type")


def _print(*values: Value, **names: Value) -> Value:
    return None


def _of_python(*functions: Callable[..., Value]) -> dict[str, Callable[..., Value]]:
    return {f"builtins{function.__name__.replace('_', '.', 1)}": function for function in functions}


# Not a fact about layers: Python's own functions.
OF_VALUES: Mapping[str, Callable[..., Value]] = {
    **_of_python(_sum, _float, _round, _str, _bool, _enumerate, _zip, _reversed, _abs, _isinstance),
    **_of_python(_callable, _print, _slice, _type, _iter),
    "builtins.min": functools.partial(_extreme, min),
    "builtins.max": functools.partial(_extreme, max),
    "builtins.all": functools.partial(_all_or_any, False),
    "builtins.any": functools.partial(_all_or_any, True),
    "builtins.display": _print,
}
"""Functions of values alone."""
OF_INTERPRETER: Mapping[str, Callable[..., Value]] = {
    **_of_python(_len, _range, _int, _sorted, _map, _filter, _getattr, _setattr, _pow, _divmod, _next),
    **{f"builtins.{make.__name__}": functools.partial(_collection, make) for make in (list, tuple, set)},
    "builtins.frozenset": functools.partial(_collection, set),
    "builtins.xrange": _range,
}
"""Functions that call others, make new values or change some: they take the interpreter and the place."""
_NOT_FOLLOWED = (
    "object", "super", "input", "open", "hasattr", "vars", "id", "hash", "repr", "property",
    "staticmethod", "classmethod", "Exception", "ValueError", "TypeError", "KeyError", "IndexError",
    "RuntimeError", "NotImplementedError", "ImportError", "AssertionError", "AttributeError",
    "StopIteration", "KeyboardInterrupt", "OSError",
)  # fmt: skip
NAMES = frozenset(
    name.removeprefix("builtins.")
    for name in (*OF_VALUES, *OF_INTERPRETER, "builtins.dict", *_NOT_FOLLOWED, *_TYPES)
    if name.startswith("builtins.") or "." not in name
)
"""The names that Python itself has."""
