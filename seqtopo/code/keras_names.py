"""Look up the dotted names of packages: Keras' layers, models, operations and objects by every spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from seqtopo.layers import objects, old_spellings
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

_MERGED = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
MERGES = {layer.lower(): layer for layer in _MERGED}
"""The functions of ``keras.layers`` that make a layer and call it on a list."""

_MODELS = frozenset({"Model", "Functional", "Network", "Container"})
_BASES = frozenset({"Layer", "InputSpec"})
_MODEL_MODULES = frozenset({"models", "engine", "training", "functional", "model", "topology", "network"})
_LOADERS = frozenset({"load_model", "clone_model", "from_pretrained"})
_LOADERS |= {f"model_from_{form}" for form in ("json", "yaml", "config")}
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
_ENDS_OPTIMIZER = ("legacy", "experimental", "schedules")
# Not a fact about layers: functions of TensorFlow.
_TF_OPS: Mapping[str, str] = {
    **{f"reduce_{name}": name for name in ("mean", "sum", "max", "min", "prod", "any", "all", "logsumexp")},
    "concat": "concatenate",
    "reverse": "flip",
    "pow": "power",
    "gather": "take",
    "truediv": "true_divide",
    "div": "divide",
    "floordiv": "floor_divide",
    "permute_dimensions": "transpose",
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
    if room == "ops":
        return Meaning("operation", last, old=last)
    if room == "backend":
        return Meaning("operation", _TF_OPS.get(last, last), old=f"K.{last}")
    if room == "preprocessing":
        return OTHER
    if room in ("layers", "engine", "legacy"):
        if last in MERGES:
            return Meaning("merge", MERGES[last], old=last)
        if last == "merge" and len(parts) == 3:
            return Meaning("merge", "", old=last)
        if last[0].isupper():
            # The name that Keras 3 has for it.
            today = last if last in ROW_OF else RENAMED_CLASSES.get(last) or _LATER.get(last, last)
            return Meaning("layer", today, old=last)
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
    room, _, rest = path.removeprefix("keras.").partition(".")
    names = _STARS.get(path)
    if path == "keras.layers":
        layers = (*ROW_OF, *EXCLUDED, *RENAMED_CLASSES, *WITHOUT_SUCCESSOR, *MERGES)
        names = (*layers, "merge", "Input", "InputLayer", "Layer")
    elif room == "layers" and rest:
        every = star("keras.layers") or {}
        names = tuple(name for name in every if name[0].isupper() or name in MERGES)
    elif path.startswith("keras.") and room in _FAMILY_OF:
        names = tuple(_object_names(_FAMILY_OF[room]))
    elif path.startswith(("keras.utils", "keras.preprocessing")):
        names = _STARS.get(f"keras.{room}")
    return None if names is None else {name: f"{path}.{name}" for name in names}


# Not a fact about layers: names of modules and of NumPy's functions.
_STARS: Mapping[str, tuple[str, ...]] = {
    "keras": (
        *("Sequential", "Model", "load_model", "Input", "layers", "models", "ops", "optimizers", "losses"),
        *("metrics", "regularizers", "initializers", "activations", "constraints", "callbacks", "utils"),
        *("backend", "datasets"),
    ),
    "keras.models": ("Sequential", "Model", "load_model"),
    "keras.utils": ("to_categorical", "plot_model", "Sequence", "pad_sequences", "set_random_seed"),
    "keras.preprocessing": ("pad_sequences", "Tokenizer", "TimeseriesGenerator", "text", "sequence", "image"),
    "keras.callbacks": ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard", "Callback"),
    "numpy": (
        *("array", "zeros", "ones", "random", "arange", "reshape", "concatenate", "expand_dims", "stack"),
    ),
}
"""The names that ``from ... import *`` brings from modules without layers and objects."""


def _object_names(family: str) -> list[str]:
    return [n for entry in objects.FAMILIES[family] for n in (entry.name, *entry.aliases, entry.keras) if n]


def places(row: Row) -> tuple[str, ...]:
    """Return Keras' names of a layer's arguments in the order in which they may be given by position."""
    return tuple(p.keras_name for p in row.params if p.keras_name and not p.call)


def old_places(
    written: str, row: Row | None, names: Iterable[str], second_is_shape: bool
) -> tuple[old_spellings.Age, tuple[str, ...]]:
    """Return the age of Keras that has a layer's spelling, and its names of the arguments by position.

    The age is 1 or, where nothing is old, 3. ``second_is_shape`` tells ``Conv2D(64, (3, 3))`` from
    ``Convolution2D(64, 3, 3)``, as Keras 1 had it.
    """
    age = old_spellings.age_of([(written, names)])
    age = age if age < (2, 0) else old_spellings.KERAS_3
    found = old_spellings.positional(written, age)
    if found is not None and not second_is_shape:
        return age, found
    return age, places(row) if row is not None else ("function",)


def why_opaque(name: str) -> str:
    """Return why a class of ``keras.layers`` without a row is not read, in words."""
    if name in EXCLUDED:
        return EXCLUDED[name].why
    return WITHOUT_SUCCESSOR.get(name, "a layer that Keras 3 does not have")
