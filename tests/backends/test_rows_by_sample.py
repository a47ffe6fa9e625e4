"""The rows' facts about samples and output numbers, against the installed Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqtopo.api import analyse
from seqtopo.layers.registry import NAMES, ROWS
from seqtopo.layers.row import HANDS_ON, IN_PLACE, Row
from seqtopo.layers.values import FLOATS
from tests.support.backend_run import LONG
from tests.support.rows import keras

from seqtopo.emit.emitter import Emitter  # isort: skip  (Keras' backend is chosen by the line above)
from seqtopo.emit.keras_builder import KerasBuilder  # isort: skip

KERAS_ROWS = [row for row in ROWS if row.keras]
SOME = KERAS_ROWS[:: 1 if keras.config.backend() == "torch" or LONG else 6]
"""Of the others, a few run on each backend: what Keras does to a sample is the same code on all."""
EXAMPLES = {
    "batchnorm": "in(5,8) -> batchnorm",
    "mel_spectrogram": "in(4000) -> mel_spectrogram(num_mel_bins=8,fft_length=512,top_db=20)",
}
"""Examples of another size or setting, in which a difference between samples is seen."""


def layer_and_values(row: Row) -> tuple[Any, list[Any]]:
    """The Keras layer of a row's example, and a batch of two samples for it; the second is louder."""
    resolved = analyse(EXAMPLES.get(row.name, row.example)).resolved
    assert resolved is not None
    node = next(
        node for node in resolved.graph.nodes if node.layer is not None and node.layer.row.name == row.name
    )
    came = resolved.graph.tensors(node.inputs)
    assert node.layer is not None
    assert came is not None
    rng = np.random.default_rng(0)
    values = []
    for tensor in came:
        shape = (2, *(size if isinstance(size, int) else 6 for size in tensor.shape))
        drawn = rng.normal(size=shape) if tensor.dtype in FLOATS else rng.integers(0, 3, size=shape)
        drawn = drawn * np.asarray([1, 100 if tensor.dtype in FLOATS else 1]).reshape(
            2, *(1,) * len(shape[1:])
        )
        values.append(keras.ops.convert_to_tensor(drawn.astype(tensor.dtype)))
    return Emitter(resolved.graph, KerasBuilder()).layer(node.layer, came), values


def call(row: Row, layer: Any, values: list[Any]) -> Any:
    """Return the output of a layer in training."""
    more = {"training": True} if layer._call_has_training_arg else {}
    found = keras.tree.flatten(layer(*row.arranged(values), **more))[0]
    return keras.ops.convert_to_numpy(found).astype("float64")


def assert_by_sample_agrees(row: Row) -> None:
    """Asserts that samples one by one give what they give together, where the row says so, and only there."""
    layer, values = layer_and_values(row)
    # Noise on a few channels may be the same by chance.
    tries = 1 if row.by_sample else 20
    assert all(same(row, layer, values) for _ in range(tries)) == row.by_sample, row.name


def same(row: Row, layer: Any, values: list[Any]) -> bool:
    """Return whether two samples have the same outputs one by one and together."""
    together = call(row, layer, values)
    alone = np.concatenate([call(row, layer, [value[i : i + 1] for value in values]) for i in range(2)])
    return together.shape == alone.shape and np.allclose(together, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("row", SOME, ids=lambda row: row.name)
def test_a_row_says_whether_each_sample_is_treated_by_itself(row: Row) -> None:
    assert_by_sample_agrees(row)


@pytest.mark.parametrize(("name", "across"), [("dense", True), ("batchnorm", False)])
def test_a_row_that_says_otherwise_would_be_noticed(name: str, across: bool) -> None:
    with pytest.raises(AssertionError, match=name):
        assert_by_sample_agrees(replace(NAMES[name], across_batch=across))


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.keras and (row.role in HANDS_ON or row.picks)],
    ids=lambda row: row.name,
)
def test_a_row_that_hands_numbers_on_gives_numbers_that_came_in(row: Row) -> None:
    layer, values = layer_and_values(row)
    found = keras.ops.convert_to_numpy(layer(*row.arranged(values)))
    came = np.concatenate([keras.ops.convert_to_numpy(value).ravel() for value in values])
    assert np.isin(found, came).all()


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.keras and row.role in IN_PLACE], ids=lambda row: row.name
)
def test_a_row_that_leaves_numbers_in_their_place_leaves_the_shape(row: Row) -> None:
    layer, values = layer_and_values(row)
    assert layer(*row.arranged(values)).shape == values[0].shape
