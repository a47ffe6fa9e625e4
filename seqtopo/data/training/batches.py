"""Serve the batches of a series as a ``keras.utils.PyDataset`` on every backend."""

from __future__ import annotations

from typing import Any, Protocol

import keras


class Cut(Protocol):
    """What knows its batches by number; ``epoch`` is what a shuffled order depends on."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, ...]: ...


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """A ``keras.utils.PyDataset`` of what was cut; ``cut`` knows how many steps were left over, and more.

    ``fit`` shuffles the batches of a PyDataset unless it is told not to, and says nothing. For pieces whose
    states go on that would be ruin; so within an epoch the batches come in their own order, whichever is
    asked for. Shuffled windows are shuffled one by one, by their seed and the number of the epoch.
    """

    def __init__(self, cut: Cut) -> None:
        # One worker: batches are cheap to cut, and threads would hand them on in any order.
        super().__init__(workers=1)
        self.cut = cut
        self._next: int | None = None
        self._given = 0

    def __len__(self) -> int:
        """Return how many batches there are."""
        return len(self.cut)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """One batch: (x, y), or (x, y, weights)."""
        if self._next is None:
            return self.cut[index]
        at, self._next = self._next, (self._next + 1) % len(self)
        self._given += 1
        return self.cut[at]

    def on_epoch_begin(self) -> None:
        """Start at the first batch."""
        self._next = self._given = 0

    def on_epoch_end(self) -> None:
        """Gives any batch that is asked for again; the next epoch has an order of its own."""
        # Keras begins an epoch, takes one batch to see its shape, and ends it: that was none.
        if self._given >= len(self):
            self.cut.epoch += 1
        self._next, self._given = None, 0

    def go_to(self, epoch: int) -> None:
        """Makes the next epoch the one of this number, as when training goes on after a stop."""
        self.cut.epoch = epoch
