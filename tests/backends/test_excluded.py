"""Every class of the installed ``keras.layers`` is a row's, or left out with a reason."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

from seqtopo.layers.excluded import EXCLUDED, snake_case, why_not
from seqtopo.layers.registry import NAMES, ROWS

FUNCTIONS = {"Input", "add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum"}
FUNCTIONS |= {"multiply", "serialize", "subtract"}
"""The functions in ``keras.layers``: a merging layer's function does what the layer does."""


def _public() -> dict[str, object]:
    found = {n: getattr(keras.layers, n) for n in dir(keras.layers) if not n.startswith("_")}
    assert len(found) > 100
    return found


def test_every_class_is_a_row_or_left_out() -> None:
    tabled = {getattr(keras.layers, row.keras) for row in ROWS if row.keras}
    classes = {name: found for name, found in _public().items() if isinstance(found, type)}
    missing = [n for n, found in classes.items() if found not in tabled and n not in EXCLUDED]
    assert missing == []
    both = [n for n, found in classes.items() if found in tabled and n in EXCLUDED]
    assert both == []


def test_what_is_no_class_is_known() -> None:
    assert {name for name, found in _public().items() if not isinstance(found, type)} == FUNCTIONS


def test_nothing_left_out_is_stale() -> None:
    public = _public()
    assert [name for name in EXCLUDED if name not in public] == []


def test_names_are_as_keras_writes_them() -> None:
    """A layer's default name is its class in snake_case; a number follows it from the second on."""
    for made in (keras.layers.LSTMCell(1), keras.layers.RandomFlip(), keras.layers.Hashing(2)):
        assert made.name.startswith(snake_case(type(made).__name__))


def test_a_left_out_name_is_no_row() -> None:
    # rnn is the short name of simple_rnn here
    for name in EXCLUDED.keys() - {"RNN"}:
        assert snake_case(name) not in NAMES
        reason = why_not(snake_case(name))
        assert reason is not None
        assert reason.why
        assert reason.instead
        assert "{" not in reason.instead
    assert why_not("lstm") is None
