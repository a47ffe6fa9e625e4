"""Run measurements that need a backend, each in a process of its own, since Keras is imported on one only.

As a program: ``children.py MODULE BACKEND`` prints the rows as JSON, a line each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from timing import Row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def as_installed() -> dict[str, str]:
    """Return the environment of a child that runs this checkout as pip would install it: compiled.

    If Python is told to write no bytecode, each child would compile all modules of seqtopo anew, though Keras
    is compiled; that would be counted as seqtopo's time. A first child, which is not timed, writes it.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return env | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH", ""))))}


class FailedError(Exception):
    """A measurement ended with an error; has its name and its output."""


def rows(module: str, backend: str) -> Iterator[Row]:
    """Yield the rows of a module on a backend, each as soon as it is measured.

    Raises:
        FailedError: the measurement failed.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, module, backend],
            env={
                **as_installed(),
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("{"):
                yield Row(**json.loads(line))
        if child.wait():
            said.seek(0)
            raise FailedError(f"{module} on {backend}: {said.read()[-3000:]}")


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(ROOT)]
    for found in import_module(sys.argv[1]).measure(sys.argv[2]):
        print(json.dumps(asdict(found)), flush=True)
