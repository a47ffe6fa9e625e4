"""A step of training in two processes against one, and against the backend's own way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from children import as_installed
from timing import Row, row

BACKENDS = ("jax", "torch", "tensorflow")
SPEC = "in(50,8) -> lstm(64,seq) -> lstm(64) -> dense(1)"
BATCHES = (32, 256)
STEPS, ROUNDS = 12, 5
ONE, TWO, DDP = "one process", "two processes", "DistributedDataParallel by hand"


def measure(backend: str) -> Iterator[Row]:
    """Two LSTM at two sizes of the batch. Both processes share the cores that the one has.

    All ways start once, at the same time; then each trains in its turn while the others wait.
    """
    ways = [ONE, TWO, *([DDP] if backend == "torch" else [])]
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        started = [running.enter_context(_started(way, folder)) for way in ways]
        try:
            for way, process in zip(ways, started, strict=True):
                _answer(folder, way, "ready", process)
            taken: dict[tuple[int, str], list[float]] = {}
            for turn in range(ROUNDS):
                for batch in BATCHES:
                    for i in list(range(len(ways)))[:: 1 if turn % 2 else -1]:
                        task = f"{turn} {batch}"
                        _file(folder, ways[i], f"go {task}").touch()
                        seconds = float(_answer(folder, ways[i], task, started[i]))
                        taken.setdefault((batch, ways[i]), []).append(seconds)
        finally:
            for process in started:
                process.terminate()  # one that has done all its turns has ended
    for batch in BATCHES:
        what = f"two LSTM(64), T=50, batches of {batch}: a step"
        times = {way: taken[batch, way] for way in ways}
        yield row(what, times, TWO, ONE, None, backend)
        if DDP in times:
            yield row(what, times, TWO, DDP, None, backend)


def _started(way: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that trains in its turns, or one that launches two such."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, "1" if way == ONE else "2", way, str(folder)],
        env=as_installed(),
        stdout=subprocess.DEVNULL,
        stderr=_file(folder, way, "said").open("wb"),
    )


def _file(folder: Path, way: str, task: str) -> Path:
    return folder / f"{way} {task}".replace(" ", "_")


def _answer(folder: Path, way: str, task: str, process: subprocess.Popen[bytes]) -> str:
    """Wait for what a way writes after a task, and return it."""
    file = _file(folder, way, task)
    while not file.exists():
        if process.poll():
            said = _file(folder, way, "said").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{way} failed: {said[-2000:]}")
        time.sleep(0.02)
    return file.read_text(encoding="utf-8")


def _train(way: str, folder: Path) -> None:
    """Train in the turns of a way, as one of its ranks."""
    first = os.environ.get("RANK", "0") == "0"
    made = _by_hand if way == DDP else _by_keras
    tasks = made()

    def write(task: str, content: str) -> None:
        if first:
            file = _file(folder, way, task)
            file.with_suffix(".part").write_text(content, encoding="utf-8")
            file.with_suffix(".part").replace(file)

    for task in tasks.values():
        task()  # compiles
    write("ready", "")
    for turn in range(ROUNDS):
        for batch, task in tasks.items():
            while first and not _file(folder, way, f"go {turn} {batch}").exists():
                time.sleep(0.02)  # the other rank waits in its first step
            write(f"{turn} {batch}", str(task()))
    if way == DDP:
        import torch

        torch.distributed.barrier()  # a rank that ends first would take the connection from the other
        torch.distributed.destroy_process_group()


def _by_keras() -> dict[int, Callable[[], float]]:
    """Return what trains for an epoch with each size of a batch, and returns the seconds of a step."""
    import keras
    import numpy as np

    import seqtopo

    class Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        """Take the time of each step of an epoch but the first, at which the ranks compare their batches."""

        def __init__(self) -> None:
            super().__init__()
            self.taken: list[float] = []
            self.last = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            """Begin anew."""
            self.taken = []

        def on_train_batch_begin(self, number: int, logs: Any = None) -> None:
            """Start the clock at the second step, as the first ends with comparisons."""
            if number == 1:
                self.last = perf_counter()

        def on_train_batch_end(self, number: int, logs: Any = None) -> None:
            """Note the time since the step before."""
            if number:
                now = perf_counter()
                self.taken.append(now - self.last)
                self.last = now

    seqtopo.distribute()
    x = np.random.default_rng(0).normal(size=(max(BATCHES) * STEPS, 50, 8)).astype("float32")

    def task(batch: int) -> Callable[[], float]:
        keras.utils.set_random_seed(0)
        model = seqtopo.compile(SPEC + "\ntrain sgd(0.01), loss=mse")
        seqtopo.distribute(model)
        rows, steps = x[: batch * STEPS], Steps()

        def epoch() -> float:
            model.fit(rows, rows[:, -1, :1], batch_size=batch, verbose=0, callbacks=[steps])
            return median(steps.taken)

        return epoch

    return {batch: task(batch) for batch in BATCHES}


def _by_hand() -> dict[int, Callable[[], float]]:
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

    def task(batch: int) -> Callable[[], float]:
        x = torch.randn(batch // world, 50, 8)

        def epoch() -> float:
            taken = []
            torch.distributed.barrier()  # both ranks begin in the same turn
            for _ in range(STEPS):
                start = perf_counter()
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(net(x), x[:, -1, :1]).backward()
                optimizer.step()
                taken.append(perf_counter() - start)
            return median(taken[1:])

        return epoch

    return {batch: task(batch) for batch in BATCHES}


if __name__ == "__main__":
    count, way, where = sys.argv[1:]
    if count == "1":
        _train(way, Path(where))
    else:
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
        from seqtopo.distributing.launching import launch

        sys.exit(launch([sys.executable, "-W", "ignore", __file__, "1", way, where], 2))
