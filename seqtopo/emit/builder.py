"""Define the interface through which emitters make layers and operations.

The emitters decide what to make, and ask a builder for it. One builder is Keras, and returns tensors; the
other writes a line of Python for each request. So a built model and its source come from the same code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor


class ModelBuilder(Protocol):
    """The parts of Keras that the emitters use.

    ``layers`` has the classes of ``keras.layers``. ``ops`` has the functions of ``keras.ops``, and
    ``get_item`` for ``x[key]``. A tensor has a ``shape`` (the batch first, None for any size) and a
    ``dtype``.
    """

    layers: Any
    ops: Any

    def input(self, tensor: Tensor, batch: Size | None, name: str) -> Any:
        """Return an input of the model."""

    def model(self, starts: Sequence[Any], ends: Sequence[Any], name: str) -> Any:
        """Return the model from some tensors to others."""

    def making(self, name: str) -> AbstractContextManager[None]:
        """Attribute what is made inside the ``with`` block to the layer of this name."""

    def settings(self) -> Mapping[str, Any]:
        """Return the arguments that layers must get, since Keras would read them from the user's
        ``keras.json``.
        """

    def custom(self, make: Any, kwargs: Mapping[str, Any]) -> Any:
        """Return a layer made by a function or class of the user's."""

    def call(
        self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[Any]:
        """Return the outputs of a layer or a model; ``inferred`` are the checker's shapes and dtypes."""

    def object(self, path: str, kwargs: Mapping[str, Any]) -> Any:
        """Return an object of Keras by its place in ``keras``: ``initializers.Orthogonal``."""

    def array(self, values: Any, dtype: str) -> Any:
        """Return an array of constants."""

    def worked_out(self, function: str, argument: int, index: int) -> Any:
        """Return one of the arrays that a function of ``seqtopo.emit.inlined_helpers`` returns."""

    def several(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[Any]:
        """Return the outputs of a function of ``keras.ops`` with several, each as in ``inferred``."""

    def mask(self, x: Any) -> Any | None:
        """Return the mask that Keras has put on a tensor."""

    def freeze(self, layer: Any) -> None:
        """Exclude from training what a frozen layer made in its first call."""

    def expect(self, layer: Any, axis: int, size: int) -> None:
        """Make a layer raise an error with its name if an axis of its input has another size."""

    def hold_regularizer(self, layer: Any, given: Any) -> None:
        """Set a layer's activity regularizer, which its class drops."""

    def unique(self, word: str) -> str:
        """Return a name that no other operation has: the word with a number."""

    def settle(self, value: Any, inferred: Tensor, stem: str, taken: bool) -> None:
        """Finish a node's value, made of all that was asked for since the last call of this method.

        ``inferred`` are the checker's shape and dtype of it. Its last operation is named ``stem``, unless a
        layer has that name (``taken``), and the others after it.
        """

    def name_of(self, tensor: Any) -> str:
        """Return the name of the operation or layer that made a tensor."""

    def compile(self, model: Any, kwargs: Mapping[str, Any]) -> None:
        """Compile a model."""


class OperationNames:
    """The names of the operations that are asked of a builder.

    Keras numbers operations by how many the process has made. Here the last one of a node has the name of the
    node, ``steps``, and those before it ``steps-flip``, ``steps-get_item``; the hyphen separates them from
    names that a spec can have. Layers are named when they are made.
    """

    def __init__(self) -> None:
        self.named: list[tuple[str, Any]] = []
        """The name of every operation, with the tensor that it returned."""
        self._new: list[tuple[str, Any]] = []

    def note(self, kind: str, tensor: Any) -> Any:
        """Note a tensor, or a list of several, that an operation has just returned, and return it."""
        self._new.append((kind, tensor))
        return tensor

    def settle(self, value: Any, stem: str, taken: bool) -> list[tuple[str, Any]]:
        """Return the names of the tensors noted since the last time, which were all made for ``value``."""
        count: Counter[str] = Counter()
        found = []
        value = _first(value)
        for kind, tensor in ((kind, _first(tensor)) for kind, tensor in self._new):
            if tensor is value and not taken:
                found.append((stem, tensor))
                continue
            count[kind] += 1
            found.append((f"{stem}-{kind}" + (f"-{count[kind]}" if count[kind] > 1 else ""), tensor))
        self._new = []
        self.named += found
        return found


def _first(value: Any) -> Any:
    """Return a value, or the first of the several values of one operation."""
    return value[0] if isinstance(value, (list, tuple)) else value
