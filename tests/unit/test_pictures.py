"""Pictures of graphs: nothing lies on anything else, copies are folded, nothing breaks out of a label."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqtopo
from seqtopo.pictures.arrange import arrange
from seqtopo.pictures.mermaid import mermaid
from seqtopo.pictures.plan import Arrow, Block, Plan, Port
from seqtopo.pictures.scene import CELLS, PIXELS, Box, Line, Metrics, Scene, Text
from seqtopo.pictures.svg import svg
from seqtopo.pictures.text import text
from seqtopo.report.analyse import analyse
from tests.support.draws import draw
from tests.support.golden import assert_golden
from tests.support.models import MODELS
from tests.support.pictures import crooked, faults, missing_in_plan
from tests.support.topologies import TOPOLOGIES

DRAWN = [spec for i in range(120) if (spec := draw(i).accepted)]
SPECS = {
    **{model.id: model.path.read_text(encoding="utf-8") for model in MODELS},
    **{topology.name: topology.spec for topology in TOPOLOGIES},
}
SVG = "{http://www.w3.org/2000/svg}"


def plan(spec: str, *, parts: bool = True) -> Plan:
    """The plan of a spec."""
    return seqtopo.draw(spec, parts=parts).plan


def assert_laid_out(spec: str) -> None:
    """Asserts of a spec's picture, in pixels and in cells, that nothing lies on anything else, that chains
    are straight, and that every edge of its graph has an arrow.
    """
    found = plan(spec)
    resolved = analyse(spec).resolved
    assert resolved is not None
    assert missing_in_plan(resolved.graph, found) == []
    for metrics in (PIXELS, CELLS):
        scene = arrange(found, metrics)
        assert faults(scene, metrics) == []
        assert crooked(scene) == []


def test_there_is_something_to_draw() -> None:
    assert len(MODELS) > 40
    assert len(DRAWN) > 60


@pytest.mark.parametrize("name", SPECS)
def test_known_specs_are_laid_out_well(name: str) -> None:
    assert_laid_out(SPECS[name])


def test_drawn_specs_are_laid_out_well() -> None:
    for spec in DRAWN:
        assert_laid_out(spec)


BOX = Box(0, 0, 50, 20, "other")


@pytest.mark.parametrize(
    ("scene", "match"),
    [
        (Scene(w=99, h=99, boxes=[BOX, Box(40, 10, 50, 20, "other")]), "lie on each other"),
        (Scene(w=99, h=99, texts=[Text(9, 9, "ab", w=9), Text(15, 9, "cd", w=9)]), "lie on each other"),
        (Scene(w=99, h=99, boxes=[BOX], texts=[Text(50, 9, "ab", w=9)]), "lies on the edge"),
        (Scene(w=99, h=99, boxes=[BOX], lines=[Line(((20, 0), (20, 60)))]), "crosses"),
        (Scene(w=99, h=99, boxes=[BOX], lines=[Line(((0, 10), (90, 10)))]), "crosses"),
        (Scene(w=99, h=99, texts=[Text(9, 9, "ab", w=9)], lines=[Line(((9, 0), (9, 60)))]), "runs through"),
        (Scene(w=99, h=99, lines=[Line(((9, 0), (9, 60))), Line(((9, 40), (9, 80)))]), "run on each other"),
        (Scene(w=9, h=9, boxes=[BOX]), "not on the picture"),
    ],
)
def test_what_lies_on_something_would_be_noticed(scene: Scene, match: str) -> None:
    assert any(re.search(match, fault) for fault in faults(scene, PIXELS))


@pytest.mark.parametrize(
    ("line", "straight"),
    [
        (Line(((25, 20), (25, 60))), True),
        (Line(((25, 20), (25, 40), (27, 40), (27, 60))), False),
        (Line(((24, 20), (24, 60))), False),
    ],
)
def test_a_link_that_is_not_straight_would_be_noticed(line: Line, straight: bool) -> None:
    scene = Scene(w=99, h=99, boxes=[BOX, Box(0, 60, 50, 20, "other")], lines=[line])
    assert crooked(scene) == ([] if straight else [line])


@pytest.mark.parametrize("metrics", [PIXELS, CELLS], ids=["pixels", "cells"])
@pytest.mark.parametrize(
    ("spec", "skips"),
    [
        ("in(T,16) -> res(conv1d(16,3,same) -> relu -> conv1d(16,3,same)) -> res(lstm(16,seq))", 2),
        ("in(T,16) -> res(norm -> res(dense(16) -> relu) -> dense(16)) -> dense(3)", 2),
        ("in(T,16) -> (res(mha(2,8)) -> norm -> res(dense(9,relu) -> dense(16)) -> norm) * 4 -> dense(3)", 2),
        ("in(T,4) as a -> gru(8,seq) as b -> gru(8,seq) as c -> gru(8,seq) as d\n[a,b,c,d] -> concat", 3),
        ("in(T,8) -> lstm(8,seq) as a -> lstm(8,seq) -> dense(1) as b\n[a, b]", 1),
    ],
)
def test_only_skips_step_aside(spec: str, skips: int, metrics: Metrics) -> None:
    lines = arrange(plan(spec), metrics).lines
    assert sum(len(line.points) > 2 for line in lines) == skips


# ---- what a picture shows --------------------------------------------------------------------------


def said(spec: str) -> list[str]:
    """Return the words in the boxes of a spec, in order."""
    return [" ".join([*block.beside, block.title]).strip() for block in plan(spec).blocks]


def test_copies_are_one_box() -> None:
    assert said("in(T,8) -> lstm(8,seq) * 100 -> dense(1)") == [
        "in(T, 8)",
        "×100 lstm(8)",
        "dense(1)",
        "output",
    ]


def test_copies_of_several_layers_are_a_frame() -> None:
    found = plan("in(T,8) -> (res(norm -> dense(8))) * 6 -> dense(1)")
    frame = found.blocks[1]
    assert (frame.family, frame.beside) == ("frame", ["×6"])
    assert frame.inner is not None
    assert [b.title for b in frame.inner.blocks if b.title] == ["norm", "dense(8)", "add"]


def test_a_loop_tells_what_differs() -> None:
    spec = "in(T,8) -> conv1d(8,2,causal,dilation_rate=D) for D in [1,2,4,8,16]"
    block = plan(spec).blocks[1]
    assert block.details == ["causal", "dilation_rate=1/2/…/16"]
    assert block.beside == ["×5"]


def test_a_fold_begins_where_the_loop_does() -> None:
    frames = [block for block in plan(SPECS["kio_speaker_resnet1d"]).blocks if block.inner]
    assert [frame.beside for frame in frames] == [["×2"], ["×3"]]
    assert [len(frame.slots) for frame in frames] == [1, 1]
    assert "conv1d(16/32,1)" in [block.title for frame in frames[:1] for block in frame.inner.blocks]


def test_what_is_collected_in_a_loop_leaves_its_frame() -> None:
    found = plan("in(T,4) -> res(conv1d(4,2,causal) as skips) * 3\nskips -> add")
    frame = next(block for block in found.blocks if block.inner)
    assert [port.label for port in frame.ports] == ["3 × (T, 4)"]


@pytest.mark.parametrize(
    "spec",
    [
        "x = in(T,8)\n[x -> lstm(4), x -> lstm(4)] -> add",
        "read = lstm(4)\na = in(T,8)\nb = in(S,8)\n[a -> read, b -> read] -> add",
        "def read() = lstm(4)\nx = in(T,8)\n[x -> read(), x -> read()] -> add",
        "in(T,8) -> dense(8) -> dense(8,relu) -> dense(8)",
    ],
)
def test_what_is_no_copy_of_the_one_before_is_not_folded(spec: str) -> None:
    assert not any("×" in words for words in said(spec))


def test_a_copy_that_is_used_by_itself_is_drawn_by_itself() -> None:
    spec = "def f() = dense(8,relu)\na = in(8) -> f()\nb = a -> f()\nc = b -> f()\n[a, c] -> add"
    assert not any("×3" in words for words in said(spec))


def test_shared_weights_bear_a_letter() -> None:
    found = plan(
        "read = embed(50,6) -> lstm(4)\n[in(T,int) -> read, in(S,int) -> read] -> concat -> dense(1)"
    )
    boxes = [b for block in found.blocks for b in (block.inner.blocks if block.inner else [block])]
    tags = {block.title: block.tag for block in boxes}
    assert tags["embed(50,6)"] == "A"
    assert tags["lstm(4)"] == "B"
    assert tags["dense(1)"] == ""
    assert [b.tag for b in boxes].count("A") == 2


def test_a_shared_layer_applied_over_and_over_says_so() -> None:
    (block,) = [
        b for b in plan("step = dense(8,relu)\nin(8) -> step * 3").blocks if b.title == "dense(8,relu)"
    ]
    assert block.beside == ["×3", "same", "weights"]


def test_a_state_handed_over_is_dashed() -> None:
    found = plan("encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state)", parts=False)
    (arrow,) = [arrow for arrow in found.arrows if arrow.style == "state"]
    assert found.blocks[arrow.source].ports[arrow.port].label == "states (8,)"
    scene = arrange(found, PIXELS)
    assert [line.style for line in scene.lines].count("state") == 1
    assert 'stroke-dasharray="6 4"' in svg(scene)


def test_every_box_of_a_flow_inside_td_is_there() -> None:
    frame = plan("in(T,8,8,1) -> td(conv2d(3,3) -> flatten) -> lstm(4)").blocks[1]
    assert frame.inner is not None
    assert [block.family for block in frame.inner.blocks] == ["entry", "convolution", "other", "exit"]


def test_a_skip_within_a_frame_begins_within_it_in_mermaid() -> None:
    found = mermaid(plan("in(T,8) -> (res(norm -> dense(8))) * 6 -> dense(1)")).splitlines()
    assert '    n0 -->|"(T, 8)"| n1_1' in found
    assert '        n1_1((" "))' in found
    assert {"        n1_1 --> n1_0", "        n1_1 --> n1_3"} <= set(found)


def test_unfolded_every_copy_is_drawn() -> None:
    spec = "in(T,8) -> lstm(8,seq) * 5"
    assert seqtopo.draw(spec, fold=False).plan.size == seqtopo.draw(spec).plan.size + 4


def test_a_picture_that_nobody_can_read_is_refused() -> None:
    with pytest.raises(seqtopo.SpecError, match="ST451"):
        seqtopo.draw("in(T,8) -> lstm(8,seq) * 500", fold=False)


def test_it_is_the_same_every_time() -> None:
    spec = SPECS["bidaf"]
    assert seqtopo.draw(spec).svg() == seqtopo.draw(spec).svg()


AUTOENCODER = """
encoder = in(24,3) -> lstm(64) -> dense(8)
decoder = in(8) -> repeat(24) -> lstm(64,seq) -> td(dense(3))
autoencoder = encoder -> decoder
"""


def frames(spec: str) -> dict[str, list[str]]:
    """The frames of a picture by what stands beside them, with the boxes in them."""
    blocks = [block for block in plan(spec).blocks if block.inner is not None]
    return {
        " ".join(block.beside): [b.title for b in block.inner.blocks if b.title]
        for block in blocks
        if block.inner is not None
    }


def test_fault_f7_named_parts_are_frames_with_their_names() -> None:
    found = plan(AUTOENCODER)
    assert [block.beside for block in found.blocks] == [["encoder"], ["decoder"], []]
    assert [block.name for block in found.blocks] == ["", "", "autoencoder"]
    assert frames(AUTOENCODER) == {
        "encoder": ["in(24, 3)", "lstm(64)", "dense(8)"],
        "decoder": ["repeat(24)", "lstm(64)", "td(dense(3))"],
    }
    assert not [b.name for block in found.blocks if block.inner for b in block.inner.blocks if b.name]


def test_fault_f7_states_go_from_frame_to_frame() -> None:
    spec = SPECS["translation_by_attention"]
    found = plan(spec)
    encoder, decoder = (block for block in found.blocks if block.inner is not None)
    assert (encoder.beside, decoder.beside) == (["encoder"], ["decoder"])
    assert {port.style for port in encoder.ports} == {"state", "data"}
    assert "state" in {arrow.style for arrow in found.arrows}


def test_fault_f7_a_part_used_twice_is_two_frames() -> None:
    spec = "read = embed(50,6) -> lstm(4)\n[in(T,int) -> read, in(S,int) -> read] -> concat"
    assert [block.beside for block in plan(spec).blocks if block.inner] == [["read"], ["read"]]


@pytest.mark.parametrize(
    "spec",
    [
        "model = in(T,8) -> lstm(4) -> dense(1)",
        "in(T,8) -> lstm(4) as l -> dense(1) -> dense(2)",
        "x = in(T,8)\nread = lstm(4)\nx -> read -> dense(1)",
        "encoder = in(T,8) -> lstm(4) -> dense(1)\nin(T,8) -> lstm(4) -> dense(1)",
    ],
)
def test_fault_f7_what_is_no_part_has_no_frame(spec: str) -> None:
    assert frames(spec) == {}


def test_fault_f7_parts_may_lie_in_parts_and_frames_can_be_left_out() -> None:
    spec = "cell = dense(8,relu) -> dense(8)\nencoder = in(T,8) -> cell -> lstm(4)\nencoder -> dense(1)"
    (encoder,) = [block for block in plan(spec).blocks if block.inner is not None]
    assert encoder.inner is not None
    assert [block.beside for block in encoder.inner.blocks if block.inner is not None] == [["cell"]]
    flat = seqtopo.draw(spec, parts=False).plan
    assert not [block for block in flat.blocks if block.inner]
    assert [block.name for block in flat.blocks if block.name] == ["cell", "encoder"]


def test_fault_f7_an_arrow_that_is_missing_would_be_noticed() -> None:
    resolved = analyse(AUTOENCODER).resolved
    assert resolved is not None
    found = plan(AUTOENCODER)
    inner = found.blocks[1].inner
    assert inner is not None
    inner.arrows.pop(0)
    assert missing_in_plan(resolved.graph, found) == ["no arrow from node 2 to node 7"]
    del found.arrows[-1]
    assert missing_in_plan(resolved.graph, found)[1:] == ["no arrow from node 9 to node -1"]


# ---- nothing breaks out ----------------------------------------------------------------------------


def hostile(words: str) -> Plan:
    """A plan in which every word is somebody else's."""
    inner = Plan(
        [Block("entry", ports=[Port(words)]), Block("other", words, slots=[words], ports=[Port(words)])]
    )
    inner.arrows = [Arrow(0, 0, 1, 0, "data")]
    blocks = [
        Block("input", words, [words], words, ports=[Port(words)]),
        Block("recurrent", words, [words, words], words, words, [words], slots=[words], ports=[Port(words)]),
        Block("frame", beside=[words], inner=inner, slots=[words]),
    ]
    return Plan(blocks, [Arrow(0, 0, 1, 0, "data"), Arrow(1, 0, 2, 0, "state")])


WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            '"]:::x',
            "</text><script>alert(1)</script>",
            '" onload="alert(1)',
            "]]>",
            "&#0;",
            "%%{init: {}}%%",
            "end",
            "a\nclick n0 href",
            "`x`",
            "",
            "fa:fa-car",
            "#quot;",
            "\x00\ud800\ufffe\u202e",
        ]
    ),
)
TAGS = {f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "rect", "path", "text", "tspan")}
WORD = r'([^"<>`\[\]{}|;#]|#\w+;)+'
"""The text that Mermaid's parser takes between quotation marks: not empty, and without icons."""
NODE = rf'\s*\w+(\(\[|\[|\{{\{{|\(\()"{WORD}(<br/>{WORD})*"(\]\)|\]|\}}\}}|\)\))'
EDGE = rf'\s*\w+ (-->|-\.->)(\|"{WORD}"\|)? \w+'
FRAME = rf'\s*subgraph \w+\["{WORD}"\]|\s*end'


@settings(max_examples=80)
@given(WORDS)
def test_nothing_breaks_out_of_a_label(words: str) -> None:
    found = hostile(words)
    root = ElementTree.fromstring(svg(arrange(found, PIXELS, words, words)))
    assert {element.tag for element in root.iter()} <= TAGS
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    directive, first, *lines = mermaid(found).splitlines()
    assert (directive[:7], first) == ("%%{init", "flowchart TD")
    assert len(lines) == 7
    for line in lines:
        assert re.fullmatch(f"{NODE}|{EDGE}|{FRAME}", line), line
        assert "fa:" not in line
    assert text(arrange(found, CELLS), ascii=True).isascii()


def test_a_label_that_breaks_out_would_be_noticed() -> None:
    for line in ('    n0["a"] click"]', '    n0[""]', '    n0["a#b"]', '    n0 -->|""| n1'):
        assert not re.fullmatch(f"{NODE}|{EDGE}|{FRAME}", line)
    assert f"{SVG}script" not in TAGS


def test_a_hostile_name_in_a_spec_is_only_a_name() -> None:
    spec = "in(T,8) -> lstm(4, name='</text><script>x</script>')"
    if seqtopo.check(spec).ok:
        root = ElementTree.fromstring(seqtopo.draw(spec).svg())
        assert {element.tag for element in root.iter()} <= TAGS


# ---- files that were looked at ---------------------------------------------------------------------

GOLDEN = {
    "chain": "in(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)",
    "copies": "in(T,8) -> lstm(64,seq) * 12 -> dense(1)",
    "states": SPECS["keras_lstm_seq2seq"],
    "skips": SPECS["tcn_imdb"],
    "transformer": SPECS["kio_nmt_transformer"],
    "shared": "read = embed(5000,64) -> lstm(32)\n\n"
    "[in(?,int) as asked -> read, in(?,int) as known -> read] -> concat -> dense(1,sigmoid)",
    "frames": SPECS["frames"],
    "outputs": SPECS["two_outputs"],
    "masks": SPECS["mask_from_outside"],
    "unet": "def down(F) = conv1d(F,3,same,relu)\n"
    "in(64,1) -> down(16) as a -> maxpool1d(2) -> down(32) as b -> maxpool1d(2) -> down(64)\n"
    "-> [upsample1d(2), b] -> concat -> down(32) -> [upsample1d(2), a] -> concat -> down(16) -> conv1d(1,1)",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_pictures_are_what_they_were(name: str) -> None:
    picture = seqtopo.draw(GOLDEN[name])
    assert_golden(f"pictures/{name}.svg", picture.svg().encode())
    assert_golden(f"pictures/{name}.txt", picture.encoded(".txt"))
    assert_golden(f"pictures/{name}.mmd", picture.encoded(".mmd"))


def test_a_golden_file_is_never_written_where_ci_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("SEQTOPO_REWRITE_GOLDEN", "1")
    with pytest.raises(AssertionError, match="for people who look"):
        assert_golden("pictures/chain.svg", b"")


@pytest.mark.parametrize("metrics", [PIXELS, CELLS], ids=["pixels", "cells"])
def test_a_label_is_as_wide_as_it_is_reckoned(metrics: Metrics) -> None:
    assert metrics.width("lstm(64)") < metrics.width("lstm(64) and more")
    assert metrics.width("中文") > metrics.width("ab")


# ---- any graph at all ------------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn, depth: int = 1) -> Plan:
    """Plans of any form: long ways, many edges, second ports, frames in frames."""
    words = st.text("abc,() 12", max_size=12)
    entries = draw(st.integers(0, 2)) if depth == 0 else 0
    blocks = [Block("entry", number=i, ports=[Port(draw(words))]) for i in range(entries)]
    arrows: list[Arrow] = []
    for place in range(entries, entries + draw(st.integers(1, 9))):
        block = Block("other", draw(words), [draw(words)] if draw(st.booleans()) else [], draw(words))
        block.ports = [Port(draw(words)) for _ in range(draw(st.integers(1, 2)))]
        for _ in range(draw(st.integers(0, 3)) if place else 0):
            source = draw(st.integers(0, place - 1))
            if blocks[source].ports:
                port = draw(st.integers(0, len(blocks[source].ports) - 1))
                arrows.append(Arrow(source, port, place, len(block.slots), "data"))
                block.slots.append(draw(st.sampled_from(["", "", "query"])))
        if depth and block.slots and draw(st.integers(0, 3)) == 0:
            inner = draw(plans(depth=0))
            taken = [b for b in inner.blocks if b.family == "entry"]
            if len(taken) == len(block.slots):
                block.family, block.beside, block.title = "frame", ["×3"], ""
                block.slots = [""] * len(block.slots)
                last = len(inner.blocks) - 1
                for number in range(len(block.ports)):
                    inner.blocks.append(Block("exit", number=number, slots=[""]))
                    inner.arrows.append(Arrow(last, 0, len(inner.blocks) - 1, 0, "data"))
                block.inner = inner
        blocks.append(block)
    return Plan(blocks, arrows)


@settings(max_examples=60)
@given(plans())
def test_nothing_lies_on_anything_in_any_graph(found: Plan) -> None:
    for metrics in (PIXELS, CELLS):
        wrong = faults(arrange(found, metrics), metrics)
        # Lines may touch where each of two would have to turn above the other.
        assert [fault for fault in wrong if "run on each other" not in fault] == []
