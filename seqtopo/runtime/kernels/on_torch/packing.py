"""Which steps of a batch count: the way of a masked batch into PyTorch's packed layout, and back.

A masked step leaves the state as it is, and gives the output of the step before it once more, or zeros. So
a sequence with masked steps, wherever they are, is the shorter sequence of its other steps, whose outputs
are put back where they belong. PyTorch takes sequences of different lengths packed: the first steps of all,
the longest sequence first, then the second steps of those that have one, and so on. Each way is one gather.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Packing:
    """Where the steps of a batch of shape ``(batch, T)`` stand in the packed layout.

    ``steps`` are the places ``batch * T + t`` of the steps that count, in the packed order; ``sizes`` how
    many sequences have a first step, a second, and so on. ``rows`` are the sequences with any step, the
    longest first; ``places`` tell for each sequence where among these it is, or that it has none, by a
    number past the last. ``outputs`` tell for each step which packed output it gives, from 1; 0 is zeros.
    """

    steps: torch.Tensor
    sizes: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor
    outputs: torch.Tensor

    def pack(self, sequences: torch.Tensor) -> torch.Tensor:
        """The steps that count, of shape ``(steps, F)``."""
        return sequences.reshape(-1, sequences.shape[-1]).index_select(0, self.steps)

    def unpack(self, packed: torch.Tensor, last_only: bool) -> torch.Tensor:
        """The outputs of all steps, of shape ``(batch, T, units)``, or of the last one."""
        wanted = self.outputs[:, -1:] if last_only else self.outputs
        zeros = packed.new_zeros((1, packed.shape[-1]))
        found = torch.cat((zeros, packed)).index_select(0, wanted.reshape(-1))
        return found.reshape(*wanted.shape, -1)

    def final(self, state: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        """The states after the last step of each sequence; that of a sequence without steps as it was."""
        if len(self.rows) == len(self.places):
            return state.index_select(0, self.places)
        kept = torch.arange(len(self.places), device=initial.device)
        where = torch.where(self.places < len(self.rows), self.places, len(self.rows) + kept)
        return torch.cat((state, initial)).index_select(0, where)


def packing(mask: torch.Tensor, go_backwards: bool, zero_output: bool) -> Packing | None:
    """How a batch is packed whose steps count where ``mask``, of shape ``(batch, T)``, is true.

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
    sizes = (lengths > torch.arange(int(lengths.max()), device=mask.device)[:, None]).sum(1)
    before = sizes.cumsum(0) - sizes
    # The k-th step that counts of a sequence stands after all earlier ones, and after longer sequences.
    there = before[(counted - 1).clamp(min=0)] + places[:, None] if len(rows) else counted
    sequence, step = mask.nonzero(as_tuple=True)
    steps = torch.empty_like(sequence)
    steps[there[mask]] = sequence * length + (length - 1 - step if go_backwards else step)
    outputs = torch.where(mask if zero_output else counted > 0, there + 1, 0)
    return Packing(steps, sizes.cpu(), rows, places, outputs)
