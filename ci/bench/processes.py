"""A step of training in two processes against one, and against the backend's own way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from children import as_installed
from timing import Row, row

BACKENDS = ("jax", "torch", "tensorflow")
SPEC = "in(50,8) -> lstm(64,seq) -> lstm(64) -> dense(1)"
BATCHES = (32, 256)
STEPS, ROUNDS = 20, 5
ONE, TWO, DDP = "one process", "two processes", "DistributedDataParallel by hand"


def measure(backend: str) -> Iterator[Row]:
    """Two LSTM at two sizes of the batch. Both processes share the cores that the one has."""
    for batch in BATCHES:
        what = f"two LSTM(64), T=50, batches of {batch}: a step"
        ways = [ONE, TWO, *([DDP] if backend == "torch" else [])]
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(ROUNDS):
            for way in ways[:: 1 if turn % 2 else -1]:
                times[way].append(_seconds(way, batch))
        yield row(what, times, TWO, ONE, None, backend)
        if DDP in times:
            yield row(what, times, TWO, DDP, None, backend)


def _seconds(way: str, batch: int) -> float:
    """Return the seconds of a step, the median over an epoch that follows a warm one."""
    from seqtopo.distributing.launching import launch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seconds.json")
        command = [sys.executable, "-W", "ignore", __file__, way, str(batch), str(file)]
        if way == ONE:
            subprocess.run(command, env=as_installed(), capture_output=True, check=True)
        else:
            before = dict(os.environ)
            os.environ.update(as_installed())
            try:
                if launch(command, 2):
                    raise RuntimeError(f"{way} failed")
            finally:
                os.environ.clear()
                os.environ.update(before)
        return float(json.loads(file.read_text(encoding="utf-8")))


def _by_keras(batch: int) -> float:
    import keras
    import numpy as np

    import seqtopo

    class Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        """Take the time of each step of the second epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.taken: list[float] = []
            self.last = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            """Begin anew."""
            self.taken, self.last = [], perf_counter()

        def on_train_batch_end(self, number: int, logs: Any = None) -> None:
            """Note the time since the step before."""
            now = perf_counter()
            self.taken.append(now - self.last)
            self.last = now

    seqtopo.distribute()
    keras.utils.set_random_seed(0)
    model = seqtopo.compile(SPEC + "\ntrain sgd(0.01), loss=mse")
    seqtopo.distribute(model)
    x = np.random.default_rng(0).normal(size=(batch * STEPS, 50, 8)).astype("float32")
    steps = Steps()
    model.fit(x, x[:, -1, :1], batch_size=batch, epochs=2, verbose=0, callbacks=[steps])
    return median(steps.taken)


def _by_hand(batch: int) -> float:
    import torch
    from torch.nn.parallel import DistributedDataParallel

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.say = torch.nn.LSTM(8, 64, 2, batch_first=True), torch.nn.Linear(64, 1)

        def forward(self, x: Any) -> Any:
            return self.say(self.read(x)[0][:, -1])

    torch.distributed.init_process_group("gloo")
    world = torch.distributed.get_world_size()
    net = DistributedDataParallel(Net())
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    x = torch.randn(batch // world, 50, 8)
    taken = []
    for _ in range(2 * STEPS):
        start = perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(x), x[:, -1, :1]).backward()
        optimizer.step()
        taken.append(perf_counter() - start)
    torch.distributed.barrier()  # a rank that ends first would take the connection from the other
    torch.distributed.destroy_process_group()
    return median(taken[STEPS:])


if __name__ == "__main__":
    found = _by_hand(int(sys.argv[2])) if sys.argv[1] == DDP else _by_keras(int(sys.argv[2]))
    if os.environ.get("RANK", "0") == "0":
        Path(sys.argv[3]).write_text(json.dumps(found), encoding="utf-8")
