"""Rules on shapes: turned by a reshape, not coming back, stretched by a sum; answers at every step."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings

# ---- reshape, lengths, merges --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at", "mended"),
    [
        ("in(24,3) -> reshape(3,24) -> lstm(8)", "reshape(3,24)", "in(24,3) -> permute(2,1) -> lstm(8)"),
        ("in(T,8) -> reshape(8,T) -> dense(1)", "reshape(8,T)", None),
        (
            "in(9,24,3) -> td(reshape(3,24) -> lstm(8)) -> lstm(4)",
            "reshape(3,24)",
            "in(9,24,3) -> td(permute(2,1) -> lstm(8)) -> lstm(4)",
        ),
        (
            "in(4,6,5) -> reshape(6,4,5) -> flatten",
            "reshape(6,4,5)",
            "in(4,6,5) -> permute(2,1,3) -> flatten",
        ),
        (
            "in(32,128,1) -> conv2d(16,3,same) -> maxpool2d(2) -> reshape(64,256)",
            "reshape(64,256)",
            "in(32,128,1) -> conv2d(16,3,same) -> maxpool2d(2) -> permute(2,1,3) -> reshape(64,256)",
        ),
    ],
)
def test_a_reshape_that_was_to_turn_axes_is_found(spec: str, at: str, mended: str | None) -> None:
    assert_found(spec, "ST605", at)
    (text,) = assert_mended(spec, "ST605")
    assert mended is None or text == mended


@pytest.mark.parametrize(
    "spec",
    [
        "in(24,3) -> reshape(72) -> dense(1)",
        "in(24,1) -> reshape(1,24) -> dense(1)",
        "in(28,28,1) -> reshape(28,28) -> lstm(8)",
        "in(24,4) -> reshape(8,12) -> lstm(8)",
        "let T = 20\nin(T,10) -> reshape(T//2,2*_) -> lstm(8)",
        "in(64,15,8) -> reshape(64,120) -> lstm(8)",
        "in(24,3) -> permute(2,1) -> lstm(8)",
        "in(6,6) -> reshape(6,6) -> lstm(8)",
    ],
)
def test_a_reshape_that_keeps_steps_together_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST605") == []


DOWN = "conv1d(8,3,same) -> maxpool1d(2,same)"


@pytest.mark.parametrize(
    ("spec", "at", "chain"),
    [
        (
            f"in(23,1) -> {DOWN} -> {DOWN} -> {DOWN} -> upsample1d(2) -> upsample1d(2) -> conv1d(4,3) "
            "-> upsample1d(2) -> conv1d(1,3,same)",
            "conv1d(4,3)",
            "23 -> 12 -> 6 -> 3 -> 6 -> 12 -> 10 -> 20",
        ),
        (f"in(23,1) -> ({DOWN}) * 2 -> upsample1d(4) -> dense(1)", "in(23,1)", "23 -> 12 -> 6 -> 24"),
        (
            "in(50,1) -> conv1d(16,3,2,same) -> conv1d(8,3,2,same) -> conv1d_transpose(8,3,2,same) "
            "-> conv1d_transpose(1,3,2,same)",
            "in(50,1)",
            "50 -> 25 -> 13 -> 26 -> 52",
        ),
        (
            "in(50,1) -> conv1d(6,3) -> maxpool1d(2) -> upsample1d(2) -> conv1d(1,3)",
            "conv1d(1,3)",
            "48 -> 46",
        ),
        (
            "in(30,30,1) -> maxpool2d(4,same) -> upsample2d(4) -> conv2d(1,3,same)",
            "in(30,30,1)",
            "30 -> 8 -> 32",
        ),
    ],
)
def test_a_length_that_does_not_come_back_is_blamed_on_what_breaks_the_mirror(
    spec: str, at: str, chain: str
) -> None:
    found = assert_found(spec, "ST606", at)
    assert any(chain in note for note in found.notes)
    assert_mended(spec, "ST606")


def test_a_length_that_does_not_come_back_is_cropped_or_declared() -> None:
    spec = "in(23,1) -> conv1d(8,3,same) -> maxpool1d(2,same) -> upsample1d(2) -> conv1d(1,3,same)"
    assert assert_mended(spec, "ST606") == [f"{spec} -> crop(0,1)", spec.replace("in(23,1)", "in(24,1)")]
    lost = "in(24,1) -> maxpool1d(2) -> upsample1d(2) -> conv1d(1,3)"
    assert assert_mended(lost, "ST606") == [lost.replace("conv1d(1,3)", "conv1d(1,3,same)")]


@pytest.mark.parametrize(
    "spec",
    [
        f"in(24,1) -> {DOWN} -> upsample1d(2) -> conv1d(1,3,same)",
        f"in(T,1) -> {DOWN} -> upsample1d(2) -> conv1d(1,3,same)",
        f"in(23,1) -> {DOWN} -> lstm(8,seq) -> dense(1)",
        f"in(23,1) -> {DOWN} -> upsample1d(2) -> conv1d(4,3,same)",
        f"in(23,1) -> {DOWN} -> upsample1d(2) -> crop(0,1) -> conv1d(1,3,same)",
        # Four times as long is super-resolution, no way back.
        "in(16,1) -> conv1d(8,3) -> upsample1d(4) -> conv1d(1,3,same)",
        "in(23,1) -> lstm(8) -> repeat(20) -> lstm(8,seq) -> dense(1)",
    ],
)
def test_lengths_that_come_back_or_need_not_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST606") == []


@pytest.mark.parametrize(
    ("spec", "mended"),
    [
        (
            "in(T,1) -> [id, lstm(16,seq)] -> add -> lstm(8)",
            "in(T,1) -> dense(16) -> [id, lstm(16,seq)] -> add -> lstm(8)",
        ),
        (
            "in(20,1) -> res(conv1d(16,3,same)) -> lstm(8)",
            "in(20,1) -> dense(16) -> res(conv1d(16,3,same)) -> lstm(8)",
        ),
        (
            "x = in(20,1)\n[x -> dropout(0.1), x -> conv1d(16,3,same)] -> sub -> lstm(8)",
            "x = in(20,1) -> dense(16)\n[x -> dropout(0.1), x -> conv1d(16,3,same)] -> sub -> lstm(8)",
        ),
    ],
)
def test_an_input_of_one_feature_that_is_stretched_in_a_sum_is_found(spec: str, mended: str) -> None:
    assert assert_mended(spec, "ST607") == [mended]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,16) -> res(lstm(16,seq)) -> lstm(8)",
        "in(T,1) -> [dense(16), lstm(16,seq)] -> add -> lstm(8)",
        "in(T,8) -> [dense(1), id] -> add -> lstm(8)",
        "in(T,8) -> [dense(1) -> softmax(time), id] -> mul -> sum(time)",
        "in(T,8) -> [id, mean(features,keepdims)] -> sub -> lstm(4)",
        "in(T,1) -> [dense(1,sigmoid), lstm(16,seq)] -> mul -> lstm(8)",
        "in(8) -> [dense(1), dense(4)] -> add",
        "in(T,8) -> [id, last(1)] -> sub -> lstm(4)",
        "in(T,1) -> res(lstm(1,seq)) -> lstm(8)",
    ],
)
def test_what_is_stretched_on_purpose_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST607") == []


# ---- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(3,2) -> dense(16,relu) -> dense(4)", "dense(16,relu)"),
        ("in(3,2) -> dropout(0.1) -> dense(4) -> act(softmax)", "dense(4)"),
        ("in(3,2) -> dense(8,relu) * 3 -> dense(1)", "dense(8,relu)"),
        ("def head(U) = dense(U,relu) -> dense(1)\nin(3,2) -> head(8)", "dense(U,relu)"),
    ],
)
def test_dense_layers_alone_on_a_sequence_do_not_flatten(spec: str, at: str) -> None:
    found = assert_found(spec, "ST608", at)
    assert found.severity == "info"
    flat, each = assert_mended(spec, "ST608")
    assert "flatten -> dense" in flat
    assert "td(dense" in each


@pytest.mark.parametrize(
    "spec",
    [
        "in(3,2) -> flatten -> dense(4)",
        "in(3,2) -> td(dense(4))",
        "in(?,2) -> dense(2) -> softmax",
        "in(T,2) -> dense(2)",
        "in(3,2) -> lstm(8,seq) -> dense(2)",
        "in(3,2) -> dense(8) -> lstm(4)",
        "in(1,2) -> dense(8)",
        "in(8) -> dense(4)",
        "in(3,2) -> dense(4)\ntrain adam, loss=mse, labels=(3,4)",
    ],
)
def test_dense_where_steps_meet_or_are_meant_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST608") == []


@pytest.mark.parametrize(
    "spec",
    [
        "in(69,int) -> embed(500,100) -> bi(lstm(150)) -> dense(150,relu) -> dense(69,sigmoid)",
        "in(T,int) -> embed(500,100) -> gru(15) -> dense(T) -> softmax",
    ],
)
def test_units_that_count_the_steps_are_found(spec: str) -> None:
    (found,) = findings(spec, "ST609")
    assert "keep the steps with seq" in found.help


@pytest.mark.parametrize(
    "spec",
    [
        "in(69,int) -> embed(500,100) -> lstm(150,seq) -> dense(3,softmax)",
        "in(10,int) -> embed(500,100) -> lstm(150) -> dense(10,softmax)",
        "in(69,int) -> embed(500,100) -> lstm(150) -> dense(5,softmax)",
        "in(24,1) -> lstm(8) -> dense(24)",
        "in(69,int) -> embed(500,100) -> gavgpool1d -> dense(69)",
    ],
)
def test_units_that_count_something_else_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST609") == []


def test_an_answer_at_each_step_is_found_where_it_is_asked_for() -> None:
    spec = "in(50,960) -> lstm(64,seq) -> lstm(32,seq) -> dense(487,softmax)"
    last, pooled = assert_mended(spec, "ST610")
    assert last == "in(50,960) -> lstm(64,seq) -> lstm(32) -> dense(487,softmax)"
    assert pooled == "in(50,960) -> lstm(64,seq) -> lstm(32,seq) -> gavgpool1d -> dense(487,softmax)"
    attending = "in(50,int) -> embed(200,32) -> lstm(32,seq) as h\n[h, h] -> attention -> dense(3) -> softmax"
    assert assert_found(attending, "ST610", "dense(3)").help
    assert len(assert_mended(attending, "ST610")) == 1


@pytest.mark.parametrize(
    "spec",
    [
        "in(50,960) -> lstm(64) -> dense(487,softmax)",
        "in(50,960) -> lstm(64,seq) -> dense(487)",
        "in(8) -> repeat(4) -> lstm(8,seq) -> dense(5,softmax)",
        "in(50,9) -> lstm(64,seq) -> dense(5,softmax)\n"
        "train adam, loss=categorical_crossentropy, labels=(50,5)",
    ],
)
def test_other_heads_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST610") == []
