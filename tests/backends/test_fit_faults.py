"""The choices, reports and refusals of ``fit`` and ``forecast``: no silent wrong result, no lost file."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.cli import writing
from seqtopo.cli.main import main
from seqtopo.data.training import model_files, training_runs
from seqtopo.system import leftovers

Capture = pytest.CaptureFixture[str]
COVARIATES = "in(6,3) -> gru(3) -> dense(1)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def words(text: str) -> str:
    return " ".join(text.split())


def series(steps: int, columns: str = "a,b,c") -> None:
    """Writes s.csv."""
    turns = np.arange(steps)[:, None] / 4 + np.arange(len(columns.split(",")))
    np.savetxt("s.csv", 10 + np.sin(turns), delimiter=",", header=columns, comments="")


def last_table(shown: str) -> dict[str, list[str]]:
    """The rows of the last table, by name."""
    table = shown.rpartition("metrics:\n")[2].partition("\n\n")[0].splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in table]
    return {name: cells for name, *cells in rows[1:]} | {"": rows[0]}


def test_fault_a1_a2_one_unit_is_trained_and_told_by_yes_and_no(capsys: Capture) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4, 2)).astype("float32")
    y = (x[:, -1, 0] > 0).astype("int64")
    for name, labels in (("ints", y), ("floats", y[:, None].astype("float32"))):
        np.savez("s.npz", x=x, y=labels)
        line = "" if name == "ints" else "\n\ntrain adam(0.02), loss=bce, metrics=[accuracy]"
        spec = f"in(4,2) -> gru(4) -> dense(1,sigmoid){line}"
        assert main(["fit", spec, "s.npz", "--epochs", "3", "-o", f"{name}.keras"]) == 0
        shown = capsys.readouterr().out
        assert ("loss=binary_crossentropy" in shown) is (name == "ints")
        found = last_table(shown)
        assert found[""] == ["accuracy", "loss"]
        # The same as Keras says of the saved model, and as the last epoch said.
        kept = keras.models.load_model(f"{name}.keras")
        said = kept.evaluate(x[48:], labels[48:], verbose=0, return_dict=True)
        accuracy, loss = (float(cell.split()[0]) for cell in found["the model"])
        assert accuracy == pytest.approx(100 * said["accuracy"], rel=1e-3)
        assert loss == pytest.approx(said["loss"], rel=1e-3)
        most = 100 * np.mean(labels[48:].ravel() == (labels[:48].mean() > 0.5))
        assert float(found["the most common"][0].split()[0]) == pytest.approx(most, rel=1e-3)


def test_fault_d5_several_inputs_and_outputs_by_name(capsys: Capture) -> None:
    spec = (
        "h = [in(4,2) as a -> gru(3), in(2) as b] -> concat\n"
        "yes = h -> dense(1,sigmoid)\nprice = h -> dense(1)\n[yes, price]"
    )
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 4, 2)), rng.normal(size=(40, 2))
    arrays = {"a": a, "b": b, "yes": b[:, 0] > 0, "price": b.sum(1) * 7, "sample_weight": np.ones(40)}
    np.savez("s.npz", **arrays)
    assert main(["fit", spec, "s.npz", "--epochs", "1"]) == 0
    shown = capsys.readouterr().out
    assert "loss=[binary_crossentropy, mse]" in shown
    assert {"yes_accuracy", "price_mae"} <= set(last_table(shown)[""])
    np.savez("t.npz", a=a, b=b, y=b)
    assert main(["fit", spec, "t.npz", "--epochs", "1", "-o", "t.keras"]) == 1
    assert "this spec takes a, b and is trained with yes, price" in words(capsys.readouterr().err)
    np.savez("w.npz", **{**arrays, "sample_weight": np.ones((40, 10))})
    assert main(["fit", spec, "w.npz", "--epochs", "1", "-o", "w.keras"]) == 1
    assert "ST730" in capsys.readouterr().err
    assert sorted(os.listdir(".")) == ["model.keras", "model.svg", "s.npz", "t.npz", "w.npz"]


def test_fault_a1_what_is_chosen_is_checked_before_it_trains(capsys: Capture) -> None:
    np.save("ids.npy", np.arange(200) % 7)
    assert main(["fit", "in(5,int) -> embed(7,4) -> gru(3) -> dense(4)", "ids.npy"]) == 1
    shown = words(capsys.readouterr().err)
    assert "ST705" in shown
    assert "was chosen by fit, since the spec names no loss" in shown
    assert main(["fit", "in(5,int) -> embed(7,4) -> gru(3) -> dense(1)", "ids.npy"]) == 1
    assert "ST705" in capsys.readouterr().err
    x = np.zeros((40, 5, 2))
    np.savez("s.npz", x=x, y=np.full(40, 3.5), sample_weight=np.ones(40))
    assert main(["fit", "in(5,2) -> gru(3) -> dense(3)", "s.npz"]) == 1
    assert "ST702" in capsys.readouterr().err
    assert sorted(os.listdir(".")) == ["ids.npy", "s.npz"]


def test_fault_a1_samples_are_cut_as_the_spec_and_the_labels_want(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []

    def train(model: keras.Model, cut: Any, *_: Any) -> None:
        found.append(cut)
        raise KeyboardInterrupt

    monkeypatch.setattr(training_runs, "train", train)
    y = np.repeat([0, 1, 2], [20, 20, 10])
    np.savez("s.npz", x=np.zeros((50, 4, 2)), y=y)
    for layers in ("in(4,2) -> gru(3)", "in(4,2,batch=5) -> gru(3,stateful)"):
        assert main(["fit", f"{layers} -> dense(3)", "s.npz"]) == 130
        shown = capsys.readouterr()
        assert "the same command starts anew" in words(shown.out)
        assert "ST734" in shown.err
        assert "is of the class 2, of which training sees none" in words(shown.err)
    # A state goes on from batch to batch, so these keep their order.
    assert [cut.shuffle for cut in found] == [True, False]


def test_fault_d4_nothing_is_replaced_without_force(capsys: Capture) -> None:
    series(60)
    spec = "in(6,3) -> gru(3) -> dense(3)"
    fit = ["fit", spec, "s.csv", "--epochs", "1"]
    Path("model.svg").write_text("<svg>a drawing</svg>")
    assert main(fit) == 1
    assert "not a loss curve" in words(capsys.readouterr().err)
    os.remove("model.svg")
    assert main(fit) == 0
    before = Path("model.keras").read_bytes()
    assert main([*fit, "--seed", "3"]) == 1
    said = words(capsys.readouterr().err)
    assert "ST732" in said
    assert "-o model-2.keras" in said
    assert Path("model.keras").read_bytes() == before
    assert main([*fit, "--seed", "3", "--force"]) == 0
    assert Path("model.keras").read_bytes() != before
    assert main(["fit", spec, "s.csv", "-o", "s.keras", "--epochs", "1"]) == 0
    assert main(["fit", spec, "model.progress.npz", "--force"]) in (1, 2)


def test_fault_d6_what_fit_advises_works(capsys: Capture) -> None:
    series(80)
    assert main(["fit", COVARIATES, "s.csv", "--epochs", "1", "--target", "b", "-o", "a b.keras"]) == 0
    shown = capsys.readouterr().out
    (advised,) = re.findall(r"series: seqtopo (forecast .*)", shown)
    assert advised == 'forecast "a b.keras" --steps 1'
    assert main(["forecast", "a b.keras", "--steps", "1"]) == 0
    assert main(["forecast", "a b.keras", "--steps", "4"]) == 1
    said = words(capsys.readouterr().err)
    assert "go on for 1 step only" in said
    assert "--future FILE" in said

    ahead = 10 + np.random.default_rng(0).normal(size=(4, 2))
    np.savetxt("ahead.csv", ahead[:, ::-1], delimiter=",", header="c,a", comments="")
    command = ["forecast", "a b.keras", "--steps", "4", "--future", "ahead.csv", "-o", "out.csv"]
    assert main(command) == 0
    told = np.loadtxt("out.csv", delimiter=",", skiprows=1)[:, 1]
    # The same as the plain loop in Keras.
    rows = np.loadtxt("s.csv", delimiter=",", skiprows=1)[-6:]
    model = keras.models.load_model("a b.keras")
    for i in range(4):
        answer = float(model.predict(rows[None].astype("float32"), verbose=0)[0, 0])
        assert told[i] == pytest.approx(answer, rel=1e-4)
        rows = np.concatenate([rows[1:], [[ahead[i, 0], answer, ahead[i, 1]]]])
    capsys.readouterr()
    for header, steps, said in [("c,x", "4", "no single column a"), ("c,a", "9", "has 4 steps, but 9")]:
        np.savetxt("ahead.csv", ahead, delimiter=",", header=header, comments="")
        assert main([*command[:3], steps, *command[4:]]) == 1
        assert said in words(capsys.readouterr().err)


def test_fault_d7_f6_a_short_series_is_held_out_by_its_answers(capsys: Capture) -> None:
    series(30, "a")
    fit = ["fit", "in(24,1) -> gru(3) -> dense(1)", "s.csv", "--epochs", "1"]
    assert main(fit) == 1
    said = words(capsys.readouterr().err)
    assert "s.csv without its last 6 steps, which are held out, has 24 steps" in said
    assert "--validation 0.15" in said
    assert main([*fit, "--validation", "0.15"]) == 0
    shown = capsys.readouterr().out
    assert "train: 2 windows of 24 steps" in shown
    assert "held out: 4 windows of 24 steps, to predict the last 4 steps" in shown
    assert main(["fit", "in(29,1) -> gru(3) -> dense(1)", *fit[2:], "-o", "b.keras"]) == 1
    assert "--validation 0;" in words(capsys.readouterr().err)
    assert (
        main(["fit", "in(29,1) -> gru(3) -> dense(1)", *fit[2:], "-o", "b.keras", "--validation", "0"]) == 0
    )


def test_fault_a13_what_is_not_finite_is_an_error(capsys: Capture) -> None:
    series(60)
    table = Path("s.csv").read_text().splitlines()
    spec = "in(6,3) -> gru(3) -> dense(3)"
    Path("large.csv").write_text("\n".join([*table[:9], "1,1e308,1", *table[10:]]))
    for scale in ([], ["--scale"]):
        assert main(["fit", spec, "large.csv", *scale]) == 1
        said = words(capsys.readouterr().err)
        assert "ST731" in said
        assert "1e+308 at step 8, in b" in said
    diverging = f"{spec}\ntrain sgd(1e30), loss=mse"
    assert main(["fit", diverging, "s.csv", "--epochs", "4"]) == 1
    said = words(capsys.readouterr().err)
    assert re.search(r"loss is (nan|inf) .*in epoch \d", said)
    assert not Path("model.keras").exists()
    Path("same.csv").write_text("\n".join(["a,a,c", *table[1:]]))
    one = "in(6,3) -> gru(3) -> dense(1)"
    assert main(["fit", one, "same.csv", "--target", "a"]) == 1
    assert "2 features called a" in words(capsys.readouterr().err)
    assert main(["fit", one, "same.csv", "--target", "1", "--epochs", "1"]) == 0
    # A model whose weights are none forecasts nothing.
    model = keras.models.load_model("model.keras")
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    model.save("nan.keras")
    Path("h.csv").write_text("\n".join(table))
    assert main(["forecast", "nan.keras", "--steps", "1", "--history", "h.csv", "-o", "o.csv"]) == 1
    assert "nan" in words(capsys.readouterr().err)
    assert not Path("o.csv").exists()


def _changed(value: Any) -> list[Any]:
    """Other values in the place of one: of other types, out of range, one too many or too few."""
    found: list[Any] = [
        None,
        True,
        "x",
        "",
        -1,
        0,
        1,
        2,
        7,
        1.5,
        1e400,
        [],
        {},
        [None],
        ["x"],
        [0],
        [-1],
        [0, 0],
    ]
    if isinstance(value, list):
        found += [value[:-1], [*value, *value[-1:]], value[::-1], [[v] for v in value]]
    return [one for one in found if json.dumps(one) != json.dumps(value)]


def test_fault_a14_altered_notes_are_told(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    series(60)
    assert main(["fit", COVARIATES, "s.csv", "--scale", "--epochs", "1", "--target", "b"]) == 0
    assert main(["forecast", "model.keras", "--steps", "1"]) == 0
    right = capsys.readouterr().out.splitlines()[-2:]
    model = keras.models.load_model("model.keras")
    monkeypatch.setattr(model_files.keras.saving, "load_model", lambda path: model)
    with zipfile.ZipFile("model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    notes = json.loads(parts["seqtopo.json"])
    tried: list[Any] = [None, [], 3, "x", {"more": 1}]
    tried += [{**notes, name: value} for name in notes for value in _changed(notes[name])]
    tried += [{key: value for key, value in notes.items() if key != name} for name in notes]
    old = {key: value for key, value in notes.items() if key != "digest"}
    tried += [{**old, name: value} for name in old for value in _changed(old[name])]
    texts = [json.dumps(one).encode() for one in tried] + [b"", b"{", b"[" * 100_000, b"\xff"]
    for text in texts:
        with zipfile.ZipFile("other.keras", "w") as archive:
            for name, part in {**parts, "seqtopo.json": text}.items():
                archive.writestr(name, part)
        code = main(["forecast", "other.keras", "--steps", "1"])
        shown = capsys.readouterr()
        assert "ST9" not in shown.err, (text[:300], shown.err)
        if code == 0 and b'"digest": ' in text:
            # What is still taken says the same.
            assert shown.out.splitlines()[-2:] == right, text[:300]
        elif code:
            assert "ST729" in shown.err, (text[:300], shown.err)


def test_fault_b_a_damaged_end_of_the_series_is_told(capsys: Capture) -> None:
    series(60)
    assert main(["fit", COVARIATES, "s.csv", "--epochs", "1", "--target", "b"]) == 0
    with zipfile.ZipFile("model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    array = parts["seqtopo.npy"]
    for damaged in (b"", array[:40], array.replace(b"}", b","), array.replace(b"<f8", b"|O8"), b"PK\3\4"):
        with zipfile.ZipFile("other.keras", "w") as archive:
            for name, part in {**parts, "seqtopo.npy": damaged}.items():
                archive.writestr(name, part)
        capsys.readouterr()
        assert main(["forecast", "other.keras", "--steps", "1"]) == 1
        assert "the end of the series beside it is not an array" in words(capsys.readouterr().err), damaged


def test_fault_b_a_damaged_packing_of_a_model_is_told(capsys: Capture) -> None:
    with zipfile.ZipFile("m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}" * 500)
    whole = Path("m.keras").read_bytes()
    for at in range(30, len(whole)):
        Path("m.keras").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert main(["forecast", "m.keras", "--steps", "1"]) == 1
        assert "error[ST729]" in capsys.readouterr().err, at


def test_fault_d14_a_stop_says_what_goes_on(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    series(60)
    fit = ["fit", "in(6,3) -> gru(3) -> dense(3)", "s.csv", "--epochs", "3"]
    stop = iter([False, True])

    def stopping(self: Any, model: Any) -> Any:
        if next(stop, False):
            raise KeyboardInterrupt
        return whole(self, model)

    whole = training_runs.Progress.writer
    monkeypatch.setattr(training_runs.Progress, "writer", stopping)
    assert main(fit) == 130
    assert "stopped after epoch 1 of 3; the same command goes on from there" in words(capsys.readouterr().out)
    assert main(fit) == 0
    assert "going on after epoch 1" in capsys.readouterr().out


def test_fault_b_progress_that_was_altered_is_not_taken_up() -> None:
    model = seqtopo.compile("in(2,1) -> dense(1)\ntrain sgd, loss=mse")
    path = Path("p.npz")
    made = training_runs.Progress(path, "f")
    made.history, made.epochs = {"loss": [1.0]}, 1
    made.writer(model)(path)
    assert training_runs.Progress(path, "f").restore(model)
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    good = json.loads(str(arrays["notes"]))
    altered = [[], {}, {**good, "history": []}, {**good, "epochs": "x"}, {**good, "epochs": 2}]
    for notes in altered:
        np.savez(path, **{**arrays, "notes": np.array(json.dumps(notes))})
        assert not training_runs.Progress(path, "f").restore(model), notes
    np.savez(path, **{**arrays, "v0": np.full(arrays["v0"].shape, "x")})
    assert not training_runs.Progress(path, "f").restore(model)


def test_fault_d14_leftovers_of_killed_writes_are_swept() -> None:
    for name in (".seqtopo-abc.keras", ".seqtopo-held.npz", ".seqtopo.toml"):
        Path(name).write_bytes(b"half")
        os.utime(name, (1, 1))
    folder = Path(".seqtopo-folder")
    folder.mkdir()
    (folder / "part").touch()
    os.utime(folder, (1, 1))
    Path(".seqtopo-def.keras").write_bytes(b"perhaps of a write that goes on")
    with leftovers.held(".seqtopo-held.npz"):
        writing.write_whole(Path("a.txt"), lambda path: path.write_text("whole"))
    left = [".seqtopo-def.keras", ".seqtopo-held.npz", ".seqtopo.toml", "a.txt"]
    assert sorted(os.listdir(".")) == left


@pytest.mark.parametrize(
    ("batch", "share"), [("", "0.999"), (",batch=32", "0.999"), (",batch=16", "0.75"), (",batch=64", "0.001")]
)
def test_fault_d7_another_share_that_is_named_was_tried(batch: str, share: str, capsys: Capture) -> None:
    np.savez("d.npz", x=np.random.default_rng(0).random((64, 5, 2)), y=np.zeros((64, 1)))
    fit = ["fit", f"in(5,2{batch}) -> lstm(2) -> dense(1)", "d.npz", "--epochs", "1"]
    refused = main([*fit, "--validation", share])
    said = words(capsys.readouterr().err)
    assert bool(refused) is (float(share) > 0.9)
    if refused:
        assert "ST724" in said
        named = re.search(r"--validation ([\d.]+\d|0)", said)
        assert named is not None
        assert main([*fit, "--validation", named[1]]) == 0


@pytest.mark.parametrize(
    "option",
    [["--target", "b"], ["--steps", "6"], ["--horizon", "2"], ["--stride", "2"], ["--scale"], ["--same"]],
    ids=lambda option: option[0],
)
def test_fault_a_an_option_for_series_is_not_passed_over_where_there_are_samples(
    option: list[str], capsys: Capture
) -> None:
    np.savez("d.npz", x=np.zeros((8, 5, 2)), y=np.zeros((8, 1)))
    assert main(["fit", "in(5,2) -> lstm(2) -> dense(1)", "d.npz", *option]) == 2
    said = words(capsys.readouterr().err)
    assert f"{option[0]} says how a series is cut, but d.npz holds samples" in said
    assert not Path("model.keras").exists()


def test_fault_b_a_forecast_is_not_written_over_the_data(capsys: Capture) -> None:
    series(80)
    fit = ["fit", "in(6,3) -> gru(3) -> dense(3)", "s.csv", "--epochs", "1", "-o", "m.keras"]
    assert main(fit) == 0
    before = Path("s.csv").read_bytes()
    capsys.readouterr()
    assert main(["forecast", "m.keras", "--steps", "2", "-o", "s.csv"]) == 1
    said = capsys.readouterr().err
    assert "ST732" in said
    assert "write elsewhere: -o s-2.csv" in said
    assert Path("s.csv").read_bytes() == before
    # A forecast is replaced by the next one.
    for steps in ("2", "3"):
        assert main(["forecast", "m.keras", "--steps", steps, "-o", "s-ahead.csv"]) == 0
    assert len(Path("s-ahead.csv").read_text(encoding="utf-8").splitlines()) == 4


def test_fault_a_the_tables_say_what_keras_says_of_the_last_batch_and_of_masked_steps(
    capsys: Capture,
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(164, 4, 2)).astype("float32")
    y = x.sum(axis=2, keepdims=True)
    # 33 samples are held out: a whole batch and one sample, which must not count for 32. Its padding neither.
    y[-1] += 50
    for i, length in enumerate(rng.integers(1, 5, 164)):
        x[i, length:], y[i, length:] = 0, 0
    np.savez("s.npz", x=x, y=y)
    spec = "in(4,2) -> mask -> gru(2,seq) -> dense(1)\n\ntrain adam, loss=mse, metrics=[mae]"
    assert main(["fit", spec, "s.npz", "--epochs", "1", "-o", "m.keras"]) == 0
    shown = capsys.readouterr().out
    said = keras.models.load_model("m.keras").evaluate(x[131:], y[131:], verbose=0, return_dict=True)
    mae, loss = map(float, last_table(shown)["the model"])
    assert mae == pytest.approx(said["mae"], rel=1e-3)
    assert loss == pytest.approx(said["loss"], rel=1e-3)
    there = [(part != 0).any(axis=-1) for part in (x[:131], x[131:])]
    off = y[131:][there[1]] - y[:131][there[0]].mean()
    by_root = re.search(r"the mean +(\S+)\n +the model +(\S+)\n", shown)
    assert by_root is not None
    assert float(by_root[1]) == pytest.approx(np.sqrt((off**2).mean()), rel=1e-3)
    answers = keras.models.load_model("m.keras").predict(x[131:], verbose=0)
    off = (answers - y[131:])[there[1]]
    assert float(by_root[2]) == pytest.approx(np.sqrt((off**2).mean()), rel=1e-3)


def test_fault_b_a_target_that_is_a_digit_and_no_number_is_told(capsys: Capture) -> None:
    series(40)
    assert main(["fit", COVARIATES, "s.csv", "--target", "\u00b2"]) == 1
    assert "has no feature \u00b2" in words(capsys.readouterr().err)
