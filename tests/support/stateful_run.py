"""Run the stateful cases on one backend: ``python -m tests.support.stateful_run FOLDER [stock]``.

For each case comes ``NAME.npz``: what it gives piece by piece; and for Adam, and for some SGD, the losses of
two epochs, whose states are reset at their start, with the weights and the states after them. ``stock`` is
Keras alone, with what a user of Keras would write.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import seqtopo
from tests.support import stateful_cases as s
from tests.support.cheap_weights import cheap_weights

OPTIMIZERS = {"adam": lambda: keras.optimizers.Adam(0.01), "sgd": lambda: keras.optimizers.SGD(0.1)}


def main(folder: Path, stock: bool) -> None:
    """Run every case."""
    folder.mkdir(parents=True)
    for case in s.CASES:
        with cheap_weights():
            model = seqtopo.compile(case.spec)
            if stock:
                model = keras.models.clone_model(model)
        np.savez(folder / f"{case.name}.npz", **run(case, model, stock))


def run(case: s.Case, model: Any, stock: bool) -> dict[str, Any]:
    """Return the outputs of a model for a case, by name."""
    x = s.given(case)
    s.set_weights(model)
    # In Keras alone the batch is said each time, and nothing is shuffled on request.
    batches = {"batch_size": s.BATCH} if stock else {}
    step_by_step = keras.config.backend() == "tensorflow" and case.name not in s.COMPILED
    model.compile(run_eagerly=step_by_step)
    found = {"pieces": model.predict(x, verbose=0, **batches)}
    for name in OPTIMIZERS if case.name in s.COMPILED else ["adam"]:
        s.set_weights(model)
        model.compile(OPTIMIZERS[name](), "mse", run_eagerly=step_by_step)
        options = {"shuffle": False, **batches} if stock else {}
        reset = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: reset_stock(model))
        fitted = model.fit(
            x,
            s.labels(found["pieces"]),
            epochs=2,
            verbose=0,
            callbacks=[reset if stock else seqtopo.ResetStates()],
            **options,
        )
        found[f"{name}.losses"] = np.array(fitted.history["loss"])
        states = stock_states(model) if stock else seqtopo.get_states(model)
        for kind, arrays in (("weights", model.get_weights()), ("states", states)):
            found.update({f"{name}.{kind}.{i}": array for i, array in enumerate(arrays)})
    return found


def recurrent(model: Any) -> list[Any]:
    """The stateful layers, as somebody would collect them by hand."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    return [layer for layer in dict.fromkeys(layers) if layer.stateful]


def reset_stock(model: Any) -> None:
    """Reset by hand."""
    for layer in recurrent(model):
        layer.reset_states()


def stock_states(model: Any) -> list[Any]:
    """The states as they stand in Keras' variables."""
    return [keras.ops.convert_to_numpy(state) for layer in recurrent(model) for state in layer.states]


if __name__ == "__main__":
    main(Path(sys.argv[1]), "stock" in sys.argv[2:])
