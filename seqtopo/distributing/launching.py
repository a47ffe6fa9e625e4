"""Start several processes on this machine that train one model, and end them together."""

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
"""The most last lines of a failed process that are shown."""


@dataclass
class Rank:
    """A running process, with the file that receives its standard error."""

    number: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None


def launch(command: Sequence[str], count: int) -> int:
    """Run a command as ``count`` ranks, and return the exit code of the first that fails, or 0.

    Rank 0 has this terminal; the standard error of another one is shown if it fails. If one fails, the others
    are ended, since they would wait for it.
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
    """Return a free port whose successor is free too: the ranks meet on the second."""
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
    """End the ranks that still run: terminate them, and kill those that do not end."""
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
    """Print which rank failed, with its last lines; rank 0 has printed them already."""
    if failed.errors is not None:
        failed.errors.seek(0)
        lines = failed.errors.read().decode(errors="replace").splitlines()
        for line in lines[-LINES:]:
            print(f"[rank {failed.number}] {line}", file=sys.stderr)
    code = failed.process.returncode
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    print(f"rank {failed.number} {how}; the other ranks were ended too", file=sys.stderr)
