"""Layers that only act while training: dropout, noise, a penalty on activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.parameters import DATA_FORMAT, SEED, check_floats
from seqtopo.layers.row import LayerCall, Param, Row
from seqtopo.layers.sizes import Shape, same
from seqtopo.layers.values import show
from seqtopo.layers.windows import EXAMPLE, TAKES

RATE = Param("rate", k.RATE)
# A rate of 1 divides by zero in these two, at the first training step.
RATE_BELOW_ONE = Param("rate", k.number(0, 1, open_end=True))
NOISE_SHAPE = Param("noise_shape", k.optional(k.each(k.optional(k.integer(1)))), None)
_SAME = "... -> ..."
_WHAT = {1: "features", 2: "channels", 3: "channels"}


def _floats(call: LayerCall) -> Shape:
    check_floats(call)
    return call.shape


def _noise(call: LayerCall) -> Shape:
    check_floats(call)
    wanted = call["noise_shape"]
    shape = call.shape
    if wanted is None:
        return shape
    if len(wanted) != len(shape) + 1 or not all(
        n in (None, 1) or same(n, s) is not False for n, s in zip(wanted[1:], shape, strict=True)
    ):
        raise call.refuse(
            "ST302",
            f"has noise_shape {show(wanted)}, which does not fit {call.inputs[0]}",
            label="one value an axis, the batch included: none, 1 or the size",
            help=f"noise_shape=(none,1,{'none,' * (len(shape) - 1)}) shares the noise along the first axis",
            at=("argument", "noise_shape"),
        )
    return shape


def _spatial_row(rank: int) -> Row:
    return Row(
        f"spatial_dropout{rank}d",
        f"SpatialDropout{rank}D",
        f"Sets whole {_WHAT[rank]} to 0 while training.",
        f"{TAKES[rank]} -> {TAKES[rank]}",
        f"{EXAMPLE[rank]} -> spatial_dropout{rank}d(0.2)",
        params=(RATE, *((DATA_FORMAT,) if rank > 1 else ()), SEED),
        positional=("rate",),
        rule=_floats,
        **_NOISE,
        without=("trainable",),
    )


_NOISE: Mapping[str, Any] = {"time": timing.keeps, "mask": masking.passes, "role": "noise"}

ROWS = (
    Row(
        "dropout",
        "Dropout",
        "Sets values to 0 at random while training.",
        _SAME,
        "in(T,8) -> dropout(0.2)",
        **_NOISE,
        params=(RATE, NOISE_SHAPE, SEED),
        positional=("rate",),
        rule=_noise,
    ),
    *map(_spatial_row, (1, 2, 3)),
    Row(
        "gaussian_dropout",
        "GaussianDropout",
        "Multiplies by noise around 1 while training.",
        _SAME,
        "in(T,8) -> gaussian_dropout(0.2)",
        **_NOISE,
        params=(RATE_BELOW_ONE, SEED),
        positional=("rate",),
        rule=_floats,
    ),
    Row(
        "gaussian_noise",
        "GaussianNoise",
        "Adds noise around 0 while training.",
        _SAME,
        "in(T,8) -> gaussian_noise(0.1)",
        **_NOISE,
        params=(Param("stddev", k.RATE), SEED),
        positional=("stddev",),
        rule=_floats,
    ),
    Row(
        "alpha_dropout",
        "AlphaDropout",
        "Dropout that keeps mean and variance, for selu.",
        _SAME,
        "in(T,8) -> alpha_dropout(0.2)",
        **_NOISE,
        params=(RATE_BELOW_ONE, NOISE_SHAPE, SEED),
        positional=("rate",),
        rule=_noise,
    ),
    Row(
        "activity_regularization",
        "ActivityRegularization",
        "Passes values on and adds a penalty on their size to the loss.",
        _SAME,
        "in(T,8) -> activity_regularization(l2=0.01)",
        time=timing.keeps,
        mask=masking.passes,
        role="penalty",
        params=(Param("l1", k.number(0), 0.0), Param("l2", k.number(0), 0.0)),
        rule=_floats,
    ),
)
