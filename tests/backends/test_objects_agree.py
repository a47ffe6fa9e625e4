"""The tables of Keras objects against the installed Keras: names, parameters, defaults, refusals."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import pytest

from seqtopo.layers.objects import FAMILIES, MODULES, entry_of, keras_name, names, read_object
from seqtopo.layers.values import Object, Refusal, Word

NOT_OBJECTS = {"get", "serialize", "deserialize"}
LEFT_OUT = {
    "initializer": {"Initializer": "the base class"},
    "regularizer": {"Regularizer": "the base class"},
    "constraint": {"Constraint": "the base class"},
    "optimizer": {
        "Optimizer": "the base class",
        "MultiOptimizer": "takes a map from Python layers to optimizers",
        "OptimizerMap": "is that map",
        "legacy": "is a module whose names only raise",
        "schedules": "is the module of the schedules",
    },
    "schedule": {"LearningRateSchedule": "the base class"},
    "loss": {"Loss": "the base class"},
    "metric": {
        "Metric": "the base class",
        "MeanMetricWrapper": "takes a Python function",
        "Mean": "takes values, not labels and predictions",
        "Sum": "takes values, not labels and predictions",
        "Accuracy": "compares labels with predictions as they are; the word leaves the choice to Keras",
        "huber": "is a loss, with no class of its own as a metric",
        "log_cosh": "is a loss; the metric is LogCoshError",
        "binary_focal_crossentropy": "is a loss, with no class of its own as a metric",
        "categorical_focal_crossentropy": "is a loss, with no class of its own as a metric",
    },
}
CASES = [(family, entry) for family, entries in FAMILIES.items() for entry in entries if entry.keras]
EXAMPLES: dict[str, dict[str, Any]] = {
    "threshold": {"threshold": 0.5, "default_value": 1.0},
    "loss_scale": {"inner_optimizer": "adam"},
    "cosine_decay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "cosine_decay_restarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "exponential_decay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9},
    "inverse_time_decay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9},
    "piecewise_constant_decay": {"boundaries": (1, 2), "values": (0.1, 0.2, 0.3)},
    "polynomial_decay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "iou": {"num_classes": 3, "target_class_ids": (1,)},
    "one_hot_iou": {"num_classes": 3, "target_class_ids": (1,)},
    "mean_iou": {"num_classes": 3},
    "one_hot_mean_iou": {"num_classes": 3},
    "precision_at_recall": {"recall": 0.5},
    "recall_at_precision": {"precision": 0.5},
    "sensitivity_at_specificity": {"specificity": 0.5},
    "specificity_at_sensitivity": {"sensitivity": 0.5},
}


def module_of(family: str) -> Any:
    found: Any = keras
    for part in MODULES[family].split("."):
        found = getattr(found, part)
    return found


def id_of(case: tuple[str, Any]) -> str:
    return f"{case[0]}-{case[1].name}"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_keras_name_has_a_row_or_a_reason(family: str) -> None:
    module = module_of(family)
    left_out = LEFT_OUT.get(family, {})
    exported = {n for n in dir(module) if not n.startswith("_")} - NOT_OBJECTS
    assert exported, "no names found"
    stale = set(left_out) - exported
    assert not stale, f"left out, but Keras has no such name: {stale}"
    assert {n for n in exported - set(left_out) if entry_of(family, n) is None} == set()


@pytest.mark.parametrize("case", CASES, ids=id_of)
def test_parameters_and_defaults_are_kerass(case: tuple[str, Any]) -> None:
    family, entry = case
    signature = inspect.signature(getattr(module_of(family), entry.keras))
    wanted = [
        (p.name, p.default)
        for p in signature.parameters.values()
        if p.kind is not p.VAR_KEYWORD and not (family == "activation" and p.name == "x")
    ]
    have = [(p.name, inspect.Parameter.empty if p.required else p.default) for p in entry.parts]
    assert have == wanted


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in ("schedule", "optimizer")])
def test_bare_names_mean_the_same_to_keras(family: str) -> None:
    module = module_of(family)
    tried = 0
    for name in names(family):
        entry = entry_of(family, name)
        assert entry is not None
        if not entry.keras or any(p.required for p in entry.parts):
            continue
        try:
            found = module.get(name)
        except (ValueError, KeyError):
            continue  # a short name of our own, or "constant", which Keras' own reader trips over
        ours = getattr(module, keras_name(family, name))
        assert found is ours or type(found) is ours or getattr(found, "__name__", "") == entry.name
        tried += 1
    assert tried > 2


def build(family: str, value: str | Object) -> Any:
    """The Keras object that a value read by the table stands for."""
    made = getattr(module_of(family), keras_name(family, value if isinstance(value, str) else value.name))
    kwargs = {} if isinstance(value, str) else dict(value.kwargs)
    kwargs = {
        n: build("optimizer", v)
        if n == "inner_optimizer"
        else build("schedule", v)
        if isinstance(v, Object)
        else v
        for n, v in kwargs.items()
    }
    return made(keras.ops.ones((2, 4)), **kwargs) if family == "activation" else made(**kwargs)


@pytest.mark.parametrize("case", CASES, ids=id_of)
def test_keras_builds_what_the_table_reads(case: tuple[str, Any]) -> None:
    family, entry = case
    given = {n: Word(v) if isinstance(v, str) else v for n, v in EXAMPLES.get(entry.name, {}).items()}
    assert build(family, read_object(family, Object(entry.name, (), given))) is not None
    defaults = {p.name: p.default for p in entry.parts if not p.required} | given
    assert build(family, read_object(family, Object(entry.name, (), defaults))) is not None


def test_a_schedule_stands_for_a_rate() -> None:
    read = read_object(
        "optimizer", Object("sgd", (Object("exponential_decay", (0.1, 10, 0.9)),), {"momentum": 0})
    )
    assert float(build("optimizer", read).learning_rate) == pytest.approx(0.1)


REFUSED = (
    ("initializer", "variance_scaling", {"scale": 0}),
    ("initializer", "variance_scaling", {"mode": "fan_out_of_it"}),
    ("initializer", "variance_scaling", {"distribution": "gamma"}),
    ("initializer", "random_normal", {"seed": "a"}),
    ("initializer", "stft", {"side": "left"}),
    ("initializer", "stft", {"scaling": "none"}),
    ("initializer", "ones", {"value": 1}),
    ("regularizer", "l2", {"l2": -1.0}),
    ("regularizer", "l1_l2", {"l1": float("nan")}),
    ("regularizer", "orthogonal_regularizer", {"mode": "diagonal"}),
    ("constraint", "max_norm", {"max": 2}),
    ("optimizer", "sgd", {"momentum": 1.5}),
    ("optimizer", "adam", {"clipnorm": 1.0, "clipvalue": 1.0}),
    ("optimizer", "adam", {"gradient_accumulation_steps": 1}),
    ("optimizer", "adam", {"use_ema": True, "ema_momentum": 1.5}),
    ("optimizer", "adam", {"momentum": 0.5}),
    ("optimizer", "adamw", {"weight_decay": None}),
    ("optimizer", "ftrl", {"learning_rate_power": 1.0}),
    ("optimizer", "ftrl", {"l1_regularization_strength": -1.0}),
    ("optimizer", "lion", {"beta_1": 0.0}),
    ("schedule", "exponential_decay", {"initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.9}),
    ("schedule", "exponential_decay", {"initial_learning_rate": 0.1}),
    ("schedule", "piecewise_constant_decay", {"boundaries": (1, 2), "values": (1.0, 2.0)}),
    ("loss", "mean_squared_error", {"reduction": "median"}),
    ("loss", "categorical_generalized_cross_entropy", {"q": 0.0}),
    ("loss", "categorical_generalized_cross_entropy", {"q": 1.0}),
    ("metric", "auc", {"num_thresholds": 1}),
    ("metric", "auc", {"curve": "AUC"}),
    ("metric", "auc", {"num_labels": 3}),
    ("metric", "precision", {"thresholds": (0.5, 1.5)}),
    ("metric", "precision_at_recall", {"recall": 1.5}),
    ("metric", "f1_score", {"average": "mean"}),
    ("metric", "f1_score", {"threshold": 0.0}),
    ("metric", "fbeta_score", {"beta": 0.0}),
    ("metric", "r2_score", {"num_regressors": -1}),
    ("metric", "iou", {"num_classes": 2, "target_class_ids": (2,)}),
)


@pytest.mark.parametrize(("family", "name", "args"), REFUSED)
def test_what_keras_refuses_is_refused(family: str, name: str, args: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=name):
        read_object(family, Object(name, (), args))
    with pytest.raises((ValueError, TypeError), match=r"."):
        build(family, Object(name, (), args))
