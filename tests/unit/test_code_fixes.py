"""Fixes of Keras code: the smallest edit of the Python text, in the way that the file writes layers."""

from __future__ import annotations

import ast

import pytest

from seqtopo.code.check import check_text


def fixed(text: str, code: str, number: int = 0) -> str:
    """The text with a fix of the finding of this code made."""
    found = next(d for d in check_text(text).every if d.code == code)
    assert found.source is not None
    after = found.fixes[number].apply(text)
    ast.parse(after)
    return after


def difference(before: str, after: str) -> list[str]:
    """The lines of a text that the other has not."""
    old = before.splitlines()
    return [line.strip() for line in after.splitlines() if line not in old]


FUNCTIONAL = """\
import keras
from keras import layers
x = keras.Input((10, 4))
h = layers.LSTM({})(x)
y = layers.LSTM(4)(h)
model = keras.Model(x, y)
"""


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("8", "h = layers.LSTM(8, return_sequences=True)(x)"),
        ("units=8", "h = layers.LSTM(units=8, return_sequences=True)(x)"),
        ("8, return_sequences=False", "h = layers.LSTM(8, return_sequences=True)(x)"),
        ("8, name='ü', return_sequences=False,", "h = layers.LSTM(8, name='ü', return_sequences=True,)(x)"),
        ("\n    8,\n", "8, return_sequences=True,"),
    ],
)
def test_an_argument_is_put_in_or_changed(args: str, line: str) -> None:
    text = FUNCTIONAL.format(args)
    assert difference(text, fixed(text, "ST301")) == [line]


def test_a_layer_is_put_before_a_call_around_what_it_takes() -> None:
    text = FUNCTIONAL.format("8")
    after = fixed(text, "ST301", 1)
    assert difference(text, after) == ["y = layers.LSTM(4)(layers.RepeatVector(10)(h))"]
    assert [d.code for d in check_text(after).every] == ["ST648"]


def test_a_layer_is_put_into_a_list_and_imported() -> None:
    text = (
        "from keras import Sequential, Input\nfrom keras.layers import LSTM, Dense\n"
        "model = Sequential([\n    Input((10, 4)),\n    LSTM(8),\n    LSTM(4),\n])\n"
    )
    after = fixed(text, "ST301", 1)
    assert difference(text, after) == [
        "from keras.layers import LSTM, Dense, RepeatVector",
        "RepeatVector(10),",
    ]
    assert [d.code for d in check_text(after).every] == ["ST648"]


def test_a_layer_is_added_by_a_line_of_its_own() -> None:
    text = (
        "from tensorflow.keras.models import Sequential\nfrom tensorflow.keras.layers import *\n"
        "def build():\n    model = Sequential()\n    model.add(LSTM(8, input_shape=(10, 4)))\n"
        "    model.add(LSTM(4))\n    return model\n"
    )
    after = fixed(text, "ST301", 1)
    assert difference(text, after) == ["model.add(RepeatVector(10))"]
    assert "\n    model.add(RepeatVector(10))\n    model.add(LSTM(4))\n" in after


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (
            "model = keras.Sequential([keras.Input((9,)), layers.Flatten(), layers.Dense(1)])\n",
            "layers.Flatten(), ",
        ),
        (
            "model = keras.Sequential([\n    keras.Input((9,)),\n    layers.Flatten(),  # why\n"
            "    layers.Dense(1),\n])\n",
            "    layers.Flatten(),  # why\n",
        ),
        (
            "model = keras.Sequential()\nmodel.add(keras.Input((9,)))\nmodel.add(layers.Flatten())\n"
            "model.add(layers.Dense(1))\n",
            "model.add(layers.Flatten())\n",
        ),
    ],
)
def test_a_layer_is_taken_out_and_that_is_safe(text: str, gone: str) -> None:
    text = "import keras\nfrom keras import layers\n" + text
    (found,) = check_text(text).every
    assert found.code == "ST661"
    assert found.fixes[0].safe
    assert found.fixes[0].apply(text) == text.replace(gone, "")


def test_a_layer_is_taken_out_of_a_functional_model() -> None:
    text = (
        "import keras\nfrom keras import layers\nx = keras.Input((9,))\n"
        "y = layers.Dense(1)(layers.Flatten()(x))\nmodel = keras.Model(x, y)\n"
    )
    assert difference(text, fixed(text, "ST661")) == ["y = layers.Dense(1)(x)"]


def test_two_values_of_a_list_are_swapped() -> None:
    text = (
        "import keras\nfrom keras import layers\nq = keras.Input((7, 8))\nv = keras.Input((30, 8))\n"
        "d = layers.LSTM(8, return_sequences=True)(q)\ne = layers.LSTM(8, return_sequences=True)(v)\n"
        "a = layers.Attention()([e, d])\nm = layers.Concatenate()([d, a])\nmodel = keras.Model([q, v], m)\n"
    )
    after = fixed(text, "ST303")
    assert difference(text, after) == ["a = layers.Attention()([d, e])"]


def test_a_place_that_makes_several_layers_is_not_edited() -> None:
    text = (
        "import keras\nfrom keras import layers\nmodel = keras.Sequential([keras.Input((10, 4))])\n"
        "for units in (8, 4):\n    model.add(layers.LSTM(units))\n"
    )
    (found,) = check_text(text).every
    assert found.code == "ST301"
    assert not found.fixes


def test_an_open_size_is_none_in_python_and_a_size_of_the_code_is_its_text() -> None:
    text = (
        "import keras\nfrom keras import layers\nx = keras.Input((15,))\n"
        "model = keras.Model(x, layers.LSTM(4)(x))\n"
    )
    found = check_text(text).every[0]
    assert found.fixes
    for fix in found.fixes:
        names = {node.id for node in ast.walk(ast.parse(fix.apply(text))) if isinstance(node, ast.Name)}
        assert names <= {"x", "keras", "layers", "model"}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("h = Flatten()(h)\nm = keras.Model(x, Dense(1)(h))", "m = keras.Model(x, Dense(1)(h))"),
        ("f = Flatten()(h)\nm = keras.Model(x, Dense(1)(f))", "m = keras.Model(x, Dense(1)(h))"),
        ("f = Flatten()(h)  # why\n\nm = keras.Model(x, Dense(1)(f))", "\nm = keras.Model(x, Dense(1)(h))"),
        # Where a name is read twice, or the other one is another value by then, the name stays.
        (
            "f = Flatten()(h)\nm = keras.Model(x, Add()([f, Dense(8)(f)]))",
            "f = h\nm = keras.Model(x, Add()([f, Dense(8)(f)]))",
        ),
        (
            "f = Flatten()(h)\nh = Dense(3)(x)\nm = keras.Model(x, Dense(1)(f))",
            "f = h\nh = Dense(3)(x)\nm = keras.Model(x, Dense(1)(f))",
        ),
        (
            "if True:\n    h = Flatten()(h)\nm = keras.Model(x, h)",
            "if True:\n    h = h\nm = keras.Model(x, h)",
        ),
    ],
)
def test_a_layer_is_taken_out_without_a_line_that_says_nothing(text: str, after: str) -> None:
    head = "import keras\nfrom keras.layers import *\nx = keras.Input((10, 4))\nh = LSTM(8)(x)\n"
    found = next(d for d in check_text(head + text).every if d.code == "ST661")
    assert found.fixes[0].apply(head + text) == head + after


@pytest.mark.parametrize(
    ("layer", "code", "after"),
    [
        ("Dense(16, input_shape=(3, 2))", "ST608", "m.add(Flatten(input_shape=(3, 2)))\nm.add(Dense(16))\n"),
        (
            "Dense(input_shape=(3, 2), units=16)",
            "ST608",
            "m.add(Flatten(input_shape=(3, 2)))\nm.add(Dense(units=16))\n",
        ),
    ],
)
def test_the_shape_of_the_input_stays_in_the_first_layer(layer: str, code: str, after: str) -> None:
    head = "import keras\nfrom keras.layers import *\nm = keras.Sequential()\n"
    text = f"{head}m.add({layer})\n"
    found = next(d for d in check_text(text).every if d.code == code)
    assert found.fixes[0].apply(text) == head + after
    wrapped = found.fixes[1].apply(text).removeprefix(head)
    assert wrapped.rstrip().endswith("), input_shape=(3, 2)))")
    assert not [d for d in check_text(found.fixes[0].apply(text)).every if d.severity == "error"]


def test_sizes_that_fit_stay_as_they_are_written() -> None:
    text = "import keras\nfrom keras.layers import *\nT, F = 10, 8\n"
    text += "m = keras.Sequential([keras.Input(shape=(T,F)), Conv1D(4, 11)])\n"
    found = next(d for d in check_text(text).every if d.code == "ST306")
    longer = next(fix for fix in found.fixes if "at least 11 steps" in fix.title)
    assert "keras.Input(shape=(11,F))" in longer.apply(text)


def test_an_open_size_of_a_reshape_is_minus_one() -> None:
    text = "import keras\nfrom keras.layers import *\n"
    text += "m = keras.Sequential([keras.Input((10, 8)), Reshape((4, 16))])\n"
    found = next(d for d in check_text(text).every if d.code == "ST307")
    assert found.fixes[0].title == "leave one size open: Reshape((-1, 16))"
    assert "Reshape((-1, 16))" in found.fixes[0].apply(text)
