"""Start several processes of this machine that train one model, and end them together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from seqtopo.distributing.ranks import free_port
from seqtopo.system.threads import THREADS, cores, pin, share

LINES = 20
"""So many of the last lines of a process that failed are shown."""


@dataclass
class Rank:
    """A running process and the file that has what it writes to the standard error."""

    number: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None


def launch(command: Sequence[str], count: int) -> int:
    """Run a command as so many ranks, and return the exit code of the first that fails, or 0.

    Rank 0 has this terminal; what the others write to the standard error is shown where one of them fails.
    Where one fails, the others are ended: they would wait for it.
    """
    port = _two_free_ports()
    with ExitStack() as files:
        ranks = [_started(command, number, count, port, files) for number in range(count)]
        failed: Rank | None = None
        try:
            while failed is None and any(each.process.poll() is None for each in ranks):
                failed = next((each for each in ranks if each.process.poll()), None)
                time.sleep(0.1)
        finally:
            _end(ranks)
        failed = failed or next((each for each in ranks if each.process.returncode), None)
        if failed is None:
            return 0
        _show(failed)
        code = failed.process.returncode
        return code if code > 0 else 1


def _two_free_ports() -> int:
    """A free port whose successor is free as well: the ranks meet on the second."""
    while True:
        port = free_port()
        try:
            with socket.create_server(("", port + 1)):
                return port
        except OSError:
            continue


def _started(command: Sequence[str], number: int, count: int, port: int, files: ExitStack) -> Rank:
    own = share(cores(), number, count)
    threads = dict.fromkeys(THREADS, str(len(own)))
    place = {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    errors = files.enter_context(tempfile.TemporaryFile()) if number else None  # noqa: SIM115
    process = subprocess.Popen(
        command,
        env={**threads, **os.environ, **place},
        stdout=subprocess.DEVNULL if number else None,
        stderr=errors,
    )
    pin(own, process.pid)
    return Rank(number, process, errors)


def _end(ranks: Sequence[Rank]) -> None:
    """End what still runs: politely first."""
    for each in ranks:
        if each.process.poll() is None:
            each.process.terminate()
    until = time.monotonic() + 5
    for each in ranks:
        try:
            each.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()


def _show(failed: Rank) -> None:
    """Say which rank failed, with the last lines that it wrote; rank 0 wrote them to this terminal."""
    if failed.errors is not None:
        failed.errors.seek(0)
        lines = failed.errors.read().decode(errors="replace").splitlines()
        for line in lines[-LINES:]:
            print(f"[rank {failed.number}] {line}", file=sys.stderr)
    code = failed.process.returncode
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    print(f"rank {failed.number} {how}; the other ranks were ended too", file=sys.stderr)
