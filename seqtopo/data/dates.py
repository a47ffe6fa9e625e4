"""Read the dates of a table's rows, to see whether the rows stand in the order of time and have gaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

DATE = re.compile(
    r"\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?|\d\d?[./]\d\d?[./]\d{2,4}.*"
)
_PARTS = re.compile(
    r"(\d\d?)([./])(\d\d?)[./](\d{2}|\d{4})(?:,?[ T](\d\d?):(\d\d)(?::(\d\d))?(?: ?([AaPp])[Mm])?)?"
)
BACK = timedelta(hours=1)
"""The most by which times may go back from row to row: clocks are set back in autumn."""
REGULAR = 0.9
"""The share of the steps between dates that must be equal, for longer ones to be gaps."""
MOST_STEPS = 1000
"""The most different steps between dates that are counted."""


class Wrong(NamedTuple):
    """A row whose date comes before that of the row before it: its line, its date, and the earlier one."""

    line: int
    date: str
    before: str


def read_date(text: str, *, day_first: bool) -> datetime | None:
    """Return the time that a text says, in UTC where it has an offset; None if it says none.

    >>> read_date("2020-03", day_first=True), read_date("3/4/20", day_first=False)
    (datetime.datetime(2020, 3, 1, 0, 0), datetime.datetime(2020, 3, 4, 0, 0))
    >>> read_date("13/04/2020 1:30 pm", day_first=False) is None
    True
    """
    try:
        if text[4:5] == "-":
            found = datetime.fromisoformat(f"{text}-01" if len(text) == 7 else text)
            return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo is not None else found
        match = _PARTS.fullmatch(text)
        if match is None:
            return None
        first, sign, second, year, hour, minute, seconds, half = match.groups()
        day, month = (first, second) if sign == "." or day_first else (second, first)
        # Years of two digits are those of 1970 to 2069.
        years = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 70 else 1900)
        hours = int(hour or 0) if half is None else int(hour) % 12 + 12 * (half in "Pp")
        return datetime(years, int(month), int(day), hours, int(minute or 0), int(seconds or 0))
    except (ValueError, OverflowError):
        return None


class _Reading:
    """The dates of a column, read with the day first or with the month first."""

    def __init__(self, *, day_first: bool) -> None:
        self.day_first = day_first
        self.known = True
        self.wrong: Wrong | None = None
        self.steps: Counter[timedelta] = Counter()
        self.gap = (timedelta(), "", "")
        self._last: dict[Hashable, tuple[datetime, str]] = {}

    def add(self, text: str, line: int, series: Hashable) -> None:
        found = read_date(text, day_first=self.day_first)
        if found is None:
            self.known = False
            return
        before = self._last.get(series)
        self._last[series] = found, text
        if before is None:
            return
        step = found - before[0]
        if step < -BACK and self.wrong is None:
            self.wrong = Wrong(line, text, before[1])
        if len(self.steps) < MOST_STEPS:
            self.steps[step] += 1
        if step > self.gap[0]:
            self.gap = step, before[1], text


class Dates:
    """The dates of a table's rows, added row by row; ``series`` is the series that a row belongs to.

    ``7/8/2020`` is read both ways, and counts as wrong only where both are.

    >>> dates = Dates()
    >>> for line, text in enumerate(["2020-01-03", "2020-01-02"], 2):
    ...     dates.add(text, line)
    >>> dates.wrong
    Wrong(line=3, date='2020-01-02', before='2020-01-03')
    """

    def __init__(self) -> None:
        self._ways: list[_Reading] = []

    def add(self, text: str, line: int, series: Hashable = "") -> None:
        """Add the date of the next row."""
        if not self._ways:
            several = (True, False) if "/" in text else (True,)
            self._ways = [_Reading(day_first=day_first) for day_first in several]
        for way in self._ways:
            if way.known:
                way.add(text, line, series)

    @property
    def wrong(self) -> Wrong | None:
        """The first row that comes before the one above it in time; None if none is known to."""
        known = [way.wrong for way in self._ways if way.known]
        found = [wrong for wrong in known if wrong is not None]
        return max(found) if found and len(found) == len(known) else None

    @property
    def gaps(self) -> tuple[int, str, str] | None:
        """The number of gaps, and the dates around the longest; None if there are none, or steps differ."""
        known = [way for way in self._ways if way.known and way.wrong is None]
        if len(known) != 1 or not known[0].steps or len(known[0].steps) >= MOST_STEPS:
            return None
        steps = known[0].steps
        usual, count = steps.most_common(1)[0]
        missing = sum(n for step, n in steps.items() if step > 1.5 * usual)
        if not missing or usual <= timedelta() or count < REGULAR * steps.total():
            return None
        return missing, *known[0].gap[1:]


def in_one_number(column: np.ndarray[Any, Any]) -> bool:
    """Return whether numbers are dates such as 20200131, in the order of time."""
    if not ((column >= 19000101) & (column <= 21001231) & (column % 1 == 0)).all():
        return False
    month, day = column // 100 % 100, column % 100
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return bool(valid.all() and (column[1:] >= column[:-1]).all())
