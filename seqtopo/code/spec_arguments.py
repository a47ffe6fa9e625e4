"""Read the arguments of layers, calls and ``compile`` in Keras code as a spec has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.code.model import (
    Argument,
    CodeCall,
    CodeInput,
    CodeLayer,
    CodeTensor,
    Opaque,
    Training,
)
from seqtopo.decompiler import writing
from seqtopo.layers import kinds
from seqtopo.layers.layer import Layer
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.object_values import Part
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import COMMON, REQUIRED, Param, Row
from seqtopo.layers.sizes import Expr
from seqtopo.layers.values import Object, Refusal, Word
from seqtopo.syntax import tree

_ACTIVATION_OF = {layer: word for word, layer in ACTIVATION_LAYERS.items()}
SECOND_VALUES = ("return_state", "return_attention_scores")
"""Arguments by which Keras returns second values: a spec returns them where they are used."""
_IN_ANY_CASE = frozenset({"padding", "data_format"})
"""Parameters whose words Keras takes in upper case, too."""
TRAINED = (
    ("optimizer", "optimizer"),
    ("loss", "loss"),
    ("metrics", "metric"),
    ("weighted_metrics", "metric"),
)
"""The arguments of ``compile`` that a spec says, with the family of objects of each."""


class UnknownError(Exception):
    """Raised if code does not tell a value that decides the output of a layer."""


# ---- arguments -----------------------------------------------------------------------------------------


def read_arguments(layer: CodeLayer) -> dict[str, Any]:
    """Return the arguments of a layer by the names of its row, as a spec has them.

    Raises:
        UnknownError: one that decides what the layer gives cannot be told.
    """
    row = layer.row
    if row is None:
        raise UnknownError
    found: dict[str, Any] = {}
    for key, argument in layer.args.items():
        param = parameter(row, key)
        if param is None or param.call or key in SECOND_VALUES or key == "name":
            continue
        if param.kind.takes == "layer":
            inner = argument.value
            if inner is None and param.default is None:
                continue
            if not isinstance(inner, CodeLayer) or inner.row is None:
                raise UnknownError
            made = Layer(inner.row, read_arguments(inner))
            found[param.name] = made
            continue
        if key == "dtype" and param.default is not REQUIRED and _is_of_input(argument.value):
            continue
        value = read_value(param, argument.value)
        if value is REQUIRED or (value is None and param.default is REQUIRED):
            if _decides(row, param):
                raise UnknownError
            continue
        found[param.name] = value
    # A required argument that the code does not give stays missing: that is a mistake to be reported.
    return found


def _is_of_input(dtype: Any) -> bool:
    """Return whether a dtype is one of whole numbers: beside ``input_shape``, it is that of the input."""
    return isinstance(dtype, str) and dtype.startswith(("int", "uint"))


def parameter(row: Row, key: str) -> Param | None:
    """Return the parameter of a row that Keras knows by a name."""
    for param in row.by_name.values():
        if param.keras_name == key:
            return param
    return row.by_name.get(key)


def read_value(param: Param, value: Any) -> Any:
    """Return a value as a spec has it; REQUIRED if it cannot be told."""
    family = param.kind.family
    if isinstance(value, CodeLayer) and family == "activation":
        value = _activation(value)
    if isinstance(value, list):
        value = _tuple(value)
    if isinstance(value, Object) and family:
        value = _object(family, value)
    if isinstance(value, str) and param.name in _IN_ANY_CASE:
        value = value.lower()
    if has_unknown(value):
        return REQUIRED
    try:
        return param.kind.read(value)
    except Refusal:
        # A plain value that does not fit is a mistake of the code's author.
        if isinstance(value, str):
            return writing.Quoted(value)
        return value if _is_plain(value) else REQUIRED
    except (TypeError, ValueError):
        return REQUIRED


def _activation(layer: CodeLayer) -> Any:
    word = _ACTIVATION_OF.get(layer.kind)
    kwargs = {k: a.value for k, a in layer.args.items() if k not in ("name", "dtype", "trainable")}
    if word is None:
        return Opaque("a layer")
    return Object(word, (), kwargs) if kwargs else Word(word)


def _object(family: str, given: Object) -> Any:
    """Return a Keras object by the name that a spec has for it."""
    entry = entry_of(family, given.name)
    if entry is None:
        return Opaque(given.name)
    parts = {part.name: part for part in entry.parts}
    kwargs = {**dict(zip(parts, given.args, strict=False)), **given.kwargs}
    kwargs = {k: _part(parts[k], v) for k, v in kwargs.items() if k in parts}
    if any(map(has_unknown, kwargs.values())):
        return Word(entry.name)
    return Object(entry.name, (), kwargs) if kwargs else Word(entry.name)


def _part(part: Part, value: Any) -> Any:
    """Return an argument of an object, which may be an object itself, such as a schedule."""
    if isinstance(value, Object):
        family = next((f for f in part.takes.families if entry_of(f, value.name)), "")
        made = _object(family, value) if family else Opaque(value.name)
        entry = entry_of(family, value.name) if family else None
        lacks = isinstance(made, Word) and entry is not None and any(p.required for p in entry.parts)
        return Opaque(value.name) if lacks else made
    return _tuple(value) if isinstance(value, list) else value


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) if isinstance(v, (list, tuple)) else v for v in value)


def has_unknown(value: Any) -> bool:
    """Return whether a value, or an item of it, cannot be told or written in a spec."""
    if isinstance(value, (tuple, list)):
        return any(map(has_unknown, value))
    return not (value is None or isinstance(value, (bool, int, float, str, Expr, Word, Object)))


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str, Expr))


def _decides(row: Row, param: Param) -> bool:
    """Return whether an argument decides a layer's output shapes, or whether the layer can be called."""
    if param.default is REQUIRED:
        return True
    if param.kind.family or param in COMMON or param.kind in (kinds.RATE, kinds.NUMBER, kinds.SEED):
        return False
    if param.kind is kinds.BOOL:
        return any(clause.when == param.name for clause in row.clauses)
    return param.kind not in (kinds.STRING, kinds.NOTHING, kinds.ARRAY, kinds.DTYPE)


def argument_of(layer: CodeLayer, param: Param) -> Argument | None:
    """Return the argument that a layer is given for a parameter."""
    return layer.args.get(param.keras_name) or layer.args.get(param.name)


def note_inners(layer: CodeLayer, arguments: Mapping[str, Any], found: dict[int, CodeLayer]) -> None:
    """Add to ``found`` the layer of the code for each layer inside a wrapper."""
    assert layer.row is not None
    for key, argument in layer.args.items():
        param = parameter(layer.row, key)
        made = arguments.get(param.name) if param is not None else None
        if isinstance(made, Layer) and isinstance(argument.value, CodeLayer):
            found[id(made)] = argument.value
            note_inners(argument.value, made.args, found)


# ---- values --------------------------------------------------------------------------------------------


def tensors_of(call: CodeCall) -> list[tuple[str, tuple[CodeTensor, ...]]]:
    """Return the arguments of a call that are values of the model."""
    found = ((key, tensors_in(argument.value)) for key, argument in call.args.items())
    return [(key, tensors) for key, tensors in found if tensors]


def is_named(layer: CodeLayer, key: str) -> bool:
    """Return whether a spec gives this argument of the call by name, rather than as an input of the step."""
    param = parameter(layer.row, key) if layer.row is not None else None
    return param is not None and param.kind.takes in ("tensor", "tensors")


def tensors_in(value: Any) -> tuple[CodeTensor, ...]:
    """Return the values of the model in an argument; none where it is something else."""
    if isinstance(value, CodeTensor):
        return (value,)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, CodeTensor) for v in value):
        return tuple(value)
    return ()


def primaries(of: CodeCall | CodeInput) -> int:
    """Return the number of values that a call gives before its states and scores."""
    if isinstance(of, CodeCall):
        mode = of.layer.args.get("merge_mode")
        if mode is not None and mode.value is None:
            return 2
        if second_values(of)[1] == 0 and of.gives is not None:
            return max(1, len(of.gives))
    return 1


def second_values(call: CodeCall) -> tuple[str, int]:
    """Return a spec's name of the second values of a call, and their number; ("", 0) if there are none."""
    layer = call.layer
    if layer.row is None:
        return "", 0
    inner = layer.args.get("layer")
    if layer.row.wraps and inner is not None and isinstance(inner.value, CodeLayer):
        row = inner.value.row
        asked = plain_of(inner.value.args.get("return_state"), False)
        if row is None or not row.recurrent or not asked or not layer.row.recurrent:
            return "", 0
        return "state", 2 * _states(row)
    if layer.row.recurrent and plain_of(layer.args.get("return_state"), False):
        return "state", _states(layer.row)
    scores = call.args.get("return_attention_scores") or layer.args.get("return_attention_scores")
    return ("scores", 1) if plain_of(scores, False) else ("", 0)


def _states(row: Row) -> int:
    return row.states or 2


def units_of(layer: CodeLayer) -> Any:
    """Return the width of each state of a recurrent layer, if the state is a vector."""
    inner = layer.args.get("layer")
    if inner is not None and isinstance(inner.value, CodeLayer):
        return units_of(inner.value)
    return plain_of(layer.args.get("units"), None)


def plain_of(argument: Argument | None, default: Any) -> Any:
    """Return an argument's value, or a default where it is not given."""
    return default if argument is None else argument.value


def merges_states(call: CodeCall) -> bool:
    """Return whether a call merges two states of one Bidirectional layer, along their one axis."""
    pair = call.inputs
    if len(pair) != 2 or pair[0].of is not pair[1].of or not isinstance(pair[0].of, CodeCall):
        return False
    axis = plain_of(call.layer.args.get("axis"), -1)
    return pair[0].of.layer.kind == "Bidirectional" and axis in (-1, 1)


def name_expr(ref: str) -> tree.Expr:
    """Return a name of the spec, such as ``value_1.state``, as a tree."""
    base, dot, extra = ref.partition(".")
    name = writing.name(base)
    return tree.Attribute(writing.NOWHERE, name, (writing.name(extra),)) if dot else name


# ---- training ------------------------------------------------------------------------------------------


def train_arguments(made: Training, outputs: Sequence[str]) -> list[tuple[str, tree.Expr]]:
    """Return the arguments of ``compile`` as those of ``train``, without what no spec can say.

    ``outputs`` are the names by which Keras knows the outputs, "" for each that is not known.
    """
    found: list[tuple[str, tree.Expr]] = []
    for key, family in TRAINED:
        argument = made.args.get(key)
        if argument is None or argument.value in (None, [], ()):
            continue
        value = argument.value
        if isinstance(value, Mapping):
            if not set(value) <= set(outputs) or (family == "loss" and len(value) < len(outputs)):
                continue
            value = [value.get(name) for name in outputs]
        expr = _trained(family, value, len(outputs))
        if expr is not None:
            found.append((key, expr))
    return found


def _trained(family: str, value: Any, outputs: int) -> tree.Expr | None:
    if isinstance(value, (list, tuple)):
        items = [_trained(family, v, 1) for v in value]
        if family == "loss":
            if len(items) != outputs or any(item is None for item in items):
                return None
            known = [item for item in items if item is not None]
            return known[0] if outputs == 1 else tree.List(writing.NOWHERE, tuple(known))
        known = [item for item in items if item is not None]
        if outputs > 1:  # each stands for an output, also one that no spec can say
            known = [writing.name("none") if item is None else item for item in items] if known else []
        return tree.List(writing.NOWHERE, tuple(known)) if known else None
    if isinstance(value, str):
        entry = entry_of(family, value)
        return writing.name(value if value[:1].islower() else entry.name) if entry is not None else None
    if isinstance(value, Object):
        known_object = _object(family, value)
        if isinstance(known_object, Opaque):
            return None
        return writing.value(known_object, family)
    return None
