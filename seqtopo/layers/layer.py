"""A layer with its arguments, as Keras would construct it, without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.layers.kinds import OPERAND
from seqtopo.layers.row import Outcome, Row
from seqtopo.layers.values import Tensor, show


@dataclass(eq=False, slots=True)
class Layer:
    """One instance of a row. Two calls of the same instance share its weights.

    ``args`` are the arguments that were given, read by their kinds, under Keras' names; a layer or
    a sub-model may be an argument (``td(...)``, ``bi(...)``). ``name`` is the layer's
    Keras name, once it has one. ``called`` is which of the row's names the spec has for it.
    """

    row: Row
    args: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    called: str = ""

    @property
    def title(self) -> str:
        """The layer as messages show it: ``lstm(64)``, by the name that it is written with."""
        given = [
            v if isinstance(v := self.args[n], str) else show(v) for n in self.row.places if n in self.args
        ]
        given += [
            f"{n}={show(v)}"
            for n, v in self.args.items()
            if n not in self.row.places and self.row.by_name[n].kind is OPERAND
        ]
        name = self.called or self.row.name
        return f"{name}({','.join(given)})" if given else name

    def __str__(self) -> str:
        return self.title

    @property
    def counts_with_numbers(self) -> bool:
        """True if a number stands in the place of an input: ``divide(2)``, ``max(x2=0)``."""
        return any(
            value is not None and self.row.by_name[name].kind is OPERAND for name, value in self.args.items()
        )

    def get(self, name: str) -> Any:
        """Return an argument, or its default."""
        return self.args[name] if name in self.args else self.row.defaults.get(name)

    def outcome(
        self, inputs: tuple[Tensor, ...], tensors: Mapping[str, tuple[Tensor, ...]] | None = None
    ) -> Outcome:
        """Return the shapes, dtypes and weights of a call.

        Raises:
            Refusal: the layer does not take these values.
        """
        return self.row.outcome(self.args, inputs, tensors)
