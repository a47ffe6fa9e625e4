"""Names of Keras 1 and 2 and of PyTorch are known, and translated where that is exact."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.diag.fixing import fixed
from seqtopo.diag.model import Diagnostic
from seqtopo.layers.legacy import ARGUMENTS, CLASSES, VALUES, Renamed
from seqtopo.layers.registry import NAMES


def check(text: str) -> tuple[Diagnostic, ...]:
    return seqtopo.check(text).diagnostics


SAFE = {
    "in(9,4) -> lstm(output_dim=8)": "in(9,4) -> lstm(units=8)",
    "in(9,4) -> lstm(8, inner_init=orthogonal)": "in(9,4) -> lstm(8, recurrent_initializer=orthogonal)",
    "in(9,4) -> lstm(8, inner_activation=sigmoid)": "in(9,4) -> lstm(8, recurrent_activation=sigmoid)",
    "in(9,4) -> lstm(8, init=glorot_uniform)": "in(9,4) -> lstm(8, kernel_initializer=glorot_uniform)",
    "in(9,4) -> dense(8, init='uniform')": 'in(9,4) -> dense(8, kernel_initializer="uniform")',
    "in(9,4) -> lstm(8,dropout_W=0.1,dropout_U=0.2)": "in(9,4) -> lstm(8,dropout=0.1,recurrent_dropout=0.2)",
    "in(9,4) -> dense(8, W_regularizer=l2(0.1))": "in(9,4) -> dense(8, kernel_regularizer=l2(0.1))",
    "in(9,4) -> gru(8, U_regularizer=l2(0.1))": "in(9,4) -> gru(8, recurrent_regularizer=l2(0.1))",
    "in(9,4) -> dense(8, b_regularizer=l1(0.1))": "in(9,4) -> dense(8, bias_regularizer=l1(0.1))",
    "in(9,4) -> conv1d(nb_filter=8, filter_length=3)": "in(9,4) -> conv1d(filters=8,kernel_size=3)",
    "in(9,4) -> conv1d(8, 3, border_mode='same')": 'in(9,4) -> conv1d(8, 3, padding="same")',
    "in(9,4) -> conv1d(8, 3, subsample_length=2)": "in(9,4) -> conv1d(8, 3, strides=2)",
    "in(9,9,1) -> conv2d(8, 3, dim_ordering='tf')": "in(9,9,1) -> conv2d(8, 3, data_format=channels_last)",
    "in(9,4) -> maxpool1d(pool_length=3)": "in(9,4) -> maxpool1d(pool_size=3)",
    "in(9,4) -> dropout(p=0.5)": "in(9,4) -> dropout(rate=0.5)",
    "in(9,4) -> lstm(8, input_dim=4)": "in(9,4) -> lstm(8)",
    "in(9,4) -> dense(8, input_shape=(9,4))": "in(9,4) -> dense(8)",
    "in(9,int) -> embed(90, 8, input_length=9)": "in(9,int) -> embed(90,8)",
    "in(9,4) -> lstm(8, implementation=2)": "in(9,4) -> lstm(8)",
    "in(9,4) -> lstm(8, consume_less='gpu')": "in(9,4) -> lstm(8)",
    "in(9,4) -> lstm(hidden_size=8, batch_first=true)": "in(9,4) -> lstm(units=8)",
    "in(9,4) -> bi(lstm(8), merge_mode='average')": "in(9,4) -> bi(lstm(8), merge_mode=ave)",
    "in(9,4) -> bi(lstm(8), concatenate)": "in(9,4) -> bi(lstm(8), concat)",
    "in(9,4) -> LSTM(8)": "in(9,4) -> lstm(8)",
    "in(9,4) -> LSTM(8, return_sequences=True)": "in(9,4) -> lstm(8, return_sequences=true)",
    "in(9,4) -> Bidirectional(LSTM(8, input_dim=4))": "in(9,4) -> bi(lstm(8))",
    "in(9,4) -> TimeDistributed(Dense(3, init=zeros))": "in(9,4) -> td(dense(3,kernel_initializer=zeros))",
    "in(9,4) -> TimeDistributedDense(3)": "in(9,4) -> td(dense(3))",
    "in(9,4) -> CuDNNLSTM(8)": "in(9,4) -> lstm(8)",
    "in(9,4) -> Convolution1D(8, 3, border_mode='same')": 'in(9,4) -> conv1d(8,3,padding="same")',
    "in(9,4) -> MaxPooling1D(pool_length=2)": "in(9,4) -> maxpool1d(pool_size=2)",
    "Input(shape=(None,4)) -> LSTM(8)": "in(?,4) -> lstm(8)",
    "Input((9,4)) -> lstm(8)": "in(9,4) -> lstm(8)",
    "Input(batch_shape=(32,9,4)) -> lstm(8)": "in(9,4) -> lstm(8)",
    "Input(shape=(9,), dtype='int32') -> embed(90,8)": "in(9,int) -> embed(90,8)",
}


@pytest.mark.parametrize("spec", SAFE)
def test_what_is_exact_is_translated(spec: str) -> None:
    assert fixed(spec, check).text == SAFE[spec]
    assert seqtopo.check(SAFE[spec]).ok


GUESSED = {
    "in(9,4) -> Linear(4,2)": "in(9,4) -> dense(2)",
    "in(9,4) -> Conv1d(4,8,3)": "in(9,4) -> conv1d(8,3)",
    "in(9,4) -> LayerNorm(4)": "in(9,4) -> norm",
    "in(9,4) -> AdaptiveAvgPool1d(1)": "in(9,4) -> gavgpool1d",
    "in(9,4) -> lstm(4,16)": "in(9,4) -> lstm(16)",
    "in(9,4) -> lstm(8,bidirectional=true)": "in(9,4) -> bi(lstm(8))",
    "in(9,4) -> lstm(8,num_layers=3)": "in(9,4) -> lstm(8,seq) * 3",
    "in(9,int) -> embed(90,8,padding_idx=0)": "in(9,int) -> embed(90,8,mask)",
    "in(9,9,1) -> conv2d(8,nb_row=3,nb_col=5)": "in(9,9,1) -> conv2d(8,kernel_size=(3,5))",
    "in(9,4) -> batchnorm(mode=0)": "in(9,4) -> batchnorm",
    "in(9,4) -> dropout(50)": "in(9,4) -> dropout(0.5)",
    "in(9,4) -> lstm(64.0)": "in(9,4) -> lstm(64)",
    "in(9,int) -> embed(90,8,weights=(1,2))": "in(9,int) -> embed(90,8)",
}


@pytest.mark.parametrize("spec", GUESSED)
def test_what_is_likely_is_offered(spec: str) -> None:
    (found,) = check(spec)
    assert GUESSED[spec] in [fix.apply(spec) for fix in found.fixes]
    assert not any(fix.safe for fix in found.fixes)


@pytest.mark.parametrize(
    ("spec", "help"),
    [
        ("in(9,4) -> Merge(mode='sum')", "concat, add, mul"),
        ("in(9,4) -> MaxoutDense(8)", "max(1)"),
        ("in(9,4) -> MultiheadAttention(64,8)", "mha(8,64)"),
        ("in(9,4) -> lstm(8,batch_size=32)", "in(T,F,batch=32)"),
        ("in(9,4) -> dense(8,nb_epoch=3)", "epochs=10"),
    ],
)
def test_what_is_gone_says_what_to_write(spec: str, help: str) -> None:
    (found,) = check(spec)
    assert help in found.help


def test_a_misspelt_word_of_today_is_not_taken_for_an_old_one() -> None:
    (found,) = check("in(9,4) -> lstm(8,return_sequence=true)")
    assert found.help == "did you mean return_sequences?"


def test_a_binding_of_the_same_name_is_left_alone() -> None:
    assert seqtopo.check("merge = dense(4)\nin(9,4) -> merge").ok


@pytest.mark.parametrize("word", ARGUMENTS)
def test_an_old_argument_is_none_of_today_for_every_layer_or_leads_to_one(word: str) -> None:
    old = ARGUMENTS[word]
    if isinstance(old, Renamed):
        assert any(name in row.by_name for row in NAMES.values() for name in old.to)
    else:
        assert old.instead


@pytest.mark.parametrize("name", CLASSES)
def test_an_old_class_is_no_layer_and_leads_to_one(name: str) -> None:
    assert name not in NAMES
    old = CLASSES[name]
    assert old.instead or (old.to in NAMES and (not old.inside or old.inside in NAMES))


def test_a_value_leads_to_one_that_its_parameter_takes() -> None:
    rows = [row for row in NAMES.values() if row.by_name.keys() & VALUES.keys()]
    assert rows
    for row in rows:
        for name in row.by_name.keys() & VALUES.keys():
            for now in VALUES[name].values():
                assert row.by_name[name].kind.read(now) == now
