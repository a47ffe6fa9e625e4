"""Reading the Keras objects that an argument names."""

from __future__ import annotations

import pytest

from seqtopo.layers import kinds
from seqtopo.layers.objects import keras_name, read_object
from seqtopo.layers.values import Object, Refusal, Word


@pytest.mark.parametrize(
    ("family", "written", "name"),
    [
        ("initializer", "uniform", "random_uniform"),
        ("initializer", "GlorotUniform", "glorot_uniform"),
        ("activation", "swish", "silu"),
        ("loss", "mse", "mean_squared_error"),
        ("metric", "acc", "accuracy"),
        ("optimizer", "adamw", "adamw"),
        ("regularizer", "l2", "l2"),
    ],
)
def test_aliases_read_as_one_name(family: str, written: str, name: str) -> None:
    assert read_object(family, Word(written)) == name


def test_arguments_are_read_by_kerass_names() -> None:
    read = read_object("constraint", Object("max_norm", (3,), {"axis": (0, 1)}))
    assert read == Object("max_norm", (), {"max_value": 3.0, "axis": (0, 1)})


def test_no_arguments_is_the_bare_name() -> None:
    assert read_object("initializer", Object("zeros")) == "zeros"


@pytest.mark.parametrize(
    ("family", "value", "expected"),
    [
        ("regularizer", Object("l2", (1, 2)), "at most 1 argument"),
        ("regularizer", Object("l2", (), {"l1": 1}), "takes l2 but not l1"),
        ("regularizer", Object("l2", (1,), {"l2": 1}), "only once"),
        ("regularizer", Object("l2", (-1,)), "a number from 0"),
        ("initializer", Object("ones", (1,)), "no arguments"),
        ("activation", Word("threshold"), "with threshold"),
        ("optimizer", Object("adam", (Word("fast"),)), "a schedule such as"),
        ("optimizer", Object("loss_scale", (Object("loss_scale", (Word("adam"),)),)), "an optimizer such as"),
    ],
)
def test_what_does_not_fit_says_what_does(family: str, value: Word | Object, expected: str) -> None:
    with pytest.raises(Refusal, match=expected):
        read_object(family, value)


def test_an_unknown_name_brings_the_names_there_are() -> None:
    with pytest.raises(Refusal, match="an initializer such as") as caught:
        read_object("initializer", Word("glorot_unifrom"))
    assert "glorot_uniform" in caught.value.near


def test_a_choice_by_keras_has_no_class() -> None:
    assert keras_name("metric", "accuracy") == ""


def test_a_layers_activation_keeps_the_shape() -> None:
    with pytest.raises(Refusal, match="act\\(glu\\)"):
        kinds.ACTIVATION.read(Word("glu"))
    assert kinds.ANY_ACTIVATION.read(Word("glu")) == "glu"
