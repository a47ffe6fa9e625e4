"""Run `seqtopo check` in a new process, an empty program, and one that builds with Keras."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from children import as_installed
from timing import Row, compare

RIGHT = "in(24,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"
WRONG = "in(24,8) -> lstm(64) -> lstm(32) -> dense(1)"
BROKEN = "in(24,8) -> -> lstm(64)"
SCRIPT = "from seqtopo.__main__ import process; process()"
"""The program that is run by the command that pip installs."""
KERAS = """
import keras
from keras.layers import LSTM, Dense
keras.Sequential([keras.Input((24, 8)), LSTM(64, return_sequences=True), LSTM(32), Dense(1)])
"""
ROUNDS = 15
MOST = 14.0
"""The most time of a check, in times of the empty program; the standard dataclasses alone take 2.2."""
NOTHING, CHECK = "python -c pass", "seqtopo check"


def measure() -> Iterator[Row]:
    """Time the check against an empty program, other imports against it, and Keras on each backend."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.txt").write_text(RIGHT, encoding="utf-8")
        (folder / "wrong.txt").write_text(WRONG, encoding="utf-8")
        (folder / "broken.txt").write_text(BROKEN, encoding="utf-8")
        run = partial(_process, folder)
        tasks = {
            NOTHING: lambda: run("-c", "pass"),
            CHECK: lambda: run("-c", SCRIPT, "check", "spec.txt"),
            "seqtopo check, of a wrong spec": lambda: run("-c", SCRIPT, "check", "wrong.txt"),
            "seqtopo check, of a text that cannot be read": lambda: run("-c", SCRIPT, "check", "broken.txt"),
            "python -m seqtopo check": lambda: run("-m", "seqtopo", "check", "spec.txt"),
            "import seqtopo": lambda: run("-c", "import seqtopo"),
            "import argparse": lambda: run("-c", "import argparse"),
            "import dataclasses": lambda: run("-c", "import dataclasses"),
            "import lark": lambda: run("-c", "import lark"),
        }
        for task in tasks.values():
            task()  # so that all of it is compiled, as what pip installs is
        wanted = {(task, NOTHING): MOST if "check" in task else None for task in tasks if task != NOTHING}
        for row in compare("a cold check", tasks, wanted, ROUNDS):
            yield replace(row, headline=row.a.startswith(CHECK))
        for backend in ("jax", "torch", "tensorflow"):
            build = "building it with Keras"
            against = {
                CHECK: tasks[CHECK],
                build: lambda backend=backend: run("-c", KERAS, backend=backend),
            }
            yield from compare("a cold check", against, {(CHECK, build): None}, 3, backend)


def _process(folder: Path, *argv: str, backend: str = "") -> None:
    env = as_installed()
    if backend:
        env["KERAS_BACKEND"] = backend
    done = subprocess.run([sys.executable, *argv], cwd=folder, env=env, capture_output=True, check=False)
    assert done.returncode == (not {"wrong.txt", "broken.txt"}.isdisjoint(argv)), done.stderr.decode()[-500:]
