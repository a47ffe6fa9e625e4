"""Loads saved models in plain Keras and predicts: run as a child process, on a backend of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np


def main(folder: Path, into: Path) -> None:
    """Predicts with every ``*.keras`` in ``folder`` on the data beside it."""
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(path)
        with np.load(path.with_suffix(".in.npz")) as data:
            values = [data[key] for key in data.files]
        out = model.predict(values if len(values) > 1 else values[0], verbose=0)
        np.savez(into / f"{path.stem}.out.npz", *(out if isinstance(out, list) else [out]))
    assert "seqtopo" not in sys.modules


if __name__ == "__main__":
    for folder in sys.argv[2:]:
        main(Path(folder), Path(folder) / sys.argv[1])
