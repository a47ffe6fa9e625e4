"""The losses and metrics that ``train`` may name: one row each, with Keras' own parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqtopo.layers.object_values import (
    AXIS,
    BOOL,
    DTYPE,
    NUMBER,
    TEXT,
    WHOLE,
    Entry,
    Part,
    class_name,
    either,
    number,
    or_none,
    parts,
    several,
    unsaved,
    whole,
    word,
)

_SHARE = number(0, 1)
_LOGITS = (BOOL, False)
_LAST = (whole(), -1)
_IGNORED = (or_none(WHOLE), None)
_REDUCTION = parts(
    reduction=(
        or_none(word("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight")),
        "sum_over_batch_size",
    )
)
_DTYPE = unsaved("dtype", parts(dtype=(DTYPE, None)))


def _loss(
    name: str,
    before: tuple[Part, ...] = (),
    *,
    keras: str = "",
    aliases: str = "",
    between: tuple[Part, ...] = (),
    behind: tuple[Part, ...] = (),
    called: str = "",
) -> Entry:
    """Return the entry of a loss.

    Its parameters stand ``before`` the reduction, ``between`` that and the name, and ``behind`` the name.
    """
    own = parts(name=(or_none(TEXT), called or name))
    every = before + _REDUCTION + between + own + behind + _DTYPE
    return Entry(name, keras or class_name(name), tuple(aliases.split()), every)


_PROBABILITIES = parts(from_logits=_LOGITS, label_smoothing=(_SHARE, 0.0), axis=_LAST)
_GAMMA = parts(gamma=(NUMBER, 2.0))
_BY_CLASS = (either(NUMBER, several(NUMBER)), 0.25)

LOSSES = (
    _loss("binary_crossentropy", _PROBABILITIES, aliases="bce BCE"),
    _loss(
        "binary_focal_crossentropy",
        parts(apply_class_balancing=(BOOL, False), alpha=(NUMBER, 0.25)) + _GAMMA + _PROBABILITIES,
    ),
    _loss("categorical_crossentropy", _PROBABILITIES),
    _loss("categorical_focal_crossentropy", parts(alpha=_BY_CLASS) + _GAMMA + _PROBABILITIES),
    _loss("categorical_generalized_cross_entropy", parts(q=(number(above=0, below=1), 0.5))),
    _loss("categorical_hinge"),
    _loss("circle", parts(gamma=(NUMBER, 80.0), margin=(NUMBER, 0.4), remove_diagonal=(BOOL, True))),
    _loss("cosine_similarity", unsaved("_fn_kwargs.axis", parts(axis=_LAST))),
    _loss("ctc", keras="CTC"),
    _loss("dice", behind=parts(axis=(or_none(AXIS), None))),
    _loss("hinge"),
    _loss("huber", unsaved("_fn_kwargs.delta", parts(delta=(number(above=0), 1.0))), called="huber_loss"),
    _loss("kl_divergence", keras="KLDivergence", aliases="kld KLD"),
    _loss("log_cosh"),
    _loss("mean_absolute_error", aliases="mae MAE"),
    _loss("mean_absolute_percentage_error", aliases="mape MAPE"),
    _loss("mean_squared_error", aliases="mse MSE"),
    _loss("mean_squared_logarithmic_error", aliases="msle MSLE"),
    _loss("poisson"),
    _loss(
        "sparse_categorical_crossentropy",
        parts(from_logits=_LOGITS, ignore_class=_IGNORED),
        between=unsaved("_fn_kwargs.axis", parts(axis=_LAST)),
    ),
    _loss("squared_hinge"),
    _loss(
        "tversky", parts(alpha=(NUMBER, 0.5), beta=(NUMBER, 0.5)), behind=parts(axis=(or_none(AXIS), None))
    ),
)


def _metric(
    name: str,
    behind: tuple[Part, ...] = (),
    *,
    keras: str = "",
    aliases: str = "",
    before: tuple[Part, ...] = (),
    called: str | None = "",
    check: Callable[[Mapping[str, Any]], str] | None = None,
) -> Entry:
    """Return the entry of a metric: its parameters ``before`` its name and dtype, and ``behind`` them."""
    own = parts(name=(or_none(TEXT), name if called == "" else called), dtype=(DTYPE, None))
    return Entry(name, keras or class_name(name), tuple(aliases.split()), before + own + behind, check)


_THRESHOLDS = (or_none(either(_SHARE, several(_SHARE))), None)
_COUNTED = parts(thresholds=_THRESHOLDS)
_CLASS = (or_none(whole(0)), None)
_TOP = parts(thresholds=_THRESHOLDS, top_k=(or_none(whole(1)), None), class_id=_CLASS)
_AXIS = parts(axis=_LAST)
_CURVE = parts(num_thresholds=(whole(1), 200), class_id=_CLASS)
_SCORED = parts(average=(or_none(word("micro", "macro", "weighted")), None))
_CUT = parts(threshold=(or_none(number(above=0, most=1)), None))
_CLASSES = parts(num_classes=whole(1))
_TARGETS = parts(target_class_ids=several(whole(0)))
_SPARSE = parts(ignore_class=_IGNORED, sparse_y_true=(BOOL, True), sparse_y_pred=(BOOL, True), axis=_LAST)
_ONE_HOT = parts(ignore_class=_IGNORED, sparse_y_pred=(BOOL, False), axis=_LAST)


def _targets_are_classes(args: Mapping[str, Any]) -> str:
    fits = max(args["target_class_ids"]) < args["num_classes"]
    return "" if fits else "with target_class_ids below num_classes"


def _labels_agree(args: Mapping[str, Any]) -> str:
    if not args.get("multi_label") and args.get("num_labels"):
        return "with num_labels only where multi_label is true"
    return ""


METRICS = (
    Entry("accuracy", "", ("acc",)),
    _metric(
        "auc",
        parts(
            thresholds=(or_none(several(_SHARE)), None),
            multi_label=(BOOL, False),
            num_labels=(or_none(whole(1)), None),
            label_weights=(or_none(several(number(0))), None),
            from_logits=_LOGITS,
        ),
        keras="AUC",
        before=parts(
            num_thresholds=(whole(2), 200),
            curve=(word("ROC", "PR", "PRGAIN", "roc", "pr", "prgain"), "ROC"),
            summation_method=(word("interpolation", "majoring", "minoring"), "interpolation"),
        ),
        called=None,
        check=_labels_agree,
    ),
    _metric("binary_accuracy", parts(threshold=(NUMBER, 0.5))),
    _metric(
        "binary_crossentropy", parts(from_logits=_LOGITS, label_smoothing=(_SHARE, 0)), aliases="bce BCE"
    ),
    _metric(
        "binary_iou",
        keras="BinaryIoU",
        aliases="binary_io_u",
        before=parts(target_class_ids=(several(whole(0)), (0, 1)), threshold=(_SHARE, 0.5)),
        called=None,
    ),
    _metric("categorical_accuracy"),
    _metric("categorical_crossentropy", parts(from_logits=_LOGITS, label_smoothing=(_SHARE, 0), axis=_LAST)),
    _metric("categorical_hinge"),
    _metric("concordance_correlation", _AXIS),
    _metric("cosine_similarity", unsaved("_fn_kwargs.axis", _AXIS)),
    _metric("f1_score", before=_SCORED + _CUT),
    _metric(
        "fbeta_score",
        keras="FBetaScore",
        aliases="f_beta_score",
        before=_SCORED + parts(beta=(number(above=0), 1.0)) + _CUT,
    ),
    _metric("false_negatives", before=_COUNTED, called=None),
    _metric("false_positives", before=_COUNTED, called=None),
    _metric("hinge"),
    _metric(
        "iou",
        _SPARSE,
        keras="IoU",
        aliases="io_u",
        before=_CLASSES + _TARGETS,
        called=None,
        check=_targets_are_classes,
    ),
    _metric("kl_divergence", keras="KLDivergence", aliases="kld"),
    _metric("log_cosh_error", aliases="logcosh", called="logcosh"),
    _metric("mean_absolute_error", aliases="mae MAE"),
    _metric("mean_absolute_percentage_error", aliases="mape MAPE"),
    _metric("mean_iou", _SPARSE, keras="MeanIoU", aliases="mean_io_u", before=_CLASSES, called=None),
    _metric("mean_squared_error", aliases="mse MSE"),
    _metric("mean_squared_logarithmic_error", aliases="msle MSLE"),
    _metric(
        "one_hot_iou",
        _ONE_HOT,
        keras="OneHotIoU",
        aliases="one_hot_io_u",
        before=_CLASSES + _TARGETS,
        called=None,
        check=_targets_are_classes,
    ),
    _metric(
        "one_hot_mean_iou",
        _ONE_HOT,
        keras="OneHotMeanIoU",
        aliases="one_hot_mean_io_u",
        before=_CLASSES,
        called=None,
    ),
    _metric("pearson_correlation", _AXIS),
    _metric("poisson"),
    _metric("precision", before=_TOP, called=None),
    _metric("precision_at_recall", before=parts(recall=_SHARE) + _CURVE, called=None),
    _metric(
        "r2_score",
        aliases="r2",
        before=parts(
            class_aggregation=(
                or_none(word("uniform_average", "variance_weighted_average")),
                "uniform_average",
            ),
            num_regressors=(whole(0), 0),
        ),
    ),
    _metric("recall", before=_TOP, called=None),
    _metric("recall_at_precision", before=parts(precision=_SHARE) + _CURVE, called=None),
    _metric("root_mean_squared_error", aliases="rmse"),
    _metric("sensitivity_at_specificity", before=parts(specificity=_SHARE) + _CURVE, called=None),
    _metric("sparse_categorical_accuracy"),
    _metric("sparse_categorical_crossentropy", parts(from_logits=_LOGITS, ignore_class=_IGNORED, axis=_LAST)),
    _metric(
        "sparse_top_k_categorical_accuracy",
        parts(from_sorted_ids=(BOOL, False)),
        before=parts(k=(whole(1), 5)),
    ),
    _metric("specificity_at_sensitivity", before=parts(sensitivity=_SHARE) + _CURVE, called=None),
    _metric("squared_hinge"),
    _metric("top_k_categorical_accuracy", before=parts(k=(whole(1), 5))),
    _metric("true_negatives", before=_COUNTED, called=None),
    _metric("true_positives", before=_COUNTED, called=None),
)
