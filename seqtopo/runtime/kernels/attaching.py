"""Attach kernels to the layers of a model, and detach them again.

Only a plain attribute of the layer's instance changes: its ``inner_loop``, or the ``call`` of a wrapper. The
class, the config, the weights and the saved file stay Keras' own. A layer that is made from the config
(``clone_model``, ``copy.deepcopy``, ``pickle``, a file) has no kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras

from seqtopo.emit import keras_private
from seqtopo.emit.build import Built
from seqtopo.emit.keras_stock import keep_masks
from seqtopo.graph.resolver import Resolved
from seqtopo.runtime.states import tracking


@dataclass(frozen=True)
class Kernel:
    """A faster implementation of a layer's ``method``, with equal outputs and gradients.

    ``run(layer, ...)`` takes the arguments of the method; ``more`` has other methods of the layer with
    theirs. It reads the layer's weights and settings at each call, and keeps nothing. For a call that it
    cannot compute it raises ``NotNow``, before it has drawn a random number or changed anything; then the
    stock method runs.
    """

    name: str
    method: str
    run: Callable[..., Any]
    why_not_faster: str = ""
    more: tuple[tuple[str, Callable[..., Any]], ...] = ()

    @property
    def methods(self) -> dict[str, Callable[..., Any]]:
        """All methods that it replaces, by name, each with its function."""
        return {self.method: self.run, **dict(self.more)}


class NotNow(Exception):  # noqa: N818 - no error: the stock method takes over
    """A kernel leaves a call to the stock method; the text says why, for ``seqtopo.kernels``."""


@dataclass(frozen=True)
class Stock:
    """The reason for which a layer runs on Keras' own code though layers of its kind have kernels."""

    why: str


Choice = Kernel | Stock | None
"""The choice of a backend's module for a layer; None for a layer of a kind without kernels."""


class Attached:
    """A layer's method that runs a kernel, and the stock method for calls that the kernel leaves to it."""

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
        """Return the result of the stock method for these arguments, computed by the kernel if it can."""
        try:
            result = self._run(self._layer, *args, **kwargs)
        except NotNow as reason:
            self.fell_back = str(reason)
            return self._stock(*args, **kwargs)
        self.fell_back = ""
        return result


def attach(model: keras.Model, chooser: Callable[[Any], Choice] | None = None) -> None:
    """Put a kernel into every layer of a model that has none: the one that ``chooser`` returns.

    By default that is the best one on this backend.
    """
    for layer in layers(model):
        choice = (chooser or choose)(layer)
        if isinstance(choice, Kernel) and attached(layer) is None:
            for method in choice.methods:
                setattr(layer, method, Attached(layer, choice, method))


def detach(model: keras.Model) -> None:
    """Remove the kernels, so that each layer computes as in Keras."""
    for layer in layers(model):
        inside = attached(layer)
        if inside is not None:
            for method in inside.kernel.methods:
                delattr(layer, method)


def make_ready(model: keras.Model, *, kernels: bool = True) -> keras.Model:
    """Prepare the layers of a model: pass masks on, carry states, run on kernels; see ``seqtopo.attach``."""
    keep_masks(model)
    tracking.attach(model)
    (attach if kernels else detach)(model)
    return model


def ready_models(resolved: Resolved, seed: int | None, *, kernels: bool) -> Built:
    """Return the models of a spec, each built when it is asked for, and ready to run."""
    return Built(resolved, functools.partial(make_ready, kernels=kernels), seed)


def layers(model: keras.Model) -> Iterator[Any]:
    """Return an iterator over a model and its layers, those in sub-models and wrappers included.

    Each layer comes once, in the model's order.
    """
    found = keras_private.layers_inside(model)
    return iter({id(layer): layer for layer in found}.values())


def attached(layer: Any) -> Attached | None:
    """Return a layer's method with a kernel in it; None for a layer without a kernel."""
    found = (x for x in vars(layer).values() if isinstance(x, Attached))
    return next((x for x in found if vars(layer).get(x.kernel.method) is x), None)


def choose(layer: Any) -> Choice:
    """Return the best kernel for a layer on the running backend, or the reason for which it has none."""
    # Every backend has the same kernel for TimeDistributed; what it loads, few models need.
    is_wrapper = isinstance(layer, keras.layers.TimeDistributed)
    module = "time_distributed" if is_wrapper else f"on_{keras.config.backend()}"
    choice: Choice = import_module(f"seqtopo.runtime.kernels.{module}").choose(layer)
    if isinstance(choice, Kernel):
        for method in choice.methods:
            if not isinstance(vars(layer).get(method), Attached | None):
                return Stock(f"its {method} has been replaced in this instance")
    return choice
