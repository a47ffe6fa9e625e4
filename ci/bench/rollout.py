"""200 steps fed back: the loop of `predict` that people write, against one `seqtopo.rollout`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timing import Row, compare

BACKENDS = ("jax", "torch", "tensorflow")
STEPS = 200
ROUNDS = 3
NAIVE, OURS = "a loop of predict", "rollout"


def measure(backend: str) -> Iterator[Row]:
    """A window that slides, and a state that is kept."""
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

    yield from _row(
        "a window of 29 that slides", slides, lambda: seqtopo.rollout(window, history, STEPS), backend
    )

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

    yield from _row(
        "an LSTM that keeps its state", remembers, lambda: seqtopo.rollout(free, history, STEPS), backend
    )


def _row(what: str, naive: Any, ours: Any, backend: str) -> Iterator[Row]:
    import numpy as np

    np.testing.assert_allclose(naive(), ours(), atol=1e-5)
    tasks = {NAIVE: naive, OURS: ours}
    pair = (OURS, NAIVE)
    yield from compare(f"{what}, {STEPS} steps", tasks, {pair: None}, ROUNDS, backend, headlines=[pair])
