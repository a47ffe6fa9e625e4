"""Layers and arguments of Keras 0.3 to 2: their names, their meaning then, and their names in Keras 3.

``modern`` gives a layer of an earlier age as Keras 3 has it: its class, its arguments, what comes in where
the layer said so, and notes of what was another. It looks at no value that it does not know, so arguments
that are symbols or unread code pass through. The names that a spec's author may still write are in
``legacy``; this module adds what only old code and old files have: the meaning of an age.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from seqtopo.layers.excluded import why_not
from seqtopo.layers.legacy import ARGUMENTS, CLASSES, Renamed
from seqtopo.layers.registry import NAMES, ROWS

Age = tuple[int, int]
"""The version of Keras that a file or a program was written for: major and minor."""

KERAS_0: Age = (0, 3)
KERAS_1: Age = (1, 2)
KERAS_2: Age = (2, 2)
"""Keras 2 as it was on several backends, and in TensorFlow 1."""
TF_KERAS: Age = (2, 4)
"""Keras 2 as a part of TensorFlow 2."""
KERAS_3: Age = (3, 0)


class Note(NamedTuple):
    """One difference between an old spelling and that of Keras 3.

    ``kind`` is what was renamed or left out: with ``meaning``, what Keras 3 computes under the new name is
    something else, and ``why`` says what.
    """

    kind: Literal["class", "argument", "value", "default", "gone", "meaning"]
    old: str
    new: str
    why: str = ""


@dataclass
class Modern:
    """A layer in Keras 3's spelling; see ``modern``."""

    class_name: str
    kwargs: dict[str, Any]
    notes: list[Note] = field(default_factory=list)
    batch_shape: tuple[Any, ...] | None = None
    """The input shape in the layer's arguments, with the batch: (None, None, 1) for ``input_dim=1``."""
    input_dtype: Any = None
    known: bool = True
    """True if any version of Keras had a layer of this class."""


_ROWS = {row.keras: row for row in ROWS if row.keras}
_CONV_LSTM = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
STEPPED = {"SimpleRNN", "GRU", "LSTM", "Conv1D", "LocallyConnected1D", "TimeDistributedDense"}
"""Layers whose ``input_dim`` is the last of two axes, behind the steps."""

RENAMED_CLASSES: Mapping[str, str] = {
    **{old: NAMES[found.inside or found.to].keras for old, found in CLASSES.items()
       if found.since.startswith("Keras") and found.to},
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "AvgPool1D": "AveragePooling1D", "AvgPool2D": "AveragePooling2D", "AvgPool3D": "AveragePooling3D",
    "MaxPool1D": "MaxPooling1D", "MaxPool2D": "MaxPooling2D", "MaxPool3D": "MaxPooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D", "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "UnifiedLSTM": "LSTM", "UnifiedGRU": "GRU", "LSTMV2": "LSTM", "GRUV2": "GRU",
    "ThresholdedReLU": "ReLU",
    "MaskedLambda": "Lambda", "LambdaMerge": "Lambda",
}  # fmt: skip
"""Classes of Keras 0.3 to 2 under the name that Keras 3 has for them. ``TimeDistributedDense`` is ``Dense``,
which acts on each step alone; ``Merge`` is one of ``MERGES``."""

MERGES: Mapping[str, str] = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "min": "Minimum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}
"""The layer that each ``mode`` of ``Merge(mode=...)`` and of ``merge(mode=...)`` is now."""

WITHOUT_SUCCESSOR: Mapping[str, str] = {
    "Merge": "it merges by Python code, or in a way that is not known",
    "MaxoutDense": "Keras 3 has no such layer; it is a Dense, a Reshape and the largest of the features",
    "Highway": "Keras 3 has no such layer; it is two Dense layers, and what they weigh",
    "TimeDistributedMerge": "Keras 3 has no such layer; it is the mean, the sum or the product of the steps",
    "LocallyConnected1D": "Keras 3 has no convolution whose weights are not shared",
    "LocallyConnected2D": "Keras 3 has no convolution whose weights are not shared",
    "SReLU": "Keras 3 has no such activation",
    "ParametricSoftplus": "Keras 3 has no such activation",
    "ThresholdedLinear": "Keras 3 has no such layer, only the activation hard_shrink",
    "AutoEncoder": "Keras 3 has no such container",
    "Siamese": "Keras 3 has no such container",
    "SiameseHead": "Keras 3 has no such container",
    "Graph": "Keras 3 has no such container",
    "ConvRecurrent2D": "it is a base class",
    "ConvLSTM2DCell": "it is one step of a recurrent layer, not a layer of a sequence",
    "DenseFeatures": "Keras 3 has no feature columns",
    "SequenceFeatures": "Keras 3 has no feature columns",
    "TFOpLambda": "it is a function of TensorFlow, and no layer",
    "SlicingOpLambda": "it is a function of TensorFlow, and no layer",
    "TensorFlowOpLayer": "it is an operation of TensorFlow, and no layer",
    "ClassMethod": "it is a function of TensorFlow, and no layer",
}
"""Keras' own classes of earlier ages that are no class of Keras 3, and why."""

RENAMED_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "Embedding": {"W_regularizer": "embeddings_regularizer", "W_constraint": "embeddings_constraint",
                  "init": "embeddings_initializer"},
    "PReLU": {"init": "alpha_initializer"},
    "ReLU": {"theta": "threshold"},
    "Reshape": {"dims": "target_shape"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Concatenate": {"concat_axis": "axis"},
    "Dot": {"dot_axes": "axes"},
    "DepthwiseConv2D": {"init": "depthwise_initializer"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "UpSampling1D": {"length": "size"},
}  # fmt: skip
"""Arguments that were renamed in one class alone, or otherwise there; the rest is in ``legacy``."""

SEVERAL: Mapping[str, tuple[str, ...]] = {
    "kernel_size": ("nb_row", "nb_col"),
    "kernel_size ": ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
"""Arguments that were given axis by axis; the blank tells two spellings of one apart."""

LEFT_OUT = frozenset((
    "weights", "cache_enabled", "custom_name", "input_ndim", "implementation", "consume_less", "batch_size",
    "output_shape", "output_shape_type", "output_mask", "output_mask_type", "mode_type", "node_indices",
    "tensor_indices", "query_shape", "key_shape", "value_shape", "time_major", "ragged", "sparse",
    "input_tensor", "virtual_batch_size", "fused", "renorm", "adjustment", "renorm_clipping",
    "renorm_momentum", "num_cudnn_params", "experimental_autocast", "interpolation_order",
))  # fmt: skip
"""Arguments that do not change what a layer computes, as long as they have their old defaults."""

_KEPT = ("nb_feature", "mode")
"""Arguments of layers without a successor that have no name of today."""
_HARMFUL = {"time_major": True, "renorm": True, "ragged": True}
"""Those of them that do, and the value with which they do."""

VALUES: Mapping[str, Mapping[Any, Any]] = {
    "data_format": {"th": "channels_first", "tf": "channels_last", "default": None},
    "initializer": {"zero": "zeros", "one": "ones"},
}  # fmt: skip
"""Values of an argument, by its name in Keras 3 or the last word of it."""

DEFAULTS: tuple[tuple[tuple[str, ...], str, Age, Any], ...] = (
    (("LSTM", "GRU"), "recurrent_activation", (2, 3), "hard_sigmoid"),
    (_CONV_LSTM, "recurrent_activation", (3, 0), "hard_sigmoid"),
    (("GRU",), "reset_after", (2, 4), False),
    (("BatchNormalization",), "epsilon", (1, 1), 1e-6),
    (("BatchNormalization",), "momentum", (1, 0), 0.9),
    (("Conv1D",), "kernel_initializer", (1, 0), "uniform"),
    (("MaxPooling2D", "AveragePooling2D", "MaxPooling3D", "AveragePooling3D", "Conv2D", "Conv3D",
      "UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D"),
     "data_format", (1, 0), "channels_first"),
)  # fmt: skip
"""Defaults that were others: the classes, the argument, the first age that has that of Keras 3, the value."""

OLD_HARD_SIGMOID = "it was clip(0.2*x + 0.5, 0, 1), and is relu6(x + 3) / 6 in Keras 3"
"""The note that ``hard_sigmoid`` before Keras 3 was another function; that of Keras 3 is flatter by 1.2."""

_K1_CONV = ("init", "activation", "weights", "border_mode")
_K1_RNN = ("output_dim", "init", "inner_init")
POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "Dense": ("output_dim", "init", "activation", "weights"),
    "TimeDistributedDense": ("output_dim", "init", "activation", "weights"),
    "MaxoutDense": ("output_dim", "nb_feature", "init"),
    "Highway": ("init", "activation"),
    "Embedding": ("input_dim", "output_dim", "init", "input_length"),
    "Convolution1D": ("nb_filter", "filter_length", *_K1_CONV, "subsample_length"),
    "AtrousConvolution1D": ("nb_filter", "filter_length", *_K1_CONV, "subsample_length", "atrous_rate"),
    "Convolution2D": ("nb_filter", "nb_row", "nb_col", *_K1_CONV, "subsample"),
    "AtrousConvolution2D": ("nb_filter", "nb_row", "nb_col", *_K1_CONV, "subsample", "atrous_rate"),
    "SeparableConvolution2D": ("nb_filter", "nb_row", "nb_col", *_K1_CONV, "subsample"),
    "Deconvolution2D": ("nb_filter", "nb_row", "nb_col", "output_shape", *_K1_CONV, "subsample"),
    "Convolution3D": ("nb_filter", "kernel_dim1", "kernel_dim2", "kernel_dim3", *_K1_CONV, "subsample"),
    "LocallyConnected1D": ("nb_filter", "filter_length", *_K1_CONV, "subsample_length"),
    "LocallyConnected2D": ("nb_filter", "nb_row", "nb_col", *_K1_CONV, "subsample"),
    "ConvLSTM2D": ("nb_filter", "nb_row", "nb_col", "init", "inner_init", "forget_bias_init"),
    "SimpleRNN": (*_K1_RNN, "activation"),
    "GRU": (*_K1_RNN, "activation", "inner_activation"),
    "LSTM": (*_K1_RNN, "forget_bias_init", "activation", "inner_activation"),
    "BatchNormalization": ("epsilon", "mode", "axis", "momentum"),
    "MaxPooling1D": ("pool_length", "stride", "border_mode"),
    "AveragePooling1D": ("pool_length", "stride", "border_mode"),
    "UpSampling1D": ("length",),
    "Dropout": ("p", "noise_shape", "seed"),
    "SpatialDropout1D": ("p",),
    "GaussianDropout": ("p",),
    "GaussianNoise": ("sigma",),
    "PReLU": ("init", "weights"),
    "Merge": ("layers", "mode", "concat_axis", "dot_axes"),
    "merge": ("inputs", "mode", "concat_axis", "dot_axes"),
    "TimeDistributedMerge": ("mode",),
    "ThresholdedReLU": ("theta",),
}
"""The positional arguments of Keras 0.3 and 1, where they were others than those of Keras 3. The classes that
only Keras 1 had (``Convolution2D(64, 3, 3)``) have them in every age."""

OBJECTS: Mapping[str, str] = {
    "WeightRegularizer": "L1L2",
    "ActivityRegularizer": "L1L2",
    "L1L2Regularizer": "L1L2",
    "L1Regularizer": "L1",
    "L2Regularizer": "L2",
    "maxnorm": "MaxNorm",
    "nonneg": "NonNeg",
    "unitnorm": "UnitNorm",
    "l1l2": "L1L2",
    "activity_l1": "L1",
    "activity_l2": "L2",
    "activity_l1l2": "L1L2",
    "zero": "Zeros",
    "one": "Ones",
    "normal": "RandomNormal",
    "uniform": "RandomUniform",
}
"""Regularizers, constraints and initializers by their old names."""

OBJECT_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "MaxNorm": {"m": "max_value"},
    "MinMaxNorm": {"low": "min_value", "high": "max_value"},
    "RandomNormal": {"scale": "stddev"},
}
"""Arguments of those, by the present name of the object."""

SCALED: Mapping[tuple[float, str, str], str] = {
    (1.0, "fan_avg", "uniform"): "GlorotUniform",
    (1.0, "fan_avg", "normal"): "GlorotNormal",
    (1.0, "fan_avg", "truncated_normal"): "GlorotNormal",
    (2.0, "fan_in", "uniform"): "HeUniform",
    (2.0, "fan_in", "normal"): "HeNormal",
    (2.0, "fan_in", "truncated_normal"): "HeNormal",
    (1.0, "fan_in", "uniform"): "LecunUniform",
    (1.0, "fan_in", "normal"): "LecunNormal",
    (1.0, "fan_in", "truncated_normal"): "LecunNormal",
}
"""The initializers that Keras 2 saved as a ``VarianceScaling``: scale, mode, distribution."""


def age_of_version(text: str) -> Age:
    """Return the age that a ``keras_version`` names; Keras 1 where it names none.

    >>> age_of_version("2.2.4"), age_of_version("2.2.4-tf"), age_of_version("3.15.1"), age_of_version("")
    ((2, 2), (2, 4), (3, 15), (1, 2))
    """
    found = re.match(r"(\d+)\.(\d+)", text)
    if found is None:
        return KERAS_1
    age = int(found[1]), int(found[2])
    return max(age, TF_KERAS) if text.endswith("-tf") and age >= (2, 2) and age < KERAS_3 else age


def age_of(spellings: Iterable[tuple[str, Iterable[str]]]) -> Age:
    """Return the latest age that has all these spellings: layers' classes with their arguments' names.

    >>> age_of([("Dense", ["units"]), ("LSTM", ["output_dim", "inner_init"])])
    (1, 2)
    >>> age_of([("CuDNNLSTM", ["units"])]), age_of([("LSTM", ["units"])])
    ((2, 2), (3, 0))
    """
    age = KERAS_3
    for class_name, names in spellings:
        since = [CLASSES[class_name].since] if class_name in CLASSES else []
        present = RENAMED_CLASSES.get(class_name, class_name)
        for name in names:
            found = ARGUMENTS.get(name)
            if isinstance(found, Renamed) and not _has(present, name) and _renamed(present, name):
                since.append(found.since)
        if class_name in POSITIONAL and class_name not in _ROWS and class_name not in CLASSES:
            since.append("Keras 1")
        if any(one.startswith("Keras 1") for one in since):
            return KERAS_1
        if any(one.startswith("Keras 2") for one in since):
            age = KERAS_2
    return age


def positional(class_name: str, age: Age) -> tuple[str, ...] | None:
    """Return the names of a class's positional arguments at an age; None where they are those of Keras 3.

    >>> positional("Dense", KERAS_1)[:2], positional("Dense", KERAS_2)
    (('output_dim', 'init'), None)
    >>> positional("Convolution2D", KERAS_2)[:3]
    ('nb_filter', 'nb_row', 'nb_col')
    """
    return POSITIONAL.get(class_name) if age < (2, 0) or class_name not in _ROWS else None


def modern(class_name: str, kwargs: Mapping[str, Any], age: Age) -> Modern:
    """Return a layer of an earlier age as Keras 3 has it.

    ``kwargs`` are its arguments by the names of any age. Arguments that say what comes in (``input_shape``,
    ``input_dim``, ``input_length``, ``batch_input_shape``) are taken out into ``batch_shape``. Where an
    argument is missing whose default was another at that age, it is written. ``class_name`` stays as it is
    where Keras 3 has no such layer, with a note ``gone``; a layer that Keras never had stays as a whole.

    >>> found = modern("LSTM", {"output_dim": 32, "input_dim": 1, "inner_init": "one"}, KERAS_1)
    >>> found.kwargs["units"], found.kwargs["recurrent_initializer"], found.kwargs["recurrent_activation"]
    (32, 'ones', 'hard_sigmoid')
    >>> found.batch_shape
    (None, None, 1)
    >>> modern("Merge", {"mode": "concat", "concat_axis": 1}, KERAS_1).class_name
    'Concatenate'
    """
    given = dict(kwargs)
    name = RENAMED_CLASSES.get(class_name, class_name)
    found = Modern(name, {})
    if class_name in ("Merge", "merge"):
        name = found.class_name = _merged(given, found)
    elif name in WITHOUT_SUCCESSOR:
        found.notes.append(Note("gone", class_name, "", WITHOUT_SUCCESSOR[name]))
    elif name != class_name:
        found.notes.append(Note("class", class_name, name))
    found.known = (
        name in _ROWS or name in WITHOUT_SUCCESSOR or name != class_name or why_not(name) is not None
    )
    if not found.known:
        found.kwargs = given
        return found
    if class_name.startswith("CuDNN"):
        _cudnn(name, given)
    if age < KERAS_3:
        _take_input(class_name, given, found)
        _several(given, found)
    for old, value in given.items():
        _argument(name, old, value, found)
    _defaults(name, class_name, age, found)
    _meanings(name, age, found)
    return found


def _has(class_name: str, argument: str) -> bool:
    row = _ROWS.get(class_name)
    return row is not None and any(p.keras_name == argument for p in row.by_name.values() if not p.call)


def _renamed(class_name: str, argument: str) -> str:
    """Return the present name of an argument; "" if it is not an old one of this class."""
    own = RENAMED_ARGUMENTS.get(class_name, {}).get(argument)
    if own is not None:
        return own
    found = ARGUMENTS.get(argument)
    if not isinstance(found, Renamed) or not found.since.startswith("Keras"):
        return ""
    if class_name not in _ROWS:
        return "" if argument in _KEPT else found.to[0]
    return next((to for to in found.to if _has(class_name, to)), "")


def _merged(given: dict[str, Any], found: Modern) -> str:
    """Return the layer that a ``Merge`` is; ``Merge`` itself if its mode is code or not known."""
    mode = given.pop("mode", "sum")
    for aside in ("layers", "inputs", "arguments"):
        given.pop(aside, None)
    to = MERGES.get(mode) if isinstance(mode, str) else None
    if to is None:
        found.notes.append(Note("gone", "Merge", "", "its mode names no way to merge"))
        return "Merge"
    found.notes.append(Note("class", f"Merge(mode={mode!r})", to))
    if to != "Concatenate":
        given.pop("concat_axis", None)
    if to != "Dot":
        given.pop("dot_axes", None)
    elif mode == "cos":
        given["normalize"] = True
    if to == "Dot":
        axes = given.setdefault("dot_axes", -1)
        if isinstance(axes, (list, tuple)):
            # Keras 0.3 gave a list of axes for each of the two.
            given["dot_axes"] = tuple(
                x[0] if isinstance(x, (list, tuple)) and len(x) == 1 else x for x in axes
            )
    return to


def _cudnn(name: str, given: dict[str, Any]) -> None:
    given.setdefault("recurrent_activation", "sigmoid")
    if name == "GRU":
        given.setdefault("reset_after", True)


def _take_input(class_name: str, given: dict[str, Any], found: Modern) -> None:
    """Take out the arguments of a layer that describe its input."""
    name = found.class_name
    found.input_dtype = given.pop("input_dtype", None)
    length = given.pop("input_length", None)
    width = None if _has(name, "input_dim") else given.pop("input_dim", None)
    shape, whole = given.pop("input_shape", None), given.pop("batch_input_shape", None)
    batch = given.pop("batch_size", None)
    if whole is None:
        whole = given.pop("batch_shape", None)
    if isinstance(whole, (list, tuple)):
        found.batch_shape = tuple(whole)
    elif isinstance(shape, (list, tuple)):
        found.batch_shape = (batch, *shape)
    elif width is not None:
        found.batch_shape = (batch, length, width) if {class_name, name} & STEPPED else (batch, width)
    elif name == "Embedding" and length is not None:
        found.batch_shape = (batch, *length) if isinstance(length, (list, tuple)) else (batch, length)
    elif shape is not None or whole is not None:
        # A shape that is only known as an expression.
        found.kwargs["input_shape" if whole is None else "batch_input_shape"] = (
            shape if whole is None else whole
        )


def _several(given: dict[str, Any], found: Modern) -> None:
    for name, parts in SEVERAL.items():
        if all(part in given for part in parts):
            given[name.strip()] = tuple(given.pop(part) for part in parts)
            found.notes.append(Note("argument", ", ".join(parts), name.strip()))


def _argument(name: str, old: str, value: Any, found: Modern) -> None:
    if old in LEFT_OUT and not _has(name, old):
        if old in _HARMFUL and value is _HARMFUL[old]:
            found.notes.append(Note("meaning", old, "", f"{old}={value} has no counterpart in Keras 3"))
        return
    if old == "forget_bias_init":
        if isinstance(value, str):
            found.kwargs["unit_forget_bias"] = value in ("one", "ones")
            found.notes.append(Note("argument", old, "unit_forget_bias"))
            if value not in ("one", "ones", "zero", "zeros"):
                why = f"the forget gate's bias began with {value}, and begins with zeros now"
                found.notes.append(Note("meaning", old, "unit_forget_bias", why))
        return
    if old == "init" and name in ("SeparableConv1D", "SeparableConv2D"):
        for new in ("depthwise_initializer", "pointwise_initializer"):
            found.kwargs[new] = _value(new, value, found)
        found.notes.append(Note("argument", old, "depthwise_initializer, pointwise_initializer"))
        return
    new = "" if _has(name, old) and old != "alpha" else _renamed(name, old)
    if new:
        found.notes.append(Note("argument", old, new))
    new = new or old
    found.kwargs[new] = _value(new, value, found)


def _value(name: str, value: Any, found: Modern) -> Any:
    known = VALUES.get(name) or VALUES.get(name.rpartition("_")[2], {})
    if isinstance(value, str) and value in known:
        found.notes.append(Note("value", value, str(known[value])))
        return known[value]
    return value


def _defaults(name: str, class_name: str, age: Age, found: Modern) -> None:
    for classes, argument, since, value in DEFAULTS:
        if name in classes and age < since and found.kwargs.get(argument) is None:
            found.kwargs[argument] = value
            found.notes.append(Note("default", argument, repr(value)))
    if class_name == "ThresholdedReLU":
        found.kwargs.setdefault("threshold", 1.0)


def _meanings(name: str, age: Age, found: Modern) -> None:
    """Note the arguments with the same name that mean something else in Keras 3."""
    if age >= KERAS_3:
        return
    for argument in ("activation", "recurrent_activation"):
        if found.kwargs.get(argument) == "hard_sigmoid":
            found.notes.append(Note("meaning", argument, "hard_sigmoid", OLD_HARD_SIGMOID))
    if name == "BatchNormalization":
        axis = found.kwargs.get("axis")
        if isinstance(axis, list) and len(axis) == 1:
            found.kwargs["axis"] = axis[0]
        mode = found.kwargs.pop("mode", 0)
        if mode == 1:
            why = "it normalized each sample, as LayerNormalization does"
            found.notes.append(Note("meaning", "mode", "", why))
        elif mode == 2:
            why = "it took the mean of the batch in prediction, too"
            found.notes.append(Note("meaning", "mode", "", why))
    if name == "Embedding" and found.kwargs.pop("dropout", None):
        found.notes.append(Note("meaning", "dropout", "", "it left out whole words while the model trained"))
    if found.kwargs.get("padding") in ("full", "half"):
        found.notes.append(Note("meaning", "border_mode", "", "Keras 3 pads with valid, same or causal"))
