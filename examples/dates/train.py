"""Trains an encoder and a decoder to translate dates, letter by letter, and lets them write on their own."""

import argparse
import random
from pathlib import Path

import make_data
import numpy as np

import seqtopo

HERE = Path(__file__).parent
LONGEST = 18  # letters of a date as people write it
IDS = {letter: i for i, letter in enumerate(make_data.LETTERS)}


def ids(texts: list[str], length: int) -> np.ndarray:
    """The letters of texts as ids, filled up with 0: (count, length)."""
    found = np.zeros((len(texts), length), "int32")
    for row, text in zip(found, texts, strict=True):
        row[: len(text)] = [IDS[letter] for letter in text]
    return found


def text(row: np.ndarray) -> str:
    """The letters that ids stand for."""
    return "".join(make_data.LETTERS[i] for i in row if 1 < i < len(make_data.LETTERS))


def main() -> None:
    """Trains with the right answer shown, then lets the model write on its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(4)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(4)
    every = make_data.pairs(3500)
    known, unknown = every[:3000], every[3000:]
    source = ids([date for date, _ in known], LONGEST)
    answer = ids([iso for _, iso in known], 10)
    shown = ids([">" + iso[:-1] for _, iso in known], 10)
    model.fit({"source": source, "target": shown}, answer, epochs=args.epochs, batch_size=64, verbose=0)

    source = ids([date for date, _ in unknown], LONGEST)
    wrote = [text(row) for row in seqtopo.generate(model, source, start=IDS[">"], max_steps=10)]
    right = np.mean([mine == iso for mine, (_, iso) in zip(wrote, unknown, strict=True)])
    print(f"trained on {len(known):,} dates, tested on {len(unknown)} others")
    print(f"translated without a mistake: {right:.1%}")
    for mine, (date, _) in zip(wrote[:5], unknown[:5], strict=True):
        print(f"  {date:18} | {mine}")


if __name__ == "__main__":
    main()
