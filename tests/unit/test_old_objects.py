"""Losses, metrics and optimizers by the names of earlier versions; ids where shares are meant."""

from __future__ import annotations

from typing import Any

import pytest

import seqtopo
from seqtopo.graph.old_objects import modernized
from seqtopo.graph.scope import Evaluator, Scope
from seqtopo.layers.legacy_objects import ARGUMENTS, OBJECTS
from seqtopo.layers.objects import entry_of
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import word

MODEL = "in(8) -> dense(4,softmax)\n"
NOW = [
    ("adam, loss=kullback_leibler_divergence", "adam, loss=kl_divergence"),
    ("adam, loss='kullback_leibler_divergence'", "adam, loss=kl_divergence"),
    ("adam, loss=KLD", "adam, loss=kld"),
    ("adam, loss=logcosh", "adam, loss=log_cosh"),
    ("adam, loss=cosine_proximity", "adam, loss=cosine_similarity"),
    ("adam, loss=huber_loss", "adam, loss=huber"),
    ("adam, loss=cross_entropy", "adam, loss=sparse_categorical_crossentropy(from_logits=true)"),
    ("adam, loss=mse, metrics=[acc,f1]", "adam, loss=mse, metrics=[acc,f1_score]"),
    ("adam, metrics=[mae,kullback_leibler_divergence]", "adam, metrics=[mae,kl_divergence]"),
    ("adam(decay=0.01)", "adam(inverse_time_decay(0.001,1,0.01))"),
    ("adam(0.01,decay=1e-4)", "adam(inverse_time_decay(0.01,1,1e-4))"),
    ("adam(lr=0.01)", "adam(learning_rate=0.01)"),
    ("adam(lr=0.01,beta1=0.8)", "adam(learning_rate=0.01,beta_1=0.8)"),
    ("adam(epsilon=none)", "adam"),
    ("rmsprop(lr=0.001,rho=0.9,epsilon=none,decay=0.0)", "rmsprop(learning_rate=0.001,rho=0.9)"),
    (
        "sgd(lr=0.1,momentum=0.9,decay=1e-6,nesterov=true)",
        "sgd(learning_rate=inverse_time_decay(0.1,1,1e-6),momentum=0.9,nesterov=true)",
    ),
    ("nadam(schedule_decay=0.004)", "nadam"),
    ("SGD(lr=0.1)", "SGD(learning_rate=0.1)"),
    ("Adam", "adam"),
    ("RMSprop", "rmsprop"),
    ("gradient_descent(lr=0.1)", "sgd(learning_rate=0.1)"),
]


@pytest.mark.parametrize(("old", "new"), NOW, ids=[row[0] for row in NOW])
def test_fault_f11_an_old_object_is_offered_as_it_is_written_now(old: str, new: str) -> None:
    spec = f"{MODEL}train {old}"
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == "ST217"
    assert [fix.apply(spec) for fix in found.fixes] == [f"{MODEL}train {new}"]
    assert seqtopo.check(f"{MODEL}train {new}", select=("ST2",)).ok


def test_fault_f11_every_old_name_is_old_and_what_stands_for_it_is_one() -> None:
    evaluator = Evaluator()

    def value(expr: tree.Expr) -> Any:
        return evaluator.value(expr, Scope())

    for family, old in OBJECTS.items():
        for name in old:
            assert entry_of(family, name) is None, name
            assert modernized(family, word(name), value) is not None, name
    adam = entry_of("optimizer", "adam")
    assert adam is not None
    assert not ARGUMENTS.keys() & {part.name for part in adam.parts}


@pytest.mark.parametrize("wrong", ["tfoptimizer", "adam(foo=1)", "adam(lr=0.1,foo=1)"])
def test_fault_f11_what_nobody_knows_is_refused_as_before(wrong: str) -> None:
    (found,) = seqtopo.check(f"{MODEL}train {wrong}").diagnostics
    assert (found.code, found.fixes) == ("ST217", ())


def test_fault_f11_a_loss_beside_data_is_named_too() -> None:
    with pytest.raises(ValueError, match="did you mean kl_divergence"):
        seqtopo.check(MODEL, y=[0, 1], loss="kullback_leibler_divergence")


@pytest.mark.parametrize("loss", ["kl_divergence", "bce", "categorical_hinge", "poisson", "dice"])
@pytest.mark.parametrize("labels", ["int", "int(4)"])
def test_fault_f11_ids_are_no_shares(loss: str, labels: str) -> None:
    spec = f"{MODEL}train adam, loss={loss}, labels=({labels})"
    (found,) = [d for d in seqtopo.check(spec).diagnostics if d.severity == "error"]
    assert found.code == "ST704"
    assert "one-hot" in found.message
    assert "to_categorical" in found.help
    one_hot, ids = [fix.apply(spec) for fix in found.fixes]
    assert one_hot == f"{MODEL}train adam, loss={loss}, labels=(4)"
    assert "loss=sparse_categorical_crossentropy" in ids
    assert ("one id of 4 classes" in found.message) == ("4" in labels)


def test_fault_f11_a_vector_is_not_said_to_have_steps() -> None:
    (found,) = seqtopo.check("in(8) -> dense(4)\ntrain adam, loss=mse, labels=()").diagnostics
    assert (found.code, found.message) == (
        "ST702",
        "labels are one number, but the model gives 4 numbers: (4,)",
    )
    steps = "in(20,8) -> lstm(4,seq) -> dense(1)\ntrain adam, loss=mse, labels=()"
    assert "one for every step" in seqtopo.check(steps).diagnostics[0].message
