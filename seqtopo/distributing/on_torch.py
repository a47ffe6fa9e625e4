"""Add up gradients over processes with ``torch.distributed``: Gloo on CPUs, NCCL on GPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import keras
import numpy as np
import torch
import torch.distributed

from seqtopo.distributing.group import Array, Group, Installed
from seqtopo.distributing.ranks import DistributionError, Ranks, interface_of, name_is_local, own_address
from seqtopo.distributing.shares import SUMS, Shares
from seqtopo.runtime.kernels.on_torch.steps import update

TIMEOUT = timedelta(minutes=10)
"""The time for which a rank waits for the others; the first one may still compile."""
LOST_WORDS = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
"""Words of the errors of ``torch.distributed`` that say that a connection broke."""


def devices(kind: str) -> int:
    """Return the number of devices of a kind that PyTorch sees."""
    return torch.cuda.device_count() if kind == "gpu" else 1


def connected() -> Ranks | None:
    """Return the place of this process among those that the user's own code has connected, if it has."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    return Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size())


def join(ranks: Ranks) -> Group:
    """Join the processes, in the group of Ray or of the user's own code if there is one."""
    if not torch.distributed.is_initialized():
        os.environ.setdefault("MASTER_ADDR", ranks.address)
        os.environ.setdefault("MASTER_PORT", str(ranks.port))
        here = own_address(ranks)
        if "GLOO_SOCKET_IFNAME" not in os.environ and not here.startswith("127.") and name_is_local():
            os.environ.update({"GLOO_SOCKET_IFNAME": name} if (name := interface_of(here)) else {})
        kind = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        try:
            torch.distributed.init_process_group(
                kind, rank=ranks.rank, world_size=ranks.world, timeout=TIMEOUT
            )
        except (RuntimeError, ValueError) as error:
            raise DistributionError(
                f"the {ranks.world} ranks did not meet at {ranks.address}:{ranks.port} ({error})",
                "start all of them, and see that rank 0 is reached there",
            ) from None
    return TorchGroup(ranks)


class TorchGroup(Group):
    """The processes that ``torch.distributed`` connects."""

    def is_lost(self, error: Exception) -> bool:
        """Return whether an error says that the connection to another rank broke."""
        return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in LOST_WORDS)

    def _total(self, values: Array) -> Array:
        tensor = torch.from_numpy(np.array(values, "float64"))
        torch.distributed.all_reduce(tensor)
        found: Array = tensor.numpy()
        return found

    def chance(self) -> bytes:
        """Return the states of all generators from which a shuffled order is drawn."""
        return super().chance() + bytes(torch.get_rng_state().numpy())

    @contextmanager
    def chance_kept(self) -> Iterator[None]:
        """Restore the states of all generators, PyTorch's too, after the ``with`` block."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), super().chance_kept():
            yield

    def install(self, model: keras.Model) -> Installed:
        """Make the model's ``train_step`` compute this rank's rows."""
        shares = TorchShares(model, self)
        shares.install()
        return shares


class TorchShares(Shares):
    """The training step of one rank on PyTorch."""

    step_before, again = -1, 0
    """The number of the last step, and how many steps have had it before."""

    def rows(self, data: Any) -> tuple[Any, Any]:
        """Return this rank's rows of a batch, and the ratio of the batch's rows to these."""
        size = len(next(x for x in keras.tree.flatten(data) if x is not None))
        if size % self.world:
            return data, 1
        share = size // self.world
        start = self.rank * share
        return keras.tree.map_structure(
            lambda x: None if x is None else x[start : start + share], data
        ), self.world

    def reduced(self, tensors: Sequence[Any], what: str) -> list[Any]:
        """Return the sums over the ranks, with one message for all of them."""
        wide = torch.float64 if any(x.dtype == torch.float64 for x in tensors) else torch.float32
        flat = torch.cat([x.detach().reshape(-1).to(wide) for x in tensors])
        torch.distributed.all_reduce(flat)
        parts = flat.split([x.numel() for x in tensors])
        return [part.view(x.shape).to(x.dtype) for part, x in zip(parts, tensors, strict=True)]

    def fixed(self, variable: Any) -> Any:
        """Return a copy of a variable's value that later assignments do not change."""
        return variable.value.detach().clone()

    def checksum(self, data: Any) -> Any:
        """Return a number that distinguishes a batch from others."""
        parts = [x for x in keras.tree.flatten(data) if x is not None]
        numbers = [x.to(torch.float32).contiguous().view(torch.int32).sum() for x in parts]
        return torch.stack(numbers).sum() % SUMS

    def apply(self, optimizer: Any, gradients: list[Any], variables: Any) -> None:
        """Update the variables."""
        update(optimizer, gradients, variables)

    @contextmanager
    def noise_of_rank(self) -> Iterator[None]:
        """Draw other numbers on each rank, and restore PyTorch's generator after the ``with`` block."""
        if not self.generators:
            yield
            return
        # Where gradients are accumulated, several steps have one number.
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        self.again = self.again + 1 if step == self.step_before else 0
        self.step_before = step
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), super().noise_of_rank():
            torch.manual_seed(
                (torch.initial_seed() + 1_000_003 * step + 10_007 * self.again + self.rank) % 2**63
            )
            yield
