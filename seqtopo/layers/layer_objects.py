"""The Keras objects that a layer's argument may name: one row each, with Keras' own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers.object_values import (
    AXIS,
    BOOL,
    NUMBER,
    SEED,
    Entry,
    number,
    or_none,
    parts,
    unsaved,
    whole,
    word,
)

_NOT_NEGATIVE = number(0)
_SLOPE = (NUMBER, 0.0)

ACTIVATIONS = (
    Entry("celu", "celu", parts=parts(alpha=(number(above=0), 1.0))),
    Entry("elu", "elu", parts=parts(alpha=(NUMBER, 1.0))),
    Entry("exponential", "exponential"),
    Entry("gelu", "gelu", parts=parts(approximate=(BOOL, False))),
    Entry("glu", "glu", parts=parts(axis=(whole(), -1))),
    Entry("hard_shrink", "hard_shrink", parts=parts(threshold=(NUMBER, 0.5))),
    Entry("hard_sigmoid", "hard_sigmoid"),
    Entry("hard_silu", "hard_silu", ("hard_swish",)),
    Entry("hard_tanh", "hard_tanh"),
    Entry("leaky_relu", "leaky_relu", parts=parts(negative_slope=(NUMBER, 0.2))),
    Entry("linear", "linear"),
    Entry("log_sigmoid", "log_sigmoid"),
    Entry("log_softmax", "log_softmax", parts=parts(axis=(whole(), -1))),
    Entry("mish", "mish"),
    Entry(
        "relu",
        "relu",
        parts=parts(negative_slope=_SLOPE, max_value=(or_none(_NOT_NEGATIVE), None), threshold=(NUMBER, 0.0)),
    ),
    Entry("relu6", "relu6"),
    Entry("selu", "selu"),
    Entry("sigmoid", "sigmoid"),
    Entry("silu", "silu", ("swish",)),
    Entry("soft_shrink", "soft_shrink", parts=parts(threshold=(NUMBER, 0.5))),
    Entry("softmax", "softmax", parts=parts(axis=(AXIS, -1))),
    Entry("softplus", "softplus"),
    Entry("softsign", "softsign"),
    Entry("sparse_plus", "sparse_plus"),
    Entry("sparse_sigmoid", "sparse_sigmoid"),
    Entry("sparsemax", "sparsemax", parts=parts(axis=(whole(), -1))),
    Entry("squareplus", "squareplus", parts=parts(b=(NUMBER, 4))),
    Entry("tanh", "tanh"),
    Entry("tanh_shrink", "tanh_shrink"),
    Entry("threshold", "threshold", parts=parts(threshold=NUMBER, default_value=NUMBER)),
)

ACTIVATION_LAYERS: Mapping[str, str] = {
    "elu": "ELU",
    "leaky_relu": "LeakyReLU",
    "relu": "ReLU",
    "softmax": "Softmax",
}
"""The class in ``keras.layers`` that carries an activation's arguments, where there is one: given as
another layer's ``activation`` it is saved and loaded like any stock object."""

_FANS = {"seed": (SEED, None), "input_axes": (or_none(AXIS), None), "output_axes": (or_none(AXIS), None)}

INITIALIZERS = (
    Entry("constant", "Constant", parts=parts(value=(NUMBER, 0.0))),
    Entry("glorot_normal", "GlorotNormal", parts=parts(**_FANS)),
    Entry("glorot_uniform", "GlorotUniform", parts=parts(**_FANS)),
    Entry("he_normal", "HeNormal", parts=parts(**_FANS)),
    Entry("he_uniform", "HeUniform", parts=parts(**_FANS)),
    Entry(
        "identity",
        "Identity",
        ("IdentityInitializer",),
        unsaved("gain", parts(gain=(NUMBER, 1.0))),
        ranks=(2, 2),
    ),
    Entry("lecun_normal", "LecunNormal", parts=parts(**_FANS)),
    Entry("lecun_uniform", "LecunUniform", parts=parts(**_FANS)),
    Entry("ones", "Ones", ("one",)),
    Entry(
        "orthogonal",
        "Orthogonal",
        ("OrthogonalInitializer",),
        parts(gain=(NUMBER, 1.0), seed=(SEED, None)),
        ranks=(2, None),
    ),
    Entry(
        "random_normal",
        "RandomNormal",
        ("normal",),
        parts(mean=(NUMBER, 0.0), stddev=(_NOT_NEGATIVE, 0.05), seed=(SEED, None)),
    ),
    Entry(
        "random_uniform",
        "RandomUniform",
        ("uniform",),
        parts(minval=(NUMBER, -0.05), maxval=(NUMBER, 0.05), seed=(SEED, None)),
    ),
    Entry(
        "stft",
        "STFT",
        ("STFTInitializer",),
        parts(
            side=(word("real", "imag"), "real"),
            window=(or_none(word("hann", "hamming", "blackman", "bartlett", "boxcar", "cosine")), "hann"),
            scaling=(or_none(word("density", "spectrum")), "density"),
            periodic=(BOOL, False),
        ),
        ranks=(3, 3),
    ),
    Entry(
        "truncated_normal",
        "TruncatedNormal",
        parts=parts(mean=(NUMBER, 0.0), stddev=(_NOT_NEGATIVE, 0.05), seed=(SEED, None)),
    ),
    Entry(
        "variance_scaling",
        "VarianceScaling",
        parts=parts(
            scale=(number(above=0), 1.0),
            mode=(word("fan_in", "fan_out", "fan_avg"), "fan_in"),
            distribution=(
                word("truncated_normal", "normal", "untruncated_normal", "uniform"),
                "truncated_normal",
            ),
            **_FANS,
        ),
    ),
    Entry("zeros", "Zeros", ("zero",)),
)

REGULARIZERS = (
    Entry("l1", "L1", parts=parts(l1=(_NOT_NEGATIVE, 0.01))),
    Entry("l1_l2", "L1L2", ("l1l2",), parts(l1=(_NOT_NEGATIVE, 0.0), l2=(_NOT_NEGATIVE, 0.0))),
    Entry("l2", "L2", parts=parts(l2=(_NOT_NEGATIVE, 0.01))),
    Entry(
        "orthogonal_regularizer",
        "OrthogonalRegularizer",
        parts=parts(factor=(NUMBER, 0.01), mode=(word("rows", "columns"), "rows")),
        ranks=(2, 2),
    ),
)


def _min_not_above_max(args: Mapping[str, Any]) -> str:
    low, high = args.get("min_value", 0.0), args.get("max_value", 1.0)
    return "" if low <= high else "with a min_value that is not above its max_value"


CONSTRAINTS = (
    Entry("max_norm", "MaxNorm", parts=parts(max_value=(_NOT_NEGATIVE, 2), axis=(AXIS, 0))),
    Entry(
        "min_max_norm",
        "MinMaxNorm",
        parts=parts(
            min_value=(_NOT_NEGATIVE, 0.0),
            max_value=(_NOT_NEGATIVE, 1.0),
            rate=(number(0, 1), 1.0),
            axis=(AXIS, 0),
        ),
        check=_min_not_above_max,
    ),
    Entry("non_neg", "NonNeg"),
    Entry("unit_norm", "UnitNorm", parts=parts(axis=(AXIS, 0))),
)
