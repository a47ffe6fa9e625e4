"""Wrong files, given to the commands that read and write them: what is wrong is named, and the way out."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from seqtopo.cli.main import main

Capture = pytest.CaptureFixture[str]
SPEC = "in(T,8) -> lstm(4)"
CONFIG = (
    '{"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", '
    '"module": "keras.layers", "config": {"batch_shape": [null, 8], "name": "input"}}]}}'
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of every kind, to be in."""
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.txt", "folder.keras"):
        Path(name).mkdir()
    Path("spec.txt").write_text(SPEC, encoding="utf-8")
    for name in ("model.json", "keras.txt"):
        Path(name).write_text(CONFIG, encoding="utf-8")
    for name in ("empty.txt", "empty.keras"):
        Path(name).touch()
    Path("bytes.txt").write_bytes(b"\xff\xfe\0")
    Path("text.keras").write_text("no archive", encoding="utf-8")
    Path("old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 64)
    with zipfile.ZipFile("other.keras", "w") as archive:
        archive.writestr("readme", "")
    with zipfile.ZipFile("packed.txt", "w") as archive:
        archive.writestr("config.json", "\xff" * 99)
    return tmp_path


def said(argv: list[str], capsys: Capture) -> tuple[int, str]:
    """The exit code, and everything that was said, in one line."""
    code = main(argv)
    shown = capsys.readouterr()
    return code, " ".join((shown.out + shown.err).split())


SPECS = (["draw"], ["diff", SPEC], ["export", "-o", "x.onnx"], ["check"])
MODELS = (["draw"], ["diff", SPEC], ["export", "-o", "x.onnx"], ["decompile"])


@pytest.mark.parametrize(
    ("name", "cause", "way_out"),
    [
        ("none.txt", "none.txt cannot be read: no such file", "check the path"),
        ("folder", "folder cannot be read: it is a folder", "give a file in it"),
        ("folder.txt", "folder.txt cannot be read: it is a folder", "give a file in it"),
        ("empty.txt", "there is no flow in this spec", "write one, such as"),
        ("keras.txt", "keras.txt holds a Keras model as JSON", "seqtopo decompile model.json"),
        ("bytes.txt", "bytes.txt is not a text in UTF-8", "save the spec as UTF-8 text"),
        ("packed.txt", "packed.txt is not a text in UTF-8", "seqtopo decompile model.keras"),
    ],
)
@pytest.mark.parametrize("command", SPECS, ids=lambda command: command[0])
def test_what_is_no_spec_is_told(
    command: list[str], name: str, cause: str, way_out: str, capsys: Capture
) -> None:
    code, shown = said([*command, name], capsys)
    assert code != 0
    assert cause in shown
    assert way_out in shown


@pytest.mark.parametrize(
    ("name", "cause", "way_out"),
    [
        ("none.keras", "none.keras", "seqtopo build spec.txt|check the path"),
        ("folder.keras", "folder.keras is a folder", "a .keras file that Keras 3 has saved"),
        ("empty.keras", "empty.keras cannot be read: it is empty", "a .keras file that Keras 3 has saved"),
        ("text.keras", "text.keras cannot be read: it is not a .keras file", "that Keras 3 has saved"),
        ("old.h5", "old.h5", "that Keras 3 has saved|seqtopo convert model model.h5 -o model.keras"),
        ("other.keras", "other.keras is an archive, but no Keras model is in it", "that Keras 3 has saved"),
    ],
)
@pytest.mark.parametrize("command", MODELS, ids=lambda command: command[0])
def test_what_is_no_model_is_told(
    command: list[str], name: str, cause: str, way_out: str, capsys: Capture
) -> None:
    code, shown = said([*command, name], capsys)
    assert code != 0
    assert cause in shown
    assert any(way in shown for way in way_out.split("|"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["draw", "spec.txt", "-o", "spec.txt"], "write over spec.txt, which is read write -o spec-new.txt"),
        (["draw", "spec.txt", "-o", "./folder/../spec.txt"], "write over spec.txt"),
        (["decompile", "model.json", "-o", "model.json"], "write over model.json"),
        (["decompile", "model.json", "-o", "x.keras"], "x.keras would not be one write -o x.txt"),
        (["convert", "vgsl", "spec.txt", "-o", "spec.txt"], "write over spec.txt"),
        (["convert", "vgsl", "[1,36,0,1 Lfys8 O1c9]", "-o", "x.json"], "x.json would not be one"),
        (["forecast", "text.keras", "--steps", "3", "-o", "text.keras"], "write over text.keras"),
        (["draw", SPEC, "-o", "-"], "without -o it is drawn on the terminal"),
        (["diff", "-", "-"], "can be read only once give one of the two as a file"),
        (["export", "model.json", "-o", "x.onnx"], "seqtopo decompile model.json -o model.txt"),
    ],
)
def test_a_wrong_use_says_what_to_write(argv: list[str], words: str, folder: Path, capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    code, shown = said(argv, capsys)
    assert code == 2
    assert words in shown
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("place", ["folder.txt", "none/x.txt"])
@pytest.mark.parametrize(
    "command",
    [["draw", SPEC], ["decompile", "model.json"], ["convert", "vgsl", "[1,36,0,1 Lfys8 O1c9]"]],
    ids=lambda command: command[0],
)
def test_where_nothing_can_be_written_is_told(command: list[str], place: str, capsys: Capture) -> None:
    code, shown = said([*command, "-o", place], capsys)
    assert code == 1
    assert "ST405" in shown
    assert ("it is a folder" if place == "folder.txt" else "there is no folder none") in shown


def test_a_vgsl_file_that_is_not_there_is_told(capsys: Capture) -> None:
    assert "none.vgsl cannot be read: no such file" in said(["convert", "vgsl", "none.vgsl"], capsys)[1]
    assert "one list in square brackets" in said(["convert", "vgsl", "1,36,0,1 Lfys8"], capsys)[1]


def test_names_and_specs_may_be_in_any_script(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    Path("тест 日本.txt").write_text(SPEC, encoding="utf-8")
    code, shown = said(["draw", "тест 日本.txt", "-o", "картина 図.svg"], capsys)
    assert (code, shown) == (0, "Wrote картина 図.svg")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("# 日本\nin(T,8) -> lstm(4)".encode())))
    assert said(["diff", "-", "тест 日本.txt"], capsys)[0] == 0
