"""Classes of ``keras.layers`` that the language leaves out: why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a class of ``keras.layers`` is not a layer here, and what to write instead."""

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
"""By Keras' class name."""


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
