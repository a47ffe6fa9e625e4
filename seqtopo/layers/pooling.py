"""Poolings: over windows, over everything, and to a given size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import per_axis
from seqtopo.layers.parameters import DATA_FORMAT, MASK, PADDING, check_floats
from seqtopo.layers.row import REQUIRED, LayerCall, Param, Row, Rule
from seqtopo.layers.sizes import Size, fits
from seqtopo.layers.windows import EXAMPLE, GIVES, TAKES, WIDTH, named, slid, spatial

_WORDS = {"max": "largest value", "avg": "mean"}
_KERAS = {"max": "Max", "avg": "Average"}
KEEPDIMS = Param("keepdims", k.BOOL, False)


def _names(kind: str, before: str, rank: int) -> tuple[str, ...]:
    long = "average" if kind == "avg" else kind
    return tuple(
        dict.fromkeys(
            f"{before}{word}_{pool}{rank}d"
            for word, pool in ((long, "pooling"), (kind, "pool"), (kind, "pooling"))
        )
    )


def _pool(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        check_floats(call)
        return named(rank, slid(call, rank, "pool_size"))

    return rule


def _pool_row(kind: str, rank: int) -> Row:
    default: Any = REQUIRED if kind == "avg" else 2 if rank == 1 else (2,) * rank
    name = f"{kind}pool{rank}d"
    return Row(
        name,
        f"{_KERAS[kind]}Pooling{rank}D",
        f"The {_WORDS[kind]} of each window.",
        f"{TAKES[rank]} -> {GIVES[rank]} {WIDTH[rank]}",
        f"{EXAMPLE[rank]} -> {name}(2)",
        params=(
            Param("pool_size", k.spread(k.integer(1), rank), default),
            Param("strides", k.optional(k.spread(k.integer(1), rank)), None),
            PADDING,
            DATA_FORMAT,
        ),
        positional=("pool_size", "strides"),
        rule=_pool(rank),
        time=timing.Slides(rank, "pool_size"),
        mask=masking.ends,
        role="pooling",
        picks=kind == "max",
        aliases=_names(kind, "", rank),
    )


def _check_mask(call: LayerCall) -> Mapping[str, Size]:
    mask = call.tensors.get("mask")
    steps = call.shape[0]
    if mask and (len(mask[0].shape) != 1 or not fits(mask[0].shape[0], steps)):
        raise call.refuse(
            "ST302",
            f"needs a mask with one value for each of its {steps} steps, but is given {mask[0]}",
            label=f"is {mask[0]}, not ({steps},)",
            help=f"give it a value such as in({steps},bool)",
            at=("argument", "mask"),
        )
    return {}


def _global_row(kind: str, rank: int) -> Row:
    masked = kind == "avg" and rank == 1
    takes, width = TAKES[rank], WIDTH[rank]
    return Row(
        f"g{kind}pool{rank}d",
        f"Global{_KERAS[kind]}Pooling{rank}D",
        f"The {_WORDS[kind]} over all {'steps' if rank == 1 else 'places'}.",
        f"{takes} -> {width}; keepdims: {takes} -> {' '.join(['1'] * rank)} {width}",
        f"{EXAMPLE[rank]} -> g{kind}pool{rank}d",
        params=(DATA_FORMAT, KEEPDIMS, *((MASK,) if masked else ())),
        rule=_check_mask if masked else None,
        time=timing.gathers(rank),
        mask=masking.uses_up if masked else masking.ends,
        role="pooling",
        picks=kind == "max",
        dtype="compute" if kind == "avg" else "declared",
        aliases=_names(kind, "global_", rank),
    )


def _adapt(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        check_floats(call)
        sizes = per_axis(call["output_size"], rank)
        if 1 in sizes or 1 in spatial(call, rank):
            # TensorFlow divides by zero then, which no program can catch.
            one = "makes an axis of size 1" if 1 in sizes else f"is given {call.inputs[0]}"
            raise call.refuse(
                "ST203",
                f"{one}: Keras on TensorFlow would end the whole process",
                label="a size of 1",
                help=f"reduce the axis instead: {'max' if 'max' in call.row.name else 'mean'}(1,keepdims)",
                at=("argument", "output_size") if 1 in sizes else ("input", 0),
            )
        return named(rank, sizes)

    return rule


def _adaptive_row(kind: str, rank: int) -> Row:
    name = f"adaptive_{'average' if kind == 'avg' else kind}_pooling{rank}d"
    return Row(
        name,
        f"Adaptive{_KERAS[kind]}Pooling{rank}D",
        f"The {_WORDS[kind]} of as many windows as asked for, whatever the length.",
        f"{TAKES[rank]} -> {GIVES[rank]} {WIDTH[rank]}",
        f"{EXAMPLE[rank]} -> {name}(4)",
        params=(Param("output_size", k.spread(k.SIZE, rank)), DATA_FORMAT),
        positional=("output_size",),
        rule=_adapt(rank),
        time=timing.adapts(rank),
        mask=masking.ends,
        role="pooling",
        picks=kind == "max",
        aliases=(f"adaptive_{kind}pool{rank}d",),
    )


ROWS = tuple(
    make(kind, rank)
    for make in (_pool_row, _global_row, _adaptive_row)
    for kind in ("max", "avg")
    for rank in (1, 2, 3)
)
