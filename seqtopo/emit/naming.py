"""Names for operations, so that two builds of a spec give equal ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakSet

import keras
from keras import tree

_named: WeakSet[Any] = WeakSet()
"""The operations that have their name already: each belongs to the first node that made use of it."""


def named(output: Any, inputs: Sequence[Any], name: str, own: Sequence[Any] = ()) -> Any:
    """Names every operation between ``inputs`` and ``output`` after the node, and returns ``output``.

    Keras numbers operations by how many the process has made. The last one is called ``name``, those
    before it ``name-flip``, ``name-get_item``; the hyphen keeps them apart from names that a spec can
    say. Layers were named when they were made; ``own`` are those that an earlier call made. The
    operations of a mask are among them.
    """
    found = _between(output, inputs, name, own)
    last = output._keras_history[0]
    if last not in _named and not any(isinstance(o, keras.Layer) and o.name == name for o in found):
        last.name = name
        _named.add(last)
    _count((o for o in found if not isinstance(o, keras.Layer) and o not in _named), f"{name}-")
    return output


def name_masks(model: keras.Model) -> None:
    """Names what is left: the operations by which masks are computed."""
    _count((o for o in model.operations if not isinstance(o, keras.Layer) and o not in _named), "mask-")


def _count(operations: Iterable[Any], stem: str) -> None:
    taken: Counter[str] = Counter()
    for operation in operations:
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(operation).__name__).lower()
        taken[kind] += 1
        operation.name = f"{stem}{kind}" + (f"-{taken[kind]}" if taken[kind] > 1 else "")
        _named.add(operation)


def _between(output: Any, inputs: Sequence[Any], name: str, own: Sequence[Any]) -> list[Any]:
    """What the node made on the way to ``output``, and masks that nothing has named, first to last."""
    found: dict[int, Any] = {}
    todo, seen = [output], {id(x) for x in inputs}
    while todo:
        tensor = todo.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation, node, _ = tensor._keras_history
        made_here = operation.name == name or operation.name.startswith(f"{name}-")
        foreign = isinstance(operation, keras.Layer) and not made_here and operation not in own
        if operation in _named or foreign:
            continue
        found[id(operation)] = operation
        arguments = operation._inbound_nodes[node].arguments
        given = tree.flatten([arguments.args, arguments.kwargs])
        todo.extend(x for x in given if isinstance(x, keras.KerasTensor))
    return list(reversed(found.values()))
