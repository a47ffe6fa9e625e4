"""Define the interface of a builder: makes layers and operations by name, as Keras objects or as Python
source.

The emitters decide what to make, and ask a stock for it. One stock is Keras itself, and gives tensors; the
other writes down as Python what it is asked for. So what is built and what is written come from one place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor


class Stock(Protocol):
    """The parts of Keras that the emitters use.

    ``layers`` has the classes of ``keras.layers``, ``ops`` the functions of ``keras.ops`` and ``get_item``,
    which is ``x[key]``. A tensor has ``shape`` (the batch first, None where any size will do) and ``dtype``.
    """

    layers: Any
    ops: Any

    def input(self, tensor: Tensor, batch: Size | None, name: str) -> Any:
        """Return an input of the model."""

    def model(self, starts: Sequence[Any], ends: Sequence[Any], name: str) -> Any:
        """Return the model from some tensors to others."""

    def making(self, name: str) -> AbstractContextManager[None]:
        """Make what is made inside the ``with`` block for the layer of this name."""

    def settings(self) -> Mapping[str, Any]:
        """Return what layers must be given, since Keras would take it from the user's
        ``keras.json`` instead.
        """

    def custom(self, make: Any, kwargs: Mapping[str, Any]) -> Any:
        """Return a layer that a function or class of the user's makes."""

    def call(
        self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any], gives: Sequence[Tensor]
    ) -> list[Any]:
        """Return what a layer or a model gives when it is called: tensors, of which the checker says
        ``gives``.
        """

    def object(self, path: str, kwargs: Mapping[str, Any]) -> Any:
        """Return an object of Keras by its place in ``keras``: ``initializers.Orthogonal``."""

    def array(self, values: Any, dtype: str) -> Any:
        """Return an array of constants."""

    def worked_out(self, function: str, argument: int, index: int) -> Any:
        """Return one of the arrays that a function of ``seqtopo.emit.inlined_helpers`` gives."""

    def several(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], gives: Sequence[Tensor]
    ) -> list[Any]:
        """The values of a function of ``keras.ops`` that gives several, each as in ``gives``."""

    def mask(self, x: Any) -> Any | None:
        """Return the mask that Keras has put on a tensor."""

    def freeze(self, layer: Any) -> None:
        """Keep what a frozen layer made in its first call from being trained."""

    def expect(self, layer: Any, axis: int, size: int) -> None:
        """Make a layer raise an error with its name where an axis of its input has another size."""

    def hold_regularizer(self, layer: Any, given: Any) -> None:
        """Give a layer the activity regularizer that its class leaves out."""

    def unique(self, word: str) -> str:
        """Return a name that no other operation has: the word with a number."""

    def settle(self, value: Any, gives: Tensor, stem: str, taken: bool) -> None:
        """A node's value, of which the checker says ``gives``, is there, made of all that was asked for since
        the last call of this. The operation behind it is called ``stem``, unless that is ``taken`` by a
        layer, and the others after it.
        """

    def name_of(self, tensor: Any) -> str:
        """Return the name of what made a tensor."""

    def compile(self, model: Any, kwargs: Mapping[str, Any]) -> None:
        """Compile a model."""


class OperationNames:
    """Names for the operations that are asked of a stock.

    Keras numbers operations by how many the process has made. Here the last one of a node is called as the
    node is, ``steps``, those before it ``steps-flip``, ``steps-get_item``; the hyphen keeps them apart from
    names that a spec can say. Layers are named when they are made.
    """

    def __init__(self) -> None:
        self.named: list[tuple[str, Any]] = []
        """Every operation's name, with the tensor that it gave."""
        self._new: list[tuple[str, Any]] = []

    def note(self, kind: str, tensor: Any) -> Any:
        """Note a tensor, or a list of several, that an operation of a kind has just given, and return it."""
        self._new.append((kind, tensor))
        return tensor

    def settle(self, value: Any, stem: str, taken: bool) -> list[tuple[str, Any]]:
        """Return the names of what was noted since the last time, ``value`` being what all of it is for."""
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
    """One value, or the first of several, which one operation has given."""
    return value[0] if isinstance(value, (list, tuple)) else value
