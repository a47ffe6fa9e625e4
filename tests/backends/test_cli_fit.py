"""``seqtopo fit`` and ``seqtopo forecast``: the whole job, stops in its middle, and files that are none."""

from __future__ import annotations

import csv
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree
from datetime import date, timedelta
from pathlib import Path

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.training import training_runs

ROOT = Path(__file__).resolve().parents[2]
SPEC = "in(8,F) -> gru(6) -> dropout(0.1) -> dense(F)\n\ntrain adam(1e-2), loss=mse\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    turns = np.arange(240) / 4
    table = np.stack([10 + 5 * np.sin(turns), 100 * np.cos(turns)], axis=1)
    with open("waves.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "high", "low"])
        days = (date(2020, 1, 1) + timedelta(i) for i in range(len(table)))
        writer.writerows([day.isoformat(), *row] for day, row in zip(days, table.tolist(), strict=True))
    Path("spec.txt").write_text(SPEC)


def weights(path: str) -> list[np.ndarray]:
    return list(keras.models.load_model(path).get_weights())


def rows(shown: str) -> dict[str, list[float]]:
    """The comparison's rows by name."""
    table = shown.partition("root mean squared error:\n")[2].partition("\n\n")[0].splitlines()[1:]
    cells = [re.split(r"\s{2,}", line.strip()) for line in table]
    return {name: [float(number) for number in numbers] for name, *numbers in cells}


def test_the_whole_job(capsys: Capture) -> None:
    assert main(["fit", "spec.txt", "waves.csv", "--scale", "--epochs", "8"]) == 0
    shown = capsys.readouterr().out
    assert "the column day holds dates and is left out" in shown
    assert "waves.csv: 240 steps of 2 features (high, low)" in shown
    assert "epoch 8/8  loss " in shown
    found = rows(shown)
    assert list(found) == ["the mean", "the last value", "the model"]
    # In the units of the data, whose two features are 5 and 100 wide.
    assert found["the mean"][1] == pytest.approx(100 / math.sqrt(2), rel=0.1)
    assert found["the model"][0] < found["the mean"][0] < 5
    picture = xml.etree.ElementTree.parse("spec.svg").getroot()
    assert len(picture.findall("{*}polyline")) == 2
    assert sorted(os.listdir(".")) == ["spec.keras", "spec.svg", "spec.txt", "waves.csv"]

    assert main(["forecast", "spec.keras", "--steps", "4", "-o", "ahead.csv"]) == 0
    assert "high" in capsys.readouterr().out
    ahead = list(csv.DictReader(Path("ahead.csv").read_text().splitlines()))
    assert [list(row) for row in ahead] == [["step", "high", "low"]] * 4
    # The same as the naive loop in plain Keras, scaled by hand.
    series = np.loadtxt("waves.csv", delimiter=",", skiprows=1, usecols=(1, 2))
    early = series[:192]
    mean, spread = early.mean(axis=0), early.std(axis=0)
    model = keras.models.load_model("spec.keras")
    window = ((series[-8:] - mean) / spread).astype("float32")
    for row in ahead:
        answer = model.predict(window[None], verbose=0)
        np.testing.assert_allclose(
            [float(row["high"]), float(row["low"])], answer[0] * spread + mean, rtol=1e-4, atol=1e-3
        )
        window = np.concatenate([window[1:], answer])
    # A history of its own, its columns in another order.
    swapped = series[-8:, ::-1]
    np.savetxt("history.csv", swapped, delimiter=",", header="low,high", comments="")
    assert main(["forecast", "spec.keras", "--steps", "1", "--history", "history.csv", "-o", "b.csv"]) == 0
    again = next(csv.DictReader(Path("b.csv").read_text().splitlines()))
    assert float(again["high"]) == pytest.approx(float(ahead[0]["high"]), rel=1e-4)


def test_a_run_that_was_killed_goes_on_and_comes_to_the_same(capsys: Capture) -> None:
    whole = ["fit", "spec.txt", "waves.csv", "--epochs", "6"]
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "seqtopo", *whole[:-1], "100000", "-o", "killed.keras"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("epoch 3/"):
            child.kill()
            break
    child.wait()
    child.stdout.close()
    assert not Path("killed.keras").exists()
    with np.load("killed.progress.npz") as found:  # never half a file
        assert "notes" in found.files
    epochs = 0
    with np.load("killed.progress.npz") as found:
        epochs = int(str(found["notes"]).rpartition('"epochs": ')[2].rstrip("}"))
    assert epochs >= 3
    count = str(epochs + 3)
    assert main([*whole[:-1], count, "-o", "killed.keras"]) == 0
    assert f"going on after epoch {epochs}, from killed.progress.npz" in capsys.readouterr().out
    assert main([*whole[:-1], count, "-o", "straight.keras"]) == 0
    for one, other in zip(weights("killed.keras"), weights("straight.keras"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert not Path("killed.progress.npz").exists()


def test_the_progress_of_another_run_is_not_taken(capsys: Capture) -> None:
    Path("spec.progress.npz").write_bytes(b"no archive")
    assert main(["fit", "spec.txt", "waves.csv", "--epochs", "1", "--validation", "0"]) == 0
    shown = capsys.readouterr().out
    assert "is of another run" in shown
    assert "nothing is held out" in shown


def test_a_stateful_spec_is_fed_pieces(capsys: Capture) -> None:
    spec = "in(6,2,batch=2) -> lstm(4,seq,stateful) -> dense(2)"
    assert main(["fit", spec, "waves.csv", "--epochs", "2"]) == 0
    shown = capsys.readouterr().out
    assert "train: 30 pieces of 6 steps in 2 rows, one after the other" in shown
    assert "no train line, so it is trained with adam, loss=mse" in shown
    assert set(rows(shown)) == {"the mean", "the last value", "the model"}
    assert main(["forecast", "model.keras", "--steps", "3"]) == 0


def test_ids_and_samples(capsys: Capture) -> None:
    np.save("ids.npy", np.arange(300) % 7)
    spec = "in(5,int) -> embed(7,6) -> gru(8,seq) -> dense(7)"
    assert main(["fit", spec, "ids.npy", "--epochs", "7", "-o", "ids.keras"]) == 0
    shown = capsys.readouterr().out
    assert "loss=sparse_categorical_crossentropy" in shown
    assert float(shown.partition("the model")[2].split()[0]) > 30
    assert main(["forecast", "ids.keras", "--steps", "3"]) == 0
    assert "id" in capsys.readouterr().out
    x = np.random.default_rng(0).normal(size=(60, 4, 1)).astype("float32")
    np.savez("samples.npz", x=x, y=x.mean(axis=1))
    assert (
        main(["fit", "in(4,1) -> gru(4) -> dense(1)", "samples.npz", "--epochs", "2", "-o", "s.keras"]) == 0
    )
    shown = capsys.readouterr().out
    assert "48 samples to train with, the last 12 samples are held out" in shown
    assert set(rows(shown)) == {"the mean", "the model"}


def test_fault_b7_samples_of_unequal_lengths_are_padded_and_masked(capsys: Capture) -> None:
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=(steps, 2)).astype("float32") for steps in (3, 5, 2, 5, 4, 3, 2, 4)]
    np.savez("ragged.npz", *samples, y=np.array([[sample.mean()] for sample in samples]))
    spec = "in(?,2) -> mask -> gru(4) -> dense(1)"
    assert main(["fit", spec, "ragged.npz"]) == 1
    assert "ST738" in capsys.readouterr().err
    assert main(["fit", "in(?,2) -> gru(4) -> dense(1)", "ragged.npz", "--pad", "--epochs", "1"]) == 0
    assert "help: mask the padding" in capsys.readouterr().err
    assert main(["fit", spec, "ragged.npz", "--pad", "--epochs", "2", "-o", "r.keras"]) == 0
    shown, said = capsys.readouterr()
    assert "ragged.npz: 6 samples to train with, the last 2 samples are held out" in shown
    assert "x: padded to 5 steps with 0, at the end" in shown
    assert "ST7" not in said
    # The padding takes no part: each sample alone gets the same answer.
    model = keras.models.load_model("r.keras")
    together = model.predict(seqtopo.data.pad(samples), verbose=0)
    alone = [model.predict(sample[None], verbose=0)[0] for sample in (samples[0], samples[2])]
    np.testing.assert_allclose(together[[0, 2]], alone, atol=1e-5)


def test_one_feature_of_several_is_told_as_far_as_is_known(capsys: Capture) -> None:
    spec = "in(8,2) -> gru(4) -> dense(1)"
    assert main(["fit", spec, "waves.csv", "--epochs", "1"]) == 1
    assert "ST727" in capsys.readouterr().err
    assert main(["fit", spec, "waves.csv", "--epochs", "1", "--target", "low", "-o", "low.keras"]) == 0
    assert main(["forecast", "low.keras", "--steps", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].split() == ["step", "low"]
    assert main(["forecast", "low.keras", "--steps", "2"]) == 1
    assert "it can go on for 1 step only" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "no such file"),
        (b"", "it is not a .keras file, or it is damaged"),
        (b"PK\x03\x04 and no more", "it is not a .keras file, or it is damaged"),
        ("zip", "no model is in it"),
        ("cut", "damaged"),
    ],
)
def test_what_is_no_model_is_told(data: bytes | str | None, words: str, capsys: Capture) -> None:
    if isinstance(data, bytes):
        Path("m.keras").write_bytes(data)
    elif data == "zip":
        with open("m.keras", "wb") as file:
            np.savez(file, a=1)
    elif data == "cut":
        keras.Sequential([keras.Input((4, 1)), keras.layers.GRU(2)]).save("m.keras")
        whole = Path("m.keras").read_bytes()
        Path("m.keras").write_bytes(whole[:1000] + b"\0" * 50 + whole[1050:])
    assert main(["forecast", "m.keras", "--steps", "1"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "ST729" in told
    assert words in told


def test_a_model_of_keras_alone_needs_a_history(capsys: Capture) -> None:
    keras.Sequential([keras.Input((4, 1)), keras.layers.GRU(2), keras.layers.Dense(1)]).save("m.keras")
    assert main(["forecast", "m.keras", "--steps", "2"]) == 1
    assert "no history is saved with it" in capsys.readouterr().err
    np.save("h.npy", np.zeros(9))
    assert main(["forecast", "m.keras", "--steps", "2", "--history", "h.npy"]) == 0
    assert "feature 0" in capsys.readouterr().out
    np.save("h.npy", np.zeros((9, 2)))
    assert main(["forecast", "m.keras", "--steps", "2", "--history", "h.npy"]) == 1
    assert "takes 1 features at each step" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["fit", "spec.txt"], 2, "needs a data"),
        (["fit", "spec.txt", "none.csv"], 1, "none.csv cannot be read"),
        (["fit", "spec.txt", "waves.csv", "--epochs", "0"], 2, "whole number from 1 up"),
        (["fit", "spec.txt", "waves.csv", "--validation", "1"], 2, "share"),
        (["fit", "spec.txt", "waves.csv", "-o", "a.h5"], 2, "ends in .keras"),
        (["fit", "spec.txt", "waves.csv", "-o", "none/a.keras"], 2, "no folder"),
        (["fit", "in(300,2) -> gru(2)", "waves.csv"], 1, "without its last 48 steps, which are held out"),
        (["fit", "in(8,3) -> gru(2)", "waves.csv"], 1, "2 features at each step"),
        (["fit", "spec.txt", "waves.csv", "--backend", "thano"], 1, "ST402"),
        (["forecast", "m.keras"], 2, "needs a --steps"),
    ],
)
def test_what_cannot_be_done_is_told(argv: list[str], code: int, words: str, capsys: Capture) -> None:
    assert main(argv) == code
    assert words in " ".join(capsys.readouterr().err.split())


def test_training_starts_from_what_compile_gives_for_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[np.ndarray] = []

    def train(model: keras.Model, *_: object) -> None:
        found.extend(model.get_weights())
        raise seqtopo.SpecError(())

    monkeypatch.setattr(training_runs, "train", train)
    spec = "in(6,2) -> lstm(4) -> dense(2)"
    assert main(["fit", spec, "waves.csv", "--seed", "3", "-o", "a.keras"]) == 1
    expected = seqtopo.compile(spec, seed=3).get_weights()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fault_f3_a_column_of_a_table_names_the_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{day},{shop},{(day * (2 + (shop == 'elm'))) % 7}" for day in range(30) for shop in ("oak", "elm")
    ]
    table = tmp_path / "shops.csv"
    table.write_text("\n".join(["day,shop,sold", *rows]) + "\n", encoding="utf-8")
    argv = [
        "fit",
        "in(4,2) -> gru(2) -> dense(2)",
        str(table),
        "--epochs",
        "1",
        "-o",
        str(tmp_path / "m.keras"),
    ]
    assert main([*argv, "--series", "shop"]) == 0
    shown = capsys.readouterr().out
    assert "shops.csv: 60 steps in 2 series of 2 features (day, sold)" in shown
    assert "train: 40 windows of 4 steps of 2 series" in shown
    assert "held out: 12 windows of 4 steps of 2 series, to predict the last 12 steps" in shown
    assert main([*argv, "--force"]) == 1
    assert "--series shop" in capsys.readouterr().err
