"""Train with a progress file after each epoch, from which a stopped run continues."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from seqtopo.data.headers import read_headers, read_notes
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit import keras_private
from seqtopo.runtime.states.tracking import ResetStates, reset_states, stateful_layers
from seqtopo.source import Span


class Cut(Protocol):
    """A sequence of batches; ``epoch`` determines a shuffled order."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, ...]: ...


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """A ``keras.utils.PyDataset`` of cut data; ``cut`` has its counts, such as ``dropped``.

    By default ``fit`` shuffles the batches of a PyDataset, without saying so. That would ruin segments whose
    states go on; so within an epoch the batches come in their own order, whichever is asked for. Shuffled
    windows are shuffled one by one, by their seed and the number of the epoch.
    """

    def __init__(self, cut: Cut) -> None:
        # One worker: batches are cheap to cut, and threads would hand them on in any order.
        super().__init__(workers=1)
        self.cut = cut
        self._next: int | None = None
        self._given = 0
        self.on_progress: Callable[[int], None] = lambda given: None
        """A function that is called with the number of batches of this epoch that were given."""

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.cut)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return one batch: (x, y) or (x, y, weights)."""
        if self._next is None:
            return self.cut[index]
        at, self._next = self._next, (self._next + 1) % len(self)
        self._given += 1
        self.on_progress(self._given)
        return self.cut[at]

    def on_epoch_begin(self) -> None:
        """Start at the first batch."""
        self._next = self._given = 0

    def on_epoch_end(self) -> None:
        """Let batches be asked for by number again; the next epoch has an order of its own."""
        # Keras begins an epoch, takes one batch to see its shape, and ends it: that was none.
        if self._given >= len(self):
            self.cut.epoch += 1
        self._next, self._given = None, 0

    def __str__(self) -> str:
        """Return the number of windows, segments or batches, with the shapes of the first batch."""
        shapes = [(name, part) for name, part in zip(("x", "y", "weights"), self.cut[0], strict=False)]
        shown = ", ".join(f"{name} {_shapes(part)}" for name, part in shapes)
        count = len(self)
        return f"{self.cut}, in {count:,} batch{'' if count == 1 else 'es'}: {shown}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def go_to(self, epoch: int) -> None:
        """Set the number of the next epoch, as when training continues after a stop."""
        self.cut.epoch = epoch


def _shapes(part: Any) -> str:
    """Return the shape of an array, or those of several, in words."""
    if isinstance(part, (tuple, list)):
        return f"({', '.join(map(_shapes, part))})"
    return str(tuple(part.shape))


History = dict[str, list[float]]
Write = Callable[[Path], object]


def seed_everything(seed: int) -> None:
    """Seed all random numbers drawn from here on, those of the weights included, so that runs repeat."""
    keras.utils.set_random_seed(seed)


class NotFiniteError(SpecError):
    """ST731: the loss or a metric is not finite after an epoch; has its name, value and epoch (from 1)."""

    def __init__(self, name: str, value: float, epoch: int) -> None:
        where = "on what is held out" if name.startswith("val_") else "in training"
        message = f"{name.removeprefix('val_')} is {value} {where}, in epoch {epoch}"
        help = "look for numbers that are too large in the data, or take a lower learning rate"
        super().__init__((Diagnostic("ST731", message, Span(0, 0), help=help),))
        self.name, self.value, self.epoch = name, value, epoch


class Progress:
    """The finished epochs of a run: ``history`` by name, and the model's variables, in one file."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.history: History = {}
        self.epochs = 0
        self.kept = 0
        """The number of them that the file holds."""

    def belongs(self) -> bool:
        """Return whether there is a file of this very run."""
        try:
            return bool(read_notes(self.path)["fingerprint"] == self.fingerprint)
        except Exception:  # see read_notes
            return False

    def restore(self, model: keras.Model) -> bool:
        """Restore the run from the file; return False if it is another run's, is damaged, or is missing."""
        variables = _variables(model)
        try:
            shapes = [tuple(variable.shape) for variable in variables]
            headers = read_headers(self.path)
            if [headers[f"v{i}"].shape for i in range(len(headers) - 1)] != shapes:
                return False
            notes = read_notes(self.path)
            with np.load(self.path, allow_pickle=False) as found:
                values = [found[f"v{i}"] for i in range(len(found.files) - 1)]
            fingerprint, history, epochs = (notes[name] for name in ("fingerprint", "history", "epochs"))
            whole = all(len(numbers) == epochs for numbers in history.values())
        # NumPy and zipfile have many ways to say that a file is not an archive of theirs.
        except Exception:
            return False
        if (
            fingerprint != self.fingerprint
            or not whole
            or any(value.dtype.kind not in "fiub" for value in values)
        ):
            return False
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.history, self.epochs = history, epochs
        self.kept = self.epochs
        return True

    def writer(self, model: keras.Model) -> Write:
        """Return a function that writes the file anew with the present state."""
        notes = {"fingerprint": self.fingerprint, "history": self.history, "epochs": self.epochs}
        values = [keras.ops.convert_to_numpy(variable) for variable in _variables(model)]
        named = {f"v{i}": value for i, value in enumerate(values)}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, notes=np.array(json.dumps(notes)), **named)

        return write


def _variables(model: keras.Model) -> list[Any]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def train(
    model: keras.Model,
    cut: Cut,
    held_out: Cut | None,
    epochs: int,
    progress: Progress,
    keep: Callable[[Write], None],
    tell: Callable[[int, dict[str, float]], None],
    on_progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Train for the remaining epochs.

    After each epoch ``keep`` is called with the function that writes the progress, and ``tell`` with the
    epoch and its numbers. ``on_progress`` is called with the number of batches of all epochs so far.

    Raises:
        NotFiniteError: the loss or a metric is not finite; that epoch is not kept.
    """
    batches = Batches(cut)
    validation = Batches(held_out) if held_out is not None else None
    stateful = [ResetStates(evaluate=True)] if stateful_layers(model) else []
    drawn = [
        generator.state
        for layer in keras_private.layers_inside(model)
        for generator in keras_private.seed_generators(layer)
    ]
    states: list[np.ndarray[Any, Any]] = []

    def begin(epoch: int, logs: Any) -> None:
        # The random numbers of an epoch depend on its number, so that they are the same whether the run was
        # stopped before it or not: fit reads a batch before the first one, which draws some, and PyTorch
        # draws dropout from its one generator.
        batches.go_to(epoch)
        keras.utils.set_random_seed(epoch)
        for variable, state in zip(drawn, states, strict=True):
            variable.assign(state)

    batches.on_progress = lambda given: on_progress(progress.epochs * len(batches) + given)
    ordered = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    while progress.epochs < epochs:
        epoch = progress.epochs
        states[:] = [np.array(keras.ops.convert_to_numpy(variable)) for variable in drawn]
        done = model.fit(
            batches,
            validation_data=validation,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=0,
            shuffle=False,
            callbacks=[ordered, *stateful],
        )
        numbers = {name: float(values[-1]) for name, values in done.history.items()}
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise NotFiniteError(name, value, epoch + 1)
        for name, value in numbers.items():
            progress.history.setdefault(name, []).append(value)
        progress.epochs = epoch + 1
        keep(progress.writer(model))
        progress.kept = progress.epochs
        tell(epoch + 1, numbers)


def from_its_start(model: keras.Model) -> Callable[[Any], Any]:
    """Return a function that predicts one batch after another, as arrays, from the initial states."""
    if stateful_layers(model):
        reset_states(model)
    predict: Callable[[Any], Any] = model.predict_on_batch
    return predict
