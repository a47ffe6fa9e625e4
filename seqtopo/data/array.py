"""Describe one array of data: its shape, its kind, and a summary of its numbers, made chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqtopo.data.headers import Header, Unreadable, open_member
from seqtopo.graph.training import Values
from seqtopo.layers.sizes import Shape
from seqtopo.system.bounds import LOOKED_AT, LOOKED_AT_TOGETHER, WIDEST_SAMPLE

if TYPE_CHECKING:
    import numpy as np


PIECE = LOOKED_AT_TOGETHER
MOST = LOOKED_AT
LARGEST = (2 - 2**-23) * 2.0**127
"""The largest number of float32."""
TOO_LARGE = (
    f"the largest number of float32 is {LARGEST:.1e}: look for a mistake in the data, or bring it into "
    "another unit first"
)
"""The advice on a number that is larger than any of float32."""
WIDEST = WIDEST_SAMPLE


def values_in_file(header: Header) -> Values | None:
    """Return a summary of the numbers in a file; None if a sample is too wide, or the file is damaged."""
    if math.prod(header.shape[1:]) > WIDEST:
        return None
    try:
        if header.member:
            return _summary(_unpacked(header), header.shape, header.fortran)
        return values_of(array_in_file(header), header.shape)
    except (TypeError, ValueError, Unreadable):
        return None


def array_in_file(header: Header) -> np.ndarray[Any, Any]:
    """Return the array that a header describes: an ``.npy`` is mapped into memory, an ``.npz`` is read.

    The header has been read and checked already, so it is not read again.

    Raises:
        Unreadable: the file is damaged, or holds no numbers.
    """
    import numpy as np

    if header.kind not in "fiub":
        raise Unreadable("it holds no plain numbers", "save an array of numbers")
    try:
        dtype = header.dtype
        order: Any = "F" if header.fortran else "C"
        if not header.bytes:
            return np.zeros(header.shape, dtype, order)
        if not header.member:
            return np.memmap(header.path, dtype, "r", header.start, header.shape, order)
        found = np.empty(math.prod(header.shape), dtype)
        at, raw = 0, found.view("u1")
        with open_member(header) as member:
            while at < raw.size and (read := member.read(min(PIECE, raw.size - at))):
                raw[at : at + len(read)] = np.frombuffer(read, "u1")
                at += len(read)
        if at < raw.size:
            raise Unreadable("it ends too early", "save it anew")
        return found.reshape(header.shape, order=order)
    except OSError as error:
        raise Unreadable((error.strerror or str(error)).lower(), "check the path") from None
    except (TypeError, ValueError, MemoryError) as error:
        raise Unreadable(f"NumPy cannot take it: {error}", "save it anew") from None


def values_of(found: Any, shape: tuple[int, ...]) -> Values | None:
    """Return a summary of the numbers in an array object; None if it cannot be read in parts."""
    if math.prod(shape[1:]) > WIDEST:
        return None
    try:
        import numpy as np
    except ImportError:
        return None

    def pieces() -> Iterator[np.ndarray[Any, Any]]:
        rows = max(1, PIECE // max(1, math.prod(shape[1:])))
        count = shape[0] if shape else 1
        # An array that is too large is read in pieces from its whole length, the last piece included.
        most = max(1, MOST // max(1, rows * math.prod(shape[1:])))
        starts = list(range(0, count, rows))
        if len(starts) > most:
            starts = [i * (len(starts) - 1) // max(1, most - 1) * rows for i in range(most)]
        for start in starts:
            yield np.asarray(found[start : start + rows] if shape else found)

    try:
        return _summary(pieces(), shape)
    # A tensor on another device, or of a kind that NumPy does not know, says so in its own way.
    except (TypeError, ValueError, RuntimeError):
        return None


def _unpacked(header: Header) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the numbers of an array in an archive: rows as they are stored, never all of them at once."""
    import numpy as np

    dtype = header.dtype
    width = 1 if header.fortran else max(1, math.prod(header.shape[1:]))
    rows = max(1, PIECE // width)
    left = math.prod(header.shape) // width
    with open_member(header) as member:
        while left > 0:
            count = min(rows, left)
            raw = member.read(count * width * dtype.itemsize)
            if len(raw) < count * width * dtype.itemsize:
                raise Unreadable("it ends too early", "save it anew")
            left -= count
            piece = np.frombuffer(raw, dtype)
            yield piece if header.fortran else piece.reshape(count, *header.shape[1:])


def _summary(
    pieces: Iterable[np.ndarray[Any, Any]], shape: tuple[int, ...], flat: bool = False
) -> Values | None:
    """Return a summary of chunks of numbers, which follow each other; ``flat`` ones have lost their rows."""
    import numpy as np

    low, high = math.inf, -math.inf
    whole, shares = True, not flat and len(shape) >= 2 and shape[-1] > 1
    longest, missing, endless, seen, zeros = 0, 0, 0, 0, 0
    for piece in pieces:
        seen += piece.size
        finite = piece
        if piece.dtype.kind == "f":
            good = np.isfinite(piece)
            if not good.all():
                missing += int(np.isnan(piece).sum())
                endless += int(np.isinf(piece).sum())
                finite = piece[good]
                shares = False
            whole = whole and bool((finite == np.rint(finite)).all())
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            if low <= 0 <= high:
                zeros += int(finite.size - np.count_nonzero(finite))
        if shares:
            rows = piece.sum(axis=-1, dtype="float64")
            shares = low >= 0 and bool((abs(rows - 1) < 1e-3).all())
        if not flat and piece.ndim == 2:
            longest = max(longest, int((piece != 0).sum(axis=-1).max(initial=0)))
        if seen >= MOST:
            break
    if low > high:
        low, high = 0.0, 0.0
    if flat and len(shape) == 2:
        longest = shape[1]
    return Values(low, high, whole, shares, longest, missing, endless, seen < math.prod(shape), zeros)


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
"""The contents of an array in words, by NumPy's letters for kinds."""


@dataclass(frozen=True)
class Padding:
    """A record of how samples were padded.

    ``value`` is the padding, and ``added`` the number of steps that were added. Of the ``steps`` in the data,
    ``equal`` hold the padding in all features. ``low`` is the least finite number of the data, or 0.
    """

    value: float
    added: int
    equal: int
    steps: int
    low: float


@dataclass(frozen=True)
class Array:
    """An array of data: its name in messages (``x``, ``y``, ``x['tokens']``), shape (samples, ...) and kind.

    ``load`` gives the summary of its numbers; None if they cannot be looked at. Only an array that was read
    from code has sizes that are not numbers.
    """

    name: str
    shape: Shape
    kind: str
    load: Callable[[], Values | None]
    lengths: tuple[int, int] | None = None
    """The least and the most steps of samples of unequal lengths; None for any other array."""

    @property
    def ragged(self) -> bool:
        """True if it holds samples of unequal lengths, as far as that shows without opening a pickle."""
        return self.kind == "O" and len(self.shape) == 1 and (self.lengths is not None or self.saved)

    saved: bool = False
    """True if it stands in a file."""
    padding: Padding | None = None
    """The record of how its samples were padded to one length; None if they were not."""
    numbers: Any = field(default=None, compare=False, repr=False)
    """The padded samples, as an array of NumPy."""

    @cached_property
    def values(self) -> Values | None:
        """The summary of its numbers; None if they were not looked at."""
        return self.load() if self.kind in "fiub" and 0 not in self.shape else None

    @property
    def words(self) -> str:
        """The kind of its contents, in words."""
        return KINDS.get(self.kind, "something that is not a number")


def from_header(name: str, header: Header) -> Array:
    """Return the array that a file's header describes."""
    return Array(name, header.shape, header.kind, lambda: values_in_file(header), saved=True)


def from_object(name: str, found: Any) -> Array | None:
    """Return an array that describes a Python object: an array of NumPy or of a backend, a table, or nested
    lists. None for any other object.
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
    """Return the least and the most steps of samples of unequal lengths; None for other samples.

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
    """Return NumPy's letter for a dtype of NumPy or of a backend."""
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
