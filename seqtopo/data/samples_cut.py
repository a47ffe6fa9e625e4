"""Serve batches of samples x and y, with the interface of a series' batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqtopo.data.order import shuffled

Arrays = tuple[np.ndarray[Any, Any], ...]


@dataclass
class Samples:
    """Arrays (samples, ...) for each input and each output, in batches.

    ``weights`` are those of the samples, where there are some; ``whole`` leaves out a last smaller batch.
    """

    x: Arrays
    y: Arrays
    weights: np.ndarray[Any, Any] | None = None
    batch_size: int = 32
    shuffle: bool = False
    seed: int = 0
    whole: bool = False
    epoch: int = 0

    @property
    def count(self) -> int:
        """How many samples there are."""
        there = len(self.x[0])
        return there // self.batch_size * self.batch_size if self.whole else there

    def __len__(self) -> int:
        """Return how many batches there are."""
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return one batch: (x, y), or (x, y, weights); of several inputs or outputs a tuple."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        first = index * self.batch_size
        at = np.arange(first, min(first + self.batch_size, self.count))
        if self.shuffle:
            at = shuffled(at, self.count, self.seed, self.epoch)
        batch = tuple(_alone(tuple(array[at] for array in side)) for side in (self.x, self.y))
        return batch if self.weights is None else (*batch, self.weights[at])

    def split(self, held: int) -> tuple[Samples, Samples]:
        """Return the first samples, and the last ``held`` of them, in their order."""
        first = len(self.x[0]) - held
        return self._part(slice(first)), replace(self._part(slice(first, None)), shuffle=False)

    def _part(self, at: slice) -> Samples:
        weights = None if self.weights is None else self.weights[at]
        x, y = (tuple(array[at] for array in side) for side in (self.x, self.y))
        return replace(self, x=x, y=y, weights=weights)

    def __str__(self) -> str:
        over = len(self.x[0]) - self.count
        return f"{self.count:,} samples" + (f" ({over} left over)" if over else "")


def _alone(arrays: Arrays) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays
