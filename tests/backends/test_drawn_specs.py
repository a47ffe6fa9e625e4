"""The checker against Keras, on specs drawn at random from the layer table.

What it accepts, Keras builds with the same shapes, dtypes and parameter counts, and runs to what the
checker says; what it refuses, Keras refuses too, or there is a reason to be stricter. The number of
draws is ``SEQTOPO_DRAWS``, the first one's number ``SEQTOPO_FIRST_DRAW``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqtopo.api import check
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Outcome, Row
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.report.analyse import analyse
from tests.support.cheap_weights import cheap_weights
from tests.support.compare_accepted import compare_accepted
from tests.support.compare_refused import compare_refused, refused_call
from tests.support.draw_allowances import STRICTER
from tests.support.draws import DRAWN, draw, shrink

DRAWS = int(os.environ.get("SEQTOPO_DRAWS", "240"))
FIRST = int(os.environ.get("SEQTOPO_FIRST_DRAW", "0"))
STRETCH = 500
"""Draws in one process: Keras holds on to some of what it builds."""


def _stretch(first: int, count: int, *, onednn: bool = True) -> tuple[int, dict[str, Any]]:
    """Return the outcome of some draws, and the first one that was not made: a draw may end its process.

    Without ``onednn``, TensorFlow runs on its own kernels alone, and only what these may lack is drawn.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.run_draws", str(first), str(count)]
    done = subprocess.run(
        [*command, *(() if onednn else ("onednn",))],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": str(int(onednn))},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode == 0:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return first + count, found
    last = [line for line in done.stderr.splitlines() if line.startswith("draw ")][-1:]
    assert last, done.stderr[-3000:]
    seed = int(last[0].split()[1])
    said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("draw "))[-1000:]
    spec = draw(seed).accepted
    wrong = f"draw {seed} or one refused in it ended the process with {done.returncode}: {spec}\n  {said}"
    # The draws before it are made again, or what they came to would be lost with the process.
    before = _stretch(first, seed - first, onednn=onednn)[1] if seed > first else {"wrong": []}
    return seed + 1, {**before, "wrong": [*before["wrong"], wrong]}


def test_drawn_specs_agree_with_keras() -> None:
    totals: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    wrong: list[str] = []
    first = FIRST
    while first < FIRST + DRAWS:
        first, found = _stretch(first, min(STRETCH, FIRST + DRAWS - first))
        totals.update({name: found.get(name, 0) for name in ("accepted", "ran", "refused")})
        rows.update(found.get("rows", {}))
        wrong += found["wrong"]
    print(dict(totals))
    assert not wrong, f"{len(wrong)} of {DRAWS} draws\n" + "\n".join(wrong)
    assert totals["accepted"] > 0.9 * DRAWS
    assert totals["ran"] > 0.8 * totals["accepted"]
    assert totals["refused"] > DRAWS / 2
    if 2 * len(DRAWN) <= DRAWS:
        assert {r.name for r in DRAWN} <= rows.keys()


if os.environ["KERAS_BACKEND"] == "tensorflow":

    def test_fault_0_drawn_convolutions_agree_without_onednn() -> None:
        first, seen, wrong = FIRST, 0, []
        while first < FIRST + DRAWS:
            first, found = _stretch(first, min(STRETCH, FIRST + DRAWS - first), onednn=False)
            seen += found.get("accepted", 0)
            wrong += found["wrong"]
        assert not wrong, f"{len(wrong)} of {seen} draws\n" + "\n".join(wrong)
        assert seen > DRAWS / 40


def test_a_draw_follows_from_its_number() -> None:
    assert draw(5) == draw(5)
    assert draw(5).accepted != draw(5 + len(DRAWN)).accepted


def test_a_failing_spec_is_told_without_what_does_not_matter() -> None:
    spec = "in(5,3) -> relu -> lstm(4,seq) -> dropout(0.1) -> dense(2)"
    assert shrink(spec, lambda text: "lstm" in text) == "in(5,3) -> lstm(4,seq)"


def test_a_wrong_row_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = Row.outcome

    def one_more(self: Row, *args: object) -> Outcome:
        found = stock(self, *args)  # type: ignore[arg-type]
        if self.name != "dense":
            return found
        (output,) = found.outputs
        return replace(found, outputs=(Tensor((*output.shape[:-1], output.shape[-1] + 1), output.dtype),))

    with cheap_weights():
        assert not compare_accepted("in(4,3) -> dense(2)").wrong
        monkeypatch.setattr(Row, "outcome", one_more)
        assert "is built as" in compare_accepted("in(4,3) -> dense(2)").wrong


def test_a_row_that_refuses_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: Row, *args: object) -> Outcome:
        raise Refusal("ST302", f"{self.name} takes nothing")

    monkeypatch.setattr(Row, "outcome", none)
    refused = refused_call("in(4,3) -> dense(2)")
    assert refused is not None
    assert "builds and runs dense" in compare_refused(refused).wrong


def test_reasons_to_be_stricter_are_about_rows_that_there_are() -> None:
    known = {r.name for r in ROWS}
    for code, rows, words, why in STRICTER:
        assert set(rows) <= known, rows
        assert code.startswith("ST")
        assert words
        assert why


ONCE_WRONG = [
    # Keras takes a dtype of whole numbers, and fails later.
    ("in(10,12) -> bi(lstm(2,dtype=int8))", "ST203"),
    ("in(8,4,4,7) -> rms_normalization(dtype=uint8)", "ST203"),
    # Keras mixes up axes under "...".
    ("in(7,6,8) -> einsum_dense('...x,xy->...y',4)", "ST203"),
    ("in(6,6,8) -> einsum_dense('...x,xy->...y',4)", None),
    ("in(7,4,7,bool) -> einsum_dense('abcd,dz->abcz',(7,4,4))", "ST310"),
    # Whole numbers stay whole where Keras says that they are fractions.
    ("in(4,3,int) -> mask", "ST310"),
    ("in(4,3,int) -> activity_regularization", "ST310"),
    ("in(4,3,int) -> relu(max_value=6)", "ST310"),
    ("in(4,3,int) -> act(tanh)", "ST310"),
    ("[in(4,int), in(4,int)] -> avg", "ST310"),
    ("[in(4,int), in(4,uint8)] -> concat", "ST310"),
    ("[in(4,bool), in(4,bool)] -> max", "ST310"),
    ("[in(4,int8), in(4,int8)] -> add", "ST310"),
    ("[in(4,bool), in(5,bool)] -> concat", None),
    ("[in(T,int), in(S,int)] -> concat(time) -> embed(5,3)", None),
    ("in(8,8,3,uint8) -> zero_padding2d(1) -> rescaling(0.1)", None),
    ("in(4,int) -> repeat(3)", None),
    ("in(6,3,int) -> gmaxpool1d", None),
    ("in(6,3,int) -> pad(0,2)", None),
    ("in(6,3,int) -> td(crop(1,1,features))", None),
    ("in(6,4,3,int) -> td(crop(1,1))", None),
    ("in(6,3,uint8) -> sum(time)", None),
    ("in(4,3,3,int) -> convlstm1d(2,1)", "ST310"),
    ("in(4,3,int64) -> cumsum", None),
    ("in(6,4,6) -> td(cast(int8))", "ST310"),
    ("in(4,int) -> category_encoding(3,dtype=mixed_bfloat16)", "ST203"),
    ("in(T,uint8) -> category_encoding(4)", "ST310"),
    ("c = cropping1d(1)\n[in(6,3,int) -> c -> cast(float32), in(6,3) -> c] -> add", "ST311"),
    # What a wrapper applies is not always a layer of Keras.
    ("in(4,6,7,5) -> td(at(0))", None),
    ("in(5,6,7) -> td(scale(2)) -> td(max(1))", None),
    ("in(6,3) -> td([id, in(3)] -> add)", "ST313"),
    ("in(6,3) -> td(dense(2,dtype=float16))", "ST310"),
    ("in(T,8,8) -> td(einsum_dense('abc,cde->abde',(none,2,3)))", None),
    # What is frozen is not trained, whatever Keras makes when the layer is first called.
    ("in(7,8) -> mha(2,6,frozen)", None),
    ("in(7,8) -> group_query_attention(8,6,2,frozen)", None),
    ("in(6,8,8) -> convlstm1d(3,3,frozen)", None),
    ("in(6,8,8) -> bi(convlstm1d(3,3,frozen))", None),
    # Keras builds these layers for one shape.
    ("s = spectral_normalization(conv1d(3,3,same))\nin(9,3) -> s -> maxpool1d(3) -> s", "ST311"),
    # Objects that do not go with what they are given.
    ("in(6,5) -> dense(2,activity_regularizer=orthogonal_regularizer(0.1))", "ST203"),
    ("in(5) -> dense(2,activity_regularizer=orthogonal_regularizer(0.1))", None),
    ("in(6,5) -> conv1d(4,1,kernel_initializer=stft)", "ST203"),
    ("in(6,5,3) -> depthwise_conv2d(3,depthwise_initializer=stft)", "ST203"),
    ("in(6,5) -> act(relu(max_value=6),dtype=mixed_bfloat16)", None),
    ("in(6,5) -> reversible_embedding(7,5,reverse,reverse_dtype=float16)", "ST310"),
    # Each backend must have it.
    ("in(?,11) -> swap -> stft_spectrogram(frame_length=4)", "ST308"),
    ("in(7,4,6) -> convlstm1d(3,1,activity_regularizer=orthogonal_regularizer(0.1))", "ST203"),
    ("in(12,8) -> norm(time)", "ST312"),
    ("in(12,8) -> norm((1,2))", None),
    ("in(8) -> softmax(mask=in(bool))", "ST302"),
    ("in(4,4,3) -> adaptive_maxpool2d(1)", "ST203"),
    ("[in(4,3), in(4,3)] -> max(keepdims)", "ST203"),
    ("[in(4,3), in(4,3)] -> max(keepdims=false)", None),
    ("in(4,3) -> max(time,dtype=float16)", "ST203"),
    ("in(4,3) -> max(time,dtype=float32)", None),
    # States go from batch to batch: there must be one.
    ("in(4,3) -> lstm(2,stateful)", "ST308"),
    ("in(4,3,batch=2) -> lstm(2,stateful)", None),
    ("[in(4,batch=2), in(4,batch=3)] -> add", "ST302"),
    # The names and dtypes of outputs.
    ("main = in(7,int64)\n[main, main -> identity]", None),
    ("main = in(7,4) -> pos\n[main, main -> identity]", None),
    ("main = in(3) -> concat(dtype=bfloat16)\n[main, main]", None),
]
"""Specs on which checker and Keras did not agree once, and the code by now: None where it builds."""


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.parametrize(("text", "code"), ONCE_WRONG)
def test_what_was_wrong_once(text: str, code: str | None) -> None:
    codes = [d.code for d in check(text).diagnostics if d.severity == "error"]
    assert codes[:1] == [code] * (code is not None)
    if code is None:
        with cheap_weights():
            result = compare_accepted(text)
        assert not result.wrong
        assert result.ran or result.skipped


LET_THROUGH_BY_KERAS = [
    ("in(6,3) -> lstm(4,init=in(4))", "ST304"),
    ("in(6,3) -> lstm(4,init=[in(4), in(5)])", "ST304"),
    ("in(6,3) -> gru(4,init=in(1))", "ST304"),
    ("s = in(6,4)\nin(6,3) -> gru(4,init=s)", "ST304"),
    ("[in(20,128), in(128)] -> add", "ST303"),
    ("in(6,3) -> bi(lstm(4),backward=lstm(5,back))", "ST303"),
    ("[in(6,4), in(5,3)] -> attention", "ST309"),
    ("[in(6,4), in(5,4), in(7,4)] -> attention", "ST309"),
    ("[in(6,4), in(5,4), in(7,4)] -> mha(2,4)", "ST309"),
]
"""Specs that are refused though Keras builds them, or most of them."""


@pytest.mark.parametrize(("text", "code"), LET_THROUGH_BY_KERAS)
def test_what_keras_lets_through_is_refused(text: str, code: str) -> None:
    assert [d.code for d in analyse(text).diagnostics] == [code]
