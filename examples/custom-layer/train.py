"""Trains a spec with a layer from a package of one's own, saves the model, and loads it again."""

import argparse
import random
from pathlib import Path

import attend_pool.row  # noqa: F401  (adds the layer to seqtopo; once installed, seqtopo finds it alone)
import numpy as np

import seqtopo

HERE = Path(__file__).parent
STEPS = 20


def marked(count: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, one of them marked by a 1 beside it, and that one: shapes (count, 20, 2) and (count, 1)."""
    numbers = chance.uniform(-1, 1, (count, STEPS))
    at = chance.integers(0, STEPS, count)
    marks = np.eye(STEPS)[at]
    x = np.stack([numbers, marks], axis=-1).astype("float32")
    return x, numbers[np.arange(count), at, None].astype("float32")


def main() -> None:
    """Trains, saves, loads with Keras and compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(9)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(9)
    chance = np.random.default_rng(9)
    x, y = marked(1024, chance)
    x_test, y_test = marked(256, chance)
    model.fit(x, y, epochs=args.epochs, batch_size=32, verbose=0)

    said = model.predict(x_test, verbose=0)
    print("which number is marked? mean squared error:")
    print(f"  {'always 0':10} {np.mean(y_test**2):.4f}")
    print(f"  {'the model':10} {np.mean((y_test - said) ** 2):.4f}")

    saved = HERE / "marked.keras"
    model.save(saved)
    again = keras.saving.load_model(saved)
    print(f"\nlayers loaded: {', '.join(type(layer).__name__ for layer in again.layers)}")
    same = np.allclose(again.predict(x_test, verbose=0), said, atol=1e-6)
    print(f"the loaded model predicts the same: {same}")


if __name__ == "__main__":
    main()
