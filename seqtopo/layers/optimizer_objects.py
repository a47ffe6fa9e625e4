"""The optimizers and learning-rate schedules that ``train`` may name: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers.object_values import (
    BOOL,
    NUMBER,
    TEXT,
    Entry,
    Part,
    an_object,
    class_name,
    either,
    number,
    or_none,
    parts,
    several,
    whole,
)

_SHARE = number(0, 1)
_ABOVE = number(above=0)
_NOT_NEGATIVE = number(0)
_NAME = (or_none(TEXT), None)
_RATE = either(_NOT_NEGATIVE, an_object("schedule", "a schedule such as exponential_decay(0.01, 1000, 0.9)"))

_ANY_OPTIMIZER = parts(
    clipnorm=(or_none(_NOT_NEGATIVE), None),
    clipvalue=(or_none(_NOT_NEGATIVE), None),
    global_clipnorm=(or_none(_NOT_NEGATIVE), None),
    use_ema=(BOOL, False),
    ema_momentum=(_SHARE, 0.99),
    ema_overwrite_frequency=(or_none(whole(1)), None),
    loss_scale_factor=(or_none(_ABOVE), None),
    gradient_accumulation_steps=(or_none(whole(2)), None),
    name=_NAME,
)
_DECAY = parts(weight_decay=(or_none(_NOT_NEGATIVE), None))
_MOMENTS = parts(beta_1=(_SHARE, 0.9), beta_2=(_SHARE, 0.999), epsilon=(_NOT_NEGATIVE, 1e-7))


def _rate(default: float) -> tuple[Part, ...]:
    return parts(learning_rate=(_RATE, default))


def _one_clip(args: Mapping[str, Any]) -> str:
    given = [n for n in ("clipnorm", "clipvalue", "global_clipnorm") if args.get(n) is not None]
    return "with only one of clipnorm, clipvalue and global_clipnorm" if len(given) > 1 else ""


def _optimizer(
    name: str, *own: tuple[Part, ...], keras: str = "", rate: float = 0.001, aliases: str = ""
) -> Entry:
    every = _rate(rate) + sum(own, ()) + _ANY_OPTIMIZER
    return Entry(name, keras or class_name(name), tuple(aliases.split()), every, _one_clip)


OPTIMIZERS = (
    _optimizer("adadelta", parts(rho=(_SHARE, 0.95), epsilon=(_NOT_NEGATIVE, 1e-7)), _DECAY),
    _optimizer(
        "adafactor",
        parts(
            beta_2_decay=(NUMBER, -0.8),
            epsilon_1=(_NOT_NEGATIVE, 1e-30),
            epsilon_2=(_NOT_NEGATIVE, 1e-3),
            clip_threshold=(_ABOVE, 1.0),
            relative_step=(BOOL, True),
        ),
        _DECAY,
    ),
    _optimizer(
        "adagrad",
        parts(initial_accumulator_value=(_NOT_NEGATIVE, 0.1), epsilon=(_NOT_NEGATIVE, 1e-7)),
        _DECAY,
    ),
    _optimizer("adam", _MOMENTS, parts(amsgrad=(BOOL, False)), _DECAY),
    _optimizer("adamax", _MOMENTS, _DECAY),
    _optimizer(
        "adamw",
        parts(weight_decay=(_NOT_NEGATIVE, 0.004)),
        _MOMENTS,
        parts(amsgrad=(BOOL, False)),
        keras="AdamW",
        aliases="adam_w",
    ),
    _optimizer(
        "ftrl",
        parts(
            learning_rate_power=(number(most=0), -0.5),
            initial_accumulator_value=(_NOT_NEGATIVE, 0.1),
            l1_regularization_strength=(_NOT_NEGATIVE, 0.0),
            l2_regularization_strength=(_NOT_NEGATIVE, 0.0),
            l2_shrinkage_regularization_strength=(_NOT_NEGATIVE, 0.0),
            beta=(NUMBER, 0.0),
        ),
        _DECAY,
    ),
    _optimizer("lamb", _MOMENTS, _DECAY),
    _optimizer("lion", parts(beta_1=(number(above=0, most=1), 0.9), beta_2=(_SHARE, 0.99)), _DECAY),
    Entry(
        "loss_scale",
        "LossScaleOptimizer",
        ("lossscaleoptimizer", "loss_scale_optimizer"),
        parts(
            inner_optimizer=an_object("optimizer", "an optimizer such as adam"),
            initial_scale=(_ABOVE, 32768.0),
            dynamic_growth_steps=(whole(1), 2000),
            name=_NAME,
        ),
    ),
    Entry(
        "muon",
        "Muon",
        (),
        _rate(0.001)
        + parts(
            adam_beta_1=(_SHARE, 0.9),
            adam_beta_2=(_SHARE, 0.999),
            adam_weight_decay=(or_none(_NOT_NEGATIVE), 0.004),
            epsilon=(_NOT_NEGATIVE, 1e-7),
            weight_decay=(or_none(_NOT_NEGATIVE), 0.004),
        )
        + _ANY_OPTIMIZER
        + parts(
            exclude_layers=(or_none(several(TEXT)), None),
            exclude_embeddings=(BOOL, True),
            muon_a=(NUMBER, 3.4445),
            muon_b=(NUMBER, -4.775),
            muon_c=(NUMBER, 2.0315),
            adam_lr_ratio=(NUMBER, 1),
            momentum=(_SHARE, 0.95),
            ns_steps=(whole(1), 5),
            nesterov=(BOOL, True),
            rms_rate=(or_none(NUMBER), 0.2),
        ),
        _one_clip,
    ),
    _optimizer("nadam", _MOMENTS, _DECAY),
    _optimizer(
        "rmsprop",
        parts(
            rho=(_SHARE, 0.9), momentum=(_SHARE, 0.0), epsilon=(_NOT_NEGATIVE, 1e-7), centered=(BOOL, False)
        ),
        _DECAY,
        keras="RMSprop",
        aliases="rms_prop",
    ),
    _optimizer(
        "schedule_free_adamw",
        parts(
            beta_1=(_SHARE, 0.9),
            beta_2=(_SHARE, 0.999),
            epsilon=(_NOT_NEGATIVE, 1e-8),
            warmup_steps=(whole(0), 0),
        ),
        _DECAY,
        keras="ScheduleFreeAdamW",
        rate=0.0025,
        aliases="schedulefreeadamw",
    ),
    _optimizer("sgd", parts(momentum=(_SHARE, 0.0), nesterov=(BOOL, False)), _DECAY, keras="SGD", rate=0.01),
)

_STEPS = whole(1)


def _one_more_value(args: Mapping[str, Any]) -> str:
    same = len(args["boundaries"]) == len(args["values"]) - 1
    return "" if same else "with one value more than it has boundaries"


SCHEDULES = (
    Entry(
        "cosine_decay",
        "CosineDecay",
        parts=parts(
            initial_learning_rate=_NOT_NEGATIVE,
            decay_steps=_STEPS,
            alpha=(NUMBER, 0.0),
            name=(TEXT, "CosineDecay"),
            warmup_target=(or_none(_NOT_NEGATIVE), None),
            warmup_steps=(whole(0), 0),
        ),
    ),
    Entry(
        "cosine_decay_restarts",
        "CosineDecayRestarts",
        parts=parts(
            initial_learning_rate=_NOT_NEGATIVE,
            first_decay_steps=_STEPS,
            t_mul=(NUMBER, 2.0),
            m_mul=(NUMBER, 1.0),
            alpha=(NUMBER, 0.0),
            name=(TEXT, "SGDRDecay"),
        ),
    ),
    *(
        Entry(
            name,
            keras,
            parts=parts(
                initial_learning_rate=_NOT_NEGATIVE,
                decay_steps=_STEPS,
                decay_rate=NUMBER,
                staircase=(BOOL, False),
                name=(TEXT, keras),
            ),
        )
        for name, keras in (
            ("exponential_decay", "ExponentialDecay"),
            ("inverse_time_decay", "InverseTimeDecay"),
        )
    ),
    Entry(
        "piecewise_constant_decay",
        "PiecewiseConstantDecay",
        parts=parts(
            boundaries=several(NUMBER), values=several(_NOT_NEGATIVE), name=(TEXT, "PiecewiseConstant")
        ),
        check=_one_more_value,
    ),
    Entry(
        "polynomial_decay",
        "PolynomialDecay",
        parts=parts(
            initial_learning_rate=_NOT_NEGATIVE,
            decay_steps=_STEPS,
            end_learning_rate=(_NOT_NEGATIVE, 0.0001),
            power=(NUMBER, 1.0),
            cycle=(BOOL, False),
            name=(TEXT, "PolynomialDecay"),
        ),
    ),
)
