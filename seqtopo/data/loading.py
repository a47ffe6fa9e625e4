"""A file of data for training: a series, or samples that are cut already."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from seqtopo.data.headers import Unreadable, read_headers
from seqtopo.data.samples_cut import Samples
from seqtopo.data.series import Series, read_series
from seqtopo.diag.error import SpecError


def load(path: Path, ids: bool) -> Series | Samples:
    """What is in a file: samples where an ``.npz`` has x and y, a series otherwise.

    Raises:
        SpecError: it cannot be read, or holds no numbers.
    """
    try:
        names = set(read_headers(path)) if path.suffix.lower() == ".npz" else set()
    except Unreadable as error:
        raise SpecError((error.diagnostic(path),)) from None
    if not {"x", "y"} <= names:
        return read_series(path, ids=ids)
    with np.load(path, allow_pickle=False) as found:
        return Samples(found["x"], found["y"])


def digest(path: Path) -> str:
    """What tells a file's content from another's."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def write_table(
    path: Path, names: list[str], numbers: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    """Writes a table that ``read_table`` reads: the number of the step, and its features."""
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *names])
        writer.writerows([step, *row] for step, row in enumerate(numbers.tolist(), 1))
