"""A `seqtopo check` in a new process, against one that does nothing and one that builds with Keras."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from timing import Row, compare

ROOT = Path(__file__).resolve().parents[2]
SPEC = "in(24,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"
KERAS = """
import keras
from keras.layers import LSTM, Dense
keras.Sequential([keras.Input((24, 8)), LSTM(64, return_sequences=True), LSTM(32), Dense(1)])
"""
ROUNDS = 15


def _process(*argv: str, backend: str = "") -> None:
    env = {**os.environ, "KERAS_BACKEND": backend} if backend else None
    subprocess.run([sys.executable, *argv], cwd=ROOT, env=env, check=True, capture_output=True)


def measure() -> Iterator[Row]:
    """The check against an empty program and against Keras on each backend."""
    nothing, check = "python -c pass", "seqtopo check"
    tasks = {
        nothing: lambda: _process("-c", "pass"),
        check: lambda: _process("-m", "seqtopo", "check", SPEC),
    }
    yield from compare("a cold check", tasks, {(check, nothing): 5.0}, ROUNDS, headline=True)
    for backend in ("jax", "torch", "tensorflow"):
        build = "building it with Keras"
        tasks = {
            check: lambda: _process("-m", "seqtopo", "check", SPEC),
            build: lambda backend=backend: _process("-c", KERAS, backend=backend),
        }
        yield from compare("a cold check", tasks, {(check, build): None}, 3, backend)
