"""Samples that are cut already, x and y, in batches like those of a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtopo.data.order import shuffled
from seqtopo.dataclass import dataclass, replace


@dataclass
class Samples:
    """Arrays x (samples, ...) and y (samples, ...) in batches; ``whole`` leaves out a last smaller one."""

    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    batch_size: int = 32
    shuffle: bool = False
    seed: int = 0
    whole: bool = False
    epoch: int = 0

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.x) // self.batch_size * self.batch_size if self.whole else len(self.x)

    def __len__(self) -> int:
        """How many batches there are."""
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], ...]:
        """One batch."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        first = index * self.batch_size
        at = np.arange(first, min(first + self.batch_size, self.count))
        if self.shuffle:
            at = shuffled(at, self.count, self.seed, self.epoch)
        return self.x[at], self.y[at]

    def split(self, held: int) -> tuple[Samples, Samples]:
        """The first samples, and the last ``held`` of them, in their order."""
        early = replace(self, x=self.x[: len(self.x) - held], y=self.y[: len(self.y) - held])
        return early, replace(self, x=self.x[len(early.x) :], y=self.y[len(early.y) :], shuffle=False)

    def __str__(self) -> str:
        return f"{self.count:,} samples"
