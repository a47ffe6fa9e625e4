"""Load saved models in plain Keras, predict and train on: a child process on its own backend."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

# A child that is isolated does not see this folder, nor what is not plain Keras.
sys.path.append(str(Path(__file__).parent))
from cheap_weights import cheap_weights


def main(folder: Path, into: Path) -> None:
    """Predict with every ``*.keras`` in ``folder`` on the data beside it.

    Where labels lie beside it, the model is compiled, and goes on training: its losses are written down.
    """
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.keras")):
        with cheap_weights():
            model = keras.saving.load_model(path)
        values = _read(path.with_suffix(".in.npz"))
        given = values if len(values) > 1 else values[0]
        out = _outputs(model, given, len(values[0]))
        np.savez(into / f"{path.stem}.out.npz", *(out if isinstance(out, list) else [out]))
        if path.with_suffix(".labels.npz").exists():
            labels = _read(path.with_suffix(".labels.npz"))
            wanted = labels if len(labels) > 1 else labels[0]
            losses = [model.train_on_batch(given, wanted, return_dict=True) for _ in range(2)]
            text = json.dumps([{name: float(value) for name, value in said.items()} for said in losses])
            (into / f"{path.stem}.losses.json").write_text(text)
    assert "seqtopo" not in sys.modules


def _outputs(model: Any, given: Any, batch: int) -> Any:
    if keras.config.backend() == "tensorflow":
        # predict would make a graph of each model first, which costs more than to run it.
        return keras.tree.map_structure(keras.ops.convert_to_numpy, model(given, training=False))
    return model.predict(given, batch_size=batch, verbose=0)


def _read(path: Path) -> list[Any]:
    with np.load(path) as data:
        return [data[key] for key in data.files]


if __name__ == "__main__":
    for folder in sys.argv[2:]:
        main(Path(folder), Path(folder) / sys.argv[1])
