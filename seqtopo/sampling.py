"""Choose the next token from a model's scores: the likeliest one, or a random draw.

>>> from seqtopo import sampling
>>> sampling.temperature(0.8), sampling.top_k(5)
(Sampler(temperature=0.8, top_k=None), Sampler(temperature=1.0, top_k=5))
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampler:
    """Draws ids; with a temperature of 0 the likeliest, else by chance, among the ``top_k`` likeliest.

    Chance is one number for each draw, from the seed: with the same seed every backend draws the same ids,
    up to the last digits of the logits.
    """

    temperature: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"a temperature is 0 or more, not {self.temperature}; 0 takes the likeliest")
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise ValueError(f"top_k is how many of the likeliest to draw among, 1 or more, not {self.top_k}")


greedy = Sampler(temperature=0.0)
"""The likeliest id."""


def temperature(value: float) -> Sampler:
    """Draws from softmax(logits / value): below 1 keeps closer to the likeliest, above 1 strays further.

    Raises:
        ValueError: below 0.
    """
    return Sampler(temperature=value)


def top_k(k: int, temperature: float = 1.0) -> Sampler:
    """Draws among the ``k`` likeliest ids (Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation",
    2018).

    Raises:
        ValueError: k is below 1, or the temperature below 0.
    """
    return Sampler(temperature=temperature, top_k=k)
