"""The attention rows, held against the installed Keras."""

from __future__ import annotations

import pytest

from seqtopo.layers.registry import NAMES
from seqtopo.layers.values import Refusal, Tensor
from tests.support.rows import (
    assert_both_refuse,
    assert_breaks_when_run,
    assert_row_agrees,
    assert_row_refuses,
)

HEADS = {"num_heads": 2, "key_dim": 4}
GROUPS = {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}


@pytest.mark.parametrize("row", ["attention", "additive_attention"])
@pytest.mark.parametrize("args", [{}, {"use_scale": True}, {"use_scale": False}, {"dropout": 0.1}])
def test_attention_agrees(row: str, args: dict[str, object]) -> None:
    assert_row_agrees(row, args, [(5, 8), (7, 8)])
    assert_row_agrees(row, args, [("T", 8), ("S", 8), ("S", 8)])
    assert_row_agrees(row, {**args, "use_causal_mask": True}, [(5, 8), (5, 8)])


def test_attention_with_concatenated_scores_has_a_weight_for_them() -> None:
    args = {"score_mode": "concat", "use_scale": True}
    assert len(assert_row_agrees("attention", args, [(5, 8), (7, 8)]).weights) == 2


@pytest.mark.parametrize("row", ["attention", "additive_attention"])
def test_attention_takes_the_values_width_and_more_axes(row: str) -> None:
    assert_row_agrees(row, {}, [("T", 8), ("S", 6), ("S", 8)])
    assert_row_agrees(row, {}, [(3, "T", 8), (3, "S", 8)])


@pytest.mark.parametrize("row", ["attention", "additive_attention"])
def test_attention_takes_masks(row: str) -> None:
    masks = {"mask": [((5,), "bool"), ((7,), "bool")]}
    assert_row_agrees(row, {}, [(5, 8), (7, 8)], tensors=masks)


@pytest.mark.parametrize("row", ["attention", "additive_attention"])
def test_attention_refuses(row: str) -> None:
    assert_row_refuses(row, {}, [(5, 8), (7, 1)], "ST309", match="one width")
    assert_breaks_when_run(row, {}, [(5, 8), (7, 8), (6, 8)], "ST309", match="as many steps")
    assert_row_refuses(row, {}, [(8,), (8,)], "ST301")
    assert_both_refuse(row, {}, [(5, 8)], "ST314")
    assert_row_refuses(row, {"return_attention_scores": True}, [(5, 8), (5, 8)], "ST215", match="scores")


def test_attention_of_ids_is_refused() -> None:
    """Keras builds it; TensorFlow and PyTorch break on one or the other at the first batch."""
    for row, shapes, args in (("attention", [(5, 8), (5, 8)], {}), ("mha", [(5, 8)], HEADS)):
        assert_row_refuses(row, args, shapes, "ST310", ["int32"] * len(shapes))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"value_dim": 3},
        {"use_bias": False},
        {"use_gate": True},
        {"use_gate": True, "use_bias": False, "value_dim": 3, "dropout": 0.5},
        {"output_shape": 6},
        {"output_shape": (3, 2)},
        {"sliding_window": 2},
        {"attention_axes": 1},
        {"attention_axes": -2},
        {"use_causal_mask": True},
    ],
)
def test_mha_agrees(more: dict[str, object]) -> None:
    assert_row_agrees("mha", {**HEADS, **more}, [(5, 8)])
    assert_row_agrees("mha", {**HEADS, **more}, [("T", 8), ("S", 6)])
    assert_row_agrees("mha", {**HEADS, **more}, [("T", 8), ("S", 6), ("S", 7)])


@pytest.mark.parametrize("axes", [None, 1, 2, (1, 2), (2, 1)])
def test_mha_attends_over_several_axes(axes: object) -> None:
    assert_row_agrees("mha", {**HEADS, "attention_axes": axes}, [(3, 4, 8)])


def test_mha_takes_masks() -> None:
    for name, shape in (("value_mask", (7,)), ("key_mask", (7,)), ("attention_mask", (5, 7))):
        assert_row_agrees("mha", HEADS, [(5, 8), (7, 8)], tensors={name: [(shape, "bool")]})
    assert_row_agrees("mha", HEADS, [(5, 8)], tensors={"attention_mask": [((2, 5, 5), "bool")]})
    assert_row_agrees("mha", HEADS, [(5, 8)], tensors={"attention_mask": [((1, 5), "bool")]})


def test_mha_refuses() -> None:
    assert_breaks_when_run("mha", HEADS, [(8,)], "ST301")
    assert_breaks_when_run("mha", HEADS, [(5, 8), (3, 7, 8)], "ST309", match="number of axes")
    assert_both_refuse("mha", HEADS, [(5, 8), (7, 8), (6, 8)], "ST309", match="as many steps")
    assert_both_refuse("mha", {**HEADS, "flash_attention": True, "dropout": 0.1}, [(5, 8)], "ST203")
    assert_breaks_when_run("mha", {**HEADS, "attention_axes": (2, 2)}, [(3, 4, 8)], "ST312")
    assert_breaks_when_run("mha", {**HEADS, "use_causal_mask": True}, [(3, 4, 8)], "ST309", match="time axis")
    assert_both_refuse("mha", {**HEADS, "num_heads": 0}, [(5, 8)], "ST203")
    for axis in (0, 2, -1):
        assert_row_refuses("mha", {**HEADS, "attention_axes": axis}, [(5, 8)], "ST312")


def test_mha_refuses_masks_that_do_not_fit() -> None:
    row = NAMES["mha"]
    query, mask = Tensor((5, 8)), Tensor((6,), "bool")
    with pytest.raises(Refusal, match="takes a value_mask of shape") as caught:
        row.outcome(HEADS, (query,), {"value_mask": (mask,)})
    assert caught.value.code == "ST309"
    with pytest.raises(Refusal, match="from the query itself") as caught:
        row.outcome(HEADS, (query,), {"query_mask": (Tensor((5,), "bool"),)})
    assert caught.value.code == "ST203"


@pytest.mark.parametrize("more", [{}, {"use_bias": False}, {"use_gate": True}, {"sliding_window": 2}])
def test_group_query_attention_agrees(more: dict[str, object]) -> None:
    assert_row_agrees("gqa", {**GROUPS, **more}, [(5, 8)])
    assert_row_agrees("gqa", {**GROUPS, **more}, [("T", 8), ("S", 8)])
    assert_row_agrees("gqa", {**GROUPS, **more}, [("T", 8), ("S", 8), ("S", 6)])


def test_group_query_attention_refuses() -> None:
    assert_both_refuse("gqa", {**GROUPS, "num_key_value_heads": 3}, [(5, 8)], "ST203", match="even")
    assert_both_refuse("gqa", GROUPS, [(5, 8), (7, 6)], "ST309", match="one width")
    assert_both_refuse("gqa", GROUPS, [(5, 8), (7, 8), (6, 8)], "ST309", match="as many steps")
    assert_breaks_when_run("gqa", GROUPS, [(3, 5, 8)], "ST301")


def test_scores_have_the_shape_that_they_come_with() -> None:
    """Of ``mha``, Keras' own symbolic shape is wrong where value and query differ in length."""
    two = (Tensor((5, 8)), Tensor((7, 8)))
    assert NAMES["attention"].outcome({}, two).extras["scores"][0].shape == (5, 7)
    assert NAMES["mha"].outcome(HEADS, two).extras["scores"][0].shape == (2, 5, 7)
    assert NAMES["gqa"].outcome(GROUPS, two).extras["scores"][0].shape == (4, 5, 7)
    deep = (Tensor((3, 4, 8)),)
    assert NAMES["mha"].outcome(HEADS, deep).extras["scores"][0].shape == (2, 3, 4, 3, 4)
    one = {**HEADS, "attention_axes": 2}
    assert NAMES["mha"].outcome(one, deep).extras["scores"][0].shape == (3, 2, 4, 4)
    assert NAMES["mha"].outcome({**HEADS, "flash_attention": True}, two).extras == {}
