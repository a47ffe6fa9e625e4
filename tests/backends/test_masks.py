"""What the table of masks says of each layer against what the installed Keras does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo.api import analyse
from seqtopo.layers.masking import ATTENTION, JOINS, MAKES, MERGES, PASSES, REDUCES
from seqtopo.layers.row import Row
from seqtopo.layers.table import ROWS
from tests.support.rows import keras

from seqtopo.emit.emitter import Emitter  # isort: skip  (Keras' backend is chosen by the line above)
from seqtopo.emit.keras_stock import KerasStock  # isort: skip

KERAS_ROWS = tuple(row for row in ROWS if row.keras)
HANDS_NONE_ON = {"dot"}
"""Rows that take a mask without a warning, whose ``compute_mask`` gives none."""
KNOWN = MAKES | PASSES | ATTENTION | MERGES | JOINS | REDUCES


def assert_mask_agrees(row: Row) -> None:
    """Asserts that a row is in a set of masks where its Keras class supports them, and only there."""
    resolved = analyse(row.example).resolved
    assert resolved is not None
    node = next(node for node in resolved.graph.nodes if node.layer is not None and node.layer.row is row)
    assert node.layer is not None
    came = resolved.graph.tensors(node.inputs)
    assert came is not None
    layer = Emitter(resolved.graph, KerasStock()).layer(node.layer, came)
    assert type(layer) is getattr(keras.layers, row.keras)
    ours = row.name in KNOWN or row.recurrent
    assert layer.supports_masking == (ours or row.name in HANDS_NONE_ON), row.name


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_a_row_hands_masks_on_where_keras_does(row: Row) -> None:
    assert_mask_agrees(row)


def test_a_set_that_leaves_a_layer_out_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = next(row for row in ROWS if row.name == "dense")
    monkeypatch.setattr("tests.backends.test_masks.KNOWN", frozenset())
    with pytest.raises(AssertionError, match="dense"):
        assert_mask_agrees(dense)


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
