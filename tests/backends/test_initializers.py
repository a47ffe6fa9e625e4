"""Weights drawn on the host follow Keras' initializers: the same distributions and constants."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest

from seqtopo.emit.initializers import draw
from seqtopo.layers.layer_objects import INITIALIZERS

k = keras.initializers
RANDOM = {
    "glorot_normal": k.GlorotNormal,
    "glorot_uniform": k.GlorotUniform,
    "he_normal": k.HeNormal,
    "he_uniform": k.HeUniform,
    "lecun_normal": k.LecunNormal,
    "lecun_uniform": k.LecunUniform,
    "orthogonal": lambda seed: k.Orthogonal(gain=2, seed=seed),
    "random_normal": lambda seed: k.RandomNormal(mean=1, stddev=0.5, seed=seed),
    "random_uniform": lambda seed: k.RandomUniform(minval=1, maxval=3, seed=seed),
    "truncated_normal": lambda seed: k.TruncatedNormal(mean=1, stddev=2, seed=seed),
    "fan_out": lambda seed: k.VarianceScaling(2, "fan_out", "uniform", seed=seed),
    "fan_avg": lambda seed: k.VarianceScaling(2, "fan_avg", "untruncated_normal", seed=seed),
    "variance_scaling": lambda seed: k.VarianceScaling(seed=seed),
    "axes": lambda seed: k.GlorotUniform(seed=seed, input_axes=[0, 1], output_axes=[2]),
}
CONSTANT = {
    "zeros": k.Zeros(),
    "ones": k.Ones(),
    "constant": k.Constant(0.3),
    "identity": k.Identity(gain=2),
    "stft": k.STFT(),
    "stft_imaginary": k.STFT("imag", "hamming", "spectrum", periodic=True),
    "stft_bare": k.STFT(window=None),
    "stft_unscaled": k.STFT(scaling=None),
}
MOST_APART = 0.05
"""Two samples of 6,144 numbers of one distribution lie so far apart once in a million times."""


def numbers(seed: int = 1) -> Any:
    """Return a generator as ``draw`` takes it."""
    return lambda: np.random.Generator(np.random.PCG64(seed))


def drawn(initializer: Any, shape: tuple[int, ...], dtype: str = "float32", seed: int = 1) -> np.ndarray:
    """Return the numbers drawn for a weight; there must be some."""
    values = draw(initializer, shape, dtype, numbers(seed))
    assert values is not None
    assert (values.shape, values.dtype.name) == (shape, dtype)
    return values


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of two samples: how far apart their distributions are at most."""
    a, b = np.sort(first.ravel()), np.sort(second.ravel())
    every = np.concatenate([a, b])
    shares = (np.searchsorted(x, every, side="right") / x.size for x in (a, b))
    return float(np.abs(np.subtract(*shares)).max())


def assert_distributed_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Asserts that two samples come from one distribution."""
    assert apart(ours, theirs) < MOST_APART
    spread = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 0.1 * spread
    assert ours.std() == pytest.approx(spread, rel=0.05)
    assert np.abs(ours - ours.mean()).max() == pytest.approx(np.abs(theirs - theirs.mean()).max(), rel=0.3)


@pytest.mark.parametrize(
    ("name", "shape"),
    [*((name, (3, 8, 256)) for name in RANDOM), ("orthogonal", (96, 64)), ("fan_avg", (96, 64))],
)
def test_the_distribution_is_keras_own(name: str, shape: tuple[int, ...]) -> None:
    initializer = RANDOM[name](seed=2)
    theirs = keras.ops.convert_to_numpy(initializer(shape, dtype="float32"))
    assert_distributed_alike(drawn(initializer, shape), theirs)


def test_other_distributions_are_told_apart() -> None:
    normal, uniform = drawn(k.HeNormal(), (96, 64)), drawn(k.HeUniform(), (96, 64))
    with pytest.raises(AssertionError, match=r"0\.05"):
        assert_distributed_alike(normal, uniform)
    with pytest.raises(AssertionError, match=r"0\.05"):
        assert_distributed_alike(drawn(k.HeNormal(), (64, 96)), normal)


@pytest.mark.parametrize("name", ["glorot_uniform", "lecun_normal"])
def test_vectors_have_fans_as_well(name: str) -> None:
    initializer = RANDOM[name](seed=2)
    theirs = keras.ops.convert_to_numpy(initializer((6144,), dtype="float32"))
    assert_distributed_alike(drawn(initializer, (6144,)), theirs)


def test_ranges() -> None:
    limit = math.sqrt(6 / (96 + 64))
    uniform = drawn(k.GlorotUniform(), (96, 64))
    assert limit * 0.99 < np.abs(uniform).max() <= np.float32(limit)
    truncated = drawn(k.TruncatedNormal(mean=1, stddev=2), (96, 64))
    assert 3.9 < np.abs(truncated - 1).max() <= 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", CONSTANT)
def test_constants_are_keras_own(name: str, dtype: str) -> None:
    initializer = CONSTANT[name]
    shape = (9, 1, 7) if name.startswith("stft") else (4, 6)
    theirs = keras.ops.convert_to_numpy(initializer(shape, dtype=dtype))
    ours = drawn(initializer, shape, dtype)
    # Keras works in the narrow dtype; what is drawn here is rounded once.
    most = {"float16": 0.03, "bfloat16": 0.2, "float32": 1e-5}[dtype] if name.startswith("stft") else 0
    np.testing.assert_allclose(ours.astype("float32"), theirs.astype("float32"), atol=most, rtol=0)


def test_every_initializer_of_the_table_is_drawn() -> None:
    classes = {getattr(k, entry.keras) for entry in INITIALIZERS}
    known = {type(made(seed=1)) for made in RANDOM.values()} | {type(each) for each in CONSTANT.values()}
    assert classes == known


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (16, 4), (3, 5, 6), (64, 256)], ids=str)
def test_orthogonal(shape: tuple[int, ...]) -> None:
    flat = drawn(k.Orthogonal(gain=3), shape).reshape(-1, shape[-1]).astype("float64")
    small = flat @ flat.T if flat.shape[0] < flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(small, 9 * np.eye(len(small)), atol=3e-6)


def test_no_direction_is_likelier_than_another() -> None:
    many = np.stack([drawn(k.Orthogonal(), (3, 3), seed=seed) for seed in range(2000)])
    assert np.abs(many.mean(axis=0)).max() < 0.06  # the decomposition alone would give 0.5
    np.testing.assert_allclose(np.square(many).mean(axis=0), 1 / 3, atol=0.03)
    assert abs(np.sign(np.linalg.det(many)).mean()) < 0.1


def test_the_numbers_depend_on_the_generator_alone() -> None:
    for made in RANDOM.values():
        initializer = made(seed=2)
        shape = (4, 4, 8)
        np.testing.assert_array_equal(drawn(initializer, shape), drawn(initializer, shape))
        assert (drawn(initializer, shape) != drawn(initializer, shape, seed=2)).any()


def test_narrow_floats_are_rounded_wide_ones_drawn_wide() -> None:
    wide = drawn(k.GlorotUniform(), (40, 30))
    for dtype in ("float16", "bfloat16"):
        np.testing.assert_array_equal(drawn(k.GlorotUniform(), (40, 30), dtype), wide.astype(dtype))
    double = drawn(k.GlorotUniform(), (40, 30), "float64")
    assert (double != double.astype("float32")).mean() > 0.9


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype"),
    [
        (lambda shape, dtype=None: keras.ops.zeros(shape, dtype), (3,), "float32"),
        (type("Own", (k.GlorotUniform,), {})(), (3, 4), "float32"),
        (k.RandomNormal(), (3,), "int32"),
        (k.Orthogonal(), (3,), "float32"),
        (k.Identity(), (3,), "float32"),
        (k.STFT(), (3, 3), "float32"),
        (k.STFT(window=(1.0, 2.0, 1.0)), (3, 1, 2), "float32"),
        (k.Zeros(), (3,), "float8_e4m3fn"),
    ],
    ids=str,
)
def test_the_rest_is_left_to_keras(initializer: Any, shape: tuple[int, ...], dtype: str) -> None:
    assert draw(initializer, shape, dtype, numbers()) is None
