"""Attributes and methods of models and layers in Keras code, and calls that train a model."""

from __future__ import annotations

import ast

from seqtopo.code.layer_arguments import bind
from seqtopo.code.layer_calls import result_of
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import Argument, CodeInput, CodeLayer, CodeModel, CodeTensor, Opaque, Training, Value
from seqtopo.code.models import add, call_model, code_of, incomplete, set_input, shape_tensor, where_of
from seqtopo.code.values import Arguments, Bound, Item, KerasModel, is_list, is_tensor
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.sizes import Expr, is_open

TRAINING = {
    "compile": ("optimizer", "loss", "metrics", "loss_weights", "weighted_metrics"),
    "fit": ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data"),
    "fit_generator": ("generator", "steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data"),
    "evaluate": ("x", "y", "batch_size", "verbose", "sample_weight", "steps"),
    "evaluate_generator": ("generator", "steps"),
    "predict": ("x", "batch_size", "verbose", "steps"),
    "predict_classes": ("x", "batch_size", "verbose"),
    "predict_proba": ("x", "batch_size", "verbose"),
    "predict_generator": ("generator", "steps"),
    "predict_on_batch": ("x",),
    "train_on_batch": ("x", "y", "sample_weight", "class_weight"),
    "test_on_batch": ("x", "y", "sample_weight"),
}
"""The methods that train or use a model, with Keras' names of their arguments in order."""


def train(machine: Machine, model: KerasModel, method: str, args: Arguments, node: ast.AST) -> Value:
    """Note a ``compile``, ``fit`` or the like of a model."""
    names = TRAINING[method]
    found = bind(machine, names, args)
    where = machine.where(node)
    assert where is not None
    if not any(t.where == where for t in model.code.training):
        model.code.training.append(Training(method, found, where, machine.alone, tuple(map(id, model.items))))
    if method == "compile":
        return None
    _shape_from_data(machine, model, found)
    return machine.unknown(f"what {method} gives", node)


def _shape_from_data(machine: Machine, model: KerasModel, found: dict[str, Argument]) -> None:
    """Give a model without a shape that of the data that ``fit`` or the like gets."""
    data = found["x"].value if "x" in found else None
    shape = getattr(data, "shape", None)
    if isinstance(data, (Opaque, CodeTensor)) or not is_list(shape) or len(shape) < 1:
        return
    tensor = shape_tensor(machine, tuple(shape[1:]))
    if tensor is not None:
        set_input(machine, model, tensor)


def model_attribute(machine: Machine, model: KerasModel, name: str, node: ast.AST) -> Value:
    """Return an attribute of a model."""
    if name in model.settings:
        return model.settings[name]
    code = code_of(machine, model)
    if name == "layers":
        if model.kind != "sequential" and any(c.number in machine.inlined for c in code.calls):
            return machine.unknown("the layers of a model with models in it", node)
        return layers_of(machine, model)
    side = name.removesuffix("s").removesuffix("_shape")
    if side in ("input", "output"):
        tensors = [CodeTensor(i) for i in code.inputs] if side == "input" else list(code.outputs)
        if name.endswith("_shape"):
            if len(tensors) != 1:
                return machine.unknown("a shape of the model", node)
            return shape_of(machine, tensors[0], node)
        if not tensors:
            return machine.unknown(f"the model's {side} is not known", node)
        return tensors if name.endswith("s") or len(tensors) > 1 else tensors[0]
    if name == "name":
        return code.keras_name if code.keras_name else machine.unknown("a name that Keras gives", node)
    if name in METHODS or name in TRAINING:
        return Bound(model, name)
    return machine.unknown("an attribute of a model", node)


METHODS = frozenset({"add", "pop", "get_layer", "build", "summary", "get_config", "call", "count_params"})
METHODS |= {"save", "save_weights", "load_weights", "get_weights", "set_weights", "to_json", "reset_states"}


_LAYER_METHODS = frozenset({"get_weights", "set_weights", "build", "get_config", "call", "reset_states"})
_LAYER_METHODS |= {"compute_output_shape"}


def layers_of(machine: Machine, model: KerasModel) -> list[Value]:
    """Return the layers of a model: those of a Sequential as it has them, those of others in their order."""
    if model.kind == "sequential":
        return [i.value for i in model.items if isinstance(i, Item) and not is_tensor(i.value)]
    found: list[Value] = [InputItem(i) for i in model.code.inputs]
    return found + list(dict.fromkeys(c.layer.part_of or c.layer for c in model.code.calls))


class InputItem(CodeLayer):
    """The layer of an input, as ``model.layers`` has it."""

    def __init__(self, source: CodeInput) -> None:
        super().__init__("InputLayer", None, {}, source.where, source.name)
        self.source = source


def model_method(machine: Machine, model: KerasModel, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of a model."""
    if name in TRAINING:
        return train(machine, model, name, args, node)
    if name == "add":
        given = args.places[0] if args.places else args.names.get("layer")
        if given is None:
            return None
        if model.kind == "sequential":
            where = machine.where(given.node) if given.node is not None else where_of(given.value)
            add(machine, model, given.value, node, "add", where)
        else:
            incomplete(model, "layers are added to a model that is not a Sequential", machine.where(node))
        return None
    if name == "pop":
        if model.kind == "sequential" and model.items:
            machine.changes(model.items)
            return model.items.pop().value
        incomplete(model, "layers are taken off", machine.where(node))
        return None
    if name == "get_layer":
        return _get_layer(machine, model, args, node)
    if name == "build":
        shape = args.value(0, "input_shape")
        if is_list(shape) and shape:
            tensor = shape_tensor(machine, tuple(shape[1:]))
            if tensor is not None:
                set_input(machine, model, tensor, shape[0])
        return None
    if name == "call":
        return call_model(machine, model, args, node)
    if name == "reset_states" and (where := machine.where(node)) is not None:
        machine.file.resets.append(where)
    if name in ("summary", "save", "save_weights", "load_weights", "set_weights", "reset_states"):
        return None
    return machine.unknown(f"what {name} gives", node)


def _get_layer(machine: Machine, model: KerasModel, args: Arguments, node: ast.AST) -> Value:
    name, index = args.value(0, "name"), args.value(1, "index")
    layers = layers_of(machine, model)
    inner = model.kind != "sequential" and any(c.number in machine.inlined for c in model.code.calls)
    if inner:
        named = [m for m in machine.models if isinstance(name, str) and m.code.keras_name == name]
        return named[0] if len(named) == 1 else machine.unknown("a layer of a model with models in it", node)
    if isinstance(name, str):
        for layer in layers:
            own = layer.code.keras_name if isinstance(layer, KerasModel) else getattr(layer, "name", "")
            if own == name:
                return layer
        return _by_automatic_name(layers, name) or machine.unknown("a layer by its name", node)
    index = name if type(name) is int else index
    if type(index) is int and -len(layers) <= index < len(layers):
        return layers[index]
    return machine.unknown("a layer of the model", node)


def _by_automatic_name(layers: list[Value], name: str) -> Value:
    """Return a layer by the name that Keras gives to the only one of its kind."""
    same = [x for x in layers if isinstance(x, CodeLayer) and not x.name and snake_case(x.kind) == name]
    return same[0] if len(same) == 1 else None


def layer_attribute(machine: Machine, layer: CodeLayer, name: str, node: ast.AST) -> Value:
    """Return an attribute of a layer."""
    if isinstance(layer, InputItem) and name in ("output", "input"):
        return CodeTensor(layer.source)
    calls = layer.calls
    if name == "output" and layer.result is not None:
        return layer.result
    if name == "output" and calls:
        return result_of(calls[0])
    if name == "input" and calls and calls[0].inputs:
        taken = list(calls[0].inputs)
        return taken if len(taken) > 1 else taken[0]
    if name in ("output_shape", "input_shape") and calls:
        tensor = CodeTensor(calls[0]) if name == "output_shape" else (calls[0].inputs or (None,))[0]
        if tensor is not None:
            return shape_of(machine, tensor, node)
    if name == "name":
        return layer.name or machine.unknown("a name that Keras gives", node)
    given = layer.args.get(name)
    if given is not None and not isinstance(given.value, CodeModel):
        return given.value
    if layer.row is not None:
        param = next((p for p in layer.row.params if p.keras_name == name and not p.call), None)
        if param is not None and isinstance(param.default, (int, float, str, bool)):
            return param.default
    if name in _LAYER_METHODS:
        return Bound(layer, name)
    return machine.unknown("an attribute of a layer", node)


def shape_of(machine: Machine, value: CodeTensor, node: ast.AST) -> Value:
    """Return the shape of a tensor with its batch axis, as Keras has it: None for open sizes."""
    tensor = tensor_of(value)
    if tensor is None:
        return machine.unknown("a shape that is not known", node)
    batch = value.of.batch if isinstance(value.of, CodeInput) else None
    sizes = tuple(None if is_open(s) and isinstance(s, Expr) and s.is_atom else s for s in tensor.shape)
    return (batch if type(batch) is int else None, *sizes)
