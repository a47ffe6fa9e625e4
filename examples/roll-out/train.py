"""Trains an LSTM to tell the next step of a wave, and lets it go on: each output is its next input."""

import argparse
import random
from pathlib import Path

import make_data
import numpy as np

import seqtopo

HERE = Path(__file__).parent
KNOWN = 40


def main() -> None:
    """Trains on the known steps; goes on from all of them, and from a single one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=600)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(9)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    model.compile(keras.optimizers.Adam(2e-2), "mse")
    waves = make_data.waves()
    known, unknown = waves[:, :KNOWN], waves[:, KNOWN:]
    # All series are one batch, so a new epoch begins where the states begin.
    history = model.fit(
        known[:, :-1], known[:, 1:], epochs=args.epochs, verbose=0, callbacks=[seqtopo.ResetStates()]
    )
    print(f"trained on {len(known)} waves, {KNOWN} steps each: loss {history.history['loss'][-1]:.5f}")

    steps = unknown.shape[1]
    ahead = seqtopo.rollout(model, known, steps)
    from_one = seqtopo.rollout(model, known[:, :1], waves.shape[1] - 1)
    forecasts = {
        "the mean": np.broadcast_to(known.mean(axis=1, keepdims=True), unknown.shape),
        "the last step": np.broadcast_to(known[:, -1:], unknown.shape),
        f"the model, warmed up on {KNOWN} steps": ahead,
        "the model, from one step alone": from_one[:, KNOWN - 1 :],
    }
    print(f"root mean squared error of the {steps} steps beyond:")
    for name, forecast in forecasts.items():
        print(f"  {name:34} {np.sqrt(np.mean((forecast - unknown) ** 2)):.3f}")


if __name__ == "__main__":
    main()
