"""Load a file of data for training: a series, or samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqtopo.data.array import Array, array_in_file, from_header
from seqtopo.data.cutting import Samples
from seqtopo.data.given import NotData, listed, members, one_a_sample, unequal_lengths, unpadded
from seqtopo.data.headers import Header, Unreadable, read_headers
from seqtopo.data.padding import Slot, from_file
from seqtopo.data.series import Series, read_series, refuse
from seqtopo.diag.error import SpecError

WEIGHTS = ("sample_weight", "sample_weights", "weights")
"""The names that sample weights may have in a file."""


@dataclass(frozen=True)
class Members:
    """The names of the arrays of an ``.npz`` file that hold the samples for a spec."""

    path: Path
    headers: Mapping[str, Header]
    x: tuple[str, ...]
    y: tuple[str, ...]
    weights: str = ""
    padded: Mapping[str, Array] = field(default_factory=dict)
    """The padded samples of the inputs in ``x`` that have an array in the file for each sample, by name."""

    def arrays(self, side: str) -> list[Array] | None:
        """Return the arrays that the headers describe for ``x``, ``y`` or ``sample_weight``, or None."""
        names = {"x": self.x, "y": self.y, "sample_weight": (self.weights,) * bool(self.weights)}[side]
        called = [side if len(names) == 1 else f"{side}[{name!r}]" for name in names]
        return [
            self.padded[n] if n in self.padded else from_header(c, self.headers[n])
            for c, n in zip(called, names, strict=True)
        ] or None

    def read(self) -> Samples:
        """Return the samples themselves; their headers were checked before.

        Raises:
            SpecError: the file is damaged behind a good header.
        """
        try:
            x, y = (tuple(self._read(name) for name in side) for side in (self.x, self.y))
            return Samples(x, y, self._read(self.weights) if self.weights else None)
        except Unreadable as error:
            raise SpecError((error.diagnostic(self.path),)) from None

    def _read(self, name: str) -> np.ndarray[Any, Any]:
        padded = self.padded.get(name)
        return _plain(array_in_file(self.headers[name]) if padded is None else np.asarray(padded.numbers))


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return numbers in a dtype of every backend: PyTorch lacks most unsigned ones, and means of booleans."""
    return array.astype("int32") if array.dtype.kind in "ub" else array


def load(
    path: Path,
    ids: bool,
    inputs: Sequence[str],
    outputs: Sequence[str],
    by: str | None = None,
    pad: Sequence[Slot] = (),
) -> Series | Members:
    """Return the contents of a file: samples if an ``.npz`` has arrays for all inputs and outputs, else a
    series.

    In a table, the column ``by`` names the series that a row belongs to. ``pad`` says how samples of unequal
    lengths are padded for each input; () refuses them.

    Raises:
        SpecError: the file cannot be read, or holds no numbers.
    """
    try:
        headers = read_headers(path) if path.suffix.lower() == ".npz" else {}
    except Unreadable as error:
        raise SpecError((error.diagnostic(path),)) from None
    names = list(headers)
    x, y = members("x", names, inputs), members("y", names, outputs)
    each = one_a_sample("x", names, inputs) if x is None else None
    if each is not None and (pad or _unequal(headers, each) is not None):
        return _of_samples(path, headers, each, y, inputs, outputs, pad)
    if x is not None and y is not None and not set(x) & set(y):
        weights = _weights(names, (*x, *y))
        for name in (*x, *y):
            array = from_header(name, headers[name])
            if array.ragged:
                raise SpecError((unpadded(f"{path.name}: {name}", array.shape[0], None, path.name),))
        return Members(path, headers, tuple(x), tuple(y), weights)
    if len(names) > 1:
        _refuse_names(path, names, inputs, outputs)
    series = read_series(path, ids=ids, by=by)
    if pad:
        refuse(
            "ST738",
            f"{path.name} is a series, not samples that --pad would bring to one length",
            f'save one array for each: numpy.savez("{path.stem}.npz", *samples, y=y); or leave --pad out',
        )
    return series


def _of_samples(
    path: Path,
    headers: Mapping[str, Header],
    each: Sequence[Sequence[str]],
    y: Sequence[str] | None,
    inputs: Sequence[str],
    outputs: Sequence[str],
    pad: Sequence[Slot],
) -> Members:
    """Return the samples in a file that has an array for each of them.

    Raises:
        SpecError: they are not to be padded or cannot be, or have no labels in the file.
    """
    count = max(map(len, each))
    names = [f"x[{name!r}]" if len(inputs) > 1 else "x" for name in inputs]
    if y is None:
        saved = ", ".join(f"{name}={name}" for name in (outputs if len(outputs) > 1 else ["y"]))
        saved = f'numpy.savez("{path.name}", {"*samples" if len(inputs) == 1 else "..."}, {saved})'
        uneven = one_a_sample("y", headers, outputs) is not None
        refuse(
            "ST711",
            f"{path.name} holds {count} samples of x, but "
            + ("their labels are one array for each of them too" if uneven else "no labels for them"),
            f"save the labels as one array (samples, ...) beside them: {saved}; a series is one array alone",
        )
    if not pad:
        raise SpecError((unpadded(f"{path.name}: x", count, _unequal(headers, each), path.name),))
    try:
        made = {
            slot.name: from_file(name, path, headers, group, slot)
            for name, group, slot in zip(names, each, pad, strict=True)
            if group != [slot.name]
        }
    except NotData as answer:
        raise SpecError((answer.diagnostic,)) from None
    return Members(path, headers, tuple(inputs), tuple(y), _weights(headers, y), made)


def _unequal(headers: Mapping[str, Header], each: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Return the least and most steps of the first input with samples of unequal lengths; None for none."""
    every = (unequal_lengths([headers[name].shape for name in names]) for names in each)
    return next(filter(None, every), None)


def _weights(there: Collection[str], taken: Collection[str]) -> str:
    return next((name for name in WEIGHTS if name in there and name not in taken), "")


def _refuse_names(
    path: Path, names: Sequence[str], inputs: Sequence[str], outputs: Sequence[str]
) -> NoReturn:
    wanted_x = list(inputs) if len(inputs) > 1 else ["x"]
    wanted_y = list(outputs) if len(outputs) > 1 else ["y"]
    saved = ", ".join(f"{name}=..." for name in (*wanted_x, *wanted_y))
    refuse(
        "ST711",
        f"{path.name} holds the arrays {listed(names)}, but this spec takes {', '.join(wanted_x)} and is "
        f"trained with {', '.join(wanted_y)}",
        f'save them under these names: numpy.savez("{path.name}", {saved}); a series is one array alone',
    )
