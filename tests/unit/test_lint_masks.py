"""Rules on masks: where the mask of padded steps ends, and who would have heeded it."""

from __future__ import annotations

import pytest

from seqtopo.api import analyse
from seqtopo.graph.masks import Masks, follow
from tests.support.lints import assert_found, assert_mended, findings

WORDS = "in(40,int) -> embed(1000,50,mask)"


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        (f"{WORDS} -> lstm(64,seq) -> flatten -> dense(3)", "flatten"),
        (f"{WORDS} -> bi(lstm(64,seq)) -> batchnorm -> flatten -> dense(3)", "flatten"),
        (f"{WORDS} -> conv1d(8,3) -> gavgpool1d", "conv1d(8,3)"),
        (f"{WORDS} -> (conv1d(50,3,same) -> relu) * 2 -> lstm(8)", "conv1d(50,3,same)"),
        (f"{WORDS} -> gmaxpool1d -> dense(3)", "gmaxpool1d"),
        (f"{WORDS} -> reshape(20,100) -> lstm(8)", "reshape(20,100)"),
        (f"{WORDS} -> permute(2,1) -> lstm(8)", "permute(2,1)"),
        (f"{WORDS} -> rms_normalization -> mha(2,8)", "rms_normalization"),
        (f"x = in(40,int)\n[{WORDS}, x -> embed(9,50)] -> add -> lstm(8)", "add"),
        ("in(?,1) -> mask(-99) -> conv1d(20,5,same) -> gru(20,seq) -> gru(20)", "conv1d(20,5,same)"),
        (f"def read() = conv1d(8,3) -> lstm(8)\n{WORDS} -> read()", "conv1d(8,3)"),
        ("in(9,40,int) -> td(embed(99,5,mask) -> conv1d(5,3) -> lstm(8)) -> lstm(3)", "conv1d(5,3)"),
        ("in(9,40,int) -> td(embed(99,5,mask)) -> td(lstm(8)) -> lstm(3)", "embed(99,5,mask)"),
    ],
)
def test_the_end_of_a_mask_is_found(spec: str, at: str) -> None:
    assert_found(spec, "ST631", at)
    assert_mended(spec, "ST631")


@pytest.mark.parametrize(
    "spec",
    [
        f"{WORDS} -> lstm(64) -> dense(3)",
        f"{WORDS} -> spatial_dropout1d(0.3) -> bi(lstm(64,seq)) -> td(dense(3))",
        f"{WORDS} -> lstm(64,seq) -> gavgpool1d -> dense(3)",
        f"{WORDS} -> lstm(8) -> repeat(5) -> conv1d(3,2)",
        f"{WORDS} -> res(mha(2,25)) -> norm -> mean(time)",
        f"{WORDS} -> dense(8,relu) -> pos -> flip -> last(9) -> gru(4)",
        # Without a reader behind it, a changed shape is no loss.
        f"{WORDS} -> permute(2,1) -> dense(3)",
        f"[{WORDS}, in(10,int) -> embed(20,50)] -> concat(time) -> lstm(16)",
        "in(40,int) -> embed(1000,50) -> conv1d(8,3) -> lstm(8)",
        "in(9,40,int) -> td(embed(99,5,mask) -> lstm(8)) -> lstm(3)",
        "shown = in(20,bool)\nin(20,8) -> gru(16,seq,mask=shown) -> gru(8,mask=shown)",
    ],
)
def test_a_mask_that_is_heeded_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST631") == []


def test_the_last_step_or_the_mean_stand_in_for_a_flatten() -> None:
    assert assert_mended(f"{WORDS} -> bi(lstm(64,seq)) -> batchnorm -> flatten -> dense(3)", "ST631") == [
        f"{WORDS} -> bi(lstm(64)) -> batchnorm -> dense(3)",
        f"{WORDS} -> bi(lstm(64,seq)) -> batchnorm -> gavgpool1d -> dense(3)",
    ]


def test_a_convolution_before_the_reader_is_taken_out_or_the_mask() -> None:
    spec = "in(?,1) -> mask(-99) -> conv1d(20,5,same) -> gru(20)"
    assert assert_mended(spec, "ST631") == [
        "in(?,1) -> mask(-99) -> gru(20)",
        "in(?,1) -> conv1d(20,5,same) -> gru(20)",
    ]
    # Beside a branch that goes past it, what comes out would not fit any more.
    beside = f"{WORDS} -> res(conv1d(50,3,same)) -> lstm(8)"
    assert assert_mended(beside, "ST631") == [beside.replace(",mask", "")]


def test_padding_without_a_mask_is_told_when_asked_for() -> None:
    assert assert_mended("in(T,int) -> embed(5000,64) -> dropout(0.2) -> lstm(32)", "ST637") == [
        "in(T,int) -> embed(5000,64,mask) -> dropout(0.2) -> lstm(32)"
    ]
    assert findings("in(T,int) -> embed(5000,64) -> gavgpool1d", "ST637") == []
    assert findings("in(T,int) -> embed(5000,64,mask) -> lstm(32)", "ST637") == []


def test_a_zero_that_may_be_measured_is_told_when_asked_for() -> None:
    assert assert_mended("in(T,1) -> mask -> lstm(8)", "ST638") == ["in(T,1) -> mask(-1) -> lstm(8)"]
    assert findings("in(T,4) -> mask(0) -> lstm(8)", "ST638") == []


@pytest.mark.parametrize("mean", ["mean(time)", "mean(-2)", "mean(1)"])
def test_a_mean_over_time_heeds_the_mask_however_the_axis_is_counted(mean: str) -> None:
    spec = f"in(9,int) -> embed(50,8,mask) -> {mean} -> dense(2)"
    assert findings(spec, "ST631") == []
    assert masks(spec).used


def test_a_mean_over_the_features_hands_the_mask_on() -> None:
    spec = "in(9,int) -> embed(50,8,mask) -> mean(features,keepdims) -> lstm(4)"
    assert findings(spec, "ST631") == []
    assert masks(spec).used


def masks(spec: str) -> Masks:
    """Return the masks of a spec."""
    resolved = analyse(spec).resolved
    assert resolved is not None
    return follow(resolved.graph, resolved.graph.nodes)


SENTENCES = "in(10,20,int) -> embed(5000,16,mask)"


@pytest.mark.parametrize(
    ("spec", "at"),
    [
        (f"{SENTENCES} -> td(lstm(32)) -> lstm(8)", "lstm(8)"),
        (f"{SENTENCES} -> td(bi(gru(32))) -> bi(gru(8,seq)) -> dense(1)", "bi(gru(8,seq))"),
        (f"{SENTENCES} -> td(lstm(8,seq) -> flatten) -> rnn(8)", "rnn(8)"),
        (f"{SENTENCES} -> td(lstm(20)) -> lstm(20)", "lstm(20)"),
        (f"{SENTENCES} -> td(gavgpool1d) -> gavgpool1d", "gavgpool1d"),
        (f"{SENTENCES} -> td(lstm(32)) -> mean(time)", "mean(time)"),
        (f"{SENTENCES} -> td(lstm(32)) -> mha(2,8)", "mha(2,8)"),
        ("in(10,20,3) -> mask -> td(dense(8)) -> td(flatten) -> gru(8)", "gru(8)"),
    ],
)
def test_a_mask_of_several_axes_is_found_where_one_is_wanted(spec: str, at: str) -> None:
    assert_found(spec, "ST679", at)
    assert assert_mended(spec, "ST679")


@pytest.mark.parametrize("source", [SENTENCES, "in(10,20,3) -> mask"])
def test_such_a_mask_at_a_convolutional_lstm_has_no_td_to_end_in(source: str) -> None:
    (found,) = findings(f"{source} -> conv_lstm1d(2,2)", "ST679")
    assert not found.fixes


@pytest.mark.parametrize(
    "spec",
    [
        f"{SENTENCES} -> td(lstm(32)) -> at(-1)",
        f"{SENTENCES} -> td(lstm(32)) -> last(2) -> lstm(2)",
        f"{SENTENCES} -> td(lstm(32)) -> td(dense(3)) -> flatten",
        f"{SENTENCES} -> mean(2) -> lstm(8)",
        "in(10,20,int) -> td(embed(5000,16,mask) -> lstm(32)) -> lstm(8)",
        "in(10,20,3) -> mask -> reshape(10,60) -> lstm(8)",
        f"{WORDS} -> lstm(8,seq) -> mha(2,8)",
    ],
)
def test_a_mask_that_fits_or_ends_is_left_alone(spec: str) -> None:
    assert not findings(spec, "ST679")
