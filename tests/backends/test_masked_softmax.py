"""A softmax over steps: masked steps take no part, and the layers after it still know them."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo

PRESENT, MASKED = 3, 2


def outputs(spec: str, steps: np.ndarray) -> np.ndarray:
    return np.asarray(seqtopo.compile(spec).predict(steps, verbose=0))


def steps(*shape: int) -> np.ndarray:
    """Two samples of five steps, the last two of them masked."""
    values = np.random.default_rng(0).normal(size=(2, PRESENT + MASKED, *shape)).astype("float32")
    values[:, PRESENT:] = 0
    return values


@pytest.mark.parametrize("length", ["T", "5"])
def test_masked_steps_get_no_share(length: str) -> None:
    shares = outputs(f"in({length},3) -> mask -> lstm(2,seq) -> softmax(time)", steps(3))
    np.testing.assert_allclose(shares[:, :PRESENT].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(shares[:, PRESENT:], 0)


def test_the_mask_goes_on() -> None:
    means = outputs("in(T,3) -> mask -> lstm(2,seq) -> softmax(time) -> mean(time)", steps(3))
    np.testing.assert_allclose(means, 1 / PRESENT, rtol=1e-5)


def test_attention_by_hand_runs_on_masked_words() -> None:
    spec = "in(T,int) -> embed(9,4,mask) -> [id, dense(1) -> softmax(time)] -> mul -> sum(time)"
    short = np.array([[3, 1, 2]], "int32")
    long = np.array([[3, 1, 2, 0, 0]], "int32")
    model = seqtopo.compile(spec)
    np.testing.assert_allclose(
        np.asarray(model.predict(long, verbose=0)), np.asarray(model.predict(short, verbose=0)), rtol=1e-5
    )
