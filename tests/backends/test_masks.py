"""The rows' column for masks, against the masks of the installed Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo.layers import masking
from seqtopo.layers.masking import Mask, MaskRule
from seqtopo.layers.registry import NAMES, ROWS
from seqtopo.layers.row import Row
from seqtopo.report.analyse import analyse
from tests.support.rows import keras

from seqtopo.emit.emitter import Emitter  # isort: skip  (Keras' backend is chosen by the line above)
from seqtopo.emit.keras_builder import KerasBuilder  # isort: skip

KERAS_ROWS = tuple(row for row in ROWS if row.keras)
HANDS_NONE_ON = {"dot"}
"""Rows that take a mask without a warning, whose ``compute_mask`` gives none."""


def built(row: Row) -> tuple[Any, list[Any], Mask]:
    """The Keras layer of a row's example, values that it takes, each with a mask, and what the row says."""
    assert row.mask is not None
    resolved = analyse(row.example).resolved
    assert resolved is not None
    node = next(
        node for node in resolved.graph.nodes if node.layer is not None and node.layer.row.name == row.name
    )
    assert node.layer is not None
    came = resolved.graph.tensors(node.inputs)
    assert came is not None
    layer = Emitter(resolved.graph, KerasBuilder()).layer(node.layer, came)
    assert type(layer) is getattr(keras.layers, row.keras)
    values = [keras.Input([s if isinstance(s, int) else 6 for s in t.shape], dtype=t.dtype) for t in came]
    for value in values:
        value._keras_mask = keras.Input(value.shape[1:2], dtype="bool")
    return layer, values, row.mask(node.layer.get, len(came[0].shape))


def assert_mask_agrees(row: Row) -> None:
    """Asserts that a row says of masks what its Keras class does with them."""
    layer, values, mask = built(row)
    knows = mask.uses or mask.output != "none"
    assert layer.supports_masking == (knows or row.name in HANDS_NONE_ON), row.name
    if not layer.supports_masking:
        return
    assert has_mask(layer(*row.arranged(values))) == (mask.output != "none"), row.name
    if len(values) > 1 and mask.output != "none":
        # The first value, or the second, without a mask.
        for without, left in enumerate(({"any"}, {"any", "first"})):
            _, values, _ = built(row)
            values[without]._keras_mask = None
            assert has_mask(layer(*row.arranged(values))) == (mask.output in left), row.name


def has_mask(output: Any) -> bool:
    """Return whether the first output of a layer has a mask."""
    first = output[0] if isinstance(output, (tuple, list)) else output
    return getattr(first, "_keras_mask", None) is not None


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_a_row_says_of_masks_what_keras_does(row: Row) -> None:
    assert_mask_agrees(row)


@pytest.mark.parametrize(
    ("name", "wrong"), [("dense", masking.ends), ("flatten", masking.passes), ("concat", masking.merges)]
)
def test_a_row_that_says_otherwise_would_be_noticed(name: str, wrong: MaskRule) -> None:
    row = replace(NAMES[name], mask=wrong)
    with pytest.raises(AssertionError, match=name):
        assert_mask_agrees(row)


@pytest.mark.parametrize(
    ("step", "gives", "uses"),
    [
        ("embed(9,4,mask)", "new", False),
        ("embed(9,4)", "none", False),
        ("embed(9,4) -> lstm(3)", "none", True),
        ("embed(9,4) -> lstm(3,seq)", "first", True),
        ("embed(9,4) -> bi(gru(3))", "none", True),
        ("embed(9,4) -> bi(gru(3,seq))", "first", True),
        ("embed(9,4) -> mean(time)", "none", True),
        ("embed(9,4) -> mean(-2)", "none", True),
        ("embed(9,4) -> mean(features)", "first", False),
        ("embed(9,4) -> max(time)", "none", True),
    ],
)
def test_the_arguments_say_what_becomes_of_a_mask(step: str, gives: str, uses: bool) -> None:
    resolved = analyse(f"in(T,int) -> {step}").resolved
    assert resolved is not None
    node = resolved.graph.nodes[resolved.graph.outputs[0].node]
    came = resolved.graph.tensors(node.inputs)
    assert node.layer is not None
    assert node.layer.row.mask is not None
    assert came is not None
    assert node.layer.row.mask(node.layer.get, len(came[0].shape)) == (gives, uses)


def test_what_hands_none_on_hands_none_on() -> None:
    spec = "[in(5,int) -> embed(9,4,mask), in(5,4)] -> dot(features)"
    assert getattr(seqtopo.compile(spec).output, "_keras_mask", None) is None


def test_td_hands_the_mask_of_what_it_wraps_to_nobody() -> None:
    model = seqtopo.compile("in(3,5,int) -> td(embed(9,4,mask))")
    assert getattr(model.output, "_keras_mask", None) is None


def test_fault_d15_masks_go_on_where_keras_makes_layers_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the Keras after 3.15 does, in some versions."""
    for kind in (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed):

        def without(self: Any, *args: Any, stock: Any = kind.__init__, **kwargs: Any) -> None:
            stock(self, *args, **kwargs)
            self.supports_masking = False

        monkeypatch.setattr(kind, "__init__", without)
    spec = "in(?,int(9)) -> embed(9,4,mask) -> bi(lstm(4,seq)) -> td(dense(3)) -> lstm(3)"
    model = seqtopo.compile(spec, kernels=False)
    short, padded = np.array([[1, 2, 3]]), np.array([[1, 2, 3, 0, 0]])
    found = [keras.ops.convert_to_numpy(model(ids)) for ids in (short, padded)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_mask_of_several_axes_fails_where_the_checker_says() -> None:
    ids = np.ones((2, 5, 4), "int32")
    ids[1, 4] = 0
    spec = "in(5,4,int) -> embed(9,3,mask) -> td(lstm(3)) -> lstm(2)"
    assert [d.code for d in seqtopo.check(spec).diagnostics] == ["ST679"]
    meant = "in(5,4,int) -> td(embed(9,3,mask) -> lstm(3)) -> lstm(2)"
    assert not seqtopo.check(meant).diagnostics
    wrong, right = (seqtopo.compile(text, kernels=False, seed=1) for text in (spec, meant))
    wanted = right.predict(ids, verbose=0)
    if keras.backend.backend() == "jax":  # takes the mask in silence
        right.set_weights(wrong.get_weights())
        same = np.isclose(wrong.predict(ids, verbose=0), right.predict(ids, verbose=0), atol=1e-6).all(axis=1)
        assert same.tolist() == [True, False]
    else:
        with pytest.raises(Exception, match=r"shape|size|broadcast|dimension"):
            wrong.predict(ids, verbose=0)
    assert wanted.shape == (2, 2)
