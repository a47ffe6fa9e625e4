"""Convert the weights of a layer of Keras 0.3 to 2 to the order and the layout of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtopo.layers.old_spellings import KERAS_3, Age

Array = np.ndarray[Any, Any]
Arrays = list[Array]

GATES = {"LSTM": ("i", "f", "c", "o"), "GRU": ("z", "r", "h"), "ConvLSTM2D": ("i", "f", "c", "o")}
"""The gates of a recurrent layer in the order of Keras 2 and 3."""
_FILE_ORDER = {"LSTM": ("i", "c", "f", "o"), "GRU": ("z", "r", "h"), "ConvLSTM2D": ("i", "c", "f", "o")}
"""The order of the gates in files of Keras 0.3 and 1, where each gate had its own arrays W, U and b."""
_OPEN = {"LSTM": (0, 1, 3), "GRU": (0, 1), "ConvLSTM2D": (0, 1, 3)}
"""The gates to which ``recurrent_activation`` is applied."""
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "ConvLSTM2D")
STEEPER = 1.2
"""The factor between the ``hard_sigmoid`` of Keras 1 and 2, clip(0.2*x + 0.5, 0, 1), and that of Keras 3:
the old one of x is the new one of 1.2 * x."""


class CannotCarryError(Exception):
    """The weights of a layer cannot be converted; says why."""


@dataclass(frozen=True)
class Origin:
    """The origin of weights: the age of Keras, and whether it ran on Theano."""

    age: Age
    theano: bool = False


def carried(kind: str, config: Mapping[str, Any], arrays: Arrays, origin: Origin) -> tuple[Arrays, list[str]]:
    """Return a layer's weights as Keras 3 has them, and what was done besides changing their order.

    ``kind`` and ``config`` are the layer's class and configuration in Keras 3.

    Raises:
        CannotCarryError: they are not weights of such a layer.
    """
    try:
        return _rearranged(kind, config, arrays, origin)
    except (ValueError, IndexError):
        # NumPy's, of arrays whose axes are others than such a layer has.
        shapes = ", ".join(str(array.shape) for array in arrays[:12])
        raise CannotCarryError(f"the file has weights of the shapes {shapes}") from None


def _rearranged(
    kind: str, config: Mapping[str, Any], arrays: Arrays, origin: Origin
) -> tuple[Arrays, list[str]]:
    done: list[str] = []
    found = list(arrays)
    if kind in GATES:
        found = _joined(kind, found)
    if kind in ("LSTM", "GRU") and len(found) == 3:
        found = _from_cudnn(kind, found, done)
    if kind in _CONVOLUTIONS and found:
        found = _convolution(kind, config, found, origin, done)
    if kind == "BatchNormalization" and origin.age < (1, 0) and len(found) == 4:
        epsilon = float(config.get("epsilon", 1e-6))
        # It divided by (deviation + epsilon), Keras 3 divides by the root of (variance + epsilon).
        found[3] = (found[3].astype("float64") + epsilon) ** 2 - epsilon
        if (found[3] < 0).any():
            raise CannotCarryError("it has deviations that are smaller than epsilon")
        done.append("deviation -> variance")
    if origin.age < KERAS_3:
        found = _scale_for_hard_sigmoid(kind, config, found, done)
    return found, done


def count_of(kind: str, weights: int, split: bool) -> int:
    """Return the number of arrays in a file for a layer with ``weights`` arrays in Keras 3."""
    if split and kind in GATES and weights == 3:
        return 3 * len(GATES[kind])
    return weights


def _joined(kind: str, arrays: Arrays) -> Arrays:
    """Return the arrays of the gates side by side, if each gate has its own."""
    order = _FILE_ORDER[kind]
    if len(arrays) != 3 * len(order):
        return arrays
    rows = [[arrays[3 * order.index(gate) + part] for gate in GATES[kind]] for part in range(3)]
    # The kernels of a convolution of Theano have the filters first.
    axis = 0 if rows[0][0].ndim == 4 and _filters_first(rows) else -1
    return [np.concatenate(row, axis=axis if row[0].ndim > 1 else -1) for row in rows]


def _filters_first(rows: Sequence[Sequence[Array]]) -> bool:
    units = rows[2][0].shape[0]
    return bool(rows[1][0].shape[0] == rows[1][0].shape[1] == units != rows[1][0].shape[-1])


def _from_cudnn(kind: str, arrays: Arrays, done: list[str]) -> Arrays:
    """Return the weights of a cuDNN layer, with kernels transposed gate by gate and two biases."""
    kernel, recurrent, bias = arrays
    gates = len(GATES[kind])
    if bias.shape != (2 * gates * recurrent.shape[0],) or kernel.ndim != 2:
        return arrays
    done.append("from the layout of cuDNN")
    parts = [part.T.reshape(part.shape, order="F") for part in np.split(kernel, gates, axis=1)]
    states = [part.T for part in np.split(recurrent, gates, axis=1)]
    both = bias.reshape(2, -1)
    return [np.hstack(parts), np.hstack(states), both.sum(axis=0) if kind == "LSTM" else both]


def _convolution(
    kind: str, config: Mapping[str, Any], arrays: Arrays, origin: Origin, done: list[str]
) -> Arrays:
    """Return the weights of a convolution, with the kernels' axes (places, channels in, channels out)."""
    found = list(arrays)
    first = config.get("data_format") == "channels_first"
    for i in range(2 if kind == "ConvLSTM2D" else 1):
        kernel = found[i]
        if kind == "Conv1D" and kernel.ndim == 4:
            filters = config.get("filters")
            legacy = kernel.shape[3] == 1 and kernel.shape[0] == filters
            kernel = (kernel.transpose(2, 3, 1, 0) if legacy else kernel)[:, 0]
        elif origin.age < (2, 0) and kind in ("Conv2D", "ConvLSTM2D") and first:
            kernel = kernel.transpose(2, 3, 1, 0)
        elif origin.age < (2, 0) and kind == "Conv3D" and first:
            kernel = kernel.transpose(2, 3, 4, 1, 0)
        elif origin.age < (2, 0) and kind == "Conv2DTranspose":
            kernel = kernel.transpose((2, 3, 0, 1) if first else (0, 1, 3, 2))
        if origin.theano:
            kernel = kernel[tuple([slice(None, None, -1)] * (kernel.ndim - 2))]
        found[i] = kernel
    if origin.theano:
        done.append("kernels turned round, from Theano")
    return found


def _scale_for_hard_sigmoid(kind: str, config: Mapping[str, Any], arrays: Arrays, done: list[str]) -> Arrays:
    """Return weights that give with Keras 3's ``hard_sigmoid`` what they gave with the older one."""
    found = list(arrays)
    if kind in GATES:
        if config.get("activation") == "hard_sigmoid":
            raise CannotCarryError("its activation is the hard_sigmoid of Keras 2, which Keras 3 has not")
        if config.get("recurrent_activation") != "hard_sigmoid":
            return arrays
        for i, array in enumerate(found):
            parts = np.split(array, len(GATES[kind]), axis=-1)
            found[i] = np.concatenate(
                [part * STEEPER if gate in _OPEN[kind] else part for gate, part in enumerate(parts)], axis=-1
            )
        done.append(f"gates times {STEEPER}, for hard_sigmoid")
    elif config.get("activation") == "hard_sigmoid" and found:
        if kind not in ("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose"):
            raise CannotCarryError("its activation is the hard_sigmoid of Keras 2, which Keras 3 has not")
        found = [array * STEEPER for array in found]
        done.append(f"weights times {STEEPER}, for hard_sigmoid")
    return found
