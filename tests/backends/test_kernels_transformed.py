"""Kernels under the transforms of a backend: vmap, forward mode, second derivatives, autocast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from tests.support.cheap_weights import cheap_weights

X = np.random.default_rng(0).normal(size=(3, 17, 2)).astype("float32")
X[1, 5:] = 0
SPECS = (
    "in(17,2) -> lstm(3) -> dense(1)",
    "in(17,2) -> mask -> gru(3,seq) -> td(dense(2)) -> rnn(2) -> dense(1)",
)


def _torch() -> dict[str, Callable[[Any], Any]]:
    import torch
    from torch import func
    from torch.autograd import forward_ad

    x = torch.from_numpy(X)

    def forward(model: Any) -> Any:
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(model(forward_ad.make_dual(x, torch.ones_like(x)))).tangent

    def autocast(model: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x).float()

    return {
        "vmap": lambda model: func.vmap(lambda one: model(one[None])[0])(x),
        "vmap of grad": lambda model: func.vmap(func.grad(lambda one: model(one[None]).sum()))(x),
        "grad": lambda model: func.grad(lambda x: model(x).sum())(x),
        "jvp": lambda model: func.jvp(model, (x,), (torch.ones_like(x),))[1],
        "hessian": lambda model: func.hessian(lambda x: model(x).sum())(x[:1]),
        "dual numbers": forward,
        "autocast": autocast,
    }


def _jax() -> dict[str, Callable[[Any], Any]]:
    import jax

    return {
        "jvp": lambda model: jax.jvp(model, (X,), (np.ones_like(X),))[1],
        "hessian": lambda model: jax.hessian(lambda x: model(x).sum())(X[:1]),
    }


def _tensorflow() -> dict[str, Callable[[Any], Any]]:
    import tensorflow as tf

    x = tf.constant(X)

    def forward(model: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            found = model(x, training=True)
        return accumulator.jvp(found)

    def mapped(model: Any) -> Any:
        return tf.vectorized_map(lambda one: model(one[None], training=True)[0], x)

    return {"vectorized_map": mapped, "forward": forward}


pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
CASES = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow}[keras.config.backend()]()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spec", SPECS)
def test_fault_d8_a_transform_gives_what_stock_keras_gives(spec: str, case: str) -> None:
    with cheap_weights():
        model, stock = seqtopo.compile(spec), seqtopo.compile(spec, kernels=False)
    random = np.random.default_rng(1)
    weights = [random.normal(size=w.shape).astype("float32") / 2 for w in model.get_weights()]
    model.set_weights(weights)
    stock.set_weights(weights)
    have, want = (np.asarray(keras.ops.convert_to_numpy(CASES[case](m))) for m in (model, stock))
    tolerance = 0.05 if case == "autocast" else 1e-4
    np.testing.assert_allclose(have, want, atol=tolerance, rtol=tolerance)


def test_fault_d8_the_kernel_says_that_it_stepped_aside() -> None:
    """On TensorFlow it runs inside ``fit`` alone, and says that."""
    model = seqtopo.compile(SPECS[0])
    CASES["forward" if keras.config.backend() == "tensorflow" else "jvp"](model)
    (said,) = [row.why_not_faster for row in seqtopo.kernels(model) if row.layer == "lstm"]
    assert "the last call ran on stock Keras" in said
    assert any(word in said for word in ("transform", "forward mode", "eagerly"))
