"""Names in Keras code that Keras does not have: words, arguments, losses; and names that are the author's."""

from __future__ import annotations

import pytest

from seqtopo.code.check import check_text
from seqtopo.diag.model import Diagnostic
from tests.unit.test_code_findings import IMPORTS

NAMES = ("ST202", "ST203", "ST217")
MODEL = "model = keras.Sequential([keras.Input((24, 3)), {}, layers.Dense(1)])\n"


def named(text: str, head: str = IMPORTS) -> list[Diagnostic]:
    return [d for d in check_text(head + text, "train.py").every if d.code in NAMES]


def of_layer(layer: str, head: str = IMPORTS) -> list[Diagnostic]:
    return named(MODEL.format(layer), head)


def mended(text: str, found: Diagnostic) -> str:
    assert found.fixes, found
    assert found.source is not None
    return found.fixes[0].apply(found.source.text).removeprefix(IMPORTS)


@pytest.mark.parametrize(
    ("layer", "place", "better"),
    [
        ('layers.LSTM(8, activation="rleu")', '"rleu"', 'layers.LSTM(8, activation="relu")'),
        ('layers.Dense(4, "softmx")', '"softmx"', 'layers.Dense(4, "softmax")'),
        ('layers.Activation("tahn")', '"tahn"', 'layers.Activation("tanh")'),
        ('layers.Conv1D(8, 3, padding="smae")', '"smae"', 'layers.Conv1D(8, 3, padding="same")'),
        (
            'layers.TimeDistributed(layers.Dense(4, activation="rleu"))',
            '"rleu"',
            'layers.TimeDistributed(layers.Dense(4, activation="relu"))',
        ),
        (
            'layers.Bidirectional(layers.LSTM(8), merge_mode="cat")',
            '"cat"',
            'layers.Bidirectional(layers.LSTM(8), merge_mode="concat")',
        ),
        (
            'layers.Dense(4, kernel_initializer="he_norml")',
            '"he_norml"',
            'layers.Dense(4, kernel_initializer="he_normal")',
        ),
        (
            "layers.LSTM(8, retrun_sequences=True)",
            "retrun_sequences",
            "layers.LSTM(8, return_sequences=True)",
        ),
        (
            "layers.Bidirectional(layers.LSTM(8, droput=0.1))",
            "droput",
            "layers.Bidirectional(layers.LSTM(8, dropout=0.1))",
        ),
    ],
)
def test_a_misspelt_word_is_told_at_its_place_with_the_nearest(layer: str, place: str, better: str) -> None:
    (found,) = of_layer(layer)
    assert found.source is not None
    assert found.source.text[found.span.start : found.span.end] == place
    assert found.fixes[0].title.startswith(("did you mean", "write"))
    assert mended(layer, found) == MODEL.format(better)


@pytest.mark.parametrize(
    ("call", "code", "better"),
    [
        ('compile("adm", "mse")', "ST217", 'compile("adam", "mse")'),
        ('compile(loss="mse_")', "ST217", 'compile(loss="mse")'),
        ('compile(loss=["msee"])', "ST217", 'compile(loss=["mse"])'),
        (
            'compile(loss="mse", metrics=["mae", "acuracy"])',
            "ST217",
            'compile(loss="mse", metrics=["mae", "accuracy"])',
        ),
        ('compile(loss="mse", metric=["mae"])', "ST202", 'compile(loss="mse", metrics=["mae"])'),
        ("fit(x, y, epoch=3)", "ST202", "fit(x, y, epochs=3)"),
        ("predict(x, batchsize=3)", "ST202", "predict(x, batch_size=3)"),
    ],
)
def test_misspelt_names_of_training(call: str, code: str, better: str) -> None:
    text = MODEL.format("layers.LSTM(8)")
    (found,) = named(f"{text}model.{call}\n")
    assert found.code == code
    assert mended(call, found) == f"{text}model.{better}\n"


def test_the_words_are_those_of_keras() -> None:
    (found,) = of_layer('layers.Bidirectional(layers.LSTM(8), merge_mode="cat")')
    assert found.message == (
        'Bidirectional(merge_mode="cat"): merge_mode must be "sum", "mul", "concat" or "ave"'
    )
    (found,) = of_layer('layers.LSTM(8, return_sequences="yes")')
    assert found.message == 'LSTM(return_sequences="yes"): return_sequences must be True or False'
    (found,) = of_layer("layers.LSTM(8, mystery=3)")
    assert found.message == "LSTM has no argument mystery"
    assert found.help.startswith("its arguments are activation, ")


@pytest.mark.parametrize(
    "layer",
    [
        "layers.Dense(4, activation=act)",
        "layers.Dense(4, activation=mine.act)",
        "layers.Dense(4, activation=keras.activations.newer_than_seqtopo)",
        "layers.Dense(4, activation=lambda x: x)",
        'layers.Conv1D(4, 3, padding="SAME")',
        "layers.Dense(4, **settings)",
        'layers.Dense(4, **{"activaton": "relu"})',
        "layers.LSTM(8, implementation=2, input_shape=(24, 3))",
        "layers.BatchNormalization(fused=False, renorm=True)",
        "layers.Normalization(mean=None, variance=None)",
        'layers.LSTM(output_dim=8, inner_init="orthogonal", forget_bias_init="one", consume_less="gpu")',
        "layers.Convolution1D(nb_filter=4, filter_length=3, border_mode='valid', subsample_length=1)",
    ],
)
def test_names_that_may_mean_something_are_left_alone(layer: str) -> None:
    assert not of_layer(layer)


@pytest.mark.parametrize(
    "head",
    [
        'keras.utils.get_custom_objects()["rleu"] = act\n',
        "with keras.utils.custom_object_scope({}):\n    pass\n",
        "@keras.saving.register_keras_serializable()\ndef rleu(x): return x\n",
    ],
)
def test_names_of_own_objects_are_left_alone(head: str) -> None:
    assert of_layer('layers.Dense(4, activation="rleu")')
    assert not of_layer('layers.Dense(4, activation="rleu")', IMPORTS + head)
    compiled = MODEL.format("layers.LSTM(8)") + 'model.compile("adm", "mine", ["ours"])\n'
    assert len(named(compiled)) == 3
    assert not named(compiled, IMPORTS + head)


def test_an_activation_layer_by_its_name_is_taken_by_tf_keras_alone() -> None:
    assert of_layer('layers.Dense(4, activation="LeakyReLU")')
    assert not of_layer('layers.Dense(4, activation="LeakyReLU")', "import tensorflow as tf\n" + IMPORTS)


@pytest.mark.parametrize(
    "call",
    [
        'compile(optimizer="Adam", loss="MSE", metrics=["acc", "binary_crossentropy", "AUC", "mse"])',
        'compile("rmsprop", "kullback_leibler_divergence", ["fmeasure"])',
        'compile(optimizer=opt, loss=my_loss, metrics=[f, "mae"])',
        "compile(loss={'a': 'mse', 'b': None})",
        "fit(x, y, nb_epoch=3, workers=2, use_multiprocessing=True)",
        "fit(x, y, something_else=3)",
    ],
)
def test_names_of_training_that_there_are_or_were(call: str) -> None:
    assert not named(f"{MODEL.format('layers.LSTM(8)')}model.{call}\n")
