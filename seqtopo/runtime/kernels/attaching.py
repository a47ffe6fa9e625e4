"""Attach kernels to the layers of a model, each to the one instance, and detach them again.

Only a plain attribute of the instance changes: its ``inner_loop``, or its ``call`` where it wraps another
layer. The class, the config, the weights and the saved file stay Keras' own. What makes a new layer from
the config (``clone_model``, ``copy.deepcopy``, ``pickle``, a file) makes one without a kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras

from seqtopo.emit import keras_private
from seqtopo.emit.keras_stock import keep_masks
from seqtopo.runtime.states import tracking


@dataclass(frozen=True)
class Kernel:
    """Another way to compute a layer's ``method``, with equal outputs and gradients.

    ``run(layer, ...)`` takes what the method takes; ``more`` has other methods of the layer with theirs. It
    reads the layer's weights and settings at each call, and keeps nothing. Where it cannot compute this call
    it raises ``NotNow``, before it has drawn a random number or changed anything; then the stock method runs.
    """

    name: str
    method: str
    run: Callable[..., Any]
    why_not_faster: str = ""
    more: tuple[tuple[str, Callable[..., Any]], ...] = ()

    @property
    def methods(self) -> dict[str, Callable[..., Any]]:
        """All that it computes another way."""
        return {self.method: self.run, **dict(self.more)}


class NotNow(Exception):  # noqa: N818 - no error: the stock method takes over
    """A call that a kernel hands on to the stock method; its text says why, for ``seqtopo.kernels``."""


@dataclass(frozen=True)
class Stock:
    """Why a layer of a kind that has kernels is left as Keras has it."""

    why: str


Choice = Kernel | Stock | None
"""What a backend's module chooses for a layer; nothing where layers of its kind have no kernel."""


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
    # Every backend has the same kernel for TimeDistributed; what it loads, few models need.
    is_wrapper = isinstance(layer, keras.layers.TimeDistributed)
    module = "time_distributed" if is_wrapper else f"on_{keras.config.backend()}"
    choice: Choice = import_module(f"seqtopo.runtime.kernels.{module}").choose(layer)
    if isinstance(choice, Kernel):
        for method in choice.methods:
            if not isinstance(vars(layer).get(method), Attached | None):
                return Stock(f"its {method} has been replaced in this instance")
    return choice
