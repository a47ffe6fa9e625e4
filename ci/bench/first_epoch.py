"""Measure a user's first wait: a model is built, compiled, and trained for an epoch of 20 steps.

Each measurement is a process of its own, in which nothing has been built before. Two times are taken: of the
whole script, from the start of Python, and of the part behind its imports. CPU seconds stand beside the
seconds on the clock, since other programs on the machine change them less.
As a program: ``first_epoch.py WHO NAME`` prints both times of the second kind.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from children import as_installed
from timing import Row, row

BACKENDS = ("jax", "torch", "tensorflow")
SPECS = {
    "two LSTM(64), T=50": "in(50,8) -> lstm(64,seq) -> lstm(64) -> dense(1)",
    "GRU(64), T=200": "in(200,8) -> gru(64) -> dense(1)",
    "three Conv1D(64), T=200": "in(200,8) -> conv1d(64,3,relu) * 3 -> gavgpool1d -> dense(1)",
}
STEPS, BATCH, ROUNDS, MOST = 20, 32, 9, 1.05
OURS, STOCK = "seqtopo", "stock Keras by hand"
MEASURED = (
    f"a script with imports, build, compile, an epoch of {STEPS} steps",
    f"a script with imports, build, compile, an epoch of {STEPS} steps, CPU time",
    f"build, compile, an epoch of {STEPS} steps",
    f"build, compile, an epoch of {STEPS} steps, CPU time",
)


def measure(backend: str) -> Iterator[Row]:
    """Time the three models by turns: the whole script, and the part behind its imports."""
    for name in SPECS:
        taken = [{OURS: [], STOCK: []} for _ in MEASURED]
        for who in (OURS, STOCK):
            _seconds(who, name)
        for turn in range(ROUNDS):
            for who in (OURS, STOCK)[:: 1 if turn % 2 else -1]:
                for times, seconds in zip(taken, _seconds(who, name), strict=True):
                    times[who].append(seconds)
        for what, times in zip(MEASURED, taken, strict=True):
            yield row(f"{name}: {what}", times, OURS, STOCK, MOST, backend)


def _seconds(who: str, name: str) -> list[float]:
    """Return the seconds of a script, one for each of ``MEASURED``."""
    # The backend is in the environment already.
    command = [sys.executable, "-W", "ignore", __file__, who, name]
    before, start = _of_children(), perf_counter()
    done = subprocess.run(command, env=as_installed(), capture_output=True, text=True, check=True)
    whole = perf_counter() - start, _of_children() - before
    return [*whole, *map(float, done.stdout.split()[-2:])]


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _by_hand(name: str) -> Any:
    import keras
    from keras import layers

    kinds = {
        "two LSTM(64), T=50": [layers.LSTM(64, return_sequences=True), layers.LSTM(64)],
        "GRU(64), T=200": [layers.GRU(64)],
        "three Conv1D(64), T=200": [
            *(layers.Conv1D(64, 3, activation="relu") for _ in range(3)),
            layers.GlobalAveragePooling1D(),
        ],
    }
    length = 50 if "T=50" in name else 200
    inputs = x = keras.Input((length, 8))
    for layer in [*kinds[name], layers.Dense(1)]:
        x = layer(x)
    return keras.Model(inputs, x)


def _with_seqtopo(name: str) -> Any:
    from seqtopo import compile

    return compile(SPECS[name])


def main(who: str, name: str) -> None:
    """Build, compile and train once, and print the seconds on the clock and the CPU seconds."""
    import keras
    import numpy as np

    random = np.random.default_rng(1)
    length = 50 if "T=50" in name else 200
    x = random.normal(size=(BATCH * STEPS, length, 8)).astype("float32")
    y = random.normal(size=(BATCH * STEPS, 1)).astype("float32")
    keras.ops.convert_to_numpy(keras.ops.ones(3) + 1)  # the backend itself has started
    if who == OURS:
        from seqtopo import compile  # noqa: F401  (imports count in the whole script)
    start = perf_counter(), process_time()
    model = _with_seqtopo(name) if who == OURS else _by_hand(name)
    model.compile("adam", "mse")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    print(perf_counter() - start[0], process_time() - start[1])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main(*sys.argv[1:])
