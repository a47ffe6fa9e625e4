"""Train what the page shows on a series that was dropped into it, in a process of its own.

The process is ``seqtopo fit`` in a folder that is gone afterwards. What it prints comes back as events; it is
stopped when a minute is over, when the page asks for it, or when the page is gone.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtopo.system import packages
from seqtopo.system.bounds import PLAY_LOADING_SECONDS, PLAY_SECONDS

_EPOCH = re.compile(r"epoch (\d+)/(\d+)((?:  \S+ \S+)+)$")
_NUMBERS = {"epochs": 9999, "steps": 100_000, "horizon": 100_000}
"""Options of ``seqtopo fit`` that are whole numbers, and the most that each may be."""
_GRACE = 5
"""The seconds that the process has to end by itself when it is stopped."""
_LONGEST = 2000

_NOT_TOLD = re.compile(
    r"Saved |To go on |For more steps |WARNING: All log messages before absl|[IWE]\d{4} \d\d:"
)
"""Matches lines about files that are gone when the training is over, and TensorFlow's about itself."""

Event = dict[str, Any]


class Training:
    """The one training that runs at a time."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self.modules = modules
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._why = ""

    def start(self, text: str, options: Mapping[str, Any]) -> Generator[Event] | None:
        """Start a training; None where one is running.

        Args:
            text: the spec.
            options: ``series``, the text of a table; ``dims``, values of names; ``epochs``, ``steps``,
                ``horizon``: numbers; ``scale``: whether features are brought to one size.

        Returns:
            What happens, as it happens: ``line`` is what is said, ``epoch``, ``of`` and ``numbers`` an epoch
            that is over, and the last event has ``ended``: ``done``, ``failed``, or why it was stopped.
        """
        return None if self._lock.locked() else self._events(text, options)

    def stop(self, why: str = "stopped") -> None:
        """Stop the training, where one runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self._why = self._why or why
        if os.name == "posix":
            process.send_signal(signal.SIGINT)
            threading.Timer(_GRACE, process.kill).start()
        else:
            process.terminate()

    def _events(self, text: str, options: Mapping[str, Any]) -> Generator[Event]:
        # Acquired here and not before: a generator that is never started does not run its cleanup.
        if not self._lock.acquire(blocking=False):
            yield {"ended": "another training is running"}
            return
        try:
            with tempfile.TemporaryDirectory(prefix="seqtopo-play-", ignore_cleanup_errors=True) as folder:
                yield from self._run(Path(folder), text, options)
        finally:
            self._process = None
            self._lock.release()

    def _run(self, folder: Path, text: str, options: Mapping[str, Any]) -> Generator[Event]:
        (folder / "spec.txt").write_text(text, encoding="utf-8", errors="replace")
        (folder / "series.csv").write_text(str(options.get("series", "")), encoding="utf-8", errors="replace")
        self._why = ""
        self._process = process = subprocess.Popen(
            self.command(options),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1", "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        timer = self._timer(PLAY_LOADING_SECONDS, "loading the backend took too long")
        begun = False
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if self._why or _NOT_TOLD.match(line):
                    continue
                event = _event(line.rstrip("\n")[:_LONGEST])
                if "epoch" in event and not begun:
                    begun = True
                    timer.cancel()
                    timer = self._timer(PLAY_SECONDS, f"stopped after {PLAY_SECONDS} seconds")
                yield event
            ended = self._why or ("done" if process.wait() == 0 else "failed")
            yield {"ended": ended}
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _timer(self, seconds: float, why: str) -> threading.Timer:
        timer = threading.Timer(seconds, self.stop, [why])
        timer.daemon = True
        timer.start()
        return timer

    def command(self, options: Mapping[str, Any]) -> list[str]:
        """Return the command that trains."""
        words = [sys.executable, "-m", "seqtopo", "fit", "spec.txt", "series.csv", "-o", "model.keras"]
        words += ["--backend", backend] if (backend := _backend(options)) else []
        for name, most in _NUMBERS.items():
            given = options.get(name)
            if type(given) is int and 0 < given <= most:
                words += [f"--{name}", str(given)]
        words += ["--scale"] if options.get("scale") is True else []
        dims = options.get("dims")
        for name, value in dims.items() if isinstance(dims, dict) else ():
            words += ["-D", f"{name}={value}"]
        return [*words, *(word for module in self.modules for word in ("--import", module))]


def _backend(options: Mapping[str, Any]) -> str:
    given = options.get("backend")
    return given if isinstance(given, str) and given.isalpha() else ""


def _path() -> str:
    """Return the child's ``PYTHONPATH``: that of this process, and the folder it was started in."""
    found = [str(packages.ROOT), os.getcwd(), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(dict.fromkeys(filter(None, found)))


def _event(line: str) -> Event:
    """Return a line of the training's output as an event for the page.

    >>> _event("epoch 3/10  loss 0.25  val_loss 0.5")
    {'epoch': 3, 'of': 10, 'numbers': {'loss': 0.25, 'val_loss': 0.5}}
    >>> _event("train: 96 windows")
    {'line': 'train: 96 windows'}
    """
    found = _EPOCH.fullmatch(line)
    if found is None:
        return {"line": line}
    words = found[3].split()
    try:
        numbers = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    except ValueError:
        return {"line": line}
    return {"epoch": int(found[1]), "of": int(found[2]), "numbers": numbers}
