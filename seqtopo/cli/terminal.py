"""Where text goes: how wide it may be, whether in colour, and in which encoding."""

from __future__ import annotations

import os
import shutil
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
    fallback = (80 if shown else UNSEEN_WIDTH, 24)
    if shown or os.environ.get("COLUMNS"):
        return Terminal(shutil.get_terminal_size(fallback).columns, color)
    return Terminal(fallback[0], color)


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
