"""Initial weights: from one seed, each on its own, and nothing of it left behind in Keras."""

from __future__ import annotations

import json
import random
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.emit import initial_weights
from seqtopo.emit.initial_weights import InitialWeights
from seqtopo.layers import registry

SPEC = "in(5,3) -> lstm(4,seq,dropout=0.5) -> bi(gru(5)) -> dense(6,relu) -> dropout(0.5) -> dense(2)"
HOOK = initial_weights._Hook.METHOD
STOCK = getattr(keras.Variable, HOOK)


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Keras' class of variables is its own before and after."""
    assert getattr(keras.Variable, HOOK) is STOCK
    yield
    assert getattr(keras.Variable, HOOK) is STOCK


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights by path, without the numbers by which Keras tells inner layers apart."""
    found: dict[str, np.ndarray] = {}
    for weight in model.weights:
        outer, *_, name = weight.path.split("/")
        key = f"{outer}/{name}"
        while key in found:
            key += "'"
        found[key] = keras.ops.convert_to_numpy(weight.value)
    assert found
    return found


def assert_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Asserts that weights are the same, to the bit."""
    assert list(first) == list(second)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def random_ones(found: dict[str, np.ndarray]) -> set[str]:
    """The names of weights that were drawn."""
    return {name for name, values in found.items() if np.unique(values).size > 2}


def assert_all_differ(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Asserts that each weight that was drawn is another one."""
    assert list(first) == list(second)
    assert random_ones(first)
    for name in random_ones(first):
        assert (first[name] != second[name]).all(), name


def test_a_seed_says_the_weights() -> None:
    first = weights(seqtopo.compile(SPEC, seed=1))
    assert len(random_ones(first)) == 8
    assert_equal(first, weights(seqtopo.compile(SPEC, seed=np.int64(1))))
    assert_equal(first, weights(seqtopo.compile_all(SPEC, seed=1)["model"]))
    assert_all_differ(first, weights(seqtopo.compile(SPEC, seed=2)))


def test_without_a_seed_builds_differ_and_keras_own_makes_them_the_same() -> None:
    first = weights(seqtopo.compile(SPEC))
    assert_all_differ(first, weights(seqtopo.compile(SPEC)))
    keras.utils.set_random_seed(5)
    run = [weights(seqtopo.compile(SPEC)) for _ in range(2)]
    assert_all_differ(*run)
    keras.utils.set_random_seed(5)
    for before in run:
        assert_equal(before, weights(seqtopo.compile(SPEC)))


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="a seed is a whole number from 0 up"):
        seqtopo.compile(SPEC, seed=seed)


def test_all_weights_of_a_model_differ_from_each_other() -> None:
    spec = "in(5,8) -> dense(8) * 3 -> td(dense(8)) -> bi(lstm(8,seq)) -> mha(2, 8)"
    found = weights(seqtopo.compile(spec, seed=1))
    seen = [value for name in random_ones(found) for value in found[name].ravel().tolist()]
    assert len(set(seen)) > 0.99 * len(seen)


def test_a_weight_does_not_depend_on_the_rest_of_the_model() -> None:
    first = weights(seqtopo.compile("in(5,3) -> lstm(4,seq) -> lstm(6) -> dense(2)", seed=1))
    for other in (
        "in(9,3) -> lstm(4,seq,dropout=0.2) -> layernorm -> lstm(6) -> dropout(0.1) -> dense(2)",
        "in(5,3) -> lstm(4,seq) -> lstm(6) -> dense(7)",
        "in(5,3) -> lstm(4,seq,nobias) -> lstm(6,kernel_regularizer=l2(0.1)) -> dense(2) -> dense(1)",
    ):
        second = weights(seqtopo.compile(other, seed=1))
        for name in ("lstm/kernel", "lstm/recurrent_kernel", "lstm_1/kernel", "lstm_1/recurrent_kernel"):
            np.testing.assert_array_equal(first[name], second[name], err_msg=f"{name} of {other}")


def test_parts_built_in_any_order_have_the_same_weights() -> None:
    spec = "a = in(5,3) -> lstm(4)\nb = in(4) -> dense(5)\nwhole = a -> b"
    models = seqtopo.compile_all(spec, seed=1)
    model = seqtopo.compile(spec, seed=1)
    for name in ("b", "a"):
        assert_equal(weights(models[name]), weights(model.part(name)))


def test_a_seed_in_the_spec_is_heeded() -> None:
    said = "dense(4,kernel_initializer=orthogonal(seed=3))"
    spec = f"in(4) -> {said} * 2 -> dense(4,kernel_initializer=orthogonal)"
    one, two, other = (v for v in weights(seqtopo.compile(spec, seed=1)).values() if v.ndim == 2)
    np.testing.assert_array_equal(one, two)
    assert (one != other).all()
    again, _, others = (v for v in weights(seqtopo.compile(spec)).values() if v.ndim == 2)
    np.testing.assert_array_equal(one, again)
    assert (other != others).all()


def test_a_seed_in_the_spec_is_heeded_where_keras_copies_initializers() -> None:
    one, other = (
        weights(seqtopo.compile(f"in(5,8) -> mha(2, 4{more})", seed=1))
        for more in (",kernel_initializer=glorot_uniform(seed=3)", "")
    )
    assert len({one[f"mha/kernel{prime}"].sum() for prime in ("", "'", "''")}) == 1
    assert len({other[f"mha/kernel{prime}"].sum() for prime in ("", "'", "''")}) == 3


def test_the_forget_gate_starts_at_one() -> None:
    found = weights(
        seqtopo.compile("in(5,3) -> lstm(4,seq) -> lstm(4,bias_initializer=random_normal)", seed=1)
    )
    np.testing.assert_array_equal(found["lstm/bias"], [0] * 4 + [1] * 4 + [0] * 8)
    drawn = found["lstm_1/bias"]
    np.testing.assert_array_equal(drawn[4:8], 1)
    assert np.unique(drawn).size == 13


def test_the_config_is_keras_own(tmp_path: Path) -> None:
    model = seqtopo.compile("in(5,3) -> lstm(4,seq,dropout=0.5) -> mha(2, 4)", seed=1)
    model.save(tmp_path / "model.keras")
    config = json.dumps(model.get_config())
    assert "seqtopo" not in config
    assert set(re.findall(r'"seed": (\w+)', config)) == {"null"}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours.value, theirs.value)))
    assert json.dumps(loaded.get_config()) == config


NOISE = "in(5,3) -> gaussian_noise(1) -> gaussian_dropout(0.5)"
# On PyTorch, Keras leaves dropout that has no seed to PyTorch's own generator, which is faster.
DROPOUT = () if keras.backend.backend() == "torch" else ("in(5,3) -> dropout(0.5)",)


@pytest.mark.parametrize("spec", [NOISE, *DROPOUT])
def test_what_is_drawn_when_it_runs_starts_from_the_seed(spec: str) -> None:
    def run_twice(seed: int) -> list[np.ndarray]:
        model = seqtopo.compile(spec, seed=seed)
        x = np.ones((3, 5, 3), "float32")
        return [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]

    first, second, other = map(run_twice, (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first[0] != first[1]).any()
    assert (first[0] != other[0]).any()


def test_seeds_of_dropout_differ_from_layer_to_layer() -> None:
    model = seqtopo.compile(SPEC, seed=1)
    generators = [g for part in model._flatten_layers() for g in part._seed_generators]
    states = {tuple(keras.ops.convert_to_numpy(g.state.value).tolist()) for g in generators}
    assert len(states) == len({id(g) for g in generators}) >= 4
    assert {counter for _, counter in states} == {0}


def test_dropout_with_a_seed_of_its_own_is_keras_own() -> None:
    model = seqtopo.compile("in(40) -> dropout(0.5,seed=3)", seed=1)
    x = np.ones((2, 40), "float32")
    ours, theirs = model(x, training=True), keras.layers.Dropout(0.5, seed=3)(x, training=True)
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))


def test_where_keras_refuses_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(keras.layers.Dense, "build", refuses)
    with pytest.raises(seqtopo.SpecError, match="no room"):
        seqtopo.compile("in(3) -> dense(4)", seed=1)
    assert initial_weights._current.get() is None


def kernel(seed: int) -> np.ndarray:
    """Return the numbers that Keras draws with a seed."""
    layer = keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(seed=seed))
    layer.build((None, 3))
    return keras.ops.convert_to_numpy(layer.kernel)


def test_what_another_thread_makes_meanwhile_is_keras_own() -> None:
    stock, found = kernel(5), {}
    with InitialWeights(1).supplied():
        thread = Thread(target=lambda: found.update(there=kernel(5)))
        thread.start()
        thread.join()
        found["here"] = kernel(5)
    np.testing.assert_array_equal(found["there"], stock)
    assert (found["here"] != stock).any()
    np.testing.assert_array_equal(kernel(5), stock)


def test_threads_build_at_once() -> None:
    expected = [weights(seqtopo.compile(SPEC, seed=seed)) for seed in range(3)]
    found: dict[int, dict[str, np.ndarray]] = {}

    def build(seed: int) -> None:
        found[seed] = weights(seqtopo.compile(SPEC, seed=seed))

    threads = [Thread(target=build, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(3):
        assert_equal(expected[seed], found[seed])


class Tilted(keras.initializers.GlorotUniform):
    """An initializer that Keras does not have."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return super().__call__(shape, dtype) + 10


@pytest.fixture
def tilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom layer, ``tilt``, with weights of every kind."""
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))

    class Tilt(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.table = keras.Variable(np.arange(3.0, dtype="float32"), trainable=False)
            self.plain = self.add_weight(shape=(3,), initializer="glorot_uniform")
            self.own = self.add_weight(shape=(3,), initializer=Tilted())
            self.said = self.add_weight(shape=(3,), initializer=Tilted(seed=4))
            self.function = self.add_weight(
                shape=(3,), initializer=lambda s, dtype=None: keras.ops.ones(s, dtype)
            )

        def call(self, x: Any) -> Any:
            return x + self.table + self.plain + self.own + self.said + self.function

    seqtopo.layer("... F -> ... F", name="tilt", weights="table!: F; plain: F; own: F; said: F; function: F")(
        Tilt
    )


@pytest.mark.usefixtures("tilt")
def test_custom_layers_draw_from_the_seed_too() -> None:
    def found(seed: int) -> dict[str, np.ndarray]:
        made = next(x for x in seqtopo.compile("in(3) -> tilt", seed=seed).layers if hasattr(x, "table"))
        return {
            n: keras.ops.convert_to_numpy(getattr(made, n))
            for n in ("table", "plain", "own", "said", "function")
        }

    first, again, other = found(1), found(1), found(2)
    assert_equal(first, again)
    for name in ("plain", "own"):
        assert (first[name] != other[name]).all()
    for name in ("table", "said", "function"):
        np.testing.assert_array_equal(first[name], other[name])
    assert first["own"].min() > 8
    np.testing.assert_array_equal(first["said"], Tilted(seed=4)((3,), "float32"))


def test_a_large_table_is_not_kept_twice() -> None:
    spec, size = "in(5,int(200000)) -> embed(200000,16) -> dense(1)", 200_000 * 16 * 4
    seqtopo.compile("in(5,int(20)) -> embed(20,16) -> dense(1)", seed=1)
    tracemalloc.start()
    try:
        model = seqtopo.compile(spec, seed=1)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert model.count_params() > 3_000_000
    assert kept < 1.2 * size
    assert most < 3.2 * size


def test_the_command_builds_from_a_seed(tmp_path: Path) -> None:
    spec = "in(5,3) -> lstm(4) -> dense(2)"
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert main(["build", spec, "--seed", seed, "-o", str(tmp_path / f"{name}.keras")]) == 0
    a, b, c = (weights(keras.models.load_model(tmp_path / f"{name}.keras")) for name in "abc")
    assert_equal(a, b)
    assert_equal(a, weights(seqtopo.compile(spec, seed=7)))
    assert_all_differ(a, c)


@pytest.mark.parametrize("seed", ["-1", "a", "1.5", str(2**32)])
@pytest.mark.parametrize("command", [["build", SPEC], ["fit", SPEC, "series.csv"]])
def test_a_wrong_seed_is_told_to_the_user(
    command: list[str], seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, f"--seed={seed}"]) == 2
    assert "is not a whole number from 0 up" in capsys.readouterr().err


def test_a_build_with_a_seed_is_not_moved_by_random() -> None:
    random.seed(1)
    first = weights(seqtopo.compile(SPEC, seed=1))
    random.seed(2)
    assert_equal(first, weights(seqtopo.compile(SPEC, seed=1)))
