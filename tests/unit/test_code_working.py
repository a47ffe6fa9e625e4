"""Code that works in the Keras of its age has no finding: one case for each kind that had a false one."""

from __future__ import annotations

import pytest

from seqtopo.code.check import check_text
from seqtopo.code.findings import CheckedFile

IMPORTS = "import keras\nimport numpy as np\nfrom keras import layers, ops\n"


def _checked(text: str, name: str = "train.py") -> CheckedFile:
    return check_text(IMPORTS + text, name)


def _codes(text: str, name: str = "train.py") -> list[str]:
    return [d.code for d in _checked(text, name).every if d.severity != "info"]


_CLASSES = """
model = keras.Sequential([keras.Input((4, 3)), layers.LSTM(8), layers.Dense({size}, activation="softmax")])
model.compile(loss="categorical_crossentropy")
"""
_FILLED = {
    "a dictionary filled in a loop": "seen = {}\nfor name in os.listdir(d):\n    seen[name] = len(seen)\n",
    "a dictionary's setdefault": "seen = {}\nfor name in open(d):\n    seen.setdefault(name, len(seen))\n",
    "a dictionary's update": "seen = {}\nseen.update(json.load(d))\n",
    "a set filled in a loop": "seen = set()\nfor line in open(d):\n    for c in line:\n        seen.add(c)\n",
    "a set's update": "seen = set()\nfor line in open(d):\n    seen.update(line)\n",
    "a dictionary turned round": (
        "ids = {}\nfor w in open(d):\n    ids[w] = len(ids)\nseen = {i: w for w, i in ids.items()}\n"
    ),
}


@pytest.mark.parametrize("how", _FILLED)
@pytest.mark.parametrize("size", ["len(seen)", "len(list(seen))", "len(sorted(seen))"])
def test_the_size_of_a_collection_filled_from_data_is_not_known(how: str, size: str) -> None:
    assert _codes(f"import json, os\nd = input()\n{_FILLED[how]}{_CLASSES.format(size=size)}") == []


def test_the_size_of_a_known_dictionary_is_known() -> None:
    text = 'seen = {}\nfor name in ("yes",):\n    seen[name] = len(seen)\n'
    assert "ST621" in _codes(text + _CLASSES.format(size="len(seen)"))


def test_keras_adds_axes_to_the_values_of_a_merge_that_have_fewer() -> None:
    text = """
image, words = keras.Input((16,)), keras.Input((None,))
steps = layers.Embedding(500, 16)(words)
both = layers.{merge}([image, steps])
model = keras.Model([image, words], layers.Dense(500)(layers.LSTM(8)(both)))
"""
    found = _checked(text.format(merge="add"))
    assert [d.code for d in found.every if d.severity != "info"] == []
    assert found.models[0].report.params == 500 * 16 + 4 * 8 * (16 + 8 + 1) + 500 * 9
    assert _codes(text.format(merge="Multiply()")) == []
    assert _codes(text.format(merge="add").replace("500, 16", "500, 32")) == ["ST303"]


def test_an_operation_over_all_axes_is_left_open() -> None:
    text = "x = keras.Input((4,))\nmodel = keras.Model(x, ops.mean(x))\n"
    assert _codes(text) == []


def test_a_layer_class_is_itself() -> None:
    text = """
for kind in (layers.GRU, layers.LSTM):
    count = 2 if kind is layers.LSTM else 1
    x = keras.Input((6, 4))
    states = [keras.Input((3,)) for _ in range(count)]
    model = keras.Model([x, *states], kind(3)(x, initial_state=states))
"""
    assert _codes(text) == []


def test_the_upper_end_of_a_uniform_distribution_is_no_id() -> None:
    text = """
model = keras.Sequential([keras.Input((20,)), layers.Embedding(10, 5), layers.LSTM(4), layers.Dense(1)])
model.compile(loss="mse")
model.fit(np.random.uniform(1, {high}, size=(22, 20)), np.zeros((22, 1)))
"""
    assert "ST716" not in _codes(text.format(high=10))
    assert "ST716" in _codes(text.format(high=11))
