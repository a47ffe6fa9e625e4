"""Attach kernels to the layers of a model, and detach them again.

Only a plain attribute of the layer's instance changes: its ``inner_loop``, or the ``call`` of a wrapper. The
class, the config, the weights and the saved file stay Keras' own. A layer that is made from the config
(``clone_model``, ``copy.deepcopy``, ``pickle``, a file) has no kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from seqtopo.diag.renderers.cells import visible
from seqtopo.emit import keras_private
from seqtopo.emit.build import Built
from seqtopo.emit.keras_builder import keep_masks
from seqtopo.graph.resolver import Resolved
from seqtopo.runtime.states import tracking


class Kernel(NamedTuple):
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


class Stock(NamedTuple):
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


if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerKernel:
    """One layer of a model and the kernel that it runs on, as ``kernels`` returns it.

    Attributes:
        layer: The layer's name in the model.
        kernel: The kernel's name, ``"stock"`` for Keras' own code.
        why_not_faster: Why it has no faster kernel, or why its last call ran Keras' own code; else ``""``.
    """

    layer: str
    kernel: str
    why_not_faster: str = ""


class Kernels(tuple[LayerKernel, ...]):
    """The kernels of a model, layer by layer; printed as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the table: a line for each layer."""
        wide = [max(len(row.layer) for row in self), max(len(row.kernel) for row in self)] if self else [0, 0]
        lines = [f"{row.layer:{wide[0]}}  {row.kernel:{wide[1]}}  {row.why_not_faster}" for row in self]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the table, for IPython in a terminal."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Return the table as HTML, for a notebook."""
        style = 'style="padding:2px 12px 2px 0;text-align:left;vertical-align:top"'
        heads = "".join(f"<th {style}>{head}</th>" for head in ("layer", "kernel", "why not a faster one"))
        rows = "".join(
            f"<tr>{''.join(f'<td {style}>{escape(visible(cell))}</td>' for cell in cells)}</tr>"
            for cells in ((row.layer, row.kernel, row.why_not_faster) for row in self)
        )
        return f'<table style="border-collapse:collapse;font-size:13px"><tr>{heads}</tr>{rows}</table>'


def kernels(model: keras.Model) -> Kernels:
    """Return which kernel each layer of a model runs on, and why not a faster one.

    Args:
        model: any Keras model. ``compile`` and ``attach`` put kernels into one; a model that was loaded,
            cloned or written by hand runs on Keras' own code until it is attached.

    Returns:
        A ``LayerKernel`` for each layer whose kind has kernels on the running backend, with those inside
        wrappers and sub-models, in the model's order. Printed, it is a table.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1) -> lstm(4,seq,relu) -> dense(1)", kernels=False)
    >>> ("lstm", "stock") in [(row.layer, row.kernel) for row in kernels(model)]
    True
    """
    from seqtopo.runtime.kernels.attaching import Kernel, attached, choose, layers

    found = []
    for layer in layers(model):
        inside, choice = attached(layer), choose(layer)
        if inside is not None:
            why = inside.kernel.why_not_faster
            if inside.fell_back:
                why = f"the last call ran on stock Keras: {inside.fell_back}"
            found.append(LayerKernel(layer.name, inside.kernel.name, why))
        elif isinstance(choice, Kernel):
            found.append(
                LayerKernel(layer.name, "stock", f"not attached; seqtopo.attach gives it {choice.name}")
            )
        elif choice is not None:
            found.append(LayerKernel(layer.name, "stock", choice.why))
    return Kernels(found)
