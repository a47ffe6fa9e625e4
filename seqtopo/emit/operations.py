"""Operations that Keras has no layer for, as stock layers and ``keras.ops`` on the graph.

Nothing here is a Lambda, a custom class or a captured array, so a saved model loads in plain Keras,
on any backend.

Keras' operations drop masks. Where a value of shape (batch, T, F) has one, it is made anew from its
own graph: masked steps get a marker, which a Masking layer turns into zeros and a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from seqtopo.emit.naming import named
from seqtopo.emit.positions import positions
from seqtopo.layers.objects import keras_name
from seqtopo.layers.operation_rules import slice_size
from seqtopo.layers.row import compute_dtype
from seqtopo.layers.sizes import unknown
from seqtopo.layers.values import Object

Value = Any
"""A KerasTensor: Keras has no types to import."""
Function = Callable[[Sequence[Value], Mapping[str, Any], str, dict[str, Any]], Value]

NARROW = ("bool", "int8", "int16", "uint8", "uint16")
"""What is summed as int32: each backend widens these in its own way."""
MARKER = -(2.0**15)
"""What masked steps are set to: exact in every float dtype, float16 included."""
LOWEST = {"float16": -65504.0, "bfloat16": -3.3e38, "float32": -3.4e38, "float64": -1.7e308}


def _axis(x: Value, axis: int) -> int:
    return axis if axis >= 0 else len(x.shape) + axis


def _mask_of(x: Value) -> Value | None:
    """The mask of a value of shape (batch, T, F), itself a value of the graph."""
    mask = getattr(x, "_keras_mask", None)
    return mask if mask is not None and len(x.shape) == 3 and len(mask.shape) == 2 else None


def _only_unmasked(x: Value, mask: Value, other: float) -> Value:
    return ops.where(ops.expand_dims(mask, -1), x, other)


def _remasked(y: Value, mask: Value | None, name: str) -> Value:
    if mask is None or len(y.shape) != 3 or not keras.backend.is_float_dtype(y.dtype):
        return y
    marked = _only_unmasked(y, mask, MARKER)
    return layers.Masking(MARKER, dtype=y.dtype, name=f"{name}-mask")(marked)


def masked_softmax(softmax: Any, x: Value, name: str) -> Value:
    """What a Softmax layer makes of a value whose masked steps take no part.

    As it comes, Keras would take the mask of the steps for one of the features, so it gets an axis for
    them; and since Keras hands that wide mask on, which no other layer can read, it is made anew.
    """
    mask = getattr(x, "_keras_mask", None)
    if mask is None or len(mask.shape) >= len(x.shape):
        return softmax(x)
    wide = mask
    for _ in range(len(x.shape) - len(mask.shape)):
        wide = ops.expand_dims(wide, -1)
    y = softmax(x, mask=wide)
    return _remasked(y, mask, name) if len(x.shape) == 3 else ops.where(wide, y, 0)


def _along(axis: int, key: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, key)


def _dtype(x: Value) -> dict[str, str]:
    """Keeps a stock layer from casting floats to another dtype, and from calling whole numbers floats."""
    return {"dtype": x.dtype}


def _pinned(y: Value, axis: int, size: int, name: str) -> Value:
    """The same value with the size said that Keras cannot tell from a slice of an open axis."""
    if y.shape[axis] is not None:
        return y
    target = [size if i == axis else s for i, s in enumerate(y.shape)][1:]
    if target.count(None) > 1:
        return y
    shape = tuple(-1 if s is None else s for s in target)
    return layers.Reshape(shape, name=f"{name}-length", **_dtype(y))(y)


def _sliced(x: Value, axis: int, part: slice, size: int | None, name: str) -> Value:
    y = x[_along(axis, part)]
    if size is not None:
        y = _pinned(y, axis, size, name)
    mask = _mask_of(x)
    if mask is not None and axis == 1:
        mask = mask[:, part]
    return _remasked(y, mask, name)


def _last(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,), n = inputs, args["n"]
    return _sliced(x, _axis(x, args["axis"]), slice(-n, None), n, name)


def _first(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,), n = inputs, args["n"]
    return _sliced(x, _axis(x, args["axis"]), slice(0, n), n, name)


def _at(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    return x[_along(_axis(x, args["axis"]), args["index"])]


def _slice(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    axis = _axis(x, args["axis"])
    start, stop, step = args["start"], args["stop"], args["step"]
    size = slice_size(unknown(0) if x.shape[axis] is None else x.shape[axis], start, stop, step)
    return _sliced(x, axis, slice(start, stop, step), size if isinstance(size, int) else None, name)


def _flip(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    axis = _axis(x, args["axis"])
    mask = _mask_of(x)
    if mask is not None and axis == 1:
        mask = ops.flip(mask, axis=1)
    return _remasked(ops.flip(x, axis=axis), mask, name)


def _pad(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    axis, ends = _axis(x, args["axis"]), (args["before"], args["after"])
    mask = _mask_of(x)
    if mask is None and axis == 1 and len(x.shape) == 3 and args["value"] == 0:
        return layers.ZeroPadding1D(ends, name=name, **_dtype(x))(x)
    widths = tuple(ends if i == axis else (0, 0) for i in range(len(x.shape)))
    if mask is not None and axis == 1:
        # torch pads no booleans
        mask = ops.cast(ops.pad(ops.cast(mask, "int32"), ((0, 0), ends), constant_values=1), "bool")
    return _remasked(ops.pad(x, widths, constant_values=args["value"]), mask, name)


def _crop(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    axis, before, after = _axis(x, args["axis"]), args["before"], args["after"]
    if _mask_of(x) is None and axis == 1 and len(x.shape) == 3:
        return layers.Cropping1D((before, after), name=name, **_dtype(x))(x)
    return _sliced(x, axis, slice(before, -after if after else None), None, name)


def _axes(x: Value, args: Mapping[str, Any]) -> tuple[int, ...]:
    axis = args["axis"]
    return tuple(_axis(x, a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))


def _reduction(function: Callable[..., Value], neutral: Callable[[str], float]) -> Function:
    """The emitter of a reduction that masked steps take no part in: they become ``neutral``."""

    def emit(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
        (x,) = inputs
        axes = _axes(x, args)
        mask = _mask_of(x)
        if function is ops.sum and x.dtype in NARROW:
            x = ops.cast(x, "int32")
        if mask is not None and 1 in axes:
            x, mask = _only_unmasked(x, mask, neutral(x.dtype)), None
        return _remasked(function(x, axis=axes, keepdims=args["keepdims"]), mask, name)

    return emit


def _mean(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    axes = _axes(x, args)
    mask = _mask_of(x)
    if axes == (1,) and len(x.shape) == 3 and keras.backend.is_float_dtype(x.dtype):
        return layers.GlobalAveragePooling1D(keepdims=args["keepdims"], name=name, dtype=x.dtype)(x)
    if mask is not None and 1 in axes:
        # the mean over several axes at once: over the steps that count, then over the others
        steps = layers.GlobalAveragePooling1D(keepdims=True, name=f"{name}-steps", dtype=x.dtype)(x)
        return ops.mean(steps, axis=axes, keepdims=args["keepdims"])
    return _remasked(ops.mean(x, axis=axes, keepdims=args["keepdims"]), mask, name)


def _cumsum(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    mask = _mask_of(x)
    counted = x if mask is None else _only_unmasked(x, mask, 0)
    summed = ops.cumsum(counted, axis=_axis(x, args["axis"]))
    # On PyTorch, Keras says int64 of what is int32.
    summed = ops.cast(summed, "int64") if x.dtype == "int64" else summed
    return _remasked(summed, mask, name)


def _listed(amount: Any) -> Any:
    return list(amount) if isinstance(amount, tuple) else amount


def _whole(x: Value, amount: Any) -> bool:
    several = amount if isinstance(amount, tuple) else (amount,)
    return not keras.backend.is_float_dtype(x.dtype) and all(isinstance(a, int) for a in several)


def _constant(x: Value, amount: Any) -> Any:
    """A number as it is; several as an array, which Keras saves by its values."""
    return np.asarray(amount, dtype=x.dtype) if isinstance(amount, tuple) else amount


def _scale(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,), factor = inputs, args["factor"]
    if _whole(x, factor):
        return ops.multiply(x, _constant(x, factor))
    dtype = x.dtype if keras.backend.is_float_dtype(x.dtype) else "float32"
    return layers.Rescaling(_listed(factor), dtype=dtype, name=name)(x)


def _shift(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,), amount = inputs, args["amount"]
    if _whole(x, amount):
        return ops.add(x, _constant(x, amount))
    dtype = x.dtype if keras.backend.is_float_dtype(x.dtype) else "float32"
    return layers.Rescaling(1.0, _listed(amount), dtype=dtype, name=name)(x)


def _squeeze(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    return ops.squeeze(inputs[0], axis=_axis(inputs[0], args["axis"]))


def _expand(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    return ops.expand_dims(inputs[0], axis=args["axis"])


def _swap(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    order = list(range(len(x.shape)))
    a, b = _axis(x, args["first"]), _axis(x, args["second"])
    order[a], order[b] = order[b], order[a]
    return layers.Permute(tuple(order[1:]), name=name, **_dtype(x))(x)


def _cast(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    return _remasked(ops.cast(x, args["dtype"]), _mask_of(x), name)


def _one_hot(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    return ops.one_hot(inputs[0], args["n"], dtype="float32")


def _pos(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,) = inputs
    return _remasked(ops.add(x, positions(x, args, name, made)), _mask_of(x), name)


def repeat_like(
    x: Value, reference: Value, axis: int, name: str, made: dict[str, Any] | None = None
) -> Value:
    """A vector at every step of another value: (batch, F) and (batch, T, ...) give (batch, T, F).

    ``axis`` is the axis of ``reference`` whose length counts, with the batch as 0.
    """
    key = tuple(slice(None) if i in (0, axis) else 0 for i in range(len(reference.shape)))
    steps = ops.expand_dims(ops.zeros_like(reference[key], dtype=x.dtype), -1)
    stem = _stem("repeat", name, {} if made is None else made)
    return named(ops.add(ops.expand_dims(x, 1), steps), (x, reference), stem)


def _activation(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
    (x,), function = inputs, args["activation"]
    kwargs = function.kwargs if isinstance(function, Object) else {}
    called = getattr(ops, keras_name("activation", getattr(function, "name", function)))
    dtype = compute_dtype(args)
    return _remasked(called(x if x.dtype == dtype else ops.cast(x, dtype), **kwargs), _mask_of(x), name)


def _by_element(function: Callable[[Value], Value]) -> Function:
    def emit(inputs: Sequence[Value], args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Value:
        (x,) = inputs
        return _remasked(function(x), _mask_of(x), name)

    return emit


_FUNCTIONS: Mapping[str, Function] = {
    "activation": _activation,
    "last": _last,
    "first": _first,
    "at": _at,
    "slice": _slice,
    "flip": _flip,
    "pad": _pad,
    "crop": _crop,
    "mean": _mean,
    "sum": _reduction(ops.sum, lambda dtype: 0),
    "max": _reduction(ops.max, lambda dtype: LOWEST[dtype]),
    "min": _reduction(ops.min, lambda dtype: -LOWEST[dtype]),
    "cumsum": _cumsum,
    **{name: _by_element(getattr(ops, name)) for name in ("abs", "exp", "log", "sqrt", "square")},
    "scale": _scale,
    "shift": _shift,
    "squeeze": _squeeze,
    "expand": _expand,
    "swap": _swap,
    "cast": _cast,
    "one_hot": _one_hot,
    "pos": _pos,
}


def _stem(emit: str, name: str, made: dict[str, Any]) -> str:
    """What this call's operations are named after: the layer's name, and which call of it this is."""
    made["calls"] = made.get("calls", 0) + 1
    stem = name or f"{emit}_{keras.backend.get_uid(emit)}"
    return stem if made["calls"] == 1 else f"{stem}-{made['calls']}"


@dataclass(frozen=True)
class Emitter:
    """The emitter of one operation: call it for the value that the operation gives."""

    emit: str

    def __call__(
        self,
        inputs: Sequence[Value],
        args: Mapping[str, Any],
        name: str,
        made: dict[str, Any] | None = None,
    ) -> Value:
        """The value, from those that come in and the row's arguments, sizes as numbers.

        The last operation, or the layer that holds weights, is called ``name``, the others after it.
        Calls of one layer get the same ``made``, at first empty: later ones share what the first
        made, and are called ``name-2`` and so on.
        """
        made = {} if made is None else made
        stem = _stem(self.emit, name, made)
        output = _FUNCTIONS[self.emit](inputs, args, stem, made)
        return named(output, inputs, stem, [m for m in made.values() if isinstance(m, keras.Layer)])


EMITTERS: Mapping[str, Emitter] = {emit: Emitter(emit) for emit in _FUNCTIONS}
"""The emitters, by the ``emit`` of the rows."""
