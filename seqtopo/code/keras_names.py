"""Look up the dotted names of packages: Keras' layers, models, operations and objects by every spelling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from seqtopo.layers import objects
from seqtopo.layers.excluded import EXCLUDED, snake_case
from seqtopo.layers.old_spellings import OBJECTS, RENAMED_CLASSES, WITHOUT_SUCCESSOR
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Row

ROW_OF: Mapping[str, Row] = {row.keras: row for row in ROWS if row.keras}
"""The rows by their Keras classes."""

KERAS = (
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.python.keras",
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras",
    "tensorflow.contrib.learn.keras",
    "tensorflow_core.python.keras",
    "tensorflow.keras",
    "keras._tf_keras.keras",
    "keras.src",
    "keras.api",
    "keras_core",
    "tf_keras",
)
"""The spellings of ``keras`` itself, the longer ones before those that they begin with."""

# Not a fact about layers: the functions of Keras that make and call a layer at once.
MERGES = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "concatenate": "Concatenate",
    "dot": "Dot",
}
"""The functions of ``keras.layers`` that make a layer and call it on a list."""

_MODELS = frozenset({"Model", "Functional", "Network", "Container"})
_BASES = frozenset({"Layer", "InputSpec"})
_MODEL_MODULES = frozenset({"models", "engine", "training", "functional", "model", "topology", "network"})
_LOADERS = frozenset(
    {
        "load_model",
        "model_from_json",
        "model_from_yaml",
        "model_from_config",
        "clone_model",
        "from_pretrained",
    }
)
_FAMILY_OF = {
    "activations": "activation",
    "initializers": "initializer",
    "initializations": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "optimizers": "optimizer",
    "losses": "loss",
    "objectives": "loss",
    "metrics": "metric",
}
_SAME_OBJECTS = {"Adam": "adam"}
_ENDS_OPTIMIZER = ("legacy", "experimental", "schedules")
# Not a fact about layers: functions of TensorFlow.
_TF_OPS: Mapping[str, str] = {
    "concat": "concatenate",
    "reduce_mean": "mean",
    "reduce_sum": "sum",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_any": "any",
    "reduce_all": "all",
    "reduce_logsumexp": "logsumexp",
    "reverse": "flip",
    "pow": "power",
    "gather": "take",
    "identity": "identity",
    "mod": "mod",
    "truediv": "true_divide",
    "divide": "divide",
    "div": "divide",
    "floordiv": "floor_divide",
    "batch_dot": "batch_dot",
    "permute_dimensions": "transpose",
    "clip": "clip",
    "clip_by_value": "clip",
    "l2_normalize": "normalize",
    "neg": "negative",
    "range": "arange",
    "band_part": "tril",
    "lrelu": "leaky_relu",
}
"""Functions of TensorFlow and ``keras.backend`` under the names that ``keras.ops`` has for them."""
_TF_ROOMS = frozenset({"math", "nn", "linalg", "signal", "image", "strings"})

Kind = Literal[
    "layer",
    "merge",
    "base",
    "sequential",
    "model",
    "input",
    "operation",
    "object",
    "loader",
    "application",
    "other",
]


class Meaning(NamedTuple):
    """The meaning of a dotted name of a package.

    ``name`` is Keras' name of it today: the layer's class, the operation (``exp`` of ``keras.ops``), the
    object with its ``family``. ``old`` is the name as the code has it.
    """

    kind: Kind
    name: str = ""
    family: str = ""
    old: str = ""


OTHER = Meaning("other")


@lru_cache(maxsize=4096)
def canonical(path: str) -> str:
    """Return a dotted name as ``keras...``, ``tensorflow...`` or ``numpy...`` spell it.

    >>> canonical("tensorflow.python.keras.layers.LSTM"), canonical("tensorflow.keras")
    ('keras.layers.LSTM', 'keras')
    """
    for spelling in KERAS:
        if path == spelling or path.startswith(spelling + "."):
            return canonical("keras" + path[len(spelling) :])
    if path.startswith(("tensorflow.compat.v1.", "tensorflow.compat.v2.")):
        return "tensorflow." + path[len("tensorflow.compat.v1.") :]
    return path


@lru_cache(maxsize=4096)
def meaning(path: str) -> Meaning:
    """Return Keras' meaning of a canonical dotted name; ``OTHER`` if it has none.

    >>> meaning("keras.layers.recurrent.LSTM")
    Meaning(kind='layer', name='LSTM', family='', old='LSTM')
    >>> meaning("keras.layers.CuDNNGRU").name, meaning("keras.ops.exp").kind
    ('GRU', 'operation')
    """
    parts = path.split(".")
    room, last = (parts[1] if len(parts) > 2 else ""), parts[-1]
    if parts[0] == "tensorflow":
        return _of_tensorflow(parts)
    if parts[0] != "keras" or len(parts) < 2:
        return _elsewhere(parts)
    if last == "Sequential":
        return Meaning("sequential", last, old=last)
    if last in _MODELS and (len(parts) == 2 or room in _MODEL_MODULES):
        return Meaning("model", last, old=last)
    if last == "Input" or (last == "InputLayer" and room != "saving"):
        return Meaning("input", last, old=last)
    if last in _BASES:
        return Meaning("base", last, old=last)
    if last in _LOADERS:
        return Meaning("loader", last, old=last)
    if room == "applications" and last[0].isupper():
        return Meaning("application", last, old=last)
    if room == "backend" or room == "ops":
        if room == "ops":
            return Meaning("operation", last, old=last)
        return Meaning("operation", _TF_OPS.get(last, last), old=f"K.{last}")
    if room == "preprocessing":
        return OTHER
    if room in ("layers", "engine", "legacy"):
        if last in MERGES:
            return Meaning("merge", MERGES[last], old=last)
        if last == "merge" and len(parts) == 3:
            return Meaning("merge", "", old=last)
        if last[0].isupper():
            name = _today(last)
            return Meaning("layer", name, old=last)
        return OTHER
    family = "schedule" if "schedules" in parts else _FAMILY_OF.get(room, "")
    if family and last not in (*_FAMILY_OF, *_ENDS_OPTIMIZER):
        return Meaning("object", object_name(family, last), family, last)
    return OTHER


def _of_tensorflow(parts: list[str]) -> Meaning:
    last = parts[-1]
    if (len(parts) == 2 or (len(parts) == 3 and parts[1] in _TF_ROOMS)) and last[0].islower():
        return Meaning("operation", _TF_OPS.get(last, last), old=".".join(["tf", *parts[1:]]))
    return OTHER


def _elsewhere(parts: list[str]) -> Meaning:
    if parts[-1] in _LOADERS or parts[-1] == "KerasLayer":
        return Meaning("loader", parts[-1], old=parts[-1])
    return OTHER


def _today(name: str) -> str:
    """Return the name that Keras 3 has for a layer."""
    if name in ROW_OF:
        return name
    return RENAMED_CLASSES.get(name) or _LATER.get(name, name)


_LATER = {"CudnnLSTM": "LSTM", "LSTMV1": "LSTM", "GRUV1": "GRU", "Convolution1DTranspose": "Conv1DTranspose"}


@cache
def object_name(family: str, name: str) -> str:
    """Return the table's name of a Keras object, such as ``l2`` of ``L2``; the name itself if it has none.

    >>> object_name("optimizer", "Adam"), object_name("loss", "MeanSquaredError")
    ('adam', 'mean_squared_error')
    """
    name = OBJECTS.get(name, name)
    for spelling in (name, snake_case(name), name.lower()):
        entry = objects.entry_of(family, spelling)
        if entry is not None:
            return entry.name
    return name


@cache
def is_layer_class(name: str) -> bool:
    """Return whether ``keras.layers`` has, or once had, a class of this name."""
    return name in ROW_OF or name in EXCLUDED or name in RENAMED_CLASSES


def star(path: str) -> Mapping[str, str] | None:
    """Return the names that ``from path import *`` brings, as dotted names; None if they are not known.

    >>> star("keras.layers")["LSTM"]
    'keras.layers.LSTM'
    """
    names: list[str] = []
    if path == "keras.layers":
        names = [*ROW_OF, *EXCLUDED, *RENAMED_CLASSES, *WITHOUT_SUCCESSOR, *MERGES, "merge"]
        names += ["Input", "InputLayer", "Layer"]
    elif path in ("keras.models", "keras"):
        names = ["Sequential", "Model", "load_model"] + (["Input"] if path == "keras" else [])
        if path == "keras":
            names += ["layers", "models", "ops", "optimizers", "losses", "metrics", "regularizers"]
            names += [
                "initializers",
                "activations",
                "constraints",
                "callbacks",
                "utils",
                "backend",
                "datasets",
            ]
    elif path.startswith("keras.layers."):
        return star("keras.layers") and {
            name: f"{path}.{name}"
            for name in (star("keras.layers") or {})
            if name[0].isupper() or name in MERGES
        }
    elif path.startswith("keras.") and path.split(".")[1] in _FAMILY_OF:
        names = list(_object_names(_FAMILY_OF[path.split(".")[1]]))
    elif path == "keras.utils" or path.startswith("keras.utils."):
        names = ["to_categorical", "plot_model", "Sequence", "pad_sequences", "set_random_seed"]
    elif path.startswith("keras.preprocessing"):
        names = ["pad_sequences", "Tokenizer", "TimeseriesGenerator", "text", "sequence", "image"]
    elif path == "keras.callbacks":
        names = ["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard", "Callback"]
    elif path == "numpy":
        # Not a fact about layers: functions of NumPy.
        names = [
            "array",
            "zeros",
            "ones",
            "random",
            "arange",
            "reshape",
            "concatenate",
            "expand_dims",
            "stack",
        ]
    else:
        return None
    return {name: f"{path}.{name}" for name in names}


def _object_names(family: str) -> list[str]:
    return [n for entry in objects.FAMILIES[family] for n in (entry.name, *entry.aliases, entry.keras) if n]


def places(row: Row) -> tuple[str, ...]:
    """Return Keras' names of a layer's arguments in the order in which they may be given by position."""
    return tuple(p.keras_name for p in row.params if p.keras_name and not p.call)


def why_opaque(name: str) -> str:
    """Return why a class of ``keras.layers`` without a row is not read, in words."""
    reason = EXCLUDED.get(name)
    return (
        reason.why
        if reason is not None
        else WITHOUT_SUCCESSOR.get(name, "a layer that Keras 3 does not have")
    )
