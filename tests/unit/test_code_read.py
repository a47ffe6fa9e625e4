"""Reading Keras code: models by structure and shapes, symbols, and the places where reading stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqtopo.code.model import CodeFile, CodeModel, Opaque
from seqtopo.code.read import read_file, read_text
from seqtopo.layers.sizes import Size, total, volume

LAYERS = "from keras import Input, Model, Sequential, layers, ops\nfrom keras.layers import *\n"


def read(code: str) -> CodeFile:
    return read_text(LAYERS + code)


def only(code: str) -> CodeModel:
    (model,) = read(code).models
    return model


def kinds(model: CodeModel) -> list[str]:
    return [call.layer.kind for call in model.calls]


def shape(model: CodeModel) -> str:
    gives = model.calls[-1].gives
    return str(gives[0]) if gives is not None else "unknown"


def parameters(model: CodeModel) -> Size:
    layers = dict.fromkeys(call.layer for call in model.calls)
    return total(volume(w.shape for w in layer.weights or ()) for layer in layers)


@pytest.mark.parametrize(
    "code",
    [
        "model = Sequential([Input((8, 3)), LSTM(4), Dense(1)])",
        "model = Sequential()\nmodel.add(LSTM(4, input_shape=(8, 3)))\nmodel.add(Dense(1))",
        "x = Input((8, 3))\nmodel = Model(x, Dense(1)(LSTM(4)(x)))",
        "def build(units, out=1):\n    x = Input(shape=(8, 3))\n"
        "    return Model(x, Dense(out)(LSTM(units)(x)))\n"
        "model = build(4)",
        "model = Sequential([Input((8, 3))] + [LSTM(n) for n in [4]] + [Dense(1)])",
        "class Net:\n    def __init__(self, units):\n        self.model = Sequential([Input((8, 3))])\n"
        "        self.model.add(LSTM(units))\n        self.model.add(Dense(1))\nNet(4)",
        "import functools\nR = functools.partial(LSTM, units=4)\n"
        "model = Sequential([Input((8, 3)), R(), Dense(1)])",
        "class Net(Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a, self.b = LSTM(4), Dense(1)\n"
        "    def call(self, x):\n        return self.b(self.a(x))\nnet = Net()\nnet(Input((8, 3)))",
        "model = Sequential([Input((8, 3)), LSTM(4), Dense(9), Dense(1)])\nmodel.pop()\nmodel.pop()\n"
        "model.add(Dense(1))",
        "base = Sequential([Input((8, 3)), LSTM(4), Dense(7)])\n"
        "del base\nx = Input((8, 3))\nmodel = Model(x, Dense(1)(LSTM(4)(x)))",
    ],
)
def test_a_small_model_is_read_however_it_is_written(code: str) -> None:
    model = read(code).models[-1]
    assert (kinds(model), shape(model), parameters(model)) == (["LSTM", "Dense"], "(1,)", 133)
    assert model.complete
    assert not model.stops


def test_a_place_is_the_text_of_the_layer_and_of_each_argument() -> None:
    model = only("model = Sequential([Input((8, 3)), LSTM(units=4, return_sequences=True)])\n")
    (call,) = model.calls
    layer = call.layer
    assert layer.where is not None
    assert layer.where.text == "LSTM(units=4, return_sequences=True)"
    units = layer.args["units"]
    assert units.where is not None
    assert units.whole is not None
    assert (units.where.text, units.whole.text) == ("4", "units=4")
    assert call.form == "item"


def test_places_count_characters_where_the_text_is_not_ascii() -> None:
    found = read_text(
        "# é\nfrom keras.layers import *\nfrom keras import *\nm = 'ü'; model = Sequential([LSTM(4)])"
    )
    where = found.models[0].calls[0].layer.where
    assert where is not None
    assert where.text == "LSTM(4)"


def test_what_is_not_known_is_a_symbol_named_after_its_text() -> None:
    found = read("import mine\nx_train = mine.load()\n"
                 "model = Sequential([Input(x_train.shape[1:]), LSTM(4)])\n"
                 "model2 = Sequential([Input((x_train.shape[1], 3)), LSTM(4)])")  # fmt: skip
    one, two = found.models
    assert str(one.inputs[0].tensor) == "(X_TRAIN_SHAPE_1, X_TRAIN_SHAPE_2)"
    assert str(two.inputs[0].tensor) == "(X_TRAIN_SHAPE_1, 3)"
    assert found.symbols == {"X_TRAIN_SHAPE_1": "x_train.shape[1]", "X_TRAIN_SHAPE_2": "x_train.shape[2]"}


def test_an_input_of_unknown_shape_has_the_axes_that_its_first_layer_takes() -> None:
    found = read("def build(input_shape):\n    x = Input(shape=input_shape)\n"
                 "    return Model(x, Dense(2)(LSTM(4)(x)))\n"
                 "model = Sequential([LSTM(4, return_sequences=True), LSTM(3)])\n"
                 "open = Sequential([Dense(4), Dense(3)])")  # fmt: skip
    texts = [str(m.inputs[0].tensor) for m in found.models]
    assert texts == ["(INPUTS_SHAPE_1, INPUTS_SHAPE_2)", "None", "(INPUT_SHAPE_0, INPUT_SHAPE_1)"]


def test_a_branch_on_data_leaves_what_both_sides_agree_on() -> None:
    found = read("import mine\nx = Input((8, 3))\ny = LSTM(4)(x)\nif mine.deep():\n    y = Dense(4)(y)\n"
                 "model = Model(x, Dense(1)(y))")  # fmt: skip
    (model,) = found.models
    assert kinds(model) == ["LSTM", "Dense", "if", "Dense"]
    assert shape(model) == "(1,)"


def test_a_custom_layer_is_opaque_and_its_call_tells_the_shape() -> None:
    model = only("class Mine(Layer):\n    def __init__(self, n):\n        super().__init__()\n"
                 "        self.d = Dense(n)\n"
                 "    def call(self, x, training=None):\n        return self.d(x)[:, -1]\n"
                 "x = Input((8, 3))\nmodel = Model(x, Dense(1)(Mine(5)(x)))")  # fmt: skip
    assert model.calls[0].layer.row is None
    assert model.calls[0].layer.why == "a custom layer"
    assert str((model.calls[0].gives or "?")[0]) == "(5,)"
    assert len(model.calls) == 2


def test_behind_a_custom_layer_that_is_not_followed_shapes_are_unknown() -> None:
    model = only("import mine\nclass Mine(Layer):\n    def call(self, x):\n        return mine.f(x)\n"
                 "x = Input((8, 3))\nmodel = Model(x, Dense(1)(Mine()(x)))")  # fmt: skip
    assert shape(model) == "unknown"


def test_a_file_that_is_no_python_is_read_up_to_the_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(
        LAYERS + "model = Sequential([Input((8, 3)), LSTM(4)])\ndef f(:\n    pass\n", encoding="utf-8"
    )
    found = read_file(path)
    assert [m.name for m in found.models] == ["model"]
    assert isinstance(found.stops[0], Opaque)
    assert "no Python" in found.stops[0].why


@pytest.mark.parametrize(
    ("expression", "kinds_of_rows", "gives"),
    [
        ("x[:, -1]", ["at"], "(3,)"),
        ("x[:, -2:, 0]", ["last", "at"], "(2,)"),
        ("x[:, ::-1]", ["flip"], "(8, 3)"),
        ("x[..., None]", ["expand"], "(8, 3, 1)"),
        ("x + x", ["add"], "(8, 3)"),
        ("x * 2 - 1", ["scale", "shift"], "(8, 3)"),
        ("1 - x", ["sub"], "(8, 3)"),
        ("-x", ["negative"], "(8, 3)"),
        ("ops.mean(x, axis=1)", ["mean"], "(3,)"),
        ("tf.reduce_sum(x, 1, keepdims=True)", ["sum"], "(1, 3)"),
        ("tf.concat([x, x], axis=-1)", ["concat"], "(8, 6)"),
        ("K.permute_dimensions(x, (0, 2, 1))", ["permute"], "(3, 8)"),
        ("ops.softmax(x, -1)", ["act"], "(8, 3)"),
        ("ops.einsum('btf,bsf->bts', x, x)", ["einsum"], "(8, 8)"),
        ("x + ops.zeros((1, 8, 1))", [None], "(8, 3)"),
    ],
)
def test_operations_have_the_rows_that_say_them(
    expression: str, kinds_of_rows: list[str | None], gives: str
) -> None:
    model = only("import tensorflow as tf\nfrom tensorflow.keras import backend as K\nfrom keras import ops\n"
                 f"x = Input((8, 3))\nmodel = Model(x, {expression})")  # fmt: skip
    assert [c.layer.row.name if c.layer.row else None for c in model.calls] == kinds_of_rows
    assert shape(model) == gives


@pytest.mark.parametrize(
    "layer",
    ["Dropout(mine.rate)", "Activation(mine.f)", "GaussianNoise(mine.s)", "Normalization()",
     "LSTM(3, return_sequences=True, dropout=mine.p)", "Dropout(0.5, seed=mine.s)"],
)  # fmt: skip
def test_an_unknown_argument_of_which_no_shape_depends_changes_none(layer: str) -> None:
    model = only(f"import mine\nmodel = Sequential([Input((8, 3)), {layer}, LSTM(4)])")
    assert shape(model) == "(4,)"


def test_an_operation_that_a_spec_does_not_have_is_opaque() -> None:
    model = only("x = Input((3,))\nmodel = Model(x, Dense(2)(ops.stack([x, x], axis=0)))")
    assert model.calls[0].layer.row is None


def test_images_have_their_channels_where_the_code_says() -> None:
    code = (
        "from keras import backend as K\nK.set_image_dim_ordering('th')\n"
        "shape = (1, 28, 28) if K.image_data_format() == 'channels_first' else (28, 28, 1)\n"
        "model = Sequential([Input(shape), Conv2D(4, 3), MaxPooling2D()])"
    )
    assert shape(only(code)) == "(4, 13, 13)"
    assert shape(only(code.replace("'th'", "'tf'"))) == "(13, 13, 4)"


def test_a_model_in_a_wrapper_and_in_a_model_is_read_inside() -> None:
    found = read("inner = Sequential([Input((8,)), Dense(4), Dense(2)], name='inner')\n"
                 "x = Input((5, 8))\nmodel = Model(x, LSTM(3)(TimeDistributed(inner)(x)))\n"
                 "y = Input((8,))\nouter = Model(y, Dense(1)(inner(y)))")  # fmt: skip
    assert [m.name for m in found.models] == ["inner", "model", "outer"]
    assert [parameters(m) for m in found.models] == [46, 118, 49]


def test_constants_of_other_packages_are_symbols() -> None:
    found = read("from config import UNITS, FEATURES\nimport settings\n"
                 "x = Input((settings.WINDOW, len(FEATURES)))\n"
                 "model = Model(x, LSTM(UNITS // 2)(x))")  # fmt: skip
    assert str(found.models[0].inputs[0].tensor) == "(WINDOW, LEN_FEATURES)"
    assert shape(found.models[0]) == "(UNITS//2,)"


def test_a_file_of_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text("from keras.layers import LSTM\ndef cell(n):\n    return LSTM(n)\n")
    (tmp_path / "main.py").write_text(
        LAYERS + "import parts\nmodel = Sequential([Input((8, 3)), parts.cell(4)])\n"
    )
    (model,) = read_file(tmp_path / "main.py").models
    assert shape(model) == "(4,)"


def test_training_is_noted_with_its_arguments() -> None:
    model = only("model = Sequential([Input((8, 3)), LSTM(4)])\nmodel.compile('adam', loss='mse')\n"
                 "for epoch in range(1000):\n    model.fit(x, y, batch_size=2)")  # fmt: skip
    assert [(t.method, sorted(t.args)) for t in model.training] == [
        ("compile", ["loss", "optimizer"]),
        ("fit", ["batch_size", "x", "y"]),
    ]


def test_commands_of_notebooks_are_no_python() -> None:
    cells = [
        ["!ls \\\n", "  -l\n", "x = 1\n"],
        ["%time model = Sequential([Input((8, 3)), LSTM(4)])\n", "model?"],
    ]
    made = [
        {"cell_type": "code", "source": ["import keras\nfrom keras import *\nfrom keras.layers import *"]}
    ]
    made += [{"cell_type": "code", "source": source} for source in cells]
    found = read_text(json.dumps({"cells": made}), "a.ipynb")
    assert not found.stops
    assert shape(found.models[0]) == "(4,)"
    assert found.notebook is not None
    where = found.models[0].calls[0].layer.where
    assert where is not None
    assert found.notebook.place(where.span.start) == (2, 1, 42)


def test_a_batch_size_that_is_not_known_is_none() -> None:
    model = only("import mine\nx = Input(batch_shape=(mine.n, 8, 3))\nmodel = Model(x, LSTM(4)(x))")
    assert model.inputs[0].batch is None


def test_a_shape_that_is_unknown_as_a_whole_has_no_number_of_axes() -> None:
    found = read("import mine\nimport numpy as np\nr = np.array(mine.windows())\n"
                 "one = Sequential([Dense(3, input_shape=r.shape[1:]), Dense(1)])\n"
                 "two = Sequential([LSTM(3, input_shape=r.shape[1:]), Dense(1)])\n"
                 "three = Sequential([Input((8, 3)), Reshape(mine.shape), Dense(1)])")  # fmt: skip
    assert [str(m.inputs[0].tensor) for m in found.models] == ["None", "(R_SHAPE_1, R_SHAPE_2)", "(8, 3)"]
    assert [shape(m) for m in found.models] == ["unknown", "(1,)", "unknown"]
    assert isinstance(found.models[2].calls[0].layer.args["target_shape"].value, Opaque)
