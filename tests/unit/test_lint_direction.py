"""Rules on direction and causality: who has read what, in which order, and who sees what is to come."""

from __future__ import annotations

import time

import pytest

from seqtopo.api import check
from tests.support.lints import assert_found, assert_mended, findings

# ---- one end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at", "shorter"),
    [
        (
            "in(28,28) -> bi(lstm(128,seq)) -> at(-1) -> dense(10)",
            "at(-1)",
            "in(28,28) -> bi(lstm(128)) -> dense(10)",
        ),
        (
            "in(28,28) -> bi(lstm(8,seq)) -> at(27) -> dense(10)",
            "at(27)",
            "in(28,28) -> bi(lstm(8)) -> dense(10)",
        ),
        (
            "in(T,8) -> bi(gru(U,seq)) -> dropout(0.2) -> at(-1)",
            "at(-1)",
            "in(T,8) -> bi(gru(U)) -> dropout(0.2)",
        ),
        ("in(T,8) -> bi(lstm(8,seq)) * 2 -> at(-1)", "at(-1)", None),
        ("in(T,8) -> bi(lstm(8,seq)) -> last(1) -> flatten -> dense(1)", "last(1)", None),
        ("in(T,8) -> bi(lstm(8,seq)) -> slice(-1) -> flatten", "slice(-1)", None),
        ("in(9,8) -> bi(lstm(8,seq)) -> crop(8,0) -> flatten", "crop(8,0)", None),
        ("in(9,8) -> bi(lstm(8,seq)) -> cropping1d((8,0)) -> flatten", "cropping1d((8,0))", None),
        ("in(T,8) -> bi(gru(16,seq)) -> at(0)", "at(0)", "in(T,8) -> bi(gru(16))"),
        (
            "in(28,28,1) -> td(bi(lstm(8,seq)) -> at(-1)) -> lstm(8)",
            "at(-1)",
            "in(28,28,1) -> td(bi(lstm(8))) -> lstm(8)",
        ),
        (
            "def read(U) = bi(gru(U,seq)) -> at(-1)\nin(9,4) -> read(7) -> dense(1)",
            "at(-1)",
            "def read(U) = bi(gru(U))\nin(9,4) -> read(7) -> dense(1)",
        ),
        (
            "read = bi(gru(4,seq)) -> at(-1)\n[in(9,4) -> read, in(9,4) -> read] -> concat",
            "at(-1)",
            "read = bi(gru(4))\n[in(9,4) -> read, in(9,4) -> read] -> concat",
        ),
        ("in(9,4) -> bi(gru(7,seq)) as h\n[h -> at(-1), h -> gavgpool1d] -> concat", "at(-1)", None),
    ],
)
def test_one_end_of_a_bidirectional_sequence_is_found(spec: str, at: str, shorter: str | None) -> None:
    assert_found(spec, "ST611", at)
    texts = assert_mended(spec, "ST611")
    assert any("first(_//2,features)" in text for text in texts)
    assert (shorter in texts) if shorter is not None else len(texts) == 1


def test_merged_halves_cannot_be_taken_apart_again() -> None:
    spec = "in(T,8) -> bi(gru(16,seq),sum) -> at(-1) -> dense(1)"
    assert assert_mended(spec, "ST611") == ["in(T,8) -> bi(gru(16),sum) -> dense(1)"]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,8) -> bi(lstm(8)) -> dense(1)",
        "in(T,8) -> lstm(8,seq) -> at(-1)",
        "in(T,8) -> bi(lstm(8,seq)) -> last(3)",
        "in(T,8) -> bi(lstm(8,seq)) -> at(2)",
        "in(T,8) -> bi(lstm(8,seq)) -> gmaxpool1d",
        "in(T,8) -> bi(lstm(8,seq)) -> lstm(4,seq) -> at(-1)",
        "in(T,8) -> bi(lstm(8,seq)) -> mha(2,4) -> at(0)",
        "in(T,8) -> bi(lstm(8,seq)) -> [at(-1), at(0)] -> concat",
        "in(T,8) -> bi(lstm(8,seq)) -> at(-1) -> first(8,features)",
        "in(T,8) -> bi(lstm(8,seq)) -> last(8,features) -> at(0)",
        "in(T,8) -> bi(lstm(8,seq)) -> last(1,features)",
        "in(1,8) -> bi(lstm(8,seq)) -> at(-1)",
    ],
)
def test_what_both_halves_have_read_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST611") == []


@pytest.mark.parametrize(
    ("spec", "at", "mended"),
    [
        (
            "in(24,3) -> lstm(32,seq) -> at(0) -> dense(1)",
            "at(0)",
            "in(24,3) -> lstm(32,seq) -> at(-1) -> dense(1)",
        ),
        ("in(T,8) -> lstm(16,seq,back) -> at(0)", "at(0)", "in(T,8) -> lstm(16,seq,back) -> at(-1)"),
        (
            "in(T,8) -> lstm(16,seq,back) -> flip -> at(-1)",
            "at(-1)",
            "in(T,8) -> lstm(16,seq,back) -> flip -> at(0)",
        ),
        (
            "in(T,8) -> gru(4,seq) * 2 -> norm -> first(1)",
            "first(1)",
            "in(T,8) -> gru(4,seq) * 2 -> norm -> last(1)",
        ),
        ("in(5,T,8) -> td(rnn(4,seq) -> at(0))", "at(0)", "in(5,T,8) -> td(rnn(4,seq) -> at(-1))"),
    ],
)
def test_the_step_that_has_read_least_is_found(spec: str, at: str, mended: str) -> None:
    assert_found(spec, "ST612", at)
    assert assert_mended(spec, "ST612") == [mended]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,8) -> lstm(16,seq) -> at(-1)",
        "in(T,8) -> lstm(16,seq,back) -> at(-1)",
        "in(T,8) -> lstm(16,seq,back) -> flip -> at(0)",
        "in(T,8) -> mha(2,4) -> at(0)",
        "in(T,8) -> lstm(16,seq) -> mha(2,4) -> at(0)",
        "in(T,8) -> lstm(16,seq) -> [at(0), at(-1)] -> concat",
        "in(T,8) -> lstm(16,seq) -> at(0,features)",
        "in(T,8) -> conv1d(4,3) -> at(0)",
    ],
)
def test_the_step_that_has_read_all_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST612") == []


# ---- order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "at", "mended"),
    [
        (
            "in(T,8) -> [lstm(16,seq), lstm(16,seq,back)] -> concat -> dense(1)",
            "concat",
            "in(T,8) -> [lstm(16,seq), lstm(16,seq,back) -> flip] -> concat -> dense(1)",
        ),
        (
            "a = in(T,8)\nf = a -> gru(4,seq)\nb = a -> gru(4,seq,back) -> dropout(0.1)\n"
            "[f, b] -> add -> lstm(4)",
            "add",
            "a = in(T,8)\nf = a -> gru(4,seq)\nb = a -> gru(4,seq,back) -> flip -> dropout(0.1)\n"
            "[f, b] -> add -> lstm(4)",
        ),
        (
            "in(T,8) -> res(lstm(8,seq,back)) -> lstm(4)",
            None,
            "in(T,8) -> res(lstm(8,seq,back) -> flip) -> lstm(4)",
        ),
        (
            "in(T,8) -> [lstm(4,seq), flip -> lstm(4,seq)] -> concat -> lstm(4)",
            "concat",
            "in(T,8) -> [lstm(4,seq), flip -> lstm(4,seq) -> flip] -> concat -> lstm(4)",
        ),
        (
            "in(T,8) -> [id, lstm(8,seq,back) * 3] -> add -> lstm(4)",
            "add",
            "in(T,8) -> [id, (lstm(8,seq,back) -> flip) * 3] -> add -> lstm(4)",
        ),
        (
            "in(3,T,8) -> td([lstm(4,seq), lstm(4,seq,back)] -> add) -> td(lstm(4)) -> lstm(2)",
            "add",
            "in(3,T,8) -> td([lstm(4,seq), lstm(4,seq,back) -> flip] -> add) -> td(lstm(4)) -> lstm(2)",
        ),
    ],
)
def test_steps_of_opposite_order_that_are_merged_are_found(spec: str, at: str | None, mended: str) -> None:
    if at is not None:
        assert_found(spec, "ST613", at)
    assert assert_mended(spec, "ST613") == [mended]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,8) -> [lstm(16,seq), lstm(16,seq,back) -> flip] -> concat -> dense(1)",
        "in(T,8) -> bi(lstm(8,seq)) -> dense(1)",
        "in(T,8) -> [lstm(16), lstm(16,back)] -> concat -> dense(1)",
        "in(T,8) -> [id, flip] -> concat -> lstm(4)",
        "in(T,8) -> [lstm(4,seq), flip -> lstm(4,seq) -> flip] -> concat -> lstm(4)",
        "in(T,8) -> [id, lstm(8,seq,back) * 2] -> add -> lstm(4)",
        "in(T,8) -> lstm(8,seq) -> lstm(8,seq,back) -> lstm(8)",
        "[in(T,8) -> lstm(4,seq), in(T,8) -> lstm(4,seq,back)] -> add -> lstm(4)",
        "in(T,8) -> [lstm(8,seq), lstm(8,back) -> repeat(T)] -> add -> lstm(4)",
        "in(T,8) -> [lstm(8,seq), lstm(8,seq,back)] -> attention -> lstm(4)",
    ],
)
def test_steps_of_one_order_are_left_alone(spec: str) -> None:
    assert findings(spec, "ST613") == []


def test_an_output_that_stands_last_first_is_worth_a_word() -> None:
    spec = "in(T,8) -> lstm(16,seq,back) -> dense(1)"
    assert assert_found(spec, "ST614", "lstm(16,seq,back)").severity == "info"
    assert assert_mended(spec, "ST614") == ["in(T,8) -> lstm(16,seq,back) -> flip -> dense(1)"]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,8) -> lstm(16,seq,back) -> flip -> dense(1)",
        "in(T,8) -> lstm(16,back) -> dense(1)",
        "in(T,8) -> lstm(16,seq,back)",
        "in(T,8) -> lstm(16) -> repeat(T) -> lstm(8,seq,back) -> dense(8)",
        "in(T,8) -> flip -> dense(1)",
        "in(T,8) -> lstm(16,seq,back) -> gmaxpool1d -> dense(1)",
    ],
)
def test_an_output_in_its_order_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST614") == []


# ---- what is to come -----------------------------------------------------------------------------

TO_IDS = "dense(100,softmax)"


@pytest.mark.parametrize(
    ("spec", "at", "mended"),
    [
        (
            f"in(?,int) -> embed(100,32) -> res(mha(2,16)) -> {TO_IDS}",
            "mha(2,16)",
            f"in(?,int) -> embed(100,32) -> res(mha(2,16,causal)) -> {TO_IDS}",
        ),
        (
            f"in(9,int) -> embed(100,32) -> pos as e\n[e, e] -> attention -> td({TO_IDS})",
            "attention",
            f"in(9,int) -> embed(100,32) -> pos as e\n[e, e] -> attention(causal) -> td({TO_IDS})",
        ),
        (
            "in(9,int) -> embed(100,32) -> bi(lstm(16,seq)) -> dense(100) -> softmax",
            "bi(lstm(16,seq))",
            "in(9,int) -> embed(100,32) -> lstm(32,seq) -> dense(100) -> softmax",
        ),
        (
            "in(9,int) -> embed(V,32) -> bi(gru(16,seq),sum) -> dense(V)",
            "bi(gru(16,seq),sum)",
            "in(9,int) -> embed(V,32) -> gru(16,seq) -> dense(V)",
        ),
        (
            "in(9,int(V)) -> embed(V,32) -> conv1d(32,3,same,relu) -> dense(V)",
            "conv1d(32,3,same,relu)",
            "in(9,int(V)) -> embed(V,32) -> conv1d(32,3,relu,causal) -> dense(V)",
        ),
        (
            "in(9,int) -> one_hot(50) -> bi(gru(8,seq)) -> dense(50,softmax)",
            "bi(gru(8,seq))",
            "in(9,int) -> one_hot(50) -> gru(16,seq) -> dense(50,softmax)",
        ),
        (
            "in(T,V) -> bi(lstm(64,seq)) -> dense(V,softmax)",
            "bi(lstm(64,seq))",
            "in(T,V) -> lstm(128,seq) -> dense(V,softmax)",
        ),
        (
            "def block() = res(norm -> mha(2,16)) -> res(dense(64,gelu) -> dense(32))\n"
            f"in(9,int) -> embed(100,32) -> block() * 2 -> {TO_IDS}",
            "mha(2,16)",
            "def block() = res(norm -> mha(2,16,causal)) -> res(dense(64,gelu) -> dense(32))\n"
            f"in(9,int) -> embed(100,32) -> block() * 2 -> {TO_IDS}",
        ),
        (
            "encoder = in(S,int) -> embed(50,16) -> bi(lstm(8))\n"
            "in(T,int) -> embed(61,16) -> bi(lstm(8,seq), init=encoder.state) -> dense(60,softmax)",
            "bi(lstm(8,seq), init=encoder.state)",
            "encoder = in(S,int) -> embed(50,16) -> bi(lstm(8))\n"
            "in(T,int) -> embed(61,16) -> lstm(16,seq,init=encoder.state) -> dense(60,softmax)",
        ),
        (
            "heard = in(S,16)\nin(T,int) -> embed(60,16) -> res(mha(2,8)) as q\n"
            "[q, [q, heard] -> mha(2,8)] -> add -> dense(60)",
            "mha(2,8)",
            "heard = in(S,16)\nin(T,int) -> embed(60,16) -> res(mha(2,8,causal)) as q\n"
            "[q, [q, heard] -> mha(2,8)] -> add -> dense(60)",
        ),
        (
            f"in(9,int) -> embed(100,32) -> lstm(32,seq,back) -> {TO_IDS}",
            "lstm(32,seq,back)",
            f"in(9,int) -> embed(100,32) -> lstm(32,seq) -> {TO_IDS}",
        ),
    ],
)
def test_a_model_of_the_next_id_that_sees_it_is_found(spec: str, at: str, mended: str) -> None:
    found = assert_found(spec, "ST615", at)
    assert "ignore[ST615]" in found.help
    assert assert_mended(spec, "ST615") == [mended]


@pytest.mark.parametrize(
    "spec",
    [
        f"in(?,int) -> embed(100,32) -> res(mha(2,16,causal)) -> {TO_IDS}",
        "in(?,int) -> embed(100,32) -> res(mha(2,16)) -> dense(9,softmax)",
        f"in(?,int) -> embed(100,32) -> lstm(32,seq) -> {TO_IDS}",
        f"in(?,int) -> embed(100,32) -> conv1d(32,3,causal) -> conv1d(32,1,same) -> {TO_IDS}",
        f"in(?,int) -> embed(100,32) -> bi(lstm(16)) -> {TO_IDS}",
        # Said again from a summary: an autoencoder of texts.
        "in(T,int) -> embed(100,32) -> bi(lstm(16)) -> repeat(T) -> lstm(8,seq) -> dense(100,softmax)",
        "in(T,int) -> embed(100,32) -> bi(lstm(16,seq)) -> dense(100,sigmoid)",
        "in(T,9) -> bi(lstm(16,seq)) -> dense(9,softmax)",
        "in(T,F) -> bi(lstm(16,seq)) -> dense(F,relu)",
        "in(X,48) -> bi(lstm(256,seq)) -> dense(105,softmax)",
        "encoder = in(S,int) -> embed(60,16) -> bi(lstm(8))\n"
        "in(T,int) -> embed(60,16) -> lstm(16,seq,init=encoder.state) -> dense(60,softmax)",
        "heard = in(S,int) -> embed(60,16) -> res(mha(2,8))\nin(T,int) -> embed(60,16) as q\n"
        "[q, [q, heard] -> mha(2,8)] -> add -> dense(60)",
    ],
)
def test_a_model_that_sees_what_it_may_is_left_alone(spec: str) -> None:
    assert findings(spec, "ST615") == []


@pytest.mark.parametrize(
    "many",
    [
        "in(9,8) -> ([at(-1), at(0) -> dense(8)] -> add -> repeat(9) -> bi(lstm(4,seq))) * 800 -> at(-1)",
        "in(9,8) -> ([id, lstm(8,seq,back)] -> add) * 2000 -> at(-1)",
        "in(9,int) -> embed(16,16) -> (res(mha(1,16)) -> norm) * 1500 -> dense(16)",
        "in(9,8) -> bi(lstm(4,seq)) -> (dropout(0.1) -> [id, at(-1) -> repeat(9)] -> add) * 1500 -> lstm(2)",
    ],
    ids=["ends", "orders", "attention", "stretched"],
)
def test_many_steps_are_looked_at_once_each(many: str) -> None:
    begin = time.perf_counter()
    report = check(many, ignore=["ALL"], select=["ST60", "ST61"])
    assert report.ok, str(report)[:400]
    assert time.perf_counter() - begin < 20


@pytest.mark.parametrize("layer", ["einsum_dense('btf,fg->btg',(none,3))", "rms_normalization", "dense(3)"])
def test_a_reversed_output_is_found_behind_any_layer_that_keeps_each_step(layer: str) -> None:
    assert_found(f"in(T,8) -> lstm(16,seq,back) -> {layer}", "ST614", "lstm(16,seq,back)")


def test_no_reversed_output_behind_an_equation_that_sums_over_the_steps() -> None:
    assert findings("in(6,8) -> lstm(16,seq,back) -> einsum_dense('btf,tg->bgf',(4,none))", "ST614") == []


@pytest.mark.parametrize("end", ["at(0)", "first(1)", "slice(0,1)", "crop(0,5)", "cropping1d((0,5))"])
def test_every_way_to_take_the_wrong_end_is_found(end: str) -> None:
    assert findings(f"in(6,8) -> lstm(16,seq) -> {end} -> dense(2)", "ST612")
