"""Start several processes on this machine that train one model, and end them together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from seqtopo.distributing.ranks import LAUNCHED, LOST, free_port
from seqtopo.system.threads import THREADS, cores, pin, share

LINES = 20
"""The most last lines of a failed process that are shown."""
NOTICED = 0.5
"""The seconds after which a rank that others lost has ended, too."""


@dataclass
class Rank:
    """A running process, with the file that receives its standard error."""

    number: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None


def launch(command: Sequence[str], count: int) -> int:
    """Run a command as ``count`` ranks, and return the exit code of the first that fails, or 0.

    Rank 0 has this terminal; the standard error of another one is shown if it fails. If one fails, the others
    are ended, since they would wait for it. Ctrl-C reaches this process alone, which ends the ranks; so does
    SIGTERM.
    """
    port = _two_free_ports()
    with ExitStack() as files, _ended_by_term():
        ranks: list[Rank] = []
        failed: list[Rank] = []
        try:
            with _without_interrupts():
                ranks += [_started(command, number, count, port, files) for number in range(count)]
            while not failed and any(each.process.poll() is None for each in ranks):
                time.sleep(0.02)
                failed = [each for each in ranks if each.process.poll()]
            if failed and all(map(_is_consequence, failed)):
                time.sleep(NOTICED)
                failed = [each for each in ranks if each.process.poll()]
        finally:
            _end(ranks)
        if not failed:
            return 0
        first = min(failed, key=_is_consequence)
        _show(first)
        code = first.process.returncode
        return code if code > 0 else 1


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let the processes that are started inside the ``with`` block ignore Ctrl-C.

    A rank that waits for another one would not react to it, and those that do would each say so.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _ended_by_term() -> Iterator[None]:
    """Let SIGTERM raise ``SystemExit`` inside the ``with`` block, so that the ranks are ended too."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_consequence(failed: Rank) -> bool:
    """Return whether a rank failed only because another one had ended."""
    return failed.process.returncode == LOST


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
        LAUNCHED: str(os.getpid()),
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
