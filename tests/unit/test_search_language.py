"""Spaces in a spec: ``search NAME in VALUES``, beside ``let``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.diag.error import SpecError
from seqtopo.report.analyse import analyse

Capture = pytest.CaptureFixture[str]

SPACE = """\
search UNITS in [32, 64], DEPTH in [1..3], RATE in [0.0..0.5], LR in [1e-4..1e-2] log
search CELL in [lstm, gru], BODY in [(dropout(RATE) -> relu), dense(8)], SIZES in [(2,3), (4,)]
in(29,1) -> CELL(UNITS,seq) * DEPTH -> BODY -> at(-1) -> dense(1)
train adam(LR), loss=mse
"""


def test_every_form_is_read() -> None:
    resolved = analyse(SPACE.replace(", SIZES in [(2,3), (4,)]", "")).resolved
    assert resolved is not None
    assert {name: str(domain) for name, domain in resolved.searched.items()} == {
        "UNITS": "one of 32, 64",
        "DEPTH": "whole numbers 1 to 3",
        "RATE": "0.0 to 0.5",
        "LR": "0.0001 to 0.01, logarithmic",
        "CELL": "one of lstm, gru",
        "BODY": "one of (dropout(RATE) -> relu), dense(8)",
    }
    assert [domain.count for domain in resolved.searched.values()] == [2, 3, None, None, 2, 2]


def test_values_of_a_range_with_steps() -> None:
    resolved = analyse(
        "search A in [32..130] step 32, B in [0.0..0.5] step 0.1\nin(A) -> dropout(B)"
    ).resolved
    assert resolved is not None
    a, b = resolved.searched["A"], resolved.searched["B"]
    assert [a.value(i) for i in range(a.count or 0)] == [32, 64, 96, 128]
    assert [b.value(i) for i in range(b.count or 0)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert [a.holds(96), a.holds(97), b.holds(0.3), b.holds(0.35)] == [True, False, True, False]


def test_a_name_bound_from_outside_is_not_searched() -> None:
    text = "search A in [1..3], B in [lstm, gru]\nin(5,2) -> B(A)"
    assert list(analyse(text, {"A": 9}).resolved.searched) == ["B"]  # type: ignore[union-attr]
    model = analyse(text, {"A": 9, "B": "simple_rnn"}).resolved
    assert model is not None
    assert not model.searched
    assert model.graph.nodes[-1].layer.title == "simple_rnn(9)"  # type: ignore[union-attr]


def test_log_and_step_are_names_elsewhere() -> None:
    assert seqtopo.check("step = lstm(4,seq)\nin(5,2) -> step -> log").ok
    assert seqtopo.check("let LOG = 3\nsearch A in [1..9] step 2\nin(5,2) -> lstm(A,seq) -> log").ok


WRONG: list[tuple[str, str]] = [
    ("search A in []", "ST224"),
    ("search A in [3..1]", "ST224"),
    ("search A in [2..2]", "ST224"),
    ("search A in [1..2] step 5", "ST224"),
    ("search A in [1, 2, 1]", "ST224"),
    ("search A in lstm", "ST224"),
    ("search A in 3", "ST224"),
    ("search A in [B..3]", "ST224"),
    ("search A in [1..lstm]", "ST224"),
    ("search A in [2*K for K in [1, 2]]", "ST224"),
    ("search A in [0..4] log", "ST225"),
    ("search A in [-1.0..4.0] log", "ST225"),
    ("search A in [1..4] step 0", "ST225"),
    ("search A in [1..B], B in [2..3]", "ST224"),
    ("let C = 2*B\nsearch B in [2..3], A in [1..C]", "ST224"),
    ("search A in [1..4] step -1", "ST225"),
    ("search A in [1..4] log step 2", "ST225"),
    ("search A in [1, 2] log", "ST225"),
    ("search A in [1, 2] step 2", "ST225"),
    ("let A = 3\nsearch A in [1, 2]", "ST207"),
    ("search A in [1, 2]\nsearch A in [3, 4]", "ST207"),
    ("search lstm in [1, 2], A in [1, 2]", "ST207"),
    ("search A = [1, 2]", "ST102"),
    ("let A in [1, 2]", "ST102"),
    ("search A in [1, 2] loq", "ST102"),
    ("search A in", "ST102"),
    ("search A", "ST102"),
    ("search = 3", "ST102"),
]


@pytest.mark.parametrize(("line", "code"), WRONG)
def test_what_is_refused_and_what_each_fix_does(line: str, code: str) -> None:
    text = f"{line}\nin(5,2) -> {'scale' if 'log' in line else 'lstm'}(A) -> dense(1)"
    (found,) = seqtopo.check(text).diagnostics
    assert found.code == code
    for fix in found.fixes:
        if not fix.title.startswith("write 'search_'"):
            assert seqtopo.check(fix.apply(text)).ok, fix


def test_a_name_that_nothing_refers_to() -> None:
    text = "search A in [1..3], B in [1, 2]\nin(5,2) -> lstm(A) -> dense(1)"
    (found,) = seqtopo.check(text).diagnostics
    assert (found.code, found.message) == ("ST665", "nothing refers to B, so searching it changes nothing")
    assert found.fixes[0].apply(text).startswith("search A in [1..3]\n")


def test_one_model_is_refused_and_the_words_that_bind_work(capsys: Capture, tmp_path: Path) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_text(SPACE.replace(", SIZES in [(2,3), (4,)]", ""))
    for words in (
        ["build"],
        ["build", "-o", str(tmp_path / "model.py")],
        ["export", "-o", str(tmp_path / "m.onnx")],
    ):
        assert main([words[0], str(spec), *words[1:]]) == 1
        assert "error[ST408]" in capsys.readouterr().err
    with pytest.raises(SpecError, match="UNITS, DEPTH, RATE, LR, CELL and BODY are searched") as caught:
        seqtopo.to_python(spec)
    said = caught.value.diagnostics[0].help
    bound = shlex.split(re.search(r"bind them: (.*?) on the command line", said)[1])  # type: ignore[index]
    assert main(["build", str(spec), *bound, "-o", str(tmp_path / "model.py")]) == 0
    in_python = re.search(r"compile\(spec, (.*?)\) in Python", said)
    assert in_python is not None
    assert "LSTM(32" in eval(f"seqtopo.to_python(spec, {in_python[1]})")


def test_pictures_and_walks_take_the_first_values(capsys: Capture) -> None:
    text = "search A in [1..3], CELL in [lstm, gru]\nin(5,2) -> CELL(A) -> dense(1)"
    for words in (["draw", text], ["show", text], ["diff", text, "in(5,2) -> lstm(1) -> dense(1)"]):
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert "this is its first choice, A=1, CELL=lstm" in err, words
        assert "lstm" in out or "same topology" in out


def test_formatting() -> None:
    assert seqtopo.format_spec(
        "search  A in[ 1,2 ],B in [1..9]step 2\nsearch C in [1e-3..1.0]log  # rate\nin(A)->dense(B)"
    ) == ("search A in [1, 2], B in [1..9] step 2\nsearch C in [1e-3..1.0] log  # rate\nin(A) -> dense(B)\n")
