"""Layers and their calls on tensors, with the shapes that their rows tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from seqtopo.code.layer_arguments import argument
from seqtopo.code.layer_shapes import infer, returns_state
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import Argument, CodeCall, CodeInput, CodeLayer, CodeModel, CodeTensor, Opaque, Value
from seqtopo.code.values import (
    Arguments,
    Function,
    Outside,
    Passed,
    Unknown,
    is_tensor,
    leaves,
    tensors_in,
)
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.layers.values import Tensor

NO_ROW = "the language has no row for it"
VALUES = ("inputs", "sequences", "query", "value", "key", "x", "input")
"""The names of the values in Keras' calls, in their order."""
RNN_CALL = ("initial_state", "mask", "training")
CALLED: Mapping[str, tuple[str, ...]] = {
    "MultiHeadAttention": ("query_mask", "value_mask", "key_mask", "attention_mask"),
    "Attention": ("mask", "training"),
    "AdditiveAttention": ("mask", "training"),
    "Softmax": ("mask",),
    "Dropout": ("training",),
    "BatchNormalization": ("training", "mask"),
}
"""The positional arguments of a layer's call behind its inputs, by Keras' name of the layer."""
Form = Literal["call", "item", "add"]


def as_tensor(machine: Machine, value: Value) -> CodeTensor:
    """Return a value as a tensor; an unknown one is an input whose shape is not known."""
    if is_tensor(value):
        return value
    key = machine.identity(value)
    known = machine.implicit.get(key)
    if known is None:
        where = value.where if isinstance(value, Opaque) else None
        known = CodeInput(None, where=where, name=value.text if isinstance(value, Unknown) else "")
        machine.implicit[key] = known
    return CodeTensor(known)


def call_layer(
    machine: Machine,
    layer: CodeLayer,
    args: Arguments,
    node: ast.AST,
    form: Form = "call",
    statement: Any = None,
) -> Value:
    """Call a layer on values, and return its output: a tensor, or a list of several."""
    values, more = _split(layer, args)
    if not tensors_in(values) and not any(isinstance(v, Unknown) for v in leaves(values)):
        return machine.unknown("a layer that is called on data", node)
    inputs = tuple(as_tensor(machine, v) for v in leaves(values))
    if layer.kind == "Lambda" or layer.stands_for:
        gives = _read_lambda(machine, layer, inputs, args, node)
        if gives is not None:
            return gives
    if layer.kind == "TimeDistributed" and not layer.parts:
        layer.parts = _at_each_step(machine, layer)
    if layer.parts and len(inputs) == 1 and not more.keys() - {"mask", "training"}:
        return _call_parts(machine, layer, args, node, form, statement)
    recurrent = layer.row is not None and (layer.row.recurrent or layer.kind == "Bidirectional")
    named = {name: argument(machine, given) for name, given in more.items()}
    if recurrent and len(inputs) > 1:
        named.setdefault("initial_state", Argument(inputs[1:]))
        inputs = inputs[:1]
    scores = named.get("return_attention_scores")
    if scores is not None and scores.value is True and layer.kind in ("Attention", "AdditiveAttention"):
        layer.row, layer.why = None, "it gives its scores, too"
    where = machine.where(node)
    call = CodeCall(layer, inputs, named, where, statement or machine.where(machine.statement), form)
    if layer.row is not None and layer.row.separate_inputs and len(args.places) == 1 and not args.unknown:
        call.lacks = "" if "value" in args.names else "value"
    machine.activity += 1
    _set_rank(machine, call)
    call.inputs = _with_equal_ranks(machine, call)
    machine.count(call)
    infer(call)
    if layer.row is None and call.gives is None and layer in machine.bodies:
        call.gives = machine.look_inside(layer, args, node)
    return result_of(call)


def _call_parts(
    machine: Machine, layer: CodeLayer, args: Arguments, node: ast.AST, form: Form, statement: Any
) -> Value:
    """Call the layers that a layer is read as, each on the output of the one before."""
    gives: Value = None
    for i, part in enumerate(layer.parts):
        gives = call_layer(machine, part, Arguments([Passed(gives)]) if i else args, node, form, statement)
    if layer.result is None:
        layer.result = gives
    return gives


def _at_each_step(machine: Machine, layer: CodeLayer) -> tuple[CodeLayer, ...]:
    """Return the layers of a model that ``TimeDistributed`` applies, each as one applied at every step.

    Empty if they are not one behind the other.
    """
    given = layer.args.get("layer")
    model = given.value if given is not None else None
    if layer.row is None or not isinstance(model, CodeModel) or not model.complete or len(model.inputs) != 1:
        return ()
    last = CodeTensor(model.inputs[0])
    for call in model.calls:
        inner = call.layer
        if call.inputs != (last,) or call.args or inner.row is None or not inner.row.keras:
            return ()
        last = CodeTensor(call)
    if model.outputs != (last,) or not model.calls:
        return ()
    found: list[CodeLayer] = []
    for call in model.calls:
        # A layer that two wrappers share is one layer of the spec, too.
        if call.layer not in machine.distributed:
            wrapped = {"layer": Argument(call.layer, call.layer.where)}
            made = CodeLayer("TimeDistributed", layer.row, wrapped, None, part_of=layer)
            machine.distributed[call.layer] = made
        found.append(machine.distributed[call.layer])
    return tuple(found)


def _read_lambda(
    machine: Machine, layer: CodeLayer, inputs: tuple[CodeTensor, ...], args: Arguments, node: ast.AST
) -> Value:
    """Take a ``Lambda`` that does one operation, which has a row, for that operation; of one that does
    several, returns what they give.
    """
    body, made_of = machine.bodies.get(layer, (None, Arguments()))
    more = made_of.names["arguments"].value if "arguments" in made_of.names else None
    is_plain = more is None or (isinstance(more, dict) and all(isinstance(key, str) for key in more))
    if not isinstance(body, (Function, Outside)) or not is_plain or not inputs:
        return None
    if isinstance(body, Function) and isinstance(body.node, ast.Lambda) and _reduces_batch(body.node):
        layer.why = REDUCES_BATCH
        return None
    before = machine.calls
    gives = machine.call(body, Arguments(args.places, {k: Passed(v) for k, v in (more or {}).items()}), node)
    of = gives.of if is_tensor(gives) else None
    found = of.layer if isinstance(of, CodeCall) and of.inputs == inputs and not of.args else None
    if found is None or not _is_operation(found) or of in layer.calls:
        row, operation, said = None, "Lambda", {}
    else:
        row, operation, said = found.row, found.kind, found.args
    given = {name: argument.value for name, argument in said.items()}
    if layer.stands_for and (row is not layer.row or given != layer.stands_for[1]):
        # It does something else for other values.
        layer.row, layer.kind, layer.why = None, "Lambda", NO_ROW
    elif row is not None:
        kept = {name: a for name, a in layer.args.items() if name == "name"}
        layer.row, layer.kind, layer.why, layer.args = row, operation, "", {**said, **kept}
        layer.stands_for = (operation, given)
    elif not layer.stands_for and (made := _operations_behind(gives, inputs, before)):
        for one in made:
            one.layer.part_of = layer
        layer.result = gives if layer.result is None else layer.result
        return gives
    return None


def _operations_behind(gives: Value, inputs: tuple[CodeTensor, ...], before: int) -> list[CodeCall]:
    """Return the calls from the inputs to the result of a ``Lambda``, if all are operations with rows."""
    found: dict[int, CodeCall] = {}
    ends = tensors_in(gives)
    todo = list(ends) if ends and len(ends) == len(leaves(gives)) else []
    while todo:
        tensor = todo.pop()
        call = tensor.of
        if tensor in inputs:
            continue
        if not isinstance(call, CodeCall) or call.number <= before or not _is_operation(call.layer):
            return []
        if call.number not in found:
            found[call.number] = call
            todo += [*call.inputs, *(t for a in call.args.values() for t in tensors_in(a.value))]
    return list(found.values())


def _is_operation(layer: CodeLayer) -> bool:
    return layer.row is not None and layer.kind.startswith("ops.")


def _reduces_batch(function: ast.Lambda) -> bool:
    """Return whether a lambda is a mean, a sum or the like of its argument over the batch axis."""
    call, names = function.body, [a.arg for a in function.args.args]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or len(names) != 1:
        return False
    if call.func.attr.removeprefix("reduce_") not in _REDUCTIONS or not call.args:
        return False
    value, *places = call.args
    named = {k.arg: k.value for k in call.keywords}
    axis = named.get("axis", named.get("dim", places[0] if places else None))
    zero = isinstance(axis, ast.Constant) and axis.value == 0 and axis.value is not False
    keeps = named.keys() & {"keepdims", "keep_dims", "keepdim"}
    return isinstance(value, ast.Name) and value.id == names[0] and zero and not keeps


# Not a fact about layers: functions of NumPy, Keras and PyTorch.
_REDUCTIONS = frozenset({"mean", "sum", "max", "min", "prod", "std", "var", "variance", "amax", "amin"})
REDUCES_BATCH = "it takes the samples of a batch together"


def _set_rank(machine: Machine, call: CodeCall) -> None:
    """Give an input of unknown shape as many axes as the layer takes that is called on it."""
    for value, took in zip(call.inputs, _axes(call.layer.row), strict=False):
        source = value.of
        if not isinstance(source, CodeInput) or source.tensor is not None:
            continue
        shape = machine.shapes.get(source)
        if shape is None:
            shape = machine.unknown("a shape that is not known", None, f"{source.name or 'inputs'}.shape")
            shape.parts["from"] = (machine.unknown(shape.why, None, shape.text), 1)
        source.tensor = Tensor(tuple(machine.symbol(machine.item(shape, i)) for i in range(took)))


_ELEMENTWISE = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})


def _with_equal_ranks(machine: Machine, call: CodeCall) -> tuple[CodeTensor, ...]:
    """Return the values of a merge with equal ranks: axes of size 1 are put behind the batch.

    Keras does so for the merges that can take such values.
    """
    tensors = [tensor_of(value) for value in call.inputs]
    if call.layer.kind not in _ELEMENTWISE or any(tensor is None for tensor in tensors):
        return call.inputs
    shapes = [tensor.shape for tensor in tensors]
    most = max(map(len, shapes), default=0)
    if min(map(len, shapes), default=0) == most:
        return call.inputs
    for sizes in zip(*((1,) * (most - len(shape)) + tuple(shape) for shape in shapes), strict=True):
        wide = [size for size in sizes if size != 1]
        if any(isinstance(size, int) and isinstance(wide[0], int) and size != wide[0] for size in wide):
            return call.inputs
    found: list[CodeTensor] = []
    for value, shape in zip(call.inputs, shapes, strict=True):
        for _ in range(most - len(shape)):
            layer = CodeLayer("ops.expand_dims", NAMES["expand"], {"axis": Argument(1)}, call.where)
            more = CodeCall(layer, (value,), {}, call.where, call.statement)
            machine.count(more)
            infer(more)
            value = CodeTensor(more)
        found.append(value)
    return tuple(found)


def _axes(row: Row | None) -> Iterator[int]:
    """Yield the rank of each input of a layer, up to the first input that may have any."""
    for took in row.clauses[0].inputs if row is not None and row.keras else ():
        if "..." in took:
            return
        yield len(took)


def _split(layer: CodeLayer, args: Arguments) -> tuple[list[Value], dict[str, Passed]]:
    """Return the inputs of a call, and its other arguments by name."""
    places = list(args.places)
    values: list[Value] = []
    row = layer.row
    if row is not None and row.separate_inputs:
        while places and len(values) < 3 and _may_be_tensor(places[0].value):
            values.append(places.pop(0).value)
    elif row is None:
        values += [p.value for p in places if _may_be_tensor(p.value)]
        places = [p for p in places if not _may_be_tensor(p.value)]
    elif places:
        values.append(places.pop(0).value)
    named = dict(args.names)
    values += [
        named.pop(name).value for name in VALUES if name in named and not (row is None and name == "x")
    ]
    names = RNN_CALL if row is not None and row.recurrent else CALLED.get(layer.kind, ())
    for i, passed in enumerate(places):
        named.setdefault(names[i] if i < len(names) else f"argument {i + 2}", passed)
    return values, named


def _may_be_tensor(value: Value) -> bool:
    return isinstance(value, Unknown) or bool(tensors_in(value))


def outputs_of(call: CodeCall) -> int:
    """Return the number of values that a call gives, states and attention scores included."""
    if call.gives is not None:
        return len(call.gives)
    layer = call.layer
    if layer.row is None:
        return 1
    gives_states = returns_state(layer) is True
    if layer.kind == "Bidirectional":
        inner, merge = layer.args.get("layer"), layer.args.get("merge_mode")
        row = inner.value.row if inner is not None and isinstance(inner.value, CodeLayer) else None
        count = 2 if merge is not None and merge.value is None else 1
        return count + (2 * row.states if gives_states and row is not None else 0)
    if gives_states:
        return 1 + layer.row.states
    scores = call.args.get("return_attention_scores")
    return 2 if scores is not None and scores.value is True else 1


def result_of(call: CodeCall) -> Value:
    """Return the result of a call as the code sees it: one tensor, or a list of them."""
    count = outputs_of(call)
    return CodeTensor(call) if count == 1 else [CodeTensor(call, i) for i in range(count)]


def call_opaque(machine: Machine, name: str, why: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of calling something that is not read on tensors: a tensor of unknown shape."""
    inputs = tuple(t for v in args.values for t in tensors_in(v))
    layer = CodeLayer(name, None, where=machine.where(node), why=why)
    call = CodeCall(layer, inputs, where=layer.where, statement=machine.where(machine.statement))
    machine.count(call)
    infer(call)
    return CodeTensor(call)
