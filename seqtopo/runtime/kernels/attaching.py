"""Attach kernels to the layers of a model, each to the one instance, and detach them again.

Only a plain attribute of the instance changes: its ``inner_loop``, or its ``call`` where it wraps another
layer. The class, the config, the weights and the saved file stay Keras' own. What makes a new layer from
the config (``clone_model``, ``copy.deepcopy``, ``pickle``, a file) makes one without a kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import keras

from seqtopo.emit import keras_private
from seqtopo.emit.keras_stock import keep_masks
from seqtopo.runtime.kernels.kernel import Choice, Kernel, NotNow, Stock
from seqtopo.runtime.states import tracking


class Attached:
    """A layer's method with a kernel in it, which hands on to the stock method what the kernel cannot do."""

    def __init__(self, layer: Any, kernel: Kernel, method: str = "") -> None:
        method = method or kernel.method
        stock = getattr(layer, method)
        functools.update_wrapper(self, stock)
        self.kernel = kernel
        self.fell_back = ""
        self._layer = layer
        self._stock = stock
        self._run = kernel.methods[method]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the stock method gives for the same arguments."""
        try:
            result = self._run(self._layer, *args, **kwargs)
        except NotNow as reason:
            self.fell_back = str(reason)
            return self._stock(*args, **kwargs)
        self.fell_back = ""
        return result


def attach(model: keras.Model, chooser: Callable[[Any], Choice] | None = None) -> None:
    """Puts a kernel into every layer of a model that has none yet: the one that ``chooser`` says, by itself
    the one that is best on this backend.
    """
    for layer in layers(model):
        choice = (chooser or choose)(layer)
        if isinstance(choice, Kernel) and attached(layer) is None:
            for method in choice.methods:
                setattr(layer, method, Attached(layer, choice, method))


def detach(model: keras.Model) -> None:
    """Take the kernels out again, so that each layer computes as in Keras."""
    for layer in layers(model):
        inside = attached(layer)
        if inside is not None:
            for method in inside.kernel.methods:
                delattr(layer, method)


def make_ready(model: keras.Model, *, kernels: bool = True) -> keras.Model:
    """Lets a model's layers hand on masks, carry states and run on kernels; see ``seqtopo.attach``."""
    keep_masks(model)
    tracking.attach(model)
    (attach if kernels else detach)(model)
    return model


def layers(model: keras.Model) -> Iterator[Any]:
    """Return a model and its layers, wherever they stand (in sub-models, in wrappers), each once, in its
    order.
    """
    found = keras_private.layers_inside(model)
    return iter({id(layer): layer for layer in found}.values())


def attached(layer: Any) -> Attached | None:
    """Return the method that a layer's kernel is for, with the kernel in it."""
    found = (x for x in vars(layer).values() if isinstance(x, Attached))
    return next((x for x in found if vars(layer).get(x.kernel.method) is x), None)


def choose(layer: Any) -> Choice:
    """Return the kernel that is best for a layer on the running backend, or why there is none."""
    choice: Choice = import_module(f"seqtopo.runtime.kernels.on_{keras.config.backend()}").choose(layer)
    if isinstance(choice, Kernel):
        for method in choice.methods:
            if not isinstance(vars(layer).get(method), Attached | None):
                return Stock(f"its {method} has been replaced in this instance")
    return choice
