"""Sizes in lower case, as tutorials write them."""

from __future__ import annotations

import pytest

import seqtopo

TUTORIALS = [
    ("in(timesteps,data_dim) -> lstm(1,seq)", "in(Timesteps,Data_dim) -> lstm(1,seq)"),
    (
        "in(timesteps,data_dim) -> lstm(hidden1,seq) -> lstm(hidden2) -> dense(num_classes,softmax)",
        "in(Timesteps,Data_dim) -> lstm(Hidden1,seq) -> lstm(Hidden2) -> dense(Num_classes,softmax)",
    ),
    ("in(features) -> repeat(steps) -> lstm(units,seq)", "in(Features) -> repeat(Steps) -> lstm(Units,seq)"),
    (
        "in(maxlen,int(vocab)) -> embed(vocab,dim) -> lstm(4)",
        "in(Maxlen,int(Vocab)) -> embed(Vocab,Dim) -> lstm(4)",
    ),
    (
        "in(t,f,batch=batch_size) -> lstm(units=n) -> dense(2*n)",
        "in(T,F,batch=Batch_size) -> lstm(units=N) -> dense(2*N)",
    ),
    (
        "in(20,8) -> conv1d(filters,kernel_size,strides=s)",
        "in(20,8) -> conv1d(Filters,Kernel_size,strides=S)",
    ),
    ("in(20,8) -> bi(lstm(units,seq)) -> td(dense(k))", "in(20,8) -> bi(lstm(Units,seq)) -> td(dense(K))"),
    ("in(20,8) -> lstm(8,seq) * n", "in(20,8) -> lstm(8,seq) * N"),
    ("in(20,8) -> (lstm(K,seq)) for K in [1..n]", "in(20,8) -> (lstm(K,seq)) for K in [1..N]"),
    ("in(20,8) -> is(steps,8) -> lstm(3)", "in(20,8) -> is(Steps,8) -> lstm(3)"),
    ("in(T,F) -> lstm(t)", "in(T,F) -> lstm(T1)"),
    (
        "in(20,8) -> pad(0,horizon) -> lstm(1,seq) -> last(horizon)",
        "in(20,8) -> pad(0,Horizon) -> lstm(1,seq) -> last(Horizon)",
    ),
    (
        "in(steps,8) -> lstm(8,seq) -> reshape(steps,8)\ntrain adam, loss=mse, labels=(steps,8)",
        "in(Steps,8) -> lstm(8,seq) -> reshape(Steps,8)\ntrain adam, loss=mse, labels=(Steps,8)",
    ),
]


@pytest.mark.parametrize(("spec", "renamed"), TUTORIALS, ids=[row[0] for row in TUTORIALS])
def test_fault_f4_sizes_in_lower_case_are_renamed_all_at_once(spec: str, renamed: str) -> None:
    found = [d for d in seqtopo.check(spec).diagnostics if d.severity == "error"]
    assert found
    for diagnostic in found:
        assert "names of sizes begin with an upper-case letter" in diagnostic.message
        assert diagnostic.help.startswith("write ")
    assert renamed in [fix.apply(spec) for diagnostic in found for fix in diagnostic.fixes]
    still = [d.message for d in seqtopo.check(renamed).diagnostics if "upper-case" in d.message]
    assert still == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("in(20,8) -> lstm(8,sq)", "lstm has no flag sq"),
        ("in(20,flot32) -> lstm(3)", "has no flag 'flot32'"),
        ("in(20,8) -> dense(4,relo)", "dense has no flag relo"),
        ("in(20,8) -> dropout(rate) -> lstm(3)", "rate is not a flag: it needs a value"),
    ],
)
def test_fault_f4_a_slip_in_a_flag_is_still_one(spec: str, words: str) -> None:
    assert words in seqtopo.check(spec).diagnostics[0].message


def test_fault_f4_a_name_that_is_bound_may_be_in_lower_case() -> None:
    assert seqtopo.check("let timesteps = 24, hidden = 8\nin(timesteps,3) -> lstm(hidden)", hidden=4).ok
    assert seqtopo.check("def block(filters, k) = conv1d(filters,k,same)\nin(20,8) -> block(4,3)").ok


@pytest.mark.parametrize(
    "spec",
    [
        "in(6,6,4) -> depthwise_conv2d((1,1),glorot_uniform)",
        "in(12,12,7) -> conv2d(5,6,int64)",
        "in(5,3) -> lstm(adam)",
    ],
)
def test_fault_f4_a_word_of_keras_is_no_size(spec: str) -> None:
    """Its upper-case spelling would be no help."""
    (found,) = seqtopo.check(spec).diagnostics
    assert "upper-case" not in found.message + found.help
