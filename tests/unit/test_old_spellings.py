"""The table of what Keras 0.3 to 2 called layers and arguments: each cell leads to what Keras 3 has."""

from __future__ import annotations

from typing import Any

import pytest

from seqtopo.layers import old_spellings as old
from seqtopo.layers.excluded import why_not
from seqtopo.layers.old_spellings import KERAS_0, KERAS_1, KERAS_2, KERAS_3, TF_KERAS, Age, modern
from seqtopo.layers.registry import ROWS

KERAS = {row.keras: row for row in ROWS if row.keras}


def _parameters(class_name: str) -> set[str]:
    return {p.keras_name for p in KERAS[class_name].by_name.values() if p.keras_name and not p.call}


def test_each_old_class_is_one_that_keras_3_has() -> None:
    assert len(old.RENAMED_CLASSES) > 30
    for name, to in {**old.RENAMED_CLASSES, **old.MERGES}.items():
        assert to in KERAS or why_not(to), name
        assert name not in KERAS, name


def test_no_class_without_a_successor_is_a_layer_of_today() -> None:
    assert not [name for name in old.WITHOUT_SUCCESSOR if name in KERAS]


def test_each_renamed_argument_is_one_of_its_class() -> None:
    for name, renamed in old.RENAMED_ARGUMENTS.items():
        assert set(renamed.values()) <= _parameters(name), name


def test_each_default_is_another_than_that_of_today() -> None:
    for classes, argument, _, value in old.DEFAULTS:
        for name in classes:
            param = next(p for p in KERAS[name].by_name.values() if p.keras_name == argument)
            assert param.default != value, (name, argument)


def test_each_positional_argument_means_something() -> None:
    aside = {"weights", "layers", "inputs", "mode", "input_length", "output_shape", "forget_bias_init"}
    for name, arguments in old.POSITIONAL.items():
        several = {part for parts in old.SEVERAL.values() for part in parts}
        found = modern(name, {a: "sum" if a == "mode" else 1 for a in arguments}, KERAS_1)
        if found.class_name not in KERAS:
            continue
        left = {a for a in arguments if a not in aside | several}
        taken = set(found.kwargs) - _parameters(found.class_name)
        assert not taken, (name, taken)
        assert left, name


@pytest.mark.parametrize(
    ("class_name", "kwargs", "age", "becomes", "wanted"),
    [
        ("LSTM", {"output_dim": 4}, KERAS_1, "LSTM", {"units": 4, "recurrent_activation": "hard_sigmoid"}),
        ("LSTM", {"units": 4}, (2, 3), "LSTM", {"units": 4}),
        ("LSTM", {"units": 4, "implementation": 1}, KERAS_3, "LSTM", {"units": 4}),
        (
            "GRU",
            {"units": 4},
            KERAS_2,
            "GRU",
            {"units": 4, "recurrent_activation": "hard_sigmoid", "reset_after": False},
        ),
        ("GRU", {"units": 4}, TF_KERAS, "GRU", {"units": 4}),
        ("GRU", {"units": 4}, (2, 3), "GRU", {"units": 4, "reset_after": False}),
        (
            "CuDNNGRU",
            {"units": 4},
            KERAS_2,
            "GRU",
            {"units": 4, "recurrent_activation": "sigmoid", "reset_after": True},
        ),
        ("CuDNNLSTM", {"units": 4}, KERAS_2, "LSTM", {"units": 4, "recurrent_activation": "sigmoid"}),
        (
            "LSTM",
            {"units": 4, "forget_bias_init": "zero", "dropout_W": 0.1, "dropout_U": 0.2},
            (2, 3),
            "LSTM",
            {"units": 4, "unit_forget_bias": False, "dropout": 0.1, "recurrent_dropout": 0.2},
        ),
        ("TimeDistributedDense", {"output_dim": 3}, KERAS_1, "Dense", {"units": 3}),
        ("Merge", {"mode": "ave", "concat_axis": -1, "dot_axes": -1}, KERAS_1, "Average", {}),
        ("Merge", {"mode": "dot", "dot_axes": [[1], [1]]}, KERAS_0, "Dot", {"axes": (1, 1)}),
        ("Merge", {"mode": "cos"}, KERAS_1, "Dot", {"axes": -1, "normalize": True}),
        ("BatchNormalization", {}, KERAS_0, "BatchNormalization", {"epsilon": 1e-6, "momentum": 0.9}),
        ("BatchNormalization", {"mode": 0}, KERAS_1, "BatchNormalization", {}),
        ("ThresholdedReLU", {"theta": 0.5}, KERAS_2, "ReLU", {"threshold": 0.5}),
        ("ThresholdedReLU", {}, KERAS_2, "ReLU", {"threshold": 1.0}),
        ("LeakyReLU", {"alpha": 0.1}, KERAS_2, "LeakyReLU", {"negative_slope": 0.1}),
        ("ELU", {"alpha": 0.1}, KERAS_2, "ELU", {"alpha": 0.1}),
        ("Reshape", {"dims": [3, 4]}, KERAS_0, "Reshape", {"target_shape": [3, 4]}),
        ("Permute", {"dims": [2, 1]}, KERAS_0, "Permute", {"dims": [2, 1]}),
        (
            "Convolution2D",
            {"nb_filter": 8, "nb_row": 3, "nb_col": 2, "dim_ordering": "th", "subsample": (1, 1)},
            KERAS_1,
            "Conv2D",
            {"kernel_size": (3, 2), "filters": 8, "data_format": "channels_first", "strides": (1, 1)},
        ),
    ],
)
def test_a_layer_has_the_meaning_of_its_age(
    class_name: str, kwargs: dict[str, Any], age: Age, becomes: str, wanted: dict[str, Any]
) -> None:
    found = modern(class_name, kwargs, age)
    assert (found.class_name, found.kwargs) == (becomes, wanted)


@pytest.mark.parametrize(
    ("class_name", "kwargs", "shape"),
    [
        ("LSTM", {"input_dim": 1}, (None, None, 1)),
        ("LSTM", {"input_dim": 1, "input_length": 9}, (None, 9, 1)),
        ("Dense", {"input_dim": 5}, (None, 5)),
        ("Embedding", {"input_dim": 5, "output_dim": 2, "input_length": 9}, (None, 9)),
        ("Embedding", {"input_dim": 5, "output_dim": 2}, None),
        ("Conv1D", {"input_dim": 5}, (None, None, 5)),
        ("GRU", {"batch_input_shape": [32, 10, 1]}, (32, 10, 1)),
        ("GRU", {"input_shape": [10, 1], "batch_size": 4}, (4, 10, 1)),
    ],
)
def test_what_comes_in_is_told(
    class_name: str, kwargs: dict[str, Any], shape: tuple[Any, ...] | None
) -> None:
    assert modern(class_name, kwargs, KERAS_2).batch_shape == shape


def test_what_keras_3_computes_otherwise_is_noted() -> None:
    assert [n.new for n in modern("GRU", {"units": 3}, KERAS_1).notes if n.kind == "meaning"] == [
        "hard_sigmoid"
    ]
    assert [
        n.old for n in modern("BatchNormalization", {"mode": 1}, KERAS_1).notes if n.kind == "meaning"
    ] == ["mode"]
    assert not modern("GRU", {"units": 3, "recurrent_activation": "hard_sigmoid"}, KERAS_3).notes


def test_a_custom_layer_stays_as_it_is() -> None:
    found = modern("Mine", {"init": "one", "input_dim": 3}, KERAS_1)
    assert (found.known, found.kwargs, found.notes) == (False, {"init": "one", "input_dim": 3}, [])
    assert modern("Lambda", {}, KERAS_1).known
    assert modern("MaxoutDense", {}, KERAS_1).known


def test_unread_values_pass_through() -> None:
    thing = object()
    found = modern("Convolution1D", {"nb_filter": thing, "filter_length": thing, "init": thing}, KERAS_1)
    assert found.kwargs == {
        "filters": thing,
        "kernel_size": thing,
        "kernel_initializer": thing,
    }
