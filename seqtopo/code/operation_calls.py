"""Operations on tensors: functions of ``keras.ops`` and its like, operators, keys in brackets.

The tables of `seqtopo.layers.functions` say what each is in the language.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from seqtopo.code.arrays import CodeArray, broadcast
from seqtopo.code.layer_arguments import argument_at, plain
from seqtopo.code.layer_calls import NO_ROW, result_of
from seqtopo.code.layer_shapes import infer
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import Argument, CodeCall, CodeLayer, CodeTensor, Opaque, Value
from seqtopo.code.values import Arguments, Passed, is_list, is_tensor, tensors_in
from seqtopo.layers.function_calls import FunctionCall, RowCall, arguments_of, row_call
from seqtopo.layers.functions import functions, spellings
from seqtopo.layers.objects import entry_of
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import REQUIRED
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import Refusal, Tensor


def operation(machine: Machine, name: str, spelling: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of calling a function on tensors: an operation of the model.

    ``name`` is that of ``keras.ops``, ``spelling`` how the code calls it: ``tf.concat``, ``K.mean``.
    """
    known = spellings().get(spelling)
    name, theirs = known if known is not None else (name, arguments_of(name))
    names = [part.partition(":")[0] for part in theirs]
    ours = {part.partition(":")[0]: part.partition(":")[2] or part for part in theirs}
    given: dict[str, Passed] = {}
    for i, passed in enumerate(args.places):
        if i < len(names) and (names[i].startswith("*") or _takes_rest(name, names[i])):
            rest = tuple(p.value for p in args.places[i:])
            given[ours[names[i]].lstrip("*")] = Passed(rest)
            break
        given[ours[names[i]] if i < len(names) else f"argument {i + 1}"] = passed
    for key, passed in args.names.items():
        if key == "keep_dims":
            key = "keepdims"
        if key != "name":
            given[ours.get(key, key)] = passed
    return apply(machine, name, given, node)


def _takes_rest(function: str, argument: str) -> bool:
    known = functions().get(function)
    return known is not None and any(a.name == argument and a.takes == "rest" for a in known.arguments)


def apply(machine: Machine, function: str, given: Mapping[str, Passed], node: ast.AST) -> Value:
    """Return the result of a function of ``keras.ops``; its arguments are given by Keras' names."""
    values = {name: _value(machine, passed.value) for name, passed in given.items()}
    constant = next((v for v in values.values() if isinstance(v, CodeArray)), None)
    unknown = any(isinstance(v, Opaque) for v in values.values())
    told = constant is None and not unknown
    found = row_call(function, FunctionCall(values, is_tensor, _shape)) if told else None
    if found is not None and _lacks_argument(found):
        found = None  # over all axes, the batch too: no step of a spec
    where, statement = machine.where(node), machine.where(machine.statement)
    said = {name: argument_at(machine, passed, values[name]) for name, passed in given.items()}
    inputs = tuple(t for v in values.values() for t in tensors_in(v))
    layer = CodeLayer(f"ops.{function}", None, {}, where, why=NO_ROW)
    rest = [n for n, v in values.items() if not tensors_in(v) and (n, v) != ("axis", -1)]
    if found is None and _is_activation(function) and len(inputs) == 1 and not rest:
        layer.row, layer.args, layer.why = NAMES["act"], {"activation": Argument(function)}, ""
    elif found is not None:
        args = {name: _same(value, said) for name, value in found.args.items() if value is not None}
        layer.row, layer.args, layer.why = NAMES[found.row], args, ""
        inputs = tuple(found.values)
    args = {n: a for n, a in said.items() if not tensors_in(a.value)} if layer.row is None else {}
    call = CodeCall(layer, inputs, args, where, statement)
    machine.count(call)
    if constant is not None:
        call.gives = _with_constant(function, inputs, constant)
    else:
        _infer_or_leave(call)
    return result_of(call)


def _infer_or_leave(call: CodeCall) -> None:
    """Infer the output of an operation; one that only Keras has becomes opaque."""
    try:
        infer(call, strict=True)
    except Refusal as error:
        if error.code not in _WRONG:
            call.layer.row, call.layer.why = None, NO_ROW


_WRONG = ("ST301", "ST302", "ST303", "ST306", "ST307")
"""The codes of what Keras refuses, too; the others may be limits of the language."""
# Not a fact about layers: operators of Python.
_ARITHMETIC = frozenset(
    {"add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "power"}
)


def _with_constant(
    function: str, inputs: tuple[CodeTensor, ...], constant: CodeArray
) -> tuple[Tensor, ...] | None:
    """Return the output of arithmetic with an array from outside the model; None if unknown."""
    tensor = tensor_of(inputs[0]) if len(inputs) == 1 else None
    shape = constant.shape
    if function in ("matmul", "dot") and tensor is not None and shape is not None and len(shape) == 2:
        return (Tensor((*tensor.shape[:-1], shape[1]), tensor.dtype),)
    if function not in _ARITHMETIC or tensor is None or shape is None:
        return None
    if len(shape) > len(tensor.shape):
        if len(shape) > len(tensor.shape) + 1 or shape[0] != 1:
            return None
        shape = shape[1:]
    found = broadcast(tensor.shape, shape)
    return (Tensor(found, tensor.dtype),) if found is not None else None


def _lacks_argument(found: RowCall) -> bool:
    """Return whether a call lacks an argument that a spec requires and Keras does not, such as the axis
    of a mean.
    """
    params = NAMES[found.row].params
    return any(p.default is REQUIRED and not p.call and found.args.get(p.name) is None for p in params)


def _value(machine: Machine, value: Value) -> Value:
    if is_list(value) and any(map(is_tensor, value)):
        return type(value)(v if is_tensor(v) else plain(machine, v, "all") for v in value)
    return plain(machine, value, "inside")


def _shape(value: Any) -> Shape | None:
    tensor = tensor_of(value) if is_tensor(value) else None
    return None if tensor is None else tensor.shape


def _same(value: Value, said: Mapping[str, Argument]) -> Argument:
    """Return an argument of the row, at the place of the argument that it came from."""
    for argument in said.values():
        if argument.value is value:
            return argument
    return Argument(value)


def _is_activation(name: str) -> bool:
    entry = entry_of("activation", name)
    return entry is not None and not any(part.required for part in entry.parts)


def operator(machine: Machine, name: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Return the result of an operator with a tensor on one side or on both."""
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) else (None, None)
    if name in ("negative", "logical_not"):
        return apply(machine, name, {"x": Passed(left)}, node)
    return apply(machine, name, {"x1": Passed(left, parts[0]), "x2": Passed(right, parts[1])}, node)


# ---- keys in brackets ------------------------------------------------------------------------------


def item_of(machine: Machine, value: CodeTensor, key: Value, node: ast.AST) -> Value:
    """Return a tensor's item: one operation for each axis that the key cuts, takes or adds."""
    keys = key if type(key) is tuple else (key,)
    shape = _shape(value)
    steps = list(_steps(keys, shape)) if shape is not None else [None]
    where, statement = machine.where(node), machine.where(machine.statement)
    if None in steps:
        layer = CodeLayer("ops.getitem", None, where=where, why=NO_ROW)
        said = Argument(tuple(plain(machine, k, "all") for k in keys))
        inputs = (value, *(t for k in keys for t in tensors_in(k)))
        call = CodeCall(layer, inputs, {"key": said}, where, statement)
        machine.count(call)
        return CodeTensor(call)
    for row, args in (step for step in steps if step is not None):
        layer = CodeLayer("ops.getitem", NAMES[row], {n: Argument(v) for n, v in args.items()}, where)
        call = CodeCall(layer, (value,), {}, where, statement)
        machine.count(call)
        infer(call)
        value = CodeTensor(call)
    return value


def _steps(keys: tuple[Any, ...], shape: Shape) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """Yield the rows for a key, in an order in which axes keep their numbers.

    None for what no row can do.
    """
    named = sum(k is not None and k is not ... for k in keys)
    plain_keys = all(k is None or k is ... or type(k) is int or isinstance(k, slice) for k in keys)
    if not plain_keys or sum(k is ... for k in keys) > 1:
        yield None
        return
    at = next((i for i, k in enumerate(keys) if k is ...), len(keys))
    rest = [slice(None)] * (len(shape) + 1 - named)
    parts = [*keys[:at], *rest, *keys[at + 1 :]]
    if named > len(shape) + 1 or not parts or parts[0] != slice(None):
        yield None
        return
    picks: list[tuple[str, dict[str, Any]]] = []
    added: list[tuple[str, dict[str, Any]]] = []
    axis = place = 0
    for part in parts:
        if part is None:
            added.append(("expand", {"axis": place}))
        elif isinstance(part, int):
            picks.insert(0, ("at", {"index": part, "axis": axis}))
        elif axis and part != slice(None):
            yield _cut(part, axis)
        place += not isinstance(part, int)
        axis += part is not None
    yield from picks
    yield from added


def _cut(part: slice, axis: int) -> tuple[str, dict[str, Any]] | None:
    """Return the row of a slice of one axis, with its arguments; None if there is none."""
    if not all(p is None or type(p) is int for p in (part.start, part.stop, part.step)):
        return None
    start, stop, step = part.start or 0, part.stop, 1 if part.step is None else part.step
    if step == -1 and part.start is None and stop is None:
        return ("flip", {"axis": axis})
    if step < 1:
        return None
    if step == 1 and start < 0 and stop is None:
        return ("last", {"n": -start, "axis": axis})
    if step == 1 and not start and stop is not None and stop > 0:
        return ("first", {"n": stop, "axis": axis})
    return ("slice", {"start": start, "stop": stop, "step": step, "axis": axis})
