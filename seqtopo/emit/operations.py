"""Build operations that Keras has no layer for from stock layers and ``keras.ops``.

There is no Lambda, custom class or captured array, so a saved model loads in plain Keras, on any backend.
Everything is asked of the builder that a call gets: Keras itself, or the recorder that writes Python.

Keras' operations drop masks. If a value of shape (batch, T, F) has one, it is made again: masked steps get a
marker, which a Masking layer turns into zeros and a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from seqtopo.emit.builder import ModelBuilder
from seqtopo.emit.positions import positions
from seqtopo.layers.functions import functions_of
from seqtopo.layers.kinds import ROW_OF_NUMBERS
from seqtopo.layers.objects import keras_name
from seqtopo.layers.operation_rules import slice_size
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import REQUIRED, Param, Row, compute_dtype
from seqtopo.layers.sizes import unknown
from seqtopo.layers.values import FLOATS, Object, Tensor

Value = Any
"""A KerasTensor, or the recorder's stand-in for one; Keras has no types to import."""


class Call(NamedTuple):
    """One call of an operation: its builder, its inputs, the row's arguments, and sizes as numbers.

    ``name`` is the name of its node. ``output`` is the checker's shape and dtype of the first output,
    ``outputs`` are those of all, and ``made`` are the layers that an earlier call of it made.
    """

    builder: ModelBuilder
    inputs: Sequence[Value]
    args: Mapping[str, Any]
    name: str
    output: Tensor
    made: dict[str, Any]
    outputs: Sequence[Tensor] = ()

    @property
    def x(self) -> Value:
        """The first input."""
        return self.inputs[0]

    @property
    def axis(self) -> int:
        """The axis along which the operation works, counted from the front."""
        return _axis(self.x, self.args["axis"])


Function = Callable[[Call], Value]

AXES = ("axis", "axes", "axis1", "axis2")
"""The arguments that are always given, since Keras would use the batch axis by default."""
NARROW = ("bool", "int8", "int16", "uint8", "uint16")
"""The dtypes that are summed as int32, since each backend widens them in its own way."""
MARKER = -(2.0**15)
"""The value of masked steps: exact in every float dtype, float16 included."""
LOWEST = {"float16": -65504.0, "bfloat16": -3.3e38, "float32": -3.4e38, "float64": -1.7e308}


def _axis(x: Value, axis: int) -> int:
    return axis if axis >= 0 else len(x.shape) + axis


def _mask_of(c: Call) -> Value | None:
    """Return the mask of a value of shape (batch, T, F), itself a value of the graph; else None."""
    mask = c.builder.mask(c.x)
    return mask if mask is not None and len(c.x.shape) == 3 and len(mask.shape) == 2 else None


def _only_unmasked(c: Call, x: Value, mask: Value, other: float) -> Value:
    return c.builder.ops.where(c.builder.ops.expand_dims(mask, -1), x, other)


def _remasked(c: Call, y: Value, mask: Value | None) -> Value:
    if mask is None or len(c.output.shape) != 2 or c.output.dtype not in FLOATS:
        return y
    marked = _only_unmasked(c, y, mask, MARKER)
    return c.builder.layers.Masking(MARKER, dtype=c.output.dtype, name=f"{c.name}-mask")(marked)


def masked_softmax(c: Call, softmax: Any) -> Value:
    """Return the output of a Softmax layer for a value whose masked steps take no part.

    Keras would take the mask of the steps for one of the features, so it gets an axis for them. Keras passes
    that wide mask on, which no other layer can read, so the mask is made again.
    """
    ops, mask = c.builder.ops, c.builder.mask(c.x)
    if mask is None or len(mask.shape) >= len(c.x.shape):
        return softmax(c.x)
    wide = mask
    for _ in range(len(c.x.shape) - len(mask.shape)):
        wide = ops.expand_dims(wide, -1)
    y = softmax(c.x, mask=wide)
    return _remasked(c, y, mask) if len(c.x.shape) == 3 else ops.where(wide, y, 0)


def _along(axis: int, key: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, key)


def _dtype(x: Value) -> dict[str, str]:
    """Return the dtype argument that keeps a stock layer from casting its input."""
    # Keras takes int8 for a way to quantize a layer; a layer casts floats only, so that it may go unsaid.
    return {} if x.dtype == "int8" else {"dtype": x.dtype}


def _pinned(c: Call, y: Value, axis: int, size: int) -> Value:
    """Return a value with its size along an axis declared, which Keras cannot infer for an open axis.

    Another size at run time raises an error. If a second axis is open, a Reshape of the whole array would
    take missing numbers from that axis, so the size is checked on one line along this axis.
    """
    if c.x.shape[axis] is not None:
        return y
    name = f"{c.name}-length"
    if None not in [s for i, s in enumerate(c.x.shape) if i not in (0, axis)]:
        shape = [size if i == axis else s for i, s in enumerate(c.x.shape)][1:]
        return _of_length(c, c.builder.layers.Reshape(tuple(shape), name=name, **_dtype(c.x)), axis, size)(y)
    if c.x.dtype == "bool":
        return y
    if size == 1:
        # Keras does not know what an open size and 1 make; the one number along the axis is the largest.
        y = c.builder.ops.max(y, axis=axis, keepdims=True)
    line = c.builder.ops.get_item(
        y, tuple(slice(None) if i in (0, axis) else 0 for i in range(len(c.x.shape)))
    )
    shape = [size if i == axis else 1 for i in range(len(c.x.shape))][1:]
    counted = _of_length(c, c.builder.layers.Reshape(tuple(shape), name=name, **_dtype(c.x)), 1, size)(line)
    return c.builder.ops.add(y, c.builder.ops.zeros_like(counted))


def _of_length(c: Call, layer: Any, axis: int, size: int) -> Any:
    c.builder.expect(layer, axis, size)
    return layer


def _sliced(c: Call, axis: int, part: slice, size: int | None) -> Value:
    y = c.builder.ops.get_item(c.x, _along(axis, part))
    if size is not None:
        y = _pinned(c, y, axis, size)
    mask = _mask_of(c)
    if mask is not None and axis == 1:
        mask = c.builder.ops.get_item(mask, _along(1, part))
    return _remasked(c, y, mask)


def _last(c: Call) -> Value:
    return _sliced(c, c.axis, slice(-c.args["n"], None), c.args["n"])


def _first(c: Call) -> Value:
    return _sliced(c, c.axis, slice(0, c.args["n"]), c.args["n"])


def _at(c: Call) -> Value:
    return c.builder.ops.get_item(c.x, _along(c.axis, c.args["index"]))


def _slice(c: Call) -> Value:
    start, stop, step = c.args["start"], c.args["stop"], c.args["step"]
    have = c.x.shape[c.axis]
    size = slice_size(unknown(0) if have is None else have, start, stop, step)
    part = slice(start, stop, None if step == 1 else step)
    return _sliced(c, c.axis, part, size if isinstance(size, int) else None)


def _flip(c: Call) -> Value:
    mask = _mask_of(c)
    if mask is not None and c.axis == 1:
        mask = c.builder.ops.flip(mask, axis=1)
    return _remasked(c, c.builder.ops.flip(c.x, axis=c.axis), mask)


def _pad(c: Call) -> Value:
    ops, ends, value = c.builder.ops, (c.args["before"], c.args["after"]), c.args["value"]
    mask = _mask_of(c)
    if mask is None and c.axis == 1 and len(c.x.shape) == 3 and value == 0:
        return c.builder.layers.ZeroPadding1D(ends, name=c.name, **_dtype(c.x))(c.x)
    widths = tuple(ends if i == c.axis else (0, 0) for i in range(len(c.x.shape)))
    if mask is not None and c.axis == 1:
        # torch pads no booleans
        mask = ops.cast(ops.pad(ops.cast(mask, "int32"), ((0, 0), ends), constant_values=1), "bool")
    return _remasked(c, ops.pad(c.x, widths, constant_values=value), mask)


def _crop(c: Call) -> Value:
    before, after = c.args["before"], c.args["after"]
    if _mask_of(c) is None and c.axis == 1 and len(c.x.shape) == 3:
        return c.builder.layers.Cropping1D((before, after), name=c.name, **_dtype(c.x))(c.x)
    return _sliced(c, c.axis, slice(before, -after if after else None), None)


def _axes(c: Call) -> tuple[int, ...]:
    axis = c.args["axis"]
    return tuple(_axis(c.x, a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))


def _reduction(function: str, neutral: Callable[[str], float]) -> Function:
    """Return the emitter of a reduction without masked steps, which are set to ``neutral``."""

    def emit(c: Call) -> Value:
        x, dtype, axes, mask = c.x, c.x.dtype, _axes(c), _mask_of(c)
        if function == "sum" and dtype in NARROW:
            x, dtype = c.builder.ops.cast(x, "int32"), "int32"
        if mask is not None and 1 in axes:
            x, mask = _only_unmasked(c, x, mask, neutral(dtype)), None
        reduced = getattr(c.builder.ops, function)(x, axis=axes, keepdims=c.args["keepdims"])
        return _remasked(c, reduced, mask)

    return emit


def _mean(c: Call) -> Value:
    x, axes, keepdims, mask = c.x, _axes(c), c.args["keepdims"], _mask_of(c)
    kept = {"keepdims": True} if keepdims else {}
    pooling = c.builder.layers.GlobalAveragePooling1D
    if axes == (1,) and len(x.shape) == 3 and x.dtype in FLOATS:
        return pooling(**kept, name=c.name, dtype=x.dtype)(x)
    if mask is not None and 1 in axes:
        # the mean over several axes at once: over the steps that count, then over the others
        steps = pooling(keepdims=True, name=f"{c.name}-steps", dtype=x.dtype)(x)
        return c.builder.ops.mean(steps, axis=axes, keepdims=keepdims)
    return _remasked(c, c.builder.ops.mean(x, axis=axes, keepdims=keepdims), mask)


def _cumsum(c: Call) -> Value:
    mask = _mask_of(c)
    counted = c.x if mask is None else _only_unmasked(c, c.x, mask, 0)
    summed = c.builder.ops.cumsum(counted, axis=c.axis)
    # On PyTorch, Keras says int64 of what is int32.
    summed = c.builder.ops.cast(summed, "int64") if c.x.dtype == "int64" else summed
    return _remasked(c, summed, mask)


def _listed(amount: Any) -> Any:
    return list(amount) if isinstance(amount, tuple) else amount


def _whole(x: Value, amount: Any) -> bool:
    several = amount if isinstance(amount, tuple) else (amount,)
    return x.dtype not in FLOATS and all(isinstance(a, int) for a in several)


def _constant(c: Call, amount: Any) -> Any:
    """Return a number as it is, and several as an array, which Keras saves by its values."""
    return c.builder.array(amount, c.x.dtype) if isinstance(amount, tuple) else amount


def _scale(c: Call) -> Value:
    factor = c.args["factor"]
    if _whole(c.x, factor):
        return c.builder.ops.multiply(c.x, _constant(c, factor))
    dtype = c.x.dtype if c.x.dtype in FLOATS else "float32"
    return c.builder.layers.Rescaling(_listed(factor), dtype=dtype, name=c.name)(c.x)


def _shift(c: Call) -> Value:
    amount = c.args["amount"]
    if _whole(c.x, amount):
        return c.builder.ops.add(c.x, _constant(c, amount))
    dtype = c.x.dtype if c.x.dtype in FLOATS else "float32"
    return c.builder.layers.Rescaling(1.0, _listed(amount), dtype=dtype, name=c.name)(c.x)


def _squeeze(c: Call) -> Value:
    return c.builder.ops.squeeze(c.x, axis=c.axis)


def _expand(c: Call) -> Value:
    return c.builder.ops.expand_dims(c.x, axis=c.args["axis"])


def _swap(c: Call) -> Value:
    order = list(range(len(c.x.shape)))
    a, b = _axis(c.x, c.args["first"]), _axis(c.x, c.args["second"])
    order[a], order[b] = order[b], order[a]
    return c.builder.layers.Permute(tuple(order[1:]), name=c.name, **_dtype(c.x))(c.x)


def _cast(c: Call) -> Value:
    return _remasked(c, c.builder.ops.cast(c.x, c.args["dtype"]), _mask_of(c))


def _one_hot(c: Call) -> Value:
    return c.builder.ops.one_hot(c.x, c.args["n"], dtype="float32")


def _pos(c: Call) -> Value:
    vectors = positions(c.builder, c.x, c.args, c.name, c.made)
    return _remasked(c, c.builder.ops.add(c.x, vectors), _mask_of(c))


def _repeat(c: Call) -> Value:
    """Emit a vector at every step of another value: (batch, F) and (batch, T, ...) give (batch, T, F).

    ``axis`` is the axis of the other value whose length counts, with the batch as 0.
    """
    x, reference = c.inputs
    ops, axis = c.builder.ops, c.args["axis"]
    key = tuple(slice(None) if i in (0, axis) else 0 for i in range(len(reference.shape)))
    steps = ops.expand_dims(ops.zeros_like(ops.get_item(reference, key), dtype=x.dtype), -1)
    return ops.add(ops.expand_dims(x, 1), steps)


def _activation(c: Call) -> Value:
    function = c.args["activation"]
    kwargs = function.kwargs if isinstance(function, Object) else {}
    called = getattr(c.builder.ops, keras_name("activation", getattr(function, "name", function)))
    dtype = compute_dtype(c.args)
    x = c.x if c.x.dtype == dtype else c.builder.ops.cast(c.x, dtype)
    return _remasked(c, called(x, **kwargs), _mask_of(c))


def _extreme(reduction: Function, function: str) -> Function:
    """Return the emitter of ``max`` or ``min``: over an axis, or of a value and a number."""

    def emit(c: Call) -> Value:
        if c.args["axis"] is not None:
            return reduction(c)
        return _remasked(c, getattr(c.builder.ops, function)(*_operands(c)), _mask_of(c))

    return emit


def _operands(c: Call) -> tuple[Any, Any]:
    """Return the two operands of a function: a value, and a number in the place of another."""
    x1, x2 = c.args["x1"], c.args["x2"]
    return (_constant(c, x1), c.x) if x1 is not None else (c.x, _constant(c, x2))


def _subtract(c: Call) -> Value:
    return _remasked(c, c.builder.ops.subtract(*_operands(c)), _mask_of(c))


def _item(c: Call) -> Value:
    return c.inputs[c.args["index"]]


def _tile(c: Call) -> Value:
    return c.builder.ops.tile(c.x, [1, *c.args["repeats"]])


def _as_function(row: Row) -> Function:
    """Return the emitter of a row that calls a function of ``keras.ops`` with its own arguments."""
    function = next(iter(functions_of(row)))

    def emit(c: Call) -> Value:
        values = iter(c.inputs)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for argument in function.arguments:
            given = c.args.get(argument.parameter) if argument.parameter else None
            if argument.takes == "values":
                args.append(list(values))
            elif argument.takes == "rest":
                args += values
            elif argument.takes == "value":
                # An argument that the row does not have, behind the values, is as Keras has it.
                args += [value] if (value := next(values, None)) is not None else []
            elif argument.takes == "either":
                args.append(_constant(c, given) if given is not None else next(values))
            elif argument.parameter and _is_given(row.by_name[argument.parameter], given):
                if row.by_name[argument.parameter].kind is ROW_OF_NUMBERS:
                    given = c.builder.array(given, c.x.dtype)
                elif argument.name in AXES and row.name != "stack":
                    given = _from_front(c.x, given)
                else:
                    given = _listed(given)
                if len(args) < len(c.inputs) and argument.takes == "plain":
                    args.append(given)
                else:
                    kwargs[argument.name] = given
        if len(c.outputs) > 1:
            return c.builder.several(function.name, args, kwargs, c.outputs)
        result = getattr(c.builder.ops, function.name)(*args, **kwargs)
        follows = row.mask is not None and row.mask(c.args.get, len(c.x.shape) - 1).output == "first"
        return _remasked(c, result, _mask_of(c)) if follows else result

    return emit


def _from_front(x: Value, axis: Any) -> Any:
    return tuple(_axis(x, a) for a in axis) if isinstance(axis, tuple) else _axis(x, axis)


def _is_given(param: Param, given: Any) -> bool:
    """Return whether a function must be given an argument: one without a default, or with another value."""
    return param.name in AXES or param.default is REQUIRED or given != param.default


# Not a fact about layers: what to emit for the name in the column ``emit``, a function of its own for each.
_OWN: Mapping[str, Function] = {
    "activation": _activation,
    "last": _last,
    "first": _first,
    "at": _at,
    "slice": _slice,
    "flip": _flip,
    "pad": _pad,
    "crop": _crop,
    "mean": _mean,
    "sum": _reduction("sum", lambda dtype: 0),
    "max": _extreme(_reduction("max", lambda dtype: LOWEST[dtype]), "maximum"),
    "min": _extreme(_reduction("min", lambda dtype: -LOWEST[dtype]), "minimum"),
    "subtract": _subtract,
    "item": _item,
    "tile": _tile,
    "cumsum": _cumsum,
    "scale": _scale,
    "shift": _shift,
    "squeeze": _squeeze,
    "expand": _expand,
    "swap": _swap,
    "cast": _cast,
    "one_hot": _one_hot,
    "pos": _pos,
    "repeat": _repeat,
}
_ROWS: Mapping[str, Row] = {row.emit: row for row in ROWS if row.function and row.emit}


@cache
def _function(emit: str) -> Function:
    return _OWN[emit] if emit in _OWN else _as_function(_ROWS[emit])


class OperationEmitter(NamedTuple):
    """The emitter of one operation; calling it returns the operation's value."""

    emit: str

    def __call__(
        self,
        builder: ModelBuilder,
        inputs: Sequence[Value],
        args: Mapping[str, Any],
        name: str,
        output: Tensor,
        made: dict[str, Any] | None = None,
        outputs: Sequence[Tensor] = (),
    ) -> Value:
        """Return the value, or a list of several, for some inputs and the row's arguments.

        The last operation, or the layer that holds weights, is named ``name``, the others after it. Calls of
        one layer get the same ``made``, at first empty: later ones share the weights of the first, and are
        named ``name-2`` and so on. ``output`` is the checker's shape and dtype of the value, and ``outputs``
        are those of several values.
        """
        made = {} if made is None else made
        made["calls"] = made.get("calls", 0) + 1
        stem = name or builder.unique(self.emit)
        stem = stem if made["calls"] == 1 else f"{stem}-{made['calls']}"
        value = _function(self.emit)(Call(builder, inputs, args, stem, output, made, outputs))
        builder.settle(value, output, stem, any(getattr(m, "name", "") == stem for m in made.values()))
        return value


EMITTERS: Mapping[str, OperationEmitter] = {emit: OperationEmitter(emit) for emit in (*_ROWS, *_OWN)}
"""The emitters, by the ``emit`` of the rows; ``repeat`` for one that follows another value's length."""
