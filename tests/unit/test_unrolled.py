"""Steps side by side: the five kinds come out as they are drawn everywhere, and nothing lies on anything."""

from __future__ import annotations

import re

import pytest

import seqtopo
from seqtopo.graph.receptive_fields import fields
from seqtopo.pictures.scene import CELLS, PIXELS, Line
from seqtopo.pictures.steps import Steps
from seqtopo.pictures.unrolled import Unrolled, unroll
from seqtopo.report.analyse import analyse
from tests.support.draws import draw
from tests.support.golden import assert_golden
from tests.support.models import MODELS
from tests.support.pictures import cells_without_arrows, faults, missing_arrows, reached
from tests.support.topologies import LITERATURE, TOPOLOGIES

DRAWN = [spec for i in range(120) if (spec := draw(i).accepted)]
SPECS = {
    **{model.id: model.path.read_text(encoding="utf-8") for model in MODELS},
    **{topology.name: topology.spec for topology in TOPOLOGIES},
}


def unrolled(spec: str) -> Unrolled:
    """A spec along its steps."""
    resolved = analyse(spec).resolved
    assert resolved is not None
    return unroll(resolved.graph, resolved.source)


def assert_nothing_lies_on_anything(spec: str) -> bool:
    """Asserts it of a spec's picture; False where it has none, which a diagnostic says."""
    resolved = analyse(spec).resolved
    assert resolved is not None
    try:
        found = unroll(resolved.graph, resolved.source)
    except seqtopo.SpecError as error:
        if [d.code for d in error.diagnostics] != ["ST452"]:
            raise
        return False
    for metrics in (PIXELS, CELLS):
        for narrow in (False, True):
            scene = Steps(found, metrics, narrow=narrow).scene()
            assert faults(scene, metrics) == []
            if not metrics.cells and not narrow:
                assert missing_arrows(resolved.graph, found, scene) == []
                assert cells_without_arrows(found, scene) == []
    return True


@pytest.mark.parametrize("name", SPECS)
def test_nothing_lies_on_anything_in_known_specs(name: str) -> None:
    assert_nothing_lies_on_anything(SPECS[name])


def test_nothing_lies_on_anything_in_drawn_specs() -> None:
    shown = [assert_nothing_lies_on_anything(spec) for spec in DRAWN]
    assert sum(shown) > 60


def test_most_models_have_such_a_picture() -> None:
    shown = [assert_nothing_lies_on_anything(model.path.read_text(encoding="utf-8")) for model in MODELS]
    assert sum(shown) > len(MODELS) / 2


# ---- every edge has an arrow -----------------------------------------------------------------------


def made_of(spec: str, layer: str) -> dict[str, set[str]]:
    """Return the cells, and dots, from which arrows come to each step of a layer.

    All cells are told by the step of the input that is below them.
    """
    scene = Steps(unrolled(spec), PIXELS).scene()
    steps = {text.x: text.sub for text in scene.texts if text.text == "x"}
    steps |= {text.x: "…" for text in scene.texts if text.text == "⋯"}
    found: dict[str, set[str]] = {}
    for line in scene.lines:
        (x0, _), (x1, y1) = line.points[0], line.points[-1]
        for box in scene.boxes:
            if box.x <= x1 <= box.x + box.w and y1 == box.y + box.h:
                inside = [t for t in scene.texts if box.x < t.x < box.x + box.w and box.y < t.y < y1]
                if [t.text for t in inside] == [layer]:
                    found.setdefault(steps[inside[0].x], set()).add(steps[x0])
    return found


def test_fault_a16_a_convolution_is_fed_by_the_steps_that_it_reads() -> None:
    assert made_of("in(4,3) -> conv1d(8,3,same)", "conv1d") == {
        "1": {"1", "2"},
        "2": {"1", "2", "3"},
        "3": {"2", "3", "4"},
        "4": {"3", "4"},
    }
    found = made_of("in(T,3) -> conv1d(8,2,causal,dilation_rate=4)", "conv1d")
    assert found["1"] == {"1"}
    assert found["T"] == {"T", "T-4"}
    assert found["T-4"] == {"T-4", "…"}


def test_fault_a16_the_cone_of_a_tcn_is_shown_where_it_is_small() -> None:
    spec = "in(T,3) -> conv1d(8,2,causal,dilation_rate=D) for D in [1, 2, 4]"
    shown = words(spec)[0]
    assert shown == ["x1", "x2", *(f"xT-{n}" for n in range(7, 0, -1)), "xT"]
    notes = [text.text for text in Steps(unrolled(spec), PIXELS).scene().texts]
    assert "causal, dilation_rate=4  (T, 8)" in notes


def test_fault_a16_a_wide_kernel_reads_from_the_dots_and_says_so() -> None:
    found = made_of("in(T,3) -> conv1d(8,31,same)", "conv1d")
    assert found["T"] == {"…", "T"}
    texts = [text.text for text in Steps(unrolled("in(T,3) -> conv1d(8,31,same)"), PIXELS).scene().texts]
    assert any("steps that are left out" in text for text in texts)


def test_fault_a16_what_turns_pools_and_shifts_steps_says_which() -> None:
    assert made_of("in(3,2) -> flip", "flip") == {"1": {"3"}, "2": {"2"}, "3": {"1"}}
    assert made_of("in(6,2) -> maxpool1d(2)", "maxpool1d") == {
        "2": {"1", "2"},
        "4": {"3", "4"},
        "6": {"5", "6"},
    }
    assert made_of("in(3,2) -> cumsum(1)", "cumsum") == {"1": {"1"}, "2": {"1", "2"}, "3": {"1", "2", "3"}}
    causal = made_of("in(3,2) -> mha(1,2,causal)", "mha")
    assert causal == {"1": {"1"}, "2": {"1", "2"}, "3": {"1", "2", "3"}}


def test_fault_a16_what_else_moves_steps_is_drawn_as_its_row_says() -> None:
    assert made_of("in(6,4) -> reshape(3,8)", "reshape") == {
        "2": {"1", "2"},
        "4": {"3", "4"},
        "6": {"5", "6"},
    }
    assert made_of("in(3,4) -> mha(1,4,sliding_window=2)", "mha")["1"] == {"1", "2"}
    joined = Steps(unrolled("a = in(3,4)\nb = in(2,4)\n[a, b] -> concat(time)"), PIXELS).scene()
    cells = [box for box in joined.boxes if box.family == "merge"]
    ends = [line.points[-1] for line in joined.lines]
    into = [[x for x, y in ends if b.x <= x <= b.x + b.w and y == b.y + b.h] for b in cells]
    assert [len(found) for found in into] == [1] * 5
    stretched = Steps(unrolled("a = in(T,4)\nb = in(1,4)\n[a, b] -> add"), PIXELS).scene()
    assert not [box for box in stretched.boxes if box.family == "merge" and box.w > 200]


def test_fault_a16_what_reads_backwards_gives_the_last_step_first() -> None:
    mirrored = {"1": {"3"}, "2": {"2"}, "3": {"1"}}
    assert made_of("in(3,2) -> lstm(2,seq,back) -> dense(2)", "dense") == mirrored
    found = made_of("in(T,2) -> gru(2,seq,back) -> dense(2)", "dense")
    assert found == {"1": {"T"}, "2": {"T-1"}, "T-1": {"2"}, "T": {"1"}}


SHORT = (
    "in(4,2) -> cropping1d((0,1))",
    "in(4,2) -> slice(0,3) -> dense(2)",
    "in(3,2) -> zero_padding1d((0,2)) -> conv1d(2,2)",
    "in(4,2) -> pad(1,1) -> cropping1d((0,1)) -> last(2)",
    "in(4,2) -> lstm(2,seq,back)",
    "in(4,2) -> lstm(2,seq,back) -> last(3) -> dense(1)",
    "in(4,2) -> lstm(2,seq,back) -> at(1)",
    "in(4,2) -> lstm(2,seq,back) -> first(2) -> crop(1,0)",
    "in(4,2) -> lstm(2,seq,back) -> pad(1,1) -> conv1d(2,2)",
    "in(4,2) -> gru(2,seq,back) -> lstm(2,seq) -> flip",
    "in(4,2) -> gru(2,seq,back) -> lstm(2,back)",
    "in(4,2) -> gru(2,seq,back) -> gru(2,seq,back)",
    "in(4,2) -> [lstm(2,seq), lstm(2,seq,back)] -> concat",
    "in(4,2) -> rnn(2,seq,back) -> conv1d(2,2,causal) -> avgpool1d(2)",
    "in(4,2) -> conv1d(2,2) -> conv1d_transpose(2,2) -> slice(0,2)",
    "in(4,2) -> upsample1d(2) -> conv1d(2,3,2) -> dense(1)",
    "e = in(3,2) -> lstm(2)\nin(4,2) -> gru(2,seq,back) -> lstm(2,seq,init=e.state)",
)


@pytest.mark.parametrize("spec", SHORT)
def test_fault_a16_arrows_lead_from_the_steps_that_each_output_sees(spec: str) -> None:
    resolved = analyse(spec).resolved
    assert resolved is not None
    graph = resolved.graph
    found = unroll(graph)
    scene = Steps(found, PIXELS).scene()
    for (node, number), shown in reached(graph, found, scene).items():
        value = graph.outputs[number]
        field = fields(graph)[value][node]
        tensor = graph.tensor(value)
        assert tensor is not None
        assert field.axis is None or len(shown) == tensor.shape[0]
        for step, steps in enumerate(shown):
            low, high = field.window.low.at(step), field.window.high.at(step)
            assert isinstance(low, int)
            assert isinstance(high, int)
            assert isinstance(field.length, int)
            seen = range(max(low, 0), min(high, field.length - 1) + 1)
            assert (steps[:1], steps[-1:]) == (list(seen[:1]), list(seen[-1:])), f"step {step} of {number}"


def test_fault_a16_what_mixes_all_steps_is_one_bar_or_fed_by_all() -> None:
    for layer in ("group_normalization(2)", "mha(2,2)", "conv1d(4,3,same) -> group_normalization(4)"):
        assert assert_nothing_lies_on_anything(f"in(T,4) -> {layer} -> lstm(4)")
        assert assert_nothing_lies_on_anything(f"in(T,4) -> res({layer}) -> lstm(4)")
    scene = Steps(unrolled("in(T,4) -> group_normalization(2)"), PIXELS).scene()
    assert [text.text for text in scene.texts].count("group_normalization(2)") == 2


def test_fault_a16_every_step_of_a_query_sees_every_step_of_the_values() -> None:
    spec = "e = in(3,4)\nd = in(2,4)\n[d, e] -> attention as a\n[a, d] -> concat"
    scene = Steps(unrolled(spec), PIXELS).scene()
    boxes = {box for box in scene.boxes if box.family == "attention"}
    assert len(boxes) == 2
    for box in boxes:
        ends = {line.points[-1] for line in scene.lines}
        assert len([x for x, y in ends if box.x <= x <= box.x + box.w and y == box.y + box.h]) == 2


def test_fault_a16_states_of_both_directions_come_from_both_ends() -> None:
    spec = "e = in(S,3) -> bi(lstm(4))\nin(T,3) -> bi(lstm(4,seq),init=e.state)"
    assert assert_nothing_lies_on_anything(spec)
    scene = Steps(unrolled(spec), PIXELS).scene()
    places = {text.text + text.sub: text.x for text in scene.texts}
    states = [line.points for line in scene.lines if line.style == "state"]
    assert {points[0][0] for points in states} == {places["x1"], places["xS"]}
    to_last = [points[-1][0] for points in states if points[0][0] == places["x1"]]
    assert all(abs(x - places["zT"]) < abs(x - places["z1"]) for x in to_last)


def test_fault_a16_the_law_finds_what_is_missing() -> None:
    spec = "encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state)"
    resolved = analyse(spec).resolved
    assert resolved is not None
    found = unroll(resolved.graph)
    scene = Steps(found, PIXELS).scene()
    (state,) = [line for line in scene.lines if line.style == "state"]
    scene.lines.remove(state)
    assert missing_arrows(resolved.graph, found, scene) == ["no arrow from lstm(8) to lstm(8)"]
    scene.lines.append(Line((state.points[0], state.points[-1]), "state"))
    assert missing_arrows(resolved.graph, found, scene) == []
    assert [fault for fault in faults(scene, PIXELS) if "strikes through the label" in fault]
    upright = [line for line in scene.lines if line.points[0][0] == line.points[-1][0]]
    for line in upright:
        scene.lines.remove(line)
    assert len(cells_without_arrows(found, scene)) == 4


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,8) -> conv1d(4,2000)",
        "in(?,8) -> conv1d(4,2000) -> conv1d(4,9000) -> lstm(3)",
        "in(1,8) -> conv1d(4,1) -> lstm(2)",
        "in(1,8) -> conv1d(4,5,causal,dilation_rate=1000) -> lstm(2,seq)",
        "in(1000000,8) -> conv1d(4,999999) -> maxpool1d(2)",
        "in(3,8) -> conv1d(4,3)",
        "in(T,8) -> conv1d(4,3,500) -> dense(1)",
        "in(T,8) -> maxpool1d(2000) -> upsample1d(2000) -> conv1d(1,7)",
        "in(2,8) -> conv1d_transpose(4,3000,2999)",
        "in(T,8) -> pad(0,1000000) -> crop(999999,0) -> lstm(1)",
        "in(T,8) -> crop(5000,6000) -> last(1)",
        "in(8) -> repeat(100000) -> avgpool1d(77777)",
        "in(T,8) -> slice(-4000,-1) -> flip",
        "in(T,8) -> last(N) -> conv1d(2,8)",
        "in(3,8) -> pad(0,4) -> last(2)",
    ],
)
def test_fault_b6_any_sizes_have_a_picture(spec: str) -> None:
    assert assert_nothing_lies_on_anything(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,3) -> lstm(8,seq) -> dense(3)",
        "in(3,3) -> gru(8,seq) -> dense(3)",
        "in(T,8) -> res(conv1d(8,3,causal)) -> res(norm -> mha(2,4)) -> group_normalization(2)",
        "e = in(S,3) -> lstm(4)\nin(T,3) -> lstm(4,seq,init=e.state) -> dense(3)",
        "in(T,int(9)) -> embed(9,4) -> mha(1,4,causal) -> dense(9,softmax)",
        "in(T,3) -> res(bi(lstm(3,seq)) -> dense(3)) -> dense(3)",
    ],
)
def test_fault_f8_each_output_goes_to_the_next_step(spec: str) -> None:
    drawing = seqtopo.draw(spec, unrolled=True, feedback=True)
    found = drawing.unrolled
    assert found is not None
    for metrics in (PIXELS, CELLS):
        assert faults(Steps(found, metrics).scene(), metrics) == []
    scene = Steps(found, PIXELS).scene()
    assert found.back is not None
    inputs = sorted((box for box in scene.boxes if box.shows == found.back[1]), key=lambda box: box.x)
    ends = [line.points[-1] for line in scene.lines if line.style == "state"]
    fed = [any(x == box.x and box.y < y < box.y + box.h for x, y in ends) for box in inputs]
    assert fed == [False] + [True] * (len(inputs) - 1)


# ---- the five kinds --------------------------------------------------------------------------------


def words(spec: str) -> list[list[str]]:
    """The cells of a picture, row by row from the bottom, each from left to right."""
    scene = Steps(unrolled(spec), PIXELS).scene()
    found: dict[int, list[tuple[int, str]]] = {}
    for box in scene.boxes:
        inside = [t for t in scene.texts if box.x <= t.x <= box.x + box.w and box.y <= t.y <= box.y + box.h]
        found.setdefault(-box.y, []).append((box.x, " ".join(t.text + t.sub for t in inside)))
    return [[word for _, word in sorted(row)] for _, row in sorted(found.items())]


def test_one_to_one() -> None:
    assert words("in(8) -> dense(4)") == [["x"], ["dense"], ["y"]]


def test_one_to_many() -> None:
    assert words("in(8) -> repeat(3) -> lstm(4,seq)") == [
        ["x"],
        ["copy", "copy", "copy"],
        ["lstm", "lstm", "lstm"],
        ["y1", "y2", "y3"],
    ]


def test_many_to_one() -> None:
    assert words("in(3,8) -> lstm(4)") == [["x1", "x2", "x3"], ["lstm", "lstm", "lstm"], ["y"]]


def test_many_to_many_in_step() -> None:
    assert words("in(3,8) -> lstm(4,seq)") == [["x1", "x2", "x3"], ["lstm"] * 3, ["y1", "y2", "y3"]]


def test_many_to_many_delayed() -> None:
    found = words("in(2,8) -> lstm(4) -> repeat(3) -> lstm(4,seq)")
    assert found == [["x1", "x2"], ["lstm"] * 2, ["copy"] * 3, ["lstm"] * 3, ["y1", "y2", "y3"]]


def test_a_long_sequence_has_dots() -> None:
    assert words("in(T,8) -> lstm(4)")[0] == ["x1", "x2", "xT"]
    scene = Steps(unrolled("in(T,8) -> lstm(4)"), PIXELS).scene()
    assert [text.text for text in scene.texts].count("⋯") == 2


def test_the_last_steps_are_those_that_go_on() -> None:
    assert words("in(4,8) -> lstm(4,seq) -> last(2)")[-1] == ["y3", "y4"]
    assert words("in(T,8) -> lstm(4,seq) -> last(N)")[-1] == ["yT-N+1", "yT"]


def test_what_is_padded_is_shown_as_nothing() -> None:
    found = words("in(2,8) -> pad(0,2) -> lstm(4,seq) -> last(2)")
    assert found == [["x1", "x2"], ["0", "0"], ["lstm"] * 4, ["y3", "y4"]]


def test_what_is_dropped_is_marked() -> None:
    def marks(spec: str) -> int:
        return [text.text for text in Steps(unrolled(spec), PIXELS).scene().texts].count("✕")

    assert marks("in(4,8) -> lstm(4)") == 3
    assert marks("in(4,8) -> lstm(4,seq)") == 0
    assert marks("in(4,8) -> lstm(4,seq) -> last(1)") == 3
    assert marks("in(4,8) -> bi(lstm(4))") == 2


def test_states_go_to_the_right_and_backwards_to_the_left() -> None:
    def ways(spec: str) -> list[int]:
        lines = Steps(unrolled(spec), PIXELS).scene().lines
        flat = [line.points for line in lines if line.arrow and line.points[0][1] == line.points[-1][1]]
        return [(b[0] > a[0]) - (b[0] < a[0]) for a, b in ((points[0], points[-1]) for points in flat)]

    assert ways("in(3,8) -> lstm(4)") == [1, 1]
    assert ways("in(3,8) -> lstm(4,back)") == [-1, -1]
    assert sorted(ways("in(3,8) -> bi(lstm(4))")) == [-1, -1, 1, 1]
    assert ways("in(3,8) -> dense(4)") == []


def test_what_reads_backwards_answers_at_the_first_step() -> None:
    scene = Steps(unrolled("in(3,8) -> lstm(4,back)"), PIXELS).scene()
    places = {text.text + text.sub: text.x for text in scene.texts}
    assert places["y"] == places["x1"]


def test_an_encoder_hands_its_state_to_the_decoder_beside_it() -> None:
    found = unrolled("encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state)")
    rows = {tier.title: tier.row for tier in found.tiers if tier.direction}
    assert set(rows.values()) == {1}
    scene = Steps(found, PIXELS).scene()
    (handed,) = [line for line in scene.lines if line.style == "state"]
    assert handed.points[0][0] < handed.points[-1][0]
    assert handed.points[0][1] == handed.points[-1][1]


def test_the_last_state_of_what_reads_backwards_is_that_of_the_first_step() -> None:
    spec = "encoder = in(3,3) -> lstm(8,back)\nin(T,3) -> lstm(8,seq,init=encoder.state)"
    assert assert_nothing_lies_on_anything(spec)
    scene = Steps(unrolled(spec), PIXELS).scene()
    (handed,) = [line for line in scene.lines if line.style == "state"]
    (first,) = [text.x for text in scene.texts if text.text + text.sub == "x1"]
    assert handed.points[0][0] == first


def test_states_of_every_level_lie_beside_each_other() -> None:
    found = unrolled(SPECS["states_of_every_level"])
    assert [tier.row for tier in found.tiers if tier.direction] == [1, 2, 1, 2]


def test_a_stateful_layer_goes_on_in_the_next_batch() -> None:
    scene = Steps(unrolled("in(3,1,batch=1) -> lstm(4,stateful)"), PIXELS).scene()
    assert "next batch" in [text.text for text in scene.texts]
    assert [line.style for line in scene.lines].count("state") == 2


def test_inputs_that_are_merged_step_by_step_share_their_columns() -> None:
    assert len(unrolled("a = in(T,3)\nb = in(T,3)\n[a, b] -> add -> lstm(4)").regions) == 1
    assert len(unrolled("a = in(T,3)\nb = in(S,3)\n[a -> lstm(4), b -> lstm(4)] -> add").regions) == 2


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("in(32,32,3) -> conv2d(8,3) -> flatten -> dense(2)", "no time steps"),
        ("in(T,8) -> dense(8) * 60", "rows on top of each other"),
    ],
)
def test_what_has_no_such_picture_says_why(spec: str, match: str) -> None:
    with pytest.raises(seqtopo.SpecError, match=match):
        unrolled(spec)


def test_every_topology_of_the_literature_has_one() -> None:
    assert len(LITERATURE) > 15
    for topology in LITERATURE:
        assert assert_nothing_lies_on_anything(topology.spec)


GOLDEN = {
    "one-to-one": "in(F) -> dense(N)",
    "one-to-many": "in(F) -> repeat(S) -> lstm(U,seq)",
    "many-to-one": "in(T,F) -> lstm(U)",
    "many-to-many": "in(T,F) -> lstm(U,seq)",
    "many-to-many-delayed": "in(I,F) -> lstm(B) -> repeat(O) -> lstm(B,seq) -> td(dense(1))",
    "last": SPECS["last_steps"],
    "padded": SPECS["shifted"],
    "stacked": "in(?,1) -> simple_rnn(20,seq) * 2 -> simple_rnn(20) -> dense(1)",
    "states": SPECS["keras_lstm_seq2seq"],
    "both-directions": "in(T,3) -> bi(lstm(8,seq)) -> bi(gru(4)) -> dense(2)",
    "stateful": "in(3,1,batch=1) -> lstm(4,stateful) -> dense(1)",
    "attention": SPECS["translation_by_attention"],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_pictures_are_what_they_were(name: str) -> None:
    picture = seqtopo.draw(GOLDEN[name], unrolled=True)
    assert_golden(f"unrolled/{name}.svg", picture.svg().encode())
    assert_golden(f"unrolled/{name}.txt", picture.encoded(".txt"))


def test_several_outputs_bear_the_names_of_their_layers() -> None:
    found = unrolled("in(3,4) -> lstm(2,seq) -> [dense(1) as each, last(1) -> flatten as end, relu]")
    assert [tier.title for tier in found.tiers if tier.family == "output"] == ["each", "end", "output"]
    assert unrolled("in(3,4) -> lstm(2) as end").tiers[-1].title == "output"


def test_a_narrow_terminal_gets_less_beside_the_cells_and_then_words() -> None:
    picture = seqtopo.draw("in(T,3) -> lstm(8)", unrolled=True)
    widest = max(map(len, picture.text().splitlines()))
    narrower = picture.text(widest - 5)
    assert max(map(len, narrower.splitlines())) <= widest - 5
    assert "last step only" not in narrower
    assert re.match(r"The picture takes \d+ columns, but there are only 20", picture.text(20))
