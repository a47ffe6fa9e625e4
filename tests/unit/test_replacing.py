"""Files that the commands write over, and files that they keep."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import seqtopo.exporting
from seqtopo.cli.fit_files import loss_curve
from seqtopo.cli.main import main
from seqtopo.system.replacing import KINDS, why_kept

SPEC = "in(5,3) -> lstm(4) -> dense(1)"
CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "model",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "x"}},
            {"class_name": "Dense", "config": {"name": "dense", "units": 2}},
        ],
    },
}


def keras_file(comment: bytes = b"", **members: bytes) -> bytes:
    """The bytes of a .keras file, with other members beside its configuration."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        for name, data in members.items():
            archive.writestr(name.replace("_json", ".json"), data)
        archive.comment = comment
    return made.getvalue()


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return made.getvalue()


MADE = b"written by seqtopo; it can be made again"
MODEL, OTHER, FITTED = keras_file(MADE), keras_file(), keras_file(seqtopo_json=b"{}")
PICTURE = "```mermaid\nflowchart TD\n    n0\n```\n"
FILES: Mapping[str, tuple[str, bytes]] = {
    "nothing": ("a", b""),
    "spec": ("a.txt", SPEC.encode()),
    "notes": ("a.md", b"# Notes\n"),
    "readme": ("a.md", f"{PICTURE}\n# What it is\n".encode()),
    "mermaid": ("a.md", PICTURE.encode()),
    "svg": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg">'),
    "drawing": ("a.txt", "╭───╮\n│ x │\n".encode()),
    "model": ("a.keras", MODEL),
    "trained": ("a.keras", FITTED),
    "saved by Keras": ("a.keras", OTHER),
    "HDF5": ("a.keras", b"\x89HDF\r\n\x1a\n\0"),
    "half": ("a.keras", MODEL[: len(MODEL) // 2]),
    "archive": ("a.npz", archive("weights.npy")),
    "exported": ("a.pt2", archive("model/data.json", "model/archive_format")),
    "loss curve": ("a.svg", loss_curve({"loss": [1.0, 0.5]}, "loss").encode()),
    "found": ("a.txt", b"# The best of the study s: trial 3\n" + SPEC.encode()),
    "program": ("a.py", b'"""A Keras model, written by seqtopo: nothing but Keras is needed to run it."""\n'),
    "own": ("a.py", b"import keras\n"),
    "data": ("a.csv", b"a,b\n1,2\n"),
    "forecast": ("a.csv", b"step,a\n1,2\n"),
    "onnx": ("a.onnx", b"\x08\x08\x12\x00"),
    "tflite": ("a.tflite", b"\x1c\0\0\0TFL3"),
}
REPLACED = {
    "spec": set(),
    "model": {"model"},
    "fitted": set(),
    "loss curve": {"loss curve"},
    "found": {"found"},
    "program": {"program"},
    "config": set(),
    "picture": {"mermaid", "svg", "drawing", "loss curve"},
    "forecast": {"forecast"},
    "onnx": {"onnx"},
    "tflite": {"tflite"},
    "pt2": {"exported"},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "saved_model"])
def test_a_command_replaces_only_what_it_can_make_again(kind: str, tmp_path: Path) -> None:
    replaced = set()
    for what, (name, data) in FILES.items():
        path = tmp_path / name
        path.write_bytes(data)
        if not why_kept(path, kind):
            replaced.add(what)
    assert replaced == {"nothing", *REPLACED[kind]}


def test_the_same_text_is_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "spec.txt"
    path.write_text(SPEC)
    assert why_kept(path, "spec", SPEC) == ""
    assert (
        why_kept(path, "spec", SPEC + " ") == why_kept(path, "spec", SPEC[:-1]) == "a text that may be needed"
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("model.keras").write_bytes(MODEL)
    Path("spec.txt").write_text(SPEC)
    for what in ("notes", "own", "data"):
        name, data = FILES[what]
        Path(name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["decompile", "model.keras", "-o", "a.md"],
        ["convert", "model", "model.keras", "-o", "a.md"],
        ["draw", SPEC, "-o", "a.md"],
        ["build", SPEC, "-o", "a.py"],
        ["decompile", "model.keras", "-o", "spec.txt"],
        ["draw", SPEC, "-o", "a.md", "--unfold"],
    ],
)
def test_what_is_kept_stays_until_it_is_forced(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    target = Path(command[command.index("-o") + 1])
    before = target.read_bytes()
    code = main(command)
    said = capsys.readouterr()
    assert code == 1
    assert "ST732" in said.out + said.err
    assert f"-o {target.stem}-2{target.suffix}" in said.out + said.err
    assert target.read_bytes() == before
    assert main([*command, "--force"]) == 0
    assert target.read_bytes() != before


def test_a_history_is_not_replaced_by_its_forecast(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "model.keras", "--steps", "3", "-o", "a.csv"]) == 1
    said = capsys.readouterr().err
    assert "ST732" in said
    assert "-o a-2.csv" in said


def test_a_search_keeps_what_no_search_wrote(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = "search N in [2,4]\nin(5,2) -> lstm(N) -> dense(1)"
    Path("series.csv").write_text("a,b\n" + "1,2\n" * 40)
    Path("best.svg").write_text("<svg>drawn</svg>")
    Path("model.keras").write_bytes(OTHER)
    for output in ("spec.txt", "best.txt", "model.txt"):
        assert main(["search", space, "series.csv", "--trials", "1", "-o", output]) == 1
        assert "ST732" in capsys.readouterr().err


# ---- exports -----------------------------------------------------------------------------------------


@pytest.fixture
def exports(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which exports are written at once, by no backend."""

    def asked(request: Mapping[str, Any], file: Path, backend: str) -> dict[str, Any]:
        out = Path(request["out"])
        if request["format"] == "saved_model":
            out.mkdir()
            (out / "saved_model.pb").write_bytes(b"new")
        else:
            out.write_bytes(b"new")
        ports = [["x", ["batch", 3], "float32"]]
        return {"inputs": ports, "outputs": ports, "engine": "", "compared": []}

    monkeypatch.setattr(seqtopo.exporting, "_asked", asked)
    monkeypatch.setattr(seqtopo.exporting, "chosen_backends", lambda *_: ["torch"])
    monkeypatch.setattr("seqtopo.cli.export.chosen_backends", lambda *_: ["torch"])
    for name in ("served", "mixed", "empty"):
        Path(name).mkdir()
    Path("served/saved_model.pb").write_bytes(b"old")
    Path("mixed/saved_model.pb").write_bytes(b"old")
    Path("mixed/thesis.txt").write_bytes(b"years")
    Path("old.onnx").write_bytes(b"\x08old")
    Path("link.onnx").symlink_to("old.onnx")
    Path("gone.onnx").symlink_to("nowhere.onnx")
    Path("loop.onnx").symlink_to("loop.onnx")
    Path("to_served").symlink_to("served")
    return folder


@pytest.mark.parametrize(
    ("target", "more", "code", "words"),
    [
        ("spec.txt", ["--format", "onnx"], 1, "the model is read from it"),
        ("model.keras", ["--format", "onnx"], 1, "a Keras model is there already"),
        ("a.csv", ["--format", "onnx"], 1, "a text that may be needed is there already"),
        ("mixed", [], 1, "it is there, and is no SavedModel alone"),
        (".", ["--format", "saved_model"], 1, "it is the current folder"),
        ("a.csv", ["--format", "saved_model"], 1, "it is there, and is no SavedModel"),
        ("served", ["--format", "onnx"], 1, "it is a folder"),
        (f"{'x' * 300}.onnx", [], 1, "file name too long"),
        (f"{'x' * 300}", [], 1, "file name too long"),
        ("a\0b.onnx", [], 1, "its name has a null character"),
        ("no/where.onnx", [], 1, "there is no folder no"),
        ("old.onnx", [], 0, "Wrote old.onnx"),
        ("link.onnx", [], 0, "Wrote link.onnx"),
        ("gone.onnx", [], 0, "Wrote gone.onnx"),
        ("served", [], 0, "Wrote served"),
        ("to_served", [], 0, "Wrote to_served"),
        ("empty", [], 0, "Wrote empty"),
        ("a.csv", ["--format", "onnx", "--force"], 0, "Wrote a.csv"),
    ],
)
def test_where_an_export_is_written(
    exports: Path, target: str, more: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _contents(exports)
    assert main(["export", "spec.txt", "-o", target, *more]) == code
    said = capsys.readouterr()
    assert words in " ".join((said.out + said.err).split())
    after = _contents(exports)
    if code:
        assert after == before
    else:
        written = os.path.realpath(target)
        assert all(after[path] == data for path, data in before.items() if not path.startswith(written))
        assert after[written if os.path.isfile(written) else f"{written}/saved_model.pb"] == b"new"
    assert {path.name for path in exports.iterdir() if path.is_symlink()} == {
        "link.onnx", "gone.onnx", "loop.onnx", "to_served"
    }  # fmt: skip


def _contents(folder: Path) -> dict[str, bytes]:
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return {os.path.realpath(file): file.read_bytes() for file in files if file.is_file()}


def test_an_export_says_what_it_cannot_write(
    exports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(seqtopo.exporting, "_put", fails)
    assert main(["export", "spec.txt", "-o", "new.onnx"]) == 1
    assert "new.onnx cannot be written: permission denied" in capsys.readouterr().err
    assert not Path("new.onnx").exists()
    assert not [path for path in exports.iterdir() if path.name.startswith(".seqtopo")]


@pytest.mark.parametrize("value", ["x", "relu"])
def test_a_word_for_a_size_is_told(exports: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "in(T,3) -> lstm(4)", "-o", "m.onnx", "-D", f"T={value}"]) == 1
    said = capsys.readouterr()
    assert "ST901" not in said.out + said.err
    assert "but a size is a number" in said.out + said.err
