"""Choose the next token from a model's scores: the likeliest one, or a random draw.

>>> from seqtopo import sampling
>>> sampling.temperature(0.8), sampling.top_k(5)
(Sampler(temperature=0.8, top_k=None), Sampler(temperature=1.0, top_k=5))
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampler:
    """A rule that draws ids at random among the ``top_k`` likeliest; a temperature of 0 takes the likeliest.

    Each draw takes one random number, which follows from the seed: with the same seed every backend draws the
    same ids, up to the last digits of the logits.

    Attributes:
        temperature: the number that logits are divided by before the softmax.
        top_k: the number of likeliest ids to draw from; None for all.
    """

    temperature: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"a temperature is 0 or more, not {self.temperature}; 0 takes the likeliest")
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise ValueError(f"top_k is how many of the likeliest to draw among, 1 or more, not {self.top_k}")


greedy = Sampler(temperature=0.0)
"""The sampler that takes the likeliest id."""


def temperature(value: float) -> Sampler:
    """Return a sampler that draws from softmax(logits / value).

    A value below 1 prefers the likeliest ids more, one above 1 less; 0 always takes the likeliest.

    Raises:
        ValueError: the value is below 0.

    >>> temperature(0.8)
    Sampler(temperature=0.8, top_k=None)
    """
    return Sampler(temperature=value)


def top_k(k: int, temperature: float = 1.0) -> Sampler:
    """Return a sampler that draws among the ``k`` likeliest ids.

    Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation" (2018).

    Raises:
        ValueError: ``k`` is below 1, or the temperature below 0.

    >>> top_k(5)
    Sampler(temperature=1.0, top_k=5)
    """
    return Sampler(temperature=temperature, top_k=k)
