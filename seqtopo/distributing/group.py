"""Join the processes that train one model, and sum arrays over them; each backend has its own way."""

from __future__ import annotations

import hashlib
import os
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Protocol

import keras
import numpy as np

from seqtopo.distributing.ranks import (
    LAUNCHED,
    LOST,
    DistributionError,
    LostRankError,
    Ranks,
    check_ray,
    ranks_of,
)

Array = np.ndarray[Any, Any]

_joined: list[Group] = []
"""The group of this process, once it has joined one."""


class Installed(Protocol):
    """The changes to a model that make its training step compute one rank's share."""

    def refresh(self) -> None:
        """Update the changes after another ``compile``."""

    def try_out(self, batch: tuple[Any, ...] | None) -> None:
        """Refuse a loss, a metric or a layer of the user's own that cannot be shared, by the first batch."""

    def refuse_added_losses(self) -> None:
        """Refuse losses that layers add, after the first step."""

    def checksum_of_batch(self) -> int:
        """Return a number that distinguishes the batches so far from others."""

    def validating(self) -> AbstractContextManager[None]:
        """Return a context in which ``test_function`` computes this rank's share of each batch."""


class Group(ABC):
    """The processes that train one model, as one of them sees them."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def chance(self) -> bytes:
        """Return the states of all generators from which a shuffled order is drawn."""
        return repr((random.getstate(), [str(each) for each in np.random.get_state()])).encode()

    @contextmanager
    def chance_kept(self) -> Iterator[None]:
        """Restore the states of all generators after the ``with`` block."""
        state = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(state[0])
            np.random.set_state(state[1])

    def total(self, values: Array) -> Array:
        """Return the sum over the ranks of an array of float64; every rank calls it at the same point.

        Raises:
            LostRankError: another rank has ended.
        """
        with self.losses_in_words():
            return self._total(values)

    @abstractmethod
    def _total(self, values: Array) -> Array:
        """Return the sum over the ranks, or raise what the backend raises."""

    @abstractmethod
    def is_lost(self, error: Exception) -> bool:
        """Return whether an error of the backend says that the connection to another rank broke."""

    def leave(self, code: int) -> None:
        """Let this process end with an exit code, without the others: they wait for it elsewhere."""
        return  # most backends do not wait

    @contextmanager
    def leaving_on_error(self) -> Iterator[None]:
        """Leave the group if the ``with`` block ends with an error that the other ranks may not have."""
        try:
            yield
        except LostRankError:
            self.leave(LOST if LAUNCHED in os.environ else 1)
            raise
        except DistributionError:
            raise  # all ranks have it
        except KeyboardInterrupt:
            self.leave(130)
            raise
        except BaseException:
            self.leave(1)
            raise

    @contextmanager
    def losses_in_words(self) -> Iterator[None]:
        """Raise ``LostRankError`` for an error that says that the connection to another rank broke."""
        try:
            yield
        except Exception as error:
            if isinstance(error, DistributionError) or not self.is_lost(error):
                raise
            reason = " ".join(str(error).partition("\n")[0].split())[:120]
            raise LostRankError(reason) from error

    @abstractmethod
    def install(self, model: keras.Model) -> Installed:
        """Change the training step of a model so that it computes this rank's share of each batch.

        Raises:
            DistributionError: the model cannot be trained so on this backend.
        """

    def gather(self, values: Array) -> Array:
        """Return the arrays of all ranks, (world, ...)."""
        # Every number is exact: all but one of those that are added are zero.
        rows = np.zeros((self.ranks.world, *values.shape))
        rows[self.ranks.rank] = values
        return self.total(rows)

    def from_first(self, values: Array) -> Array:
        """Return the array of rank 0."""
        return self.total(values if self.ranks.rank == 0 else np.zeros_like(values))

    def number_of_first(self, value: float) -> float:
        """Return the number that rank 0 gives."""
        return float(self.from_first(np.array([float(value)]))[0])

    def wait(self) -> None:
        """Wait until all ranks have come to this point."""
        self.total(np.zeros(1))

    def differ(self, content: bytes) -> list[int]:
        """Return the ranks whose content is not that of rank 0."""
        digest = np.frombuffer(hashlib.blake2b(content, digest_size=32).digest(), "uint8")
        rows = self.gather(digest.astype("float64"))
        return [rank for rank, row in enumerate(rows) if (row != rows[0]).any()]


def join(device: str | None = None) -> Group | None:
    """Join the processes that the environment names, once; return None if this one is alone.

    Args:
        device: ``"cpu"``, ``"gpu"`` or ``"gpu:1"``, which the backend must be able to use.

    Raises:
        DistributionError: the environment contradicts itself, the processes do not meet, or the backend
            cannot use that device.
    """
    if device is not None:
        check_device(device)
    if not _joined:
        ranks, backend = ranks_of(), import_module(f"seqtopo.distributing.on_{keras.config.backend()}")
        if ranks.world == 1:
            # The user's own code may have connected the processes, and set nothing in the environment.
            ranks = backend.connected() or ranks
        if ranks.world == 1:
            check_ray()
            return None
        _joined.append(backend.join(ranks))
    return _joined[0]


def check_device(device: str) -> None:
    """Refuse a device that the backend cannot use, since Keras would train on another one.

    Raises:
        DistributionError: it cannot use it.
    """
    kind, _, number = device.partition(":")
    index = int(number) if number.isdigit() else 0
    if kind not in ("cpu", "gpu") or (number and not number.isdigit()):
        raise DistributionError(f"there is no device {device[:40]!r}", "write cpu, gpu or gpu:1")
    backend = keras.config.backend()
    have = import_module(f"seqtopo.distributing.on_{backend}").devices(kind)
    if index >= have:
        some = f"only {have}, numbered from 0" if have else "none"
        raise DistributionError(
            f"{backend} cannot use {device}: of such devices it sees {some}",
            f"see that its driver and a build of {backend} for it are installed, or leave out the device",
        )
