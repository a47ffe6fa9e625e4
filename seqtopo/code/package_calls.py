"""Calls of functions and classes of packages: Keras, TensorFlow, NumPy, argparse and Python's own."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable

from seqtopo.code import builtin_calls, data, keras_names
from seqtopo.code.keras_names import Meaning
from seqtopo.code.layer_arguments import make_layer, make_object
from seqtopo.code.layer_calls import call_layer, call_opaque
from seqtopo.code.machine import Machine
from seqtopo.code.methods import math_call
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
    items_of,
    tensors_in,
)
from seqtopo.layers.old_programs import AXIS_FUNCTIONS
from seqtopo.layers.old_spellings import MERGES, WITHOUT_SUCCESSOR
from seqtopo.system import bounds


def call_outside(machine: Machine, path: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function or class of a package."""
    if path.startswith("builtins."):
        function = builtin_calls.FUNCTIONS.get(path.removeprefix("builtins."))
        if path == "builtins.len" and args.places and data.is_data(args.places[0].value):
            return data.length(machine, args.places[0].value, node)
        if function is not None:
            return function(machine, args, node)
        return machine.unknown("a function of Python that is not followed", node)
    found = keras_names.meaning(path)
    if found.kind != "other":
        return _of_keras(machine, path, found, args, node)
    own = _OWN.get(path)
    if own is not None:
        return own(machine, args, node)
    if path.startswith("math."):
        return math_call(machine, path.removeprefix("math."), args, node)
    if any(tensors_in(v) for v in args.values):
        return call_opaque(machine, path.rsplit(".", 1)[-1], f"{path} of a package", args, node)
    if data.knows(path):
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
        return (
            data.call(machine, path, args, node)
            if data.knows(path)
            else machine.unknown(f"what {path} gives", node)
        )
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


# ---- Python's own packages -------------------------------------------------------------------------


def _partial(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    if not args.places:
        return machine.unknown("a function", node)
    return Partial(args.places[0].value, Arguments(args.places[1:], dict(args.names), args.unknown))


def _environment(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    default = args.value(1, "default")
    return default if default is not None else machine.unknown("a setting of the machine", node)


def _copy(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "x")
    return copied(value)


def copied(value: Value, depth: int = 0) -> Value:
    """Return a copy of nested lists and dictionaries; for an object, one with the same attributes."""
    if depth > 20:
        return value
    if type(value) is list:
        return [copied(v, depth + 1) for v in value]
    if type(value) is tuple:
        return tuple(copied(v, depth + 1) for v in value)
    if isinstance(value, dict):
        return {k: copied(v, depth + 1) for k, v in value.items()}
    if isinstance(value, Instance) and value.model is None and value.layer is None:
        return Instance(value.cls, dict(value.names), where=value.where)
    if isinstance(value, CodeLayer):
        return CodeLayer(value.kind, value.row, dict(value.args), value.where, value.name, value.why)
    return value


def _dictionary(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return builtin_calls.FUNCTIONS["dict"](machine, args, node)


def _default_dictionary(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return machine.unknown("a dictionary with a default", node)


def _namespace(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return Namespace({k: p.value for k, p in args.names.items()}, machine.text(node))


def _parser(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return Namespace({}, "args", parser=True)


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


def _product(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    lists = [items_of(p.value) for p in args.places]
    count = 1
    for values in lists:
        count *= len(values) if values is not None else bounds.CODE_ITEMS + 1
    if count > bounds.CODE_ITEMS or args.names:
        return machine.unknown("a list that is not known", node)
    return list(itertools.product(*(values or [] for values in lists)))


def _chain(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    lists = [items_of(p.value) for p in args.places]
    if any(values is None for values in lists):
        return machine.unknown("a list that is not known", node)
    return [v for values in lists for v in values or []]


def _named_tuple(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    name, fields = args.value(0, "typename"), args.value(1, "field_names")
    names = fields.replace(",", " ").split() if isinstance(fields, str) else items_of(fields)
    if not isinstance(name, str) or names is None or not all(isinstance(n, str) for n in names):
        return machine.unknown("a class", node)
    found = Class(name, None, (), {}, machine.scope.module, tuple(names))
    defaults = items_of(args.value(-1, "defaults", ()))
    if defaults:
        found.names.update(zip(names[len(names) - len(defaults) :], defaults, strict=False))
    return found


def _field(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    if "default" in args.names:
        return args.names["default"].value
    if "default_factory" in args.names:
        return machine.call(args.names["default_factory"].value, Arguments(), node)
    return machine.unknown("a field without a default", node)


def _replace(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "obj")
    if not isinstance(value, Instance):
        return machine.unknown("an object", node)
    return Instance(
        value.cls, {**value.names, **{k: p.value for k, p in args.names.items()}}, where=value.where
    )


def _as_dictionary(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    value = args.value(0, "obj")
    names = value.names if isinstance(value, (Instance, Namespace)) else None
    return dict(names) if names is not None else machine.unknown("a dictionary", node)


def _reduce(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    values = items_of(args.value(1, "iterable"))
    if values is None or len(args.places) < 2 or (not values and len(args.places) < 3):
        return machine.unknown("a value that is not known", node)
    found = args.places[2].value if len(args.places) > 2 else values.pop(0)
    for value in values:
        found = machine.call(args.places[0].value, Arguments([Passed(found), Passed(value)]), node)
    return found


def _given(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    """Return the first argument, as a decorator or a cast does that has no effect on reading."""
    return args.places[0].value if args.places else Outside("builtins.object")


def _cast(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return args.value(1, "val")


def _wraps(machine: Machine, args: Arguments, node: ast.AST) -> Value:
    return Outside("copy.copy")


_OWN: dict[str, Callable[[Machine, Arguments, ast.AST], Value]] = {
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "functools.wraps": _wraps,
    "functools.lru_cache": _given,
    "functools.cache": _given,
    "os.environ.get": _environment,
    "os.getenv": _environment,
    "os.environ.setdefault": _environment,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _default_dictionary,
    "collections.namedtuple": _named_tuple,
    "dataclasses.field": _field,
    "dataclasses.replace": _replace,
    "dataclasses.asdict": _as_dictionary,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "argparse.ArgumentParser": _parser,
    "itertools.product": _product,
    "itertools.chain": _chain,
    "typing.cast": _cast,
}
