"""Layers as their constructors make them: arguments by Keras' names, with their places."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain, count
from typing import Any, Literal

from seqtopo.code import keras_names
from seqtopo.code.arrays import CodeArray
from seqtopo.code.keras_names import Meaning
from seqtopo.code.machine import Machine
from seqtopo.code.model import Argument, CodeLayer, Opaque, Value
from seqtopo.code.values import (
    COUNTED,
    Arguments,
    Class,
    Function,
    Instance,
    KerasModel,
    Outside,
    Passed,
    Unknown,
    is_list,
)
from seqtopo.layers import old_spellings
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Param, Row
from seqtopo.layers.sizes import symbol
from seqtopo.layers.values import DTYPES, Object

SHAPES = ("input_shape", "batch_input_shape", "batch_shape", "input_dim", "input_length", "batch_size")
"""The arguments that give the shape of the input to the first layer of a Sequential, in old code."""


_UNTOLD = "its arguments are not known"
Sizes = Literal["", "inside", "all"]
"""The places where unknown numbers are sizes: none, inside lists only (not a whole shape), or all."""


@cache
def _takes_sizes(kind: Any) -> Sizes:
    some = symbol("N")
    if kind.family or kind.takes != "value" or kind.accepts(object()):
        return ""
    if kind.accepts(some):
        return "all"
    return "inside" if any(map(kind.accepts, ((some,), (some, some), (some, some, some)))) else ""


def plain(machine: Machine, value: Value, sizes: Sizes = "") -> Value:
    """Return a value as an ``Argument`` has it, with symbols for unknown numbers where ``sizes``."""
    if isinstance(value, Unknown):
        return machine.symbol(value) if sizes == "all" else value
    if is_list(value):
        return tuple(plain(machine, v, "all" if sizes else "") for v in value)
    if isinstance(value, Outside):
        found = _of_package(value)
        is_size = sizes == "all" and isinstance(found, Opaque)
        return machine.size(machine.constant(value)) if is_size else found
    if isinstance(value, Instance):
        made = value.layer or (machine.code(value.model) if value.model else None)
        return made or Opaque(f"an object of {value.cls.name}")
    if isinstance(value, KerasModel):
        return machine.code(value)
    if isinstance(value, Function):
        return Opaque("a Python function")
    if isinstance(value, Class):
        return Opaque(f"the class {value.name}")
    return value


def _of_package(value: Outside) -> Value:
    found = keras_names.meaning(value.path)
    last = value.path.rsplit(".", 1)[-1]
    if found.kind == "object" and entry_of(found.family, found.name) is not None:
        return found.name
    if found.kind == "layer":
        return Opaque(f"the class {found.name}")
    if last in DTYPES:
        return last
    if found.kind == "operation" and entry_of("activation", last) is not None:
        return keras_names.object_name("activation", last)
    return Opaque(f"{value.path} of a package")


def argument_at(machine: Machine, passed: Passed, value: Value) -> Argument:
    """Return a value as an argument, with the places of the one that was passed."""
    where = machine.where(passed.node)
    return Argument(value, where, machine.where(passed.whole) or where)


def argument(machine: Machine, given: Passed, sizes: Sizes = "") -> Argument:
    """Return an argument with its places."""
    value = given.value
    if sizes == "all" and isinstance(value, CodeArray) and value.shape == () and given.node is not None:
        value = machine.part(machine.scalars, value, machine.text(given.node), given.node)
    return argument_at(machine, given, plain(machine, value, sizes))


def bind(
    machine: Machine, names: Sequence[str], args: Arguments, sized: Callable[[str], Sizes] = lambda name: ""
) -> dict[str, Argument]:
    """Return the arguments of a call by name; ``names`` is the order of those given by position."""
    by_place = zip(chain(names, (f"argument {i}" for i in count(len(names) + 1))), args.places, strict=False)
    found: dict[str, Argument] = {}
    for name, given in (*by_place, *args.names.items()):
        if name not in found:
            found[name] = argument(machine, given, sized(name))
    return found


def _bind_layer(
    machine: Machine, names: Sequence[str], args: Arguments, row: Row | None
) -> dict[str, Argument]:
    params = {p.keras_name: p for p in row.by_name.values()} if row is not None else {}
    return bind(machine, names, args, lambda name: _sized(params.get(name), name))


def _sized(param: Param | None, name: str) -> Sizes:
    found = _takes_sizes(param.kind) if param is not None else "all" if name in SHAPES else ""
    return "inside" if found and name.endswith("shape") else found


def make_object(machine: Machine, found: Meaning, args: Arguments) -> Object:
    """Return a Keras object such as an optimizer or a regularizer."""
    places = tuple(plain(machine, p.value) for p in args.places)
    return Object(found.name, places, {k: plain(machine, p.value) for k, p in args.names.items()})


def make_layer(machine: Machine, found: Meaning, args: Arguments, node: ast.AST) -> CodeLayer:
    """Return the layer that a constructor of ``keras.layers`` makes.

    An old spelling keeps its old meaning.
    """
    if found.name == "RNN":
        made = _rnn_of_cells(machine, args, node)
        if made is not None:
            return made
    written = found.old or found.name
    row = keras_names.ROW_OF.get(found.name)
    second_is_shape = len(args.places) > 1 and is_list(args.places[1].value)
    runs = row or _row_of_cell(found.name)
    age, names = keras_names.old_places(written, runs, args.names, second_is_shape)
    bound = _bind_layer(machine, names, args, row)
    name = bound["name"].value if "name" in bound else ""
    why = "" if row is not None else keras_names.why_opaque(found.name)
    layer = CodeLayer(found.name, row, bound, machine.where(node), name if isinstance(name, str) else "", why)
    if row is not None and (written != found.name or not row.by_name.keys() >= bound.keys()):
        _modernize(layer, written, age)
    _complete(machine, layer)
    if found.name == "Embedding":
        rows = args.value(0, "input_dim")
        layer.counted = isinstance(rows, Unknown) and bool(rows.parts.get(COUNTED))
    if args.unknown:
        layer.keeps_shape = row is not None and _keeps_shape(row)
        layer.row, layer.why = None, _UNTOLD
    elif found.name == "StackedRNNCells":
        layer.made = args.value(0, "cells")
    elif found.name == "Lambda":
        machine.bodies[layer] = (args.value(0, "function"), args)
    machine.activity += 1
    return layer


def _keeps_shape(row: Row) -> bool:
    """Return whether a layer gives the shape that it takes, whatever its arguments are."""
    return bool(row.clauses) and all(
        len(c.inputs) == 1 and c.inputs[0] == tuple(term.text for term in c.output) for c in row.clauses
    )


def _row_of_cell(cell: str) -> Row | None:
    """Return the row of the layer that runs a cell: LSTM for LSTMCell."""
    row = keras_names.ROW_OF.get(cell.removesuffix("Cell"))
    return row if row is not None and row.recurrent and cell.endswith("Cell") else None


_OF_FIRST, _OF_LAST = ("go_backwards",), ("return_sequences", "return_state")
"""Arguments of an RNN for the first and for the last of its cells alone."""
_OF_RNN = frozenset({"cell", "stateful", "unroll", *_OF_FIRST, *_OF_LAST})


def _rnn_of_cells(machine: Machine, args: Arguments, node: ast.AST) -> CodeLayer | None:
    """Return the layer for an RNN of one stock cell; for several cells a stack of layers.

    None where it is neither.
    """
    cells = args.value(0, "cell")
    if isinstance(cells, CodeLayer) and cells.kind == "StackedRNNCells":
        cells = cells.made
    if isinstance(cells, CodeLayer):
        cells = [cells]
    if args.unknown or not is_list(cells) or not cells:
        return None
    rows = [
        row for cell in cells if isinstance(cell, CodeLayer) and (row := _row_of_cell(cell.kind)) is not None
    ]
    places = ("cell", "return_sequences", "return_state", "go_backwards", "stateful", "unroll")
    own = _bind_layer(machine, places, args, None)
    more = {k: own.pop(k) for k in list(own) if k in SHAPES or k in ("name", "dtype", "trainable")}
    if len(rows) < len(cells) or not own.keys() <= _OF_RNN or any(cell.why == _UNTOLD for cell in cells):
        return None
    name = more["name"].value if "name" in more else ""
    name, where = name if isinstance(name, str) else "", machine.where(node)
    layers: list[CodeLayer] = []
    for i, (cell, row) in enumerate(zip(cells, rows, strict=True)):
        kept = {k: v for k, v in own.items() if k != "cell" and (i == 0 or k not in _OF_FIRST)}
        if i < len(cells) - 1:
            kept = {k: v for k, v in kept.items() if k not in _OF_LAST} | {"return_sequences": Argument(True)}
        given = {k: v for k, v in cell.args.items() if k != "name"} | kept
        layers.append(CodeLayer(row.keras, row, given | (more if i == 0 else {}), None))
    machine.activity += 1
    if len(layers) == 1:
        layers[0].where, layers[0].name = where, name
        return layers[0]
    if "return_state" in own:
        return None  # it gives the states of all cells
    stack = CodeLayer("RNN", None, more, where, name, "several cells", parts=tuple(layers))
    for layer in layers:
        layer.part_of = stack
    return stack


def _complete(machine: Machine, layer: CodeLayer) -> None:
    """Add the arguments that old code leaves out, and make layers opaque that learn from the data."""
    row = layer.row
    if row is None:
        return
    mean = layer.args.get("mean")
    if layer.kind == "Normalization" and (mean is None or mean.value is None):
        layer.row, layer.why, layer.keeps_shape = None, "it learns its mean from the data", True
    if machine.channels_first and "data_format" in row.by_name and "data_format" not in layer.args:
        layer.args["data_format"] = Argument("channels_first")
    if "pool_size" not in layer.args and any(p.name == "pool_size" for p in row.required):
        layer.args["pool_size"] = Argument((2,) * int(layer.kind[-2]))


def _modernize(layer: CodeLayer, written: str, age: old_spellings.Age) -> None:
    """Turn the arguments of an old spelling into those of Keras 3; each keeps its place."""
    bound = layer.args
    own = layer.row.by_name if layer.row is not None else {}
    shapes = {k: v for k, v in bound.items() if k in SHAPES and k not in own}
    found = old_spellings.modern(written, {k: v.value for k, v in bound.items() if k not in shapes}, age)
    if not found.notes:
        return
    old = {note.new: bound[note.old] for note in found.notes if note.kind == "argument" and note.old in bound}
    layer.notes = tuple(found.notes)
    layer.args = dict(shapes)
    for name, value in found.kwargs.items():
        said = old.get(name) or bound.get(name)
        layer.args[name] = Argument(value, said.where, said.whole) if said is not None else Argument(value)
