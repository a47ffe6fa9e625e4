"""Measure text in terminal columns, and replace what a terminal cannot show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

_TAB = "    "
_UNSHOWABLE = "\ufffd"
_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
# Further combining marks on one letter are dropped, so that no invisible text can grow.
_MOST_MARKS = 4
_ELLIPSIS = "..."
# In the logs of GitHub Actions and of Azure Pipelines.
_LOG_COMMAND = r"^(\s*)(::|##\[|##vso\[)"


def cell(text: str, at: int) -> tuple[str, int]:
    r"""Return the text to show for ``text[at]``, and its width in columns (0, 1, 2, or 4 for a tab).

    Control characters, and those that would hide or reorder others, get a visible stand-in: a spec must not
    steer the terminal that it is shown in.

    >>> cell("a", 0), cell("\u4e2d", 0), cell("\x1b", 0)
    (('a', 1), ('\u4e2d', 2), ('\u241b', 1))
    """
    char = text[at]
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        return _TAB, len(_TAB)
    if char < " ":
        return chr(0x2400 + ord(char)), 1
    if char == "\x7f":
        return "\u2421", 1
    before = text[at - 1] if at else ""
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and char not in "\xad\u200c\u200d"):
        return _UNSHOWABLE, 1
    if char == _EMOJI_STYLE and _emoji(before) and _wide(before) == 1:
        return char, 1
    if _joins(char, category):
        crowd = text[max(0, at - _MOST_MARKS) : at]
        if len(crowd) == _MOST_MARKS and all(_joins(mark, unicodedata.category(mark)) for mark in crowd):
            return "", 0
        return char, 0
    if before == _JOINER and at > 1 and (text[at - 2] == _EMOJI_STYLE or _emoji(text[at - 2])):
        return char, 0
    if "\U0001f3fb" <= char <= "\U0001f3ff" and _emoji(before):
        return char, 0
    return char, _wide(char)


def _joins(char: str, category: str) -> bool:
    return category in ("Mn", "Me") or char in "\u200c\u200d" or "\u1160" <= char <= "\u11ff"


def _emoji(char: str) -> bool:
    # From the first pictures on; below are signs of plain text, and our own stand-ins.
    return char >= "\u2600" and char != _UNSHOWABLE and unicodedata.category(char) == "So"


def _wide(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def visible(text: str) -> str:
    """Return a text on one line, safe to print: every character as `cell` shows it, line breaks as spaces."""
    text = text.replace("\r\n", " ").replace("\n", " ")
    if text.isascii() and text.isprintable():
        return text
    return "".join(cell(text, at)[0] for at in range(len(text)))


def no_log_command(line: str) -> str:
    """Return the line with a quote before what a build service would take for a command, if it starts with
    one.

    >>> no_log_command("  ::error::what stands in a header"), no_log_command("a::b")
    ("  '::error::what stands in a header", 'a::b')
    """
    return re.sub(_LOG_COMMAND, r"\1'\2", line, count=1)


def shortened(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, with its middle left out where it is longer.

    >>> shortened("abcdefghijkl", 9)
    'abc...jkl'
    """
    if len(text) <= most:
        return text
    half = (most - len(_ELLIPSIS)) // 2
    return text[:half] + _ELLIPSIS + text[len(text) - half :]


def width(text: str) -> int:
    """Return the columns that a text takes up.

    >>> width("\u4e2d\u6587 ok")
    7
    """
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(cell(text, at)[1] for at in range(len(text)))


def wrap(text: str, room: int | None) -> list[str]:
    """Return a text broken at its spaces into lines of at most ``room`` columns; words longer than that are
    cut.

    None for ``room`` breaks nothing. There is always at least one line.

    >>> wrap("needs a sequence", 10)
    ['needs a', 'sequence']
    """
    if room is None or width(text) <= room:
        return [text]
    room = max(room, 2)
    lines: list[str] = []
    line = ""
    taken = 0
    for word in text.split(" "):
        size = width(word)
        if line and taken + 1 + size <= room:
            line, taken = f"{line} {word}", taken + 1 + size
            continue
        if line:
            lines.append(line)
        *full, line = _cut(word, room)
        lines += full
        taken = width(line)
    lines.append(line)
    return lines


def _cut(word: str, room: int) -> list[str]:
    """Return a word cut into parts of at most ``room`` columns."""
    pieces: list[str] = []
    start = taken = 0
    for at in range(len(word)):
        size = cell(word, at)[1]
        if taken + size > room and at > start:
            pieces.append(word[start:at])
            start, taken = at, 0
        taken += size
    pieces.append(word[start:])
    return pieces


Style = Literal["plain", "strong", "error", "warning", "info", "frame", "help", "added", "removed"]
Row = tuple[tuple[str, Style], ...]

# SGR parameters; the sixteen base colours follow the terminal's own theme, light or dark.
_SGR: dict[Style, str] = {
    "strong": "1",
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "frame": "1;34",
    "help": "1;36",
    "added": "32",
    "removed": "31",
}


def paint(rows: Iterable[Row], color: bool) -> str:
    """Return the rows as lines, each with a line break; blanks at the end of a row are dropped."""
    return "".join(_line(row, color) + "\n" for row in rows)


def _line(row: Row, color: bool) -> str:
    plain = "".join(text for text, _ in row)
    if no_log_command(plain) != plain:
        row = ((no_log_command(plain), "plain"),)
        plain = row[0][0]
    left = len(plain.rstrip(" "))
    parts: list[str] = []
    for text, style in row:
        text = text[:left]
        left -= len(text)
        if text:
            parts.append(f"\x1b[{_SGR[style]}m{text}\x1b[0m" if color and style != "plain" else text)
    return "".join(parts)
