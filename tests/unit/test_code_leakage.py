"""Leaks into training in Keras code: test data in scalers and windows, shuffled states."""

from __future__ import annotations

import pytest

from seqtopo.code.check import check_text
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.lint.selection import Selection

HEAD = """
import numpy as np
import pandas as pd
from keras import Sequential, layers
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

def windows(d, n=24):
    X, y = [], []
    for i in range(len(d) - n):
        X.append(d[i:i + n])
        y.append(d[i + n, 0])
    return np.array(X), np.array(y)

data = pd.read_csv("a.csv")[["close"]].values
"""
MODEL = """
model = Sequential([layers.Input((24, 1)), layers.LSTM(8), layers.Dense(1)])
model.compile("adam", "mse")
"""
STATEFUL = """
model = Sequential([layers.Input(batch_shape=(4, 24, 1)), layers.LSTM(8, stateful=True), layers.Dense(1)])
model.compile("adam", "mse")
"""
LEAKS = ("ST691", "ST692", "ST693", "ST694")


def leaks(body: str) -> list[Diagnostic]:
    return [d for d in check_text(HEAD + body).every if d.code in LEAKS]


def told(body: str) -> list[tuple[str, str]]:
    """The codes of what is found, each with the line that it stands at."""
    return [(d.code, d.source.line(d.source.place(d.span.start).line).strip()) for d in leaks(body)]


SPLITS = """
n = int(len(data) * 0.8)
train, test = data[:n], data[n:]
"""
SETS = """
x_train, y_train = windows(train)
x_test, y_test = windows(test)
x_train = np.reshape(x_train, (x_train.shape[0], x_train.shape[1], 1))
"""
FIT = "model.fit(x_train, y_train)\n"


@pytest.mark.parametrize(
    "test",
    [
        "model.evaluate(x_test, y_test)",
        "model.predict(x_test)",
        "model.fit(x_train, y_train, validation_data=(x_test, y_test))",
    ],
)
def test_a_scaler_that_saw_the_test_data_is_found(test: str) -> None:
    scaled = "data = MinMaxScaler().fit_transform(data)"
    assert told(scaled + SPLITS + SETS + MODEL + FIT + test) == [("ST691", scaled)]
    apart = "scaler = MinMaxScaler()\nscaler.fit(data)\n"
    both = "train, test = scaler.transform(train), scaler.transform(test)\n"
    assert told(apart + SPLITS + both + SETS + MODEL + FIT + test) == [("ST691", "scaler.fit(data)")]


def test_a_scaler_before_train_test_split_is_found() -> None:
    scaled = "X = MinMaxScaler().fit_transform(pd.read_csv('b.csv').values)"
    body = f"""
{scaled}
x_train, x_test, y_train, y_test = train_test_split(X, labels)
model = Sequential([layers.Dense(8), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x_train, y_train)
model.evaluate(x_test, y_test)
"""
    assert told(body) == [("ST691", scaled)]


@pytest.mark.parametrize(
    "body",
    [
        SPLITS
        + "scaler = MinMaxScaler()\ntrain = scaler.fit_transform(train)\ntest = scaler.transform(test)"
        + SETS
        + MODEL
        + FIT
        + "model.evaluate(x_test, y_test)",
        "data = MinMaxScaler().fit_transform(data)" + SPLITS + SETS + MODEL + FIT,
        "data = MinMaxScaler().fit_transform(data)\nx, y = windows(data)"
        + MODEL
        + "model.fit(x, y, validation_split=0.2)\nmodel.predict(x[-1:])",
        "scaler = MinMaxScaler()\nscaler.fit(other)\ndata = scaler.transform(data)"
        + SPLITS
        + SETS
        + MODEL
        + FIT
        + "model.evaluate(x_test, y_test)",
        "data = MinMaxScaler().fit_transform(data)"
        + SPLITS
        + SETS
        + MODEL
        + FIT
        + "model.evaluate(*load())\nmodel.predict(unknown)",
    ],
)
def test_a_scaler_of_the_training_data_alone_or_of_what_is_not_known_is_not_spoken_of(body: str) -> None:
    assert told(body) == []


APART = "x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=1)"


def test_windows_that_are_shuffled_apart_are_found_and_split_by_time() -> None:
    body = f"x, y = windows(data)\n{APART}\n{MODEL}{FIT}"
    assert told(body) == [("ST692", APART)]
    (one,) = leaks(body)
    (fix,) = one.fixes
    after = fix.apply(HEAD + body)
    assert APART.replace("random_state=1", "random_state=1, shuffle=False") in after
    assert not [d for d in check_text(after).every if d.code in LEAKS]


@pytest.mark.parametrize(
    "split",
    [
        APART.replace("random_state=1", "shuffle=False"),
        "x_train, y_train = x[:800], y[:800]",
        "x, y = x[::24], y[::24]\n" + APART,
        "x = np.array([data[i:i + 24] for i in range(0, len(data), 24)])\n" + APART,
        "x_train, x_test, y_train, y_test = train_test_split(*load())",
    ],
)
def test_windows_that_stay_in_order_or_lie_apart_are_not_spoken_of(split: str) -> None:
    assert told(f"x, y = windows(data)\n{split}\n{MODEL}{FIT}") == []


def test_a_stateful_model_that_is_shuffled_is_found_and_mended() -> None:
    fit = "model.fit(x, y, epochs=9, batch_size=4)"
    body = f"x, y = windows(data){STATEFUL}{fit}\n"
    assert told(body) == [("ST693", fit)]
    (one,) = leaks(body)
    assert [(f.title, f.safe) for f in one.fixes] == [("keep the order of the samples: shuffle=False", True)]
    assert fit.replace("=4)", "=4, shuffle=False)") in one.fixes[0].apply(HEAD + body)
    said = body.replace("batch_size=4", "batch_size=4, shuffle=True")
    (fixed,) = leaks(said)[0].fixes
    assert fixed.apply(HEAD + said) == HEAD + body.replace("batch_size=4", "batch_size=4, shuffle=False")


@pytest.mark.parametrize(
    "fit",
    [
        "model.fit(x, y, batch_size=4, shuffle=False)",
        "model.fit(x, y, batch_size=4, shuffle=mixed)",
        "model.fit(generator(), epochs=3)",
        "model.fit(np.random.rand(40, 24, 1), np.random.rand(40, 1), batch_size=4)",
        "model.fit(x[:4], y[:4], batch_size=4)",
        "model.predict(x, batch_size=4)",
    ],
)
def test_samples_in_their_order_are_not_spoken_of(fit: str) -> None:
    assert told(f"x, y = np.zeros((400, 24, 1)), np.zeros(400){STATEFUL}{fit}") == []


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        ("model.fit(x, y, validation_data=(x, y))", "is the training data"),
        ("model.fit(x[:80], y[:80], validation_data=(x[70:90], y[70:90]))", "has samples of the"),
        ("model.fit(x[:80], y[:80], validation_data=(x[80:], y[80:]))", ""),
        ("model.fit(x[:n], y[:n], validation_data=(x[n:], y[n:]))", ""),
        ("model.fit(x, y, validation_data=(z, w))", ""),
        ("model.fit(x, y, validation_data=valid)", ""),
    ],
)
def test_validation_on_training_data_is_found(fit: str, said: str) -> None:
    found = leaks(f"x, y = windows(data)\nz, w = windows(other)\n{MODEL}{fit}")
    assert [d.code for d in found] == (["ST694"] if said else [])
    assert all(said in d.message for d in found)


def test_leaks_can_be_switched_off() -> None:
    body = HEAD + f"x, y = windows(data){MODEL}model.fit(x, y, validation_data=(x, y))"
    assert not [d for d in check_text(body, selection=Selection(ignore=("ST694",))).every if d.code in LEAKS]
    ignored = f"{body}  # seqtopo: ignore[ST694] on purpose\n"
    assert not [d for d in check_text(ignored).every if d.code in LEAKS]
    assert {CODES[code].severity for code in LEAKS} == {"warning"}
