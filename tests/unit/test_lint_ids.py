"""Rules on ids: embeddings of what is not an id, and layers that compute with ids."""

from __future__ import annotations

import pytest

from tests.support.lints import assert_found, assert_mended, findings


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ("in(30) -> mask(0) -> embed(1000,100) -> lstm(32)", "ST632", "mask(0)"),
        ("in(200,64) -> embed(5000,32) -> flatten -> dense(1)", "ST633", "embed(5000,32)"),
        ("x = in(T,8)\nx -> dropout(0.1) -> dense(4) -> embed(99,3)", "ST634", "embed(99,3)"),
        ("in(30,int) -> one_hot(20) -> embed(20,4)", "ST634", "embed(20,4)"),
        ("in(30) -> dropout(0.2) -> embed(1000,8) -> lstm(4)", "ST634", "embed(1000,8)"),
        ("in(30) -> embed(1000,100) -> lstm(32)", "ST635", "in(30)"),
        ("in(30,1) -> embed(1000,100) -> flatten", "ST635", "in(30,1)"),
        ("in(30,int(99)) -> dense(3)", "ST636", "dense(3)"),
        ("in(30,int(99)) -> expand(-1) -> lstm(3)", "ST636", "lstm(3)"),
        ("in(30,1,int) -> bi(lstm(3))", "ST636", "bi(lstm(3))"),
        ("in(30,int) -> expand(features) -> gru(3)", "ST636", "gru(3)"),
    ],
)
def test_what_is_no_id_is_found(spec: str, code: str, at: str) -> None:
    assert_found(spec, code, at)
    assert_mended(spec, code)


@pytest.mark.parametrize(
    "spec",
    [
        "in(30,int) -> embed(1000,100,mask) -> lstm(32)",
        "in(30,10,int) -> td(embed(1000,100) -> lstm(8)) -> lstm(8)",
        "in(30,int) -> shift(1) -> embed(1001,4) -> lstm(8)",
        "in(30,int(2)) -> expand(-1) -> lstm(8)",
        # Whole numbers may be counts, of words in a text for example.
        "in(5000,int) -> dense(16,relu)",
        "in(24,3,int) -> lstm(8)",
        "in(784,1,uint8) -> rescaling(0.0039) -> lstm(8)",
        "in(30,64) -> reversible_embedding(1000,64,reverse)",
    ],
)
def test_ids_that_are_looked_up_are_left_alone(spec: str) -> None:
    for code in ("ST632", "ST633", "ST634", "ST635", "ST636"):
        assert findings(spec, code) == [], code


def test_the_embedding_masks_ids_itself() -> None:
    assert assert_mended("in(30) -> mask(0) -> embed(1000,100) -> lstm(32)", "ST632") == [
        "in(30) -> embed(1000,100,mask) -> lstm(32)"
    ]


def test_dropout_goes_behind_the_embedding() -> None:
    assert assert_mended("in(30) -> dropout(0.2) -> embed(1000,8) -> lstm(4)", "ST634") == [
        "in(30) -> embed(1000,8) -> dropout(0.2) -> lstm(4)"
    ]


def test_an_embedding_is_not_taken_out_where_its_axis_is_counted_on() -> None:
    assert assert_mended("in(200,64) -> embed(5000,32) -> td(lstm(4))", "ST633") == [
        "in(200,64,int) -> embed(5000,32) -> td(lstm(4))"
    ]
