"""The sources of the last outputs of an unrolled spec are marked: all of them, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.pictures.draw import Drawing
from seqtopo.pictures.scene import PIXELS
from tests.support.pictures import faults

Capture = pytest.CaptureFixture[str]


def drawing(spec: str) -> Drawing:
    """The unrolled picture of a spec, with what its last outputs are made of."""
    return seqtopo.draw(spec, unrolled=True, sources=True)


def inputs(spec: str) -> tuple[list[str], list[str]]:
    """The steps of the inputs that stand out, and those that do not."""
    scene = drawing(spec).scene
    found: tuple[list[str], list[str]] = ([], [])
    for box in scene.boxes:
        if box.family == "input":
            (text,) = [t for t in scene.texts if box.x < t.x < box.x + box.w and box.y < t.y < box.y + box.h]
            found[not box.marked].append(text.text + text.sub)
    return found


def test_the_fan_of_a_tcn() -> None:
    spec = "in(T,1) -> conv1d(8,2,causal,dilation_rate=D) for D in [1, 2, 4]"
    made, other = inputs(spec)
    assert made == ["xT-7", "xT-6", "xT-5", "xT-4", "xT-3", "xT-2", "xT-1", "xT"]
    assert other == ["x1", "x2"]
    marked = [box for box in drawing(spec).scene.boxes if box.marked and box.family == "convolution"]
    assert len(marked) == 4 + 2 + 1


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,3) -> lstm(8,seq) -> dense(1)",
        "in(T,3) -> lstm(8) -> dense(1)",
        "in(T,3) -> bi(lstm(8,seq)) -> dense(1)",
        "in(5,8) -> mha(2,4) -> dense(1)",
        "in(T,16) -> res(mha(2,8)) -> norm -> dense(3)",
        "encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state) -> dense(2)",
        "e = in(S,3) -> lstm(8,seq)\nd = in(T,3) -> lstm(8,seq)\n[d, e] -> attention as c\n[d, c] -> concat",
    ],
)
def test_states_and_attention_reach_every_step(spec: str) -> None:
    made, other = inputs(spec)
    assert len(made) > 2
    assert other == []


def test_what_acts_on_each_step_alone_reaches_none_other() -> None:
    assert inputs("in(T,3) -> dense(4,relu) -> dense(1)") == (["xT"], ["x1", "x2"])


def test_nothing_lies_on_anything_else_and_the_rest_is_as_before() -> None:
    spec = "in(T,16) -> res(mha(2,8)) -> norm -> lstm(4,seq) -> dense(3)"
    picture, plain = drawing(spec), seqtopo.draw(spec, unrolled=True)
    assert faults(picture.scene, PIXELS) == []
    assert picture.text() == plain.text()
    assert [box.x for box in picture.scene.boxes] == [box.x for box in plain.scene.boxes]
    for form in (picture.svg(), picture.tikz()):
        assert re.search("c2255c", form, re.IGNORECASE)
    assert picture.png() != plain.png()
    assert picture.pdf() != plain.pdf()


def test_sources_are_of_steps(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(ValueError, match="draw the spec unrolled"):
        seqtopo.draw("in(T,3) -> lstm(8)", sources=True)
    file = str(tmp_path / "a.svg")
    assert main(["draw", "in(T,3) -> lstm(8)", "--sources", "-o", file]) == 2
    assert "--sources are steps" in capsys.readouterr().err
    assert main(["draw", "in(T,3) -> lstm(8)", "--sources", "--unrolled"]) == 2
    assert "in characters nothing stands out" in capsys.readouterr().err
    assert main(["draw", "in(T,3) -> lstm(8)", "--sources", "--unrolled", "-o", file]) == 0
