"""Translate values of a Keras configuration to a spec's arguments."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from seqtopo.decompiler.automatic import base
from seqtopo.decompiler.files import shown
from seqtopo.layers import objects
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.object_values import Entry, Part
from seqtopo.layers.values import Object, Word
from seqtopo.syntax.build import MOST_DIGITS

_ACTIVATION_OF = {layer: word for word, layer in ACTIVATION_LAYERS.items()}
_LAYER_KEYS = ("name", "trainable", "dtype")


class UnsayableError(Exception):
    """The language has no word for a value; says why."""


def plain(value: Any, family: str = "") -> Any:
    """Return a configuration's value in the form in which arguments are read: numbers, texts, tuples,
    objects.

    ``family`` is the family of Keras objects that is meant, if one is.

    Raises:
        UnsayableError: no spec can say it.
    """
    if isinstance(value, str):
        return Word(value) if family else value
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise UnsayableError(f"it has more than {MOST_DIGITS} digits")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise UnsayableError("it is not a finite number")
        return value
    if isinstance(value, (list, tuple)):
        if set(map(type, value)) == {float} and all(map(isfinite, value)):
            return tuple(value)  # a long row of numbers
        return tuple(plain(v, family) for v in value)
    if isinstance(value, dict):
        return _from_dict(value, family)
    raise UnsayableError(f"it is a {type(value).__name__}")


def _from_dict(value: dict[str, Any], family: str) -> Any:
    name, config = value.get("class_name"), value.get("config")
    if name in ("__numpy__", "__tensor__") and isinstance(config, dict):
        return plain(config.get("value"))
    if name == "DTypePolicy" and isinstance(config, dict):
        return plain(config.get("name"))
    if name == "function" and isinstance(config, str):
        # A Python function by its name: Keras' own, where it is one of Keras' activations.
        if value.get("registered_name") in (None, "function") and objects.entry_of(family or "-", config):
            return Word(config)
        raise UnsayableError("it is a Python function")
    if name == "__lambda__":
        raise UnsayableError("it is a Python function")
    if name is None and all(isinstance(v, (int, float, str, type(None))) for v in value.values()):
        return tuple(map(plain, value.values()))
    if family and isinstance(name, str):
        return object_of(family, value)
    raise UnsayableError("it is a Python object")


_TENSORS = {("L1", "l1"), ("OrthogonalRegularizer", "factor")}
"""The arguments, besides learning rates, that Keras stores as a float32 tensor."""


def object_of(family: str, value: Mapping[str, Any]) -> Word | Object:
    """Return a Keras object from its class and its configuration, without arguments at their defaults.

    Raises:
        UnsayableError: there is no row for it, or it has an argument that the row does not have.
    """
    name, config = str(value.get("class_name")), value.get("config")
    config = config if isinstance(config, dict) else {}
    module = value.get("module")
    if not (isinstance(module, str) and module.split(".")[0] == "keras") or ">" in str(
        value.get("registered_name") or ""
    ):
        raise UnsayableError(f"{shown(name)} is not one of Keras' own")
    if family == "activation":
        name = _ACTIVATION_OF.get(name, name)
    entry = _entry(family, name)
    if entry is None:
        raise UnsayableError(f"there is no {family} {shown(name)} in the language")
    word = entry.name
    kwargs: dict[str, Any] = {}
    known = {part.name: part for part in entry.parts}
    for key, given in config.items():
        part = known.get(key)
        if part is None:
            if given is not None and not _is_no_argument(family, key):
                raise UnsayableError(f"{entry.name} has {shown(key)}={shown(given)}")
            continue
        if key == "name" and isinstance(given, str):
            if family == "metric" and base(given) in entry.aliases:
                # Keras reports a metric under the very word it was given.
                word = base(given)
            if _is_default_name(given, name, part.default):
                continue
        if key == "dtype" and "float32" in (given, plain_dtype(given)):
            continue
        read = _part(part, _shortest(given) if (name, key) in _TENSORS or key == "learning_rate" else given)
        if read == () and part.default is None:
            continue  # what Keras makes of none
        if read != part.default or part.required:
            kwargs[key] = read
    if family == "activation" and not kwargs and entry.parts and name in ACTIVATION_LAYERS:
        # Given as a layer: with an argument it is one again.
        kwargs[entry.parts[0].name] = entry.parts[0].default
    if kwargs == {"name": word}:
        return Word(word)
    return Object(entry.name, (), kwargs) if kwargs else Word(word)


def _is_default_name(given: str, kind: str, default: Any) -> bool:
    """Return whether an object's name is Keras' default for its class, or that with a number."""
    return given == default if default is not None else base(given) in (kind, kind.lower(), snake_case(kind))


def unsaved_parts(family: str, value: Any) -> Iterator[tuple[str, Part]]:
    """Yield the arguments that Keras leaves out of the configurations of an object and of those inside it.

    Each comes with the object's name. A loss's dtype is left out, which only sets the precision.
    """
    if not isinstance(value, dict):
        return
    entry = _entry(family, str(value.get("class_name")))
    config = value.get("config")
    if entry is not None and isinstance(config, dict):
        for part in entry.parts:
            if part.unsaved and part.name not in config and part.name != "dtype":
                yield entry.name, part


def plain_dtype(value: Any) -> Any:
    """Return the name in a serialized dtype policy."""
    config = value.get("config") if isinstance(value, dict) else None
    return config.get("name") if isinstance(config, dict) else None


def _shortest(value: Any) -> Any:
    """Return a float32 number, as Keras stores a learning rate, with its fewest digits.

    >>> _shortest(0.0010000000474974513), _shortest(0.1)
    (0.001, 0.1)
    """
    if not isinstance(value, float) or not isfinite(value):
        return value
    try:
        packed = struct.pack("f", value)
    except OverflowError:
        return value
    return next((v for d in range(1, 10) if struct.pack("f", v := float(f"{value:.{d}g}")) == packed), value)


def _entry(family: str, name: str) -> Entry | None:
    return objects.entry_of(family, name) if family in objects.FAMILIES else None


def _is_no_argument(family: str, key: str) -> bool:
    """Return whether a key of an object's configuration is not one of its arguments."""
    if family == "activation":
        return key in _LAYER_KEYS
    if family in ("loss", "metric", "optimizer", "schedule"):
        return key in ("name", "fn", "reduction", "dtype", "is_legacy_optimizer")
    return key == "dtype"


def _part(part: Part, given: Any) -> Any:
    """Return an argument of an object, with objects in it read by the families that it takes."""
    if isinstance(given, dict) and part.takes.families:
        for family in part.takes.families:
            if _entry(family, str(given.get("class_name"))) is not None:
                return object_of(family, given)
    return plain(given)
