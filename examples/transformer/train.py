"""Trains a small causal transformer to go on counting, in steps that it must find out."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo

HERE = Path(__file__).parent
NUMBERS = 13
STEPS = 12


def counts(count: int, chance: np.random.Generator) -> np.ndarray:
    """Counting from anywhere in steps of 1 to 12, round and round below 13: shape (count, 13)."""
    start = chance.integers(0, NUMBERS, (count, 1))
    by = chance.integers(1, NUMBERS, (count, 1))
    return ((start + by * np.arange(STEPS + 1)) % NUMBERS).astype("int32")


def main() -> None:
    """Trains on some of the sequences, and tests on starts and steps it has not seen together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(6)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(6)
    chance = np.random.default_rng(6)
    every = np.unique(counts(20_000, chance), axis=0)
    chance.shuffle(every)
    held_out, seen = every[:30], every[30:]
    many = seen[chance.integers(0, len(seen), 2048)]
    model.fit(many[:, :-1], many[:, 1:], epochs=args.epochs, batch_size=64, verbose=0)

    said = model.predict(held_out[:, :-1], verbose=0).argmax(-1)
    right = said == held_out[:, 1:]
    print(f"{len(every)} sequences, {len(held_out)} of them only for the test")
    print(f"next number right after two numbers: {right[:, 1].mean():.0%}   (by chance: 8%)")
    print(f"next number right after all twelve:  {right[:, -1].mean():.0%}")
    for numbers, guess in zip(held_out[:3], said[:3], strict=True):
        print(f"  {' '.join(f'{n:2}' for n in numbers[:-1])}  -> {guess[-1]:2}   ({numbers[-1]:2} is right)")


if __name__ == "__main__":
    main()
