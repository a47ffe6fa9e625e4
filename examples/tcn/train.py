"""Trains a TCN to say, at every step, what came in 25 steps ago."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo

HERE = Path(__file__).parent
STEPS = 100
DELAY = 25
REACH = 1 + 1 + 2 + 4 + 8 + 16
"""How many steps the five convolutions see: the one at hand, and each dilation once."""


def delayed(count: int, delay: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and the same noise later (0 before): shapes (count, 100, 1)."""
    x = chance.uniform(-1, 1, (count, STEPS, 1)).astype("float32")
    y = np.zeros_like(x)
    y[:, delay:] = x[:, :-delay]
    return x, y


def main() -> None:
    """Trains on a delay within reach; then shows that one output sees 32 steps, and no later ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(8)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(8)
    chance = np.random.default_rng(8)
    x, y = delayed(1024, DELAY, chance)
    x_test, y_test = delayed(256, DELAY, chance)
    model.fit(x, y, epochs=args.epochs, batch_size=32, verbose=0)

    said = model.predict(x_test, verbose=0)
    print(f"what came in {DELAY} steps ago; mean squared error:")
    print(f"  {'always 0':10} {np.mean(y_test**2):.4f}")
    print(f"  {'the model':10} {np.mean((y_test - said) ** 2):.4f}")

    touched = x_test.copy()
    touched[:, 50] += 1.0
    moved = np.abs(model.predict(touched, verbose=0) - said) > 1e-6
    steps = np.flatnonzero(moved.any(axis=(0, 2)))
    print(f"step 50 changes the outputs {steps.min()} to {steps.max()}: {REACH} steps, and none before it")


if __name__ == "__main__":
    main()
