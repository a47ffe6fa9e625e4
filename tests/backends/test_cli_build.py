"""``seqtopo build``: what it saves, Keras loads; what it cannot save, it says."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import keras
import pytest

from seqtopo.cli import build
from seqtopo.cli.main import main
from seqtopo.emit.build import Built

SPEC = """\
encoder = in(5,F) -> lstm(4)
decoder = in(4) -> repeat(5) -> lstm(F,seq)
autoencoder = encoder -> decoder
"""
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which a message stands on one line."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "spec.txt"
    path.write_text(SPEC)
    return str(path)


def test_a_spec_is_built_and_saved_beside_it(spec: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["build", spec, "-D", "F=3"]) == 0
    shown = capsys.readouterr().out
    saved = tmp_path / "spec.keras"
    assert f"Saved {saved}. To use it in Python:\n" in shown
    assert "many-to-many, delayed" in shown
    assert 'model.compile("adam", "mse")' in shown
    model = keras.models.load_model(saved)
    assert (model.output_shape, model.count_params()) == ((None, 5, 3), 224)
    mask = os.umask(0)
    os.umask(mask)
    assert saved.stat().st_mode & 0o777 == 0o666 & ~mask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spec.keras", "spec.txt"]


def test_a_compiled_model_is_ready_to_fit(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.txt").write_text("in(5,3) -> lstm(4) -> dense(1)\ntrain adam, loss=mse\n")
    assert main(["build", str(tmp_path / "a.txt"), "-o", str(tmp_path / "b.keras")]) == 0
    assert capsys.readouterr().out.endswith("  model.fit(x, y)\n")
    model = keras.models.load_model(tmp_path / "b.keras")  # a warning would be an error here
    assert model.compiled
    model.fit(keras.ops.ones((2, 5, 3)), keras.ops.ones((2, 1)), verbose=0)


def test_a_part_and_all_parts_are_saved(spec: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["build", spec, "-D", "F=3", "--part", "decoder"]) == 0
    assert keras.models.load_model(tmp_path / "decoder.keras").input_shape == (None, 4)
    capsys.readouterr()
    assert main(["build", spec, "-D", "F=3", "--all", "--format", "json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["specs"]
    assert sorted(found["files"]) == ["autoencoder", "decoder", "encoder"]
    for name, file in found["files"].items():
        assert Path(file) == tmp_path / "spec_models" / f"{name}.keras"
        assert keras.models.load_model(file).name == name
    assert main(["build", spec, "-D", "F=3", "--part", "decodr"]) == 2
    assert "did you mean --part decoder?" in capsys.readouterr().err


def test_the_files_of_all_parts_are_listed(spec: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["build", spec, "-D", "F=3", "--all", "-o", str(tmp_path / "models")]) == 0
    shown = capsys.readouterr().out
    assert f"  {tmp_path / 'models' / 'encoder.keras'}\n" in shown
    assert f"Saved 3 files in {tmp_path / 'models'}." in shown


def test_a_spec_from_the_standard_input_becomes_model_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"in(5,3) -> lstm(4)")))
    assert main(["build", "-"]) == 0
    assert Path("model.keras").is_file()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ([], "ST401", "F needs a number before this can be built"),
        (["-D", "G=3"], "ST406", "the spec has no G"),
        (["-D", "F=3", "--max-params", "223"], "ST403", "224 parameters, 896 bytes"),
        (["-D", "F=3", "--backend", "tpu"], "ST402", "so it cannot run on tpu"),
        (["-D", "F=3", "-o", "nowhere/model.keras"], "ST405", "there is no folder nowhere"),
        (["-D", "F=3", "--all", "-o", "nowhere/models"], "ST405", "there is no folder nowhere"),
    ],
)
def test_what_keeps_it_from_being_built_is_said(
    more: list[str], code: str, words: str, spec: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["build", spec, *more]) == 1
    shown = capsys.readouterr()
    assert f"error[{code}]" in shown.err
    assert words in shown.err
    assert shown.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["spec.txt"]
    assert main(["build", spec, *more, "--format", "json"]) == 1
    [found] = json.loads(capsys.readouterr().out)["specs"]
    assert [d["code"] for d in found["diagnostics"]] == [code]


def test_a_wrong_spec_is_not_built(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.txt").write_text("in(5,3) -> lstm(4) -> lstm(4)")
    assert main(["build", str(tmp_path / "a.txt"), "--format", "concise"]) == 1
    assert "a.txt:1:23: error[ST301]" in capsys.readouterr().out
    assert main(["build", str(tmp_path / "missing.txt")]) == 1
    assert "error[ST405]" in capsys.readouterr().err


def test_half_a_model_is_never_left(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "spec.keras").write_text("the one before")

    def full(self: object, path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    assert main(["build", spec, "-D", "F=3", "--force"]) == 1
    assert "cannot be written: no space left on device" in capsys.readouterr().err
    assert (tmp_path / "spec.keras").read_text() == "the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spec.keras", "spec.txt"]


def test_a_folder_is_where_the_model_goes(spec: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main(["build", spec, "-D", "F=3", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "spec.keras").is_file()


def test_what_keras_refuses_is_a_diagnostic(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def refuse(self: Built) -> None:
        raise ValueError("Input 0 is incompatible")

    monkeypatch.setattr(Built, "main", refuse)
    assert main(["build", spec, "-D", "F=3"]) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "error[ST404]" in shown
    assert "said: Input 0 is incompatible" in shown
    assert build.SUFFIX not in shown


@pytest.mark.parametrize("train", ["", "\ntrain adam, loss=mse"])
def test_a_model_that_was_saved_since_it_was_built_is_kept(
    train: str, tmp_path: Path, capsys: Capture
) -> None:
    """Keras' file does not say how often an own training loop, or one in mixed precision, made a step."""
    target = tmp_path / "model.keras"
    command = ["build", f"in(5,3) -> lstm(4) -> dense(1){train}", "-o", str(target)]
    assert main(command) == 0
    assert main(command) == 0
    capsys.readouterr()
    model = keras.saving.load_model(target)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.save(target)
    before = target.read_bytes()
    assert main(command) == 1
    assert "a Keras model that may be trained is there already" in " ".join(capsys.readouterr().err.split())
    assert target.read_bytes() == before
    assert main([*command, "--force"]) == 0
