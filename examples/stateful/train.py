"""Trains a stateful model to tell whether a lamp is on, from three steps of its switch at a time."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo

HERE = Path(__file__).parent
WINDOW = 3
WINDOWS = 400


def lamp(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A switch and its lamp at each step: shapes (steps,). The switch is 1 where the lamp is put on, -1 where
    it is put off, and 0 most of the time; the lamp is 1 or -1 and stays as it was put.
    """
    chance = np.random.default_rng(seed)
    switch = chance.choice([-1.0, 0.0, 1.0], steps, p=[0.06, 0.88, 0.06])
    switch[0] = 1.0
    last = np.maximum.accumulate(np.where(switch != 0, np.arange(steps), 0))
    return switch, switch[last]


def windows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three steps of the switch, one after the other, and the lamp after them: (n, 3, 1) and (n, 1)."""
    switch, light = lamp(WINDOW * WINDOWS, seed)
    x = switch.reshape(WINDOWS, WINDOW, 1).astype("float32")
    return x, light[WINDOW - 1 :: WINDOW, None].astype("float32")


def right(said: np.ndarray, truth: np.ndarray) -> str:
    """How often the lamp was told right."""
    return f"{np.mean((said > 0) == (truth > 0)):.0%}"


def main() -> None:
    """Trains with the state, then answers with and without it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(3)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    model.compile(keras.optimizers.Adam(1e-2), "mse")
    x, y = windows(seed=1)
    x_test, y_test = windows(seed=2)

    # In order, one window after the other; each epoch begins where nothing is known yet.
    model.fit(x, y, epochs=args.epochs, verbose=0, callbacks=[seqtopo.ResetStates()])

    model.reset_states()
    remembering = model.predict(x_test, verbose=0)
    model.reset_states()
    parts = [model.predict(x_test[:200], verbose=0), model.predict(x_test[200:], verbose=0)]

    forgetful = seqtopo.compile("in(3,1) -> lstm(4) -> dense(1)")
    forgetful.set_weights(model.get_weights())
    without = forgetful.predict(x_test, batch_size=WINDOWS, verbose=0)

    seen = np.abs(x_test).sum(axis=(1, 2)) > 0
    print(f"{WINDOWS} windows of {WINDOW} steps; in {np.mean(~seen):.0%} of them nobody touched the switch")
    print("is the lamp on? right in the test:")
    print(f"  with the state                   {right(remembering, y_test)}")
    print(f"  in two halves, with the state    {right(np.concatenate(parts), y_test)}")
    print(f"  the same weights, without it     {right(without, y_test)}")
    print(f"  where nobody touched the switch  {right(remembering[~seen], y_test[~seen])} and "
          f"{right(without[~seen], y_test[~seen])}")  # fmt: skip
    print("\nthe state after the last window, one row for h and one for c")
    for state in seqtopo.get_states(model):
        print("  " + " ".join(f"{value:6.2f}" for value in state[0]))


if __name__ == "__main__":
    main()
