"""Read series from ``.csv`` files: a row for each step, a column for each feature, names in the first row."""

from __future__ import annotations

import csv
import math
import re
import shlex
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from seqtopo.data.dates import DATE, Dates, in_one_number
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.system.bounds import TABLE_COLUMNS, TABLE_LINE, TABLE_NUMBERS
from seqtopo.system.files import open_file

if TYPE_CHECKING:
    import numpy as np


SUFFIXES = (".csv", ".tsv")
MOST_LOOKED = 1000
"""The number of rows that are checked for points between thousands."""
_MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "?")


@dataclass(frozen=True)
class Table:
    """The numbers of a table (rows, columns), the columns' names, and notes on what was left out.

    ``labels`` are the words of the column that names the series of each row.
    """

    numbers: np.ndarray[Any, Any]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None


def read_table(path: Path, by: str | None = None) -> Table:
    """Return the table in a file, whose first row may have names.

    Columns of dates, and of row numbers without a name, are left out, with a note. The column ``by`` holds
    names of series and no numbers.

    Raises:
        SpecError: ST728, with line and column, a row is too long or too short, a field is not a number, or a
            row is of an earlier time than the one before it;
            ST710, the file cannot be read as text.
    """
    import numpy as np

    rows = array("d")
    looked: list[list[str]] = []
    names: tuple[str, ...] = ()
    kept: list[int] = []
    dates: list[int] = []
    labels: list[str] = []
    ordered = Dates()
    width = empty = 0
    try:
        raw = open_file(path, streams=True)
        with TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            if not file.seekable():
                _unreadable(path, "it is a pipe, which can be read only once")
            start = file.read(4096)
            file.seek(0)
            delimiter = _delimiter(start)
            reader = csv.reader(_lines(path, file), delimiter=delimiter, strict=True)
            for fields in reader:
                line = reader.line_num
                if not fields or not any(field.strip() for field in fields):
                    # An empty line in one column is a value that is missing; none follows those at the end.
                    empty = empty or (line if width == 1 or fields else 0)
                    continue
                if not width:
                    width = len(fields)
                    if width > TABLE_COLUMNS:
                        _refuse(path, line, f"has {width:,} columns", "give a row for each step")
                    if not any(_is_number(field) for field in fields):
                        names = tuple(field.strip() or f"column {i + 1}" for i, field in enumerate(fields))
                        continue
                if empty and rows:
                    _refuse_field(path, empty, _column(0, names), "", "")
                empty = 0
                if len(fields) != width:
                    _refuse(
                        path,
                        line,
                        f"has {len(fields)} fields, but the rows before it have {width}",
                        "look for a missing or an extra comma, or for text after the table's end",
                    )
                if not rows:
                    dates = [i for i, field in enumerate(fields) if DATE.fullmatch(field.strip())]
                    dates = [i for i in dates if by is None or by not in names or i != names.index(by)]
                    kept = [i for i in range(width) if i not in dates and (not names or names[i] != by)]
                if by in names:
                    labels.append(fields[names.index(by)].strip())
                    if not labels[-1]:
                        _refuse_field(path, line, _column(names.index(by), names), "", "")
                if dates:
                    ordered.add(fields[dates[0]].strip(), line, labels[-1] if labels else "")
                if delimiter == ";" and len(looked) < MOST_LOOKED:
                    looked.append(fields)
                if len(rows) + len(kept) > TABLE_NUMBERS:
                    what = f"comes after {TABLE_NUMBERS:,} numbers, which is as many as a table may have"
                    _refuse(path, line, what, "save them as an array: numpy.save(path, array)")
                rows.extend([_number(path, line, i, fields[i], names) for i in kept])
    except UnicodeDecodeError as error:
        _unreadable(path, f"byte {error.start} is not UTF-8")
    except csv.Error as error:
        _unreadable(path, str(error))
    except OSError as error:
        _unreadable(path, (error.strerror or str(error)).lower())
    if not rows or not kept:
        _refuse(path, 1, "and those after it hold no numbers", "give a row of numbers for each step")
    notes = tuple(
        f"{path.name}: the column {names[i] if names else i + 1} holds dates and is left out" for i in dates
    )
    notes += tuple(
        f"{path.name}: the points in column {names[i] if names else i + 1} were read as decimal points; if "
        f"they stand between thousands, take them out of the file"
        for i in kept
        if _may_be_thousands([fields[i].strip() for fields in looked])
    )
    notes += _noted_order(path, ordered, names[dates[0]] if names and dates else "")
    numbers = np.array(rows, "float64").reshape(-1, len(kept))
    for place in range(len(kept) - 1, -1, -1) if len(kept) > 1 else ():
        what = _no_feature(numbers[:, place], names[kept[place]] if names else "")
        if what and numbers.shape[1] > 1:
            name = names[kept[place]]
            which = name if name.startswith("column ") else f"the column {name}"
            notes += (f"{path.name}: {which} holds {what} and is left out",)
            numbers = np.delete(numbers, place, axis=1)
            del kept[place]
    columns = tuple(names[i] for i in kept) if names else ()
    return Table(numbers, columns, notes, tuple(labels) if by in names else None)


def _noted_order(path: Path, ordered: Dates, name: str) -> tuple[str, ...]:
    """Return the note on gaps in the dates of a table.

    Raises:
        SpecError: ST728, a row is of an earlier time than the one before it.
    """
    if (wrong := ordered.wrong) is not None:
        _refuse(
            path,
            wrong.line,
            f"is of {wrong.date}, and the row before it of {wrong.before}: a series goes on in time",
            "sort the rows by time, the earliest first; where series stand one under the other, name the "
            "column that says which: --series COLUMN",
        )
    if (gaps := ordered.gaps) is None:
        return ()
    count, before, after = gaps
    return (
        f"{path.name}: {count:,} gap{'' if count == 1 else 's'} in the dates"
        f"{f' of {name}' if name else ''}, the longest from {before} to {after}; the steps on both sides are "
        "taken for neighbours",
    )


def _no_feature(column: np.ndarray, name: str) -> str:
    """Return, in words, what a column of whole numbers holds that is no feature; "" if it may be one."""
    if not name:
        return ""
    unnamed = re.fullmatch(r"column \d+|Unnamed: \d+", name)
    if unnamed and (column % 1 == 0).all() and (column[1:] > column[:-1]).all():
        return "the numbers of the rows"
    return "dates" if in_one_number(column) else ""


def _may_be_thousands(fields: list[str]) -> bool:
    """Return whether the points in a column may stand between thousands: 987, 1.250, 12.400.

    >>> _may_be_thousands(["987", "1.250", "12.400"]), _may_be_thousands(["0.250", "1.250", "1.5"])
    (True, False)
    """
    with_point = [field for field in fields if "." in field]
    return len(with_point) > 1 and all(
        re.fullmatch(r"[+-]?([1-9]\d{0,2}\.\d{3}|\d{1,3})", field) for field in fields
    )


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """Yield the lines of a table; of one that does not end, no more than the bound of a line."""
    number = 0
    while line := file.readline(TABLE_LINE + 1):
        number += 1
        if len(line) > TABLE_LINE:
            what = f"has more than {TABLE_LINE:,} characters"
            _refuse(path, number, what, "give a row for each step; save a wide table as an array")
        yield line


def _delimiter(start: str) -> str:
    r"""Return the delimiter that cuts the first rows into equally many fields; a comma if none does.

    >>> _delimiter("time;temp, C\n1;2,5\n"), _delimiter("a,b\n1,2\n"), _delimiter("1\n2\n")
    (';', ',', ',')
    """
    lines = start.splitlines(keepends=True)
    # The last of them may break off.
    lines = lines[: max(1, min(len(lines) - 1, 20))]
    for sign in ("\t", ";", ","):
        try:
            counts = {len(row) for row in csv.reader(lines, delimiter=sign) if row}
        except csv.Error:
            continue
        if len(counts) == 1 and counts != {1}:
            return sign
    return max((",", ";", "\t"), key=lines[0].count if lines else "".count)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return bool(DATE.fullmatch(field.strip()))
    return True


def _number(path: Path, line: int, index: int, field: str, names: tuple[str, ...]) -> float:
    text = field.strip()
    try:
        # Python reads 1_000 as a number, and no table means that.
        found = math.nan if "_" in text else float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        _refuse_field(path, line, _column(index, names), text, names[index] if names else "")
    return found


def _column(index: int, names: tuple[str, ...]) -> str:
    return f"column {index + 1}" + (f" ({names[index]})" if names else "")


def _refuse_field(path: Path, line: int, column: str, text: str, name: str) -> NoReturn:
    if text.lower() in _MISSING:
        shown = f"has nothing in {column}" if not text else f"has {text} in {column}"
        _refuse(path, line, shown, "fill the gaps first, or leave out those rows")
    shown = text if len(text) <= 40 else text[:37] + "..."
    help = rewritten(text)
    if help == OTHER and name and text.isidentifier():
        help += f"; where it names the series that a row is of, say so: --series {shlex.quote(name)}"
    _refuse(path, line, f"has {shown!r} in {column}, which is not a number", help)


def _refuse(path: Path, line: int, what: str, help: str) -> NoReturn:
    raise SpecError((Diagnostic("ST728", f"{path.name}, line {line}: it {what}", Span(0, 0), help=help),))


def _unreadable(path: Path, reason: str) -> NoReturn:
    source = Source("", str(path))
    raise SpecError(
        (
            Diagnostic(
                "ST710",
                f"{path} cannot be read as data: {reason}",
                Span(0, 0),
                help="save it as a table in UTF-8, a row for each step",
                source=source,
            ),
        )
    )


_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " ")
_MINUS = dict.fromkeys(map(ord, "\u2212\u2013\u2010\uff0d"), "-")
_THOUSANDS = [
    # The separator, and the numbers that have it between thousands without any doubt.
    (",", r"\d{1,3}(,\d{3})+\.\d*|[1-9]\d{0,2}(,\d{3}){2,}|[1-9]\d?(,\d\d)+,\d{3}(\.\d*)?"),
    (".", r"\d{1,3}(\.\d{3})+,\d*|[1-9]\d{0,2}(\.\d{3}){2,}"),
    (" ", r"[1-9]\d{0,2}( \d{3})+([.,]\d*)?"),
    ("'", r"[1-9]\d{0,2}('\d{3})+([.,]\d*)?"),
]
_NAMES = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}
_MONEY = "$\u20ac\u00a3\u00a5\u20b9\u20bd"
OTHER = "leave out columns that hold no numbers; make numbers of words first"


def rewritten(field: str) -> str:
    """Return the advice to write a field as the number that it most likely means; never one of another size.

    >>> rewritten("2,5")
    'write numbers with a point, and nothing between thousands: 2.5'
    >>> rewritten("1,234")
    'write 1234 if the comma stands between thousands, 1.234 if it is a decimal comma'
    >>> rewritten("1.234.567,5")
    'leave out the points between thousands, and write a point for the decimals: 1234567.5'
    """
    text = field.strip().translate(_SPACES).replace("\u2019", "'")
    if text.lower() in ("true", "false", "yes", "no"):
        return "write 1 for true and yes, 0 for false and no"
    bare = text.strip(_MONEY + " ")
    if bare != text and _is_number_like(bare):
        return f"leave the currency out of the whole column{_separator_advice(bare)}"
    bare = text.rstrip("%\u2030 ")
    if bare != text and _is_number_like(bare):
        return f"leave {text[-1]} out of the whole column{_separator_advice(bare)}"
    if re.fullmatch(r"\(.+\)", text) and _is_number_like(text[1:-1]):
        return f"write numbers below 0 with a minus sign: -{text[1:-1]}"
    bare = text.translate(_MINUS)
    if bare != text and _is_number_like(bare):
        return f"write the minus sign as a hyphen{_separator_advice(bare) or f': {bare}'}"
    if bare.endswith("-") and _is_number_like(bare[:-1]):
        return f"write the minus sign in front: -{bare[:-1]}"
    found = _separated(bare)
    if found:
        return found
    unit = re.fullmatch(r"([+-]?[\d.,]*\d)\s*([^\W\d_]{1,8}|\u00b0\s?[CF]?)", bare)
    if unit and _is_number_like(unit[1]):
        return (
            f"leave {unit[2]} out of the whole column; where it says how many, as in 5k, write the number out"
        )
    if re.fullmatch(r"[-+\d.eE]+(\s+|\s*[|:]\s*)[-+\d.eE].*", bare):
        return "put commas, semicolons or tabs between the fields"
    return OTHER


def _separated(text: str) -> str:
    """Return the advice for a number with separators between its digits; "" for any other text."""
    for sign, pattern in _THOUSANDS:
        if re.fullmatch(rf"[+-]?({pattern})", text):
            digits = text.replace(sign, "")
            decimal = ", and write a point for the decimals" if "," in digits else ""
            return f"leave out the {_NAMES[sign]} between thousands{decimal}: {digits.replace(',', '.')}"
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        return (
            f"write {text.replace(',', '')} if the comma stands between thousands, {text.replace(',', '.')} "
            "if it is a decimal comma"
        )
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", text):
        return f"write numbers with a point, and nothing between thousands: {text.replace(',', '.')}"
    return ""


def _is_number_like(text: str) -> bool:
    """Return whether a text is a number, perhaps with separators between its digits."""
    try:
        float(text)
    except ValueError:
        return bool(_separated(text))
    return "_" not in text


def _separator_advice(text: str) -> str:
    found = _separated(text)
    return f"; {found}" if found else ""
