"""Refuse sizes below one, beyond the limit, or unknown where a number is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers.sizes import LIMIT, Expr, Shape, Size, is_open, show_shape
from seqtopo.layers.values import Refusal, Tensor, Weight


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
