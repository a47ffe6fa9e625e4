"""Write to the terminal: everything that the commands print goes through ``say`` or ``put``.

Names of files, columns and layers, and the words of the command line, come from others. In a terminal a
control character can hide or rewrite what stands there, and in the log of a build a line that begins with
``::`` is a command to the service that runs it. So nothing reaches a stream as it came.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers import renderer
from seqtopo.diag.renderers.cells import no_log_command, visible
from seqtopo.system.progress import cleared


class Terminal(NamedTuple):
    """A stream: its width in columns and whether it shows colours."""

    width: int
    color: bool


UNSEEN_WIDTH = 100
"""The width of what is not a terminal: a file, a pipe."""
_USUAL_WIDTH = 80


def terminal(stream: TextIO) -> Terminal:
    """Return a stream with its width and whether it shows colours.

    ``NO_COLOR`` and ``FORCE_COLOR`` decide over colour if they are set (see no-color.org), then
    ``TERM=dumb``; ``COLUMNS`` decides over the width.
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


_UNPRINTED = re.compile(r"[^\n -~]|^ *(?:::|##)", re.MULTILINE)
# A colour as diag/renderers/paint.py writes it, and no other: one that hides text comes from somebody else.
_COLOR = re.compile(r"(\x1b\[(?:1|1;3[1346]|3[12]|0)m)")


def say(*lines: str, stream: TextIO | None = None) -> None:
    r"""Write each text as one line; what is in it from others cannot begin another line.

    >>> say("saved a\nb\x1b[31m.keras")
    saved a b\u241b[31m.keras
    """
    put("".join(f"{visible(line)}\n" for line in lines), stream)


def say_nothing(*lines: str) -> None:
    """Stand for ``say`` in a process for which another one speaks."""


def put(text: str, stream: TextIO | None = None, *, log_commands: bool = False, colors: bool = True) -> None:
    """Write a text that a renderer laid out in lines, and end its last line.

    Control characters and those that reorder text get a visible stand-in; colours stay, but not
    without ``colors``, as in the text of a file. ``log_commands`` lets lines through that a build service
    takes for commands. What the stream cannot encode is written as an escape.
    """
    stream = sys.stdout if stream is None else stream
    if not log_commands and _UNPRINTED.search(text):
        text = "\n".join(_cleaned(line, colors) for line in text.split("\n"))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    with cleared(), _raising_output_errors():
        stream.write(text if text.endswith("\n") else text + "\n")


def _cleaned(line: str, colors: bool) -> str:
    parts = _COLOR.split(line) if colors else [line]
    return no_log_command("".join(part if i % 2 else visible(part) for i, part in enumerate(parts)))


def put_diagnostics(
    found: Sequence[Diagnostic], stream: TextIO | None = None, *, wrapped: bool = True
) -> None:
    """Write diagnostics for people, as wide and colourful as the stream is; nothing where there are none.

    ``stream`` is the standard error where none is given. A line that is to be copied is not ``wrapped``.
    """
    if found:
        stream = sys.stderr if stream is None else stream
        screen = terminal(stream)
        put(renderer("text")(found, width=screen.width if wrapped else None, color=screen.color), stream)


def put_bytes(data: bytes) -> None:
    """Write bytes to the standard output as they are, line endings included."""
    with cleared(), _raising_output_errors():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def flush() -> None:
    """Write out what the standard output still holds.

    Raises:
        OutputError: it cannot be written.
    """
    with _raising_output_errors():
        sys.stdout.flush()


class OutputError(Exception):
    """Raised if the output of a command cannot be written, as on a full disk; its text is the system's."""


@contextmanager
def _raising_output_errors() -> Iterator[None]:
    """Raise OutputError where what is written inside the ``with`` block cannot be."""
    try:
        yield
    except BrokenPipeError:  # who reads a pipe may go away: that is no mistake
        raise
    except OSError as error:
        raise OutputError((error.strerror or str(error)).lower()) from None


def rewrite(lines: Sequence[str], before: int, stream: TextIO) -> None:
    """Write lines in place of the last ``before`` ones of a terminal; what is in them moves no cursor."""
    up = f"\r\x1b[{before}A\x1b[J" if before else ""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = (
        "".join(f"{visible(line)}\n" for line in lines).encode(encoding, "backslashreplace").decode(encoding)
    )
    with cleared(), _raising_output_errors():
        stream.write(up + text)
        stream.flush()
