"""Decide which calls of a Keras graph act on each time step alone, and why the others do not.

Inside a one-step model a sequence keeps its time axis, with one step in it: (batch, 1, F). So a call that
acts on each step alone is made as it is, with the rank for which the layer was built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import KerasTensor

from seqtopo.layers.row import Row
from seqtopo.layers.sizes import symbol, symbols
from seqtopo.layers.step_windows import SAME
from seqtopo.layers.timing import keeps
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.runtime.rows import call_of, call_of_function, passes, row_of

TIME = 1
"""The axis of the time steps, behind the batch."""

ELEMENTWISE = frozenset(
    {
        "Abs",
        "Absolute",
        "Add",
        "And",
        "Arccos",
        "Arcsin",
        "Arctan",
        "Arctan2",
        "Cast",
        "Ceil",
        "Celu",
        "Clip",
        "Cos",
        "Cosh",
        "Divide",
        "DivideNoNan",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Expm1",
        "Floor",
        "FloorDivide",
        "Gelu",
        "Greater",
        "GreaterEqual",
        "HardSigmoid",
        "HardSilu",
        "HardTanh",
        "Identity",
        "IsFinite",
        "Isfinite",
        "Isinf",
        "Isnan",
        "LeakyRelu",
        "Less",
        "LessEqual",
        "Log",
        "Log10",
        "Log1p",
        "Log2",
        "LogSigmoid",
        "LogicalAnd",
        "LogicalNot",
        "LogicalOr",
        "LogicalXor",
        "Maximum",
        "Minimum",
        "Mod",
        "Multiply",
        "NanToNum",
        "Negative",
        "NotEqual",
        "OnesLike",
        "Power",
        "Reciprocal",
        "Relu",
        "Relu6",
        "Round",
        "Rsqrt",
        "Selu",
        "Sigmoid",
        "Sign",
        "Silu",
        "Sin",
        "Sinh",
        "Softplus",
        "Softsign",
        "SparsePlus",
        "Sqrt",
        "Square",
        "Squareplus",
        "Subtract",
        "Tan",
        "Tanh",
        "TanhShrink",
        "TrueDivide",
        "Where",
        "ZerosLike",
    }
)
"""Operations that work element by element, by the names of their classes."""

REDUCTIONS = frozenset(
    {
        "All",
        "Amax",
        "Amin",
        "Any",
        "Argmax",
        "Argmin",
        "Logsumexp",
        "Max",
        "Mean",
        "Median",
        "Min",
        "Prod",
        "Std",
        "Sum",
        "Var",
    }
)

WITHOUT_A_ROW = frozenset({"Discretization", "Hashing", "IntegerLookup", "StringLookup"})
"""Layers that the table does not have, and that treat each number on its own."""

REASONS = {
    "Bidirectional": "it reads the sequence from its end as well",
    "Flatten": "it joins all the steps into one vector",
    "Flip": "it reverses the time axis",
    "Pad": "it changes the number of steps",
    "Transpose": "it moves the time axis",
    "Permute": "it moves the time axis",
    "RepeatVector": "it makes steps of what has none",
    "Reshape": "it changes the time axis",
    "ZeroPadding1D": "it changes the number of steps",
    "Cropping1D": "it changes the number of steps",
    "UpSampling1D": "it changes the number of steps",
    "Conv1DTranspose": "it changes the number of steps",
    "Lambda": "what its function does with the time axis is not known",
    "Dot": "it multiplies over all the steps",
}


def reason(operation: Any) -> str:
    """Return why a call cannot be stepped that is not known to act on each step alone."""
    kind = type(operation).__name__
    if "Pooling" in kind:
        return "it pools over the steps"
    return REASONS.get(kind, "it is not known to look at one step at a time")


def refusal(
    operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], flowing: Sequence[Any], output: Any
) -> str | None:
    """Return why a call cannot be made step by step as it is; None if it can.

    ``flowing`` are those of its arguments that are sequences run step by step, with the rank that they have
    in the whole model; ``output`` is its output there.
    """
    kind = type(operation).__name__
    own = f"{type(operation).__module__}.".startswith("keras.")
    row = row_of(operation)
    if row is not None and (own or row.time is not None):
        return _of_layer(operation, row, args, kwargs, flowing, output)
    if not own:
        return "it is a class of its own, of which it is not known whether it looks at one step at a time"
    if ".layers." in type(operation).__module__:
        return None if kind in WITHOUT_A_ROW else reason(operation)
    if kind in ELEMENTWISE:
        return _misaligned(args, kwargs, flowing)
    if kind in REDUCTIONS:
        return _over_time(operation.axis, len(flowing[0].shape), "it is taken over all the steps")
    check = _OPERATION_CHECKS.get(kind)
    if check is not None:
        return check(operation, flowing, output)
    return _of_function(operation, args, kwargs, flowing, output)


def _of_function(
    operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], flowing: Sequence[Any], output: Any
) -> str | None:
    """Return why a function of ``keras.ops`` cannot be called step by step, from its row; None if it can."""
    found = call_of_function(operation, args, kwargs, output)
    if found is None:
        return reason(operation)
    row, inputs, call = found
    for place, value in enumerate(inputs):
        if not any(value is x for x in flowing):
            continue
        for number in range(len(call.outputs)):
            passed = passes(row, call._replace(place=place, output=number))
            if passed is None:
                continue
            if passed.axis == 0 and call.outputs[number].shape[:1] != call.inputs[place].shape[:1]:
                return "it changes the number of steps"
            if passed.axis != 0 or passed.window != SAME:
                known = REASONS.get(type(operation).__name__) or _REASONS_BY_ROLE.get(row.role)
                return known or reason(operation)
    return _misaligned(args, kwargs, flowing) if len(inputs) > 1 else None


def _of_layer(
    layer: Any,
    row: Row,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    flowing: Sequence[Any],
    output: Any,
) -> str | None:
    """Return why a layer of the table cannot be called step by step, from its row; None if it can."""
    inputs = _arrays(list(args))
    several = len(inputs) > 1 and row.role != "join"
    for place, value in enumerate(inputs):
        if not any(value is x for x in flowing):
            continue
        call = call_of(layer, row, inputs, output, place)
        passed = None if call is None else passes(row, call)
        if call is None or passed is None or passed.axis != 0 or passed.window != SAME:
            return _REASONS_BY_ROLE.get(row.role) or reason(layer)
        # A layer that keeps the steps, and has an axis, has numbers of its own for each place along it.
        if row.time is keeps and call.axis in call.axes():
            return "it has statistics of its own for each step"
    if row.role == "join" and len(flowing) < len(inputs):
        return "it joins single steps with a whole sequence"
    if _weights_by_step(layer, row, flowing):
        return "it has weights of its own for each step"
    return _misaligned(args, kwargs, flowing) if several else None


def _misaligned(args: Sequence[Any], kwargs: Mapping[str, Any], flowing: Sequence[Any]) -> str | None:
    """Return why an elementwise call cannot be stepped: a value without steps must be equal at all steps."""
    rank = max(len(x.shape) for x in flowing)
    if any(len(x.shape) != rank for x in flowing):
        return "it joins sequences of different ranks"
    inside = {id(x) for x in flowing}
    for value in _arrays((list(args), dict(kwargs))):
        if id(value) in inside:
            continue
        shape = tuple(value.shape)
        reaches = len(shape) - (rank - TIME)
        if reaches >= 0 and shape[reaches] != 1:
            return "it takes a value that has a number for each step at once"
    return None


def _arrays(values: Any) -> list[Any]:
    if isinstance(values, Mapping):
        return [x for v in values.values() for x in _arrays(v)]
    if isinstance(values, (list, tuple)):
        return [x for v in values for x in _arrays(v)]
    return [values] if isinstance(values, (KerasTensor, np.ndarray)) or hasattr(values, "shape") else []


def _axes(axis: Any, rank: int) -> set[int]:
    if axis is None:
        return set(range(rank))
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    return {a % rank for a in several}


def _over_time(axis: Any, rank: int, why: str) -> str | None:
    return why if _axes(axis, rank) & {0, TIME} else None


def _axis_check(why: str) -> Callable[[Any, Sequence[Any], Any], str | None]:
    def check(operation: Any, flowing: Sequence[Any], output: Any) -> str | None:
        return _over_time(getattr(operation, "axis", -1), len(flowing[0].shape), why)

    return check


def _kept_axis(operation: Any, flowing: Sequence[Any], output: Any) -> str | None:
    """Return why a call cannot be stepped that adds or removes an axis in front of the time axis."""
    rank = max(len(flowing[0].shape), len(output.shape))
    return _over_time(operation.axis, rank, "it moves the time axis")


def _weights_by_step(layer: Any, row: Row, flowing: Sequence[Any]) -> bool:
    """Return whether a size of the weights is the number of steps, so that no other number is possible."""
    call = call_of(layer, row, flowing, flowing[0], 0) if layer.weights else None
    if call is None or not isinstance(call.steps, int):
        return False
    if row.name == "einsum_dense":
        # Its output_shape may say the steps as a number, which the weights do not.
        given, _, rest = layer.equation.partition(",")
        step = "" if given.startswith("...") else given[TIME]
        return bool(step) and (step in rest.partition("->")[0] or step in (layer.bias_axes or ""))
    any_number = Tensor((symbol("T"), *call.in_shape[1:]), call.inputs[0].dtype)
    args = {name: value for name in row.by_name if (value := call.get(name)) is not None}
    try:
        weights = row.outcome(args, (any_number, *call.inputs[1:])).weights
    except Refusal:
        return True
    return any(symbols(size) for weight in weights for size in weight.shape)


def _fixed(operation: Any, flowing: Sequence[Any], output: Any) -> str | None:
    return None


# Not a fact about layers: the keys are roles, some of which are names of layers, too.
_REASONS_BY_ROLE: Mapping[str, str] = {
    "activation": "it is taken over all the steps",
    "norm": "it normalises over all the steps",
    "join": "it joins sequences one behind the other",
    "dense": "it mixes the steps",
    "reduction": "it is taken over all the steps",
    "accumulation": "it adds up over the steps",
    "order": "it puts the steps in another order",
}

_OPERATION_CHECKS: Mapping[str, Callable[[Any, Sequence[Any], Any], str | None]] = {
    "Softmax": _axis_check("it is taken over all the steps"),
    "LogSoftmax": _axis_check("it is taken over all the steps"),
    "Concatenate": _axis_check("it joins sequences one behind the other"),
    "Cumsum": _axis_check("it adds up over the steps"),
    "ExpandDims": _kept_axis,
    "Squeeze": _kept_axis,
    "Stack": _kept_axis,
    "OneHot": _fixed,
}
