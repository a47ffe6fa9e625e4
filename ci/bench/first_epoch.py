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
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from children import as_installed
from timing import Row, row

BACKENDS = ("jax", "torch", "tensorflow")


class Case(NamedTuple):
    """A model as a spec, the number of its time steps, and its layers by hand but for ``Dense(1)``."""

    spec: str
    steps: int
    by_hand: Callable[[Any], list[Any]]


FEATURES = 8
SPECS = {
    "two LSTM(64), T=50": Case(
        "in(50,8) -> lstm(64,seq) -> lstm(64) -> dense(1)",
        50,
        lambda keras: [keras.layers.LSTM(64, return_sequences=True), keras.layers.LSTM(64)],
    ),
    "GRU(64), T=200": Case(
        "in(200,8) -> gru(64) -> dense(1)",
        200,
        lambda keras: [keras.layers.GRU(64)],
    ),
    "three Conv1D(64), T=200": Case(
        "in(200,8) -> conv1d(64,3,relu) * 3 -> gavgpool1d -> dense(1)",
        200,
        lambda keras: [
            *(keras.layers.Conv1D(64, 3, activation="relu") for _ in range(3)),
            keras.layers.GlobalAveragePooling1D(),
        ],
    ),
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


def _by_hand(case: Case) -> Callable[[], Any]:
    """Import what building by hand needs; return the function that builds."""
    import keras

    def build() -> Any:
        inputs = x = keras.Input((case.steps, FEATURES))
        for layer in [*case.by_hand(keras), keras.layers.Dense(1)]:
            x = layer(x)
        return keras.Model(inputs, x)

    return build


def _with_seqtopo(case: Case) -> Callable[[], Any]:
    """Import what building with seqtopo needs; return the function that builds."""
    from seqtopo import compile

    return lambda: compile(case.spec)


def main(who: str, name: str) -> None:
    """Build, compile and train once, and print the seconds on the clock and the CPU seconds."""
    import keras
    import numpy as np

    case, random = SPECS[name], np.random.default_rng(1)
    x = random.normal(size=(BATCH * STEPS, case.steps, FEATURES)).astype("float32")
    y = random.normal(size=(BATCH * STEPS, 1)).astype("float32")
    keras.ops.convert_to_numpy(keras.ops.ones(3) + 1)  # the backend itself has started
    build = {OURS: _with_seqtopo, STOCK: _by_hand}[who](case)
    start = perf_counter(), process_time()
    model = build()
    model.compile("adam", "mse")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    print(perf_counter() - start[0], process_time() - start[1])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main(*sys.argv[1:])
