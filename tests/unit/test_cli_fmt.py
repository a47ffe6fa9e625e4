"""``seqtopo fmt``: files change in place, and keep all but their layout."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from seqtopo.cli import writing
from seqtopo.cli.main import main
from seqtopo.diag.error import SpecError

UGLY = "in( T,8 )->lstm( 4 )   # the end\n"
NEAT = "in(T,8) -> lstm(4)  # the end\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which a message stands on one line."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.txt"
    path.write_text(UGLY)
    return path


def test_a_file_is_formatted_in_place(spec: Path, capsys: Capture) -> None:
    assert main(["fmt", str(spec)]) == 0
    assert capsys.readouterr().out == f"formatted {spec}\n"
    assert spec.read_text() == NEAT
    assert [path.name for path in spec.parent.iterdir()] == ["spec.txt"]
    assert main(["fmt", str(spec)]) == 0
    assert capsys.readouterr().out == "nothing to change\n"


def test_check_changes_nothing(spec: Path, capsys: Capture) -> None:
    assert main(["fmt", "--check", str(spec)]) == 1
    assert capsys.readouterr().out == f"would format {spec}\n"
    assert spec.read_text() == UGLY
    spec.write_text(NEAT)
    assert main(["fmt", "--check", str(spec)]) == 0


def test_diff_shows_the_change(spec: Path, capsys: Capture) -> None:
    assert main(["fmt", "--diff", str(spec)]) == 0
    assert f"-{UGLY}+{NEAT}" in capsys.readouterr().out
    assert spec.read_text() == UGLY
    assert main(["fmt", "--diff", "--check", str(spec)]) == 1


def test_a_diff_says_where_the_last_line_has_no_end(spec: Path, capsys: Capture) -> None:
    spec.write_text(NEAT.rstrip("\n"))
    assert main(["fmt", "--diff", str(spec)]) == 0
    assert "\\ No newline at end of file\n" in capsys.readouterr().out


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_byte_order_mark_and_mode_stay(spec: Path, ending: str, mark: bytes) -> None:
    spec.write_bytes(mark + f"let T = 3{ending}{UGLY.strip()}{ending}".encode())
    spec.chmod(0o640)
    assert main(["fmt", str(spec)]) == 0
    assert spec.read_bytes() == mark + f"let T = 3{ending}{NEAT.strip()}{ending}".encode()
    assert stat.S_IMODE(spec.stat().st_mode) == 0o640


def test_a_link_stays_a_link(spec: Path) -> None:
    link = spec.with_name("link.txt")
    link.symlink_to(spec)
    assert main(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert spec.read_text() == NEAT


def test_a_wrong_spec_is_left_alone_and_the_others_are_not(spec: Path, capsys: Capture) -> None:
    wrong = spec.with_name("wrong.txt")
    wrong.write_text("in(T,8) ->")
    assert main(["fmt", str(wrong), str(spec), str(spec.with_name("missing.txt"))]) == 1
    shown = capsys.readouterr().err
    assert f"--> {wrong}:1:" in shown
    assert "missing.txt cannot be read" in shown
    assert wrong.read_text() == "in(T,8) ->"
    assert spec.read_text() == NEAT


@pytest.mark.parametrize(("given", "code", "written"), [(UGLY, 0, NEAT), ("in(T,8) ->", 1, "")])
def test_the_standard_input_goes_to_the_standard_output(
    given: str, code: int, written: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert main(["fmt", "-"]) == code
    assert capsys.readouterr().out == written


def test_a_file_that_cannot_be_replaced_stays_whole(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["fmt", str(spec)]) == 1
    assert "cannot be written: no space left on device" in capsys.readouterr().err
    assert spec.read_text() == UGLY
    assert [path.name for path in spec.parent.iterdir()] == ["spec.txt"]


def test_what_is_no_file_is_not_replaced() -> None:
    with pytest.raises(SpecError, match="it is not a file"):
        writing.write_whole(Path(os.devnull), lambda path: path.write_bytes(b""))
