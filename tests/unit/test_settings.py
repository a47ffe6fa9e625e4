"""The rules that are on: by ``pyproject.toml``, by the command line on top of it, and in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.diag.codes import CODES
from seqtopo.lint.selection import NoSuchRule, Selection, selection

SPEC = "in(3,1) -> lstm(8) -> dense(1,softmax)"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec in a folder of its own."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "spec.txt").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settle(folder: Path, text: str) -> None:
    """Writes settings into a folder."""
    (folder / "pyproject.toml").write_text(f"[tool.seqtopo]\n{text}\n", encoding="utf-8")


def concise(capsys: Capture, *argv: str) -> tuple[int, list[str]]:
    """The exit code of a check, and the codes that it shows."""
    code = main(["check", *argv, "--format", "concise"])
    return code, [line.partition("[")[2][:5] for line in capsys.readouterr().out.splitlines()]


def test_a_warning_is_shown_and_fails_only_a_strict_check(project: Path, capsys: Capture) -> None:
    assert concise(capsys, "specs/spec.txt") == (0, ["ST621"])
    assert concise(capsys, "specs/spec.txt", "--strict") == (1, ["ST621"])
    assert concise(capsys, "in(20,4) -> gmaxpool1d -> flatten -> dense(1)", "--strict") == (0, ["ST661"])


@pytest.mark.parametrize("spec", ["specs/spec.txt", SPEC])
def test_settings_hold_for_what_lies_below_them(spec: str, project: Path, capsys: Capture) -> None:
    settle(project, 'ignore = ["ST62"]')
    assert concise(capsys, spec, "--strict") == (0, [])
    assert concise(capsys, spec, "--select", "ST621") == (0, ["ST621"])
    assert concise(capsys, spec, "--select", "ST62") == (0, ["ST621"])
    assert concise(capsys, spec, "--select", "ALL") == (0, [])


def test_the_nearest_settings_hold(project: Path, capsys: Capture) -> None:
    settle(project, 'ignore = ["softmax-over-one"]')
    (project / "specs" / "pyproject.toml").write_text("[tool.other]\nignore = 3\n")
    assert concise(capsys, "specs/spec.txt") == (0, [])
    settle(project / "specs", "")
    assert concise(capsys, "specs/spec.txt") == (0, ["ST621"])
    assert concise(capsys, SPEC, "specs/spec.txt") == (0, ["ST621"])


def test_settings_bound_the_parameters(project: Path, capsys: Capture) -> None:
    settle(project, "max-params = 10")
    assert concise(capsys, "specs/spec.txt")[1] == ["ST621", "ST403"]
    assert concise(capsys, "specs/spec.txt", "--max-params", "1000") == (0, ["ST621"])


def test_what_the_command_line_ignores_may_be_a_list(project: Path, capsys: Capture) -> None:
    assert concise(capsys, "specs/spec.txt", "--ignore", "ST65, ST621") == (0, [])
    assert concise(capsys, "specs/spec.txt", "--ignore", "ST65", "--ignore", "st621") == (0, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('ignroe = ["ST621"]', "there is no setting ignroe\ndid you mean ignore?"),
        ("zzzzzzz = 1", "there is no setting zzzzzzz\nits settings are select, ignore, max-params"),
        ('ignore = "ST621"', 'ignore is a list of codes\nwrite ignore = ["ST621"]'),
        ("select = [621]", 'select is a list of codes\nwrite select = ["ST621"]'),
        ('select = ["softmax-over-ones"]', "did you mean softmax-over-one?"),
        ('ignore = ["ST301"]', "ST301 is an error, and errors cannot be ignored"),
        ('ignore = ["ST3"]', "ST3 is an error, and errors cannot be ignored"),
        ("max-params = 0", "max-params is a whole number from 1 up"),
        ("max-params = true", "max-params is a whole number from 1 up"),
        ("ignore = [", "cannot be read"),
    ],
)
def test_settings_that_are_none_are_refused(text: str, words: str, project: Path, capsys: Capture) -> None:
    settle(project, text)
    assert main(["check", "specs/spec.txt"]) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "pyproject.toml" in shown


def test_a_file_that_does_not_speak_of_us_is_not_read(project: Path, capsys: Capture) -> None:
    (project / "pyproject.toml").write_text("this is no TOML")
    assert concise(capsys, "specs/spec.txt") == (0, ["ST621"])
    (project / "pyproject.toml").write_text("[tool]\nseqtopo = 3")
    assert main(["check", SPEC]) == 2
    assert "write [tool.seqtopo]" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_the_command_line_refuses_what_is_no_code(option: str, capsys: Capture) -> None:
    assert main(["check", SPEC, option, "ST62l"]) == 2
    assert "there is no code ST62l" in capsys.readouterr().err


def test_python_refuses_what_is_no_code() -> None:
    assert not seqtopo.check(SPEC, ignore="ST62,ST66").diagnostics
    assert not seqtopo.check(SPEC, ignore=["softmax-over-one"]).diagnostics
    with pytest.raises(
        ValueError, match="there is no code softmax-over-ones to ignore; did you mean softmax-ov"
    ):
        seqtopo.check(SPEC, ignore=["softmax-over-ones"])
    with pytest.raises(ValueError, match="there is no code qqqqqqq to select; seqtopo explain lists"):
        seqtopo.check(SPEC, select="qqqqqqq")
    with pytest.raises(NoSuchRule, match="ignore takes codes, not 621"):
        seqtopo.check(SPEC, ignore=[621])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("chosen", "on"),
    [
        (Selection(), True),
        (selection(ignore="ALL"), False),
        (selection(select="ST621", ignore="ALL"), True),
        (selection(select="ST621", ignore="ST621"), False),
        (selection(select="ALL", under=selection(ignore="ST62")), False),
        (selection(select="ST62", under=selection(ignore="ST62")), True),
        (selection(under=selection(ignore="ST62")), False),
    ],
)
def test_what_says_most_of_a_code_decides(chosen: Selection, on: bool) -> None:
    assert chosen.on(CODES["ST621"]) is on
    assert chosen.on(CODES["ST301"])
