"""Train over processes on JAX: one compiled step over arrays that all of them hold.

The step sees the whole batch; XLA splits its rows over the devices and adds up what must be added, so losses,
metrics and batch normalisation are those of one process. Between steps each rank has plain arrays of its own:
``save``, ``predict`` and callbacks work as ever, on one rank alone too. Under ``keras.distribution`` they do
not: a model that rank 0 alone saves waits for the other ranks for ever.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqtopo.distributing.group import Array, Group, Installed
from seqtopo.distributing.ranks import (
    DistributionError,
    Ranks,
    exchange,
    free_port,
    name_is_local,
    own_address,
)
from seqtopo.distributing.shares import FACTOR, SUMS


def devices(kind: str) -> int:
    """Return how many devices of a kind JAX sees in this process."""
    try:
        return len(jax.local_devices(backend=kind))
    except RuntimeError:
        return 0


def connected() -> Ranks | None:
    """Return the place of this process among those that the user's own code has connected, if it has."""
    if not jax.distributed.is_initialized() or jax.process_count() == 1:
        return None
    return Ranks(jax.process_index(), jax.process_count())


def join(ranks: Ranks) -> Group:
    """Connect the processes, unless Ray or the user's own code has done so."""
    if not jax.distributed.is_initialized():
        mine = f"{own_address(ranks)}:{free_port()}" if ranks.rank == 0 else "-"
        coordinator = exchange(ranks, mine)[0]
        try:
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
            # This service would keep SIGTERM from ending the process.
            jax.config.update("jax_enable_preemption_service", False)
            jax.distributed.initialize(coordinator, ranks.world, ranks.rank)
        except RuntimeError as error:
            raise DistributionError(
                f"JAX has been used already ({error})",
                "call seqtopo.distribute() first, before a model is made",
            ) from None
    group = JaxGroup(ranks)
    try:
        group._total(np.zeros(1))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise DistributionError(
            f"the {ranks.world} ranks have met, but cannot exchange arrays ({reason[:120]})",
            "let the name of each machine lead to its own address in /etc/hosts, not to 127.0.0.1"
            if name_is_local()
            else "see that the machines reach each other on all ports",
        ) from None
    return group


def _end_at_once(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class JaxGroup(Group):
    """Processes that JAX's coordinator connects."""

    def is_lost(self, error: Exception) -> bool:
        """Return whether an error says that the connection to another rank broke."""
        return isinstance(error, RuntimeError) and "gloo" in str(error).lower()

    def leave(self, code: int) -> None:
        """Let this process end with an exit code, without the others: they wait for it elsewhere.

        JAX would wait for five minutes, at a barrier that each process reaches when it ends.
        """
        atexit.unregister(_end_at_once)
        atexit.register(_end_at_once, code)

    def _total(self, values: Array) -> Array:
        # Bytes, as JAX would make 32 bits of 64.
        content = np.frombuffer(np.ascontiguousarray(values, "float64").tobytes(), "uint8")
        rows = np.asarray(multihost_utils.process_allgather(content)).reshape(self.ranks.world, -1)
        added: Array = rows.view("float64").reshape(self.ranks.world, *values.shape).sum(0)
        return added

    def install(self, model: keras.Model) -> Installed:
        """Let the model's compiled step work on the arrays of all processes."""
        step = JaxStep(model, self.ranks)
        step.refresh()

        def make_train_function(force: bool = False) -> None:
            if model.train_function is None or force:
                model.train_function = step.function(model.train_step)

        model.make_train_function = make_train_function
        model.train_function = None  # it was made of the step before
        return step


class JaxStep:
    """The training step of a model over one device of each process."""

    def __init__(self, model: keras.Model, ranks: Ranks) -> None:
        self.model, self.world = model, ranks.world
        firsts: dict[int, Any] = {}
        for device in jax.devices():
            firsts.setdefault(device.process_index, device)
        self.device = firsts[jax.process_index()]
        mesh = Mesh(np.array([firsts[i] for i in sorted(firsts)]), ("rows",))
        self.whole = NamedSharding(mesh, PartitionSpec())
        self.split = NamedSharding(mesh, PartitionSpec("rows"))
        self.tested: tuple[Any, Any] = (None, None)
        """The model's own ``test_function``, and the one in shares that stands for it."""
        self.checked = 0
        """A number that distinguishes the batches so far from others, so that ranks can compare them."""

    def refresh(self) -> None:
        """Refuse a model that another ``compile`` lets run eagerly."""
        if self.model.run_eagerly:
            raise DistributionError(
                "the model was compiled with run_eagerly, but over processes JAX trains compiled",
                "leave run_eagerly out",
            )

    def try_out(self, batch: tuple[Any, ...] | None) -> None:
        """Accept every model: the step sees the whole batch."""

    def refuse_added_losses(self) -> None:
        """Accept every loss, as the step sees the whole batch."""

    def checksum_of_batch(self) -> int:
        """Return a number that distinguishes the batches so far from others."""
        return self.checked

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Share the batches of a validation inside the ``with`` block."""
        model, before = self.model, self.model.test_function
        if self.tested[0] is not before:  # compile makes another one
            self.tested = before, self.function(model.test_step)
        model.test_function = self.tested[1]
        try:
            yield
        finally:
            model.test_function = before

    def function(self, step: Any) -> Any:
        """Return what takes the state and an iterator, as Keras' ``train_function`` does, for a step."""

        def over_all(state: Any, data: Any) -> Any:
            return step(state, jax.tree.map(self._shared, data))

        compiled = jax.jit(over_all, donate_argnums=0, out_shardings=self.whole)

        def over_iterator(state: Any, iterator: Any) -> Any:
            for number in range(self.model.steps_per_execution):
                batch = next(iterator, None) if number else next(iterator)
                if batch is None:
                    break  # the data end within this call
                data = jax.tree.map(np.asarray, batch)
                numbers = [int(x.astype("float32").view("int32").sum()) for x in jax.tree.leaves(data)]
                self.checked = (self.checked * FACTOR + sum(numbers)) % SUMS
                logs, state = compiled(*jax.tree.map(self._of_all, (state, data)))
                logs, state = jax.tree.map(lambda x: x.addressable_data(0), (logs, state))
            return logs, state

        return over_iterator

    def _of_all(self, x: Any) -> Any:
        """Return an array, equal in all processes, as one that all of them hold."""
        here = jax.device_put(x, self.device)
        return jax.make_array_from_single_device_arrays(here.shape, self.whole, [here])

    def _shared(self, x: Any) -> Any:
        """Split the rows over the processes, where they can be split evenly."""
        if x.ndim == 0 or x.shape[0] % self.world:
            return x
        return jax.lax.with_sharding_constraint(x, self.split)
