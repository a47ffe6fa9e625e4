"""The effect of each loss on labels and outputs of two shapes, as in Keras."""

from __future__ import annotations

import pytest

from seqtopo.labels.loss_shapes import BINARY, IDS, ONE_HOT, REGRESSIONS, loss_name, verdict
from seqtopo.layers.objects import FAMILIES
from seqtopo.layers.sizes import symbol, unknown

T, ANY = symbol("T"), unknown(1)
MSE, BCE, SPARSE = "mean_squared_error", "binary_crossentropy", "sparse_categorical_crossentropy"


@pytest.mark.parametrize(
    ("loss", "labels", "output", "how"),
    [
        (MSE, (), (1,), "fits"),
        (MSE, (1,), (1,), "fits"),
        (MSE, (20,), (20, 1), "fits"),
        (MSE, (20, 1), (20,), "fits"),
        (MSE, (T, 3), (T, 3), "fits"),
        (MSE, (24, 3), (ANY, 3), "fits"),
        (MSE, (1, 3), (ANY, 3), "fits"),
        (MSE, (20, 1), (1,), "broadcasts"),
        (MSE, (20,), (1,), "broadcasts"),
        (MSE, (1,), (20, 1), "broadcasts"),
        (MSE, (ANY, 1), (1,), "broadcasts"),
        (MSE, (T, 1), (1,), "broadcasts"),
        (MSE, (10, 2), (90, 10), "breaks"),
        (MSE, (3,), (4,), "breaks"),
        (BCE, (1,), (1,), "fits"),
        (BCE, (), (1,), "fits"),
        (BCE, (20,), (1,), "breaks"),
        ("categorical_crossentropy", (10,), (10,), "fits"),
        ("categorical_crossentropy", (), (10,), "breaks"),
        (SPARSE, (), (10,), "fits"),
        (SPARSE, (1,), (10,), "fits"),
        (SPARSE, (T,), (T, 10), "fits"),
        (SPARSE, (T, 1), (T, 10), "fits"),
        (SPARSE, (T,), (10,), "breaks"),
        (SPARSE, (10,), (10,), "breaks"),
        ("ctc", (64,), (39, 100), "fits"),
        ("ctc", (64, 100), (39, 100), "breaks"),
        ("circle", (), (128,), "fits"),
        ("", (5,), (5, 9), "fits"),
        ("", (5, 9), (5, 9), "fits"),
        ("", (5, 9), (9,), "breaks"),
    ],
)
def test_what_a_loss_does(loss: str, labels, output, how: str) -> None:
    assert verdict(loss, labels, output) == how


def test_the_losses_are_those_of_the_table() -> None:
    known = {entry.name for entry in FAMILIES["loss"]}
    assert known >= IDS | ONE_HOT | BINARY | REGRESSIONS
    assert {loss_name(name) for name in known} == known
    assert loss_name("no_such_loss") == ""
