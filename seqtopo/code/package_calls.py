"""Calls of functions and classes of packages: Keras, TensorFlow, NumPy, argparse and Python's own."""

from __future__ import annotations

import ast

from seqtopo.code import array_calls, data, keras_names, library_calls
from seqtopo.code.keras_names import Meaning
from seqtopo.code.layer_arguments import make_layer, make_object
from seqtopo.code.layer_calls import call_layer, call_opaque
from seqtopo.code.machine import Machine
from seqtopo.code.methods import math_call
from seqtopo.code.model import Value
from seqtopo.code.models import functional, loaded, make_input, sequential
from seqtopo.code.operation_calls import operation
from seqtopo.code.values import (
    Arguments,
    KerasModel,
    Namespace,
    Outside,
    Passed,
    tensors_in,
)
from seqtopo.layers.old_programs import AXIS_FUNCTIONS
from seqtopo.layers.old_spellings import MERGES, WITHOUT_SUCCESSOR


def call_outside(machine: Machine, path: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function or class of a package."""
    if path == "builtins.len" and args.places and data.is_data(args.places[0].value):
        return data.told(machine, array_calls.length(args.places[0].value), node)
    if library_calls.knows(path):
        return library_calls.call_library(machine, path, args, node)
    if path.startswith("builtins."):
        return machine.unknown("a function of Python that is not followed", node)
    found = keras_names.meaning(path)
    if found.kind != "other":
        return _of_keras(machine, path, found, args, node)
    if path.startswith("math."):
        return math_call(machine, path.removeprefix("math."), args, node)
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
        return (
            data.call(machine, path, args, node)
            if array_calls.knows(path)
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
