"""Translate functions of TensorFlow between the layers of a model of Keras 2 to operations of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.decompiler.old_layers import Config, layer_of

CLASSES = ("TFOpLambda", "SlicingOpLambda")
"""The classes by which Keras 2.4 and later wrote ``a + b``, ``x[:, -1]`` or ``tf.reduce_mean(x, 1)``."""

# Not a fact about layers: functions of TensorFlow.
_BINARY: Mapping[str, str] = {
    "add": "Add",
    "sub": "Subtract",
    "subtract": "Subtract",
    "mul": "Multiply",
    "multiply": "Multiply",
    "truediv": "Divide",
    "divide": "Divide",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "pow": "Power",
}
# Not a fact about layers: functions of TensorFlow.
_UNARY: Mapping[str, str] = {
    "exp": "Exp",
    "abs": "Absolute",
    "sqrt": "Sqrt",
    "square": "Square",
    "log": "Log",
    "negative": "Negative",
    "neg": "Negative",
    "sin": "Sin",
    "cos": "Cos",
}
# Not a fact about layers: functions of TensorFlow.
_ACTIVATIONS = ("relu", "softmax", "tanh", "sigmoid", "elu", "selu", "softplus", "softsign", "gelu", "silu")
# Not a fact about layers: functions of TensorFlow.
_REDUCED: Mapping[str, str] = {
    "reduce_mean": "Mean",
    "reduce_sum": "Sum",
    "reduce_max": "Max",
    "reduce_min": "Min",
}


def word_of(layer: Mapping[str, Any]) -> str:
    """Return the name of a function of TensorFlow without its module; "" for any other layer."""
    config = layer.get("config")
    if layer.get("class_name") not in CLASSES or not isinstance(config, dict):
        return ""
    if layer["class_name"] == "SlicingOpLambda" and "function" not in config:
        return "getitem"
    function = config.get("function")
    return function.rpartition(".")[2] if isinstance(function, str) else ""


def translated(layer: Config, nodes: list[Config]) -> Config | None:
    """Return the operation or layer of Keras 3 with its one call; None if there is no such one."""
    if len(nodes) != 1:
        return None
    word = word_of(layer)
    args, kwargs = list(nodes[0]["args"]), {k: v for k, v in nodes[0]["kwargs"].items() if v is not None}
    kwargs.pop("name", None)
    made = _made(word, str(layer["name"]), args, kwargs)
    if made is None or kwargs:
        return None
    return {**made, "unnamed": True, "inbound_nodes": [{"args": args, "kwargs": {}}]}


def _made(word: str, name: str, args: list[Any], kwargs: Config) -> Config | None:
    """Return the operation, and remove the keyword arguments that it has understood."""
    if not args:
        return None
    if word in _BINARY and len(args) == 1 and "y" in kwargs:
        args.append(kwargs.pop("y"))
        return _operation(_BINARY[word], name)
    if word in _UNARY:
        return _operation(_UNARY[word], name)
    if word in _ACTIVATIONS:
        kwargs.pop("axis", None) if kwargs.get("axis") == -1 else None
        return layer_of("Activation", {"name": name, "activation": word})
    if word in _REDUCED and "axis" in kwargs:
        config = {"axis": kwargs.pop("axis"), "keepdims": bool(kwargs.pop("keepdims", False))}
        return _operation(_REDUCED[word], name, **config)
    if word == "concat" and type(kwargs.get("axis")) is int and isinstance(args[0], list):
        return layer_of("Concatenate", {"name": name, "axis": kwargs.pop("axis")})
    if word in ("expand_dims", "squeeze") and type(kwargs.get("axis")) is int:
        kind = "ExpandDims" if word == "expand_dims" else "Squeeze"
        return _operation(kind, name, axis=kwargs.pop("axis"))
    if word == "cast" and isinstance(kwargs.get("dtype"), str):
        return _operation("Cast", name, module="keras.src.ops.core", dtype=kwargs.pop("dtype"))
    if word == "transpose" and isinstance(kwargs.get("perm"), list):
        return _operation("Transpose", name, axes=kwargs.pop("perm"))
    shape = kwargs.get("shape")
    if (
        word == "reshape"
        and isinstance(shape, list)
        and shape[:1] == [-1]
        and all(type(s) is int for s in shape)
    ):
        return layer_of("Reshape", {"name": name, "target_shape": kwargs.pop("shape")[1:]})
    if word == "getitem" and isinstance(kwargs.get("slice_spec"), list):
        args.append([_cut(one) for one in kwargs.pop("slice_spec")])
        return _operation("GetItem", name)
    return None


def _operation(kind: str, name: str, module: str = "keras.src.ops.numpy", **config: Any) -> Config:
    return layer_of(kind, {"name": name, **config}) | {"module": module}


def _cut(one: Any) -> Any:
    """Return a slice of one axis."""
    if isinstance(one, dict) and {"start", "stop", "step"} >= set(one):
        config = {key: one.get(key) for key in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": config}
    return one


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return calls with references to renamed layers."""
    if isinstance(value, dict):
        return {key: renamed(one, names) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) >= 3 and isinstance(value[0], str) and value[0] in names and type(value[1]) is int:
        return [names[value[0]], *(renamed(one, names) for one in value[1:])]
    return [renamed(one, names) for one in value]
