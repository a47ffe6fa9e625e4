"""Operations on tensors: functions of ``keras.ops`` and its like, operators, keys in brackets."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from seqtopo.code.layer_calls import NO_ROW, argument, plain
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import Argument, CodeCall, CodeLayer, CodeTensor, Value
from seqtopo.code.values import Arguments, is_tensor, tensors_in
from seqtopo.layers.sizes import Expr
from seqtopo.layers.values import Tensor


def operation(machine: Machine, name: str, args: Arguments, node: ast.AST) -> Value:
    """A call of ``keras.ops`` or of its like on tensors: an operation of the model."""
    inputs = tuple(t for v in args.values for t in tensors_in(v))
    layer = CodeLayer(f"ops.{name}", None, where=machine.where(node), why=NO_ROW)
    named: dict[str, Argument] = {}
    for i, passed in enumerate(args.places):
        if not tensors_in(passed.value):
            named[f"argument {i + 1}"] = argument(machine, passed, True)
    for key, passed in args.names.items():
        if not tensors_in(passed.value):
            named[key] = argument(machine, passed, True)
    call = CodeCall(layer, inputs, named, layer.where, machine.where(machine.statement))
    machine.count(call)
    call.gives = _element_wise(f"ops.{name}", inputs, named)
    return CodeTensor(call)


_KEEP = frozenset(
    (
        "exp", "log", "sqrt", "square", "abs", "negative", "relu", "tanh", "sigmoid", "softmax", "elu",
        "selu", "gelu", "softplus", "softsign", "leaky_relu", "silu", "swish", "stop_gradient", "identity",
        "clip", "sin", "cos", "sign", "round", "floor", "ceil", "log_softmax", "normalize", "relu6",
        "hard_sigmoid", "flip",
    )
)  # fmt: skip
_ARITHMETIC = frozenset(
    ("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "power")
)


def _element_wise(kind: str, inputs: tuple[CodeTensor, ...], named: Mapping[str, Any]) -> Any:
    name = kind.removeprefix("ops.")
    tensors = [tensor_of(t) for t in inputs]
    if not tensors or any(t is None for t in tensors):
        return None
    if name in _KEEP and len(tensors) == 1:
        return (tensors[0],)
    if name in _ARITHMETIC:
        if len(tensors) == 1 and all(isinstance(a.value, (int, float, Expr)) for a in named.values()):
            return (tensors[0],)
        if len(tensors) == 2 and tensors[0] == tensors[1]:
            return (tensors[0],)
    return None


def operator(machine: Machine, name: str, left: Value, right: Value, node: ast.AST) -> Value:
    """An operator with a tensor on one side or on both; its other side stands as ``x1`` or ``x2``."""
    named: dict[str, Argument] = {}
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) else (None, None)
    for key, value, part in (("x1", left, parts[0]), ("x2", right, parts[1])):
        if not is_tensor(value) and not (value is None and key == "x2"):
            where = machine.where(part)
            named[key] = Argument(plain(machine, value, True), where, where)
    layer = CodeLayer(f"ops.{name}", None, where=machine.where(node), why=NO_ROW)
    inputs = tuple(v for v in (left, right) if is_tensor(v))
    call = CodeCall(layer, inputs, named, layer.where, machine.where(machine.statement))
    machine.count(call)
    call.gives = _element_wise(layer.kind, inputs, named)
    return CodeTensor(call)


def item_of(machine: Machine, value: CodeTensor, key: Value, node: ast.AST) -> Value:
    """A tensor with a key in brackets."""
    keys = key if type(key) is tuple else (key,)
    layer = CodeLayer("ops.getitem", None, where=machine.where(node), why=NO_ROW)
    inputs = (value, *(t for k in keys for t in tensors_in(k)))
    said = tuple(plain(machine, k, True) for k in keys)
    call = CodeCall(layer, inputs, {"key": Argument(said)}, layer.where, machine.where(machine.statement))
    machine.count(call)
    call.gives = _sliced(tensor_of(value), keys)
    return CodeTensor(call)


def _sliced(tensor: Any, keys: tuple[Any, ...]) -> Any:
    """The shape behind a key of numbers and slices whose first takes the whole batch."""
    if tensor is None or not keys or keys[0] != slice(None) or len(keys) > len(tensor.shape) + 1:
        return None
    shape = []
    for size, key in zip(tensor.shape, keys[1:], strict=False):
        if type(key) is int and isinstance(size, int) and -size <= key < size:
            continue
        if type(key) is int and not isinstance(size, int):
            continue
        if not isinstance(key, slice):
            return None
        whole = all(part is None or type(part) is int for part in (key.start, key.stop, key.step))
        if key == slice(None) or (key == slice(None, None, -1)):
            shape.append(size)
        elif whole and isinstance(size, int) and key.step != 0:
            shape.append(len(range(size)[key]))
        elif key.stop is None and key.step is None and type(key.start) is int and key.start < 0:
            return None
        else:
            return None
    return (Tensor((*shape, *tensor.shape[len(keys) - 1 :]), tensor.dtype),)
