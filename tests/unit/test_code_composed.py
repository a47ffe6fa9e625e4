"""Code read as several layers: RNNs of cells, models at every step, lambdas; parts that specs leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.code.check import check_text
from seqtopo.code.findings import CheckedModel
from tests.unit.test_code_findings import IMPORTS

Capture = pytest.CaptureFixture[str]
HEAD = IMPORTS + "from keras import backend as K\nimport tensorflow as tf\nfrom keras.layers import *\n"
X = "x = keras.Input((24, 3))\n"


def models(text: str) -> dict[str, CheckedModel]:
    return {model.name: model for model in check_text(HEAD + text, "train.py").models}


def spec(text: str) -> str:
    return " ; ".join(models(text)["m"].spec.strip().splitlines())


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ("RNN(LSTMCell(8), return_sequences=True)", "lstm(8,seq)"),
        ("RNN(cell=GRUCell(8, reset_after=False), stateful=False)", "gru(8,reset_after=false)"),
        ("RNN(SimpleRNNCell(8, activation='relu'), go_backwards=True)", "rnn(8,relu,back)"),
        ("RNN([LSTMCell(8), GRUCell(4)])", "lstm(8,seq) -> gru(4)"),
        ("RNN([LSTMCell(8), LSTMCell(4)], True, go_backwards=True)", "lstm(8,seq,back) -> lstm(4,seq)"),
        ("RNN(StackedRNNCells([LSTMCell(n) for n in (8, 4)]))", "lstm(8,seq) -> lstm(4)"),
        ("Bidirectional(RNN(LSTMCell(8)))", "bi(lstm(8))"),
    ],
)
def test_an_rnn_of_stock_cells_is_the_layers_that_run_them(made: str, says: str) -> None:
    assert spec(f"{X}m = keras.Model(x, Dense(1)({made}(x)))") == f"in(24,3) -> {says} -> dense(1)"
    of_list = f"m = keras.Sequential([keras.Input((24, 3)), {made}, Dense(1)])"
    assert spec(of_list) == f"in(24,3) -> {says} -> dense(1)"


@pytest.mark.parametrize(
    "made",
    [
        "RNN(MyCell(8))(x)",
        "RNN([LSTMCell(8), MyCell(8)])(x)",
        "RNN([LSTMCell(8), LSTMCell(4)], return_state=True)(x)[0]",
        "RNN([LSTMCell(8), LSTMCell(4)])(x, initial_state=states)",
        "Bidirectional(RNN([LSTMCell(8), LSTMCell(4)]))(x)",
    ],
)
def test_other_cells_are_not_read(made: str) -> None:
    assert not models(f"{X}m = keras.Model(x, Dense(1)({made}))")["m"].spec


CNN = "i = keras.Input((28, 28, 1))\ncnn = keras.Model(i, Flatten()(Conv2D(4, 3)(i)))\n"


def test_a_model_at_every_step_is_its_layers_at_every_step() -> None:
    says = "in(10,28,28,1) -> td(conv2d(4,3)) -> td(flatten) -> lstm(4)"
    films = "keras.Input((10, 28, 28, 1))"
    assert spec(f"{CNN}m = keras.Sequential([{films}, TimeDistributed(cnn), LSTM(4)])") == says
    assert spec(f"{CNN}x = {films}\nm = keras.Model(x, LSTM(4)(TimeDistributed(cnn)(x)))") == says
    late = "cnn = keras.Sequential([Conv2D(4, 3), Flatten()])\n"
    assert spec(f"{late}m = keras.Sequential([{films}, TimeDistributed(cnn), LSTM(4)])") == says


def test_a_model_at_every_step_of_two_films_is_one_model() -> None:
    text = f"{CNN}x = keras.Input((10, 28, 28, 1))\ny = keras.Input((10, 28, 28, 1))\n"
    text += "both = Concatenate()([TimeDistributed(cnn)(x), TimeDistributed(cnn)(y)])\n"
    found = models(text + "m = keras.Model([x, y], LSTM(4)(both))")["m"]
    assert found.report.params == 40 + 4 * 4 * (2 * 2704 + 4 + 1)


def test_a_model_that_is_no_chain_is_left_out_at_every_step() -> None:
    text = "i = keras.Input((28, 28, 1))\ncnn = keras.Model(i, Add()([Flatten()(i), Flatten()(i)]))\n"
    found = models(
        f"{text}x = keras.Input((10, 28, 28, 1))\nm = keras.Model(x, LSTM(4)(TimeDistributed(cnn)(x)))"
    )
    assert found["m"].text is not None
    assert not found["m"].text.whole


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("lambda t: t[:, -1, :]", "at(-1)"),
        ("lambda t: K.mean(t, axis=1)", "mean(time)"),
        ("lambda t: K.mean(K.square(t), axis=1)", "square -> mean(time)"),
        ("lambda t: (t - 3) / 2.5", "shift(-3) -> divide(2.5)"),
        (
            "lambda t: K.one_hot(K.cast(t[:, :, 0], 'int32'), 10)",
            "at(0,2) -> cast(int32) -> one_hot(10)",
        ),
        ("K.softmax", "softmax"),
        ("halves", "[first(12), slice(12)] -> add"),
        ("lambda t, n: t[:, -n:], arguments={'n': 4}", "last(4)"),
    ],
)
def test_a_lambda_of_operations_is_read_as_them(function: str, says: str) -> None:
    halves = "def halves(t):\n    a = t[:, :12]\n    b = t[:, 12:]\n    return a + b\n"
    assert spec(f"{halves}{X}m = keras.Model(x, Lambda({function})(x))") == f"in(24,3) -> {says}"
    of_list = f"m = keras.Sequential([keras.Input((24, 3)), Lambda({function})])"
    assert spec(halves + of_list) == f"in(24,3) -> {says}"


@pytest.mark.parametrize(
    "function",
    [
        "lambda t: mine(t) + 1",
        "lambda t: Dense(3)(t) + 1",
        "lambda t: K.mean(t)",
        "lambda t: K.square(t) + other",
    ],
)
def test_a_lambda_of_something_else_is_left_out(function: str) -> None:
    found = models(f"{X}m = keras.Model(x, Dense(1)(Lambda({function})(x)))")["m"]
    assert found.text is None or not found.text.whole


def test_a_lambda_of_several_operations_is_one_layer_of_the_model() -> None:
    text = f"{X}m = keras.Model(x, LSTM(4)(Lambda(lambda t: K.relu(t) + 1, name='up')(x)))\n"
    text += (
        "a = keras.Model(m.input, m.get_layer('up').output)\nb = keras.Model(m.input, m.layers[1].output)\n"
    )
    found = models(text + "c = keras.Model(m.input, m.layers[-1].output)")
    assert found["a"].spec == found["b"].spec == "in(24,3) -> relu -> shift(1)\n"
    assert found["c"].spec == found["m"].spec


def test_a_mistake_behind_parts_has_its_place_and_no_edit_between_them() -> None:
    text = (
        "m = keras.Sequential([\n    RNN([LSTMCell(8), LSTMCell(4)], input_shape=(24, 3)),\n    LSTM(3),\n])"
    )
    (found,) = check_text(HEAD + text, "train.py").every
    assert found.code == "ST301"
    assert found.source is not None
    assert found.source.text[found.span.start : found.span.end] == "LSTM(3)"
    for fix in found.fixes:
        compile(fix.apply(found.source.text), "train.py", "exec")
        assert "LSTMCell(4, return_sequences" not in fix.apply(found.source.text)


def test_a_layer_of_unknown_arguments_gives_the_shape_that_it_takes() -> None:
    found = models(f"{X}m = keras.Model(x, LSTM(4)(Dropout(**settings)(x)))")["m"]
    assert [str(line.outputs[0]) for line in found.report.shapes][-1] == "(4,)"
    assert not models(f"{X}m = keras.Model(x, LSTM(4)(Dense(**settings)(x)))")["m"].spec


# ---- what a spec leaves out -------------------------------------------------------------------------------

PARTIAL = f"""{IMPORTS}
x = keras.Input((24, 3))
own = keras.Model(x, layers.Dense(1)(Mine()(layers.LSTM(4)(x))))
a, b, c = keras.ops.split(x, 3, axis=-1)
split = keras.Model(x, layers.Dense(1)(a))
words = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation=mine)])
words.compile("adam", my_loss)
whole = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
"""


@pytest.mark.parametrize(
    ("name", "codes"),
    [("own", ["ST503"]), ("split", ["ST503"]), ("words", ["ST504", "ST505"]), ("whole", [])],
)
def test_what_a_spec_leaves_out_is_told(name: str, codes: list[str], tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "train.py"
    file.write_text(PARTIAL)
    (model,) = [model for model in seqtopo.read_code(file) if model.name == name]
    assert [d.code for d in model.left_out] == codes
    for command in (
        ["convert", "keras", f"{file}:{name}"],
        ["draw", f"{file}:{name}"],
        ["show", f"{file}:{name}"],
    ):
        assert main(command) == 0
        said = capsys.readouterr()
        for code in ("ST503", "ST504", "ST505"):
            assert (code in said.out + said.err) == (code in codes)
        assert command[0] == "show" or "warning" not in said.out
