"""Find the row of a live Keras layer, its arguments, and its treatment of the time axis."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from seqtopo.decompiler.layers import KERAS_ROWS, NoRowError, read_layer
from seqtopo.decompiler.losses import Losses
from seqtopo.layers import registry
from seqtopo.layers.function_calls import BY_CLASS, FunctionCall, given_to, row_call
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Shape, symbol
from seqtopo.layers.step_windows import OutputTime, TimedCall
from seqtopo.layers.values import Refusal, Tensor


def row_of(layer: Any) -> Row | None:
    """Return the row of a layer of one of Keras' classes, or of a registered one; None for any other."""
    kind = type(layer)
    row = KERAS_ROWS.get(kind.__name__)
    if row is not None and kind is getattr(layers, row.keras):
        return row
    custom = registry.find(registry.snake_case(kind.__name__))
    return custom if custom is not None and custom.make is not None else None


def call_of(layer: Any, row: Row, inputs: Sequence[Any], output: Any, place: int) -> TimedCall | None:
    """Return a call of a live layer as rows' rules see it, with time as the axis behind the batch.

    None if a spec cannot say the layer's arguments, and for a wrapper that treats time as its inner layer
    does.
    """
    if row.wraps and not row.steps:
        return None
    try:
        with warnings.catch_warnings():
            # Keras warns that code in it can be loaded in no safe way; nothing is loaded here.
            warnings.simplefilter("ignore")
            config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer), default=str))
        given: Mapping[str, Any] = read_layer(config, Losses()).args
    except NoRowError:
        return None
    args = {**row.defaults, **given}
    return TimedCall(args.get, tuple(map(_tensor, inputs)), (_tensor(output),), 0, place)


def call_of_function(
    operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any
) -> tuple[Row, list[Any], TimedCall] | None:
    """Return the row of an operation of ``keras.ops``, its inputs, and the call for the first of them.

    None if no row describes the operation.
    """
    function = BY_CLASS.get(type(operation).__name__.lower())
    given = None if function is None else given_to(function, operation.get_config(), args, kwargs)
    if function is None or given is None:
        return None
    found = row_call(
        function,
        FunctionCall(given, _is_value, lambda value: _tensor(value).shape if _is_value(value) else None),
    )
    if found is None:
        return None
    row = NAMES[found.row]
    try:
        read = {name: row.by_name[name].kind.read(_tuples(v)) for name, v in found.args.items()}
    except Refusal:
        return None
    outputs = output if isinstance(output, (list, tuple)) else [output]
    call = TimedCall(
        {**row.defaults, **read}.get, tuple(map(_tensor, found.values)), tuple(map(_tensor, outputs)), 0
    )
    return row, list(found.values), call


def _is_value(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def _shape_of(value: Any) -> Shape | None:
    return _tensor(value).shape if _is_value(value) else None


def _tuples(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _tensor(value: Any) -> Tensor:
    sizes = enumerate(value.shape[1:])
    return Tensor(tuple(symbol(f"S{i}") if size is None else size for i, size in sizes), str(value.dtype))


def passes(row: Row, call: TimedCall) -> OutputTime | None:
    """Return how a call treats the time axis; None if its row does not say."""
    return None if row.time is None else row.time(call)
