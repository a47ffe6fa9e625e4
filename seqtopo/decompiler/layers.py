"""Read a layer's configuration as a layer of the table, parameter by parameter of its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.decompiler.files import as_dict, as_text, bounded_name, shown
from seqtopo.decompiler.losses import Losses
from seqtopo.decompiler.values import UnsayableError, plain, plain_dtype, unsaved_parts
from seqtopo.layers import registry
from seqtopo.layers.excluded import why_not
from seqtopo.layers.layer import Layer
from seqtopo.layers.limits import decomposes_half
from seqtopo.layers.objects import shortest
from seqtopo.layers.old_spellings import WITHOUT_SUCCESSOR
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import REQUIRED, LayerCall, Param, Row
from seqtopo.layers.values import Refusal, Tensor, show

_BY_BATCH = ("BatchNormalization", "SpectralNormalization")
KERAS_ROWS: Mapping[str, Row] = {row.keras: row for row in ROWS if row.keras}
"""The rows by the names of their classes in ``keras.layers``."""

UNSAID: Mapping[str, Any] = {
    "zero_output_for_mask": False,
    "use_gate": False,
    "autocast": True,
    "stateful": False,
    "return_state": False,
    "synchronized": False,
    "implementation": 2,
    "rms_scaling": False,
    "unroll": False,
    "data_format": "channels_last",
}
"""The arguments that Keras writes besides the rows' parameters, with the values that can be left out."""


def trains_otherwise(config: Any) -> bool:
    """Return whether a layer, or one inside it, computes something else in training than in inference.

    A layer of another class than Keras' may.
    """
    todo = [config]
    while todo:
        here = todo.pop()
        if isinstance(here, list):
            todo += here
        elif isinstance(here, dict):
            name, inner = here.get("class_name"), here.get("config")
            row = KERAS_ROWS.get(str(name))
            if row is not None and (row.role == "noise" or row.keras in _BY_BATCH):
                return True
            if isinstance(inner, dict) and any(inner.get(key) for key in ("dropout", "recurrent_dropout")):
                return True
            stock = str(here.get("module")).split(".")[0] in ("keras", "builtins")
            if row is None and not stock and here.get("registered_name") is not None:
                return True
            todo += [value for key, value in here.items() if key != "inbound_nodes"]
    return False


SET_BY_WRAPPERS = ("zero_output_for_mask",)
"""The arguments that ``Bidirectional`` sets in its inner layers."""


class NoRowError(Exception):
    """The language has no layer of this kind; says why, and what to do about it."""

    def __init__(self, why: str, help: str = "") -> None:
        super().__init__(why)
        self.help = help


@dataclass
class Read:
    """A layer as it was read: its row, the row's arguments, and the name in its configuration."""

    row: Row
    args: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    inner: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The configurations of the layers that it wraps, by the parameter's name."""
    dtype: str = ""
    """An integer dtype, which only some layers are given."""


def row_of(config: Mapping[str, Any]) -> Row:
    """Return the row of a serialized layer.

    Raises:
        NoRowError: there is none; says why.
    """
    name = as_text(config.get("class_name"), "a layer's class_name")
    module = config.get("module")
    package = str(config.get("registered_name") or "")
    own = isinstance(module, str) and module.split(".")[0] == "keras" and ">" not in package
    if own:
        row = KERAS_ROWS.get(name)
        if row is not None:
            return row
        reason = why_not(name)
        gone = WITHOUT_SUCCESSOR.get(name, "the language has no row for it")
        raise NoRowError(reason.why if reason else gone)
    custom = registry.find(registry.snake_case(name))
    if custom is not None and custom.make is not None:
        return custom
    help = "register it with @seqtopo.layer, and import the module that does so first: --import MODULE"
    raise NoRowError("it is a custom layer, which is not known here", help)


def read_layer(config: Mapping[str, Any], losses: Losses, inside: bool = False) -> Read:
    """Return a serialized layer by its row; arguments that the row lacks go to ``losses``.

    A layer ``inside`` a wrapper has arguments that the wrapper set.

    Raises:
        NoRowError: the language has no such layer, or cannot say an argument that it must have.
    """
    row = row_of(config)
    inner = as_dict(config.get("config"), f"the config of {shown(config.get('class_name'))}")
    name = inner.get("name", config.get("name"))
    named = isinstance(name, str) and not config.get("unnamed")
    read = Read(row, name=bounded_name(str(name)) if named else row.name)
    params = {p.keras_name: p for p in row.by_name.values() if p.keras_name and not p.call}
    for key, value in inner.items():
        if key == "name":
            continue
        param = params.get(key)
        if param is None:
            if not (_is_unsaid_default(key, value) or (inside and key in SET_BY_WRAPPERS)):
                losses.argument(read.name, shown(key), shown(value))
            continue
        if key == "dtype":
            _dtype(read, value, losses)
        elif param.kind.takes == "layer":
            if value is not None:
                read.inner[param.name] = as_dict(value, f"{shown(key)} of {shown(read.name)}")
        elif param.call or (key == "data_format" and value == UNSAID[key]):
            continue
        else:
            _argument(read, param, value, losses)
    if same_value(read.args.get("strides"), read.args.get("pool_size", row.defaults.get("pool_size", ()))):
        del read.args["strides"]
    _without_decomposing(read, losses)
    if read.inner and read.args.get("trainable") is False:
        _without_frozen(read, losses)
    for param in row.params:
        missing = param.default is REQUIRED and not param.call and param.name not in read.args
        if missing and param.name not in read.inner:
            raise NoRowError(f"it has no {param.name} that can be written in a spec")
    return read


def _without_frozen(read: Read, losses: Losses) -> None:
    """Leave it to the layer inside a wrapper whether it is frozen, as it counts for Keras."""
    del read.args["trainable"]
    if all(map(_is_frozen, read.inner.values())):
        losses.otherwise(read.name, "is frozen with the layer inside, written as frozen in that layer")
    else:
        losses.argument(read.name, "trainable", "false", "Keras trains the layer inside all the same")


def _is_frozen(config: Any) -> bool:
    """Return whether a serialized layer is not trained; a model if none of its layers is."""
    inner = config.get("config") if isinstance(config, dict) else None
    if not isinstance(inner, dict):
        return False
    layers = inner.get("layers")
    if not isinstance(layers, list):
        return inner.get("trainable") is False
    return all(
        _is_frozen(one) for one in layers if isinstance(one, dict) and one.get("class_name") != "InputLayer"
    )


def _without_decomposing(read: Read, losses: Losses) -> None:
    """Replace each initializer that not every backend can run in the layer's dtype.

    The weights of an existing model do not depend on it.
    """
    dtype = read.args.get("dtype")
    for param in read.row.params:
        value = read.args.get(param.name, param.default)
        if param.kind.family == "initializer" and decomposes_half(value, dtype):
            why = f"not every backend decomposes matrices of {dtype}; in its place stands glorot_uniform"
            losses.argument(read.name, param.name, show(value), why)
            read.args[param.name] = param.kind.read("glorot_uniform")


def _is_unsaid_default(key: str, value: Any) -> bool:
    """Return whether an argument that no row has is at its default."""
    if key in ("dtype", "trainable"):
        return value is True or "float32" in (value, plain_dtype(value))
    return value is None or (key in UNSAID and value == UNSAID[key])


def _dtype(read: Read, value: Any, losses: Losses) -> None:
    name = value
    if isinstance(value, dict):
        config = value.get("config")
        plain_policy = value.get("class_name") == "DTypePolicy" and isinstance(config, dict)
        name = config.get("name") if plain_policy and isinstance(config, dict) else None
    if name in (None, "float32") and not (isinstance(value, dict) and name is None):
        return
    param = read.row.by_name.get("dtype")
    try:
        if param is None or not isinstance(name, str):
            raise Refusal(expected="")
        read.args["dtype"] = param.kind.read(name)
    except Refusal:
        if isinstance(name, str) and name.replace("uint", "int").startswith(("int", "bool")):
            read.dtype = name
        else:
            losses.argument(read.name, "dtype", shown(name or value))


def _argument(read: Read, param: Param, value: Any, losses: Losses) -> None:
    if value in ({}, [], ()) and _takes_none(param):
        value = None  # Keras makes an empty one of none
    try:
        found = param.kind.read(plain(value, param.kind.family))
        if same_value(found, default_of(param)):
            return
        for kind, part in unsaved_parts(param.kind.family, value):
            losses.unsaved(kind, part.name, part.default, f"{param.name} of {read.name}")
        read.args[param.name] = found
    except UnsayableError as error:
        _note_unsayable(read, param, value, str(error), losses)
    except Refusal as misfit:
        if value == UNSAID.get(param.name, REQUIRED) or same_value(_tuple(value), default_of(param)):
            return
        _note_unsayable(read, param, value, f"expected {misfit.expected}", losses)


def _takes_none(param: Param) -> bool:
    try:
        return param.kind.read(None) is None
    except Refusal:
        return False


def _note_unsayable(read: Read, param: Param, value: Any, why: str, losses: Losses) -> None:
    if param.default is REQUIRED:
        raise NoRowError(f"its {param.name} is {shown(value)}: {why}")
    losses.argument(read.name, param.name, shown(value), why)


def default_of(param: Param) -> Any:
    """Return a parameter's default, in the form in which arguments are read."""
    if param.default is REQUIRED:
        return REQUIRED
    try:
        return param.kind.read(param.default)
    except Refusal:
        return param.default


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def same_value(a: Any, b: Any) -> bool:
    """Return whether two arguments mean the same to Keras: ``linear`` and none, an axis and its tuple."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if a == b:
        return True
    if isinstance(a, tuple) and len(a) == 1 and not isinstance(b, tuple):
        return same_value(a[0], b)
    return a in ("linear", None) and b in ("linear", None)


def written_value(name: str, value: Any, family: str = "") -> Any:
    """Return the shortest form of an argument's value, None for a default; ``family`` is that of its objects.

    >>> written_value("dtype", "float32"), written_value("dtype", "float16"), written_value("units", 3)
    (None, 'float16', 3)
    """
    if family:
        return shortest([family], value)
    return None if value == {"data_format": "channels_last", "dtype": "float32"}.get(name) else value


def make(read: Read) -> Layer:
    """Return the layer for what was read."""
    return Layer(read.row, dict(read.args), read.name)


def settle(layer: Layer, inputs: tuple[Tensor, ...], losses: Losses) -> None:
    """Remove the arguments that the incoming shapes determine, and number axes as a spec does."""
    if layer.row.counted and inputs:
        given = LayerCall(layer.row, {**layer.row.defaults, **layer.args}, inputs, {}, {})
        for name, value in layer.row.counted(given).items():
            was = layer.args.get(name)
            layer.args[name] = value
            if not same_value(layer.row.settled(layer.args, inputs)[name], was):
                what = f"has {name}={show(was)}, which Keras takes for {show(value)} here: written so"
                losses.otherwise(layer.name or layer.row.name, what)
    if layer.row.keras != "MultiHeadAttention" or not inputs:
        return
    if layer.args.get("value_dim") == layer.args.get("key_dim"):
        layer.args.pop("value_dim", None)
    if layer.args.get("attention_axes") == tuple(range(1, len(inputs[0].shape))):
        layer.args.pop("attention_axes", None)
