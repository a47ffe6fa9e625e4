"""Classes of ``keras.layers`` that the language leaves out: why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a class of ``keras.layers`` is not a layer here, and what to write instead."""

    why: str
    instead: str


_CODE = "it holds Python code, and a spec is data"
_CUSTOM = "make a custom layer in Python with @seqtopo.layer, and use it by name"
_IMAGE = Reason(
    "it changes images before training, and belongs to the data",
    "call keras.layers.{name} where the data is prepared: data.map(...)",
)
_LOOKUP = Reason(
    "it learns its table from the data, and works on strings or on TensorFlow only",
    "call keras.layers.{name} where the data is prepared, and let the model take ids: in(T,int)",
)
_CELL = Reason(
    "it is one step of a recurrent layer, not a layer of a sequence",
    "write the layer itself: lstm(64), gru(64) or simple_rnn(64)",
)
_BASE = Reason("it is a base class, with no computation of its own", _CUSTOM)

_IMAGES = (
    *("AugMix", "AutoContrast", "CenterCrop", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix"),
    *("Equalization", "MaxNumBoundingBoxes", "MixUp", "RandAugment", "RandomBrightness"),
    *("RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop"),
    *("RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale"),
    *("RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation"),
    *("RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom", "Resizing"),
    "Solarization",
)
_LOOKUPS = ("HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization")
_CELLS = ("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells")

EXCLUDED: Mapping[str, Reason] = {
    "Lambda": Reason(_CODE, f"use an operation such as scale, shift, mean or slice; or {_CUSTOM}"),
    "RNN": Reason(
        "it runs a cell that is a Python object",
        f"write lstm(64), gru(64) or simple_rnn(64), two in a row for stacked cells; or {_CUSTOM}",
    ),
    "JaxLayer": Reason(_CODE, _CUSTOM),
    "FlaxLayer": Reason(_CODE, _CUSTOM),
    "TorchModuleWrapper": Reason(_CODE, _CUSTOM),
    "TFSMLayer": Reason("it loads a saved program from a path", _CUSTOM),
    "Pipeline": Reason("it is a row of layers that prepare data", "write the layers in a row: a -> b"),
    "Discretization": Reason(
        "it finds its bins from the data before training",
        "call keras.layers.Discretization where the data is prepared, and let the model take ids: in(T,int)",
    ),
    "InputLayer": Reason("an input is a source, not a layer", "write in(T,F)"),
    "InputSpec": Reason("it describes what a layer takes, and is not a layer", "assert a shape with is(T,F)"),
    "Layer": _BASE,
    "Wrapper": _BASE,
    **dict.fromkeys(_IMAGES, _IMAGE),
    **dict.fromkeys(_LOOKUPS, _LOOKUP),
    **dict.fromkeys(_CELLS, _CELL),
}
"""The classes of ``keras.layers`` that are left out, with the reasons."""


_MIXES = Reason(
    "it computes across the samples of a batch, or fixes how many there are",
    "a spec says what becomes of one sample; do this with the data, or behind the model",
)
_DATA = Reason("how large its result is depends on the numbers", _CUSTOM)
_CONSTANT = Reason("it makes numbers of none that come in", "write them where they are used: shift((1,2,3))")
_COMPLEX = Reason("a spec has no complex numbers", "keep the real and the imaginary part as two values")
_WEIGHTS = Reason("it takes its weights as values", "write the layer, whose weights are its own: {layer}")
_LOSS = Reason("it is a loss, or what one is made of", "write it in the train line: train adam, loss=mse")
_TOOL = Reason("it asks what a value is, and computes nothing", "seqtopo check tells shapes and dtypes")
_PART = Reason("it is a module of functions", "write the function by its own name")
_OF_IMAGES = Reason("it rearranges images, and steps of a sequence are no such places", _CUSTOM)


def _layer(layer: str) -> Reason:
    return Reason(_WEIGHTS.why, _WEIGHTS.instead.replace("{layer}", layer))


EXCLUDED_FUNCTIONS: Mapping[str, Reason] = {
    **dict.fromkeys(
        (
            *("allclose", "bincount", "broadcast_to", "corrcoef", "correlate", "diag", "diagflat", "flipud"),
            *("histogram", "inner", "kron", "lstsq", "meshgrid", "outer", "psnr", "ravel", "rearrange"),
            *("scatter", "scatter_update", "segment_max", "segment_min", "segment_prod", "segment_sum"),
            *("slice", "slice_update", "vander", "vdot", "vsplit", "vstack"),
        ),
        _MIXES,
    ),
    **dict.fromkeys(("nonzero", "unique"), _DATA),
    **dict.fromkeys(
        (
            *("arange", "array", "bartlett", "blackman", "empty", "empty_like", "eye", "full", "geomspace"),
            *("hamming", "hanning", "identity", "kaiser", "linspace", "logspace", "ones", "tri", "zeros"),
        ),
        _CONSTANT,
    ),
    **dict.fromkeys(("angle", "eig", "imag", "polar", "view_as_complex", "view_as_real"), _COMPLEX),
    **dict.fromkeys(
        (
            *("associative_scan", "cond", "custom_gradient", "fori_loop", "jvp", "map", "scan", "switch"),
            *("vectorize", "vectorized_map", "while_loop"),
        ),
        Reason("it takes Python code, and a spec is data", _CUSTOM),
    ),
    **dict.fromkeys(("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape", "size"), _TOOL),
    **dict.fromkeys(("image", "linalg", "nn", "numpy"), _PART),
    **dict.fromkeys(
        (
            *("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
            *("ctc_decode", "ctc_loss"),
        ),
        _LOSS,
    ),
    **dict.fromkeys(("depth_to_space", "fold", "space_to_depth", "unfold"), _OF_IMAGES),
    "adaptive_average_pool": Reason("Keras says a wrong shape of it", "write adaptive_average_pooling1d(4)"),
    "adaptive_max_pool": Reason("Keras says a wrong shape of it", "write adaptive_max_pooling1d(4)"),
    "batch_normalization": _layer("batchnorm"),
    "layer_normalization": _layer("norm"),
    "rms_normalization": _layer("rms_normalization"),
    "conv": _layer("conv1d(64,3)"),
    "conv_transpose": _layer("conv1d_transpose(64,3)"),
    "depthwise_conv": _layer("depthwise_conv1d(3)"),
    "separable_conv": _layer("separable_conv1d(64,3)"),
    "count_nonzero": Reason(
        "on PyTorch Keras turns its axes round", "not_equal(0) -> cast(int32) -> sum(time) is the same"
    ),
    "in_top_k": Reason("it is a metric", "train adam, metrics=[top_k_categorical_accuracy]"),
    "istft": Reason("Keras takes its two parts as complex numbers", _CUSTOM),
    "lu_factor": Reason("Keras says another dtype than it gives", "use qr or cholesky"),
    "multi_hot": Reason("Keras says another dtype than it gives", "write the layer: category_encoding(20)"),
    "select": Reason("it takes two lists of values", "write where once for each condition"),
    "slogdet": Reason("Keras says a wrong shape of its sign", "use det or logdet"),
    "unravel_index": Reason("it undoes what flattening did to places", "keep the axes: argmax along each"),
}
"""Functions of ``keras.ops`` that the language leaves out, by their names."""


def snake_case(name: str) -> str:
    """Return a class name as Keras writes a layer's default name.

    >>> snake_case("TFSMLayer"), snake_case("LSTMCell"), snake_case("RNN")
    ('tfsm_layer', 'lstm_cell', 'rnn')
    """
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_BY_NAME = {spelt: name for name in EXCLUDED for spelt in (name, snake_case(name))}


def why_not(name: str) -> Reason | None:
    """Return why a layer of this name is left out, or None. Takes the class name and its snake_case.

    >>> why_not("Lambda").why
    'it holds Python code, and a spec is data'
    >>> why_not("random_flip").instead
    'call keras.layers.RandomFlip where the data is prepared: data.map(...)'
    >>> why_not("lstm") is None
    True
    """
    found = _BY_NAME.get(name)
    if found is None:
        return None
    reason = EXCLUDED[found]
    return Reason(reason.why, reason.instead.replace("{name}", found))
