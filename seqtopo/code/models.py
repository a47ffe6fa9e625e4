"""Models as the code makes them: Sequential, functional and subclassed, with inputs and layers."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from seqtopo.code.layer_calls import (
    as_tensor,
    call_layer,
    call_opaque,
)
from seqtopo.code.layer_shapes import infer
from seqtopo.code.machine import BoundError, Machine, tensor_of
from seqtopo.code.model import (
    Argument,
    CodeCall,
    CodeInput,
    CodeLayer,
    CodeModel,
    CodeTensor,
    Opaque,
    Value,
    Where,
)
from seqtopo.code.values import (
    Arguments,
    Instance,
    Item,
    KerasModel,
    Passed,
    Unknown,
    is_list,
    is_size,
    is_tensor,
    leaves,
    tensors_in,
)
from seqtopo.layers.sizes import Expr, Size
from seqtopo.layers.values import DTYPES, Tensor
from seqtopo.source import Span
from seqtopo.system import bounds


def new_model(machine: Machine, kind: str, node: ast.AST, name: Value = None) -> KerasModel:
    """Return a new model without layers."""
    if len(machine.models) >= bounds.CODE_MODELS:
        raise BoundError("the file makes more models than are read")
    where = machine.where(node) or Where(machine.scope.module.source, Span(0, 0))
    said = name if isinstance(name, str) else ""
    code = CodeModel("", where, keras_name=said)
    model = KerasModel(code, kind, node=node)
    machine.models.append(model)
    machine.activity += 1
    return model


# ---- inputs --------------------------------------------------------------------------------------


def make_input(machine: Machine, args: Arguments, node: ast.AST, old: str = "Input") -> Value:
    """Return the tensor of a call of ``keras.Input``."""
    names: tuple[str, ...] = ("shape", "batch_size", "dtype", "sparse", "batch_shape", "name", "tensor")
    if old == "InputLayer":
        names = ("shape", "batch_size", "dtype")
    given = {**dict(zip(names, args.places, strict=False)), **args.names}
    known = {name: passed.value for name, passed in given.items()}
    if is_tensor(known.get("tensor")):
        return known["tensor"]
    shape = given.get("shape") or given.get("input_shape")
    whole = given.get("batch_shape") or given.get("batch_input_shape")
    batch, sizes = known.get("batch_size"), shape.value if shape is not None else None
    if whole is not None and is_list(whole.value) and whole.value:
        batch, sizes = whole.value[0], tuple(whole.value[1:])
    elif whole is not None:
        sizes = machine.unknown("the shape is not known", node)
    elif shape is None and not args.unknown:
        sizes = machine.unknown("no shape is given", node)
    dtype, name = dtype_of(known.get("dtype")), known.get("name")
    tensor = shape_tensor(machine, sizes, dtype)
    said = shape or whole
    found = CodeInput(
        tensor, _batch(machine, batch), name if isinstance(name, str) else "", machine.where(node)
    )
    if isinstance(sizes, Unknown):
        machine.shapes[found] = sizes
    found.shape_where = machine.where(said.node) if said is not None else None
    machine.activity += 1
    return CodeTensor(found)


def dtype_of(value: Value) -> str:
    """Return the dtype that an argument names; float32 where it is not known."""
    said = plain_dtype(value)
    return said if said in DTYPES else {"int": "int32", "float": "float32"}.get(said, "float32")


def plain_dtype(value: Value) -> str:
    """Return the last part of the name of a dtype: ``int32`` of ``tf.int32``."""
    path = value if isinstance(value, str) else getattr(value, "path", "")
    return str(path).rsplit(".", 1)[-1]


def shape_tensor(machine: Machine, sizes: Value, dtype: str = "float32") -> Tensor | None:
    """Return the tensor of a shape without the batch axis; None if it cannot be told."""
    if type(sizes) is int or isinstance(sizes, Expr):
        sizes = (sizes,)
    if not is_list(sizes):
        return None
    found: list[Size] = []
    for size in sizes:
        size = machine.size(machine.named(machine.constant(size), None))
        if size is None:
            size = machine.open_size()
        elif isinstance(size, float) and size.is_integer():
            size = int(size)
        if not isinstance(size, Expr) and not (type(size) is int and 0 < size < 2**31):
            return None
        found.append(size)
    return Tensor(tuple(found), dtype)


# ---- Sequential ----------------------------------------------------------------------------------


def sequential(machine: Machine, args: Arguments, node: ast.AST) -> KerasModel:
    """Return a new Sequential, with the layers of its list."""
    model = new_model(machine, "sequential", node, args.value(1, "name"))
    layers = args.value(0, "layers")
    given = args.places[0] if args.places else args.names.get("layers")
    parts = given.node.elts if given is not None and isinstance(given.node, (ast.List, ast.Tuple)) else []
    if is_list(layers):
        plain_list = len(parts) == len(layers) and not any(isinstance(p, ast.Starred) for p in parts)
        for i, layer in enumerate(layers):
            part = parts[i] if plain_list else None
            where = machine.where(part) if part is not None else where_of(layer)
            add(machine, model, layer, part or node, "item", where)
    elif layers is not None:
        incomplete(model, "its list of layers is not known", machine.where(node))
    return model


def where_of(value: Value) -> Where | None:
    """Return the place where a layer or model is made; None for any other value."""
    if isinstance(value, CodeLayer):
        return value.where
    if isinstance(value, KerasModel):
        return value.code.where
    return None


def incomplete(model: KerasModel, why: str, where: Where | None) -> None:
    """Note that a model's structure is not known."""
    model.code.complete = False
    stop = Opaque(why, where)
    if stop not in model.code.stops:
        model.code.stops.append(stop)


def add(
    machine: Machine,
    model: KerasModel,
    value: Value,
    node: ast.AST,
    form: str = "add",
    where: Where | None = None,
    statement: Where | None = None,
) -> None:
    """Add a layer, a model or an input behind the others of a Sequential."""
    machine.changes(model.items)
    statement = statement or machine.where(machine.statement)
    if isinstance(value, Instance):
        value = value.layer or value.model or value
    item = Item(value, where or machine.where(node), statement, form)
    if is_tensor(value) and isinstance(value.of, CodeInput) and not model.items:
        item.gives = value
        model.items.append(item)
        return
    model.items.append(item)
    _apply(machine, model, len(model.items) - 1, node)


def _apply(machine: Machine, model: KerasModel, at: int, node: ast.AST) -> None:
    """Call an item of a Sequential on the output of the one before it."""
    item = model.items[at]
    came = model.items[at - 1].gives if at else _first_input(machine, item, model)
    if came is None or isinstance(came, Unknown):
        came = CodeTensor(CodeInput(None, where=item.where))
    args = Arguments([Passed(came)])
    value = item.value
    before = machine.calls
    if isinstance(value, CodeLayer):
        item.gives = call_layer(machine, value, args, node, item.form, item.statement)  # type: ignore[arg-type]
        calls = value.calls[-1:]
    elif isinstance(value, KerasModel):
        item.gives = call_model(machine, value, args, node)
        calls = []
    else:
        why = value.why if isinstance(value, Opaque) else "it is no layer that can be read"
        name = value.text if isinstance(value, Unknown) and value.text.isidentifier() else "layer"
        item.gives = call_opaque(machine, name, why, args, node)
        calls = []
        if isinstance(value, Unknown) and value.text == "branch":
            incomplete(model, "a layer depends on a branch", item.where)
    for call in calls:
        if call.number > before:
            call.where, call.form = item.where, item.form  # type: ignore[assignment]
    item.calls = calls


def _first_input(machine: Machine, item: Item, model: KerasModel) -> Value:
    """Return the input that the arguments of a Sequential's first layer declare, in old or new code."""
    value = item.value
    if isinstance(value, KerasModel):
        inner = value.code.inputs or code_of(machine, value).inputs
        if inner:
            return CodeTensor(CodeInput(inner[0].tensor, inner[0].batch, inner[0].name, inner[0].where))
        return None
    if not isinstance(value, CodeLayer):
        return None
    layers = [value]
    while (inner_layer := layers[-1].args.get("layer")) and isinstance(inner_layer.value, CodeLayer):
        layers.append(inner_layer.value)
    for layer in layers:
        found = input_of(machine, layer)
        if found is not None:
            found.where = item.where
            return CodeTensor(found)
    if value.kind == "Embedding":
        return CodeTensor(CodeInput(Tensor((machine.open_size(),), "int32"), where=item.where))
    return None


def _batch(machine: Machine, given: Value) -> Value:
    """Return a batch size as a size; None if it is none."""
    found = machine.size(given)
    return found if is_size(found) else None


def input_of(machine: Machine, layer: CodeLayer) -> CodeInput | None:
    """Return the input that the arguments of a first layer declare; None if they declare none."""
    given = {name: arg.value for name, arg in layer.args.items()}
    batch, length = given.get("batch_size"), given.get("input_length")
    key = next((k for k in ("batch_input_shape", "batch_shape", "input_shape") if k in given), "")
    dtype = "int32" if layer.kind == "Embedding" else dtype_of(given.get("dtype"))
    if key:
        sizes = given[key]
        if key != "input_shape" and is_list(sizes) and sizes:
            batch, sizes = sizes[0], tuple(sizes[1:])
    elif layer.kind == "Embedding" and length is not None:
        key, sizes = "input_length", tuple(length) if is_list(length) else (length,)
    elif layer.kind != "Embedding" and "input_dim" in given:
        takes = ("Conv1D", "TimeDistributed", "Bidirectional")
        steps = layer.row is not None and (layer.row.recurrent or layer.kind in takes)
        sizes = (length, given["input_dim"]) if steps or length is not None else (given["input_dim"],)
        key = "input_dim"
    else:
        return None
    where = layer.args[key].where
    found = CodeInput(shape_tensor(machine, sizes, dtype), _batch(machine, batch), shape_where=where)
    if isinstance(sizes, Unknown):
        machine.shapes[found] = sizes
    return found


def set_input(machine: Machine, model: KerasModel, tensor: Tensor, batch: Value = None) -> None:
    """Give the input of a model its shape, and infer the outputs of its calls."""
    code = code_of(machine, model)
    if len(code.inputs) == 1 and code.inputs[0].tensor is None:
        code.inputs[0].tensor = tensor
        if batch is not None and code.inputs[0].batch is None:
            code.inputs[0].batch = batch
        for call in code.calls:
            infer(call)


# ---- functional ----------------------------------------------------------------------------------


def functional(machine: Machine, args: Arguments, node: ast.AST) -> KerasModel:
    """Return a model made from its inputs and outputs."""
    model = new_model(machine, "functional", node, args.value(2, "name"))
    names = args.names
    inputs = args.value(0, "inputs") if "input" not in names else names["input"].value
    outputs = args.value(1, "outputs") if "output" not in names else names["output"].value
    connect(machine, model, inputs, outputs, node)
    return model


def connect(machine: Machine, model: KerasModel, inputs: Value, outputs: Value, node: ast.AST) -> None:
    """Find the calls between inputs and outputs."""
    code = model.code
    if isinstance(inputs, dict):
        model.taken = [str(k) for k in inputs]
    model.gives = outputs
    where = machine.where(node)
    used = set(machine.implicit)
    starts = [as_tensor(machine, v) for v in leaves(inputs)]
    ends = [as_tensor(machine, v) for v in leaves(outputs)]
    if not starts or not ends:
        incomplete(model, "its inputs or outputs are not known", where)
        return
    if any(isinstance(v, Unknown) and id(v) not in used for v in (*leaves(inputs), *leaves(outputs))):
        incomplete(model, "its inputs or outputs are not known", where)
    replaced: dict[CodeTensor, CodeTensor] = {}
    for tensor in starts:
        if isinstance(tensor.of, CodeCall):
            replaced[tensor] = CodeTensor(CodeInput(tensor_of(tensor), where=where))
    if replaced:
        found = replay(machine, behind(ends, starts), replaced, node)
        ends = [found.get(t, t) for t in ends]
        starts = [replaced.get(t, t) for t in starts]
        model.gives = _swap(outputs, found)
    code.inputs = tuple(t.of for t in starts if isinstance(t.of, CodeInput))
    code.outputs = tuple(ends)
    if isinstance(outputs, dict) and len(outputs) == len(ends) and all(isinstance(k, str) for k in outputs):
        code.output_keys = tuple(outputs)
    code.calls = behind(ends, starts)
    for call in code.calls:
        for tensor in sources(call):
            if isinstance(tensor.of, CodeInput) and not any(tensor.of is i for i in code.inputs):
                incomplete(model, "it uses an input that it does not list", call.where)


def _swap(value: Value, found: dict[CodeTensor, CodeTensor]) -> Value:
    if is_tensor(value):
        return found.get(value, value)
    if is_list(value):
        return type(value)(_swap(v, found) for v in value)
    if isinstance(value, dict):
        return {k: _swap(v, found) for k, v in value.items()}
    return value


def sources(call: CodeCall) -> list[CodeTensor]:
    """Return every tensor that a call takes."""
    found = list(call.inputs)
    for arg in call.args.values():
        found += tensors_in(arg.value)
    return found


def behind(ends: Sequence[CodeTensor], starts: Sequence[CodeTensor]) -> list[CodeCall]:
    """Return the calls that lead to tensors, up to others, in the order in which they run."""
    found: dict[int, CodeCall] = {}
    stop = set(starts)
    todo = [t for t in ends if t not in stop]
    while todo:
        call = todo.pop().of
        if isinstance(call, CodeCall) and call.number not in found:
            found[call.number] = call
            todo += [t for t in sources(call) if t not in stop]
    return [found[number] for number in sorted(found)]


def replay(
    machine: Machine, calls: Sequence[CodeCall], given: dict[CodeTensor, CodeTensor], node: ast.AST
) -> dict[CodeTensor, CodeTensor]:
    """Make calls once more with other tensors; return the new tensor of each old one."""
    found = dict(given)
    machine.tick(10 * len(calls))
    for call in calls:
        args = {k: Argument(_swap(a.value, found), a.where, a.whole) for k, a in call.args.items()}
        inputs = tuple(found.get(t, t) for t in call.inputs)
        new = CodeCall(call.layer, inputs, args, call.where, call.statement, call.form)
        machine.count(new)
        machine.inlined.add(new.number)
        if call.layer.row is None and call.layer.kind.startswith("ops."):
            same = [tensor_of(t) for t in new.inputs] == [tensor_of(t) for t in call.inputs]
            new.gives = call.gives if same else None
        else:
            infer(new)
        several = len(call.gives) if call.gives is not None else 8
        for i in range(max(several, len(new.gives or ()))):
            found[CodeTensor(call, i)] = CodeTensor(new, i)
    return found


def code_of(machine: Machine, model: KerasModel) -> CodeModel:
    """Return the calls, inputs and outputs of a model as far as they have been read.

    Those of a Sequential are taken anew from its list of layers.
    """
    code = model.code
    if model.kind != "sequential":
        return code
    now = tuple(map(id, model.items))
    for training in code.training:
        training.is_past = training.layers != now
    items = [i for i in model.items if isinstance(i, Item)]
    if len(items) != len(model.items):
        incomplete(model, "its layers depend on a branch", code.where)
    if not items:
        code.inputs, code.outputs, code.calls = (), (), []
        return code
    model.gives = items[-1].gives
    code.outputs = tuple(tensors_in(model.gives))
    code.calls = behind(code.outputs, ())
    found = [t.of for call in code.calls for t in sources(call) if isinstance(t.of, CodeInput)]
    if not code.calls:
        found = [t.of for t in code.outputs if isinstance(t.of, CodeInput)]
    code.inputs = tuple(dict.fromkeys(found[:1]))
    return code


def call_model(machine: Machine, model: KerasModel, args: Arguments, node: ast.AST) -> Value:
    """Call a model on tensors: its calls are made once more, on these. Return the outputs."""
    model.calls += 1
    given = args.places[0].value if args.places else args.value(-1, "inputs", args.value(-1, "x"))
    parts = leaves(given)
    if model.kind == "opaque":
        return call_opaque(machine, model.code.name or "model", "a model that is loaded", args, node)
    if not tensors_in(given) and not any(isinstance(v, Unknown) for v in parts):
        return machine.unknown("a model that is called on data", node)
    code = code_of(machine, model)
    if isinstance(given, dict) and model.taken and set(model.taken) == {str(k) for k in given}:
        by_name = {str(k): v for k, v in given.items()}
        parts = [by_name[name] for name in model.taken]
    tensors = [as_tensor(machine, v) for v in parts]
    if len(code.inputs) == 1 == len(tensors) and code.inputs[0].tensor is None:
        tensor = tensor_of(tensors[0])
        if tensor is not None:
            set_input(machine, model, tensor)
    if not code.complete or len(tensors) != len(code.inputs):
        return call_opaque(machine, code.name or "model", "a model that is not read whole", args, node)
    found = replay(
        machine,
        code.calls,
        {CodeTensor(i): t for i, t in zip(code.inputs, tensors, strict=True)},
        node,
    )
    return _swap(model.gives, found)


def loaded(machine: Machine, name: str, why: str, node: ast.AST) -> KerasModel:
    """Return a model that the code loads: one opaque layer between an input and an output."""
    model = new_model(machine, "opaque", node)
    machine.stop(why, node)
    incomplete(model, why, machine.where(node))
    model.code.name = name
    source = CodeInput(None, where=machine.where(node))
    model.code.inputs = (source,)
    tensor = call_opaque(machine, name, why, Arguments([Passed(CodeTensor(source))]), node)
    model.gives = tensor
    model.code.outputs = (tensor,)
    model.code.calls = list(tensor.of.layer.calls)
    return model
