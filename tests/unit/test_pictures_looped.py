"""Arrows that go back: the states of a recurrent layer, and an output that becomes the next input."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.pictures.arrange import arrange
from seqtopo.pictures.scene import CELLS, PIXELS, Metrics
from seqtopo.report.analyse import analyse
from tests.support.pictures import faults

STEPPING = "in(T,3) -> lstm(8,seq) -> dense(3)"


@pytest.mark.parametrize(
    "spec",
    [
        STEPPING,
        "in(T,3) -> bi(lstm(8,seq)) -> gru(5,seq) * 3 -> rnn(2) -> dense(3)",
        "encoder = in(S,4) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state) -> dense(3)",
        "a = in(T,3) -> lstm(8,seq)\n[a -> dense(2), a -> lstm(5) -> dense(3) -> dense(3)]",
        "in(T,int(9)) -> embed(9,3) -> res(lstm(3,seq)) -> dense(9,softmax)",
        "in(8) -> dense(8)",
        "in(T,5) -> td(dense(4) -> dense(3)) -> lstm(3)",
    ],
)
@pytest.mark.parametrize("metrics", [PIXELS, CELLS], ids=["pixels", "cells"])
def test_fault_f8_what_goes_back_lies_on_nothing(spec: str, metrics: Metrics) -> None:
    for loop, feedback in ((True, False), (False, True), (True, True)):
        found = seqtopo.draw(spec, loop=loop, feedback=feedback)
        assert faults(arrange(found.plan, metrics), metrics) == []


def test_fault_f8_a_recurrent_layer_is_drawn_with_its_loop() -> None:
    drawing = seqtopo.draw("in(T,3) -> bi(lstm(8,seq)) -> gru(4) -> dense(1)", loop=True)
    assert [block.loop for block in drawing.plan.blocks] == [[], ["h, c →", "h, c ←"], ["h"], [], []]
    scene = arrange(drawing.plan, PIXELS)
    lstm, gru = (box for box in scene.boxes if box.family == "recurrent")
    loops = [line.points for line in scene.lines if line.style == "state"]
    for box, points in zip((lstm, gru), loops, strict=True):
        right = box.x + box.w
        assert points[0][0] == points[-1][0] == right
        assert box.y < points[-1][1] < points[0][1] < box.y + box.h
    assert '|"h"| n2' in drawing.mermaid()
    assert "loop: h" in drawing.text(10)
    assert not [b for b in seqtopo.draw("in(T,3) -> lstm(8)").plan.blocks if b.loop]


def test_fault_f8_an_output_is_fed_back_as_the_next_input() -> None:
    drawing = seqtopo.draw(STEPPING, feedback=True)
    scene = arrange(drawing.plan, PIXELS)
    (back,) = [line for line in scene.lines if line.style == "state"]
    (start,) = [box for box in scene.boxes if box.family == "output"]
    (end,) = [box for box in scene.boxes if box.family == "input"]
    assert back.points[0] == (start.x + start.w, start.y + start.h // 2)
    assert back.points[-1] == (end.x + end.w, end.y + end.h // 2)
    assert 'n3 -.->|"the next step"| n0' in drawing.mermaid()
    assert "What goes out is fed back as the next step." in drawing.svg()


def test_fault_f8_a_decoder_is_fed_what_it_gives() -> None:
    spec = "encoder = in(S,3) -> lstm(8)\nin(T,3) as fed -> lstm(8,seq,init=encoder.state) -> dense(3)"
    resolved = analyse(spec).resolved
    assert resolved is not None
    back = seqtopo.draw(spec, feedback=True).plan.back
    assert back is not None
    assert resolved.graph.nodes[back.node].name == "fed"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("in(T,int(9)) -> embed(9,4) -> lstm(4) -> dense(9)", "the id that is chosen, as the next step"),
        ("in(T,5) -> lstm(4) -> dense(3)", "the next step, beside what is known ahead"),
        ("in(8) -> dense(8)", "the next input"),
    ],
)
def test_fault_f8_it_says_what_the_output_becomes(spec: str, words: str) -> None:
    back = seqtopo.draw(spec, feedback=True).plan.back
    assert back is not None
    assert back.words == words


def test_fault_f8_what_cannot_be_fed_back_says_why() -> None:
    with pytest.raises(seqtopo.SpecError, match=r"ST454.*\(4,\), does not fit"):
        seqtopo.draw("in(24,3) -> lstm(8) -> dense(4)", feedback=True)
    with pytest.raises(seqtopo.SpecError, match="ST454"):
        seqtopo.draw("in(24,3) -> lstm(8) -> dense(3)", unrolled=True, feedback=True)


@pytest.mark.parametrize("spec", ["in(4,3) -> []", "in(4,3) -> [[]]", "in(4,3) -> [] as c"])
@pytest.mark.parametrize("unrolled", [False, True])
def test_fault_b3_an_empty_list_has_no_picture(spec: str, unrolled: bool) -> None:
    with pytest.raises(seqtopo.SpecError, match="ST213"):
        seqtopo.draw(spec, unrolled=unrolled)
