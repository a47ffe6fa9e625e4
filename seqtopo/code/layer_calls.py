"""Layers and their calls on tensors, with the shapes that their rows tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from seqtopo.code import keras_names
from seqtopo.code.arrays import CodeArray
from seqtopo.code.keras_names import Meaning
from seqtopo.code.machine import Machine, tensor_of
from seqtopo.code.model import Argument, CodeCall, CodeInput, CodeLayer, CodeModel, CodeTensor, Opaque, Value
from seqtopo.code.values import (
    Arguments,
    Class,
    Function,
    Instance,
    KerasModel,
    Outside,
    Passed,
    Unknown,
    is_list,
    is_tensor,
    tensors_in,
)
from seqtopo.layers import old_spellings
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Outcome, Param, Row
from seqtopo.layers.sizes import Expr, symbol
from seqtopo.layers.values import DTYPES, Object, Refusal, Tensor

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
"""What Keras' calls take by position behind the values."""
SHAPES = ("input_shape", "batch_input_shape", "batch_shape", "input_dim", "input_length", "batch_size")
"""What says the input's shape in the first layer of a Sequential, in old code."""
_HARMLESS = frozenset(
    (
        *("name", "trainable", "seed", "weights", "dtype", "rate", "dropout", "recurrent_dropout", "stddev"),
        *("epsilon", "momentum", "alpha", "negative_slope", "l1", "l2", "mask_value", "stateful", "unroll"),
    )
)
"""Arguments of which no shape depends."""
_STAND_IN = {"rate": 0.5, "stddev": 0.5, "activation": "linear", "negative_slope": 0.5, "alpha": 1.0}
"""What stands for an argument of a layer that must have it, where it is not known."""

Form = Literal["call", "item", "add"]


# ---- arguments -----------------------------------------------------------------------------------


@cache
def _takes_sizes(kind: Any) -> bool:
    some = symbol("N")
    if kind.family or kind.takes != "value":
        return False
    tried = (some, (some,), (some, some), (some, some, some))
    return any(kind.accepts(v) for v in tried) and not kind.accepts(object())


def plain(machine: Machine, value: Value, sizes: bool = False) -> Value:
    """A value as an ``Argument`` has it, with symbols for unknown numbers where ``sizes``."""
    if isinstance(value, Unknown):
        return machine.symbol(value) if sizes else value
    if (
        is_tensor(value)
        or value is None
        or isinstance(value, (str, int, float, bool, Expr, CodeLayer, Object))
    ):
        return value
    if is_list(value):
        return tuple(plain(machine, v, sizes) for v in value)
    if isinstance(value, Outside):
        found = _of_package(value)
        return machine.size(machine.constant(value)) if sizes and isinstance(found, Opaque) else found
    if isinstance(value, Instance):
        return value.layer or (
            machine.code(value.model) if value.model else Opaque(f"an object of {value.cls.name}")
        )
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
    if found.kind == "object":
        return found.name
    if found.kind == "layer":
        return Opaque(f"the class {found.name}")
    if last in DTYPES:
        return last
    if found.kind == "operation":
        return keras_names.object_name("activation", last)
    return Opaque(f"{value.path} of a package")


def argument(machine: Machine, given: Passed, sizes: bool = False) -> Argument:
    """An argument with its places."""
    where = machine.where(given.node)
    if sizes and isinstance(given.value, CodeArray) and given.value.shape == () and given.node is not None:
        number = machine.part(machine.scalars, id(given.value), machine.text(given.node), given.node)
        return Argument(machine.symbol(number), where, machine.where(given.whole) or where)
    return Argument(plain(machine, given.value, sizes), where, machine.where(given.whole) or where)


def bind(machine: Machine, names: Sequence[str], args: Arguments, row: Row | None) -> dict[str, Argument]:
    """The arguments of a call by their names; those given by position in the order of ``names``."""
    params = {p.keras_name: p for p in row.by_name.values()} if row is not None else {}
    found: dict[str, Argument] = {}
    for i, given in enumerate(args.places):
        name = names[i] if i < len(names) else f"argument {i + 1}"
        found[name] = argument(machine, given, _sized(params.get(name), name))
    for name, given in args.names.items():
        found.setdefault(name, argument(machine, given, _sized(params.get(name), name)))
    return found


def _sized(param: Param | None, name: str) -> bool:
    return name in SHAPES if param is None else _takes_sizes(param.kind)


def make_object(machine: Machine, found: Meaning, args: Arguments) -> Object:
    """A Keras object such as an optimizer or a regularizer."""
    places = tuple(plain(machine, p.value) for p in args.places)
    return Object(found.name, places, {k: plain(machine, p.value) for k, p in args.names.items()})


def make_layer(machine: Machine, found: Meaning, args: Arguments, node: ast.AST) -> CodeLayer:
    """The layer that a constructor of ``keras.layers`` gives; one in an old spelling with its old meaning."""
    written = found.old or found.name
    row = keras_names.ROW_OF.get(found.name)
    age = _age(written, args)
    names = old_spellings.positional(written, age)
    if names is None or not _counts_axes(written, args):
        names = keras_names.places(row) if row is not None else ("function",)
    bound = bind(machine, names, args, row)
    name = bound["name"].value if "name" in bound else ""
    why = "" if row is not None else keras_names.why_opaque(found.name)
    layer = CodeLayer(found.name, row, bound, machine.where(node), name if isinstance(name, str) else "", why)
    if row is not None and (written != found.name or not row.by_name.keys() >= bound.keys()):
        _modernize(layer, written, age)
    _complete(machine, layer)
    if args.unknown:
        layer.row, layer.why = None, "its arguments are not known"
    elif found.name == "Lambda":
        machine.bodies[id(layer)] = (args.value(0, "function"), args)
    machine.activity += 1
    return layer


def _complete(machine: Machine, layer: CodeLayer) -> None:
    """Writes what old code leaves out, and takes for opaque what learns from the data."""
    row = layer.row
    if row is None:
        return
    if layer.kind == "Normalization" and "mean" not in layer.args:
        layer.row, layer.why, layer.keeps_shape = None, "it learns its mean from the data", True
    if machine.channels_first and "data_format" in row.by_name and "data_format" not in layer.args:
        layer.args["data_format"] = Argument("channels_first")
    if "pool_size" not in layer.args and any(p.name == "pool_size" for p in row.required):
        layer.args["pool_size"] = Argument((2,) * int(layer.kind[-2]))


def _age(written: str, args: Arguments) -> old_spellings.Age:
    """The age of Keras that has a layer's spelling: 1 or, where nothing is old, 3."""
    age = old_spellings.age_of([(written, args.names)])
    return age if age < (2, 0) else old_spellings.KERAS_3


def _counts_axes(written: str, args: Arguments) -> bool:
    """Whether a class that Keras 1 had is called as there: ``Convolution2D(64, 3, 3)``."""
    return len(args.places) < 2 or not is_list(args.places[1].value)


def _modernize(layer: CodeLayer, written: str, age: old_spellings.Age) -> None:
    """Turns the arguments of an old spelling into those of Keras 3; each keeps its place."""
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


# ---- shapes --------------------------------------------------------------------------------------


class InnerModel:
    """A model as one thing, such as ``TimeDistributed`` applies at every step."""

    def __init__(self, code: CodeModel) -> None:
        self.code = code

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.code.name or "the model"

    def get(self, name: str) -> Any:
        """No arguments of its own."""
        return None

    def outcome(self, inputs: tuple[Tensor, ...], tensors: Mapping[str, tuple[Tensor, ...]]) -> Outcome:
        """Shapes and weights where these values come in. Raises ``Refusal``."""
        gives: dict[CodeTensor, Tensor] = {
            CodeTensor(i): t for i, t in zip(self.code.inputs, inputs, strict=False)
        }
        weights: dict[CodeLayer, tuple[Any, ...]] = {}
        known = tuple(tensor_of(t) for t in self.code.outputs)
        if None not in known and tuple(i.tensor for i in self.code.inputs) == inputs:
            layers = dict.fromkeys(call.layer for call in self.code.calls)
            return Outcome(known, tuple(w for layer in layers for w in layer.weights or ()))
        for call in self.code.calls:
            found = outcome_of(call, gives)
            if found is None:
                raise Refusal(expected="a model whose shapes are known")
            outputs, weights_now = found
            weights.setdefault(call.layer, weights_now)
            gives.update({CodeTensor(call, i): t for i, t in enumerate(outputs)})
        try:
            outputs = tuple(gives[t] for t in self.code.outputs)
        except KeyError:
            raise Refusal(expected="a model whose shapes are known") from None
        return Outcome(outputs, tuple(w for ws in weights.values() for w in ws))


def table_layer(layer: CodeLayer) -> Layer | None:
    """The layer as the table has it; None where an argument that matters is not known."""
    row = layer.row
    if row is None:
        return None
    ours = layer.kind.startswith("ops.")
    params = {p.name if ours else p.keras_name: p for p in row.by_name.values() if not p.call}
    args: dict[str, Any] = {}
    for name, given in layer.args.items():
        param = params.get(name)
        if param is None:
            continue
        value = given.value
        if isinstance(value, CodeLayer):
            value = table_layer(value)
        elif isinstance(value, CodeModel):
            value = InnerModel(value) if value.complete else None
        elif _is_opaque(value):
            if param.kind.family or name in _HARMLESS:
                continue
            return None
        if value is None and param.kind.takes == "layer":
            if given.value is None:
                continue
            return None
        if name == "weights":
            continue
        try:
            args[param.name] = param.kind.read(value)
        except Refusal:
            if param.kind.family or (name in _HARMLESS and isinstance(value, (int, float, str))):
                continue
            return None
    for missing in (p.name for p in row.required if p.name not in args):
        if missing not in _STAND_IN or missing not in layer.args:
            return None
        args[missing] = _STAND_IN[missing]
    return Layer(row, args, layer.name)


def _is_opaque(value: Value) -> bool:
    return isinstance(value, Opaque) or (is_list(value) and any(map(_is_opaque, value)))


def outcome_of(
    call: CodeCall, gives: Mapping[CodeTensor, Tensor] | None = None
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]] | None:
    """What a call gives, states and scores behind the outputs, and the weights of its layer.

    ``gives`` are the tensors that come in where they are not those of the calls themselves.

    Raises:
        Refusal: the layer does not take them.
    """
    layer = call.layer

    def tensor(value: CodeTensor) -> Any:
        return tensor_of(value) if gives is None else gives.get(value)

    inputs = tuple(map(tensor, call.inputs))
    if layer.row is None:
        return _opaque_outcome(layer, inputs)
    if any(t is None for t in inputs):
        return None
    made = table_layer(layer)
    if made is None:
        return None
    args: dict[str, Any] = {}
    given: dict[str, tuple[Tensor, ...]] = {}
    params = {p.keras_name: p for p in made.row.params if p.call}
    for name, passed in call.args.items():
        param = params.get(name)
        came = tensors_in(passed.value)
        if param is None or passed.value is None:
            continue
        if came:
            found = tuple(map(tensor, came))
            if any(t is None for t in found):
                return None
            given[param.name] = found
        elif param.kind.takes == "value" and not _is_opaque(passed.value):
            args[param.name] = param.kind.read(passed.value)
    outcome = made.row.outcome({**made.args, **args}, inputs, given)
    outputs = outcome.outputs
    for name, extra in outcome.extras.items():
        if _wants(layer, call, name):
            outputs += tuple(extra)
    return outputs, outcome.weights


def _wants(layer: CodeLayer, call: CodeCall, extra: str) -> bool:
    if extra == "state":
        return returns_state(layer) is True
    scores = call.args.get("return_attention_scores")
    return scores is not None and scores.value is True


def returns_state(layer: CodeLayer) -> Any:
    """Whether a recurrent layer gives its states, too."""
    inner = layer.args.get("layer")
    given = layer.args.get("return_state")
    if (
        given is None
        and inner is not None
        and isinstance(inner.value, CodeLayer)
        and layer.kind == "Bidirectional"
    ):
        return returns_state(inner.value)
    return given.value if given is not None else False


def _opaque_outcome(
    layer: CodeLayer, inputs: tuple[Any, ...]
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]] | None:
    if layer.keeps_shape and inputs and inputs[0] is not None:
        return (inputs[0],), ()
    return None


def infer(call: CodeCall, strict: bool = False) -> None:
    """Fills in what a call gives, and its layer's weights at its first call.

    Raises:
        Refusal: the layer does not take what comes in, where ``strict``.
    """
    try:
        found = outcome_of(call)
    except Refusal:
        if strict:
            raise
        found = None
    call.gives = found[0] if found is not None else None
    if found is not None and call.layer.weights is None and call.layer.row is not None:
        call.layer.weights = found[1]


# ---- calls ---------------------------------------------------------------------------------------


def as_tensor(machine: Machine, value: Value) -> CodeTensor:
    """A value as a tensor; an unknown one is an input whose shape is not known."""
    if is_tensor(value):
        return value
    known = machine.implicit.get(id(value))
    if known is None:
        where = value.where if isinstance(value, Opaque) else None
        known = CodeInput(None, where=where, name=value.text if isinstance(value, Unknown) else "")
        machine.implicit[id(value)] = known
    return CodeTensor(known)


def call_layer(
    machine: Machine,
    layer: CodeLayer,
    args: Arguments,
    node: ast.AST,
    form: Form = "call",
    statement: Any = None,
) -> Value:
    """Calls a layer on what is given, and returns what it gives: a tensor, or a list of several."""
    values, more = _split(layer, args)
    if not tensors_in(values) and not any(isinstance(v, Unknown) for v in _flat(values)):
        return machine.unknown("a layer that is called on data", node)
    inputs = tuple(as_tensor(machine, v) for v in _flat(values) if v is not None)
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
    machine.activity += 1
    machine.count(call)
    _tell_axes(machine, call)
    infer(call)
    if layer.row is None and call.gives is None and id(layer) in machine.bodies:
        call.gives = machine.look_inside(layer, args, node)
    return result_of(call)


def _tell_axes(machine: Machine, call: CodeCall) -> None:
    """Gives an input of unknown shape as many axes as the layer takes that is called on it."""
    for value, took in zip(call.inputs, _axes(call.layer.row), strict=False):
        source = value.of
        if not isinstance(source, CodeInput) or source.tensor is not None:
            continue
        shape = machine.shapes.get(id(source))
        if shape is None:
            shape = machine.unknown("a shape that is not known", None, f"{source.name or 'inputs'}.shape")
            shape.parts["from"] = (machine.unknown(shape.why, None, shape.text), 1)
        source.tensor = Tensor(tuple(machine.symbol(machine.item(shape, i)) for i in range(took)))


def _axes(row: Row | None) -> Iterator[int]:
    """How many axes a layer takes of each value, up to the first of which it takes any number."""
    for took in row.clauses[0].takes if row is not None and row.keras else ():
        if "..." in took:
            return
        yield len(took)


def _split(layer: CodeLayer, args: Arguments) -> tuple[list[Value], dict[str, Passed]]:
    """The values that come in, and everything else by its name."""
    places = list(args.places)
    values: list[Value] = []
    row = layer.row
    if row is not None and row.apart:
        while (
            places
            and len(values) < 3
            and (tensors_in(places[0].value) or isinstance(places[0].value, Unknown))
        ):
            values.append(places.pop(0).value)
    elif row is None:
        values += [p.value for p in places if tensors_in(p.value) or isinstance(p.value, Unknown)]
        places = [p for p in places if not (tensors_in(p.value) or isinstance(p.value, Unknown))]
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


def _flat(values: Value) -> list[Value]:
    if is_list(values):
        return [v for value in values for v in _flat(value)]
    if isinstance(values, dict):
        return [v for value in values.values() for v in _flat(value)]
    return [values]


def outputs_of(call: CodeCall) -> int:
    """How many values a call gives."""
    if call.gives is not None:
        return len(call.gives)
    layer = call.layer
    if layer.row is None:
        return 1
    inner = layer.args.get("layer")
    if layer.kind == "Bidirectional":
        states = (
            inner.value.row.states if inner and isinstance(inner.value, CodeLayer) and inner.value.row else 0
        )
        merge = layer.args.get("merge_mode")
        count = 2 if merge is not None and merge.value is None else 1
        return count + (2 * states if returns_state(layer) is True else 0)
    if returns_state(layer) is True:
        return 1 + layer.row.states
    scores = call.args.get("return_attention_scores")
    return 2 if scores is not None and scores.value is True else 1


def result_of(call: CodeCall) -> Value:
    """What a call gives, as the code sees it."""
    count = outputs_of(call)
    return CodeTensor(call) if count == 1 else [CodeTensor(call, i) for i in range(count)]


def call_opaque(
    machine: Machine, name: str, why: str, args: Arguments, node: ast.AST, keeps: bool = False
) -> Value:
    """What something that is not read gives for tensors: a tensor of unknown shape."""
    inputs = tuple(t for v in args.values for t in tensors_in(v))
    layer = CodeLayer(name, None, where=machine.where(node), why=why, keeps_shape=keeps)
    call = CodeCall(layer, inputs, where=layer.where, statement=machine.where(machine.statement))
    machine.count(call)
    infer(call)
    return CodeTensor(call)
