"""Findings in Keras code: at their places in the Python text, in Keras' words, once for each mistake."""

from __future__ import annotations

import json

import pytest

from seqtopo.code.check import check_text
from seqtopo.code.findings import CheckedFile, symbols_of_text
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.json import render_json
from seqtopo.lint.selection import selection

IMPORTS = "import keras\nfrom keras import layers\n"


def _found(text: str, **more: object) -> list[Diagnostic]:
    return check_text(IMPORTS + text, "train.py", **more).every  # type: ignore[arg-type]


def _line(found: Diagnostic) -> str:
    assert found.source is not None
    return found.source.line(found.source.place(found.span.start).line).strip()


def _only(text: str) -> Diagnostic:
    (found,) = _found(text)
    return found


STACKED = """
model = keras.Sequential([
    keras.Input((10, 4)),
    layers.LSTM(64),
    layers.LSTM(32),
])
"""


def test_a_missing_return_sequences_stands_at_the_layer_that_needs_it() -> None:
    found = _only(STACKED)
    assert (found.code, found.message) == ("ST301", "LSTM takes (T, F) but is given (64,)")
    assert _line(found) == "layers.LSTM(64),"
    assert found.label == "gives (64,): only its last step"
    assert [label.text for label in found.labels] == ["takes 2 axes, is given 1"]
    assert found.fixes[0].title == "add return_sequences=True to the LSTM before it, to keep its steps"
    assert found.source is not None
    assert "layers.LSTM(64, return_sequences=True),\n    layers.LSTM(32)," in found.fixes[0].apply(
        found.source.text
    )


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (
            "model = keras.Sequential()\nmodel.add(layers.GRU(64, input_shape=(None, 22)))\n"
            "model.add(layers.TimeDistributed(layers.Dense(9)))\n",
            "ST301",
            "model.add(layers.GRU(64, input_shape=(None, 22)))",
        ),
        (
            "x = keras.Input((24, 3))\ny = layers.Conv1D(64, 3, padding='same')(x)\n"
            "z = layers.Add()([x, y])\nmodel = keras.Model(x, z)\n",
            "ST303",
            "y = layers.Conv1D(64, 3, padding='same')(x)",
        ),
        (
            "x = keras.Input((30, 4))\nh = layers.LSTM(8)(x)\n"
            "y = layers.Dense(1, activation='softmax')(h)\nmodel = keras.Model(x, y)\n",
            "ST621",
            "y = layers.Dense(1, activation='softmax')(h)",
        ),
        (
            "x = keras.Input((12, 8))\nh = layers.LSTM(16, return_state=True)(x)\n"
            "y = layers.Dense(2)(h)\nmodel = keras.Model(x, y)\n",
            "ST214",
            "y = layers.Dense(2)(h)",
        ),
        (
            "x = keras.Input((12, 8))\nh = layers.Conv1D(16)(x)\nmodel = keras.Model(x, h)\n",
            "ST204",
            "h = layers.Conv1D(16)(x)",
        ),
        (
            "x = keras.Input((12, 8))\nh = layers.LSTM(4)(x)\ny = layers.Dropout(1.5)(h)\n"
            "model = keras.Model(x, y)\n",
            "ST203",
            "y = layers.Dropout(1.5)(h)",
        ),
    ],
)
def test_a_mistake_is_found_on_its_line(text: str, code: str, line: str) -> None:
    found = [d for d in _found(text) if d.severity != "info"]
    assert [(d.code, _line(d)) for d in found] == [(code, line)]


def test_messages_speak_of_keras_and_of_nothing_that_only_a_spec_has() -> None:
    texts = (
        STACKED,
        "a = keras.Input((9, 20))\nb = keras.Input((9, 20))\n"
        "o, s = layers.GRU(128, return_sequences=True, return_state=True)(a)\n"
        "d, t = layers.GRU(128, return_sequences=True, return_state=True)(b, initial_state=[o, s])\n"
        "model = keras.Model([a, b], d)\n",
        "shared = layers.Dense(8)\na = keras.Input((3,))\nb = keras.Input((4,))\n"
        "model = keras.Model([a, b], layers.Concatenate()([shared(a), shared(b)]))\n",
    )
    said: list[str] = []
    for text in texts:
        for found in _found(text):
            said += [found.message, found.label, found.help, *found.notes]
            said += [label.text for label in found.labels] + [fix.title for fix in found.fixes]
    assert said
    for words in said:
        assert "value_" not in words
        assert "layer_" not in words
        assert "seq " not in f"{words} "
        assert "in(" not in words


# ---- what is unknown is silent ----------------------------------------------------------------------


def test_nothing_is_found_behind_a_layer_that_cannot_be_read() -> None:
    text = (
        "class Mine(layers.Layer):\n    def call(self, x):\n        return magic(x)\n"
        "x = keras.Input((10, 4))\nh = layers.LSTM(8)(x)\nh = Mine()(h)\nh = layers.LSTM(4)(h)\n"
        "model = keras.Model(x, h)\n"
    )
    (model,) = check_text(IMPORTS + text).models
    assert not model.diagnostics
    assert model.text is not None
    assert not model.text.whole
    assert "lstm(4)" not in model.text.source.text


def test_a_size_that_only_the_code_knows_is_blamed_for_nothing() -> None:
    head = "def build(steps, width):\n    x = keras.Input((steps, 8))\n    y = keras.Input((24, 8))\n"
    assert not _found(head + "    return keras.Model([x, y], layers.Add()([x, y]))\n")
    # What is wrong with every size is found all the same.
    wrong = "    h = layers.LSTM(width)(x)\n    return keras.Model(x, layers.LSTM(4)(h))\n"
    assert [d.code for d in _found(head + wrong)] == ["ST301"]


def test_binding_a_size_finds_what_depends_on_it() -> None:
    text = (
        "def build(steps):\n    x = keras.Input((steps, 8))\n    y = keras.Input((24, 8))\n"
        "    return keras.Model([x, y], layers.Add()([x, y]))\n"
    )
    (model,) = check_text(IMPORTS + text).models
    assert model.text is not None
    (symbol,) = symbols_of_text(model.text)
    assert [d.code for d in _found(text, dims={symbol: 23})] == ["ST303"]
    assert not _found(text, dims={symbol: 24})


# ---- several models ------------------------------------------------------------------------------------


def test_a_mistake_in_a_layer_that_two_models_share_is_told_once() -> None:
    text = (
        "x = keras.Input((10, 4))\nh = layers.LSTM(8)(x)\ny = layers.Dense(1, activation='softmax')(h)\n"
        "one = keras.Model(x, y)\ntwo = keras.Model(x, [y, h])\n"
    )
    found = check_text(IMPORTS + text)
    assert [model.name for model in found.models] == ["one", "two"]
    assert [d.code for d in found.every] == ["ST621"]


def test_each_model_has_its_report_and_its_spec() -> None:
    text = (
        "x = keras.Input((10, 4), name='series')\nh = layers.LSTM(8, name='reader')(x)\n"
        "encoder = keras.Model(x, h)\nwhole = keras.Model(x, layers.Dense(1)(h))\n"
    )
    encoder, whole = check_text(IMPORTS + text, "train.py").models
    assert encoder.report.params == 416
    assert (whole.report.name, whole.report.kind, whole.report.params) == ("whole", "many-to-one", 425)
    assert [(line.name, line.layer) for line in whole.report.shapes] == [
        ("series", "Input"),
        ("reader", "LSTM(8)"),
        ("dense", "Dense(1)"),
    ]
    assert whole.spec == "in(10,4) as series -> lstm(8) as reader -> dense(1)\n"
    assert "the last step only" in str(whole.report)


# ---- comments and selection --------------------------------------------------------------------------


def test_a_comment_ignores_what_is_found_on_its_line() -> None:
    text = STACKED.replace("layers.LSTM(64),", "layers.LSTM(64),  # seqtopo: ignore[ST301] shown in class")
    assert not _found(text)


def test_a_comment_that_nothing_needs_is_told_with_a_safe_fix() -> None:
    text = "x = 1  # seqtopo: ignore[ST621] once\n" + STACKED
    unused = next(d for d in _found(text) if d.code == "ST669")
    assert unused.source is not None
    assert unused.fixes[0].safe
    assert unused.fixes[0].apply(unused.source.text) == IMPORTS + "x = 1\n" + STACKED


def test_a_text_in_quotes_is_no_comment() -> None:
    text = STACKED.replace("layers.LSTM(64),", "layers.LSTM(64, name='# seqtopo: ignore[ST301]'),")
    assert "ST301" in [d.code for d in _found(text)]


@pytest.mark.parametrize("end", ["", "\\", "  # a word", "\n    # a word", "\n  x $"])
def test_comments_are_read_of_a_text_that_ends_in_the_middle_of_a_block(end: str) -> None:
    text = STACKED.replace("layers.LSTM(64),", "layers.LSTM(64),  # seqtopo: ignore[ST301] shown in class")
    assert "ST301" not in [d.code for d in _found(f"{text}if 1:\n    x = 1{end}")]


def test_rules_are_switched_off_and_on() -> None:
    text = (
        "x = keras.Input((10, 4))\nmodel = keras.Model(x, layers.Dense(1, activation='softmax')(x[:, -1]))\n"
    )
    assert "ST621" in [d.code for d in _found(text)]
    assert "ST621" not in [d.code for d in _found(text, selection=selection(ignore="ST621"))]


def test_rules_about_the_writing_of_specs_are_off_in_code() -> None:
    text = "x = keras.Input((10, 4))\nh = layers.LSTM(8)(x)\nmodel = keras.Model(x, h)\n"
    assert not _found(text, selection=selection("ALL", "ST62,ST63"))


# ---- notebooks -----------------------------------------------------------------------------------------


def notebook(*cells: str) -> str:
    made = [{"cell_type": "markdown", "source": ["# A model"]}]
    made += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}}, indent=1)


def _notebook() -> CheckedFile:
    first = "%matplotlib inline\n" + IMPORTS + "model = keras.Sequential([keras.Input((10, 4))])"
    return check_text(notebook(first, "model.add(layers.LSTM(8))\nmodel.add(layers.LSTM(3))"), "a.ipynb")


def test_a_finding_in_a_notebook_has_its_cell_and_the_line_in_it() -> None:
    (found,) = _notebook().models[0].shown
    assert found.source is not None
    assert (found.source.name, found.source.path, found.source.cell) == ("a.ipynb:cell 2", "a.ipynb", 2)
    assert found.source.place(found.span.start) == (1, 11)
    assert found.fixes[0].apply(found.source.text).splitlines() == [
        "model.add(layers.LSTM(8, return_sequences=True))",
        "model.add(layers.LSTM(3))",
    ]


def test_the_json_of_a_finding_in_a_notebook_names_the_file_and_the_cell() -> None:
    (told,) = json.loads(render_json(_notebook().models[0].shown))
    assert (told["file"], told["cell"], told["line"], told["column"]) == ("a.ipynb", 2, 1, 11)


def test_a_comment_at_the_very_end_of_a_file_counts() -> None:
    line = "m = keras.Sequential([keras.Input((9, 4)), layers.LSTM(8), layers.LSTM(3)])"
    assert [d.code for d in _found(f"{line}  # seqtopo: ignore[ST301] a test")] == []
