"""Define argument values that are not numbers, strings, tuples or sizes: words, Keras objects, tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seqtopo.layers.sizes import Shape, Size, show_shape

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
    """A value of the graph: its shape without the batch axis, and its dtype."""

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


class Products(NamedTuple):
    """The multiply-adds of one call for one sample: with weights, and ``inner`` ones of computed values.

    Going backwards, each takes as many again for every factor that has a gradient.
    """

    incoming: Size = 0
    inner: Size = 0


def show(value: object) -> str:
    """Return a value as the spec writes it.

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


class Refusal(Exception):  # noqa: N818  (it is an answer, not a failure)
    """Raised if something in a spec is refused; it holds the cause as data for a diagnostic.

    Attributes:
        code: the diagnostic's code. Without one, what is refused follows from something that was
            refused before, and is not reported; or it is a value that its parameter does not take.
        message: the diagnostic's headline; ``label``, ``labels``, ``notes``, ``help`` and ``fixes`` are
            its other parts.
        span: where it stands in the text; None from a row, which knows no text.
        at: what a row blames: ``("input", i)`` for the i-th incoming value, ``("argument", name)`` for an
            argument, None for the layer as a whole.
        takes: the number of axes that a layer would take, where that is the point.
        expected: what a parameter takes, where a value does not fit; ``near`` are words that may be meant.
        words: words in lower case that stand where sizes do.
        ends: whether the spec is too large, so that nothing more is looked at.
        call: the graph, the node and the step of the call that a row refuses; or the value that it cannot
            be made for, in place of the node.
        changes: what was found to be said otherwise on the way up, as functions of the diagnostic.
    """

    def __init__(
        self,
        code: str = "",
        message: str = "",
        span: Any = None,
        *,
        label: str = "",
        labels: tuple[Any, ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
        fixes: tuple[Any, ...] = (),
        at: tuple[str, int | str] | None = None,
        takes: int | None = None,
        expected: str = "",
        near: tuple[str, ...] = (),
        words: tuple[str, ...] = (),
        ends: bool = False,
    ) -> None:
        super().__init__(message or expected)
        self.code = code
        self.message = message
        self.span = span
        self.label = label
        self.labels = labels
        self.notes = notes
        self.help = help
        self.fixes = fixes
        self.at = at
        self.takes = takes
        self.expected = expected
        self.near = near
        self.words = words
        self.ends = ends
        self.call: Any = None
        self.changes: list[Callable[[Any], Any]] = []

    @property
    def is_known(self) -> bool:
        """True if it follows from an earlier refusal, and needs no message of its own."""
        return not self.code and not self.expected
