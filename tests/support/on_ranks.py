"""Train small models, alone or on several ranks, and write down what they have learned.

``python -m tests.support.on_ranks FOLDER CASE...``, with the ranks in the environment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import seqtopo
from seqtopo.distributing.ranks import ranks_of
from tests.support.backend_run import LONG

ROWS, STEPS, BATCH = 76, 6, 16  # the last of five batches has 12 rows; four ranks share it, eight would not
RAGGED = 23
"""Rows to validate on: the last batch has seven, which ranks cannot share."""
EVEN = ("summed", "two", "normalized", "dropped") if keras.backend.backend() == "jax" and not LONG else ()
"""Cases with whole batches only, as JAX compiles each size of a batch anew, on every rank."""


def data(masked: bool = False) -> tuple[Any, Any]:
    """Return windows (rows, steps, 3), and the sum of the first feature."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, STEPS, 3)).astype("float32")
    if masked:
        for row in x:
            row[rng.integers(2, STEPS) :] = 0
    return x, x[:, :, :1].sum(1)


def optimizer() -> Any:
    """Return SGD with momentum, with which rounding does not grow."""
    return keras.optimizers.SGD(0.02, momentum=0.9)


def sequential(*layers: Any) -> keras.Model:
    """Return a model over the windows."""
    return keras.Sequential([keras.layers.Input((STEPS, 3)), *layers])


def plain() -> tuple[keras.Model, dict[str, Any]]:
    """Two recurrent layers, three metrics."""
    x, y = data()
    model = sequential(
        keras.layers.LSTM(5, return_sequences=True), keras.layers.GRU(4), keras.layers.Dense(1)
    )
    model.compile(optimizer(), "mse", metrics=["mae", keras.metrics.R2Score()])
    return model, {"x": x, "y": y, "validation_data": (x[:20], y[:20])}


def adam() -> tuple[keras.Model, dict[str, Any]]:
    """Adam, which enlarges what rounding leaves."""
    model, given = plain()
    # Two steps make one update.
    model.compile(keras.optimizers.Adam(0.01, gradient_accumulation_steps=2), "mse")
    return model, given


def attached() -> tuple[keras.Model, dict[str, Any]]:
    """The kernels of seqtopo."""
    model, given = plain()
    return seqtopo.attach(model), given


def masked() -> tuple[keras.Model, dict[str, Any]]:
    """A loss over the steps that are not masked, whose number differs from rank to rank."""
    x, _ = data(masked=True)
    model = sequential(
        keras.layers.Masking(), keras.layers.LSTM(5, return_sequences=True), keras.layers.Dense(1)
    )
    model.compile(optimizer(), "mse", metrics=["mae"])
    y = x[:, :, :1].cumsum(1)
    return model, {"x": x, "y": y, "validation_data": (x[:RAGGED], y[:RAGGED])}


def weighted() -> tuple[keras.Model, dict[str, Any]]:
    """A mean over the sample weights, whose sum differs from rank to rank."""
    x, y = data()
    model = sequential(keras.layers.LSTM(5), keras.layers.Dense(1))
    model.compile(
        optimizer(),
        keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"),
        weighted_metrics=["mae"],
    )
    weights = np.random.default_rng(1).uniform(size=ROWS)
    held = (x[:RAGGED], y[:RAGGED], weights[:RAGGED])
    return model, {"x": x, "y": y, "sample_weight": weights, "validation_data": held}


def summed() -> tuple[keras.Model, dict[str, Any]]:
    """A sum over the rows, a penalty on the weights, and gradients that are cut."""
    x, y = data()
    model = sequential(keras.layers.LSTM(5, kernel_regularizer="l2"), keras.layers.Dense(1))
    model.compile(
        keras.optimizers.SGD(0.001, momentum=0.9, global_clipnorm=1.0), keras.losses.MeanSquaredError("sum")
    )
    return model, {"x": x, "y": y}


def two() -> tuple[keras.Model, dict[str, Any]]:
    """Ids in, two answers out, with their own losses, weights and metrics."""
    ids = np.random.default_rng(2).integers(0, 9, size=(ROWS, STEPS))
    given = keras.Input((STEPS,), dtype="int32")
    hidden = keras.layers.GRU(5)(keras.layers.Embedding(9, 4)(given))
    ends = [keras.layers.Dense(1, name="a")(hidden), keras.layers.Dense(3, "softmax", name="b")(hidden)]
    model = keras.Model(given, ends)
    model.compile(
        optimizer(),
        ["mse", "sparse_categorical_crossentropy"],
        loss_weights=[0.3, 1.0],
        metrics=[["mae"], ["acc"]],
    )
    y = [ids.mean(1, keepdims=True).astype("float32"), ids[:, 0] % 3]
    # There, each batch counts alike in the loss of an output, also one that ranks do not share.
    tested = keras.backend.backend() == "tensorflow"
    held = {"validation_data": (ids[:RAGGED], [each[:RAGGED] for each in y])} if tested else {}
    return model, {"x": ids, "y": y, **held}


def normalized() -> tuple[keras.Model, dict[str, Any]]:
    """Batch normalisation: each rank has the statistics of its rows, but on JAX."""
    x, y = data()
    model = sequential(
        keras.layers.Conv1D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.LSTM(4),
        keras.layers.Dense(1),
    )
    model.compile(optimizer(), "mse")
    return model, {"x": x, "y": y}


def dropped() -> tuple[keras.Model, dict[str, Any]]:
    """Noise: each rank draws its own."""
    x, y = data()
    model = sequential(
        keras.layers.GaussianNoise(0.1),
        keras.layers.LSTM(5, dropout=0.2),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(1),
    )
    model.compile(optimizer(), "mse")
    return model, {"x": x, "y": y}


def own_loss() -> tuple[keras.Model, dict[str, Any]]:
    """A loss of the user's own that gives one value a sample, and a layer of frozen weights."""
    model, given = plain()
    model.layers[0].trainable = False
    model.compile(optimizer(), lambda y, guess: keras.ops.mean(keras.ops.square(y - guess), -1))
    return model, given


def generated() -> tuple[keras.Model, dict[str, Any]]:
    """A generator, whose first batch is looked at before training."""
    model, given = plain()
    x, y = given["x"], given["y"]

    def batches() -> Iterator[Any]:
        while True:
            for i in range(0, 64, BATCH):
                yield x[i : i + BATCH], y[i : i + BATCH]

    return model, {"x": batches(), "steps_per_epoch": 4, "shuffle": False}


CASES: dict[str, Callable[[], tuple[keras.Model, dict[str, Any]]]] = {
    made.__name__: made
    for made in (
        *(plain, adam, attached, masked, weighted, summed, two, normalized, dropped),
        *(own_loss, generated),
    )
}


def correlated() -> tuple[keras.Model, dict[str, Any]]:
    """A loss that is one number for a batch: one without the correlation of its rows."""

    def loss(y: Any, guess: Any) -> Any:
        a, b = y - keras.ops.mean(y), guess - keras.ops.mean(guess)
        return 1 - keras.ops.sum(a * b) / keras.ops.sqrt(keras.ops.sum(a * a) * keras.ops.sum(b * b))

    model, given = plain()
    model.compile(optimizer(), loss)
    return model, given


class OwnStep(keras.Sequential):  # type: ignore[misc]  # Keras ships no types
    """A model with a training step of its own."""

    def train_step(self, *args: Any) -> Any:
        """Train as Keras does."""
        return super().train_step(*args)


def own_step() -> tuple[keras.Model, dict[str, Any]]:
    """A training step of the user's own."""
    x, y = data()
    model = OwnStep([keras.layers.Input((STEPS, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)])
    model.compile(optimizer(), "mse")
    return model, {"x": x, "y": y}


class Adds(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """A layer that adds a sum over the batch to the loss."""

    def call(self, x: Any) -> Any:
        """Return what comes in."""
        self.add_loss(1e-3 * keras.ops.sum(keras.ops.square(x)))
        return x


def adding() -> tuple[keras.Model, dict[str, Any]]:
    """A layer that adds to the loss."""
    x, y = data()
    model = sequential(keras.layers.LSTM(4), Adds(), keras.layers.Dense(1))
    model.compile(optimizer(), "mse")
    return model, {"x": x, "y": y}


def fewer() -> tuple[keras.Model, dict[str, Any]]:
    """Data of which one rank has fewer rows."""
    model, given = plain()
    rows = ROWS - 20 * ranks_of().rank
    return model, {"x": given["x"][:rows], "y": given["y"][:rows]}


def late() -> tuple[keras.Model, dict[str, Any]]:
    """Data that differ between ranks in one number of the last batch."""
    model, given = plain()
    given["x"][-1, 0, 0] += ranks_of().rank
    return model, {"x": given["x"], "y": given["y"], "shuffle": False}


def held() -> tuple[keras.Model, dict[str, Any]]:
    """Data to validate on that differ between ranks, which share them."""
    model, given = plain()
    x, y = given["validation_data"]
    return model, {**given, "validation_data": (x + ranks_of().rank, y)}


REFUSED: dict[str, tuple[Callable[[], tuple[keras.Model, dict[str, Any]]], str]] = {
    "fewer": (fewer, "other arguments, or with data of other sizes"),
    "late": (late, "the ranks read different batches"),
    "held": (held, "the ranks read different batches"),
    "correlated": (correlated, "is not made sample by sample"),
    "own_step": (own_step, "has a train_step of its own"),
    "adding": (adding, "adds a loss of its own"),
}
"""Models and data that cannot be trained exactly, and what is said of them."""
OF_EACH = ("fewer", "late", "held")
"""Those that are refused on JAX, too, where the step sees the whole batch."""


def refusal(name: str) -> str:
    """Return why a case is refused; "" if it is trained."""
    model, given = REFUSED[name][0]()
    try:
        seqtopo.distribute(model)
        model.fit(**given, batch_size=BATCH, epochs=1, verbose=0)
    except seqtopo.DistributionError as error:
        return error.reason
    return ""


def run(name: str) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """Train a case for three epochs; return the history and all weights in one row."""
    keras.utils.set_random_seed(0)
    model, given = CASES[name]()
    if name in EVEN:
        given = keras.tree.map_structure(lambda rows: rows[: ROWS // BATCH * BATCH], given)
    seqtopo.distribute(model)
    history = model.fit(**given, batch_size=BATCH, epochs=3, verbose=0).history
    return history, np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def main(folder: str, *names: str) -> None:
    """Run cases one after the other; rank 0 writes what came out."""
    seqtopo.distribute()
    found = {name: run(name) for name in names if name in CASES}
    refused = {name: refusal(name) for name in names if name in REFUSED}
    if ranks_of().rank == 0:
        Path(folder, "refused.json").write_text(json.dumps(refused), encoding="utf-8")
        histories = {name: history for name, (history, _) in found.items()}
        Path(folder, "histories.json").write_text(json.dumps(histories, default=float), encoding="utf-8")
        np.savez(Path(folder, "weights.npz"), **{name: weights for name, (_, weights) in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
