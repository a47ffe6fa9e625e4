"""Read the headers of ``.npy`` and ``.npz`` files with NumPy; no data is loaded, and no pickle is opened."""

from __future__ import annotations

import json
import math
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.system.bounds import ARRAY_AXES, ARRAY_HEADER, ARRAY_MEMBERS, NOTES_BYTES
from seqtopo.system.files import open_file

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x93NUMPY"
VERSIONS = ((1, 0), (2, 0), (3, 0))
LARGEST_SIZE = 10**18
"""The bound of an axis' size; a header with a larger one is damaged."""

REFUSALS = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError),
    *(SyntaxError, TokenError, TypeError, ValueError),
)
"""The errors that NumPy raises for damaged headers, those of Python's parser included."""


class Unreadable(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A file is no array that can be read; ``help`` says what to do."""

    def __init__(self, reason: str, help: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.help = help

    def diagnostic(self, path: Path) -> Diagnostic:
        """Return the diagnostic of the file at ``path``."""
        return Diagnostic(
            "ST710",
            f"{path} cannot be read as data: {self.reason}",
            Span(0, 0),
            help=self.help,
            source=Source("", str(path)),
        )


@dataclass(frozen=True)
class Header:
    """The header of an array: its shape, its dtype, and whether the first axis runs fastest (``fortran``).

    The numbers begin at the byte ``start``; ``member`` is the name inside an ``.npz``, "" in an ``.npy``.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool = False
    start: int = 0
    member: str = ""

    @property
    def kind(self) -> str:
        """NumPy's letter for the kind (``f``, ``i``, ``U``)."""
        return self.dtype.kind

    @property
    def bytes(self) -> int:
        """The number of bytes that the numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_headers(path: Path) -> dict[str, Header]:
    """Return the headers of the arrays in a file by name; the name in an ``.npy`` is "".

    Raises:
        Unreadable: it is not a file of arrays, or is damaged.
    """
    try:
        if path.exists() and not path.is_file():
            raise Unreadable("it is not a file", "check the path")
        with open_file(path) as file:
            start = file.read(len(MAGIC))
            file.seek(0)
            if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                return _members(path, file)
            header = _header(file, path)
            found = os.fstat(file.fileno()).st_size - header.start
    except OSError as error:
        raise Unreadable((error.strerror or str(error)).lower(), "check the path") from None
    _check_length(header, found)
    return {"": header}


def read_notes(path: Path) -> dict[str, Any]:
    """Return the notes of a run in its progress file: the JSON in the ``notes`` of an ``.npz`` file.

    Raises:
        Exception: there are none, or they are larger than the bound. NumPy and zipfile have many ways to say
            that a file is not an archive of theirs.
    """
    import numpy as np  # a check loads none

    notes = read_headers(path)["notes"]
    if notes.kind != "U" or notes.bytes > NOTES_BYTES:
        raise ValueError("its notes are too large")
    with np.load(path, allow_pickle=False) as found:
        read: dict[str, Any] = json.loads(str(found["notes"]))
    return read


def _members(path: Path, file: IO[bytes]) -> dict[str, Header]:
    with _zip_failures():
        archive = zipfile.ZipFile(file)
        infos = archive.infolist()
    if len(infos) > ARRAY_MEMBERS:
        raise Unreadable(f"there are {len(infos):,} files in it", "keep one array for each input in it")
    found: dict[str, Header] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name in found:
            raise Unreadable(f"there are two arrays {name!r} in it", "save it anew")
        with _zip_failures(), archive.open(info) as member:
            header = _header(member, path, name)
        _check_length(header, info.file_size - header.start)
        found[name] = header
    if not found:
        raise Unreadable("there is no array in it", "save arrays with numpy.savez(path, x=x)")
    return found


@contextmanager
def open_member(header: Header) -> Iterator[IO[bytes]]:
    """Open an array in an ``.npz`` at its first number; it is unpacked as it is read.

    Raises:
        Unreadable: it is damaged.
    """
    with (
        _zip_failures(),
        zipfile.ZipFile(header.path) as archive,
        archive.open(_member(archive, header.member)) as member,
    ):
        member.read(header.start)
        yield member


def _member(archive: zipfile.ZipFile, name: str) -> str:
    return name if name in archive.NameToInfo else f"{name}.npy"


@contextmanager
def _zip_failures() -> Iterator[None]:
    """Turn errors of ``zipfile`` for damaged, encrypted and unusually packed files into ``Unreadable``."""
    # RuntimeError: a password is needed. NotImplementedError: a packing that Python does not know.
    failures = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)
    try:
        yield
    except (*failures, UnicodeError, KeyError, NotImplementedError) as error:
        raise Unreadable(
            f"it is a damaged archive ({str(error)[:80] or type(error).__name__})", "save it anew"
        ) from None


@dataclass
class _Start:
    """The start of a file, for NumPy: reads no more than a header may have, and counts the bytes."""

    file: IO[bytes]
    at: int = 0

    def read(self, count: int = 1, /) -> bytes:
        if count > ARRAY_HEADER:
            raise Unreadable("its header is damaged, or too long for a plain array", "save it anew")
        found = self.file.read(count)
        if count and not found:
            raise Unreadable("it ends inside its header", "save or copy it anew")
        self.at += len(found)
        return found


def _header(file: IO[bytes], path: Path, member: str = "") -> Header:
    start = file.read(len(MAGIC))
    if start != MAGIC:
        raise Unreadable(_what_it_is(start, path), "save it with numpy.save(path, array)")
    file.seek(0)
    shape, fortran, dtype, length = _read_with_numpy(file)
    if dtype.names is not None:
        raise Unreadable(
            "it holds records with named fields, not plain numbers", "save one array for each field"
        )
    if dtype.subdtype is not None:
        raise Unreadable("its header is damaged", "save it anew")
    # NumPy takes True and negative numbers too.
    if len(shape) > ARRAY_AXES or any(
        isinstance(size, bool) or not 0 <= size < LARGEST_SIZE for size in shape
    ):
        raise Unreadable("its header is damaged: it has no shape", "save it anew")
    return Header(path, shape, dtype, fortran, length, member)


def _read_with_numpy(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return the shape, whether it is in Fortran order, the dtype, and the byte where numbers begin."""
    try:
        from numpy.lib import format as npy
    except ImportError:
        from seqtopo.system.packages import get  # it takes long to load

        raise Unreadable("NumPy, which reads it, is not installed", f"install it: {get('numpy')}") from None
    start = _Start(file)
    try:
        version = npy.read_magic(start)
        if version not in VERSIONS:
            number = ".".join(map(str, version)).removesuffix(".0")
            raise Unreadable(
                f"its format has version {number}, which is not known", "save it with numpy.save"
            )
        # Version 3 differs from 2 only in how the names of fields are encoded.
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2 wrote it, or its text has odd escapes
            return (*read(start, max_header_size=ARRAY_HEADER), start.at)
    except REFUSALS as error:
        reason = str(error.args[0])[:80] if error.args else type(error).__name__
        raise Unreadable(f"its header is damaged ({reason})", "save it anew") from None


def _what_it_is(start: bytes, path: Path) -> str:
    if not start:
        return "it is empty"
    if start[:1] == b"\x80" or path.suffix in (".pkl", ".pickle"):
        return "it looks like a pickle, which is never opened here, since opening one runs code"
    if start[:4] == b"\x89HDF":
        return "it is an HDF5 file"
    if path.suffix in (".csv", ".txt", ".tsv"):
        return "it is a text, not an array"
    return "it is not an .npy or .npz file"


def _check_length(header: Header, found: int) -> None:
    # Pickled objects may be of any length.
    if not header.dtype.hasobject and found < header.bytes:
        name = f"{header.member!r} in it" if header.member else "it"
        raise Unreadable(
            f"{name} ends too early: {header.bytes:,} bytes are announced, {found:,} are there",
            "save or copy it anew",
        )
