"""Old models carried over with their weights: the new file computes what the old layers are said to compute.

What they computed is written down here in NumPy, after the documentation of their age.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from seqtopo.cli.main import main
from tests.support import old_models as old

Array = np.ndarray[Any, Any]
Capture = pytest.CaptureFixture[str]
ABOUT = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in."""
    monkeypatch.chdir(tmp_path)


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([*shape, seed]).normal(0, 0.4, shape).astype("float32")


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def old_hard_sigmoid(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(x: Array, w: dict[str, Array], gate: Any) -> Array:
    """All steps of an LSTM whose gates have their own arrays."""
    h = c = np.zeros((len(x), w["U_i"].shape[0]), "float32")
    steps = []
    for t in range(x.shape[1]):
        i, f, o = (gate(x[:, t] @ w[f"W_{g}"] + h @ w[f"U_{g}"] + w[f"b_{g}"]) for g in "ifo")
        c = f * c + i * np.tanh(x[:, t] @ w["W_c"] + h @ w["U_c"] + w["b_c"])
        h = o * np.tanh(c)
        steps.append(h)
    return np.stack(steps, 1)


def gru(x: Array, w: dict[str, Array]) -> Array:
    """All steps of a GRU that resets before the product."""
    h = np.zeros((len(x), w["U_z"].shape[0]), "float32")
    steps = []
    for t in range(x.shape[1]):
        z, r = (sigmoid(x[:, t] @ w[f"W_{g}"] + h @ w[f"U_{g}"] + w[f"b_{g}"]) for g in "zr")
        new = np.tanh(x[:, t] @ w["W_h"] + (r * h) @ w["U_h"] + w["b_h"])
        h = z * h + (1 - z) * new
        steps.append(h)
    return np.stack(steps, 1)


def gates(letters: str, features: int, units: int, seed: int = 0) -> dict[str, Array]:
    """The arrays of the gates, in the order of the file."""
    found = {}
    for i, g in enumerate(letters):
        found[f"W_{g}"] = numbers(features, units, seed=seed + i)
        found[f"U_{g}"] = numbers(units, units, seed=seed + i)
        found[f"b_{g}"] = numbers(units, seed=seed + i)
    return found


def predicted(path: str, *inputs: Array) -> Array:
    keras.utils.clear_session()
    model = keras.saving.load_model(path)
    return np.asarray(model.predict(list(inputs) if len(inputs) > 1 else inputs[0], verbose=0))


def convert(*argv: str) -> None:
    assert main(["convert", "model", *argv, "-o", "new.keras"]) == 0


def test_a_sequential_of_keras_1_computes_the_same(capsys: Capture) -> None:
    table, conv, bias = numbers(2000, 12), numbers(5, 1, 12, 6), numbers(6)
    cell = gates("icfo", 6, 7)
    w, wc, b, bc = numbers(7, 7), numbers(7, 7, seed=1), numbers(7), numbers(7, seed=1)
    maxout, maxbias = numbers(4, 7, 5), numbers(4, 5)
    dense, last = numbers(5, 1), numbers(1)
    old.write_h5(
        Path("old.h5"),
        old.KERAS_1,
        {
            "embedding_1": {"embedding_1_W": table},
            "convolution1d_1": {"convolution1d_1_W": conv, "convolution1d_1_b": bias},
            "maxpooling1d_1": {},
            "lstm_1": {f"lstm_1_{name}": array for name, array in cell.items()},
            "highway_1": {
                "highway_1_W": w,
                "highway_1_W_carry": wc,
                "highway_1_b": b,
                "highway_1_b_carry": bc,
            },
            "maxoutdense_1": {"maxoutdense_1_W": maxout, "maxoutdense_1_b": maxbias},
            "dense_1": {"dense_1_W": dense, "dense_1_b": last},
            "activation_1": {},
        },
    )
    convert("old.h5")
    shown = capsys.readouterr()
    assert "gates times 1.2, for hard_sigmoid" in shown.out
    assert "it was clip" not in shown.out + shown.err
    assert "--theano" in shown.out
    ids = np.random.default_rng(0).integers(0, 2000, (3, 100))
    x = table[ids]
    x = sum(x[:, k : k + 96] @ conv[k, 0] for k in range(5)) + bias
    x = np.maximum(x, 0).reshape(3, 24, 4, 6).max(2)
    x = lstm(x, cell, old_hard_sigmoid)[:, -1]
    part = sigmoid(x @ wc + bc)
    x = np.maximum(x @ w + b, 0) * part + (1 - part) * x
    x = (np.einsum("bi,nio->bno", x, maxout) + maxbias).max(1)
    np.testing.assert_allclose(predicted("new.keras", ids), sigmoid(x @ dense + last), **ABOUT)


def test_layers_of_cudnn_compute_the_same() -> None:
    encoder, decoder = gates("ifco", 3, 6), gates("ifco", 2, 6, seed=9)
    dense, bias = numbers(6, 4), numbers(4)

    def packed(w: dict[str, Array]) -> list[Array]:
        kernel = np.hstack([w[f"W_{g}"].T.reshape(-1).reshape(w[f"W_{g}"].shape) for g in "ifco"])
        recurrent = np.hstack([w[f"U_{g}"].T for g in "ifco"])
        half = np.concatenate([w[f"b_{g}"] for g in "ifco"])
        return [kernel, recurrent, np.concatenate([half * 0.25, half * 0.75])]

    plain = [np.concatenate([decoder[f"{part}_{g}"] for g in "ifco"], -1) for part in "WUb"]
    names = ("kernel:0", "recurrent_kernel:0", "bias:0")
    old.write_h5(
        Path("old.h5"),
        old.KERAS_2,
        {
            "input_1": {},
            "lstm_1": {f"lstm_1/{n}": a for n, a in zip(names, packed(encoder), strict=True)},
            "lstm_2": {f"lstm_2/{n}": a for n, a in zip(names, plain, strict=True)},
            "time_distributed_1": {"t/kernel:0": dense, "t/bias:0": bias},
        },
        old.KERAS_2_TRAINING,
    )
    convert("old.h5")
    x, y = numbers(2, 5, 3), numbers(2, 4, 2)
    h = c = np.zeros((2, 6), "float32")
    for w, sequence in ((encoder, x), (decoder, y)):
        steps = []
        for t in range(sequence.shape[1]):
            i, f, o = (sigmoid(sequence[:, t] @ w[f"W_{g}"] + h @ w[f"U_{g}"] + w[f"b_{g}"]) for g in "ifo")
            c = f * c + i * np.tanh(sequence[:, t] @ w["W_c"] + h @ w["U_c"] + w["b_c"])
            h = o * np.tanh(c)
            steps.append(h)
    logits = np.exp(np.stack(steps, 1) @ dense + bias)
    np.testing.assert_allclose(predicted("new.keras", x, y), logits / logits.sum(-1, keepdims=True), **ABOUT)


def test_both_directions_and_a_model_inside_get_their_weights() -> None:
    shapes = ((4, 24), (8, 24), (2, 24))
    arrays = [numbers(*shape, seed=seed) for seed in (0, 5) for shape in shapes]
    norm = [numbers(16, seed=i) ** 2 for i in range(4)]
    dense = [numbers(16, 3), numbers(3)]
    config = copy.deepcopy(old.TF_KERAS)
    head = config["config"]["layers"][2:]
    source = old.layer("InputLayer", batch_input_shape=[None, 20, 16], dtype="float32", name="head_input")
    inside = {"class_name": "Sequential", "config": {"name": "head", "layers": [source, *head]}}
    config["config"]["layers"][2:] = [inside]
    inner = {"a": norm[0], "b": norm[1], "c": dense[0], "d": dense[1], "e": norm[2], "f": norm[3]}
    old.write_h5(
        Path("old.h5"),
        config,
        {"bidirectional": {f"{i}": a for i, a in enumerate(arrays)}, "head": inner},
    )
    convert("old.h5")
    model = keras.saving.load_model("new.keras")
    for mine, theirs in zip(model.weights, [*arrays, *norm, *dense], strict=True):
        np.testing.assert_array_equal(np.asarray(keras.ops.convert_to_numpy(mine)), theirs)


def test_keras_0_3_wrote_its_layers_by_number() -> None:
    cell = gates("zrh", 3, 5)
    gamma, beta, mean, deviation = (numbers(5, seed=i) for i in range(4))
    deviation = np.abs(deviation) + 0.5
    one, two = [numbers(5, 2), numbers(2)], [numbers(2, 2), numbers(2, seed=3)]
    Path("old.json").write_text(json.dumps(old.KERAS_03), encoding="utf-8")
    old.write_weights_03(
        Path("weights.h5"), [list(cell.values()), [gamma, beta, mean, deviation], [], one, two]
    )
    assert main(["convert", "model", "old.json", "-o", "new.keras"]) == 2
    convert("old.json", "--weights", "weights.h5")
    x = numbers(4, 7, 3)
    steps = (gru(x, cell) - mean) / (deviation + 1e-6) * gamma + beta
    logits = np.exp((steps.sum(1) @ one[0] + one[1]) @ two[0] + two[1])
    np.testing.assert_allclose(predicted("new.keras", x), logits / logits.sum(-1, keepdims=True), **ABOUT)


def _convolving(**more: Any) -> dict[str, Any]:
    conv = old.layer("Convolution1D", name="c", nb_filter=2, filter_length=3, batch_input_shape=[None, 6, 4])
    return {"class_name": "Sequential", "keras_version": "1.0.4", "config": [conv], **more}


@pytest.mark.parametrize("flag", [[], ["--theano"]])
def test_theano_turned_kernels_round(flag: list[str]) -> None:
    kernel, bias = numbers(2, 4, 3, 1), numbers(2)
    old.write_h5(Path("old.h5"), _convolving(), {"c": {"c_W": kernel, "c_b": bias}})
    convert("old.h5", *flag)
    (mine, _) = keras.saving.load_model("new.keras").get_weights()
    wanted = kernel[..., 0].transpose(2, 1, 0)
    np.testing.assert_array_equal(mine, wanted[::-1] if flag else wanted)


@pytest.mark.parametrize(
    ("layers", "weights", "said"),
    [
        (
            [old.layer("Reshape", name="r", target_shape=[1, 3]), old.layer("GRU", name="g", output_dim=2)],
            {"g": {str(i): np.zeros((2,) * (i % 3), "float32") for i in range(9)}},
            "cannot be carried over: the file has weights of the shapes (), (2,), (2, 2)",
        ),
        ([old.layer("Lambda", name="cut", function=["4wEA", None, None])], {}, "cut is a Lambda layer"),
        (
            [old.layer("Mine", name="own")],
            {},
            "own is a Mine layer, which cannot be carried over: it is a custom",
        ),
        (
            [old.layer("LocallyConnected1D", name="l", nb_filter=3, filter_length=2)],
            {},
            "l is a LocallyConnected1D",
        ),
        ([old.layer("BatchNormalization", name="n", mode=1)], {"n": {}}, "n has mode"),
        ([old.layer("Dense", name="e", output_dim=3)], {}, "weights for 1 layers, and the model has 2"),
        (
            [old.layer("Dense", name="e", output_dim=3)],
            {"e": {"W": np.zeros((3, 4), "float32"), "b": np.zeros(4, "float32")}},
            "e is a Dense layer, which cannot be carried over: its kernel is (3, 4) in the file",
        ),
    ],
)
def test_what_cannot_be_carried_is_named_and_nothing_is_written(
    layers: list[dict[str, Any]], weights: dict[str, Any], said: str, capsys: Capture
) -> None:
    first = old.layer("Dense", name="d", output_dim=3, input_dim=4)
    config = {"class_name": "Sequential", "keras_version": "1.2.2", "config": [first, *layers]}
    old.write_h5(Path("old.h5"), config, {"d": {"W": numbers(4, 3), "b": numbers(3)}, **weights})
    Path("new.keras").write_bytes(b"before")
    assert main(["convert", "model", "old.h5", "-o", "new.keras", "--force"]) == 1
    shown = capsys.readouterr()
    assert said in " ".join((shown.out + shown.err).split())
    assert Path("new.keras").read_bytes() == b"before"
    assert sorted(path.name for path in Path().iterdir()) == ["new.keras", "old.h5"]


def test_without_an_output_it_is_a_spec(capsys: Capture) -> None:
    old.write_h5(Path("old.h5"), old.TF_KERAS, {})
    assert main(["convert", "model", "old.h5"]) == 0
    assert "bi(gru(8,seq))" in capsys.readouterr().out
    assert main(["convert", "model", "old.h5", "-o", "spec.txt"]) == 0
    assert "bi(gru(8,seq))" in Path("spec.txt").read_text(encoding="utf-8")
