"""Name operations so that two builds of a spec have equal names."""

from __future__ import annotations

from collections import Counter
from typing import Any


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
        """A tensor that an operation of a kind has just given."""
        self._new.append((kind, tensor))
        return tensor

    def settle(self, value: Any, stem: str, taken: bool) -> list[tuple[str, Any]]:
        """The names of what was noted since the last time, ``value`` being what all of it is for."""
        count: Counter[str] = Counter()
        found = []
        for kind, tensor in self._new:
            if tensor is value and not taken:
                found.append((stem, tensor))
                continue
            count[kind] += 1
            found.append((f"{stem}-{kind}" + (f"-{count[kind]}" if count[kind] > 1 else ""), tensor))
        self._new = []
        self.named += found
        return found
