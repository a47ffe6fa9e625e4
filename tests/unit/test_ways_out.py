"""Refusals say what stands on the way and what it does; their fixes come to what was meant."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Row

CAUSES = {
    "embed of vectors": (
        "in(20,64) -> embed(500,32) -> gru(8)",
        "embed makes a vector of every single number in (20, 64): these are vectors already, and no ids",
    ),
    "embed of one-hot rows": (
        "in(20,27,int) -> embedding(27,32) -> bi(gru(8))",
        "embedding makes a vector of every single number in (20, 27): these are rows of ids, or one-hot",
    ),
    "samples in the input": (
        "in(1000,24,3) -> dropout(0.1) -> lstm(8)",
        "",
    ),
    "samples at the layer": (
        "in(1000,24,3) -> lstm(8)",
        "in(...) is the shape of one sample: Keras puts the batch before it, so 1000 stands for no samples "
        "here, but for an axis of each",
    ),
    "an open first axis": (
        "in(?,24,3) -> bi(gru(8))",
        "in(...) is the shape of one sample: Keras puts the batch before it, so ? stands for no samples "
        "here, but for an axis of each",
    ),
    "frames of any number are none": ("in(?,24,24,3) -> conv2d(8,3)", ""),
    "one image": (
        "in(8,8,3) -> conv2d(4,3) -> flatten -> dense(8) -> lstm(4)",
        "one sample is one image here, (8, 8, 3): it has no time axis, and so no steps to read",
    ),
    "an attention with its query second": (
        "a = in(7,8)\nb = in(9,8)\n[a, [b, a] -> attention] -> concat",
        "attention gives one row for each step of its query, the first of its list: 9 here",
    ),
    "strides on one way": (
        "in(100,4) -> res(conv1d(4,3,2,same))",
        "conv1d goes 2 steps at a time, and the other branch does not",
    ),
    "the batch in a reshape": (
        "in(4,4,batch=5) -> reshape(5,4,4)",
        "the batch of 5 is not an axis of a sample: a reshape cannot move it into one",
    ),
    "the sides of an image": (
        "in(12,12,1) -> conv2d(8,3) -> maxpool2d(2) -> conv2d(8,3) -> conv2d(8,5)",
        "there is no place left: 12 -> 10 -> 5 -> 3",
    ),
    "the places before a reshape": (
        "in(8,8,2) -> conv2d(4,3) -> reshape(8,8,4)",
        "the places on the way here: 8 -> 6",
    ),
    "a mask of ids": (
        "in(20,int) -> mask(0) -> embed(50,8)",
        "mask compares the features of each step with its number; a step of ids has no features",
    ),
}

FIXES = {
    "in(9,1) -> lstm(4,stateful) -> dense(1)": "in(9,1,batch=32) -> lstm(4,stateful) -> dense(1)",
    "[in(9,1) -> bi(gru(4,stateful)), in(3,batch=8)] -> concat": (
        "[in(9,1,batch=8) -> bi(gru(4,stateful)), in(3,batch=8)] -> concat"
    ),
    "[in(9,1) -> gru(4,stateful), in(3)] -> concat": (
        "[in(9,1,batch=32) -> gru(4,stateful), in(3,batch=32)] -> concat"
    ),
    "[in(9,1,batch=8) -> gru(4,stateful), in(3,batch=4)] -> concat": (
        "[in(9,1,batch=8) -> gru(4,stateful), in(3,batch=8)] -> concat"
    ),
    "s = in(9,4)\n[s, s -> dense(1,tanh) -> flatten -> softmax] -> mul -> sum(time)": (
        "s = in(9,4)\n[s, s -> dense(1,tanh) -> flatten -> softmax -> expand(-1)] -> mul -> sum(time)"
    ),
    "in(12,12,1) -> conv2d(8,3) -> maxpool2d(2) -> conv2d(8,3) -> conv2d(8,5)": (
        "in(16,16,1) -> conv2d(8,3) -> maxpool2d(2) -> conv2d(8,3) -> conv2d(8,5)"
    ),
    "in(30,8,1) -> conv2d(8,3) -> conv2d(8,7)": "in(30,9,1) -> conv2d(8,3) -> conv2d(8,7)",
    "in(1000,24,3) -> lstm(8)": "in(24,3) -> lstm(8)",
    "in(?,24,3,batch=4) -> bi(gru(8,seq))": "in(24,3,batch=4) -> bi(gru(8,seq))",
    "in(60000,28,28,1) -> conv2d(8,3)": "in(28,28,1) -> conv2d(8,3)",
    "in(28,28) -> conv2d(8,3)": "in(28,28,1) -> conv2d(8,3)",
    "in(10,16,16) -> convlstm2d(8,3)": "in(10,16,16,1) -> convlstm2d(8,3)",
    "in(20,27,int) -> embed(27,32) -> gru(8)": "in(20,int) -> embed(27,32) -> gru(8)",
    "in(5,9,9,2) -> td(conv2d(4,3)) -> flatten -> dense(8) -> gru(4)": (
        "in(5,9,9,2) -> td(conv2d(4,3)) -> td(flatten) -> dense(8) -> gru(4)"
    ),
    "in(30,2) -> [conv1d(4,3), conv1d(4,5) -> conv1d(4,2)] -> concat": (
        "in(30,2) -> [conv1d(4,3,same), conv1d(4,5,same) -> conv1d(4,2,same)] -> concat"
    ),
    "in(100,4) -> res(conv1d(8,3,2,same) -> conv1d(8,3,2,same))": (
        "in(100,4) -> [conv1d(8,1,4), conv1d(8,3,2,same) -> conv1d(8,3,2,same)] -> add"
    ),
    "in(9,9,4) -> res(conv2d(4,3,same) -> maxpool2d(2,same))": (
        "in(9,9,4) -> [conv2d(4,1,2), conv2d(4,3,same) -> maxpool2d(2,same)] -> add"
    ),
    "e = in(5,2) -> lstm(4)\nin(3,2) -> bi(lstm(4),init=e.state)": (
        "e = in(5,2) -> bi(lstm(4))\nin(3,2) -> bi(lstm(4),init=e.state)"
    ),
    "in(5,2) -> bi(lstm(4),backward=gru(4))": "in(5,2) -> bi(lstm(4),backward=gru(4,back))",
    "in(5,2) -> bi(lstm(4,back))": "in(5,2) -> bi(lstm(4))",
    "in(5,2) -> bi(lstm(4,back),backward=lstm(4,back))": "in(5,2) -> bi(lstm(4),backward=lstm(4,back))",
    "in(5,2) -> bi(conv1d(4,3))": "in(5,2) -> conv1d(4,3)",
    "in(60,int) -> dropout(0.2) -> embed(50,8)": "in(60,int) -> embed(50,8) -> dropout(0.2)",
}


@pytest.mark.parametrize("case", CAUSES.values(), ids=CAUSES)
def test_the_cause_is_said(case: tuple[str, str]) -> None:
    spec, cause = case
    (found,) = seqtopo.check(spec).diagnostics
    if cause:
        assert cause in found.notes
    else:
        assert found.notes == ()


@pytest.mark.parametrize("spec", FIXES)
def test_what_was_meant_is_among_the_fixes(spec: str) -> None:
    (found,) = seqtopo.check(spec).diagnostics
    after = [fix.apply(spec) for fix in found.fixes]
    assert FIXES[spec] in after
    for text in after:
        assert seqtopo.check(text).ok


@pytest.mark.parametrize("step", ["repeat(?)", "repeat(n=?)"])
def test_a_length_that_nothing_tells_is_named(step: str) -> None:
    spec = f"in(?,8) -> bi(lstm(4)) -> {step} -> gru(2,seq)"
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == "ST308"
    named = f"in(T,8) -> bi(lstm(4)) -> {step.replace('?', 'T')} -> gru(2,seq)"
    assert found.fixes[0].apply(spec) == named


@pytest.mark.parametrize("step", ["last(?)", "first(?)", "pad(?,0)", "crop(0,?)", "upsample1d(?)"])
def test_an_argument_that_nothing_tells_is_refused(step: str) -> None:
    (found,) = seqtopo.check(f"in(9,8) -> {step}").diagnostics
    assert (found.code, found.label) == ("ST308", "any size")


def test_what_is_left_over_needs_no_telling() -> None:
    assert seqtopo.check("in(T,8) -> reshape(?,4) -> einsum_dense('abc,cd->abd',(?,4))").ok


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("in(60,int) -> batchnorm -> embed(50,8)", "in(60,int) -> embed(50,8) -> batchnorm"),
        ("in(20,8) -> lstm(4,seq) -> embed(50,8)", "in(20,8) -> lstm(4,seq)"),
    ],
)
def test_an_embedding_of_what_holds_no_ids_is_moved_or_taken_out(spec: str, meant: str) -> None:
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == "ST634"
    assert [fix.apply(spec) for fix in found.fixes] == [meant]
    assert not seqtopo.check(meant).diagnostics


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("in(3,10) -> conv1d(8,3,channels_first)", "in(3,10) -> permute(2,1) -> conv1d(8,3) -> permute(2,1)"),
        (
            "in(3,9,8) -> conv2d(4,3,relu,data_format=channels_first)",
            "in(3,9,8) -> permute(2,3,1) -> conv2d(4,3,relu) -> permute(3,1,2)",
        ),
    ],
)
def test_channels_first_is_turned_and_back_with_the_same_shape(spec: str, meant: str) -> None:
    report = seqtopo.check(spec)
    (found,) = report.diagnostics
    assert (found.code, found.severity) == ("ST658", "info")
    assert [fix.apply(spec) for fix in found.fixes] == [meant]
    assert list(seqtopo.check(meant).outputs.values()) == list(report.outputs.values())


def test_several_convolutions_over_channels_first_are_told_once() -> None:
    (found,) = seqtopo.check("in(3,10) -> conv1d(8,3,channels_first) -> relu -> "
                             "conv1d(8,3,channels_first)").diagnostics  # fmt: skip
    assert (found.code, len(found.labels), found.fixes) == ("ST658", 1, ())
    assert not seqtopo.check("in(10,3) -> conv1d(8,3) -> maxpool1d(2)").diagnostics


@pytest.mark.parametrize("row", [row for row in ROWS if row.name != "in"], ids=lambda row: row.name)
def test_fault_b1_no_layer_that_is_given_a_scalar_ends_the_check(row: Row) -> None:
    for spec in (f"in(3,4) -> flatten -> at(0) -> {row.name}", f"in(4) -> at(0) -> {row.name}(2)"):
        assert not [d for d in seqtopo.check(spec).diagnostics if d.code.startswith("ST9")]


@pytest.mark.parametrize(
    ("spec", "ways"),
    [
        ("in(5,3) -> 50*dense(3)", ["in(5,3) -> dense(3) * 50", "in(5,3) -> dense(3) -> rescaling(50)"]),
        (
            "in(5,3) -> 2*(lstm(3,seq) -> relu) -> dense(1)",
            [
                "in(5,3) -> (lstm(3,seq) -> relu) * 2 -> dense(1)",
                "in(5,3) -> (lstm(3,seq) -> relu) -> rescaling(2) -> dense(1)",
            ],
        ),
        (
            "let N = 3\nin(5,3) -> N*dense(3)",
            ["let N = 3\nin(5,3) -> dense(3) * N", "let N = 3\nin(5,3) -> dense(3) -> rescaling(N)"],
        ),
        ("in(5,3) -> 0.5*dense(3)", ["in(5,3) -> dense(3) -> rescaling(0.5)"]),
        ("in(5,3) -> dense(3) as x -> 2*x", ["in(5,3) -> dense(3) as x -> x -> rescaling(2)"]),
        ("3*in(5,3) -> dense(3)", ["in(5,3) -> rescaling(3) -> dense(3)"]),
        ("in(5,3) -> dense(3)*relu", ["in(5,3) -> [dense(3), relu] -> mul"]),
        ("in(5,3) -> N*dense(3)", []),
        ("in(5,3) -> 2*dense(3)*relu", []),
        ("in(5,3) -> true*dense(3)", []),
    ],
)
def test_a_product_with_a_flow_behind_is_no_repetition(spec: str, ways: list[str]) -> None:
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == "ST213"
    assert [fix.apply(spec) for fix in found.fixes] == ways
    assert all(seqtopo.check(way).ok for way in ways)
