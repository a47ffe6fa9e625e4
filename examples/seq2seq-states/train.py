"""Trains an encoder and a decoder that hands over its states: write four digits backwards."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo

HERE = Path(__file__).parent
DIGITS = 4
START = 10


def tasks(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The digits of numbers below 10,000, the answer shifted by one step (what the decoder is shown), and
    the answer: each (count, 4).
    """
    source = (numbers[:, None] // 10 ** np.arange(DIGITS)[::-1] % 10).astype("int32")
    answer = source[:, ::-1]
    shown = np.concatenate([np.full((len(source), 1), START, "int32"), answer[:, :-1]], axis=1)
    return source, shown, answer


def main() -> None:
    """Trains with the right answer shown, then lets the model write on its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(18)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(18)
    numbers = np.random.default_rng(18).permutation(10**DIGITS)
    source, shown, answer = tasks(numbers[:6400])
    model.fit({"source": source, "target": shown}, answer, epochs=args.epochs, batch_size=64, verbose=0)

    source, shown, answer = tasks(numbers[-512:])  # none of them seen in training
    said = model.predict({"source": source, "target": shown}, batch_size=512, verbose=0).argmax(-1)
    print(f"digits right, the ones before them shown: {np.mean(said == answer):.0%}   (by chance: 10%)")

    # On its own it is shown what it wrote itself.
    written = seqtopo.generate(model, source, start=START, max_steps=DIGITS)
    print(f"whole answers right, written on its own:  {np.mean((written == answer).all(1)):.0%}")
    for digits, own in zip(source[:3], written[:3], strict=True):
        print(f"  {' '.join(map(str, digits))}  ->  {' '.join(map(str, own))}")


if __name__ == "__main__":
    main()
