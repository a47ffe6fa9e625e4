"""Data that code hands to ``fit``, ``evaluate`` and ``predict``, checked against the model."""

from __future__ import annotations

import pytest

from seqtopo.code.check import check_text
from seqtopo.diag.model import Diagnostic

HEAD = """import numpy as np
import keras
from keras import layers

"""


def found(body: str, *, only: str = "ST7") -> list[tuple[str, str]]:
    """The codes that are found in a script, each with the line that it stands at."""
    return [(d.code, line_of(d)) for d in diagnostics(body) if d.code.startswith(only)]


def diagnostics(body: str) -> list[Diagnostic]:
    return check_text(HEAD + body).every


def line_of(diagnostic: Diagnostic) -> str:
    assert diagnostic.source is not None
    return diagnostic.source.line(diagnostic.source.place(diagnostic.span.start).line).strip()


def script(x: str, y: str, layers: str, loss: str = "mse", fit: str = "model.fit(x, y)") -> str:
    """A script with a Sequential model and the data x and y."""
    return (
        f"x = {x}\ny = {y}\nmodel = keras.Sequential([{layers}])\n"
        f"model.compile(optimizer='adam', loss='{loss}')\n{fit}\n"
    )


LSTM = "layers.Input((20, 3)), layers.LSTM(8), layers.Dense(1)"
TAGGER = "layers.Input((20, 3)), layers.LSTM(8, return_sequences=True), layers.Dense(5, activation='softmax')"
CLASSES = "layers.Input((20, 3)), layers.LSTM(8), layers.Dense(5, activation='softmax')"
IDS = "sparse_categorical_crossentropy"
X, Y = "np.random.rand(64, 20, 3)", "np.random.rand(64, 1)"


@pytest.mark.parametrize(
    ("x", "y", "model", "loss", "code", "line"),
    [
        ("np.random.rand(64, 3, 20)", Y, LSTM, "mse", "ST714", "x = "),
        ("np.random.rand(64, 20, 4)", Y, LSTM, "mse", "ST712", "x = "),
        ("np.random.rand(20, 3)", "np.random.rand(1)", LSTM, "mse", "ST713", "x = "),
        (X, "np.random.rand(60, 1)", LSTM, "mse", "ST718", "x = "),
        (X, "np.random.rand(64, 20, 1)", LSTM, "mse", "ST703", "model = "),
        (X, "np.random.randint(1, 6, 64)", CLASSES, IDS, "ST705", "y = "),
        (X, "np.random.randint(0, 7, 64)", CLASSES, IDS, "ST705", "model = "),
        (X, "keras.utils.to_categorical(np.random.randint(0, 5, 64), 5)", CLASSES, IDS, "ST704", "y = "),
        (X, "np.random.randint(0, 5, 64)", CLASSES, "categorical_crossentropy", "ST704", "y = "),
        (X, "np.random.randint(0, 5, 64)", TAGGER, IDS, "ST702", "model = "),
        (X, "np.random.randint(0, 3, (64, 1))", LSTM, "binary_crossentropy", "ST708", "y = "),
        (
            "np.random.randint(0, 101, (64, 9))",
            Y,
            "layers.Input((9,), dtype='int32'), layers.Embedding(100, 8), layers.LSTM(8), layers.Dense(1)",
            "mse",
            "ST716",
            "model = ",
        ),
        (
            "np.random.rand(64, 40, 3)",
            "np.random.randint(1, 9, (64, 30))",
            "layers.Input((40, 3)), layers.Conv1D(8, 3, strides=2), layers.Dense(9, activation='softmax')",
            "ctc",
            "ST706",
            "model = ",
        ),
    ],
)
def test_data_that_does_not_fit_is_found(x: str, y: str, model: str, loss: str, code: str, line: str) -> None:
    assert [(c, place[: len(line)]) for c, place in found(script(x, y, model, loss))] == [(code, line)]


@pytest.mark.parametrize(
    ("x", "y", "model", "loss"),
    [
        (X, Y, LSTM, "mse"),
        (X, "np.random.rand(64)", LSTM, "mse"),
        (X, "np.random.randint(0, 5, 64)", CLASSES, IDS),
        (X, "keras.utils.to_categorical(np.random.randint(0, 5, 64))", CLASSES, "categorical_crossentropy"),
        (X, "np.random.randint(0, 5, (64, 20))", TAGGER, IDS),
        (X, "np.random.randint(0, 2, 64)", LSTM, "binary_crossentropy"),
        ("np.load('x.npy')", "np.load('y.npy')", LSTM, "mse"),
        ("np.load('x.npy')[:, :20]", "np.load('y.npy')[:, 0]", LSTM, "mse"),
        ("load('x')", "load('y')", CLASSES, IDS),
        ("np.zeros((64, n, 3))", "np.zeros((m, 1))", LSTM, "mse"),
        ("np.random.randint(0, n, (64, 9))", Y, LSTM.replace("20, 3", "9, 1"), "mse"),
        (X, "np.zeros((64, 1))", LSTM, "my_loss"),
        ("[np.zeros((20, 3)) for _ in files]", "labels", LSTM, "mse"),
        ("generator()", "None", LSTM, "mse"),
    ],
)
def test_data_that_fits_or_is_not_known_is_not_spoken_of(x: str, y: str, model: str, loss: str) -> None:
    assert found(script(x, y, model, loss)) == []


def test_a_made_array_names_its_variable_and_the_input() -> None:
    (one,) = [d for d in diagnostics(script("np.random.rand(64, 20, 4)", Y, LSTM)) if d.code == "ST712"]
    assert one.message == "x has 4 features at each step, but Input(shape=(20, 3)) declares 3"
    assert [label.text for label in one.labels]


def test_symbols_of_code_that_are_the_same_fit_and_others_may() -> None:
    body = """
def train(x, y):
    start = layers.Input((x.shape[1], x.shape[2]))
    model = keras.Sequential([start, layers.LSTM(8), layers.Dense(y.shape[1])])
    model.compile("adam", "mse")
    model.fit(x, y)
    model.fit(np.zeros((9, x.shape[1], x.shape[2])), np.zeros((9, y.shape[1])))
    model.predict(x[-1:])
"""
    assert found(body) == []


PREDICT = "model.predict({})"


@pytest.mark.parametrize(
    ("given", "code"),
    [("x[0]", "ST713"), ("x[0][np.newaxis]", ""), ("x[:3]", ""), ("x[:, :10]", "ST712"), ("z", "")],
)
def test_what_predict_takes_is_checked_too(given: str, code: str) -> None:
    body = script(X, Y, LSTM, fit=f"model.fit(x, y)\nmodel.predict({given})")
    assert [c for c, _ in found(body)] == ([code] if code else [])


def test_validation_data_is_checked_too() -> None:
    fit = "model.fit(x, y, validation_data=(np.random.rand(9, 20, 4), np.random.rand(9, 1)))"
    assert found(script(X, Y, LSTM, fit=fit)) == [("ST712", fit)]
    fit = "model.fit(x, y, validation_data=(np.random.rand(9, 20, 3), np.random.rand(9, 20, 1)))"
    assert [c for c, _ in found(script(X, Y, LSTM, fit=fit))] == ["ST703"]


def test_sample_weights_of_steps_are_checked() -> None:
    fit = "w = np.random.rand(64, 20)\nmodel.fit(x, y, sample_weight=w)"
    assert found(script(X, Y, LSTM, fit=fit)) == [("ST730", "w = np.random.rand(64, 20)")]
    labels = "np.random.randint(0, 5, (64, 20))"
    assert found(script(X, labels, TAGGER, IDS, fit)) == []


def test_class_weights_want_one_answer_for_a_sample() -> None:
    labels = "np.random.randint(0, 5, (64, 20))"
    fit = "model.fit(x, y, class_weight={0: 1.0, 1: 2.0})"
    assert found(script(X, labels, TAGGER, IDS, fit)) == [("ST742", fit)]
    assert found(script(X, "np.random.randint(0, 5, 64)", CLASSES, IDS, fit)) == []


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("validation_split=0.2", True),
        ("y=y", True),
        ("sample_weight=w", True),
        ("validation_split=0.0", False),
        ("epochs=3", False),
    ],
)
def test_what_a_data_set_has_itself_is_not_given_beside_it(more: str, wrong: bool) -> None:
    made = (
        "import tensorflow as tf\nw = np.ones(64)\ndata = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)"
    )
    fit = f"model.fit(data, {more})"
    told = found(script(X, Y, LSTM, fit=f"{made}\n{fit}"))
    assert told == ([("ST743", fit)] if wrong else [])


STATEFUL = "layers.Input(batch_shape=(8, 20, 3)), layers.LSTM(8, stateful=True), layers.Dense(1)"


@pytest.mark.parametrize(
    ("fit", "code"),
    [
        ("model.fit(x, y, batch_size=8, shuffle=False)", ""),
        ("model.fit(x, y, batch_size=16, shuffle=False)", "ST741"),
        ("model.fit(x, y, shuffle=False)", "ST741"),
        ("model.fit(x[:60], y[:60], batch_size=8, shuffle=False)", "ST719"),
        ("model.predict(x[:1])", "ST741"),
        ("model.predict(x[:8])", ""),
        ("model.predict(unknown)", ""),
        ("model.predict(unknown, batch_size=1)", "ST741"),
        ("model.predict(x, batch_size=n)", ""),
    ],
)
def test_a_stateful_model_takes_batches_of_its_size(fit: str, code: str) -> None:
    assert [c for c, _ in found(script(X, Y, STATEFUL, fit=fit))] == ([code] if code else [])


def test_several_inputs_take_lists_and_dictionaries() -> None:
    model = """
a = keras.Input((20, 3), name="a")
b = keras.Input((5,), name="b")
model = keras.Model([a, b], layers.Dense(1)(layers.concatenate([layers.LSTM(4)(a), b])))
model.compile("adam", "mse")
p, q, y = np.random.rand(64, 20, 3), np.random.rand(64, 5), np.random.rand(64, 1)
"""
    assert found(f"{model}model.fit([p, q], y)") == []
    assert found(f"{model}model.fit({{'a': p, 'b': q}}, y)") == []
    assert found(f"{model}model.fit([q, p], y)")[0][0] == "ST717"
    assert found(f"{model}model.fit({{'a': p, 'b': p}}, y)")[0][0] == "ST712"
    assert found(f"{model}model.fit([p, unknown], y)") == []
    assert found(f"{model}model.fit({{'other': p, 'b': p}}, y)") == []


def test_a_data_set_of_windows_is_checked() -> None:
    body = """
data = np.random.rand(500, 4)
windows = keras.utils.timeseries_dataset_from_array(data[:-20], data[20:, 0], sequence_length=20)
"""
    good = "model = keras.Sequential([layers.Input((20, 4)), layers.LSTM(8), layers.Dense(1)])"
    rest = "\nmodel.compile('adam', 'mse')\nmodel.fit(windows)\n"
    assert found(body + good + rest) == []
    assert [c for c, _ in found(body + good.replace("20, 4", "10, 4") + rest)] == ["ST712"]


def test_a_loss_that_takes_one_class_is_told_where_the_labels_have_several() -> None:
    model = "layers.Input((20, 3)), layers.LSTM(8), layers.Dense(2, activation='sigmoid')"
    many = script(X, "np.random.randint(0, 2, (64, 2))", model, "categorical_crossentropy")
    ((code, place),) = found(many, only="ST6")
    assert (code, place[:13]) == ("ST622", "model.compile")
    one = script(X, "keras.utils.to_categorical(labels, 2)", model, "categorical_crossentropy")
    assert [(c, place[:5]) for c, place in found(one, only="ST6")] == [("ST622", "model")]


def test_labels_that_do_not_fit_a_model_built_on_another_are_told_at_fit() -> None:
    body = """
base = keras.Sequential()
base.add(layers.Input((20, 3)))
base.add(layers.LSTM(8, return_sequences=True))
model = keras.Model(base.inputs, layers.Dense(2, activation="softmax")(base.layers[-1].output))
model.compile("adam", "sparse_categorical_crossentropy")
y = np.random.randint(0, 2, 14)
model.fit(np.random.rand(14, 20, 3), y)
"""
    assert found(body) == [("ST702", "model.fit(np.random.rand(14, 20, 3), y)")]


def test_one_sample_for_predict_is_given_its_axis() -> None:
    body = script(X, Y, LSTM, fit="model.fit(x, y)\nlast = x[-1]\nmodel.predict(last)")
    (one,) = [d for d in diagnostics(body) if d.code == "ST713"]
    assert line_of(one) == "last = x[-1]"
    assert [(fix.title, fix.safe) for fix in one.fixes] == [("give it the axis: last[None]", True)]
    assert "model.predict(last[None])" in one.fixes[0].apply(HEAD + body)


def test_a_batch_size_is_mended() -> None:
    body = script(X, Y, STATEFUL, fit="model.fit(x, y, batch_size=16, shuffle=False)")
    (one,) = [d for d in diagnostics(body) if d.code == "ST741"]
    (fix,) = one.fixes
    assert fix.safe
    assert "model.fit(x, y, batch_size=8, shuffle=False)" in fix.apply(HEAD + body)


def test_training_of_a_model_before_it_was_changed_is_not_spoken_of() -> None:
    model = "layers.Input((20, 3)), layers.LSTM(8, return_sequences=True), layers.LSTM(8), layers.Dense(1)"
    body = script(X, Y, model, fit="model.fit(x, y)\nmodel.pop()\nmodel.pop()")
    assert found(body, only="ST") == []
    assert found(f"{body}\nmodel.compile('adam', 'mse')") == []
    assert found(f"{body}\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)") != []


def test_labels_are_compared_under_the_loss_of_their_time() -> None:
    one_hot = "keras.utils.to_categorical(np.random.randint(0, 5, 64), 5)"
    body = script(X, one_hot, CLASSES, "categorical_crossentropy")
    assert found(f"{body}model.compile('adam', 'sparse_categorical_crossentropy')\n") == []


def test_a_function_that_nothing_calls_may_run_with_other_data() -> None:
    body = """
classes = 2
y = keras.utils.to_categorical(np.random.randint(0, 2, 64), classes)

def build():
    model = keras.Sequential([layers.Input((20, 3)), layers.LSTM(8), layers.Dense(classes, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(np.random.rand(64, 20, 3), y)

classes = 10
"""
    assert found(body) == []


TOKENIZER = """
from keras.preprocessing.text import Tokenizer
tokenizer = Tokenizer()
tokenizer.fit_on_texts(texts)
x = keras.utils.pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)
model = keras.Sequential([layers.Embedding({}, 8), layers.LSTM(8), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y)
"""


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("len(tokenizer.word_index)", "ST716"),
        ("len(tokenizer.word_index) + 1", ""),
        ("len(tokenizer.word_index) + 2", ""),
        ("vocab_size", ""),
        ("5000", ""),
    ],
)
def test_ids_of_a_tokenizer_begin_at_1(rows: str, code: str) -> None:
    assert [c for c, _ in found(TOKENIZER.format(rows))] == ([code] if code else [])


def test_ids_below_a_symbol_are_compared_with_it() -> None:
    body = """
def run(n):
    x = np.random.randint(0, n, (64, 9))
    model = keras.Sequential([layers.Embedding({}, 8), layers.LSTM(8), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, np.random.rand(64, 1))
"""
    assert [c for c, _ in found(body.format("n - 1"))] == ["ST716"]
    assert found(body.format("n")) == found(body.format("m")) == []


def test_a_batch_size_that_is_not_known_is_a_symbol() -> None:
    body = """
def build(batch):
    start = keras.Input(batch_shape=(batch, 20, 3))
    model = keras.Model(start, layers.LSTM(8, stateful=True)(start))
    model.compile("adam", "mse")
    model.fit(np.zeros((64, 20, 3)), np.zeros((64, 8)), batch_size=batch, shuffle=False)
"""
    assert found(body, only="ST") == []
