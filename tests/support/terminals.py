"""Run a program whose standard error is a terminal, and whose standard output is a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from tests.support.imports import ROOT


class Shown(NamedTuple):
    """The output of a program: ``out`` to its standard output, ``terminal`` to the terminal."""

    code: int
    out: str
    terminal: str


def in_terminal(arguments: Sequence[str], folder: Path, **environment: str) -> Shown:
    """Run Python with these arguments in a folder, in a terminal of 80 columns."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    left_out = ("CI", "COLUMNS", "NO_COLOR")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=there,
    ) as child:
        os.close(there)
        seen: list[bytes] = []
        reading = Thread(target=_read, args=(here, seen))
        reading.start()
        assert child.stdout is not None
        out = child.stdout.read()
        code = child.wait()
        reading.join()
    os.close(here)
    return Shown(code, out.decode(), b"".join(seen).decode())


def _read(descriptor: int, seen: list[bytes]) -> None:
    while True:
        try:
            part = os.read(descriptor, 1 << 16)
        except OSError:  # the program has ended
            return
        if not part:
            return
        seen.append(part)
