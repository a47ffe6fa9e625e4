"""Pack a masked batch without its masked steps, and unpack it again.

A masked step leaves the state as it is, and gives the output of the step before it once more, or zeros. So
a sequence with masked steps, wherever they are, is the shorter sequence of its other steps, whose outputs
are put back where they belong. There are two layouts. *Packed* is PyTorch's own: the first steps of all, the
longest sequence first, then the second steps of those that have one, and so on. *Aligned* has the steps that
count first, and behind them what nobody looks at: it computes more, but on a CPU by a call that is several
times as fast. Each way is one gather.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Layout:
    """Where the steps of a batch of shape ``(batch, T)`` stand.

    ``steps`` are the places ``batch * T + t`` of the steps that are gone through, in the order of the layout.
    ``rows`` are the sequences with any step, the longest first; ``places`` tell for each sequence where among
    these it is, or that it has none, by a number past the last. ``outputs`` tell for each step which output
    of the layout it gives, from 1; 0 is zeros.
    """

    steps: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor
    outputs: torch.Tensor

    def pack(self, sequences: torch.Tensor) -> torch.Tensor:
        """The steps that are gone through, of shape ``(*steps.shape, F)``."""
        found = sequences.reshape(-1, sequences.shape[-1]).index_select(0, self.steps.reshape(-1))
        return found.reshape(*self.steps.shape, -1)

    def unpack(self, found: torch.Tensor, last_only: bool) -> torch.Tensor:
        """The outputs of all steps, of shape ``(batch, T, units)``, or of the last one."""
        wanted = self.outputs[:, -1:] if last_only else self.outputs
        zeros = found.new_zeros((1, found.shape[-1]))
        laid = torch.cat((zeros, found.reshape(-1, found.shape[-1]))).index_select(0, wanted.reshape(-1))
        return laid.reshape(*wanted.shape, -1)

    def final(self, state: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        """The states after the last step of each sequence; that of a sequence without steps as it was."""
        if len(self.rows) == len(self.places):
            return state.index_select(0, self.places)
        kept = torch.arange(len(self.places), device=initial.device)
        where = torch.where(self.places < len(self.rows), self.places, len(self.rows) + kept)
        return torch.cat((state, initial)).index_select(0, where)


@dataclass(frozen=True)
class Packed(Layout):
    """PyTorch's layout: ``sizes`` say how many sequences have a first step, a second, and so on."""

    sizes: torch.Tensor


@dataclass(frozen=True)
class Aligned(Layout):
    """The steps that count first, ``steps`` of shape ``(rows, longest)``; behind them the last once more."""

    lengths: torch.Tensor

    def last(self, found: torch.Tensor) -> torch.Tensor:
        """The outputs of each row's last step that counts, of shape ``(rows, units)``."""
        return found[torch.arange(len(found), device=found.device), self.lengths - 1]


def packing(mask: torch.Tensor, go_backwards: bool, zero_output: bool, *, aligned: bool) -> Layout | None:
    """How a batch is laid whose steps count where ``mask``, of shape ``(batch, T)``, is true.

    Nothing where all steps count. ``outputs`` are in the order in which the layer goes.
    """
    if bool(mask.all()):
        return None
    mask = mask.flip(1) if go_backwards else mask
    batch, length = mask.shape
    counted = mask.cumsum(1)
    lengths = counted[:, -1]
    order = lengths.argsort(descending=True, stable=True)
    rows = order[: int((lengths > 0).sum())]
    places = torch.empty_like(order)
    places[order] = torch.arange(batch, device=mask.device)
    longest = int(lengths.max())
    sequence, step = mask.nonzero(as_tuple=True)
    taken = sequence * length + (length - 1 - step if go_backwards else step)
    earlier = (counted - 1).clamp(min=0)
    if aligned:
        there = places[:, None] * longest + earlier
        # The last step that counts of each sequence, which is the last that is taken of it.
        ends = lengths.cumsum(0)[rows] - 1
        steps = taken[ends, None].repeat(1, longest).reshape(-1)
    else:
        sizes = (lengths > torch.arange(longest, device=mask.device)[:, None]).sum(1)
        before = sizes.cumsum(0) - sizes
        # The k-th step that counts of a sequence stands after all earlier ones, and after longer sequences.
        there = before[earlier] + places[:, None] if len(rows) else counted
        steps = torch.empty_like(taken)
    steps[there[mask]] = taken
    outputs = torch.where(mask if zero_output else counted > 0, there + 1, 0)
    if aligned:
        return Aligned(steps.reshape(len(rows), longest), rows, places, outputs, lengths[rows])
    return Packed(steps, rows, places, outputs, sizes.cpu())
