"""Define the helper functions of built models, which are copied into written Python source.

Their source is copied as it stands, so each uses nothing but ``keras``, ``np`` and the standard library's
modules that are imported here. For that reason private names of Keras stand here, and not in
``keras_private``.
"""

from __future__ import annotations

import math
import re
from collections import Counter

import keras
import numpy as np


def name_operations(names: dict[str, keras.KerasTensor]) -> set[keras.Operation]:
    """Name the operations that made some tensors, and return them.

    Keras numbers operations by how many it has made before.
    """
    named = set()
    for name, tensor in names.items():
        operation = tensor._keras_history.operation
        operation.name = name
        named.add(operation)
    return named


def name_masks(ends: list[keras.KerasTensor], named: set[keras.Operation]) -> None:
    """Name the operations that compute masks: those behind ``ends`` without a name.

    A model that is made of them needs names that differ, also from those of layers.
    """
    calls: dict[tuple[keras.Operation, int], None] = {}
    waiting = list(ends)
    while waiting:
        operation, index, _ = waiting.pop()._keras_history
        if (operation, index) not in calls:
            calls[operation, index] = None
            waiting += operation._inbound_nodes[index].input_tensors
    operations = dict.fromkeys(operation for operation, _ in reversed(calls))
    taken = {operation.name for operation in operations}
    count: Counter[str] = Counter()
    for operation in operations:
        known = operation in named or operation.name.startswith("mask-")
        if known or isinstance(operation, keras.Layer):
            continue
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(operation).__name__).lower()
        name = ""
        while not name or name in taken:
            count[kind] += 1
            name = f"mask-{kind}-{count[kind]}" if count[kind] > 1 else f"mask-{kind}"
        operation.name = name
        taken.add(name)


def freeze(layer: keras.Layer) -> None:
    """Exclude from training the weights that a frozen layer made in its first call.

    Keras would train them, and also those of a frozen layer in a wrapper.
    """
    for part in layer._flatten_layers():
        if not part.trainable:
            for weight in part.weights:
                weight.trainable = False


def sinusoid_rates(width: int) -> tuple[np.ndarray, ...]:
    """Return the factors of positions for sinusoids: turns a step, for each feature.

    A rate is its leading bits, whose product with a position of up to 2**14 is exact,
    plus a rest. The third array holds a quarter turn for each cosine.
    """
    rates = [10000.0 ** (-2 * (i // 2) / width) / (2 * math.pi) for i in range(width)]
    shifts = [10 - math.frexp(rate)[1] for rate in rates]
    both = zip(rates, shifts, strict=True)
    leading = [math.ldexp(round(math.ldexp(rate, n)), -n) for rate, n in both]
    rest = [rate - lead for rate, lead in zip(rates, leading, strict=True)]
    quarter = [0.25 * (i % 2) for i in range(width)]
    return tuple(np.asarray(each, "float32") for each in (leading, rest, quarter))
