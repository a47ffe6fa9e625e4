"""Rules on cost: fast kernels, the memory of attention and of layers, long unrolling, linear chains."""

from __future__ import annotations

import pytest

import seqtopo
from tests.support.lints import assert_found, assert_mended, findings


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("lstm(8,recurrent_dropout=0.1)", "recurrent_dropout"),
        ("lstm(8,relu)", "the activation relu"),
        ("lstm(8,recurrent_activation=hard_sigmoid)", "the recurrent_activation hard_sigmoid"),
        ("lstm(8,nobias)", "use_bias=false"),
        ("lstm(8,unroll)", "unroll"),
        ("gru(8,reset_after=false)", "reset_after=false"),
    ],
)
def test_what_keeps_a_layer_from_the_fast_kernels_is_named(layer: str, reason: str) -> None:
    for spec in (
        f"in(20,8) -> {layer}",
        f"in(7,20,8) -> td({layer})",
        f"in(20,8) -> ({layer} -> repeat(20)) * 2",
    ):
        found = assert_found(spec, "ST651", layer)
        assert found.message.startswith(f"{reason} keeps ")
    assert_found(f"in(20,8) -> bi({layer})", "ST651", layer)


@pytest.mark.parametrize(
    "layer",
    [
        "lstm(8)",
        "lstm(8,dropout=0.1,back)",
        "gru(8,tanh)",
        "bi(gru(8,seq))",
        "rnn(8,relu)",
        "lstm(8,relu,use_cudnn=false)",
    ],
)
def test_a_layer_with_fast_kernels_is_left_alone(layer: str) -> None:
    assert findings(f"in(20,8) -> {layer}", "ST651") == []


def test_layers_that_are_slow_for_one_reason_are_told_together_and_mended_together() -> None:
    spec = "in(T,8) -> gru(8,seq,recurrent_dropout=0.1) -> gru(9,recurrent_dropout=0.2,dropout=0.3)"
    found = assert_found(spec, "ST651", "gru(8,seq,recurrent_dropout=0.1)")
    assert [label.text for label in found.labels] == ["so does this"]
    assert assert_mended(spec, "ST651") == ["in(T,8) -> gru(8,seq,dropout=0.1) -> gru(9,dropout=0.3)"]


def test_a_mask_is_told_of_when_asked_for() -> None:
    assert_found("in(T,int) -> embed(99,8,mask) -> lstm(8)", "ST652", "lstm(8)")
    assert findings("in(T,int) -> embed(99,8) -> lstm(8)", "ST652") == []


@pytest.mark.parametrize(
    ("spec", "at", "says"),
    [
        (
            "in(20000,int) -> embed(99,64) -> mha(8,8)",
            "mha(8,8)",
            "12.8 GB a sample: 8 heads x 20,000 x 20,000",
        ),
        ("[in(40000,8), in(10000,8)] -> attention", "attention", "1.6 GB a sample: 40,000 x 10,000"),
        ("in(2,20000,8) -> td(id -> mha(1,8))", "mha(1,8)", "1.6 GB"),
        ("in(20000,64) -> group_query_attention(16,8,2)", "group_query_attention(16,8,2)", "12.8 GB"),
    ],
)
def test_the_memory_of_attention_is_reckoned(spec: str, at: str, says: str) -> None:
    assert says in assert_found(spec, "ST653", at).message
    assert_mended(spec, "ST653")


@pytest.mark.parametrize(
    "spec",
    [
        "in(4096,64) -> mha(8,8)",
        "in(T,64) -> mha(8,8)",
        "in(20000,64) -> mha(8,8,flash_attention=true)",
        "in(20000,64) -> avgpool1d(20) -> mha(8,8)",
    ],
)
def test_attention_that_fits_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST653") == []


def test_a_dense_layer_behind_a_long_flatten_is_found() -> None:
    spec = "in(5000,256) -> flatten -> dense(512,relu) -> dense(1)"
    found = assert_found(spec, "ST654", "dense(512,relu)")
    assert "655,360,512 parameters, 2.6 GB" in found.message
    assert assert_mended(spec, "ST654") == ["in(5000,256) -> gavgpool1d -> dense(512,relu) -> dense(1)"]
    assert findings("in(5000,int) -> embed(2000000,300)", "ST654") == []
    assert findings("in(500,256) -> flatten -> dense(512,relu)", "ST654") == []


def test_what_the_layers_give_is_reckoned_for_one_sample() -> None:
    spec = "in(1000000,8) -> conv1d(512,3,same) -> gmaxpool1d -> dense(1)"
    assert "2.0 GB" in assert_found(spec, "ST655", "conv1d(512,3,same)").message
    assert findings("in(T,8) -> conv1d(512,3,same) -> gmaxpool1d", "ST655") == []
    assert findings("in(100000,8) -> conv1d(512,3,same) -> gmaxpool1d", "ST655") == []


def test_long_unrolling_is_told_once() -> None:
    spec = "in(1000,8) -> bi(rnn(32,unroll,seq)) -> lstm(4)"
    assert_found(spec, "ST656", "rnn(32,unroll,seq)")
    assert assert_mended(spec, "ST656") == ["in(1000,8) -> bi(rnn(32,seq)) -> lstm(4)"]
    assert findings("in(1000,8) -> lstm(32,unroll)", "ST651") == []
    assert findings("in(100,8) -> lstm(32,unroll)", "ST656") == []


def test_a_dense_layer_without_an_activation_before_another_is_found() -> None:
    spec = "in(24) -> dense(64) -> dense(32) -> dense(1)"
    assert_found(spec, "ST657", "dense(64)")
    assert assert_mended(spec, "ST657") == ["in(24) -> dense(64,relu) -> dense(32) -> dense(1)"]
    for other in (
        "in(24) -> dense(64,relu) -> dense(1)",
        "in(24) -> dense(8) -> dense(100)",
        "in(24) -> dense(64) -> relu -> dense(32)",
        "in(24) -> dense(64) -> dropout(0.1) -> dense(32)",
        "one = dense(24)\nin(24) -> one -> one",
    ):
        assert findings(other, "ST657") == [], other


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ("in(3,10) -> conv1d(8,3,channels_first)", "ST658", "TF_ENABLE_ONEDNN_OPTS=1"),
        ("in(5,3,10) -> td(conv1d(8,3,channels_first))", "ST658", "permute(1,3,2)"),
        ("in(5,3,10) -> convlstm1d(8,3,channels_first)", "ST658", "permute(1,3,2)"),
        ("in(3,10) -> conv1d_transpose(8,3,channels_first,dtype=float64)", "ST658", "for float32 alone"),
        ("in(10,3) -> conv1d_transpose(8,3,dilation_rate=2)", "ST659", "dilation_rate above 1"),
        ("in(9,8,3) -> conv2d_transpose(8,3,dilation_rate=(1,2))", "ST659", "dilation_rate above 1"),
        ("in(9,8,3) -> separable_conv2d(8,3,(1,2))", "ST659", "strides that differ between rows and columns"),
        ("in(4,9,8,3) -> td(depthwise_conv2d(3,(2,1)))", "ST659", "computes depthwise_conv2d with strides"),
    ],
)
def test_fault_0_what_tensorflow_computes_through_onednn_alone(spec: str, code: str, words: str) -> None:
    (found,) = (d for d in seqtopo.check(spec).diagnostics if d.code.startswith("ST65"))
    assert (found.code, found.severity) == (code, "info")
    assert words in " ".join((found.message, *found.notes, found.help))


@pytest.mark.parametrize(
    "spec",
    [
        "in(3,9,8,7) -> conv3d(8,3,channels_first)",
        "in(4,10) -> conv1d(8,3,channels_first,groups=2)",
        "in(3,9,8) -> depthwise_conv2d(3,channels_first)",
        "in(3,9,8) -> maxpool2d(2,data_format=channels_first)",
        "in(9,8,3) -> depthwise_conv2d(3,(1,2),dilation_rate=2)",
        "in(9,8,3) -> conv2d(8,3,(1,2))",
        "in(9,8,3) -> conv2d_transpose(8,3,(1,2))",
    ],
)
def test_fault_0_nothing_is_said_where_tensorflow_runs_it_anyway(spec: str) -> None:
    codes = {found.code for found in seqtopo.check(spec).diagnostics}
    assert not codes & {"ST658", "ST659"}
