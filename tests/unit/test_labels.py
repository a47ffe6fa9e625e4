"""Declared labels against the outputs: what is wrong, who is blamed, and fixes after which it is right."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo
from seqtopo.diag.model import Diagnostic
from seqtopo.report.analyse import analyse


def found(spec: str, train: str, **dims: int) -> tuple[str, list[Diagnostic]]:
    text = f"{spec}\ntrain adam, {train}"
    return text, [d for d in analyse(text, dims).diagnostics if d.code.startswith("ST7")]


def only(spec: str, train: str) -> tuple[str, Diagnostic]:
    text, (diagnostic,) = found(spec, train)
    return text, diagnostic


def fixed(text: str, diagnostic: Diagnostic) -> list[str]:
    """The texts that the fixes make, each of which is right."""
    texts = [fix.apply(text) for fix in diagnostic.fixes]
    for one in texts:
        assert [d.message for d in analyse(one).diagnostics if d.severity == "error"] == []
    return [one.splitlines()[-2] for one in texts]


COLLAPSED = [
    ("in(20,4) -> lstm(20,seq) -> lstm(20) -> dense(1)", "loss=mse, labels=(20,1)", "ST703", "lstm(20)"),
    ("in(T,4) -> lstm(20) -> dropout(0.1) -> dense(1)", "loss=mae, labels=(T,1)", "ST703", "lstm(20)"),
    ("in(?,4) -> gru(20) -> dense(1)", "loss=mse, labels=(?,1)", "ST703", "gru(20)"),
    ("in(?,4) -> gru(20) -> dense(1)", "loss=mse, labels=(50)", "ST703", "gru(20)"),
    (
        "in(9,4) -> bi(gru(20)) -> dense(3,softmax)",
        "loss=categorical_crossentropy, labels=(9,3)",
        "ST702",
        "bi(gru(20))",
    ),
    (
        "in(9,4) -> lstm(20) -> dense(5)",
        "loss=sparse_categorical_crossentropy, labels=(9,int)",
        "ST702",
        "lstm(20)",
    ),
    (
        "in(9,4) -> conv1d(8,3,same) -> gavgpool1d -> dense(5)",
        "loss=mse, labels=(9,5)",
        "ST702",
        "gavgpool1d",
    ),
    (
        "def read(N) = lstm(N,seq) -> lstm(N)\nin(9,4) -> read(8) -> dense(5)",
        "loss=mse, labels=(9,5)",
        "ST702",
        "lstm(N)",
    ),
    ("encoder = in(T,3) -> lstm(8)\nencoder -> dense(3)", "loss=mse, labels=(T,3)", "ST702", "lstm(8)"),
]


@pytest.mark.parametrize(("spec", "train", "code", "blamed"), COLLAPSED)
def test_one_answer_where_one_for_every_step_is_wanted(spec: str, train: str, code: str, blamed: str) -> None:
    text, diagnostic = only(spec, train)
    assert diagnostic.code == code
    assert text[diagnostic.span.start : diagnostic.span.end] == blamed
    assert "one for the whole sequence" in diagnostic.message
    assert fixed(text, diagnostic)


KEPT = [
    (
        "in(50,8) -> lstm(64,seq) * 2 -> dense(3,softmax)",
        "loss=categorical_crossentropy, labels=(3)",
        "gavgpool1d",
    ),
    (
        "in(50,8) -> lstm(64,seq) -> td(dense(3,softmax))",
        "loss=categorical_crossentropy, labels=(3)",
        "lstm(64) -> dense",
    ),
    (
        "in(50,8) -> lstm(32,seq) as h\n[h, h] -> attention -> dense(3,softmax)",
        "loss=categorical_crossentropy, labels=(3)",
        "attention -> gavgpool1d -> dense",
    ),
    ("in(3,2) -> dense(16,relu) -> dense(4)", "loss=mse, labels=(4)", "in(3,2) -> flatten -> dense"),
    ("in(6,30) -> lstm(100,seq)", "loss=mae, labels=()", "lstm(100) -> dense(1)"),
    (
        "in(T,30) -> bi(lstm(10,seq)) -> dense(7)",
        "loss=sparse_categorical_crossentropy, labels=(int(7))",
        "bi(lstm(10)) ->",
    ),
    (
        "in(T,30) -> (gru(10,seq) for D in [1,2]) -> dense(1)",
        "loss=mse, labels=(1)",
        "gavgpool1d -> dense(1)",
    ),
]


@pytest.mark.parametrize(("spec", "train", "fix"), KEPT)
def test_every_step_where_one_answer_is_wanted(spec: str, train: str, fix: str) -> None:
    text, diagnostic = only(spec, train)
    assert diagnostic.code in ("ST702", "ST703")
    assert "one for every step" in diagnostic.message
    assert any(fix in one for one in fixed(text, diagnostic))


LENGTHS = [
    (
        "in(90,2) -> lstm(32,seq) -> dense(10)",
        "loss=mse, labels=(10,2)",
        "in(90,2) -> lstm(32) -> repeat(10) -> lstm(32,seq) -> dense(2)",
    ),
    (
        "in(100,1) -> lstm(12,seq) -> dropout(0.2) -> td(dense(5))",
        "loss=mse, labels=(5,1)",
        "in(100,1) -> lstm(12) -> repeat(5) -> lstm(12,seq) -> dropout(0.2) -> td(dense(1))",
    ),
    (
        "in(24,1) -> conv1d(8,3,same) -> conv1d(1,3)",
        "loss=mse, labels=(24,1)",
        "in(24,1) -> conv1d(8,3,same) -> conv1d(1,3,same)",
    ),
]


@pytest.mark.parametrize(("spec", "train", "fix"), LENGTHS)
def test_another_number_of_steps(spec: str, train: str, fix: str) -> None:
    text, diagnostic = only(spec, train)
    assert diagnostic.code == "ST702"
    assert fix in fixed(text, diagnostic)


def test_a_number_of_steps_that_became_units_is_named() -> None:
    _, diagnostic = only(*LENGTHS[0][:2])
    assert diagnostic.notes[0] == "10 is a number of steps here, and dense(10) gives 10 numbers at each step"


def test_another_width() -> None:
    text, diagnostic = only(
        "in(5,2) -> lstm(8) -> dense(69,softmax)", "loss=categorical_crossentropy, labels=(3)"
    )
    assert diagnostic.code == "ST702"
    assert fixed(text, diagnostic) == ["in(5,2) -> lstm(8) -> dense(3,softmax)"]


@pytest.mark.parametrize(
    ("train", "fix"),
    [
        ("loss=sparse_categorical_crossentropy, labels=(9,4)", "loss=categorical_crossentropy"),
        (
            "loss=sparse_categorical_crossentropy(ignore_class=0), labels=(9,4)",
            "categorical_crossentropy(ignore",
        ),
        ("loss=categorical_crossentropy, labels=(9,int(4))", "loss=sparse_categorical_crossentropy"),
        ("loss=categorical_crossentropy, labels=(9)", "loss=sparse_categorical_crossentropy"),
    ],
)
def test_ids_and_one_hot(train: str, fix: str) -> None:
    text, diagnostic = only("in(9,3) -> lstm(8,seq) -> dense(4,softmax)", train)
    assert diagnostic.code == "ST704"
    if "ignore_class" not in train:
        assert fix in diagnostic.fixes[0].apply(text)
        assert fixed(text, diagnostic)


def test_ids_beyond_the_classes() -> None:
    train = "loss=sparse_categorical_crossentropy, labels=(int(101))"
    text, diagnostic = only("in(9,3) -> lstm(8) -> dense(100,softmax)", train)
    assert (diagnostic.code, diagnostic.message) == ("ST705", "labels go to 100, but 100 classes are 0..99")
    assert fixed(text, diagnostic) == ["in(9,3) -> lstm(8) -> dense(101,softmax)"]
    assert found("in(9,3) -> lstm(8) -> dense(102)", train)[1] == []
    assert found("in(9,3) -> lstm(8) -> dense(V)", train)[1] == []


def test_ctc() -> None:
    text, diagnostic = only("in(312,20) -> maxpool1d(8) -> dense(100)", "loss=ctc, labels=(64,int(100))")
    assert diagnostic.code == "ST706"
    assert fixed(text, diagnostic) == ["in(312,20) -> maxpool1d(4) -> dense(100)"]
    assert found("in(312,20) -> maxpool1d(4) -> dense(100)", "loss=ctc, labels=(64,int(100))")[1] == []
    assert only("in(312,20) -> lstm(4) -> dense(100)", "loss=ctc, labels=(64)")[1].code == "ST702"


def test_a_strided_convolution_before_ctc() -> None:
    text, diagnostic = only(
        "in(200,20) -> conv1d(8,5,2,same) -> conv1d(8,5,2,same) -> dense(30)", "loss=ctc, labels=(60)"
    )
    assert diagnostic.notes[1] == "the steps on the way: 200 -> 100 -> 50"
    assert fixed(text, diagnostic) == ["in(200,20) -> conv1d(8,5,2,same) -> conv1d(8,5,1,same) -> dense(30)"]


def test_a_repeat_of_another_length() -> None:
    spec = "in(30,2) -> lstm(16) -> repeat(10) -> lstm(16,seq) -> dense(2)"
    text, diagnostic = only(spec, "loss=mse, labels=(30,2)")
    assert fixed(text, diagnostic)[0] == spec.replace("10", "30")


def test_an_autoencoder_whose_length_does_not_come_back() -> None:
    spec = "in(23,1) -> maxpool1d(2,same) * 3 -> upsample1d(2) * 2 -> conv1d(8,3) -> upsample1d(2)"
    _, diagnostic = only(spec, "loss=mse, labels=(23,8)")
    assert "a multiple of 8 steps: 24" in diagnostic.help
    assert diagnostic.notes == ("the steps on the way: 23 -> 12 -> 6 -> 3 -> 6 -> 12 -> 10 -> 20",)


def test_counts() -> None:
    spec = "r = in(9,3) -> lstm(8)\na = r -> dense(1)\nb = r -> dense(4)\n[a, b]"
    assert only(spec, "loss=mse, labels=(1)")[1].code == "ST701"
    assert only(spec, "loss=[mse, mse, mse]")[1].code == "ST701"
    assert found(spec, "loss=[mse, mse], labels=[(1), (4)]")[1] == []
    (wrong,) = found(spec, "loss=[mse, sparse_categorical_crossentropy], labels=[(1), (4)]")[1]
    assert wrong.code == "ST704"


def test_labels_without_a_loss_are_a_warning() -> None:
    _, diagnostic = only("in(9,3) -> lstm(8) -> dense(4)", "labels=(9,4)")
    assert (diagnostic.code, diagnostic.severity) == ("ST707", "warning")


def test_ids_beyond_what_a_binary_loss_takes() -> None:
    spec = "in(9,3) -> lstm(8) -> dense(1,sigmoid)"
    assert only(spec, "loss=bce, labels=(1,int(5))")[1].code == "ST708"
    assert only(spec, "loss=mse, labels=(1,int(5))")[1].code == "ST709"
    assert found(spec, "loss=bce, labels=(1,int(2))")[1] == []
    assert found(spec, "loss=bce, labels=(1,int)")[1] == []


@pytest.mark.parametrize(
    ("spec", "train"),
    [
        ("in(T,F) -> lstm(8) -> repeat(T) -> lstm(8,seq) -> td(dense(F))", "loss=mse, labels=(T,F)"),
        ("in(?,3) -> lstm(8,seq) -> dense(1)", "loss=mse, labels=(?)"),
        ("in(?,3) -> lstm(8,seq) -> dense(1)", "loss=mse, labels=(?,1)"),
        (
            "in(?,int) -> embed(9,4) -> lstm(8,seq) -> dense(9)",
            "loss=sparse_categorical_crossentropy, labels=(?,int)",
        ),
        ("in(9,3) -> lstm(8) -> dense(1)", "loss=mse, labels=()"),
        ("in(9,3) -> lstm(8) -> dense(1)", "loss=none, labels=(1)"),
        ("in(9,3) -> lstm(8) -> dense(4)", "loss=categorical_hinge, labels=(4)"),
        ("in(9,3) -> lstm(8) -> dense(4)", "loss=circle, labels=(int)"),
        ("in(9,3) -> lstm(8) -> dense(4)", "loss=categorical_generalized_cross_entropy, labels=(int(4))"),
        ("in(9,3) -> lstm(8) -> dense(4)", "loss=mse"),
        ("in(9,3) -> lstm(8) -> lstm(4)", "loss=mse, labels=(9,4)"),
    ],
)
def test_what_fits_is_left_alone(spec: str, train: str) -> None:
    assert found(spec, train)[1] == []


def test_very_many_outputs_are_not_each_mended() -> None:
    several = ", ".join(["r"] * 2000)
    spec = f"r = in(5,3) -> lstm(4)\n[{several}]"
    assert 1 <= len(found(spec, f"loss=mse, labels=[{several.replace('r', '(3)')}]")[1]) <= 10


@pytest.mark.parametrize(
    ("spec", "y"),
    [
        ("in(9,3) -> lstm(4)", (8, 1, 4)),
        ("in(9,3) -> lstm(4,seq)", (8, 1, 4)),
        ("in(1,3) -> lstm(4,seq)", (8, 4)),
    ],
)
def test_one_step_is_not_called_steps(spec: str, y: tuple[int, ...]) -> None:
    report = seqtopo.check(f"{spec}\ntrain loss=mse", y=np.zeros(y, "float32"))
    assert "1 step" in str(report)
    assert "1 steps" not in str(report)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("loss_weights=[1]", "loss_weights has 1 number, but the model has 2 outputs"),
        ("metrics=[mae,mse,mape]", "metrics has 3 items, but the model has 2 outputs"),
        ("weighted_metrics=[mae]", "weighted_metrics has 1 item, but the model has 2 outputs"),
        ("loss_weights=[1,2]", ""),
        ("metrics=[[mae,mse,mape],none]", ""),
    ],
)
def test_weights_and_metrics_are_for_each_output(argument: str, message: str) -> None:
    spec = f"in(24,3) -> lstm(8) -> [dense(1), dense(1)]\ntrain adam, loss=mse, {argument}"
    assert [d.message for d in seqtopo.check(spec).diagnostics if d.code == "ST701"] == [message] * bool(
        message
    )
