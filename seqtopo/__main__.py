"""The command ``seqtopo``, also as ``python -m seqtopo``: a process for one run of it."""

from __future__ import annotations

import gc
import os
import sys
import threading

from seqtopo.cli.main import main

READING = ("check", "explain", "fmt", "layers", "show")
"""The commands that read and write texts, and build nothing."""


def process() -> None:
    """Run the command line of the process and end it with the exit code.

    What a reading command makes it needs to the end, so nothing is collected on the way and nothing is taken
    apart at the end: that would be a fifth of a check. Where threads may be at work, or something watches
    the run, Python ends as usual.
    """
    _open_streams()
    reading = any(word in READING for word in sys.argv[1:2])
    if reading:
        gc.disable()
    code = main()
    if reading and threading.active_count() == 1 and not (sys.gettrace() or sys.getprofile()):
        _leave(code)
    sys.exit(code)


def _open_streams() -> None:
    """Give a process that was started without standard streams (``>&-``) some that lead nowhere.

    Else a file that is opened later would get the number of one of them, and what is printed with it.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


def _leave(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is none, or nobody reads it
            continue
    os._exit(code)


if __name__ == "__main__":
    process()
