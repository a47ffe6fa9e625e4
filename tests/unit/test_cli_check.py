"""``seqtopo check``: what it says of right and wrong specs, in each format."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from seqtopo import check
from seqtopo.cli.main import main
from seqtopo.diag.renderers.cells import width
from seqtopo.graph.kind import KINDS
from seqtopo.report.columns import Column, columns
from seqtopo.report.report import shape_table

SPEC = "in(T,8) -> lstm(64,seq) -> lstm(32)"
WRONG = "in(T,8) -> lstm(64) -> lstm(32)"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is not a terminal, whatever the tests run in."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_a_right_spec_is_shown_with_its_shapes(capsys: Capture) -> None:
    assert main(["check", SPEC]) == 0
    assert capsys.readouterr().out == (
        "many-to-one: a sequence in, one answer out\n"
        "\n"
        "  name    layer     takes    gives    parameters\n"
        "  input   in                 (T, 8)            0\n"
        "  lstm    lstm(64)  (T, 8)   (T, 64)      18,688  every step\n"
        "  lstm_1  lstm(32)  (T, 64)  (32,)        12,416  the last step only: 3D to 2D\n"
        "  total                                   31,104\n"
        "\n"
        "Shapes leave out the batch axis: (T, 8) is (batch, T, 8) in Keras, 3D.\n"
        "\n"
        f'To build it: seqtopo build "{SPEC}"\n'
    )


def test_a_wrong_spec_is_shown_with_its_place(capsys: Capture) -> None:
    assert main(["check", WRONG]) == 1
    shown = capsys.readouterr().out
    assert "error[ST301]: lstm takes (T, F) but is given (64,)" in shown
    assert shown.endswith("1 error\n")


def test_it_says_which_symbols_need_a_number(capsys: Capture) -> None:
    assert main(["check", "in(T,F) -> lstm(U)"]) == 0
    shown = capsys.readouterr().out
    assert "U needs a number before this can be built" in shown
    assert "-D F=64 -D U=64" in shown or "-D U=64 -D F=64" in shown
    assert main(["check", "in(T,F) -> lstm(U)", "-D", "U=4", "-D", "F=2"]) == 0
    assert "needs a number" not in capsys.readouterr().out


def test_a_binding_that_the_spec_lacks_is_an_error(capsys: Capture) -> None:
    assert main(["check", SPEC, "-D", "S=4"]) == 1
    assert "S is bound from outside, but the spec has no S" in capsys.readouterr().out


def test_several_specs_get_a_line_each(tmp_path: Path, capsys: Capture) -> None:
    one, two, three = tmp_path / "one.txt", tmp_path / "two.txt", tmp_path / "three.txt"
    one.write_text(SPEC)
    two.write_text("in(S,8) -> lstm(3)")
    three.write_text(WRONG)
    assert main(["check", str(one), str(two), "-D", "T=24", "-D", "S=2"]) == 0
    assert capsys.readouterr().out == (
        f"{one}: fine; many-to-one, 31,104 parameters\n{two}: fine; many-to-one, 144 parameters\n"
    )
    assert main(["check", str(one), str(three)]) == 1
    assert f"{three}: errors, see above" in capsys.readouterr().out
    assert main(["check", str(one), str(two), "-D", "Q=24"]) == 1


def test_more_parameters_than_allowed_are_an_error(capsys: Capture) -> None:
    assert main(["check", SPEC, "--max-params", "31103"]) == 1
    assert "error[ST403]" in capsys.readouterr().out
    assert main(["check", SPEC, "--max-params", "31,104"]) == 0


def test_json_of_a_right_spec_has_its_shapes(capsys: Capture) -> None:
    assert main(["check", "in(T,int) -> embed(100,E) -> lstm(32)", "--format", "json"]) == 0
    [spec] = json.loads(capsys.readouterr().out)["specs"]
    assert (spec["ok"], spec["kind"], spec["params"]) == (True, "many-to-one", "228*E+4224")
    assert spec["shapes"][0]["dtype"] == "int32"
    assert [s["outputs"] for s in spec["shapes"]] == [[["T"]], [["T", "E"]], [[32]]]
    assert spec["outputs"] == {"lstm": [32]}
    assert spec["unbound"] == ["E"]
    assert spec["diagnostics"] == []


def test_json_of_a_wrong_spec_has_its_diagnostics(capsys: Capture) -> None:
    assert main(["check", WRONG, "--format", "json"]) == 1
    [spec] = json.loads(capsys.readouterr().out)["specs"]
    assert (spec["ok"], spec["kind"], spec["shapes"]) == (False, None, [])
    assert [d["code"] for d in spec["diagnostics"]] == ["ST301"]


@pytest.mark.parametrize(
    ("form", "begins"),
    [("concise", "<spec>:1:24: error[ST301]"), ("github", "::error file=<spec>,line=1"), ("sarif", "{")],
)
def test_other_formats_hold_the_findings(form: str, begins: str, capsys: Capture) -> None:
    assert main(["check", WRONG, "--format", form]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith(begins)
    assert "ST301" in shown
    assert main(["check", SPEC, "--format", form]) == 0


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path, capsys: Capture) -> None:
    for path in (tmp_path / "missing.txt", tmp_path):
        assert main(["check", str(path)]) == 1
        assert "error[ST405]" in capsys.readouterr().out
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    assert main(["check", str(tmp_path / "bytes.txt")]) == 1
    assert "error[ST105]" in capsys.readouterr().out


def test_a_file_wins_over_a_spec_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in(8) -> dense(1)").write_text(WRONG)
    assert main(["check", "in(8) -> dense(1)"]) == 1


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_colour_follows_the_environment(
    env: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for spec in (SPEC, WRONG):
        main(["check", spec])
        assert ("\x1b[" in capsys.readouterr().out) is colored


@pytest.mark.parametrize(("term", "colored"), [("xterm", True), ("dumb", False)])
def test_colour_on_a_terminal_unless_it_is_dumb(
    term: str, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", term)
    assert main(["check", WRONG]) == 1
    assert ("\x1b[" in screen.getvalue()) is colored


WIDE = "in(T,int) -> embed(50000,64,mask) -> bi(lstm(128,seq)) -> mha(8,64) -> gavgpool1d -> dense(Classes)"


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize("spec", [SPEC, WIDE, "[in(T,8), in(T,8), in(T,8)] -> concat -> lstm(U,seq)"])
def test_the_table_fits_its_terminal(spec: str, columns: int) -> None:
    report = check(spec)
    table = shape_table(report, columns)
    assert all(width(line) <= columns for line in table.splitlines())
    assert all(line == line.rstrip() for line in table.splitlines())
    if columns >= 60:
        assert "parameters" in table
        assert all(line.name in table for line in report.shapes)


def test_a_shared_layer_is_counted_once() -> None:
    table = shape_table(check("a = lstm(4)\n[in(5,3) -> a, in(5,3) -> a] -> concat"))
    assert "shared" in table
    assert "  total" in table


def test_several_outputs_are_named() -> None:
    table = shape_table(check("x = in(5,3) -> lstm(4)\na = x -> dense(1)\nb = x -> dense(2)\n[a, b]"))
    assert "2 outputs: a (1,), b (2,)" in table


def test_the_report_as_text_is_the_table() -> None:
    assert str(check(SPEC)) == shape_table(check(SPEC))


def test_each_kind_has_words() -> None:
    specs = {
        "in(8) -> dense(1)": "one-to-one",
        "in(8) -> repeat(3) -> lstm(2,seq)": "one-to-many",
        "in(T,8) -> lstm(2)": "many-to-one",
        "in(T,8) -> lstm(2,seq)": "many-to-many",
        "in(T,8) -> lstm(2) -> repeat(T) -> lstm(2,seq)": "many-to-many, delayed",
    }
    assert set(specs.values()) == set(KINDS)
    for spec, kind in specs.items():
        assert shape_table(check(spec)).startswith(f"{kind}: {KINDS[kind]}\n")


def test_columns_line_up_with_wide_characters() -> None:
    table = columns([Column("name", ["中文", "ab"]), Column("n", ["1", "22"], right=True)], None)
    assert table == "name   n\n中文   1\nab    22"


def test_sentences_wrap_and_numbers_stay_whole() -> None:
    sentence = "a sentence of some words that does not fit into one line of this table"
    found = [Column("name", ["a_very_long_name_of_a_layer"]), Column("n", ["123456789"], right=True)]
    table = columns([*found, Column("", [sentence], wrapped=True)], 50)
    assert "123456789" in table
    assert table.endswith("table")
    assert all(width(line) <= 50 for line in table.splitlines())
