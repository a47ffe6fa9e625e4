"""Translate a layer that Keras 0.3 to 2 saved to one or several layers of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from seqtopo.decompiler.automatic import base
from seqtopo.decompiler.calls import TENSOR
from seqtopo.decompiler.files import as_dict, as_list, as_text, shown
from seqtopo.decompiler.losses import Losses, wrong
from seqtopo.decompiler.old_objects import modern_object
from seqtopo.layers import old_spellings as old
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.old_spellings import Age, Modern, modern

Config = dict[str, Any]

GRAPHS = ("Model", "Functional", "Container", "Network")
"""The classes of functional models."""
MODELS = (*GRAPHS, "Sequential", "Graph")
UNNAMED = "input_layer"
"""The name that Keras 3 gives to an input without a name."""
_KEEPS_SHAPE = ("SReLU", "ParametricSoftplus", "ThresholdedLinear")


def settings(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of a layer, or an empty one."""
    config = layer.get("config")
    return config if isinstance(config, dict) else {}


def named_class(layer: Config) -> Config:
    """Return a layer or model of Keras 0.3 in later form; its class stood under ``name``."""
    if "class_name" in layer or not isinstance(layer.get("name"), str):
        return layer
    body = {key: value for key, value in layer.items() if key != "name"}
    name = body.pop("custom_name", None)
    body["name"] = name if isinstance(name, str) else layer["name"].lower()
    return {"class_name": layer["name"], "config": body}


class Piece(NamedTuple):
    """One of the layers that replace an old layer.

    ``takes`` are the names of its inputs among the other pieces, "" for the old layer's input.
    """

    layer: Config
    takes: tuple[str, ...] = ()


def tensor(ref: Sequence[Any]) -> Config:
    """Return a tensor in a call's arguments, from its layer, call and output."""
    return {"class_name": TENSOR, "config": {"keras_history": list(ref)}}


def input_of(name: str, shape: Sequence[Any], dtype: Any) -> Config:
    """Return an ``InputLayer`` of a shape with the batch axis."""
    config = {
        "batch_shape": list(shape),
        "dtype": dtype if isinstance(dtype, str) else "float32",
        "name": name,
    }
    return layer_of("InputLayer", config)


def layer_of(class_name: str, config: Config) -> Config:
    """Return one of Keras' own layers as Keras 3 writes it."""
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": config,
        "registered_name": None,
        "name": config["name"],
    }


class Layers:
    """The translation of the layers of one file; ``model`` translates the models among them."""

    def __init__(self, age: Age, losses: Losses, model: Callable[[Config], Config]) -> None:
        self.age = age
        self.losses = losses
        self.model = model

    def pieces(self, layer: Config) -> list[Piece]:
        """Return the layers that replace a layer; the last one has its name."""
        layer = named_class(layer)
        kind = as_text(layer.get("class_name"), "a layer's class_name")
        given = layer.get("config", {})
        listed = kind in MODELS and isinstance(given, list)
        body = {} if listed else as_dict(given, f"the config of {shown(kind)}")
        name = body.get("name", layer.get("name"))
        name = name if isinstance(name, str) else old.RENAMED_CLASSES.get(kind, kind).lower()
        if kind == "InputLayer":
            return [Piece(self.input_layer(body, name))]
        if kind in MODELS:
            return [Piece({**self.model(layer), "name": name})]
        if ">" in str(layer.get("registered_name") or ""):
            return [Piece({**layer, "config": body, "name": name})]
        found = modern(kind, body, self.age)
        self.note(name, found)
        if not found.known:
            return [Piece({**layer, "config": body, "name": name})]
        found.kwargs["name"] = name
        for key, value in found.kwargs.items():
            if key in ("layer", "backward_layer") and isinstance(value, dict):
                found.kwargs[key] = self.inner(value, name)
            else:
                found.kwargs[key] = modern_object(key, value)
        pieces = self.several(found, name, body)
        if kind == "BatchNormalization" and isinstance(body.get("axis"), list):
            pieces[-1].layer["counted_axis"] = True  # TensorFlow counted -1 from the front
        if len(pieces) > 1:
            for piece in pieces:
                # Under these the file has the weights of all of them.
                piece.layer.update({"of": name, "old": kind})
        if base(name) in (kind.lower(), snake_case(kind)):
            # Nobody chose the name: it is the one that Keras gave to the class.
            for piece in pieces:
                piece.layer["unnamed"] = True
        return pieces

    def note(self, name: str, found: Modern) -> None:
        """Add diagnostics for what Keras 3 computes otherwise."""
        for note in found.notes:
            if note.kind == "meaning":
                word = f"{note.old}={note.new}" if note.new and note.new != note.old else note.old
                self.losses.add("ST504", f"{name} has {word}: {note.why}")

    def several(self, found: Modern, name: str, body: Config) -> list[Piece]:
        """Return the layers that replace one without a successor; the layer itself if it has one."""
        kwargs, kind = found.kwargs, found.class_name
        units, features = kwargs.get("units"), kwargs.pop("nb_feature", 4)
        if kind == "MaxoutDense" and type(units) is type(features) is int:
            dense = {**kwargs, "units": units * features, "name": f"{name}_dense"}
            shape = {"target_shape": [features, units], "name": f"{name}_reshape"}
            return [
                Piece(layer_of("Dense", dense)),
                Piece(layer_of("Reshape", shape)),
                Piece(layer_of("GlobalMaxPooling1D", {"name": name})),
            ]
        width = found.batch_shape[-1] if found.batch_shape else None
        if kind == "Highway" and type(width) is int:
            return _highway(kwargs, width, name)
        if kind == "TimeDistributedMerge":
            mode = kwargs.get("mode", "sum")
            if mode == "ave":
                return [Piece(layer_of("GlobalAveragePooling1D", {"name": name}))]
            if mode in ("sum", "mul"):
                operation = {"sum": "Sum", "mul": "Prod"}[mode]
                word = operation.lower() if base(name) == kind.lower() else name
                config = {"name": word, "axis": 1, "keepdims": False}
                made = layer_of(operation, config) | {"module": "keras.src.ops.numpy"}
                return [Piece(made, ("",))]
        layer = layer_of(kind, kwargs)
        if kind in _KEEPS_SHAPE:
            layer["keeps_shape"] = True
        if kind == "Lambda":
            gives = body.get("output_shape")
            if isinstance(gives, list) and gives and all(s is None or type(s) is int for s in gives):
                layer["gives"] = [[[None, *gives], "float32"]]
        return [Piece(layer)]

    def inner(self, layer: Config, outside: str) -> Config:
        """Return the layer in a wrapper."""
        pieces = self.pieces(layer)
        if len(pieces) > 1:
            kind = layer.get("class_name", layer.get("name"))
            raise wrong(f"{shown(outside)} wraps a {shown(kind)}, which Keras 3 has only as several layers")
        return pieces[0].layer

    def input_layer(self, body: Config, name: str) -> Config:
        """Return an ``InputLayer``."""
        shape = body.get("batch_input_shape", body.get("batch_shape"))
        if shape is None and isinstance(body.get("input_shape"), list):
            shape = [None, *body["input_shape"]]
        sizes = as_list(shape, f"the batch_input_shape of {shown(name)}")
        made = input_of(name, sizes, body.get("input_dtype") or body.get("dtype"))
        for flag in ("sparse", "ragged", "optional"):
            if body.get(flag):
                made["config"][flag] = True
        return made

    def declared(self, layer: Config, row: list[Piece]) -> Config | None:
        """Return the input that a first layer declares; None if it declares none, or is one."""
        if row[0].layer.get("class_name") == "InputLayer":
            return None
        if layer.get("class_name") in MODELS:
            inside = row[0].layer["config"].get("layers")
            for one in inside if isinstance(inside, list) else ():
                if one.get("class_name") == "InputLayer":
                    held = one["config"]
                    return input_of(UNNAMED, held["batch_shape"], held["dtype"])
            return None
        body = settings(layer)
        found = modern(str(layer.get("class_name")), body, self.age)
        if found.batch_shape is None and not found.known and isinstance(body.get("batch_input_shape"), list):
            found.batch_shape = tuple(body["batch_input_shape"])
        inner = body.get("layer")
        if found.batch_shape is None and isinstance(inner, dict):
            # A wrapper that was given no shape, around a layer that was.
            inside = named_class(inner)
            held = modern(str(inside.get("class_name")), settings(inside), self.age)
            if held.batch_shape is not None and layer.get("class_name") == "Bidirectional":
                found.batch_shape = held.batch_shape
        if found.batch_shape is None and found.class_name == "Embedding":
            found.batch_shape = (None, None)
        if found.batch_shape is None:
            return None
        dtype = found.input_dtype or body.get("dtype")
        return input_of(UNNAMED, found.batch_shape, dtype)


def _highway(kwargs: Config, width: int, name: str) -> list[Piece]:
    """Return the layers of a ``Highway``: a gate times a Dense, plus the rest of the gate times the input."""
    own = {k: v for k, v in kwargs.items() if k not in ("transform_bias", "activation")}
    gate, new, change = f"{name}_gate", f"{name}_new", f"{name}_change"
    return [
        Piece(layer_of("Dense", {**own, "units": width, "activation": "sigmoid", "name": gate}), ("",)),
        Piece(
            layer_of("Dense", {**own, "units": width, "activation": kwargs.get("activation"), "name": new}),
            ("",),
        ),
        Piece(layer_of("Subtract", {"name": change}), (new, "")),
        Piece(layer_of("Multiply", {"name": f"{name}_part"}), (gate, change)),
        Piece(layer_of("Add", {"name": name}), ("", f"{name}_part")),
    ]


def renamed(layer: Config, name: str) -> Config:
    """Return a layer under another name."""
    return {**layer, "name": name, "config": {**layer["config"], "name": name}}
