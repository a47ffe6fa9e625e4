"""Describe one array of data: its shape and kind, and its numbers if they can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from seqtopo.data.headers import Header
from seqtopo.data.values import values_in_file, values_of
from seqtopo.graph.training import Values
from seqtopo.layers.sizes import Shape

KINDS = {
    "f": "floats",
    "i": "whole numbers",
    "u": "whole numbers",
    "b": "booleans",
    "U": "texts",
    "S": "texts",
    "O": "Python objects",
    "c": "complex numbers",
    "M": "dates",
    "m": "times",
}
"""What an array can hold, in words, by NumPy's letters."""


@dataclass(frozen=True)
class Padding:
    """How samples were padded: with which value, how many steps were added, how many of the ``steps`` that
    were there are that value throughout, and the least
    finite number of the data, or 0.
    """

    value: float
    added: int
    equal: int
    steps: int
    low: float


@dataclass(frozen=True)
class Array:
    """An array's name in messages (``x``, ``y``, ``x['tokens']``), shape with the samples' axis, and kind.

    ``load`` gives what is known of its numbers; None where they cannot be looked at. Only an array that was
    read from code has sizes that are not numbers.
    """

    name: str
    shape: Shape
    kind: str
    load: Callable[[], Values | None]
    lengths: tuple[int, int] | None = None
    """The least and the most steps of samples that are not of one length; None for any other array."""

    @property
    def ragged(self) -> bool:
        """Whether it holds samples of unequal lengths, as far as that is known without opening a pickle."""
        return self.kind == "O" and len(self.shape) == 1 and (self.lengths is not None or self.saved)

    saved: bool = False
    """Whether it stands in a file."""
    padding: Padding | None = None
    """How its samples were padded to one length; None where they were not."""
    numbers: Any = field(default=None, compare=False, repr=False)
    """What they are then, as NumPy has it."""

    @cached_property
    def values(self) -> Values | None:
        """What is known of its numbers; None where they were not looked at."""
        return self.load() if self.kind in "fiub" and 0 not in self.shape else None

    @property
    def words(self) -> str:
        """Return in words what it holds."""
        return KINDS.get(self.kind, "something that is not a number")


def from_header(name: str, header: Header) -> Array:
    """Return the array that a file's header describes."""
    return Array(name, header.shape, header.kind, lambda: values_in_file(header), saved=True)


def from_object(name: str, found: Any) -> Array | None:
    """Return a Python object (NumPy's, a backend's, a table, nested lists) as an array; None where it is
    none.
    """
    if isinstance(found, Array):
        return found
    if hasattr(found, "to_numpy") and not hasattr(found, "dtype"):
        found = found.to_numpy()
    if isinstance(found, (list, tuple, int, float)):
        nested = _nested(found)
        if nested is None and isinstance(found, (list, tuple)) and (lengths := lengths_of(found)):
            return Array(name, (len(found),), "O", lambda: None, lengths)
        found = nested
    shape, dtype = getattr(found, "shape", None), getattr(found, "dtype", None)
    if shape is None or dtype is None:
        return None
    try:
        sizes = tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        return None
    kind = _kind(dtype)
    lengths = lengths_of(found) if kind == "O" and len(sizes) == 1 else None
    return Array(name, sizes, kind, lambda: values_of(found, sizes), lengths)


def lengths_of(samples: Any) -> tuple[int, int] | None:
    """Return the least and the most steps of samples of unequal lengths.

    >>> lengths_of([[1, 2], [3, 4, 5]]), lengths_of([[1, 2], [3, 4]]), lengths_of([1, "two"])
    ((2, 3), None, None)
    """
    if not all(hasattr(sample, "__len__") and not isinstance(sample, (str, bytes)) for sample in samples):
        return None
    lengths = {len(sample) for sample in samples}
    return (min(lengths), max(lengths)) if len(lengths) > 1 else None


def _nested(found: Any) -> Any:
    try:
        import numpy

        return numpy.asarray(found)
    except (ImportError, ValueError, TypeError, OverflowError):
        return None


def _kind(dtype: Any) -> str:
    """NumPy's letter for a dtype of NumPy's or of a backend."""
    kind = getattr(dtype, "kind", None)
    if isinstance(kind, str) and kind in KINDS:
        return kind
    name = str(getattr(dtype, "name", dtype)).removeprefix("torch.")
    for start, letter in (("float", "f"), ("bfloat", "f"), ("int", "i"), ("uint", "u"), ("bool", "b")):
        if name.startswith(start):
            return letter
    return {"string": "U", "complex64": "c", "complex128": "c", "half": "f", "double": "f", "long": "i"}.get(
        name, "V"
    )
