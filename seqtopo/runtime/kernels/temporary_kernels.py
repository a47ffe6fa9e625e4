"""Kernels that a model has only while its call is compiled: what is compiled has them ever after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import tree

from seqtopo.runtime.kernels.attaching import Attached, attach, attached, layers


@contextmanager
def lent_kernels(model: keras.Model) -> Iterator[None]:
    """A kernel in every layer that can have one; afterwards each layer is as it was."""
    without = [layer for layer in layers(model) if attached(layer) is None]
    attach(model)
    inside = {layer: attached(layer) for layer in layers(model)}
    given = {layer: it for layer, it in inside.items() if it is not None}
    for layer, it in given.items():
        if keras.config.backend() == "torch" and it.kernel.method == "inner_loop":
            layer.inner_loop = _masked_as_one(layer, it)
    try:
        yield
    finally:
        for layer, it in given.items():
            setattr(layer, it.kernel.method, it)
            if layer in without:
                delattr(layer, it.kernel.method)


def _masked_as_one(layer: Any, inside: Attached) -> Callable[..., Any]:
    """The kernel of a layer, which looks at the numbers of a mask and cannot be traced through."""
    from seqtopo.runtime.kernels.fx_trace import as_one_operation

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        # In mixed precision the weights that it finds when it runs are not yet cast.
        if mask is None or layer.compute_dtype != layer.variable_dtype:
            return inside(sequences, initial_state, mask, training)

        def run(sequences: Any, mask: Any, *states: Any) -> list[Any]:
            packed = tree.pack_sequence_as(initial_state, list(states))
            last, outputs, ends = inside(sequences, packed, mask, training)
            return [last, outputs, *tree.flatten(ends)]

        last, outputs, *ends = as_one_operation(run, sequences, mask, *tree.flatten(initial_state))
        return last, outputs, ends

    return inner_loop
