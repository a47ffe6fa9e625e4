"""Trains an autoencoder on waves, then uses its encoder and its decoder on their own."""

import argparse
import random
from pathlib import Path

import numpy as np

import seqtopo
from seqtopo import data

HERE = Path(__file__).parent
STEPS = 16
BROKEN = 41


def waves(count: int, chance: np.random.Generator) -> np.ndarray:
    """Sine waves that begin anywhere, with one to two periods in 16 steps: shape (count, 16, 1)."""
    periods = chance.uniform(1.0, 2.0, (count, 1))
    begin = chance.uniform(0.0, 2 * np.pi, (count, 1))
    turns = 2 * np.pi * periods * np.arange(STEPS) / STEPS
    return np.sin(turns + begin)[..., None].astype("float32")


def chart(wave: np.ndarray) -> str:
    """A wave in one line: the higher, the taller the sign."""
    signs = " .:-=+*#%@"
    return "".join(signs[int(np.clip((v + 1) / 2, 0, 0.999) * len(signs))] for v in wave[:, 0])


def main() -> None:
    """Trains the whole; encodes with one part and decodes with the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(11)  # from which Keras draws the seeds of the first weights
    models = seqtopo.compile_all(HERE / "spec.txt", backend=args.backend)
    autoencoder, encoder, decoder = (models[name] for name in ("autoencoder", "encoder", "decoder"))

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(11)
    chance = np.random.default_rng(11)
    x, x_test = waves(1024, chance), waves(256, chance)
    autoencoder.fit(x, x, epochs=args.epochs, batch_size=32, verbose=0)

    rebuilt = autoencoder.predict(x_test, batch_size=256, verbose=0)
    codes = encoder.predict(x_test, batch_size=256, verbose=0)
    print(f"{x_test.shape} waves -> {codes.shape} codes -> {rebuilt.shape} waves")
    print("mean squared error on waves it has not seen:")
    print(f"  {'always 0':20} {np.mean(x_test**2):.4f}")
    print(f"  {'the autoencoder':20} {np.mean((x_test - rebuilt) ** 2):.4f}")

    apart = decoder.predict(codes, batch_size=256, verbose=0)
    print(f"decoder(encoder(x)) is autoencoder(x): {np.allclose(apart, rebuilt, atol=1e-5)}")

    # A machine that gives a wave after another, and stops in the middle of one.
    series = waves(60, chance).reshape(-1, 1)
    series[BROKEN * STEPS + 4 : BROKEN * STEPS + 12] = 0.0
    cut = data.for_spec(HERE / "spec.txt", series, answers="same", stride=STEPS, batch_size=60)
    x, y = cut[0]
    off = np.mean((autoencoder.predict(x, verbose=0) - y) ** 2, axis=(1, 2))
    print(f"of {len(off)} waves in a row, wave {BROKEN} is broken; the worst rebuilt is wave {off.argmax()}")
    print(f"  its error is {off.max() / np.median(off):.0f} times that of most")

    between = decoder.predict((codes[:1] + codes[3:4]) / 2, verbose=0)
    print("\nthe decoder alone, on the code between those of two waves:")
    for name, wave in [("one", rebuilt[0]), ("between", between[0]), ("the other", rebuilt[3])]:
        print(f"  {name:9} |{chart(wave)}|")


if __name__ == "__main__":
    main()
