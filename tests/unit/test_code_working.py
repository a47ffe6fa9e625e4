"""Code that works in the Keras of its age has no finding: one case for each kind that had a false one."""

from __future__ import annotations

import json

import pytest

from seqtopo import check
from seqtopo.code.check import check_text
from seqtopo.code.findings import CheckedFile
from seqtopo.code.words import keras_words

IMPORTS = "import keras\nimport numpy as np\nfrom keras import layers, ops\n"


def _checked(text: str, name: str = "train.py") -> CheckedFile:
    return check_text(IMPORTS + text, name)


def _codes(text: str, name: str = "train.py") -> list[str]:
    return [d.code for d in _checked(text, name).every if d.severity != "info"]


def _every(text: str) -> list[str]:
    return [d.code for d in _checked(text).every]


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


def test_what_a_test_expects_to_fail_is_no_finding() -> None:
    text = """
def test_it():
    with {expects}(ValueError):
        keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), layers.LSTM(4)])
"""
    assert _codes(text.format(expects="pytest.raises")) == []
    assert _codes(text.format(expects="self.assertRaises")) == []
    assert _codes(text.format(expects="tf.device")) == ["ST301"]


def test_how_a_model_learns_is_not_told_of_a_test() -> None:
    text = """
def test_saving():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile(loss="mse", metrics=["acc"])
    wrong = keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), layers.LSTM(4)])
"""
    assert _codes(text, "test_saving.py") == ["ST301"]
    assert _codes(text, "saving.py") == ["ST629", "ST301"]


def test_one_size_may_be_twice_another() -> None:
    text = """
def build(config):
    x = keras.Input((20, 8))
    _, h, c, back_h, back_c = layers.Bidirectional(layers.LSTM(config.encoder, return_state=True))(x)
    states = [layers.Concatenate()([h, back_h]), layers.Concatenate()([c, back_c])]
    y = keras.Input((10, 8))
    z = layers.LSTM({units}, return_sequences=True)(y, initial_state=states)
    return keras.Model([x, y], layers.Dense(5)(z))
"""
    assert _codes(text.format(units="config.decoder")) == []
    assert _codes(text.format(units="config.encoder")) == ["ST304"]


@pytest.mark.parametrize(
    ("layer", "shape"), [("Conv1D(10, 2)", (28, 28, 1)), ("GaussianNoise(15.0)", (20, 3))]
)
def test_what_tf_keras_took_before_keras_3_is_left_open(layer: str, shape: tuple[int, ...]) -> None:
    text = f"model = keras.Sequential([keras.Input({shape}), layers.{layer}, layers.Flatten()])\n"
    assert len(_codes(text)) == 1
    assert _codes("import tensorflow as tf\nlayers = tf.keras.layers\n" + text) == []


def test_a_dtype_of_ids_is_that_of_the_input() -> None:
    text = """
model = keras.Sequential()
model.add(layers.TimeDistributed(layers.Embedding(5, 6), input_shape=(3, 4), dtype="int32"))
model.add(layers.Flatten())
"""
    assert _codes(text) == []


_ONE_STEP = """
def build(stateful):
    model = keras.Sequential()
    model.add(layers.LSTM(20, input_shape=(1, 1), batch_size=1, stateful={stateful}))
    model.add(layers.Dense(1))
    return model
build(False)
"""


def test_one_step_a_sample_may_go_on_from_batch_to_batch() -> None:
    assert _every(_ONE_STEP.format(stateful="stateful")) == []
    assert _every(_ONE_STEP.format(stateful="False")) == ["ST601"]


def test_an_author_who_turns_the_axes_knows_them() -> None:
    text = """
x = keras.Input((1, 60))
y = layers.Conv1D(16, 3, padding="same")({turned})
both = layers.Concatenate()([layers.LSTM(8)(x), layers.GlobalAveragePooling1D()(y)])
model = keras.Model(x, layers.Dense(2)(both))
"""
    assert _every(text.format(turned="layers.Permute((2, 1))(x)")) == []
    assert "ST601" in _every(text.format(turned="x"))


def test_samples_cut_into_steps_have_no_turned_axes() -> None:
    text = """
x = np.zeros((100, {size}))
x = x.reshape(100, 2, 392)
model = keras.Sequential([keras.Input((2, 392)), layers.Conv1D(8, 2), layers.LSTM(8)])
model.compile(loss="mse")
model.fit(x, np.zeros((100, 1)))
"""
    assert "ST603" not in _codes(text.format(size="784"))
    assert "ST603" in _codes(text.format(size="392, 2"))


def test_accuracy_beside_binary_crossentropy_was_binary_accuracy() -> None:
    text = """
model = keras.Sequential([keras.Input((8, 3)), layers.LSTM(8), layers.Dense(6, activation="sigmoid")])
model.compile(loss="binary_crossentropy", metrics=["accuracy"])
"""
    assert _codes(text) == ["ST685"]
    assert _codes("from keras.preprocessing.text import Tokenizer\n" + text) == []


def test_a_merge_kept_the_masks_that_there_were() -> None:
    text = """
image, words = keras.Input((20, 16)), keras.Input((20,), dtype="int32")
both = layers.add([image, layers.Embedding(500, 16, mask_zero=True)(words)])
model = keras.Model([image, words], layers.Dense(5)(layers.LSTM(8)(both)))
"""
    assert _codes(text) == ["ST631"]
    assert _codes("from keras.preprocessing.text import Tokenizer\n" + text) == []


def _notebook(*cells: str) -> CheckedFile:
    made = [{"cell_type": "code", "source": cell} for cell in cells]
    return check_text(json.dumps({"cells": made}), "a.ipynb")


def test_a_cell_that_is_no_python_hides_no_model() -> None:
    model = "model = keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), layers.Dense({n})])"
    found = _notebook(IMPORTS, model.format(n=1), "Epoch 1/10\nloss: 0.25 - 2s", "n = 1\nn = = len(x)", model)
    assert [(d.code, d.severity) for d in found.every] == [("ST107", "info"), ("ST107", "info")]
    assert found.every[0].message.startswith("the rest of this cell cannot be read")
    assert len(found.models) == 2


def test_what_an_unread_cell_sets_is_not_known() -> None:
    model = (
        "model = keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), "
        "layers.Dense(n, activation='softmax')])"
    )
    assert "ST621" in [d.code for d in _notebook(IMPORTS + "n = 1", model).every]
    found = _notebook(IMPORTS + "n = 1", "here is the number\nn = len(x)", model)
    assert [d.code for d in found.every] == ["ST107"]


def test_an_output_that_is_not_read_leaves_a_spec_of_the_rest() -> None:
    text = """
each = keras.Sequential([keras.Input((3,)), layers.Dense(5)])
x = keras.Input((6, 4))
end = layers.TimeDistributed(each)(layers.LSTM(3, return_sequences=True)(x))
model = keras.Model(x, end)
y = keras.Input((6, 4))
_, state = layers.GRU(3, return_state=True)(y)
states = keras.Model(y, state)
"""
    found = _checked(text)
    assert [model.name for model in found.models] == ["each", "model", "states"]
    for model in found.models:
        assert model.checked is not None
        assert model.checked.ok
        assert check(model.spec).ok


def test_an_activation_that_is_an_operation_leaves_the_layer_read() -> None:
    (model,) = _checked(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation=ops.cos)])\n"
    ).models
    assert model.spec.split() == ["in(4)", "->", "dense(3)"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "declare the steps of a sample: in(T,...), or use dense for a single one",
            "declare the steps of a sample: Input(shape=(T, ...)), or use Dense for a single one",
        ),
        ("if they are one vector a sample, in(30) -> dense(...)", "Input(shape=(30,)), Dense(...)"),
        ("for labels of 0 and 1 declare labels=(int(2))", "with labels of 0 and 1 use another loss"),
        ("say that they are ids: int, or int(5000) with the size of the table", 'dtype="int32"'),
        ("declare in(T,F) without int, and leave out", 'Input(shape=(T, F)) without dtype="int32"'),
        ("give it by name, as in conv1d(padding=...)", "as in Conv1D(padding=...)"),
        ("start from its state: encoder.state", "its states, which return_state=True gives"),
        ("keep the last 50 steps of the longer: last(50)", "of the longer: x[:, -50:]"),
        ("make the table long enough: pos(100)", "a positional embedding of 100 steps"),
        (
            "bind it to another value: -D N=2 on the command line, compile(spec, N=2) in Python, "
            "or 'let N = 2' in the spec",
            "bind it to another value: -D N=2 on the command line",
        ),
    ],
)
def test_advice_is_told_in_words_of_keras(said: str, words: str) -> None:
    said = f"write mae; {said}" if said.startswith("for labels") else said
    assert keras_words(said).endswith(words) or words in keras_words(said)
    assert "->" not in keras_words(said)


def test_where_pictures_have_their_channels_may_stand_in_the_settings_of_keras() -> None:
    text = """
model = keras.Sequential([keras.Input({shape}), layers.Conv2D(8, 3), layers.MaxPooling2D(3)])
"""
    assert _codes(text.format(shape=(3, 32, 32))) == []
    assert _codes(text.format(shape=(3, 32, 3))) == ["ST306"]


def test_ids_may_have_several_axes() -> None:
    text = """
x = keras.Input((10, 6))
words = layers.Embedding(50, 8)({taken})
model = keras.Model(x, layers.Dense(2)(layers.Flatten()(words)))
"""
    assert _codes(text.format(taken="x")) == []
    assert _codes(text.format(taken="layers.Dense(6)(x)")) == ["ST634"]


def test_numbers_of_a_sample_have_no_other_axis_to_be_joined_along() -> None:
    text = """
a, b = keras.Input({shape}), keras.Input({shape})
model = keras.Model([a, b], layers.Concatenate(axis={axis})([a, b]))
"""
    assert _codes(text.format(shape=(), axis=-1)) == []
    assert _codes(text.format(shape=(4,), axis=0)) == ["ST312"]


def test_a_large_layer_behind_pictures_is_no_matter_of_steps() -> None:
    text = """
model = keras.Sequential([
    keras.Input(({size}, 64)), layers.{conv}(512, 3), layers.Flatten(), layers.Dense(4096), layers.Dense(1)
])
model.compile("adam", loss="mse")
"""
    assert _codes(text.format(size="22, 22", conv="Conv2D")) == []
    assert _codes(text.format(size="402", conv="Conv1D")) == ["ST654"]


def test_ids_that_come_as_floats_are_told_where_a_float_cannot_hold_them() -> None:
    text = "m = keras.Sequential([keras.Input((5,)), layers.Embedding({}, 4), layers.LSTM(3)])"
    assert "ST635" not in _every(text.format(100))
    assert "ST635" not in _every(text.format("len(vocab)"))
    assert "ST635" in _every(text.format(20_000_000))


def test_attention_over_too_many_steps_is_told_at_the_input_that_declares_them() -> None:
    text = "x = keras.Input((20000,), dtype='int32')\ne = layers.Embedding(100, 64)(x)\n"
    text += "m = keras.Model(x, layers.MultiHeadAttention(8, 64)(e, e))"
    (found,) = [d for d in _checked(text).every if d.code == "ST653"]
    assert found.source is not None
    assert found.source.text[found.span.start :].startswith("keras.Input((20000,)")
    assert found.labels[0].text == "compares 20,000 steps with 20,000"
