"""Hold a series (steps, features) from an array, or from a file that may be larger than memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqtopo.data.array import KINDS, LARGEST, MOST, PIECE, TOO_LARGE, array_in_file, from_header
from seqtopo.data.given import unpadded
from seqtopo.data.headers import Unreadable, read_headers
from seqtopo.data.tables import SUFFIXES, read_table
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.layers.sizes import show_shape
from seqtopo.source import Span

Targets = int | str | Sequence[int | str] | None
"""The predicted features, by number or name: one, several, or all (None)."""


def refuse(code: str, message: str, help: str, notes: tuple[str, ...] = ()) -> NoReturn:
    """Raise a ``SpecError`` with one diagnostic that has no place in a spec."""
    raise SpecError((Diagnostic(code, message, Span(0, 0), help=help, notes=notes),))


@dataclass(frozen=True)
class Series:
    """Steps of features: ``array`` is (steps, features), or (steps,) for ids.

    Several series stand one after the other in ``array``; ``lengths`` are their lengths, () for one series.
    ``names`` are their names, if a column of a table gives them.

    ``columns`` are the features' names, if they have some. ``name`` is the series' name in messages. ``mean``
    and ``spread``, if given, scale each feature. ``check_finite`` says that not all numbers were looked at,
    so that what is cut from it still has to be.
    """

    array: np.ndarray[Any, Any]
    columns: tuple[str, ...] = ()
    name: str = "the series"
    check_finite: bool = False
    mean: np.ndarray[Any, Any] | None = None
    spread: np.ndarray[Any, Any] | None = None
    notes: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_ids(self) -> bool:
        """True if each step is one id."""
        return self.array.ndim == 1

    @property
    def steps(self) -> int:
        """The number of steps."""
        return int(self.array.shape[0])

    @property
    def features(self) -> int:
        """The number of features of a step."""
        return 1 if self.is_ids else int(self.array.shape[1])

    @property
    def every_length(self) -> tuple[int, ...]:
        """The length of each series."""
        return self.lengths or (self.steps,)

    @property
    def ends(self) -> np.ndarray[Any, Any]:
        """The end of each series: the number of the step behind its last."""
        return np.cumsum(self.every_length)

    @property
    def begins(self) -> np.ndarray[Any, Any]:
        """The first step of each series."""
        return np.asarray(self.ends - np.array(self.every_length))

    def alone(self, number: int) -> Series:
        """Return one of several series by its number."""
        begin, end = int(self.begins[number]), int(self.ends[number])
        return replace(self, array=self.array[begin:end], lengths=(), names=())

    def without_last(self, held: Sequence[int]) -> Series:
        """Return the series without the last ``held`` steps of each; a single series is not copied."""
        return self._parts([0] * len(held), [n - h for n, h in zip(self.every_length, held, strict=True)])

    def last(self, held: Sequence[int], more: int = 0) -> Series:
        """Return the last ``held`` steps of each series, with up to ``more`` steps before them."""
        begins = [max(n - h - more, 0) for n, h in zip(self.every_length, held, strict=True)]
        return self._parts(begins, self.every_length)

    def _parts(self, begins: Sequence[int], ends: Sequence[int]) -> Series:
        if not self.lengths:
            return replace(self, array=self.array[begins[0] : ends[0]])
        pairs = zip(self.begins.tolist(), begins, ends, strict=True)
        array = np.concatenate([self.array[first + begin : first + end] for first, begin, end in pairs])
        lengths = tuple(end - begin for begin, end in zip(begins, ends, strict=True))
        return replace(self, array=array, lengths=lengths)

    def column(self, wanted: int | str) -> int:
        """Return the number of a feature, by its name or its number.

        Raises:
            SpecError: ST723, there is no such feature, or several have this name.
        """
        same = [i for i, name in enumerate(self.columns) if name == wanted]
        if len(same) > 1:
            refuse(
                "ST723",
                f"{self.name} has {len(same)} features called {wanted}",
                f"say which by its number, counted from 0: {' or '.join(map(str, same))}; or rename one",
            )
        if isinstance(wanted, str) and wanted in self.columns:
            return self.columns.index(wanted)
        if isinstance(wanted, (int, np.integer)) and -self.features <= wanted < self.features:
            return int(wanted) % self.features
        known = f"its features are {', '.join(self.columns)}" if self.columns else "they have no names"
        refuse(
            "ST723",
            f"{self.name} has no feature {wanted}",
            f"{known}; by number they are 0 to {self.features - 1}",
        )

    def called(self, column: int) -> str:
        """Return a feature's name in messages."""
        return self.columns[column] if self.columns else f"feature {column}"

    def take(
        self,
        at: np.ndarray[Any, Any],
        columns: Sequence[int] | None = None,
        ends: np.ndarray[Any, Any] | None = None,
    ) -> np.ndarray[Any, Any]:
        """Return a copy of the steps with these numbers: float32, or int32 for ids.

        Steps past the end, or past ``ends`` of their own, are zeros.
        """
        end = np.asarray(self.steps if ends is None else ends)
        inside = at < end
        found = self.array[np.minimum(at, end - 1)]
        if self.mean is not None and self.spread is not None:
            found = (found - self.mean) / self.spread
        if columns is not None and not self.is_ids:
            found = found[..., list(columns)]
        with np.errstate(over="ignore"):
            found = np.asarray(found, "int32" if self.is_ids else "float32")
        if self.check_finite and not np.isfinite(found).all():
            self._refuse_gap(int(at[~np.isfinite(found).reshape(*at.shape, -1).all(-1)].min()))
        if not inside.all():
            found = np.where(inside if self.is_ids else inside[..., None], found, 0).astype(found.dtype)
        return found

    def moments(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the means and the standard deviations (features,); a deviation of 0 counts as 1."""
        rows = max(1, PIECE // self.features)
        parts = [self.array[i : i + rows] for i in range(0, self.steps, rows)]
        mean = sum(part.sum(axis=0, dtype="float64") for part in parts) / self.steps
        squares = sum(((part - mean) ** 2).sum(axis=0, dtype="float64") for part in parts)
        spread = np.atleast_1d(np.sqrt(squares / self.steps))
        return np.atleast_1d(mean), np.where(spread > 0, spread, 1.0)

    def scaled_like(self, other: Series) -> Series:
        """Return the series scaled to mean 0 and standard deviation 1 by the steps of another part.

        Raises:
            SpecError: ST731, the numbers are too large to be added up, or to be scaled.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean, spread = other.moments() if other.mean is None else (other.mean, other.spread)
            assert spread is not None
            wrong = ~(np.isfinite(mean) & np.isfinite(spread))
        if wrong.any():
            self._refuse_large(int(np.argmax(wrong)), " to be scaled")
        found = replace(self, mean=mean, spread=spread)
        found.look_for_large()
        return found

    def look_for_large(self) -> None:
        """Refuse a number that is too large for float32 once it is scaled.

        Raises:
            SpecError: ST731.
        """
        if self.array.dtype.kind != "f" or self.is_ids:
            return
        rows = max(1, PIECE // self.features)
        with np.errstate(over="ignore", invalid="ignore"):
            for begin in range(0, min(self.steps, MOST // self.features + 1), rows):
                found = self.array[begin : begin + rows]
                if self.mean is not None and self.spread is not None:
                    found = (found - self.mean) / self.spread
                wrong = ~(np.abs(found) <= LARGEST)
                if wrong.any():
                    step, column = np.argwhere(wrong)[0].tolist()
                    self._refuse_large(column, step=begin + step)

    def _refuse_large(
        self, column: int, why: str = " for float32, in which models compute", step: int = -1
    ) -> NoReturn:
        values = np.abs(self.array[:, column])
        step = int(np.argmax(values)) if step < 0 else step
        refuse(
            "ST731",
            f"{self.name} has {float(self.array[step, column]):.4g} at step {step}, in {self.called(column)} "
            f"(counted from 0), which is too large{why}",
            TOO_LARGE,
        )

    def look(self) -> Series:
        """Return the series, after a check of all its numbers.

        Raises:
            SpecError: ST725, a number is NaN or infinite; the first one is named.
        """
        if self.array.dtype.kind != "f":
            return self
        rows = max(1, PIECE // self.features)
        for begin in range(0, min(self.steps, MOST // self.features + 1), rows):
            bad = ~np.isfinite(self.array[begin : begin + rows])
            if bad.any():
                self._refuse_gap(begin + int(np.argmax(bad.reshape(len(bad), -1).any(-1))))
        return replace(self, check_finite=self.array.size > MOST)

    def _refuse_gap(self, step: int) -> NoReturn:
        row = np.atleast_1d(self.array[step])
        column = int(np.argmax(~np.isfinite(row)))
        what = "NaN" if np.isnan(row[column]) else "an infinite number"
        where = "" if self.is_ids or self.features == 1 else f", in {self.called(column)}"
        refuse(
            "ST725",
            f"{self.name} has {what} at step {step}{where} (counted from 0)",
            "fill the gaps first, such as with the value before or a line between its neighbours, or leave "
            "out that part of the series",
        )


def read_series(given: Any, *, ids: bool = False, name: str = "the series", by: str | None = None) -> Series:
    """Return the series in an array, a table with ``to_numpy``, nested lists, or a file.

    An ``.npy`` file is mapped into memory and not read; an ``.npz`` has one array in it; others are ``.csv``.
    Several series are an array with one more axis in front, a list or a dict of arrays, or a table whose
    column ``by`` names the series that a row belongs to.

    Raises:
        SpecError: it is no series, or holds NaN or infinite numbers.
    """
    if isinstance(given, Series):
        return given
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    labels: Sequence[Any] | None = None
    if _is_several(given, ids):
        several = list(given.values()) if isinstance(given, Mapping) else list(given)
        read = [read_series(one, ids=ids, name=f"{name}[{i}]") for i, one in enumerate(several)]
        return _side_by_side(read)
    if isinstance(given, (str, Path)):
        path = Path(given)
        name = path.name
        if path.suffix.lower() in SUFFIXES:
            table = read_table(path, by)
            given, columns, notes, labels = table.numbers, table.columns, table.notes, table.labels
            # Floats beyond these bounds are not whole numbers one by one.
            if ids and bool(((given == np.rint(given)) & (abs(given) <= 2**53)).all()):
                given = given.astype("int64")
        else:
            given = _mapped(path)
    elif hasattr(given, "to_numpy"):
        columns = tuple(str(c) for c in getattr(given, "columns", ()))
        if by is not None and by in columns:
            labels = list(given[by])
            columns = tuple(c for c in columns if c != by)
            given = given[list(columns)]
        given = given.to_numpy()
    try:
        array = np.asarray(given) if not isinstance(given, np.ndarray) else given
    except (ValueError, TypeError, RuntimeError):
        message = f"{name} is not an array: it is a {type(given).__name__}"
        refuse("ST723", message, "give numbers: (steps, features)")
    if by is not None and labels is None:
        _refuse_by(name, by, columns)
    if array.ndim == 3 and labels is None and 0 not in array.shape:
        return _of_one_length(array, ids, name)
    array = _in_form(array, ids, name)
    if labels is not None:
        array, lengths, names = _grouped(array, labels)
        return Series(array, columns, name, notes=notes, lengths=lengths, names=names).look()
    if columns and len(columns) != (1 if array.ndim == 1 else array.shape[1]):
        columns = ()
    return Series(array, columns, name, notes=notes).look()


def _is_several(given: Any, ids: bool) -> bool:
    """Return whether several series were given: a dict, or a list of arrays of two axes (ids: one)."""
    if isinstance(given, Mapping) and not hasattr(given, "to_numpy"):
        return bool(given)
    if not isinstance(given, (list, tuple)) or not given:
        return False
    axes = {one.array.ndim if isinstance(one, Series) else getattr(one, "ndim", 0) for one in given}
    return axes == {1 if ids else 2}


def _side_by_side(several: list[Series]) -> Series:
    """Return several series as one ``Series``, each with its own length."""
    first = several[0]
    other = next((s for s in several if s.features != first.features or s.is_ids != first.is_ids), None)
    if other is not None:
        refuse(
            "ST723",
            f"{first.name} has {first.features} features, but {other.name} has {other.features}",
            "give series of the same features, in the same order",
        )
    lengths = tuple(n for one in several for n in one.every_length)
    array = np.concatenate([one.array for one in several])
    check_finite = any(one.check_finite for one in several)
    return Series(array, first.columns, f"the {len(lengths)} series", check_finite, lengths=lengths)


def _of_one_length(array: np.ndarray[Any, Any], ids: bool, name: str) -> Series:
    """Return several series of equal length, given as (series, steps, features), as one; not copied."""
    count, steps = array.shape[:2]
    flat = _in_form(array.reshape(count * steps, *array.shape[2:]), ids, name)
    return Series(flat, (), name, lengths=(steps,) * count).look()


def _grouped(
    array: np.ndarray[Any, Any], labels: Sequence[Any]
) -> tuple[np.ndarray[Any, Any], tuple[int, ...], tuple[str, ...]]:
    """Return the rows grouped by label, the number of rows of each label, and the labels."""
    places: dict[Any, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    order = [place for several in places.values() for place in several]
    return array[order], tuple(map(len, places.values())), tuple(map(str, places))


def _refuse_by(name: str, by: str, columns: Sequence[str]) -> NoReturn:
    known = f"its columns are {', '.join(columns)}" if columns else "its columns have no names"
    refuse(
        "ST723",
        f"{name} has no column {by} that names the series of each row",
        f"{known}; or leave it out, for one series",
    )


def _mapped(path: Path) -> np.ndarray[Any, Any]:
    try:
        headers = read_headers(path)
        if len(headers) > 1:
            refuse(
                "ST723",
                f"{path} holds {len(headers)} arrays ({', '.join(headers)}), but a series is one",
                "give the one that is meant: numpy.load(path)[name]",
            )
        (header,) = headers.values()
        if from_header(path.name, header).ragged:
            raise SpecError((unpadded(path.name, header.shape[0], None, f"{path.stem}.npz"),))
        if header.kind not in "fiub":
            _refuse_kind(path.name, header.kind)
        return array_in_file(header)
    except Unreadable as error:
        raise SpecError((error.diagnostic(path),)) from None


def _in_form(array: np.ndarray[Any, Any], ids: bool, name: str) -> np.ndarray[Any, Any]:
    if array.dtype.kind not in "fiub":
        _refuse_kind(name, array.dtype.kind)
    shape = show_shape(array.shape)
    if array.ndim == 0 or not array.shape[0] or 0 in array.shape:
        refuse("ST723", f"{name} is {shape}: there are no steps in it", "look at how it was read or filtered")
    if ids:
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            refuse(
                "ST723",
                f"{name} is {shape}, but ids are one for each step",
                "give ids of shape (steps,), or a list of them for several series",
            )
        if array.dtype.kind == "f":
            refuse(
                "ST715",
                f"{name} holds {KINDS['f']}, but ids are whole numbers",
                f"if they are whole, say so: {'series' if name == 'the series' else 'array'}.astype('int32')",
            )
        return array
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2:
        refuse(
            "ST723",
            f"{name} is {shape}, but a series has two axes: (steps, features)",
            "bring each step into one row of numbers: series.reshape(len(series), -1)",
        )
    return array


def _refuse_kind(name: str, kind: str) -> NoReturn:
    refuse(
        "ST715",
        f"{name} holds {KINDS.get(kind, 'something that is not a number')}, but a series holds numbers",
        "make ids of words first, such as with keras.layers.StringLookup"
        if kind in "US"
        else "leave out columns of dates and objects, and bring the rest into one array of numbers: "
        "numpy.asarray(series, dtype='float32')",
    )


def columns_of(read: Series, targets: Targets) -> tuple[int, ...] | None:
    """Return the numbers of the predicted features; None for all.

    Raises:
        SpecError: the series has no such feature.
    """
    if targets is None:
        return None
    several = [targets] if isinstance(targets, (int, str)) else list(targets)
    found = tuple(read.column(one) for one in several)
    again = next((one for i, one in enumerate(found) if one in found[:i]), None)
    if again is not None:
        refuse("ST723", f"{read.called(again)} is a target twice", "name each feature once")
    return found
