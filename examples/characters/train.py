"""Trains a character model on the Zen of Python, and asks it for the next character."""

import argparse
import contextlib
import io
import random
from pathlib import Path

import numpy as np

import seqtopo

with contextlib.redirect_stdout(io.StringIO()) as printed:
    import this  # noqa: F401  (prints the text when it is imported)

HERE = Path(__file__).parent
TEXT = printed.getvalue().strip()
CHARACTERS = sorted(set(TEXT))
STEPS = 40


def one_hot(text: str) -> np.ndarray:
    """Each character as a vector with a single 1: shape (characters, V)."""
    return np.eye(len(CHARACTERS), dtype="float32")[[CHARACTERS.index(c) for c in text]]


def pieces() -> tuple[np.ndarray, np.ndarray]:
    """40 characters from 256 places on, and those that follow each: (256, 40, V) and (256, 40)."""
    starts = np.linspace(0, len(TEXT) - STEPS - 1, 256, dtype=int)
    x = np.stack([one_hot(TEXT[s : s + STEPS]) for s in starts])
    y = np.stack([[CHARACTERS.index(c) for c in TEXT[s + 1 : s + STEPS + 1]] for s in starts])
    return x, y.astype("int32")


def main() -> None:
    """Trains, then shows how probable the model finds what follows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(4)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend, V=len(CHARACTERS))

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(4)
    x, y = pieces()
    print(f"{len(TEXT)} characters, {len(CHARACTERS)} different ones; {len(x)} pieces of {STEPS}")
    model.fit(x, y, epochs=args.epochs, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x, y, verbose=0)
    print(f"next character right, on the text it was trained on: {accuracy:.0%}")

    print("\nwhat comes next?")
    starts = ("Beautiful is better than u", "Explicit is better than im", "Errors should never pass s")
    every = model.predict(np.stack([one_hot(start) for start in starts]), verbose=0)
    for start, last in zip(starts, every[:, -1], strict=True):
        best = np.argsort(last)[::-1][:3]
        said = "  ".join(f"{CHARACTERS[i]!r} {last[i]:4.0%}" for i in best)
        print(f"  {start}   {said}")


if __name__ == "__main__":
    main()
