"""``seqtopo check --fix``, ``--diff`` and ``--suggest``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.diag.fixing import MOST_ROUNDS, fixed, suggestions
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.source import Span

OLD = "# mine\nin(9,4) -> LSTM(8, inner_init=zeros)   # first\n    -> TimeDistributedDense(3)\n"
NEW = "# mine\nin(9,4) -> lstm(8,recurrent_initializer=zeros)   # first\n    -> td(dense(3))\n"
BROKEN = "in(9,4) -> lstm(8) -> lstm(4)\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def file(folder: Path, text: str) -> Path:
    path = folder / "spec.txt"
    path.write_bytes(text.encode())
    return path


def given(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_a_file_is_fixed_in_place_and_keeps_its_comments(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path, OLD)
    main(["check", "--fix", str(path)])
    assert path.read_text() == NEW
    assert capsys.readouterr().out == f"fixed 2 mistakes in {path}\n"


def test_what_is_left_is_said_and_is_an_error(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path, BROKEN)
    assert main(["check", "--fix", str(path)]) == 1
    assert path.read_text() == BROKEN
    said = capsys.readouterr()
    assert said.out == f"nothing in {path} has a safe fix\n"
    assert "error[ST301]" in said.err


def test_a_difference_is_shown_and_nothing_written(tmp_path: Path, capsys: Capture) -> None:
    path = file(tmp_path, OLD)
    assert main(["check", "--diff", str(path)]) == 1
    assert path.read_text() == OLD
    assert "+    -> td(dense(3))\n" in capsys.readouterr().out


def test_line_endings_and_the_mark_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "spec.txt"
    path.write_bytes(b"\xef\xbb\xbfin(9,4)\r\n -> GRU(8)\r\n")
    assert main(["check", "--fix", str(path)]) == 0
    assert path.read_bytes() == b"\xef\xbb\xbfin(9,4)\r\n -> gru(8)\r\n"


def test_the_standard_input_goes_to_the_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    given("in(9,4) -> GRU(8)\n", monkeypatch)
    assert main(["check", "--fix", "-"]) == 0
    said = capfdbinary.readouterr()
    assert said.out == b"in(9,4) -> gru(8)\n"
    assert said.err == b"fixed 1 mistake\n"


def test_a_file_that_cannot_be_read_is_a_diagnostic(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", "--fix", str(tmp_path / "none.txt")]) == 1
    assert "error[ST405]" in capsys.readouterr().err


def test_each_way_out_is_printed_as_a_spec_that_checks(capsys: Capture) -> None:
    assert main(["check", "--suggest", BROKEN.strip()]) == 0
    parts = capsys.readouterr().out.strip().split("\n\n")
    assert parts[0] == "# add seq to the lstm before it, to keep its steps\nin(9,4) -> lstm(8,seq) -> lstm(4)"
    assert len(parts) > 1
    for part in parts:
        assert seqtopo.check(part).ok


def test_a_suggestion_goes_through_every_mistake(capsys: Capture) -> None:
    main(["check", "--suggest", "in(9,4) -> lstm(8) -> LSTM(4) -> td(dense(3))"])
    first = capsys.readouterr().out.split("\n\n")[0].strip()
    assert first.endswith("in(9,4) -> lstm(8,seq) -> lstm(4,seq) -> td(dense(3))")
    assert first.count("; then ") == 2


def test_where_there_is_nothing_to_suggest_it_says_so(capsys: Capture) -> None:
    assert main(["check", "--suggest", "in(9,4) -> lstm(8) -> dense(1)"]) == 0
    assert capsys.readouterr().out == "# nothing to suggest: the spec is fine\n"
    assert main(["check", "--suggest", "in(9,4) -> qqqqq"]) == 1
    assert capsys.readouterr().out == "# nothing to suggest\n"


def test_one_of_the_options_at_a_time(capsys: Capture) -> None:
    assert main(["check", "--fix", "--suggest", BROKEN]) == 2


# ---- the engine ----------------------------------------------------------------------------------


def flips(text: str) -> list[Diagnostic]:
    """A check whose fixes lead in a circle."""
    other = {"a": "b", "b": "a"}[text]
    fix = Fix("flip", (Edit(Span(0, 1), other),), safe=True)
    return [Diagnostic("ST101", "wrong", Span(0, 1), fixes=(fix,))]


def grows(text: str) -> list[Diagnostic]:
    fix = Fix("grow", (Edit(Span(0, 0), "x"),), safe=True)
    return [Diagnostic("ST101", "wrong", Span(0, 1), fixes=(fix,))]


def test_a_circle_and_a_text_that_grows_end() -> None:
    assert fixed("a", flips).text == "b"
    assert fixed("", grows).count == MOST_ROUNDS


def test_of_fixes_of_one_place_one_is_made_in_a_round() -> None:
    def check(text: str) -> list[Diagnostic]:
        if text != "aa":
            return []
        two = (Edit(Span(0, 2), "b"), Edit(Span(1, 2), "c"))
        return [
            Diagnostic("ST101", "wrong", Span(0, 1), fixes=(Fix("", (edit,), safe=True),)) for edit in two
        ]

    assert (fixed("aa", check).text, fixed("aa", check).count) == ("b", 1)


def test_guesses_are_never_made_by_themselves() -> None:
    text = "in(9,4) -> lstm(8) -> lstm(4)"
    assert fixed(text, lambda t: seqtopo.check(t).diagnostics).count == 0


def test_a_suggestion_gives_up_where_the_mistakes_do_not_end() -> None:
    def check(text: str) -> list[Diagnostic]:
        fix = Fix("longer", (Edit(Span(0, 0), "x"),))
        return [Diagnostic("ST101", "wrong", Span(0, 1), fixes=(fix,))]

    assert list(suggestions("", check)) == []


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Samples of nine steps, and three numbers as the label of each."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((20, 9, 4), "float32"))
    np.save("y.npy", np.zeros((20, 3), "float32"))
    return tmp_path


@pytest.mark.parametrize("more", [["--suggest"], ["--fix"], ["--diff"]])
def test_fault_a9_what_is_suggested_is_held_against_the_data(
    more: list[str], labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--x", "x.npy", "--y", "y.npy", "--loss", "mse"]
    assert main(["check", "in(9,4) -> lstm(8) -> dense(2)", *data]) == 1
    assert "error[ST702]" in capsys.readouterr().out
    code = main(["check", "in(9,4) -> lstm(8) -> dense(2)", *data, *more])
    shown = capsys.readouterr()
    assert "the spec is fine" not in shown.out
    if more == ["--suggest"]:
        assert (code, shown.out.splitlines()[1]) == (0, "in(9,4) -> lstm(8) -> dense(3)")
    else:
        assert code == 1 or "dense(3)" in shown.out
    assert main(["check", "in(9,4) -> lstm(8) -> dense(3)", *data, *more]) == 0


def test_fault_a9_errors_beside_a_suggestion_stay_errors(
    labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = "in(9,4) -> lstm(8) -> dense(3)"
    assert main(["check", spec, "--y", "none.npy", "--loss", "mse", "--suggest"]) == 1
    assert "ST7" in capsys.readouterr().err
    assert main(["check", spec, "--suggest", "--max-params", "10"]) == 1
    assert "ST403" in capsys.readouterr().err
    assert main(["check", spec, "in(9,4) -> lstm(3)", "--x", "x.npy", "--suggest"]) == 2
    assert "data is for one spec" in capsys.readouterr().err
    assert main(["check", spec, "--loss", "mse", "--suggest"]) == 2
    for more in ([], ["--diff"]):
        assert main(["check", "in(1,4) -> lstm(8) -> dense(3)", "--strict", *more]) == 1
