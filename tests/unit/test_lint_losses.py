"""Rules on losses: whether a loss can learn from the numbers that the last layer gives."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo
from tests.support.lints import assert_found, assert_mended, findings

BODY = "in(24,3) -> lstm(8)"


def trained(head: str, loss: str, more: str = "") -> str:
    """A spec with this head and this loss."""
    return f"{BODY} -> {head}\ntrain adam, loss={loss}{more}"


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        (trained("dense(3,sigmoid)", "categorical_crossentropy"), "ST622", "dense(3,sigmoid)"),
        (trained("dense(3) -> sigmoid", "sparse_categorical_crossentropy"), "ST622", "sigmoid"),
        (trained("dense(N,sigmoid)", "categorical_focal_crossentropy"), "ST622", "dense(N,sigmoid)"),
        (trained("dense(5,softmax)", "bce"), "ST623", "dense(5,softmax)"),
        (trained("dense(5)", "categorical_crossentropy"), "ST624", "dense(5)"),
        (trained("dense(1,tanh)", "binary_crossentropy"), "ST624", "dense(1,tanh)"),
        (trained("dense(5,relu) -> dropout(0.1)", "categorical_crossentropy"), "ST624", "dense(5,relu)"),
        (trained("dense(4)", "kl_divergence"), "ST624", "dense(4)"),
        (trained("dense(1)", "poisson"), "ST624", "dense(1)"),
        (f"{BODY}\ntrain adam, loss=bce", "ST624", "lstm(8)"),
        (
            trained("dense(5,softmax)", "categorical_crossentropy(from_logits=true)"),
            "ST625",
            "dense(5,softmax)",
        ),
        (trained("dense(1) -> sigmoid", "bce(from_logits=true)"), "ST625", "sigmoid"),
        (trained("dense(1,sigmoid)", "hinge"), "ST625", "dense(1,sigmoid)"),
        (trained("dense(1)", "sparse_categorical_crossentropy"), "ST628", "dense(1)"),
        (trained("dense(1,sigmoid)", "categorical_crossentropy"), "ST628", "dense(1,sigmoid)"),
        (trained("dense(1)", "mse", ", metrics=[accuracy]"), "ST629", "accuracy"),
        (trained("dense(1)", "huber(delta=2)", ", metrics=[mae, acc]"), "ST629", "acc"),
        (trained("repeat(9) -> lstm(4,seq) -> td(dense(7,softmax))", "ctc"), "ST630", "dense(7,softmax)"),
    ],
)
def test_a_head_that_does_not_go_with_its_loss_is_found(spec: str, code: str, at: str) -> None:
    found = assert_found(spec, code, at)
    assert found.help or found.fixes
    for fix in found.fixes:
        assert findings(fix.apply(spec), code) == [], fix.title


@pytest.mark.parametrize(
    "spec",
    [
        trained("dense(3,softmax)", "categorical_crossentropy"),
        trained("dense(3) -> softmax", "sparse_categorical_crossentropy"),
        trained("dense(3,sigmoid)", "binary_crossentropy"),
        trained("dense(3)", "categorical_crossentropy(from_logits=true)"),
        trained("dense(1)", "bce(from_logits=true)"),
        # With two classes both crossentropies come to the same number.
        trained("dense(2,softmax)", "binary_crossentropy"),
        trained("dense(1)", "mse", ", metrics=[mae]"),
        trained("dense(1,tanh)", "hinge"),
        trained("dense(1,exponential)", "poisson"),
        trained("dense(3,softmax)", "mse", ", metrics=[accuracy]"),
        trained("repeat(9) -> lstm(4,seq) -> td(dense(7))", "ctc"),
        # Nothing is known of what a merge or an attention gives.
        "a = in(8)\nb = in(8)\n[a -> dense(3), b -> dense(3)] -> add\ntrain adam, loss=bce",
        "in(8)\ntrain adam, loss=bce",
        trained("dense(3)", "none"),
    ],
)
def test_a_head_that_goes_with_its_loss_is_left_alone(spec: str) -> None:
    for code in ("ST622", "ST623", "ST624", "ST625", "ST628", "ST629", "ST630"):
        assert findings(spec, code) == [], code


def test_each_output_has_its_loss() -> None:
    spec = f"h = {BODY}\n[h -> dense(4), h -> dense(3)]\ntrain adam, loss=[mse, categorical_crossentropy]"
    assert_found(spec, "ST624", "dense(3)")
    assert [text.splitlines()[1] for text in assert_mended(spec, "ST624")] == [
        "[h -> dense(4), h -> dense(3,softmax)]",
        "[h -> dense(4), h -> dense(3)]",
    ]
    shared = f"h = {BODY}\n[h -> dense(4,sigmoid), h -> dense(3)]\ntrain adam, loss=bce"
    assert_found(shared, "ST624", "dense(3)")


def test_the_two_ways_to_make_probabilities_are_both_offered() -> None:
    assert assert_mended(trained("dense(5)", "categorical_crossentropy"), "ST624") == [
        trained("dense(5,softmax)", "categorical_crossentropy"),
        trained("dense(5)", "categorical_crossentropy(from_logits=true)"),
    ]
    assert assert_mended(f"{BODY}\ntrain adam, loss=bce", "ST624") == [trained("dense(8,sigmoid)", "bce")]


def test_fault_b_a_recurrent_layer_with_a_symbol_for_units_is_answered_by_as_many() -> None:
    spec = "in(24,3) -> lstm({})\ntrain adam, loss=bce"
    (mended,) = assert_mended(spec.format("N"), "ST624")
    assert mended == "in(24,3) -> lstm(N) -> dense(N,sigmoid)\ntrain adam, loss=bce"
    assert assert_mended(spec.format("2*N"), "ST624") == []


def test_a_head_in_a_flow_at_every_step_is_found() -> None:
    spec = "in(9,24,3) -> td(lstm(8) -> dense(5) -> dropout(0.1))\ntrain adam, loss=categorical_crossentropy"
    assert_found(spec, "ST624", "dense(5)")


def test_a_word_that_a_macro_was_given_is_not_rewritten() -> None:
    spec = f"def head(N, how) = dense(N,how)\n{BODY} -> head(5,softmax)\ntrain adam, loss=bce"
    found = assert_found(spec, "ST623", "dense(N,how)")
    assert [fix.title for fix in found.fixes] == ["train it by categorical_crossentropy"]


@pytest.mark.parametrize(
    ("head", "loss", "metrics", "right"),
    [
        ("dense(1,sigmoid)", "bce", "[sparse_categorical_accuracy]", "[binary_accuracy]"),
        ("dense(1,sigmoid)", "mse", "[mae,categorical_accuracy]", "[mae,binary_accuracy]"),
        ("dense(1,tanh)", "hinge", "categorical_accuracy", "binary_accuracy"),
        (
            "dense(9,softmax)",
            "sparse_categorical_crossentropy",
            "[binary_accuracy]",
            "[sparse_categorical_accuracy]",
        ),
        (
            "dense(9,softmax)",
            "sparse_categorical_crossentropy(ignore_class=-1)",
            "[acc,top_k_categorical_accuracy(3)]",
            "[acc,sparse_top_k_categorical_accuracy(3)]",
        ),
        (
            "dense(9,softmax)",
            "categorical_crossentropy",
            "[sparse_categorical_accuracy]",
            "[categorical_accuracy]",
        ),
        ("dense(9,sigmoid)", "bce", "[sparse_categorical_accuracy]", "[binary_accuracy]"),
    ],
)
def test_a_metric_of_other_labels_than_those_of_the_loss_is_found(
    head: str, loss: str, metrics: str, right: str
) -> None:
    for name in ("metrics", "weighted_metrics"):
        mended = assert_mended(trained(head, loss, f", {name}={metrics}"), "ST685")
        assert mended == [trained(head, loss, f", {name}={right}")]


@pytest.mark.parametrize(
    ("head", "loss", "metrics"),
    [
        ("dense(1,sigmoid)", "bce", "[accuracy,auc,binary_accuracy,precision]"),
        ("dense(9,softmax)", "sparse_categorical_crossentropy", "[acc,sparse_top_k_categorical_accuracy]"),
        ("dense(9,softmax)", "categorical_crossentropy", "[binary_accuracy,categorical_accuracy,auc]"),
        ("dense(9,sigmoid)", "bce", "[binary_accuracy,categorical_accuracy]"),
        # Each of these is told of by its loss: ST628, ST629.
        ("dense(1)", "sparse_categorical_crossentropy", "[sparse_categorical_accuracy]"),
        ("dense(1)", "mse", "[sparse_categorical_accuracy]"),
    ],
)
def test_a_metric_of_the_same_labels_is_left_alone(head: str, loss: str, metrics: str) -> None:
    assert findings(trained(head, loss, f", metrics={metrics}"), "ST685") == []


def test_each_output_has_its_metrics() -> None:
    heads = f"h = {BODY}\n[h -> dense(1,sigmoid), h -> dense(3,softmax)]\n"
    losses = "train adam, loss=[bce, sparse_categorical_crossentropy], metrics="
    right = "[[binary_accuracy], [sparse_categorical_accuracy]]"
    assert findings(f"{heads}{losses}{right}", "ST685") == []
    wrong = f"{heads}{losses}[[binary_accuracy], [acc,categorical_accuracy]]"
    assert_found(wrong, "ST685", "categorical_accuracy")
    assert_mended(wrong, "ST685")


def test_a_curve_of_any_number_is_found() -> None:
    of_yes_or_no = trained("dense(1)", "mse", ", metrics=[mae,auc], labels=(int(2))")
    assert assert_mended(of_yes_or_no, "ST687") == [
        trained("dense(1,sigmoid)", "mse", ", metrics=[mae,auc], labels=(int(2))")
    ]
    assert_found(of_yes_or_no, "ST687", "auc")
    assert assert_mended(trained("dense(1)", "bce(from_logits=true)", ", metrics=[auc(100)]"), "ST687") == [
        trained("dense(1)", "bce(from_logits=true)", ", metrics=[auc(100,from_logits=true)]")
    ]
    found = assert_found(
        trained("dense(1,tanh)", "hinge", ", metrics=precision_at_recall(0.5)"),
        "ST687",
        "precision_at_recall(0.5)",
    )
    assert "numbers from -1 to 1" in found.message


@pytest.mark.parametrize(
    ("head", "loss", "more"),
    [
        ("dense(1,sigmoid)", "bce", ", metrics=[auc]"),
        ("dense(1,sigmoid)", "mse", ", metrics=[auc], labels=(int(2))"),
        ("dense(1)", "bce(from_logits=true)", ", metrics=[auc(from_logits=true)]"),
        ("dense(1)", "mse", ", metrics=[mae]"),
        # ST629 tells of it.
        ("dense(1)", "mse", ", metrics=[auc]"),
    ],
)
def test_a_curve_of_probabilities_is_left_alone(head: str, loss: str, more: str) -> None:
    assert findings(trained(head, loss, more), "ST687") == []


LOGITS = "bce(from_logits=true)"


@pytest.mark.parametrize(
    ("head", "loss", "metrics", "right"),
    [
        ("dense(1)", LOGITS, "[accuracy]", "[binary_accuracy(threshold=0)]"),
        ("dense(1)", LOGITS, "acc", "binary_accuracy(threshold=0)"),
        ("dense(4)", LOGITS, "[mae,binary_accuracy]", "[mae,binary_accuracy(threshold=0)]"),
        ("dense(1) -> dropout(0.1)", LOGITS, "[precision]", "[precision(thresholds=0)]"),
        ("dense(1)", LOGITS, "[recall(class_id=0)]", "[recall(class_id=0,thresholds=0)]"),
        ("dense(1)", "hinge", "[false_positives]", "[false_positives(thresholds=0)]"),
        ("dense(1,tanh)", "squared_hinge", "[accuracy]", "[binary_accuracy(threshold=0)]"),
        (
            "dense(1)",
            "binary_focal_crossentropy(from_logits=true)",
            "[binary_iou]",
            "[binary_iou(threshold=0)]",
        ),
    ],
)
def test_fault_a10_a_metric_that_takes_logits_for_probabilities_is_found(
    head: str, loss: str, metrics: str, right: str
) -> None:
    for name in ("metrics", "weighted_metrics"):
        mended = assert_mended(trained(head, loss, f", {name}={metrics}"), "ST688")
        assert mended == [trained(head, loss, f", {name}={right}")]
        assert findings(mended[0], "ST688") == []


@pytest.mark.parametrize(
    ("head", "loss", "metric", "help"),
    [
        ("dense(1)", LOGITS, "f1_score(threshold=0.5)", "write sigmoid in the last layer"),
        ("dense(1)", LOGITS, "binary_accuracy(threshold=0.5)", "write sigmoid in the last layer"),
        (
            "dense(3)",
            "categorical_crossentropy(from_logits=true)",
            "precision",
            "write softmax in the last layer, and leave from_logits out",
        ),
    ],
)
def test_fault_a10_where_no_threshold_mends_it_the_head_is_named(
    head: str, loss: str, metric: str, help: str
) -> None:
    found = assert_found(trained(head, loss, f", metrics=[{metric}]"), "ST688", metric)
    assert not found.fixes
    assert found.help.startswith(help)


def test_fault_a10_a_threshold_for_labels_of_minus_1_is_not_offered() -> None:
    spec = trained("dense(1)", "hinge", ", metrics=[accuracy]")
    for low, fixes in ((-1, 0), (0, 1)):
        report = seqtopo.check(spec, y=np.array([[low], [1]] * 20))
        (found,) = [d for d in report.diagnostics if d.code == "ST688"]
        assert len(found.fixes) == fixes
        assert ("labels of 0 and 1" in found.help) is (low < 0)


@pytest.mark.parametrize(
    ("head", "loss", "metrics"),
    [
        ("dense(1,sigmoid)", "bce", "[accuracy,precision,recall,true_positives,binary_iou]"),
        (
            "dense(1)",
            LOGITS,
            "[binary_accuracy(threshold=0),precision(thresholds=0),recall(thresholds=[0,1])]",
        ),
        ("dense(1)", LOGITS, "[recall(top_k=1),auc(from_logits=true)]"),
        ("dense(3)", "categorical_crossentropy(from_logits=true)", "[accuracy]"),
        ("dense(3)", "sparse_categorical_crossentropy(from_logits=true)", "[accuracy]"),
        # Labels of 0 and 1 that are trained as numbers lie on both sides of 0.5.
        ("dense(1)", "mse", "[binary_accuracy]"),
        # ST624 and ST625 tell of these.
        ("dense(1)", "bce", "[accuracy]"),
        ("dense(1,sigmoid)", LOGITS, "[accuracy]"),
        ("dense(1,sigmoid)", "hinge", "[accuracy]"),
    ],
)
def test_a_threshold_that_fits_is_left_alone(head: str, loss: str, metrics: str) -> None:
    assert findings(trained(head, loss, f", metrics={metrics}"), "ST688") == []


@pytest.mark.parametrize(
    ("head", "loss", "metrics", "right"),
    [
        ("dense(1,sigmoid)", "bce", "[f1_score]", "[f1_score(threshold=0.5)]"),
        ("dense(1,sigmoid)", "mse", "fbeta_score(beta=2.0)", "fbeta_score(beta=2.0,threshold=0.5)"),
        ("dense(5,sigmoid)", "bce", "[accuracy]", "[binary_accuracy]"),
        ("dense(N,sigmoid)", "bce", "acc", "binary_accuracy"),
        ("dense(5)", LOGITS, "[accuracy]", "[binary_accuracy(threshold=0)]"),
    ],
)
def test_fault_a10_a_metric_that_looks_for_the_greatest_of_answers_of_their_own_is_found(
    head: str, loss: str, metrics: str, right: str
) -> None:
    mended = assert_mended(trained(head, loss, f", metrics={metrics}"), "ST685")
    assert mended == [trained(head, loss, f", metrics={right}")]
    assert findings(mended[0], "ST685") == []


@pytest.mark.parametrize(
    ("head", "metrics"),
    [
        ("dense(5,sigmoid)", "[f1_score,categorical_accuracy]"),
        ("dense(2,sigmoid)", "[accuracy]"),
        ("dense(5,softmax)", "[accuracy]"),
        ("dense(1,sigmoid)", "[f1_score(threshold=0.3),accuracy]"),
    ],
)
def test_the_greatest_of_what_belongs_together_is_left_alone(head: str, metrics: str) -> None:
    assert findings(trained(head, "bce", f", metrics={metrics}"), "ST685") == []


def test_the_greatest_of_labels_of_which_one_is_right_is_left_alone() -> None:
    spec = trained("dense(5,sigmoid)", "bce", ", metrics=[accuracy]")
    several = np.eye(5)[np.arange(40) % 5]
    assert "ST685" not in [d.code for d in seqtopo.check(spec, y=several).diagnostics]
    several[:, 1] = 1
    assert "ST685" in [d.code for d in seqtopo.check(spec, y=several).diagnostics]


@pytest.mark.parametrize("optimizer", ["adam(10)", "adamw(beta_1=0.8,learning_rate=1)", "rmsprop(2.5)"])
def test_a_learning_rate_that_no_weight_survives_is_found(optimizer: str) -> None:
    assert assert_mended(f"in(5,3) -> lstm(2)\ntrain {optimizer}, loss=mse", "ST680")


@pytest.mark.parametrize(
    "optimizer", ["adam(0.1)", "sgd(1)", "adadelta(1)", "adam", "adam(cosine_decay(2,10))"]
)
def test_a_learning_rate_that_may_be_meant_is_left_alone(optimizer: str) -> None:
    assert not findings(f"in(5,3) -> lstm(2)\ntrain {optimizer}, loss=mse", "ST680")


def test_a_learning_rate_from_outside_is_found() -> None:
    spec = "let LR = 0.001\nin(5,3) -> lstm(2)\ntrain adam(LR), loss=mse"
    assert not findings(spec, "ST680")
    (found,) = findings(spec, "ST680", LR=3)
    assert not found.fixes
