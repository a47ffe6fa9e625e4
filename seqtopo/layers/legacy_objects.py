"""Names of losses, metrics and optimizers in earlier versions of Keras and in other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seqtopo.layers.legacy import Renamed

_K1, _K2, _TORCH = "Keras 1 and 2", "Keras 2", "PyTorch"


@dataclass(frozen=True, slots=True)
class Old:
    """The present spelling of an object, arguments included; ``exact`` is True if it means the same."""

    to: str
    since: str = _K1
    exact: bool = True


_CROSSENTROPY = Old("sparse_categorical_crossentropy(from_logits=true)", _TORCH, exact=False)
_FROM_LOGITS = Old("binary_crossentropy(from_logits=true)", _TORCH, exact=False)
_BOTH: Mapping[str, Old] = {
    "kullback_leibler_divergence": Old("kl_divergence"),
    "kullback_leibler": Old("kl_divergence", exact=False),
    "kl_div": Old("kl_divergence", _TORCH, exact=False),
    "kl_div_loss": Old("kl_divergence", _TORCH, exact=False),
    "cosine_proximity": Old("cosine_similarity"),
    "cosine": Old("cosine_similarity"),
    "cosine_distance": Old("cosine_similarity", _K1, exact=False),
    "binary_cross_entropy": Old("binary_crossentropy", _TORCH),
    "categorical_cross_entropy": Old("categorical_crossentropy", "other libraries"),
    "sparse_categorical_cross_entropy": Old("sparse_categorical_crossentropy", "other libraries"),
    "bce_loss": Old("binary_crossentropy", _TORCH),
    "mse_loss": Old("mse", _TORCH),
    "l1_loss": Old("mae", _TORCH),
    "l1": Old("mae", "other libraries"),
    "l2": Old("mse", "other libraries", exact=False),
}

OBJECTS: Mapping[str, Mapping[str, Old]] = {
    "loss": {
        **_BOTH,
        "logcosh": Old("log_cosh", _K2),
        "huber_loss": Old("huber", _K2),
        "smooth_l1_loss": Old("huber", _TORCH),
        "smooth_l1": Old("huber", _TORCH),
        "cross_entropy": _CROSSENTROPY,
        "crossentropy": _CROSSENTROPY,
        "cross_entropy_loss": _CROSSENTROPY,
        "nll_loss": Old("sparse_categorical_crossentropy", _TORCH, exact=False),
        "nll": Old("sparse_categorical_crossentropy", _TORCH, exact=False),
        "bce_with_logits": _FROM_LOGITS,
        "bce_with_logits_loss": _FROM_LOGITS,
        "binary_cross_entropy_with_logits": _FROM_LOGITS,
        "rmse": Old("mse", "other libraries", exact=False),
        "root_mean_squared_error": Old("mse", "other libraries", exact=False),
    },
    "metric": {
        **_BOTH,
        "log_cosh": Old("logcosh", exact=True),
        "fmeasure": Old("f1_score", "Keras 1", exact=False),
        "f1": Old("f1_score", "other libraries", exact=False),
        "fbeta": Old("fbeta_score", "other libraries", exact=False),
        "roc_auc": Old("auc", "other libraries", exact=False),
        "sensitivity": Old("recall", "other libraries"),
        "r2score": Old("r2_score", "other libraries"),
        "top_k": Old("top_k_categorical_accuracy", "other libraries", exact=False),
    },
    "optimizer": {
        "ada_delta": Old("adadelta", "other libraries"),
        "ada_grad": Old("adagrad", "other libraries"),
        "ada_max": Old("adamax", "other libraries"),
        "momentum": Old("sgd(momentum=0.9)", "TensorFlow 1", exact=False),
        "gradient_descent": Old("sgd", "TensorFlow 1"),
        "gd": Old("sgd", "other libraries"),
    },
}
"""The present objects, by the family and the snake_case name that people write."""

DECAY = ("decay", "lr_decay", "learning_rate_decay")
"""The arguments by which earlier optimizers let the learning rate fall: lr / (1 + decay * steps)."""

ARGUMENTS: Mapping[str, Renamed] = {
    "lr": Renamed(("learning_rate",), _K1),
    "learningrate": Renamed(("learning_rate",), "other libraries"),
    "beta1": Renamed(("beta_1",), "TensorFlow 1"),
    "beta2": Renamed(("beta_2",), "TensorFlow 1"),
    "eps": Renamed(("epsilon",), _TORCH),
    "alpha": Renamed(("rho",), _TORCH),
    "clip_norm": Renamed(("clipnorm",), "other libraries"),
    "clip_value": Renamed(("clipvalue",), "other libraries"),
    "use_nesterov": Renamed(("nesterov",), "TensorFlow 1"),
}
"""An optimizer's arguments by the names that people give."""

DROPPED: Mapping[str, str] = {
    "schedule_decay": "Keras 3 has one schedule of Nadam's momentum, its default of before",
}
"""Arguments that no optimizer has any more, and why."""
