"""Rules on heads: softmax over one number, an activation twice, what stands behind the last layer."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings

MSE = "\ntrain adam, loss=mse"


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(3,1) -> lstm(8) -> dense(1,softmax)", "dense(1,softmax)"),
        ("in(3,1) -> lstm(8) -> dense(1,activation=softmax)", "dense(1,activation=softmax)"),
        ("in(3,1) -> lstm(8) -> dense(1) -> softmax", "softmax"),
        ("in(3,1) -> lstm(8) -> dense(1) -> act(softmax)", "act(softmax)"),
        ("in(3,1) -> lstm(8,seq) -> td(dense(1,softmax))", "dense(1,softmax)"),
        ("in(3,1) -> lstm(8,seq) -> td(dense(1)) -> td(softmax)", "softmax"),
        ("in(5,3,1) -> td(lstm(8) -> dense(1,softmax)) -> flatten", "dense(1,softmax)"),
        ("head = dense(1,softmax)\nin(3,1) -> lstm(8) -> head", "dense(1,softmax)"),
        ("def head(N) = dense(N,softmax)\nin(3,1) -> lstm(8) -> head(1)", "dense(N,softmax)"),
        ("in(3,1) -> conv1d(1,1,softmax) -> flatten", "conv1d(1,1,softmax)"),
        ("in(3,1) -> lstm(1) -> softmax(-1)", "softmax(-1)"),
        ("m = in(3,1) -> lstm(8) -> dense(1,softmax)\nin(3,1) -> m", "dense(1,softmax)"),
    ],
)
def test_softmax_over_one_is_found(spec: str, at: str) -> None:
    found = assert_found(spec, "ST621", at)
    assert "always 1.0" in found.message


@pytest.mark.parametrize(
    "spec",
    [
        "in(3,1) -> lstm(8) -> dense(2,softmax)",
        "in(3,1) -> lstm(8) -> dense(1,sigmoid)",
        "h = in(5,3) -> lstm(4,seq)\n[h, h -> dense(1) -> softmax(time)] -> mul -> sum(time)",
        "in(5,3) -> lstm(4,seq) -> dense(1) -> act(softmax(1))",
        "in(5,1) -> squeeze(features) -> softmax",
        "in(5,F) -> lstm(F) -> softmax",
    ],
)
def test_a_softmax_over_several_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST621") == []


def test_inside_the_model_the_steps_are_weighed_and_at_its_end_sigmoid_answers() -> None:
    inside = "h = in(5,3) -> lstm(4,seq)\n[h, h -> dense(1,softmax)] -> mul -> sum(time) -> dense(2,softmax)"
    assert [text.splitlines()[1][:40] for text in assert_mended(inside, "ST621")] == [
        "[h, h -> dense(1) -> softmax(time)] -> m",
        "[h, h -> dense(1,sigmoid)] -> mul -> sum",
    ]
    assert assert_mended("in(3,1) -> lstm(8) -> dense(1) -> softmax", "ST621") == [
        "in(3,1) -> lstm(8) -> dense(1) -> sigmoid"
    ]
    assert assert_mended("in(3,4) -> lstm(8,seq) -> td(dense(1,softmax))", "ST621") == [
        "in(3,4) -> lstm(8,seq) -> td(dense(1,sigmoid))"
    ]


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(3,1) -> lstm(8) -> dense(5,softmax) -> softmax", "softmax"),
        ("in(3,1) -> lstm(8,seq) -> td(dense(5,softmax)) -> softmax", "softmax"),
        ("in(3,1) -> lstm(8) -> dense(5,sigmoid) -> sigmoid", "sigmoid"),
        ("in(3,1) -> lstm(8) -> dense(5,softmax) -> sigmoid -> dense(2)", "sigmoid"),
        ("in(3,1) -> lstm(8) -> dense(5,sigmoid) -> softmax", "softmax"),
        ("in(7,3,1) -> td(lstm(8) -> dense(5,softmax) -> act(softmax))", "act(softmax)"),
    ],
)
def test_an_activation_twice_is_found(spec: str, at: str) -> None:
    assert_found(spec, "ST626", at)


@pytest.mark.parametrize(
    "spec",
    [
        "in(3,1) -> lstm(8) -> dense(5,tanh) -> softmax",
        "in(3,1) -> lstm(8) -> dense(5,relu) -> sigmoid",
        "in(3,4) -> lstm(8,seq) -> dense(5) -> softmax(time) -> softmax",
        "h = in(5,3) -> lstm(4,seq)\n[h, h -> dense(1,sigmoid) -> softmax(time)] -> mul -> sum(time)",
    ],
)
def test_two_activations_that_go_together_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST626") == []


def test_one_of_two_activations_is_kept() -> None:
    assert assert_mended("in(3,1) -> lstm(8) -> dense(5,sigmoid) -> softmax", "ST626") == [
        "in(3,1) -> lstm(8) -> dense(5,sigmoid)",
        "in(3,1) -> lstm(8) -> dense(5) -> softmax",
    ]


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        ("in(3,1) -> lstm(8) -> dense(5,softmax) -> dropout(0.5)", "dropout(0.5)"),
        ("in(3,1) -> lstm(8) -> dense(5) -> softmax -> dropout(0.5)", "dropout(0.5)"),
        ("in(3,1) -> lstm(8) -> dense(1) -> dropout(0.5)" + MSE, "dropout(0.5)"),
        ("in(3,1) -> lstm(8,seq) -> td(dense(1)) -> td(dropout(0.5))" + MSE, "td(dropout(0.5))"),
        ("in(3,1) -> lstm(8) -> dense(5,softmax) -> batchnorm", "batchnorm"),
        ("in(3,1) -> lstm(8) -> dense(5,sigmoid) -> norm", "norm"),
    ],
)
def test_what_disturbs_the_output_is_found_and_taken_out(spec: str, at: str) -> None:
    assert_found(spec, "ST627", at)
    assert len(assert_mended(spec, "ST627")) == 1


@pytest.mark.parametrize(
    "spec",
    [
        # A part that another model goes on from may end in dropout or a normalization.
        "in(3,1) -> bi(lstm(8,seq)) -> dropout(0.5)",
        "in(3,1) -> dense(8) -> norm",
        "in(3,1) -> lstm(8) -> dropout(0.5) -> dense(1)" + MSE,
        "in(3,1) -> lstm(8) -> batchnorm -> dense(5,softmax)",
    ],
)
def test_what_stands_before_the_last_layer_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST627") == []


def test_relu_at_the_end_of_a_regression_is_found() -> None:
    spec = "in(3,1) -> lstm(8) -> dense(1,relu)"
    assert_found(spec + MSE, "ST620", "dense(1,relu)")
    assert_found("in(3,1) -> lstm(8) -> dense(1) -> relu\ntrain adam, loss=huber(delta=2)", "ST620", "relu")
    assert [text.splitlines()[0] for text in assert_mended(spec + MSE, "ST620")] == [
        "in(3,1) -> lstm(8) -> dense(1)",
        "in(3,1) -> lstm(8) -> dense(1,softplus)",
    ]
    assert findings(spec, "ST620") == []
    assert findings("in(3,1) -> lstm(8) -> dense(1,softplus)" + MSE, "ST620") == []
