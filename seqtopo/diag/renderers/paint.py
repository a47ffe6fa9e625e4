"""Style rows of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from seqtopo.diag.renderers.cells import no_log_command

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
