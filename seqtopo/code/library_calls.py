"""Functions of Python and its standard library: calls of them, on values that may be unknown."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Mapping

from seqtopo.code.builtin_calls import (
    LIST,
    OF_INTERPRETER,
    OF_VALUES,
    UntoldError,
    known_items,
    to_dict,
    told,
)
from seqtopo.code.machine import Machine
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.values import (
    Arguments,
    Class,
    Instance,
    Namespace,
    Outside,
    Partial,
    Passed,
    is_list,
    items_of,
)
from seqtopo.system import bounds


def call_library(machine: Machine, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function of Python's, or of its standard library, by its dotted name."""
    values, names = [p.value for p in args.places], {k: p.value for k, p in args.names.items()}
    try:
        if name in _OF_CALLS:
            return _OF_CALLS[name](args)
        if args.unknown:
            raise UntoldError("what a call gives whose arguments are not known")
        if name in _OF_INTERPRETER:
            return _OF_INTERPRETER[name](machine, node, *values, **names)
        return _OF_VALUES[name](*values, **names)
    except UntoldError as error:
        return machine.unknown(str(error), node)
    except (TypeError, ValueError, OverflowError):
        return machine.unknown("what a call gives that fails", node)


def knows(name: str) -> bool:
    """Return whether `call_library` has a function of that name."""
    return any(name in table for table in (_OF_VALUES, _OF_INTERPRETER, _OF_CALLS))


def _partial(args: Arguments) -> Value:
    if not args.places:
        raise UntoldError("a function")
    return Partial(args.places[0].value, Arguments(args.places[1:], dict(args.names), args.unknown))


def _wraps(*values: Value, **names: Value) -> Value:
    return Outside("copy.copy")


def _decorated(*values: Value, **names: Value) -> Value:
    """Return the function that a decorator is given, which has no effect on reading."""
    return values[0] if values else Outside("builtins.object")


def _cast(typ: Value, val: Value) -> Value:
    return val


def _environment(key: Value, default: Value = None) -> Value:
    return told(default, "a setting of the machine")


def _copy(x: Value, *memo: Value) -> Value:
    return _copied(x)


def _copied(value: Value, depth: int = 0) -> Value:
    """Return a copy of nested lists and dictionaries; for an object, one with the same attributes."""
    if depth > 20:
        return value
    if is_list(value):
        return type(value)(_copied(v, depth + 1) for v in value)
    if isinstance(value, dict):
        return {k: _copied(v, depth + 1) for k, v in value.items()}
    if isinstance(value, Instance) and value.model is None and value.layer is None:
        return Instance(value.cls, dict(value.names), where=value.where)
    if isinstance(value, CodeLayer):
        return CodeLayer(value.kind, value.row, dict(value.args), value.where, value.name, value.why)
    return value


def _namespace(machine: Machine, node: ast.AST, **names: Value) -> Value:
    return Namespace(names, machine.text(node))


def _parser(*values: Value, **names: Value) -> Value:
    return Namespace({}, "args", parser=True)


def _named_tuple(
    machine: Machine,
    node: ast.AST,
    typename: Value,
    field_names: Value,
    *,
    defaults: Value = (),
    **more: Value,
) -> Value:
    what = "a class"
    names = (
        field_names.replace(",", " ").split()
        if isinstance(field_names, str)
        else known_items(field_names, what)
    )
    if not isinstance(typename, str) or not all(isinstance(n, str) for n in names):
        raise UntoldError(what)
    found = Class(typename, None, (), {}, machine.scope.module, tuple(names))
    last = items_of(defaults) or []
    found.names.update(zip(names[len(names) - len(last) :], last, strict=False))
    return found


def _field(machine: Machine, node: ast.AST, **names: Value) -> Value:
    if "default_factory" in names and "default" not in names:
        return machine.call(names["default_factory"], Arguments(), node)
    if "default" in names:
        return names["default"]
    raise UntoldError("a field without a default")


def _replace(obj: Value, **names: Value) -> Value:
    if not isinstance(obj, Instance):
        raise UntoldError("an object")
    return Instance(obj.cls, obj.names | names, where=obj.where)


def _as_dictionary(obj: Value) -> Value:
    if not isinstance(obj, (Instance, Namespace)):
        raise UntoldError("a dictionary")
    return dict(obj.names)


def _reduce(machine: Machine, node: ast.AST, function: Value, iterable: Value, *initial: Value) -> Value:
    what = "a value that is not known"
    values = [*initial, *known_items(iterable, what)]
    if not values:
        raise UntoldError(what)
    return functools.reduce(
        lambda a, b: machine.call(function, Arguments([Passed(a), Passed(b)]), node), values
    )


def _product(*lists: Value) -> Value:
    known = [known_items(values) for values in lists]
    if functools.reduce(lambda a, b: a * len(b), known, 1) > bounds.CODE_ITEMS:
        raise UntoldError(LIST)
    return list(itertools.product(*known))


def _chain(*lists: Value) -> Value:
    return [v for values in lists for v in known_items(values)]


def _default_dictionary(*values: Value, **names: Value) -> Value:
    raise UntoldError("a dictionary with a default")


# Not a fact about layers: Python's own functions.
_OF_VALUES: Mapping[str, Callable[..., Value]] = {
    **OF_VALUES,
    "functools.wraps": _wraps,
    "functools.lru_cache": _decorated,
    "functools.cache": _decorated,
    "os.environ.get": _environment,
    "os.getenv": _environment,
    "os.environ.setdefault": _environment,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "collections.defaultdict": _default_dictionary,
    "dataclasses.replace": _replace,
    "dataclasses.asdict": _as_dictionary,
    "argparse.ArgumentParser": _parser,
    "itertools.product": _product,
    "itertools.chain": _chain,
    "typing.cast": _cast,
}
"""Functions of values alone."""
_OF_INTERPRETER: Mapping[str, Callable[..., Value]] = {
    **OF_INTERPRETER,
    "functools.reduce": _reduce,
    "collections.namedtuple": _named_tuple,
    "dataclasses.field": _field,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
}
"""Functions that call others, make new values or change some: they take the interpreter and the place."""
_OF_CALLS: Mapping[str, Callable[[Arguments], Value]] = {
    "builtins.dict": to_dict,
    "collections.OrderedDict": to_dict,
    "functools.partial": _partial,
}
"""Functions that take a call as it is written."""
