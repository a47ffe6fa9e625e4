"""A registered layer that says what it does with time and masks: lints, pictures and masks go by it."""

from __future__ import annotations

from typing import Any

import pytest

import seqtopo
from seqtopo.graph.masks import follow
from seqtopo.graph.receptive_fields import fields
from seqtopo.layers import registry, timing
from seqtopo.report.analyse import analyse
from tests.support.lints import findings


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))


def own(**columns: Any) -> None:
    """Registers ``own``, a layer that leaves the shape as it is."""

    @seqtopo.layer("T F -> T F", **columns)
    def own(name: str | None = None) -> Any:
        raise AssertionError("nothing here builds it")


def graph_of(spec: str) -> Any:
    resolved = analyse(spec).resolved
    assert resolved is not None
    return resolved.graph


@pytest.mark.parametrize(("time", "found"), [("keeps", 1), ("mixes", 0), ("", 0)])
def test_a_lint_looks_through_a_layer_that_keeps_each_step(time: str, found: int) -> None:
    own(time=time)
    spec = "in(5,3,batch=2) -> lstm(8,seq,stateful) -> own -> lstm(8)"
    assert len(findings(spec, "ST644")) == found


@pytest.mark.parametrize(
    ("time", "sees"), [("keeps", (1, 0)), ("causal", (1, 0)), ("mixes", (0, 4)), ("", (0, 4))]
)
def test_what_a_step_sees_is_followed_through_it(time: str, sees: tuple[int, int]) -> None:
    own(time=time)
    graph = graph_of("in(5,3) -> own")
    (field,) = fields(graph)[graph.outputs[0]].values()
    assert (field.window.high.factor, field.window.high.plus) == sees
    assert field.window.low.factor == (1 if time == "keeps" else 0)


def test_an_unrolled_picture_draws_it_at_each_step_where_it_keeps_them() -> None:
    cells = []
    for time in ("keeps", "mixes"):
        own(time=time)
        cells.append(seqtopo.draw("in(5,3) -> own", unrolled=True).text().count("own"))
    assert cells[0] > cells[1] > 0


@pytest.mark.parametrize(
    ("mask", "heeded", "lost"), [("passes", 1, 0), ("uses", 1, 0), ("ends", 0, 1), ("", 1, 0)]
)
def test_a_mask_is_followed_through_it(mask: str, heeded: int, lost: int) -> None:
    own(mask=mask)
    spec = "in(9,int) -> embed(50,8,mask) -> own -> lstm(4)"
    graph = graph_of(spec)
    assert len(follow(graph, graph.nodes).used) == heeded
    assert len(findings(spec, "ST631")) == lost


def test_a_mask_that_it_makes_is_followed() -> None:
    own(mask="makes")
    graph = graph_of("in(9,8) -> own -> lstm(4)")
    masks = follow(graph, graph.nodes)
    assert [graph.nodes[i].layer.row.name for i in masks.used] == ["own"]


def test_its_role_says_how_it_is_drawn_and_what_a_lint_takes_it_for() -> None:
    own(role="attention", time="mixes")
    assert "st-attention" in seqtopo.draw("in(5,3) -> own").svg()
    own(role="noise", time="keeps")
    assert findings("in(5,3) -> dense(4,softmax) -> own", "ST627")


def test_what_is_said_stands_in_the_row() -> None:
    own(time="causal", mask="uses", role="attention")
    row = registry.find("own")
    assert row is not None
    assert (row.time, row.role) == (timing.sees_past, "attention")
    assert row.mask is not None
    assert row.mask(lambda name: None, 2) == ("first", True)


@pytest.mark.parametrize("column", ["time", "mask", "role"])
def test_a_word_that_is_not_known_is_refused(column: str) -> None:
    with pytest.raises(ValueError, match=rf"^{column} is 'stays', and may be "):
        own(**{column: "stays"})
