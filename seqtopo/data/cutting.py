"""Cut data into batches without copying: windows or segments of a series, and samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seqtopo.data.series import Series, refuse
from seqtopo.graph.inputs import BATCH

_ROUNDS = 4
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def shuffled(at: np.ndarray[Any, Any], count: int, seed: int, epoch: int) -> np.ndarray[Any, Any]:
    """Return the places of the numbers ``at`` in an epoch's permutation of ``range(count)``.

    It is a Feistel network (Luby and Rackoff, 1988) over the next power of four, repeated until the result is
    inside (Black and Rogaway, 2002). So billions of windows are shuffled without a list of them.

    >>> found = shuffled(np.arange(10), 10, seed=0, epoch=0)
    >>> sorted(found.tolist()) == list(range(10)), bool((found != np.arange(10)).any())
    (True, True)
    """
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    keys = np.random.default_rng([seed, epoch]).integers(0, 2**63, _ROUNDS, dtype="uint64")
    found = np.asarray(at, "uint64")
    found = _network(found, half, keys)
    outside = found >= count
    while outside.any():
        found[outside] = _network(found[outside], half, keys)
        outside = found >= count
    return found.astype("int64")


def _network(numbers: np.ndarray[Any, Any], half: int, keys: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    mask, shift = np.uint64(2**half - 1), np.uint64(half)
    left, right = numbers >> shift, numbers & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right + key) & mask)
    return (left << shift) | right


def _mixed(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return hashes of numbers by splitmix64 (Steele, Lea and Flood); the products overflow on purpose."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX[0]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX[1]
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def lacking_classes(early: np.ndarray[Any, Any], late: np.ndarray[Any, Any]) -> str:
    """Return the classes that most later labels have and no earlier one has, in words; "" if there are none.

    >>> lacking_classes(np.array([0, 0, 1, 1]), np.array([2, 2, 2, 1]))
    'the class 2'
    """
    if not len(late):
        return ""
    strange = ~np.isin(late, np.unique(early))
    if strange.mean() <= 0.5:
        return ""
    names = [f"{float(one):g}" for one in np.unique(late[strange])]
    shown = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
    return f"the class{'es' if len(names) > 1 else ''} {shown}"


Batch = tuple[np.ndarray[Any, Any], ...]
Answers = Literal["ahead", "next", "same"]
Remainder = Literal["keep", "drop", "pad", "error"]


@dataclass(frozen=True)
class Wanted:
    """The targets of a window.

    ``answers`` is ``ahead`` for the ``horizon`` steps after the window, ``next`` for the step after each of
    its steps, or ``same`` for the window itself. ``columns`` are the target features (None: all). Without
    ``time_axis`` the steps ahead and the features are one axis.

    ``places`` are the target steps of a model that gives answers for some of its steps only, counted from the
    window's end: 0 is the first step after it. None for the steps that ``answers`` says.
    """

    answers: Answers = "ahead"
    horizon: int = 1
    columns: tuple[int, ...] | None = None
    time_axis: bool = False
    places: tuple[int, ...] | None = None

    @property
    def beyond(self) -> int:
        """The number of steps after the window that the targets need."""
        if self.places is not None:
            return max(0, max(self.places) + 1)
        return {"ahead": self.horizon, "next": 1, "same": 0}[self.answers]

    def steps_of(self, steps: int) -> np.ndarray[Any, Any]:
        """Return the target steps of a window of ``steps``, counted from its first step."""
        if self.places is not None:
            return np.asarray([steps + place for place in self.places])
        begin, count = (steps, self.horizon) if self.answers == "ahead" else (self.answers == "next", steps)
        return np.arange(begin, begin + count)

    def __str__(self) -> str:
        if self.answers == "same":
            return "the window itself" if self.places is None else f"{len(self.places)} steps of the window"
        if self.answers == "next":
            which = "each step" if self.places is None else f"each of {len(self.places)} steps"
            return f"for {which} of the window, the one after it"
        if self.places is None:
            return f"the {self.horizon} steps after the window" if self.horizon > 1 else "the step after it"
        return f"{len(self.places)} of the steps after the window"

    def known_before(self, steps: int) -> np.ndarray[Any, Any]:
        """Return, for each target step, the last step of the window that comes before it."""
        found: np.ndarray[Any, Any] = np.clip(self.steps_of(steps) - 1, 0, steps - 1)
        return found

    def at(self, starts: np.ndarray[Any, Any], steps: int) -> np.ndarray[Any, Any]:
        """Return the target steps of windows that begin at ``starts``: (windows, target steps)."""
        found: np.ndarray[Any, Any] = starts[:, None] + self.steps_of(steps)
        return found

    def cut(
        self, series: Series, at: np.ndarray[Any, Any], ends: np.ndarray[Any, Any] | None = None
    ) -> np.ndarray[Any, Any]:
        """Return the target numbers at these steps; zeros past the ends of the series."""
        found = series.take(at, self.columns, ends)
        flat = self.answers == "ahead" and not self.time_axis
        if not flat:
            return found
        return found[:, 0] if self.horizon == 1 else found.reshape(len(found), -1)


@dataclass
class Windows:
    """Overlapping windows of ``steps``: each begins ``stride`` steps after the one before.

    No window reaches from one series into another.
    """

    series: Series
    steps: int
    wanted: Wanted
    stride: int = 1
    batch_size: int = BATCH
    shuffle: bool = False
    seed: int = 0
    remainder: Remainder = "keep"
    epoch: int = 0

    def __post_init__(self) -> None:
        check_long_enough(self.series, self.steps, self.wanted, 1)
        over = self.count % self.batch_size
        if self.remainder == "drop" and self.count < self.batch_size:
            refuse(
                "ST724",
                f"{self.series.name} gives {self.count} windows, fewer than the {self.batch_size} of a batch",
                f"take batches of {self.count} or less, or a longer series",
            )
        if self.remainder == "error" and over:
            refuse(
                "ST726",
                f"{self.count} windows do not fill batches of {self.batch_size}: {over} are left over",
                f'take {self.count - over} windows, or say what to do: remainder="drop"',
            )

    @property
    def count(self) -> int:
        """The number of windows."""
        return int(self._cumulative_counts[-1])

    @cached_property
    def _cumulative_counts(self) -> np.ndarray[Any, Any]:
        """The number of windows up to the end of each series."""
        room = np.array(self.series.every_length) - self.steps - self.wanted.beyond
        return np.cumsum(np.where(room >= 0, room // self.stride + 1, 0))

    def _starts(self, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the first steps of the windows with these numbers."""
        if not self.series.lengths:
            return at * self.stride
        of = np.searchsorted(self._cumulative_counts, at, side="right")
        first = np.concatenate([[0], self._cumulative_counts])[of]
        starts: np.ndarray[Any, Any] = self.series.begins[of] + (at - first) * self.stride
        return starts

    @property
    def before(self) -> int:
        """The number of steps of the first window before its first target."""
        return int(self.wanted.at(np.zeros(1, "int64"), self.steps).min())

    @property
    def dropped(self) -> int:
        """The number of windows that are left out because they do not fill a batch."""
        return self.count % self.batch_size if self.remainder == "drop" else 0

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-(self.count - self.dropped) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch: x (batch, steps, F), and y as ``wanted`` says."""
        at = _numbers_in(self, index)
        starts = self._starts(at)
        x = self.series.take(starts[:, None] + np.arange(self.steps))
        return x, self.wanted.cut(self.series, self.wanted.at(starts, self.steps))

    def __str__(self) -> str:
        left = f"; {self.dropped} left over" if self.dropped else ""
        series = self.series.lengths
        of = f" of {len(series)} series" if series else ""
        short = sum(length < self.steps + self.wanted.beyond for length in series)
        left += f"; {short} series too short for one" if short else ""
        whole = self.count - self.dropped
        return f"{whole:,} window{'' if whole == 1 else 's'} of {self.steps} steps{of}{left}"


@dataclass
class Pieces:
    """Consecutive segments of ``steps``: row i of a batch goes on where row i of the batch before ended.

    The series is laid in ``batch_size`` rows of ``row`` steps; several series are a row each. Steps that do
    not fill the rows are dropped from the end, padded with zeros of weight 0, or refused.
    """

    series: Series
    steps: int
    wanted: Wanted
    batch_size: int = 1
    remainder: Remainder = "drop"
    epoch: int = 0
    row: int = field(init=False)

    def __post_init__(self) -> None:
        series, steps, rows = self.series, self.steps, self.batch_size
        if series.lengths and len(series.lengths) != rows:
            refuse(
                "ST723",
                f"{series.name} {'are' if series.name.endswith('series') else 'holds'} {len(series.lengths)} "
                f"series side by side, but a batch has {rows} {'row' if rows == 1 else 'rows'}",
                f"take as many rows as there are series: batch={len(series.lengths)}",
            )
        pad = self.remainder == "pad"
        check_long_enough(series, steps, self.wanted, 1 if pad or series.lengths else rows, every=not pad)
        usable = sum(self._usable)
        longest, shortest = max(self._usable), min(self._usable)
        whole = shortest // steps * steps if series.lengths else usable // rows // steps * steps
        most = longest if series.lengths else usable / rows
        self.row = math.ceil(most / steps) * steps if pad else whole
        over = usable - rows * whole
        if self.remainder == "error" and over:
            beyond = f", and {self.wanted.beyond} for the last answers" if self.wanted.beyond else ""
            refuse(
                "ST726",
                f"{series.name} has {series.steps:,} steps, of which {over:,} are left over: {rows} "
                f"{'row' if rows == 1 else 'rows'} of pieces of {steps} take {rows * whole:,}{beyond}",
                'say what to do with them: remainder="drop" leaves them out, remainder="pad" fills up with '
                "zeros of weight 0",
            )

    @property
    def _usable(self) -> list[int]:
        """The number of steps of each series that have targets."""
        return [max(0, length - self.wanted.beyond) for length in self.series.every_length]

    @property
    def dropped(self) -> int:
        """The number of steps at the end that are in no segment, without those that are only targets."""
        return max(0, sum(self._usable) - self.batch_size * self.row)

    @property
    def padded(self) -> int:
        """The number of steps that are padded."""
        return max(0, self.batch_size * self.row - sum(self._usable))

    def __len__(self) -> int:
        """Return the number of batches, which is that of the segments in a row."""
        return self.row // self.steps

    def __getitem__(self, index: int) -> Batch:
        """Return one batch: x (batch, steps, F), y as ``wanted`` says, and weights if steps were padded."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        several = bool(self.series.lengths)
        begins = self.series.begins if several else np.arange(self.batch_size) * self.row
        ends = self.series.ends[:, None] if several else np.array([[self.series.steps]])
        starts = begins + index * self.steps
        x = self.series.take(starts[:, None] + np.arange(self.steps), ends=ends)
        at = self.wanted.at(starts, self.steps)
        y = self.wanted.cut(self.series, at, ends)
        if self.remainder != "pad":
            return x, y
        there = (at < ends).astype("float32")
        by_step = self.wanted.answers != "ahead" or self.wanted.time_axis
        return x, y, there if by_step else there.min(axis=1)

    def __str__(self) -> str:
        left = f"; {self.dropped} steps at the end left over" if self.dropped else ""
        left = f"; {self.padded} steps filled up, with weight 0" if self.padded else left
        rows = f" in {self.batch_size} rows" if self.batch_size > 1 else ""
        return (
            f"{len(self) * self.batch_size:,} pieces of {self.steps} steps{rows}, one after the other{left}"
        )


Cut = Windows | Pieces


def check_long_enough(series: Series, steps: int, wanted: Wanted, rows: int, *, every: bool = False) -> None:
    """Refuse a series that is too short for one window, or for one segment in each row.

    Several series are refused if all are too short, or with ``every`` if one is.

    Raises:
        SpecError: ST724.
    """
    beyond = wanted.beyond
    needs = steps * rows + beyond
    longest = min(series.every_length) if every else max(series.every_length)
    if longest >= needs:
        return
    which = series.name
    if series.lengths:
        which = f"the {'shortest' if every else 'longest'} of {series.name}"
    what = f"{rows} rows of {steps} steps" if rows > 1 else f"one window of {steps} steps"
    more = f" and the {beyond} after" if beyond else ""
    room = (longest - beyond) // rows
    refuse(
        "ST724",
        f"{which} has {longest} steps, but {what}{more} need {needs}",
        f"take windows of {room} steps or less, or a longer series"
        if room >= 1
        else "take a longer series, or fewer steps ahead",
        ("(steps, features) is the order; in the other one it would be long enough",)
        if series.features >= needs > longest
        else (),
    )


Arrays = tuple[np.ndarray[Any, Any], ...]


@dataclass
class Samples:
    """Arrays (samples, ...) for each input and each output, in batches.

    ``weights`` are the sample weights, if there are any; ``whole`` leaves out a last smaller batch.
    """

    x: Arrays
    y: Arrays
    weights: np.ndarray[Any, Any] | None = None
    batch_size: int = BATCH
    shuffle: bool = False
    seed: int = 0
    whole: bool = False
    epoch: int = 0

    @property
    def count(self) -> int:
        """The number of samples."""
        there = len(self.x[0])
        return there // self.batch_size * self.batch_size if self.whole else there

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return one batch: (x, y) or (x, y, weights), where several inputs or outputs are a tuple."""
        at = _numbers_in(self, index)
        sides = (tuple(array[at] for array in side) for side in (self.x, self.y))
        batch = tuple(side[0] if len(side) == 1 else side for side in sides)
        return batch if self.weights is None else (*batch, self.weights[at])

    def split(self, held: int) -> tuple[Samples, Samples]:
        """Return the first samples and the last ``held`` ones, both in order."""
        first = len(self.x[0]) - held
        return self._part(slice(first)), replace(self._part(slice(first, None)), shuffle=False)

    def _part(self, at: slice) -> Samples:
        weights = None if self.weights is None else self.weights[at]
        x, y = (tuple(array[at] for array in side) for side in (self.x, self.y))
        return replace(self, x=x, y=y, weights=weights)

    def __str__(self) -> str:
        over = len(self.x[0]) - self.count
        return f"{self.count:,} samples" + (f" ({over} left over)" if over else "")


def _numbers_in(cut: Windows | Samples, index: int) -> np.ndarray[Any, Any]:
    """Return the numbers of the windows or samples of one batch, in the order of their epoch."""
    if not 0 <= index < len(cut):
        raise IndexError(index)
    first = index * cut.batch_size
    at = np.arange(first, min(first + cut.batch_size, cut.count))
    return shuffled(at, cut.count, cut.seed, cut.epoch) if cut.shuffle else at
