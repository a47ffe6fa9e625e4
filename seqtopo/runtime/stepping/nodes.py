"""Read the calls of a Keras model from its own graph, whoever built it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import tree

from seqtopo.emit import keras_private


class CannotStepError(ValueError):
    """A model, or a layer of it, that cannot be run one step at a time."""


def functional(model: Any) -> Any:
    """Return the functional model over the graph of ``model``: itself, or the one inside a Sequential.

    Raises:
        CannotStepError: it has no graph (a subclass with a ``call`` of its own, or not built yet).
    """
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs, model.outputs, name=model.name)
    # Keras' own class of functional models has no public name.
    if isinstance(model, keras.Model) and hasattr(model, "operations") and hasattr(model, "inputs"):
        return model
    kind = "is not built yet" if isinstance(model, keras.Sequential) else "has no graph to read"
    raise CannotStepError(
        f"{getattr(model, 'name', model)} {kind}: it must be a functional or Sequential model with a "
        "keras.Input, such as seqtopo.compile gives"
    )


def node_of(tensor: Any) -> Any:
    """Return the node whose output a KerasTensor is."""
    try:
        return keras_private.node_of(tensor)
    except keras_private.KerasLacksError as error:
        raise CannotStepError(str(error)) from None


def source_of(tensor: Any) -> Any:
    """Return the operation that gave a KerasTensor."""
    return node_of(tensor).operation


def ordered(inputs: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Return the nodes between inputs and outputs, each after those that it needs.

    There is no recursion, since a model may be deeper than Python's stack.
    """
    given = {id(x) for x in inputs}
    found: list[Any] = []
    done: set[int] = set()
    todo = [(node_of(x), False) for x in reversed(outputs) if id(x) not in given]
    while todo:
        node, ready = todo.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            found.append(node)
            continue
        todo.append((node, True))
        needed = [x for x in node.arguments.keras_tensors if id(x) not in given]
        todo += [(node_of(x), False) for x in needed]
    return found


def embedding_rows(whole: Any) -> dict[int, int]:
    """Return the number of rows of the embedding behind each input of ids, by the id of its tensor."""
    found: dict[int, int] = {}
    for node in ordered(whole.inputs, whole.outputs):
        if isinstance(node.operation, keras.layers.Embedding):
            for tensor in node.arguments.keras_tensors:
                if "int" in keras.backend.standardize_dtype(tensor.dtype):
                    rows = node.operation.input_dim
                    found[id(tensor)] = min(found.get(id(tensor), rows), rows)
    return found


def bound(operation: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by the names that the operation's ``call`` has for them."""
    return dict(inspect.signature(operation.call).bind(*args, **kwargs).arguments)


def arguments_of(node: Any, values: Mapping[int, Any]) -> tuple[Any, Any]:
    """Return the arguments of a call with other tensors, by the ids of those of the node.

    The key of an index is a list in a model that was loaded, and Keras makes a new call only of a tuple.
    """
    args, kwargs = node.arguments.fill_in(values)
    if type(node.operation).__name__ == "GetItem":
        args = tuple(index_key(x) for x in args)
        kwargs = {name: index_key(x) for name, x in kwargs.items()}
    return args, kwargs


def index_key(key: Any) -> Any:
    """Return the key of an index as it was before a file made a list of a tuple.

    >>> index_key([slice(None), -1]), index_key([0, 2])
    ((slice(None, None, None), -1), [0, 2])
    """
    several = isinstance(key, list) and any(x is None or x is ... or isinstance(x, slice) for x in key)
    return tuple(key) if several else key


def masked_by(tensor: Any) -> Any:
    """Return the mask that Keras has put on a tensor, or None."""
    return keras_private.mask_of(tensor)


def tensors_in(values: Any) -> list[Any]:
    """Return the KerasTensors in some arguments."""
    return [x for x in tree.flatten(values) if isinstance(x, keras.KerasTensor)]
