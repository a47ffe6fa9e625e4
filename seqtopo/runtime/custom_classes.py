"""Find the user's own classes in a model: classes that Keras does not know, and their modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import isclass, isfunction
from typing import Any

import keras

from seqtopo.emit import keras_private

KERAS_OWN = ("keras", "builtins")
"""The packages whose classes Keras finds by itself."""


def custom_objects(modules: Sequence[str]) -> dict[str, Any]:
    """Import modules, and return their classes and functions by name, as Keras' ``custom_objects``.

    The user names these modules; no module is imported because a model's file names it.
    """
    found: dict[str, Any] = {}
    for module in modules:
        for value in vars(import_module(module)).values():
            if (isclass(value) or isfunction(value)) and _package(value.__module__) not in KERAS_OWN:
                found[value.__name__] = value
    return found


def modules_of(model: keras.Model) -> list[str]:
    """Return the modules that define a model's classes, where these are not Keras' own."""
    every = [model, *keras_private.layers_inside(model, include_self=False)]
    found = dict.fromkeys(type(layer).__module__ for layer in every)
    return [name for name in found if _package(name) not in KERAS_OWN]


def own_classes(config: Any) -> dict[str, str]:
    """Return the classes in a model's configuration that are not Keras' own, each with the module that
    defines it.

    >>> inner = {"module": "my.layers", "class_name": "Pool", "config": {}}
    >>> own_classes({"module": "keras", "class_name": "Sequential", "config": {"layers": [inner]}})
    {'Pool': 'my.layers'}
    """
    found: dict[str, str] = {}
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            name, module = value.get("class_name"), value.get("module")
            if isinstance(name, str) and isinstance(module, str) and _package(module) not in KERAS_OWN:
                found.setdefault(name, module)
            left += reversed(list(value.values()))
        elif isinstance(value, list):
            left += reversed(value)
    return found


def unknown_classes(config: Any, modules: Sequence[str]) -> tuple[str, str]:
    """Return the classes of a model that Keras does not know, in words, and the advice; both "" for none."""
    own = {name: module for name, module in own_classes(config).items() if module not in modules}
    if not own:
        return "", ""
    names = " and ".join(list(own)[:3])
    which = f"Keras does not know {names}, which {' and '.join(dict.fromkeys(own.values()))} defined"
    homeless = [name for name, module in own.items() if module == "__main__"]
    if homeless:
        return which, f"move {homeless[0]} from the script to a module, and save the model anew"
    flags = " ".join(f"--import {module}" for module in dict.fromkeys(own.values()))
    return which, f"name what defines it: {flags} (in Python: modules=)"


def _package(module: str) -> str:
    return module.split(".", maxsplit=1)[0]
