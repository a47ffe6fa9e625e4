"""Calls of functions and classes of packages: Keras, TensorFlow, NumPy, argparse and Python's own library."""

from __future__ import annotations

import ast
import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from seqtopo.code import array_calls, data, keras_names
from seqtopo.code.builtin_calls import (
    LIST,
    OF_INTERPRETER,
    OF_VALUES,
    UntoldError,
    known_items,
    to_dict,
    told,
)
from seqtopo.code.keras_names import Meaning
from seqtopo.code.layer_arguments import make_layer, make_object
from seqtopo.code.layer_calls import call_layer, call_opaque
from seqtopo.code.machine import Machine
from seqtopo.code.model import CodeLayer, Value
from seqtopo.code.models import functional, loaded, make_input, sequential
from seqtopo.code.operation_calls import operation
from seqtopo.code.values import (
    Arguments,
    Class,
    Instance,
    KerasModel,
    Namespace,
    Outside,
    Partial,
    Passed,
    Unknown,
    is_list,
    is_size,
    items_of,
    tensors_in,
)
from seqtopo.layers.old_programs import AXIS_FUNCTIONS
from seqtopo.layers.old_spellings import MERGES, WITHOUT_SUCCESSOR
from seqtopo.layers.sizes import product
from seqtopo.system import bounds


def call_library(machine: Machine, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function of Python's, or of its standard library, by its dotted name."""
    values, names = args.by_place, {k: p.value for k, p in args.names.items()}
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


def call_outside(machine: Machine, path: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function or class of a package."""
    if path == "builtins.len" and args.places and data.is_data(args.places[0].value):
        return data.told(machine, array_calls.length(args.places[0].value), node)
    if knows(path):
        return call_library(machine, path, args, node)
    if path.startswith("builtins."):
        return machine.unknown("a function of Python that is not followed", node)
    found = keras_names.meaning(path)
    if found.kind != "other":
        return _of_keras(machine, path, found, args, node)
    if path.startswith("math."):
        return _math(machine, path.removeprefix("math."), args, node)
    if any(tensors_in(v) for v in args.values):
        return call_opaque(machine, path.rsplit(".", 1)[-1], f"{path} of a package", args, node)
    if array_calls.knows(path):
        return data.call(machine, path, args, node)
    return machine.unknown(f"what {path} gives", node)


def _of_keras(machine: Machine, path: str, found: Meaning, args: Arguments, node: ast.AST) -> Value:
    kind = found.kind
    if kind == "layer":
        return make_layer(machine, found, args, node)
    if kind == "merge":
        return _merge(machine, found, args, node)
    if kind == "sequential":
        return sequential(machine, args, node)
    if kind == "model":
        return functional(machine, args, node)
    if kind == "input":
        return make_input(machine, args, node, found.old)
    if kind == "object":
        if any(tensors_in(v) for v in args.values):
            return operation(machine, found.old, found.old, args, node)
        return make_object(machine, found, args)
    if kind == "operation":
        if found.name in _IMAGES:
            return _image_format(machine, found.name, args)
        if any(tensors_in(v) for v in args.values):
            return _operation(machine, found, args, node)
        if array_calls.knows(path):
            return data.call(machine, path, args, node)
    if kind == "application":
        return loaded(machine, found.name, "a pretrained model", node)
    if kind == "loader":
        given = args.places[0].value if args.places else None
        if found.name == "clone_model" and isinstance(given, KerasModel):
            return machine.unknown("a copy of a model", node)
        return loaded(machine, "loaded", f"loaded by {found.name}", node)
    return machine.unknown(f"what {path} gives", node)


_IMAGES = frozenset(
    ("set_image_data_format", "set_image_dim_ordering", "image_data_format", "image_dim_ordering")
)


def _image_format(machine: Machine, name: str, args: Arguments) -> Value:
    """Return the result of a call that sets, or asks for, the axis of the channels of images."""
    if name.startswith("set_"):
        machine.channels_first = args.value(0, "data_format") in ("channels_first", "th")
        return None
    if name == "image_dim_ordering":
        return "th" if machine.channels_first else "tf"
    return "channels_first" if machine.channels_first else "channels_last"


def _operation(machine: Machine, found: Meaning, args: Arguments, node: ast.AST) -> Value:
    value = args.places[0].value if args.places else None
    if found.name == "int_shape" and value is not None:
        return machine.attribute(value, "shape", node)
    if found.name == "ndim" and value is not None:
        return machine.attribute(value, "ndim", node)
    if found.name == "shape":
        return machine.unknown("a shape that the data tells", node)
    if found.name in ("is_keras_tensor", "is_tensor"):
        return True
    _, _, without, axis = AXIS_FUNCTIONS.get(found.old.removeprefix("K."), ("", 0, 0, 0))
    if found.old.startswith("K.") and len(args.values) == without:
        args = Arguments(args.places, {**args.names, "axis": Passed(axis)}, args.unknown)
    return operation(machine, found.name, found.old, args, node)


def _merge(machine: Machine, found: Meaning, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function such as ``concatenate``: it makes a layer and calls it at once."""
    given = args.places[:1] or [args.names["inputs"]] if "inputs" in args.names or args.places else []
    named = {k: v for k, v in args.names.items() if k != "inputs"}
    rest = args.places[1:]
    if not found.name:
        mode = args.value(1, "mode", "sum")
        name = MERGES.get(mode) if isinstance(mode, str) else None
        if name is None:
            return call_opaque(machine, "merge", WITHOUT_SUCCESSOR["Merge"], args, node)
        named.pop("mode", None)
        if mode == "cos":
            named["normalize"] = Passed(True)
        found, rest = Meaning("layer", name, old=name), []
    layer = make_layer(machine, found, Arguments(rest, named, args.unknown), node)
    return call_layer(machine, layer, Arguments(given), node)


def parser_method(machine: Machine, parser: Namespace, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of an ``argparse`` parser: its arguments have their defaults."""
    if name == "add_argument":
        flags = [p.value for p in args.places if isinstance(p.value, str)]
        said = args.value(-1, "dest")
        long = [f for f in flags if f.startswith("--")] or flags
        if not isinstance(said, str):
            if not long:
                return None
            said = long[0].lstrip("-").replace("-", "_")
        action = args.value(-1, "action")
        if "default" in args.names:
            default = args.names["default"].value
            if isinstance(default, str) and isinstance(kind := args.value(-1, "type"), Outside):
                default = call_outside(machine, kind.path, Arguments([Passed(default)]), node)
        elif action in ("store_true", "store_false"):
            default = action == "store_false"
        else:
            default = machine.unknown("a setting without a default", node, f"args.{said}")
        machine.put(parser.names, said, default)
        return None
    if name == "set_defaults":
        for key, passed in args.names.items():
            machine.put(parser.names, key, passed.value)
        return None
    if name in ("add_argument_group", "add_mutually_exclusive_group", "add_subparsers", "add_parser"):
        return parser
    if name == "parse_args":
        return Namespace(dict(parser.names), "args")
    if name == "parse_known_args":
        return (Namespace(dict(parser.names), "args"), [])
    return machine.unknown("what a parser gives", node)


def _math(machine: Machine, name: str, args: Arguments, node: ast.AST) -> Value:
    values = args.by_place
    function: Any = getattr(math, name, None)
    safe = name not in ("factorial", "comb", "perm", "prod", "lcm")
    if function is not None and safe and values and all(isinstance(v, (int, float)) for v in values):
        try:
            return function(*values)
        except (ValueError, OverflowError, TypeError):
            pass
    if name in ("ceil", "floor") and len(values) == 1 and isinstance(values[0], Unknown):
        ratio = values[0].parts.get("ratio")
        if ratio is not None and name == "floor":
            found = machine.unknown("a number that is not known", node)
            found.parts["made of"] = ("//", *ratio)
            return found
    if name == "prod" and len(values) == 1:
        items = items_of(values[0])
        if items is not None and all(map(is_size, items)):
            return product(items)
    return machine.unknown("a number that is not known", node)
