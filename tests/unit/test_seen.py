"""The input steps that each output sees, on which kinds, words and the cutting of data rest."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from seqtopo.api import check
from seqtopo.data.cut_options import CutOptions
from seqtopo.data.cutting import Windows
from seqtopo.data.spec_cutting import cut_for
from seqtopo.diag.error import SpecError
from seqtopo.graph.graph import Graph
from seqtopo.graph.kind import kind, meaning
from seqtopo.graph.receptive_fields import Field, at_length, fields, output_field
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Role
from seqtopo.report.analyse import analyse
from seqtopo.walkthrough import walk
from tests.support.moving_specs import MOVING

SHIFTED = "in(3,2) -> pad(0,3) -> lstm(1,seq) -> last(3)"
LAST = "in(6,1) -> lstm(1,seq) -> last(3)"
DELAYED = "many-to-many, delayed"


def graph_of(spec: str) -> Graph:
    found = analyse(spec)
    assert found.ok, found.diagnostics
    assert found.resolved is not None
    return found.resolved.graph


def seen(spec: str) -> str:
    """Return the window of step i of the first output in the first input, and its own step, as text."""
    graph = graph_of(spec)
    field = fields(graph)[graph.outputs[0]][graph.inputs[0]]
    window = field.window
    shown = [
        "-" if b is None else f"{b.factor}i+{b.plus}" + (f"//{b.over}" if b.over > 1 else "")
        for b in (window.low, window.high, window.own)
    ]
    return " ".join(shown)


def words(spec: str) -> str:
    found = analyse(spec)
    assert found.resolved is not None
    return " ".join(walk(found.resolved).reasons)


def cut(spec: str, length: int = 60, features: int = 1, **more: Any) -> Windows:
    series = np.arange(length * features, dtype="float64").reshape(length, features)
    found, _ = cut_for(spec, series, CutOptions(**more), {})
    assert isinstance(found, Windows)
    return found


def first(spec: str, **more: Any) -> tuple[list[float], list[float]]:
    """The first window and its answers, of the first feature."""
    x, y = cut(spec, **more)[0][:2]
    return x[0, ..., 0].tolist() if x.ndim > 2 else x[0].tolist(), y[0].reshape(-1).tolist()


def test_every_row_says_what_it_does_with_time_and_with_masks_and_what_it_is_for() -> None:
    assert not [row.name for row in ROWS if row.time is None or row.mask is None or not row.role]


def test_a_role_is_the_role_of_some_row() -> None:
    assert {row.role for row in ROWS} == set(get_args(Role)) - {""}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SHIFTED, "0i+0 1i+3 1i+3"),
        ("in(T,2) -> pad(0,N) -> lstm(1,seq) -> last(N)", "0i+0 1i+T 1i+T"),
        (LAST, "0i+0 1i+3 1i+3"),
        ("in(T,1) -> lstm(1,seq) -> crop(2,1)", "0i+0 1i+2 1i+2"),
        ("in(9,1) -> lstm(1,seq) -> first(3)", "0i+0 1i+0 1i+0"),
        ("in(9,1) -> flip -> lstm(1,seq)", "-1i+8 0i+8 -1i+8"),
        ("in(9,1) -> lstm(1,seq,back)", "-1i+8 0i+8 -1i+8"),
        ("in(9,1) -> lstm(1,seq,back) -> flip", "1i+0 0i+8 1i+0"),
        ("in(12,2) -> reshape(6,4)", "2i+0 2i+1 2i+1"),
        ("in(6,4) -> reshape(12,2)", "1i+0//2 1i+0//2 1i+0//2"),
        ("in(T,4) -> reshape(?,2)", "1i+0//2 1i+0//2 1i+0//2"),
        ("in(12,1) -> conv1d(1,3,strides=2) -> slice(1,4,2)", "4i+2 4i+4 4i+4"),
        ("in(12,1) -> conv1d(1,3,causal) -> maxpool1d(2)", "2i-2 2i+1 2i+1"),
        ("in(9,1) -> bi(lstm(2,seq))", "0i+0 0i+8 1i+0"),
        ("in(9,1) -> lstm(2) -> repeat(4) -> lstm(1,seq)", "0i+0 0i+8 -"),
        ("in(9,1) -> swap -> dense(4) -> swap", "0i+0 0i+8 -"),
        ("in(9,1) -> lstm(2,seq) -> at(-3)", "0i+0 0i+6 -"),
        ("in(9,4) -> td(dense(3)) -> softmax -> dropout(0.1)", "1i+0 1i+0 1i+0"),
    ],
)
def test_what_a_step_sees_is_followed_through_the_layers(spec: str, expected: str) -> None:
    assert seen(spec).replace("+-", "-") == expected


def test_fault_f1_answers_behind_the_input_are_delayed_and_lie_ahead() -> None:
    assert kind(graph_of(SHIFTED)) == check(SHIFTED).kind == DELAYED
    assert "each of the steps that follow it" in meaning(graph_of(SHIFTED))
    said = words(SHIFTED)
    assert "lie ahead of the input" in said
    assert "all that comes in counts" in said
    assert first(SHIFTED, features=2, targets=[0]) == ([0.0, 2.0, 4.0], [6.0, 8.0, 10.0])
    assert first(SHIFTED, features=2, targets=[0], horizon=3)[1] == [6.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("in(3,1) -> pad(0,3) -> lstm(1,seq) -> last(2)", [4.0, 5.0]),
        ("in(3,1) -> pad(0,3) -> lstm(1,seq)", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("in(3,1) -> zero_padding1d((0,2)) -> gru(1,seq) -> last(2)", [3.0, 4.0]),
        ("in(6,1) -> lstm(1,seq) -> crop(3,1)", [4.0, 5.0]),
        ("in(6,1) -> lstm(1,seq) -> first(2)", [1.0, 2.0]),
        ("in(6,1) -> lstm(1,seq) -> flip", [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        ("in(6,1) -> lstm(1,seq) -> slice(1,6,2)", [2.0, 4.0, 6.0]),
        ("in(6,1) -> reshape(3,2) -> lstm(1,seq)", [2.0, 4.0, 6.0]),
        ("in(6,1) -> conv1d(1,2,strides=2)", [2.0, 4.0, 6.0]),
        ("in(6,1) -> avgpool1d(3) -> lstm(1,seq)", [3.0, 6.0]),
        ("in(6,1) -> conv1d(1,3)", [3.0, 4.0, 5.0, 6.0]),
        ("in(6,1) -> swap -> dense(2) -> swap", [6.0, 7.0]),
        ("in(6,1) -> bi(lstm(1,seq)) -> dense(1)", [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]),
        ("in(6,1) -> lstm(1,seq,back)", [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]),
        ("in(3,1) -> conv1d(1,3,same)", [3.0, 4.0, 5.0]),
        ("in(3,1) -> dense(4) -> mha(2,2) -> dense(1)", [3.0, 4.0, 5.0]),
        ("in(6,1) -> conv1d(1,3,causal)", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    ],
)
def test_fault_f1_the_answers_are_what_follows_what_each_has_seen(spec: str, expected: list[float]) -> None:
    assert first(spec)[1] == expected


def test_fault_f1_no_answer_stands_in_what_it_sees() -> None:
    tried = 0
    for spec in MOVING:
        graph = graph_of(spec)
        (source, *others), (value, *_) = graph.inputs, graph.outputs
        tensor, field = graph.tensor(value), output_field(graph, value, source)
        if others or tensor is None or len(tensor.shape) != 2 or tensor.dtype != "float32":
            continue
        length = graph.nodes[source].outputs[0].shape  # type: ignore[index]
        if len(length) != 2 or field is None:
            continue
        steps = length[0] if isinstance(length[0], int) else 12
        told = tensor.shape[-1]
        features = length[-1]
        if not isinstance(features, int) or not isinstance(told, int) or told > features:
            continue
        wanted = cut(spec, features=features, steps=steps, targets=list(range(told))).wanted
        for place, step in enumerate(wanted.steps_of(steps).tolist()):
            assert step >= steps or step > last_seen(field, place, length[0], steps), spec
            tried += 1
    assert tried > 30


def last_seen(field: Field, place: int, length: Any, steps: int) -> int:
    high = field.window.high
    found = high._replace(plus=at_length(high.plus, length, steps)).at(place)
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(
    ("spec", "more", "said"),
    [
        (SHIFTED.replace("3,2", "3,1"), {"horizon": 2}, "2 steps ahead are wanted, but the model gives 3"),
        (LAST, {"horizon": 3}, "predicts the step after each of its own"),
        ("in(6,1) -> lstm(1,seq)", {"horizon": 2}, "predicts the step after each of its own"),
        ("in(6,1) -> lstm(1,seq)", {"horizon": 1, "answers": "same"}, "the window itself"),
        ("in(6,1) -> bi(lstm(1,seq)) -> dense(1)", {"answers": "next"}, "sees steps behind its own"),
        (SHIFTED.replace("3,2", "3,1"), {"answers": "next"}, "no step has an answer of its own"),
    ],
)
def test_fault_f1_a_horizon_and_answers_are_taken_or_refused(
    spec: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        cut(spec, **more)
    (found,) = caught.value.diagnostics
    assert (found.code, said in found.message) == ("ST727", True), found.message
    assert found.help


def test_fault_f2_the_last_steps_have_answers_of_their_own() -> None:
    assert check(LAST).kind == "many-to-many"
    assert meaning(graph_of(LAST)) == "a sequence in, an answer for each of the last 3 steps"
    assert "an answer for each of the last 3 steps" in words(LAST)
    for spec in (LAST, LAST.replace("6", "?"), LAST.replace("6", "T")):
        assert first(spec, steps=6) == ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [4.0, 5.0, 6.0])


@pytest.mark.parametrize(
    "spec",
    [
        "in(50) -> embed(100,8) -> lstm(4)",
        "in(50) -> reversible_embedding(100,8) -> lstm(4)",
        "in(50) -> cast(int32) -> one_hot(100) -> lstm(4)",
        "in(50) -> shift(1) -> embed(100,8) -> lstm(4)",
        "in(50) -> expand(features) -> lstm(4)",
        "in(50) -> reshape(50,1) -> lstm(4)",
    ],
)
def test_fault_a15_an_axis_of_numbers_each_of_which_becomes_a_step_is_time(spec: str) -> None:
    report = check(spec)
    assert report.kind == "many-to-one"
    assert "50 time steps" in words(spec)
    assert "a vector of 50" not in words(spec)


def test_fault_a15_a_vector_is_no_sequence() -> None:
    assert check("in(8) -> dense(3)").kind == "one-to-one"
    assert check("in(8) -> repeat(10) -> lstm(3,seq)").kind == "one-to-many"
    assert check("in(8) -> expand(1) -> lstm(3)").kind == "one-to-one"


def test_fault_a15_such_ids_are_cut_from_a_series_of_ids() -> None:
    spec = "in(5) -> embed(100,8) -> lstm(4,seq) -> dense(100)"
    found, _ = cut_for(spec, np.arange(30), CutOptions(), {})
    x, y = found[0][:2]
    assert (x[0].tolist(), y[0].tolist()) == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "in(100,1) -> conv1d(8,2,causal,dilation_rate=D) for D in [1,2,4] -> dense(1)",
            "each answer sees 8 steps: its own and the 7 before it",
        ),
        (
            "in(100,1) -> conv1d(8,2,causal,dilation_rate=D) for D in [1,2,4] -> at(-1)",
            "the answer sees the last 8 of the 100 steps",
        ),
        ("in(30,1) -> conv1d(4,3) -> maxpool1d(2) -> conv1d(4,3)", "each answer sees 8 steps"),
        (
            "in(T,1) -> res(conv1d(8,3,same) -> conv1d(1,3,same))",
            "each answer sees 5 steps: its own, 2 before it and 2 after it",
        ),
    ],
)
def test_fault_e7_show_and_check_give_the_receptive_field(spec: str, said: str) -> None:
    assert f"Receptive field: {said}" in str(check(spec))
    assert said in words(spec).replace("The answer", "the answer").replace("Each", "each")


@pytest.mark.parametrize(
    "spec",
    ["in(9,3) -> dense(2)", "in(9,3) -> lstm(2,seq)", "in(9,3) -> gavgpool1d", "in(28,28,1) -> conv2d(4,3)"],
)
def test_fault_e7_nothing_is_said_where_there_is_no_number_or_no_sequence(spec: str) -> None:
    assert "Receptive" not in str(check(spec))


def codes(spec: str) -> list[str]:
    return [found.code for found in check(spec).diagnostics]


def test_fault_f1_rules_about_time_follow_what_each_step_sees() -> None:
    assert codes("in(8,4) -> norm -> dense(3)") == ["ST608"]
    assert codes("in(8,4) -> norm((1,2)) -> dense(3)") == []
    future = "in(?,int(100)) -> embed(100,32) -> {} -> dense(100,softmax)"
    ahead = ("conv1d(8,3,same)", "separable_conv1d(8,2,same)", "bi(gru(8,seq))", "gru(8,seq,back) -> flip")
    for layer in ahead:
        assert "ST615" in codes(future.format(layer)), layer
    for layer in ("conv1d(8,3,causal)", "conv1d(8,1,same)", "gru(8,seq)"):
        assert "ST615" not in codes(future.format(layer)), layer


def test_fault_a15_ids_of_one_step_are_one_step() -> None:
    assert "ST601" in codes("in(1) -> embed(10,4) -> lstm(3)")
