"""Define a kernel: another way to compute what one method of one stock layer computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """Another way to compute a layer's ``method``, with equal outputs and gradients.

    ``run(layer, ...)`` takes what the method takes; ``more`` has other methods of the layer with theirs. It
    reads the layer's weights and settings at each call, and keeps nothing. Where it cannot compute this call
    it raises ``NotNow``, before it has drawn a random number or changed anything; then the stock method runs.
    """

    name: str
    method: str
    run: Callable[..., Any]
    why_not_faster: str = ""
    more: tuple[tuple[str, Callable[..., Any]], ...] = ()

    @property
    def methods(self) -> dict[str, Callable[..., Any]]:
        """All that it computes another way."""
        return {self.method: self.run, **dict(self.more)}


class NotNow(Exception):  # noqa: N818 - no error: the stock method takes over
    """A call that a kernel hands on to the stock method; its text says why, for ``seqtopo.kernels``."""


@dataclass(frozen=True)
class Stock:
    """Why a layer of a kind that has kernels is left as Keras has it."""

    why: str


Choice = Kernel | Stock | None
"""What a backend's module chooses for a layer; nothing where layers of its kind have no kernel."""
