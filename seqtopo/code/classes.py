"""Classes of the project: their instances, and those that are Keras layers and models."""

from __future__ import annotations

import ast

from seqtopo.code import keras_names
from seqtopo.code.layer_arguments import bind
from seqtopo.code.machine import PARAMETER, Machine, tensor_of
from seqtopo.code.model import CodeInput, CodeLayer, CodeTensor, Value
from seqtopo.code.models import add, connect, incomplete, new_model, where_of
from seqtopo.code.values import (
    MISSING,
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    KerasModel,
    Outside,
    Passed,
    is_list,
    is_tensor,
    items_of,
    tensors_in,
)
from seqtopo.layers.values import Tensor


def kind_of(cls: Class) -> str:
    """Return ``layer`` or ``model`` for a class that extends one of Keras', else ""."""
    for base in cls.ancestors():
        if isinstance(base, Outside):
            kind = keras_names.meaning(base.path).kind
            if kind in ("model", "sequential"):
                return kind
            if kind in ("base", "layer"):
                return "layer"
    return ""


def make_instance(machine: Machine, cls: Class, args: Arguments, node: ast.AST) -> Value:
    """Return a new object of a class of the project."""
    cls.made += 1
    kind = kind_of(cls)
    if kind == "layer":
        return _custom_layer(machine, cls, args, node)
    made = Instance(cls, where=machine.where(node))
    if cls.fields is not None:
        _set_fields(machine, made, cls.fields, args)
        after = cls.find("__post_init__")
        if isinstance(after, Function):
            machine.call(Bound(made, "__post_init__", after), Arguments(), node)
        return made
    if kind in ("model", "sequential"):
        made.model = new_model(machine, "subclass" if kind == "model" else kind, node)
        made.model.instance = made
        made.model.code.keras_name = _text(args.value(-1, "name"))
    start = cls.find("__init__")
    if isinstance(start, Function):
        machine.call(Bound(made, "__init__", start), args, node)
    elif made.model is not None:
        start_model(machine, made.model, args, node)
    return made.model if made.model is not None else made


def start_model(machine: Machine, model: KerasModel, args: Arguments, node: ast.AST) -> None:
    """Do what the ``__init__`` of Keras' own models does for a class of the project."""
    if model.kind == "sequential":
        for layer in items_of(args.value(0, "layers", ())) or ():
            add(machine, model, layer, node, "item", where_of(layer))
        return
    inputs, outputs = args.value(0, "inputs"), args.value(1, "outputs")
    if inputs is not None and outputs is not None:
        model.kind = "functional"
        connect(machine, model, inputs, outputs, node)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _set_fields(machine: Machine, made: Instance, fields: tuple[str, ...], args: Arguments) -> None:
    for i, name in enumerate(fields):
        given = args.value(i, name, MISSING)
        if given is MISSING:
            given = made.cls.find(name)
        if given is MISSING or args.unknown:
            given = machine.unknown(PARAMETER, text=name)
        made.names[name] = given


def _custom_layer(machine: Machine, cls: Class, args: Arguments, node: ast.AST) -> CodeLayer:
    start = cls.find("__init__")
    names: list[str] = []
    if isinstance(start, Function) and not isinstance(start.node, ast.Lambda):
        names = [a.arg for a in (*start.node.args.posonlyargs, *start.node.args.args)][1:]
    found = bind(machine, names, args)
    said = found["name"].value if "name" in found else ""
    machine.activity += 1
    where, keeps = machine.where(node), _keeps_shape(cls)
    layer = CodeLayer(cls.name, None, found, where, _text(said), "a custom layer", keeps_shape=keeps)
    machine.bodies[layer] = (cls, args)
    return layer


def look_inside(
    machine: Machine, layer: CodeLayer, args: Arguments, node: ast.AST
) -> tuple[Tensor, ...] | None:
    """Return the outputs of a ``Lambda`` or a layer of the project, by following its code.

    None if one of them is no tensor of known shape, or the layer has no ``call`` that can be followed.
    """
    body, made_of = machine.bodies[layer]
    given = args.places[0].value if args.places else None
    tensors = tensors_in(given)
    if not tensors or any(tensor_of(t) is None for t in tensors):
        return None
    inside = [Passed(_inputs_like(p.value)) if tensors_in(p.value) else p for p in args.places]
    inner = Arguments(inside, {k: p for k, p in args.names.items() if not tensors_in(p.value)})
    if isinstance(body, Class):
        made = layer.made
        if made is None:
            made = layer.made = Instance(body, where=layer.where)
            for name, places in (("__init__", made_of), ("build", Arguments([Passed(_build_shapes(given))]))):
                start = body.find(name)
                if isinstance(start, Function):
                    machine.call(Bound(made, name, start), places, node)
        method = body.find("call")
        if not isinstance(method, Function):
            return None
        gives = machine.call(Bound(made, "call", method), with_flags(method, inner), node)
    elif isinstance(body, Function):
        gives = machine.call(body, inner, node)
    else:
        return None
    found = [tensor_of(v) if is_tensor(v) else None for v in (gives if is_list(gives) else [gives])]
    return tuple(t for t in found if t is not None) if None not in found else None


def _build_shapes(value: Value) -> Value:
    """Return the shapes of tensors as ``build`` gets them, with the batch axis."""
    if is_tensor(value):
        return (None, *tensor_of(value).shape)
    return [_build_shapes(v) for v in value] if is_list(value) else None


def with_flags(method: Function, args: Arguments) -> Arguments:
    """Return the arguments of a ``call``, with those that Keras adds: no training, no mask."""
    if not isinstance(method.node, ast.Lambda):
        for name in (a.arg for a in method.node.args.args[1 + len(args.places) :]):
            if name in ("training", "mask") and name not in args.names:
                args.names[name] = Passed(False if name == "training" else None)
    return args


def _keeps_shape(cls: Class) -> bool:
    """Return whether the ``compute_output_shape`` of a custom layer returns its argument as it is."""
    rule = cls.find("compute_output_shape")
    if not isinstance(rule, Function) or isinstance(rule.node, ast.Lambda):
        return False
    body = [s for s in rule.node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    places = rule.node.args.args
    if len(body) != 1 or not isinstance(body[0], ast.Return) or len(places) < 2:
        return False
    value = body[0].value
    return isinstance(value, ast.Name) and value.id == places[1].arg


def read_subclass(machine: Machine, model: KerasModel, given: Value, node: ast.AST) -> None:
    """Follow the ``call`` of a subclassed model once, with inputs like what it is given."""
    if model.kind != "subclass" or model.instance is None or model.code.inputs:
        return
    call = model.instance.cls.find("call")
    if not isinstance(call, Function):
        incomplete(model, "its class has no call", model.code.where)
        return
    starts = _inputs_like(given)
    args = with_flags(call, Arguments([Passed(starts)]))
    before = machine.statement
    gives = machine.call(Bound(model.instance, "call", call), args, node)
    machine.statement = before
    connect(machine, model, starts, gives, node)


def _inputs_like(value: Value) -> Value:
    """Return new inputs in the structure of a value."""
    if is_tensor(value):
        batch = value.of.batch if isinstance(value.of, CodeInput) else None
        where = value.of.where
        return CodeTensor(CodeInput(tensor_of(value), batch, where=where))
    if isinstance(value, Tensor):
        return CodeTensor(CodeInput(value))
    if type(value) in (list, tuple):
        return type(value)(map(_inputs_like, value))
    if isinstance(value, dict):
        return {k: _inputs_like(v) for k, v in value.items()}
    return CodeTensor(CodeInput(None))
