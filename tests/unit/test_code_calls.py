"""Mistakes in layers and calls that no spec can have, and their places in the code."""

from __future__ import annotations

import pytest

from seqtopo.code.check import check_text
from seqtopo.code.words import keras_words
from seqtopo.diag.model import Diagnostic

IMPORTS = "import numpy as np\nimport keras\nfrom keras import layers, ops\n"


def _found(text: str) -> list[Diagnostic]:
    return [d for d in check_text(IMPORTS + text, "train.py").every if d.severity != "info"]


def _told(text: str) -> list[tuple[str, str, str]]:
    """Code, severity and line of each finding."""
    told = []
    for found in _found(text):
        assert found.source is not None
        line = found.source.line(found.source.place(found.span.start).line).strip()
        told.append((found.code, found.severity, line))
    return told


def _fixed(text: str) -> str:
    found = _found(text)[0]
    assert found.source is not None
    return found.fixes[0].apply(found.source.text)


ATTENTION = """
x = keras.Input((50, 10))
y = layers.MultiHeadAttention(2, 5)({given})
model = keras.Model(x, y)
"""


@pytest.mark.parametrize("given", ["x", "[x, x]"])
def test_attention_without_a_value_is_told_with_its_fix(given: str) -> None:
    text = ATTENTION.format(given=given)
    assert _told(text) == [("ST314", "error", f"y = layers.MultiHeadAttention(2, 5)({given})")]
    assert "layers.MultiHeadAttention(2, 5)(x, x)\n" in _fixed(text)


@pytest.mark.parametrize("given", ["x, x", "x, value=x", "query=x, value=x", "*[x, x]"])
def test_attention_with_a_value_is_right(given: str) -> None:
    assert _told(ATTENTION.format(given=given)) == []


LAST = """
model = keras.Sequential([
    keras.Input((28, 28)),
    layers.Bidirectional(layers.LSTM(16, return_sequences=True)),
    layers.Lambda({function}),
    layers.Dense(10, activation="softmax"),
])
"""


def test_a_slice_in_a_lambda_is_read_as_the_slice() -> None:
    text = LAST.format(function="lambda t: t[:, -1]")
    assert _told(text) == [("ST611", "warning", "layers.Lambda(lambda t: t[:, -1]),")]
    assert "layers.Bidirectional(layers.LSTM(16)),\n    layers.Dense" in _fixed(text)


@pytest.mark.parametrize(
    "function",
    ["lambda t: unknown(t[:, -1])", "lambda t: t[:, -1] + t[:, 0]", "lambda t: ops.mean(t, axis=1)"],
)
def test_another_lambda_is_no_slice(function: str) -> None:
    assert _told(LAST.format(function=function)) == []


def test_a_lambda_that_is_called_twice_is_what_it_is_for_both() -> None:
    text = """
a, b = keras.Input((7, 3)), keras.Input((7, 3, 2))
turn = layers.Lambda(lambda t: t[..., -1])
model = keras.Model([a, b], [turn(a), turn(b)])
"""
    assert _told(text) == []


@pytest.mark.parametrize("mean", ["ops.mean(t, axis=0)", "K.sum(t, 0)", "tf.reduce_mean(t, axis=0)"])
def test_a_lambda_over_the_batch_is_told(mean: str) -> None:
    line = f"layers.Lambda(lambda t: {mean}),"
    assert _told(LAST.format(function=f"lambda t: {mean}")) == [("ST312", "warning", line)]


@pytest.mark.parametrize(
    "mean", ["ops.mean(t, axis=1)", "K.mean(t, axis=0, keepdims=True)", "K.sum(t)", "K.stack(t, axis=0)"]
)
def test_a_lambda_within_a_sample_is_right(mean: str) -> None:
    assert "ST312" not in [code for code, *_ in _told(LAST.format(function=f"lambda t: {mean}"))]


EMBEDDING = """
matrix = np.zeros({shape})
model = keras.Sequential([
    keras.Input((10,), dtype="int32"),
    layers.Embedding(500, 20, weights=[matrix]),
    layers.GlobalAveragePooling1D(),
    layers.Dense(1),
])
"""


def test_weights_of_another_shape_are_told() -> None:
    text = EMBEDDING.format(shape="(501, 20)")
    assert _told(text) == [("ST302", "error", "layers.Embedding(500, 20, weights=[matrix]),")]
    assert "layers.Embedding(501, 20, weights=[matrix])" in _fixed(text)


@pytest.mark.parametrize("shape", ["(500, 20)", "(n, 20)"])
def test_weights_of_that_shape_or_an_unknown_one_are_right(shape: str) -> None:
    assert _told(EMBEDDING.format(shape=shape)) == []


MASKED = """
model = keras.Sequential([
    keras.Input((9, 4)),
    {before}
    layers.Masking(mask_value={value}),
    layers.LSTM(8),
    layers.Dense(1),
])
"""


def test_a_mask_of_what_the_layer_before_never_gives_is_told() -> None:
    text = MASKED.format(before='layers.Dense(8, activation="tanh"),', value="-10.0")
    assert _told(text) == [("ST662", "warning", "layers.Masking(mask_value=-10.0),")]


@pytest.mark.parametrize(
    ("before", "value"),
    [("", "-10.0"), ('layers.Dense(8, activation="relu"),', "0.0"), ("layers.Dense(8),", "-1.0")],
)
def test_a_mask_of_what_may_come_is_right(before: str, value: str) -> None:
    assert "ST662" not in [code for code, *_ in _told(MASKED.format(before=before, value=value))]


def test_a_flatten_and_an_embedding_are_the_cause_of_a_wrong_rank() -> None:
    flat = """
model = keras.Sequential([
    keras.Input({shape}),
    {before}
    layers.LSTM(8),
])
"""
    behind = flat.format(shape=(12, 3), before="layers.Conv1D(8, 3),\n    layers.Flatten(),")
    assert _told(behind) == [("ST301", "error", "layers.Flatten(),")]
    image = flat.format(shape=(7, 7, 64), before="layers.Flatten(),\n    layers.Dense(5),")
    assert _told(image) == [("ST301", "error", "layers.Flatten(),")]
    bottleneck = flat.format(shape=(12, 3), before="layers.Flatten(),\n    layers.Dense(5),")
    assert _told(bottleneck) == [("ST301", "error", "layers.LSTM(8),")]
    embedded = """
model = keras.Sequential([
    keras.Input((200, 64)),
    layers.Embedding(5000, 32),
    layers.LSTM(50),
])
"""
    assert ("ST301", "error", "layers.Embedding(5000, 32),") in _told(embedded)


def test_an_input_that_several_layers_use_up_is_the_cause() -> None:
    text = """
model = keras.Sequential([
    keras.Input((50, 3)),
    layers.Conv1D(8, 5),
    layers.MaxPooling1D(5),
    layers.Conv1D(8, 5),
    layers.MaxPooling1D(5),
    layers.Conv1D(8, 5),
])
"""
    assert _told(text) == [("ST306", "error", "keras.Input((50, 3)),")]
    alone = "model = keras.Sequential([\n    keras.Input((3, 3)),\n    layers.Conv1D(8, 5),\n])\n"
    assert _told(alone) == [("ST306", "error", "layers.Conv1D(8, 5),")]


ONE_STEP = """
model = keras.Sequential([
    keras.Input((1, 7)),
    layers.LSTM(4),
    layers.Dense(1),
])
model.compile("adam", "mse")
"""


def test_one_step_is_a_warning_where_the_data_have_one() -> None:
    assert _told(ONE_STEP) == []
    fit = "model.fit(np.zeros((100, 7)).reshape(100, 1, 7), np.zeros((100, 1)))\n"
    assert [code for code, *_ in _told(ONE_STEP + fit)] == ["ST601"]


SIZES = """
from settings import CONFIG
x = keras.Input((20, 8))
a = layers.Dense(CONFIG["a"])(x)
twice = layers.Concatenate()([a, a])
model = keras.Model(x, layers.Add()([twice, {other}]))
"""


def test_sizes_that_may_be_equal_are_not_told_to_differ() -> None:
    assert _told(SIZES.format(other='layers.Dense(CONFIG["b"])(x)')) == []
    assert _told(SIZES.format(other="layers.Dense(64)(x)")) == []
    assert [code for code, *_ in _told(SIZES.format(other="layers.Dense(63)(x)"))] == ["ST303"]
    assert [code for code, *_ in _told(SIZES.format(other="a"))] == ["ST303"]


REPEATED = """
class Net:
    def __init__(self, timesteps):
        self.timesteps = timesteps
    def build(self):
        x = keras.Input({shape})
        h = layers.LSTM(8)(x)
        return keras.Model(x, layers.LSTM(8)(h))
net = Net(12).build()
"""


def test_a_fix_has_the_name_that_the_code_has_for_the_steps() -> None:
    def titles(shape: str) -> list[str]:
        (found,) = _found(REPEATED.format(shape=shape))
        assert found.source is not None
        made = found.fixes[1].apply(found.source.text)
        return [found.fixes[1].title, next(line for line in made.splitlines() if "RepeatVector" in line)]

    named, line = titles("(self.timesteps, 3)")
    assert named == "or repeat the vector at every step: RepeatVector(self.timesteps)"
    assert "layers.LSTM(8)(layers.RepeatVector(self.timesteps)(h))" in line
    assert all("RepeatVector(12)" in written for written in titles("(12, 3)"))


def test_the_table_has_the_padding_and_the_activation_that_the_code_gives() -> None:
    text = """
model = keras.Sequential([
    keras.Input((24, 3)),
    layers.Conv1D(8, 3, padding="same", activation="relu"),
    layers.MaxPooling1D(padding="same"),
    layers.LSTM(8, activation="relu"),
    layers.Activation("tanh"),
])
"""
    (model,) = check_text(IMPORTS + text, "train.py").models
    assert [line.layer for line in model.report.shapes] == [
        "Input",
        'Conv1D(8, 3, activation="relu", padding="same")',
        'MaxPooling1D(padding="same")',
        'LSTM(8, activation="relu")',
        'Activation("tanh")',
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("take flatten out, to keep the steps", "take Flatten out, to keep the steps"),
        (
            "write time, features, or a number: 1 is the first axis after the batch, -1 the last",
            "count axes with the batch: 1 is the first axis after the batch, -1 the last",
        ),
        (
            "say that they are ids: int, or int(5000) with the size of the table",
            'say that they are ids: dtype="int32"',
        ),
    ],
)
def test_words_of_a_spec_alone_are_said_in_those_of_keras(said: str, words: str) -> None:
    assert keras_words(said) == words


COUNTED = """
words = open("words.txt").read().split()
index = {made}
{more}
model = keras.Sequential([
    keras.Input((8,), dtype="int32"),
    layers.Embedding({rows}, 4),
    layers.GlobalAveragePooling1D(),
    layers.Dense(1),
])
"""
FROM_ONE = "{w: i for i, w in enumerate(words, start=1)}"


@pytest.mark.parametrize(
    "made", [FROM_ONE, "{w: i for i, w in enumerate(words, 1)}", "{w: i + 1 for i, w in enumerate(words)}"]
)
def test_rows_for_ids_from_1_are_one_too_few(made: str) -> None:
    text = COUNTED.format(made=made, more="", rows="len(index)")
    assert _told(text) == [("ST716", "warning", "layers.Embedding(len(index), 4),")]
    assert "layers.Embedding(len(index) + 1, 4)" in _fixed(text)


@pytest.mark.parametrize(
    ("made", "more", "rows"),
    [
        (FROM_ONE, "", "len(index) + 1"),
        (FROM_ONE, 'index["<pad>"] = 0', "len(index)"),
        (FROM_ONE, 'index.update({"<pad>": 0})', "len(index)"),
        (FROM_ONE, "rows = len(index) + 1", "rows"),
        ("{w: i for i, w in enumerate(words)}", "", "len(index)"),
        ("{i: w for i, w in enumerate(words, start=1)}", "", "1000"),
        ("{w: i + 1 for i, w in enumerate(words, start=1)}", "", "len(index) + 2"),
    ],
)
def test_rows_for_all_ids_are_right(made: str, more: str, rows: str) -> None:
    assert _told(COUNTED.format(made=made, more=more, rows=rows)) == []


def test_the_length_of_an_object_is_what_its_class_says() -> None:
    vocabulary = """
class Vocabulary:
    def __init__(self, words):
        self.index = {w: i for i, w in enumerate(words, start=1)}
    def __len__(self):
        return len(self.index){more}
"""
    made = 'Vocabulary(open("words.txt").read().split())'
    text = COUNTED.format(made=made, more="", rows="len(index)")
    assert [code for code, *_ in _told(vocabulary.replace("{more}", "") + text)] == ["ST716"]
    assert "layers.Embedding(len(index) + 1, 4)" in _fixed(vocabulary.replace("{more}", "") + text)
    assert _told(vocabulary.replace("{more}", " + 1") + text) == []


@pytest.mark.parametrize("asked", ["list(rows[-1])", "rows[-1].items"])
def test_what_is_asked_of_an_unknown_value_is_none_of_what_is_remembered_of_it(asked: str) -> None:
    text = f"""
from shop import load
rows = []
for row in load():
    rows.append(row)
asked = {asked}
steps = len(rows)
model = keras.Sequential([keras.Input((10, 3)), layers.LSTM(2)])
"""
    (model,) = check_text(IMPORTS + text, "train.py").models
    assert model.spec.strip() == "in(10,3) -> lstm(2)"


STEPS = """
x = keras.Input((24, 3))
h = layers.LSTM(8, return_sequences=True)(x)
y = {of}
model = keras.Model(x, layers.Dense(1)(y))
"""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("h[-1]", "h[:, -1]"),
        ("ops.mean(h, axis=0)", "ops.mean(h, axis=1)"),
        ("ops.sum(ops.softmax(h, axis=0) * h, axis=1)", "ops.sum(ops.softmax(h, axis=1) * h, axis=1)"),
    ],
)
def test_what_works_along_the_batch_is_found(wrong: str, right: str) -> None:
    text = STEPS.format(of=wrong)
    assert [(code, severity, line) for code, severity, line in _told(text)] == [
        ("ST312", "warning", f"y = {wrong}")
    ]
    assert f"y = {right}\n" in _fixed(text)
    assert _told(STEPS.format(of=right)) == []


def test_what_takes_the_batch_for_good_reason_is_not_found() -> None:
    assert _told(STEPS.format(of="h - ops.mean(h, axis=0, keepdims=True)")) == []


TWO = """
x = keras.Input((24, 3))
h = layers.LSTM(8)(x)
model = keras.Model(x, [layers.Dense(1, name="price")(h), layers.Dense(1, name="up")(h)])
model.compile("adam", {arguments})
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('loss={"price": "mse", "upp": "mae"}', "the model has no output of that name"),
        ('loss=["mse"]', "loss has 1 item, but the model has 2 outputs"),
        ('loss=["mse", "mae"], loss_weights=[1.0]', "loss_weights has 1 item"),
        ('loss="mse", metrics=["mae", "mse", "mape"]', "metrics has 3 items, but the model has 2 outputs"),
        ('loss="mse", metrics={"prize": ["mae"]}', "metrics is given for"),
    ],
)
def test_what_is_given_for_other_outputs_is_found(arguments: str, message: str) -> None:
    (found,) = _found(TWO.format(arguments=arguments))
    assert found.code == "ST701"
    assert message in found.message


@pytest.mark.parametrize(
    "arguments",
    [
        'loss={"price": "mse", "up": "mae"}, loss_weights={"price": 1.0, "up": 0.5}',
        'loss=["mse", "mae"], loss_weights=[1.0, 0.5], metrics=[["mae", "mse", "mape"], []]',
        'loss="mse", metrics={"price": ["mae"]}',
        'loss="mse", metrics=[my_metric, "mae"]',
    ],
)
def test_what_is_given_for_each_output_is_not_found(arguments: str) -> None:
    assert _told("def my_metric(a, b):\n    return a\n" + TWO.format(arguments=arguments)) == []
