"""Wrap a model's ``fit`` so that all ranks start equal and stay equal, and measure its speed."""

from __future__ import annotations

import inspect
import random
import sys
import time
import types
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import keras
import numpy as np

from seqtopo.distributing.group import Group, join
from seqtopo.distributing.ranks import DistributionError
from seqtopo.emit.keras_private import layers_inside
from seqtopo.graph.inputs import BATCH
from seqtopo.runtime.kernels.attaching import attached, layers, make_ready
from seqtopo.runtime.states.tracking import stateful_layers

WRITERS = ("ModelCheckpoint", "CSVLogger", "TensorBoard", "RemoteMonitor")
"""The callbacks of Keras that write files or messages; only rank 0 has them."""
WARM = 20
"""The steps that are made before the speed is measured."""
ALONE = 10
"""The steps for which one rank alone is timed, before training starts."""
SLOW = 1.2
"""The speed-up over one rank alone below which there is a warning."""


def put_into(model: keras.Model | None, device: str | None = None) -> keras.Model | None:
    """Join the other processes, and make ``fit`` of a model train with them; see ``seqtopo.distribute``."""
    group = join(device)
    if group is not None and model is not None and not isinstance(vars(model).get("fit"), FitOnRanks):
        _install(model, group)
    return model


def _install(model: keras.Model, group: Group) -> None:
    if not getattr(model, "compiled", False):
        raise DistributionError(f"{model.name} is not compiled", "call its compile before it is distributed")
    if not model.built or not all(layer.built for layer in layers_inside(model)):
        raise DistributionError(f"{model.name} is not built", "give it a keras.Input, or call it once")
    kept = stateful_layers(model)
    if kept:
        raise DistributionError(
            f"{kept[0].name} is stateful: its states belong to the rows of a whole batch",
            "train it in one process, or without stateful",
        )
    model.fit = FitOnRanks(model, group)


class FitOnRanks:
    """The ``fit`` of a model that several processes train."""

    def __init__(self, model: keras.Model, group: Group) -> None:
        self.model, self.group, self.stock = model, group, model.fit
        self.installed = group.install(model)
        self.batch: tuple[Any, ...] | None = None
        """The first batch, on which parts of the user's own are still to be tried."""
        self.tried: tuple[Any, Any] | None = None
        """The optimizer and the loss with which they were tried last."""
        self.timed = False
        self.alone: float | None = None
        """Steps a second of one rank alone; None where it was not timed."""
        self.validating = ExitStack()
        """Open while the ranks share a validation."""
        self.steps, self.seconds = 0, 0.0
        """The steps of all calls so far, and how long those took that count."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Train as Keras' ``fit`` does, with the same arguments and the same data on every rank.

        Raises:
            DistributionError: the ranks differ in their data or weights, or a callback does not work on them.
        """
        given = inspect.signature(type(self.model).fit).bind(self.model, *args, **kwargs).arguments
        given.pop("self")
        given["callbacks"] = self._callbacks(given.get("callbacks"))
        if self.group.ranks.rank:
            given["verbose"] = 0
        self.installed.refresh()
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        if self.group.differ(outline(given).encode()):
            raise DistributionError(
                "the ranks call fit with other arguments, or with data of other sizes",
                "call it on every rank alike: also validation_data, epochs and batch_size",
            )
        self._seed_alike()
        self._same_start()
        # seqtopo fit calls this for each epoch; what compile made anew is tried anew.
        if self.tried is None or any(a is not b for a, b in zip(self.tried, self._compiled(), strict=True)):
            self.tried = self._compiled()
            with self.group.chance_kept():
                self.batch = batch = first_batch(given)
            self._share_evenly(batch)
            if not self.timed and self.group.ranks.rank == 0 and batch is not None:
                self._time_one_rank(batch)
            self.timed = True
        with self.validating, self.group.leaving_on_error(), self.group.losses_in_words():
            return self.stock(**given)

    def _compiled(self) -> tuple[Any, Any]:
        return self.model.optimizer, self.model.loss

    def _share_evenly(self, batch: tuple[Any, ...] | None) -> None:
        """Say where the ranks share no batch, as they are all of another size."""
        rows = len(keras.tree.flatten(batch[0])[0]) if batch is not None else 0
        world = self.group.ranks.world
        if rows % world and self.group.ranks.rank == 0:
            print(
                f"{world} ranks cannot share a batch of {rows} rows evenly, so each computes all of it",
                file=sys.stderr,
                flush=True,
            )

    def _callbacks(self, given: Any) -> list[Any]:
        if isinstance(given, keras.callbacks.CallbackList):
            raise DistributionError("callbacks is a CallbackList", "give a list of callbacks")
        callbacks = list(keras.tree.flatten(given or []))
        for each in callbacks:
            if isinstance(each, keras.callbacks.BackupAndRestore):
                raise DistributionError(
                    "BackupAndRestore would go on from another epoch on each rank",
                    "keep a ModelCheckpoint, load its weights before fit, and give initial_epoch; or use "
                    "seqtopo fit, which goes on by itself",
                )
        if self.group.ranks.rank:
            callbacks = [x for x in callbacks if type(x).__name__ not in WRITERS]
        return [SameNumbers(self.group), *callbacks, InSync(self)]

    def _time_one_rank(self, batch: tuple[Any, ...]) -> None:
        """Time steps on the first batch in this process alone; they train a copy of the model."""
        with self.group.chance_kept():
            try:
                copy = _copy(self.model)
                for _ in range(3):
                    copy.train_on_batch(*batch)
                started = time.perf_counter()
                for _ in range(ALONE):
                    copy.train_on_batch(*batch)
            # A model of a user's own class may not be copied; then there is no speed-up to tell.
            except Exception:
                return
        self.alone = ALONE / (time.perf_counter() - started)

    def _seed_alike(self) -> None:
        """Seed all ranks with the same number if their generators differ, so that they shuffle alike."""
        seed = self.group.number_of_first(random.SystemRandom().randrange(2**31))
        if self.group.differ(self.group.chance()):
            keras.utils.set_random_seed(int(seed))

    def _same_start(self) -> None:
        """Give every rank the weights and states of rank 0."""
        variables = state_of(self.model)
        values = [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]
        flat = self.group.from_first(np.concatenate([value.ravel().astype("float64") for value in values]))
        ends = np.cumsum([value.size for value in values])[:-1]
        for variable, value, first in zip(variables, values, np.split(flat, ends), strict=True):
            variable.assign(first.reshape(value.shape).astype(value.dtype))


def _copy(model: keras.Model) -> keras.Model:
    """Return a model of the same layers, kernels and ``compile`` settings, for this process alone."""
    copy = keras.models.clone_model(model)
    copy.compile_from_config(model.get_compile_config())
    return make_ready(copy) if any(attached(layer) for layer in layers(model)) else copy


def outline(given: dict[str, Any]) -> str:
    """Return the arguments of ``fit`` as a text that differs if ranks would take other numbers of steps."""

    def told(x: Any) -> Any:
        if isinstance(x, (int, float, str, bool, type(None))):
            return repr(x)
        if hasattr(x, "shape"):
            return [str(tuple(x.shape)), str(x.dtype)]
        if isinstance(x, dict):
            return {str(name): told(each) for name, each in x.items()}
        if isinstance(x, (list, tuple)):
            return [told(each) for each in x]
        try:
            return [type(x).__name__, len(x)]
        except TypeError:
            return type(x).__name__

    return repr({name: told(x) for name, x in given.items() if name not in ("callbacks", "verbose")})


def first_batch(given: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return the first batch of the data of ``fit``; None for a ``tf.data.Dataset``.

    Taking one from a dataset would change the order in which it shuffles. A generator is put back into
    ``given`` with its first batch in front.
    """
    x: Any = given.get("x")
    if isinstance(x, keras.utils.PyDataset):
        return tuple(x[0])
    if isinstance(x, types.GeneratorType):
        first = next(x, None)
        given["x"] = _again(first, x)
        return tuple(first) if isinstance(first, (tuple, list)) else None
    if type(x).__module__.startswith("torch.utils.data"):
        first = next(iter(x), None)
        return tuple(first) if isinstance(first, (tuple, list)) else None
    leaves = keras.tree.flatten(x)
    if not leaves or any(not isinstance(each, np.ndarray) for each in leaves):
        return None
    parts = (x, given.get("y"), given.get("sample_weight"))
    first = slice(given.get("batch_size") or BATCH)
    return tuple(None if x is None else keras.tree.map_structure(lambda a: a[first], x) for x in parts)


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from rest


class SameNumbers(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A callback that gives every rank the metrics of rank 0 after an epoch, before others use them."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Replace the metrics by those of rank 0."""
        for name in sorted(logs or ()):  # a metric may have a number for each class
            first = self.group.from_first(np.asarray(logs[name], "float64"))
            logs[name] = first if first.ndim else float(first)


class InSync(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A callback that stops training if the ranks differ in their weights or in their batches."""

    def __init__(self, fit: FitOnRanks) -> None:
        super().__init__()
        self.fit, self.group = fit, fit.group
        self.first = True
        self.last = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Try parts of the user's own: only now, as Keras draws no batch to build metrics that are built."""
        if self.fit.steps == 0 or self.fit.batch is not None:
            with self.group.chance_kept():
                self.fit.installed.try_out(self.fit.batch)
            self.fit.batch = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Request a check of the first batch of the epoch."""
        self.first = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Compare batches and, once, weights; measure the time."""
        fit, now = self.fit, time.perf_counter()
        fit.steps += 1
        if self.first:
            self.first = False
            self._same_batch()
            if fit.steps == 1:
                self._same_weights("the first step")
                fit.installed.refuse_added_losses()
            now = time.perf_counter()
        elif 2 < fit.steps <= 2 + WARM:
            fit.seconds += now - self.last
            if fit.steps == 2 + WARM:
                self._tell()
        self.last = now

    def on_test_begin(self, logs: Any = None) -> None:
        """Share the validation from here on; ``evaluate`` outside of ``fit`` has no such callback."""
        self.fit.validating.enter_context(self.fit.installed.validating())

    def on_test_end(self, logs: Any = None) -> None:
        """Share no more."""
        self.fit.validating.close()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare the weights and all batches, and stop all ranks if rank 0 stops."""
        self._same_weights(f"epoch {epoch + 1}")
        self._same_batch()
        self.model.stop_training = bool(self.group.number_of_first(self.model.stop_training))

    def _same_batch(self) -> None:
        checked = np.array([self.fit.installed.checksum_of_batch()], "float64")
        if self.group.differ(checked.tobytes()):
            raise DistributionError(
                "the ranks read different batches",
                "give each of them the same data in the same order: every rank takes its own rows of a batch",
            )

    def _same_weights(self, when: str) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        content = b"".join(np.asarray(keras.ops.convert_to_numpy(v)).tobytes() for v in state_of(self.model))
        others = self.group.differ(content)
        if others:
            names = ", ".join(map(str, others))
            raise DistributionError(
                f"after {when} rank {names} has other weights than rank 0, so this is no longer one model",
                "look for what only some ranks do: a callback that changes weights, a random number, or "
                "another kind of device",
            )

    def _tell(self) -> None:
        ranks, alone = self.group.ranks, self.fit.alone
        if ranks.rank:
            return
        speed = WARM / self.fit.seconds
        line = f"{ranks.world} ranks: {speed:.3g} steps a second"
        if alone:
            line += f", {speed / alone:.2f} times as many as one rank alone"
            if speed / alone < SLOW:
                line += "; a larger batch, or fewer processes, would use the cores better"
        print(line, file=sys.stderr, flush=True)


def state_of(model: keras.Model) -> list[Any]:
    """Return the variables that must be the same on all ranks."""
    return [*model.variables, *model.optimizer.variables]
