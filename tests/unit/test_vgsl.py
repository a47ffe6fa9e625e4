"""VGSL strings become specs of as many parameters; what is left over or cannot be said is an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import seqtopo
from seqtopo.cli.main import main
from seqtopo.source import Source
from seqtopo.vgsl.reader import read_vgsl
from seqtopo.vgsl.words import DIALECTS, WORDS
from tests.support.models import MODELS, Model

LEDGER = [model for model in MODELS if model.id.startswith("vgsl_")]
STRINGS = (
    "[1,0,0,3 Ct5,5,16 Mp3,3 Lfys64 Lfx128 Lrx128 Lfx256 O1c105]",
    "[1,36,0,1 Ct3,3,16 Mp3,3 Lfys48 Lfx96 Lrx96 Lfx192 O1c111]",
    "[1,48,0,1 Cr3,3,32 Mp2,2 Cr3,3,64 Mp2,2 S1(1x12)1,3 Lbx100 Do O1c103]",
    "[1,48,0,1 Cr3,3,32 Do0.1,2 Mp2,2 Cr3,3,64 Do0.1,2 Mp2,2 S1(1x12)1,3 Lbx100 Do O1c59]",
    "[1,48,0,1 S1(1x48)1,3 Lbx100 O1c103]",
    "[1,1,0,48 Lbx100 Do O1c59]",
    "[1,0,0,3 Cr3,3,16 Mp3,3 Lfys64 Lbx128 Lbx256 Do O1c59]",
    "[1,48,0,1 Cr4,2,32,4,2 Gn32 Cr4,2,64,1,1 Gn32 Mp4,2,4,2 Mp1,2,1,2 S1(1x0)1,3 Gbx256 Do0.5 O1c59]",
    "[1,64,0,3 S2,2 Ct3,3,16 Mp2,2 Lbys32 Lfx48 Lrxs24 O0s7]",
    "[1,32,96,1 Cr5,5,8 Mp2,2 Ft40 O0s10]",
)
KERAS_STRINGS = {
    "[None,64,None,1 Cr3,3,32 Mp2,2,2,2 Rc3 Bl128,D20 Bn D25 Lfs64 O1s92]": None,
    "[None,28,28,1 Cr3,3,8 Mp2,2 Flt Fr32 D50 O0s10]": 8 * 10 + (14 * 14 * 8 + 1) * 32 + 33 * 10,
    "[None,40,12 Gfs16 Grs8,D10,Rd5 Lf4 O0s2]": 3 * 16 * (12 + 16 + 2)
    + 3 * 8 * (16 + 8 + 2)
    + 4 * 4 * (8 + 4 + 1)
    + 10,
}


def count(text: str) -> int:
    """Return the parameters of a Tesseract or kraken network, by its own definition."""
    start, *words = text.strip("[]").split()
    _, height, width, depth = map(int, start.split(","))
    total = 0
    for word in words:
        n = [int(x) for x in re.findall(r"\d+", word)]
        if word[0] == "C":
            total += (n[0] * n[1] * depth + 1) * n[2]
            stride = n[3:] or [1, 1]
            height, width, depth = -(-height // stride[0]), -(-width // stride[1]), n[2]
        elif word.startswith("Gn"):
            total += 2 * depth
        elif word.startswith("Mp"):
            by = n[2:] or n[:2]
            height = (height - n[0]) // by[0] + 1 if height else 0
            width = (width - n[1]) // by[1] + 1 if width else 0
        elif word[0] in "LG":
            sides = 2 if word[1] == "b" else 1
            inner = 4 * n[0] * (depth + n[0] + 1) if word[0] == "L" else 3 * n[0] * (depth + n[0] + 2)
            total, depth = total + sides * inner, sides * n[0]
            height = 1 if "ys" in word else height
        elif word.startswith("S1("):
            height, depth = 1, depth * height
        elif word[0] == "S":
            height, width, depth = height // n[0], width // n[1], depth * n[0] * n[1]
        elif word[0] == "F":
            total, height, width, depth = total + (height * width * depth + 1) * n[0], 1, 1, n[0]
        elif word[0] == "O":
            total, depth = total + (depth + 1) * n[1], n[1]
        else:
            assert word.startswith("Do"), word
    return total


def converted(text: str, dialect: str = "") -> str:
    """The spec of a string, which checks without an error."""
    spec = seqtopo.convert(text, dialect=dialect)
    report = seqtopo.check(spec)
    assert report.ok, f"{spec}\n{report}"
    return spec


@pytest.mark.parametrize("model", LEDGER, ids=lambda model: model.id)
def test_a_published_string_is_the_model_of_the_ledger(model: Model) -> None:
    source = model.source
    report = seqtopo.check(converted(source[source.index("[") :]))
    assert report.params == model.params
    by_hand = seqtopo.check(model.path)
    assert [s.outputs for s in report.shapes][-1] == [s.outputs for s in by_hand.shapes][-1]


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_has_as_many_parameters(text: str) -> None:
    assert seqtopo.check(converted(text)).params == count(text)


@pytest.mark.parametrize("text", KERAS_STRINGS)
def test_a_string_of_vgslify_is_what_keras_makes_of_it(text: str) -> None:
    spec = converted(text)
    params = KERAS_STRINGS[text]
    assert params is None or seqtopo.check(spec).params == params
    assert "O0" in text or spec.startswith(
        "in(64,W,1)\n    -> conv2d(32,3,relu,same)\n    -> maxpool2d(2,same)"
    )


def test_plumbing_is_said() -> None:
    spec = converted("[1,40,0,1 Ct3,3,8 Lfys16 (Lfx8 [Lrx4 Lfx6] Lbx3) O1c10]")
    assert "-> [lstm(8,seq), lstm(4,seq,back) -> flip -> lstm(6,seq), bi(lstm(3,seq))]\n    -> concat" in spec


def test_names_are_kept() -> None:
    assert "conv2d(8,3,relu,same) as c1" in converted("[1,40,0,1 Cr{c1}3,3,8 Lfys{ends}8 O1c10]")


def test_a_layer_that_runs_along_rows_sees_each_of_them_alone() -> None:
    spec = converted("[1,36,0,1 Lfx96 O2s4]")
    assert spec.strip() == "in(X,36,1) -> swap -> td(lstm(96,seq)) -> swap -> dense(4,softmax)"


# ---- what is wrong -----------------------------------------------------------------------------------

WRONG = [
    ("[1,36,0,1 Lfys9 Lbx200hello]", "ST551", "Lbx200hello", "did you mean Lbx200?"),
    ("[1,36,0,1 Cr3,3,64,hello]", "ST551", "Cr3,3,64,hello", "did you mean Cr3,3,64?"),
    ("[1,36,0,1 Cr3,3]", "ST551", "Cr3,3", "it is written C(s|t|r|l|m)Y,X,D"),
    ("[1,36,0,1 Qq9]", "ST551", "Qq9", "seqtopo convert --help lists the words"),
    ("[1,36,0,1 Do0.1 Bn]", "ST551", "Bn", "--dialect vgslify"),
    ("[1,36,0,1 (Lfx9 Lfx8]", "ST551", "]", "leave it out"),
    ("[1,36,0,1 Lfys9", "ST551", "[", "add ]"),
    ("1,36,0,1", "ST551", "1,36,0,1", "as in [1,36,0,1 Lfx96]"),
    ("[1,1,0,48 Lbx9] x", "ST551", "[1,1,0,48 Lbx9] x", "as in [1,36,0,1 Lfx96]"),
    ("", "ST551", "", "as in [1,36,0,1 Lfx96]"),
    ("[1,1,0,48 LS96]", "ST552", "LS96", "write it in Python"),
    ("[1,1,0,48 R2(Lfx9)]", "ST552", "R2", "write it in Python"),
    ("[1,36,0,1 S1(2x18)1,3 Do]", "ST552", "S1(2x18)1,3", "write S1(1x36)1,3"),
    ("[1,36,0,1 Lfx96 O1c4]", "ST553", "O1c4", "end the height first, with Lfys64"),
    ("[1,36,0,1 Lfys64 Lfys3]", "ST553", "Lfys3", "leave it out"),
    ("[1,36,0,1 Lfys64 Ct3,3,8]", "ST553", "Ct3,3,8", "move it before what ends the image"),
    ("[1,0,0,1 S1(1x0)1,3 Do]", "ST553", "S1(1x0)1,3", "give it in the input"),
    ("[1,36,0,1 Fr20]", "ST553", "Fr20", "give it in the input"),
    ("[1,36,0,1 (Lfx9 Mp2,2)]", "ST553", "(Lfx9 Mp2,2)", "make them equal"),
    ("[1,36,0,1 Lfys{lstm}9]", "ST553", "Lfys{lstm}9", "choose another"),
    ("[1,36,0,6 Gn4 Do]", "ST553", "Gn4", "choose a divisor"),
    ("[1,36,0,1 Do1.5]", "ST553", "Do1.5", "write one below 1"),
    ("[None,8,8,1 Lf4]", "ST553", "Lf4", "write Rc3 before it"),
    ("[1,36,0 Lfx96]", "ST554", "1,36,0", "as in 1,36,0,1"),
    ("[1,36,0,0 Lfx96]", "ST554", "1,36,0,0", "as in 1,36,0,1"),
    ("[Lfx96]", "ST554", "Lfx96", "as in 1,36,0,1"),
]


@pytest.mark.parametrize(("text", "code", "place", "help"), WRONG)
def test_what_cannot_be_said_is_an_error_at_its_place(text: str, code: str, place: str, help: str) -> None:
    spec, (found,) = read_vgsl(Source(text))
    assert spec is None
    assert (found.code, text[found.span.start : found.span.end]) == (code, place)
    assert help in found.help


@example("[1,0,0,3 Ct5,5,16 Mp3,3 Lfys64 Lfx128 Lrx128 Lfx256 O1c105]", 55, "{}")
@given(st.sampled_from(STRINGS), st.integers(0, 200), st.text("hx9,(){}[]L.", min_size=1, max_size=5))
def test_nothing_that_is_written_into_a_word_is_passed_over(text: str, at: int, junk: str) -> None:
    place = at % len(text)
    spec, found = read_vgsl(Source(text[:place] + junk + text[place:]))
    # A number may still be one with a digit more, and a bracket more may be balanced; a letter never passes.
    assert (spec is None) == bool(found)
    assume(re.search("[hx.{}]", junk))
    before = text[max(place - 1, 0)]
    is_name = re.fullmatch(r"\{[^{}]+\}", junk)
    assert found or (before in "1234567890" and junk[0] == ".") or is_name


@given(
    st.text(max_size=60)
    | st.text("[]()CLMOSDGRBrtfxys0123456789, ", max_size=60).map(lambda t: f"[1,9,0,1 {t}]")
)
def test_whatever_is_written_gives_a_spec_that_reads_or_a_reason(text: str) -> None:
    for dialect in ("", *DIALECTS):
        spec, found = read_vgsl(Source(text), dialect)
        assert (spec is None) == bool(found)
        assert all(0 <= d.span.start <= d.span.end <= len(text) for d in found)
        if spec is not None:
            assert not [d for d in seqtopo.check(spec).diagnostics if d.code.startswith(("ST1", "ST2"))]


def test_the_words_of_each_dialect_are_told_apart() -> None:
    for dialect in DIALECTS:
        rows = [row for row in WORDS if dialect in row.dialects]
        assert len({row.pattern for row in rows}) == len(rows)


def test_a_dialect_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="the dialects are tesseract, kraken, vgslify"):
        seqtopo.convert("[1,1,0,48 Lbx256]", dialect="latin")
    with pytest.raises(ValueError, match="the forms are vgsl"):
        seqtopo.convert("[1,1,0,48 Lbx256]", "prototxt")


# ---- the command -------------------------------------------------------------------------------------


def test_the_command_converts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "vgsl", "[1,1,0,48 Lbx256 O1c105]"]) == 0
    assert capsys.readouterr().out == "in(X,48) -> bi(lstm(256,seq)) -> dense(105,softmax)\n"


def test_the_command_writes_a_file_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.vgsl").write_text("[1,1,0,48 Lbx256 O1c105]\n", encoding="utf-8")
    target = tmp_path / "spec.txt"
    assert main(["convert", "vgsl", str(tmp_path / "net.vgsl"), "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("in(X,48)")
    assert "seqtopo check" in capsys.readouterr().out


def test_the_command_points_at_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "vgsl", "[1,1,0,48 Lbx200hello]"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "<vgsl>:1:11" in shown.err
    assert "^^^^^^^^^^^" in shown.err


def test_a_notation_that_there_is_not_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "vgls", "[1,1,0,48 Lbx200]"]) == 2
    assert "did you mean vgsl?" in capsys.readouterr().err
