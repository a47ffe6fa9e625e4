"""Declare parameters that several families of layers share."""

from __future__ import annotations

from seqtopo.layers import kinds as k
from seqtopo.layers.row import Given, Param
from seqtopo.layers.values import FLOATS

DATA_FORMAT = Param("data_format", k.optional(k.choice("channels_last", "channels_first")), None)
PADDING = Param("padding", k.choice("valid", "same"), "valid")
CAUSAL_PADDING = Param("padding", k.choice("valid", "same", "causal"), "valid")
FILTERS = Param("filters", k.SIZE)
ACTIVATION = Param("activation", k.ACTIVATION, None)
USE_BIAS = Param("use_bias", k.BOOL, True, flags={"nobias": False})
SEED = Param("seed", k.SEED, None)
MASK = Param("mask", k.TENSOR, None, call=True)


def kernel_size(rank: int) -> Param:
    """Declare ``kernel_size``: the kernel's size along each axis."""
    return Param("kernel_size", k.spread(k.SIZE, rank))


def initializer(of: str, default: str) -> Param:
    """Declare the initializer of a weight: ``kernel_initializer``."""
    return Param(f"{of}_initializer", k.INITIALIZER, default)


def regularizers(*of: str) -> tuple[Param, ...]:
    """Declare the regularizers of several weights, in that order.

    >>> [p.name for p in regularizers("kernel", "bias")]
    ['kernel_regularizer', 'bias_regularizer']
    """
    return tuple(Param(f"{name}_regularizer", k.REGULARIZER, None) for name in of)


def constraints(*of: str) -> tuple[Param, ...]:
    """Declare the constraints of several weights, in that order."""
    return tuple(Param(f"{name}_constraint", k.CONSTRAINT, None) for name in of)


def check_floats(given: Given) -> None:
    """Refuses whole numbers where a layer computes with fractions.

    Keras casts floats only, and lets ids through when it builds; then one backend or all of them
    break at the first batch.
    """
    came = given.inputs[0]
    if came.dtype not in FLOATS:
        raise given.refuse(
            "ST310",
            f"computes with fractions (float32) but is given {came.dtype}",
            label=f"is given {came.dtype}",
            help="embed the ids first, or leave the dtype out of in(...): it is float32 then",
            at=("input", 0),
        )
