"""Build a model from a spec, and the same model in functional Keras written by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from timing import Row, by_turns, compare, row

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("jax", "torch", "tensorflow")
OURS, KERAS = "seqtopo.compile", "functional Keras"
LAYERS = 8
LENGTHS = (100, 1000, 5000)
Sizes = list[int]


def measure(backend: str) -> Iterator[Row]:
    """Time recurrent and other models of sizes known and new to JAX, a first build, and long chains."""
    recurrent = 0.1 if backend == "jax" else 1.0
    for what, (spec, by_hand), most in (
        ("eight LSTM layers", (lstms, lstms_by_hand), recurrent),
        ("eight dense layers", (denses, denses_by_hand), 1.0),
        ("four transformer blocks", (blocks, blocks_by_hand), 1.0),
    ):
        shown = what == "eight LSTM layers"
        yield from _compared(
            f"{what}, sizes new each time", spec, by_hand, most, backend, new=True, shown=shown
        )
        yield from _compared(f"{what}, the same again", spec, by_hand, 1.0, backend, new=False)
    yield from _first(backend)
    yield from _chains(backend)


def _compared(
    what: str,
    spec: Callable[[Sizes], str],
    by_hand: Callable[[Sizes], Any],
    most: float,
    backend: str,
    *,
    new: bool,
    shown: bool = False,
) -> Iterator[Row]:
    import seqtopo

    numbers = count(1)

    def sizes() -> Sizes:
        """Return other units for each layer; new ones have not been compiled before."""
        step = next(numbers) if new else 0
        return [16 + LAYERS * step + i for i in range(LAYERS)]

    tasks = {OURS: lambda: seqtopo.compile(spec(sizes())), KERAS: lambda: by_hand(sizes())}
    # For new sizes Keras makes JAX compile for up to a minute.
    dear = new and backend == "jax"
    yield from compare(
        what,
        tasks,
        {(OURS, KERAS): most},
        2 if dear else 15,
        backend,
        warm_up=not dear,
        headlines=[(OURS, KERAS)] if shown else [],
    )


def lstms(units: Sizes) -> str:
    """Return the spec of LSTM layers with these units."""
    return "in(50,8) -> " + " -> ".join(f"lstm({n},seq)" for n in units) + " -> dense(1)"


def lstms_by_hand(units: Sizes) -> Any:
    """Return the same model in Keras."""
    import keras

    start = x = keras.Input((50, 8))
    for n in units:
        x = keras.layers.LSTM(n, return_sequences=True)(x)
    return keras.Model(start, keras.layers.Dense(1)(x))


def denses(units: Sizes) -> str:
    """Return the spec of dense layers with these units."""
    return "in(8) -> " + " -> ".join(f"dense({n},relu)" for n in units) + " -> dense(1)"


def denses_by_hand(units: Sizes) -> Any:
    """Return the same model in Keras."""
    import keras

    start = x = keras.Input((8,))
    for n in units:
        x = keras.layers.Dense(n, activation="relu")(x)
    return keras.Model(start, keras.layers.Dense(1)(x))


def blocks(units: Sizes) -> str:
    """Return the spec of transformer blocks."""
    width = units[0]
    after = f"add -> layernorm -> dense({2 * width},gelu) -> dense({width})"
    lines = [f"x0 = in(32,{width})"]
    lines += [f"x{i + 1} = [x{i}, x{i} -> layernorm -> mha(4, {width})] -> {after}" for i in range(4)]
    return "\n".join([*lines, "x4 -> dense(1)"])


def blocks_by_hand(units: Sizes) -> Any:
    """Return the same model in Keras."""
    import keras
    from keras import layers

    width = units[0]
    start = x = keras.Input((32, width))
    for _ in range(4):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, width)(y, y)])
        x = layers.LayerNormalization()(x)
        x = layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(x))
    return keras.Model(start, layers.Dense(1)(x))


FIRST = """
import keras, sys, time
sys.path.insert(0, "ci/bench")
import building
start = time.perf_counter()
{build}
print(time.perf_counter() - start)
"""


def _first(backend: str) -> Iterator[Row]:
    """Time the first build of a program that has imported Keras; all that seqtopo loads is counted."""
    builds = {
        OURS: "import seqtopo; seqtopo.compile(building.lstms(list(range(16, 24))))",
        KERAS: "building.lstms_by_hand(list(range(16, 24)))",
    }
    times: dict[str, list[float]] = {name: [] for name in builds}
    for _ in range(2):
        for name, build in builds.items():
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", FIRST.format(build=build)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            times[name].append(float(done.stdout.splitlines()[-1]))
    most = 0.1 if backend == "jax" else None
    yield row("eight LSTM layers, first in a process", times, OURS, KERAS, most, backend)


def _chains(backend: str) -> Iterator[Row]:
    """Time chains of dense layers: a layer of a long chain should cost as much as one of a short one."""
    import keras

    import seqtopo

    def by_hand(length: int) -> None:
        start = x = keras.Input((8,))
        for _ in range(length):
            x = keras.layers.Dense(8, activation="relu")(x)
        keras.Model(start, x)

    def build(length: int) -> None:
        seqtopo.compile("in(8) -> " + " -> ".join(["dense(8,relu)"] * length))

    yield from compare(
        "100 dense layers",
        {OURS: lambda: build(100), KERAS: lambda: by_hand(100)},
        {(OURS, KERAS): 1.0},
        7,
        backend,
    )
    times = by_turns({str(length): lambda n=length: build(n) for length in LENGTHS}, 2, warm_up=False)
    per_layer = {f"a layer of {n}": [t / n for t in times[str(n)]] for n in LENGTHS}
    for length in LENGTHS[1:]:
        yield row(
            f"{length:,} dense layers", per_layer, f"a layer of {length}", "a layer of 100", 2.0, backend
        )
