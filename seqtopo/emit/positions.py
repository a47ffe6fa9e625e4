"""Build the vectors that ``pos`` adds to the steps: learned ones, or sinusoids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.emit.builder import ModelBuilder
from seqtopo.emit.objects import made as made_of


def positions(builder: ModelBuilder, x: Any, args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Any:
    """Return the vectors to add to ``x`` (batch, T, F): shape (1, T, F), in its dtype.

    The positions are counted from the value itself, so that any length is possible.
    """
    if args["sin"]:
        found, dtype = _sinusoids(builder, x), "float32"
    else:
        found = _learned(builder, x, args, name, made)
        dtype = found.dtype
    return found if dtype == x.dtype else builder.ops.cast(found, x.dtype)


def _learned(builder: ModelBuilder, x: Any, args: Mapping[str, Any], name: str, made: dict[str, Any]) -> Any:
    if "table" not in made:
        initializer = made_of(builder, "initializer", args["embeddings_initializer"])
        made["table"] = builder.layers.Embedding(
            args["length"] or x.shape[1],
            x.shape[2],
            embeddings_initializer=initializer,
            **({} if args["trainable"] else {"trainable": False}),
            name=name,
        )
    ops = builder.ops
    ones = ops.ones_like(ops.get_item(x, (slice(None, 1), slice(None), 0)), dtype="int32")
    return made["table"](ops.subtract(ops.cumsum(ones, axis=1), 1))


def _sinusoids(builder: ModelBuilder, x: Any) -> Any:
    """Return sinusoids: Vaswani et al., "Attention is all you need" (2017), section 3.5, sines and cosines in
    turn.

    An angle in float32 loses its fraction as the position grows. So it is counted in turns, and each rate is
    split in two: the product with the leading bits is exact, and its whole turns are dropped; the product
    with the small rest is added.
    """
    ops = builder.ops
    leading, rest, quarter = (builder.worked_out("sinusoid_rates", x.shape[2], i) for i in range(3))
    first = ops.get_item(x, (slice(None, 1), slice(None), slice(None, 1)))
    count = ops.subtract(ops.cumsum(ops.ones_like(first, dtype="float32"), axis=1), 1.0)
    exact = ops.multiply(count, leading)
    small = ops.add(ops.multiply(count, rest), quarter)
    turns = ops.add(ops.subtract(exact, ops.floor(exact)), small)
    turns = ops.subtract(turns, ops.floor(turns))
    return ops.sin(ops.multiply(turns, TURN))


TURN = 6.2831854820251465
"""A whole turn, two pi, in float32."""
