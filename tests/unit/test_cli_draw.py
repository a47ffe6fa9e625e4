"""``seqtopo draw``: pictures on the terminal and in files, and what is said where there is none."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from seqtopo.cli.main import main
from seqtopo.system import packages

Capture = pytest.CaptureFixture[str]
SPEC = "in(24,3) -> lstm(64,seq) -> dense(1)"


def test_without_a_file_it_is_drawn_on_the_terminal(capsys: Capture) -> None:
    assert main(["draw", SPEC]) == 0
    shown = capsys.readouterr().out
    assert "│ lstm(64) │" in shown
    assert "(24, 64)" in shown


def test_in_ascii_alone(capsys: Capture) -> None:
    assert main(["draw", "--ascii", "in(T,8) -> lstm(8,seq) * 3"]) == 0
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "x3 |" in shown


def test_where_the_output_takes_no_boxes_it_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["draw", SPEC]) == 0
    sys.stdout.flush()
    assert b"| lstm(64) |" in raw.getvalue()
    assert b"\\u" not in raw.getvalue()


def test_a_narrow_terminal_gets_a_list(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    assert main(["draw", "x = in(T,8)\n[x -> lstm(4), x -> gru(4), x -> rnn(4)] -> concat"]) == 0
    shown = capsys.readouterr().out
    assert "5. concat <- 2, 3, 4" in shown
    assert "┌" not in shown


@pytest.mark.parametrize(
    ("ending", "start"),
    [
        (".svg", b"<svg "),
        (".png", b"\x89PNG\r\n"),
        (".pdf", b"%PDF-1.7"),
        (".tex", b"% many-to-many"),
        (".mmd", b"flowchart TD"),
        (".md", b"```mermaid"),
        (".txt", "╭───".encode()),
    ],
)
def test_a_file_is_written_by_its_ending(ending: str, start: bytes, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / f"topology{ending}"
    assert main(["draw", SPEC, "-o", str(path)]) == 0
    assert path.read_bytes().startswith(start)
    assert capsys.readouterr().out == f"Wrote {path}\n"


def test_an_ending_that_says_nothing_is_not_understood(capsys: Capture) -> None:
    assert main(["draw", SPEC, "-o", "topology.bmp"]) == 2
    assert ".svg, .png" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    assert main(["draw", SPEC, "-o", str(tmp_path / "nowhere" / "a.svg")]) == 1
    assert "ST405" in capsys.readouterr().err


def test_a_wrong_spec_is_told_and_not_drawn(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "a.svg"
    assert main(["draw", "in(T,8) -> lstm(4) -> lstm(4)", "-o", str(path)]) == 1
    assert "ST301" in capsys.readouterr().out
    assert not path.exists()


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["draw", SPEC, "-o", "a.png"]) == 1
    shown = capsys.readouterr().out
    assert "ST453" in shown
    assert packages.get_extra("draw") in " ".join(shown.split())


def test_mermaid(capsys: Capture) -> None:
    assert main(["draw", "--mermaid", SPEC]) == 0
    assert 'n1["lstm(64)<br/>seq"]' in capsys.readouterr().out


def test_sizes_from_outside(capsys: Capture) -> None:
    assert main(["draw", "in(T,8) -> lstm(U)", "-D", "U=5"]) == 0
    assert "lstm(5)" in capsys.readouterr().out


@pytest.mark.parametrize("scale", ["0", "x", "1e9"])
def test_a_scale_that_is_none(scale: str, capsys: Capture) -> None:
    assert main(["draw", SPEC, "-o", "a.png", "--scale", scale]) == 2
    assert "from 0.1 to 20" in capsys.readouterr().err


def test_steps_side_by_side(capsys: Capture) -> None:
    assert main(["draw", "--unrolled", "in(3,8) -> lstm(4,seq)"]) == 0
    shown = capsys.readouterr().out
    assert "lstm │──►│ lstm" in shown
    assert "y3" in shown


def test_what_cannot_be_unrolled_says_what_to_do(capsys: Capture) -> None:
    assert main(["draw", "--unrolled", "in(T,8) -> dense(8) * 60"]) == 1
    shown = capsys.readouterr().out
    assert "ST452" in shown
    assert "leave out --unrolled" in shown


@pytest.mark.parametrize("more", [["--unrolled", "--mermaid"], ["--mermaid", "-o", "a.mmd"]])
def test_what_does_not_go_together(more: list[str], capsys: Capture) -> None:
    assert main(["draw", SPEC, *more]) == 2
    assert "leave out" in capsys.readouterr().err


PARTS = "read = lstm(4) -> dense(2)\nencoder = in(T,8) -> gru(3,seq)\nencoder -> read"


def test_a_part_is_drawn_by_itself(capsys: Capture) -> None:
    assert main(["draw", PARTS, "--part", "encoder"]) == 0
    shown = capsys.readouterr().out
    assert "gru(3)" in shown
    assert "lstm(4)" not in shown
    assert main(["draw", PARTS, "--part", "read", "--unrolled"]) == 0
    shown = capsys.readouterr().out
    assert "gru" not in shown
    assert "in(T, 3)" in shown


def test_a_part_that_there_is_none_of(capsys: Capture) -> None:
    assert main(["draw", PARTS, "--part", "decoder"]) == 2
    assert "its parts are encoder, model, read" in capsys.readouterr().err


def test_a_saved_model_is_drawn_without_keras(tmp_path: Path, capsys: Capture) -> None:
    lstm = {"name": "lstm", "units": 4, "return_sequences": True}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 5, 3], "name": "x"}},
        {"class_name": "LSTM", "config": lstm, "module": "keras.layers"},
        {"class_name": "Dense", "config": {"name": "dense", "units": 2}, "module": "keras.layers"},
    ]
    config = {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    assert main(["draw", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "lstm(4)" in shown
    assert "dense(2)" in shown
    path.write_text("{", encoding="utf-8")
    assert main(["draw", str(path)]) == 1
    assert "ST50" in capsys.readouterr().out


def test_fault_b_a_picture_does_not_replace_a_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "in(6,3) -> lstm(4)\n"
    Path("other.txt").write_text(spec, encoding="utf-8")
    assert main(["draw", "in(5,2) -> gru(3)", "-o", "other.txt"]) == 2
    assert "write -o other-drawn.txt" in capsys.readouterr().err
    assert Path("other.txt").read_text(encoding="utf-8") == spec
    # A picture is replaced by the next one.
    for _ in range(2):
        assert main(["draw", "in(5,2) -> gru(3)", "-o", "other-drawn.txt"]) == 0
