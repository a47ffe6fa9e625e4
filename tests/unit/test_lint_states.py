"""Rules on states: what a stateful layer carries from batch to batch."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings

PIECES = "in(20,3,batch=4)"


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        (f"{PIECES} -> lstm(8,stateful)\ntrain adam, loss=mse", "ST641", "lstm(8,stateful)"),
        (f"{PIECES} -> bi(lstm(8,stateful))", "ST642", "lstm(8,stateful)"),
        (f"{PIECES} -> gru(8,stateful,back)", "ST642", "gru(8,stateful,back)"),
        (f"h = in(8,batch=4)\n{PIECES} -> gru(8,stateful,init=h)", "ST643", "gru(8,stateful,init=h)"),
        (f"{PIECES} -> lstm(8,seq,stateful) -> dropout(0.1) -> lstm(9)", "ST644", "lstm(9)"),
        (f"{PIECES} -> (gru(8,seq,stateful) -> norm) * 2 -> gru(9)", "ST644", "gru(9)"),
        (f"{PIECES} -> lstm(8)", "ST645", PIECES),
        (f"r = lstm(8,stateful)\n[{PIECES} -> r, in(9,3,batch=4) -> r] -> add", "ST646", "lstm(8,stateful)"),
    ],
)
def test_a_state_that_goes_wrong_is_found(spec: str, code: str, at: str) -> None:
    assert_found(spec, code, at)
    assert len(assert_mended(spec, code)) == 1


@pytest.mark.parametrize(
    "spec",
    [
        f"{PIECES} -> lstm(8,seq,stateful) -> dropout(0.1) -> lstm(9,stateful) -> dense(1)",
        "in(20,3) -> bi(lstm(8,seq)) -> lstm(9)\ntrain adam, loss=mse",
        "encoder = in(5,3) -> lstm(8)\nin(7,3) -> lstm(8,seq,init=encoder.state) -> dense(3)",
        f"{PIECES} -> lstm(8,stateful) -> repeat(5) -> lstm(8,seq) -> dense(3)",
        "r = lstm(8)\n[in(5,3) -> r, in(9,3) -> r] -> add",
        "in(9,20,3,batch=4) -> td(lstm(8)) -> lstm(8,stateful)",
    ],
)
def test_states_that_work_out_are_left_alone(spec: str) -> None:
    for code in ("ST641", "ST642", "ST643", "ST644", "ST645", "ST646"):
        assert findings(spec, code) == [], code


def test_several_stateful_layers_are_told_once() -> None:
    spec = f"{PIECES} -> lstm(8,seq,stateful) -> lstm(9,stateful)\ntrain adam, loss=mse"
    found = assert_found(spec, "ST641", "lstm(8,seq,stateful)")
    assert [label.text for label in found.labels] == ["carries its state, too"]
