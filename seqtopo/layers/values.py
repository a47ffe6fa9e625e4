"""What an argument's value can be once it is read, beside numbers, strings, tuples and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.layers.sizes import Shape, show_shape

FLOATS = ("float32", "float16", "bfloat16", "float64")
INTEGERS = ("int32", "int64", "int16", "int8", "uint8", "uint16", "uint32")
DTYPES = (*FLOATS, *INTEGERS, "bool")


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: a flag, an enumeration's value, or the name of a Keras object."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Object:
    """A Keras object with arguments: ``l2(1e-4)``, ``orthogonal(gain=2)``, ``adam(1e-3)``."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [show(a) for a in self.args] + [f"{k}={show(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({','.join(given)})"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that flows: its shape without the batch axis, and its dtype."""

    shape: Shape
    dtype: str = "float32"

    def __str__(self) -> str:
        return show_shape(self.shape)


@dataclass(frozen=True, slots=True)
class Weight:
    """One variable of a layer."""

    name: str
    shape: Shape
    trainable: bool = True


def show(value: object) -> str:
    """A value as the spec writes it.

    >>> show((1, True, None, "a")), show(Object("l2", (1e-4,)))
    ("(1,true,none,'a')", 'l2(0.0001)')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, tuple):
        return f"({','.join(map(show, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, Mapping):
        # Read from a tuple, by a kind that knows the names.
        return show(tuple(value.values()))
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    return str(value)


class Misfit(Exception):  # noqa: N818  (it is an answer, not a failure)
    """An argument's value is not what its parameter takes; says what is expected instead."""

    def __init__(self, expected: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.near = near


class Refusal(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A layer does not take what it is given: the cause as data, for a diagnostic to be made of.

    ``at`` says what to blame: ``("input", i)`` for the i-th incoming value, ``("argument", name)``
    for an argument, None for the layer as a whole. ``takes`` is the number of axes that would do,
    where that is the point.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        label: str = "",
        help: str = "",
        notes: tuple[str, ...] = (),
        at: tuple[str, int | str] | None = None,
        takes: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.label = label
        self.help = help
        self.notes = notes
        self.at = at
        self.takes = takes
