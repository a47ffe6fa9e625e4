"""Trains the spec beside this file to tell tomorrow's temperature from the last 29 days."""

import argparse
import random
from pathlib import Path

import make_data
import numpy as np

import seqtopo

HERE = Path(__file__).parent
WINDOW = 29
TEST_DAYS = 730


def read_series() -> np.ndarray:
    """The temperatures in the order of the days: shape (days,)."""
    if not make_data.FILE.exists():
        make_data.main()
    return np.loadtxt(make_data.FILE, delimiter=",", skiprows=1, usecols=1, dtype="float32")


def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every 29 days in a row, and the day after them: shapes (n, 29, 1) and (n, 1)."""
    x = np.lib.stride_tricks.sliding_window_view(series, WINDOW)[:-1]
    return x[..., None].copy(), series[WINDOW:, None]


def chart(truth: np.ndarray, said: np.ndarray) -> str:
    """One line a day: ``o`` is what was measured, ``x`` what was predicted, ``*`` where they meet."""
    low, high = np.floor(min(truth.min(), said.min())), np.ceil(max(truth.max(), said.max()))
    lines = []
    for day, (true, guess) in enumerate(zip(truth, said, strict=True), 1):
        row = [" "] * 51
        at_true, at_guess = (round(float(50 * (v - low) / (high - low))) for v in (true, guess))
        row[at_guess] = "x"
        row[at_true] = "*" if at_true == at_guess else "o"
        lines.append(f"  day {day:2} |{''.join(row)}| {true:5.1f} {guess:5.1f}")
    scale = f"{low:.0f}".ljust(47) + f"{high:4.0f}"
    return "\n".join([f"          {scale}", *lines])


def main() -> None:
    """Trains, compares with simpler forecasts, draws, saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backend", help="jax, torch or tensorflow; else what Keras is set to")
    args = parser.parse_args()

    random.seed(29)  # from which Keras draws the seeds of the first weights
    model = seqtopo.compile(HERE / "spec.txt", backend=args.backend)

    import keras  # only now, when the backend is chosen

    keras.utils.set_random_seed(29)
    series = read_series()
    # The last two years are for the test. Nothing of them is in the training windows, nor in the
    # mean and the spread that scale the numbers.
    early, late = series[:-TEST_DAYS], series[-TEST_DAYS:]
    mean, spread = early.mean(), early.std()
    x, y = windows((early - mean) / spread)
    x_test, _ = windows((late - mean) / spread)

    model.fit(x, y, epochs=args.epochs, batch_size=64, verbose=0)

    truth = late[WINDOW:]
    forecasts = {
        "the mean of the training years": mean,
        "tomorrow is as today": late[WINDOW - 1 : -1],
        "the model": model.predict(x_test, batch_size=len(x_test), verbose=0)[:, 0] * spread + mean,
        "one who knows how the data is made": np.array(make_data.best_forecasts(series))[-len(truth) :],
    }
    print(f"trained on {len(x)} windows, tested on {len(x_test)} later ones, with {keras.config.backend()}")
    print("root mean squared error of the forecasts for tomorrow, in degrees:")
    for name, forecast in forecasts.items():
        print(f"  {name:35} {np.sqrt(np.mean((truth - forecast) ** 2)):.2f}")
    print("\nthree weeks of the test: o measured, x predicted, * both")
    print(chart(truth[:21], forecasts["the model"][:21]))

    saved = HERE / "temperatures.keras"
    model.save(saved)
    print(f"\nsaved {saved.name}: keras.models.load_model reads it, without seqtopo")


if __name__ == "__main__":
    main()
