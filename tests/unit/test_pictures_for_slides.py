"""Pictures for slides and papers: to the right, of a given size, with parameters, with something marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import seqtopo
from seqtopo.cli.main import main
from seqtopo.pictures.arrange import arrange
from seqtopo.pictures.draw import TURNED
from seqtopo.pictures.plan import Block, Plan
from seqtopo.pictures.scene import PIXELS, Box, Line, Scene, Text
from tests.support.models import MODELS
from tests.support.pictures import crooked, faults
from tests.support.topologies import TOPOLOGIES

Capture = pytest.CaptureFixture[str]
SPECS = {
    **{model.id: model.path.read_text(encoding="utf-8") for model in MODELS},
    **{topology.name: topology.spec for topology in TOPOLOGIES},
}
SEQ2SEQ = "encoder = in(S,3) -> lstm(8)\ndecoder = in(T,3) -> lstm(8,seq,init=encoder.state) -> dense(2)"


@pytest.mark.parametrize("name", SPECS)
def test_to_the_right_nothing_lies_on_anything_else(name: str) -> None:
    for options in ({}, {"params": True}, {"loop": True}):
        scene = arrange(seqtopo.draw(SPECS[name], **options).plan, TURNED)  # type: ignore[arg-type]
        assert faults(scene, TURNED) == []
        if not options.get("loop"):  # a loop is no link of a chain
            assert crooked(scene.turned()) == []


@pytest.mark.parametrize("name", SPECS)
def test_with_parameters_nothing_lies_on_anything_else(name: str) -> None:
    assert faults(seqtopo.draw(SPECS[name], params=True).scene, PIXELS) == []


def test_to_the_right_the_same_is_shown() -> None:
    for spec in SPECS.values():
        down, right = (seqtopo.draw(spec, direction=way).scene for way in ("down", "right"))  # type: ignore[arg-type]
        assert sorted(t.text for t in down.texts) == sorted(t.text for t in right.texts)
        assert len(down.boxes) == len(right.boxes)
        assert len(down.lines) == len(right.lines)
        flow = [line.points[-1][0] - line.points[0][0] for line in right.lines]
        assert min(flow) > 0


def test_a_scene_that_is_turned_twice_is_the_same() -> None:
    scene = Scene("a", "b", 9, 5, [Box(1, 2, 3, 4, "other")], [Line(((0, 1), (0, 5)))], [Text(1, 2, "t")])
    assert scene.turned() != scene
    assert scene.turned().turned() == scene


def test_what_is_fed_back_goes_around_to_the_right() -> None:
    scene = seqtopo.draw("in(T,3) -> lstm(8,seq) -> dense(3)", feedback=True, direction="right").scene
    assert faults(scene, TURNED) == []
    assert "the next step" in [text.text for text in scene.texts]


@pytest.mark.parametrize("unrolled", [False, True])
@pytest.mark.parametrize(("size", "share"), [("16:9", 16 / 9), ("4:3", 4 / 3), ("1:2", 1 / 2)])
def test_a_picture_fills_its_paper(size: str, share: float, unrolled: bool) -> None:
    for spec in (
        SEQ2SEQ,
        "in(8) -> dense(1)",
        "in(T,8) -> lstm(8,seq) * 3 -> lstm(4) -> dense(1) -> dense(2)",
    ):
        if unrolled and "T" not in spec:
            continue
        scene = seqtopo.draw(spec, size=size, unrolled=unrolled).scene
        assert abs(scene.w / scene.h - share) < 0.02
        assert faults(scene, PIXELS) == []


def test_a_wide_paper_is_filled_to_the_right() -> None:
    chain = "in(T,8) -> lstm(8,seq) -> lstm(8,seq) -> lstm(4) -> dense(1)"
    wide, tall = (seqtopo.draw(chain, size=size).scene for size in ("3:1", "1:3"))
    assert len({box.y + box.h // 2 for box in wide.boxes}) == 1
    assert len({box.x + box.w // 2 for box in tall.boxes}) == 1


@pytest.mark.parametrize("size", ["1600x900", "300x500"])
def test_a_size_in_pixels_is_exact(size: str) -> None:
    picture = seqtopo.draw(SEQ2SEQ, size=size)
    w, h = map(int, size.split("x"))
    assert Image.open(BytesIO(picture.png())).size == (w, h)
    assert f'width="{w}" height="{h}"' in picture.svg()


@pytest.mark.parametrize(
    "size", ["", "16", "16:", "16:9:1", "0:9", "1:99", "16x9", "99999x99999", "20000x9000", "-1:2", "a:b"]
)
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size|too small|too large"):
        seqtopo.draw(SEQ2SEQ, size=size)


def said(plan: Plan) -> Iterator[tuple[Block, str]]:
    """The boxes of a plan, those in frames too, with their parameters."""
    for block in plan.blocks:
        yield block, block.params
        if block.inner is not None:
            yield from said(block.inner)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)", ["18,688", "12,416", "33"]),
        ("in(T,8) -> lstm(8,seq) * 3", ["544 parameters each"]),
        ("in(T,8) -> lstm(16,seq) * 2", ["1,600 to 2,112 parameters"]),
        ("in(T,F) -> dense(2)", ["2*F+2 parameters"]),
        ("in(T,8) -> td(dense(3)) -> relu", ["27"]),
    ],
)
def test_boxes_say_how_many_parameters_they_have(spec: str, shown: list[str]) -> None:
    found = [words for _, words in said(seqtopo.draw(spec, params=True).plan) if words]
    assert len(found) == len(shown)
    for words, part in zip(found, shown, strict=True):
        assert part in words


def test_the_parameters_of_all_boxes_are_those_of_the_model() -> None:
    spec = MODELS[0].path.read_text(encoding="utf-8")
    for text in (spec, SEQ2SEQ):
        found = [words for _, words in said(seqtopo.draw(text, params=True, fold=False, parts=False).plan)]
        numbers = [int(re.sub(r"\D", "", words)) for words in found if words]
        assert sum(numbers) == seqtopo.check(text).params


def marked(spec: str, *names: str) -> list[str]:
    """Return the words of the blocks that stand out."""
    return [
        (block.beside or [block.title])[0]
        for block, _ in said(seqtopo.draw(spec, highlight=list(names)).plan)
        if block.marked
    ]


def test_what_is_named_stands_out() -> None:
    spec = "in(T,8) as x -> lstm(8,seq) -> lstm(4) as b -> dense(1)"
    assert marked(spec, "lstm") == ["lstm(8)"]
    assert marked(spec, "b", "x") == ["in(T, 8)", "lstm(4)"]
    assert marked(spec, "dense") == ["dense(1)"]
    assert marked(SEQ2SEQ, "decoder") == ["decoder"]
    picture = seqtopo.draw(spec, highlight="b")
    assert picture.svg().count('stroke-width="3"') == 1
    assert "style n" in picture.mermaid()
    assert picture.png() != seqtopo.draw(spec).png()


@pytest.mark.parametrize(
    ("name", "help"), [("lstn", "did you mean lstm?"), ("zzz", "the names are x, lstm, b, dense")]
)
def test_a_name_that_nothing_has(name: str, help: str) -> None:
    spec = "in(T,8) as x -> lstm(8,seq) -> lstm(4) as b -> dense(1)"
    with pytest.raises(KeyError, match=f"nothing in the picture is called {name}; {re.escape(help)}"):
        seqtopo.draw(spec, highlight=name)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--unrolled", "--params", "-o", "a.svg"], "are for the graph of layers"),
        (["--unrolled", "--direction", "right", "-o", "a.svg"], "are for the graph of layers"),
        (["--unrolled", "--highlight", "lstm", "-o", "a.svg"], "are for the graph of layers"),
        (["--size", "16:9"], "--size is for pictures in files"),
        (["--size", "16:9", "-o", "a.md"], "--size is for pictures in files"),
        (["--size", "wide", "-o", "a.svg"], "'wide' is not a size; write 16:9"),
        (["--direction", "up", "-o", "a.svg"], "invalid choice: 'up'"),
        (["--direction", "right"], "in characters it goes down"),
        (["--highlight", "lstm"], "in characters nothing stands out"),
        (["--highlight", "lstn", "-o", "a.svg"], "nothing in the picture is called lstn; did you mean lstm?"),
    ],
)
def test_options_that_do_not_go_together(
    words: list[str], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "in(T,8) -> lstm(4)", *words]) == 2
    assert match in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_options_that_the_function_refuses() -> None:
    with pytest.raises(ValueError, match="a direction is down or right, not 'up'"):
        seqtopo.draw(SEQ2SEQ, direction="up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="for the graph of layers"):
        seqtopo.draw(SEQ2SEQ, unrolled=True, params=True)


def test_a_graph_for_markdown_goes_to_the_right() -> None:
    assert seqtopo.draw(SEQ2SEQ, direction="right").mermaid().splitlines()[1] == "flowchart LR"
