"""Define the result of checking the space of a spec with ``search``, as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqtopo.graph.domains import Domain, Number, bound_text, in_words
from seqtopo.layers.sizes import Size

SEED = 0
"""The seed of the points that are drawn from a space too large to be checked whole."""


class Choice(NamedTuple):
    """One choice of a space: its values by name, of the names that it uses, and its parameters."""

    values: Mapping[str, Number | str]
    params: Size

    def __str__(self) -> str:
        return ", ".join(f"{name}={bound_text(value)}" for name, value in self.values.items())


@dataclass(frozen=True)
class Space:
    """The result of checking the space of a spec with ``search``.

    Attributes:
        domains: what each name is searched in.
        points: how many choices of values there are, leaving out the ``continuous`` names.
        continuous: the names that are searched between floats without a step.
        topologies: how many different topologies were looked at; ``failing`` of them fail.
        whole: whether those are all there are. Else every list was looked at with each range at its
            ``ends``, as far as that went (``ends``), and ``sampled`` points between were drawn with a seed.
        smallest, largest: the choices with the fewest and the most parameters among them.
        first: the choice that stands for the spec where one model is shown.
    """

    domains: Mapping[str, Domain]
    points: int
    continuous: tuple[str, ...]
    topologies: int
    failing: int
    whole: bool
    ends: bool
    sampled: int
    first: Mapping[str, Number | str]
    smallest: Choice | None = None
    largest: Choice | None = None

    def looked_at(self) -> str:
        """Return in words what was looked at, and what was not."""
        between = f", {in_words(self.continuous)} at both ends" if self.continuous else ""
        if self.whole:
            every = f"all {self.topologies:,} topologies" if self.topologies > 1 else "its one topology"
            return f"{every}{between}"
        ends = "every list with each range at its ends" if self.ends else "lists and ends of ranges in part"
        return (
            f"{self.topologies:,} topologies{between}: {ends}, each value alone, and {self.sampled:,} points "
            f"drawn at random (seed {SEED}). It is too large to be looked at whole: a choice may still fail"
        )

    def lines(self) -> Iterator[str]:
        """Yield the lines of text about a space."""
        more = f", for each value of {in_words(self.continuous)}" if self.continuous else ""
        yield f"A space of {_many(self.points, 'point', 'points')}{more}; the table shows its first choice:"
        width = max(map(len, self.domains))
        yield from (f"  {name:{width}}  {domain}" for name, domain in self.domains.items())
        yield f"Looked at: {self.looked_at()}."
        low, high = self.smallest, self.largest
        if low is not None and high is not None and low.params == high.params:
            yield f"Parameters: {_count(low.params)}, whatever is chosen"
        elif low is not None and high is not None:
            yield f"Parameters: from {_count(low.params)} ({low})"
            yield f"            to {_count(high.params)} ({high})"

    def data(self) -> dict[str, Any]:
        """Return the facts about a space as data for JSON."""
        return {
            "points": self.points,
            "continuous": list(self.continuous),
            "topologies": self.topologies,
            "failing": self.failing,
            "whole": self.whole,
            "sampled": self.sampled,
            "names": {name: _domain_data(domain) for name, domain in self.domains.items()},
            "first": dict(self.first),
            "smallest": _choice_data(self.smallest),
            "largest": _choice_data(self.largest),
        }


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _count(size: Size) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)


def _domain_data(domain: Domain) -> dict[str, Any]:
    if domain.choices:
        return {"choices": [domain.value(i) for i in range(len(domain.choices))]}
    return {"low": domain.low, "high": domain.high, "step": domain.step, "log": domain.log}


def _choice_data(choice: Choice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    params = choice.params if isinstance(choice.params, int) else str(choice.params)
    return {"params": params, "values": dict(choice.values)}
