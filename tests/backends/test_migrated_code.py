"""Keras code whose safe fixes were made builds in Keras: old code, and code with mistakes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from seqtopo.code.check import check_text
from seqtopo.lint.selection import Selection
from tests.support.migrate import checked, mended, migrated

CASES = Path(__file__).resolve().parents[1] / "keras_code" / "old"
EVERY = sorted(CASES.glob("*.txt"))
FILES = EVERY if keras.config.backend() == "torch" else EVERY[::6]
"""All of them on PyTorch, a few on the others: what is built is the same."""


class Recorded:
    """The result of ``fit`` here: it has every record that is asked for."""

    def __init__(self) -> None:
        self.history = {"accuracy": [0.0], "acc": [0.0], "loss": [0.0]}


def fit(self: Any, *args: Any, **kwargs: Any) -> Recorded:
    inspect.signature(FIT).bind(self, *args, **kwargs)
    return Recorded()


def predict(self: Any, *args: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
    inspect.signature(PREDICT).bind(self, *args, **kwargs)
    return np.zeros((1, *(size or 1 for size in self.output_shape[1:])))


FIT, PREDICT = keras.Model.fit, keras.Model.predict


pytestmark = pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are built and compiled; their training only looks at its arguments."""
    monkeypatch.setattr(keras.Model, "fit", fit)
    monkeypatch.setattr(keras.Model, "predict", predict)
    monkeypatch.setattr(keras.Model, "evaluate", lambda *args, **kwargs: [0.0, 0.0])


def models_of(text: str) -> dict[str, int]:
    """The parameters of the models that a program makes, by their names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "migrated.py", "exec"), names)
    return {n: m.count_params() for n, m in names.items() if isinstance(m, keras.Model) and m.built}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_migrated_file_builds_with_the_parameters_that_were_read(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = models_of(migrated(text))
    read = {m.name: m.report.params for m in check_text(text).models if m.text is not None and m.text.whole}
    assert found
    assert read.items() <= found.items()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_old_text_of_most_files_does_not_build() -> None:
    failed = 0
    for file in FILES:
        try:
            models_of(file.read_text(encoding="utf-8"))
        except (ImportError, AttributeError, TypeError, ValueError):
            failed += 1
    assert failed > 0.8 * len(FILES)


HEAD = """\
import numpy as np
from keras import Input, Model, Sequential
from keras.layers import *
"""
MISTAKES = {
    "attention without its value": (
        "x = Input((10, 4))\nh = LSTM(8, return_sequences=True)(x)\n"
        "model = Model(x, MultiHeadAttention(2, 4)(h))\n"
    ),
    "one sample without its axis": (
        "data = np.zeros((20, 10, 4))\nsample = data[0]\n"
        "model = Sequential([Input((10, 4)), LSTM(3), Dense(1)])\nmodel.predict(sample)\n"
    ),
    "a stateful model and other batches": (
        "model = Sequential([Input(batch_shape=(4, 10, 2)), LSTM(3, stateful=True), Dense(1)])\n"
        "model.compile('sgd', 'mse')\nmodel.fit(np.zeros((64, 10, 2)), np.zeros((64, 1)))\n"
    ),
}
ALL = Selection(select=("ALL",))


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_the_safe_fixes_of_a_mistake_build(text: str) -> None:
    text = HEAD + text
    assert any(fix.safe for found in checked(text, ALL).every for fix in found.fixes)
    assert models_of(mended(text, ALL))
