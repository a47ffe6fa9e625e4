"""Trains a character model on the verses beside it, and lets it write some of its own."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo

HERE = Path(__file__).parent
TEXT = (HERE / "verses.txt").read_text(encoding="utf-8")
CHARACTERS = sorted(set(TEXT))
STEPS = 60
HELD_OUT = 1500


def ids(text: str) -> np.ndarray:
    """The number of each character."""
    return np.array([CHARACTERS.index(c) for c in text], dtype="int32")


def one_hot(numbers: np.ndarray) -> np.ndarray:
    """Each character as a vector with a single 1: shape (..., V)."""
    return np.eye(len(CHARACTERS), dtype="float32")[numbers]


def pieces(text: str) -> tuple[np.ndarray, np.ndarray]:
    """60 characters from every 20th place on, and those that follow each: (n, 60, V) and (n, 60)."""
    numbers = ids(text)
    x = np.stack([numbers[s : s + STEPS + 1] for s in range(0, len(text) - STEPS, 20)])
    return one_hot(x[:, :-1]), x[:, 1:]


def main() -> None:
    """Trains, tests on verses that were not seen, and goes on from a beginning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(4)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend, V=len(CHARACTERS))

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(4)
    early, late = TEXT[:-HELD_OUT], TEXT[-HELD_OUT:]
    x, y = pieces(early)
    print(f"{len(TEXT)} characters, {len(CHARACTERS)} different ones; {len(x)} pieces of {STEPS}")
    model.fit(x, y, epochs=args.epochs, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(*pieces(late), verbose=0)
    spaces = late.count(" ") / len(late)
    print(f"next character right, on verses not seen before: {accuracy:.0%}   (always a space: {spaces:.0%})")

    print("\nit goes on:")
    beginning = "The clever mouse"
    history = one_hot(ids(beginning))
    for name, sample in (
        ("always the likeliest", seqtopo.sampling.greedy),
        ("drawn, temperature 0.7", seqtopo.sampling.temperature(0.7)),
        ("drawn among the likeliest 3", seqtopo.sampling.top_k(3)),
    ):
        said = seqtopo.rollout(model, history, 70, sample=sample, seed=4)
        text = "".join(CHARACTERS[i] for i in said).replace("\n", " / ")
        print(f"  {name:28} | {beginning}{text}")


if __name__ == "__main__":
    main()
