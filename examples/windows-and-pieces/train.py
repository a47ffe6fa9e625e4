"""Trains on the same series twice: in windows that know nothing of each other, and in pieces that go on."""

import argparse
import random
from pathlib import Path

import make_data
import numpy as np

import seqtopo
from seqtopo import data

HERE = Path(__file__).parent


def rmse(off: np.ndarray) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean(off**2)))


def main() -> None:
    """Trains both, and compares them on the last fifth of the series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(10)  # from which Keras draws the seeds of the first weights
    forgets = seqtopo.compile(HERE / "windows.txt", backend=args.backend)
    goes_on = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(10)
    early, late = data.split(make_data.measured(), 0.2)

    windows = data.for_spec(HERE / "windows.txt", early, shuffle=True)
    pieces = data.for_spec(HERE / "spec.txt", early)
    print(f"{windows.cut}; for example (batch, steps, features) = {windows[0][0].shape}")
    print(f"{pieces.cut}; for example (batch, steps, features) = {pieces[0][0].shape}")
    # One epoch of pieces has a quarter of the samples, with four answers each.
    forgets.fit(windows, epochs=args.epochs, verbose=0)
    goes_on.fit(pieces, epochs=args.epochs, verbose=0, callbacks=[seqtopo.ResetStates()])

    test = data.for_spec(HERE / "windows.txt", late)
    alone = np.concatenate([test[i][1] for i in range(len(test))]) - forgets.predict(test, verbose=0)
    test = data.for_spec(HERE / "spec.txt", late)
    goes_on.reset_states()
    said = goes_on.predict(test, verbose=0)
    after = np.concatenate([test[i][1] for i in range(len(test))]) - said
    goes_on.reset_states()
    forgotten = []
    for i in range(len(test)):
        goes_on.reset_states()
        forgotten.append(test[i][1] - goes_on.predict_on_batch(test[i][0]))
    series = late.array
    print("root mean squared error, one step ahead:")
    for name, off in {
        "always the mean": series - early.array.mean(),
        "the last measurement": series[1:] - series[:-1],
        "windows": alone,
        "pieces, states reset each time": np.concatenate(forgotten),
        "pieces, states that go on": after,
        "one who knows how the data is made": series - make_data.best_forecasts(series),
    }.items():
        print(f"  {name:35} {rmse(off):.3f}")


if __name__ == "__main__":
    main()
