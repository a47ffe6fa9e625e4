"""Rules on slips that build and train: gates, copies, swapped sizes, cut scores, skipped steps."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_mended, findings

_DECODER = "enc = in(9,4) -> lstm(8,seq)\ndec = in(9,4) -> lstm(8,seq,init=enc.state)\n"
_BLOCKS = "memory = in(9,32) -> res(mha(2,16)) -> norm\nasked = in(9,32) -> res(mha(2,16,causal)) -> norm\n"

FOUND = {
    "ST619": [
        (_DECODER + "[enc, dec] -> attention -> dense(5)", _DECODER + "[dec, enc] -> attention -> dense(5)"),
        (_BLOCKS + "[memory, asked] -> mha(2,16) -> dense(5)",
         _BLOCKS + "[asked, memory] -> mha(2,16) -> dense(5)"),
    ],
    "ST639": [
        ("in(T,int) -> embed(64,5000) -> lstm(32)", "in(T,int) -> embed(5000,64) -> lstm(32)"),
        ("in(T,int) -> embed(50,20000,mask) -> lstm(32)", "in(T,int) -> embed(20000,50,mask) -> lstm(32)"),
    ],
    "ST640": [
        ("in(9,3) -> lstm(8,recurrent_activation=relu)", "in(9,3) -> lstm(8)"),
        ("in(9,3) -> bi(gru(8,recurrent_activation=tanh))", "in(9,3) -> bi(gru(8))"),
        ("in(9,3) -> gru(8,recurrent_activation=linear,seq)", "in(9,3) -> gru(8,seq)"),
    ],
    "ST647": [
        ("in(24,3) -> lstm(16) -> repeat(5) -> td(dense(1))",
         "in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> td(dense(1))"),
        ("in(8) -> repeat(5) -> dense(4,relu) -> dropout(0.1) -> dense(1)",
         "in(8) -> repeat(5) -> lstm(8,seq) -> dense(4,relu) -> dropout(0.1) -> dense(1)"),
    ],
    "ST648": [
        ("in(24,3) -> lstm(16) -> repeat(5) -> lstm(16) -> dense(1)",
         "in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> dense(1)"),
        ("in(T,3) -> gru(16) -> repeat(T) -> dropout(0.1) -> bi(gru(8))",
         "in(T,3) -> gru(16) -> repeat(T) -> dropout(0.1) -> bi(gru(8,seq))"),
    ],
    "ST649": [
        ("in(9,3) -> lstm(5,softmax)", "in(9,3) -> lstm(5) -> dense(5,softmax)"),
        ("in(9,3) -> lstm(N,softmax)", "in(9,3) -> lstm(N) -> dense(N,softmax)"),
        ("in(9,3) -> gru(5,softmax,seq)", "in(9,3) -> gru(5,seq) -> dense(5,softmax)"),
        ("in(9,3) -> lstm(5,activation=softmax) -> dense(1)", "in(9,3) -> lstm(5) -> dense(1)"),
    ],
    "ST673": [
        ("in(9,3) -> lstm(8) -> last(3) -> dense(1)", "in(9,3) -> lstm(8,seq) -> last(3) -> dense(1)"),
        ("in(9,3) -> bi(gru(8)) -> dropout(0.1) -> flip -> dense(1)",
         "in(9,3) -> bi(gru(8,seq)) -> dropout(0.1) -> flip -> dense(1)"),
    ],
    "ST674": [
        ("in(24,3) -> batchnorm(axis=1) -> lstm(8)", "in(24,3) -> batchnorm -> lstm(8)"),
        ("in(24,3) -> conv1d(4,3) -> batchnorm(time,momentum=0.9)",
         "in(24,3) -> conv1d(4,3) -> batchnorm(momentum=0.9)"),
        ("in(24,3) -> conv1d(4,3,channels_last) -> batchnorm(axis=1)",
         "in(24,3) -> conv1d(4,3,channels_last) -> batchnorm"),
    ],
    "ST675": [
        ("in(24,3) -> lstm(8,seq) -> dense(5) -> softmax(time)",
         "in(24,3) -> lstm(8,seq) -> dense(5) -> softmax"),
    ],
    "ST676": [
        ("in(40,int) -> embed(500,32) -> mha(2,16) -> gavgpool1d -> dense(2)",
         "in(40,int) -> embed(500,32) -> pos -> mha(2,16) -> gavgpool1d -> dense(2)"),
        ("in(?,int) -> embed(500,32) -> res(mha(2,16)) -> norm -> res(dense(32,relu)) -> dense(9,softmax)",
         "in(?,int) -> embed(500,32) -> pos(sin) -> res(mha(2,16)) -> norm -> res(dense(32,relu)) -> "
         "dense(9,softmax)"),
    ],
    "ST677": [
        ("in(9,3) -> lstm(8) -> dense(5,relu) -> softmax", "in(9,3) -> lstm(8) -> dense(5) -> softmax"),
        ("in(9,3) -> lstm(8) -> dense(1,relu) -> sigmoid", "in(9,3) -> lstm(8) -> dense(1) -> sigmoid"),
        ("in(9,3) -> lstm(8) -> dense(5) -> tanh -> softmax", "in(9,3) -> lstm(8) -> dense(5) -> softmax"),
        ("in(9,3) -> lstm(10) -> softmax", "in(9,3) -> lstm(10) -> dense(10) -> softmax"),
    ],
    "ST678": [
        ("in(24,3) -> conv1d(8,2,strides=4)", "in(24,3) -> conv1d(8,2,strides=2)"),
        ("in(24,3) -> maxpool1d(2,5)", "in(24,3) -> maxpool1d(2,2)"),
        ("in(24,24,3) -> conv2d(8,(3,3),(5,2))", "in(24,24,3) -> conv2d(8,(3,3),(3,2))"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "spec", "right"), [(code, *case) for code, cases in FOUND.items() for case in cases]
)
def test_a_slip_is_found_and_mended(code: str, spec: str, right: str) -> None:
    assert assert_mended(spec, code)[0] == right


LEFT_ALONE = {
    "ST619": [
        _DECODER + "[dec, enc] -> attention",
        _BLOCKS + "[asked, memory] -> mha(2,16)",
        "a = in(9,4) -> lstm(8,seq)\nb = in(9,4) -> lstm(8,seq)\n[a, b] -> attention",
        "in(9,32) -> res(mha(2,16,causal))",
    ],
    "ST639": ["in(T,int) -> embed(300,512)", "in(T,int) -> embed(1000,1024)", "in(T,int) -> embed(2,64)"],
    "ST640": ["in(9,3) -> lstm(8,recurrent_activation=hard_sigmoid)", "in(9,3) -> lstm(8,relu)"],
    "ST647": [
        "in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> td(dense(1))",
        "in(8) -> repeat(5) -> pos -> dense(1)",
        "in(8) -> repeat(1) -> dense(1)",
        "s = in(5,3)\n[in(8) -> repeat(5), s] -> concat -> dense(1)",
        "in(8) -> repeat(5) -> flatten -> dense(1)",
    ],
    "ST648": [
        "in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> lstm(4)",
        "in(24,3) -> lstm(16) -> repeat(1) -> lstm(16)",
        "s = in(5,3)\n[in(8) -> repeat(5), s] -> concat -> lstm(4)",
    ],
    "ST649": ["in(9,3) -> rnn(5,softmax)", "in(9,3) -> lstm(5) -> dense(5,softmax)"],
    "ST673": [
        "in(9,3) -> lstm(8,seq) -> last(3)",
        "in(9) -> last(3)",
        "in(9,3) -> lstm(8) -> dense(6) -> first(3)",
        "in(9,3) -> lstm(8) -> last(3,features)",
    ],
    "ST674": [
        "in(24,3) -> batchnorm",
        "in(3,24) -> conv1d(4,3,channels_first) -> batchnorm(axis=1)",
        "in(24,1) -> batchnorm(axis=1)",
        "in(24,3) -> permute(2,1) -> batchnorm(axis=1) -> permute(2,1) -> lstm(4)",
        "in(24,3) -> swap -> batchnorm(axis=1)",
    ],
    "ST675": [
        "in(24,3) -> lstm(8,seq) -> dense(1) -> softmax(time)",
        "in(24,3) -> softmax(time)",
        "s = in(24,3) -> lstm(8,seq)\n[s, s -> dense(8) -> softmax(time)] -> mul -> sum(time)",
    ],
    "ST676": [
        "in(40,int) -> embed(500,32) -> gavgpool1d -> dense(2)",
        "in(40,int) -> embed(500,32) -> conv1d(32,3,same) -> mha(2,16) -> gavgpool1d",
        "in(40,int) -> embed(500,32) -> mha(2,16) -> lstm(8)",
        "in(40,int) -> embed(500,32) -> mha(2,16,causal) -> dense(500)",
        "in(40,int) -> embed(500,32) -> mha(2,16) -> flatten -> dense(2)",
        "in(40,8) -> mha(2,16) -> gavgpool1d",
    ],
    "ST677": [
        "in(9,3) -> lstm(8) -> dense(5) -> softmax",
        "s = in(9,3) -> lstm(8,seq)\n[s, s -> dense(1,tanh) -> softmax(time)] -> mul -> sum(time)",
        "in(9,3) -> lstm(8) -> dense(5,softplus) -> softmax",
        "in(9,3) -> lstm(8,seq) -> softmax(time)",
        "in(9,3) -> lstm(8,seq) -> act(softmax(1))",
    ],
    "ST678": [
        "in(24,3) -> conv1d(8,1,strides=2)",
        "in(24,3) -> maxpool1d(2)",
        "in(24,3) -> conv1d(8,4,strides=4)",
        "in(24,3) -> conv1d_transpose(8,2,strides=4)",
    ],
}


@pytest.mark.parametrize(
    ("code", "spec"), [(code, spec) for code, specs in LEFT_ALONE.items() for spec in specs]
)
def test_what_is_meant_is_left_alone(code: str, spec: str) -> None:
    assert findings(spec, code) == []
