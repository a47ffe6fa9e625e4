"""200 steps fed back: the loop of ``predict`` that people write, against one ``seqtopo.rollout``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BACKENDS = ("jax", "torch", "tensorflow")
STEPS = 200
ROUNDS = 3
HERE = Path(__file__).parent


def measure() -> Iterator[str]:
    """Two lines for each backend, each backend in a process of its own."""
    for backend in BACKENDS:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__],
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"on {backend}: {done.stderr[-2000:]}")
        yield from (f"{backend}: {line}" for line in done.stdout.splitlines())


def _lines() -> Iterator[str]:
    import numpy as np

    import seqtopo

    history = np.random.default_rng(1).normal(size=(1, 29, 1)).astype("float32")

    window = seqtopo.compile("in(29,1) -> simple_rnn(20) -> dense(1)")

    def slides() -> Any:
        seen = history
        for _ in range(STEPS):
            said = window.predict(seen[:, -29:], verbose=0)
            seen = np.concatenate([seen, said[:, None]], axis=1)
        return seen[:, 29:]

    yield _line("a window of 29 that slides", slides, lambda: seqtopo.rollout(window, history, STEPS))

    # The best that can be written by hand with predict: its shapes stay the same, its states last.
    keeps = seqtopo.compile("in(1,1,batch=1) -> lstm(32,seq,stateful) -> dense(1)")
    free = seqtopo.compile("in(?,1) -> lstm(32,seq) -> dense(1)")
    free.set_weights(keeps.get_weights())

    def remembers() -> Any:
        keeps.reset_states()
        for t in range(history.shape[1]):
            said = keeps.predict(history[:, t : t + 1], verbose=0)
        found = []
        for _ in range(STEPS):
            found.append(said[:, 0])
            said = keeps.predict(said, verbose=0)
        return np.stack(found, axis=1)

    yield _line("an LSTM that keeps its state", remembers, lambda: seqtopo.rollout(free, history, STEPS))


def _line(what: str, naive: Callable[[], Any], ours: Callable[[], Any]) -> str:
    import numpy as np
    from timing import by_turns

    off = float(np.abs(naive() - ours()).max())
    times = by_turns({"naive": naive, "ours": ours}, ROUNDS)
    return (
        f"{what}, {STEPS} steps: a loop of predict takes {times['naive'] / times['ours']:.0f} times as long "
        f"as rollout; they differ by {off:.1e} at most"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    for line in _lines():
        print(line)
