"""Old spellings in Keras code: each is told at its place, and its safe fix means the same in Keras 3."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from seqtopo.cli.main import main
from seqtopo.code.check import check_text
from seqtopo.diag.codes import CODES
from tests.support.migrate import migrated, old_in

CASES = Path(__file__).resolve().parents[1] / "keras_code" / "old"
FILES = sorted(CASES.glob("*.txt"))
HEAD = (
    "from keras.models import Sequential, Model\nfrom keras.layers import *\nfrom keras.optimizers import *\n"
)
OLD = "from keras.layers.core import Dense\nmodel.fit(x, y, nb_epoch=2)\n"


def line(written: str) -> list[str]:
    """Return the lines that a fix changes in code behind the usual imports."""
    before = HEAD + written + "\n"
    after = migrated(before)
    ast.parse(after)
    return [one for one in after.splitlines() if one not in before.splitlines()]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Dense(output_dim=4)", "Dense(units=4)"),
        ("Dense(4, init='normal', bias=False)", "Dense(4, kernel_initializer='normal', use_bias=False)"),
        ("Dropout(p=.5)", "Dropout(rate=.5)"),
        ("Convolution2D(8, 3, 5)", "Conv2D(8, (3, 5))"),
        ("Convolution2D(8, nb_row=3, nb_col=5)", "Conv2D(8, kernel_size=(3, 5))"),
        ("Convolution2D(8, 3, 5, 'he_normal')", "Conv2D(8, (3, 5), kernel_initializer='he_normal')"),
        ("Conv1D(8, 3, border_mode='same')", "Conv1D(8, 3, padding='same')"),
        ("Conv2D(8, 3, dim_ordering='th')", "Conv2D(8, 3, data_format='channels_first')"),
        ("CuDNNLSTM(n, return_sequences=True)", "LSTM(n, return_sequences=True)"),
        ("TimeDistributedDense(4)", "Dense(4)"),
        ("GRU(output_dim=4, inner_activation='sigmoid')",
         "GRU(units=4, recurrent_activation='sigmoid', reset_after=False)"),
        ("LSTM(4, implementation=2)", "LSTM(4)"),
        ("LSTM(4, consume_less='gpu', stateful=True)", "LSTM(4, stateful=True)"),
        ("LeakyReLU(alpha=0.2)", "LeakyReLU(negative_slope=0.2)"),
        ("merge([a, b], mode='concat', concat_axis=1)", "concatenate([a, b], axis=1)"),
        ("merge([a, b], 'sum')", "add([a, b])"),
        ("Model(input=a, output=b)", "Model(inputs=a, outputs=b)"),
        ("Adam(lr=1e-3)", "Adam(learning_rate=1e-3)"),
        ("keras.optimizers.adam(lr=1e-3)", "keras.optimizers.Adam(learning_rate=1e-3)"),
        ("SGD(lr=0.1, decay=0.0, momentum=0.9)", "SGD(learning_rate=0.1, momentum=0.9)"),
        ("model.fit(x, y, nb_epoch=n)", "model.fit(x, y, epochs=n)"),
        ("model.fit_generator(g, 10, 2, workers=4)", "model.fit(g, steps_per_epoch=10, epochs=2)"),
        ("model.predict_generator(generator=g, steps=3)", "model.predict(x=g, steps=3)"),
        ("keras.backend.mean(x, axis=1)", "keras.ops.mean(x, axis=1)"),
        ("keras.backend.concatenate([a, b])", "keras.ops.concatenate([a, b], axis=-1)"),
        ("model.compile(loss='cosine_proximity', optimizer='sgd')",
         "model.compile(loss='cosine_similarity', optimizer='sgd')"),
        ("keras.utils.np_utils.to_categorical(y, nb_classes=3)",
         "keras.utils.to_categorical(y, num_classes=3)"),
    ],
)  # fmt: skip
def test_a_call_is_written_as_keras_3_has_it(old: str, new: str) -> None:
    head = "import keras\n" if "keras." in old else ""
    assert line(head + old) == [new]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from keras.layers.core import Dense, Dropout", "from keras.layers import Dense, Dropout"),
        ("from keras.layers.recurrent import *", "from keras.layers import *"),
        ("from keras.engine import Model, Input as In",
         "from keras.models import Model\nfrom keras.layers import Input as In"),
        ("from keras.utils import np_utils", "from keras import utils as np_utils"),
        ("from keras.utils.visualize_util import plot", "from keras.utils import plot_model as plot"),
        ("from tensorflow.python.keras.layers import LSTM", "from tensorflow.keras.layers import LSTM"),
        ("from tensorflow.python import keras", "from tensorflow import keras"),
        ("import keras_core as keras", "import keras as keras"),
        ("from keras.optimizers import sgd", "from keras.optimizers import SGD as sgd"),
        ("from keras.layers import CuDNNLSTM", "from keras.layers import LSTM"),
        ("from keras.layers import Dense, Highway", "from keras.layers import Dense"),
        ("from keras.objectives import mse", "from keras.losses import mean_squared_error as mse"),
    ],
)  # fmt: skip
def test_an_import_comes_from_where_keras_3_has_it(old: str, new: str) -> None:
    assert migrated(old + "\n") == new + "\n"


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("LSTM(4, input_dim=3)", "shape=(None, 3)"),
        ("LSTM(4, input_dim=3, input_length=n)", "shape=(n, 3)"),
        ("Dense(4, input_dim=3)", "shape=(3,)"),
        ("Dense(4, input_shape=(3,))", "shape=(3,)"),
        ("Dense(4, input_shape=(3,), batch_size=2)", "shape=(3,), batch_size=2"),
        ("LSTM(4, batch_input_shape=(2, 5, 3))", "batch_shape=(2, 5, 3)"),
        ("Embedding(9, 4, input_length=7)", "shape=(7,), dtype='int32'"),
        ("Bidirectional(LSTM(4), input_shape=(5, 3))", "shape=(5, 3)"),
    ],
)
def test_a_shape_stands_in_an_input_before_the_layer(layer: str, shape: str) -> None:
    head = "'quotes'\nn = 5\nmodel = Sequential()\n"
    found = line(f"{head}model.add({layer})\nmodel.add(Dense(1))")
    assert found[0] == f"model.add(Input({shape}))"
    assert "input_" not in found[1]


def test_a_shape_in_a_list_stands_in_an_input_that_is_imported() -> None:
    head = "from keras import Sequential\nfrom keras.layers import Dense\n"
    text = head + "m = Sequential([\n    {}Dense(4{}),\n])\n"
    after = text.replace("Dense\n", "Dense, Input\n").format("Input(shape=(3,)),\n    ", "")
    assert migrated(text.format("", ", input_dim=3")) == after


def test_a_layer_behind_another_needs_no_shape() -> None:
    text = "model = Sequential()\nmodel.add(Input((3, 2)))\nmodel.add(LSTM(4, input_dim=2, name='l'))"
    assert line(text) == ["model.add(LSTM(4, name='l'))"]


def test_a_decay_is_a_schedule_unless_the_rate_is_set_while_it_trains() -> None:
    text = "from keras.optimizers import Adam\nopt = Adam(lr=0.1, decay=1e-6)\n"
    assert migrated(text).splitlines()[-1] == "opt = Adam(learning_rate=InverseTimeDecay(0.1, 1, 1e-6))"
    assert migrated("from keras.callbacks import ReduceLROnPlateau\n" + text).endswith(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("model.predict_classes(x)", "ST809"),
        ("model.fit_generator(g, samples_per_epoch=10, nb_epoch=2)", "ST806"),
        ("Dense(4, weights=[w])", "ST803"),
        ("BatchNormalization(mode=2)", "ST803"),
        ("Convolution2D(8, *sides)", "ST802"),
        ("merge([a, b], mode=f)", "ST802"),
        ("Highway()", "ST809"),
        ("model.save_weights('w.h5')", "ST805"),
        ("ModelCheckpoint('m.h5')", "ST805"),
        ("keras.backend.function([a], [b])", "ST808"),
    ],
)
def test_what_is_not_sure_to_mean_the_same_is_left_and_told(text: str, code: str) -> None:
    head = "import keras\nfrom keras.callbacks import ModelCheckpoint\n" + HEAD
    before = head + text + "\n"
    assert code in {found.code for found in old_in(before)}
    assert migrated(before) == before
    assert all(found.help for found in old_in(before) if not found.fixes)


def test_the_states_of_a_model_are_reset_layer_by_layer() -> None:
    text = "m = Sequential([Input(batch_shape=(2, 5, 3)), LSTM(4, stateful=True)])\nfor i in range(3):\n    "
    assert line(f"{text}m.reset_states()  # anew") == [
        "    [layer.reset_states() for layer in m.layers if getattr(layer, 'stateful', False)]  # anew"
    ]
    assert line("layer = LSTM(4, stateful=True)\nlayer.reset_states()\nmetric.reset_states()") == []
    (found,) = old_in("import keras\nself.model.reset_states()\n")
    assert [fix.safe for fix in found.fixes] == [False]


def test_records_of_accuracy_have_its_name_where_the_metric_has_it() -> None:
    text = "model.compile('sgd', 'mse', metrics=['{}'])\nh = model.fit(x, y)\nprint(h.history['val_acc'])\n"
    hist = text.replace("h =", "hist =").replace("h.history", "hist.history")
    assert migrated(hist.format("accuracy")).endswith("hist.history['val_accuracy'])\n")
    assert migrated(hist.format("acc")) == hist.format("acc")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_migrated_at_once_and_its_models_stay(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert old_in(text)
    after = migrated(text)
    ast.parse(after)
    assert migrated(after) == after
    assert not any(fix.safe for found in old_in(after) for fix in found.fixes)
    before = [(m.name, m.report.params) for m in check_text(text).models]
    assert [(m.name, m.report.params) for m in check_text(after).models] == before
    comments = [one.partition("#")[2] for one in text.splitlines() if "#" in one]
    assert all(comment in after for comment in comments)


def test_there_are_files() -> None:
    assert len(FILES) > 15


def test_a_fix_that_would_change_a_model_is_not_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "x = Input((3, 2))\nm = Model(x, GRU(output_dim=4)(x))\nm.fit(a, b, nb_epoch=1)\n"
    assert "reset_after=False" in migrated(text)
    monkeypatch.setattr("seqtopo.code.old_calls._defaults", lambda *_: None)
    assert migrated(text) == text.replace("nb_epoch", "epochs")


def test_they_are_off_by_default_and_say_nothing() -> None:
    codes = [code for code in CODES if code.startswith("ST8")]
    assert len(codes) == 9
    assert not any(CODES[code].on for code in codes)
    assert not check_text(OLD).every


def test_each_is_told_at_its_exact_place() -> None:
    text = HEAD + "LSTM(4,\n     inner_init='one', name='x')\n"
    (found,) = old_in(text)
    assert text[found.span.start : found.span.end] == "inner_init='one'"
    assert found.message == "Keras 3 calls inner_init recurrent_initializer"


def test_names_that_are_not_of_keras_are_left() -> None:
    text = "from mine import Dense, LSTM\nDense(output_dim=3)\nLSTM(4, input_dim=3)\nclf.predict_proba(x)\n"
    assert not old_in(text)
    own = "from keras.layers import Dense\ndef Dense(output_dim): pass\nDense(output_dim=3)\n"
    assert not old_in(own)
    assert not old_in("from tf_keras.layers import CuDNNLSTM\nCuDNNLSTM(4)\n")


# ---- the command ---------------------------------------------------------------------------------------

MIGRATE = ["check", "--select", "ST8", "--fix", "--fix-only", "ST8"]


def test_the_command_migrates_a_folder_and_leaves_the_rest_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "# Größe\r\nfrom keras.layers.core import Dense\t# hier\r\n\r\nDense( output_dim = 3 )  \r\n"
    (tmp_path / "a.py").write_bytes(text.encode())
    (tmp_path / "b.py").write_bytes(b"import keras\n\nprint( 1 )\n")
    assert main([*MIGRATE, str(tmp_path)]) == 0
    assert "fixed 2 mistakes" in capsys.readouterr().out
    after = text.replace("keras.layers.core", "keras.layers").replace("output_dim", "units")
    assert (tmp_path / "a.py").read_bytes() == after.encode()
    assert (tmp_path / "b.py").read_bytes() == b"import keras\n\nprint( 1 )\n"
    assert main([*MIGRATE, str(tmp_path)]) == 0
    assert (tmp_path / "a.py").read_bytes() == after.encode()


def test_the_command_migrates_the_cells_of_a_notebook(tmp_path: Path) -> None:
    cells = [
        [
            "%matplotlib inline\n",
            "from keras.models import Sequential\n",
            "from keras.layers import LSTM, Dense",
        ],
        ["model = Sequential()\n", "model.add(LSTM(4, input_dim=3))\n", "model.add(Dense(output_dim=1))"],
    ]
    made = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [], "source": source}
            for source in cells
        ],
        "metadata": {"kept": "ü"},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(made, indent=1), encoding="utf-8")
    main([*MIGRATE, str(path)])
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["cells"][0]["source"][2] == "from keras.layers import LSTM, Dense, Input"
    assert after["cells"][1]["source"] == [
        "model = Sequential()\n",
        "model.add(Input(shape=(None, 3)))\n",
        "model.add(LSTM(4))\n",
        "model.add(Dense(units=1))",
    ]
    assert after["metadata"] == made["metadata"]
