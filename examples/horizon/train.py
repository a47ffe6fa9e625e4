"""Trains an encoder and decoder that reads 48 hours and tells the next 12, all at once."""

import argparse
import random
from dataclasses import replace
from pathlib import Path

import make_data
import numpy as np

import seqtopo
from seqtopo import data

HERE = Path(__file__).parent


def main() -> None:
    """Trains; compares with forecasts that cost nothing, hour by hour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(18)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(18)
    early, late = data.split(make_data.temperatures(), 0.2)
    mean, spread = early.moments()
    train, test = (
        data.for_spec(HERE / "spec.txt", replace(part, mean=mean, spread=spread), shuffle=part is early)
        for part in (early, late)
    )
    print(f"trained on {train.cut}, tested on {test.cut}: {train[0][0].shape} -> {train[0][1].shape}")
    model.fit(train, epochs=args.epochs, verbose=0)

    x, y = (
        np.concatenate(side) * spread + mean
        for side in zip(*(test[i] for i in range(len(test))), strict=True)
    )
    forecasts = {
        "the mean": np.broadcast_to(mean, y.shape),
        "the last hour": np.broadcast_to(x[:, -1:], y.shape),
        "the same hour a day ago": x[:, 24:36],
        "the model": model.predict(test, verbose=0) * spread + mean,
    }
    print("root mean squared error, in degrees:  all 12   1st hour  12th hour")
    for name, forecast in forecasts.items():
        off = np.sqrt(np.mean((forecast - y) ** 2, axis=0))[:, 0]
        print(f"  {name:34} {np.sqrt(np.mean(off**2)):8.2f} {off[0]:10.2f} {off[-1]:10.2f}")


if __name__ == "__main__":
    main()
