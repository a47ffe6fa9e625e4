"""Read the headers of ``.npy`` and ``.npz`` files without NumPy, and never unpickle.

The format is NumPy's (``numpy.lib.format``): a magic word, a version, the length of a header, and the header,
which is a Python dictionary as text. It is taken apart by patterns and never evaluated.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.system.bounds import ARRAY_AXES, ARRAY_HEADER, ARRAY_MEMBERS
from seqtopo.system.opening import open_file

if TYPE_CHECKING:
    import zipfile

MAGIC = b"\x93NUMPY"

_DESCR = re.compile(r"'descr'\s*:\s*'([<>|=]?)([a-zA-Z])(\d{0,9})(\[[^']{0,20}\])?'")
_ORDER = re.compile(r"'fortran_order'\s*:\s*(True|False)")
_SHAPE = re.compile(r"'shape'\s*:\s*\(([\d\sL,]*)\)")

_WHOLE = re.compile(r"\s*\{(?:\s*=\s*,){2}\s*=\s*,?\s*\}\s*")
"""A header whose three entries were each replaced by a ``=``."""

_ITEMS = {"b": 1, "M": 8, "m": 8, "O": 8}
"""Bytes an item, where the digits do not say it."""
_WIDTHS = {"f": (2, 4, 8, 12, 16), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8)}
"""The bytes that a number may have."""


class Unreadable(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A file is no array, or not one that can be looked at; says why, and what to do."""

    def __init__(self, reason: str, help: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.help = help

    def diagnostic(self, path: Path) -> Diagnostic:
        """What is wrong with the file at ``path``."""
        return Diagnostic(
            "ST710",
            f"{path} cannot be read as data: {self.reason}",
            Span(0, 0),
            help=self.help,
            source=Source("", str(path)),
        )


@dataclass(frozen=True)
class Header:
    """What a header says: the shape, NumPy's letter of the kind (``f``, ``i``, ``U``), bytes an item.

    ``order`` is that of the bytes, ``fortran`` whether the first axis runs fastest, ``start`` where the
    numbers begin; ``member`` is the name inside an ``.npz``, "" in an ``.npy``.
    """

    path: Path
    shape: tuple[int, ...]
    kind: str
    size: int
    order: str = "<"
    fortran: bool = False
    start: int = 0
    member: str = ""

    @property
    def bytes(self) -> int:
        """Return how many bytes the numbers take."""
        return math.prod(self.shape) * self.size


def read_headers(path: Path) -> dict[str, Header]:
    """Return the headers of the arrays in a file by name; the name in an ``.npy`` is "".

    Raises:
        Unreadable: it is not a file of arrays, or damaged.
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


def _members(path: Path, file: IO[bytes]) -> dict[str, Header]:
    import zipfile

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
    """The bytes of an array in an ``.npz``, from the first number on, unpacked as they are read.

    Raises:
        Unreadable: it is damaged.
    """
    import zipfile

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
    """What ``zipfile`` raises for damaged, encrypted and strangely packed files, as one answer."""
    import zipfile
    import zlib

    # RuntimeError: a password is needed. NotImplementedError: a packing that Python does not know.
    failures = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)
    try:
        yield
    except (*failures, UnicodeError, KeyError, NotImplementedError) as error:
        raise Unreadable(
            f"it is a damaged archive ({str(error)[:80] or type(error).__name__})", "save it anew"
        ) from None


def _header(file: IO[bytes], path: Path, member: str = "") -> Header:
    """Reads a header, and leaves the file behind it."""
    start = file.read(8)
    if start[:6] != MAGIC or len(start) < 8:
        raise Unreadable(_what_it_is(start, path), "save it with numpy.save(path, array)")
    width = {1: 2, 2: 4, 3: 4}.get(start[6])
    if width is None:
        raise Unreadable(f"its format has version {start[6]}, which is not known", "save it with numpy.save")
    sized = file.read(width)
    length = int.from_bytes(sized, "little")
    if len(sized) < width or length > ARRAY_HEADER:
        raise Unreadable("its header is damaged, or too long for a plain array", "save it anew")
    raw = file.read(length)
    if len(raw) < length:
        raise Unreadable("it breaks off inside its header", "save or copy it anew")
    text = raw.decode("latin-1")
    order, shape = _ORDER.search(text), _SHAPE.search(text)
    descr = _DESCR.search(text)
    if descr is None and "'descr'" in text and "[" in text:
        raise Unreadable(
            "it holds records with named fields, not plain numbers", "save one array for each field"
        )
    if descr is None or order is None or shape is None:
        raise Unreadable("its header is damaged", "save it anew")
    for entry in (descr, order, shape):
        text = text.replace(entry[0], "=", 1)
    if _WHOLE.fullmatch(text) is None:
        raise Unreadable("its header is damaged", "save it anew")
    sizes = [s.strip().removesuffix("L") for s in shape[1].split(",")]
    if sizes[-1] == "":
        sizes.pop()
    elif len(sizes) == 1:  # (3) is no tuple
        sizes = [""]
    if len(sizes) > ARRAY_AXES or any(not s.isdigit() or len(s) > 18 for s in sizes):
        raise Unreadable("its header is damaged: it has no shape", "save it anew")
    kind, digits = descr[2], int(descr[3] or 0)
    item = _ITEMS.get(kind, digits * (4 if kind == "U" else 1))
    if item not in _WIDTHS.get(kind, (item,)) or (kind == "b" and digits != 1):
        raise Unreadable(
            f"its header is damaged: there is no kind of number {kind}{descr[3]}", "save it anew"
        )
    return Header(
        path,
        tuple(map(int, sizes)),
        kind,
        item,
        descr[1] if descr[1] in "<>" and descr[1] else "<",
        order[1] == "True",
        8 + width + length,
        member,
    )


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
    if header.kind != "O" and found < header.bytes:
        name = f"{header.member!r} in it" if header.member else "it"
        raise Unreadable(
            f"{name} breaks off: {header.bytes:,} bytes are announced, {found:,} are there",
            "save or copy it anew",
        )
