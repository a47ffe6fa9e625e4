"""Vectors for positions: a learned table, or sinusoids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import layers, ops

from seqtopo.emit.objects import made as made_of

EXACT = 2**14
"""Up to this position the sinusoids are good to about 1e-6."""


def positions(x: Any, args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Any:
    """The vectors to add to ``x`` (batch, T, F): shape (1, T, F), in its dtype.

    The positions are counted from the value itself, so that any length will do.
    """
    found = _sinusoids(x) if args["sin"] else _learned(x, args, name, made)
    return found if found.dtype == x.dtype else ops.cast(found, x.dtype)


def _learned(x: Any, args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Any:
    if "table" not in made:
        made["table"] = layers.Embedding(
            args["length"] or x.shape[1],
            x.shape[2],
            embeddings_initializer=made_of("initializer", args["embeddings_initializer"]),
            trainable=args["trainable"],
            name=name,
        )
    ones = ops.ones_like(x[:1, :, 0], dtype="int32")
    return made["table"](ops.subtract(ops.cumsum(ones, axis=1), 1))


def _sinusoids(x: Any) -> Any:
    """Vaswani et al., "Attention is all you need" (2017), section 3.5: sines and cosines in turn.

    An angle in float32 loses its fraction as the position grows. So it is counted in turns, and each
    rate is split: the product with its leading bits is exact, whole turns of it fall away, and
    what little is left is added.
    """
    width = x.shape[2]
    rates = [10000.0 ** (-2 * (i // 2) / width) / (2 * math.pi) for i in range(width)]
    leading = [math.ldexp(round(math.ldexp(r, _bits(r))), -_bits(r)) for r in rates]
    rest = np.asarray([rate - lead for rate, lead in zip(rates, leading, strict=True)], dtype="float32")
    quarter = np.asarray([0.25 * (i % 2) for i in range(width)], dtype="float32")
    count = ops.subtract(ops.cumsum(ops.ones_like(x[:1, :, :1], dtype="float32"), axis=1), 1.0)
    exact = ops.multiply(count, np.asarray(leading, dtype="float32"))
    small = ops.add(ops.multiply(count, rest), quarter)
    turns = ops.add(ops.subtract(exact, ops.floor(exact)), small)
    turns = ops.subtract(turns, ops.floor(turns))
    return ops.sin(ops.multiply(turns, np.float32(2 * math.pi)))


def _bits(rate: float) -> int:
    """How far to shift a rate so that as many of its bits are left as a product with EXACT can hold."""
    return (24 - EXACT.bit_length() + 1) - math.frexp(rate)[1]
