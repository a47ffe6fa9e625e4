"""All rules, on every spec that checks or is refused, give findings that can be shown."""

from __future__ import annotations

import pytest

import seqtopo
from tests.support.draws import draw

TRAINED = (
    "",
    "train adam, loss=mse, labels=(1)\n",
    "train adam, loss=sparse_categorical_crossentropy, labels=(int(5))\n",
)


@pytest.mark.parametrize("first", range(0, 100, 10))
def test_drawn_specs_are_checked_by_every_rule(first: int) -> None:
    checked = 0
    for seed in range(first, first + 10):
        drawn = draw(seed)
        for text in (drawn.accepted, *drawn.refused):
            if text is None:
                continue
            for training in TRAINED:
                assert str(seqtopo.check(training + text, select=["ALL"]))
                checked += 1
    assert checked > 30
