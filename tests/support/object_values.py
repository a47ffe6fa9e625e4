"""One value for each parameter of each Keras object that is not its default, as a spec writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seqtopo.layers.object_values import Entry, Part
from seqtopo.layers.objects import FAMILIES

_SHARES = ("rho", "beta_1", "beta_2", "momentum", "ema_momentum", "adam_beta_1", "adam_beta_2")
_SMALL = (
    *("epsilon", "epsilon_1", "epsilon_2", "weight_decay", "adam_weight_decay", "alpha", "beta", "gamma"),
    *("clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor", "initial_accumulator_value"),
    *("l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength"),
    *("label_smoothing", "q", "margin", "delta", "threshold", "l1", "l2", "factor", "rate", "scale", "gain"),
    *(
        "value",
        "negative_slope",
        "default_value",
        "decay_rate",
        "end_learning_rate",
        "power",
        "t_mul",
        "m_mul",
    ),
    *("warmup_target", "initial_learning_rate", "learning_rate", "muon_a", "muon_b", "muon_c"),
    *("adam_lr_ratio", "rms_rate", "stddev", "recall", "precision", "specificity", "sensitivity", "mean"),
)
_WHOLE = (
    *("seed", "ema_overwrite_frequency", "gradient_accumulation_steps", "dynamic_growth_steps", "ns_steps"),
    *("decay_steps", "first_decay_steps", "warmup_steps", "num_classes", "top_k", "class_id", "k"),
    *("num_thresholds", "ignore_class", "num_regressors"),
)
_TRUE = (
    *("use_ema", "amsgrad", "nesterov", "centered", "staircase", "cycle", "approximate", "periodic"),
    *("from_logits", "apply_class_balancing", "multi_label", "sparse_y_pred", "from_sorted_ids"),
)
_FALSE = ("relative_step", "exclude_embeddings", "remove_diagonal", "sparse_y_true")

VALUES: Mapping[str, tuple[str, Any]] = {
    **dict.fromkeys((*_SHARES, *_SMALL), ("0.75", 0.75)),
    **dict.fromkeys(_WHOLE, ("3", 3)),
    **dict.fromkeys(_TRUE, ("true", True)),
    **dict.fromkeys(_FALSE, ("false", False)),
    "name": ("'called'", "called"),
    "dtype": ("float16", "float16"),
    "reduction": ("sum", "sum"),
    "axis": ("-2", -2),
    "input_axes": ("0", 0),
    "output_axes": ("1", 1),
    "mode": ("fan_out", "fan_out"),
    "distribution": ("uniform", "uniform"),
    "minval": ("-0.75", -0.75),
    "maxval": ("0.75", 0.75),
    "min_value": ("0.25", 0.25),
    "max_value": ("0.75", 0.75),
    "side": ("imag", "imag"),
    "window": ("cosine", "cosine"),
    "scaling": ("spectrum", "spectrum"),
    "beta_2_decay": ("-0.75", -0.75),
    "clip_threshold": ("0.75", 0.75),
    "learning_rate_power": ("-0.75", -0.75),
    "initial_scale": ("2.5", 2.5),
    "inner_optimizer": ("sgd(0.25)", {"learning_rate": 0.25}),
    "exclude_layers": ("('dense',)", ("dense",)),
    "boundaries": ("(2,4)", (2, 4)),
    "values": ("(0.75,0.5,0.25)", (0.75, 0.5, 0.25)),
    "curve": ("pr", "PR"),
    "summation_method": ("minoring", "minoring"),
    "thresholds": ("(0.25,0.75)", (0.25, 0.75)),
    "num_labels": ("2", 2),
    "label_weights": ("(0.25,0.75)", (0.25, 0.75)),
    "target_class_ids": ("(1,)", (1,)),
    "average": ("macro", "macro"),
    "class_aggregation": ("variance_weighted_average", "variance_weighted_average"),
    "b": ("2.5", 2.5),
}
"""The text of a value in a spec, and the value in the object's configuration; by the parameter's name."""

VALUES_OF: Mapping[tuple[str, str], tuple[str, Any]] = {
    ("muon", "nesterov"): ("false", False),
    ("iou", "sparse_y_pred"): ("false", False),
    ("mean_iou", "sparse_y_pred"): ("false", False),
    ("orthogonal_regularizer", "mode"): ("columns", "columns"),
}
"""The same for a parameter of one object."""

OTHER: Mapping[str, str] = {
    **dict.fromkeys(("initial_learning_rate", "decay_rate", "threshold", "default_value"), "0.5"),
    **dict.fromkeys(("recall", "precision", "specificity", "sensitivity"), "0.5"),
    **dict.fromkeys(("decay_steps", "first_decay_steps", "num_classes"), "2"),
    "inner_optimizer": "sgd(0.5)",
    "boundaries": "(2,5)",
    "values": "(0.75,0.5,0.125)",
    "target_class_ids": "(0,)",
}
"""Another value for a parameter that has no default, to compare with."""

BESIDE: Mapping[tuple[str, str], str] = {
    ("auc", "num_labels"): "multi_label=true",
    ("auc", "label_weights"): "multi_label=true, num_labels=2",
    ("min_max_norm", "min_value"): "max_value=1.5",
}
"""The arguments that must be given beside an argument."""


@dataclass(frozen=True, eq=False)
class Made:
    """An object in a spec: ``written`` as it stands there; ``config`` is what Keras must have been told.

    ``tried`` is the parameter whose value is tried; "" where the object is its bare name. ``without``
    is the same object without that value.
    """

    family: str
    entry: Entry
    tried: str
    written: str
    config: Mapping[str, Any]
    without: str = ""


def value_of(entry: Entry, part: Part) -> tuple[str, Any]:
    """A value for a parameter. ``KeyError`` where there is none."""
    found = VALUES_OF.get((entry.name, part.name)) or VALUES.get(part.name)
    if found is None:
        raise KeyError(f"{entry.name} has a parameter {part.name}, for which there is no value to try")
    return found


def objects(family: str) -> Iterator[Made]:
    """Every object of a family: by each of its names, then with each of its parameters."""
    for entry in FAMILIES[family]:
        needed = [part.name for part in entry.parts if part.required]
        if not needed:
            for name in (entry.name, *entry.aliases):
                if name[0].islower():
                    yield Made(family, entry, "", name, {})
        for part in entry.parts:
            text, value = value_of(entry, part)
            others = [f"{name}={OTHER[name]}" for name in needed if name != part.name]
            others += [beside] if (beside := BESIDE.get((entry.name, part.name))) else []
            required = [f"{part.name}={OTHER[part.name]}"] if part.required else []
            yield Made(
                family,
                entry,
                part.name,
                call(entry.name, [*others, f"{part.name}={text}"]),
                {part.name: value},
                call(entry.name, [*others, *required]),
            )


def call(name: str, arguments: list[str]) -> str:
    """An object as a spec writes it."""
    return f"{name}({', '.join(arguments)})" if arguments else name
