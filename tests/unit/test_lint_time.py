"""Rules on time steps: one of them only, in the place of the features or of the samples; and ways out."""

from __future__ import annotations

import pytest

from seqtopo.diag.model import Fix
from tests.support.lints import assert_found, assert_mended, findings

# ---- one step ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(1,7) -> lstm(32) -> dense(1)", "in(1,7)"),
        ("in(1,7) -> dropout(0.1) -> bi(gru(8,seq)) -> td(dense(1))", "in(1,7)"),
        ("in(1,7) -> (lstm(8,seq) -> dropout(0.1)) * 2 -> dense(1)", "in(1,7)"),
        ("let T = 1, F = 9\nin(T,F) -> rnn(8) -> dense(1)", "in(T,F)"),
        ("def read(U) = lstm(U,seq) -> lstm(U)\nin(1,4) -> read(8) -> dense(1)", "in(1,4)"),
        ("x = in(1,7)\n[x -> lstm(4), x -> gavgpool1d] -> concat -> dense(1)", "in(1,7)"),
        ("in(1,int) -> embed(100,8) -> lstm(4) -> dense(1)", "in(1,int)"),
        ("in(12,20) -> maxpool1d(12) -> lstm(4) -> dense(1)", "maxpool1d(12)"),
        ("in(30) -> reshape(1,30) -> lstm(8) -> dense(1)", "reshape(1,30)"),
    ],
)
def test_a_sequence_of_one_step_is_found_where_it_is_made(spec: str, at: str) -> None:
    found = assert_found(spec, "ST601", at)
    assert "never recurs" in found.message
    assert found.help


@pytest.mark.parametrize(
    "spec",
    [
        "in(2,7) -> lstm(32) -> dense(1)",
        "in(T,7) -> lstm(32) -> dense(1)",
        "in(1,7) -> flatten -> dense(1)",
        "in(5) -> repeat(1) -> lstm(8,seq)",
        "in(5) -> expand(1) -> lstm(8)",
        # One step of a decoder: its state goes in and out, the loop is outside.
        "h = in(8)\nin(1,int) -> embed(50,4) -> gru(8,init=h) -> dense(50)",
        "step = in(1,int) -> embed(50,4) -> gru(8)\nlogits = step -> dense(50)\n[logits, step.state]",
        "in(1,7,batch=1) -> lstm(4,stateful) -> dense(1)",
    ],
)
def test_one_step_that_is_meant_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST601") == []


def test_fault_a7_one_step_that_is_bound_from_outside_is_one_step() -> None:
    assert len(findings("in(T,7) -> lstm(8) -> dense(7)", "ST601", T=1)) == 1
    assert findings("in(T,7) -> lstm(8) -> dense(7)", "ST601", T=2) == []


def test_the_features_of_one_step_are_offered_as_steps() -> None:
    assert assert_mended("in(1,7) -> lstm(4,seq) -> dense(1)", "ST601") == ["in(7,1) -> lstm(4) -> dense(1)"]
    assert assert_mended("in(30) -> reshape(1,30) -> lstm(8)", "ST601") == [
        "in(30) -> reshape(30,1) -> lstm(8)"
    ]
    # Where another layer counts on one step, no text is offered.
    assert assert_mended("in(1,7) -> lstm(4,seq) -> reshape(2,2) -> flatten", "ST601") == []


@pytest.mark.parametrize(
    ("spec", "mended"),
    [
        (
            "in(1,7,batch=1) -> lstm(4,seq,stateful) -> dense(1)",
            "in(7,1,batch=1) -> lstm(4,stateful) -> dense(1)",
        ),
        (
            "in(1,20,batch=4) -> bi(gru(8,stateful)) -> dense(3)",
            "in(20,1,batch=4) -> bi(gru(8,stateful)) -> dense(3)",
        ),
    ],
)
def test_lags_that_are_fed_as_one_step_are_worth_a_word(spec: str, mended: str) -> None:
    found = assert_found(spec, "ST602", spec.partition(" ->")[0])
    assert found.severity == "info"
    assert assert_mended(spec, "ST602") == [mended]


@pytest.mark.parametrize(
    "spec",
    [
        "in(1,65,batch=1) -> lstm(128,stateful) -> dense(65,softmax)",
        "in(1,3,batch=1) -> lstm(3,seq,stateful)",
        "in(1,1,batch=1) -> lstm(4,stateful) -> dense(2)",
        "in(1,int,batch=1) -> embed(50,8) -> gru(8,stateful) -> dense(3)",
        "in(1,7) -> lstm(4) -> dense(1)",
        "in(4,7,batch=1) -> lstm(4,stateful) -> dense(1)",
    ],
)
def test_what_is_fed_back_step_by_step_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST602") == []


# ---- what an input declares ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(F,T) -> lstm(32) -> dense(1)", "in(F,T)"),
        ("in(FEATURES,STEPS) -> conv1d(8,3,same) -> gmaxpool1d", "in(FEATURES,STEPS)"),
        ("in(CHANNELS,T) -> bi(gru(8)) -> dense(1)", "in(CHANNELS,T)"),
        ("in(12,5000) -> conv1d(64,5) -> gmaxpool1d -> dense(1)", "in(12,5000)"),
    ],
)
def test_swapped_axes_are_found_and_turned(spec: str, at: str) -> None:
    assert_found(spec, "ST603", at)
    first, second = assert_mended(spec, "ST603")
    assert "-> swap ->" in second
    assert "swap" not in first


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,F) -> lstm(32) -> dense(1)",
        "in(F,T) -> swap -> lstm(32) -> dense(1)",
        "in(F,T) -> permute(2,1) -> conv1d(8,3)",
        "in(F,T) -> flatten -> dense(1)",
        "in(20,2048) -> gru(16) -> dense(5)",
        "in(3,1000) -> flatten -> dense(5)",
        "in(12,512) -> lstm(8)",
        "in(8000,1) -> conv1d(8,3)",
        "in(S,T) -> lstm(4)",
    ],
)
def test_axes_in_their_places_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST603") == []


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(BATCH,T,8) -> dense(4)", "BATCH"),
        ("in(N,T,int) -> embed(100,8) -> td(lstm(8))", "N"),
        ("in(SAMPLES,12,3) -> td(gru(4,seq))", "SAMPLES"),
        ("in(32,24,3,batch=32) -> td(lstm(8))", "32"),
    ],
)
def test_samples_in_an_input_are_found_and_left_out(spec: str, at: str) -> None:
    assert_found(spec, "ST604", at)
    (mended,) = assert_mended(spec, "ST604")
    assert "td(" not in mended
    assert f"in({at}" not in mended


@pytest.mark.parametrize(
    "spec",
    [
        "in(B,int) -> embed(9,4) -> lstm(4)",
        "in(N,8) -> lstm(4)",
        "in(T,8,batch=32) -> lstm(4,stateful)",
        "in(8,8,batch=8) -> lstm(4)",
        "in(S,32,9) -> td(lstm(4))",
        "in(B,W,int) -> td(embed(9,4))",
    ],
)
def test_a_first_axis_of_one_sample_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST604") == []


def test_no_way_out_is_safe() -> None:
    fixes: list[Fix] = []
    for code, spec in (
        ("ST601", "in(1,7) -> lstm(4) -> dense(1)"),
        ("ST603", "in(F,T) -> lstm(4)"),
        ("ST605", "in(24,3) -> reshape(3,24) -> lstm(8)"),
        ("ST608", "in(3,2) -> dense(4)"),
    ):
        fixes += [fix for found in findings(spec, code) for fix in found.fixes]
    assert len(fixes) > 4
    assert not any(fix.safe for fix in fixes)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        # Another layer counts on the shape as it is.
        ("in(F,T) -> lstm(8,seq) -> is(F,8) -> dense(1)", "ST603"),
        (
            "x = in(20,1)\ny = x -> squeeze(features) -> dense(3)\n"
            "[y, [x, x -> conv1d(16,3,same)] -> add -> gavgpool1d] -> concat",
            "ST607",
        ),
    ],
)
def test_a_way_out_that_would_not_check_is_not_offered(spec: str, code: str) -> None:
    (found,) = findings(spec, code)
    assert found.fixes == ()
    assert found.help
    assert_mended(spec, code)


def test_a_way_out_is_tried_with_the_sizes_from_outside_and_with_the_labels() -> None:
    spec = "in(F,T) -> lstm(8) -> dense(T)\ntrain adam, loss=mse, labels=(T)"
    assert [len(d.fixes) for d in findings(spec, "ST603")] == [2]
    assert [len(d.fixes) for d in findings(spec, "ST603", T=9, F=3)] == [2]
    kept = "in(F,T) -> lstm(8,seq) -> dense(1)\ntrain adam, loss=mse, labels=(F,1)"
    assert [d.fixes for d in findings(kept, "ST603", T=9, F=3)] == [()]
