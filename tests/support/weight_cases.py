"""Specs whose initial weights must be the same on every backend: every initializer, every kind of weight."""

from __future__ import annotations

from seqtopo.layers.layer_objects import INITIALIZERS
from tests.support.topologies import TOPOLOGIES

SEED = 7

_NEEDS = {
    "stft": "in(16,1) -> conv1d(9, 12, kernel_initializer={})",
    "identity": "in(6) -> dense(4, kernel_initializer={})",
}
_ARGUMENTS = (
    "constant(0.3)",
    "identity(gain=2)",
    "orthogonal(gain=2)",
    "orthogonal(seed=3)",
    "glorot_normal(seed=3)",
    "random_normal(mean=1, stddev=0.5)",
    "random_uniform(minval=1, maxval=3)",
    "truncated_normal(mean=1, stddev=2)",
    "variance_scaling(2, mode=fan_out, distribution=uniform)",
    "variance_scaling(2, mode=fan_avg, distribution=untruncated_normal)",
    "stft(side=imag, window=hamming, scaling=spectrum, periodic=true)",
    "stft(window=none)",
)


def _spec(initializer: str) -> str:
    name = initializer.partition("(")[0]
    return _NEEDS.get(name, "in(5,6) -> conv1d(8, 3, kernel_initializer={})").format(initializer)


INITIALIZED = {
    initializer: _spec(initializer) for initializer in (*(entry.name for entry in INITIALIZERS), *_ARGUMENTS)
}

KINDS = {
    "gates": "in(5,3) -> lstm(4,seq) -> gru(5,seq) -> simple_rnn(6)",
    "forget_bias": "in(5,3) -> lstm(4,bias_initializer=random_normal) -> dense(2)",
    "two_directions": "in(5,3) -> bi(lstm(300))",
    "attention": "in(5,8) -> mha(2, 4, value_dim=3) -> gqa(4, 8, 2)",
    "wide": "in(9,8) -> conv1d(8,3) -> sepconv1d(6,3) -> depthwise_conv1d(3) -> conv1d_transpose(4,2)",
    "maps": "in(4,6,2) -> conv_lstm1d(3,3)",
    "normalized": "in(5,8) -> batchnorm(renorm) -> layernorm -> groupnorm(2)",
    "frozen": "in(5,8) -> lstm(4,seq,trainable=false) -> dense(3)",
    "ids": "in(5,int(50)) -> embed(50,8) -> pos -> lstm(4)",
    "low_rank": "in(5,8) -> dense(4,lora_rank=2)",
    "narrow": "in(5,8) -> dense(4,dtype=float16) -> dense(4,dtype=bfloat16) -> dense(4,dtype=mixed_bfloat16)",
    "mixed": "in(5,8) -> lstm(4,dtype=mixed_float16) -> dense(2)",
    "shared": "b = dense(4,relu) -> dense(8)\nx = in(5,8)\n[x -> b, x -> b -> b] -> add",
    "every_step": "in(3,5,8) -> td(lstm(4) -> dense(2)) -> gru(3)",
    "parts": "a = in(5,3) -> lstm(4)\nb = in(4) -> repeat(5) -> lstm(3,seq)\nwhole = a -> b",
}

CASES: dict[str, tuple[str, dict[str, int]]] = {
    **{f"{name}": (spec, {}) for name, spec in {**INITIALIZED, **KINDS}.items()},
    **{f"topology {t.name}": (t.spec, dict(t.dims)) for t in TOPOLOGIES},
}
"""By name: a spec, and numbers for its symbols."""
