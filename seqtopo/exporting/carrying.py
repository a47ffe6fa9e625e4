"""Convert a model of Keras 1 or 2 into a ``.keras`` file of Keras 3, with its weights."""

from __future__ import annotations

import copy
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqtopo.decompiler.calls import TENSOR, calls_of
from seqtopo.decompiler.files import shown
from seqtopo.decompiler.losses import Losses, UnreadableError, wrong
from seqtopo.decompiler.model_files import ask
from seqtopo.decompiler.old_models import age_of_config, modernized
from seqtopo.exporting.old_weights import Array, Arrays, CannotCarryError, Origin, carried, count_of
from seqtopo.layers.excluded import why_not
from seqtopo.layers.old_spellings import KERAS_3, OLD_HARD_SIGMOID, WITHOUT_SUCCESSOR

_OURS = ("unnamed", "keeps_shape", "gives", "of", "old", "counted_axis")
"""The keys that seqtopo adds to those of a layer's configuration."""
_MODELS = ("Functional", "Sequential", "Model")


NamedArrays = list[tuple[str, Arrays]]
"""The layers of a file with their weights, in its order; a name is "" if the file has none."""


@dataclass
class Carried:
    """A converted model, and a line for each layer with weights."""

    model: keras.Model
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    """The names of layers, the shapes of their weights, and what was done to them."""
    notes: list[str] = field(default_factory=list)


@dataclass
class _Leaf:
    """A layer with weights of its own: its configuration, and the live layer."""

    config: Mapping[str, Any]
    live: keras.layers.Layer
    frozen: bool

    @property
    def kind(self) -> str:
        return str(self.config.get("class_name"))

    @property
    def settings(self) -> Mapping[str, Any]:
        found = self.config.get("config")
        return found if isinstance(found, dict) else {}


def carry(config: Mapping[str, Any], weights: Path, losses: Losses, *, theano: bool = False) -> Carried:
    """Return a model of Keras 3 with the weights from an HDF5 file.

    ``config`` is the configuration in the file, or in a JSON file. ``theano`` says that the weights were
    trained on Theano, whose convolutions flip their kernels; newer files say so themselves.

    Raises:
        UnreadableError: a layer, which is named, cannot be converted, or the file cannot be read (ST510).
    """
    age = age_of_config(config) or KERAS_3
    new = modernized(copy.deepcopy(dict(config)), losses)
    groups, backend = read_weights(weights)
    _check(new, False)
    for layer in _stock(new):
        _refuse_unknown(layer)
    for loss in losses.diagnostics:
        if " has mode: " in loss.message:
            raise UnreadableError("ST510", loss.message)
    activations = {_name_of(layer) for layer in _stock(new) if layer.get("class_name") == "Activation"}
    losses.found = [
        d
        for d in losses.found
        if OLD_HARD_SIGMOID not in d.message or d.message.split(" has ")[0] in activations
    ]
    made = Carried(_built(new))
    origin = Origin(age, theano or backend == "theano")
    convolves = any("Conv" in str(layer.get("class_name")) for layer in _stock(new))
    if age < (2, 0) and not backend and convolves and not theano:
        made.notes.append(
            "the file does not say whether Keras ran on Theano or TensorFlow: it is taken for TensorFlow. "
            "Theano turned the kernels of convolutions round: --theano"
        )
    units = [unit for unit in _units(new, made.model) if any(leaf.live.weights for leaf in unit[1])]
    for name, leaves, arrays in _paired(units, groups, made.notes, age):
        _set(name, leaves, arrays, origin, made)
    _compile(made, new)
    return made


def read_weights(path: Path) -> tuple[NamedArrays, str]:
    """Return the weights in an HDF5 file of Keras 0.3 to 3, and the backend that it names.

    Raises:
        UnreadableError: it holds none, is damaged, or h5py is not installed (ST501).
    """
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder, "weights")
        answer = ask(path, "weights", str(held))
        found: NamedArrays = []
        with held.open("rb") as file:
            for name, shapes in answer["layers"]:
                arrays = []
                for dtype, shape in shapes:
                    size = np.dtype(dtype).itemsize * math.prod(shape)
                    arrays.append(np.frombuffer(file.read(size), dtype).reshape(shape))
                found.append((name, arrays))
    return found, answer["backend"]


def save(made: Carried, path: Path) -> None:
    """Save the model, load it again, and compare each weight.

    Raises:
        UnreadableError: a loaded weight differs (ST510).
    """
    made.model.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = keras.saving.load_model(path, compile=False)
    for mine, theirs in zip(made.model.weights, back.weights, strict=True):
        if not np.array_equal(_numbers(mine), _numbers(theirs)):
            raise UnreadableError("ST510", f"{mine.path} came back otherwise from the new file", "report it")


def _numbers(variable: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(variable))


# ---- the model ----------------------------------------------------------------------------------------


def _check(config: Mapping[str, Any], inside: bool) -> None:
    """Refuse a configuration that is not that of a model made of a graph of layers.

    Raises:
        UnreadableError: it is none, or is damaged.
    """
    if config.get("class_name") not in _MODELS:
        said = f"the model is of the class {shown(config.get('class_name'))}, which is code"
        raise UnreadableError("ST510", said, "only Sequential and functional models can be carried over")
    for call in calls_of(config, inside).ordered:
        if call.kind in _MODELS:
            _check(call.config, True)
        elif not isinstance(call.settings.get("name", call.name), str):
            raise wrong(f"a layer is called {shown(call.settings.get('name'))}")


def _stock(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the configuration of every layer of a model, and of the models and wrappers in it."""
    body = config.get("config")
    layers = body.get("layers") if isinstance(body, dict) else None
    inside = [*(layers if isinstance(layers, list) else ())]
    if isinstance(body, dict):
        inside += [body[key] for key in ("layer", "backward_layer") if isinstance(body.get(key), dict)]
    for layer in inside:
        if isinstance(layer, dict):
            yield layer
            yield from _stock(layer)


def _refuse_unknown(layer: Mapping[str, Any]) -> None:
    kind = str(layer.get("class_name"))
    name = _name_of(layer)
    module = str(layer.get("module"))
    if module.startswith("keras.src.ops") or kind in _MODELS:
        return
    reason = ""
    if not module.startswith("keras") or ">" in str(layer.get("registered_name") or ""):
        reason = "it is a custom layer: carry its weights over in the program that has it"
    elif kind in WITHOUT_SUCCESSOR:
        reason = WITHOUT_SUCCESSOR[kind]
    elif kind == "Lambda":
        found = why_not(kind)
        reason = found.why if found else ""
    elif not hasattr(keras.layers, kind):
        reason = "Keras 3 has no such layer"
    if reason:
        raise _refused(name, kind, reason)


def _refused(name: Any, kind: str, reason: str) -> UnreadableError:
    return UnreadableError(
        "ST510", f"{shown(name)} is a {shown(kind)} layer, which cannot be carried over: {reason}"
    )


def _built(config: Mapping[str, Any]) -> keras.Model:
    """Return the model of a configuration, with new weights.

    Raises:
        UnreadableError: Keras refuses it.
    """
    plain = _loadable({k: v for k, v in config.items() if k != "compile_config"})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = keras.saving.deserialize_keras_object(plain, safe_mode=True)
    # Keras raises of many kinds for what it cannot build.
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise UnreadableError(
            "ST510", f"Keras cannot build this model: {said}", "seqtopo check says more"
        ) from None
    if not isinstance(model, keras.Model) or not model.built:
        raise UnreadableError(
            "ST510", "nothing says what comes into this model", "give its first layer a shape"
        )
    return model


def _loadable(value: Any) -> Any:
    """Return a configuration with the shapes of tensors, which Keras requires but does not use."""
    if isinstance(value, list):
        return [_loadable(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == TENSOR:
        return {**value, "config": {"shape": [None], "dtype": "float32", **value["config"]}}
    found = {k: _loadable(v) for k, v in value.items() if k not in _OURS}
    if (found.get("module"), found.get("class_name")) == ("keras", "Functional"):
        found["class_name"] = "Model"  # the public class, which makes a functional one
    return found


# ---- which weights are whose --------------------------------------------------------------------------


def _units(config: Mapping[str, Any], model: Any) -> Iterator[tuple[str, list[_Leaf]]]:
    """Yield the layers of the old file in its order, by its names, each with the layers that replace it."""
    found: dict[str, list[_Leaf]] = {}
    for layer in config["config"]["layers"]:
        name = layer.get("of") or _name_of(layer)
        live = _inside(model, _name_of(layer))
        found.setdefault(name, []).extend(_leaves(layer, live, False))
    yield from found.items()


def _name_of(layer: Mapping[str, Any]) -> str:
    settings = layer.get("config")
    return str(layer.get("name") or (settings.get("name") if isinstance(settings, dict) else ""))


def _inside(model: Any, name: str) -> Any:
    """Return a layer of a model by its name; None for an operation."""
    return next((layer for layer in model.layers if layer.name == name), None)


def _leaves(config: Mapping[str, Any], live: Any, frozen: bool) -> Iterator[_Leaf]:
    kind, settings = config.get("class_name"), config.get("config") or {}
    frozen = frozen or settings.get("trainable") is False
    if live is None:
        return
    if kind in _MODELS:
        for layer in settings["layers"]:
            yield from _leaves(layer, _inside(live, _name_of(layer)), frozen)
    elif kind == "Bidirectional":
        yield _Leaf(settings["layer"], live.forward_layer, frozen)
        yield _Leaf(settings.get("backward_layer") or settings["layer"], live.backward_layer, frozen)
    elif kind == "TimeDistributed":
        yield from _leaves(settings["layer"], live.layer, frozen)
    else:
        yield _Leaf(config, live, frozen)


def _paired(
    units: list[tuple[str, list[_Leaf]]], groups: NamedArrays, notes: list[str], age: tuple[int, int]
) -> Iterator[tuple[str, list[_Leaf], Arrays]]:
    """Yield the layers with the arrays of the file, matched by name or else by order.

    Raises:
        UnreadableError: a layer has no arrays, or some arrays have no layer.
    """
    held = [(name, arrays) for name, arrays in groups if arrays]
    names = [name for name, _ in held]
    if {name for name, _ in units} == set(names) and len(set(names)) == len(names):
        by_name = dict(held)
        yield from ((name, leaves, by_name[name]) for name, leaves in units)
        return
    if len(held) != len(units):
        lacking = [name for name, _ in units if name not in names] or [n for n in names if n]
        raise UnreadableError(
            "ST510",
            f"the file has weights for {len(held)} layers, and the model has {len(units)} with weights: see "
            f"{', '.join(map(shown, lacking[:5]))}",
            "give the file of this very model",
        )
    if all(names):
        notes.append("the file's layers have other names: their weights are taken in the file's order")
    for (name, leaves), (_, arrays) in zip(units, held, strict=True):
        yield name, leaves, arrays


def _set(name: str, leaves: list[_Leaf], arrays: Arrays, origin: Origin, made: Carried) -> None:
    """Set the weights of the layers that replace one layer of the file."""
    done: list[str] = []
    try:
        for leaf, part in _split_arrays(leaves, arrays, done):
            found, how = carried(leaf.kind, leaf.settings, part, origin)
            done += how
            _assign(leaf.live, found)
    except CannotCarryError as error:
        kind = leaves[0].kind if len(leaves) == 1 else type(leaves[0].live).__name__
        raise _refused(name, kind, str(error)) from None
    new = [variable for leaf in leaves for variable in leaf.live.weights]
    if len(new) != len(arrays):
        done.insert(0, f"from {len(arrays)} arrays")
    shapes = ", ".join(f"{variable.name} {tuple(variable.shape)}" for variable in new)
    made.lines.append((name, shapes, "; ".join(dict.fromkeys(done))))


def _split_arrays(leaves: list[_Leaf], arrays: Arrays, done: list[str]) -> Iterator[tuple[_Leaf, Arrays]]:
    """Yield the arrays of one layer of the file, split over the layers that replace it."""
    old = leaves[0].config.get("old")
    if old == "MaxoutDense":
        dense = next(leaf for leaf in leaves if leaf.kind == "Dense")
        kernel = arrays[0]
        if kernel.ndim != 3:
            raise CannotCarryError(f"its weights have the shape {kernel.shape}")
        done.append("as one Dense")
        flat = kernel.transpose(1, 0, 2).reshape(kernel.shape[1], -1)
        yield dense, [flat, *(bias.reshape(-1) for bias in arrays[1:])]
        return
    if old == "Highway":
        gate, new = (leaf for leaf in leaves if leaf.kind == "Dense")
        kernels, biases = ([a for a in arrays if a.ndim == n] for n in (2, 1))
        if len(kernels) != 2 or len(biases) not in (0, 2):
            raise CannotCarryError(f"it has {len(arrays)} weights")
        done.append("as two Dense")
        yield new, [kernels[0], *biases[:1]]
        yield gate, [kernels[1], *biases[1:]]
        return
    weighty = [leaf for leaf in leaves if leaf.live.weights]
    if len(weighty) == 1:
        yield weighty[0], arrays
        return
    for split in (False, True):
        parts = _split_by_training(weighty, arrays, split)
        if parts is not None:
            yield from parts
            return
    raise CannotCarryError(f"its {len(weighty)} layers do not have the {len(arrays)} weights of the file")


def _split_by_training(leaves: list[_Leaf], arrays: Arrays, split: bool) -> list[tuple[_Leaf, Arrays]] | None:
    """Return the arrays in the order of Keras 1 and 2: the trained ones of all layers, then the others."""
    found: list[tuple[_Leaf, Arrays]] = [(leaf, []) for leaf in leaves]
    at = 0
    for trained in (True, False):
        for leaf, held in found:
            total = len(leaf.live.weights)
            free = 0 if leaf.frozen else total - _count_untrained(leaf)
            here = free if trained else total - free
            count = count_of(leaf.kind, here, split)
            held += arrays[at : at + count]
            at += count
    return found if at == len(arrays) else None


def _count_untrained(leaf: _Leaf) -> int:
    """Return the number of a layer's weights that are not trained."""
    return 2 if leaf.kind == "BatchNormalization" else 0


def _assign(live: keras.layers.Layer, arrays: Arrays) -> None:
    if len(arrays) != len(live.weights):
        raise CannotCarryError(
            f"the file has {len(arrays)} weights of it, and Keras 3 has {len(live.weights)}"
        )
    for variable, array in zip(live.weights, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            wanted = tuple(variable.shape)
            raise CannotCarryError(
                f"its {variable.name} is {array.shape} in the file, and {wanted} in Keras 3"
            )
    for variable, array in zip(live.weights, arrays, strict=True):
        variable.assign(array.astype("float32") if array.dtype.kind == "f" else array)


def _compile(made: Carried, config: Mapping[str, Any]) -> None:
    """Compile the model as the old one was; if Keras cannot, it stays uncompiled."""
    given = config.get("compile_config")
    if not isinstance(given, dict) or not given.get("optimizer"):
        return
    try:
        made.model.compile_from_config(given)
    # Keras raises of many kinds.
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        made.notes.append(f"the model is not compiled, since Keras 3 cannot do so: {said}")
    else:
        made.notes.append("the model is compiled anew: what its optimizer had gathered is not carried over")
