"""Run ``TimeDistributed`` in one call, with the time steps in the batch axis.

Keras calls the layer inside once for each step, and stacks the outputs. One call is enough if that layer
treats each sample by itself, draws no random numbers and keeps no state.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops, tree

from seqtopo.emit import keras_private
from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow, Stock, attached
from seqtopo.runtime.rows import row_of


def choose(layer: Any) -> Choice:
    """Return the kernel of a ``TimeDistributed``, or the reason for which it has none."""
    if type(layer) is not layers.TimeDistributed:
        return Stock("it is not Keras' own layer, but a subclass")
    inside = keras_private.layers_inside(layer.layer)
    # The row of a recurrent layer speaks for its cell, too.
    cells = {id(each.cell) for each in inside if row_of(each) is not None and hasattr(each, "cell")}
    for each in inside:
        why = _why_not(each, asked=id(each) not in cells)
        if why:
            return Stock(f"its steps are called one by one: {each.name} {why}")
    return Kernel("all steps at once", "call", run)


def _why_not(layer: Any, *, asked: bool) -> str:
    """Return, in words, why a layer cannot take all steps at once; "" if it can.

    With ``asked`` its row must say that it treats each sample by itself.
    """
    if "call" in vars(layer) and attached(layer) is None:
        return "has another call than its class"
    if isinstance(layer, keras.Model):
        if not type(layer).__module__.startswith("keras.") or not layer.built:
            return "is not a model of layers alone"
        # A Sequential has layers alone; other models may have operations too, which may do anything.
        odd = [x.name for x in getattr(layer, "operations", None) or () if not isinstance(x, keras.Layer)]
        return f"has the operation {odd[0]}" if odd else ""
    row = row_of(layer)
    by_sample = isinstance(layer, layers.InputLayer) or (row is not None and row.by_sample)
    if asked and not by_sample:
        return "may not treat each sample by itself"
    if getattr(layer, "dropout", 0) or getattr(layer, "recurrent_dropout", 0):
        return "draws dropout anew at each step"
    if getattr(layer, "stateful", False):
        return "is stateful"
    if layer.activity_regularizer is not None:
        return "has an activity_regularizer"
    if layer.quantization_mode is not None:
        return "is quantized"
    axes = tree.flatten(getattr(layer, "axis", -1))
    if any(axis is not None and (axis == 0 or axis < -1) for axis in axes):
        return "works along an axis that may be that of the samples"
    for name in ("activation", "recurrent_activation"):
        function = getattr(layer, name, None)
        module = getattr(function, "__module__", None) or type(function).__module__
        if function is not None and not module.startswith("keras."):
            return f"has an {name} that is not Keras' own"
    return ""


def run(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """Run a ``TimeDistributed``'s ``call``.

    Raises:
        NotNow: there is a mask for the layer inside, which is given to it step by step.
    """
    inner = layer.layer
    if mask is not None and (
        keras_private.takes(inner, "mask") or tuple(mask.shape[:2]) != tuple(inputs.shape[:2])
    ):
        raise NotNow("it has a mask, which is given to the layer inside step by step")
    kwargs = {"training": training} if keras_private.takes(inner, "training") else {}
    batch, steps, *sample = ops.shape(inputs)
    outputs = inner.call(ops.reshape(inputs, (-1, *sample)), **kwargs)
    return ops.reshape(outputs, (batch, steps, *ops.shape(outputs)[1:]))
