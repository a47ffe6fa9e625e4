"""Rules on what does nothing: steps without an effect, names, inputs and flows that nothing uses."""

from __future__ import annotations

import pytest

from seqtopo.api import check
from seqtopo.lint.run import MOST_PLACES
from tests.support.lints import assert_found, assert_mended, findings


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ("in(20,4) -> gmaxpool1d -> flatten -> dense(1)", "ST661", "flatten"),
        ("in(20,4) -> lstm(8) -> (flatten -> dense(3)) * 2", "ST661", "flatten"),
        ("in(7,20,4) -> td(lstm(8) -> flatten)", "ST661", "flatten"),
        ("in(20,4) -> reshape(20,4) -> lstm(8)", "ST662", "reshape(20,4)"),
        ("in(20,4) -> permute(1,2) -> lstm(8)", "ST662", "permute(1,2)"),
        ("in(20,4) -> dense(8,relu) -> relu", "ST662", "relu"),
        ("in(20,4) -> lstm(8) -> add", "ST662", "add"),
        ("in(20,4) -> last(20) -> lstm(8)", "ST662", "last(20)"),
        ("in(20,4) -> crop(0,0) -> lstm(8)", "ST662", "crop(0,0)"),
        ("in(20,4) -> scale(1) -> lstm(8)", "ST662", "scale(1)"),
        ("in(20,4) -> lstm(8) -> dropout(0)", "ST663", "dropout(0)"),
        ("in(20,4) -> lstm(8) -> dense(1) -> linear", "ST663", "linear"),
    ],
)
def test_a_step_without_an_effect_is_found_and_left_out(spec: str, code: str, at: str) -> None:
    assert_found(spec, code, at)
    assert len(assert_mended(spec, code)) == 1


@pytest.mark.parametrize(
    "spec",
    [
        "in(20,4) -> flatten -> dense(1)",
        # One use of the block has steps, so it is there for that.
        "f = flatten\na = in(20,4)\n[a -> f, a -> lstm(8) -> f] -> concat",
        "let N = 4\nin(20,4) -> reshape(20,N) -> lstm(8)",
        "def cut(N) = last(N)\nin(20,4) -> cut(20) -> lstm(8)",
        "in(20,4) -> (lstm(8,seq) -> dropout(R)) for R in [0.1, 0]",
        "in(20,4) -> (dense(4) as skips) for D in [1]\nskips -> add",
        "in(20,4) -> lstm(8,relu) -> relu",
        "in(20,4) -> dense(8,relu) -> relu(max_value=6)",
        "in(20,4) -> max(time)",
        "in(20,20) -> permute(2,1) -> lstm(8)",
    ],
)
def test_a_step_that_may_have_an_effect_is_left_alone(spec: str) -> None:
    for code in ("ST661", "ST662", "ST663"):
        assert findings(spec, code) == [], code


def test_only_a_fix_that_changes_nothing_else_is_safe() -> None:
    def safe(spec: str, code: str) -> bool:
        return findings(spec, code)[0].fixes[0].safe

    assert safe("in(20,4) -> gmaxpool1d -> flatten -> dense(1)", "ST661")
    assert safe("in(20,4) -> permute(1,2) -> lstm(8)", "ST662")
    # The name stays behind on something, and sizes may be bound otherwise.
    assert not safe("in(20,4) -> gmaxpool1d -> (flatten as flat) -> dense(1)", "ST661")
    assert not safe("let T = 20\nin(T,4) -> last(20) -> lstm(8)", "ST662")


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ("let T = 24, UNITS = 64\nin(T,3) -> lstm(32)", "ST665", "UNITS = 64"),
        ("let UNITS = 64\nin(24,3) -> lstm(32)", "ST665", "UNITS = 64"),
        ("head = dense(16) -> dense(1)\nin(24,3) -> lstm(32)", "ST666", "head"),
        ("def head(N) = dense(N)\nin(24,3) -> lstm(32)", "ST666", "head"),
        ("series = in(24,3)\nplace = in(5)\nseries -> lstm(32)", "ST667", "place = in(5)"),
        ("h = in(24,3) -> lstm(32)\nh -> dense(1)\nh -> dense(4)", "ST660", "h -> dense(1)"),
        ("h = in(24,3) -> lstm(32)\nskip = h -> dense(4)\nh -> dense(1)", "ST664", "skip"),
    ],
)
def test_what_nothing_uses_is_found(spec: str, code: str, at: str) -> None:
    found = assert_found(spec, code, at)
    assert found.help
    assert_mended(spec, code)


@pytest.mark.parametrize(
    "spec",
    [
        "let T = 24, F = 2*T\nin(T,F) -> lstm(32)",
        "let N = 2\nin(24,3) -> dense(4) * N",
        "encoder = in(5,3) -> lstm(4)\ndecoder = in(4) -> repeat(5) -> lstm(3,seq)\nencoder -> decoder",
        "encoder = in(5,3) -> lstm(8)\nin(7,3) -> lstm(8,seq,init=encoder.state)",
        "def up(N) = dense(N)\nhead = up(3) -> relu\nin(24) -> head",
        # What `as` has named in it goes on further down.
        "in(24,3) -> (conv1d(3,2,causal) as skips) for D in [1, 2]\nskips -> add",
        "a = in(24,3) -> lstm(4)",
        "h = in(24,3) -> lstm(4)\nlow = h -> dense(1)\nhigh = h -> dense(1)\n[low, high]",
        "def wide(block) = block -> block\nin(24) -> wide(dense(24))",
        "hidden = in(8)\nin(24,3) -> gru(8,init=hidden)",
    ],
)
def test_what_is_used_is_left_alone(spec: str) -> None:
    for code in ("ST660", "ST664", "ST665", "ST666", "ST667"):
        assert findings(spec, code) == [], code


def test_many_names_are_looked_through_once() -> None:
    lets = "\n".join(f"let N{i} = {i + 1}" for i in range(3000))
    report = check(lets + "\nin(24,3) -> lstm(4)")
    found = [d for d in report.diagnostics if d.code == "ST665"]
    assert len(found) == MOST_PLACES
    assert "more" in found[-1].notes[-1]


@pytest.mark.parametrize(
    ("spec", "at", "mended"),
    [
        (
            "in(20,4) -> lstm(8) -> dropout(1.0) -> dense(1)",
            "dropout(1.0)",
            ["in(20,4) -> lstm(8) -> dense(1)"],
        ),
        (
            "in(20,4) -> spatial_dropout1d(1) -> lstm(8)",
            "spatial_dropout1d(1)",
            ["in(20,4) -> lstm(8)"],
        ),
        ("in(20,4) -> lstm(8,dropout=1.0)", "lstm(8,dropout=1.0)", ["in(20,4) -> lstm(8)"]),
        (
            "in(20,4) -> bi(gru(8,recurrent_dropout=1))",
            "gru(8,recurrent_dropout=1)",
            ["in(20,4) -> bi(gru(8))"],
        ),
        ("in(7,20,4) -> td(dropout(1) -> lstm(8))", "dropout(1)", ["in(7,20,4) -> td(lstm(8))"]),
        (
            "in(20,4) -> mha(2,4,dropout=1) -> lstm(8)",
            "mha(2,4,dropout=1)",
            ["in(20,4) -> mha(2,4) -> lstm(8)"],
        ),
        ("in(20,4) -> td(dropout(1)) -> lstm(8)", "dropout(1)", []),
    ],
)
def test_a_dropout_of_everything_is_found(spec: str, at: str, mended: list[str]) -> None:
    assert "drops everything while the model trains" in assert_found(spec, "ST686", at).message
    assert assert_mended(spec, "ST686") == mended


def test_a_dropout_of_less_than_everything_is_left_alone() -> None:
    for step in ("dropout(0.99)", "lstm(8,seq,dropout=0.9,recurrent_dropout=0.9)", "gaussian_noise(1)"):
        assert findings(f"in(20,4) -> {step} -> lstm(8)", "ST686") == []
