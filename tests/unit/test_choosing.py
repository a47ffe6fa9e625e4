"""The choices of ``fit`` for a spec without a loss, sample weights, and metrics of labels 0 and 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.array import from_object
from seqtopo.data.choosing import chosen_training
from seqtopo.report.analyse import analyse

BODY = "in(5,2) -> lstm(8)"
STEPS = "in(5,2) -> lstm(8,seq)"
IDS = np.array([0, 2, 1, 0])
YES = np.array([0, 1, 1, 0])
HOT = np.eye(3)[IDS]
TAGS = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0]])
BINARY = "loss=binary_crossentropy, metrics=[accuracy]"
SPARSE = "loss=sparse_categorical_crossentropy, metrics=[accuracy]"
LOGITS = "loss=sparse_categorical_crossentropy(from_logits=true), metrics=[accuracy]"


def chosen(spec: str, *labels: np.ndarray, **how: bool) -> str:
    """Return the text that is added to a spec for these labels."""
    checked = analyse(spec)
    assert checked.resolved is not None
    assert checked.spec is not None
    arrays = [from_object("y", array) for array in labels]
    source, added = chosen_training(checked.resolved, checked.spec, [a for a in arrays if a], **how)
    # What is chosen goes through check, and it finds nothing in it.
    y = list(labels) if len(labels) > 1 else labels[0]
    assert [d.code for d in seqtopo.check(source.text, y=y).diagnostics if d.severity != "info"] == []
    return added


@pytest.mark.parametrize(
    ("head", "labels", "added"),
    [
        *[(f"{BODY} -> dense(1,sigmoid)", y, BINARY) for y in (YES, YES[:, None], YES * 1.0, YES > 0)],
        (f"{BODY} -> dense(1) -> dropout(0.1) -> sigmoid", YES, BINARY),
        (f"{STEPS} -> td(dense(1,sigmoid))", np.stack([YES] * 5, 1)[..., None], BINARY),
        (f"{STEPS} -> td(dense(1,sigmoid))", np.stack([YES] * 5, 1), BINARY),
        # Keras counts an answer above 0.5 as 1, which is what such a number is trained to be.
        (f"{BODY} -> dense(1)", YES, "loss=mse, metrics=[accuracy]"),
        (f"{BODY} -> dense(1)", YES[:, None] * 1.0, "loss=mse, metrics=[accuracy]"),
        (f"{BODY} -> dense(1,sigmoid)", YES * 0.3, "loss=mse"),
        (f"{BODY} -> dense(1)", np.array([3, 150, 7, 0]), "loss=mse"),
        *[(f"{BODY} -> dense(3,softmax)", y, SPARSE) for y in (IDS, IDS[:, None], IDS * 1.0)],
        *[(f"{BODY} -> dense(3)", y, LOGITS) for y in (IDS, IDS[:, None], IDS * 1.0)],
        (f"{STEPS} -> td(dense(3)) -> softmax", np.stack([IDS] * 5, 1), SPARSE),
        *[
            (f"{BODY} -> dense(3,softmax)", y, "loss=categorical_crossentropy, metrics=[accuracy]")
            for y in (HOT, HOT.astype(int))
        ],
        (f"{BODY} -> dense(3)", HOT, "loss=categorical_crossentropy(from_logits=true), metrics=[accuracy]"),
        (
            f"{BODY} -> dense(3,sigmoid)",
            TAGS,
            "loss=binary_crossentropy, metrics=[binary_accuracy]",
        ),
        (f"{BODY} -> dense(3)", HOT * 2.5 - 1, "loss=mse"),
    ],
)
def test_fault_a1_a_loss_is_chosen_for_the_head_and_its_labels(
    head: str, labels: np.ndarray, added: str
) -> None:
    assert chosen(head, labels) == f"train adam, {added}"


TRAIN = "\ntrain adam, loss={}"


@pytest.mark.parametrize(
    ("spec", "labels", "loss", "code", "mended"),
    [
        (f"{BODY} -> dense(1,sigmoid)", IDS, None, "ST707", f"{BODY} -> dense(3,softmax)"),
        (f"{BODY} -> dense(1) -> sigmoid", IDS, None, "ST707", f"{BODY} -> dense(3) -> softmax"),
        (
            f"{STEPS} -> td(dense(1,sigmoid))",
            np.stack([IDS] * 5, 1),
            None,
            "ST707",
            f"{STEPS} -> td(dense(3,softmax))",
        ),
        (f"{BODY} -> dense(1,activation=sigmoid)", IDS, "sparse", "ST705", f"{BODY} -> dense(3,softmax)"),
        (f"{BODY} -> dense(1,sigmoid)", YES, "sparse", "ST705", f"{BODY} -> dense(2,softmax)"),
        (f"{BODY} -> dense(1,sigmoid)", IDS, "bce", "ST708", f"{BODY} -> dense(3,softmax)"),
        (f"{BODY} -> dense(1)", IDS, "hinge", "ST708", f"{BODY} -> dense(3,softmax)"),
        (f"{BODY} -> dense(1,sigmoid)", IDS, "mse", "ST709", f"{BODY} -> dense(3,softmax)"),
        ("in(5,2) -> lstm(1,sigmoid)", IDS, "bce", "ST708", "in(5,2) -> lstm(1,sigmoid) -> dense(3,softmax)"),
        (f"{BODY} -> dense(2,softmax)", IDS, None, "ST705", f"{BODY} -> dense(3,softmax)"),
        (f"{BODY} -> dense(3)", IDS + 2, None, "ST707", f"{BODY} -> dense(5)"),
        (f"{BODY} -> dense(1,softplus)", IDS - 1.5, "poisson", "ST708", None),
        (f"{BODY} -> dense(1)", IDS - 1.5, "msle", "ST708", None),
    ],
)
def test_fault_a1_ids_beyond_the_classes_of_a_head_are_offered_one_that_has_them(
    spec: str, labels: np.ndarray, loss: str | None, code: str, mended: str | None
) -> None:
    name = "sparse_categorical_crossentropy"
    spec += TRAIN.format(name if loss == "sparse" else loss) if loss else ""
    found = [d for d in seqtopo.check(spec, y=labels).diagnostics if d.code == code]
    assert len(found) == 1
    texts = [fix.apply(spec) for fix in found[0].fixes]
    assert (mended is None and not texts) or mended + TRAIN.format(name) * bool(loss) in texts
    for text in texts:
        assert [d.code for d in seqtopo.check(text, y=labels).diagnostics if d.severity != "info"] == []


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        ("dense(3,softmax)", IDS),
        ("dense(1,sigmoid)", YES),
        ("dense(2)", np.array([4, 0, 31, 7])),  # counts, for a loss with two parameters
        ("dense(3)", IDS * 1.5),
        ("dense(1,tanh)", YES * 2 - 1),
    ],
)
def test_labels_that_some_loss_takes_are_left_alone(head: str, labels: np.ndarray) -> None:
    assert seqtopo.check(f"{BODY} -> {head}", y=labels).diagnostics == ()


def test_fault_a1_each_of_several_heads_gets_its_own() -> None:
    spec = f"h = {BODY}\nyes = h -> dense(1,sigmoid)\nprice = h -> dense(1)\n[yes, price]"
    assert chosen(spec, YES, YES * 2.5) == (
        "train adam, loss=[binary_crossentropy, mse], metrics=[[accuracy], [mae]]"
    )


def test_fault_a1_only_what_a_train_line_lacks_is_added() -> None:
    spec = f"{BODY} -> dense(1,sigmoid)\n\ntrain sgd(0.1), metrics=[auc]\n"
    assert chosen(spec, YES) == "loss=binary_crossentropy"
    assert chosen(f"{BODY} -> dense(1)\n\ntrain adam, loss=mae", YES) == ""


def test_fault_a1_numbers_of_a_series_stay_numbers() -> None:
    # What a model of a series answers goes back in: no scores instead of the numbers.
    assert chosen(f"{BODY} -> dense(3)", HOT, series=True) == "train adam, loss=mse"
    assert chosen(f"{BODY} -> dense(3)", IDS, series=True, ids=True) == f"train adam, {LOGITS}"


@pytest.mark.parametrize(
    ("spec", "labels", "quiet"),
    [
        ("dense(1)", YES, True),
        ("dense(1)", YES[:, None] * 1.0, True),
        ("dense(1)", YES * 2.5, False),
        ("dense(1)", None, False),
    ],
)
def test_fault_a10_hits_of_labels_that_are_0_and_1_are_counted(
    spec: str, labels: np.ndarray | None, quiet: bool
) -> None:
    report = seqtopo.check(f"{BODY} -> {spec}\ntrain adam, loss=mse, metrics=[accuracy]", y=labels)
    found = [d for d in report.diagnostics if d.code == "ST629"]
    assert bool(found) is not quiet
    assert all("never" not in d.message and "above 0.5" in d.message for d in found)


def test_fault_a10_declared_labels_and_other_metrics() -> None:
    line = "train adam, loss=mse, metrics=[{}], labels=({})"
    for declared, metric, code in [("int(2)", "accuracy", ""), ("1", "accuracy", "ST629")]:
        report = seqtopo.check(f"{BODY} -> dense(1)\n{line.format(metric, declared)}")
        assert [d.code for d in report.diagnostics] == ([code] if code else [])
    several = seqtopo.check(f"{BODY} -> dense(4)\ntrain adam, loss=mse, metrics=[accuracy]")
    assert "compares which of the numbers is the greatest" in several.diagnostics[0].message


@pytest.mark.parametrize(
    ("spec", "weights", "code"),
    [
        ("dense(1)", (40,), ""),
        ("dense(1)", (40, 1), ""),
        ("dense(1)", (40, 10), "ST730"),
        ("dense(1)", (30,), "ST718"),
        ("repeat(10) -> lstm(4,seq)", (40,), "ST730"),
        ("repeat(10) -> lstm(4,seq)", (40, 1), ""),
        ("repeat(10) -> lstm(4,seq)", (40, 10), ""),
        ("repeat(10) -> lstm(4,seq)", (40, 10, 1), ""),
        ("repeat(10) -> lstm(4,seq)", (40, 4), "ST730"),
        ("repeat(10) -> lstm(4,seq)", (40, 10, 4), "ST730"),
    ],
)
def test_fault_a11_weights_stand_beside_the_answers(spec: str, weights: tuple[int, ...], code: str) -> None:
    report = seqtopo.check(f"{BODY} -> {spec}", x=np.zeros((40, 5, 2)), sample_weight=np.ones(weights))
    found = [d.code for d in report.diagnostics if d.severity == "error"]
    assert found == [code] * bool(code)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.zeros(40), "all of them are 0"),
        (np.zeros((40, 1), "int64"), "all of them are 0"),
        (np.zeros(40, "bool"), "all of them are 0"),
        (-np.ones(40), "they go from -1 to -1"),
        (np.arange(40) - 39.0, "they go from -39 to 0"),
        (np.arange(40) - 38.0, ""),
        (np.arange(40) == 3, ""),
    ],
)
def test_weights_of_which_none_is_above_0_are_refused(weights: np.ndarray, said: str) -> None:
    report = seqtopo.check(f"{BODY} -> dense(1)", x=np.zeros((40, 5, 2)), sample_weight=weights)
    found = [d for d in report.diagnostics if d.severity == "error"]
    assert [d.code for d in found] == ["ST730"] * bool(said)
    assert all(said in d.message and d.help for d in found)
    # Following the help removes it.
    mended = np.where(weights <= 0, 1, weights)
    assert seqtopo.check(f"{BODY} -> dense(1)", x=np.zeros((40, 5, 2)), sample_weight=mended).ok


def test_one_of_two_outputs_may_have_weights_of_0() -> None:
    two = f"h = {BODY}\n[h -> dense(1), h -> dense(1)]"
    for other, ok in ((np.ones(40), True), (np.zeros(40), False)):
        report = seqtopo.check(two, x=np.zeros((40, 5, 2)), sample_weight=[np.zeros(40), other])
        assert report.ok is ok, str(report)


def test_fault_a11_weights_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "w.npy", np.ones((40, 10)))
    np.save(tmp_path / "y.npy", np.ones((40, 1)))
    files = ["--y", str(tmp_path / "y.npy"), "--weights", str(tmp_path / "w.npy")]
    assert main(["check", f"{BODY} -> dense(1)", *files, "--loss", "mse"]) == 1
    shown = capsys.readouterr().out
    assert "ST730" in shown
    assert "sample_weight.mean(axis=1)" in shown
    report = seqtopo.check(f"{BODY} -> dense(1)", sample_weight=np.array(["a"] * 40))
    assert [d.code for d in report.diagnostics] == ["ST715"]


def _percentage(y: np.ndarray, body: str = f"{BODY} -> dense(1)", **more: np.ndarray) -> list[str]:
    report = seqtopo.check(f"{body}\ntrain adam, loss=mape", y=y, **more)
    found = [d for d in report.diagnostics if d.code == "ST708"]
    for diagnostic in found:
        assert [fix.title for fix in diagnostic.fixes] == ["train it by mae"]
        mended = diagnostic.fixes[0].apply(f"{body}\ntrain adam, loss=mape")
        assert seqtopo.check(mended, y=y).ok
        assert "ST708" not in [d.code for d in seqtopo.check(mended, y=y).diagnostics]
    return [d.message for d in found]


def test_fault_a10_labels_that_a_metric_does_not_take_are_found() -> None:
    y = np.arange(40.0)[:, None]
    weights = np.minimum(y[:, 0], 1)

    def measured(metrics: str, y: np.ndarray, **more: np.ndarray) -> list[str]:
        spec = f"{BODY} -> dense(1)\ntrain adam, loss=mse, {metrics}"
        found = [d for d in seqtopo.check(spec, y=y, **more).diagnostics if d.code == "ST708"]
        for diagnostic in found:
            for fix in diagnostic.fixes:
                mended = fix.apply(spec)
                assert "ST708" not in [d.code for d in seqtopo.check(mended, y=y, **more).diagnostics]
        return [d.message for d in found]

    said = "the metric mape divides by the labels, and 1 of the numbers in y is 0"
    assert measured("metrics=[mape]", y) == [said]
    assert measured("metrics=[mape, mae]", y) == [said]
    assert measured("metrics=[mape]", y + 0.5) == []
    # Weights leave labels out of weighted metrics alone.
    assert measured("metrics=[mape]", y, sample_weight=weights) == [said]
    assert measured("weighted_metrics=[mape]", y, sample_weight=weights) == []
    assert measured("weighted_metrics=mape", y) == [said]
    assert "wants labels from 0 up" in measured("metrics=[msle]", y - 3)[0]
    assert measured("metrics=[msle]", y) == []
    heads = f"x = {BODY}\n[x -> dense(1), x -> dense(1)]\ntrain adam, loss=mse, "
    report = seqtopo.check(f"{heads}metrics=[[mape], [mae]]", y=[y + 1, y])
    assert "ST708" not in [d.code for d in report.diagnostics]
    report = seqtopo.check(f"{heads}metrics=[[mae], [mape]]", y=[y + 1, y])
    assert "ST708" in [d.code for d in report.diagnostics]
    declared = seqtopo.check(f"{BODY} -> dense(1)\ntrain adam, loss=mse, metrics=[mape], labels=(int(5))")
    assert [d.fixes[0].title for d in declared.diagnostics] == [
        "measure mae, for how far off the answers are"
    ]


def test_labels_of_0_are_found_where_the_loss_divides_by_them() -> None:
    y = np.arange(40.0)[:, None]
    (said,) = _percentage(y)
    assert said == "mape divides by the labels, and 1 of the numbers in y is 0"
    assert "39 of the numbers in y are 0" in _percentage((y == 3) * 2.5)[0]
    assert len(_percentage(y - 20)) == 1
    assert _percentage(y + 0.5) == []
    assert _percentage(y - 20.5) == []
    # Weights or a mask may leave them out.
    assert _percentage(y, sample_weight=np.minimum(y[:, 0], 1)) == []
    steps = (np.arange(200.0) % 5).reshape(40, 5, 1)
    assert len(_percentage(steps, "in(5,2) -> lstm(8,seq) -> dense(1)")) == 1
    assert _percentage(steps, "in(5,2) -> mask -> lstm(8,seq) -> dense(1)") == []
    declared = seqtopo.check(f"{BODY} -> dense(1)\ntrain adam, loss=mape, labels=(int(5))")
    assert "some of the labels are 0" in declared.diagnostics[0].message
