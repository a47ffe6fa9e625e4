"""Refuse what a layer cannot be built with: sizes out of bounds or unknown, and objects that do not fit.

Objects are the initializers, regularizers and constraints of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from seqtopo.layers.objects import entry_of, names
from seqtopo.layers.sizes import LIMIT, Expr, Shape, Size, is_open, show_shape
from seqtopo.layers.values import Object, Refusal, Tensor, Weight


def check_sizes(name: str, inputs: tuple[Tensor, ...], shape: Shape) -> None:
    """Refuse a shape with a size below 1 or beyond the limit."""
    for size in shape:
        if isinstance(size, int) and size < 1:
            incoming = _shown(inputs)
            raise Refusal(
                "ST306",
                f"{name} is given {incoming} and would leave {show_shape(shape)}: nothing is left of an axis",
                label=f"would leave {show_shape(shape)}",
                help="use a shorter kernel or window, padding 'same', or a longer input",
                at=("input", 0),
            )
        if isinstance(size, int) and size >= LIMIT:
            raise Refusal(
                "ST316",
                f"{name} would give {show_shape(shape)}: a size must stay below {LIMIT}",
                label=f"gives {show_shape(shape)}",
                help="make the sizes smaller",
            )


def check_weights(name: str, inputs: tuple[Tensor, ...], weights: tuple[Weight, ...]) -> None:
    """Refuse a weight whose shape is not known before the data is there."""
    for weight in weights:
        if any(map(is_open, [size for size in weight.shape if isinstance(size, Expr)])):
            incoming = _shown(inputs)
            raise Refusal(
                "ST308",
                f"{name} is given {incoming}, so its {weight.name} would have the shape "
                f"{show_shape(weight.shape)}: a weight's sizes must be known",
                label=f"is given {incoming}",
                help="write a number or a symbol in place of the ? where this size comes from",
                at=("input", 0),
            )


def check_known(
    name: str, inputs: tuple[Tensor, ...], needs: tuple[Size, ...], args: Mapping[str, Any]
) -> None:
    """Refuse a ``?`` in a size that Keras must have as a number, and one for an argument.

    Of a ``repeat(?)`` nothing tells how often, not even the data.
    """
    if any(map(is_open, needs)):
        incoming = _shown(inputs)
        raise Refusal(
            "ST308",
            f"{name} is given {incoming}, but with these arguments it is built for a known number there",
            label=f"is given {incoming}",
            help="write a number or a symbol in place of the ?",
            at=("input", 0),
        )
    for argument, value in args.items():
        if isinstance(value, Expr) and is_open(value):
            raise Refusal(
                "ST308",
                f"{name}({value}): {argument} is not known, and Keras needs a number there",
                label="any size",
                help="write a number, or name the size in an in(T,...) and write T here, too",
                at=("argument", argument),
            )


def _shown(inputs: tuple[Tensor, ...]) -> str:
    return " and ".join(show_shape(t.shape) for t in inputs)


_FAMILIES = ("initializer", "regularizer", "constraint")


def check_objects(name: str, args: Mapping[str, Any], weights: tuple[Weight, ...], output: Tensor) -> None:
    """Refuse an object that needs other axes than the weight has: ``bias_initializer=orthogonal``.

    Which argument fills which weight follows from their names, as Keras chose them. The axes that an
    ``activity_regularizer`` needs are those of the output, batch included.
    """
    for weight in weights:
        last = weight.name.rpartition("/")[2]
        for family in _FAMILIES:
            argument = f"{last.removesuffix('_kernel')}_{family}"
            if argument not in args and last == "kernel":
                argument = f"depthwise_{family}"
            value = args.get(argument)
            if value is not None:
                _check(name, family, argument, value, weight)
                _check_dtype(name, argument, value, args.get("dtype"))
    value = args.get("activity_regularizer")
    if value is not None:
        # Keras does not flatten here: it treats the output as a weight whose first axis is the batch.
        whole = Weight("output with its batch", (1, *output.shape))
        _check(name, "regularizer", "activity_regularizer", value, whole)


@cache
def _for_some_weights(family: str) -> frozenset[str]:
    """Return the names of a family's objects that do not work on every weight."""
    every = ((name, entry_of(family, name)) for name in names(family))
    return frozenset(name for name, entry in every if entry is not None and entry.ranks is not None)


def _check(name: str, family: str, argument: str, value: Any, weight: Weight) -> None:
    called = value.name if isinstance(value, Object) else value
    if not isinstance(value, Object) and called not in _for_some_weights(family):
        return
    entry = entry_of(family, called)
    rank = len(weight.shape)
    if entry is None:
        return
    if entry.ranks is not None:
        least, most = entry.ranks
        if rank < least or (most is not None and rank > most):
            wanted = f"{least}" if least == most else f"{least} or more"
            raise _refusal(name, argument, f"{called} works on weights of {wanted} axes", weight)
    if called == "stft" and weight.shape[1] != 1:
        why = f"makes kernels of one channel, not of {weight.shape[1]}"
        raise _refusal(name, argument, why, weight)
    axes = value.kwargs.get("axis", ()) if isinstance(value, Object) and family == "constraint" else ()
    for axis in axes if isinstance(axes, tuple) else (axes,):
        if not -rank <= axis < rank:
            raise _refusal(name, argument, f"{called} works along axis {axis}", weight)


def decomposes_half(value: Any, dtype: str | None) -> bool:
    """Return whether an initializer decomposes a matrix of 16 bits, which some backends cannot do."""
    called = value.name if isinstance(value, Object) else value
    return called == "orthogonal" and dtype in ("float16", "bfloat16")


def _check_dtype(name: str, argument: str, value: Any, dtype: str | None) -> None:
    if argument.endswith("_initializer") and decomposes_half(value, dtype):
        raise Refusal(
            "ST203",
            f"{name} cannot make {dtype} weights with {argument}=orthogonal: "
            f"not every backend decomposes matrices of {dtype}",
            label=f"its weights are {dtype}",
            help=f"write dtype=mixed_{dtype}, whose weights are float32, or choose another {argument}",
            at=("argument", "dtype"),
        )


def _refusal(name: str, argument: str, why: str, weight: Weight) -> Refusal:
    axes = f"{len(weight.shape)} ax{'is' if len(weight.shape) == 1 else 'es'}"
    return Refusal(
        "ST203",
        f"{name} has a {weight.name} of {axes}, but its {argument} {why}",
        label=f"{weight.name} has {axes}",
        help=f"choose another {argument}, or leave it out",
        at=("argument", argument),
    )
