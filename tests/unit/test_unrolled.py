"""Steps side by side: the five kinds come out as they are drawn everywhere, and nothing lies on anything."""

from __future__ import annotations

import re

import pytest

import seqtopo
from seqtopo.api import analyse
from seqtopo.pictures.metrics import CELLS, PIXELS
from seqtopo.pictures.unrolled import Unrolled, unroll
from tests.support.draws import draw
from tests.support.golden import assert_golden
from tests.support.models import MODELS
from tests.support.pictures import faults
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
    try:
        found = unrolled(spec)
    except seqtopo.SpecError as error:
        if [d.code for d in error.diagnostics] != ["ST452"]:
            raise
        return False
    for metrics in (PIXELS, CELLS):
        assert faults(found.scene(metrics), metrics) == []
        assert faults(found.scene(metrics, narrow=True), metrics) == []
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


# ---- the five kinds --------------------------------------------------------------------------------


def words(spec: str) -> list[list[str]]:
    """The cells of a picture, row by row from the bottom, each from left to right."""
    scene = unrolled(spec).scene(PIXELS)
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
    scene = unrolled("in(T,8) -> lstm(4)").scene(PIXELS)
    assert [text.text for text in scene.texts].count("⋯") == 2


def test_the_last_steps_are_those_that_go_on() -> None:
    assert words("in(4,8) -> lstm(4,seq) -> last(2)")[-1] == ["y3", "y4"]
    assert words("in(T,8) -> lstm(4,seq) -> last(N)")[-1] == ["yT-N+1", "yT"]


def test_what_is_padded_is_shown_as_nothing() -> None:
    found = words("in(2,8) -> pad(0,2) -> lstm(4,seq) -> last(2)")
    assert found == [["x1", "x2"], ["0", "0"], ["lstm"] * 4, ["y3", "y4"]]


def test_what_is_dropped_is_marked() -> None:
    def marks(spec: str) -> int:
        return [text.text for text in unrolled(spec).scene(PIXELS).texts].count("✕")

    assert marks("in(4,8) -> lstm(4)") == 3
    assert marks("in(4,8) -> lstm(4,seq)") == 0
    assert marks("in(4,8) -> lstm(4,seq) -> last(1)") == 3
    assert marks("in(4,8) -> bi(lstm(4))") == 2


def test_states_go_to_the_right_and_backwards_to_the_left() -> None:
    def ways(spec: str) -> list[int]:
        lines = unrolled(spec).scene(PIXELS).lines
        flat = [line.points for line in lines if line.arrow and line.points[0][1] == line.points[-1][1]]
        return [(b[0] > a[0]) - (b[0] < a[0]) for a, b in ((points[0], points[-1]) for points in flat)]

    assert ways("in(3,8) -> lstm(4)") == [1, 1]
    assert ways("in(3,8) -> lstm(4,back)") == [-1, -1]
    assert sorted(ways("in(3,8) -> bi(lstm(4))")) == [-1, -1, 1, 1]
    assert ways("in(3,8) -> dense(4)") == []


def test_what_reads_backwards_answers_at_the_first_step() -> None:
    scene = unrolled("in(3,8) -> lstm(4,back)").scene(PIXELS)
    places = {text.text + text.sub: text.x for text in scene.texts}
    assert places["y"] == places["x1"]


def test_an_encoder_hands_its_state_to_the_decoder_beside_it() -> None:
    found = unrolled("encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state)")
    rows = {tier.title: tier.row for tier in found.tiers if tier.direction}
    assert set(rows.values()) == {1}
    scene = found.scene(PIXELS)
    (handed,) = [line for line in scene.lines if line.style == "state"]
    assert handed.points[0][0] < handed.points[-1][0]
    assert handed.points[0][1] == handed.points[-1][1]


def test_the_last_state_of_what_reads_backwards_is_that_of_the_first_step() -> None:
    spec = "encoder = in(3,3) -> lstm(8,back)\nin(T,3) -> lstm(8,seq,init=encoder.state)"
    assert assert_nothing_lies_on_anything(spec)
    scene = unrolled(spec).scene(PIXELS)
    (handed,) = [line for line in scene.lines if line.style == "state"]
    (first,) = [text.x for text in scene.texts if text.text + text.sub == "x1"]
    assert handed.points[0][0] == first


def test_states_of_every_level_lie_beside_each_other() -> None:
    found = unrolled(SPECS["states_of_every_level"])
    assert [tier.row for tier in found.tiers if tier.direction] == [1, 2, 1, 2]


def test_a_stateful_layer_goes_on_in_the_next_batch() -> None:
    scene = unrolled("in(3,1,batch=1) -> lstm(4,stateful)").scene(PIXELS)
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


def test_a_narrow_terminal_gets_less_beside_the_cells_and_then_words() -> None:
    picture = seqtopo.draw("in(T,3) -> lstm(8)", unrolled=True)
    widest = max(map(len, picture.text().splitlines()))
    narrower = picture.text(widest - 5)
    assert max(map(len, narrower.splitlines())) <= widest - 5
    assert "last step only" not in narrower
    assert re.match(r"The picture takes \d+ columns, and here are 20", picture.text(20))
