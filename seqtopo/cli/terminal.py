"""Where text goes: how wide it may be, whether in colour, and in which encoding."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from seqtopo.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """A stream: its width in columns and whether it shows colours."""

    width: int
    color: bool


UNSEEN_WIDTH = 100
"""The width of what is no terminal: a file, a pipe."""
_USUAL_WIDTH = 80


def terminal(stream: TextIO) -> Terminal:
    """What a stream can show. ``NO_COLOR`` and ``FORCE_COLOR`` decide over colour where they are set
    (see no-color.org), then ``TERM=dumb``; ``COLUMNS`` decides over the width.
    """
    shown = bool(getattr(stream, "isatty", bool)())
    if os.environ.get("NO_COLOR"):
        color = False
    elif os.environ.get("FORCE_COLOR"):
        color = True
    else:
        color = shown and os.environ.get("TERM") != "dumb"
    return Terminal(_columns() if shown or os.environ.get("COLUMNS") else UNSEEN_WIDTH, color)


def _columns() -> int:
    # As shutil has it, which loads what packs files.
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_WIDTH  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed
        return _USUAL_WIDTH


def put(text: str, stream: TextIO | None = None) -> None:
    """Writes a text and ends its line; what the stream cannot encode is written as an escape."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text if text.endswith("\n") else text + "\n")


def put_bytes(data: bytes) -> None:
    """Writes bytes to the standard output as they are, line endings included."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
