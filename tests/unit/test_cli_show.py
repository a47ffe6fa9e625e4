"""``seqtopo show``: a walk through a right spec, and what is wrong with another."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtopo.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is not a terminal, whatever the tests run in."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_a_spec_and_its_sizes(tmp_path: Path, capsys: Capture) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_text("in(T,8) -> lstm(4)")
    assert main(["show", str(spec), "-D", "T=24"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        "many-to-one: a sequence in, one answer out\n\nWhat comes in, for each sample: 24 time"
    )
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_wrong_is_said_instead(capsys: Capture) -> None:
    assert main(["show", "in(T,8) -> lstm(4) -> lstm(4)"]) == 1
    shown = capsys.readouterr().out
    assert "error[ST301]" in shown
    assert "What comes in" not in shown


def test_warnings_come_first(capsys: Capture) -> None:
    assert main(["show", "in(3,1) -> lstm(8) -> dense(1,softmax)"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("warning[ST621]") < shown.index("What comes in")


@pytest.mark.parametrize("columns", [20, 40, 60, 200])
def test_it_fits_into_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["show", "in(24,3) -> lstm(64,seq) as reading -> bi(gru(8)) -> dense(10,softmax)"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= min(columns, 80)


def test_headings_are_bold_in_colour(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["show", "in(8) -> dense(1)"]) == 0
    assert "\x1b[1m1. input: in(8)" in capsys.readouterr().out
