"""Train a Keras model in one process, or as one of several ranks: the same script, the same weights.

``python train.py``; ``torchrun --nproc-per-node 2 train.py``; ``srun --ntasks 2 python train.py``.
"""

import argparse
import os

import keras
import numpy as np

import seqtopo

SPEC = """in(24,3) -> lstm(16,seq) -> lstm(8) -> dense(1)
train sgd(0.05,momentum=0.9), loss=mse, metrics=[mae]"""


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return windows of three waves, and the mean of the first; the same on every rank."""
    random = np.random.default_rng(0)
    starts = random.uniform(0, 100, size=(1000, 1, 1))
    x = np.sin(starts + np.arange(24)[:, None] / np.array([2.0, 5.0, 11.0])).astype("float32")
    return x, x[:, :, :1].mean(1)


def train(epochs: int = 3, output: str = "") -> keras.Model:
    """Train, and let rank 0 save the model."""
    seqtopo.distribute()  # join the other ranks, if there are any; before anything is computed
    keras.utils.set_random_seed(0)
    model = seqtopo.compile(SPEC)
    seqtopo.distribute(model)  # its fit trains with the other ranks from here on
    x, y = data()
    history = model.fit(x, y, batch_size=64, epochs=epochs, validation_split=0.2, verbose=0).history
    if os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")) == "0":
        print(f"loss {history['loss'][-1]:.6f}  val_loss {history['val_loss'][-1]:.6f}")
        if output:
            model.save(output)
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("-o", "--output", default="")
    arguments = parser.parse_args()
    train(arguments.epochs, arguments.output)
